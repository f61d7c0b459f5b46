import pytest

from secured_client import BOTH, METER_TITLE, demanding
from telegraf_dlms.access import Mechanism
from telegraf_dlms.ciphering import Protection
from telegraf_dlms.simulator.access import Access
from telegraf_dlms.simulator.acse import Context


@pytest.mark.parametrize(
    ("access", "context", "public"),
    [
        (Access(), Context.LONG_NAMES, Context.LONG_NAMES),
        (Access(referencing="short_names"), Context.SHORT_NAMES, Context.SHORT_NAMES),
        (Access(protection=Protection.ENCRYPTION), Context.LONG_NAMES_CIPHERED, Context.LONG_NAMES),
        (Access(referencing="short_names", protection=BOTH), Context.SHORT_NAMES_CIPHERED, Context.SHORT_NAMES),
    ],
)
def test_the_application_context_follows_from_referencing_and_ciphering(access, context, public):
    assert (access.context, access.public_context) == (context, public)


@pytest.mark.parametrize(
    ("access", "is_open"),
    [(Access(), True), (Access("low"), False), (Access("high_ecdsa"), False), (Access(protection=BOTH), False)],
)
def test_a_meter_that_demands_nothing_is_open(access, is_open):
    assert access.is_open is is_open


def test_the_mechanism_is_that_of_the_access_security():
    assert Access("high_gmac").mechanism is Mechanism.HIGH_GMAC


def test_each_meter_has_a_title_of_its_own():
    access = Access(system_title=b"ABC\0\0\0\0\xff")

    assert [access.title_of(number) for number in (1, 2, 257)] == [
        b"ABC\0\0\0\0\xff",
        b"ABC\0\0\0\1\0",
        b"ABC\0\0\0\1\xff",
    ]
    assert Access(system_title=b"ABC" + b"\xff" * 5).title_of(2) == b"ABC\0\0\0\0\0"
    assert Access().title_of(1) == METER_TITLE


def test_to_high_level_security_the_other_side_is_the_client():
    access = demanding("high_ecdsa")

    assert access.mirrored.signing_key == access.signing_key
    assert access.mirrored.server_public_key == access.client_public_key


def test_a_key_is_the_global_one_or_that_of_its_octets():
    access = demanding(protection=BOTH)
    how = {"control": 0x30, "title": METER_TITLE, "counter": 1}

    assert access.key().seal(b"\xc0", **how) == access.key(b"B" * 16).seal(b"\xc0", **how)
    assert access.key().seal(b"\xc0", **how) != access.key(b"D" * 16).seal(b"\xc0", **how)


def test_no_secret_is_shown():
    access = Access(
        "low",
        b"SECRET01",
        authentication_key=b"SECRET02",
        block_cipher_key=b"SECRET03",
        signing_key=b"SECRET04",
        client_public_key=b"SECRET05",
    )

    assert "SECRET" not in repr(access)
