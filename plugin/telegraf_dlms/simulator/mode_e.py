"""The meter's side of the opening in mode E (IEC 62056-21, 6.3 and annex E): HDLC only for who called at 300 baud.

A line is heard at one speed alone: what is sent at another is noise. Parity and data bits cannot be told on a
pseudo-terminal, whose kernel drops them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from telegraf_dlms.opening import BAUD_RATES, OPENING_LINE, REQUEST

if TYPE_CHECKING:
    from collections.abc import Callable

    from telegraf_dlms.simulator.hdlc_server import HdlcServer

#: The fastest speed that is offered, 9600 baud, and that there is HDLC.
IDENTIFICATION: Final = b"/TDL5\\2SIMULATED\r\n"
#: HDLC that nobody speaks ends after this: the default inactivity time-out of the Blue Book's HDLC setup, 4.7.2.
INACTIVITY_S: Final = 120.0

#: ACK, then the protocol (2: HDLC), the speed, and the mode (2: binary).
_CHOICE: Final = re.compile(rb"\x062([0-5])2\r\n")
#: More than any message of the opening has.
_MAX_PENDING: Final = 64


class ModeE:
    """An HDLC line behind an opening.

    ``make_line`` makes the line for what follows each opening; ``baud_rate`` tells how fast the client speaks now;
    ``clock`` is in seconds, and only differences count.
    """

    def __init__(
        self, make_line: Callable[[], HdlcServer], *, baud_rate: Callable[[], int], clock: Callable[[], float]
    ) -> None:
        self._make_line = make_line
        self._client_baud_rate = baud_rate
        self._clock = clock
        self._heard_at = clock()
        self._hear_calls()

    def receive(self, octets: bytes) -> bytes:
        """Return what is to be sent."""
        now = self._clock()
        if now - self._heard_at > INACTIVITY_S:
            self._hear_calls()
        if self._client_baud_rate() != self._baud_rate:
            return b""
        self._heard_at = now
        if self._line is None:
            return self._open(octets)
        was_connected = self._line.is_connected
        answer = self._line.receive(octets)
        if was_connected and not self._line.is_connected:
            self._hear_calls()
        return answer

    def _hear_calls(self) -> None:
        self._line: HdlcServer | None = None
        self._baud_rate = OPENING_LINE.baud_rate
        self._pending = b""
        self._is_called = False

    def _open(self, octets: bytes) -> bytes:
        *messages, rest = (self._pending + octets).split(b"\n")
        self._pending = rest[-_MAX_PENDING:]
        answer = b""
        for message in messages:
            answer += self._answer(message + b"\n")
        return answer

    def _answer(self, message: bytes) -> bytes:
        if message.endswith(REQUEST):
            self._is_called = True
            return IDENTIFICATION
        choice = _CHOICE.fullmatch(message)
        if choice is None or not self._is_called:
            self._is_called = False
            return b""
        self._line = self._make_line()
        self._baud_rate = BAUD_RATES[choice[1].decode()]
        return message
