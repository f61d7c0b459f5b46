"""What a device's security keys become: octets in its access, and names that need no object list."""

from __future__ import annotations

import pytest

from stations import connection, device, group, plan_of, value
from telegraf_dlms.access import PROTECTIONS, Access
from telegraf_dlms.ciphering import Protection

KEY, OTHER_KEY = bytes(range(16)), bytes(range(16, 32))
KEYS = {"block_cipher_key": KEY.hex(), "authentication_key": OTHER_KEY.hex()}
CIPHERED = KEYS | {"transport_security": "authentication_encryption"}


def meter(*values, **settings):
    return plan_of(connection(), device(**settings), group("g", *(values or (value(),)))).meters[0]


def access(**settings):
    return meter(**settings).access


def test_a_device_without_security_has_none():
    assert access() == Access("none", b"", 65535)


@pytest.mark.parametrize("transport", PROTECTIONS)
def test_transport_security_is_a_protection(transport):
    planned = access(**KEYS, transport_security=transport)
    assert planned.protection is Protection(int(PROTECTIONS[transport]))
    assert (planned.block_cipher_key, planned.authentication_key) == (KEY, OTHER_KEY)


@pytest.mark.parametrize(
    ("settings", "name", "planned"),
    [
        ({"security_suite": 1}, "suite", 1),
        ({"dedicated_key": KEY.hex()}, "dedicated_key", KEY),
        ({"dedicated_key": "random"}, "dedicated_key", "random"),
        ({}, "dedicated_key", b""),
        ({"system_title": "4D4D4D0000BC614E"}, "system_title", bytes.fromhex("4D4D4D0000BC614E")),
        ({"system_title": "MMMMETER"}, "system_title", b"MMMMETER"),
        ({"server_system_title": "MMMMETER"}, "server_system_title", b"MMMMETER"),
        ({}, "system_title", None),
        ({"general_protection": True}, "general", True),
        ({"logical_name_referencing": False}, "referencing", "short_names"),
        ({}, "referencing", "logical_names"),
        ({"access_security": "high_gmac"}, "security", "high_gmac"),
        ({"access_security": "high", "password": "1234"}, "password", b"1234"),
        ({"access_security": "high_md5", "password_hex": "00FF"}, "password", b"\x00\xff"),
        ({"password": "1234"}, "password", b""),
    ],
)
def test_each_key_has_its_place(settings, name, planned):
    assert getattr(access(**CIPHERED, **settings), name) == planned


def test_suite_2_has_long_keys():
    names = ("block_cipher_key", "authentication_key", "dedicated_key")
    planned = access(security_suite=2, transport_security="encryption", **dict.fromkeys(names, 2 * KEY.hex()))
    assert [getattr(planned, name) for name in names] == [2 * KEY] * 3


def test_the_keys_of_ecdsa_are_octets():
    point = "6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296"
    planned = access(access_security="high_ecdsa", signing_key="11" * 32, server_public_key="02" + point[:-2] + "96")
    assert planned.signing_key == b"\x11" * 32
    assert planned.server_public_key == bytes.fromhex("02" + point)


def test_the_invocation_counter_is_a_logical_name():
    assert meter(invocation_counter="0-0:43.1.0").invocation_counter == bytes((0, 0, 43, 1, 0, 255))
    assert meter().invocation_counter is None


def test_short_names_of_all_groups_are_the_meter_s():
    named = [value("a", obis="1-0:1.8.0", short_name=0x2000), value("b", obis="1-0:2.8.0")]
    plan = meter(*named, value("c", obis="0-0:1.0.0", class_id=8, short_name=0xFFF8), logical_name_referencing=False)
    assert plan.short_names == (
        (3, bytes((1, 0, 1, 8, 0, 255)), 0x2000),
        (8, bytes((0, 0, 1, 0, 0, 255)), 0xFFF8),
    )


def test_a_plan_shows_no_secret():
    settings = CIPHERED | {"dedicated_key": KEY.hex(), "access_security": "low", "password": "swordfish"}
    shown = repr(plan_of(connection(), device(**settings), group("g", value())))
    assert "swordfish" not in shown
    assert not [key for key in (KEY, OTHER_KEY) if repr(key)[2:-1] in shown or key.hex() in shown.lower()]
