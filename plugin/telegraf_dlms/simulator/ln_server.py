"""The GET service of the built-in meter (Green Book, 9.3.6): one attribute, lists, selective access, blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from telegraf_dlms import apdu
from telegraf_dlms.access import Conformance
from telegraf_dlms.simulator import objects
from telegraf_dlms.simulator.negotiated import NOT_SUPPORTED, Negotiated, Transfer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telegraf_dlms.cosem import AttributeDescriptor

#: Octets of a get-response-with-datablock before its piece of data, with a length of up to 65535.
BLOCK_OVERHEAD: Final = 12

_SCOPE_VIOLATED, _NO_LONG_GET, _BLOCK_NUMBER_INVALID, _OTHER_REASON = 13, 16, 19, 250


class GetService:
    """Answers the get-requests of one association; it keeps at most one answer in blocks."""

    __slots__ = ("_negotiated", "_transfer")

    def __init__(self, negotiated: Negotiated) -> None:
        self._negotiated = negotiated
        self._transfer: Transfer | None = None

    def answer(self, request: bytes) -> bytes:
        """Return the answer to one APDU; RemoteProtocolError where it is a get-request that cannot be understood."""
        if request[:1] != _GET_REQUEST or not self._negotiated.grants(Conformance.GET):
            return NOT_SUPPORTED
        return self._get(apdu.parse_get_request(request))

    def _get(self, request: apdu.GetRequest) -> bytes:
        if isinstance(request, apdu.GetNext):
            return self._next_block(request)
        self._transfer = None
        if isinstance(request, apdu.GetNormal):
            (value,) = self._read([request.descriptor], [request.selection])
            return self._whole_or_block(request.invoke, apdu.encode_get_response(request.invoke, value), 4)
        if not self._negotiated.grants(Conformance.MULTIPLE_REFERENCES):
            return NOT_SUPPORTED
        values = self._read(request.descriptors, request.selections)
        return self._whole_or_block(request.invoke, apdu.encode_get_list_response(request.invoke, values), 3)

    def _read(
        self, descriptors: Sequence[AttributeDescriptor], selections: Sequence[bytes | None]
    ) -> list[bytes | int]:
        moment = self._negotiated.moment()
        selective = self._negotiated.grants(Conformance.SELECTIVE_ACCESS)
        return [
            objects.value_or_result(self._negotiated.objects, descriptor, moment, selection)
            if selection is None or selective
            else _SCOPE_VIOLATED
            for descriptor, selection in zip(descriptors, selections, strict=True)
        ]

    def _whole_or_block(self, invoke: int, whole: bytes, head: int) -> bytes:
        """Return the answer, or its first block; what is cut into blocks is without its ``head`` octets."""
        if len(whole) <= self._negotiated.limit:
            return whole
        if not self._negotiated.grants(Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ):
            return apdu.encode_get_response(invoke, _OTHER_REASON)
        self._transfer = Transfer(whole[head:])
        return self._block(invoke, self._transfer)

    def _next_block(self, request: apdu.GetNext) -> bytes:
        if self._transfer is None:
            return apdu.encode_get_block(request.invoke, _NO_LONG_GET, number=request.block, last=True)
        if request.block != self._transfer.number:
            self._transfer = None
            return apdu.encode_get_block(request.invoke, _BLOCK_NUMBER_INVALID, number=request.block, last=True)
        return self._block(request.invoke, self._transfer)

    def _block(self, invoke: int, transfer: Transfer) -> bytes:
        raw, number, last = transfer.next(self._negotiated.limit - BLOCK_OVERHEAD)
        if last:
            self._transfer = None
        return apdu.encode_get_block(invoke, raw, number=number, last=last)


_GET_REQUEST = bytes((apdu.GET_REQUEST,))
