"""The AARE that we believe, and what gurux-dlms 1.0.203 would have believed instead."""

from __future__ import annotations

import contextlib
import io

import pytest
from gurux_dlms import GXByteBuffer
from gurux_dlms.enums import Authentication, InterfaceType
from gurux_dlms.secure import GXDLMSSecureClient

from telegraf_dlms.aare import parse_aare, parse_initiate_response
from telegraf_dlms.access import Access, Conformance, Negotiated, Referencing
from telegraf_dlms.ciphering import Protection
from telegraf_dlms.errors import AssociationError, CipheringError, RemoteProtocolError, TelegrafDlmsError

NONE = Access("none", b"", 0xFFFF)
LOW = Access("low", b"12345678", 0xFFFF)

#: A real meter's (../shared/field/traces/risesun_poll.json): accepted, conformance 00081d, 189 octets.
ACCEPTED = bytes.fromhex("6129a109060760857405080101a203020100a305a103020100be10040e0800065f1f040000081d00bd0007")


def aare(
    *, result: int = 0, diagnostic: int = 0, source: int = 0xA1, context: int = 1, information: str | None = None
) -> bytes:
    """Build an AARE from its parts; ``information`` is the InitiateResponse or what stands in its place."""
    body = bytes.fromhex("a1090607608574050801") + bytes([context])
    body += bytes([0xA2, 3, 2, 1, result, 0xA3, 5, source, 3, 2, 1, diagnostic])
    if information is not None:
        octets = bytes.fromhex(information)
        body += bytes([0xBE, len(octets) + 2, 4, len(octets)]) + octets
    return bytes([0x61, len(body)]) + body


GRANTED = "0800065f1f040000501d04000007"


def negotiated(octets: bytes, access: Access) -> Negotiated:
    return parse_initiate_response(parse_aare(octets, access).initiate, access)


def test_a_real_aare_grants_what_it_grants() -> None:
    granted = negotiated(ACCEPTED, LOW)
    assert granted.max_pdu_size == 0xBD
    # The meter offers SET, ACTION and more; what we did not ask for is not believed.
    assert granted.conformance == Conformance.GET | Conformance.SELECTIVE_ACCESS


def test_an_aare_with_a_quality_of_service_is_read() -> None:
    assert negotiated(aare(information="080100065f1f040000501d04000007"), NONE).max_pdu_size == 0x0400


def test_a_meter_that_cannot_decipher_what_we_sent_is_a_matter_of_ciphering() -> None:
    with pytest.raises(CipheringError, match=r"deciphering-error \(5\)"):
        parse_aare(bytes.fromhex("d80205"), NONE)


def test_a_conformance_whose_tag_has_one_octet_is_read() -> None:
    """Meters of the HDLC profile that write [APPLICATION 31] as 5F (Green Book, 9.4.6.1)."""
    granted = negotiated(aare(information="0800065f040000501d04000007"), NONE)
    assert granted == negotiated(aare(information=GRANTED), NONE)


@pytest.mark.parametrize("title", ["", "04074d4d4d0000bc61", "04094d4d4d0000bc614e00"])
def test_a_title_that_has_not_eight_octets_is_none(title: str) -> None:
    octets = bytes.fromhex(title)
    field = bytes((0xA4, len(octets))) + octets if octets else b""
    whole = aare(information=GRANTED)
    apdu = bytes((0x61, len(whole) - 2 + len(field))) + whole[2:13] + field + whole[13:]
    assert parse_aare(apdu, NONE).title == b""


@pytest.mark.parametrize("title", [b"", bytes.fromhex("4D4D4D0000BC614E")])
def test_with_high_security_the_challenge_is_what_stands_there(title: bytes) -> None:
    """The Green Book's AARE of HLS authentication mechanism 5 (annex D), as it is, and with a title."""
    fields = bytes.fromhex("A109060760857405080101A203020100A305A10302010E")
    fields += b"\xa4\x0a\x04\x08" + title if title else b""
    fields += bytes.fromhex("880207808907 60857405080205 AA0A8008503677524A323146 BE10040E0800065F1F040000501F01F40007")
    found = parse_aare(bytes((0x61, len(fields))) + fields, Access("high_gmac", b"", 0xFFFF))
    assert (found.title, found.challenge) == (title, b"P6wRJ21F")
    assert found.diagnostic == "authentication-required (14)"
    assert found.initiate.hex() == "0800065f1f040000501f01f40007"


#: jDLMS 1.8.0 answering a password without ciphering, asked by logical and by short names.
JDLMS = "612d80020780a109060760857405080103a203020100a305a103020100be10040e0800065f1f04{conformance}ffff0007"


@pytest.mark.parametrize(
    ("referencing", "conformance", "granted"),
    [
        ("logical_names", "00001214", Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ | Conformance.GET),
        ("short_names", "00101220", Conformance.READ | Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ),
    ],
)
def test_an_answer_that_names_a_context_with_ciphering_and_no_base_name_is_accepted(
    referencing: Referencing, conformance: str, granted: Conformance
) -> None:
    octets = bytes.fromhex(JDLMS.format(conformance=conformance))
    access = Access("low", b"secret", 0xFFFF, referencing)
    assert granted in negotiated(octets, access).conformance


