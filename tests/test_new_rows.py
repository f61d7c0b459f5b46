"""Which rows of a profile are asked for: with entries, by range, or all of them; tests/test_entry_walk.py by entry."""

from __future__ import annotations

import pytest

from scripted_meter import association
from scripted_profile import (
    CLOCK,
    COLUMNS,
    HOUR,
    PROFILE,
    STATUS,
    UNIX_CLOCK,
    Reader,
    ScriptedProfile,
    converse,
    date_time,
    numbers,
    quarter,
)
from telegraf_dlms.access import PROPOSED, Conformance
from telegraf_dlms.axdr import Tag, array, encode
from telegraf_dlms.errors import DataRefused, Silence
from telegraf_dlms.rows import Row

NO_SELECTION = PROPOSED & ~Conformance.SELECTIVE_ACCESS
DAY = 24 * HOUR
MINUTE = HOUR // 60


def ranged(rows=range(8), **behaviour):
    """Return a reader of a meter that selects by range alone, once it has read the whole buffer."""
    reader = Reader(ScriptedProfile(rows, refuses={2}, **behaviour), backfill=DAY)
    reader.read()
    reader.meter.take_asked()
    return reader


# The newest entries.


@pytest.mark.parametrize(
    ("sort_method", "asked"),
    [pytest.param(1, "entries 5 to 0", id="fifo"), pytest.param(2, "entries 1 to 4", id="lifo")],
)
def test_the_newest_rows_are_asked_for_by_entry(sort_method, asked):
    meter = ScriptedProfile(sort_method=sort_method)
    reader = Reader(meter, entries=4)
    assert numbers(reader.read()) == [4, 5, 6, 7]
    assert meter.asked == [*COLUMNS, "entries_in_use", asked]
    meter.numbers.append(8)
    assert numbers(reader.read()) == [8]
    assert reader.read() == []


@pytest.mark.parametrize(
    ("attributes", "conformance", "asked"),
    [
        pytest.param({5: encode(Tag.ENUM, 3)}, PROPOSED, ["entries_in_use"], id="sorted by largest"),
        pytest.param({5: 4}, PROPOSED, ["entries_in_use"], id="sort_method refused"),
        pytest.param({5: encode(Tag.NULL_DATA)}, PROPOSED, ["entries_in_use"], id="sort_method null"),
        pytest.param({7: encode(Tag.UNSIGNED, 0)}, PROPOSED, ["entries_in_use"], id="entries_in_use 0"),
        pytest.param({7: 3}, PROPOSED, ["entries_in_use"], id="entries_in_use refused"),
        pytest.param({}, NO_SELECTION, [], id="selective access not negotiated"),
    ],
)
def test_the_whole_buffer_is_asked_for_where_entries_cannot_be_counted(attributes, conformance, asked):
    meter = ScriptedProfile()
    meter.attributes.update({meter.at(number): value for number, value in attributes.items()})
    reader = Reader(meter, entries=4, inside=association(conformance=conformance))
    assert numbers(reader.read()) == [4, 5, 6, 7]
    assert meter.asked == [*COLUMNS, *asked, "buffer"]


def test_a_meter_that_does_not_select_entries_gives_all_and_is_not_asked_again_that_day():
    reader = Reader(ScriptedProfile(refuses={2}), entries=4)
    assert reader.asked() == [*COLUMNS, "entries_in_use", "entries 5 to 0", "buffer"]
    assert reader.asked() == ["buffer"]
    reader.memory.forget()
    assert "entries 5 to 0" in reader.asked()


@pytest.mark.parametrize(
    ("nulls", "asked"),
    [
        pytest.param(range(39, 40), ["entries 40 to 0", "entries 33 to 0"], id="eight times as many"),
        pytest.param(range(32, 40), ["entries 40 to 0", "entries 33 to 0", "buffer"], id="their first has none either"),
        pytest.param(range(33, 40), ["entries 40 to 0", "entries 33 to 0"], id="only their first has a clock"),
        pytest.param(range(40), ["entries 40 to 0", "entries 33 to 0", "buffer"], id="none has a clock"),
    ],
)
def test_an_entry_without_a_clock_is_asked_for_with_those_before_it(nulls, asked):
    reader = Reader(ScriptedProfile(range(40), clocks=dict.fromkeys(nulls)), entries=1)
    assert numbers(reader.read()) == [39]
    assert reader.meter.asked == [*COLUMNS, "entries_in_use", *asked]


