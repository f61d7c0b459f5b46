"""The xDLMS ACTION service as octets: one method, as HLS needs it and nothing else does (Green Book, 9.3.8 and 9.5)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from telegraf_dlms.apdu import INVOKE_ID
from telegraf_dlms.errors import DATA_ACCESS_RESULTS, DataRefused, RemoteProtocolError

if TYPE_CHECKING:
    from telegraf_dlms.cosem import AttributeDescriptor

ACTION_REQUEST: Final = 0xC3
ACTION_RESPONSE: Final = 0xC7

_METHOD: Final = struct.Struct(">H6sB")
_SUCCESS: Final = 0
_DATA: Final = b"\x01\x00"
_RESULT: Final = b"\x01\x01"


class ActionRequest(NamedTuple):
    """A request for one method; ``parameters`` are A-XDR octets, empty for none."""

    invoke: int
    class_id: int
    logical_name: bytes
    method: int
    parameters: bytes


def encode_action(invoke_id_and_priority: int, method: AttributeDescriptor, parameters: bytes) -> bytes:
    """Return action-request-normal; ``method`` is named as an attribute is."""
    head = bytes((ACTION_REQUEST, 1, invoke_id_and_priority))
    return head + _METHOD.pack(*method) + b"\x01" + parameters


def parse_action_response(apdu: bytes, *, invoke: int) -> bytes:
    """Return the A-XDR octets of what the method returned, empty for nothing; ``invoke`` is the request's.

    DataRefused where the action-result is another than success; RemoteProtocolError where ``apdu`` is no answer to it.
    """
    if apdu[:2] != bytes((ACTION_RESPONSE, 1)) or len(apdu) < 4:
        raise RemoteProtocolError(f"no answer to an action-request: {apdu[:16].hex(' ')}")
    if (apdu[2] ^ invoke) & INVOKE_ID:
        raise RemoteProtocolError(f"invoke-id {apdu[2] & INVOKE_ID} was answered, {invoke & INVOKE_ID} was asked")
    if apdu[3] != _SUCCESS:
        raise DataRefused(apdu[3], f"action-result {DATA_ACCESS_RESULTS.get(apdu[3], 'unknown')} ({apdu[3]})")
    returned = apdu[4:]
    if returned[:2] == _RESULT and len(returned) == 3:
        raise DataRefused(returned[2])
    return returned[2:] if returned[:2] == _DATA else b""


def parse_action_request(apdu: bytes) -> ActionRequest:
    """Return what is asked for; RemoteProtocolError where ``apdu`` is no action-request-normal."""
    try:
        tag, choice, invoke = apdu[:3]
        class_id, logical_name, method = _METHOD.unpack_from(apdu, 3)
        has_parameters = apdu[3 + _METHOD.size]
    except (ValueError, IndexError, struct.error):
        raise RemoteProtocolError(f"the request is cut off: {apdu[:16].hex(' ')}") from None
    if (tag, choice) != (ACTION_REQUEST, 1):
        raise RemoteProtocolError(f"no action-request-normal: {apdu[:16].hex(' ')}")
    parameters = apdu[4 + _METHOD.size :] if has_parameters else b""
    return ActionRequest(invoke, class_id, logical_name, method, parameters)


def encode_action_response(invoke: int, *, result: int = _SUCCESS, returned: bytes = b"") -> bytes:
    """Return action-response-normal; ``returned`` are A-XDR octets."""
    return bytes((ACTION_RESPONSE, 1, invoke, result)) + (_DATA + returned if returned else b"\x00")
