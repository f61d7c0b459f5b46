"""Which octets of an APDU are secret: a trace shows all others (Green Book, 9.4 and 9.5).

Secret are the password of an AARQ, a dedicated key that stands in clear, the values of ``cosem.SECRETS``, and the
proofs of an HLS that is made from a password: whoever has challenge and proof can try passwords at home. Where an APDU
is encrypted there is nothing to mask; where it is only authenticated its plaintext is looked at. In doubt too much is
masked, and the octets that tell type and length stay, so that what is left can be read again.

What is looked at may be the beginning of an APDU, since frames are shown before the next one comes: a span that was
found then is found again, longer, when more of it is there.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from telegraf_dlms.access import Mechanism
from telegraf_dlms.action import ACTION_REQUEST, ACTION_RESPONSE
from telegraf_dlms.apdu import GET_REQUEST, GET_RESPONSE, INVOKE_ID
from telegraf_dlms.association import MECHANISM_OID
from telegraf_dlms.axdr import Tag, read_length
from telegraf_dlms.ciphering import DEDICATED, GENERAL_DED, GENERAL_GLO, GLOBAL, HEADER_LENGTH, Protection
from telegraf_dlms.cosem import ASSOCIATION_LN, SECRETS
from telegraf_dlms.errors import RemoteProtocolError
from telegraf_dlms.short_names import REPLY_TO_HLS
from telegraf_dlms.sn_apdu import READ_REQUEST, READ_RESPONSE
from telegraf_dlms.talk import NOTIFICATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Offsets of the first secret octet, and of the first behind it that is not.
Span: TypeAlias = tuple[int, int]
#: What a request asks for.
_Wanted: TypeAlias = Literal["open", "value", "proof"]

_AARQ: Final = 0x60
_INITIATE_REQUEST: Final = 0x01
_REQUESTS: Final = frozenset({GET_REQUEST, ACTION_REQUEST, READ_REQUEST})
#: What a method is called with.
_METHODS: Final = frozenset({ACTION_REQUEST, READ_REQUEST})
_SEALED: Final = frozenset({*GLOBAL.values(), *DEDICATED.values()})
_GENERAL: Final = frozenset({GENERAL_GLO, GENERAL_DED})
_WITH_LENGTH: Final = frozenset({Tag.BIT_STRING, Tag.OCTET_STRING, Tag.VISIBLE_STRING, Tag.UTF8_STRING})
#: Mechanisms whose proof tells nothing of a secret that could be guessed: keys are random, passwords are not.
_UNGUESSABLE: Final = frozenset({Mechanism.HIGH_GMAC, Mechanism.HIGH_ECDSA})
#: The association object's method reply_to_HLS_authentication.
_REPLY: Final = 1
#: class_id, logical name, attribute or method.
_DESCRIPTOR: Final = 9
#: Where an answer has no invoke-id: by short names, or where the request was encrypted.
_NAMELESS: Final = -1


class Secrecy:
    """What is secret between one client and one server.

    ``reads`` "secret": the configuration asks for a secret attribute, so that what a request by short names, or an
    encrypted one, is answered in clear may be one.
    """

    __slots__ = ("_due", "_mechanism", "_reads")

    def __init__(self, *, reads: Literal["open", "secret"] = "open") -> None:
        self._reads = reads
        self._mechanism = -1
        self._due: set[int] = set()

    @property
    def is_due(self) -> bool:
        """Whether an answer that is secret is still to come."""
        return bool(self._due)

    def request_spans(self, apdu: bytes) -> tuple[Span, ...]:
        """Return what is secret of an APDU to the server, or of its beginning."""
        start = _plain_start(apdu)
        if start is None:
            return ()
        spans: list[Span] = []
        with suppress(IndexError, RemoteProtocolError):
            if apdu[start] == _AARQ:
                spans.extend(_aarq_spans(apdu, start))
            elif apdu[start] in _METHODS and self._wanted(apdu, start) == "proof":
                spans.append((_value_start(apdu, _parameter_start(apdu, start)), len(apdu)))
        return tuple(spans)

    def answer_spans(self, apdu: bytes) -> tuple[Span, ...]:
        """Return what is secret of an APDU from the server, or of its beginning."""
        start = _plain_start(apdu)
        if start is None or not self._due:
            return ()
        first = None
        with suppress(IndexError, RemoteProtocolError):
            first = self._first_secret(apdu, start)
        return () if first is None else ((first, len(apdu)),)

    def sent(self, apdu: bytes) -> None:
        """Take note of a whole APDU to the server."""
        start = _plain_start(apdu)
        with suppress(IndexError, RemoteProtocolError):
            if start is None:
                if self._reads == "secret":
                    self._due.add(_NAMELESS)
            elif apdu[start] == _AARQ:
                self._mechanism = _mechanism(apdu, start)
            elif apdu[start] in _REQUESTS:
                self._note(apdu, start)

    def received(self, apdu: bytes) -> None:
        """Take note of a whole APDU from the server."""
        start = _plain_start(apdu)
        if start is None:
            self._due.discard(_NAMELESS)
        elif apdu[start] not in NOTIFICATIONS and not _is_block_before_the_last(apdu, start):
            self._due -= {_name_of(apdu, start), _NAMELESS}

    def _note(self, apdu: bytes, start: int) -> None:
        wanted = self._wanted(apdu, start)
        if wanted is None:  # a next block
            return
        name = _name_of(apdu, start)
        if wanted == "open":
            self._due.discard(name)
        else:
            self._due.add(name)

    def _wanted(self, apdu: bytes, start: int) -> _Wanted | None:
        """Return what a request in clear asks for, None where it goes on with the one before."""
        kind = apdu[start : start + 2]
        if kind[0] == READ_REQUEST:
            return self._wanted_by_short_name(apdu, start)
        if kind[0] == ACTION_REQUEST:
            class_id, method = _descriptor(apdu, start + 3)
            return self._proof if (class_id, method) == (ASSOCIATION_LN, _REPLY) else "open"
        if kind[1] == 1:
            return "value" if _descriptor(apdu, start + 3) in SECRETS else "open"
        if kind[1] == 3:
            return "value" if _has_secret(apdu, start + 3) else "open"
        return None

    def _wanted_by_short_name(self, apdu: bytes, start: int) -> _Wanted | None:
        choice, name = apdu[start + 2], int.from_bytes(apdu[start + 3 : start + 5], "big")
        if choice == 5:
            return None
        if choice == 4 and name == REPLY_TO_HLS:
            return self._proof
        return "value" if self._reads == "secret" else "open"

    @property
    def _proof(self) -> _Wanted:
        return "open" if self._mechanism in _UNGUESSABLE else "proof"

    def _first_secret(self, apdu: bytes, start: int) -> int | None:
        """Return where the secret of an answer begins; the type and length of a value may be seen."""
        name = _name_of(apdu, start)
        if name not in self._due and _NAMELESS not in self._due:
            return None
        if apdu[start] == GET_RESPONSE:
            return _first_secret_by_name(apdu, start)
        if apdu[start] == READ_RESPONSE:
            return _first_secret_by_short_name(apdu, start)
        if apdu[start] == ACTION_RESPONSE and apdu[start + 4]:
            return _value_start(apdu, start + 6)
        return None


def _plain_start(apdu: bytes) -> int | None:
    """Return where the plaintext begins; None where there is none to be seen, or not enough to tell."""
    if not apdu:
        return None
    try:
        offset = 1
        if apdu[0] in _GENERAL:
            length, offset = read_length(apdu, 1)
            offset += length
        elif apdu[0] not in _SEALED:
            return 0
        _, offset = read_length(apdu, offset)
        is_encrypted = apdu[offset] & Protection.ENCRYPTION
    except (IndexError, RemoteProtocolError):
        return None
    start = offset + HEADER_LENGTH
    return None if is_encrypted or start >= len(apdu) else start


def _elements(data: bytes, offset: int) -> Iterator[tuple[int, int, int]]:
    """Yield tag, start and end of each BER element from ``offset`` on; the last one may end behind the data."""
    while offset < len(data):
        length, start = read_length(data, offset + 1)
        yield data[offset], start, start + length
        offset = start + length


def _mechanism(apdu: bytes, start: int) -> int:
    """Return the number of the mechanism that an AARQ names: 0 where it names none, -1 for another standard's."""
    _, content = read_length(apdu, start + 1)
    for tag, begin, end in _elements(apdu, content):
        if tag == 0x8B:
            is_known = apdu[begin:end].startswith(MECHANISM_OID) and end <= len(apdu)
            return apdu[end - 1] if is_known else -1
    return 0


