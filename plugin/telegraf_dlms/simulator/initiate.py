"""InitiateRequest and InitiateResponse in clear, the server's side (Green Book, 9.5): A-XDR with fixed places."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from telegraf_dlms.access import VAA_NAMES
from telegraf_dlms.association import CONFORMANCE_HEAD, DLMS_VERSION
from telegraf_dlms.axdr import read_length
from telegraf_dlms.errors import RemoteProtocolError
from telegraf_dlms.simulator.acse import Context

INITIATE_REQUEST: Final = 0x01
INITIATE_RESPONSE: Final = 0x08

#: Confirmed-service-errors of an InitiateRequest: initiateError, and why (Green Book, 9.5).
DECIPHERING_ERROR: Final = bytes.fromhex("0E010006")
VERSION_TOO_LOW: Final = bytes.fromhex("0E010601")

#: Older clients leave the second octet of the Conformance's tag out.
_OLD_CONFORMANCE_HEAD: Final = bytes.fromhex("5F0400")


@dataclass(frozen=True, slots=True)
class InitiateRequest:
    """What a client proposes; ``max_pdu_size`` 0 is no limit, ``dedicated_key`` empty where there is none."""

    dedicated_key: bytes = field(repr=False)
    dlms_version: int
    conformance: int
    max_pdu_size: int


def parse_initiate_request(data: bytes) -> InitiateRequest:
    """Return what is proposed; RemoteProtocolError where ``data`` is no InitiateRequest."""
    if data[:1] != bytes((INITIATE_REQUEST,)):
        raise RemoteProtocolError(f"expected an InitiateRequest, got {data[:1].hex() or 'nothing'}")
    dedicated_key, offset = _optional(data, 1, content="octet-string")
    _, offset = _optional(data, offset, content="octet")  # response-allowed
    _, offset = _optional(data, offset, content="octet")  # proposed-quality-of-service
    version, rest = data[offset : offset + 1], data[offset + 1 :]
    for head in (CONFORMANCE_HEAD, _OLD_CONFORMANCE_HEAD):
        if rest.startswith(head) and len(rest) == len(head) + 5:
            conformance, size = int.from_bytes(rest[-5:-2], "big"), int.from_bytes(rest[-2:], "big")
            return InitiateRequest(dedicated_key, version[0], conformance, size)
    raise RemoteProtocolError("InitiateRequest without a conformance and a max PDU size")


def encode_initiate_response(*, context: int, conformance: int, max_pdu_size: int) -> bytes:
    """Return the InitiateResponse; the context says which VAA name is in it."""
    is_short = context in {Context.SHORT_NAMES, Context.SHORT_NAMES_CIPHERED}
    sizes = max_pdu_size.to_bytes(2, "big") + VAA_NAMES["short_names" if is_short else "logical_names"].to_bytes(
        2, "big"
    )
    return bytes((INITIATE_RESPONSE, 0, DLMS_VERSION)) + CONFORMANCE_HEAD + conformance.to_bytes(3, "big") + sizes


def _optional(data: bytes, offset: int, *, content: Literal["octet", "octet-string"]) -> tuple[bytes, int]:
    """Return an OPTIONAL component and the offset after it; that one is cut off is for the caller to notice."""
    if data[offset : offset + 1] == b"\x00":
        return b"", offset + 1
    length, start = (1, offset + 1) if content == "octet" else read_length(data, offset + 1)
    return data[start : start + length], start + length
