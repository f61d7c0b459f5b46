"""Whole objects from the meter's octets to lines: what the router broke on, and every class at once."""

from __future__ import annotations

import pytest

from jumping_clock import on_a_jumping_clock
from readout_scene import MAXIMUM, MAXIMUM_UNIT, TIME, Scene, all_rows
from scripted_meter import ScriptedMeter, octets, scaler_unit, unsigned
from scripted_profile import CLOCK, IMPORT, PROFILE, STATUS, ScriptedProfile, date_time, quarter
from stations import value
from telegraf_dlms.axdr import Tag, array, encode, structure
from telegraf_dlms.classes import CLASSES, SECRETS, FieldType
from telegraf_dlms.cosem import AttributeDescriptor, CaptureObject, attribute_of, attributes_of, versions_of
from telegraf_dlms.obis import parse_obis

OBJECT = parse_obis("0.0.99.0.0.255")
HEAD = "device=house,group=g,name=x,obis=0.0.99.0.0.255"
#: Every summer's day at noon, as calendars have it.
EVERY_NOON = bytes.fromhex("FFFF0601FF0C000000800000")


def one(class_id, **settings):
    return value("x", obis="0-0:99.0.0", class_id=class_id, **settings)


def scene(class_id, sent, **settings):
    there = {AttributeDescriptor(class_id, OBJECT, number): octets_ for number, octets_ in sent.items()}
    return Scene(one(class_id, **settings), meter=ScriptedMeter(there))


def long(number):
    return encode(Tag.LONG_UNSIGNED, number)


def action(script):
    return structure(octets(parse_obis("0.0.10.0.1.255")), long(script))


LIMITER = {
    2: structure(long(3), octets(parse_obis("1.0.1.7.0.255")), encode(Tag.INTEGER, 2)),
    3: unsigned(10000),
    4: unsigned(9000),
    5: encode(Tag.NULL_DATA),
    6: unsigned(30),
    7: unsigned(60),
    8: structure(long(0), octets(EVERY_NOON), unsigned(0)),
    9: array([]),
    10: encode(Tag.BOOLEAN, False),
    11: structure(action(1), action(2)),
}


@on_a_jumping_clock
async def test_a_limiter_is_one_line_of_typed_fields():
    lines, counts = await scene(71, LIMITER).poll()
    assert counts == (1, 0)
    (line,) = lines
    assert line.startswith(f"dlms,class_id=71,{HEAD} monitored_value=")
    assert line.endswith(f" {TIME}")
    assert "threshold_active=10000,threshold_normal=9000,min_over_threshold_duration=30i" in line
    assert "min_under_threshold_duration=60i" in line
    assert 'emergency_profile_group_id_list="[]",emergency_profile_active=false,' in line
    assert r'actions="[[\"00000a0001ff\",1],[\"00000a0001ff\",2]]"' in line
    assert "threshold_emergency" not in line


@on_a_jumping_clock
async def test_a_limiters_thresholds_may_be_of_any_type_and_keep_their_fields_types():
    sent = LIMITER | {3: structure(unsigned(1)), 4: octets(b"high"), 5: encode(Tag.FLOAT32, 0.1)}
    (line,), _ = await scene(71, sent).poll()
    assert r'threshold_active_json="[1]",threshold_normal_text="high",threshold_emergency=0.1,' in line


SEASONS = array([structure(octets(b"\x01"), octets(EVERY_NOON), octets(b"\x02"))])
WEEKS = array([structure(octets(b"W"), *[encode(Tag.UNSIGNED, day) for day in range(7)])])
DAYS = array(
    [
        structure(
            encode(Tag.UNSIGNED, 1),
            array([structure(octets(bytes((12, 0, 0, 0))), octets(parse_obis("0.0.10.0.100.255")), long(1))]),
        )
    ]
)


@on_a_jumping_clock
async def test_an_activity_calendar_is_one_line_with_its_tables_as_json():
    never = encode(Tag.OCTET_STRING, b"\xff" * 12)
    calendar = {2: octets(b"SUMMER"), 3: SEASONS, 4: WEEKS, 5: DAYS, 6: octets(b"\x00\x01"), 7: SEASONS, 8: WEEKS}
    lines, counts = await scene(20, calendar | {9: array([]), 10: never}).poll()
    assert counts == (1, 0)
    (line,) = lines
    assert line == (
        f'dlms,class_id=20,{HEAD} calendar_name_active="SUMMER",'
        rf'season_profile_active="[[\"01\",\"{EVERY_NOON.hex()}\",\"02\"]]",'
        r'week_profile_table_active="[[\"W\",0,1,2,3,4,5,6]]",'
        r'day_profile_table_active="[[1,[[\"0c000000\",\"00000a0064ff\",1]]]]",'
        r'calendar_name_passive="0001",'
        rf'season_profile_passive="[[\"01\",\"{EVERY_NOON.hex()}\",\"02\"]]",'
        r'week_profile_table_passive="[[\"W\",0,1,2,3,4,5,6]]",'
        f'day_profile_table_passive="[]" {TIME}'
    )


