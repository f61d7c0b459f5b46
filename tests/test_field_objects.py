"""Every object list of a real meter: its classes are known, and what is in it becomes fields of line protocol."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime

import pytest
from points import parse

from field import CLOCK, WHY, needs_field
from field_objects import FOLDER, Listed, channel_one, object_list, objects_of
from telegraf_dlms.axdr import Tag, decode_all, encode
from telegraf_dlms.cosem import (
    SCALER_ATTRIBUTE,
    AttributeDescriptor,
    CaptureObject,
    FieldType,
    ScalerUnit,
    attribute_of,
    attributes_of,
    class_name,
)
from telegraf_dlms.datetimes import encode as encode_date_time
from telegraf_dlms.metrics import Presentation, Series
from telegraf_dlms.obis import format_obis, parse_obis
from telegraf_dlms.profile import ProfileSeries, needed_scalers, parse_capture_objects
from telegraf_dlms.row_times import clock_column
from telegraf_dlms.units import unit_symbol

#: The lists, and how many objects each says, or is known, to have.
LISTS = {
    "dlmsprofile-smr500.json": 103,
    "gurux_simulator_crystal_india.xml": 8,
    "kamstrup_jdlms_object_list.json": 123,
    "kpz_m2m3_0.0.49.typ": 154,
    "kpz_m2m3_1.4.10.typ": 284,
    "osgp_sim_e650_objects.txt": 46,
    "osgp_sim_smr5_objects.txt": 134,
    "rim489_openspodes_reader_objects.txt": 76,
}
#: Classes of these meters whose attributes have no names here; they are read as attribute_2 and so on.
WITHOUT_NAMES = {77: "M-Bus diagnostic is none of the classes that the feature page has"}
TYPES = ["kpz_m2m3_0.0.49.typ", "kpz_m2m3_1.4.10.typ"]
CYRILLIC = Presentation("cp1251", CLOCK)
SOME_DATA = Listed(1, 0, parse_obis("0.0.96.1.0.255"), "some", {})
MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)
MIDNIGHT_NS = 1_767_225_600_000_000_000


def each_list(names):
    mark = [] if FOLDER.is_dir() else [pytest.mark.skip(reason=WHY)]
    return pytest.mark.parametrize("name", [pytest.param(name, marks=mark) for name in names])


def series_of(listed, presentation=CYRILLIC):
    return Series(
        "dlms",
        tags={"name": listed.name},
        class_id=listed.class_id,
        logical_name=listed.logical_name,
        presentation=presentation,
        version=listed.version,
    )


def field_of(listed, number, value):
    """Return the names of the fields of one attribute's value; no problem may be among them."""
    line, problems = series_of(listed).line([(number, value)], scaler_unit=ScalerUnit(0, 255), time_ns=0)
    assert problems == ()
    return {} if line is None else parse(line).fields


@needs_field
def test_every_list_is_read_by_a_test_of_this_file():
    assert {path.name for path in FOLDER.iterdir()} == set(LISTS)


@each_list(LISTS)
def test_a_list_is_read_to_its_end_and_all_its_classes_are_known(name):
    objects = objects_of(name)
    assert len(objects) == LISTS[name]
    said = re.search(r"^(?:cosem )?objects (\d+)", (FOLDER / name).read_text("cp1251"), re.MULTILINE)
    assert said is None or int(said[1]) == len(objects)
    classes = {(item.class_id, item.version) for item in objects}
    assert all(class_name(class_id) for class_id, _ in classes)
    nameless = {class_id for class_id, version in classes if len(attributes_of(class_id, version)) < 2}
    assert nameless <= set(WITHOUT_NAMES)


@each_list(TYPES)
def test_a_meter_lists_the_attributes_that_the_table_has_for_its_classes_and_versions(name):
    elements = object_list(objects_of(name))
    table, meter = {}, {}
    for class_id, version, _, (attributes, _methods) in elements:
        table[class_id, version] = [attribute.number for attribute in attributes_of(class_id, version)]
        meter[class_id, version] = [number for number, *_ in attributes]
    assert meter == table
    twice = [format_obis(key) for key, times in Counter(element[2] for element in elements).items() if times > 1]
    assert (len(elements), twice) == {
        "kpz_m2m3_0.0.49.typ": (169, ["1.0.15.16.0.255"]),
        "kpz_m2m3_1.4.10.typ": (31, []),
    }[name]


