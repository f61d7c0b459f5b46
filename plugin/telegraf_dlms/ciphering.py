"""Ciphered APDUs: what protects ours, and what is believed of a meter's (Green Book, 9.2.3 and 9.5).

A ciphered APDU is a security header, security control octet and invocation counter, the information, and a tag of 12
octets where it is authenticated. AES-GCM's initialization vector is the sender's system title and the counter:

==============================  ====================================================  ========================
protection                      associated data                                       information
==============================  ====================================================  ========================
authentication                  security control, authentication key, plaintext       the plaintext, and a tag
encryption                      none                                                  the ciphertext
authentication and encryption   security control, authentication key                  the ciphertext, and a tag
==============================  ====================================================  ========================

What comes back is held to the configuration before anybody looks into it: at least its protection, its suite, the
meter's own title, a counter above the last one of that key, the tag. A plaintext that was not asked for is never
returned. Refusals and endings have no protection of their own: they may come in clear, and are never values.
"""

from __future__ import annotations

import struct
from enum import IntFlag
from hmac import compare_digest
from typing import TYPE_CHECKING, Final, NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from telegraf_dlms.axdr import encode_length, read_length
from telegraf_dlms.errors import CipheringError, RemoteProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Protection(IntFlag):
    """The bits of a security control octet that say how an APDU is protected (Green Book, 9.2.7.2.4.2)."""

    NONE = 0
    AUTHENTICATION = 0x10
    ENCRYPTION = 0x20


TITLE_LENGTH: Final = 8
TAG_LENGTH: Final = 12
#: The security header: security control and invocation counter.
HEADER_LENGTH: Final = 5

GENERAL_GLO: Final = 0xDB
GENERAL_DED: Final = 0xDC

#: The same as integers: an operation of IntFlag takes longer than OpenSSL does for a whole reply.
_AUTHENTICATED: Final = int(Protection.AUTHENTICATION)
_ENCRYPTED: Final = int(Protection.ENCRYPTION)
_SUITE: Final = 0x0F
_BROADCAST_KEY: Final = 0x40
_COMPRESSION: Final = 0x80
_COUNTER: Final = struct.Struct(">I")
_HEADER: Final = struct.Struct(">BI")

#: What there is ciphered forms of (Green Book, 9.5): InitiateRequest, read, write, their responses,
#: confirmed-service-error, unconfirmed-write, information-report; get, set, event-notification, action, and theirs.
_SERVICES: Final = bytes.fromhex("01 05 06 08 0C 0D 0E 16 18 C0 C1 C2 C3 C4 C5 C7")
#: Tags in clear → those ciphered with the global, and with the dedicated key.
GLOBAL: Final[Mapping[int, int]] = {tag: tag + (0x20 if tag < 0x80 else 0x08) for tag in _SERVICES}
DEDICATED: Final[Mapping[int, int]] = {tag: tag + (0x40 if tag < 0x80 else 0x10) for tag in _SERVICES}
#: RLRE, confirmed-service-error, exception-response: refusals and endings.
_MAY_BE_CLEAR: Final = frozenset({0x63, 0x0E, 0xD8})
#: A rejecting AARE is one too; what accepts is judged where it is read.
_AARE: Final = 0x61


class Key:
    """A block cipher key with the authentication key that goes with it; neither is ever shown."""

    __slots__ = ("_authentication_key", "_encrypt")

    def __init__(self, block_cipher_key: bytes, authentication_key: bytes = b"") -> None:
        self._encrypt = AESGCM(block_cipher_key).encrypt
        self._authentication_key = authentication_key

    def __repr__(self) -> str:
        return "<secret>"

    def seal(self, plaintext: bytes, control: int, title: bytes, counter: int) -> bytes:
        """Return header and information; ``control`` is the security control octet, ``title`` the sender's."""
        head = _HEADER.pack(control, counter)
        if control & _ENCRYPTED:
            if control & _AUTHENTICATED:
                octets = self._encrypt(title + head[1:], plaintext, head[:1] + self._authentication_key)
                return head + octets[: TAG_LENGTH - _GCM_TAG]
            return head + self._encrypt(title + head[1:], plaintext, None)[:-_GCM_TAG]
        if control & _AUTHENTICATED:
            return head + plaintext + self.tag(plaintext, control=control, title=title, counter=counter)
        return head + plaintext

    def tag(self, octets: bytes, *, control: int, title: bytes, counter: int) -> bytes:
        """Return the 12 octets that authenticate ``octets`` in clear: the GMAC of HLS, too."""
        associated = bytes((control,)) + self._authentication_key + octets
        return self._encrypt(title + _COUNTER.pack(counter), b"", associated)[:TAG_LENGTH]

    def unseal(self, sealed: bytes, *, title: bytes) -> bytes:
        """Return the plaintext of header and information; CipheringError where its tag is wrong, or it is cut off."""
        if len(sealed) < HEADER_LENGTH:
            raise _cut_off(sealed)
        control = sealed[0]
        vector = title + sealed[1:HEADER_LENGTH]
        encrypt = self._encrypt  # which decrypts as well, in counter mode
        if not control & _AUTHENTICATED:
            information = sealed[HEADER_LENGTH:]
            return encrypt(vector, information, None)[:-_GCM_TAG] if control & _ENCRYPTED else information
        if len(sealed) < HEADER_LENGTH + TAG_LENGTH:
            raise CipheringError(f"an authenticated APDU of {len(sealed)} octets has no room for its tag")
        body = sealed[HEADER_LENGTH:-TAG_LENGTH]
        associated = sealed[:1] + self._authentication_key
        if control & _ENCRYPTED:
            # AES-GCM of the plaintext gives the ciphertext back and its tag; 12 octets of it are all that there is to
            # compare, which is why the library's own decrypt, which wants 16, cannot be asked.
            plaintext = encrypt(vector, body, None)[:-_GCM_TAG]
            right = encrypt(vector, plaintext, associated)[len(body) : TAG_LENGTH - _GCM_TAG]
        else:
            plaintext = body
            right = encrypt(vector, b"", associated + body)[:TAG_LENGTH]
        if not compare_digest(sealed[-TAG_LENGTH:], right):
            raise CipheringError("the authentication tag is wrong: another key or system title, or altered octets")
        return plaintext


