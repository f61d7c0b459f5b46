"""A-XDR: octets to values and back (IEC 61334-6; the Data type of the Green Book, 9.5, and the Blue Book, 4.1.5).

=====================================  =====================================================
null-data, dont-care                   None
boolean                                bool
integers of any width, enum            int
bcd                                    int, its two digits; bytes where they are none
float32                                float: the shortest decimal that reads back as it
float64                                float
octet-string                           bytes
visible-string                         VisibleString
utf8-string                            str; bytes where it is not UTF-8
bit-string                             BitString, first bit first
structure                              tuple
array, compact-array                   list
date-time, date, time                  DateTime, Date, Time
=====================================  =====================================================

What is read comes from a meter, or from someone who says to be one. So every count is held against the octets that are
there before anything is allocated for it; nesting has a limit; a compact array, whose elements may take no octet at
all, is refused where it has many more values than octets.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

from telegraf_dlms.axdr_encode import Tag, array, encode, encode_length, structure
from telegraf_dlms.errors import RemoteProtocolError
from telegraf_dlms.float32 import shortest_float

__all__ = [
    "MAX_DEPTH",
    "BitString",
    "Date",
    "DateTime",
    "Tag",
    "Time",
    "Value",
    "VisibleString",
    "array",
    "decode",
    "decode_all",
    "decode_untagged",
    "encode",
    "encode_length",
    "read_length",
    "structure",
]

Value: TypeAlias = "bool | int | float | bytes | str | tuple[Value, ...] | list[Value] | None"
_Decoder: TypeAlias = Callable[[bytes, int, int], tuple[Any, int]]

#: The deepest real structure (an object list's access rights) nests 5 deep; 16 keeps Python's stack far away.
MAX_DEPTH: Final = 16
#: Null columns and empty arrays can make a compact array's values more than its octets, but not by more than this: no
#: profile comes near, and 64 KB of them took 300 ms and 30 MB to read and print.
MAX_UNSENT: Final = 16384


class VisibleString(bytes):
    """The octets of a visible-string."""

    __slots__ = ()


class BitString(str):
    """The bits of a bit-string as 0 and 1, first bit first."""

    __slots__ = ()


class DateTime(bytes):
    """The 12 octets of a date-time."""

    __slots__ = ()


class Date(bytes):
    """The 5 octets of a date."""

    __slots__ = ()


class Time(bytes):
    """The 4 octets of a time."""

    __slots__ = ()


def decode(data: bytes, offset: int = 0) -> tuple[Value, int]:
    """Return the value that starts at ``offset``, and the offset after it; RemoteProtocolError where it is none."""
    try:
        value, offset = _DECODERS[data[offset]](data, offset + 1, MAX_DEPTH)
    except (IndexError, struct.error):
        raise _cut_off(data) from None
    return value, offset


def decode_all(data: bytes) -> Value:
    """Return the one value that ``data`` is; RemoteProtocolError also where anything is left over."""
    value, offset = decode(data)
    if offset != len(data):
        raise RemoteProtocolError(f"A-XDR: {len(data) - offset} octets are left over at octet {offset}")
    return value


def decode_untagged(description: bytes, contents: bytes) -> Value:
    """Return the one value that ``contents`` are by a type description, as in compact arrays: tags are left out.

    RemoteProtocolError where the description is none, or describes more or less than there is.
    """
    try:
        described, offset = _type_description(description, 0, MAX_DEPTH)
    except IndexError:
        raise RemoteProtocolError("A-XDR: the type description is cut off") from None
    if offset != len(description):
        raise RemoteProtocolError(f"A-XDR: {len(description) - offset} octets are left over behind a type description")
    if described.octets > len(contents):
        raise RemoteProtocolError(f"A-XDR: {len(contents)} octets, at least {described.octets} are described")
    if described.values > len(contents) + MAX_UNSENT:
        raise RemoteProtocolError(f"A-XDR: {described.values} values are described for {len(contents)} octets")
    value: Value
    try:
        value, offset = described.read(contents, 0, MAX_DEPTH)
    except (IndexError, struct.error):
        raise _cut_off(contents) from None
    if offset != len(contents):
        raise RemoteProtocolError(f"A-XDR: {len(contents) - offset} octets are left over behind what was described")
    return value


def read_length(data: bytes, offset: int) -> tuple[int, int]:
    """Return a length of 1 to 5 octets and the offset after it; whether as much is there is the caller's to check."""
    try:
        return _length(data, offset)
    except IndexError:
        raise _cut_off(data) from None