@each_list(["kamstrup_jdlms_object_list.json"])
def test_a_meter_s_access_rights_are_for_the_attributes_that_the_table_has(name):
    for item in objects_of(name):
        numbers = [attribute.number for attribute in attributes_of(item.class_id, item.version)]
        assert [int(number) for number in item.attributes] == numbers


@each_list(["rim489_openspodes_reader_objects.txt"])
def test_every_attribute_that_another_reader_asked_for_has_a_name(name):
    asked = re.findall(r"ERR (\d+) (\S+) (\d+)", (FOLDER / name).read_text("utf-8"))
    listed = {(item.class_id, format_obis(item.logical_name)) for item in objects_of(name)}
    assert len(asked) == 237
    for class_id, code, number in asked:
        assert (int(class_id), code) in listed
        assert not attribute_of(int(class_id), int(number)).name.startswith("attribute_")


@each_list(TYPES)
def test_every_static_attribute_becomes_a_field_of_its_name(name):
    seen = Counter()
    for item in objects_of(name):
        for number, octets in item.attributes.items():
            if not isinstance(octets, bytes):
                continue
            attribute = attribute_of(item.class_id, number, item.version)
            value = decode_all(octets)
            fields = field_of(item, number, value)
            seen[attribute.type] += 1
            if attribute.type is FieldType.NO_FIELD:
                assert ScalerUnit.of(value)
                assert fields == {}
                continue
            (field,) = fields
            assert field in {attribute.name, f"{attribute.name}_text", f"{attribute.name}_json"}
            assert field == attribute.name or attribute.type is FieldType.CHOICE
    assert seen[FieldType.JSON] > 40
    assert seen[FieldType.INTEGER] > 60


SAMPLES = {
    Tag.NULL_DATA: None,
    Tag.DATE_TIME: bytes.fromhex("07ea010104000000ff800000"),
    Tag.ARRAY: [encode(Tag.UNSIGNED, 1)],
    Tag.STRUCTURE: [encode(Tag.UNSIGNED, 1)],
    Tag.BIT_STRING: "0101",
    Tag.INTEGER: -1,
    Tag.DOUBLE_LONG: -12345,
    Tag.DOUBLE_LONG_UNSIGNED: 12345,
    Tag.OCTET_STRING: b"A1",
    Tag.VISIBLE_STRING: b"B2",
    Tag.LONG: -5,
    Tag.UNSIGNED: 7,
    Tag.LONG_UNSIGNED: 2300,
    Tag.LONG64_UNSIGNED: 2**63,
    Tag.DATE: bytes.fromhex("07ea010104"),
}


@each_list(TYPES)
def test_a_value_of_every_type_that_the_meter_declares_becomes_a_field(name):
    declared = set()
    for item in objects_of(name):
        for number, tag in item.attributes.items():
            attribute = attribute_of(item.class_id, number)
            if isinstance(tag, bytes) or attribute.type is FieldType.NO_FIELD:
                continue
            declared.add(Tag(tag))
            fields = field_of(item, number, decode_all(encode(Tag(tag), SAMPLES[Tag(tag)])))
            assert tag == Tag.NULL_DATA or attribute.name in {
                name.removesuffix("_text").removesuffix("_json") for name in fields
            }
    assert Tag.LONG64_UNSIGNED in declared
    assert len(declared) >= 7


@each_list(["kpz_m2m3_1.4.10.typ"])
def test_cyrillic_text_reads_in_its_encoding_alone(name):
    names = {item.name for item in objects_of(name)}
    assert len(names) > 200
    for text in names:
        octets = decode_all(encode(Tag.OCTET_STRING, text.encode("cp1251")))
        assert parse(series_of(SOME_DATA).line([(2, octets)], scaler_unit=None, time_ns=0)[0]).fields == {
            "value_text": text
        }
        foreign = series_of(SOME_DATA, Presentation("utf-8", CLOCK)).line([(2, octets)], scaler_unit=None, time_ns=0)[0]
        assert parse(foreign).fields == {"value_text": text if text.isascii() else octets.hex()}


