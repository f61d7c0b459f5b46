"""What is captured since the last row handled, by entry: as few exchanges as will do, and no clock is believed."""

from __future__ import annotations

import random

import pytest

from scripted_meter import octets
from scripted_profile import CLOCK, COLUMNS, HOUR, STATUS, Reader, ScriptedProfile, date_time, numbers, quarter
from telegraf_dlms.axdr import Tag, array, encode, structure
from telegraf_dlms.cosem import CaptureObject

FIFO, LIFO = 1, 2
DAY = 24 * HOUR
BOTH = pytest.mark.parametrize("sort_method", [FIFO, LIFO], ids=["fifo", "lifo"])


def entries(sort_method, in_use, oldest, newest):
    """Return how rows of these ages are asked for."""
    if sort_method == LIFO:
        return f"entries {newest + 1} to {oldest + 1}"
    return f"entries {in_use - oldest} to {in_use - newest}"


def full(count, first=0, **behaviour):
    """Return a meter whose buffer is full, and that forgets its oldest row for each new one."""
    return ScriptedProfile(range(first, first + count), **behaviour)


def capture(meter, *captured, capacity=None):
    meter.numbers += captured
    if capacity is not None:
        del meter.numbers[:-capacity]


# The first time.


@BOTH
def test_the_first_time_rows_since_backfill_before_the_newest_one_are_read(sort_method):
    meter = ScriptedProfile(sort_method=sort_method)
    reader = Reader(meter, backfill=HOUR)
    assert numbers(reader.read()) == [3, 4, 5, 6, 7]
    assert reader.printed.first_ns == quarter(3)
    newest, all_rows = entries(sort_method, 8, 0, 0), entries(sort_method, 8, 7, 0)
    assert meter.asked == [*COLUMNS, "entries_in_use", newest, all_rows]


@BOTH
def test_in_a_long_buffer_the_first_of_them_is_looked_for(sort_method):
    meter = full(5760, sort_method=sort_method)
    reader = Reader(meter, backfill=DAY, at_once=64)
    assert numbers(reader.read()) == list(range(5663, 5727))
    singles = [entries(sort_method, 5760, age, age) for age in (0, 97, 64, 0)]
    assert meter.take_asked()[4:] == [*singles[:3], entries(sort_method, 5760, 97, 33), singles[3]]
    assert numbers(reader.read_all()) == list(range(5727, 5760))


def test_the_first_of_them_is_found_also_where_rows_are_missing():
    meter = ScriptedProfile([*range(3000), *range(5000, 5050)])
    reader = Reader(meter, backfill=30 * DAY, at_once=100)
    assert numbers(reader.read_all()) == [number for number in meter.numbers if number >= 5049 - 30 * 96]
    assert len([asked for asked in meter.asked if asked.startswith("entries ")]) < 60


def test_events_of_no_period_are_looked_for_as_well():
    meter = ScriptedProfile(range(0, 4000, 4), period=0)
    reader = Reader(meter, backfill=DAY, at_once=50)
    assert numbers(reader.read_all()) == list(range(3996 - 96, 4000, 4))


def test_what_was_captured_behind_the_first_row_wanted_is_wanted_whatever_its_clock_says():
    clocks = {6: date_time(-5000)}
    reader = Reader(ScriptedProfile(clocks=clocks), backfill=HOUR)
    assert numbers(reader.read()) == [3, 4, 5, 6, 7]
    assert numbers(reader.fresh.passed) == [0, 1, 2]


def test_rows_of_a_newest_one_that_is_far_ahead_do_not_say_since_when_rows_are_wanted():
    meter = ScriptedProfile([*range(6), 73 * 365 * 96])
    reader = Reader(meter, backfill=HOUR)
    assert numbers(reader.read())[-1] == 73 * 365 * 96
    assert reader.printed.first_ns is None
    capture(meter, 6, 7)
    assert numbers(reader.read()) == [6, 7]


