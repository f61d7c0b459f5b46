"""AARQ, AARE, RLRQ and RLRE: the octets of an association (Green Book, 9.4 and 9.5).

gurux-dlms writes the AARQ; nothing else imports it. What it writes is read back here before it is sent. The AARE is
read here alone: gurux-dlms takes some rejections for an acceptance, loses the diagnostic where the user information is
broken, and prints what it does not know (tests/test_association.py pins each of these).
"""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from enum import IntFlag
from typing import Final, Literal

from gurux_dlms.enums import Authentication, InterfaceType
from gurux_dlms.enums import Conformance as GuruxConformance
from gurux_dlms.secure import GXDLMSSecureClient

from telegraf_dlms.axdr import read_length
from telegraf_dlms.errors import AssociationError, LocalProtocolError, RemoteProtocolError

AccessSecurity = Literal["none", "low"]

_AARQ: Final = 0x60
_AARE: Final = 0x61
_EXCEPTION_RESPONSE: Final = 0xD8
_CONFIRMED_SERVICE_ERROR: Final = 0x0E
_INITIATE_RESPONSE: Final = 0x08
#: 2.16.756.5.8.1: DLMS-UA's application contexts; the context's number follows (Green Book, 9.4.2.2.2).
_CONTEXT_OID: Final = bytes.fromhex("608574050801")
_LOGICAL_NAMES_NO_CIPHERING: Final = 1
_VAA_LOGICAL_NAMES: Final = 0x0007
_DLMS_VERSION: Final = 6
_ACCEPTED: Final = 0
_REJECTED_PERMANENT: Final = 1

#: RLRQ with reason normal (0), and what every RLRE starts with.
RLRQ: Final = bytes.fromhex("6203800100")
RLRE_TAG: Final = 0x63

_RESULTS: Final = {0: "accepted", 1: "rejected-permanent", 2: "rejected-transient"}
_USER_DIAGNOSTICS: Final = {
    0: "null",
    1: "no-reason-given",
    2: "application-context-name-not-supported",
    3: "calling-AP-title-not-recognized",
    4: "calling-AP-invocation-identifier-not-recognized",
    5: "calling-AE-qualifier-not-recognized",
    6: "calling-AE-invocation-identifier-not-recognized",
    7: "called-AP-title-not-recognized",
    8: "called-AP-invocation-identifier-not-recognized",
    9: "called-AE-qualifier-not-recognized",
    10: "called-AE-invocation-identifier-not-recognized",
    11: "authentication-mechanism-name-not-recognised",
    12: "authentication-mechanism-name-required",
    13: "authentication-failure",
    14: "authentication-required",
}
_PROVIDER_DIAGNOSTICS: Final = {0: "null", 1: "no-reason-given", 2: "no-common-acse-version"}
_SECRET_REFUSED: Final = range(11, 15)
_NO_REASON: Final = (None, 0, 1)


class Conformance(IntFlag):
    """The bits of the conformance block that we look at, bit 0 of the standard first (Green Book, 9.4.6.1)."""

    BLOCK_TRANSFER_WITH_GET_OR_READ = 1 << (23 - 11)
    PRIORITY_MGMT_SUPPORTED = 1 << (23 - 9)
    MULTIPLE_REFERENCES = 1 << (23 - 14)
    GET = 1 << (23 - 19)
    SELECTIVE_ACCESS = 1 << (23 - 21)


#: What we ask for: what we can do, and nothing that writes.
PROPOSED: Final = (
    Conformance.GET
    | Conformance.SELECTIVE_ACCESS
    | Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ
    | Conformance.MULTIPLE_REFERENCES
    | Conformance.PRIORITY_MGMT_SUPPORTED
)


@dataclass(frozen=True, slots=True)
class Access:
    """How a device's association is asked for. ``password`` is the secret's octets and never shown."""

    security: AccessSecurity
    password: bytes
    max_pdu_size: int

    def __repr__(self) -> str:
        return f"Access(security={self.security!r}, password=<secret>, max_pdu_size={self.max_pdu_size})"