@pytest.mark.parametrize(
    ("nulls", "asked"),
    [
        pytest.param(range(38), ["entries 1 to 2"], id="all but the newest"),
        pytest.param([39], ["entries 1 to 2"], id="the newest alone"),
        pytest.param([38, 39], ["entries 1 to 2", "entries 1 to 16"], id="both of them"),
    ],
)
def test_the_first_entries_of_a_lifo_buffer_have_all_that_is_above_them(nulls, asked):
    reader = Reader(ScriptedProfile(range(40), sort_method=2, clocks=dict.fromkeys(nulls)), entries=2)
    assert [row.clock_ns for row in reader.read()] == [quarter(38), quarter(39)]
    assert reader.meter.asked == [*COLUMNS, "entries_in_use", *asked]


def test_entries_that_are_all_there_is_are_asked_for_once_although_the_oldest_has_no_clock():
    reader = Reader(ScriptedProfile(range(3), clocks={0: None}), entries=3)
    assert reader.asked() == [*COLUMNS, "entries_in_use", "entries 1 to 0"]


def test_rows_that_entries_leave_out_are_not_printed_later():
    reader = Reader(ScriptedProfile(), entries=4)
    reader.read()
    reader.meter.numbers += range(8, 20)
    assert numbers(reader.read()) == [16, 17, 18, 19]
    assert reader.read() == []


# By range.


def test_a_meter_that_selects_only_ranges_is_asked_for_them_from_two_hours_before_the_last_row_on():
    reader = ranged(sort_method=2)
    reader.meter.numbers += [8, 9]
    assert numbers(reader.read()) == [8, 9]
    assert reader.meter.asked == ["range from 23:45"]
    reader.meter.numbers.append(10)
    assert numbers(reader.read()) == [10]
    assert reader.meter.asked[1:] == ["range from 00:15"]


def test_how_the_meter_writes_its_clock_is_known_after_a_restart():
    reader = ranged()
    reader.restart()
    reader.meter.numbers.append(8)
    assert numbers(reader.read()) == [8]
    assert reader.meter.asked == [*COLUMNS, "entries_in_use", "entries 6 to 9", "range from 23:45"]
    other = ranged(columns=(UNIX_CLOCK, STATUS))
    other.restart()
    other.meter.numbers.append(8)
    assert numbers(other.read()) == [8]
    assert other.memory.clocks[PROFILE] == quarter(7) // 10**9


def test_a_clock_that_went_back_by_less_than_two_hours_shows_in_the_range():
    reader = ranged()
    reader.meter.clocks[100] = date_time(2)
    reader.meter.numbers.append(100)
    (row,) = reader.read()
    assert row.time_ns == quarter(2) + 1
    assert reader.meter.asked == ["range from 23:45"]


def test_where_nothing_comes_although_it_should_the_whole_buffer_is_looked_through_ever_more_seldom():
    reader = ranged(range(8, 30))
    looked = []
    for minute in range(0, 10_000, 10):
        reader.now_ns = quarter(8) + minute * MINUTE
        if "buffer" in reader.asked():
            looked.append(minute)
    assert looked[:5] == [30, 60, 90, 120, 150]
    assert looked[-1] - looked[-2] == 1440


def test_rows_that_a_range_does_not_show_are_found_in_the_whole_buffer_and_it_goes_on_there():
    reader = ranged(range(60, 90))
    hidden = {500 + number: date_time(20 + number) for number in range(4)}
    reader.meter.clocks |= hidden
    reader.meter.numbers += hidden
    reader.now_ns += HOUR
    assert numbers(reader.read()) == list(hidden)
    assert reader.meter.take_asked() == ["range from 20:15", "buffer"]
    reader.meter.clocks[504] = date_time(24)
    reader.meter.numbers.append(504)
    assert numbers(reader.read()) == [504]
    assert reader.meter.asked == ["range from 03:45"]


def test_rows_that_are_missing_may_be_hidden_so_the_whole_buffer_is_looked_through():
    reader = ranged(range(60, 90))
    reader.meter.clocks |= {500: date_time(20), 501: date_time(21)}
    reader.meter.numbers += [500, 501, 93]
    assert numbers(reader.read()) == [500, 501, 93]
    assert reader.meter.asked == ["range from 20:15", "buffer"]


