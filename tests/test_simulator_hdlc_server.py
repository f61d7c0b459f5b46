import random

import pytest

from simulator_client import AARE, AARQ, NOON, descriptor, drive, in_pieces
from telegraf_dlms import hdlc
from telegraf_dlms.address import hdlc_client, hdlc_server
from telegraf_dlms.apdu import encode_get, encode_get_list, entry_selection
from telegraf_dlms.errors import LinkError, Silence
from telegraf_dlms.get import InvokeIds, get
from telegraf_dlms.hdlc import POLL_FINAL, Frame, FrameBuffer, Kind, Parameters, control_of
from telegraf_dlms.hdlc_procedure import HdlcFraming
from telegraf_dlms.simulator.hdlc_server import LIMITS, HdlcServer
from telegraf_dlms.simulator.server import Access, Session
from telegraf_dlms.simulator.server_address import ServerAddress

ADDRESS = ServerAddress()
CLIENT, SERVER = b"\x21", b"\x03"
NAME = descriptor(1, "0.0.42.0.0.255")
LOAD = descriptor(7, "1.0.99.1.0.255")


class Line:
    """A server, and what a client needs to speak to it frame by frame."""

    def __init__(self, address=ADDRESS):
        self.now = 0.0
        self.server = HdlcServer(
            address,
            lambda offset, client: Session(offset + 1, client, access=Access(), clock=lambda: NOON),
            clock=lambda: self.now,
        )

    def say(self, control, information=b"", *, destination=SERVER, source=CLIENT, segmented=False):
        frames = FrameBuffer()
        frames.feed(self.server.receive(hdlc.encode(Frame(destination, source, control, information, segmented))))
        answers = []
        while (frame := frames.next()) is not None:
            answers.append(frame)
        assert not frames.garbled
        return answers

    def connect(self, **parameters):
        (ua,) = self.say(control_of(Kind.SNRM), hdlc.encode_parameters(Parameters(**parameters)))
        return hdlc.decode_parameters(ua.information)

    def ask(self, apdu, *, send=0, receive=0):
        return self.say(control_of(Kind.I, send=send, receive=receive), hdlc.LLC_TO_SERVER + apdu)


def shape(frames):
    """Return what matters of I frames: N(S), final, more follows."""
    return [(frame.send_sequence, frame.final, frame.segmented) for frame in frames if frame.kind is Kind.I]


def connected(**parameters):
    line = Line()
    line.connect(**parameters)
    line.ask(AARQ)
    return line


@pytest.mark.parametrize("size", [1, 5, 4096])
@pytest.mark.parametrize("address", [(0, 1, None), (1, 1, None), (1, 1, 4), (0, 1, 2)], ids=str)
def test_a_client_reads_a_meter_by_any_form_of_its_address(size, address):
    logical, server, address_size = address
    receive = in_pieces(Line().server.receive, size)
    octets = hdlc_server(logical, server, address_size=address_size)
    framing = HdlcFraming(client=hdlc_client(16), server=octets)

    drive(framing.open(), receive, piece=size)
    assert drive(framing.exchange(AARQ), receive, piece=size) == AARE
    assert drive(get(framing, NAME, invoke_ids=InvokeIds()), receive, piece=size) == b"TDL0000000000001"
    drive(framing.close(), receive, piece=size)
    assert (framing.repeats, framing.dropped, framing.unclean) == (0, 0, False)


@pytest.mark.parametrize("window", [1, 3, 7])
@pytest.mark.parametrize("length", [32, 128, 2030])
def test_long_answers_come_in_segments_and_windows(window, length):
    line = Line()
    framing = HdlcFraming(client=CLIENT, server=SERVER, max_info_length=length, window_size=window)
    drive(framing.open(), line.server.receive)
    drive(framing.exchange(AARQ), line.server.receive)
    reading = get(framing, LOAD, invoke_ids=InvokeIds(), selection=entry_selection(5600, 0))

    assert len(drive(reading, line.server.receive)) == 161
    assert (framing.repeats, framing.dropped) == (0, 0)


def test_long_requests_may_come_in_segments():
    line = Line()
    framing = HdlcFraming(client=CLIENT, server=SERVER, max_info_length=32)
    drive(framing.open(), line.server.receive)
    drive(framing.exchange(AARQ), line.server.receive)

    answer = drive(framing.exchange(encode_get_list(0xC1, [NAME] * 20)), line.server.receive)
    assert answer[:4] == bytes.fromhex("C403C1 14")


