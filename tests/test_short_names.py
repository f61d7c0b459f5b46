from __future__ import annotations

import pytest

from telegraf_dlms.axdr import decode_all
from telegraf_dlms.cosem import AttributeDescriptor
from telegraf_dlms.errors import DataRefused
from telegraf_dlms.short_names import (
    ASSOCIATION,
    OBJECT_LIST,
    REPLY_TO_HLS,
    ObjectListEntry,
    ShortNames,
    attribute_name,
    parse_object_list,
)

ENERGY, CLOCK = bytes((1, 0, 1, 8, 0, 255)), bytes((0, 0, 1, 0, 0, 255))
#: An object list as a meter sends it: a base name below 8000h, and one above, which a long has as a negative number.
OBJECT_LIST_OCTETS = (
    bytes.fromhex("01 02 0204 10 0BB8 12 0008 11 00 09060000010000FF 0204 10 FA00 120003 1101 0906") + ENERGY
)


def test_an_object_is_found_by_class_and_logical_name():
    assert parse_object_list(decode_all(OBJECT_LIST_OCTETS)) == {
        (8, CLOCK): ObjectListEntry(0x0BB8, 8, 0, CLOCK),
        (3, ENERGY): ObjectListEntry(0xFA00, 3, 1, ENERGY),
    }


@pytest.mark.parametrize(
    ("base_name", "expected"), [(-1536, 0xFA00), (0xFA00, 0xFA00), (-0x8000, 0x8000), (0x7FFF, 0x7FFF), (0, 0)]
)
def test_base_names_have_no_sign(base_name, expected):
    assert parse_object_list([(base_name, 3, 0, ENERGY)])[3, ENERGY].base_name == expected


@pytest.mark.parametrize(
    "element",
    [
        pytest.param((8, 3, 0), id="three members"),
        pytest.param([8, 3, 0, CLOCK], id="an array"),
        pytest.param(None, id="null"),
        pytest.param((8, 3, 0, CLOCK[:5]), id="a logical name of five octets"),
        pytest.param((8, 3, 0, "0.0.1.0.0.255"), id="a logical name in text"),
        pytest.param((0x10000, 3, 0, CLOCK), id="a base name beyond 16 bits"),
        pytest.param((-0x8001, 3, 0, CLOCK), id="a base name below 16 bits"),
        pytest.param((8, -1, 0, CLOCK), id="a negative class"),
        pytest.param((8, 0x10000, 0, CLOCK), id="a class beyond 16 bits"),
        pytest.param((8, 3, 256, CLOCK), id="a version beyond 8 bits"),
        pytest.param((8.0, 3, 0, CLOCK), id="a float"),
    ],
)
def test_an_odd_element_does_not_lose_the_others(element):
    assert list(parse_object_list([element, (16, 3, 0, ENERGY)])) == [(3, ENERGY)]


def test_further_members_of_an_element_do_not_matter():
    assert parse_object_list([(16, 3, 0, ENERGY, [])])[3, ENERGY].base_name == 16


def test_of_two_elements_for_one_object_the_first_holds():
    assert parse_object_list([(16, 3, 0, ENERGY), (32, 3, 0, ENERGY)])[3, ENERGY].base_name == 16


def test_one_logical_name_may_have_objects_of_two_classes():
    assert len(parse_object_list([(16, 3, 0, ENERGY), (32, 4, 0, ENERGY)])) == 2


def test_a_meter_without_objects_is_none_of_our_business():
    assert parse_object_list([]) == {}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param((16, 3, 0, ENERGY), "no array but tuple", id="a structure"),
        pytest.param(None, "no array but NoneType", id="null"),
        pytest.param([1, 2], "none of the 2 elements", id="no objects"),
    ],
)
def test_what_is_no_object_list_is_refused(value, message):
    with pytest.raises(DataRefused, match=message):
        parse_object_list(value)


@pytest.mark.parametrize(
    ("base_name", "attribute", "expected"),
    [
        (0x0BB8, 1, 0x0BB8),
        (0x0BB8, 2, 0x0BC0),
        (0x0BB8, 9, 0x0BF8),
        (-1536, 2, 0xFA08),
        (0xFFF0, 2, 0xFFF8),
        (0, 127, 0x03F0),
    ],
)
def test_attributes_are_eight_apart(base_name, attribute, expected):
    assert attribute_name(base_name, attribute) == expected


@pytest.mark.parametrize(("base_name", "attribute"), [(0xFFF8, 2), (-8, 2), (0, 0), (0x10, -5)])
def test_there_may_be_no_room_for_an_attribute(base_name, attribute):
    with pytest.raises(DataRefused, match=f"has no room for attribute {attribute}"):
        attribute_name(base_name, attribute)


