"""Mutations that leave lengths and counts right: of A-XDR as a tree of values, and of BER as elements in elements."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from fuzz.mutation import mutated
from telegraf_dlms import ber
from telegraf_dlms.axdr import Tag, decode, encode_length, read_length
from telegraf_dlms.errors import RemoteProtocolError

if TYPE_CHECKING:
    from random import Random

#: A node is a tag and its octets, or its children; a compact array is one with all of its octets, tag and all.
Node: TypeAlias = "tuple[int, bytes | list[Node]]"

_PARENTS = (Tag.ARRAY, Tag.STRUCTURE)
_STRINGS = (Tag.OCTET_STRING, Tag.VISIBLE_STRING, Tag.UTF8_STRING)
_FIXED = {
    Tag.NULL_DATA: 0,
    Tag.DONT_CARE: 0,
    Tag.BOOLEAN: 1,
    Tag.DOUBLE_LONG: 4,
    Tag.DOUBLE_LONG_UNSIGNED: 4,
    Tag.BCD: 1,
    Tag.INTEGER: 1,
    Tag.LONG: 2,
    Tag.UNSIGNED: 1,
    Tag.LONG_UNSIGNED: 2,
    Tag.LONG64: 8,
    Tag.LONG64_UNSIGNED: 8,
    Tag.ENUM: 1,
    Tag.FLOAT32: 4,
    Tag.FLOAT64: 8,
    Tag.DATE_TIME: 12,
    Tag.DATE: 5,
    Tag.TIME: 4,
}
#: What stands in the place of any value: limits, what is no number, what is no text, times that are none.
_ODD: tuple[Node, ...] = (
    (Tag.NULL_DATA, b""),
    (Tag.FLOAT32, bytes.fromhex("7fc00000")),
    (Tag.FLOAT64, bytes.fromhex("fff0000000000000")),
    (Tag.FLOAT64, bytes.fromhex("7fefffffffffffff")),
    (Tag.FLOAT32, bytes.fromhex("00000001")),
    (Tag.LONG64, bytes.fromhex("8000000000000000")),
    (Tag.LONG64_UNSIGNED, b"\xff" * 8),
    (Tag.INTEGER, b"\x80"),
    (Tag.OCTET_STRING, b""),
    (Tag.OCTET_STRING, b"\n\r\x00"),
    (Tag.OCTET_STRING, b'a "quoted" \\ text\\'),
    (Tag.OCTET_STRING, b"\xff" * 12),
    (Tag.OCTET_STRING, bytes.fromhex("07ea0d20ff183c3cff800000")),
    (Tag.OCTET_STRING, bytes.fromhex("07ea0101ff00000000034800")),
    (Tag.OCTET_STRING, bytes.fromhex("0001010100000000000000")),
    (Tag.DATE_TIME, bytes.fromhex("ffffffffffffffffff8000ff")),
    (Tag.DATE_TIME, bytes.fromhex("270f0c1fff173b3b63fcb8ff")),
    (Tag.DATE_TIME, bytes.fromhex("00010101ff00000000034800")),
    (Tag.UTF8_STRING, "\u2028\u202e\x7f".encode()),
    (Tag.UTF8_STRING, b"\xed\xa0\x80"),
    (Tag.VISIBLE_STRING, bytes(6)),
    (Tag.BIT_STRING, b"\x00"),
    (Tag.BIT_STRING, b"\x09\xff\x80"),
    (Tag.ARRAY, []),
    (Tag.STRUCTURE, []),
    (Tag.COMPACT_ARRAY, bytes.fromhex("13 11 03 010203")),
)


def tree_mutated(octets: bytes, source: Random, others: list[bytes] | None = None) -> bytes:
    """Return good A-XDR with one to three of its values changed; what cannot be read as a tree is mutated as octets."""
    try:
        root, _ = _read(octets, 0)
    except (RemoteProtocolError, IndexError, KeyError):
        return mutated(octets, source, others or [])
    for _ in range(source.choice((1, 1, 2, 3))):
        root = _changed(root, source)
    return _written(root)


def _read(octets: bytes, offset: int) -> tuple[Node, int]:
    tag = octets[offset]
    if tag in _PARENTS:
        count, offset = read_length(octets, offset + 1)
        children: list[Node] = []
        for _ in range(count):
            child, offset = _read(octets, offset)
            children.append(child)
        return (tag, children), offset
    if tag == Tag.COMPACT_ARRAY:
        _, end = decode(octets, offset)
        return (tag, octets[offset:end]), end
    if tag == Tag.BIT_STRING:
        _, end = decode(octets, offset)
        return (tag, octets[offset + 1 : end]), end
    if tag in _STRINGS:
        length, offset = read_length(octets, offset + 1)
        return (tag, octets[offset : offset + length]), offset + length
    end = offset + 1 + _FIXED[tag]
    return (tag, octets[offset + 1 : end]), end


def _written(node: Node) -> bytes:
    tag, content = node
    if isinstance(content, list):
        return bytes((tag,)) + encode_length(len(content)) + b"".join(map(_written, content))
    if tag == Tag.COMPACT_ARRAY:
        return content
    if tag in _STRINGS:
        return bytes((tag,)) + encode_length(len(content)) + content
    return bytes((tag,)) + content


def _changed(node: Node, source: Random) -> Node:
    """Return the node with something in it, or itself, changed."""
    tag, content = node
    if not isinstance(content, list) or not content or source.random() < 0.15:
        return _other(node, source)
    children = list(content)
    at = source.randrange(len(children))
    way = source.randrange(10)
    if way == 0:
        del children[at]
    elif way == 1:
        children.insert(at, source.choice(children))
    elif way == 2:
        children.insert(at, source.choice(_ODD))
    else:
        children[at] = _changed(children[at], source)
    return tag, children


def _other(node: Node, source: Random) -> Node:
    tag, content = node
    way = source.randrange(6)
    if way == 0:
        return source.choice(_PARENTS), [node]
    if way == 1 and isinstance(content, list):
        return source.choice(_PARENTS), content
    if way == 2 and tag in _STRINGS:
        return source.choice(_STRINGS), mutated(bytes(content), source)
    if way < 5 and tag in _FIXED and content:
        same = [other for other, size in _FIXED.items() if size == len(content)]
        return source.choice(same), source.choice((source.randbytes(len(content)), bytes(content)))
    return source.choice(_ODD)


def ber_mutated(apdu: bytes, source: Random) -> bytes:
    """Return good BER with the content of one of its elements, or of one within, mutated; lengths are right."""
    return _with_one_changed(apdu, source, 0)


def _with_one_changed(octets: bytes, source: Random, depth: int) -> bytes:
    try:
        found = ber.elements(octets, "BER")
    except RemoteProtocolError:
        found = []
    if not found or source.random() < 0.1:
        return mutated(octets, source)
    at = source.randrange(len(found))
    way = source.randrange(12)
    if way == 0:
        del found[at]
    elif way == 1:
        found.insert(at, source.choice(found))
    elif way == 2:
        found[at] = (source.choice((0x80, 0x89, 0xA1, 0xA2, 0xA3, 0xA4, 0xAA, 0xBE, 4)), found[at][1])
    else:
        tag, content = found[at]
        deeper = depth < 3 and (tag & 0x20 or depth == 0)
        found[at] = tag, _with_one_changed(content, source, depth + 1) if deeper else mutated(content, source)
    return b"".join(ber.element(tag, content) for tag, content in found)
