"""What is sent as the addresses of a client and a server, in HDLC and in WRAPPER (Green Book, 8.4.2 and 7.3.3.2).

The router's rules, so that its configurations keep working: logical server address 0 means that the server address
is the whole address; otherwise logical is the upper, server the lower part. Examples, (logical, server) and octets:
(0, 1) ``03``; (1, 17) ``02 23``; (0, 6678) ``68 2D``; (1, 6678) ``00 02 68 2D``.
"""

from __future__ import annotations

import ast
import operator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seven bits an octet: what one and two octets of an HDLC address hold.
ONE_OCTET = 0x80
TWO_OCTETS = 0x4000
#: A wPort of the WRAPPER has 16 bits.
WPORTS = 0x10000

#: Longer formulas are no formulas; it also bounds the depth of what Python's parser builds.
MAX_FORMULA = 100


def hdlc_client(client_address: int) -> bytes:
    """Return the one octet of a client's HDLC address, 0 to 127; ValueError where it does not fit."""
    if not 0 <= client_address < ONE_OCTET:
        raise ValueError(f"{client_address} is outside 0..{ONE_OCTET - 1}")
    return bytes([client_address << 1 | 1])


def hdlc_server(logical: int, server: int, *, address_size: int | None = None) -> bytes:
    """Return the 1, 2 or 4 octets of a server's HDLC address; ValueError where it does not fit."""
    size = _size(logical, server, address_size)
    if size == 1:
        return bytes([server << 1 | 1])
    number = logical << (7 if size == 2 else 14) | server
    octets = bytearray(number >> 7 * position << 1 & 0xFE for position in range(size - 1, -1, -1))
    octets[-1] |= 1
    return bytes(octets)


def wrapper_server(logical: int, server: int, *, address_size: int | None = None) -> int:
    """Return the destination wPort: server, or logical x 128 + server (x 16384 in the wide form of 2 + 2 octets).

    ValueError where it does not fit 16 bits.
    """
    if logical == 0 and address_size is None:
        wport = server
    else:
        size = _size(logical, server, address_size)
        wport = logical * (TWO_OCTETS if size == 4 else ONE_OCTET) + server
    if not 0 <= wport < WPORTS:
        raise ValueError(f"{wport} is beyond the wPort's 16 bits")
    return wport


def lower_by_serial(serial_number: int, formula: str | None = None) -> int:
    """Return the server address that a serial number stands for: ``SN % 10000 + 1000``, or what the formula says.

    A formula has SN, whole numbers, + - * / % and parentheses; division drops the remainder. ValueError says what is
    wrong with it.
    """
    if formula is None:
        return serial_number % 10000 + 1000
    if len(formula) > MAX_FORMULA:
        raise ValueError(f"is longer than {MAX_FORMULA} characters")
    try:
        tree = ast.parse(formula.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ValueError('is not a formula such as "SN % 10000 + 1000"') from None
    address = _evaluate(tree.body, serial_number)
    if not 0 <= address < TWO_OCTETS:
        raise ValueError(f"gives {address}, outside 0..{TWO_OCTETS - 1}")
    return address


def _size(logical: int, server: int, address_size: int | None) -> int:
    both_short = logical < ONE_OCTET and server < ONE_OCTET
    least = (2 if both_short else 4) if logical else (1 if both_short else 2)
    if logical >= TWO_OCTETS or server >= TWO_OCTETS:
        raise ValueError(f"logical {logical}, server {server} do not fit the 4 octets of an HDLC address")
    if address_size is not None and address_size < least:
        raise ValueError(f"logical {logical}, server {server} need {least} octets, address_size is {address_size}")
    return address_size or least


_OPERATORS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.floordiv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


def _evaluate(node: ast.expr, serial_number: int) -> int:
    """Return what a part of a formula gives; MAX_FORMULA bounds the depth."""
    match node:
        case ast.Constant(value=int() as number) if not isinstance(number, bool):
            return number
        case ast.Name(id="SN" | "sn"):
            return serial_number
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            operands = _evaluate(left, serial_number), _evaluate(right, serial_number)
            try:
                return _OPERATORS[type(op)](*operands)
            except ZeroDivisionError:
                raise ValueError("divides by zero") from None
        case _:
            raise ValueError("may hold SN, whole numbers, + - * / % and parentheses only")