def test_the_association_has_its_reserved_names():
    assert attribute_name(ASSOCIATION, 2) == OBJECT_LIST == 0xFA08
    assert REPLY_TO_HLS == ASSOCIATION + 0x20 + 7 * 8


ENERGY_VALUE = AttributeDescriptor(3, ENERGY, 2)


def test_before_the_list_is_read_nothing_is_known_but_what_was_configured():
    names = ShortNames([(8, CLOCK, 0x0BB8)])
    assert names.name_of(AttributeDescriptor(8, CLOCK, 2)) == 0x0BC0
    assert not names.wants_list(AttributeDescriptor(8, CLOCK, 2))
    assert names.wants_list(ENERGY_VALUE)
    with pytest.raises(DataRefused, match="the meter's object list was not read"):
        names.name_of(ENERGY_VALUE)


def test_a_reserved_name_is_used_until_a_list_says_that_the_object_is_not_there():
    names = ShortNames()
    device_name = AttributeDescriptor(1, bytes.fromhex("00002A0000FF"), 2)
    assert names.name_of(device_name) == 0xFD08
    assert names.wants_list(device_name)
    assert not ShortNames([(8, CLOCK, 0x0BB8)]).wants_list(device_name)
    names.learn(decode_all(OBJECT_LIST_OCTETS))
    with pytest.raises(DataRefused, match="object-undefined"):
        names.name_of(device_name)
    assert names.name_of(AttributeDescriptor(12, bytes.fromhex("0000280000FF"), 2)) == OBJECT_LIST


def test_what_was_learnt_is_known_until_it_is_forgotten():
    names = ShortNames()
    names.learn(decode_all(OBJECT_LIST_OCTETS))
    names.begin()
    assert (names.name_of(ENERGY_VALUE), names.wants_list(ENERGY_VALUE)) == (0xFA08, False)
    names.forget()
    assert names.wants_list(ENERGY_VALUE)


def test_a_refused_list_holds_for_one_association():
    names = ShortNames()
    names.learn(DataRefused(3))
    assert not names.wants_list(ENERGY_VALUE)
    with pytest.raises(DataRefused) as caught:
        names.name_of(ENERGY_VALUE)
    assert (caught.value.result, str(caught.value)) == (3, "the meter's object list: read-write-denied (3)")
    names.begin()
    assert names.wants_list(ENERGY_VALUE)


def test_an_object_of_another_class_is_told_from_one_that_is_not_there():
    names = ShortNames()
    names.learn(decode_all(OBJECT_LIST_OCTETS))
    for wanted, result in ((ENERGY_VALUE._replace(class_id=4), 9), (ENERGY_VALUE._replace(logical_name=bytes(6)), 4)):
        with pytest.raises(DataRefused) as caught:
            names.name_of(wanted)
        assert caught.value.result == result


SETUP = bytes((0, 0, 43, 0, 0, 255))


@pytest.mark.parametrize(
    ("class_id", "version", "attribute", "name"),
    [
        pytest.param(64, 0, 5, 0x3020, id="the last one of an older version"),
        pytest.param(64, 1, 6, 0x3028, id="the last one of the newest version"),
        pytest.param(64, 9, 7, 0x3030, id="of a version that nobody here knows"),
        pytest.param(9000, 0, 20, 0x3098, id="of a class that nobody here knows"),
    ],
)
def test_an_attribute_has_a_name_as_far_as_the_version_is_known_to_go(class_id, version, attribute, name):
    names = ShortNames()
    names.learn([(0x3000, class_id, version, SETUP)])
    assert names.name_of(AttributeDescriptor(class_id, SETUP, attribute)) == name


@pytest.mark.parametrize(
    ("class_id", "version", "attribute"), [(64, 0, 6), (64, 1, 7), (3, 0, 4), (1, 0, 3), (15, 0, 9), (15, 1, 10)]
)
def test_an_attribute_that_the_version_does_not_have_is_refused_and_not_the_next_objects(class_id, version, attribute):
    names = ShortNames()
    names.learn([(0x3000, class_id, version, SETUP)])
    message = f"version {version} of class {class_id} has no attribute {attribute}: its short name is another one's"
    with pytest.raises(DataRefused) as caught:
        names.name_of(AttributeDescriptor(class_id, SETUP, attribute))
    assert (caught.value.result, str(caught.value)) == (None, message)


def test_a_base_name_that_was_configured_is_believed():
    names = ShortNames([(64, SETUP, 0x3000)])
    names.learn([(0x4000, 64, 0, SETUP)])
    assert names.name_of(AttributeDescriptor(64, SETUP, 6)) == 0x3028
