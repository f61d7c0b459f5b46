"""Object lists: what is right in them is kept, whatever else is wrong."""

from __future__ import annotations

import json

import pytest

from field import needs_field
from field_objects import FOLDER, object_list, objects_of
from telegraf_dlms.axdr import decode_all
from telegraf_dlms.errors import DataRefused
from telegraf_dlms.obis import parse_obis
from telegraf_dlms.object_list import ListedObject, parse_base_names, parse_logical_names

ENERGY, CLOCK, CURRENT = (parse_obis(code) for code in ("1.0.1.8.0.255", "0.0.1.0.0.255", "0.0.40.0.0.255"))


def element(*modes, class_id=3, version=0, name=ENERGY):
    """Return an object with the access modes of its attributes from 1 on."""
    return (class_id, version, name, ([(number, mode, None) for number, mode in enumerate(modes, 1)], []))


def association(version, name=CURRENT):
    return element(1, 1, class_id=15, version=version, name=name)


def energy_of(*elements):
    found = parse_logical_names(list(elements)).objects
    return next(each for each in found if each.logical_name == ENERGY)


def test_an_object_has_its_attributes_and_what_of_them_may_not_be_read():
    octets = bytes.fromhex("01 01 0204 120003 1101 0906 0100010800FF 0202 0103 0203 0F01 1601 00 0203 0F02 1602 00")
    octets += bytes.fromhex("0203 0F03 1600 00 0101 0202 0F01 1600")
    assert parse_logical_names(decode_all(octets)).objects == (
        ListedObject(
            3,
            1,
            ENERGY,
            frozenset({1, 2, 3}),
            {
                2: "no read access in the access rights: write_only (2)",
                3: "no read access in the access rights: no_access (0)",
            },
        ),
    )


@pytest.mark.parametrize(
    ("mode", "readable"), [(0, False), (1, True), (2, False), (3, True), (4, True), (5, False), (6, True)]
)
@pytest.mark.parametrize("version", [0, 1, 2])
def test_an_access_mode_is_a_word_until_version_2_of_the_association(version, mode, readable):
    assert (2 not in energy_of(association(version), element(1, mode)).denied) is readable


@pytest.mark.parametrize(("mode", "readable"), [(0, False), (1, True), (2, False), (3, True), (4, False), (0x41, True)])
def test_an_access_mode_is_a_set_of_bits_from_version_3_on(mode, readable):
    denied = energy_of(association(3), element(1, mode)).denied
    assert denied == ({} if readable else {2: f"no read access in the access rights: access mode {mode:02X}h"})


def test_the_open_association_tells_the_version_and_not_another_one():
    other = association(3, name=parse_obis("0.0.40.0.1.255"))
    assert 2 not in energy_of(other, association(1), element(1, 4)).denied
    assert 2 in energy_of(other, element(1, 4)).denied


def test_a_number_that_is_no_word_is_a_set_of_bits_in_every_version():
    listed = energy_of(association(0), element(1, 0x0F, 0x1E))
    assert listed.denied == {3: "no read access in the access rights: access mode 1Eh"}


@pytest.mark.parametrize("right", [None, "1", (), ("2", 0), (2,), (2, None), (2, True), (2, -1), (2, b"\0"), 2, [2, 0]])
def test_an_odd_access_right_is_one_that_nobody_knows_and_loses_nothing(right):
    listed = energy_of((3, 0, ENERGY, ([(1, 1, None), right, (3, 0, None)], [])), element(class_id=8, name=CLOCK))
    assert list(listed.denied) == [3]
    assert {1, 3} <= listed.attributes


@pytest.mark.parametrize("rights", [None, (), (None, None), ([],), 7, ("", []), [[], []]])
def test_an_object_without_access_rights_has_none_that_deny(rights):
    assert energy_of((3, 0, ENERGY, rights)) == ListedObject(3, 0, ENERGY)


def test_an_object_may_end_before_its_access_rights():
    assert energy_of((3, 0, ENERGY)) == ListedObject(3, 0, ENERGY)


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(None, id="null"),
        pytest.param((3, 0), id="two members"),
        pytest.param([3, 0, ENERGY, None], id="an array"),
        pytest.param((3, 0, ENERGY[:5], None), id="five octets"),
        pytest.param((3, 0, "1.0.1.8.0.255", None), id="a text"),
        pytest.param((-1, 0, ENERGY, None), id="a class below 0"),
        pytest.param((0x10000, 0, ENERGY, None), id="a class beyond 16 bits"),
        pytest.param((3, 256, ENERGY, None), id="a version beyond 8 bits"),
        pytest.param((3.0, 0, ENERGY, None), id="a float"),
    ],
)
def test_an_odd_element_is_left_out_and_counted(odd):
    listed = parse_logical_names([odd, element(1, 1, class_id=8, name=CLOCK)])
    assert [each.logical_name for each in listed.objects] == [CLOCK]
    assert listed.odd == 1


def test_of_two_elements_for_one_object_the_first_holds():
    listed = parse_logical_names([element(1, 0), element(1, 1), element(1, 1, class_id=4)])
    assert [(each.class_id, list(each.denied)) for each in listed.objects] == [(3, [2]), (4, [])]
    assert listed.odd == 1


@pytest.mark.parametrize("parse", [parse_logical_names, parse_base_names])
@pytest.mark.parametrize(("value", "message"), [((1, 2), "no array but tuple"), ([1, 2], "none of the 2 elements")])
def test_what_is_no_object_list_is_refused(parse, value, message):
    with pytest.raises(DataRefused, match=message):
        parse(value)


def test_a_list_of_nothing_is_a_meter_of_nothing():
    assert parse_logical_names([]).objects == parse_base_names([]).objects == ()


def test_short_names_say_nothing_of_access():
    listed = parse_base_names([(-1536, 3, 1, ENERGY), None, (8, 8, 0, CLOCK)])
    assert listed.objects == (ListedObject(3, 1, ENERGY), ListedObject(8, 0, CLOCK))
    assert listed.odd == 1


@needs_field
@pytest.mark.parametrize(("name", "twice"), [("kpz_m2m3_0.0.49.typ", 1), ("kpz_m2m3_1.4.10.typ", 0)])
def test_the_object_list_that_was_read_from_a_meter_is_whole(name, twice):
    raw = object_list(objects_of(name))
    listed = parse_logical_names(raw)
    assert listed.odd == twice
    assert len(listed.objects) == len({(class_id, each) for class_id, _, each, _ in raw}) == len(raw) - twice
    assert all(1 in each.attributes and 1 not in each.denied for each in listed.objects)
    current = next(each for each in listed.objects if each.logical_name == CURRENT)
    assert {2, 3, 4, 5, 6, 8} <= current.attributes


@needs_field
def test_access_rights_of_a_meter_deny_what_they_deny():
    objects = json.loads((FOLDER / "kamstrup_jdlms_object_list.json").read_text("utf-8"))
    raw = [
        (
            each["class"],
            each["version"],
            parse_obis(each["ln"]),
            ([(int(number), mode, None) for number, mode in each["attr_access"].items()], []),
        )
        for each in objects
    ]
    listed = parse_logical_names(raw)
    assert listed.odd == 0
    denied = {
        (each["class"], each["ln"], int(n))
        for each in objects
        for n, mode in each["attr_access"].items()
        if mode in {0, 2}
    }
    assert len(denied) > 20
    assert {
        (each.class_id, ".".join(map(str, each.logical_name)), n) for each in listed.objects for n in each.denied
    } == denied
