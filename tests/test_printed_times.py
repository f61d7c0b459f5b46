"""Times that are taken, how often, in little room."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest

from telegraf_dlms.printed_times import MOST_ENTRIES, PrintedTimes

SECOND = 1_000_000_000
QUARTER = 900 * SECOND
START = 1767225600 * SECOND


def times_of(*numbers):
    times = PrintedTimes()
    for number in numbers:
        times.add(START + number * QUARTER)
    return times


def counts(times, numbers):
    return [times.count(START + number * QUARTER) for number in numbers]


def test_a_year_of_quarter_hours_is_one_entry():
    times = times_of(*range(365 * 96))
    assert len(times.to_json()) == 2  # and the last one, which may come once more
    assert counts(times, [-1, 0, 5000, 35039, 35040]) == [0, 1, 1, 1, 0]
    assert times.count(START + SECOND) == 0


def test_a_clock_that_is_set_back_takes_its_times_once_more():
    times = times_of(*range(8), *range(4, 12))
    assert counts(times, range(13)) == [1, 1, 1, 1, 2, 2, 2, 2, 1, 1, 1, 1, 0]
    assert len(times.to_json()) == 3


def test_times_that_each_come_twice_one_after_the_other_take_no_more_room():
    times = times_of(*(number // 2 for number in range(10_000)), *range(5000, 5100))
    assert len(times.to_json()) <= 4
    assert counts(times, [0, 1, 4999, 5000, 5099, 5100]) == [2, 2, 2, 1, 1, 0]


def test_one_time_may_be_taken_any_number_of_times():
    times = times_of(*[3] * 1000, 4, 5)
    assert counts(times, [3, 4, 5]) == [1000, 1, 1]


def test_every_time_is_counted_however_irregular():
    source = random.Random(1)
    numbers = [source.randrange(100) for _ in range(400)]
    times = times_of(*numbers)
    expected = Counter(numbers)
    assert counts(times, range(100)) == [expected[number] for number in range(100)]


def test_the_newest_time_up_to_a_limit():
    times = times_of(*range(8), 100, 50)
    assert times.newest(START + 200 * QUARTER) == START + 100 * QUARTER
    assert times.newest(START + 99 * QUARTER) == START + 50 * QUARTER
    assert times.newest(START + 5 * QUARTER + 1) == START + 5 * QUARTER
    assert times.newest(START - 1) is None


def test_the_oldest_entries_are_forgotten_and_that_is_known():
    times = PrintedTimes()
    assert not times
    for number in range(MOST_ENTRIES):
        times.add(START - number * QUARTER)
    assert not times.is_forgotten(START)
    times.add(START - MOST_ENTRIES * QUARTER)
    assert len(times.to_json()) == MOST_ENTRIES
    assert times.count(START) == 0
    assert times.is_forgotten(START)
    assert times.is_forgotten(START - QUARTER)
    assert not times.is_forgotten(START + 1)
    assert not times.is_forgotten(None)


def test_times_come_back_from_their_text():
    times = times_of(*range(8), 3, 3, 9, 2)
    again = PrintedTimes.from_json(json.loads(json.dumps(times.to_json())), forgotten_ns=START - 1)
    again.add(START + 3 * QUARTER)
    assert counts(again, range(10)) == [1, 1, 2, 4, 1, 1, 1, 1, 0, 1]
    assert again.is_forgotten(START - 1)


@pytest.mark.parametrize(
    "entries", [[[1, 2]], [["1", 2, 1, 1]], [[2, 1, 1, 1]], [[1, 2, 0, 1]], [[1, 1, 5, 1]], [[1, 2, 1, 0]], [7], "a"]
)
def test_what_are_no_times_is_refused(entries):
    with pytest.raises((TypeError, ValueError)):
        PrintedTimes.from_json(entries)