# Profiles: what they capture, and a row of each.


def rows_of(captures, scalers, cells):
    """Return the points of one row, with its problems."""
    profile = ProfileSeries("dlms", tags={}, logical_name=parse_obis("1.0.99.1.0.255"), presentation=CYRILLIC)
    rows = profile.prepare(captures, scalers).rows(
        [tuple(cells)], capture_period=900, sort_method=1, poll_time_ns=MIDNIGHT_NS
    )
    return [parse(line) for row in rows.rows for line in row.lines], rows


def cell_of(capture):
    """Return a cell as the captured attribute would have it."""
    if (capture.class_id, capture.attribute) == (8, 2):
        return encode_date_time(MIDNIGHT)
    if capture.attribute == SCALER_ATTRIBUTE.get(capture.class_id):
        return (-1, 30)
    if attribute_of(capture.class_id, capture.attribute).type is FieldType.DATE_TIME:
        return encode_date_time(MIDNIGHT)
    return 1234


@each_list(TYPES)
def test_every_profile_s_columns_are_known_and_a_row_of_it_is_lines(name):
    objects = objects_of(name)
    scalers = {
        AttributeDescriptor(item.class_id, item.logical_name, 3): ScalerUnit.of(decode_all(item.attributes[3]))
        for item in objects
        if item.class_id == 3 and isinstance(item.attributes.get(3), bytes)
    }
    for item in objects:
        if item.class_id != 7:
            continue
        captures = parse_capture_objects(decode_all(item.attributes[3]))
        assert len(captures) == item.attributes[3][1]
        missing = dict.fromkeys(needed_scalers(captures), ScalerUnit(0, 30)) | scalers
        points, rows = rows_of(captures, missing, map(cell_of, captures))
        assert (rows.problems, rows.misfits) == ((), 0)
        clock = clock_column(captures, [list(map(cell_of, captures))])
        expected = [
            format_obis(capture.logical_name)
            for index, capture in enumerate(captures)
            if index != clock and attribute_of(capture.class_id, capture.attribute).type is not FieldType.NO_FIELD
        ]
        if not captures:
            assert points == []
        elif expected:
            assert [point.tags["obis"] for point in points] == expected
            assert {point.time for point in points} <= {MIDNIGHT_NS + n for n in range(len(captures))}
        else:
            assert {name for point in points for name in point.fields} == {"clock_time"}


@each_list(["kpz_m2m3_1.4.10.typ"])
def test_every_scaler_unit_of_a_meter_has_a_unit_s_name(name):
    units = Counter()
    for item in objects_of(name):
        octets = item.attributes.get(3)
        if item.class_id in {3, 4} and isinstance(octets, bytes):
            scaler_unit = ScalerUnit.of(decode_all(octets))
            units[unit_symbol(scaler_unit.unit)] += 1
            assert -4 <= scaler_unit.scaler <= 0
    assert {"Wh", "varh", "V", "A", "Hz", "W", "var", "VA", "°"} <= set(units)
    assert not any(unit.isdigit() for unit in units)


# The object model of a country's meters: SMR 5.0.0.

