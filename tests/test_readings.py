"""What a test tells of what was read."""

from __future__ import annotations

import pytest

from scripted_meter import SaidLog, descriptor, octets, unsigned
from stations import connection, device, group, load_profile, plan_of, value
from telegraf_dlms import axdr
from telegraf_dlms.cosem import SECRETS, AttributeDescriptor
from telegraf_dlms.datetimes import DeviceClock
from telegraf_dlms.errors import AssociationError, CipheringError, DataRefused, MappingError
from telegraf_dlms.log import Changes
from telegraf_dlms.metrics import Presentation
from telegraf_dlms.readings import Problems, read_detail, refusal_detail, value_detail

PRESENTATION = Presentation("utf-8", DeviceClock("standard", "UTC"))
ENERGY = descriptor(3, "1.0.1.8.0.255")
CLOCK = descriptor(8, "0.0.1.0.0.255")
TAGS = r"dlms,class_id=3,device=a\ house,group=g,name=e,obis=1.0.1.8.0.255,unit=m³\ \,\=h"
LINE = f"{TAGS} value=1.5,status=3i 1767225600000000000"


def planned(*values):
    [meter] = plan_of(connection(), device(), group("g", *values)).meters
    return meter.groups[0].values[0]


def test_an_attribute_is_told_with_its_octets_and_its_value():
    assert read_detail(ENERGY, unsigned(12345678), PRESENTATION) == {
        "obis": "1.0.1.8.0.255",
        "class_id": 3,
        "attribute": 2,
        "attribute_name": "value",
        "octets": "06 00 bc 61 4e",
        "value": 12345678,
    }


@pytest.mark.parametrize(
    ("descriptor", "encoded", "value"),
    [
        (CLOCK, octets(bytes.fromhex("07EA0101040C0000FFFFC400")), "2026-01-01T12:00:00+01:00"),
        (ENERGY, octets(b"A1"), "A1"),
        (ENERGY, octets(b"\x00\xff"), "00ff"),
        (ENERGY, axdr.encode(axdr.Tag.NULL_DATA, None), None),
        (ENERGY, axdr.structure(unsigned(1), octets(b"x")), [1, "x"]),
        (ENERGY, axdr.encode(axdr.Tag.FLOAT32, float("nan")), "nan"),
    ],
)
def test_values_read_as_in_json(descriptor, encoded, value):
    detail = read_detail(descriptor, encoded, PRESENTATION)
    assert (detail["octets"], detail["value"]) == (encoded.hex(" "), value)


def test_octets_that_are_no_value_are_told_to_be_none():
    detail = read_detail(ENERGY, b"\x06\x00", PRESENTATION)
    assert detail["octets"] == "06 00"
    assert detail["value"].startswith("no value: ")


def test_a_refusal_is_told_in_the_meters_words():
    assert read_detail(ENERGY, DataRefused(4), PRESENTATION)["refused"] == "object-undefined (4)"


@pytest.mark.parametrize("secret", sorted(SECRETS))
def test_of_a_secret_nothing_is_told_but_that_it_is_one(secret):
    detail = read_detail(AttributeDescriptor(secret[0], bytes(6), secret[1]), octets(b"sesame"), PRESENTATION)
    assert detail["secret"] is True
    assert not {"octets", "value"} & set(detail)
    plan = planned(value("port", obis="0.0.20.0.0.255", class_id=secret[0], attributes=[secret[1]]))
    detail = value_detail(plan, "g", ['dlms lls_secret="sesame" 0'], tag="sesame")
    assert detail["instead"] == "<secret>"
    assert "sesame" not in str(detail)


def test_a_value_is_told_as_it_would_be_printed():
    detail = value_detail(planned(value("e", obis="1.0.1.8.0.255")), "g", [LINE], tag=None)
    assert detail == {
        "group": "g",
        "name": "e",
        "obis": "1.0.1.8.0.255",
        "class_id": 3,
        "fields": "value=1.5,status=3i",
        "unit": "m³ ,=h",
        "time": "2026-01-01T00:00:00Z",
        "lines": [LINE],
    }


def test_a_text_with_spaces_stays_whole():
    line = 'dlms,name=e value_text="a b,unit=c 5" 1'
    detail = value_detail(planned(value("e")), "g", [line], tag=None)
    assert (detail["fields"], detail["unit"]) == ('value_text="a b,unit=c 5"', "")


def test_what_gave_no_line_is_told_without():
    detail = value_detail(planned(value("e")), "g", [], tag=None)
    assert detail["lines"] == []
    assert "fields" not in detail


def test_rows_are_counted_by_their_times():
    rows = [f"dlms,name=load,profile=1.0.99.1.0.255 value={cell} {time}" for time in (1, 2) for cell in (1, 2, 3)]
    told = "dlms_profile,name=load rows=2i 9"
    detail = value_detail(planned(load_profile()), "g", [*rows, told], tag=None)
    assert (detail["rows"], len(detail["lines"])) == (2, 7)


@pytest.mark.parametrize(("tag", "told"), [("A1", "tag e=A1"), (None, "no tag")])
def test_a_tag_is_told_as_one(tag, told):
    assert value_detail(planned(value("e", is_tag=True)), "g", [], tag=tag)["instead"] == told


def test_problems_are_kept_for_the_report():
    notes, log = [], SaidLog()
    problems = Problems("house", Changes(log), note=notes.append)
    problems.refused(("g", "e"), ENERGY, DataRefused(4))
    problems.refused(("g", "e"), CLOCK, MappingError("NaN"), times=3)
    problems.once("nulls", "null cells")
    assert problems.text == "1.0.1.8.0.255/2: object-undefined (4); 0.0.1.0.0.255/2: NaN"
    assert [attribute for attribute, _ in problems.all] == [ENERGY, CLOCK]
    assert notes == ["null cells"]


@pytest.mark.parametrize(
    ("error", "numbers"),
    [
        (AssociationError("x", result=1, diagnostic=13), {"aare_result": 1, "aare_diagnostic": 13}),
        (AssociationError("x"), {}),
        (DataRefused(4), {"data_access_result": 4}),
        (CipheringError("x"), {}),
    ],
)
def test_machines_get_the_standards_numbers(error, numbers):
    assert refusal_detail(error) == numbers
