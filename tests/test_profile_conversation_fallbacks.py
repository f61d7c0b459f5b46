"""What is said to a meter to read the newer rows of a profile where ranges do not work."""

from __future__ import annotations

import pytest

from scripted_meter import association, octets
from scripted_profile import (
    CLOCK,
    COLUMNS,
    HOUR,
    IMPORT,
    PROFILE,
    STATUS,
    ScriptedProfile,
    date_time,
    numbers,
    quarter,
    read,
)
from telegraf_dlms.access import PROPOSED, Conformance
from telegraf_dlms.axdr import Tag, array, encode, structure
from telegraf_dlms.conversation import Memory
from telegraf_dlms.cosem import CaptureObject

NO_SELECTION = PROPOSED & ~Conformance.SELECTIVE_ACCESS


@pytest.mark.parametrize(
    ("sort_method", "newest", "first", "later"),
    [
        pytest.param(1, "entries 100 to 100", "entries 94 to 0", "entries 98 to 0", id="fifo"),
        pytest.param(2, "entries 1 to 1", "entries 1 to 7", "entries 1 to 3", id="lifo"),
    ],
)
def test_without_ranges_as_many_entries_are_asked_for_as_the_capture_period_says(sort_method, newest, first, later):
    meter, memory = ScriptedProfile(range(100), refuses={1}, sort_method=sort_method), Memory()
    reading = read(meter, memory=memory, backfill=HOUR)
    assert meter.take_asked() == [*COLUMNS, "entries_in_use", newest, "range from 23:45", first]
    assert sorted(numbers(reading)) == list(range(93, 100))
    assert memory.unselective == {(PROFILE, 1)}
    reading = read(meter, memory=memory, printed=quarter(99))
    assert meter.take_asked() == ["entries_in_use", newest, later]
    assert sorted(numbers(reading)) == [97, 98, 99]
    assert reading.since_ns == quarter(99)


def test_a_range_that_keeps_back_what_is_there_is_not_asked_for_again_that_day():
    meter, memory = ScriptedProfile(keeps_back={1}), Memory()
    read(meter, memory=memory)
    assert meter.take_asked()[-2:] == ["range from 00:45", "entries 2 to 0"]
    assert memory.unselective == {(PROFILE, 1)}
    read(meter, memory=memory, printed=quarter(7))
    assert meter.take_asked() == ["entries_in_use", "entries 8 to 8", "entries 6 to 0"]


def test_a_range_is_asked_for_once_in_a_read():
    meter, memory = ScriptedProfile(), Memory()
    read(meter, memory=memory)
    meter.take_asked()
    meter.keeps_back = {1}
    read(meter, memory=memory, printed=quarter(7))
    assert meter.take_asked() == ["range from 01:45", "entries_in_use", "entries 8 to 8", "entries 6 to 0"]


def test_an_empty_range_of_an_empty_buffer_is_right():
    meter, memory = ScriptedProfile(), Memory()
    read(meter, memory=memory)
    meter.take_asked()
    meter.numbers = []
    assert read(meter, memory=memory, printed=quarter(7)).buffer == []
    assert meter.take_asked() == ["range from 01:45", "entries_in_use", "buffer"]
    assert memory.unselective == set()


def test_an_empty_range_beyond_the_newest_row_is_right():
    meter, memory = ScriptedProfile(), Memory()
    read(meter, memory=memory)
    meter.numbers = [0, 1]
    assert numbers(read(meter, memory=memory, printed=quarter(7))) == [0, 1]
    assert memory.unselective == set()


def test_an_empty_range_that_ends_before_the_newest_row_is_right():
    far = 73 * 365 * 96  # a clock of 2099
    meter, memory = ScriptedProfile(), Memory()
    read(meter, memory=memory)
    meter.take_asked()
    meter.numbers = [0, 1, far]
    assert numbers(read(meter, memory=memory, printed=quarter(7))) == [0, 1, far]
    assert meter.take_asked() == ["range from 01:45", "entries_in_use", "entries 3 to 3", "entries 1 to 0"]
    assert memory.unselective == set()


@pytest.mark.parametrize("refuses", [{1}, set()], ids=["by entry", "by range"])
def test_rows_that_begin_with_a_null_clock_are_followed_by_the_whole_buffer(refuses):
    meter, memory = ScriptedProfile(range(20), refuses=refuses), Memory()
    read(meter, memory=memory)
    meter.clocks = dict.fromkeys(range(10, 19))
    reading = read(meter, memory=memory, printed=quarter(14))
    assert meter.asked[-1] == "buffer"
    assert numbers(reading) == list(range(20))


@pytest.mark.parametrize(
    "kept",
    [
        pytest.param([*range(90), *[90] * 9, 91], id="they end behind it"),
        pytest.param([*range(90), 87, 87, 87, 88, 89, 90, 91], id="they end at it, and more may be of its time"),
    ],
)
def test_entries_that_do_not_reach_back_far_enough_are_followed_by_the_whole_buffer(kept):
    # Rows that were captured between two periods: events, power failures, a clock that was set.
    meter = ScriptedProfile(kept, refuses={1})
    reading = read(meter, backfill=HOUR)
    assert meter.take_asked()[-2:] == [f"entries {len(kept) - 6} to 0", "buffer"]
    assert numbers(reading) == meter.numbers