@dataclass(frozen=True, slots=True)
class Negotiated:
    """What the AARE settled; ``max_pdu_size`` (octets, 0 = no limit) is what the meter can receive."""

    conformance: Conformance
    max_pdu_size: int


def aarq(access: Access) -> bytes:
    """Return the AARQ for ``access`` with logical names; LocalProtocolError where gurux-dlms cannot write it."""
    authentication = Authentication.LOW if access.security == "low" else Authentication.NONE
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            client = GXDLMSSecureClient(True, 16, 1, authentication, access.password, InterfaceType.PDU)
            client.proposedConformance = _to_gurux(PROPOSED)
            client.maxReceivePDUSize = access.max_pdu_size
            apdu = b"".join(bytes(part) for part in client.aarqRequest())
    except Exception as error:  # noqa: BLE001 gurux-dlms's exceptions share no base; this is their one border
        raise LocalProtocolError(f"the AARQ cannot be written: {type(error).__name__}") from None
    _check_aarq(apdu)
    return apdu


def parse_aare(apdu: bytes, access: Access) -> Negotiated:
    """Return what the meter granted.

    AssociationError where it refused, with the standard's words; RemoteProtocolError where this is no AARE, or one that
    does not say what an accepted association needs.
    """
    if apdu[:1] == bytes([_EXCEPTION_RESPONSE]):
        raise AssociationError(f"the association was refused: exception-response {apdu[1:].hex()}")
    if apdu[:1] == bytes([_CONFIRMED_SERVICE_ERROR]):
        raise AssociationError(f"the association was refused: confirmed-service-error {apdu[1:].hex()}")
    fields = _fields(apdu, _AARE, "AARE")
    result = _integer(fields.get(0xA2), "result")
    source, diagnostic = _diagnostic(fields.get(0xA3))
    if result != _ACCEPTED:
        raise _rejection(result, source, diagnostic, access)
    if source == "user" and diagnostic in _SECRET_REFUSED:
        raise AssociationError(
            f"accepted, but the meter wants another access security: {_diagnostic_text(source, diagnostic)}",
            result=result,
            diagnostic=diagnostic,
            authentication=True,
        )
    _check_context(fields.get(0xA1))
    return _initiate_response(_user_information(fields.get(0xBE)))


def _to_gurux(conformance: Conformance) -> GuruxConformance:
    # gurux-dlms counts the bits from the other end of the 24.
    return GuruxConformance(int(f"{int(conformance):024b}"[::-1], 2))


def _check_aarq(apdu: bytes) -> None:
    try:
        fields = _fields(apdu, _AARQ, "AARQ")
        _check_context(fields.get(0xA1))
        _user_information(fields.get(0xBE))
    except RemoteProtocolError as error:
        raise LocalProtocolError(f"the AARQ that gurux-dlms wrote is wrong: {error}") from None


def _fields(apdu: bytes, tag: int, name: str) -> dict[int, bytes]:
    if apdu[:1] != bytes([tag]):
        raise RemoteProtocolError(f"expected an {name}, got an APDU with tag {apdu[:1].hex() or 'none'}")
    length, offset = read_length(apdu, 1)
    if length != len(apdu) - offset:
        raise RemoteProtocolError(f"{name}: says {length} octets, holds {len(apdu) - offset}")
    return dict(_elements(apdu[offset:], name))


def _elements(data: bytes, name: str) -> list[tuple[int, bytes]]:
    """Split BER elements with one-octet tags, which is all that ACSE uses here (X.690, 8.1)."""
    elements = []
    offset = 0
    while offset < len(data):
        length, start = read_length(data, offset + 1)
        if length > len(data) - start:
            left = len(data) - start
            raise RemoteProtocolError(f"{name}: element {data[offset]:02x} says {length} octets, {left} are left")
        elements.append((data[offset], data[start : start + length]))
        offset = start + length
    return elements


