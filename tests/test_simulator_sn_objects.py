from itertools import pairwise

import pytest

from simulator_client import NOON, values
from telegraf_dlms.cosem import AttributeDescriptor
from telegraf_dlms.obis import parse_obis
from telegraf_dlms.short_names import parse_object_list
from telegraf_dlms.simulator import meter, objects, sn_objects
from telegraf_dlms.simulator.buffers import Moment

ASSOCIATION = parse_obis("0.0.40.0.0.255")


def read(logical_name, attribute):
    class_id = sn_objects.OBJECTS[logical_name].class_id
    descriptor = AttributeDescriptor(class_id, logical_name, attribute)
    return values(objects.read(sn_objects.OBJECTS, descriptor, Moment(NOON, 1)))


def test_every_object_of_the_meter_is_there_with_another_association():
    assert set(sn_objects.OBJECTS) == set(meter.OBJECTS)
    assert sn_objects.OBJECTS[ASSOCIATION].class_id == 12
    assert meter.OBJECTS[ASSOCIATION].class_id == 15


@pytest.mark.parametrize(
    ("code", "base_name"),
    [
        pytest.param("0.0.40.0.0.255", 0xFA00, id="association"),
        pytest.param("0.0.41.0.0.255", 0xFC00, id="SAP assignment"),
        pytest.param("0.0.42.0.0.255", 0xFD00, id="logical device name"),
    ],
)
def test_reserved_base_names_are_the_blue_books(code, base_name):
    assert sn_objects.BASE_NAMES[parse_obis(code)] == base_name


def test_no_object_reaches_into_another_ones_names():
    bases = sorted(sn_objects.BASE_NAMES.values())

    assert len(bases) == len(sn_objects.OBJECTS)
    assert all(base % 8 == 0 for base in bases)
    assert min(after - before for before, after in pairwise(bases)) >= sn_objects.ROOM


def test_some_base_names_are_negative_as_a_long():
    assert {base > 0x7FFF for base in sn_objects.BASE_NAMES.values() if base < 0xFA00} == {True, False}


def test_a_short_name_is_an_attribute():
    base = sn_objects.BASE_NAMES[parse_obis("1.0.1.8.0.255")]
    named = {name: attribute for name, attribute in sn_objects.VARIABLES.items() if base <= name < base + 0x80}

    assert named == {base + 8 * n: AttributeDescriptor(3, parse_obis("1.0.1.8.0.255"), n + 1) for n in range(3)}


def test_the_object_list_is_what_our_own_client_reads():
    listed = parse_object_list(read(ASSOCIATION, 2))

    assert {name: entry.base_name for (_, name), entry in listed.items()} == sn_objects.BASE_NAMES
    assert {(entry.class_id, entry.version) for entry in listed.values()} == {
        (there.class_id, there.version) for there in sn_objects.OBJECTS.values()
    }


def test_all_attributes_can_be_read_and_none_be_written():
    rights = read(ASSOCIATION, 3)
    base, attributes, methods = next(right for right in rights if right[0] & 0xFFFF == 0xFA00)

    assert len(rights) == len(sn_objects.OBJECTS)
    assert (base, attributes, methods) == (0xFA00 - 0x10000, [(1, 1, None), (2, 1, None), (3, 1, None)], [])


def test_every_variable_has_a_value():
    for asked in sn_objects.VARIABLES.values():
        objects.read(sn_objects.OBJECTS, asked, Moment(NOON, 1))


def test_the_public_client_sees_five_objects_at_the_names_that_they_have_for_others():
    association = sn_objects.PUBLIC_OBJECTS[ASSOCIATION]
    listed = parse_object_list(values(association.attributes[2](Moment(NOON, 1))))
    rights = values(association.attributes[3](Moment(NOON, 1)))

    assert {name: entry.base_name for (_, name), entry in listed.items()} == {
        name: sn_objects.BASE_NAMES[name] for name in meter.PUBLIC_OBJECTS
    }
    assert len(rights) == len(sn_objects.PUBLIC_OBJECTS) == 5
