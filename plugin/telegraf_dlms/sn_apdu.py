"""The xDLMS READ service of short names as octets, of both roles (Green Book, 9.3.14 and 9.5); read.py converses.

A request is a list of variables, each a 16-bit short name, with or without an access selector and its parameters; the
answer has one item for each. It carries no invoke-id: an answer belongs to the request before it. Data is not looked
into here: it stays A-XDR octets.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from telegraf_dlms import axdr
from telegraf_dlms.apdu import CONFIRMED_SERVICE_ERROR, EXCEPTION_RESPONSE, Refusal, parse_get_response
from telegraf_dlms.errors import LocalProtocolError, RemoteProtocolError

if TYPE_CHECKING:
    from collections.abc import Sequence

READ_REQUEST: Final = 0x05
READ_RESPONSE: Final = 0x0C


class Variable(NamedTuple):
    """What is read: a short name, and the access selector with its encoded parameters, or none."""

    short_name: int
    selection: bytes = b""


@dataclass(frozen=True, slots=True)
class ReadResult:
    """The items of an answer: for each variable 00 and A-XDR octets, or 01 and a data-access-result."""

    count: int
    items: bytes


@dataclass(frozen=True, slots=True)
class ReadBlock:
    """One block of an answer; they are numbered from 1, and together are an answer's octets behind its tag."""

    last: bool
    number: int
    raw: bytes


ReadResponse: TypeAlias = ReadResult | ReadBlock | Refusal


@dataclass(frozen=True, slots=True)
class ReadVariables:
    """A request for variables."""

    variables: tuple[Variable, ...]


@dataclass(frozen=True, slots=True)
class ReadNext:
    """A request for the block after ``block``."""

    block: int


ReadRequest: TypeAlias = ReadVariables | ReadNext


# The client's side.


def encode_read(variables: Sequence[Variable]) -> bytes:
    """Return the read-request for ``variables``; LocalProtocolError where a short name does not fit 16 bits."""
    items = b"".join(map(_encode_variable, variables))
    return bytes((READ_REQUEST,)) + axdr.encode_length(len(variables)) + items


def encode_read_next(block_number: int) -> bytes:
    """Return the read-request for the next block; ``block_number`` is that of the last block received."""
    return _NEXT.pack(READ_REQUEST, 1, _BLOCK_NUMBER_ACCESS, block_number)


def parse_read_response(apdu: bytes) -> ReadResponse:
    """Return what answers a read-request; RemoteProtocolError where ``apdu`` is nothing of the kind."""
    tag = apdu[:1]
    if tag in _REFUSALS:
        answer = parse_get_response(apdu)
        if isinstance(answer, Refusal):
            return answer
    if tag != _RESPONSE:
        raise RemoteProtocolError(f"no answer to a read-request: {apdu[:16].hex(' ')}")
    count, start = axdr.read_length(apdu, 1)
    choice = apdu[start : start + 1]
    if count == 1 and choice == b"\x02":
        return _parse_block(apdu, start)
    if count == 1 and choice == b"\x03":
        raise RemoteProtocolError(f"a block-number, and no block was sent: {apdu[:16].hex(' ')}")
    return ReadResult(count, apdu[start:])


# The server's side.


def parse_read_request(apdu: bytes) -> ReadRequest:
    """Return what is asked for; RemoteProtocolError where ``apdu`` is no read-request, or one that comes in blocks."""
    if apdu[:1] != _REQUEST:
        raise RemoteProtocolError(f"no read-request: {apdu[:16].hex(' ')}")
    try:
        if apdu[1:3] == bytes((1, _BLOCK_NUMBER_ACCESS)) and len(apdu) == _NEXT.size:
            return ReadNext(_NEXT.unpack(apdu)[3])
        return ReadVariables(_parse_variables(apdu))
    except (IndexError, struct.error):
        raise RemoteProtocolError(f"the request is cut off: {apdu[:16].hex(' ')}") from None


def encode_read_response(results: Sequence[bytes | int]) -> bytes:
    """Return the read-response: A-XDR octets or a data-access-result for each; from its second octet on it is cut."""
    items = b"".join(bytes((1, result)) if isinstance(result, int) else b"\x00" + result for result in results)
    return _RESPONSE + axdr.encode_length(len(results)) + items


def encode_read_block(raw: bytes, *, number: int, last: bool) -> bytes:
    """Return the read-response with one data-block-result."""
    return _BLOCK.pack(READ_RESPONSE, 1, 2, last, number) + axdr.encode_length(len(raw)) + raw


_REQUEST, _RESPONSE = bytes((READ_REQUEST,)), bytes((READ_RESPONSE,))
_REFUSALS = frozenset({bytes((EXCEPTION_RESPONSE,)), bytes((CONFIRMED_SERVICE_ERROR,))})
#: Variable-Access-Specification of the Green Book, 9.5.
_VARIABLE_NAME, _PARAMETERIZED_ACCESS, _BLOCK_NUMBER_ACCESS = 2, 4, 5
_VARIABLE = struct.Struct(">BH")
_NEXT = struct.Struct(">BBBH")
_BLOCK = struct.Struct(">BBB?H")


def _encode_variable(variable: Variable) -> bytes:
    short_name, selection = variable
    try:
        return _VARIABLE.pack(_PARAMETERIZED_ACCESS if selection else _VARIABLE_NAME, short_name) + selection
    except struct.error:
        raise LocalProtocolError(f"short name {short_name} does not fit 16 bits") from None


def _parse_block(apdu: bytes, start: int) -> ReadBlock:
    head = apdu[start + 1 : start + 4]
    length, offset = axdr.read_length(apdu, start + 4)
    if offset + length != len(apdu):
        raise RemoteProtocolError(f"a block has {len(apdu) - offset} octets instead of {length}")
    return ReadBlock(head[0] != 0, int.from_bytes(head[1:], "big"), apdu[offset:])


def _parse_variables(apdu: bytes) -> tuple[Variable, ...]:
    count, offset = axdr.read_length(apdu, 1)
    if count > len(apdu):
        raise IndexError
    variables = []
    for _ in range(count):
        choice, short_name = _VARIABLE.unpack_from(apdu, offset)
        offset += _VARIABLE.size
        selection = b""
        if choice == _PARAMETERIZED_ACCESS:
            _, end = axdr.decode(apdu, offset + 1)
            selection, offset = apdu[offset:end], end
        elif choice != _VARIABLE_NAME:
            raise RemoteProtocolError(f"variable access {choice} is not understood: {apdu[:16].hex(' ')}")
        variables.append(Variable(short_name, selection))
    if offset != len(apdu):
        raise RemoteProtocolError(f"{len(apdu) - offset} octets behind a read-request: {apdu[:16].hex(' ')}")
    return tuple(variables)
