"""Opening and closing an association, the server's side: AARQ, AARE, RLRQ, RLRE (Green Book, 9.4.2; X.227 in BER).

Of BER only what these four need: one tag octet, definite lengths, no nesting beyond two. The InitiateRequest inside is
A-XDR (Green Book, 9.5) and has fixed places.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from telegraf_dlms.axdr import read_length
from telegraf_dlms.errors import RemoteProtocolError

AARQ, AARE, RLRQ, RLRE = 0x60, 0x61, 0x62, 0x63

#: What stands before the last octet of the application context and mechanism names (Green Book, 9.4.2.2).
_CONTEXT = bytes.fromhex("608574050801")
_MECHANISM = bytes.fromhex("608574050802")
#: The bit string [APPLICATION 31] of 24 bits that a Conformance is; older clients leave its second tag octet out.
_CONFORMANCE = bytes.fromhex("5F1F0400")
_OLD_CONFORMANCE = bytes.fromhex("5F0400")
_DLMS_VERSION = 6
_VAA_LOGICAL_NAMES = bytes.fromhex("0007")


class Context(IntEnum):
    """Application context names, by their last octet."""

    LONG_NAMES = 1
    SHORT_NAMES = 2
    LONG_NAMES_CIPHERED = 3
    SHORT_NAMES_CIPHERED = 4


#: With short names the VAA name is the base name of the Association SN (Green Book, 9.4.5).
_VAA_NAMES: dict[int, bytes] = dict.fromkeys((Context.SHORT_NAMES, Context.SHORT_NAMES_CIPHERED), bytes.fromhex("FA00"))


class Mechanism(IntEnum):
    """Authentication mechanism names, by their last octet; others exist."""

    NONE = 0
    LOW = 1


class Diagnostic(IntEnum):
    """Acse-service-user of the AARE's result-source-diagnostic, where this server uses it."""

    NULL = 0
    NO_REASON_GIVEN = 1
    APPLICATION_CONTEXT_NAME_NOT_SUPPORTED = 2
    AUTHENTICATION_MECHANISM_NAME_NOT_RECOGNISED = 11
    AUTHENTICATION_FAILURE = 13
    AUTHENTICATION_REQUIRED = 14


class Conformance(IntEnum):
    """Bits of the Conformance, the first bit of the standard highest (Green Book, 9.4.6.1)."""

    READ = 1 << 20
    PRIORITY_MANAGEMENT = 1 << 14
    BLOCK_TRANSFER_WITH_GET_OR_READ = 1 << 12
    MULTIPLE_REFERENCES = 1 << 9
    PARAMETERIZED_ACCESS = 1 << 5
    GET = 1 << 4
    SELECTIVE_ACCESS = 1 << 2


@dataclass(frozen=True, slots=True)
class AssociationRequest:
    """An AARQ; ``max_pdu_size`` 0 is no limit, ``context`` 0 an unknown one, ``mechanism`` -1 likewise."""

    context: int
    mechanism: int
    password: bytes
    dlms_version: int
    conformance: int
    max_pdu_size: int


def parse_aarq(apdu: bytes) -> AssociationRequest:
    """Return what an AARQ asks for; RemoteProtocolError where it is not one."""
    fields = dict(_elements(_content(apdu, AARQ)))
    initiate = _content(fields.get(0xBE, b""), 0x04)
    version, conformance, max_pdu_size = _parse_initiate_request(initiate)
    return AssociationRequest(
        context=_last_arc(_content(fields.get(0xA1, b""), 0x06), _CONTEXT, unknown=0),
        mechanism=_last_arc(fields[0x8B], _MECHANISM, unknown=-1) if 0x8B in fields else Mechanism.NONE,
        password=_content(fields[0xAC], 0x80) if 0xAC in fields else b"",
        dlms_version=version,
        conformance=conformance,
        max_pdu_size=max_pdu_size,
    )


