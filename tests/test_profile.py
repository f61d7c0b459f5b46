"""What a profile captures, and the columns that are made of it."""

from __future__ import annotations

import pytest

from telegraf_dlms.cosem import AttributeDescriptor, CaptureObject, ScalerUnit
from telegraf_dlms.datetimes import DeviceClock
from telegraf_dlms.errors import DataRefused
from telegraf_dlms.metrics import Presentation
from telegraf_dlms.obis import parse_obis
from telegraf_dlms.profile import ProfileSeries, needed_scalers, parse_capture_objects

IMPORT = parse_obis("1.0.1.8.0.255")
EXPORT = parse_obis("1.0.2.8.0.255")
CLOCK = parse_obis("0.0.1.0.0.255")
WH = ScalerUnit(-1, 30)


def profile(**options) -> ProfileSeries:
    return ProfileSeries(
        "dlms",
        tags={"device": "feeder-1", "group": "energy", "name": "load_profile"},
        logical_name=parse_obis("1.0.99.1.0.255"),
        presentation=Presentation("utf-8", DeviceClock()),
        **options,
    )


def prefixes(series: ProfileSeries, captures, scalers=None) -> list[str]:
    return [column.prefix() for column in series.prepare(captures, scalers or {}).columns]


def test_capture_objects_are_read_in_their_order():
    value = [(8, CLOCK, 2, 0), (3, IMPORT, 2, 0), (4, EXPORT, 5, 1)]
    assert parse_capture_objects(value) == (
        CaptureObject(8, CLOCK, 2, 0),
        CaptureObject(3, IMPORT, 2, 0),
        CaptureObject(4, EXPORT, 5, 1),
    )


def test_capture_objects_may_lack_the_data_index_or_have_more_behind_it():
    assert parse_capture_objects([(3, IMPORT, 2), (3, EXPORT, 2, 0, (0, None))]) == (
        CaptureObject(3, IMPORT, 2, 0),
        CaptureObject(3, EXPORT, 2, 0),
    )


def test_no_capture_objects_are_no_columns():
    assert parse_capture_objects([]) == ()


@pytest.mark.parametrize(
    "value",
    [None, 5, b"\x01", [5], [()], [(3, IMPORT)], [(3, IMPORT[:5], 2, 0)], [(3, 5, 2, 0)], [(3, IMPORT, 2, b"")]],
    ids=repr,
)
def test_what_capture_objects_cannot_be_is_refused(value):
    with pytest.raises(DataRefused, match="capture_objects"):
        parse_capture_objects(value)


@pytest.mark.parametrize(
    "item",
    [(0x10000, IMPORT, 2, 0), (-1, IMPORT, 2, 0), (3, IMPORT, 128, 0), (3, IMPORT, 2, -1), (3, IMPORT, 2, 2**64 - 1)],
    ids=repr,
)
def test_capture_objects_with_numbers_that_no_range_descriptor_could_say_are_refused(item):
    with pytest.raises(DataRefused, match="capture_objects"):
        parse_capture_objects([item])


@pytest.mark.parametrize("item", [(True, IMPORT, 2, 0), (3, IMPORT, True, 0), (3, IMPORT, 2, False)], ids=repr)
def test_capture_objects_have_no_booleans(item):
    with pytest.raises(DataRefused, match="capture_objects"):
        parse_capture_objects([item])


def test_capture_objects_may_have_attributes_of_their_manufacturer():
    assert parse_capture_objects([(0xFFFF, IMPORT, -128, 0xFFFF)])[0].attribute == -128


def test_the_reason_of_a_refusal_stays_short_whatever_the_meter_sends():
    with pytest.raises(DataRefused) as refusal:
        parse_capture_objects([(3, b"x" * 100_000, 2, 0)])
    assert len(str(refusal.value)) < 200


def test_scalers_are_needed_once_for_each_object_that_has_one():
    captures = [
        CaptureObject(8, CLOCK, 2, 0),
        CaptureObject(1, IMPORT, 2, 0),
        CaptureObject(3, IMPORT, 2, 0),
        CaptureObject(4, EXPORT, 2, 0),
        CaptureObject(4, EXPORT, 5, 0),
        CaptureObject(5, EXPORT, 0, 0),
    ]
    assert needed_scalers(captures) == (
        AttributeDescriptor(3, IMPORT, 3),
        AttributeDescriptor(4, EXPORT, 3),
        AttributeDescriptor(5, EXPORT, 4),
    )


@pytest.mark.parametrize(
    ("override", "count"), [({}, 1), ({"scaler": 0}, 1), ({"unit": "kWh"}, 1), ({"scaler": 0, "unit": 30}, 0)]
)
def test_no_scaler_is_asked_for_where_both_are_configured(override, count):
    assert len(profile(**override).needed_scalers([CaptureObject(3, IMPORT, 2, 0)])) == count


def test_a_column_has_the_tags_of_the_captured_object_and_its_profiles():
    captures = [CaptureObject(8, CLOCK, 2, 0), CaptureObject(3, IMPORT, 2, 0), CaptureObject(1, EXPORT, 2, 3)]
    common = "device=feeder-1,group=energy,name=load_profile"
    assert prefixes(profile(), captures, {AttributeDescriptor(3, IMPORT, 3): WH}) == [
        f"dlms,class_id=8,{common},obis=0.0.1.0.0.255,profile=1.0.99.1.0.255 ",
        f"dlms,class_id=3,{common},obis=1.0.1.8.0.255,profile=1.0.99.1.0.255,unit=Wh ",
        f"dlms,class_id=1,data_index=3,{common},obis=1.0.2.8.0.255,profile=1.0.99.1.0.255 ",
    ]


def test_overrides_hold_for_the_columns_that_have_a_scaler_and_for_no_other():
    captures = [CaptureObject(1, IMPORT, 2, 0), CaptureObject(3, EXPORT, 2, 0)]
    data, register = profile(scaler=-3, unit="kWh").prepare(captures, {}).columns
    assert data.body(5000) == (data.prefix() + "value=5000", ())
    assert register.body(5000) == (register.prefix() + "value=5", ())
    assert "unit" not in data.prefix()
    assert register.prefix().endswith(",unit=kWh ")


def test_tags_that_were_read_are_in_later_layouts():
    series = profile()
    series.set_tags({"serial_number": "A1", "name": "not this one"})
    (prefix,) = prefixes(series, [CaptureObject(1, IMPORT, 2, 0)])
    assert prefix.endswith("name=load_profile,obis=1.0.1.8.0.255,profile=1.0.99.1.0.255,serial_number=A1 ")
