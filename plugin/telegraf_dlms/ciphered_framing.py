"""A ciphered association as a framing: APDUs in clear go in and come out, ciphered ones travel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegraf_dlms.talk import NOTIFICATIONS

if TYPE_CHECKING:
    from telegraf_dlms.ciphering import Ciphering
    from telegraf_dlms.talk import Conversation, Framing


class CipheredFraming:
    """A framing around another one; what is not held to the configured security raises CipheringError.

    HDLC repeats what it was given, so that a repeated request has the counter that it had: a meter that has taken it
    already knows the frame by its number.
    """

    __slots__ = ("_ciphering", "_framing", "_unasked")

    def __init__(self, framing: Framing, ciphering: Ciphering) -> None:
        self._framing = framing
        self._ciphering = ciphering
        self._unasked = 0

    @property
    def repeats(self) -> int:
        """How often a frame was sent again."""
        return self._framing.repeats

    @property
    def dropped(self) -> int:
        """How many frames, and notifications that were ciphered as replies are, were dropped."""
        return self._framing.dropped + self._unasked

    @property
    def exchanges(self) -> int:
        """How many APDUs were sent that want an answer."""
        return self._framing.exchanges

    def open(self) -> Conversation[None]:
        """Set up the link layer."""
        return self._framing.open()

    def exchange(self, apdu: bytes) -> Conversation[bytes]:
        """Send an APDU, return its answer in clear."""
        ciphering = self._ciphering
        reply = ciphering.unprotect((yield from self._framing.exchange(ciphering.protect(apdu))))
        return reply if not reply or reply[0] not in NOTIFICATIONS else (yield from self._passed_over())

    def receive(self) -> Conversation[bytes]:
        """Return one more APDU in clear."""
        reply = self._ciphering.unprotect((yield from self._framing.receive()))
        return reply if not reply or reply[0] not in NOTIFICATIONS else (yield from self._passed_over())

    def established(self) -> None:
        """Note that the association is open: from now on a dedicated key is used, where there is one."""
        self._framing.established()
        self._ciphering.use_dedicated_key()

    def close(self) -> Conversation[None]:
        """Take down the link layer."""
        return self._framing.close()

    def _passed_over(self) -> Conversation[bytes]:
        reply = b""
        while not reply or reply[0] in NOTIFICATIONS:
            self._unasked += 1
            reply = self._ciphering.unprotect((yield from self._framing.receive()))
        return reply
