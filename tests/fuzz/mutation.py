"""What is done to good octets: bits, numbers, lengths; pieces left out, put in, doubled, moved, taken from others."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

#: Octets that mean much somewhere: limits of numbers, flags, lengths, tags of A-XDR and of APDUs.
TELLING = bytes.fromhex(
    "00 01 02 03 04 05 06 09 0a 0c 0f 10 11 12 13 16 17 19 20 30 61 7e 7f 80 81 82 84 c4 d8 db e6 fe ff"
)
#: Numbers at the limits of their widths.
NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x1_0000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF)


def mutated(octets: bytes, source: Random, others: Sequence[bytes] = ()) -> bytes:
    """Return octets with one to four things done to them; ``others`` are octets that pieces may come from."""
    changed = bytearray(octets)
    for _ in range(source.choice((1, 1, 1, 2, 2, 3, 4))):
        source.choice(_WAYS)(changed, source, others)
    return bytes(changed)


def _at(changed: bytearray, source: Random) -> int:
    return source.randrange(len(changed) + 1)


def _flip_bit(changed: bytearray, source: Random, _others: Sequence[bytes]) -> None:
    if changed:
        changed[source.randrange(len(changed))] ^= 1 << source.randrange(8)


def _replace(changed: bytearray, source: Random, _others: Sequence[bytes]) -> None:
    at = _at(changed, source)
    changed[at : at + 1] = bytes((source.choice(TELLING),))


def _randomize(changed: bytearray, source: Random, _others: Sequence[bytes]) -> None:
    at = _at(changed, source)
    size = source.randint(1, 4)
    changed[at : at + size] = source.randbytes(size)


def _nudge(changed: bytearray, source: Random, _others: Sequence[bytes]) -> None:
    """Change a number by little, as a length that is nearly right."""
    if changed:
        at = source.randrange(len(changed))
        changed[at] = (changed[at] + source.choice((-2, -1, 1, 2))) & 0xFF


def _set_number(changed: bytearray, source: Random, _others: Sequence[bytes]) -> None:
    size = source.choice((1, 2, 4, 8))
    number = source.choice((*NUMBERS, len(changed), len(changed) + 1))
    at = _at(changed, source)
    changed[at : at + size] = (number & ((1 << 8 * size) - 1)).to_bytes(size, "big")


def _set_length(changed: bytearray, source: Random, _others: Sequence[bytes]) -> None:
    """Put a length of A-XDR or BER, of any form, in the place of an octet."""
    size = source.randint(0, 5)
    number = source.choice((*NUMBERS, len(changed)))
    at = _at(changed, source)
    octets = bytes((0x80 | size,)) + (number & ((1 << 8 * size) - 1)).to_bytes(size, "big")
    changed[at : at + 1] = octets if size else bytes((number & 0xFF,))


def _cut_off(changed: bytearray, source: Random, _others: Sequence[bytes]) -> None:
    del changed[_at(changed, source) :]


def _leave_out(changed: bytearray, source: Random, _others: Sequence[bytes]) -> None:
    at = _at(changed, source)
    del changed[at : at + source.choice((1, 1, 2, 4, 16))]


def _put_in(changed: bytearray, source: Random, _others: Sequence[bytes]) -> None:
    at = _at(changed, source)
    changed[at:at] = source.randbytes(source.randint(1, 4))


def _double(changed: bytearray, source: Random, _others: Sequence[bytes]) -> None:
    at = _at(changed, source)
    changed[at:at] = changed[at : at + source.randint(1, 40)]


def _fill(changed: bytearray, source: Random, _others: Sequence[bytes]) -> None:
    at = _at(changed, source)
    size = source.randint(1, 30)
    changed[at : at + size] = bytes((source.choice(TELLING),)) * size


def _move(changed: bytearray, source: Random, _others: Sequence[bytes]) -> None:
    at, size = _at(changed, source), source.randint(1, 20)
    piece = changed[at : at + size]
    del changed[at : at + size]
    to = _at(changed, source)
    changed[to:to] = piece


def _splice(changed: bytearray, source: Random, others: Sequence[bytes]) -> None:
    """Go on as some other octets do, from anywhere in them; or take a piece of them."""
    other = source.choice(others) if others else bytes(changed)
    begin = source.randrange(len(other) + 1)
    at = _at(changed, source)
    if source.random() < 0.5:
        changed[at:] = other[begin:]
    else:
        changed[at:at] = other[begin : begin + source.randint(1, 40)]


_WAYS: tuple[Callable[[bytearray, Random, Sequence[bytes]], None], ...] = (
    _flip_bit,
    _flip_bit,
    _replace,
    _replace,
    _randomize,
    _nudge,
    _nudge,
    _set_number,
    _set_length,
    _cut_off,
    _leave_out,
    _put_in,
    _double,
    _fill,
    _move,
    _splice,
)


def in_pieces(octets: bytes, source: Random) -> list[bytes]:
    """Return octets as they may be read: whole, octet by octet, or in pieces of any size."""
    way = source.randrange(4)
    if way < 2 or len(octets) < 2:
        return [octets] if octets else []
    if way == 2 and len(octets) < 200:
        return [octets[at : at + 1] for at in range(len(octets))]
    cuts = sorted(source.sample(range(1, len(octets)), min(len(octets) - 1, source.randint(1, 6))))
    return [octets[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(octets)], strict=True)]
