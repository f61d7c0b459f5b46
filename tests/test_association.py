"""The AARQ and the RLRQ that we send; gurux-dlms 1.0.203 writes the same AARQ, where it can."""

from __future__ import annotations

import contextlib
import io

import pytest
from gurux_dlms.enums import Authentication, InterfaceType, Security
from gurux_dlms.enums import Conformance as GuruxConformance
from gurux_dlms.secure import GXDLMSSecureClient

from scripted_meter import Apdus
from telegraf_dlms.access import PROPOSED, Access, Mechanism
from telegraf_dlms.association import aarq, initiate_request, rlrq
from telegraf_dlms.ber import elements
from telegraf_dlms.ciphering import Protection
from telegraf_dlms.handshake import Handshake, Identity

NONE = Access("none", b"", 0xFFFF)
LOW = Access("low", b"12345678", 0xFFFF)
TITLE = b"TDL\x01\x02\x03\x04\x05"
CHALLENGE = bytes(range(16))
BOTH = Protection.AUTHENTICATION | Protection.ENCRYPTION


def fields(apdu: bytes) -> dict[int, bytes]:
    ((_, content),) = elements(apdu, "AARQ")
    return dict(elements(content, "AARQ"))


def test_the_aarq_without_security_is_the_green_books_with_our_conformance():
    assert aarq(NONE, initiate=initiate_request(NONE)).hex() == (
        "601da109060760857405080101be10040e01000000065f1f0400005214ffff"
    )


def test_the_aarq_with_low_security_carries_mechanism_and_password():
    assert aarq(LOW, initiate=initiate_request(LOW)).hex() == (
        "6036a1090607608574050801018a0207808b0760857405080201ac0a80083132333435363738"
        "be10040e01000000065f1f0400005214ffff"
    )


def test_what_we_propose_can_read_and_nothing_else():
    assert int(PROPOSED) == 0x005214


def test_the_configured_pdu_size_is_asked_for():
    assert initiate_request(Access("none", b"", 512)).endswith(b"\x02\x00")


def test_a_dedicated_key_is_in_the_initiate_request():
    assert initiate_request(NONE, dedicated_key=bytes(range(16))).startswith(b"\x01\x01\x10" + bytes(range(16)))


@pytest.mark.parametrize(
    ("referencing", "protection", "context"),
    [
        ("logical_names", Protection.NONE, 1),
        ("short_names", Protection.NONE, 2),
        ("logical_names", Protection.AUTHENTICATION, 3),
        ("short_names", Protection.ENCRYPTION, 4),
    ],
)
def test_the_application_context_says_how_things_are_named_and_whether_it_is_ciphered(referencing, protection, context):
    access = Access("none", b"", 0xFFFF, referencing, protection=protection)
    assert fields(aarq(access, initiate=b"", title=TITLE))[0xA1] == bytes.fromhex("0607608574050801") + bytes(
        (context,)
    )


@pytest.mark.parametrize(
    ("security", "protection", "shown"),
    [
        ("none", Protection.NONE, False),
        ("high_md5", Protection.NONE, False),
        ("high_gmac", Protection.NONE, True),
        ("high_sha256", Protection.NONE, True),
        ("high_ecdsa", Protection.NONE, True),
        ("low", Protection.AUTHENTICATION, True),
    ],
)
def test_our_title_is_shown_where_something_is_bound_to_it(security, protection, shown):
    access = Access(security, b"", 0xFFFF, protection=protection)
    assert (0xA6 in fields(aarq(access, initiate=b"", title=TITLE))) is shown


def test_a_long_password_has_a_length_of_two_octets():
    access = Access("low", bytes(200), 0xFFFF)
    apdu = aarq(access, initiate=initiate_request(access))
    assert apdu[:3] == bytes((0x60, 0x81, len(apdu) - 3))
    assert fields(apdu)[0xAC] == b"\x80\x81\xc8" + bytes(200)


def test_a_release_in_clear_gives_its_reason_and_nothing_else():
    assert rlrq().hex() == "6203800100"


def test_a_ciphered_release_proves_that_it_is_ours():
    assert rlrq(b"\x21\x00").hex() == "6209800100be040402" + "2100"


def guruxs_aarq(access: Access) -> bytes:
    """Return what gurux-dlms asks for; where it ciphers, with invocation counter 7."""
    by_name = access.referencing == "logical_names"
    client = GXDLMSSecureClient(
        by_name, 16, 1, Authentication(int(access.mechanism)), access.password, InterfaceType.PDU
    )
    client.ciphering.systemTitle = TITLE
    client.ciphering.security = Security(int(access.protection))
    client.ciphering.blockCipherKey = access.block_cipher_key or None
    client.ciphering.authenticationKey = access.authentication_key or None
    client.ciphering.dedicatedKey = access.dedicated_key or None
    client.ciphering.invocationCounter = 7
    client.settings.useCustomChallenge = True
    client.settings.ctoSChallenge = CHALLENGE
    # gurux-dlms counts the bits from the other end of the 24.
    client.proposedConformance = GuruxConformance(int(f"{int(access.proposed):024b}"[::-1], 2))
    client.maxReceivePDUSize = access.max_pdu_size
    with contextlib.redirect_stdout(io.StringIO()):
        return b"".join(bytes(part) for part in client.aarqRequest())


@pytest.mark.parametrize("referencing", ["logical_names", "short_names"])
@pytest.mark.parametrize("mechanism", Mechanism)
def test_gurux_dlms_asks_for_an_association_as_we_do(mechanism, referencing):
    password = b"12345678" if mechanism is Mechanism.LOW else b""
    access = Access(mechanism.name.lower(), password, 1024, referencing)
    ours = aarq(access, initiate=initiate_request(access), title=TITLE, challenge=CHALLENGE)
    assert ours.hex(" ") == guruxs_aarq(access).hex(" ")


@pytest.mark.parametrize("dedicated_key", [b"", bytes(range(0x40, 0x50))])
@pytest.mark.parametrize("protection", [Protection.AUTHENTICATION, Protection.ENCRYPTION, BOTH])
# Without a password it names mechanism 0 then, where the standard leaves authentication out (Green Book, 9.4.2.2.3).
@pytest.mark.parametrize("mechanism", [Mechanism.LOW, Mechanism.HIGH_GMAC])
def test_gurux_dlms_asks_for_a_ciphered_association_as_we_do(mechanism, protection, dedicated_key):
    password = b"12345678" if mechanism is Mechanism.LOW else b""
    access = Access(
        mechanism.name.lower(),
        password,
        1024,
        protection=protection,
        block_cipher_key=bytes(range(16)),
        authentication_key=bytes(range(0xD0, 0xE0)),
        dedicated_key=dedicated_key,
    )
    handshake = Handshake(Apdus(), access, Identity(TITLE, iter([7]).__next__), random=lambda _: CHALLENGE)
    assert handshake.request().send(None).hex(" ") == guruxs_aarq(access).hex(" ")
