"""What a meter answers to the APDUs of one client: associations and GET; it knows neither framing nor sockets.

Refusals are the standard's: an AARE with its diagnostic, a data-access-result for one attribute, an exception-response
for everything that is not an association or GET, or that comes without one (Green Book, 9.3 to 9.5).
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from telegraf_dlms import apdu
from telegraf_dlms.errors import DataRefused, RemoteProtocolError
from telegraf_dlms.simulator import acse, meter
from telegraf_dlms.simulator.acse import Conformance, Context, Diagnostic, Mechanism
from telegraf_dlms.simulator.buffers import Moment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from telegraf_dlms.cosem import AttributeDescriptor

#: Exception-responses: state-error and service-error (Green Book, 9.5).
NO_ASSOCIATION = bytes((apdu.EXCEPTION_RESPONSE, 1, 1))
NOT_SUPPORTED = bytes((apdu.EXCEPTION_RESPONSE, 1, 2))
MALFORMED = bytes((apdu.EXCEPTION_RESPONSE, 1, 3))
TOO_LONG = bytes((apdu.EXCEPTION_RESPONSE, 1, 4))

_DLMS_VERSION: Final = 6
_SCOPE_VIOLATED, _NO_LONG_GET, _BLOCK_NUMBER_INVALID, _OTHER_REASON = 13, 16, 19, 250
#: Octets of a get-response-with-datablock before its piece of data, with a length of up to 65535.
_BLOCK_OVERHEAD: Final = 12
#: The smallest PDU that is respected: less leaves no room for a block.
_LEAST_PDU_SIZE: Final = _BLOCK_OVERHEAD + 1


@dataclass(frozen=True, slots=True)
class Access:
    """What every client has to show: nothing, or with "low" the password."""

    security: Literal["none", "low"] = "none"
    password: bytes = field(default=b"", repr=False)


@dataclass(slots=True)
class _LongGet:
    """A reply that goes by blocks: what is left of it, and the number of the block that was sent last."""

    left: bytes
    number: int = 0


class Session:
    """One client address at one meter over one link: at most one association, and one reply in blocks."""

    __slots__ = ("_access", "_client", "_clock", "_conformance", "_limit", "_long_get", "_mechanism", "_meter")

    def __init__(self, number: int, client: int, *, access: Access, clock: Callable[[], float]) -> None:
        self._meter = number
        self._client = client
        self._access = access
        self._clock = clock
        self._mechanism = 0
        self._limit = 0
        self._conformance: int | None = None
        self._long_get: _LongGet | None = None

    def answer(self, request: bytes) -> bytes:
        """Return the answer to one APDU; there always is one."""
        tag = request[0] if request else None
        if tag == acse.AARQ:
            return self._associate(request)
        if tag == acse.RLRQ:
            self._conformance = self._long_get = None
            return acse.encode_rlre()
        if self._conformance is None:
            return NO_ASSOCIATION
        if tag != apdu.GET_REQUEST or not self._grants(Conformance.GET):
            return NOT_SUPPORTED
        if len(request) > meter.MAX_PDU_SIZE:
            return TOO_LONG
        try:
            parsed = apdu.parse_get_request(request)
        except RemoteProtocolError:
            return MALFORMED
        return self._get(parsed)

    def _associate(self, request: bytes) -> bytes:
        self._conformance = self._long_get = None
        try:
            aarq = acse.parse_aarq(request)
        except RemoteProtocolError:
            return MALFORMED
        if (diagnostic := _refusal(aarq, self._access)) is not None:
            return acse.encode_rejection(diagnostic, context=aarq.context)
        if aarq.dlms_version < _DLMS_VERSION:
            return acse.encode_version_too_low(context=aarq.context)
        self._conformance = aarq.conformance & meter.CONFORMANCE
        self._mechanism = aarq.mechanism
        self._limit = max(_LEAST_PDU_SIZE, min(aarq.max_pdu_size or meter.MAX_PDU_SIZE, meter.MAX_PDU_SIZE))
        return acse.encode_acceptance(
            context=aarq.context, conformance=self._conformance, max_pdu_size=meter.MAX_PDU_SIZE
        )

    def _get(self, request: apdu.GetRequest) -> bytes:
        if isinstance(request, apdu.GetNext):
            return self._next_block(request)
        self._long_get = None
        if isinstance(request, apdu.GetNormal):
            (value,) = self._read([request.descriptor], [request.selection])
            whole = apdu.encode_get_response(request.invoke, value)
            return whole if len(whole) <= self._limit else self._first_block(request.invoke, whole[4:])
        if not self._grants(Conformance.MULTIPLE_REFERENCES):
            return NOT_SUPPORTED
        values = self._read(request.descriptors, request.selections)
        whole = apdu.encode_get_list_response(request.invoke, values)
        return whole if len(whole) <= self._limit else self._first_block(request.invoke, whole[3:])

    def _read(
        self, descriptors: Sequence[AttributeDescriptor], selections: Sequence[bytes | None]
    ) -> list[bytes | int]:
        moment = Moment(int(self._clock()), self._meter, self._client, self._mechanism)
        values: list[bytes | int] = []
        for descriptor, selection in zip(descriptors, selections, strict=True):
            if selection is not None and not self._grants(Conformance.SELECTIVE_ACCESS):
                values.append(_SCOPE_VIOLATED)
                continue
            try:
                values.append(meter.read(descriptor, moment, selection))
            except DataRefused as refused:
                values.append(_OTHER_REASON if refused.result is None else refused.result)
        return values

    def _first_block(self, invoke: int, data: bytes) -> bytes:
        if not self._grants(Conformance.BLOCK_TRANSFER_WITH_GET):
            return apdu.encode_get_response(invoke, _OTHER_REASON)
        self._long_get = _LongGet(data)
        return self._block(invoke, self._long_get)

    def _next_block(self, request: apdu.GetNext) -> bytes:
        if self._long_get is None:
            return apdu.encode_get_block(request.invoke, _NO_LONG_GET, number=request.block, last=True)
        if request.block != self._long_get.number:
            self._long_get = None
            return apdu.encode_get_block(request.invoke, _BLOCK_NUMBER_INVALID, number=request.block, last=True)
        return self._block(request.invoke, self._long_get)

    def _block(self, invoke: int, long_get: _LongGet) -> bytes:
        size = self._limit - _BLOCK_OVERHEAD
        piece, long_get.left = long_get.left[:size], long_get.left[size:]
        long_get.number += 1
        if not long_get.left:
            self._long_get = None
        return apdu.encode_get_block(invoke, piece, number=long_get.number, last=not long_get.left)

    def _grants(self, bit: Conformance) -> bool:
        return bool((self._conformance or 0) & bit)


def _refusal(aarq: acse.AssociationRequest, access: Access) -> Diagnostic | None:
    """Return why an AARQ is rejected, None where it is not."""
    if aarq.context != Context.LONG_NAMES:
        return Diagnostic.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED
    if access.security == "none":
        return None if aarq.mechanism == Mechanism.NONE else Diagnostic.AUTHENTICATION_MECHANISM_NAME_NOT_RECOGNISED
    if aarq.mechanism == Mechanism.NONE:
        return Diagnostic.AUTHENTICATION_REQUIRED
    if aarq.mechanism != Mechanism.LOW:
        return Diagnostic.AUTHENTICATION_MECHANISM_NAME_NOT_RECOGNISED
    matches = hmac.compare_digest(aarq.password, access.password)
    return None if matches else Diagnostic.AUTHENTICATION_FAILURE
