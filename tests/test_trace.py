"""The lines of a trace: every octet is in them, and no secret is, however they were cut."""

from __future__ import annotations

import pytest

import hdlc_frames as frames
from replay import Replay, read_trace
from talking import CUTS
from telegraf_dlms import axdr
from telegraf_dlms.access import Access
from telegraf_dlms.apdu import encode_get, encode_get_response, parse_get_request
from telegraf_dlms.association import aarq, initiate_request
from telegraf_dlms.conversation import release
from telegraf_dlms.cosem import AttributeDescriptor
from telegraf_dlms.errors import Silence
from telegraf_dlms.handshake import associate
from telegraf_dlms.hdlc import LLC_TO_SERVER, Frame, FrameBuffer, encode, fcs16
from telegraf_dlms.hdlc_procedure import HdlcFraming
from telegraf_dlms.simulator.hdlc_server import HdlcServer
from telegraf_dlms.simulator.server import Access as ServerAccess
from telegraf_dlms.simulator.server import Session
from telegraf_dlms.simulator.server_address import ServerAddress
from telegraf_dlms.simulator.wrapper_server import WrapperServer
from telegraf_dlms.sn_apdu import Variable, encode_read, encode_read_response
from telegraf_dlms.trace import LINE_OCTETS, MAX_STRANGERS, Trace, as_lines
from telegraf_dlms.wrapper import WrapperFraming
from telegraf_dlms.wrapper import encode as packet

PASSWORD = b"the quick brown fox jumps over the lazy dog"
ASSOCIATION = bytes.fromhex("0000280000FF")
SECRET = AttributeDescriptor(15, ASSOCIATION, 7)
WORDS = axdr.encode(axdr.Tag.OCTET_STRING, PASSWORD)
AARQ = aarq(access := Access("low", PASSWORD, 1024), initiate=initiate_request(access))


class Keeper(Session):
    """A session of the built-in meter whose association gives its secret away."""

    def answer(self, request):
        if request[0] == 0xC0 and parse_get_request(request).descriptor == SECRET:
            return encode_get_response(request[2], WORDS)
        return super().answer(request)


class Lines(list):
    def stretches(self):
        return read_trace("\n".join(self))

    def octets(self, sign):
        """Return all octets of one direction, None for masked ones."""
        return [octet for stretch in self.stretches() if stretch.sign == sign for octet in stretch.octets]


def session(_offset, client):
    return Keeper(1, client, access=ServerAccess("low", PASSWORD), clock=lambda: 1_767_269_250)


def hdlc(max_info_length=128):
    framing = HdlcFraming(client=b"\x21", server=b"\x03", max_info_length=max_info_length)
    return framing, HdlcServer(ServerAddress(), session, clock=lambda: 0.0)


def wrapper(_max_info_length=None):
    return WrapperFraming(client=16, server=1), WrapperServer(ServerAddress(), session)


def converse(conversation, server, trace, *, cut=lambda octets: [octets], line=lambda octets: [octets]):
    """Run a conversation, tell the trace of it; ``line`` gives the pieces that come back, None for silence."""
    said = [b"", b""]
    try:
        octets = next(conversation)
        waiting = []
        while True:
            if octets:
                trace.sent(bytes(octets))
                said[0] += octets
                waiting = [piece for part in line(server.receive(bytes(octets))) for piece in cut(part)]
            if waiting:
                piece = waiting.pop(0)
                trace.received(piece)
                said[1] += piece
                octets = conversation.send(piece)
            else:
                octets = conversation.throw(Silence("nothing came"))
    except StopIteration as end:
        return end.value, said


def read_secret(framing):
    association = yield from associate(framing, Access("low", PASSWORD, 1024))
    value = yield from association.ask(SECRET)
    yield from release(framing, request=b"")
    return value


def test_a_line_shows_its_direction_and_octets():
    assert list(as_lines(">", b"\x7e\xa0\x07")) == ["> 7e a0 07"]
    assert list(as_lines("<", b"\x01\x02\x03", [(1, 2)])) == ["< 01 ** 03"]
    assert list(as_lines("<", b"\x01\x02\x03", [(-5, 1), (2, 9)])) == ["< ** 02 **"]