@pytest.mark.parametrize("context", [1, 2, 4, 5])
def test_an_answer_that_names_another_context_than_the_ciphered_one_asked_for_is_not(context: int) -> None:
    access = Access("none", b"", 0xFFFF, protection=Protection.AUTHENTICATION, block_cipher_key=bytes(16))
    with pytest.raises(CipheringError, match=f"6085740508010{context}, 60857405080103 was asked for"):
        parse_aare(aare(information=GRANTED, context=context), access)


@pytest.mark.parametrize(
    ("octets", "access", "words", "authentication"),
    [
        (aare(result=1, diagnostic=13), LOW, "rejected-permanent (1), authentication-failure (13)", True),
        (aare(result=1, diagnostic=11), LOW, "authentication-mechanism-name-not-recognised (11)", True),
        (aare(result=1, diagnostic=14), NONE, "authentication-required (14)", True),
        (aare(result=0, diagnostic=14, information=GRANTED), LOW, "authentication-required (14)", True),
        (aare(result=1, diagnostic=1), LOW, "rejected-permanent (1), no-reason-given (1)", True),
        (aare(result=1, diagnostic=0), LOW, "rejected-permanent (1), null (0)", True),
        (aare(result=1, diagnostic=1), NONE, "no-reason-given (1)", False),
        (aare(result=1, diagnostic=1, information="0e010006"), LOW, "deciphering-error (0, 6)", False),
        (aare(result=2, diagnostic=1), LOW, "rejected-transient (2), no-reason-given (1)", False),
        (aare(result=1, diagnostic=2), LOW, "application-context-name-not-supported (2)", False),
        (aare(result=1, diagnostic=2, source=0xA2), LOW, "no-common-acse-version (2)", False),
        (aare(result=1, diagnostic=77), NONE, "diagnostic (77)", False),
        (aare(result=1, diagnostic=13, information="ffff"), LOW, "authentication-failure (13)", True),
        (aare(information="0e010600"), NONE, "confirmed-service-error: initiate (1), other (6, 0)", False),
        (
            bytes.fromhex("d80102"),
            NONE,
            "exception-response: service-not-allowed (1), service-not-supported (2)",
            False,
        ),
        (bytes.fromhex("0e010603"), NONE, "confirmed-service-error: initiate (1), pdu-size-too-short (6, 3)", False),
        (aare(information="0800065f1f040000400504000007"), NONE, "does not grant GET", False),
    ],
)
def test_a_refused_association_says_so_in_the_standards_words(
    octets: bytes, access: Access, words: str, authentication: bool
) -> None:
    with pytest.raises(AssociationError) as caught:
        negotiated(octets, access)
    assert words in str(caught.value)
    assert caught.value.authentication is authentication


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"", "expected an AARE"),
        (bytes.fromhex("c401c1000600000000"), "tag c4"),
        (ACCEPTED[:-1], "says 41 octets, 40 are left"),
        (ACCEPTED + b"\x00\x00", "octets are left over"),
        (aare(), "user-information is missing"),
        (aare(context=2, information=GRANTED), "application-context-name"),
        (aare(information="0800055f1f040000501d04000007"), "DLMS version 5"),
        (aare(information="0800065f1f040000501d0400fa00"), "vaa-name fa00"),
        (aare(information="0800065f1f040000501d0400"), "InitiateResponse is malformed"),
        (aare(information="08"), "InitiateResponse is malformed"),
        (bytes.fromhex("6105a203020100"), "application-context-name is missing"),
        (bytes.fromhex("6104a2050201"), "element a2 says 5 octets, 2 are left"),
        (bytes.fromhex("6104a2020100"), "result is missing or malformed"),
        (bytes.fromhex("6109a203020101a3020100"), "result-source-diagnostic is malformed"),
    ],
)
def test_what_is_no_proper_aare_is_a_protocol_error(octets: bytes, words: str) -> None:
    with pytest.raises(RemoteProtocolError, match=words):
        negotiated(octets, NONE)


def test_every_truncation_and_every_flipped_bit_of_an_aare_is_ours_to_judge() -> None:
    for cut in range(len(ACCEPTED)):
        with pytest.raises(TelegrafDlmsError):
            negotiated(ACCEPTED[:cut], LOW)
    for position in range(len(ACCEPTED) * 8):
        octets = bytearray(ACCEPTED)
        octets[position // 8] ^= 1 << position % 8
        with contextlib.suppress(TelegrafDlmsError):
            negotiated(bytes(octets), LOW)


def gurux_client() -> GXDLMSSecureClient:
    return GXDLMSSecureClient(True, 16, 1, Authentication.LOW, b"12345678", InterfaceType.PDU)


def test_canary_gurux_takes_a_rejection_without_reason_for_an_acceptance() -> None:
    client = gurux_client()
    client.parseAareResponse(GXByteBuffer(aare(result=1, diagnostic=0)))


def test_canary_gurux_believes_a_conformance_that_nobody_proposed() -> None:
    client = gurux_client()
    client.parseAareResponse(GXByteBuffer(aare(information="0800065f1f0400ffffff04000007")))
    assert int(client.negotiatedConformance) & ~int(client.proposedConformance)


def test_canary_gurux_prints_what_it_does_not_know() -> None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        gurux_client().parseAareResponse(GXByteBuffer(b"\x61\x2c" + ACCEPTED[2:25] + b"\xb5\x01\x00" + ACCEPTED[25:]))
    assert "Unknown tag" in printed.getvalue()
