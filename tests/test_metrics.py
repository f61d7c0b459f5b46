"""Readings to lines, for single values and for the poll itself."""

from __future__ import annotations

import math

import pytest

from telegraf_dlms.axdr import BitString, DateTime
from telegraf_dlms.cosem import AttributeDescriptor, ScalerUnit
from telegraf_dlms.datetimes import DeviceClock
from telegraf_dlms.errors import DataRefused, MappingError
from telegraf_dlms.metrics import (
    DevicePoll,
    DeviceSeries,
    PollResult,
    Presentation,
    ProfilePoll,
    ProfilePollSeries,
    Series,
)
from telegraf_dlms.obis import parse_obis

PRESENTATION = Presentation("utf-8", DeviceClock())
TAGS = {"device": "feeder-1", "group": "energy", "name": "active_import"}
TIME = 1767225600000000000
WH = ScalerUnit(-1, 30)
NEW_YEAR = bytes.fromhex("07EA0101040D000000FFC400")


def series(class_id=3, obis="1.0.1.8.0.255", **options) -> Series:
    return Series(
        "dlms",
        tags=options.pop("tags", TAGS),
        class_id=class_id,
        logical_name=parse_obis(obis),
        presentation=PRESENTATION,
        **options,
    )


def fields_of(line: str | None) -> str | None:
    return None if line is None else line.split(" ", 1)[1].rsplit(" ", 1)[0]


def tags_of(line: str | None) -> dict[str, str]:
    assert line is not None
    return dict(tag.split("=") for tag in line.split(" ", 1)[0].split(",")[1:])


def test_a_register_is_the_line_of_the_design():
    line, problems = series().line([(2, 123456789)], scaler_unit=WH, time_ns=TIME)
    assert line == (
        "dlms,class_id=3,device=feeder-1,group=energy,name=active_import,obis=1.0.1.8.0.255,unit=Wh"
        " value=12345678.9 1767225600000000000"
    )
    assert problems == ()


@pytest.mark.parametrize(
    ("class_id", "readings", "scaler_unit", "fields"),
    [
        pytest.param(1, [(2, 12345678)], None, "value=12345678", id="data"),
        pytest.param(1, [(2, b"ABC")], None, 'value_text="ABC"', id="data with text"),
        pytest.param(3, [(2, 2**63)], ScalerUnit(0, 255),
                     'value_text="9223372036854775808"', id="register beyond a float"),
        pytest.param(4, [(2, 1234), (4, 8), (5, NEW_YEAR)], ScalerUnit(-2, 27),
                     'value=12.34,status=8i,capture_time="2026-01-01T13:00:00+01:00"', id="extended register"),
        pytest.param(4, [(4, BitString("0001"))], None, 'status_text="0001"', id="a status of bits"),
        pytest.param(5, [(2, 10), (3, 20), (5, 0), (8, 900), (9, 1)], ScalerUnit(1, 27),
                     "current_average_value=100,last_average_value=200,status=0i,period=900i,number_of_periods=1i",
                     id="demand register"),
        pytest.param(8, [(2, NEW_YEAR), (4, 0)], None, 'clock_time="2026-01-01T13:00:00+01:00",status=0i', id="clock"),
        pytest.param(70, [(2, True), (3, 1)], None, "output_state=true,control_state=1i", id="disconnect control"),
        pytest.param(9000, [(5, 7)], None, "attribute_5=7", id="a class that nobody knows"),
    ],
)  # fmt: skip
def test_all_attributes_of_an_object_are_fields_of_one_line(class_id, readings, scaler_unit, fields):
    line, problems = series(class_id).line(readings, scaler_unit=scaler_unit, time_ns=TIME)
    assert fields_of(line) == fields
    assert problems == ()


@pytest.mark.parametrize("readings", [[], [(2, None)], [(2, b"")], [(1, b"\x01\x00\x01\x08\x00\xff")], [(3, (0, 30))]])
def test_without_a_field_there_is_no_line_and_no_problem(readings):
    assert series().line(readings, scaler_unit=WH, time_ns=TIME) == (None, ())


