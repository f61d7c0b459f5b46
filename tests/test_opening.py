"""The opening in mode E, octet by octet; its driving over a port is in test_serial_link."""

from __future__ import annotations

import random

import pytest

from talking import CUTS, drive
from telegraf_dlms.errors import LinkError, RemoteProtocolError, Silence
from telegraf_dlms.opening import (
    OPENING_LINE,
    REQUEST,
    Identification,
    LineSettings,
    acknowledge,
    call,
    hdlc_line,
)

LANDIS = rb"/LGZ5\2ZMD410" + b"\r\n"


def with_parity(text):
    return bytes(octet | 0x80 * (octet.bit_count() % 2) for octet in text)


def meter(*, baud_rate=9600, line="quiet"):
    return Identification("LGZ", baud_rate, r"\2ZMD410", line)


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize(
    ("heard", "identification"),
    [
        (LANDIS, meter()),
        (rb"/ISk5\2MT382-1000" + b"\r\n", Identification("ISk", 9600, r"\2MT382-1000")),
        (b"/ABC0\r\n", Identification("ABC", 300, "")),
        (rb"/EMH6\@01LZQJL0014F" + b"\n", Identification("EMH", 19200, r"\@01LZQJL0014F")),
        (b"\x00\xff" + LANDIS, meter()),
        (b"\r\n\x7e\n" + LANDIS, meter()),
        (REQUEST + LANDIS, meter(line="echoing")),
        (b"\xff" + REQUEST + LANDIS, meter(line="echoing")),
        (with_parity(LANDIS), meter()),
        (REQUEST + with_parity(LANDIS), meter(line="echoing")),
        (b"\x00\x7f//\x15\r\n" + LANDIS, meter()),
        (b"/LGZ5\xe9\r\n" + LANDIS, meter()),
    ],
    ids=[
        "Landis+Gyr",
        "Iskra",
        "nothing but the speed",
        "no CR",
        "noise before it",
        "lines of noise",
        "echo",
        "both",
        "parity bits",
        "parity bits and echo",
        "noise that looks like a line",
        "noise like an identification",
    ],
)
def test_a_meter_that_is_called_identifies_itself(cut, heard, identification):
    assert drive(call(), *cut(heard)) == (identification, [b"/?!\r\n"])


@pytest.mark.parametrize(
    ("heard", "problem"),
    [
        (b"/AB\r\n", r"^mode E: '/AB' is no identification$"),
        (b"/L\x00Z5\r\n", r"^mode E: '/L\\x00Z5' is no identification$"),
        (b"/LGZ5\xe9\r\n", r"^mode E: '/LGZ5\\ufffd' is no identification$"),
        (b"/" + b"x" * 100 + b"\x07\n", r"^mode E: '/x{31}' is no identification$"),
        (b"/ABCE123\r\n", r"^mode E: '/ABCE123' does mode A or B, which have no HDLC$"),
        (b"/ABC 123\r\n", r"^mode E: '/ABC 123' is no identification$"),
        (b"/ABC\\2123\r\n", r"^mode E: '/ABC\\\\2123' does mode A or B"),
        (b"/ABC7\\2X\r\n", r"does mode A or B"),
        (bytes(257), r"^mode E: 257 octets came, and no identification among them$"),
        (b"\n" * 257, r"^mode E: 257 octets came, and no identification among them$"),
    ],
)
def test_what_is_no_identification_is_refused(heard, problem):
    with pytest.raises(RemoteProtocolError, match=problem):
        drive(call(), heard, Silence("no answer"))


def test_a_meter_that_keeps_silent_is_called_once_and_silence_says_how():
    conversation = call()
    assert next(conversation) == b"/?!\r\n"
    with pytest.raises(Silence, match=r"^/dev/ttyS0: no answer within 5 s, called in mode E at 300 baud$"):
        conversation.throw(Silence("/dev/ttyS0: no answer within 5 s"))


