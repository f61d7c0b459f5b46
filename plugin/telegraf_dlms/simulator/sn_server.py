"""The READ service of the built-in meter (Green Book, 9.3.14): variable-name lists, parameterized access, blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from telegraf_dlms import sn_apdu
from telegraf_dlms.access import Conformance
from telegraf_dlms.simulator import objects, sn_objects
from telegraf_dlms.simulator.negotiated import NOT_SUPPORTED, Negotiated, Transfer

if TYPE_CHECKING:
    from telegraf_dlms.simulator.buffers import Moment
    from telegraf_dlms.sn_apdu import Variable

#: Octets of a read-response with a data-block-result before its raw-data, with a length of up to 65535.
BLOCK_OVERHEAD: Final = 9

_OBJECT_UNDEFINED, _SCOPE_VIOLATED, _NO_LONG_GET, _BLOCK_NUMBER_INVALID, _OTHER_REASON = 4, 13, 16, 19, 250


class ReadService:
    """Answers the read-requests of one association; it keeps at most one answer in blocks."""

    __slots__ = ("_negotiated", "_transfer")

    def __init__(self, negotiated: Negotiated) -> None:
        self._negotiated = negotiated
        self._transfer: Transfer | None = None

    def answer(self, request: bytes) -> bytes:
        """Return the answer to one APDU; RemoteProtocolError where it is a read-request that cannot be understood."""
        if request[:1] != _READ_REQUEST or not self._negotiated.grants(Conformance.READ):
            return NOT_SUPPORTED
        parsed = sn_apdu.parse_read_request(request)
        if isinstance(parsed, sn_apdu.ReadNext):
            return self._next_block(parsed.block)
        self._transfer = None
        if len(parsed.variables) > 1 and not self._negotiated.grants(Conformance.MULTIPLE_REFERENCES):
            return NOT_SUPPORTED
        moment = self._negotiated.moment()
        return self._whole_or_block(
            sn_apdu.encode_read_response([self._read(variable, moment) for variable in parsed.variables])
        )

    def _read(self, variable: Variable, moment: Moment) -> bytes | int:
        if variable.selection and not self._negotiated.grants(Conformance.PARAMETERIZED_ACCESS):
            return _SCOPE_VIOLATED
        descriptor = sn_objects.VARIABLES.get(variable.short_name)
        if descriptor is None:
            return _OBJECT_UNDEFINED
        return objects.value_or_result(self._negotiated.objects, descriptor, moment, variable.selection or None)

    def _whole_or_block(self, whole: bytes) -> bytes:
        if len(whole) <= self._negotiated.limit:
            return whole
        if not self._negotiated.grants(Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ):
            return sn_apdu.encode_read_response([_OTHER_REASON])
        self._transfer = Transfer(whole[1:])
        return self._block(self._transfer)

    def _next_block(self, received: int) -> bytes:
        if self._transfer is None:
            return sn_apdu.encode_read_response([_NO_LONG_GET])
        if received != self._transfer.number & 0xFFFF:
            self._transfer = None
            return sn_apdu.encode_read_response([_BLOCK_NUMBER_INVALID])
        return self._block(self._transfer)

    def _block(self, transfer: Transfer) -> bytes:
        raw, number, last = transfer.next(self._negotiated.limit - BLOCK_OVERHEAD)
        if last:
            self._transfer = None
        return sn_apdu.encode_read_block(raw, number=number & 0xFFFF, last=last)


_READ_REQUEST = bytes((sn_apdu.READ_REQUEST,))
