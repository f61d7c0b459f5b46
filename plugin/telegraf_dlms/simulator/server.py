"""What a meter answers to the APDUs of one client: associations and what is read in them; no framing, no sockets.

Refusals are the standard's: an AARE with its diagnostic, a data-access-result for one attribute, an exception-response
for everything that the association's service does not know, or that comes without one (Green Book, 9.3 to 9.5).
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol, TypeAlias

from telegraf_dlms.errors import RemoteProtocolError
from telegraf_dlms.simulator import acse, ln_server, meter, sn_objects, sn_server
from telegraf_dlms.simulator.acse import Context, Diagnostic, Mechanism
from telegraf_dlms.simulator.buffers import Moment
from telegraf_dlms.simulator.negotiated import MALFORMED, NO_ASSOCIATION, TOO_LONG, Negotiated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Referencing: TypeAlias = Literal["logical_names", "short_names"]

_DLMS_VERSION: Final = 6
#: The smallest PDU that is respected: less leaves no room for a block.
_LEAST_PDU_SIZE: Final = max(ln_server.BLOCK_OVERHEAD, sn_server.BLOCK_OVERHEAD) + 1


@dataclass(frozen=True, slots=True)
class Access:
    """How every client has to come: what it shows, nothing or with "low" the password, and how it names attributes."""

    security: Literal["none", "low"] = "none"
    password: bytes = field(default=b"", repr=False)
    referencing: Referencing = "logical_names"


class Service(Protocol):
    """What is answered within an association."""

    def answer(self, request: bytes) -> bytes:
        """Return the answer to one APDU in clear; RemoteProtocolError where it is malformed."""


class Session:
    """One client address at one meter over one link: at most one association at a time."""

    __slots__ = ("_access", "_client", "_clock", "_meter", "_service")

    def __init__(self, number: int, client: int, *, access: Access, clock: Callable[[], float]) -> None:
        self._meter = number
        self._client = client
        self._access = access
        self._clock = clock
        self._service: Service | None = None

    def answer(self, request: bytes) -> bytes:
        """Return the answer to one APDU; there always is one."""
        tag = request[0] if request else None
        if tag == acse.AARQ:
            return self._associate(request)
        if tag == acse.RLRQ:
            self._service = None
            return acse.encode_rlre()
        if self._service is None:
            return NO_ASSOCIATION
        if len(request) > meter.MAX_PDU_SIZE:
            return TOO_LONG
        try:
            return self._service.answer(request)
        except RemoteProtocolError:
            return MALFORMED

    def _associate(self, request: bytes) -> bytes:
        self._service = None
        try:
            aarq = acse.parse_aarq(request)
        except RemoteProtocolError:
            return MALFORMED
        if (diagnostic := _refusal(aarq, self._access)) is not None:
            return acse.encode_rejection(diagnostic, context=aarq.context)
        if aarq.dlms_version < _DLMS_VERSION:
            return acse.encode_version_too_low(context=aarq.context)
        way = _WAYS[self._access.referencing]
        limit = max(_LEAST_PDU_SIZE, min(aarq.max_pdu_size or meter.MAX_PDU_SIZE, meter.MAX_PDU_SIZE))
        conformance, mechanism = aarq.conformance & way.conformance, aarq.mechanism
        self._service = way.service(Negotiated(conformance, limit, lambda: self._moment(mechanism)))
        return acse.encode_acceptance(context=aarq.context, conformance=conformance, max_pdu_size=meter.MAX_PDU_SIZE)

    def _moment(self, mechanism: int) -> Moment:
        return Moment(int(self._clock()), self._meter, self._client, mechanism)


class _Way(NamedTuple):
    """A referencing: the application context that stands for it, and what the meter can do in it."""

    context: Context
    conformance: int
    service: Callable[[Negotiated], Service]


_WAYS: Mapping[Referencing, _Way] = {
    "logical_names": _Way(Context.LONG_NAMES, meter.CONFORMANCE, ln_server.GetService),
    "short_names": _Way(Context.SHORT_NAMES, sn_objects.CONFORMANCE, sn_server.ReadService),
}


def _refusal(aarq: acse.AssociationRequest, access: Access) -> Diagnostic | None:
    """Return why an AARQ is rejected, None where it is not."""
    if aarq.context != _WAYS[access.referencing].context:
        return Diagnostic.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED
    if access.security == "none":
        return None if aarq.mechanism == Mechanism.NONE else Diagnostic.AUTHENTICATION_MECHANISM_NAME_NOT_RECOGNISED
    if aarq.mechanism == Mechanism.NONE:
        return Diagnostic.AUTHENTICATION_REQUIRED
    if aarq.mechanism != Mechanism.LOW:
        return Diagnostic.AUTHENTICATION_MECHANISM_NAME_NOT_RECOGNISED
    matches = hmac.compare_digest(aarq.password, access.password)
    return None if matches else Diagnostic.AUTHENTICATION_FAILURE
