"""What one poll reads and prints of single values; tests/test_readout_profiles.py has the profiles."""

from __future__ import annotations

import pytest

from jumping_clock import on_a_jumping_clock
from readout_scene import (
    ENERGY,
    ENERGY_HEAD,
    ENERGY_LINE,
    ENERGY_UNIT,
    NOT_UNSCALED,
    SERIAL,
    SERIAL_LINE,
    TIME,
    Scene,
    energy,
    rows,
    status_rows,
    told,
)
from scripted_meter import octets, scaler_unit, unsigned
from scripted_profile import ScriptedProfile
from stations import load_profile, serial_number, value
from telegraf_dlms.axdr import Tag, encode
from telegraf_dlms.errors import LinkError, Silence
from telegraf_dlms.meter import MEMORY_NS
from telegraf_dlms.readout import Readout

# Single values.


@on_a_jumping_clock
async def test_each_value_is_a_line_at_the_polls_time_single_values_first():
    scene = Scene(load_profile(), energy(), serial_number(), meter=ScriptedProfile())
    lines, counts = await scene.poll()
    assert lines[:2] == [ENERGY_LINE, SERIAL_LINE]
    assert rows(lines[2:]) == status_rows(6, 7)
    assert counts == (3, 0)
    assert scene.log.all == []


@on_a_jumping_clock
async def test_the_link_is_told_how_long_to_wait_and_whose_exchanges_to_count():
    scene = Scene(energy(), load_profile(), timeout="1500ms", workarounds={"pause_between_requests": "20ms"})
    await scene.poll()
    framing = scene.house.association.framing
    assert scene.link.settings == [{"timeout_s": 1.5, "pause_s": 0.02, "progress": framing}] * 2


@on_a_jumping_clock
async def test_nothing_is_asked_of_a_link_where_there_are_only_profiles():
    scene = Scene(load_profile(), meter=ScriptedProfile())
    await scene.poll()
    assert len(scene.link.settings) == 2  # for the columns, and for the rows


@on_a_jumping_clock
async def test_only_the_groups_that_are_due_are_read():
    scene = Scene(energy())
    readout = Readout(scene.house, [], scene.world, time_ns=TIME)
    await readout.read_rest(scene.link)
    assert (scene.take_lines(), readout.read, scene.meter.asked) == ([], 0, [])


@on_a_jumping_clock
async def test_a_refused_value_is_counted_said_once_and_leaves_the_others_alone():
    scene = Scene(energy(), serial_number())
    scene.meter.attributes[ENERGY] = 4
    for _ in range(3):
        assert await scene.poll() == ([SERIAL_LINE], (1, 1))
    assert scene.log.above_debug == ["W house g/energy: 1.0.1.8.0.255/2: object-undefined (4)"]
    scene.meter.attributes[ENERGY] = unsigned(12345)
    assert await scene.poll() == ([ENERGY_LINE, SERIAL_LINE], (2, 0))
    assert scene.log.above_debug[1:] == ["I house g/energy: 1.0.1.8.0.255/2: is read again"]


@on_a_jumping_clock
async def test_a_value_whose_scaler_unit_is_refused_is_refused_and_not_printed_unscaled():
    scene = Scene(energy(), serial_number())
    scene.meter.attributes[ENERGY_UNIT] = 3
    assert await scene.poll() == ([SERIAL_LINE], (1, 1))
    assert scene.log.all == [
        f"W house g/energy: 1.0.1.8.0.255/2: {NOT_UNSCALED}",
        "W house g/energy: 1.0.1.8.0.255/3: read-write-denied (3)",
    ]
    scene.meter.attributes[ENERGY_UNIT] = scaler_unit(-1, 30)
    assert (await scene.poll())[0] == [ENERGY_LINE, SERIAL_LINE]


@pytest.mark.parametrize(
    ("settings", "fields"),
    [
        pytest.param({"scaler": -2, "unit": "kWh"}, ",unit=kWh value=123.45", id="scaler and unit"),
        pytest.param({"scaler": -2}, " value=123.45", id="the scaler alone: the unit is not known"),
    ],
)
@on_a_jumping_clock
async def test_a_configured_scaler_needs_none_of_the_meter(settings, fields):
    scene = Scene(energy(**settings))
    scene.meter.attributes[ENERGY_UNIT] = 3
    assert await scene.poll() == ([f"{ENERGY_HEAD}{fields} {TIME}"], (1, 0))
    assert scene.log.all == []