_GCM_TAG: Final = 16


def split_header(sealed: bytes) -> tuple[int, int]:
    """Return security control octet and invocation counter; CipheringError where they are cut off."""
    if len(sealed) < HEADER_LENGTH:
        raise _cut_off(sealed)
    return sealed[0], int.from_bytes(sealed[1:HEADER_LENGTH], "big")


def _cut_off(sealed: bytes) -> CipheringError:
    return CipheringError(f"a ciphered APDU is cut off: {len(sealed)} octets of it are there")


class Envelope(NamedTuple):
    """A ciphered APDU taken apart; ``title`` is empty where the form has none, ``service`` where it names none."""

    key: str
    title: bytes
    sealed: bytes
    service: int | None


def wrap(sealed: bytes, tag: int, *, title: bytes = b"") -> bytes:
    """Return the APDU of a service-specific tag, or with a ``title`` that of general-glo- or general-ded-ciphering."""
    length = len(sealed)
    if tag in _GENERAL:
        return bytes((tag,)) + encode_length(len(title)) + title + encode_length(length) + sealed
    return (bytes((tag, length)) if length < 0x80 else bytes((tag,)) + encode_length(length)) + sealed


def unwrap(apdu: bytes) -> Envelope | None:
    """Take a ciphered APDU apart; None for one that is not ciphered, CipheringError where its lengths do not fit."""
    form = _FORMS.get(apdu[0]) if apdu else None
    if form is None:
        return None
    key, service = form
    return Envelope(key, *_title_and_sealed(apdu, service), service)


_GENERAL: Final = frozenset({GENERAL_GLO, GENERAL_DED})
#: Tags of ciphered forms → the name of the key, and the tag in clear where the form says it.
_FORMS: Final[Mapping[int, tuple[str, int | None]]] = {
    **{ciphered: ("global", clear) for clear, ciphered in GLOBAL.items()},
    **{ciphered: ("dedicated", clear) for clear, ciphered in DEDICATED.items()},
    GENERAL_GLO: ("global", None),
    GENERAL_DED: ("dedicated", None),
}


def _title_and_sealed(apdu: bytes, service: int | None) -> tuple[bytes, bytes]:
    title, offset = (b"", 1) if service is not None else _octet_string(apdu, 1)
    sealed, end = _octet_string(apdu, offset)
    if end != len(apdu):
        raise CipheringError(f"{len(apdu) - end} octets are left over behind a ciphered APDU")
    return title, sealed


def _octet_string(apdu: bytes, offset: int) -> tuple[bytes, int]:
    if offset < len(apdu) and apdu[offset] < 0x80:
        length, start = apdu[offset], offset + 1
    else:
        try:
            length, start = read_length(apdu, offset)
        except RemoteProtocolError as error:
            raise CipheringError(f"a ciphered APDU is malformed: {error}") from None
    if length > len(apdu) - start:
        raise CipheringError(f"a ciphered APDU says {length} octets and holds {len(apdu) - start}")
    return apdu[start : start + length], start + length