@BOTH
@pytest.mark.parametrize("seed", range(10))
def test_rows_that_are_read_in_parts_have_the_times_that_the_whole_buffer_gives_them(sort_method, seed):
    rng = random.Random(seed)
    captured = sorted(rng.sample(range(120), 60))
    clocks = dict.fromkeys(number for number in captured[1:-1] if rng.random() < 0.4)
    whole, parts = (
        Reader(ScriptedProfile(captured, sort_method=sort_method, clocks=clocks, refuses=refuses), **settings)
        for refuses, settings in (({1, 2}, {"backfill": 30 * DAY}), ((), {"backfill": 30 * DAY, "at_once": 8}))
    )
    expected = [(row.clock_ns, row.bodies) for row in whole.read_all()]
    assert [(row.clock_ns, row.bodies) for row in parts.read_all()] == expected
    assert len(expected) == 60
    assert whole.meter.asked[-1] == "buffer"
    assert "buffer" not in parts.meter.asked


def test_a_null_clock_of_a_lifo_buffer_is_counted_from_the_newer_row_above_it():
    meter = ScriptedProfile([*range(32), *range(40, 60)], sort_method=2, clocks={31: None})
    reader = Reader(meter, backfill=30 * DAY, at_once=32)
    rows = reader.read_all()
    assert [row.clock_ns for row in rows[30:33]] == [quarter(30), quarter(39), quarter(40)]
    assert numbers(rows) == meter.numbers


@BOTH
def test_a_newest_row_without_a_clock_has_the_time_of_an_older_one(sort_method):
    meter = ScriptedProfile(range(10), sort_method=sort_method, clocks=dict.fromkeys((8, 9)))
    reader = Reader(meter, backfill=30 * DAY)
    assert [row.clock_ns for row in reader.read_all()] == [quarter(number) for number in range(10)]
    assert "buffer" not in meter.asked


# Later.


@BOTH
def test_later_the_rows_that_the_buffer_has_grown_by_are_asked_for_with_two_before_them(sort_method):
    meter = ScriptedProfile(range(20), sort_method=sort_method)
    reader = Reader(meter)
    reader.read_all()
    capture(meter, 20, 21)
    meter.take_asked()
    assert numbers(reader.read()) == [20, 21]
    assert meter.asked == ["entries_in_use", entries(sort_method, 22, 4, 0)]
    assert reader.asked() == ["entries_in_use", entries(sort_method, 22, 2, 0)]


@BOTH
def test_in_a_full_buffer_as_many_rows_are_asked_for_as_periods_have_passed(sort_method):
    meter = full(100, sort_method=sort_method)
    reader = Reader(meter)
    reader.read_all()
    capture(meter, 100, 101, 102, capacity=100)
    reader.now_ns += 3 * 900 * 10**9
    meter.take_asked()
    assert numbers(reader.read()) == [100, 101, 102]
    assert meter.asked == ["entries_in_use", entries(sort_method, 100, 5, 0)]


def test_a_last_row_at_an_unexpected_place_is_looked_at_with_the_rows_before_it():
    meter = full(1000, period=0)
    reader = Reader(meter)
    reader.read_all()
    capture(meter, *range(1000, 1005), capacity=1000)
    meter.take_asked()
    assert numbers(reader.read()) == list(range(1000, 1005))
    looked_at = [(998, 1000), (993, 1000), (964, 995), (992, 1000)]
    assert meter.asked == ["entries_in_use", *[f"entries {first} to {last}" for first, last in looked_at]]


def test_after_a_restart_the_newest_rows_are_looked_at_and_then_where_the_last_one_should_be():
    meter = full(1000)
    reader = Reader(meter, at_once=64)
    reader.now_ns = quarter(1000)
    reader.read_all()
    capture(meter, *range(1000, 1200), capacity=1000)
    reader.restart()
    reader.now_ns = quarter(1200)
    meter.take_asked()
    assert numbers(reader.read()) == list(range(1000, 1063))
    assert meter.take_asked() == [
        *COLUMNS, "entries_in_use", "entries 993 to 1000", "entries 797 to 863", "entries 1000 to 1000",
    ]  # fmt: skip
    assert numbers(reader.read_all()) == list(range(1063, 1200))


def test_a_gap_in_the_rows_is_reckoned_with_where_the_last_one_is_looked_for():
    meter = full(1000)
    reader = Reader(meter, at_once=64)
    reader.now_ns = quarter(1000)
    reader.read_all()
    capture(meter, *range(5000, 5150), capacity=1000)
    reader.now_ns = quarter(5150)
    meter.take_asked()
    assert numbers(reader.read_all()) == list(range(5000, 5150))
    assert len(meter.asked) < 20