def test_a_long_stretch_has_several_lines():
    lines = list(as_lines("<", bytes(LINE_OCTETS + 1), [(LINE_OCTETS, LINE_OCTETS + 1)]))
    assert [len(line.split()) for line in lines] == [LINE_OCTETS + 1, 2]
    assert len(read_trace("\n".join(lines))) == 1


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("max_info_length", [16, 20, 33, 128, 512])
@pytest.mark.parametrize("transport", [hdlc, wrapper])
def test_secrets_are_masked_in_segments_and_pieces_and_all_else_is_shown(transport, max_info_length, cut):
    lines = Lines()
    framing, server = transport(max_info_length)
    value, said = converse(read_secret(framing), server, Trace(lines.append), cut=cut)
    assert value == PASSWORD
    for sign, octets in zip("><", said, strict=True):
        traced = lines.octets(sign)
        assert len(traced) == len(octets)
        assert all(octet in {None, real} for octet, real in zip(traced, octets, strict=True))
        # The password, and no more than the checksums of the frames that it is in.
        in_frames = transport is hdlc
        assert traced.count(None) >= len(PASSWORD) + (2 if in_frames else 0)
        assert traced.count(None) <= len(PASSWORD) + (
            2 * (len(PASSWORD) // (max_info_length or 1) + 2) if in_frames else 0
        )
    assert_nowhere(lines, PASSWORD)


def assert_nowhere(lines, secret, *, size=4):
    """No four octets of a secret stand in a row, in one line or over several."""
    for sign in "><":
        shown = bytes(octet if octet is not None else 0 for octet in lines.octets(sign))
        assert not [secret[at : at + size] for at in range(len(secret) - size) if secret[at : at + size] in shown]


@pytest.mark.parametrize("transport", [hdlc, wrapper])
@pytest.mark.parametrize("max_info_length", [20, 128])
def test_a_trace_is_replayed_through_the_same_conversation(transport, max_info_length):
    lines = Lines()
    framing, server = transport(max_info_length)
    converse(read_secret(framing), server, Trace(lines.append))
    again, _ = transport(max_info_length)
    replay = Replay("\n".join(lines))
    assert replay.talk(read_secret(again)) == bytes(len(PASSWORD))
    assert replay.left == []


def test_a_replay_finds_another_request():
    lines = Lines()
    framing, server = wrapper()
    converse(read_secret(framing), server, Trace(lines.append))
    other = WrapperFraming(client=17, server=1)
    with pytest.raises(AssertionError, match="is sent, the trace has"):
        Replay("\n".join(lines)).talk(read_secret(other))


def persist(framing):
    """Send an AARQ as what follows an association is sent: with repeats."""
    yield from framing.open()
    framing.established()
    return (yield from framing.exchange(AARQ))


def test_a_frame_that_is_repeated_is_masked_again_and_replayed():
    lines = Lines()
    framing, server = hdlc(20)
    lost = iter([False, False, True, False, True])
    answer, _ = converse(
        persist(framing), server, Trace(lines.append), line=lambda octets: [] if next(lost, False) else [octets]
    )
    assert framing.repeats == 2
    assert_nowhere(lines, PASSWORD)
    again, _ = hdlc(20)
    assert Replay("\n".join(lines)).talk(persist(again)) == answer


def test_a_frame_of_a_secret_that_comes_twice_or_garbled_is_masked():
    """The meter repeats itself; the first copy has a flipped bit in the middle of the secret."""
    lines = Lines()
    trace = Trace(lines.append)
    trace.sent(frames.request(0, 0, encode_get(0xC1, SECRET)))
    good = frames.answer(0, 1, encode_get_response(0xC1, WORDS))
    bad = bytearray(good)
    bad[30] ^= 1
    trace.received(bytes(bad))
    trace.received(good)
    assert_nowhere(lines, PASSWORD)
    assert lines.octets("<")[-len(good) :].count(None) == len(PASSWORD) + 2
    trace.received(good)
    assert lines.octets("<")[-len(good) :] == list(good)  # asked and answered: it is no answer any more


def test_a_frame_out_of_sequence_is_masked_while_a_secret_is_due():
    lines = Lines()
    trace = Trace(lines.append)
    trace.sent(frames.request(0, 0, encode_get(0xC1, SECRET)))
    first = frames.data(0, 1, (frames.LLC_TO_CLIENT + encode_get_response(0xC1, WORDS))[:20], segmented=True)
    third = frames.data(2, 1, PASSWORD[-10:])
    trace.received(first)
    trace.received(third)
    shown = lines.octets("<")
    assert shown[-len(third) :].count(None) == 12


def test_half_an_answer_is_masked_where_it_may_be_secret_and_shown_where_not():
    lines = Lines()
    trace = Trace(lines.append)
    trace.sent(packet(16, 1, encode_get(0xC1, SECRET)))
    answer = packet(1, 16, encode_get_response(0xC1, WORDS))
    trace.received(answer[:20])
    assert lines[1:] == []
    trace.remark("silent for 5 s after 20 octets")
    assert lines[1:] == ["<" + " **" * 20, "# silent for 5 s after 20 octets"]
    trace.received(answer[20:])
    assert lines.octets("<")[20:] == [None] * (len(answer) - 20)
    trace.received(b"\x00\x01\x00")
    assert lines[-1] == "< 00 01 00"


def test_what_cannot_be_secret_is_shown_at_once():
    lines = []
    trace = Trace(lines.append)
    trace.received(b"\xff\x55")
    trace.sent(frames.SNRM)
    trace.received(frames.UA[:5])
    assert lines == ["< ff 55", f"> {frames.SNRM.hex(' ')}", f"< {frames.UA[:5].hex(' ')}"]


@pytest.mark.parametrize("flaw", [0, 1])
def test_a_password_that_comes_back_as_an_echo_is_masked_good_or_garbled(flaw):
    for echo in (frames.ours(0x10, LLC_TO_SERVER + AARQ), packet(16, 1, AARQ)):
        lines = Lines()
        trace = Trace(lines.append)
        trace.sent(echo)
        heard = bytearray(echo)
        heard[5 if echo[0] == 0 else 3] ^= flaw
        trace.received(bytes(heard))
        trace.sent(frames.SNRM)
        assert_nowhere(lines, PASSWORD)


def test_an_echo_of_another_length_is_masked():
    lines = Lines()
    trace = Trace(lines.append)
    trace.sent(packet(16, 1, AARQ))
    trace.received(packet(16, 1, AARQ + b"\0"))
    trace.sent(frames.ours(0x10, LLC_TO_SERVER + AARQ))
    trace.received(frames.ours(0x32, LLC_TO_SERVER + AARQ))
    assert_nowhere(lines, PASSWORD)


def test_a_late_secret_of_one_meter_is_masked_while_another_is_asked():
    lines = Lines()
    trace = Trace(lines.append)
    trace.sent(packet(16, 1, encode_get(0xC1, SECRET)))
    trace.sent(packet(16, 2, encode_get(0xC1, AttributeDescriptor(3, ASSOCIATION, 2))))
    answer = encode_get_response(0xC1, WORDS)
    trace.received(packet(2, 16, answer) + packet(1, 16, answer))
    assert lines.octets("<")[: len(answer) + 8] == list(packet(2, 16, answer))
    assert lines.octets("<").count(None) == len(PASSWORD)


def test_reads_by_short_names_are_masked_where_secrets_are_read():
    for reads, masked in [("open", 0), ("secret", len(PASSWORD))]:
        lines = Lines()
        trace = Trace(lines.append, reads=reads)
        trace.sent(packet(16, 1, encode_read([Variable(0x1000)])))
        trace.received(packet(1, 16, encode_read_response([WORDS])))
        assert lines.octets("<").count(None) == masked


def test_mode_e_is_shown_as_it_is():
    lines = []
    trace = Trace(lines.append)
    trace.sent(b"/?!\r\n")
    trace.received(b"/LGZ5\\2ZMD\r\n")
    trace.remark("9600 baud 8N1")
    assert lines == ["> 2f 3f 21 0d 0a", f"< {b'/LGZ5'.hex(' ')} 5c {b'2ZMD'.hex(' ')} 0d 0a", "# 9600 baud 8N1"]


def test_it_counts_what_it_hears():
    trace = Trace([].append)
    trace.sent(frames.SNRM)
    stranger = encode(Frame(frames.CLIENT, b"\x07", 0x73))
    broken = frames.UA[:-3] + b"\0\0\x7e"
    assert fcs16(frames.UA[1:-3]) != b"\0\0"
    trace.received(b"\x55" + stranger + frames.UA + broken + stranger + frames.SNRM)
    assert (trace.heard.frames, trace.heard.strangers, trace.heard.garbled) == (1, [b"\x07"], 2)
    assert trace.heard.octets == 1 + 2 * len(stranger) + 2 * len(frames.UA) + len(frames.SNRM)


def test_what_was_said_in_mode_e_is_no_garbage_of_the_data_link():
    trace = Trace([].append)
    trace.sent(b"/?!\r\n")
    trace.received(b"/LGZ5\\2ZMD\r\n")
    assert trace.heard.octets == 12
    trace.sent(frames.SNRM)
    assert (trace.heard.octets, trace.heard.garbled) == (0, 0)
    trace.received(frames.UA)
    trace.sent(frames.SNRM)
    assert trace.heard.frames == 1


def test_of_many_strangers_some_are_kept():
    trace = Trace([].append)
    trace.sent(frames.SNRM)
    for address in range(40):
        trace.received(encode(Frame(frames.CLIENT, bytes((address << 1 | 1,)), 0x73)))
    assert len(trace.heard.strangers) == MAX_STRANGERS


def test_it_counts_over_wrapper_too():
    trace = Trace([].append)
    trace.sent(packet(16, 1, AARQ))
    trace.received(packet(1, 16, b"\x61\x00") + packet(9, 16, b"\x61\x00") + packet(9, 16, b"\x61\x00") + b"HTTP/1.1")
    assert (trace.heard.frames, trace.heard.strangers, trace.heard.garbled) == (1, [b"\0\x09"], 1)
    trace.received(packet(1, 16, b"\x61\x00"))
    assert trace.heard.frames == 2


def test_frames_that_share_a_flag_are_shown_once():
    lines = Lines()
    trace = Trace(lines.append)
    trace.sent(frames.request(0, 0, encode_get(0xC1, SECRET)))
    pieces = [frames.LLC_TO_CLIENT + encode_get_response(0xC1, WORDS)[:30], encode_get_response(0xC1, WORDS)[30:]]
    first = frames.data(0, 1, pieces[0], segmented=True, final=False)
    second = frames.data(1, 1, pieces[1])
    heard = first + second[1:]
    buffer = FrameBuffer()
    buffer.feed(heard)
    assert buffer.next()
    assert buffer.next()
    for octet in heard:
        trace.received(bytes((octet,)))
    shown = lines.octets("<")
    assert len(shown) == len(heard)
    assert shown.count(None) == len(PASSWORD) + 4
    assert shown[-1] == 0x7E
