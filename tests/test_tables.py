"""From a raw table to its model: what is right survives what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from telegraf_dlms import tables
from telegraf_dlms.models import Agent, Connection, Device, Group, Value, Workarounds
from telegraf_dlms.problems import Place
from telegraf_dlms.secret import Secret
from telegraf_dlms.tables import Checked, Surroundings, check_table, relative_to, subject_of

PLACE = Place(Path("meters.conf"), ("device", 0))


def checked(model, raw, *, environment=None, place=PLACE):
    surroundings = Surroundings(environment or {})
    return check_table(model, raw, place=place, subject="it", surroundings=surroundings)


def told(table: Checked) -> dict:
    return {problem.key: problem.message for problem in table.problems}


def device(**keys):
    return checked(Device, {"name": "feeder-1", "connection": "bus"} | keys)


def test_a_right_table_has_no_problems():
    table = device(client_address=1)
    assert told(table) == {}
    assert table.table.client_address == 1
    assert table.given("client_address")
    assert not table.given("server_address")


def test_right_keys_survive_wrong_ones():
    table = device(client_address="one", timeout="3s", retires=3)
    assert table.broken == {"client_address", "retires"}
    assert (table.table.client_address, table.table.timeout) == (16, 3_000_000_000)
    assert table.given("client_address")
    assert not table.sound("client_address", "timeout")
    assert table.sound("timeout", "retries")


def test_missing_keys_have_placeholders_until_the_file_is_refused():
    table = checked(Value, {})
    assert told(table) == {("name",): "is required", ("obis",): "is required"}
    assert table.broken == {"name", "obis"}


def test_names_of_attributes_fall_with_their_class():
    table = checked(Value, {"name": "a", "obis": "1-0:1.8.0", "class_id": "regster", "attributes": ["scaler_unit"]})
    assert list(told(table)) == [("class_id",)]
    assert table.broken == {"class_id", "attributes"}


@pytest.mark.parametrize(
    ("keys", "path", "message"),
    [
        ({"retires": 3}, ("retires",), 'unknown key; did you mean "retries"?'),
        ({"password_flie": "x"}, ("password_flie",), 'unknown key; did you mean "password_file"?'),
        ({"retries": 1.5}, ("retries",), "1.5 is not a whole number"),
        ({"retries": 16**400}, ("retries",), "a number beyond 64 bits is outside 0..255"),
        ({"enabled": "yes"}, ("enabled",), '"yes" is neither true nor false'),
        ({"security_suite": 3}, ("security_suite",), "3 is not one of 0, 1, 2"),
        ({"deviation": "inverter"}, ("deviation",), ('"inverter" '
         'is not one of standard, without_dst, inverted, ignore; '
         'did you mean "inverted"?')),
        ({"workarounds": 5}, ("workarounds",), "5 is not a table"),
        ({"workarounds": {"null_cells": "keep"}}, ("workarounds", "null_cells"), '"keep" is not one of "", previous'),
        ({"workarounds": {"no_list": True}}, ("workarounds", "no_list"), 'unknown key; did you mean "no_lists"?'),
        ({"tags": {"a": 1}}, ("tags", "a"), "1 is not a text"),
        ({"tags": {"a\n": "x"}}, ("tags", "a\n"), 'the name "a\\n" has a control character'),
        ({"tags": {"[key]": []}}, ("tags", "[key]"), "a list is not a text"),
        ({"tags": 5}, ("tags",), '5 is not a table of tags such as { site = "north" }'),
        ({"retries": "2"}, ("retries",), '"2" must be a number without quotes'),
        ({"retries": "two"}, ("retries",), '"two" is not a whole number'),
        ({"security_suite": "1"}, ("security_suite",), '"1" must be a number without quotes'),
        ({"enabled": "true"}, ("enabled",), '"true" must be written without quotes'),
        ({"timeout": "soon"}, ("timeout",), '"soon" is not a duration such as "15m", "1d12h" or a number of seconds'),
    ],
)  # fmt: skip
def test_a_problem_says_what_was_written_and_what_is_allowed(keys, path, message):
    assert told(device(**keys)) == {path: message}


def test_the_hosts_time_zones_are_looked_through_once_for_all_devices(monkeypatch):
    looks = []
    monkeypatch.setattr("telegraf_dlms.tables.available_timezones", lambda: looks.append(1) or {"Europe/Berlin"})
    tables._time_zones.cache_clear()
    for _ in range(3):
        (message,) = told(device(time_zone="Europe/Berln")).values()
        assert message.endswith('; did you mean "Europe/Berlin"?')
    tables._time_zones.cache_clear()
    assert looks == [1]


def test_an_empty_list_is_called_empty():
    table = checked(Value, {"name": "a", "obis": "1-0:1.8.0", "attributes": []})
    assert told(table) == {("attributes",): "is empty"}


@pytest.mark.parametrize("wrong", [{"site": 5}, {"a\n": "x"}, {"site": "${UNSET}"}])
def test_a_wrong_tag_leaves_the_other_tags_alone(wrong):
    table = device(tags=wrong | {"phase": "L1"}, retries=5)
    assert len(table.problems) == 1
    assert table.table.tags["phase"] == "L1"
    assert table.table.retries == 5
    assert table.sound("tags")


def test_a_tag_that_is_wrong_keeps_its_name_for_the_checks():
    assert list(device(tags={"value": 5, "phase": "L1"}).table.tags) == ["value", "phase"]


@pytest.mark.parametrize("key", ["password", "password_hex", "authentication_key", "dedicated_key", "signing_key"])
@pytest.mark.parametrize("secret", ["hunter2!", 4711, ["hunter2!"]])
def test_a_wrong_secret_is_not_repeated(key, secret):
    messages = " ".join(told(device(**{key: secret})).values())
    assert "hunter2" not in messages
    assert "4711" not in messages


def test_variables_stand_for_texts_numbers_and_booleans():
    raw = {"name": "${NAME}", "address": "${HOST}.example", "port": "${PORT}", "persistent": "${YES}", "retries": "$${"}
    table = checked(Connection, raw, environment={"NAME": "7", "HOST": "meter", "PORT": "4059", "YES": "true"})
    assert (table.table.name, table.table.address, table.table.port) == ("7", "meter.example", 4059)
    assert table.table.persistent is True
    assert told(table) == {("retries",): '"$${" is not a whole number'}


def test_variables_stand_for_numbers_and_booleans_in_tables_of_tables_too():
    workarounds = {"no_lists": "${YES}", "ignore_echo": "${NO}", "pause_after_connect": "${PAUSE}ms", "${YES}": "true"}
    environment = {"YES": "true", "NO": "no", "PAUSE": "3"}
    table = checked(Device, {"name": "a", "connection": "b", "workarounds": workarounds}, environment=environment)
    assert told(table) == {
        ("workarounds", "ignore_echo"): '"${NO}" is neither true nor false',
        ("workarounds", "${YES}"): "unknown key",
    }
    del workarounds["${YES}"], workarounds["ignore_echo"]
    table = checked(Device, {"name": "a", "connection": "b", "workarounds": workarounds}, environment=environment)
    assert table.table.workarounds == Workarounds(no_lists=True, pause_after_connect="3ms")


def test_what_came_from_the_environment_is_not_shown():
    raw = {"name": "a", "obis": "${SECRET}", "class_id": "${SECRET}", "timestamp": "${SECRET}", "entries": "${SECRET}"}
    table = checked(Value, raw, environment={"SECRET": "hunter2"})
    assert len(table.problems) == 4
    assert all('"${SECRET}"' in message and "hunter2" not in message for message in told(table).values())


def test_a_variable_that_is_not_set_leaves_the_other_keys_alone():
    table = device(encoding="${UNSET}", retries=5)
    assert told(table) == {("encoding",): "the environment variable UNSET is not set"}
    assert table.table.retries == 5


def test_a_required_key_that_is_written_and_wrong_is_not_called_missing():
    raw = {"name": "${UNSET}", "connection": "${", "obis": "1-0:1.8.0"}
    assert [problem.key for problem in checked(Device, raw).problems] == [("name",), ("connection",), ("obis",)]


@pytest.mark.parametrize("name", ["x" * 5000, "profile\ngeneric", "\x1b[2J"])
@pytest.mark.parametrize("place", ["class_id", "attributes", "attributes of attributes"])
def test_a_wrong_name_is_told_on_one_short_line(name, place):
    keys = {"class_id": {"class_id": name}, "attributes": {"attributes": [name]}}.get(place, {"attributes": [[name]]})
    (message,) = told(checked(Value, {"name": "a", "obis": "1-0:1.8.0", **keys})).values()
    assert message.isprintable()
    assert len(message) < 200


def test_secrets_come_from_files_beside_the_configuration(tmp_path):
    (tmp_path / "ek").write_text("00" * 16 + "\n")
    place = Place(tmp_path / "meters.conf", ("device", 0))
    raw = {"name": "a", "connection": "b", "block_cipher_key_file": "${FILE}"}
    table = checked(Device, raw, environment={"FILE": "ek"}, place=place)
    assert told(table) == {}
    assert table.table.block_cipher_key == Secret(bytes(16))
    assert table.given("block_cipher_key")


def test_secrets_come_from_systemd(tmp_path):
    (tmp_path / "telegraf.meter").write_text("12345678\n")
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path), "INDIRECT": "@{systemd:meter}"}
    raw = {"name": "a", "connection": "b", "password": "@{systemd:meter}"}
    assert checked(Device, raw, environment=environment).table.password == Secret("12345678")
    literal = checked(Device, raw | {"password": "${INDIRECT}"}, environment=environment)
    assert literal.table.password == Secret("@{systemd:meter}")


def test_a_credential_may_be_named_by_a_variable(tmp_path):
    (tmp_path / "meter-7").write_text("12345678\n")
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path), "NAME": "meter-7", "OTHER": "meter-8"}
    raw = {"name": "a", "connection": "b", "password": "@{systemd:${NAME}}"}
    assert checked(Device, raw, environment=environment).table.password == Secret("12345678")
    other = checked(Device, raw | {"password": "@{systemd:${OTHER}}"}, environment=environment)
    assert told(other) == {("password",): "cannot be read: systemd has no credential of this name"}
    unset = checked(Device, raw | {"password": "@{systemd:${UNSET}}"}, environment=environment)
    assert told(unset) == {("password",): "the environment variable UNSET is not set"}


def test_a_file_that_cannot_be_read_breaks_its_key():
    table = device(password_file="/no/such/file", access_security="low")
    assert told(table) == {("password_file",): "cannot be read: No such file or directory"}
    assert table.given("password")
    assert not table.sound("password")


def test_what_config_fills_in_cannot_be_written():
    table = checked(Group, {"name": "a", "values": []})
    assert told(table) == {("values",): 'unknown key; did you mean "value"?'}


def test_a_state_file_is_a_path_that_starts_at_the_file():
    table = checked(Agent, {"state_file": "state.db"})
    assert relative_to(Place(Path("/etc/a.conf")), table.table.state_file) == Path("/etc/state.db")
    assert relative_to(Place(Path("/etc/a.conf")), Path("/var/x")) == Path("/var/x")


@pytest.mark.parametrize(
    ("raw", "owner", "subject"),
    [
        ({"name": "a"}, "", 'value "a"'),
        ({"name": 5}, "", "value"),
        ({}, "", "value"),
        ({"name": "a\n"}, 'group "g"', 'group "g": value "a\\n"'),
    ],
)
def test_a_table_is_called_by_its_name(raw, owner, subject):
    assert subject_of("value", raw, owner=owner) == subject
