"""AARQ and RLRQ: the octets by which an association is asked for and released (Green Book, 9.4.2 and 9.5).

``aare`` reads what comes back. A client's title, challenge and password stand in clear in an AARQ; the InitiateRequest,
and with it a dedicated key, is ciphered before it gets here where the association is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from telegraf_dlms.access import Mechanism
from telegraf_dlms.axdr import encode_length
from telegraf_dlms.ber import element

if TYPE_CHECKING:
    from telegraf_dlms.access import Access

#: 2.16.756.5.8.1 and 2.16.756.5.8.2: DLMS-UA's application contexts and mechanisms; the number follows.
CONTEXT_OID: Final = bytes.fromhex("608574050801")
MECHANISM_OID: Final = bytes.fromhex("608574050802")
#: A Conformance is a bit-string [APPLICATION 31] of 24 bits.
CONFORMANCE_HEAD: Final = bytes.fromhex("5F1F0400")
DLMS_VERSION: Final = 6

_AARQ: Final = 0x60
_RLRQ: Final = 0x62
_INITIATE_REQUEST: Final = 0x01
#: sender-acse-requirements: authentication.
_REQUIREMENTS: Final = bytes.fromhex("0780")
_REASON_NORMAL: Final = bytes.fromhex("800100")


def initiate_request(access: Access, *, dedicated_key: bytes = b"") -> bytes:
    """Return the InitiateRequest in clear: no response-allowed, no quality of service, what we can do."""
    key = b"\x01" + encode_length(len(dedicated_key)) + dedicated_key if dedicated_key else b"\x00"
    conformance = CONFORMANCE_HEAD + int(access.proposed).to_bytes(3, "big")
    head = bytes((_INITIATE_REQUEST,)) + key + bytes((0, 0, DLMS_VERSION))
    return head + conformance + access.max_pdu_size.to_bytes(2, "big")


def aarq(access: Access, *, initiate: bytes, title: bytes = b"", challenge: bytes = b"") -> bytes:
    """Return the AARQ; ``initiate`` is the InitiateRequest as it is to be sent, ``challenge`` that of HLS (CtoS)."""
    fields = element(0xA1, element(0x06, CONTEXT_OID + bytes((access.context,))))
    if access.needs_title:
        fields += element(0xA6, element(0x04, title))
    if access.mechanism is not Mechanism.NONE:
        shown = challenge if access.is_high else access.password
        fields += element(0x8A, _REQUIREMENTS)
        fields += element(0x8B, MECHANISM_OID + bytes((access.mechanism,)))
        fields += element(0xAC, element(0x80, shown))
    return element(_AARQ, fields + _user_information(initiate))


def rlrq(initiate: bytes = b"") -> bytes:
    """Return the RLRQ with reason normal; ``initiate`` is the ciphered InitiateRequest, where the association is."""
    return element(_RLRQ, _REASON_NORMAL + (_user_information(initiate) if initiate else b""))


def _user_information(octets: bytes) -> bytes:
    return element(0xBE, element(0x04, octets))
