"""What a bad line and a bad meter do to a data link: silence, losses, doubles, refusals, and no end."""

from __future__ import annotations

import pytest

from hdlc_frames import ANSWER, DM, FRMR, REQUEST, UA, answer, control_frame, data, framing, opened, our_rr, request, rr
from talking import CUTS, drive, talk
from telegraf_dlms.errors import LinkError, Overrun, RemoteProtocolError, Silence
from telegraf_dlms.hdlc import LLC_TO_CLIENT, FrameBuffer, Kind
from telegraf_dlms.hdlc_procedure import MAX_APDU, MAX_POLLS
from telegraf_dlms.talk import Deferred


def test_silence_repeats_the_same_octets():
    link = opened()
    apdu, sent = drive(link.exchange(REQUEST), Silence(), Silence(), answer(0, 1))
    assert (apdu, sent) == (ANSWER, [request(0, 0)] * 3)
    assert link.repeats == 2


def test_silence_comes_out_when_the_repeats_are_used_up():
    link = opened(retries=1)
    with pytest.raises(Silence):
        drive(link.exchange(REQUEST), Silence(), Silence())
    assert link.repeats == 1
    assert link.unclean


def test_an_exchange_that_did_not_end_in_its_time_is_not_repeated():
    link = opened(retries=2)
    with pytest.raises(Overrun):
        drive(link.exchange(REQUEST), Overrun())
    assert link.repeats == 0


def test_an_opening_is_not_repeated():
    link = framing(retries=2)
    drive(link.open(), UA)
    with pytest.raises(Silence):
        drive(link.exchange(REQUEST), Silence())
    assert link.repeats == 0
    link.established()
    drive(link.exchange(REQUEST), Silence(), answer(0, 2))
    assert link.repeats == 1


def test_a_meter_that_answers_nothing_but_that_it_is_there_is_polled_when_the_line_was_quiet():
    sent = []
    talking = opened().exchange(REQUEST)
    sent.append(talking.send(None))
    sent.extend(talking.send(rr(1)) for _ in range(3))
    assert [isinstance(octets, Deferred) for octets in sent] == [False, True, True, True]
    assert sent[1:] == [our_rr(0)] * 3


def test_each_frame_has_its_own_repeats():
    link = opened(retries=1)
    _, sent = drive(
        link.exchange(REQUEST),
        Silence(),
        data(0, 1, LLC_TO_CLIENT + b"\xc4", segmented=True),
        Silence(),
        data(1, 1, b"x"),
    )
    assert sent == [request(0, 0), request(0, 0), our_rr(1), our_rr(1)]


def test_a_lost_answer_is_polled_for():
    link = opened()
    apdu, sent = drive(link.exchange(REQUEST), Silence(), rr(1), answer(0, 1))
    assert (apdu, sent) == (ANSWER, [request(0, 0), request(0, 0), our_rr(0)])


def test_a_late_answer_that_comes_twice_is_taken_once():
    link = opened()
    drive(link.exchange(REQUEST), Silence(), answer(0, 1))
    apdu, sent = drive(link.exchange(REQUEST), answer(0, 1), answer(1, 2, b"\xc4new"))
    assert (apdu, sent) == (b"\xc4new", [request(1, 1)])
    assert link.dropped == 1


def test_a_late_answer_is_followed_by_one_that_the_meter_has_nothing_to_say():
    link = opened()
    drive(link.exchange(REQUEST), Silence(), answer(0, 1))
    apdu, sent = drive(link.exchange(REQUEST), rr(1), answer(1, 2, b"\xc4new"))
    assert (apdu, sent) == (b"\xc4new", [request(1, 1)])
    apdu, sent = drive(link.exchange(REQUEST), rr(2), answer(2, 3))
    assert (apdu, sent) == (ANSWER, [request(2, 2), request(2, 2)]), "what nothing of ours explains is a loss"


@pytest.mark.parametrize("second", [rr(1), answer(0, 1)], ids=["RR", "I"])
def test_silence_behind_a_second_answer_repeats_the_request(second):
    link = opened()
    drive(link.exchange(REQUEST), Silence(), answer(0, 1))
    apdu, sent = drive(link.exchange(REQUEST), second, Silence(), answer(1, 2))
    assert (apdu, sent) == (ANSWER, [request(1, 1)] * 2)


class Exact:
    """A meter that answers each frame of ours once, as it should; the line doubles its first answer.

    ``sent`` are our frames.
    """

    def __init__(self):
        self.buffer, self.sent = FrameBuffer(), []
        self.receive = self.send = 0

    def __call__(self, octets):
        self.sent.append(octets)
        self.buffer.feed(octets)
        frame = self.buffer.next()
        is_new = frame.kind is Kind.I and frame.send_sequence == self.receive
        self.receive = self.receive + is_new & 7
        reply = rr(self.receive)
        if is_new and not frame.segmented:
            reply, self.send = answer(self.send, self.receive), self.send + 1 & 7
        return [reply + reply] if len(self.sent) == 1 else [reply]


@pytest.mark.parametrize(("size", "frames"), [(3, 1), (300, 3)], ids=["its first answer", "its first RR"])
def test_one_answer_that_comes_twice_does_not_double_all_that_follow(size, frames):
    link, meter = opened(), Exact()

    def conversation():
        for apdu in [bytes(size), *[REQUEST] * 10]:
            assert (yield from link.exchange(apdu)) == ANSWER

    talk(conversation(), meter)
    assert len(meter.sent) <= frames + 10 + 1
    assert link.repeats <= 1


