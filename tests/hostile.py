"""A meter between which and its client somebody stands, who knows everything: the keys, too.

``Hostile`` takes a session's place, and tampers with its ciphered replies: the APDUs themselves, and the
InitiateResponse in an AARE. What is done to a reply is a function of a ``Reply``; those below are what a client must
never take for an answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from telegraf_dlms import ber, ciphering
from telegraf_dlms.ciphering import DEDICATED, GENERAL_DED, GENERAL_GLO, GLOBAL

if TYPE_CHECKING:
    from telegraf_dlms.ciphering import Envelope, Key

AARE, USER_INFORMATION = 0x61, 0xBE


@dataclass(frozen=True)
class Reply:
    """A ciphered reply: as it was to be sent, taken apart, in clear; ``before`` is the one before it."""

    octets: bytes
    envelope: Envelope
    plaintext: bytes
    key: Key
    title: bytes
    before: bytes

    @property
    def control(self):
        return self.envelope.sealed[0]

    @property
    def counter(self):
        return int.from_bytes(self.envelope.sealed[1:5], "big")

    def sealed_again(self, *, plaintext=None, control=None, counter=None, title=None):
        """Return the reply sealed anew, with its right tag, in every respect that is not said otherwise as it was."""
        plaintext = self.plaintext if plaintext is None else plaintext
        title = self.title if title is None else title
        sealed = self.key.seal(
            plaintext,
            control=self.control if control is None else control,
            title=title,
            counter=self.counter if counter is None else counter,
        )
        is_global = self.envelope.key == "global"
        if self.envelope.service is None:
            return ciphering.wrap(sealed, GENERAL_GLO if is_global else GENERAL_DED, title=title)
        return ciphering.wrap(sealed, (GLOBAL if is_global else DEDICATED)[plaintext[0]])


class Hostile:
    """What stands between: ``answer`` is a session's, and ``tamper`` says what becomes of a reply.

    ``spared`` ciphered replies go through untouched first. ``dedicated_key`` are the octets of the client's; ``last``
    is the last reply as the meter gave it.
    """

    def __init__(self, session, access, tamper, *, title, spared=0, dedicated_key=b""):
        self._session = session
        self._keys = {"global": access.key()} | ({"dedicated": access.key(dedicated_key)} if dedicated_key else {})
        self._title = title
        self.last = b""
        self.tamper = tamper
        self.spared = spared

    def answer(self, request):
        reply = self._session.answer(request)
        if reply[:1] != bytes((AARE,)):
            return self._tampered(reply)
        fields = ber.elements(ber.only(reply, AARE, "AARE"), "AARE")
        return ber.element(AARE, b"".join(ber.element(tag, self._field(tag, content)) for tag, content in fields))

    def _field(self, tag, content):
        if tag != USER_INFORMATION:
            return content
        return ber.element(0x04, self._tampered(ber.only(content, 0x04, "user-information")))

    def _tampered(self, octets):
        envelope = ciphering.unwrap(octets)
        if envelope is None:
            return octets
        key = self._keys[envelope.key]
        plaintext = key.unseal(envelope.sealed, title=self._title)
        reply = Reply(octets, envelope, plaintext, key, self._title, self.last)
        self.last = octets
        self.spared -= 1
        return octets if self.spared >= 0 else self.tamper(reply)


def flipped(bit):
    """Flip one bit of the whole reply, counted from its end."""

    def tamper(reply):
        number = int.from_bytes(reply.octets, "big") ^ (1 << bit % (8 * len(reply.octets)))
        return number.to_bytes(len(reply.octets), "big")

    return tamper


def replayed(reply):
    """Give the reply before it again."""
    return reply.before


def rewound(reply):
    """Seal it under a counter that is not above the last one."""
    return reply.sealed_again(counter=reply.counter - 1)


def in_clear(reply):
    """Give the plaintext."""
    return reply.plaintext


def weaker(control):
    """Take protection away: the tag is right for what is left."""

    def tamper(reply):
        return reply.sealed_again(control=control | reply.control & 0x0F)

    return tamper


def of_another_suite(reply):
    """Say that it is of another security suite."""
    return reply.sealed_again(control=reply.control ^ 1)


def from_another_title(reply):
    """Seal it as another meter does that has the same keys; in the general form it says so."""
    return reply.sealed_again(title=b"OTHER\0\0\1")


def under_another_title(reply):
    """Say in the general form that it is from another meter, and seal it as this one."""
    envelope = reply.envelope
    tag = GENERAL_GLO if envelope.key == "global" else GENERAL_DED
    return ciphering.wrap(envelope.sealed, tag, title=b"OTHER\0\0\1")


def of_another_service(reply):
    """Give a right answer to something else: a set-response, or by short names a write-response."""
    wrong = b"\xc5\x01" + reply.plaintext[2:3] + b"\0" if reply.plaintext[0] >= 0xC0 else b"\x0d\x01\0"
    return reply.sealed_again(plaintext=wrong)


def cut(reply):
    """Leave the last octet out."""
    return reply.octets[:-1]
