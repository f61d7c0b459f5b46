"""How an association is asked for: what follows from the configuration, and what nobody sees of it."""

from __future__ import annotations

import pytest

from telegraf_dlms.access import PROTECTIONS, Access, Conformance, Mechanism, Negotiated
from telegraf_dlms.ciphering import Protection

SECURITIES = [mechanism.name.lower() for mechanism in Mechanism]


def access(security="none", referencing="logical_names", **others):
    return Access(security, b"", 0xFFFF, referencing, **others)


def test_the_mechanisms_have_the_standards_numbers():
    assert [access(security).mechanism for security in SECURITIES] == list(range(8))


@pytest.mark.parametrize(
    ("transport", "bits"),
    [("none", 0), ("authentication", 0x10), ("encryption", 0x20), ("authentication_encryption", 0x30)],
)
def test_the_transport_securities_are_bits_of_the_security_control(transport, bits):
    assert PROTECTIONS[transport] == bits


@pytest.mark.parametrize("security", SECURITIES)
def test_from_high_on_both_sides_answer_a_challenge(security):
    assert access(security).is_high is security.startswith("high")


@pytest.mark.parametrize("security", SECURITIES)
def test_counters_are_needed_for_ciphering_and_for_gmac(security):
    assert access(security).needs_counter is (security == "high_gmac")
    assert access(security, protection=Protection.ENCRYPTION).needs_counter


@pytest.mark.parametrize("security", SECURITIES)
def test_titles_are_needed_where_something_is_bound_to_them(security):
    assert access(security).needs_title is (security in {"high_gmac", "high_sha256", "high_ecdsa"})
    assert access(security, protection=Protection.AUTHENTICATION).needs_title


@pytest.mark.parametrize(
    ("referencing", "protection", "context"),
    [
        ("logical_names", Protection.NONE, 1),
        ("short_names", Protection.NONE, 2),
        ("logical_names", Protection.AUTHENTICATION, 3),
        ("short_names", Protection.ENCRYPTION, 4),
    ],
)
def test_the_application_context_follows(referencing, protection, context):
    assert access(referencing=referencing, protection=protection).context == context


@pytest.mark.parametrize(
    ("options", "bits"),
    [
        ({}, 0x005214),
        ({"security": "low"}, 0x005214),
        ({"security": "high"}, 0x005215),
        ({"general": True}, 0x405214),
        ({"referencing": "short_names"}, 0x101220),
        ({"referencing": "short_names", "security": "high_md5"}, 0x101220),
    ],
)
def test_what_is_proposed_can_read_prove_itself_and_nothing_else(options, bits):
    proposed = access(**options).proposed
    assert proposed == bits
    # SET, WRITE, UNCONFIRMED WRITE, ACCESS (Green Book, 9.4.6.1): bits 20, 4, 5 and 17.
    assert not proposed & sum(1 << (23 - bit) for bit in (20, 4, 5, 17))


@pytest.mark.parametrize(
    ("conformance", "is_selective"),
    [
        (Conformance.GET, False),
        (Conformance.GET | Conformance.SELECTIVE_ACCESS, True),
        (Conformance.READ | Conformance.PARAMETERIZED_ACCESS, True),
        (Conformance.READ, False),
    ],
)
def test_a_part_can_be_asked_for_where_either_way_was_granted(conformance, is_selective):
    assert Negotiated(conformance, 0).is_selective is is_selective


def test_nothing_secret_is_shown():
    secrets = {
        "password": b"password-of-mine",
        "authentication_key": b"authenticate-key",
        "block_cipher_key": b"block-cipher-key",
        "dedicated_key": b"dedicated-key-16",
        "signing_key": b"signing-key-sign",
        "server_public_key": b"public-key-there",
    }
    shown = repr(Access("low", max_pdu_size=0xFFFF, **secrets))
    assert not [name for name, octets in secrets.items() if name in shown or octets.decode() in shown]
