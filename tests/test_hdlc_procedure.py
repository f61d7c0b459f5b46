"""The client's side of a data link: each test is a capture, ours and theirs in turn."""

from __future__ import annotations

import pytest

from hdlc_frames import (
    ANSWER,
    CLIENT,
    DISC,
    DM,
    FRMR,
    REQUEST,
    SERVER,
    SNRM,
    UA,
    answer,
    control_frame,
    data,
    framing,
    opened,
    our_rr,
    ours,
    request,
    rr,
    theirs,
)
from talking import CUTS, drive, recorded, talk
from telegraf_dlms.errors import LinkError, Overrun, Silence
from telegraf_dlms.hdlc import (
    LLC_TO_CLIENT,
    LLC_TO_SERVER,
    Frame,
    FrameBuffer,
    Kind,
    Parameters,
    encode,
    encode_parameters,
)
from telegraf_dlms.hdlc_procedure import HdlcFraming

# Opening and closing.


@pytest.mark.parametrize("cut", CUTS)
def test_opening_states_all_parameters_and_takes_a_ua_without_any(cut):
    link = framing()
    assert drive(link.open(), *cut(UA)) == (None, [SNRM])
    assert link.unclean


@pytest.mark.parametrize(
    ("offered", "negotiated"),
    [
        (None, Parameters(128, 128, 1, 1)),
        (Parameters(512, 256, 2, 7), Parameters(256, 512, 3, 2)),
        (Parameters(2030, 2030, 7, 7), Parameters(1024, 1024, 3, 3)),
        (Parameters(64, 64, 1, 1), Parameters(64, 64, 1, 1)),
    ],
)
def test_what_was_negotiated_is_known_seen_from_us(offered, negotiated):
    """What the meter transmits we receive; neither side gets more than it can take."""
    link = framing(max_info_length=1024, window_size=3)
    assert link.negotiated is None
    drive(link.open(), UA if offered is None else theirs(0x73, encode_parameters(offered)))
    assert link.negotiated == negotiated


def test_opening_states_the_configured_parameters():
    link = framing(max_info_length=512, window_size=3)
    _, sent = drive(link.open(), UA)
    assert sent == [ours(0x93, bytes.fromhex("8180140502020006020200070400000003080400000003"))]


def test_an_opening_is_not_repeated():
    link = framing(retries=5)
    with pytest.raises(Silence):
        drive(link.open(), Silence())
    assert link.repeats == 0
    assert not link.unclean


@pytest.mark.parametrize("end", [UA, DM], ids=["UA", "DM"])
def test_after_an_unclean_end_disc_goes_first(end):
    link = opened()
    assert drive(link.open(), end, UA)[1] == [DISC, SNRM]


def test_a_dead_meter_costs_one_timeout_an_opening():
    link = opened()
    with pytest.raises(Silence):
        drive(link.open(), Silence())
    assert drive(link.open(), UA)[1] == [SNRM]


def test_an_opening_that_insists_sends_snrm_also_where_disc_is_not_answered():
    link = opened()
    link.insists = True
    assert drive(link.open(), Silence(), UA)[1] == [DISC, SNRM]
    assert link.unclean
    assert not link.owes_disc


def test_an_opening_that_insists_ends_with_its_time():
    link = opened()
    link.insists = True
    with pytest.raises(Overrun):
        drive(link.open(), Overrun())


def test_disc_goes_first_again_where_neither_it_nor_snrm_was_answered():
    link = opened()
    asked = []
    for _ in range(4):
        talking = link.open()
        asked.append(talking.send(None))
        with pytest.raises(Silence):
            talking.throw(Silence())
    assert asked == [DISC, SNRM, DISC, SNRM]
    assert drive(link.open(), UA, UA)[1] == [DISC, SNRM]
    assert not link.owes_disc


def test_an_opening_whose_ua_was_garbled_is_unclean():
    link = framing()
    with pytest.raises(Silence):
        drive(link.open(), UA[:-3] + b"\x00\x00\x7e", Silence())
    assert drive(link.open(), UA, UA)[1] == [DISC, SNRM]


@pytest.mark.parametrize(("refusal", "message"), [(DM, "disconnected mode"), (FRMR, "frame rejected.*00 10 01")])
def test_a_meter_may_refuse_the_opening(refusal, message):
    with pytest.raises(LinkError, match=message):
        drive(framing().open(), refusal)


def test_opening_passes_over_what_is_left_of_an_old_link():
    assert drive(framing().open(), rr(3) + answer(4, 5) + UA) == (None, [SNRM])


@pytest.mark.parametrize("end", [UA, DM, Silence()], ids=["UA", "DM", "silence"])
def test_closing_sends_disc_once_and_takes_any_end(end):
    link = opened()
    assert drive(link.close(), end) == (None, [DISC])
    assert link.unclean is isinstance(end, Silence)


def test_closing_what_is_not_open_sends_nothing():
    assert drive(framing().close()) == (None, [])


# Exchanges that go well.


