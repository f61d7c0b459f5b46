"""A-XDR: values to octets (IEC 61334-6; the Data type of the Green Book, 9.5); the other direction is in axdr."""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from telegraf_dlms.errors import LocalProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Tag(IntEnum):
    """The tags of Data (Green Book, 9.5)."""

    NULL_DATA = 0
    ARRAY = 1
    STRUCTURE = 2
    BOOLEAN = 3
    BIT_STRING = 4
    DOUBLE_LONG = 5
    DOUBLE_LONG_UNSIGNED = 6
    OCTET_STRING = 9
    VISIBLE_STRING = 10
    UTF8_STRING = 12
    BCD = 13
    INTEGER = 15
    LONG = 16
    UNSIGNED = 17
    LONG_UNSIGNED = 18
    COMPACT_ARRAY = 19
    LONG64 = 20
    LONG64_UNSIGNED = 21
    ENUM = 22
    FLOAT32 = 23
    FLOAT64 = 24
    DATE_TIME = 25
    DATE = 26
    TIME = 27
    DONT_CARE = 255


def encode_length(length: int) -> bytes:
    """Return a length in its shortest form, up to 2^32 - 1."""
    if length < 0x80:
        return bytes((length,))
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    if len(octets) > 4:
        raise LocalProtocolError(f"a length of {length} does not fit A-XDR")
    return bytes((0x80 | len(octets),)) + octets


def encode(tag: Tag, value: Any = None) -> bytes:
    """Return ``value`` as ``tag``, tag first; LocalProtocolError where it does not fit.

    An array or a structure takes its items already encoded; a compact array takes its type description and its
    contents; a bit-string takes 0 and 1 as text.
    """
    try:
        return bytes((tag,)) + _ENCODERS[tag](value)
    except (struct.error, ArithmeticError, AttributeError, TypeError, ValueError) as error:
        raise LocalProtocolError(f"{value!r} is no {Tag(tag).name}: {error}") from error


def array(items: Iterable[bytes]) -> bytes:
    """Return an array of already encoded items."""
    return encode(Tag.ARRAY, list(items))


def structure(*items: bytes) -> bytes:
    """Return a structure of already encoded items."""
    return encode(Tag.STRUCTURE, items)


# Encoding, after the tag.


def _packed(layout: str) -> Callable[[Any], bytes]:
    return struct.Struct(layout).pack


def _encoded_octets(value: bytes) -> bytes:
    return encode_length(len(value)) + value


def _encoded_items(items: list[bytes] | tuple[bytes, ...]) -> bytes:
    return encode_length(len(items)) + b"".join(items)


def _encoded_bits(bits: str) -> bytes:
    size = (len(bits) + 7) // 8
    return encode_length(len(bits)) + int(bits.ljust(size * 8, "0") or "0", 2).to_bytes(size, "big")


def _encoded_bcd(number: int) -> bytes:
    return bytes.fromhex(f"{number:02d}")


def _encoded_fixed(size: int) -> Callable[[bytes], bytes]:
    def encoder(octets: bytes) -> bytes:
        if len(octets) != size:
            raise ValueError(f"it has {len(octets)} octets, not {size}")
        return octets

    return encoder


_ENCODERS: dict[Tag, Callable[[Any], bytes]] = {
    Tag.NULL_DATA: lambda _: b"",
    Tag.ARRAY: _encoded_items,
    Tag.STRUCTURE: _encoded_items,
    Tag.BOOLEAN: lambda value: b"\x01" if value else b"\x00",
    Tag.BIT_STRING: _encoded_bits,
    Tag.DOUBLE_LONG: _packed(">i"),
    Tag.DOUBLE_LONG_UNSIGNED: _packed(">I"),
    Tag.OCTET_STRING: _encoded_octets,
    Tag.VISIBLE_STRING: _encoded_octets,
    Tag.UTF8_STRING: lambda value: _encoded_octets(value.encode()),
    Tag.BCD: _encoded_bcd,
    Tag.INTEGER: _packed(">b"),
    Tag.LONG: _packed(">h"),
    Tag.UNSIGNED: _packed(">B"),
    Tag.LONG_UNSIGNED: _packed(">H"),
    Tag.COMPACT_ARRAY: lambda value: value[0] + _encoded_octets(value[1]),
    Tag.LONG64: _packed(">q"),
    Tag.LONG64_UNSIGNED: _packed(">Q"),
    Tag.ENUM: _packed(">B"),
    Tag.FLOAT32: _packed(">f"),
    Tag.FLOAT64: _packed(">d"),
    Tag.DATE_TIME: _encoded_fixed(12),
    Tag.DATE: _encoded_fixed(5),
    Tag.TIME: _encoded_fixed(4),
    Tag.DONT_CARE: lambda _: b"",
}
