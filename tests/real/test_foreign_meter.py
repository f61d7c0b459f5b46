"""The plugin against a meter that others wrote: every class that it has, over WRAPPER and over HDLC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import parts
import points
import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real

#: 2024-05-01T00:00:00Z, the time of the first row that the foreign meter captured; a row each quarter of an hour.
FIRST_ROW = 1714521600
PERIOD = 900
ROWS = 96


def configuration(interface: str, port: int, *values: str) -> str:
    """One foreign meter and some values of it."""
    return f"""
    [[connection]]
      name = "foreign"
      type = "tcp"
      address = "127.0.0.1"
      port = {port}
    [[device]]
      name = "meter"
      connection = "foreign"
      interface_type = "{interface}"
      client_address = 16
    [[group]]
      name = "all"
      interval = "15m"
    """ + "".join(f'[[group.value]]\ndevice = "meter"\n{value}\n' for value in values)


def once(folder: Path, text: str) -> list[points.Point]:
    """Run ``--once`` and return what was printed for the configured values."""
    config = folder / "meters.conf"
    config.write_text(text, encoding="utf-8")
    with parts.Child([*parts.PLUGIN, "--config", config, "--once"]) as plugin:
        status = plugin.ended()
        assert status == 0, plugin.text()
        printed = points.parse_all(plugin.out)
    [device] = [point for point in printed if point.measurement == "dlms_device"]
    assert device.fields["up"] == 1
    assert device.fields["result"] == "ok"
    return [point for point in printed if point.measurement == "dlms"]


@pytest.mark.parametrize(
    ("value", "tags", "fields"),
    [
        pytest.param(
            'name = "v"\nobis = "0.0.96.1.0.255"\nclass_id = 1',
            {"obis": "0.0.96.1.0.255", "class_id": "1"},
            {"value_text": "PYD0000000001"},
            id="data",
        ),
        pytest.param(
            'name = "v"\nobis = "1-0:1.8.0"\nclass_id = "register"',
            {"obis": "1.0.1.8.0.255", "class_id": "3", "unit": "Wh"},
            {"value": 12345678.0},
            id="register",
        ),
        pytest.param(
            'name = "v"\nobis = "1-0:32.7.0*255"\nclass_id = 3',
            {"obis": "1.0.32.7.0.255", "class_id": "3", "unit": "V"},
            {"value": 230.1},
            id="register-with-scaler",
        ),
    ],
)
def test_single_values_of_a_foreign_meter(foreign_meter, tmp_path, value, tags, fields):
    [point] = once(tmp_path, configuration(*foreign_meter, value))
    assert point.tags == {"device": "meter", "group": "all", "name": "v", **tags}
    assert point.fields == fields


def test_clock_of_a_foreign_meter(foreign_meter, tmp_path):
    [point] = once(tmp_path, configuration(*foreign_meter, 'name = "clock"\nobis = "0-0:1.0.0"\nclass_id = "clock"'))
    assert point.tags["class_id"] == "8"
    assert point.fields["clock_time"] == "2024-05-01T12:00:00+02:00"


@pytest.mark.parametrize("entries", [4, ROWS])
def test_profile_of_a_foreign_meter(foreign_meter, tmp_path, entries):
    value = f'name = "profile"\nobis = "1-0:99.1.0"\nclass_id = 7\nentries = {entries}'
    rows = once(tmp_path, configuration(*foreign_meter, value))
    numbers = range(ROWS - entries, ROWS)
    assert [row.time for row in rows] == [(FIRST_ROW + PERIOD * number) * 10**9 for number in numbers]
    assert [row.fields for row in rows] == [{"value": 1000.0 + 7 * number} for number in numbers]
    assert rows[0].tags == {
        "device": "meter",
        "group": "all",
        "name": "profile",
        "profile": "1.0.99.1.0.255",
        "obis": "1.0.1.8.0.255",
        "class_id": "3",
        "unit": "Wh",
    }


def test_a_refused_value_leaves_the_others_alone_and_exit_status_is_3(foreign_meter, tmp_path):
    config = tmp_path / "meters.conf"
    config.write_text(
        configuration(
            *foreign_meter,
            'name = "good"\nobis = "1-0:1.8.0"\nclass_id = 3',
            'name = "absent"\nobis = "1-0:9.8.0"\nclass_id = 3',
        ),
        encoding="utf-8",
    )
    with parts.Child([*parts.PLUGIN, "--config", config, "--once"]) as plugin:
        assert plugin.ended() == 3, plugin.text()
        printed = points.parse_all(plugin.out)
        assert plugin.lines(r"^[WE]! .*meter.*1\.0\.9\.8\.0\.255")
    assert [point.tags["name"] for point in printed if point.measurement == "dlms"] == ["good"]
    [device] = [point for point in printed if point.measurement == "dlms_device"]
    assert (device.fields["result"], device.fields["values_read"], device.fields["values_refused"]) == ("partial", 1, 1)
