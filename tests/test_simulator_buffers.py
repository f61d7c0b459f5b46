import pytest

from simulator_client import NOON
from telegraf_dlms import axdr
from telegraf_dlms.apdu import entry_selection, range_selection
from telegraf_dlms.axdr import Tag
from telegraf_dlms.cosem import CaptureObject
from telegraf_dlms.errors import DataRefused
from telegraf_dlms.simulator import buffers, local_time
from telegraf_dlms.simulator.buffers import Buffer, Moment

CLOCK = CaptureObject(8, bytes((0, 0, 1, 0, 0, 255)), 2, 0)
COUNT = CaptureObject(1, bytes((0, 0, 96, 1, 0, 255)), 2, 0)
LETTER = CaptureObject(1, bytes((0, 0, 96, 1, 1, 255)), 2, 3)
TIMES = [NOON + 60 * row for row in range(5)]
ROWS = [
    (axdr.encode(Tag.NULL_DATA), axdr.encode(Tag.UNSIGNED, row), axdr.encode(Tag.OCTET_STRING, b"abcde"[row : row + 1]))
    for row in range(5)
]
BUFFER = Buffer((CLOCK, COUNT, LETTER), 60, 5, lambda _: TIMES, lambda _, first, last: ROWS[first:last])
MOMENT = Moment(NOON + 300, 1)


def bound(seconds):
    return axdr.encode(Tag.OCTET_STRING, local_time.date_time(seconds))


def by_entry(*numbers):
    kinds = (Tag.DOUBLE_LONG_UNSIGNED, Tag.DOUBLE_LONG_UNSIGNED, Tag.LONG_UNSIGNED, Tag.LONG_UNSIGNED)
    return b"\x02" + axdr.structure(*map(axdr.encode, kinds, numbers))


def by_range(first, last, *columns, restricting=CLOCK):
    selected = axdr.array(buffers.capture_object(column) for column in columns)
    return b"\x01" + axdr.structure(buffers.capture_object(restricting), first, last, selected)


def read(selection):
    return axdr.decode_all(BUFFER.read(MOMENT, selection))


def counts(selection):
    return [row[1] for row in read(selection)]


def test_without_a_selection_everything_comes_oldest_first():
    assert read(None) == [(None, row, b"abcde"[row : row + 1]) for row in range(5)]


def test_the_encoding_is_an_array_of_structures():
    assert BUFFER.read(MOMENT, entry_selection(2, 2)) == bytes.fromhex("0101 0203 00 1101 090162")


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        pytest.param(1, 0, [0, 1, 2, 3, 4], id="everything"),
        pytest.param(1, 1, [0], id="the oldest"),
        pytest.param(4, 0, [3, 4], id="from the fourth to the end"),
        pytest.param(2, 3, [1, 2], id="two in the middle"),
        pytest.param(5, 99, [4], id="beyond the end"),
        pytest.param(6, 0, [], id="behind the end"),
        pytest.param(4, 2, [], id="backwards"),
    ],
)
def test_rows_are_selected_by_their_number(first, last, expected):
    assert counts(entry_selection(first, last)) == expected


@pytest.mark.parametrize(
    ("left", "right", "row"),
    [(1, 0, (None, 1, b"b")), (2, 2, (1,)), (2, 0, (1, b"b")), (1, 2, (None, 1)), (3, 99, (b"b",)), (3, 2, ())],
)
def test_columns_are_selected_by_their_number(left, right, row):
    assert read(by_entry(2, 2, left, right)) == [row]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        pytest.param(0, 240, [0, 1, 2, 3, 4], id="everything, both ends included"),
        pytest.param(1, 239, [1, 2, 3], id="within"),
        pytest.param(120, 120, [2], id="one moment"),
        pytest.param(121, 179, [], id="between two rows"),
        pytest.param(-600, -60, [], id="before"),
        pytest.param(241, 900, [], id="after"),
        pytest.param(180, 60, [], id="backwards"),
    ],
)
def test_rows_are_selected_by_their_time(start, end, expected):
    assert counts(range_selection(CLOCK, bound(NOON + start), bound(NOON + end))) == expected


def test_a_bound_may_be_a_date_time_and_its_deviation_unspecified():
    octets = local_time.date_time(NOON + 120)
    plain = axdr.encode(Tag.DATE_TIME, octets[:9] + b"\x80\x00\xff")

    assert counts(range_selection(CLOCK, plain, bound(NOON + 180))) == [2, 3]


def test_columns_are_selected_by_their_object_in_the_order_asked():
    assert read(by_range(bound(NOON), bound(NOON), LETTER, COUNT)) == [(b"a", 0)]
    assert read(by_range(bound(NOON), bound(NOON), LETTER)) == [(b"a",)]


@pytest.mark.parametrize(
    "selection",
    [
        pytest.param(b"\x03\x00", id="an unknown selector"),
        pytest.param(b"\x02", id="no parameters"),
        pytest.param(b"\x02\x00", id="null parameters"),
        pytest.param(b"\x02\x06\x00", id="parameters cut off"),
        pytest.param(by_entry(0, 1, 1, 0), id="row 0"),
        pytest.param(by_entry(1, 1, 0, 0), id="column 0"),
        pytest.param(by_range(bound(NOON), bound(NOON), restricting=COUNT), id="restricted by another column"),
        pytest.param(by_range(bound(NOON), bound(NOON), COUNT._replace(attribute=3)), id="an unknown column"),
        pytest.param(by_range(b"\x09\x01\x00", bound(NOON)), id="a bound that is no date-time"),
        pytest.param(by_range(b"\x06\x00\x00\x00\x00", bound(NOON)), id="a bound that is a number"),
        pytest.param(
            b"\x01" + axdr.structure(buffers.capture_object(CLOCK), bound(NOON), bound(NOON)), id="no list of columns"
        ),
    ],
)
def test_a_selection_that_makes_no_sense_is_type_unmatched(selection):
    with pytest.raises(DataRefused) as refused:
        read(selection)
    assert refused.value.result == 12


def test_a_capture_object_has_four_parts():
    assert buffers.capture_object(LETTER) == bytes.fromhex("0204 120001 0906000060010 1FF 0F02 120003".replace(" ", ""))