# Decoding. A decoder gets the offset after the tag and how many levels may still open; it returns the value and the
# offset after it. One that runs off the end raises IndexError or struct.error, which decode() translates once.


def _cut_off(data: bytes) -> RemoteProtocolError:
    return RemoteProtocolError(f"A-XDR: the value is cut off at octet {len(data)}")


def _promised(what: str, data: bytes, offset: int) -> RemoteProtocolError:
    return RemoteProtocolError(f"A-XDR: {what} promised at octet {offset}, {len(data) - offset} octets are there")


def _length(data: bytes, offset: int) -> tuple[int, int]:
    length = data[offset]
    offset += 1
    if length < 0x80:
        return length, offset
    size = length & 0x7F
    if not 1 <= size <= 4:
        raise RemoteProtocolError(f"A-XDR: a length of {size} octets at octet {offset - 1}")
    if offset + size > len(data):
        raise IndexError
    return int.from_bytes(data[offset : offset + size], "big"), offset + size


def _octets(data: bytes, offset: int) -> tuple[bytes, int]:
    length = data[offset]
    offset += 1
    if length >= 0x80:
        length, offset = _length(data, offset - 1)
    end = offset + length
    if end > len(data):
        raise _promised(f"{length} octets", data, offset)
    return data[offset:end], end


def _count(data: bytes, offset: int, depth: int) -> tuple[int, int]:
    count, offset = _length(data, offset)
    if count > len(data) - offset:
        raise _promised(f"{count} items", data, offset)
    if not depth:
        raise RemoteProtocolError(f"A-XDR: nested more than {MAX_DEPTH} deep at octet {offset}")
    return count, offset


def _array(data: bytes, offset: int, depth: int) -> tuple[list[Value], int]:
    count, offset = _count(data, offset, depth)
    decoders, depth = _DECODERS, depth - 1
    items: list[Value] = []
    append = items.append
    for _ in range(count):
        item, offset = decoders[data[offset]](data, offset + 1, depth)
        append(item)
    return items, offset


def _structure(data: bytes, offset: int, depth: int) -> tuple[tuple[Value, ...], int]:
    items, offset = _array(data, offset, depth)
    return tuple(items), offset


def _null(_data: bytes, offset: int, _depth: int) -> tuple[None, int]:
    return None, offset


def _boolean(data: bytes, offset: int, _depth: int) -> tuple[bool, int]:
    return data[offset] != 0, offset + 1


def _unsigned(data: bytes, offset: int, _depth: int) -> tuple[int, int]:
    return data[offset], offset + 1


def _bcd(data: bytes, offset: int, _depth: int) -> tuple[int | bytes, int]:
    tens, units = divmod(data[offset], 16)
    if tens > 9 or units > 9:
        return data[offset : offset + 1], offset + 1
    return tens * 10 + units, offset + 1


def _octet_string(data: bytes, offset: int, _depth: int) -> tuple[bytes, int]:
    return _octets(data, offset)


def _visible_string(data: bytes, offset: int, _depth: int) -> tuple[VisibleString, int]:
    octets, offset = _octets(data, offset)
    return VisibleString(octets), offset


def _utf8_string(data: bytes, offset: int, _depth: int) -> tuple[str | bytes, int]:
    octets, offset = _octets(data, offset)
    try:
        return octets.decode(), offset
    except UnicodeDecodeError:
        return octets, offset


def _bit_string(data: bytes, offset: int, _depth: int) -> tuple[BitString, int]:
    bits, offset = _length(data, offset)
    end = offset + (bits + 7) // 8
    if end > len(data):
        raise _promised(f"{bits} bits", data, offset)
    number = int.from_bytes(data[offset:end], "big")
    return BitString(f"{number:0{(end - offset) * 8}b}"[:bits]), end


def _float32(data: bytes, offset: int, _depth: int) -> tuple[float, int]:
    return shortest_float(data[offset : offset + 4]), offset + 4


def _fixed(layout: str) -> _Decoder:
    unpack, size = struct.Struct(layout).unpack_from, struct.calcsize(layout)

    def decoder(data: bytes, offset: int, _depth: int) -> tuple[Any, int]:
        return unpack(data, offset)[0], offset + size

    return decoder


def _sized(kind: Callable[[bytes], bytes], size: int) -> _Decoder:
    def decoder(data: bytes, offset: int, _depth: int) -> tuple[bytes, int]:
        if offset + size > len(data):
            raise IndexError
        return kind(data[offset : offset + size]), offset + size

    return decoder