@on_a_jumping_clock
async def test_an_activity_calendar_is_switched_at_a_date_time_that_may_have_wildcards():
    there = scene(20, {10: octets(EVERY_NOON)}, attributes=["activate_passive_calendar_time"])
    (line,), _ = await there.poll()
    assert f'activate_passive_calendar_time="{EVERY_NOON.hex()}"' in line


SORTED_BY = structure(long(3), octets(IMPORT.logical_name), encode(Tag.INTEGER, 2), long(0))


@pytest.mark.parametrize(
    ("sort_object", "text"),
    [
        pytest.param(SORTED_BY, r"[3,\"0100010800ff\",2,0]", id="a register"),
        pytest.param(structure(long(0), octets(bytes(6)), encode(Tag.INTEGER, 0), long(0)), None, id="none, in zeros"),
        pytest.param(encode(Tag.NULL_DATA), "", id="none, null"),
        pytest.param(structure(), "[]", id="none, an empty structure"),
    ],
)
@on_a_jumping_clock
async def test_a_sort_object_of_any_kind_is_read_and_costs_no_row(sort_object, text):
    meter = ScriptedProfile(sort_method=3)
    meter.attributes[AttributeDescriptor(7, PROFILE, 6)] = sort_object
    lines, counts = await Scene(all_rows(attributes=["buffer", "sort_object"]), meter=meter).poll()
    assert counts == (1, 0)
    fields = [line for line in lines if "sort_object" in line]
    if text == "":
        assert fields == []
    else:
        expected = text or r"[0,\"000000000000\",0,0]"
        assert [line.split(" ")[1] for line in fields] == [f'sort_object="{expected}"']
    assert sum("obis=0.0.96.10.1.255" in line for line in lines) == 8


@pytest.mark.parametrize(("scaler", "printed"), [(0, "4000"), (-1, "400"), (3, "4000000"), (-6, "0.004")])
@on_a_jumping_clock
async def test_an_extended_register_is_scaled_by_its_own_scaler_unit(scaler, printed):
    meter = ScriptedMeter({MAXIMUM: unsigned(4000), MAXIMUM_UNIT: scaler_unit(scaler, 27)})
    there = Scene(value("peak", obis="1-0:1.6.0", class_id=4), meter=meter)
    (line,), counts = await there.poll()
    assert line == f"dlms,class_id=4,device=house,group=g,name=peak,obis=1.0.1.6.0.255,unit=W value={printed} {TIME}"
    assert counts == (1, 0)


@on_a_jumping_clock
async def test_a_buffer_may_be_a_compact_array_with_columns_of_nothing():
    meter = ScriptedProfile(columns=(CLOCK, STATUS, IMPORT))
    types = bytes((Tag.STRUCTURE, 3, Tag.OCTET_STRING, Tag.NULL_DATA, Tag.DOUBLE_LONG_UNSIGNED))
    contents = b"".join(b"\x0c" + date_time(number) + number.to_bytes(4, "big") for number in (6, 7))
    meter.attributes[AttributeDescriptor(7, PROFILE, 2)] = encode(Tag.COMPACT_ARRAY, (types, contents))
    lines, counts = await Scene(all_rows(entries=2), meter=meter).poll()
    assert counts == (1, 0)
    head = "dlms,class_id=3,device=house,group=g,name=load,obis=1.0.1.8.0.255,profile=1.0.99.1.0.255,unit=Wh"
    assert lines[:2] == [f"{head} value=0.6 {quarter(6)}", f"{head} value=0.7 {quarter(7)}"]


def capture_objects(*columns):
    types = bytes((Tag.STRUCTURE, 4, Tag.LONG_UNSIGNED, Tag.OCTET_STRING, Tag.INTEGER, Tag.LONG_UNSIGNED))
    contents = b"".join(
        column.class_id.to_bytes(2, "big")
        + b"\x06"
        + column.logical_name
        + column.attribute.to_bytes(1, "big", signed=True)
        + column.data_index.to_bytes(2, "big")
        for column in columns
    )
    return encode(Tag.COMPACT_ARRAY, (types, contents))


