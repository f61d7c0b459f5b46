"""The AARE: whether the meter opens the association, and what it grants (Green Book, 9.4.2 and 9.5).

``parse_aare`` judges result and diagnostic. What the AARE negotiates stands in the InitiateResponse, which is a reply
like any other: in a ciphered association it is verified before ``parse_initiate_response`` looks at it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from telegraf_dlms import ber
from telegraf_dlms.access import VAA_NAMES, Conformance, Mechanism, Negotiated
from telegraf_dlms.apdu import (
    CONFIRMED_SERVICE_ERROR,
    DECIPHERING_ERROR,
    EXCEPTION_RESPONSE,
    Refusal,
    parse_get_response,
)
from telegraf_dlms.association import CONFORMANCE_HEAD, CONTEXT_OID, DLMS_VERSION, MECHANISM_OID
from telegraf_dlms.ciphering import TITLE_LENGTH
from telegraf_dlms.errors import AssociationError, CipheringError, RemoteProtocolError

if TYPE_CHECKING:
    from telegraf_dlms.access import Access

_AARE: Final = 0x61
_INITIATE_RESPONSE: Final = 0x08
#: Meters that write the tag of a Conformance in one octet are to be understood, too (Green Book, 9.4.6.1).
_CONFORMANCE_HEADS: Final = (CONFORMANCE_HEAD, bytes.fromhex("5F0400"))
#: Octets of a broken APDU that a message shows.
_SHOWN: Final = 32
_ACCEPTED: Final = 0
_REJECTED_PERMANENT: Final = 1

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
_AUTHENTICATION_REQUIRED: Final = 14
_NO_REASON: Final = (None, 0, 1)
#: With logical names, and with short names (Green Book, 9.4.2.2.2).
_CIPHERED_CONTEXTS: Final = (CONTEXT_OID + b"\x03", CONTEXT_OID + b"\x04")


@dataclass(frozen=True, slots=True)
class Aare:
    """An AARE that accepts.

    ``title`` is the meter's system title and ``challenge`` its StoC, empty where there is none; ``initiate`` the
    InitiateResponse as it came, ciphered or not. ``diagnostic`` is in the standard's words.
    """

    title: bytes
    challenge: bytes
    initiate: bytes
    diagnostic: str


def parse_aare(apdu: bytes, access: Access) -> Aare:
    """Return what an accepting AARE holds.

    AssociationError where the meter refused, with the standard's words; CipheringError where it accepts another
    application context than a ciphered one that was asked for; RemoteProtocolError where this is no AARE, or one that
    does not say what an accepted association needs.
    """
    refuse_refusal(apdu)
    fields = _fields(apdu)
    result = _integer(fields.get(0xA2), "result")
    source, diagnostic = _diagnostic(fields.get(0xA3))
    if result != _ACCEPTED:
        raise _rejection(result, source, diagnostic, access, fields.get(0xBE))
    if source == "user" and diagnostic in _SECRET_REFUSED and not _goes_on(diagnostic, access):
        raise AssociationError(
            f"accepted, but the meter wants another access security: {_diagnostic_text(source, diagnostic)}",
            result=result,
            diagnostic=diagnostic,
            authentication=True,
        )
    _check_context(fields.get(0xA1), access)
    return Aare(
        title=_title(fields.get(0xA4)),
        challenge=_challenge(fields, access) if access.is_high else b"",
        initiate=ber.only(fields.get(0xBE), 0x04, "AARE: user-information"),
        diagnostic=_diagnostic_text(source, diagnostic),
    )


def parse_initiate_response(data: bytes, access: Access) -> Negotiated:
    """Return what was negotiated, of an InitiateResponse in clear; raises as ``parse_aare``."""
    refuse_refusal(data)
    # negotiated-quality-of-service is OPTIONAL: 00, or 01 and an octet.
    start = 3 if data[1:2] == b"\x01" else 2
    head = next((head for head in _CONFORMANCE_HEADS if data.startswith(head, start + 1)), b"")
    end = start + 1 + len(head) + 3
    version, conformance, sizes = data[start : start + 1], data[end - 3 : end], data[end:]
    if data[:1] != bytes([_INITIATE_RESPONSE]) or not head or len(sizes) != 4:
        raise RemoteProtocolError(f"AARE: the InitiateResponse is malformed: {data[:_SHOWN].hex()}")
    if version[0] != DLMS_VERSION:
        raise RemoteProtocolError(f"AARE: the meter speaks DLMS version {version[0]}, not {DLMS_VERSION}")
    vaa_name, expected = int.from_bytes(sizes[2:]), VAA_NAMES[access.referencing]
    # jDLMS says the name of logical names in any case, and is read by the short ones.
    if vaa_name not in {expected, VAA_NAMES["logical_names"]}:
        names = access.referencing.replace("_", " ")
        raise RemoteProtocolError(f"AARE: vaa-name {vaa_name:04x} is not that of {names} ({expected:04x})")
    # Never more than was asked for, whatever the meter answers.
    granted = Conformance(int.from_bytes(conformance) & access.proposed)
    # Meters that read short names, and do not say so, are about.
    if access.referencing == "logical_names" and Conformance.GET not in granted:
        raise AssociationError("the association is of no use: the meter does not grant GET in its conformance block")
    return Negotiated(granted, int.from_bytes(sizes[:2]))


def refuse_refusal(apdu: bytes) -> None:
    """Raise AssociationError where the meter answers with an exception-response or a confirmed-service-error.

    CipheringError where it says that it cannot decipher what we sent.
    """
    if apdu[:1] in _REFUSALS:
        answer = parse_get_response(apdu)
        if isinstance(answer, Refusal):
            if answer.service == DECIPHERING_ERROR:
                raise CipheringError(f"another key than the meter's, or another system title: {answer.text}")
            raise AssociationError(f"the association was refused: {answer.text}", counter=answer.counter)


_REFUSALS: Final = frozenset({bytes((EXCEPTION_RESPONSE,)), bytes((CONFIRMED_SERVICE_ERROR,))})


def _fields(apdu: bytes) -> dict[int, bytes]:
    if apdu[:1] != bytes((_AARE,)):
        raise RemoteProtocolError(f"expected an AARE, got tag {apdu[:1].hex() or 'nothing'}")
    found = ber.elements(apdu, "AARE")
    if len(found) != 1:
        raise RemoteProtocolError("AARE: octets are left over behind it")
    return dict(ber.elements(found[0][1], "AARE"))


def _goes_on(diagnostic: int | None, access: Access) -> bool:
    """With HLS the meter says that authentication is required: by the challenges (Green Book, 9.3.2)."""
    return access.is_high and diagnostic == _AUTHENTICATION_REQUIRED


def _integer(content: bytes | None, name: str) -> int:
    octets = ber.only(content, 0x02, f"AARE: {name}")
    if len(octets) != 1:
        raise RemoteProtocolError(f"AARE: {name} has {len(octets)} octets")
    return octets[0]


def _diagnostic(content: bytes | None) -> tuple[Literal["user", "provider"], int | None]:
    if content is None:
        return "user", None
    found = ber.elements(content, "AARE: result-source-diagnostic")
    if len(found) != 1 or found[0][0] not in {0xA1, 0xA2}:
        raise RemoteProtocolError("AARE: result-source-diagnostic is malformed")
    tag, octets = found[0]
    return ("user" if tag == 0xA1 else "provider"), _integer(octets, "result-source-diagnostic")


def _diagnostic_text(source: str, diagnostic: int | None) -> str:
    if diagnostic is None:
        return "no diagnostic"
    names = _USER_DIAGNOSTICS if source == "user" else _PROVIDER_DIAGNOSTICS
    return f"{names.get(diagnostic, 'diagnostic')} ({diagnostic})"


def _rejection(
    result: int, source: str, diagnostic: int | None, access: Access, information: bytes | None
) -> AssociationError:
    # A permanent rejection without a reason, where a password was sent, is how several makers refuse a password.
    refusal = _inner_refusal(information)
    unexplained = (
        result == _REJECTED_PERMANENT and diagnostic in _NO_REASON and access.security == "low" and refusal is None
    )
    text = f"{_RESULTS.get(result, 'result')} ({result}), {_diagnostic_text(source, diagnostic)}"
    return AssociationError(
        f"the association was refused: {text}" + (f", {refusal.text}" if refusal else ""),
        result=result,
        diagnostic=diagnostic,
        authentication=(source == "user" and diagnostic in _SECRET_REFUSED) or unexplained,
        counter=refusal.counter if refusal else None,
    )


def _inner_refusal(information: bytes | None) -> Refusal | None:
    """Return the reason that stands in the user information of a rejecting AARE, where one does."""
    try:
        octets = ber.only(information, 0x04, "AARE: user-information")
        answer = parse_get_response(octets) if octets[:1] in _REFUSALS else None
    except RemoteProtocolError:
        return None
    return answer if isinstance(answer, Refusal) else None


def _check_context(content: bytes | None, access: Access) -> None:
    name = ber.only(content, 0x06, "AARE: application-context-name")
    expected = CONTEXT_OID + bytes((access.context,))
    # jDLMS answers each password with the name of ciphering, and goes on in clear: that lowers nothing.
    if name == expected or (not access.protection and name in _CIPHERED_CONTEXTS):
        return
    text = f"application-context-name is {name.hex()}, {expected.hex()} was asked for"
    if access.protection:
        raise CipheringError(f"the AARE does not hold to the ciphering that was asked for: {text}")
    raise RemoteProtocolError(f"AARE: {text}")


def _title(content: bytes | None) -> bytes:
    """Return responding-AP-title; one that is none is as good as none: other meters have other texts there."""
    if content is None:
        return b""
    title = ber.only(content, 0x04, "AARE: responding-AP-title")
    return title if len(title) == TITLE_LENGTH else b""


def _challenge(fields: dict[int, bytes], access: Access) -> bytes:
    name, expected = fields.get(0x89), MECHANISM_OID + bytes((access.mechanism,))
    if name is not None and name != expected:
        mechanism = f"{name[-1]}" if name[:-1] == MECHANISM_OID else name.hex()
        raise AssociationError(
            f"accepted, but with authentication mechanism {mechanism}, {Mechanism(access.mechanism)} was asked for",
            result=_ACCEPTED,
        )
    return ber.only(fields.get(0xAA), 0x80, "AARE: responding-authentication-value")