def _unknown(data: bytes, offset: int, _depth: int) -> tuple[Value, int]:
    raise RemoteProtocolError(f"A-XDR: no type has tag {data[offset - 1]}, at octet {offset - 1}")


class _Type(NamedTuple):
    """A type of a compact array: how one is read, the octets that it takes at least, the values that it gives."""

    read: _Decoder
    octets: int
    values: int


def _compact_array(data: bytes, offset: int, depth: int) -> tuple[list[Value], int]:
    element, start = _type_description(data, offset, depth)
    contents, end = _octets(data, start)
    if contents and not 0 < element.octets <= len(contents):
        raise RemoteProtocolError(f"A-XDR: a compact array's element does not fit its contents, at octet {start}")
    most = len(contents) + MAX_UNSENT
    items: list[Value] = []
    position = 0
    while position < len(contents):
        if (len(items) + 1) * element.values > most:
            raise RemoteProtocolError(f"A-XDR: a compact array of more than {most} values, at octet {start}")
        item, position = element.read(contents, position, depth)
        items.append(item)
    return items, end


def _type_description(data: bytes, offset: int, depth: int) -> tuple[_Type, int]:
    tag = data[offset]
    offset += 1
    if tag == Tag.ARRAY:
        return _array_description(data, offset, depth)
    if tag == Tag.STRUCTURE:
        return _structure_description(data, offset, depth)
    if tag == Tag.COMPACT_ARRAY or _DECODERS[tag] is _unknown:
        raise RemoteProtocolError(f"A-XDR: tag {tag} in a type description, at octet {offset - 1}")
    return _Type(_DECODERS[tag], int(_DECODERS[tag] is not _null), 1), offset


def _array_description(data: bytes, offset: int, depth: int) -> tuple[_Type, int]:
    count = data[offset] << 8 | data[offset + 1]
    item, offset = _nested_description(data, offset + 2, depth)

    def read(contents: bytes, position: int, depth: int) -> tuple[list[Value], int]:
        values: list[Value] = []
        for _ in range(count):
            value, position = item.read(contents, position, depth)
            values.append(value)
        return values, position

    return _Type(read, count * item.octets, 1 + count * item.values), offset


def _structure_description(data: bytes, offset: int, depth: int) -> tuple[_Type, int]:
    count, offset = _count(data, offset, depth)
    items: list[_Type] = []
    for _ in range(count):
        item, offset = _nested_description(data, offset, depth)
        items.append(item)

    def read(contents: bytes, position: int, depth: int) -> tuple[tuple[Value, ...], int]:
        values: list[Value] = []
        for item in items:
            value, position = item.read(contents, position, depth)
            values.append(value)
        return tuple(values), position

    return _Type(read, sum(item.octets for item in items), 1 + sum(item.values for item in items)), offset


def _nested_description(data: bytes, offset: int, depth: int) -> tuple[_Type, int]:
    if not depth:
        raise RemoteProtocolError(f"A-XDR: nested more than {MAX_DEPTH} deep at octet {offset}")
    return _type_description(data, offset, depth - 1)


_KNOWN: dict[int, _Decoder] = {
    Tag.NULL_DATA: _null,
    Tag.ARRAY: _array,
    Tag.STRUCTURE: _structure,
    Tag.BOOLEAN: _boolean,
    Tag.BIT_STRING: _bit_string,
    Tag.DOUBLE_LONG: _fixed(">i"),
    Tag.DOUBLE_LONG_UNSIGNED: _fixed(">I"),
    Tag.OCTET_STRING: _octet_string,
    Tag.VISIBLE_STRING: _visible_string,
    Tag.UTF8_STRING: _utf8_string,
    Tag.BCD: _bcd,
    Tag.INTEGER: _fixed(">b"),
    Tag.LONG: _fixed(">h"),
    Tag.UNSIGNED: _unsigned,
    Tag.LONG_UNSIGNED: _fixed(">H"),
    Tag.COMPACT_ARRAY: _compact_array,
    Tag.LONG64: _fixed(">q"),
    Tag.LONG64_UNSIGNED: _fixed(">Q"),
    Tag.ENUM: _unsigned,
    Tag.FLOAT32: _float32,
    Tag.FLOAT64: _fixed(">d"),
    Tag.DATE_TIME: _sized(DateTime, 12),
    Tag.DATE: _sized(Date, 5),
    Tag.TIME: _sized(Time, 4),
    Tag.DONT_CARE: _null,
}
_DECODERS = [_KNOWN.get(tag, _unknown) for tag in range(256)]
