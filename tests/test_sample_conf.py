"""sample.conf documents every option, its commented defaults are the real ones, and it is a valid configuration."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from telegraf_dlms.config import load
from telegraf_dlms.device_model import SECRET_KEYS
from telegraf_dlms.durations import format_duration
from telegraf_dlms.models import Agent, Connection, Device, Group, Rs485, Value, Workarounds

SAMPLE = Path(__file__).parent.parent / "sample.conf"
TABLES = {
    "agent": Agent,
    "connection": Connection,
    "connection.rs485": Rs485,
    "device": Device,
    "device.workarounds": Workarounds,
    "group": Group,
    "group.value": Value,
}
REQUIRED = {"name": "x", "connection": "x", "obis": "1-0:1.8.0"}
#: Filled in by config; a secret from a PEM file is shown as one.
NOT_WRITTEN = {("group", "values"), ("device", "signing_key"), ("device", "server_public_key")}

_HEADER = re.compile(r"\s*(# )?\[{1,2}([a-z0-9_.]+)\]{1,2}")
_KEY = re.compile(r"\s*(# )?([a-z0-9_]+) = (.+)")


def entries() -> list[tuple[str, str, Any, bool]]:
    """Return each key with its table, its value, and whether it is commented."""
    found, table = [], ""
    for line in SAMPLE.read_text().splitlines():
        if re.match(r"\s*##", line) or not line.strip():
            continue
        if header := _HEADER.fullmatch(line):
            table = header[2]
        elif key := _KEY.fullmatch(line):
            found.append((table, key[2], tomllib.loads(f"x = {key[3]}")["x"], bool(key[1])))
        else:
            pytest.fail(f"neither a table nor a key: {line}")
    return found


ENTRIES = entries()


def validated(table: str, key: str, value: Any) -> Any:
    model = TABLES[table]
    needed = {name: example for name, example in REQUIRED.items() if name in model.model_fields}
    extra = {"class_id": 3} if table == "group.value" and key == "attributes" else {}
    return getattr(model.model_validate({**needed, **extra, key: value}), key)


def test_the_sample_is_a_valid_configuration():
    configuration = load([SAMPLE])
    assert configuration.notes == ()
    assert not configuration.idle
    assert [value.name for value in configuration.groups[0].values] == ["active_import", "load_profile"]


@pytest.mark.parametrize("table", TABLES)
def test_every_option_is_in_the_sample(table):
    documented = {key for section, key, _, _ in ENTRIES if section == table}
    options = {key for key in TABLES[table].model_fields if (table, key) not in NOT_WRITTEN}
    assert options - documented - {"rs485", "workarounds"} == set()
    assert documented - options <= {f"{key}_file" for key in SECRET_KEYS}


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [
        pytest.param(table, key, value, id=f"{table}.{key}")
        for table, key, value, commented in ENTRIES
        if commented and key in TABLES[table].model_fields and TABLES[table].model_fields[key].is_required() is False
    ],
)
def test_a_commented_option_is_its_default_or_a_valid_example(table, key, value):
    field = TABLES[table].model_fields[key]
    default = field.get_default(call_default_factory=True)
    if default is None or key in {"tags", "devices", "type"} or (table, key) == ("connection", "device"):
        try:
            validated(table, key, value if "${" not in str(value) else "00" * 16)
        except ValidationError as error:
            pytest.fail(f"{table}.{key} is no valid example: {error}")
    else:
        assert validated(table, key, value) == default


@pytest.mark.parametrize(
    ("table", "key"),
    [
        pytest.param(table, key, id=f"{table}.{key}")
        for table, key, _, commented in ENTRIES
        if not commented
        and not TABLES[table].model_fields[key].is_required()
        and key not in {"address", "port", "device"}
    ],
)
def test_the_default_of_an_option_that_is_not_commented_is_told(table, key):
    comments = re.findall(rf"((?: *##.*\n)+) *{key} = ", SAMPLE.read_text())
    default = {"interval": format_duration}.get(key, str)(TABLES[table].model_fields[key].default)
    assert any(re.search(rf'[ "]{default}[ "][^.;]*where it is not written', comment) for comment in comments)


def test_a_default_that_a_connection_gives_its_devices_is_the_devices_own():
    for key in ("timeout", "retries"):
        value = next(value for table, name, value, _ in ENTRIES if (table, name) == ("connection", key))
        assert validated("connection", key, value) == Device.model_fields[key].default


def test_the_sample_explains_in_lines_that_fit():
    assert max(map(len, SAMPLE.read_text().splitlines())) <= 120


def test_the_sample_of_the_package_is_the_one_at_the_top():
    packaged = SAMPLE.parent / "plugin" / "telegraf_dlms" / "sample.conf"
    assert packaged.is_symlink()
    assert packaged.read_text() == SAMPLE.read_text()
