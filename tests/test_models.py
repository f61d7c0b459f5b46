"""The tables of the configuration: the contract's names and defaults, and what their keys become."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from telegraf_dlms.models import Agent, Connection, Group, Rs485, Value

SECOND = 1_000_000_000


def value(**keys) -> Value:
    return Value.model_validate({"name": "energy", "obis": "1.0.1.8.0.255"} | keys)


def test_the_defaults_of_the_agent_are_the_contracts():
    assert Agent().model_dump() == {
        "enabled": True,
        "measurement": "dlms",
        "tags": {},
        "log_level": "info",
        "state_file": None,
        "replay": 600_000_000_000,
        "round_interval": True,
        "collection_jitter": 0,
        "collection_offset": 0,
        "collection_spread": 0,
    }


def test_the_defaults_of_a_connection_are_the_contracts():
    assert Connection(name="bus").model_dump() == {
        "name": "bus",
        "enabled": True,
        "type": "tcp",
        "address": None,
        "port": None,
        "device": None,
        "baud_rate": 9600,
        "data_bits": 8,
        "stop_bits": 1,
        "parity": "none",
        "flow_control": "none",
        "rs485": None,
        "persistent": False,
        "timeout": None,
        "retries": None,
    }
    assert not any(Rs485().model_dump().values())


def test_the_defaults_of_a_group_are_the_contracts():
    assert Group(name="energy").model_dump() == {
        "name": "energy",
        "enabled": True,
        "interval": SECOND,
        "measurement": "dlms",
        "tags": {},
        "collection_jitter": 0,
        "collection_offset": 0,
        "collection_spread": 0,
        "values": (),
    }


def test_the_defaults_of_a_value_are_the_contracts():
    assert value().model_dump() == {
        "name": "energy",
        "enabled": True,
        "device": None,
        "devices": (),
        "obis": b"\x01\x00\x01\x08\x00\xff",
        "class_id": 1,
        "version": None,
        "attributes": None,
        "entries": None,
        "backfill": 86400 * SECOND,
        "scaler": None,
        "unit": None,
        "short_name": None,
        "timestamp": "poll",
        "is_tag": False,
        "tags": {},
    }


@pytest.mark.parametrize("rate", [300, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200])
def test_every_baud_rate_of_the_router_is_there(rate):
    assert Connection(name="bus", baud_rate=rate).baud_rate == rate


@pytest.mark.parametrize(
    ("key", "written", "becomes"),
    [
        ("class_id", 0, 0),
        ("class_id", 65535, 65535),
        ("class_id", 9999, 9999),
        ("class_id", "profile_generic", 7),
        ("class_id", "3", 3),
        ("devices", ["a", "b-*"], ("a", "b-*")),
        ("attributes", [2, 3, 2], (2, 3)),
        ("attributes", ["value", "attribute_5"], (2, 5)),
        ("unit", 30, 30),
        ("unit", "kWh", "kWh"),
        ("unit", "", ""),
        ("scaler", -128, -128),
        ("version", 0, 0),
        ("entries", 32767, 32767),
        ("short_name", 0xFFFF, 65535),
        ("backfill", 3600, 3600 * SECOND),
    ],
)
def test_a_key_of_a_value_becomes(key, written, becomes):
    assert getattr(value(**{key: written}), key) == becomes


@pytest.mark.parametrize(
    ("keys", "numbers"),
    [
        ({"class_id": "demand_register", "attributes": ["capture_time", "period"]}, (6, 8)),
        ({"attributes": ["time"], "class_id": 8}, (2,)),
        ({"attributes": ["clock_time"], "class_id": 8}, (2,)),
        ({"attributes": [127], "class_id": 9999}, (127,)),
    ],
)
def test_names_of_attributes_are_those_of_the_class(keys, numbers):
    assert value(**keys).attributes == numbers


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("class_id", -1),
        ("class_id", 65536),
        ("class_id", True),
        ("class_id", 1.5),
        ("class_id", "no_class"),
        ("devices", "feeder-1"),
        ("devices", [1]),
        ("attributes", []),
        ("attributes", "value"),
        ("attributes", [0]),
        ("attributes", [128]),
        ("attributes", [True]),
        ("attributes", [1.5]),
        ("attributes", ["status"]),
        ("unit", 256),
        ("unit", True),
        ("unit", "k\nWh"),
        ("scaler", -129),
        ("entries", 0),
        ("entries", 32768),
        ("version", 256),
        ("short_name", 65536),
        ("timestamp", "now"),
        ("obis", "1.0.1.8.0"),
    ],
)
def test_a_key_of_a_value_that_cannot_be_is_refused(key, wrong):
    with pytest.raises(ValidationError) as caught:
        value(**{key: wrong})
    assert caught.value.errors()[0]["loc"][0] == key


def test_names_of_attributes_wait_where_the_class_is_wrong():
    with pytest.raises(ValidationError) as caught:
        value(class_id="no_class", attributes=["no_attribute"])
    assert [error["loc"] for error in caught.value.errors()] == [("class_id",)]


@pytest.mark.parametrize("key", ["stop_bits", "port", "data_bits", "baud_rate", "retries"])
def test_true_is_no_number_of_a_connection(key):
    with pytest.raises(ValidationError):
        Connection.model_validate({"name": "bus", key: True})
