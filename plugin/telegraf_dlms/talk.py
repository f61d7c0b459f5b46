"""How conversations talk: generators that know no socket, no clock and no logger.

A conversation yields octets to be sent (none: nothing to send, more is waited for) and is sent the octets that were
read, never none. Its driver throws Silence in where nothing arrived within the time-out, and LinkError where the link
died. It returns its answer. It never yields in a ``finally``: whoever drops it half-way closes the generator.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Final, Protocol, TypeAlias, TypeVar

T = TypeVar("T")
Conversation: TypeAlias = Generator[bytes, bytes, T]

#: Tags of APDUs that a server sends unasked (Green Book, 9.5): data-notification, information-report-request,
#: event-notification-request and the latter two's ciphered forms. They never answer anything. Nor does
#: general-block-transfer, which we do not propose: a meter sends its own long notifications in it.
NOTIFICATIONS: Final = frozenset({0x0F, 0x18, 0x38, 0x58, 0xC2, 0xCA, 0xD2, 0xE0})


class Deferred(bytes):
    """Octets that a driver sends only when the line has been quiet for a while: a busy meter is not to be stormed."""

    __slots__ = ()


#: How long a line is quiet before deferred octets are sent.
DEFERRED_S: Final = 0.1


class Framing(Protocol):
    """What carries APDUs: HDLC, WRAPPER, or a ciphered association around one of them."""

    @property
    def repeats(self) -> int:
        """How often a frame was sent again."""

    @property
    def dropped(self) -> int:
        """How many garbled, foreign or unasked frames were dropped."""

    @property
    def exchanges(self) -> int:
        """How many APDUs were sent that want an answer."""

    def open(self) -> Conversation[None]:
        """Set up the link layer."""

    def exchange(self, apdu: bytes) -> Conversation[bytes]:
        """Send an APDU, return the next one that comes and is no notification."""

    def receive(self) -> Conversation[bytes]:
        """Return one more APDU, after one that was not the answer."""

    def established(self) -> None:
        """Note that the association is open: an opening is not repeated, what follows may be."""

    def close(self) -> Conversation[None]:
        """Take down the link layer; a meter that does not answer is no error."""


class Echo:
    """Takes our own octets out of what is read, for two-wire lines whose receiver hears the sender."""

    __slots__ = ("_due",)

    def __init__(self) -> None:
        self._due = b""

    def sent(self, octets: bytes) -> None:
        """Expect these octets to come back first."""
        self._due = octets

    def strip(self, received: bytes) -> bytes:
        """Return what is left of ``received`` without the echo; from the first octet that differs all of it is."""
        due = self._due
        if not due:
            return received
        if received.startswith(due):
            self._due = b""
            return received[len(due) :]
        if due.startswith(received):
            self._due = due[len(received) :]
            return b""
        self._due = b""
        return received
