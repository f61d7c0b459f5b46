import pytest

from simulator_client import NOON, descriptor, values
from telegraf_dlms import axdr
from telegraf_dlms.apdu import entry_selection
from telegraf_dlms.axdr import Tag
from telegraf_dlms.cosem import CaptureObject, ScalerUnit
from telegraf_dlms.errors import DataRefused
from telegraf_dlms.obis import parse_obis
from telegraf_dlms.simulator import objects
from telegraf_dlms.simulator.buffers import Buffer, Moment

COLUMN = CaptureObject(8, parse_obis("0.0.1.0.0.255"), 2, 0)
LOG = Buffer((COLUMN,), 60, 9, lambda _: [1, 2], lambda _, first, last: [(b"\x00",)] * (last - first))
OBJECTS = {
    made.logical_name: made
    for made in (
        objects.data("0.0.96.1.0.255", axdr.encode(Tag.OCTET_STRING, b"123")),
        objects.register("1.0.1.8.0.255", ScalerUnit(-1, 30), lambda moment: objects.unsigned(moment.seconds)),
        objects.profile("1.0.99.1.0.255", LOG),
    )
}
MOMENT = Moment(NOON, 1)


def read(class_id, code, attribute=2, selection=None):
    return values(objects.read(OBJECTS, descriptor(class_id, code, attribute), MOMENT, selection))


@pytest.mark.parametrize(
    ("class_id", "code", "attribute", "expected"),
    [
        pytest.param(1, "0.0.96.1.0.255", 1, parse_obis("0.0.96.1.0.255"), id="logical name"),
        pytest.param(1, "0.0.96.1.0.255", 2, b"123", id="fixed value"),
        pytest.param(3, "1.0.1.8.0.255", 2, NOON, id="computed value"),
        pytest.param(3, "1.0.1.8.0.255", 3, (-1, 30), id="scaler_unit"),
        pytest.param(7, "1.0.99.1.0.255", 2, [(None,), (None,)], id="buffer"),
        pytest.param(7, "1.0.99.1.0.255", 3, [tuple(COLUMN)], id="capture_objects"),
        pytest.param(7, "1.0.99.1.0.255", 4, 60, id="capture_period"),
        pytest.param(7, "1.0.99.1.0.255", 5, 1, id="sort_method"),
        pytest.param(7, "1.0.99.1.0.255", 6, (0, bytes(6), 0, 0), id="sort_object"),
        pytest.param(7, "1.0.99.1.0.255", 7, 2, id="entries_in_use"),
        pytest.param(7, "1.0.99.1.0.255", 8, 9, id="profile_entries"),
    ],
)
def test_attributes_have_their_values(class_id, code, attribute, expected):
    assert read(class_id, code, attribute) == expected


def test_a_buffer_takes_a_selection():
    assert read(7, "1.0.99.1.0.255", 2, entry_selection(1, 1)) == [(None,)]


@pytest.mark.parametrize(
    ("class_id", "code", "attribute", "selection", "result"),
    [
        pytest.param(1, "9.9.9.9.9.9", 2, None, 4, id="object-undefined"),
        pytest.param(3, "0.0.96.1.0.255", 2, None, 9, id="object-class-inconsistent"),
        pytest.param(1, "0.0.96.1.0.255", 3, None, 11, id="object-unavailable"),
        pytest.param(1, "0.0.96.1.0.255", 0, None, 11, id="object-unavailable, attribute 0"),
        pytest.param(1, "0.0.96.1.0.255", 2, entry_selection(1, 0), 12, id="type-unmatched, a selection"),
        pytest.param(
            7, "1.0.99.1.0.255", 7, entry_selection(1, 0), 12, id="type-unmatched, a profile's other attribute"
        ),
    ],
)
def test_what_there_is_not_is_refused(class_id, code, attribute, selection, result):
    with pytest.raises(DataRefused) as refused:
        read(class_id, code, attribute, selection)
    assert refused.value.result == result


def test_the_object_list_names_every_object_and_attribute():
    data, register, profile = values(objects.object_list(OBJECTS.values()))

    assert data == (1, 0, parse_obis("0.0.96.1.0.255"), ([(1, 1, None), (2, 1, None)], []))
    assert [number for number, *_ in register[3][0]] == [1, 2, 3]
    assert profile[:2] == (7, 1)
    assert profile[3][0][:3] == [(1, 1, None), (2, 1, [1, 2]), (3, 1, None)]
    assert len(profile[3][0]) == 8


def test_a_date_time_is_twelve_octets_of_local_time():
    assert objects.date_time(NOON) == bytes.fromhex("090C 07EA0101040D071E00FFC400")