@pytest.mark.parametrize("cut", CUTS)
def test_an_exchange_is_a_request_and_its_answer(cut):
    link = opened()
    assert drive(link.exchange(REQUEST), *cut(answer(0, 1))) == (ANSWER, [request(0, 0)])


def test_sequence_numbers_count_modulo_eight():
    link = opened()
    for number in range(20):
        expected = [request(number % 8, number % 8)]
        assert drive(link.exchange(REQUEST), answer(number % 8, (number + 1) % 8)) == (ANSWER, expected)
    assert link.exchanges == 20
    assert link.dropped == link.repeats == 0


def test_a_long_request_goes_in_segments_that_are_acknowledged():
    link = opened()
    apdu = bytes(range(256))
    payload = LLC_TO_SERVER + apdu
    _, sent = drive(link.exchange(apdu), rr(1), rr(2), answer(0, 3))
    assert sent == [
        ours(0x10, payload[:128], segmented=True),
        ours(0x12, payload[128:256], segmented=True),
        ours(0x14, payload[256:]),
    ]


def test_segments_are_as_short_as_the_meter_asks():
    link = framing(max_info_length=512)
    drive(link.open(), theirs(0x73, encode_parameters(Parameters(128, 64, 1, 1))))
    _, sent = drive(link.exchange(bytes(100)), rr(1), answer(0, 2))
    assert [len(octets) - 12 for octets in sent] == [64, 39]


def test_segments_are_never_longer_than_ours():
    link = framing(max_info_length=64)
    drive(link.open(), theirs(0x73, encode_parameters(Parameters(512, 512, 1, 1))))
    _, sent = drive(link.exchange(bytes(100)), rr(1), answer(0, 2))
    assert [len(octets) - 12 for octets in sent] == [64, 39]


@pytest.mark.parametrize("cut", CUTS)
def test_an_answer_in_segments_is_polled_piece_by_piece(cut):
    link = opened()
    reads = [
        data(0, 1, LLC_TO_CLIENT + b"\xc4one", segmented=True),
        data(1, 1, b"two", segmented=True),
        data(2, 1, b"three"),
    ]
    apdu, sent = drive(link.exchange(REQUEST), *(piece for read in reads for piece in cut(read)))
    assert apdu == b"\xc4onetwothree"
    assert sent == [request(0, 0), our_rr(1), our_rr(2)]


@pytest.mark.parametrize("cut", CUTS)
def test_a_window_of_frames_is_acknowledged_at_its_end(cut):
    link = opened(window_size=3)
    first = b"".join(
        data(number, 1, LLC_TO_CLIENT + b"\xc4" if number == 0 else b"x", segmented=True, final=number == 2)
        for number in range(3)
    )
    apdu, sent = drive(link.exchange(REQUEST), *cut(first), *cut(data(3, 1, b"y")))
    assert apdu == b"\xc4xxy"
    assert sent == [request(0, 0), our_rr(3)]


def test_a_meter_that_does_not_count_what_it_receives_is_read():
    link = opened()
    for number in range(10):
        apdu, sent = drive(link.exchange(REQUEST), answer(number & 7, 0, b"\xc4" + bytes((number,))))
        assert (apdu, sent) == (b"\xc4" + bytes((number,)), [request(number & 7, number & 7)])
    assert link.dropped == 0


def test_segments_for_a_meter_that_does_not_count_go_on_at_each_of_its_rr():
    link = opened()
    drive(link.exchange(REQUEST), answer(0, 0))
    _, sent = drive(link.exchange(bytes(256)), rr(1), rr(1), answer(1, 0))
    assert len(sent) == 3


@pytest.mark.parametrize("window", [1, 2, 3])
def test_a_full_window_without_a_final_bit_is_acknowledged(window):
    link = opened(window_size=window)
    frames = [
        data(number, 1, (LLC_TO_CLIENT + b"\xc4" if number == 0 else b"x"), segmented=number < 6, final=number == 6)
        for number in range(7)
    ]
    apdu, sent = drive(link.exchange(REQUEST), *frames)
    assert apdu == b"\xc4xxxxxx"
    assert sent == [request(0, 0), *(our_rr(number) for number in range(window, 7, window))]


def test_a_window_begins_anew_where_a_frame_was_lost_in_it():
    link = opened(window_size=3)
    first = data(0, 1, LLC_TO_CLIENT + b"\xc4", segmented=True, final=False)
    others = [data(number, 1, b"x", segmented=True, final=False) for number in (1, 2)]
    apdu, sent = drive(link.exchange(REQUEST), first + data(2, 1, b"x", segmented=True), *others, data(3, 1, b"y"))
    assert (apdu, sent) == (b"\xc4xxy", [request(0, 0), our_rr(1)])


def test_a_meter_that_has_counted_is_held_to_its_numbers():
    link = opened()
    drive(link.exchange(REQUEST), answer(0, 1))
    apdu, sent = drive(link.exchange(REQUEST), answer(1, 0, b"\xc4old"), answer(1, 2))
    assert (apdu, sent) == (ANSWER, [request(1, 1), our_rr(1)])
    assert link.dropped == 1