@pytest.mark.parametrize("value", [5, 5.5])
def test_a_number_without_its_scaler_is_refused_and_not_printed_unscaled(value):
    line, (problem,) = series().line([(2, value)], scaler_unit=None, time_ns=TIME)
    assert line is None
    assert problem.attribute == AttributeDescriptor(3, parse_obis("1.0.1.8.0.255"), 2)
    assert isinstance(problem.error, DataRefused)
    assert "scaler_unit" in str(problem.error)


def test_what_needs_no_scaler_is_printed_where_the_scaler_is_unknown():
    line, problems = series(4).line([(2, 5), (4, 8)], scaler_unit=None, time_ns=TIME)
    assert fields_of(line) == "status=8i"
    assert [problem.attribute.attribute for problem in problems] == [2]
    assert fields_of(series().line([(2, b"ABC")], scaler_unit=None, time_ns=TIME)[0]) == 'value_text="ABC"'


def test_one_field_that_cannot_be_leaves_the_others_alone():
    line, (problem,) = series(5).line([(2, math.nan), (3, 5)], scaler_unit=WH, time_ns=TIME)
    assert fields_of(line) == "last_average_value=0.5"
    assert problem.attribute.attribute == 2
    assert isinstance(problem.error, MappingError)


@pytest.mark.parametrize(
    ("class_id", "scaler_unit", "override", "fields", "unit"),
    [
        pytest.param(3, WH, {"scaler": -3}, "value=5", "Wh", id="the scaler alone"),
        pytest.param(3, WH, {"unit": "kWh"}, "value=500", "kWh", id="the unit alone, as text"),
        pytest.param(3, WH, {"unit": 27}, "value=500", "W", id="the unit alone, as a code"),
        pytest.param(3, WH, {"unit": ""}, "value=500", None, id="no unit"),
        pytest.param(3, None, {"scaler": -3, "unit": "kWh"}, "value=5", "kWh", id="both, the meter's being unknown"),
        pytest.param(3, None, {"scaler": 0}, "value=5000", None, id="the scaler, the unit being unknown"),
        pytest.param(1, None, {"scaler": -2, "unit": 35}, "value=50", "V", id="data has none of its own"),
        pytest.param(3, ScalerUnit(0, 255), {}, "value=5000", None, id="a count"),
        pytest.param(3, ScalerUnit(0, 254), {}, "value=5000", None, id="another unit"),
        pytest.param(3, ScalerUnit(0, 13), {}, "value=5000", "m³", id="the Blue Book's symbol"),
        pytest.param(3, ScalerUnit(0, 200), {}, "value=5000", "200", id="an unknown unit's number"),
    ],
)
def test_scaler_and_unit_of_a_value_override_the_meters(class_id, scaler_unit, override, fields, unit):
    line, problems = series(class_id, **override).line([(2, 5000)], scaler_unit=scaler_unit, time_ns=TIME)
    assert fields_of(line) == fields
    assert tags_of(line).get("unit") == unit
    assert problems == ()


def test_a_unit_that_changes_changes_the_line():
    changing = series()
    first, _ = changing.line([(2, 5)], scaler_unit=WH, time_ns=TIME)
    second, _ = changing.line([(2, 5)], scaler_unit=ScalerUnit(0, 27), time_ns=TIME)
    assert (tags_of(first)["unit"], fields_of(first)) == ("Wh", "value=0.5")
    assert (tags_of(second)["unit"], fields_of(second)) == ("W", "value=5")


def test_tags_that_were_read_are_tags_of_every_later_line_and_configured_ones_win():
    tagged = series(1)
    tagged.set_tags({"serial_number": "A 1", "device": "other"})
    line, _ = tagged.line([(2, 5)], scaler_unit=None, time_ns=TIME)
    assert line is not None
    assert ",serial_number=A\\ 1 value" in line
    assert ",device=feeder-1," in line
    tagged.set_tags({})
    line, _ = tagged.line([(2, 5)], scaler_unit=None, time_ns=TIME)
    assert "serial_number" not in tags_of(line)