#: Names of the model's descriptions that are not the Blue Book's, but mean the same attribute.
OTHER_NAMES = {
    "time": "clock_time",
    "capture_period_in_sec": "capture_period",
    "scalar_unit": "scaler_unit",
    "transfer_enabled": "image_transfer_enabled",
}
#: What a field of an attribute may be by the type that the model gives it.
BY_TYPE = {
    "double-long-unsigned": {FieldType.CHOICE, FieldType.INTEGER},
    "long-unsigned": {FieldType.CHOICE, FieldType.INTEGER},
    "unsigned": {FieldType.CHOICE, FieldType.INTEGER, FieldType.STATUS},
    "integer": {FieldType.INTEGER},
    "long": {FieldType.INTEGER},
    "enum": {FieldType.CHOICE, FieldType.INTEGER, FieldType.STATUS},
    "boolean": {FieldType.BOOLEAN},
    "bit-string": {FieldType.BITS, FieldType.CHOICE},
    "octet-string": {FieldType.CHOICE, FieldType.TEXT, FieldType.DATE_TIME},
    "visible-string": {FieldType.TEXT},
    "date-time": {FieldType.DATE_TIME},
    "clock_status": {FieldType.STATUS},
    "scal_unit_type": {FieldType.NO_FIELD},
    "array": {FieldType.JSON, FieldType.CHOICE},
    "structure": {FieldType.JSON, FieldType.CHOICE},
    "context_name_type": {FieldType.CHOICE},
    "mechanism_name_type": {FieldType.CHOICE},
}
SYMBOLS = {"WH": "Wh", "W": "W", "A": "A", "V": "V", "VAR": "var", "M3": "m³"}
SMR = "dlmsprofile-smr500.json"


@each_list([SMR])
def test_the_table_has_the_model_s_names_and_types(name):
    for item in objects_of(name):
        for described in item.attributes:
            attribute = attribute_of(item.class_id, described["id"], item.version)
            words = re.sub(r"\W+", "_", described["description"].lower()).strip("_")
            if item.class_id not in WITHOUT_NAMES:
                assert attribute.name == OTHER_NAMES.get(words, words)
            assert attribute.type in BY_TYPE.get(described["datatype"], {FieldType.JSON}) or (
                attribute.name.startswith("attribute_")
            )


def scaler_unit_in(text):
    scaler, unit = text.split(", ")
    codes = [code for code in range(1, 254) if unit_symbol(code) == SYMBOLS[unit]]
    return ScalerUnit(int(scaler), codes[0])


@each_list([SMR])
def test_every_register_of_the_model_is_printed_with_its_scaler_and_unit(name):
    printed = Counter()
    for item in objects_of(name):
        fixed = [a["value"] for a in item.attributes if a["datatype"] == "scal_unit_type" and "value" in a]
        if not fixed or "undefined" in fixed[0]:
            continue
        line, problems = series_of(item).line([(2, 12345)], scaler_unit=scaler_unit_in(fixed[0]), time_ns=0)
        point = parse(line)
        assert problems == ()
        assert point.tags["unit"] == SYMBOLS[fixed[0].split(", ")[1]]
        assert point.fields["value"] == {"0": 12345, "-1": 1234.5, "-2": 123.45}[fixed[0].split(", ")[0]]
        printed[point.tags["unit"]] += 1
    assert printed == {"Wh": 6, "W": 14, "A": 7, "V": 6, "var": 6}


@each_list([SMR])
def test_every_profile_of_the_model_is_printed_by_the_objects_that_it_captures(name):
    objects = {item.name: item for item in objects_of(name)}
    read = 0
    for item in objects.values():
        texts = [a["value"] for a in item.attributes if item.class_id == 7 and a["id"] == 3 and "value" in a]
        if not texts:
            continue
        read += 1
        columns = [column.split(",") for column in texts[0].split("|")]
        captures = [
            CaptureObject(objects[tag].class_id, objects[tag].logical_name, int(number), 0) for tag, number in columns
        ]
        scalers = dict.fromkeys(needed_scalers(captures), ScalerUnit(-3, 13))
        points, rows = rows_of(captures, scalers, map(cell_of, captures))
        assert (rows.problems, rows.misfits) == ((), 0)
        assert captures[0].class_id == 8
        assert [point.tags["obis"] for point in points] == [format_obis(c.logical_name) for c in captures[1:]]
        for point, capture in zip(points, captures[1:], strict=True):
            field = attribute_of(capture.class_id, capture.attribute).name
            expected = "2026-01-01T00:00:00+00:00" if field == "capture_time" else 1234
            assert point.fields[field] == (1.234 if capture.class_id == 4 and field == "value" else expected)
    assert read == 8


def test_a_model_s_any_channel_is_the_first_one():
    assert channel_one("0.x.24.2.1.255") == parse_obis("0.1.24.2.1.255")