@on_a_jumping_clock
async def test_columns_may_be_of_any_class_attribute_and_element_and_be_described_in_a_compact_array():
    columns = (
        CLOCK,
        CaptureObject(71, OBJECT, 10, 0),
        CaptureObject(20, OBJECT, 2, 0),
        CaptureObject(64, OBJECT, 2, 0),
        CaptureObject(47, OBJECT, 6, 3),
        CaptureObject(9000, OBJECT, 5, 0),
        CaptureObject(8192, OBJECT, -3, 0),
        CaptureObject(7, OBJECT, 2, 0),
        CaptureObject(70, OBJECT, 0, 0),
    )
    row = structure(
        octets(date_time(7)),
        encode(Tag.BOOLEAN, True),
        octets(b"WINTER"),
        encode(Tag.ENUM, 3),
        long(5),
        octets(b"A"),
        encode(Tag.LONG, -1),
        array([structure(unsigned(1))]),
        structure(octets(OBJECT), encode(Tag.BOOLEAN, False), encode(Tag.ENUM, 1), encode(Tag.ENUM, 4)),
    )
    meter = ScriptedProfile()
    meter.attributes[AttributeDescriptor(7, PROFILE, 3)] = capture_objects(*columns)
    meter.attributes[AttributeDescriptor(7, PROFILE, 2)] = array([row])
    lines, counts = await Scene(all_rows(entries=1), meter=meter).poll()
    assert counts == (1, 0)
    fields = {line.split(" ")[0].split(",")[1]: line.split(" ")[1] for line in lines[:-1]}
    assert fields == {
        "class_id=71": "emergency_profile_active=true",
        "class_id=20": 'calendar_name_active="WINTER"',
        "class_id=64": "security_policy=3i",
        "class_id=47": 'cell_info="5"',
        "class_id=9000": 'attribute_5_text="A"',
        "class_id=8192": "attribute_-3=-1",
        "class_id=7": 'buffer_json="[[1]]"',
        "class_id=70": "output_state=false,control_state=1i,control_mode=4i",
    }
    assert "data_index=3" in next(line for line in lines if "class_id=47" in line)
    assert all(f" {quarter(7)}" in line for line in lines[:-1])


@on_a_jumping_clock
async def test_a_class_that_is_not_known_is_read_as_far_as_it_goes():
    there = scene(9000, {2: unsigned(7), 3: octets(b"A1"), 5: structure(unsigned(1), unsigned(2))})
    expected = f'dlms,class_id=9000,{HEAD} attribute_2=7,attribute_3_text="A1",attribute_5_json="[1,2]" {TIME}'
    assert await there.poll() == ([expected], (1, 0))
    there.meter.take_asked()
    assert await there.poll() == ([expected], (1, 0))
    assert there.meter.take_asked() == [f"0.0.99.0.0.255/{number}" for number in (2, 3, 5)]


@on_a_jumping_clock
async def test_of_a_class_that_is_not_known_the_attributes_that_are_named_are_read():
    there = scene(9000, {5: unsigned(9)}, attributes=[5, 6])
    lines, counts = await there.poll()
    assert lines == [f"dlms,class_id=9000,{HEAD} attribute_5=9 {TIME}"]
    assert counts == (1, 0)
    assert there.log.above_debug == ["W house g/x: 0.0.99.0.0.255/6: object-undefined (4)"]


#: A value that each type of field takes as its own.
SENT = {
    FieldType.CHOICE: unsigned(1),
    FieldType.STATUS: unsigned(1),
    FieldType.INTEGER: encode(Tag.ENUM, 1),
    FieldType.BOOLEAN: encode(Tag.BOOLEAN, True),
    FieldType.BITS: encode(Tag.BIT_STRING, "101"),
    FieldType.TEXT: octets(b"text"),
    FieldType.DATE_TIME: octets(EVERY_NOON),
    FieldType.IP_ADDRESS: unsigned(0xC0000201),
    FieldType.IP_ADDRESSES: array([unsigned(0xC0000201)]),
    FieldType.JSON: array([structure(unsigned(1))]),
}
HAVE_ROWS = (7, 62)


@pytest.mark.parametrize(
    ("class_id", "version"), [(of, version) for of in CLASSES if of not in HAVE_ROWS for version in versions_of(of)]
)
@on_a_jumping_clock
async def test_every_attribute_of_every_class_and_version_is_a_field_of_its_objects_line(class_id, version):
    attributes = [known for known in attributes_of(class_id, version) if known.type is not FieldType.NO_FIELD]
    sent = {known.number: SENT[known.type] for known in attributes}
    sent |= {number: scaler_unit(0, 27) for number in (3, 4) if number not in sent}
    there = scene(class_id, sent, version=version, attributes=[known.name for known in attributes])
    (line,), counts = await there.poll()
    assert counts == (1, 0)
    fields = [text.partition("=")[0] for text in line.split(" ")[1].split(",")]
    assert fields == [known.name for known in attributes]


@pytest.mark.parametrize("class_id", [of for of in CLASSES if of not in HAVE_ROWS])
@on_a_jumping_clock
async def test_by_default_no_secret_is_asked_for_nor_printed(class_id):
    sent = dict.fromkeys(range(2, 20), octets(b"12345678"))
    there = scene(class_id, sent | ({3: scaler_unit(0, 27)} if class_id in {3, 4} else {}))
    await there.poll()
    asked = {int(words.partition("/")[2]) for words in there.meter.asked}
    assert not {number for of, number in SECRETS if of == class_id} & asked
    assert attribute_of(class_id, 1).name == "logical_name"
    assert 1 not in asked