def _aarq_spans(apdu: bytes, start: int) -> Iterator[Span]:
    """Yield a password, which a challenge is not, and a dedicated key."""
    shown = _mechanism(apdu, start)
    _, content = read_length(apdu, start + 1)
    for tag, begin, end in _elements(apdu, content):
        if tag == 0xAC and shown <= Mechanism.LOW:
            _, password = read_length(apdu, begin + 1)
            yield password, end
        elif tag == 0xBE:
            _, initiate = read_length(apdu, begin + 1)
            yield from _dedicated_key(apdu, initiate)


def _dedicated_key(apdu: bytes, offset: int) -> Iterator[Span]:
    if apdu[offset] == GLOBAL[_INITIATE_REQUEST]:
        inner = _plain_start(apdu[offset:])
        if inner is None:
            return
        offset += inner
    if apdu[offset] == _INITIATE_REQUEST and apdu[offset + 1] == 1:
        length, key = read_length(apdu, offset + 2)
        yield key, key + length


def _descriptor(apdu: bytes, offset: int) -> tuple[int, int]:
    """Return class_id and attribute or method."""
    return int.from_bytes(apdu[offset : offset + 2], "big"), apdu[offset + _DESCRIPTOR - 1]


def _has_secret(apdu: bytes, offset: int) -> bool:
    """Tell whether a list asks for a secret; where an item has an access selection, those behind it are not found."""
    count, offset = read_length(apdu, offset)
    for _ in range(count):
        if _descriptor(apdu, offset) in SECRETS:
            return True
        if apdu[offset + _DESCRIPTOR]:
            return True  # nobody knows what follows: too much is masked
        offset += _DESCRIPTOR + 1
    return False


