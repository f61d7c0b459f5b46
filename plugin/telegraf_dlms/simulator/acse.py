"""Opening and closing an association, the server's side: AARQ, AARE, RLRQ, RLRE (Green Book, 9.4.2; X.227 in BER).

What they carry as user information, an InitiateRequest or an InitiateResponse in clear or ciphered, is octets here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from telegraf_dlms import ber
from telegraf_dlms.access import Mechanism
from telegraf_dlms.association import CONTEXT_OID, MECHANISM_OID

AARQ, AARE, RLRQ, RLRE = 0x60, 0x61, 0x62, 0x63

#: responder-acse-requirements: authentication.
_REQUIREMENTS: Final = bytes.fromhex("0780")
_REASON_NORMAL: Final = bytes.fromhex("800100")


class Context(IntEnum):
    """Application context names, by their last arc."""

    LONG_NAMES = 1
    SHORT_NAMES = 2
    LONG_NAMES_CIPHERED = 3
    SHORT_NAMES_CIPHERED = 4


class Diagnostic(IntEnum):
    """Acse-service-user of the AARE's result-source-diagnostic, where this server uses it."""

    NULL = 0
    NO_REASON_GIVEN = 1
    APPLICATION_CONTEXT_NAME_NOT_SUPPORTED = 2
    CALLING_AP_TITLE_NOT_RECOGNIZED = 3
    AUTHENTICATION_MECHANISM_NAME_NOT_RECOGNISED = 11
    AUTHENTICATION_FAILURE = 13
    AUTHENTICATION_REQUIRED = 14


@dataclass(frozen=True, slots=True)
class AssociationRequest:
    """An AARQ; ``context`` 0 is an unknown one, ``mechanism`` -1 likewise.

    ``title`` is calling-AP-title, ``authentication`` the calling-authentication-value: a password, or with HLS the
    challenge CtoS.
    """

    context: int
    mechanism: int
    title: bytes
    authentication: bytes = field(repr=False)
    information: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class HighLevel:
    """What an AARE says besides where it accepts for now, and HLS is to follow."""

    mechanism: int
    challenge: bytes


def parse_aarq(apdu: bytes) -> AssociationRequest:
    """Return what an AARQ asks for; RemoteProtocolError where it is not one."""
    fields = dict(ber.elements(ber.only(apdu, AARQ, "AARQ"), "AARQ"))
    context = ber.only(fields.get(0xA1), 0x06, "AARQ: application-context-name")
    return AssociationRequest(
        context=_last_arc(context, CONTEXT_OID, unknown=0),
        mechanism=_last_arc(fields[0x8B], MECHANISM_OID, unknown=-1) if 0x8B in fields else Mechanism.NONE,
        title=ber.only(fields[0xA6], 0x04, "AARQ: calling-AP-title") if 0xA6 in fields else b"",
        authentication=(ber.only(fields[0xAC], 0x80, "AARQ: calling-authentication-value") if 0xAC in fields else b""),
        information=ber.only(fields.get(0xBE), 0x04, "AARQ: user-information"),
    )


def parse_rlrq(apdu: bytes) -> bytes:
    """Return the user information of an RLRQ, empty where it has none; RemoteProtocolError where it is not one."""
    fields = dict(ber.elements(ber.only(apdu, RLRQ, "RLRQ"), "RLRQ"))
    return ber.only(fields[0xBE], 0x04, "RLRQ: user-information") if 0xBE in fields else b""


def encode_acceptance(
    *, context: int, information: bytes, title: bytes = b"", high_level: HighLevel | None = None
) -> bytes:
    """Return the AARE that accepts; ``information`` is the InitiateResponse as it is to be sent, ``title`` ours."""
    diagnostic = Diagnostic.NULL if high_level is None else Diagnostic.AUTHENTICATION_REQUIRED
    fields = ber.element(0xA4, ber.element(0x04, title)) if title else b""
    if high_level is not None:
        fields += ber.element(0x88, _REQUIREMENTS)
        fields += ber.element(0x89, MECHANISM_OID + bytes((high_level.mechanism,)))
        fields += ber.element(0xAA, ber.element(0x80, high_level.challenge))
    return _encode_aare(context, result=0, diagnostic=diagnostic, fields=fields + _user_information(information))


def encode_rejection(diagnostic: Diagnostic, *, context: int, information: bytes = b"") -> bytes:
    """Return the AARE that rejects for good (result 1), and why; ``information`` is a confirmed-service-error."""
    return _encode_aare(context, result=1, diagnostic=diagnostic, fields=_user_information(information))


def encode_rlre(information: bytes = b"") -> bytes:
    """Return the RLRE: reason normal."""
    return ber.element(RLRE, _REASON_NORMAL + _user_information(information))


def _encode_aare(context: int, *, result: int, diagnostic: int, fields: bytes) -> bytes:
    return ber.element(
        AARE,
        ber.element(0xA1, ber.element(0x06, CONTEXT_OID + bytes((context or Context.LONG_NAMES,))))
        + ber.element(0xA2, ber.element(0x02, bytes((result,))))
        + ber.element(0xA3, ber.element(0xA1, ber.element(0x02, bytes((diagnostic,)))))
        + fields,
    )


def _user_information(octets: bytes) -> bytes:
    return ber.element(0xBE, ber.element(0x04, octets)) if octets else b""


def _last_arc(name: bytes, prefix: bytes, *, unknown: int) -> int:
    return name[-1] if len(name) == len(prefix) + 1 and name.startswith(prefix) else unknown