def test_a_part_that_does_not_reach_the_newest_row_tells_how_far_that_is():
    reader = Reader(ScriptedProfile(range(300)), backfill=30 * DAY, at_once=100)
    rows = reader.read()
    assert numbers(rows) == list(range(100))
    assert (reader.fresh.more, reader.fresh.newest_ns) == (True, quarter(299))
    assert len(reader.read_all()) == 200
    assert not reader.fresh.more


@BOTH
@pytest.mark.parametrize("back", [1, 4, 20, 96, 2880])
def test_rows_behind_a_clock_that_was_set_back_by_any_time_are_new(sort_method, back):
    meter = full(200, first=10_000, sort_method=sort_method)
    reader = Reader(meter, backfill=30 * DAY)
    reader.read_all()
    seen = []
    for number in range(1, 30):
        meter.clocks[20_000 + number] = date_time(10_199 - back + number)
        capture(meter, 20_000 + number, capacity=200)
        if number % 3 == 0:
            seen += reader.read_all()
    assert numbers(seen) == list(range(20_001, 20_028))
    taken = set(range(10_000, 10_200))
    for number, row in enumerate(seen, 10_200 - back):
        assert row.time_ns - quarter(number) == (number in taken)


def test_rows_that_the_meter_has_overwritten_meanwhile_are_gone_and_all_others_are_new():
    meter = full(50)
    reader = Reader(meter, at_once=20)
    reader.read_all()
    capture(meter, *range(50, 500), capacity=50)
    assert numbers(reader.read_all()) == list(range(450, 500))


def test_a_buffer_that_was_cleared_begins_anew():
    meter = full(50)
    reader = Reader(meter, at_once=20)
    reader.read_all()
    meter.numbers = [50, 51]
    assert numbers(reader.read_all()) == [50, 51]
    meter.numbers = []
    assert reader.read_all() == []
    meter.numbers = [52]
    assert numbers(reader.read_all()) == [52]


def test_rows_that_cannot_be_printed_are_gone_past():
    no_day = bytes.fromhex("07ea 02 1e ff 000000 00 0000 00")
    meter = ScriptedProfile(range(30))
    reader = Reader(meter, at_once=16)
    reader.read_all()
    meter.clocks |= dict.fromkeys(range(30, 90), no_day)
    capture(meter, *range(30, 95))
    assert numbers(reader.read_all()) == list(range(90, 95))
    assert reader.read_all() == []


def test_a_row_that_is_captured_while_they_are_read_is_not_lost():
    meter = full(100)
    reader = Reader(meter, at_once=16)
    reader.read_all()
    capture(meter, *range(100, 160), capacity=100)
    reader.now_ns += 60 * 900 * 10**9
    answer = meter.attributes[meter.at(2)]

    def capturing(selection):
        capture(meter, meter.numbers[-1] + 1, capacity=100)
        return answer(selection)

    meter.attributes[meter.at(2)] = capturing
    seen = [number for _ in range(12) for number in numbers(reader.read())]
    meter.attributes[meter.at(2)] = answer
    seen += numbers(reader.read_all())
    assert seen == list(range(100, meter.numbers[-1] + 1))


def capture_before_answer(meter, count, *captured, capacity):
    """Have rows captured just before the buffer is asked for the ``count``th time."""
    answer, asked = meter.attributes[meter.at(2)], []

    def capturing(selection):
        asked.append(selection)
        if len(asked) == count:
            capture(meter, *captured, capacity=capacity)
        return answer(selection)

    meter.attributes[meter.at(2)] = capturing


@BOTH
def test_nor_is_the_row_behind_a_part_that_ended_with_the_last_one_handled(sort_method):
    meter = full(100, sort_method=sort_method)
    reader = Reader(meter, at_once=16)
    reader.read_all()
    capture(meter, *range(116, 136), capacity=100)  # its clock was set on, by just as many rows as are read at once
    reader.restart()
    reader.now_ns = quarter(135)
    capture_before_answer(meter, 3, 136, capacity=100)
    assert numbers(reader.read_all()) == list(range(116, 137))


@BOTH
def test_nor_is_the_first_one_that_is_wanted_when_it_is_looked_for(sort_method):
    meter = full(1000, sort_method=sort_method)
    reader = Reader(meter, backfill=DAY, at_once=64)
    reader.now_ns = quarter(1000)
    capture_before_answer(meter, 4, 1000, capacity=1000)
    assert numbers(reader.read_all()) == list(range(903, 1001))