@pytest.mark.parametrize("seed", range(12))
def test_a_client_gets_everything_over_a_line_that_loses_frames(seed):
    line, dice, lost = Line(), random.Random(seed), []
    framing = HdlcFraming(client=CLIENT, server=SERVER, max_info_length=64, window_size=seed % 7 + 1, retries=20)

    def survives(frame):
        if dice.random() < 0.2:
            lost.append(frame)
            return False
        return True

    def lossy(octets):
        frames = FrameBuffer()
        frames.feed(line.server.receive(octets) if survives(octets) else b"")
        return b"".join(hdlc.encode(frame) for frame in iter(frames.next, None) if survives(frame))

    drive(framing.open(), line.server.receive)
    framing.established()
    drive(framing.exchange(AARQ), lossy)
    reading = get(framing, LOAD, invoke_ids=InvokeIds(), selection=entry_selection(5700, 0))

    assert len(drive(reading, lossy)) == 61
    assert len(lost) > 5


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        pytest.param(Parameters(), Parameters(), id="the defaults"),
        pytest.param(Parameters(200, 100, 2, 3), Parameters(100, 200, 3, 2), id="less than the server's: the client's"),
        pytest.param(Parameters(9999, 9999, 7, 7), LIMITS, id="more than a frame holds"),
    ],
)
def test_what_holds_is_the_lesser_of_both(asked, given):
    line = Line()
    (ua,) = line.say(control_of(Kind.SNRM), hdlc.encode_parameters(asked))

    assert (ua.kind, ua.final, ua.destination, ua.source) == (Kind.UA, True, CLIENT, SERVER)
    assert hdlc.decode_parameters(ua.information) == given


def test_a_snrm_without_parameters_means_128_and_1():
    (ua,) = Line().say(control_of(Kind.SNRM))

    assert hdlc.decode_parameters(ua.information) == Parameters(128, 128, 1, 1)


def test_segments_are_no_longer_than_the_client_can_receive():
    line = connected(max_info_receive=64)
    (first,) = line.ask(encode_get(0xC1, LOAD), send=1, receive=1)

    assert (len(first.information), first.segmented, first.final) == (64, True, True)


def test_a_window_ends_with_the_final_bit():
    line = connected(window_receive=3)

    assert shape(line.ask(encode_get(0xC1, LOAD), send=1, receive=1)) == [
        (1, False, True),
        (2, False, True),
        (3, True, True),
    ]


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        pytest.param(4, [4, 5, 6], id="all came"),
        pytest.param(3, [3, 4, 5], id="the last one did not"),
        pytest.param(1, [1, 2, 3], id="nothing came"),
        pytest.param(7, [1, 2, 3], id="what was never sent"),
    ],
)
def test_the_client_says_from_where_on_it_wants_the_next_window(received, expected):
    line = connected(window_receive=3)
    line.ask(encode_get(0xC1, LOAD), send=1, receive=1)

    answer = line.say(control_of(Kind.RR, receive=received))
    assert [frame.send_sequence for frame in answer] == expected


def test_a_repeated_request_gets_the_same_answer_again():
    line = connected()
    first = line.ask(encode_get(0xC1, NAME), send=1, receive=1)

    assert line.ask(encode_get(0xC1, NAME), send=1, receive=1) == first
    assert line.ask(encode_get(0xC1, NAME), send=2, receive=2)[0].send_sequence == 2


def test_a_request_out_of_order_is_rejected():
    line = connected()
    (reject,) = line.ask(encode_get(0xC1, NAME), send=3, receive=1)

    assert (reject.kind, reject.receive_sequence) == (Kind.REJ, 1)


def test_a_new_request_replaces_an_answer_that_was_not_fetched():
    line = connected()
    line.ask(encode_get(0xC1, LOAD), send=1, receive=1)
    (answer,) = line.ask(encode_get(0xC2, NAME), send=2, receive=2)

    assert answer.send_sequence == 2
    assert answer.information[:7] == bytes.fromhex("E6E700 C401C2 00")


def test_the_server_is_silent_without_the_poll_bit():
    line = connected()
    piece, rest = bytes.fromhex("E6E600 C001"), bytes.fromhex("C1 0001 00002A0000FF 02 00")

    assert line.say(control_of(Kind.I, send=1, receive=1) & ~POLL_FINAL, piece, segmented=True) == []
    (answer,) = line.say(control_of(Kind.I, send=2, receive=1), rest)
    assert answer.information.endswith(b"TDL0000000000001")
    assert answer.receive_sequence == 3


