"""What all conversations share: the echo of a two-wire line."""

from __future__ import annotations

import pytest

from telegraf_dlms.hdlc_procedure import HdlcFraming
from telegraf_dlms.talk import NOTIFICATIONS, Echo, Framing
from telegraf_dlms.wrapper import WrapperFraming


@pytest.mark.parametrize(
    ("reads", "left"),
    [
        pytest.param([b"abc"], b"", id="the echo alone"),
        pytest.param([b"abcxyz"], b"xyz", id="the answer right behind it"),
        pytest.param([b"a", b"b", b"cx", b"yz"], b"xyz", id="in pieces"),
        pytest.param([b"abcabc"], b"abc", id="once only"),
        pytest.param([b"xyz"], b"xyz", id="no echo on this line"),
        pytest.param([b"axyz"], b"axyz", id="an answer that begins like it"),
    ],
)
def test_the_echo_is_taken_out(reads, left):
    echo = Echo()
    echo.sent(b"abc")
    assert b"".join(map(echo.strip, reads)) == left


def test_nothing_is_expected_before_something_was_sent():
    assert Echo().strip(b"abc") == b"abc"


def test_both_framings_are_framings():
    framings: list[Framing] = [WrapperFraming(client=16, server=1), HdlcFraming(client=b"\x21", server=b"\x03")]
    for framing in framings:
        assert (framing.repeats, framing.dropped, framing.exchanges) == (0, 0, 0)


def test_answers_are_no_notifications():
    assert not NOTIFICATIONS & {0x61, 0x63, 0xC4, 0xC5, 0xC7, 0xCC, 0xD4, 0xDB, 0xD8, 0x0E, 0x0C}