def test_a_last_row_whose_period_was_not_over_is_printed_again_when_it_is():
    meter = ScriptedProfile(range(20))
    reader = Reader(meter)
    reader.read_all()
    meter.clocks[1019] = date_time(19)
    meter.numbers[-1] = 1019
    rows = reader.read()
    assert [(number, row.time_ns - quarter(19)) for number, row in zip(numbers(rows), rows, strict=True)] == [(1019, 1)]
    capture(meter, 20)
    meter.take_asked()
    assert numbers(reader.read()) == [20]
    assert len(meter.asked) == 2


# Rows without a clock of their own.


@BOTH
def test_rows_that_begin_without_a_clock_are_asked_for_with_those_before_them(sort_method):
    meter = ScriptedProfile(range(200), sort_method=sort_method)
    reader = Reader(meter)
    reader.read_all()
    meter.clocks = dict.fromkeys([*range(180, 200), 200, 201])
    capture(meter, 200, 201)
    meter.take_asked()
    rows = reader.read()
    assert [row.clock_ns for row in rows] == [quarter(200), quarter(201)]
    further = [entries(sort_method, 202, age, 0) for age in (4, 40)]
    assert meter.asked == ["entries_in_use", *further]


def test_a_buffer_without_any_clock_is_printed_at_the_polls_time():
    reader = Reader(ScriptedProfile(range(3), clocks=dict.fromkeys(range(3))))
    assert [row.clock_ns for row in reader.read()] == [None, None, None]
    assert reader.read() == []


# Meters that do otherwise than they say.


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(array([]), id="none"),
        pytest.param(encode(Tag.NULL_DATA), id="null"),
        pytest.param(encode(Tag.UNSIGNED, 5), id="no array"),
        pytest.param(array([structure(octets(date_time(0)), encode(Tag.UNSIGNED, 1))] * 99), id="all of them"),
    ],
)
def test_a_meter_that_gives_other_rows_than_it_was_asked_for_does_not_select_by_entry(rows):
    meter = ScriptedProfile()
    answer = meter.attributes[meter.at(2)]
    meter.attributes[meter.at(2)] = lambda selection: (
        rows if selection is not None and selection[0] == 2 else answer(selection)
    )
    reader = Reader(meter)
    assert numbers(reader.read()) == [3, 4, 5, 6, 7]
    assert meter.take_asked() == [*COLUMNS, "entries_in_use", "entries 8 to 8", "buffer"]
    assert reader.asked() == ["range from 23:45"]


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(array([encode(Tag.UNSIGNED, 5)]), id="no structure"),
        pytest.param(array([structure()]), id="a row without cells"),
        pytest.param(array([structure(octets(bytes(12)), encode(Tag.UNSIGNED, 5))]), id="a clock that is no time"),
    ],
)
def test_a_newest_row_that_tells_no_time_is_followed_by_the_whole_buffer(rows):
    meter = ScriptedProfile()
    answer = meter.attributes[meter.at(2)]
    meter.attributes[meter.at(2)] = lambda selection: rows if selection else answer(selection)
    assert numbers(Reader(meter).read()) == [3, 4, 5, 6, 7]
    assert meter.asked == [*COLUMNS, "entries_in_use", "entries 8 to 8", "buffer"]


def test_a_meter_whose_order_is_the_opposite_of_what_it_says_is_not_read_by_entry():
    meter = ScriptedProfile(range(20), sort_method=LIFO)
    meter.attributes[meter.at(5)] = encode(Tag.ENUM, FIFO)
    reader = Reader(meter, backfill=DAY)
    assert sorted(numbers(reader.read())) == list(range(20))
    for number in range(20, 24):
        capture(meter, number)
        assert numbers(reader.read()) == [number]


@pytest.mark.parametrize(
    "columns",
    [
        pytest.param((STATUS,), id="no clock"),
        pytest.param((CaptureObject(8, CLOCK.logical_name, 3, 0), STATUS), id="the Clock's time zone"),
    ],
)
def test_without_a_clock_column_entries_are_not_asked_for(columns):
    meter = ScriptedProfile(columns=columns)
    reader = Reader(meter)
    assert len(reader.read()) == 8
    assert meter.take_asked() == [*COLUMNS, "buffer"]
    meter.numbers.append(8)
    assert len(reader.read()) == 1
