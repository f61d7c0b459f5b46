"""What tables say about each other."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from telegraf_dlms.models import Connection, Device, Value
from telegraf_dlms.problems import Place, Suggestions
from telegraf_dlms.references import DeviceNames, by_name, check_ports, check_value_names, connect, inherit
from telegraf_dlms.tables import Surroundings, check_table

SECOND = 1_000_000_000
FILE = Path("meters.conf")


def table(model, position=0, **raw):
    place = Place(FILE, (model.__name__.lower(), position))
    return check_table(model, raw, place=place, subject="it", surroundings=Surroundings({}))


def serial(position, device, **keys):
    return table(Connection, position, name=f"bus-{position}", type="serial", device=device, **keys)


def value(position=0, **keys):
    return table(Value, position, **({"name": "energy", "obis": "1-0:1.8.0"} | keys))


def messages(*tables):
    return [problem.message for checked in tables for problem in checked.problems]


def test_the_first_of_two_tables_holds_a_name():
    first, second, nameless = table(Connection, 0, name="a"), table(Connection, 1, name="a"), table(Connection, 2)
    assert by_name([first, second, nameless]) == {"a": first}
    assert not first.problems
    assert second.problems[0].other == Place(FILE, ("connection", 0, "name"))


def test_a_port_is_found_behind_a_link(tmp_path):
    (tmp_path / "link").symlink_to("/dev/ttyUSB7")
    first, second = serial(0, "/dev/ttyUSB7"), serial(1, str(tmp_path / "link"))
    check_ports([first, second])
    assert len(messages(first)) == 0
    assert "is already the port" in messages(second)[0]


def test_a_disabled_connection_leaves_its_port_to_another():
    first, second = serial(0, "/dev/ttyUSB7", enabled=False), serial(1, "/dev/ttyUSB7")
    check_ports([first, second])
    assert messages(first, second) == []


def connected(device, connection):
    connect(device, {"bus": connection}, suggestions=Suggestions())
    return device.table


@pytest.mark.parametrize(
    ("of_connection", "of_device", "becomes"),
    [
        ({}, {}, (5 * SECOND, 2)),
        ({"timeout": "9s", "retries": 0}, {}, (9 * SECOND, 0)),
        ({"timeout": "9s", "retries": 0}, {"timeout": "5s"}, (5 * SECOND, 0)),
        ({"timeout": "9s"}, {"retries": 7}, (9 * SECOND, 7)),
    ],
)
def test_a_devices_setting_beats_its_connections(of_connection, of_device, becomes):
    device = connected(
        table(Device, name="a", connection="bus", **of_device), table(Connection, name="bus", **of_connection)
    )
    assert (device.timeout, device.retries) == becomes


def test_mode_e_is_for_serial_connections():
    device = table(Device, name="a", connection="bus", interface_type="hdlc_mode_e")
    connected(device, serial(0, "/dev/ttyUSB7"))
    assert messages(device) == []
    connected(device, table(Connection, name="bus"))
    assert messages(device) == ['hdlc_mode_e is for connections of type "serial"']


def test_a_connection_may_be_in_a_file_that_could_not_be_read():
    device = table(Device, name="a", connection="bus")
    connect(device, {}, suggestions=None)
    assert messages(device) == []
    connect(device, {}, suggestions=Suggestions())
    assert messages(device) == ['there is no connection "bus"']


def test_what_is_written_is_not_inherited():
    device = table(Device, name="a", connection="bus", encoding="latin-1")
    inherit(device, {"encoding": "utf-8", "retries": 5, "timeout": None})
    assert (device.table.encoding, device.table.retries, device.table.timeout) == ("latin-1", 5, 5 * SECOND)


@pytest.mark.parametrize(
    ("keys", "devices"),
    [
        ({"device": "feeder-2"}, ("feeder-2",)),
        ({"devices": ["feeder-2", "feeder-1"]}, ("feeder-2", "feeder-1")),
        ({"devices": ["feeder-*"]}, ("feeder-1", "feeder-2")),
        ({"devices": ["feeder-2", "feeder-?"]}, ("feeder-2", "feeder-1")),
        ({"devices": ["feeder-[1]"]}, ("feeder-1",)),
        ({"devices": ["odd[1]"]}, ("odd[1]",)),
        ({"devices": ["*"]}, ("feeder-1", "feeder-2", "odd[1]")),
    ],
)
def test_patterns_stand_for_devices_in_their_order(keys, devices):
    checked = value(**keys)
    DeviceNames(["feeder-1", "feeder-2", "odd[1]"], suggestions=Suggestions()).resolve(checked)
    assert checked.table.devices == devices
    assert messages(checked) == []


PATTERNS = ("*", "b*", "a-*", "?-1", "[ab]-1*", "a-1[0-9]", "a*-1", "a-1", "ä*", "a\n*", "z*", "[", "[!a]*", "", "a[*]")


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_finds_what_a_look_at_each_name_finds(pattern):
    names = ("b-1", "a-10", "a-1", "a", "ab-1", "ä-1", "a*", "", "\U0010ffff", "a-1x")
    checked = value(devices=[pattern])
    DeviceNames(names, suggestions=None).resolve(checked)
    expected = (pattern,) if pattern in names else tuple(name for name in names if fnmatchcase(name, pattern))
    assert checked.table.devices == expected


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"device": "feder-1"}, 'there is no device "feder-1"; did you mean "feeder-1"?'),
        ({"device": "feeder-*"}, 'there is no device "feeder-*"; patterns are for devices = [ ... ]'),
        ({"devices": ["FEEDER-*"]}, '"FEEDER-*" matches no device'),
        ({"devices": ["x"]}, 'there is no device "x"'),
        ({"devices": []}, "is empty"),
    ],
)
def test_a_name_that_no_device_has_is_told(keys, message):
    checked = value(**keys)
    DeviceNames(["feeder-1"], suggestions=Suggestions()).resolve(checked)
    assert messages(checked) == [message]


def test_names_are_not_missed_where_a_file_could_not_be_read():
    values = [value(device="x"), value(devices=["x", "y-*"])]
    names = DeviceNames([], suggestions=None)
    for checked in values:
        names.resolve(checked)
    assert messages(*values) == []


def test_values_of_the_same_devices_share_one_tuple():
    names = DeviceNames([f"meter-{number}" for number in range(50)], suggestions=Suggestions())
    first, second = value(devices=["meter-*"]), value(devices=["meter-*"])
    names.resolve(first)
    names.resolve(second)
    assert first.table.devices is second.table.devices


def named(*devices):
    values = [value(position, devices=list(names)) for position, names in enumerate(devices)]
    for checked in values:
        DeviceNames("abc", suggestions=Suggestions()).resolve(checked)
    check_value_names(values)
    return values


def test_a_name_is_free_for_another_device():
    assert messages(*named("a", "b", "c")) == []


def test_a_device_has_a_name_once_in_a_group():
    first, second, third = named("ab", "bc", "c")
    assert messages(first) == []
    assert messages(second) == ['is already used for the device "b" in this group at']
    assert second.problems[0].other == Place(FILE, ("value", 0, "name"))
    assert third.problems[0].other == Place(FILE, ("value", 1, "name"))
