"""BER, as far as ACSE uses it here: elements with tags of one octet and definite lengths (X.690, 8.1)."""

from __future__ import annotations

from telegraf_dlms.axdr import encode_length, read_length
from telegraf_dlms.errors import RemoteProtocolError


def element(tag: int, content: bytes) -> bytes:
    """Return one element; a length is encoded as in A-XDR, of which every form is one of BER."""
    return bytes((tag,)) + encode_length(len(content)) + content


def elements(data: bytes, name: str) -> list[tuple[int, bytes]]:
    """Return the elements that ``data`` is, as (tag, content); RemoteProtocolError, with ``name``, where it is none."""
    found = []
    offset = 0
    while offset < len(data):
        try:
            length, start = read_length(data, offset + 1)
        except RemoteProtocolError:
            raise RemoteProtocolError(f"{name}: element {data[offset]:02x} has no length") from None
        if length > len(data) - start:
            left = len(data) - start
            raise RemoteProtocolError(f"{name}: element {data[offset]:02x} says {length} octets, {left} are left")
        found.append((data[offset], data[start : start + length]))
        offset = start + length
    return found


def only(data: bytes | None, tag: int, name: str) -> bytes:
    """Return the content of the one element that ``data`` is; RemoteProtocolError where it is another, or none."""
    found = elements(data or b"", name)
    if len(found) != 1 or found[0][0] != tag:
        raise RemoteProtocolError(f"{name} is missing or malformed")
    return found[0][1]