@pytest.mark.parametrize(
    ("class_id", "readings", "scaler_unit", "text"),
    [
        (1, [(2, b"KAM1234")], None, "KAM1234"),
        (1, [(2, None)], None, ""),
        (3, [(2, 55)], WH, "5.5"),
        (4, [(2, None), (4, 7)], WH, "7"),
    ],
)
def test_a_value_can_be_a_tag(class_id, readings, scaler_unit, text):
    assert series(class_id).tag_text(readings, scaler_unit=scaler_unit) == (text, ())


def test_a_structure_as_a_tag_is_a_problem():
    text, (problem,) = series(1).tag_text([(2, (1, 2))], scaler_unit=None)
    assert text == ""
    assert isinstance(problem.error, MappingError)


@pytest.mark.parametrize(
    ("time", "time_ns"),
    [
        (NEW_YEAR, 1767268800000000000),
        (DateTime(NEW_YEAR), 1767268800000000000),
        (b"\xff" * 12, None),
        (b"2026", None),
        (1767268800, None),
        (None, None),
    ],
)
def test_an_object_may_know_the_time_of_its_value(time, time_ns):
    assert series().meter_time_ns(time) == time_ns


def test_a_poll_that_went_well_is_a_line_of_integers_and_one_word():
    poll = DevicePoll(
        PollResult.OK,
        up=True,
        gather_time_ns=1500000,
        exchanges=4,
        bytes_sent=100,
        bytes_received=200,
        values_read=3,
        errors=1,
        timeouts=2,
        retries=3,
        skipped_polls=4,
    )
    line = DeviceSeries({"device": "feeder-1", "connection": "substation", "site": "A"}).line(poll, time_ns=TIME)
    assert line == (
        "dlms_device,connection=substation,device=feeder-1,site=A "
        'up=1i,result="ok",result_code=0i,gather_time_ns=1500000i,exchanges=4i,bytes_sent=100i,bytes_received=200i,'
        "values_read=3i,values_refused=0i,errors=1i,timeouts=2i,retries=3i,skipped_polls=4i 1767225600000000000"
    )


def test_every_poll_has_the_same_fields_also_one_that_was_not_made():
    devices = DeviceSeries({"device": "feeder-1"})
    lines = {result: devices.line(DevicePoll(result), time_ns=TIME) for result in PollResult}
    names = {tuple(field.split("=")[0] for field in line.split(" ")[1].split(",")) for line in lines.values()}
    assert len(names) == 1
    assert ' up=0i,result="backing_off",result_code=8i,' in lines[PollResult.BACKING_OFF]


def test_what_is_known_besides_follows_and_what_is_not_is_left_out():
    devices = DeviceSeries({"device": "feeder-1"})
    poll = DevicePoll(PollResult.OK, meter_id='ISK "7" 8', clock_drift_seconds=-3.25, invocation_counter=4294967295)
    line = devices.line(poll, time_ns=TIME)
    known = r',meter_id="ISK \"7\" 8",clock_drift_seconds=-3.25,invocation_counter=4294967295i'
    assert line == devices.line(DevicePoll(PollResult.OK), time_ns=TIME).replace(f" {TIME}", f"{known} {TIME}")
    zeros = devices.line(DevicePoll(PollResult.OK, clock_drift_seconds=0.0, invocation_counter=0), time_ns=TIME)
    assert zeros.endswith(f",skipped_polls=0i,clock_drift_seconds=0,invocation_counter=0i {TIME}")


def test_the_results_are_those_of_the_design():
    words = "ok partial connect timeout protocol rejected authentication ciphering backing_off locked skipped"
    assert [result.name.lower() for result in PollResult] == words.split()
    assert [int(result) for result in PollResult] == list(range(11))


def test_a_reading_of_a_profile_is_a_line_of_integers():
    profiles = ProfilePollSeries(
        {"device": "feeder-1", "group": "energy", "name": "load_profile"}, logical_name=parse_obis("1.0.99.1.0.255")
    )
    assert profiles.line(ProfilePoll(96, 900, 0, 900), time_ns=TIME) == (
        "dlms_profile,device=feeder-1,group=energy,name=load_profile,obis=1.0.99.1.0.255 "
        "rows=96i,gap_seconds=900i,backlog_seconds=0i,capture_period=900i 1767225600000000000"
    )
