"""Compact data in a poll: lines like a profile's row, at its clock's time or the poll's."""

from __future__ import annotations

import pytest

from jumping_clock import on_a_jumping_clock
from readout_scene import ENERGY_LINE, TIME, Scene, energy
from scripted_compact import CLOCK, COMPACT, IMPORT, IMPORT_UNIT, CompactMeter, at, capture_objects
from scripted_meter import octets
from stations import serial_number, value
from telegraf_dlms.axdr import Tag, encode
from telegraf_dlms.cosem import CaptureObject
from telegraf_dlms.obis import parse_obis

OWN_ID = CaptureObject(62, COMPACT, 4, 0)
SERIAL = CaptureObject(1, parse_obis("0.0.96.1.0.255"), 2, 0)
ROW_TIME = 1_767_268_800_000_000_000
ROW = "device=house,group=g,name=now"
IMPORT_LINE = f"dlms,class_id=3,{ROW},obis=1.0.1.8.0.255,profile=0.0.66.0.1.255,unit=Wh value=1234.5 {ROW_TIME}"
NOT_FITTING = "the compact_buffer does not fit its template_description: A-XDR: 1 octets, at least 2 are described"


def now(**settings):
    return value("now", obis="0-0:66.0.1", class_id="compact_data", **settings)


def scene(*values, meter=None, **settings):
    return Scene(*(values or (now(),)), meter=meter or CompactMeter(12345), **settings)


@on_a_jumping_clock
async def test_a_captured_value_is_a_line_of_its_object_at_the_time_of_the_clock():
    assert await scene().poll() == ([IMPORT_LINE], (1, 0))


@on_a_jumping_clock
async def test_each_poll_prints_what_is_in_the_buffer_then():
    there = scene()
    await there.poll()
    there.meter.attributes |= CompactMeter(12346).attributes
    assert await there.poll() == ([IMPORT_LINE.replace("1234.5", "1234.6")], (1, 0))


@on_a_jumping_clock
async def test_without_a_clock_a_row_has_the_polls_time_and_its_template_id_is_a_captured_value_too():
    meter = CompactMeter()
    meter.attributes |= {
        at(2): octets(b"\x30\x00\x00\x30\x39\x02A1"),
        at(3): capture_objects(OWN_ID, IMPORT, SERIAL),
        at(5): octets(bytes((Tag.STRUCTURE, 3, Tag.UNSIGNED, Tag.DOUBLE_LONG_UNSIGNED, Tag.OCTET_STRING))),
    }
    lines, counts = await scene(meter=meter).poll()
    assert counts == (1, 0)
    assert lines == [
        f"dlms,class_id=62,{ROW},obis=0.0.66.0.1.255,profile=0.0.66.0.1.255 template_id=48i {TIME}",
        IMPORT_LINE.replace(str(ROW_TIME), str(TIME)),
        f'dlms,class_id=1,{ROW},obis=0.0.96.1.0.255,profile=0.0.66.0.1.255 value_text="A1" {TIME}',
    ]


@on_a_jumping_clock
async def test_an_element_of_an_attribute_is_tagged_with_its_data_index():
    meter = CompactMeter()
    meter.attributes |= {at(3): capture_objects(CLOCK, IMPORT._replace(data_index=2))}
    (line,), _ = await scene(meter=meter).poll()
    assert ",data_index=2," in line


@on_a_jumping_clock
async def test_configured_scaler_and_unit_hold_for_the_columns_and_ask_for_no_scaler_unit():
    there = scene(now(scaler=-3, unit="kWh"))
    (line,), _ = await there.poll()
    assert line == IMPORT_LINE.replace("unit=Wh value=1234.5", "unit=kWh value=12.345")
    assert "1.0.1.8.0.255/3" not in there.meter.asked


@on_a_jumping_clock
async def test_a_buffer_that_does_not_fit_is_refused_said_once_and_leaves_the_others_alone():
    there = scene(now(), energy())
    there.meter.attributes[at(2)] = octets(b"\x30\x0c")
    for _ in range(2):
        assert await there.poll() == ([ENERGY_LINE], (1, 1))
    assert there.log.above_debug == [f"W house g/now: 0.0.66.0.1.255/2: {NOT_FITTING}"]
    there.meter.attributes |= CompactMeter(12345).attributes
    assert (await there.poll())[1] == (2, 0)
    assert there.log.above_debug[1:] == ["I house g/now: 0.0.66.0.1.255/2: is read again"]


@on_a_jumping_clock
async def test_a_column_whose_scaler_is_refused_is_refused_and_not_printed_unscaled():
    meter = CompactMeter()
    meter.attributes[IMPORT_UNIT] = 3
    there = scene(meter=meter)
    assert await there.poll() == ([], (0, 1))
    assert "could not be read" in there.log.above_debug[0]


@pytest.mark.parametrize("empty", [encode(Tag.NULL_DATA), octets(b"")])
@on_a_jumping_clock
async def test_an_empty_buffer_counts_as_read(empty):
    there = scene()
    there.meter.attributes[at(2)] = empty
    assert await there.poll() == ([], (1, 0))
    assert there.log.above_debug == []


@on_a_jumping_clock
async def test_what_is_named_beside_the_buffer_is_read_as_usual():
    there = scene(now(attributes=["compact_buffer", "template_id", "template_description"]))
    lines, counts = await there.poll()
    fields = 'template_id=48i,template_description="02020906"'
    assert lines == [f"dlms,class_id=62,{ROW},obis=0.0.66.0.1.255 {fields} {TIME}", IMPORT_LINE]
    assert counts == (1, 0)


@on_a_jumping_clock
async def test_without_the_buffer_among_the_named_attributes_no_row_is_read():
    there = scene(now(attributes=["capture_method"]))
    there.meter.attributes[at(6)] = encode(Tag.ENUM, 1)
    lines, _ = await there.poll()
    assert lines == [f"dlms,class_id=62,{ROW},obis=0.0.66.0.1.255 capture_method=1i {TIME}"]
    assert there.meter.asked == ["0.0.66.0.1.255/6"]


@on_a_jumping_clock
async def test_null_cells_of_compact_data_are_no_reason_for_advice():
    meter = CompactMeter()
    meter.attributes |= {
        at(2): octets(b"\x30\x00\x00\x30\x39"),
        at(3): capture_objects(SERIAL, IMPORT),
        at(5): octets(bytes((Tag.STRUCTURE, 2, Tag.NULL_DATA, Tag.DOUBLE_LONG_UNSIGNED))),
    }
    there = scene(meter=meter)
    assert await there.poll() == ([IMPORT_LINE.replace(str(ROW_TIME), str(TIME))], (1, 0))
    assert there.log.above_debug == []


@on_a_jumping_clock
async def test_a_clock_without_a_deviation_is_told_of_as_in_a_profile():
    meter = CompactMeter()
    moment = bytes.fromhex("07EA0101040D000000800000")
    meter.attributes[at(2)] = octets(b"\x30\x0c" + moment + b"\x00\x00\x30\x39")
    there = scene(meter=meter)
    await there.poll()
    assert there.log.above_debug == ['I house: the meter gives no deviation; its time is taken for time_zone "UTC"']


@on_a_jumping_clock
async def test_tags_that_were_read_are_on_the_lines_of_compact_data():
    there = scene(serial_number(is_tag=True), now())
    (line,), _ = await there.poll()
    assert ",serial=A1,unit=Wh " in line
