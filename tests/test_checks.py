"""The keys of a table together. The wording is in testcases/config; here is what is right, and where the edges are."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from telegraf_dlms.checks import OUR_TAGS, check_connection, check_device, check_tags, check_value
from telegraf_dlms.metrics import DevicePoll, ProfilePoll
from telegraf_dlms.models import Agent, Connection, Device, Value
from telegraf_dlms.problems import Place
from telegraf_dlms.tables import Surroundings, check_table

KEY = "00" * 16
LONG_KEY = "00" * 32
GMAC = {"access_security": "high_gmac"}
ECDSA = {"access_security": "high_ecdsa"}
P256 = "11" * 32
#: The base point of P-256 (FIPS 186-4, D.1.2.3).
POINT = (
    "6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296"
    "4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5"
)
CHECKS = {Agent: check_tags, Connection: check_connection, Device: check_device, Value: check_value}


def keys_told(model, raw, check=None) -> list[str]:
    place = Place(Path("meters.conf"))
    table = check_table(model, raw, place=place, subject="it", surroundings=Surroundings({}))
    (check or CHECKS[model])(table)
    return [".".join(map(str, problem.key)) for problem in table.problems]


def device_told(keys) -> list[str]:
    return keys_told(Device, {"name": "a", "connection": "b"} | keys)


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ({"address": "192.0.2.10", "port": 1}, []),
        ({"address": "2001:db8::1", "port": 65535}, []),
        ({"address": "fe80::1%eth0", "port": 4059}, []),
        ({"address": "meter-1.example.com.", "port": 4059}, []),
        ({"address": "zähler", "port": 4059}, []),
        ({"type": "serial", "device": "/dev/ttyS0", "parity": "even", "rs485": {}, "persistent": True}, []),
        ({"address": "192.0.2.300", "port": 4059}, ["address"]),
        ({"address": "tcp://meter", "port": 4059}, ["address"]),
        ({"address": "[::1]", "port": 4059}, ["address"]),
        ({"address": "", "port": 4059}, ["address"]),
        ({"address": "a..b", "port": 4059}, ["address"]),
        ({"address": "meter"}, ["port"]),
        ({"type": "serial"}, ["device"]),
        ({"type": "serial", "device": ""}, ["device"]),
        ({"type": "serial", "device": "/dev/ttyS0", "address": "x"}, ["address"]),
        ({"address": "x", "port": 1, "device": "/dev/ttyS0", "stop_bits": 1}, ["device", "stop_bits"]),
        ({"type": "usb"}, ["type"]),
        ({"type": "serial", "device": "/dev/ttyS0", "rs485": {}, "flow_control": "rts_cts"}, ["flow_control"]),
        ({"type": "serial", "device": "/dev/ttyS0", "rs485": {}, "flow_control": "xon_xoff"}, []),
        ({"type": "serial", "device": "/dev/ttyS0", "flow_control": "rts_cts"}, []),
        ({"type": "tcp", "address": 5, "port": 0}, ["address", "port"]),
    ],
)
def test_a_connection_has_the_keys_of_its_type(raw, told):
    assert keys_told(Connection, {"name": "a"} | raw) == told


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"client_address": 127}, []),
        ({"client_address": 128}, ["client_address"]),
        ({"client_address": -1}, ["client_address"]),
        ({"client_address": 65535, "interface_type": "wrapper"}, []),
        ({"client_address": 65536, "interface_type": "wrapper"}, ["client_address"]),
        ({"client_address": 128, "interface_type": "hdlc_mode_e"}, ["client_address"]),
        ({"client_address": 128, "interface_type": "udp"}, ["interface_type"]),
        ({"server_address": 16383}, []),
        ({"server_address": 16384}, ["server_address"]),
        ({"server_address": 65535, "interface_type": "wrapper"}, []),
        ({"server_address": 65535, "interface_type": "wrapper", "logical_server_address": 1}, ["server_address"]),
        ({"server_address": -1}, ["server_address"]),
        (
            {"server_address": 20000, "logical_server_address": 99999},
            ["logical_server_address", "server_address"],
        ),
        ({"server_address": 20000, "address_size": 3}, ["address_size", "server_address"]),
        (
            {"server_address": 20000, "logical_server_address": 99999, "interface_type": "wrapper"},
            ["logical_server_address"],
        ),
        ({"server_address": 200, "logical_server_address": 99999, "address_size": 1}, ["logical_server_address"]),
        ({"logical_server_address": 128, "address_size": 2}, ["address_size"]),
        ({"logical_server_address": 4, "server_address": 128, "interface_type": "wrapper"}, ["logical_server_address"]),
        ({"server_address_type": "serial_number"}, []),
        ({"server_address_type": "serial_number", "address_size": 1}, ["address_size"]),
        ({"server_address_type": "serial_number", "serial_number_formula": "SN +"}, ["serial_number_formula"]),
        ({"serial_number_formula": "SN +"}, ["serial_number_formula"]),
    ],
)
def test_addresses_fit_their_interface(keys, told):
    assert device_told(keys) == told


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"access_security": "low", "password": ""}, []),
        ({"access_security": "low", "password_hex": "00"}, []),
        ({"access_security": "low"}, ["password"]),
        ({"access_security": "high_md5"}, ["password"]),
        ({"access_security": "high", "password": "1" * 16}, []),
        ({"access_security": "high", "password": "1" * 17}, ["password"]),
        ({"access_security": "high", "password_hex": "31" * 17}, ["password_hex"]),
        ({"access_security": "high_sha256", "password": "1" * 64}, []),
        ({"access_security": "low", "password": "1", "password_hex": "31"}, ["password_hex"]),
        ({"access_security": "lwo"}, ["access_security"]),
        ({"access_security": "low", "password": 1}, ["password"]),
        ({"password": "unused"}, []),
    ],
)
def test_a_password_is_there_where_it_is_needed(keys, told):
    assert device_told(keys) == told


@pytest.mark.parametrize(
    ("transport", "access", "needed"),
    [
        ("none", {}, []),
        ("authentication", {}, ["block_cipher_key", "authentication_key"]),
        ("encryption", {}, ["block_cipher_key"]),
        ("authentication_encryption", {}, ["block_cipher_key", "authentication_key"]),
        ("none", GMAC, ["block_cipher_key", "authentication_key"]),
        ("encryption", GMAC, ["block_cipher_key", "authentication_key"]),
    ],
)
def test_keys_are_there_where_they_are_needed(transport, access, needed):
    security = {"transport_security": transport} | access
    assert device_told(security) == needed
    assert device_told(security | dict.fromkeys(needed, KEY)) == []
    assert device_told(security | dict.fromkeys(needed, "wrong")) == sorted(needed)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"security_suite": 0, "block_cipher_key": KEY}, []),
        ({"security_suite": 1, "block_cipher_key": KEY}, []),
        ({"security_suite": 2, "block_cipher_key": LONG_KEY}, []),
        ({"security_suite": 0, "block_cipher_key": LONG_KEY}, ["block_cipher_key"]),
        ({"security_suite": 2, "authentication_key": KEY}, ["authentication_key"]),
        ({"security_suite": 5, "authentication_key": LONG_KEY}, ["security_suite"]),
    ],
)
def test_keys_have_the_length_of_their_suite(keys, told):
    assert device_told(keys) == told


@pytest.mark.parametrize(
    ("transport", "dedicated", "told"),
    [
        ("encryption", KEY, []),
        ("encryption", "random", []),
        ("authentication_encryption", "random", []),
        ("none", "random", ["dedicated_key"]),
        ("none", KEY, ["dedicated_key"]),
        ("authentication", KEY, ["dedicated_key"]),
        ("encryption", LONG_KEY, ["dedicated_key"]),
    ],
)
def test_a_dedicated_key_never_travels_in_clear(transport, dedicated, told):
    keys = {"authentication_key": KEY, "block_cipher_key": KEY}
    assert device_told(keys | {"transport_security": transport, "dedicated_key": dedicated}) == told


def test_ecdsa_needs_both_its_keys():
    assert device_told(ECDSA | {"signing_key": P256}) == ["server_public_key"]
    assert device_told(ECDSA | {"server_public_key": POINT}) == ["signing_key"]


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"signing_key": P256, "server_public_key": POINT}, []),
        ({"signing_key": P256 + P256[:32], "server_public_key": "02" + POINT[:64]}, []),
        ({"signing_key": "00" * 32, "server_public_key": POINT}, ["signing_key"]),
        ({"signing_key": P256, "server_public_key": "00" * 64}, ["server_public_key"]),
        ({"signing_key": "00", "server_public_key": "00"}, ["signing_key", "server_public_key"]),
        ({"signing_key": "no hex", "server_public_key": "00"}, ["signing_key", "server_public_key"]),
    ],
)
def test_the_keys_of_ecdsa_are_keys(keys, told):
    assert device_told(ECDSA | keys) == told


def test_keys_that_nobody_uses_are_not_looked_into():
    assert device_told({"signing_key": "00", "server_public_key": "00"}) == []


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"system_title": "MMMMETER", "server_system_title": "4D4D4D4D45544552"}, ["server_system_title"]),
        ({"system_title": "MMMMETER", "server_system_title": "MMMMETE2"}, []),
        ({"system_title": "no title", "server_system_title": "short"}, ["server_system_title"]),
        ({"server_system_title": "MMMMETER"}, []),
    ],
)
def test_two_sides_have_two_titles(keys, told):
    assert device_told(keys) == told


@pytest.mark.parametrize(
    ("transport", "told"),
    [("none", ["general_protection"]), ("authentication", []), ("encryption", []), ("nothing", ["transport_security"])],
)
def test_general_protection_needs_something_to_protect(transport, told):
    keys = {"block_cipher_key": KEY, "authentication_key": KEY, "general_protection": True}
    assert device_told(keys | {"transport_security": transport}) == told


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"device": "a"}, []),
        ({"devices": ["a"]}, []),
        ({}, ["device"]),
        ({"device": "a", "devices": ["b"]}, ["devices"]),
        ({"device": 5}, ["device"]),
        ({"device": "a", "class_id": 7, "entries": 1, "backfill": 0}, []),
        ({"device": "a", "entries": 1}, ["entries"]),
        ({"device": "a", "class_id": 3, "backfill": "1d"}, ["backfill"]),
        ({"device": "a", "class_id": "nothing", "entries": 1}, ["class_id"]),
        ({"device": "a", "class_id": 3, "attributes": [1, 3]}, ["attributes"]),
        ({"device": "a", "class_id": 3, "attributes": [1, 2]}, []),
        ({"device": "a", "class_id": 1, "attributes": [3]}, []),
        ({"device": "a", "is_tag": True}, []),
        ({"device": "a", "is_tag": True, "name": "status"}, ["name"]),
        ({"device": "a", "is_tag": True, "class_id": 62}, ["is_tag"]),
        ({"device": "a", "name": "status"}, []),
    ],
)
def test_the_keys_of_a_value_go_together(keys, told):
    assert keys_told(Value, {"name": "a", "obis": "1-0:1.8.0"} | keys) == told


@pytest.mark.parametrize(
    "tag",
    [
        *sorted(OUR_TAGS),
        *("time", "value", "value_text", "clock_time", "up", "rows", "attribute_4", "status_json"),
        *("attribute_5_text", "attribute_5_json", "period_text", "clock_time_json"),
    ],
)
def test_no_tag_is_called_like_ours_or_like_a_field(tag):
    assert keys_told(Agent, {"tags": {"site": "x", tag: "x"}}) == [f"tags.{tag}"]


def test_no_tag_is_called_like_a_field_of_a_poll_or_of_a_profile_s_reading():
    names = {each.name for poll in (DevicePoll, ProfilePoll) for each in dataclasses.fields(poll)} | {"result_code"}
    assert len(names) > 18
    assert {name for name in names if not keys_told(Agent, {"tags": {name: "x"}})} == set()


def test_a_tag_without_a_text_leaves_the_checks_of_the_others_alone():
    assert keys_told(Agent, {"tags": {"value": "x", "site": 5, "device": 6}}) == [
        "tags.site",
        "tags.device",
        "tags.value",
        "tags.device",
    ]


@pytest.mark.parametrize(
    "tag", ["site", "Value", "phase", "attribute_", "attribute_x", "attribute_5_x", "attribute__text", "host"]
)
def test_other_tags_are_free(tag):
    assert keys_told(Agent, {"tags": {tag: "x"}}) == []
