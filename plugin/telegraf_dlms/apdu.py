"""The xDLMS GET service as octets, of both roles (Green Book, 9.3.6 and 9.5); get.py holds the client's conversation.

An invoke-id-and-priority octet carries the invoke-id in its lower four bits, "confirmed" in 40h and "high priority" in
80h. Data is not looked into here: it stays A-XDR octets.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from telegraf_dlms import axdr
from telegraf_dlms.axdr import Tag
from telegraf_dlms.cosem import AttributeDescriptor
from telegraf_dlms.errors import LocalProtocolError, RemoteProtocolError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telegraf_dlms.cosem import CaptureObject

GET_REQUEST: Final = 0xC0
GET_RESPONSE: Final = 0xC4
EXCEPTION_RESPONSE: Final = 0xD8
CONFIRMED_SERVICE_ERROR: Final = 0x0E

#: The bits of an invoke-id-and-priority octet that come back with the answer.
INVOKE_ID: Final = 0x0F


@dataclass(frozen=True, slots=True)
class GetResult:
    """The whole value of one attribute, as A-XDR octets."""

    invoke_id: int
    value_octets: bytes


@dataclass(frozen=True, slots=True)
class GetRefused:
    """A data-access-result instead of a value or a block."""

    invoke_id: int
    result: int


@dataclass(frozen=True, slots=True)
class GetBlock:
    """One block of a value; they are numbered from 1."""

    invoke_id: int
    last: bool
    number: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class GetListResult:
    """The answer to a request with a list: a count, and for each attribute 00 and a value or 01 and a result."""

    invoke_id: int
    items: bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    """Exception-response or confirmed-service-error.

    ``state`` and ``service`` are an exception-response's state-error and service-error, ``counter`` the invocation
    counter that would be right.
    """

    text: str
    state: int | None = None
    counter: int | None = None
    service: int | None = field(default=None, compare=False)


GetResponse: TypeAlias = GetResult | GetRefused | GetBlock | GetListResult | Refusal


@dataclass(frozen=True, slots=True)
class GetNormal:
    """A request for one attribute; ``selection`` is the access selector and its parameters."""

    invoke: int
    descriptor: AttributeDescriptor
    selection: bytes | None


@dataclass(frozen=True, slots=True)
class GetNext:
    """A request for the block after ``block``."""

    invoke: int
    block: int


@dataclass(frozen=True, slots=True)
class GetList:
    """A request for several attributes; ``selections`` has one entry for each of ``descriptors``."""

    invoke: int
    descriptors: tuple[AttributeDescriptor, ...]
    selections: tuple[bytes | None, ...]


GetRequest: TypeAlias = GetNormal | GetNext | GetList
_Request = TypeVar("_Request", GetNormal, GetNext, GetList)


# The client's side.


def encode_get(invoke_id_and_priority: int, descriptor: AttributeDescriptor, selection: bytes = b"") -> bytes:
    """Return get-request-normal; ``selection`` comes from entry_selection or range_selection."""
    item = _encode_item(descriptor, selection) if selection else _prepared_item(descriptor)
    return bytes((GET_REQUEST, 1, invoke_id_and_priority)) + item


def encode_get_next(invoke_id_and_priority: int, block_number: int) -> bytes:
    """Return get-request-next; ``block_number`` is that of the last block received."""
    return _NEXT.pack(GET_REQUEST, 2, invoke_id_and_priority, block_number)


def encode_get_list(
    invoke_id_and_priority: int, descriptors: Sequence[AttributeDescriptor], selections: Sequence[bytes] = ()
) -> bytes:
    """Return get-request-with-list; ``selections``, where there are any, has one for each descriptor."""
    head = bytes((GET_REQUEST, 3, invoke_id_and_priority))
    if not selections:
        return head + _prepared_list(tuple(descriptors))
    if len(selections) != len(descriptors):
        raise LocalProtocolError(f"{len(selections)} selections for {len(descriptors)} attributes")
    return head + axdr.encode_length(len(descriptors)) + b"".join(map(_encode_item, descriptors, selections))


def entry_selection(first: int, last: int) -> bytes:
    """Return the entry descriptor (access selector 2; Blue Book, 4.3.6): rows from 1, ``last`` 0: to the end."""
    return b"\x02" + axdr.structure(
        axdr.encode(Tag.DOUBLE_LONG_UNSIGNED, first),
        axdr.encode(Tag.DOUBLE_LONG_UNSIGNED, last),
        axdr.encode(Tag.LONG_UNSIGNED, 1),
        axdr.encode(Tag.LONG_UNSIGNED, 0),
    )


def range_selection(restricting: CaptureObject, from_value: bytes, to_value: bytes) -> bytes:
    """Return the range descriptor (access selector 1; Blue Book, 4.3.6): all columns, bounds as A-XDR octets."""
    class_id, logical_name, attribute, data_index = restricting
    column = axdr.structure(
        axdr.encode(Tag.LONG_UNSIGNED, class_id),
        axdr.encode(Tag.OCTET_STRING, logical_name),
        axdr.encode(Tag.INTEGER, attribute),
        axdr.encode(Tag.LONG_UNSIGNED, data_index),
    )
    return b"\x01" + axdr.structure(column, from_value, to_value, axdr.array([]))


def parse_get_response(apdu: bytes) -> GetResponse:
    """Return what answers a get-request; RemoteProtocolError where ``apdu`` is nothing of the kind."""
    try:
        if apdu[0] == GET_RESPONSE:
            return _parse_get_response(apdu)
        if apdu[0] == EXCEPTION_RESPONSE:
            return _exception_response(apdu)
        if apdu[0] == CONFIRMED_SERVICE_ERROR:
            return _confirmed_service_error(apdu)
    except (IndexError, ValueError, struct.error):
        raise RemoteProtocolError(f"the answer is cut off: {apdu[:16].hex(' ')}") from None
    raise RemoteProtocolError(f"no answer to a get-request: {apdu[:16].hex(' ')}")


# The server's side.


def parse_get_request(apdu: bytes) -> GetRequest:
    """Return what is asked for; RemoteProtocolError where ``apdu`` is no get-request."""
    try:
        tag, choice, invoke = apdu[:3]
        if (tag, choice) == (GET_REQUEST, 1):
            descriptor, selection, end = _parse_item(apdu, 3)
            return _whole(GetNormal(invoke, descriptor, selection), apdu, end)
        if (tag, choice) == (GET_REQUEST, 2):
            return _whole(GetNext(invoke, _NEXT.unpack_from(apdu)[3]), apdu, _NEXT.size)
        if (tag, choice) == (GET_REQUEST, 3):
            return _parse_get_list(apdu, invoke)
    except (IndexError, ValueError, struct.error):
        raise RemoteProtocolError(f"the request is cut off: {apdu[:16].hex(' ')}") from None
    raise RemoteProtocolError(f"no get-request: {apdu[:16].hex(' ')}")


def encode_get_response(invoke: int, data: bytes | int) -> bytes:
    """Return get-response-normal: A-XDR octets, or a data-access-result."""
    return bytes((GET_RESPONSE, 1, invoke)) + _encode_result(data)


def encode_get_block(invoke: int, data: bytes | int, *, number: int, last: bool) -> bytes:
    """Return get-response-with-datablock: a piece of the A-XDR octets, or a data-access-result."""
    head = _BLOCK.pack(GET_RESPONSE, 2, invoke, last, number)
    if isinstance(data, int):
        return head + bytes((1, data))
    return head + b"\x00" + axdr.encode_length(len(data)) + data


def encode_get_list_response(invoke: int, results: Sequence[bytes | int]) -> bytes:
    """Return get-response-with-list; its octets from the fourth on are also what is cut into blocks."""
    items = b"".join(map(_encode_result, results))
    return bytes((GET_RESPONSE, 3, invoke)) + axdr.encode_length(len(results)) + items


_ATTRIBUTE = struct.Struct(">H6sB")
_NEXT = struct.Struct(">BBBI")
_BLOCK = struct.Struct(">BBB?I")

#: ExceptionResponse of the Green Book, 9.5.
_STATE_ERRORS = {1: "service-not-allowed", 2: "service-unknown"}
_SERVICE_ERRORS = {
    1: "operation-not-possible",
    2: "service-not-supported",
    3: "other-reason",
    4: "pdu-too-long",
    5: "deciphering-error",
    6: "invocation-counter-error",
}
_INVOCATION_COUNTER_ERROR: Final = 6
DECIPHERING_ERROR: Final = 5
#: ConfirmedServiceError and ServiceError of the Green Book, 9.5: the service, and of two kinds of errors their words.
_CONFIRMED_SERVICES = {1: "initiate", 5: "read", 6: "write"}
_CONFIRMED_ERRORS = {
    0: {
        0: "other",
        1: "time-elapsed",
        2: "application-unreachable",
        3: "application-reference-invalid",
        4: "application-context-unsupported",
        5: "provider-communication-error",
        6: "deciphering-error",
    },
    6: {
        0: "other",
        1: "dlms-version-too-low",
        2: "incompatible-conformance",
        3: "pdu-size-too-short",
        4: "refused-by-the-VDE-Handler",
    },
}


def _encode_item(descriptor: AttributeDescriptor, selection: bytes) -> bytes:
    class_id, logical_name, attribute = descriptor
    try:
        head = _ATTRIBUTE.pack(class_id, logical_name, attribute & 0xFF)
    except struct.error as error:
        raise LocalProtocolError(f"{descriptor} does not fit: {error}") from None
    return head + b"\x01" + selection if selection else head + b"\x00"


#: What is asked for at each poll is the same, and of many meters of one kind too: of so many requests of each form.
_PREPARED: Final = 4096


@lru_cache(maxsize=_PREPARED)
def _prepared_item(descriptor: AttributeDescriptor) -> bytes:
    return _encode_item(descriptor, b"")


@lru_cache(maxsize=_PREPARED)
def _prepared_list(descriptors: tuple[AttributeDescriptor, ...]) -> bytes:
    return axdr.encode_length(len(descriptors)) + b"".join(map(_prepared_item, descriptors))


def _encode_result(data: bytes | int) -> bytes:
    return bytes((1, data)) if isinstance(data, int) else b"\x00" + data


def _parse_get_response(apdu: bytes) -> GetResponse:
    choice, invoke_id = apdu[1], apdu[2] & INVOKE_ID
    if choice == 1:
        if apdu[3] == 0:
            return GetResult(invoke_id, apdu[4:])
        if apdu[3] == 1:
            return GetRefused(invoke_id, apdu[4])
    if choice == 2:
        _, _, _, last, number = _BLOCK.unpack_from(apdu)
        if apdu[8] != 0:
            return GetRefused(invoke_id, apdu[9])
        length, start = axdr.read_length(apdu, 9)
        if start + length != len(apdu):
            raise RemoteProtocolError(f"block {number} has {len(apdu) - start} octets instead of {length}")
        return GetBlock(invoke_id, last, number, apdu[start:])
    if choice == 3:
        return GetListResult(invoke_id, apdu[3:])
    raise RemoteProtocolError(f"get-response of an unknown form: {apdu[:16].hex(' ')}")


def _exception_response(apdu: bytes) -> Refusal:
    state, service = apdu[1], apdu[2]
    counter = None
    if service == _INVOCATION_COUNTER_ERROR and len(apdu) >= 7:
        counter = int.from_bytes(apdu[3:7], "big")
    text = f"{_STATE_ERRORS.get(state, 'state-error')} ({state}), {_SERVICE_ERRORS.get(service, 'other')} ({service})"
    return Refusal(f"exception-response: {text}", state, counter, service)


def _confirmed_service_error(apdu: bytes) -> Refusal:
    service, kind, reason = apdu[1:4]
    words = _CONFIRMED_ERRORS.get(kind, {}).get(reason, "service-error")
    name = _CONFIRMED_SERVICES.get(service, "service")
    return Refusal(f"confirmed-service-error: {name} ({service}), {words} ({kind}, {reason})")


def _parse_item(apdu: bytes, start: int) -> tuple[AttributeDescriptor, bytes | None, int]:
    class_id, logical_name, attribute = _ATTRIBUTE.unpack_from(apdu, start)
    descriptor = AttributeDescriptor(class_id, logical_name, attribute)
    start += _ATTRIBUTE.size
    if apdu[start] == 0:
        return descriptor, None, start + 1
    _, end = axdr.decode(apdu, start + 2)
    return descriptor, apdu[start + 1 : end], end


def _parse_get_list(apdu: bytes, invoke: int) -> GetList:
    count, start = axdr.read_length(apdu, 3)
    if count > len(apdu):
        raise IndexError
    descriptors, selections = [], []
    for _ in range(count):
        descriptor, selection, start = _parse_item(apdu, start)
        descriptors.append(descriptor)
        selections.append(selection)
    return _whole(GetList(invoke, tuple(descriptors), tuple(selections)), apdu, start)


def _whole(request: _Request, apdu: bytes, end: int) -> _Request:
    if end != len(apdu):
        raise RemoteProtocolError(f"{len(apdu) - end} octets behind a get-request: {apdu[:16].hex(' ')}")
    return request
