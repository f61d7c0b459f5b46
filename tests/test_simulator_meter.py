import pytest

from simulator_client import NOON, descriptor, values
from telegraf_dlms.cosem import AttributeDescriptor, attribute_of
from telegraf_dlms.errors import DataRefused
from telegraf_dlms.obis import format_obis, parse_obis
from telegraf_dlms.simulator import local_time, meter
from telegraf_dlms.simulator.buffers import Moment

MOMENT = Moment(NOON, 42)
SUMMER = NOON + 180 * 86400


def read(class_id, code, attribute=2, *, moment=MOMENT):
    return values(meter.read(descriptor(class_id, code, attribute), moment))


@pytest.mark.parametrize(
    ("class_id", "code", "attribute", "expected"),
    [
        pytest.param(1, "0.0.42.0.0.255", 2, b"TDL0000000000042", id="logical device name"),
        pytest.param(1, "0.0.96.1.0.255", 2, b"10000042", id="serial number"),
        pytest.param(1, "0.0.96.7.21.255", 2, 730, id="power failures"),
        pytest.param(8, "0.0.1.0.0.255", 2, local_time.date_time(NOON), id="clock"),
        pytest.param(8, "0.0.1.0.0.255", 3, -60, id="time_zone"),
        pytest.param(8, "0.0.1.0.0.255", 4, 0, id="clock status in winter"),
        pytest.param(8, "0.0.1.0.0.255", 7, 60, id="daylight_savings_deviation"),
        pytest.param(8, "0.0.1.0.0.255", 8, True, id="daylight_savings_enabled"),
        pytest.param(8, "0.0.1.0.0.255", 9, 1, id="clock_base"),
        pytest.param(15, "0.0.40.0.0.255", 3, (16, 1), id="associated_partners_id"),
        pytest.param(15, "0.0.40.0.0.255", 6, bytes.fromhex("60857405080200"), id="mechanism"),
        pytest.param(17, "0.0.41.0.0.255", 2, [(1, b"TDL0000000000042")], id="sap_assignment_list"),
    ],
)
def test_objects_have_their_values(class_id, code, attribute, expected):
    assert read(class_id, code, attribute) == expected


def test_the_clock_knows_summer():
    assert read(8, "0.0.1.0.0.255", 4, moment=Moment(SUMMER, 1)) == 0x80


@pytest.mark.parametrize(("attribute", "month", "deviation"), [(5, 3, 0), (6, 10, 0x80)])
def test_summer_time_changes_on_the_last_sunday(attribute, month, deviation):
    octets = read(8, "0.0.1.0.0.255", attribute)

    assert (octets[:2], octets[2], octets[3], octets[4]) == (b"\xff\xff", month, 0xFE, 7)
    assert octets[11] == deviation


def test_the_association_is_the_one_of_who_asks():
    moment = Moment(NOON, 1, client=32, mechanism=1, context=3)

    assert read(15, "0.0.40.0.0.255", 3, moment=moment) == (32, 1)
    assert read(15, "0.0.40.0.0.255", 4, moment=moment) == bytes.fromhex("60857405080103")
    assert read(15, "0.0.40.0.0.255", 6, moment=moment) == bytes.fromhex("60857405080201")
    assert read(15, "0.0.40.0.0.255", 5)[:3] == ("000000000101001000010100", 1024, 1024)


def test_the_secret_of_the_association_cannot_be_read():
    with pytest.raises(DataRefused) as refused:
        read(15, "0.0.40.0.0.255", 7)
    assert refused.value.result == 3


def test_everything_in_the_object_list_can_be_read():
    listed = read(15, "0.0.40.0.0.255")

    assert {name for _, _, name, _ in listed} == set(meter.OBJECTS)
    for class_id, version, name, (attributes, _) in listed:
        for number, *_ in attributes:
            if (class_id, number) != (15, 7):
                assert values(meter.read(AttributeDescriptor(class_id, name, number), Moment(NOON, 1))) is not None
        assert version in {0, 1}


def test_every_class_has_its_attributes():
    for found in meter.OBJECTS.values():
        for number in found.attributes:
            name = attribute_of(found.class_id, number, found.version).name
            assert not name.startswith("attribute_"), f"{format_obis(found.logical_name)}/{number}"


def test_an_unknown_object_is_undefined():
    with pytest.raises(DataRefused) as refused:
        read(3, "1.0.99.99.0.255")
    assert refused.value.result == 4
    assert parse_obis("1.0.99.99.0.255") not in meter.OBJECTS


def test_the_public_client_sees_five_objects_and_no_others():
    association = meter.PUBLIC_OBJECTS[parse_obis("0.0.40.0.0.255")]
    listed = values(association.attributes[2](MOMENT))

    assert [name for _, _, name, _ in listed] == list(meter.PUBLIC_OBJECTS)
    assert set(meter.PUBLIC_OBJECTS) == {
        parse_obis(code)
        for code in ("0.0.40.0.0.255", "0.0.41.0.0.255", "0.0.42.0.0.255", "0.0.1.0.0.255", "0.0.43.1.0.255")
    }
