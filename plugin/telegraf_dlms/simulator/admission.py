"""Who gets into a meter, and why somebody does not: a client's AARQ held against what is demanded."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Literal, TypeAlias

from telegraf_dlms.access import Mechanism
from telegraf_dlms.ciphering import TITLE_LENGTH
from telegraf_dlms.simulator.access import PUBLIC_CLIENT
from telegraf_dlms.simulator.acse import Diagnostic
from telegraf_dlms.simulator.hls_server import is_challenge

if TYPE_CHECKING:
    from telegraf_dlms.simulator.access import Access
    from telegraf_dlms.simulator.acse import AssociationRequest
    from telegraf_dlms.simulator.ledger import Ledger

#: As what a client comes: as every client has to, or as the public one, which shows nothing and may read little.
Admission: TypeAlias = Literal["configured", "public"]


def admit(aarq: AssociationRequest, access: Access, *, client: int) -> Admission | Diagnostic:
    """Return as what a client comes, by what it says to be, or why it is rejected; its secrets are not looked at."""
    is_plain = aarq.context == access.public_context and aarq.mechanism == Mechanism.NONE
    if client == PUBLIC_CLIENT and is_plain and not access.is_open:
        return "public"
    if aarq.context != access.context:
        return Diagnostic.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED
    if aarq.mechanism != access.mechanism:
        is_missing = aarq.mechanism == Mechanism.NONE
        return (
            Diagnostic.AUTHENTICATION_REQUIRED
            if is_missing
            else Diagnostic.AUTHENTICATION_MECHANISM_NAME_NOT_RECOGNISED
        )
    if access.mirrored.needs_title and not _is_title(aarq.title, access):
        return Diagnostic.CALLING_AP_TITLE_NOT_RECOGNIZED
    return "configured"


def authenticates(aarq: AssociationRequest, access: Access, ledger: Ledger) -> bool:
    """Tell whether an AARQ shows what its mechanism needs: the right password, or a challenge that is one.

    A locked meter says no to whatever it is shown. A password that is wrong counts.
    """
    if access.mechanism is Mechanism.NONE:
        return True
    if ledger.is_locked:
        return False
    if access.mechanism > Mechanism.LOW:
        return is_challenge(access, aarq.authentication)
    is_right = hmac.compare_digest(aarq.authentication, access.password)
    ledger.note_secret(right=is_right)
    return is_right


def _is_title(title: bytes, access: Access) -> bool:
    if len(title) != TITLE_LENGTH:
        return False
    return access.client_system_title is None or title == access.client_system_title