class Ciphering:
    """One association's ciphering, the client's side.

    ``next_counters`` give the invocation counter for each of our APDUs by the name of its key, "global" or
    "dedicated"; ``keys`` likewise. ``server_title`` is the meter's, known from the AARE or the configuration on.
    """

    __slots__ = (
        "_control",
        "_general",
        "_keys",
        "_last",
        "_next_counter",
        "_next_counters",
        "_seal",
        "_tags",
        "_title",
        "server_title",
    )

    def __init__(
        self,
        keys: Mapping[str, Key],
        *,
        protection: Protection,
        suite: int,
        title: bytes,
        next_counters: Mapping[str, Callable[[], int]],
        general: bool = False,
    ) -> None:
        self._keys = keys
        self._control = int(protection) | suite
        self._title = title
        self._next_counters = next_counters
        self._general = general
        self._tags = GLOBAL
        self._seal = keys["global"].seal
        self._next_counter = next_counters["global"]
        self._last = dict.fromkeys(keys, -1)
        self.server_title = b""

    def use_dedicated_key(self) -> None:
        """Protect what follows with the dedicated key, where there is one: the association is established."""
        if "dedicated" in self._keys:
            self._tags = DEDICATED
            self._seal = self._keys["dedicated"].seal
            self._next_counter = self._next_counters["dedicated"]

    def protect(self, apdu: bytes) -> bytes:
        """Return ``apdu`` ciphered; ACSE's own APDUs stay as they are. CipheringError where no counter is left."""
        tag = self._tags.get(apdu[0])
        if tag is None:
            return apdu
        sealed = self._seal(apdu, self._control, self._title, self._next_counter())
        if self._general:
            return wrap(sealed, GENERAL_GLO if self._tags is GLOBAL else GENERAL_DED, title=self._title)
        length = len(sealed)
        return bytes((tag, length)) + sealed if length < 0x80 else wrap(sealed, tag)

    def room_in(self, size: int) -> int:
        """Return the longest APDU in clear that ``protect`` makes at most ``size`` octets of; at least 1."""
        title = 1 + len(self._title) if self._general else 0
        tag = TAG_LENGTH if self._control & _AUTHENTICATED else 0
        room = size - 1 - title
        # The length in front takes one octet, or two, or three.
        sealed = max(min(room - 1, 0x7F), min(room - 2, 0xFF), room - 3)
        return max(sealed - HEADER_LENGTH - tag, 1)

    def protect_initiate(self, request: bytes) -> bytes:
        """Return an InitiateRequest ciphered for an AARQ or RLRQ: with the global key and its own tag, always."""
        sealed = self._keys["global"].seal(
            request, control=self._control, title=self._title, counter=self._next_counters["global"]()
        )
        return wrap(sealed, GLOBAL[request[0]])

    def unprotect(self, apdu: bytes) -> bytes:
        """Return what a reply says; CipheringError where it is not held to what is configured."""
        form = _FORMS.get(apdu[0]) if apdu else None
        if form is None:
            if apdu and (apdu[0] in _MAY_BE_CLEAR or apdu[0] == _AARE):
                return apdu
            raise CipheringError(f"a reply came in clear: {apdu[:1].hex() or 'nothing'}")
        name, service = form
        length = len(apdu) - 2
        if service is not None and HEADER_LENGTH <= length < 0x80 and apdu[1] == length:
            title, sealed = b"", apdu[2:]  # a single value, as it usually comes
        else:
            title, sealed = _title_and_sealed(apdu, service)
            if len(sealed) < HEADER_LENGTH:
                raise _cut_off(sealed)
        key = self._keys.get(name)
        if key is None:
            raise CipheringError(f"a reply is ciphered with the {name} key, which is not in use")
        control, counter = _HEADER.unpack_from(sealed)
        if control != self._control:
            self._check_control(control)
        server_title = self.server_title
        if len(server_title) != TITLE_LENGTH:
            raise CipheringError("the meter's system title is not known: its AARE has none; set server_system_title")
        if title and title != server_title:
            raise CipheringError(f"a reply is from system title {title.hex()}, the meter's is {server_title.hex()}")
        if counter <= self._last[name]:
            raise CipheringError(f"invocation counter {counter} came after {self._last[name]}: a reply was repeated")
        plaintext = key.unseal(sealed, title=server_title)
        if service is not None and (not plaintext or plaintext[0] != service):
            raise CipheringError(f"a ciphered reply is of service {service:02x} and holds {plaintext[:1].hex()}")
        self._last[name] = counter
        return plaintext

    def _check_control(self, control: int) -> None:
        wanted = self._control & ~_SUITE
        if control & wanted != wanted:
            raise CipheringError(f"a reply has security control {control:02x}, weaker than {self._control:02x}")
        if control & (_BROADCAST_KEY | _COMPRESSION):
            raise CipheringError(f"security control {control:02x}: a broadcast key or compression, which is not in use")
        if control & _SUITE != self._control & _SUITE:
            suite = self._control & _SUITE
            raise CipheringError(f"a reply is of security suite {control & _SUITE}, {suite} is configured")