@pytest.mark.parametrize(("called", "answering"), [("0003", "03"), ("00000003", "03"), ("0000682D", "682D")])
def test_a_meter_may_answer_with_its_address_in_fewer_octets(called, answering):
    link = HdlcFraming(client=CLIENT, server=bytes.fromhex(called))
    ua, reply = (
        encode(Frame(CLIENT, bytes.fromhex(answering), control, information))
        for control, information in ((0x73, b""), (0x30, LLC_TO_CLIENT + ANSWER))
    )
    drive(link.open(), ua)
    assert drive(link.exchange(REQUEST), reply)[0] == ANSWER


# What is dropped.


@pytest.mark.parametrize(
    "stray",
    [
        pytest.param(encode(Frame(b"\x23", SERVER, 0x30, b"x")), id="for another client"),
        pytest.param(encode(Frame(CLIENT, b"\x02\x25", 0x30, b"x")), id="from another server"),
        pytest.param(encode(Frame(CLIENT, b"\x23", 0x30, b"x")), id="from a shorter address"),
        pytest.param(request(0, 0), id="our own echo"),
        pytest.param(theirs(0x13, LLC_TO_CLIENT + b"\x0f"), id="a UI frame"),
        pytest.param(UA, id="a late UA"),
        pytest.param(data(5, 1, b"x", final=False), id="a wrong N(S)"),
        pytest.param(data(0, 5, b"x", final=False), id="a wrong N(R)"),
        pytest.param(control_frame(Kind.RR, 5), id="an RR for what was never sent"),
        pytest.param(theirs(0xFF), id="an unknown control octet"),
        pytest.param(answer(0, 1)[:-3] + b"\x00\x00\x7e", id="a wrong checksum"),
    ],
)
def test_strays_are_dropped_and_do_not_end_the_wait(stray):
    for reads in ([stray, answer(0, 1)], [stray + answer(0, 1)]):
        link = opened()
        assert drive(link.exchange(REQUEST), *reads) == (ANSWER, [request(0, 0)])
        assert link.dropped == 1


@pytest.mark.parametrize("tag", [0x0F, 0x18, 0xC2, 0xCA, 0xD2, 0xE0])
def test_notifications_are_acknowledged_and_dropped(tag):
    link = opened()
    apdu, sent = drive(link.exchange(REQUEST), answer(0, 1, bytes((tag, 0))), answer(1, 1))
    assert (apdu, sent) == (ANSWER, [request(0, 0), our_rr(1)])
    assert link.dropped == 1


def test_what_came_before_the_question_is_not_its_answer():
    link = opened()
    drive(link.exchange(REQUEST), answer(0, 1) + answer(1, 2, b"\xc4old"))
    assert drive(link.exchange(REQUEST), answer(1, 2))[0] == ANSWER


@pytest.mark.parametrize("ignore_echo", [True, False])
def test_an_echo_is_ignored_even_between_equal_addresses(ignore_echo):
    """A line that echoes shows it when SNRM comes back, which no meter sends."""
    link = HdlcFraming(client=b"\x03", server=b"\x03", ignore_echo=ignore_echo)
    snrm, disc = (encode(Frame(b"\x03", b"\x03", control, b"")) for control in (0x93, 0x53))
    ua = encode(Frame(b"\x03", b"\x03", 0x73))
    hear = talk(link.open(), lambda octets: [octets + ua])
    assert hear[0] is None
    reply = encode(Frame(b"\x03", b"\x03", 0x30, LLC_TO_CLIENT + ANSWER))
    assert talk(link.exchange(REQUEST), lambda octets: [octets[:4], octets[4:] + reply])[0] == ANSWER
    assert talk(link.close(), lambda octets: [octets, ua])[1] == [disc]
    assert snrm not in hear[1]
    assert link.dropped == (not ignore_echo)


# Recordings of real meters.


def _requests_and_answers(frames):
    return [bytes.fromhex(frame["hex"]) for frame in frames[::2]], [
        bytes.fromhex(frame["hex"]) for frame in frames[1::2]
    ]


@pytest.mark.may_skip("the recordings are beside the project, not in it")
@pytest.mark.parametrize("cut", CUTS)
@recorded("risesun_poll", "gosem_circutor_poll")
def test_a_recorded_poll_is_gone_through_octet_for_octet(case, cut):
    requests, answers = _requests_and_answers(case["frames"])
    buffer = FrameBuffer()
    buffer.feed(b"".join(requests))
    snrm, *others = iter(buffer.next, None)
    link = HdlcFraming(client=snrm.source, server=snrm.destination, max_info_length=255)
    _, sent = drive(link.open(), *cut(answers[0]))
    assert sent == [requests[0]] or not snrm.information
    for frame, octets, reply in zip(others, requests[1:], answers[1:], strict=True):
        # One recording leaves an exchange out.
        link._send = link._receive = frame.send_sequence
        apdu, sent = drive(link.exchange(frame.information[3:]), *cut(reply))
        assert sent == [octets]
        assert apdu[0] in {0x61, 0xC4}
