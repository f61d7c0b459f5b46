"""How a meter receives a client: from its AARQ to an AARE, and to an association where it accepts.

The InitiateRequest is deciphered before a password or a challenge is looked at: who does not know the keys learns
nothing of either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from telegraf_dlms.access import Conformance
from telegraf_dlms.association import DLMS_VERSION
from telegraf_dlms.errors import CipheringError
from telegraf_dlms.simulator import acse, initiate, ln_server, meter, security, sn_objects, sn_server
from telegraf_dlms.simulator.acse import Diagnostic
from telegraf_dlms.simulator.admission import admit, authenticates
from telegraf_dlms.simulator.association import Association
from telegraf_dlms.simulator.buffers import Moment, SecuritySetup
from telegraf_dlms.simulator.hls_server import Trial
from telegraf_dlms.simulator.negotiated import Negotiated
from telegraf_dlms.simulator.security import Ciphers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from telegraf_dlms.access import Referencing
    from telegraf_dlms.simulator.access import Access
    from telegraf_dlms.simulator.acse import AssociationRequest
    from telegraf_dlms.simulator.admission import Admission
    from telegraf_dlms.simulator.association import Service
    from telegraf_dlms.simulator.initiate import InitiateRequest
    from telegraf_dlms.simulator.ledger import Ledger
    from telegraf_dlms.simulator.objects import Objects
    from telegraf_dlms.simulator.security import Opened

#: The smallest PDU that is respected: less leaves no room for a block.
_LEAST_PDU_SIZE: Final = max(ln_server.BLOCK_OVERHEAD, sn_server.BLOCK_OVERHEAD) + 1


@dataclass(frozen=True, slots=True)
class Visitor:
    """A client address at one meter, which has a number from 1 and a memory; ``clock`` gives Unix seconds."""

    meter: int
    client: int
    access: Access
    ledger: Ledger
    clock: Callable[[], float]


class Reception(NamedTuple):
    """The AARE, and the association that it opens, None where it rejects."""

    aare: bytes
    association: Association | None = None


def receive(aarq: AssociationRequest, visitor: Visitor) -> Reception:
    """Return what comes of an AARQ; CounterTooLow or RemoteProtocolError where its InitiateRequest earns no AARE."""
    access = visitor.access
    admission = admit(aarq, access, client=visitor.client)
    if isinstance(admission, Diagnostic):
        return _rejection(aarq, admission)
    ciphers = opened = None
    if admission == "configured" and access.protection:
        ciphers = Ciphers(access, visitor.ledger, title=access.title_of(visitor.meter), client_title=aarq.title)
    try:
        opened = None if ciphers is None else ciphers.open(aarq.information)
        proposed = initiate.parse_initiate_request(aarq.information if opened is None else opened.plaintext)
        if ciphers is not None and opened is not None and proposed.dedicated_key:
            ciphers.take_dedicated_key(proposed.dedicated_key, opened)
    except CipheringError:
        return _rejection(aarq, Diagnostic.NO_REASON_GIVEN, initiate.DECIPHERING_ERROR)
    if admission == "configured" and not authenticates(aarq, access, visitor.ledger):
        return _rejection(aarq, Diagnostic.AUTHENTICATION_FAILURE)
    if proposed.dlms_version < DLMS_VERSION:
        return _rejection(aarq, Diagnostic.NO_REASON_GIVEN, initiate.VERSION_TOO_LOW)
    association = _accept(aarq, proposed, visitor, admission=admission, ciphers=ciphers)
    return Reception(_acceptance(aarq, visitor, association, opened, admission=admission), association)


def _rejection(aarq: AssociationRequest, diagnostic: Diagnostic, information: bytes = b"") -> Reception:
    return Reception(acse.encode_rejection(diagnostic, context=aarq.context, information=information))


def _accept(
    aarq: AssociationRequest,
    proposed: InitiateRequest,
    visitor: Visitor,
    *,
    admission: Admission,
    ciphers: Ciphers | None,
) -> Association:
    access, way = visitor.access, _WAYS[visitor.access.referencing]
    is_high = admission == "configured" and access.mirrored.is_high
    available = way.conformance
    if is_high and access.referencing == "logical_names":
        available |= Conformance.ACTION  # for reply_to_HLS_authentication
    if ciphers is not None and access.general:
        available |= Conformance.GENERAL_PROTECTION
    # An integer: an operation of IntFlag takes longer than a whole answer does.
    conformance = proposed.conformance & int(available)
    limit = min(proposed.max_pdu_size or meter.MAX_PDU_SIZE, meter.MAX_PDU_SIZE)
    if ciphers is not None:
        ciphers.grants_general = bool(conformance & Conformance.GENERAL_PROTECTION)
        limit -= security.OVERHEAD + (security.GENERAL_OVERHEAD if ciphers.grants_general else 0)
    negotiated = Negotiated(
        conformance,
        max(_LEAST_PDU_SIZE, limit),
        _moments(aarq, visitor),
        way.public_objects if admission == "public" else way.objects,
    )
    title = access.title_of(visitor.meter)
    return Association(
        negotiated,
        way.service(negotiated),
        initiate.encode_initiate_response(
            context=aarq.context, conformance=conformance, max_pdu_size=meter.MAX_PDU_SIZE
        ),
        ciphers,
        Trial.begin(aarq, access, visitor.ledger, title=title) if is_high else None,
    )


def _moments(aarq: AssociationRequest, visitor: Visitor) -> Callable[[], Moment]:
    """Return what gives the moment of each request of an association."""
    access, ledger = visitor.access, visitor.ledger
    setup = SecuritySetup(access.protection, access.suite, aarq.title, access.title_of(visitor.meter))

    def moment() -> Moment:
        now = int(visitor.clock())
        return Moment(now, visitor.meter, visitor.client, aarq.mechanism, aarq.context, ledger.last, setup)

    return moment


def _acceptance(
    aarq: AssociationRequest,
    visitor: Visitor,
    association: Association,
    opened: Opened | None,
    *,
    admission: Admission,
) -> bytes:
    access, information, trial = visitor.access, association.response, association.trial
    if association.ciphers is not None and opened is not None:
        information = association.ciphers.seal(information, opened)
    shows_title = admission == "configured" and access.mirrored.needs_title
    return acse.encode_acceptance(
        context=aarq.context,
        information=information,
        title=access.title_of(visitor.meter) if shows_title else b"",
        high_level=None if trial is None else acse.HighLevel(aarq.mechanism, trial.challenge),
    )


class _Way(NamedTuple):
    """A referencing: what the meter can do in it, the service that does it, and the objects that there are."""

    conformance: int
    service: Callable[[Negotiated], Service]
    objects: Objects
    public_objects: Objects


_WAYS: Final[Mapping[Referencing, _Way]] = {
    "logical_names": _Way(meter.CONFORMANCE, ln_server.GetService, meter.OBJECTS, meter.PUBLIC_OBJECTS),
    "short_names": _Way(sn_objects.CONFORMANCE, sn_server.ReadService, sn_objects.OBJECTS, sn_objects.PUBLIC_OBJECTS),
}