def test_a_range_that_keeps_back_what_is_there_is_not_asked_for_again_that_day():
    reader = ranged()
    reader.meter.keeps_back = {1}
    reader.meter.numbers.append(8)
    assert numbers(reader.read()) == [8]
    assert reader.meter.take_asked() == ["range from 23:45", "buffer"]
    assert reader.asked() == ["buffer"]


def test_an_empty_range_of_an_empty_buffer_is_right():
    reader = ranged()
    reader.meter.numbers.clear()
    for _ in range(2):
        assert reader.asked() == ["range from 23:45", "buffer"]


def test_what_comes_beside_the_range_is_not_believed():
    reader = ranged(range(8))
    answer = reader.meter.attributes[reader.meter.at(2)]
    reader.meter.attributes[reader.meter.at(2)] = lambda _: answer(None)
    reader.meter.numbers += [8, 9]
    assert numbers(reader.read()) == [8, 9]
    assert reader.read() == []


def test_rows_before_those_that_were_wanted_first_are_not_wanted_later():
    reader = Reader(ScriptedProfile(range(200), refuses={2}), backfill=HOUR)
    reader.now_ns = quarter(200)
    assert len(reader.read()) == 5
    answer = reader.meter.attributes[reader.meter.at(2)]
    reader.meter.attributes[reader.meter.at(2)] = lambda _: answer(None)
    assert reader.read() == []


def test_many_rows_are_read_by_ranges_that_follow_each_other():
    reader = ranged(range(8))
    reader.progress.rows_at_once, reader.progress.place = 16, None
    reader.meter.numbers += range(8, 100)
    reader.now_ns = quarter(100)
    parts = [numbers(reader.read()) for _ in range(6)]
    assert parts == [list(range(first, min(100, first + 16))) for first in range(8, 100, 16)]
    assert reader.meter.asked == [
        f"range from {hour}" for hour in ("23:45", "03:45", "07:45", "11:45", "15:45", "19:45")
    ]
    assert not reader.fresh.more
    assert reader.asked() == ["range from 22:45"]


def test_a_long_time_without_rows_is_gone_over_in_ever_longer_ranges():
    reader = ranged(range(8))
    reader.progress.rows_at_once, reader.progress.place = 16, None
    reader.meter.numbers.append(96 * 60)
    reader.now_ns = quarter(96 * 60 + 1)
    assert numbers(reader.read_all()) == [96 * 60]
    assert len(reader.meter.asked) < 15


def test_a_range_whose_first_row_has_no_clock_is_followed_by_the_whole_buffer():
    reader = ranged(range(20))
    reader.meter.clocks = dict.fromkeys(range(10, 20))
    reader.meter.numbers += [20]
    assert numbers(reader.read()) == [20]
    assert reader.meter.asked == ["range from 02:45", "buffer"]


@pytest.mark.parametrize("sort_method", [3, 5], ids=["sorted by largest", "sorted by the nearest to zero"])
def test_in_another_order_the_whole_buffer_comes_first_and_ranges_follow(sort_method):
    reader = Reader(ScriptedProfile(sort_method=sort_method))
    assert numbers(reader.read()) == [3, 4, 5, 6, 7]
    assert reader.meter.take_asked() == [*COLUMNS, "buffer"]
    reader.meter.numbers.append(8)
    assert numbers(reader.read()) == [8]
    assert reader.meter.asked == ["range from 23:45"]


def test_a_meter_that_falls_silent_when_it_is_asked_for_entries_is_asked_in_another_way_for_a_day():
    reader = Reader(ScriptedProfile(), backfill=DAY)
    reader.read()
    answer = reader.meter.attributes[reader.meter.at(2)]

    def silent(selection):
        return Silence("no answer") if selection and selection[0] == 2 else answer(selection)

    reader.meter.attributes[reader.meter.at(2)] = silent
    reader.meter.numbers.append(8)
    for _ in range(2):
        with pytest.raises(Silence):
            reader.read()
    reader.meter.attributes[reader.meter.at(2)] = answer
    assert numbers(reader.read()) == [8]
    reader.meter.attributes[reader.meter.at(2)] = silent
    reader.meter.numbers.append(9)
    for _ in range(3):
        with pytest.raises(Silence):
            reader.read()
    reader.meter.take_asked()
    assert numbers(reader.read()) == [9]
    assert reader.meter.take_asked() == ["range from 00:00"]
    reader.meter.attributes[reader.meter.at(2)] = answer
    reader.now_ns += DAY
    assert reader.asked()[0] == "entries_in_use"