def encode_acceptance(*, context: int, conformance: int, max_pdu_size: int) -> bytes:
    """Return the AARE that accepts, with its InitiateResponse; the context says which VAA name is in it."""
    sizes = max_pdu_size.to_bytes(2, "big") + _VAA_NAMES.get(context, _VAA_LOGICAL_NAMES)
    initiate = b"\x08\x00\x06" + _CONFORMANCE + conformance.to_bytes(3, "big") + sizes
    return _encode_aare(context, result=0, diagnostic=Diagnostic.NULL, user_information=initiate)


def encode_rejection(diagnostic: Diagnostic, *, context: int) -> bytes:
    """Return the AARE that rejects for good (result 1), and why."""
    return _encode_aare(context, result=1, diagnostic=diagnostic)


def encode_version_too_low(*, context: int) -> bytes:
    """Return the AARE that rejects a DLMS version below 6, in a confirmed-service-error (initiate, 1)."""
    return _encode_aare(
        context, result=1, diagnostic=Diagnostic.NO_REASON_GIVEN, user_information=bytes.fromhex("0E010601")
    )


def encode_rlre() -> bytes:
    """Return the RLRE: reason normal."""
    return bytes((RLRE, 3, 0x80, 1, 0))


def _encode_aare(context: int, *, result: int, diagnostic: int, user_information: bytes = b"") -> bytes:
    content = (
        _element(0xA1, _element(0x06, _CONTEXT + bytes((context or Context.LONG_NAMES,))))
        + _element(0xA2, _element(0x02, bytes((result,))))
        + _element(0xA3, _element(0xA1, _element(0x02, bytes((diagnostic,)))))
    )
    if user_information:
        content += _element(0xBE, _element(0x04, user_information))
    return _element(AARE, content)


def _element(tag: int, content: bytes) -> bytes:
    """Return one element; every AARE of ours is shorter than 128 octets."""
    return bytes((tag, len(content))) + content


def _elements(data: bytes) -> list[tuple[int, bytes]]:
    """Return the elements that ``data`` is, as (tag, content)."""
    found = []
    offset = 0
    while offset < len(data):
        length, start = read_length(data, offset + 1)
        if length > len(data) - start:
            raise RemoteProtocolError(f"BER element {data[offset]:02X} at offset {offset} wants {length} octets")
        found.append((data[offset], data[start : start + length]))
        offset = start + length
    return found


def _content(data: bytes, tag: int) -> bytes:
    """Return the content of the one element that ``data`` is."""
    elements = _elements(data)
    if len(elements) != 1 or elements[0][0] != tag:
        raise RemoteProtocolError(f"expected one BER element {tag:02X}, got {data[:8].hex(' ').upper() or 'nothing'}")
    return elements[0][1]


def _last_arc(name: bytes, prefix: bytes, *, unknown: int) -> int:
    return name[6] if len(name) == 7 and name.startswith(prefix) else unknown


def _parse_initiate_request(data: bytes) -> tuple[int, int, int]:
    """Return DLMS version, conformance and the client's max PDU size of an InitiateRequest in clear."""
    if data[:1] != b"\x01":
        raise RemoteProtocolError(f"expected an InitiateRequest, got {data[:1].hex().upper() or 'nothing'}")
    offset = _skip_optional(data, 1, content="octet-string")  # dedicated-key
    offset = _skip_optional(data, offset, content="octet")  # response-allowed
    offset = _skip_optional(data, offset, content="octet")  # proposed-quality-of-service
    version, rest = data[offset : offset + 1], data[offset + 1 :]
    for prefix in (_CONFORMANCE, _OLD_CONFORMANCE):
        if rest.startswith(prefix) and len(rest) == len(prefix) + 5:
            return version[0], int.from_bytes(rest[-5:-2], "big"), int.from_bytes(rest[-2:], "big")
    raise RemoteProtocolError("InitiateRequest without a conformance and a max PDU size")


def _skip_optional(data: bytes, offset: int, *, content: Literal["octet", "octet-string"]) -> int:
    """Return the offset after an OPTIONAL or DEFAULT component; beyond the data is for the caller to notice."""
    if data[offset : offset + 1] == b"\x00":
        return offset + 1
    if content == "octet":
        return offset + 2
    length, start = read_length(data, offset + 1)
    return start + length
