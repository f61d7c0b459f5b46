"""Whose time is printed: the poll's, or with ``timestamp = "meter"`` the object's own."""

from __future__ import annotations

import pytest

from jumping_clock import on_a_jumping_clock
from readout_scene import MAXIMUM, MAXIMUM_TIME, TIME, Scene
from scripted_meter import ScriptedMeter, descriptor, octets, scaler_unit, unsigned
from stations import value
from telegraf_dlms.axdr import Tag, encode

#: 2026-01-01 13:00, an hour ahead of UTC, and the text of it.
CAPTURED, CAPTURED_TEXT = bytes.fromhex("07EA0101040D000000FFC400"), "2026-01-01T13:00:00+01:00"
CAPTURED_NS = 1_767_268_800_000_000_000
CLOCK = descriptor(8, "0.0.1.0.0.255")
DEMAND, DEMAND_UNIT, DEMAND_TIME = (descriptor(5, "1.0.1.4.0.255", number) for number in (2, 4, 6))
MAXIMUM_HEAD = "dlms,class_id=4,device=house,group=g,name=peak,obis=1.0.1.6.0.255,unit=W"
NO_TIME = "I house: g/peak: the object has no time of its own now: the poll's is printed"


def peak(**settings):
    return value("peak", obis="1-0:1.6.0", class_id=4, timestamp="meter", **settings)


def scene(*values, captured=None, **settings):
    there = octets(CAPTURED) if captured is None else captured
    return Scene(*values, meter=ScriptedMeter({MAXIMUM_TIME: there}), **settings)


@on_a_jumping_clock
async def test_an_extended_register_is_printed_at_its_capture_time():
    lines, counts = await scene(peak()).poll()
    assert lines == [f'{MAXIMUM_HEAD} value=4000,capture_time="{CAPTURED_TEXT}" {CAPTURED_NS}']
    assert counts == (1, 0)


@on_a_jumping_clock
async def test_a_capture_time_that_is_not_among_the_attributes_is_read_but_no_field():
    there = scene(peak(attributes=["value"]))
    lines, _ = await there.poll()
    assert lines == [f"{MAXIMUM_HEAD} value=4000 {CAPTURED_NS}"]
    assert "1.0.1.6.0.255/5" in there.meter.asked


@on_a_jumping_clock
async def test_a_demand_register_is_printed_at_its_capture_time():
    there = scene(value("demand", obis="1-0:1.4.0", class_id=5, timestamp="meter", attributes=[2]))
    there.meter.attributes |= {DEMAND: unsigned(5), DEMAND_UNIT: scaler_unit(0, 27), DEMAND_TIME: octets(CAPTURED)}
    (line,), _ = await there.poll()
    assert line.endswith(f"unit=W current_average_value=5 {CAPTURED_NS}")


@pytest.mark.parametrize("sent", [octets(CAPTURED), encode(Tag.DATE_TIME, CAPTURED)])
@on_a_jumping_clock
async def test_a_clock_is_printed_at_its_own_time(sent):
    there = scene(value("clock", obis="0-0:1.0.0", class_id=8, timestamp="meter", attributes=["clock_time"]))
    there.meter.attributes[CLOCK] = sent
    (line,), _ = await there.poll()
    assert line.endswith(f'clock_time="{CAPTURED_TEXT}" {CAPTURED_NS}')
    assert there.meter.asked == ["0.0.1.0.0.255/2"]


@on_a_jumping_clock
async def test_the_devices_time_zone_holds_for_it():
    local = bytes.fromhex("07EA0101040D000000800000")
    (line,), _ = await scene(peak(attributes=[2]), captured=octets(local), time_zone="Europe/Berlin").poll()
    assert line.endswith(f" {CAPTURED_NS}")


@pytest.mark.parametrize(
    "captured", [11, encode(Tag.NULL_DATA), octets(b"\xff" * 12), octets(b""), unsigned(5), b"\x08"]
)
@on_a_jumping_clock
async def test_where_the_object_has_no_time_the_polls_is_printed_and_that_is_said_once(captured):
    there = scene(peak(attributes=["value"]), captured=captured)
    for _ in range(2):
        assert await there.poll() == ([f"{MAXIMUM_HEAD} value=4000 {TIME}"], (1, 0))
    assert there.log.above_debug == [NO_TIME]


@on_a_jumping_clock
async def test_a_time_that_is_refused_is_not_asked_for_again_that_day():
    there = scene(peak(attributes=["value"]), captured=11)
    await there.poll()
    assert "1.0.1.6.0.255/5" in there.meter.take_asked()
    await there.poll()
    assert "1.0.1.6.0.255/5" not in there.meter.take_asked()
    there.house.memory.forget()
    await there.poll()
    assert "1.0.1.6.0.255/5" in there.meter.take_asked()


@on_a_jumping_clock
async def test_no_time_is_printed_where_there_is_no_value():
    there = scene(peak(attributes=["value"]))
    there.meter.attributes[MAXIMUM] = 4
    assert await there.poll() == ([], (0, 1))
    assert [line for line in there.log.above_debug if "time of its own" in line] == []


@on_a_jumping_clock
async def test_by_default_the_polls_time_is_printed_and_no_other_is_asked_for():
    there = scene(value("peak", obis="1-0:1.6.0", class_id=4, attributes=["value"]))
    assert await there.poll() == ([f"{MAXIMUM_HEAD} value=4000 {TIME}"], (1, 0))
    assert "1.0.1.6.0.255/5" not in there.meter.asked


@on_a_jumping_clock
async def test_a_class_without_a_time_has_the_polls_and_nothing_more_is_asked_or_said():
    there = scene(value("serial", obis="0-0:96.1.0", class_id=1, timestamp="meter"))
    (line,), _ = await there.poll()
    assert line.endswith(f' value_text="A1" {TIME}')
    assert there.meter.asked == ["0.0.96.1.0.255/2"]
    assert there.log.above_debug == []
