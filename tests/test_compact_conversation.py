"""What is said to a meter to read compact data, and how often."""

from __future__ import annotations

import pytest

from scripted_compact import CLOCK, COMPACT, IMPORT, IMPORT_UNIT, MOMENT, CompactMeter, at, capture_objects
from scripted_meter import association, converse, octets
from telegraf_dlms.axdr import Tag, encode
from telegraf_dlms.compact_conversation import CompactRequest, read_compact
from telegraf_dlms.conversation import Memory
from telegraf_dlms.errors import DataRefused, Silence
from telegraf_dlms.profile import needed_scalers

TEMPLATE = [f"0.0.66.0.1.255/{number}" for number in (3, 4, 5)]
BUFFER = "0.0.66.0.1.255/2"
READ_WRITE_DENIED = 3


def read(meter, memory=None):
    memory = Memory() if memory is None else memory
    return converse(read_compact(association(), CompactRequest(COMPACT), memory, needed_scalers=needed_scalers), meter)


def test_a_buffer_is_one_row_of_the_captured_values():
    meter = CompactMeter(12345)
    reading = read(meter)
    assert reading.captures == (CLOCK, IMPORT)
    assert reading.buffer == [(MOMENT, 12345)]
    assert {of: (of_unit.scaler, of_unit.unit) for of, of_unit in reading.scalers.items()} == {IMPORT_UNIT: (-1, 30)}
    assert meter.asked == [BUFFER, *TEMPLATE, "1.0.1.8.0.255/3"]


def test_a_template_is_asked_for_once_a_day():
    meter, memory = CompactMeter(), Memory()
    read(meter, memory)
    meter.take_asked()
    assert read(meter, memory).buffer == [(MOMENT, 7)]
    assert meter.take_asked() == [BUFFER]
    memory.forget()
    read(meter, memory)
    assert meter.take_asked() == [BUFFER, *TEMPLATE, "1.0.1.8.0.255/3"]


@pytest.mark.parametrize(
    ("template_id", "tag"),
    [
        pytest.param(0x31, Tag.DOUBLE_LONG_UNSIGNED, id="another template_id"),
        pytest.param(0x30, Tag.LONG_UNSIGNED, id="the same template_id, but it does not fit"),
    ],
)
def test_a_template_is_asked_for_again_where_a_buffer_is_of_another_one(template_id, tag):
    meter, memory = CompactMeter(), Memory()
    read(meter, memory)
    meter.set_template(template_id, tag, 8)
    meter.take_asked()
    assert read(meter, memory).buffer == [(MOMENT, 8)]
    assert meter.take_asked() == [BUFFER, *TEMPLATE]
    assert read(meter, memory).buffer == [(MOMENT, 8)]
    assert meter.take_asked() == [BUFFER]


@pytest.mark.parametrize("empty", [encode(Tag.NULL_DATA), octets(b"")])
def test_nothing_is_asked_about_a_buffer_in_which_nothing_was_captured(empty):
    meter = CompactMeter()
    meter.attributes[at(2)] = empty
    reading = read(meter)
    assert reading.buffer is None
    assert meter.asked == [BUFFER]


@pytest.mark.parametrize(
    ("number", "answer", "reason"),
    [
        (2, READ_WRITE_DENIED, r"^read-write-denied \(3\)$"),
        (3, READ_WRITE_DENIED, r"^its capture_objects: read-write-denied \(3\)$"),
        (4, READ_WRITE_DENIED, r"^its template_id: read-write-denied \(3\)$"),
        (5, READ_WRITE_DENIED, r"^its template_description: read-write-denied \(3\)$"),
        (2, encode(Tag.UNSIGNED, 48), "^the compact_buffer is no octet-string$"),
        (4, encode(Tag.UNSIGNED, 49), "^the compact_buffer is of template 30h, not 31h$"),
        (5, octets(b"\x02\x01\x09"), "^the compact_buffer does not fit its template_description: "),
        (5, encode(Tag.NULL_DATA), "^the template_description is None, no octet-string$"),
        (3, capture_objects(IMPORT), "^the compact_buffer does not fit its template_description: "),
        (3, b"\x08", "tag 8"),
    ],
)
def test_without_its_template_a_buffer_is_refused_and_nothing_is_kept(number, answer, reason):
    meter, memory = CompactMeter(), Memory()
    meter.attributes[at(number)] = answer
    for _ in range(2):
        with pytest.raises(DataRefused, match=reason):
            read(meter, memory)
    assert memory.templates == {}
    assert meter.asked[: len(meter.asked) // 2] == meter.asked[len(meter.asked) // 2 :]


def test_a_template_that_does_not_fit_any_more_is_forgotten():
    meter, memory = CompactMeter(), Memory()
    read(meter, memory)
    meter.attributes[at(2)] = octets(b"\x30\x00")
    with pytest.raises(DataRefused):
        read(meter, memory)
    assert memory.templates == {}


def test_a_scaler_that_is_refused_costs_its_own_column_alone():
    meter = CompactMeter()
    meter.attributes[IMPORT_UNIT] = READ_WRITE_DENIED
    assert read(meter).scalers == {}


def test_what_ends_the_association_passes():
    meter = CompactMeter()
    meter.attributes[at(5)] = Silence("nothing came")
    with pytest.raises(Silence):
        read(meter)