@pytest.mark.parametrize(
    ("offered", "configured", "sent", "chosen"),
    [
        (9600, 9600, b"\x06252\r\n", 9600),
        (9600, 2400, b"\x06232\r\n", 2400),
        (4800, 115200, b"\x06242\r\n", 4800),
        (19200, 38400, b"\x06262\r\n", 19200),
        (19200, 9600, b"\x06252\r\n", 9600),
        (300, 9600, b"\x06202\r\n", 300),
        (1200, 300, b"\x06202\r\n", 300),
        (600, 1200, b"\x06212\r\n", 600),
    ],
)
@pytest.mark.parametrize("cut", CUTS)
def test_hdlc_is_chosen_at_the_lower_of_both_speeds(cut, offered, configured, sent, chosen):
    conversation = acknowledge(meter(baud_rate=offered), max_baud_rate=configured)
    assert drive(conversation, *cut(sent)) == (chosen, [sent])


CONFIRMATION = b"\x06252\r\n"


@pytest.mark.parametrize(
    "heard",
    [
        (),
        (b"\x00\xfe",),
        (b"\x06252",),
        (b"\x02\x80\xff",),
    ],
    ids=["nothing", "what another speed makes of it", "a part", "noise that begins like a readout"],
)
def test_a_meter_that_does_not_confirm_is_no_error(heard):
    conversation = acknowledge(meter(), max_baud_rate=9600)
    assert drive(conversation, *heard, Silence("no answer")) == (9600, [CONFIRMATION])


@pytest.mark.parametrize("cut", CUTS)
def test_a_confirmation_and_a_readout_may_have_parity_bits(cut):
    conversation = acknowledge(meter(), max_baud_rate=9600)
    assert drive(conversation, *cut(with_parity(CONFIRMATION))) == (9600, [CONFIRMATION])
    with pytest.raises(RemoteProtocolError, match=r"^mode E: the meter sends its readout"):
        drive(acknowledge(meter(), max_baud_rate=9600), *cut(with_parity(b"\x020-0:")))


def test_noise_without_an_end_is_no_confirmation_and_not_waited_for():
    assert drive(acknowledge(meter(), max_baud_rate=9600), bytes(65)) == (9600, [CONFIRMATION])


def test_our_own_echo_is_not_taken_for_the_confirmation():
    conversation = acknowledge(meter(line="echoing"), max_baud_rate=9600)
    assert drive(conversation, CONFIRMATION, CONFIRMATION) == (9600, [CONFIRMATION])
    conversation = acknowledge(meter(line="echoing"), max_baud_rate=9600)
    assert drive(conversation, CONFIRMATION, Silence("no answer")) == (9600, [CONFIRMATION])


@pytest.mark.parametrize("cut", CUTS)
def test_a_meter_that_sends_its_readout_instead_does_not_do_mode_e(cut):
    with pytest.raises(RemoteProtocolError, match=r"^mode E: the meter sends its readout"):
        drive(acknowledge(meter(), max_baud_rate=9600), *cut(b"\x020-0:"))


def test_a_line_that_dies_while_the_confirmation_is_waited_for_is_an_error():
    with pytest.raises(LinkError, match="gone"):
        drive(acknowledge(meter(), max_baud_rate=9600), LinkError("gone"))


def test_the_line_is_7e1_before_and_8n1_after():
    assert LineSettings(300, 7, "even") == OPENING_LINE
    assert hdlc_line(4800) == LineSettings(4800, 8, "none")


@pytest.mark.parametrize("seed", range(4))
def test_no_octets_make_anything_but_a_protocol_error(seed):
    source = random.Random(seed)
    pool = (LANDIS, REQUEST, CONFIRMATION, b"/", b"\n", b"\x02", b"\xff\x00", b"\\", b"5")
    for _ in range(500):
        for conversation in (call(), acknowledge(meter(line="echoing"), max_baud_rate=9600)):
            try:
                next(conversation)
                for _ in range(100):
                    piece = b"".join(source.choices(pool, k=3))
                    conversation.send(piece[: source.randint(1, len(piece))])
                pytest.fail("it never has enough")
            except (StopIteration, RemoteProtocolError):
                pass