def test_a_segment_that_comes_twice_is_taken_once():
    link = opened()
    first = data(0, 1, LLC_TO_CLIENT + b"\xc4", segmented=True)
    apdu, sent = drive(link.exchange(REQUEST), first, first, data(1, 1, b"x"))
    assert (apdu, sent) == (b"\xc4x", [request(0, 0), our_rr(1)])


def test_a_frame_lost_in_a_window_is_asked_for():
    link = opened(window_size=3)
    apdu, sent = drive(
        link.exchange(REQUEST),
        data(0, 1, LLC_TO_CLIENT + b"\xc4", segmented=True, final=False) + data(2, 1, b"c"),
        data(1, 1, b"b", segmented=True, final=False) + data(2, 1, b"c"),
    )
    assert (apdu, sent) == (b"\xc4bc", [request(0, 0), our_rr(1)])


def test_silence_in_a_window_asks_for_the_rest():
    link = opened(window_size=3)
    apdu, sent = drive(
        link.exchange(REQUEST),
        data(0, 1, LLC_TO_CLIENT + b"\xc4", segmented=True, final=False),
        Silence(),
        data(1, 1, b"b"),
    )
    assert (apdu, sent) == (b"\xc4b", [request(0, 0), our_rr(1)])


def test_silence_after_a_wrong_length_finds_the_answer_in_what_was_swallowed():
    link = opened()
    cut_off = data(0, 1, bytes(100))[:20]
    assert drive(link.exchange(REQUEST), cut_off + answer(0, 1), Silence()) == (ANSWER, [request(0, 0)])
    assert link.repeats == 0


@pytest.mark.parametrize("cut", CUTS)
def test_what_only_looks_like_a_frame_is_not_waited_for(cut):
    for noise in (b"\x7e\xa7\xff", b"\x00\x7e\xa0\x7e\x55", b"\x7e\xa8\x90\x02\x04\x06"):
        link = opened()
        assert drive(link.exchange(REQUEST), *cut(noise + answer(0, 1))) == (ANSWER, [request(0, 0)])


@pytest.mark.parametrize("kind", [Kind.RR, Kind.REJ])
def test_a_request_that_is_not_acknowledged_is_sent_again(kind):
    link = opened()
    apdu, sent = drive(link.exchange(REQUEST), control_frame(kind, 0), answer(0, 1))
    assert (apdu, sent) == (ANSWER, [request(0, 0)] * 2)
    assert link.repeats == 1


def test_a_request_that_is_never_acknowledged_is_given_up():
    with pytest.raises(LinkError, match="sent 3 times"):
        drive(opened().exchange(REQUEST), rr(0), rr(0), rr(0))


def test_a_segment_that_is_not_acknowledged_is_sent_again():
    link = opened()
    _, sent = drive(link.exchange(bytes(200)), rr(0), rr(1), answer(0, 2))
    assert sent[0] == sent[1] != sent[2]


@pytest.mark.parametrize("receive", [0, 1], ids=["before it took the request", "after it took the request"])
def test_a_busy_meter_is_polled(receive):
    link = opened()
    busy = control_frame(Kind.RNR, receive)
    later = [answer(0, 1)] if receive else [rr(0), answer(0, 1)]
    apdu, sent = drive(link.exchange(REQUEST), busy, busy, *later)
    again = [] if receive else [request(0, 0)]
    assert (apdu, sent) == (ANSWER, [request(0, 0), our_rr(0), our_rr(0), *again])


def test_a_meter_that_stays_busy_is_given_up():
    with pytest.raises(RemoteProtocolError, match="1000 frames came, and no answer"):
        talk(opened().exchange(REQUEST), lambda _: [control_frame(Kind.RNR, 1)])
    assert MAX_POLLS == 1000


@pytest.mark.parametrize(("end", "unclean"), [(DM, False), (FRMR, True)], ids=["DM", "FRMR"])
def test_a_meter_may_end_the_link(end, unclean):
    link = opened()
    with pytest.raises(LinkError, match=r"DM|FRMR"):
        drive(link.exchange(REQUEST), end)
    assert link.unclean is unclean


def test_receive_polls_for_one_more_answer():
    link = opened()
    drive(link.exchange(REQUEST), answer(0, 1))
    assert drive(link.receive(), answer(1, 1, b"\xc4more")) == (b"\xc4more", [our_rr(1)])


@pytest.mark.parametrize(
    ("filling", "message"), [(b"", "no answer among them"), (b"x" * 2000, str(MAX_APDU))], ids=["empty", "full"]
)
def test_an_answer_that_does_not_end_is_given_up(filling, message):
    def meter(octets: bytes) -> list[bytes]:
        buffer = FrameBuffer()
        buffer.feed(octets)
        frame = buffer.next()
        assert frame
        return [data(frame.receive_sequence, 1, filling, segmented=True)]

    with pytest.raises(RemoteProtocolError, match=message):
        talk(opened().exchange(REQUEST), meter)


def test_a_dead_link_ends_everything():
    link = opened()
    with pytest.raises(LinkError, match="closed"):
        drive(link.exchange(REQUEST), LinkError("closed"))
    assert link.unclean