@on_a_jumping_clock
async def test_a_default_attribute_that_is_refused_is_neither_counted_nor_said():
    scene = Scene(value("maximum", obis="1.0.1.6.0.255", class_id=4))
    for asked in ("2453", "2"):
        lines, counts = await scene.poll()
        assert len(lines) == 1
        assert counts == (1, 0)
        assert "".join(attribute[-1] for attribute in scene.meter.take_asked()) == asked
    assert scene.log.all == []


@on_a_jumping_clock
async def test_a_named_attribute_that_is_refused_is_said_but_the_value_counts_as_read():
    scene = Scene(value("maximum", obis="1.0.1.6.0.255", class_id=4, attributes=["value", "capture_time"]))
    lines, counts = await scene.poll()
    assert [line.split(" ")[1] for line in lines] == ["value=4000"]
    assert counts == (1, 0)
    assert scene.log.all == ["W house g/maximum: 1.0.1.6.0.255/5: object-undefined (4)"]


@pytest.mark.parametrize("empty", [encode(Tag.NULL_DATA), octets(b"")], ids=["null", "an empty text"])
@on_a_jumping_clock
async def test_an_empty_value_gives_no_line_and_counts_as_read(empty):
    scene = Scene(serial_number())
    scene.meter.attributes[SERIAL] = empty
    assert await scene.poll() == ([], (1, 0))


@on_a_jumping_clock
async def test_a_value_that_cannot_be_a_field_is_refused():
    scene = Scene(serial_number())
    scene.meter.attributes[SERIAL] = encode(Tag.FLOAT32, float("nan"))
    assert await scene.poll() == ([], (0, 1))
    assert scene.log.all == ["W house g/serial: 0.0.96.1.0.255/2: nan cannot be a field"]


# Tags that are read.


@on_a_jumping_clock
async def test_a_tag_is_on_every_line_of_the_poll_that_reads_it_and_is_no_line_itself():
    scene = Scene(energy(), serial_number(is_tag=True), load_profile(), meter=ScriptedProfile())
    lines, counts = await scene.poll()
    assert lines.pop() == told(2)
    assert len(lines) == 3
    assert all(",serial=A1" in line for line in lines)
    assert counts == (3, 0)


@on_a_jumping_clock
async def test_a_tag_that_is_refused_once_keeps_what_it_was():
    scene = Scene(energy(), serial_number(is_tag=True))
    await scene.poll()
    scene.meter.attributes[SERIAL] = 2
    (line,), counts = await scene.poll()
    assert ",serial=A1" in line
    assert counts == (1, 1)
    assert scene.log.all == ["W house g/serial: 0.0.96.1.0.255/2: temporary-failure (2)"]


@on_a_jumping_clock
async def test_a_tag_that_changed_changes_the_lines():
    scene = Scene(energy(), serial_number(is_tag=True))
    await scene.poll()
    scene.meter.attributes[SERIAL] = octets(b"B2")
    assert ",serial=B2" in (await scene.poll())[0][0]


# Associations that end.


@on_a_jumping_clock
async def test_without_an_association_nothing_is_read():
    scene = Scene(energy())
    scene.house.drop_framing()
    with pytest.raises(LinkError, match="the association is gone"):
        await scene.readout().read_rest(scene.link)
    assert scene.meter.asked == []


@pytest.mark.parametrize("error", [Silence("no answer"), LinkError("closed")], ids=repr)
@on_a_jumping_clock
async def test_what_was_read_is_printed_once_and_the_next_association_goes_on_behind_it(error):
    scene = Scene(energy(), serial_number(), load_profile(), meter=ScriptedProfile())
    scene.meter.attributes[SERIAL] = error
    readout = scene.readout()
    with pytest.raises(LinkError):
        await readout.read_rest(scene.link)
    await readout.print_singles()
    await readout.print_singles()
    assert scene.take_lines() == [ENERGY_LINE]
    assert (readout.read, readout.refused) == (1, 0)
    scene.meter.attributes[SERIAL] = octets(b"A1")
    scene.associate()
    await readout.read_rest(scene.link)
    lines = scene.take_lines()
    assert lines[0] == SERIAL_LINE
    assert lines[-1] == told(2)
    assert len(lines) == 4
    assert (readout.read, readout.refused) == (3, 0)


@on_a_jumping_clock
async def test_a_day_later_everything_is_asked_again():
    scene = Scene(energy())
    await scene.poll()
    scene.mono_ns = MEMORY_NS
    scene.meter.take_asked()
    await scene.poll()
    assert scene.meter.asked == ["1.0.1.8.0.255/2", "1.0.1.8.0.255/3"]