def test_rows_that_ranges_have_shown_before_others_are_not_new_where_entries_are_asked_for_again():
    reader = ranged(range(60, 90))
    hidden = {500 + number: date_time(20 + number) for number in range(3)}
    reader.meter.clocks |= hidden
    reader.meter.numbers += [*hidden, 90, 91]
    assert numbers(reader.read()) == [90, 91]
    reader.now_ns += HOUR
    assert numbers(reader.read()) == list(hidden)
    reader.meter.refuses = set()
    reader.memory.forget()
    assert reader.read() == []
    reader.meter.numbers += [92]
    assert numbers(reader.read()) == [92]
    assert reader.meter.asked[-1].startswith("entries ")


# The whole buffer.


def test_a_meter_that_selects_nothing_gives_all_and_is_not_asked_again():
    reader = Reader(ScriptedProfile(refuses={1, 2}))
    assert numbers(reader.read()) == [3, 4, 5, 6, 7]
    assert reader.meter.take_asked() == [*COLUMNS, "entries_in_use", "entries 8 to 8", "buffer"]
    reader.meter.numbers += [8, 2]
    assert numbers(reader.read()) == [8, 2]
    assert reader.meter.take_asked() == [*["range from 23:45"] * 2, "buffer"]
    assert reader.memory.unselective == {(PROFILE, 1), (PROFILE, 2)}
    assert reader.asked() == ["buffer"]


def test_without_selective_access_the_whole_buffer_is_read_each_time():
    reader = Reader(ScriptedProfile(), inside=association(conformance=NO_SELECTION))
    for _ in range(2):
        assert reader.asked()[-1] == "buffer"
    assert reader.memory.clocks[PROFILE] == date_time(7)


@pytest.mark.parametrize("sort_method", [1, 2, 3, 5])
def test_rows_of_the_whole_buffer_are_printed_once_in_any_order(sort_method):
    reader = Reader(ScriptedProfile(range(40), refuses={1, 2}, sort_method=sort_method), backfill=DAY)
    assert numbers(reader.read()) == list(range(40))
    for number in range(40, 60):
        reader.meter.numbers.append(number)
        del reader.meter.numbers[0]
        assert numbers(reader.read()) == [number]
    assert reader.read() == []


def test_a_profile_that_is_refused_as_a_whole_says_nothing_about_selection():
    for wanted in ({"entries": 4}, {}):
        reader = Reader(ScriptedProfile(refuses={0, 1, 2}), **wanted)
        with pytest.raises(DataRefused, match="type-unmatched"):
            reader.read()
        assert reader.memory.unselective == set()


def test_an_empty_buffer_is_read_as_a_whole():
    reader = Reader(ScriptedProfile([]))
    assert reader.asked() == [*COLUMNS, "entries_in_use", "buffer"]
    reader.meter.numbers = [5]
    assert numbers(reader.read()) == [5]


# How much at once.


def test_rows_that_wait_to_be_printed_are_not_read_again():
    reader = Reader(ScriptedProfile())
    row = Row(quarter(1), quarter(1), b"", ())
    reader.progress.pending, reader.progress.more = [row], True
    reader.meter.take_asked()
    fresh = converse(reader.conversation(), reader.meter)
    assert (fresh.rows, fresh.more, fresh.newest_ns) == ([row], True, quarter(1))
    assert reader.progress.pending == []
    assert reader.meter.asked == COLUMNS


def test_the_columns_of_a_profile_without_a_clock_give_rows_at_the_polls_time():
    reader = Reader(ScriptedProfile([1, 2], columns=(STATUS,), refuses={1, 2}))
    assert [row.time_ns for row in reader.read()] == [reader.now_ns, reader.now_ns + 1]
    reader.meter.numbers += [2, 3]
    assert [row.time_ns for row in reader.read()] == [reader.now_ns, reader.now_ns + 1]
    assert reader.read() == []


def test_an_answer_that_is_no_array_has_no_rows():
    reader = Reader(ScriptedProfile(columns=(CLOCK, STATUS), refuses={2}))
    reader.meter.attributes[reader.meter.at(2)] = lambda selection: 12 if selection else encode(Tag.UNSIGNED, 5)
    assert reader.read() == []
    assert [str(problem.error) for problem in reader.fresh.found.problems] == ["the buffer is no array"]
    reader.meter.attributes[reader.meter.at(2)] = lambda selection: 12 if selection else array([])
    assert reader.read() == []
