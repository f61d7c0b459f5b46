"""The [[device]] table: the contract's names and defaults, and what this version cannot read."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from telegraf_dlms.device_model import SECRET_KEYS, Device, Workarounds
from telegraf_dlms.secret import Secret

SECOND = 1_000_000_000


def device(**keys) -> Device:
    return Device.model_validate({"name": "feeder-1", "connection": "bus"} | keys)


def test_the_defaults_are_the_contracts():
    assert device().model_dump() == {
        "name": "feeder-1",
        "enabled": True,
        "connection": "bus",
        "interface_type": "hdlc",
        "client_address": 16,
        "server_address": 1,
        "server_address_type": "default",
        "serial_number": 1,
        "serial_number_formula": None,
        "logical_server_address": 0,
        "address_size": None,
        "access_security": "none",
        "password": None,
        "password_hex": None,
        "transport_security": "none",
        "security_suite": 0,
        "authentication_key": None,
        "block_cipher_key": None,
        "dedicated_key": None,
        "signing_key": None,
        "server_public_key": None,
        "system_title": None,
        "server_system_title": None,
        "general_protection": False,
        "invocation_counter": None,
        "logical_name_referencing": True,
        "encoding": "utf-8",
        "time_zone": "UTC",
        "deviation": "standard",
        "timeout": 5 * SECOND,
        "retries": 2,
        "max_pdu_size": 65535,
        "max_info_length": 128,
        "window_size": 1,
        "tags": {},
        "workarounds": {
            "pause_after_connect": 0,
            "pause_between_requests": 0,
            "ignore_echo": False,
            "no_lists": False,
            "null_cells": "",
        },
    }


def test_devices_do_not_share_their_tags():
    assert device().tags is not device().tags


def test_a_device_is_frozen_and_compares_by_its_keys():
    first = device(password="12345678")
    assert first == device(password="12345678")
    assert first != device(password="87654321")
    with pytest.raises(ValidationError):
        first.timeout = 5


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("retries", -1),
        ("retries", 256),
        ("max_pdu_size", 11),
        ("max_info_length", 31),
        ("max_info_length", 2031),
        ("window_size", 8),
        ("window_size", True),
        ("security_suite", 3),
        ("security_suite", True),
        ("address_size", 3),
        ("address_size", True),
        ("serial_number", -1),
        ("logical_server_address", 16384),
        ("timeout", 0),
        ("client_address", "16"),
        ("general_protection", 1),
        ("frobnicate", 1),
    ],
)
def test_a_value_outside_its_range_is_refused(key, wrong):
    with pytest.raises(ValidationError) as caught:
        device(**{key: wrong})
    assert caught.value.errors()[0]["loc"] == (key,)


def test_the_password_is_the_same_secret_however_it_is_written():
    assert device().secret is None
    assert device(password="12").secret == device(password_hex="3132").secret == Secret("12")


def test_no_secret_is_in_what_a_device_prints():
    secrets = {
        "password": "hunter2",
        "authentication_key": "0A" * 16,
        "block_cipher_key": "0B" * 16,
        "dedicated_key": "0C" * 16,
        "signing_key": "0D" * 32,
        "server_public_key": "0E" * 64,
    }
    printed = repr(device(**secrets)) + str(device(**secrets).model_dump())
    assert set(secrets) | {"password_hex"} == set(SECRET_KEYS)
    for secret in (*secrets.values(), "\\n\\n", "\\x0b"):
        assert secret not in printed


def test_workarounds_are_off_by_default():
    assert not any(Workarounds().model_dump().values())