def _inner(content: bytes | None, tag: int, name: str) -> bytes:
    elements = _elements(content or b"", name)
    if len(elements) != 1 or elements[0][0] != tag:
        raise RemoteProtocolError(f"AARE: {name} is missing or malformed")
    return elements[0][1]


def _integer(content: bytes | None, name: str) -> int:
    octets = _inner(content, 0x02, name)
    if len(octets) != 1:
        raise RemoteProtocolError(f"AARE: {name} has {len(octets)} octets")
    return octets[0]


def _diagnostic(content: bytes | None) -> tuple[Literal["user", "provider"], int | None]:
    if content is None:
        return "user", None
    elements = _elements(content, "result-source-diagnostic")
    if len(elements) != 1 or elements[0][0] not in {0xA1, 0xA2}:
        raise RemoteProtocolError("AARE: result-source-diagnostic is malformed")
    tag, octets = elements[0]
    return ("user" if tag == 0xA1 else "provider"), _integer(octets, "result-source-diagnostic")


def _diagnostic_text(source: str, diagnostic: int | None) -> str:
    if diagnostic is None:
        return "no diagnostic"
    names = _USER_DIAGNOSTICS if source == "user" else _PROVIDER_DIAGNOSTICS
    return f"{names.get(diagnostic, 'diagnostic')} ({diagnostic})"


def _rejection(result: int, source: str, diagnostic: int | None, access: Access) -> AssociationError:
    # A permanent rejection without a reason, where a password was sent, is how several makers refuse a password.
    unexplained = result == _REJECTED_PERMANENT and diagnostic in _NO_REASON and access.security != "none"
    text = f"{_RESULTS.get(result, 'result')} ({result}), {_diagnostic_text(source, diagnostic)}"
    return AssociationError(
        f"the association was refused: {text}",
        result=result,
        diagnostic=diagnostic,
        authentication=(source == "user" and diagnostic in _SECRET_REFUSED) or unexplained,
    )


def _check_context(content: bytes | None) -> None:
    expected = _CONTEXT_OID + bytes([_LOGICAL_NAMES_NO_CIPHERING])
    context = _inner(content, 0x06, "application-context-name")
    if context != expected:
        raise RemoteProtocolError(f"application-context-name is {context.hex()}, {expected.hex()} was asked for")


def _user_information(content: bytes | None) -> bytes:
    return _inner(content, 0x04, "user-information")


def _initiate_response(data: bytes) -> Negotiated:
    if data[:1] == bytes([_CONFIRMED_SERVICE_ERROR]):
        raise AssociationError(f"the association was refused: confirmed-service-error {data[1:].hex()}")
    # negotiated-quality-of-service is OPTIONAL: 00, or 01 and an octet.
    start = 3 if data[1:2] == b"\x01" else 2
    version, conformance, sizes = data[start : start + 1], data[start + 1 : start + 8], data[start + 8 :]
    if data[:1] != bytes([_INITIATE_RESPONSE]) or conformance[:4] != b"\x5f\x1f\x04\x00" or len(sizes) != 4:
        raise RemoteProtocolError(f"AARE: the InitiateResponse is malformed: {data.hex()}")
    if version[0] != _DLMS_VERSION:
        raise RemoteProtocolError(f"AARE: the meter speaks DLMS version {version[0]}, not {_DLMS_VERSION}")
    vaa_name = int.from_bytes(sizes[2:])
    if vaa_name != _VAA_LOGICAL_NAMES:
        raise RemoteProtocolError(f"AARE: vaa-name {vaa_name:04x} is not that of logical names (0007)")
    # Never more than was asked for, whatever the meter answers.
    granted = Conformance(int.from_bytes(conformance[4:]) & PROPOSED)
    if Conformance.GET not in granted:
        raise AssociationError("the association is of no use: the meter does not grant GET in its conformance block")
    return Negotiated(granted, int.from_bytes(sizes[:2]))