@pytest.mark.parametrize("sort_method", [1, 2], ids=["fifo", "lifo"])
def test_entries_that_are_all_there_is_are_enough(sort_method):
    meter = ScriptedProfile([6, 7], refuses={1}, sort_method=sort_method)
    assert sorted(numbers(read(meter, backfill=HOUR))) == [6, 7]
    assert "buffer" not in meter.asked


def test_rows_that_no_period_counts_are_read_with_the_whole_buffer():
    meter = ScriptedProfile([0, 1, 7], period=0, refuses={1})
    assert numbers(read(meter)) == [0, 1, 7]
    assert meter.asked[-2:] == ["range from 00:45", "buffer"]


def test_a_meter_that_selects_nothing_gives_all_and_is_not_asked_again():
    meter, memory = ScriptedProfile(refuses={1, 2}), Memory()
    assert numbers(read(meter, memory=memory)) == list(range(8))
    assert meter.take_asked() == [*COLUMNS, "entries_in_use", "entries 8 to 8", "buffer"]
    assert memory.unselective == {(PROFILE, 2)}
    read(meter, memory=memory, printed=quarter(7))
    assert meter.take_asked() == ["range from 01:45", "buffer"]
    read(meter, memory=memory, printed=quarter(7))
    assert meter.take_asked() == ["buffer"]


def test_a_meter_that_selects_only_ranges_is_asked_for_them_once_its_clock_is_known():
    meter, memory = ScriptedProfile(refuses={2}, sort_method=2), Memory()
    assert numbers(read(meter, memory=memory)) == list(range(7, -1, -1))
    assert memory.clocks[PROFILE] == date_time(7)
    meter.take_asked()
    assert numbers(read(meter, memory=memory, printed=quarter(6))) == [7, 6]
    assert meter.take_asked() == ["range from 01:30"]


@pytest.mark.parametrize("sort_method", [3, 5], ids=["sorted by largest", "sorted by the nearest to zero"])
def test_in_another_order_the_whole_buffer_comes_first_and_ranges_follow(sort_method):
    meter, memory = ScriptedProfile(sort_method=sort_method), Memory()
    assert read(meter, memory=memory).since_ns is None
    assert meter.take_asked() == [*COLUMNS, "buffer"]
    read(meter, memory=memory, printed=quarter(7))
    assert meter.take_asked() == ["range from 01:45"]


@pytest.mark.parametrize(
    "columns",
    [
        pytest.param((STATUS, IMPORT), id="no clock"),
        pytest.param((CaptureObject(8, CLOCK.logical_name, 3, 0), STATUS), id="the Clock's time zone"),
    ],
)
def test_without_a_clock_column_the_whole_buffer_is_read_each_time(columns):
    meter, memory = ScriptedProfile(columns=columns), Memory()
    for printed in (None, quarter(7)):
        assert read(meter, memory=memory, printed=printed).since_ns == printed
        assert meter.take_asked()[-1] == "buffer"
    assert memory.clocks == {}


def test_without_selective_access_the_whole_buffer_is_read_each_time():
    meter, memory = ScriptedProfile(), Memory()
    for printed in (None, quarter(7)):
        read(meter, memory=memory, printed=printed, inside=association(conformance=NO_SELECTION))
        assert meter.take_asked()[-1] == "buffer"
    assert memory.clocks[PROFILE] == date_time(7)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(array([]), id="none"),
        pytest.param(encode(Tag.NULL_DATA), id="null"),
        pytest.param(array([encode(Tag.UNSIGNED, 5)]), id="no structure"),
        pytest.param(array([structure()]), id="a row without cells"),
        pytest.param(array([structure(encode(Tag.NULL_DATA), encode(Tag.UNSIGNED, 5))]), id="a null clock"),
        pytest.param(array([structure(octets(b"\xff" * 12), encode(Tag.UNSIGNED, 5))]), id="a clock of FF"),
        pytest.param(array([structure(octets(bytes(12)), encode(Tag.UNSIGNED, 5))]), id="a clock that is no time"),
    ],
)
def test_a_newest_row_that_tells_no_time_is_followed_by_the_whole_buffer(rows):
    meter = ScriptedProfile()
    answer = meter.attributes[meter.at(2)]
    meter.attributes[meter.at(2)] = lambda selection: rows if selection else answer(selection)
    assert numbers(read(meter)) == list(range(8))
    assert meter.asked == [*COLUMNS, "entries_in_use", "entries 8 to 8", "buffer"]


@pytest.mark.parametrize("wanted", [{"entries": 3}, {"backfill": HOUR}], ids=["entries", "backfill"])
@pytest.mark.parametrize("in_use", [2**32, 2**64 - 1])
def test_entries_that_are_more_than_a_profile_can_have_are_not_known(in_use, wanted):
    meter = ScriptedProfile()
    meter.attributes[meter.at(7)] = encode(Tag.LONG64_UNSIGNED, in_use)
    assert numbers(read(meter, **wanted)) == meter.numbers
    assert meter.asked[-1] == "buffer"


def test_no_more_entries_are_asked_for_than_a_descriptor_can_say():
    meter = ScriptedProfile(sort_method=2, period=1, refuses={1})
    read(meter, printed=-(2**62))
    assert meter.take_asked()[-1] == "entries 1 to 4294967295"