def _parameter_start(apdu: bytes, start: int) -> int:
    """Return where the parameters of a method begin, by its name or by its short name."""
    return start + (4 + _DESCRIPTOR if apdu[start] == ACTION_REQUEST else 6)


def _name_of(apdu: bytes, start: int) -> int:
    """Return what tells which request an answer belongs to."""
    if apdu[start] in {GET_REQUEST, GET_RESPONSE, ACTION_REQUEST, ACTION_RESPONSE} and len(apdu) > start + 2:
        return apdu[start + 2] & INVOKE_ID
    return _NAMELESS


def _is_block_before_the_last(apdu: bytes, start: int) -> bool:
    head = apdu[start : start + 4]
    return (head[:2] == bytes((GET_RESPONSE, 2)) and head[3:] == b"\0") or (
        head[:3] == bytes((READ_RESPONSE, 1, 2)) and head[3:] == b"\0"
    )


def _value_start(data: bytes, offset: int) -> int:
    """Return where a value's own octets begin, behind its type and the length that some types have."""
    return read_length(data, offset + 1)[1] if data[offset] in _WITH_LENGTH else offset + 1


def _first_secret_by_name(apdu: bytes, start: int) -> int | None:
    """Return where the secret of a get-response begins; None for a data-access-result."""
    choice = apdu[start + 1]
    if choice == 3:
        return read_length(apdu, start + 3)[1]
    if choice == 1:
        return None if apdu[start + 3] else _value_start(apdu, start + 4)
    if apdu[start + 8]:
        return None
    raw = read_length(apdu, start + 9)[1]
    is_first = int.from_bytes(apdu[start + 4 : start + 8], "big") == 1
    return _value_start(apdu, raw) if is_first else raw


def _first_secret_by_short_name(apdu: bytes, start: int) -> int | None:
    """Return where the secret of a read-response begins; None for a data-access-result."""
    count, items = read_length(apdu, start + 1)
    if count != 1:
        return items
    choice = apdu[items]
    if choice == 0:
        return _value_start(apdu, items + 1)
    return read_length(apdu, items + 4)[1] if choice == 2 else None