@pytest.mark.parametrize("control", [control_of(Kind.RR, receive=1), control_of(Kind.RNR, receive=1)])
def test_a_poll_with_nothing_due_is_answered_with_rr(control):
    line = connected()
    (ready,) = line.say(control)

    assert (ready.kind, ready.receive_sequence, ready.final) == (Kind.RR, 1, True)


def test_a_client_that_is_not_ready_gets_no_data():
    line = connected()
    line.ask(encode_get(0xC1, LOAD), send=1, receive=1)
    (ready,) = line.say(control_of(Kind.RNR, receive=2))

    assert ready.kind is Kind.RR
    assert shape(line.say(control_of(Kind.RR, receive=2))) == [(2, True, True)]


def test_disc_ends_the_link_and_the_association():
    line = connected()

    assert [frame.kind for frame in line.say(control_of(Kind.DISC))] == [Kind.UA]
    assert [frame.kind for frame in line.say(control_of(Kind.DISC))] == [Kind.DM]
    line.connect()
    assert line.ask(encode_get(0xC1, NAME))[0].information == bytes.fromhex("E6E700 D80101")


def test_a_new_snrm_starts_from_zero():
    line = connected()
    line.connect()

    assert line.ask(AARQ)[0].information == hdlc.LLC_TO_CLIENT + AARE


@pytest.mark.parametrize("kind", [Kind.I, Kind.RR, Kind.DISC])
def test_without_a_link_the_answer_is_dm(kind):
    (answer,) = Line().say(control_of(kind))

    assert (answer.kind, answer.destination, answer.source) == (Kind.DM, CLIENT, SERVER)


def test_a_client_learns_that_the_link_is_gone():
    line = Line()
    framing = HdlcFraming(client=CLIENT, server=SERVER)
    drive(framing.open(), line.server.receive)
    line.say(control_of(Kind.DISC))

    with pytest.raises(LinkError, match="DM"):
        drive(framing.exchange(AARQ), line.server.receive)


@pytest.mark.parametrize(
    ("destination", "control"),
    [
        pytest.param(b"\x05", control_of(Kind.SNRM), id="another server"),
        pytest.param(SERVER, control_of(Kind.UI), id="a UI frame"),
        pytest.param(SERVER, control_of(Kind.RR) & ~POLL_FINAL, id="no poll bit"),
    ],
)
def test_what_asks_for_no_answer_gets_none(destination, control):
    assert Line().say(control, destination=destination) == []


def test_clients_have_links_of_their_own():
    line = connected()

    assert line.say(control_of(Kind.RR), source=b"\x03")[0].kind is Kind.DM
    assert line.ask(encode_get(0xC1, NAME), send=1, receive=1)[0].kind is Kind.I


def test_a_bus_has_several_meters():
    line = Line(ServerAddress(server=16, count=3))
    names = []
    for server in (16, 17, 18):
        framing = HdlcFraming(client=CLIENT, server=hdlc_server(0, server))
        drive(framing.open(), line.server.receive)
        drive(framing.exchange(AARQ), line.server.receive)
        names.append(drive(get(framing, NAME, invoke_ids=InvokeIds()), line.server.receive)[-1:])

    assert names == [b"1", b"2", b"3"]
    with pytest.raises(Silence):
        drive(HdlcFraming(client=CLIENT, server=hdlc_server(0, 19)).open(), line.server.receive)


def test_garbage_between_frames_does_no_harm():
    line = Line()
    snrm = hdlc.encode(Frame(SERVER, CLIENT, control_of(Kind.SNRM)))

    assert line.server.receive(b"\x00\x7e\x7e\xff" + snrm) != b""


def test_a_frame_cut_off_is_given_up_after_a_pause():
    line = Line()
    snrm = hdlc.encode(Frame(SERVER, CLIENT, control_of(Kind.SNRM)))
    line.server.receive(b"\x7e\xa7\xff\x03")

    assert line.server.receive(snrm) == b""
    line.now += 1.5
    assert line.server.receive(snrm) != b""


def test_an_information_field_without_llc_is_acknowledged_only():
    line = connected()
    (answer,) = line.say(control_of(Kind.I, send=1, receive=1), b"hello")

    assert (answer.kind, answer.receive_sequence) == (Kind.RR, 2)


def test_it_is_connected_while_one_client_is():
    line = Line()
    assert not line.server.is_connected
    line.connect()
    line.say(control_of(Kind.SNRM), source=b"\x03")
    assert line.server.is_connected
    line.say(control_of(Kind.DISC))
    assert line.server.is_connected
    line.say(control_of(Kind.DISC), source=b"\x03")
    assert not line.server.is_connected
