"""The wrapper, by the octet."""

from __future__ import annotations

import pytest

from talking import CUTS, drive
from telegraf_dlms.errors import LocalProtocolError, RemoteProtocolError, Silence
from telegraf_dlms.wrapper import MAX_APDU, WrapperBuffer, WrapperFraming, encode

REQUEST = bytes.fromhex("c001c1000300010108 00ff0200".replace(" ", ""))
ANSWER = bytes.fromhex("c401c1000600bc614e")


def framing(**options):
    return WrapperFraming(client=16, server=1, **options)


def from_meter(apdu: bytes, *, source: int = 1, destination: int = 16) -> bytes:
    return encode(source, destination, apdu)


def test_an_apdu_has_eight_octets_before_it():
    assert encode(16, 1, b"\xc0\x01").hex(" ") == "00 01 00 10 00 01 00 02 c0 01"


@pytest.mark.parametrize(
    ("source", "destination", "size"),
    [(70000, 1, 1), (1, -1, 1), (1, 1, MAX_APDU + 1)],
    ids=["source", "destination", "length"],
)
def test_what_does_not_fit_sixteen_bits_is_our_bug(source, destination, size):
    with pytest.raises(LocalProtocolError, match="do not fit"):
        encode(source, destination, bytes(size))


@pytest.mark.parametrize("cut", CUTS)
def test_a_stream_is_cut_into_apdus_however_it_arrives(cut):
    buffer = WrapperBuffer()
    packets = []
    for piece in cut(encode(1, 16, b"first") + encode(1, 17, b"") + encode(2, 16, b"third")):
        buffer.feed(piece)
        while (packet := buffer.next()) is not None:
            packets.append(packet)
    assert packets == [(1, 16, b"first"), (1, 17, b""), (2, 16, b"third")]


def test_the_longest_apdu_passes_octet_by_octet():
    buffer = WrapperBuffer()
    for octet in encode(1, 16, b"\xab" * MAX_APDU):
        assert buffer.next() is None
        buffer.feed(bytes((octet,)))
    assert buffer.next() == (1, 16, b"\xab" * MAX_APDU)


def test_what_waits_is_what_came_behind_the_last_apdu():
    buffer = WrapperBuffer()
    buffer.feed(encode(1, 16, b"first") + b"\x00\x01")
    assert buffer.waiting == 15
    assert buffer.next()
    assert buffer.waiting == 2


def test_another_version_is_the_end():
    buffer = WrapperBuffer()
    buffer.feed(b"\x7e\xa0" + bytes(6))
    with pytest.raises(RemoteProtocolError, match="version 32416 instead of 1"):
        buffer.next()


def test_opening_and_closing_send_nothing():
    assert drive(framing().open()) == (None, [])
    assert drive(framing().close()) == (None, [])


@pytest.mark.parametrize("cut", CUTS)
def test_an_exchange_returns_the_answer_however_it_arrives(cut):
    meter = framing()
    answer, sent = drive(meter.exchange(REQUEST), *cut(from_meter(ANSWER)))
    assert answer == ANSWER
    assert sent == [encode(16, 1, REQUEST)]
    assert meter.exchanges == 1


@pytest.mark.parametrize(
    "stray",
    [
        pytest.param(from_meter(ANSWER, source=2), id="from another server"),
        pytest.param(from_meter(ANSWER, destination=17), id="for another client"),
        pytest.param(encode(16, 1, REQUEST), id="our own echo"),
        pytest.param(from_meter(b""), id="of no octets"),
        pytest.param(from_meter(b"\x0f\x00"), id="a data-notification"),
        pytest.param(from_meter(b"\xc2\x00"), id="an event-notification"),
        pytest.param(from_meter(b"\x18\x00"), id="an information-report"),
        pytest.param(from_meter(b"\xca\x00"), id="a ciphered event-notification"),
        pytest.param(from_meter(b"\xd2\x00"), id="an event-notification with the dedicated key"),
        pytest.param(from_meter(bytes.fromhex("E08000010000020F00")), id="a block of a data-notification"),
    ],
)
def test_strays_are_dropped_and_do_not_end_the_wait(stray):
    meter = framing()
    assert drive(meter.exchange(REQUEST), stray, from_meter(ANSWER))[0] == ANSWER
    assert drive(meter.exchange(REQUEST), stray + from_meter(ANSWER))[0] == ANSWER
    assert meter.dropped == 2


def test_what_came_before_the_question_is_not_its_answer():
    meter = framing()
    drive(meter.exchange(REQUEST), from_meter(ANSWER) + from_meter(b"late") + from_meter(b"later")[:9])
    assert drive(meter.exchange(REQUEST), from_meter(b"later")[9:])[0] == b"later"
    assert meter.dropped == 1


def test_receive_takes_what_is_there_before_it_waits():
    meter = framing()
    drive(meter.exchange(REQUEST), from_meter(ANSWER) + from_meter(b"second"))
    assert drive(meter.receive()) == (b"second", [])
    assert drive(meter.receive(), from_meter(b"third")) == (b"third", [])


def test_silence_passes_and_nothing_is_sent_again():
    meter = framing()
    with pytest.raises(Silence):
        drive(meter.exchange(REQUEST), from_meter(ANSWER)[:5], Silence("5 s"))
    assert meter.repeats == 0


@pytest.mark.parametrize("ignore_echo", [True, False])
@pytest.mark.parametrize("cut", CUTS)
def test_an_echo_is_ignored_even_between_equal_ports(cut, ignore_echo):
    meter = WrapperFraming(client=1, server=1, ignore_echo=ignore_echo)
    assert drive(meter.exchange(REQUEST), *cut(encode(1, 1, REQUEST) + encode(1, 1, ANSWER)))[0] == ANSWER
    assert meter.dropped == (not ignore_echo)
