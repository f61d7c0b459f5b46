r"""The opening in mode E (IEC 62056-21, 6.3 and annex E): from a call at 300 baud to HDLC at the meter's speed.

::

    us     /?!                  on OPENING_LINE: who is there?
    meter  /LGZ5\2ZMD410         manufacturer, the highest speed that it offers, what it can (2: HDLC), its type
    us     ACK 2 Z 2            HDLC, at the speed Z
    meter  ACK 2 Z 2            still at 300 baud; many meters leave it out
    both   change to HDLC's line

A meter that is left without DISC speaks HDLC on until its inactivity time-out (up to two minutes), and is deaf to the
call until then. Nothing is sent twice here: who calls says DISC after a call that was not heard, and the next poll
calls again.

A receiver that hears its own sender (many optical heads do) is noticed by the call that comes back. A port that cannot
be set to seven bits (a pseudo-terminal, and what is behind it) hands over the parity bit with them: it is taken off.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from telegraf_dlms.errors import RemoteProtocolError, Silence

if TYPE_CHECKING:
    from telegraf_dlms.talk import Conversation


class LineSettings(NamedTuple):
    """How a serial line is set, with one stop bit."""

    baud_rate: int
    data_bits: int
    parity: Literal["none", "even"]


#: Where every opening begins (IEC 62056-21, 5.1).
OPENING_LINE: Final = LineSettings(300, 7, "even")
#: The call without a device address, which every meter answers (6.3.1).
REQUEST: Final = b"/?!\r\n"
#: The speeds by their characters in modes C and E, from the slowest on.
BAUD_RATES: Final = {"0": 300, "1": 600, "2": 1200, "3": 2400, "4": 4800, "5": 9600, "6": 19200}
#: A meter answers within this (6.4.3), a confirmation that did not come by then will not.
CONFIRMATION_S: Final = 1.5
#: From the change of the line to the first HDLC frame: a meter's shortest reaction time is 0.2 s, and it changes
#: its own line meanwhile. Who needs longer has ``pause_after_connect``.
SETTLE_S: Final = 0.3

#: An identification has 24 octets at most (6.3.2); noise before it and our own echo may come as well.
_MAX_HEARD: Final = 256
#: What a confirmation may be preceded by: our own echo, and what a change of the line makes of octets.
_MAX_UNCONFIRMED: Final = 64
#: A meter's text in a message is cut to this.
_SHOWN: Final = 32
#: What is in no text of a meter.
_NOISE: Final = re.compile(rb"[^ -~\r\n]")
_IDENTIFICATION: Final = re.compile(r"/([!-~]{3})([!-~])([ -~]*)")
#: The beginning of the data that modes A, B and C send.
_READOUT: Final = re.compile(rb"\x02[ -~\r\n]{4}")
#: Octets whose eighth bit is the even parity of the others, without it; what is no such octet is noise, and stays.
_WITHOUT_PARITY: Final = bytes(octet & 0x7F if octet.bit_count() % 2 == 0 else octet for octet in range(256))


@dataclass(frozen=True, slots=True)
class Identification:
    """What a meter says of itself; ``type`` has the rest of the line, ``line`` says whether we hear ourselves."""

    manufacturer: str
    baud_rate: int
    type: str
    line: Literal["quiet", "echoing"] = "quiet"


def hdlc_line(baud_rate: int) -> LineSettings:
    """Return the line that HDLC has after the opening."""
    return LineSettings(baud_rate, 8, "none")


def call() -> Conversation[Identification]:
    """Call the meter on OPENING_LINE, return how it identifies itself.

    Raises RemoteProtocolError for what is no identification, or one without mode E; Silence says what was tried.
    A line that has what is never sent in 7E1 text is noise: it is an error where nothing better follows.
    """
    heard, octets = bytearray(), REQUEST
    line: Literal["quiet", "echoing"] = "quiet"
    noise: RemoteProtocolError | None = None
    begin = 0
    while True:
        while (end := heard.find(b"\n", begin)) < 0:
            if len(heard) > _MAX_HEARD:
                raise RemoteProtocolError(f"mode E: {len(heard)} octets came, and no identification among them")
            try:
                heard += (yield octets).translate(_WITHOUT_PARITY)
            except Silence as error:
                if noise is not None:
                    raise noise from None
                raise Silence(f"{error}, called in mode E at {OPENING_LINE.baud_rate} baud") from None
            octets = b""
        said = bytes(heard[begin : end + 1])
        begin = end + 1
        if said.endswith(REQUEST):
            line = "echoing"
        elif b"/" in said:
            try:
                return _identification(said, line)
            except RemoteProtocolError as error:
                if not _NOISE.search(said):
                    raise
                noise = error


def acknowledge(identification: Identification, *, max_baud_rate: int) -> Conversation[int]:
    """Choose HDLC and the lower of both speeds, return that; to be driven with CONFIRMATION_S as the time-out.

    A meter that does not confirm is no error. RemoteProtocolError where it sends its readout instead.
    """
    limit = min(identification.baud_rate, max_baud_rate)
    choice = max((character for character, rate in BAUD_RATES.items() if rate <= limit), default="0")
    octets = message = f"\x062{choice}2\r\n".encode()
    wanted = 1 if identification.line == "quiet" else 2
    heard = b""
    try:
        while heard.count(message) < wanted and len(heard) <= _MAX_UNCONFIRMED:
            heard += (yield octets).translate(_WITHOUT_PARITY)
            octets = b""
            if _READOUT.search(heard):
                raise RemoteProtocolError("mode E: the meter sends its readout: it does not do HDLC on this line")
    except Silence:
        pass
    return BAUD_RATES[choice]


def _identification(said: bytes, line: Literal["quiet", "echoing"]) -> Identification:
    """Take a line apart; "/" is in no identification but at its beginning (6.3.2)."""
    text = "/" + said.rpartition(b"/")[2].decode("ascii", "replace").rstrip("\r\n")
    match = _IDENTIFICATION.fullmatch(text)
    if match is None:
        raise RemoteProtocolError(f"mode E: {text[:_SHOWN]!a} is no identification")
    manufacturer, character, kind = match.groups()
    if character not in BAUD_RATES:
        raise RemoteProtocolError(f"mode E: {text[:_SHOWN]!a} does mode A or B, which have no HDLC")
    return Identification(manufacturer, BAUD_RATES[character], kind, line)
