"""Which rows of a profile were printed, and at which times the others are to be."""

from __future__ import annotations

import json
import time

import pytest

from telegraf_dlms.printed import LEAST_KEPT, MOST_KEPT, PrintedRows
from telegraf_dlms.rows import FUTURE_NS, Row, cells_key

SECOND = 1_000_000_000
QUARTER = 900 * SECOND
START = 1767225600 * SECOND
MINUTE = 60 * SECOND


def row(number, *cells):
    """Return a row of a quarter of an hour, None for one without a clock."""
    clock_ns = None if number is None else START + number * QUARTER
    return Row(clock_ns, clock_ns or START, cells_key(cells or (number,)), (f"dlms value={cells or number}",))


def quarters(first, count):
    return [row(number) for number in range(first, first + count)]


def kept(*batches, walked=True, keep_ns=0):
    """Return what is known after batches of rows were printed, a minute from one to the next."""
    printed = PrintedRows()
    printed.is_walked = walked
    for minute, rows in enumerate(batches, 1):
        printed.commit(printed.place(rows), printed_ns=minute * MINUTE, keep_ns=keep_ns)
    return printed


def places(rows):
    return [rows_time - one.clock_ns for one in rows for rows_time in [one.time_ns]]


# What is new in a stretch of the buffer.


def test_rows_behind_the_last_one_are_new():
    printed = kept(quarters(0, 4))
    assert printed.align(quarters(2, 4)) == 2
    assert printed.align(quarters(3, 1)) == 1
    assert printed.align(quarters(4, 4)) is None
    assert PrintedRows().align(quarters(0, 4)) is None


def test_what_looks_like_the_last_row_is_confirmed_by_all_the_rows_that_were_handled_before_it():
    printed = kept(quarters(0, 6))
    assert printed.confirms([*quarters(0, 6), row(6)], 6)
    assert not printed.confirms(quarters(1, 5), 5)
    assert not printed.confirms([row(0, "another"), *quarters(1, 5)], 6)
    twice = kept([*quarters(0, 6), row(5)])
    assert twice.confirms([*quarters(0, 6), row(5)], 7)
    printed.is_ranged = True
    assert printed.confirms(quarters(5, 1), 1)


def test_twelve_rows_before_the_last_one_are_enough():
    printed = kept(quarters(0, 40))
    assert printed.confirms(quarters(27, 13), 13)
    assert not printed.confirms(quarters(28, 12), 12)


def test_rows_behind_the_last_one_are_new_although_their_clock_went_back():
    printed = kept(quarters(0, 8))
    assert printed.align([*quarters(6, 2), row(-5000, "a"), row(7, "b")]) == 2


def test_rows_that_are_the_same_again_after_a_clock_went_back_are_new():
    idle = [row(number, 5) for number in range(8)]
    printed = kept(idle)
    assert printed.align([*idle[4:], *idle[2:]]) == 4


def test_of_rows_that_are_the_same_the_last_one_is_where_its_predecessors_are_the_same():
    idle = [row(number, 5) for number in range(12)]
    twice = [*idle, *idle[6:10]]
    printed = kept(twice)
    assert printed.last.time_ns == START + 9 * QUARTER + 1
    assert printed.align([*twice, row(10, 6)]) == len(twice)


def test_of_rows_that_are_the_same_the_last_one_is_where_it_is_expected():
    idle = [row(number, 5) for number in range(4)]
    printed = kept(idle, idle, idle)
    assert printed.align(idle * 3, expected=7) == 8
    assert printed.align(idle * 3) == 12


def test_the_last_of_identical_rows_is_found_only_where_all_of_them_are():
    twins = [row(3, 5), row(3, 5)]
    printed = kept([row(2, 5), *twins])
    assert printed.identical == 2
    assert printed.align([row(2, 5), *twins, row(3, 5)]) == 3
    assert printed.align([*twins, row(3, 5)]) == 2


def test_a_last_row_whose_cells_changed_is_new_where_the_one_before_it_is_known():
    printed = kept(quarters(0, 4))
    assert printed.align([row(2), row(3, "final"), row(4)]) == 1
    assert printed.align([row(1), row(3, "final"), row(4)]) is None
    again = kept(quarters(0, 4), [row(3, "more")])
    assert again.align([row(2), row(3, "final"), row(4)]) == 1


def test_another_row_of_the_last_ones_time_is_not_taken_for_it():
    printed = kept([row(2), row(3, "a"), row(3, "b")])
    assert printed.align([row(2), row(3, "a")]) is None


def test_nulls_say_nothing_of_which_row_it_is():
    printed = kept([row(0, 1, "same"), row(1, 2, None)])
    assert printed.align([row(1, 2, "same"), row(2, 3, None)]) == 1


def test_the_latest_row_that_is_still_there_is_found():
    printed = kept(quarters(0, 8))
    assert printed.latest([row(3), row(5), row(99)]) == 2
    assert printed.latest(quarters(50, 3)) is None


def test_rows_without_a_clock_are_known_by_their_cells_and_their_order():
    printed = kept([row(None, "a"), row(None, "b"), row(None, "b")])
    assert printed.align([row(None, "b"), row(None, "b"), row(None, "c")]) == 2
    assert printed.align([row(None, "a"), row(None, "b"), row(None, "b"), row(None, "b")]) == 3


# What is new among rows that were selected.


@pytest.mark.parametrize("order", ["captured", "other"])
def test_rows_are_known_by_time_and_cells(order):
    printed = kept(quarters(0, 4))
    assert printed.unprinted(quarters(2, 4), order=order) == quarters(4, 2)
    assert printed.unprinted([row(3), row(3, "more")], order=order) == [row(3, "more")]


def test_of_identical_rows_as_many_are_known_as_were_printed():
    printed = kept([row(1, 5), row(1, 5)])
    assert len(printed.unprinted([row(1, 5)] * 3, order="captured")) == 1
    assert printed.unprinted([row(1, 5)] * 2, order="captured") == []


def test_in_capture_order_a_row_is_new_behind_the_one_that_it_is_the_same_as():
    printed = kept([row(1, "a"), row(1, "b")])
    back = [row(1, "b"), row(1, "a")]
    assert printed.unprinted(back, order="captured") == [row(1, "a")]
    assert printed.unprinted(back, order="other") == []


def test_rows_that_are_long_past_are_known_by_how_many_there_were():
    printed = kept(quarters(0, 1000), quarters(1000, 100))
    assert len(printed._kept) == LEAST_KEPT
    assert printed.unprinted(quarters(0, 1101), order="captured") == [row(1100)]
    assert printed.unprinted([row(5), row(5, "again")], order="captured") == [row(5, "again")]


def test_rows_of_times_that_are_forgotten_are_not_printed_again():
    odd = [row(-3 * number) for number in range(1000)]
    printed = kept(odd)
    assert printed.unprinted(odd, order="captured") == []
    assert printed.unprinted([row(1)], order="captured") == [row(1)]


def test_rows_without_a_clock_that_are_gone_are_forgotten():
    printed = kept([row(None, "a"), row(None, "b")])
    printed.forget_unmet([row(None, "b")])
    assert printed.unprinted([row(None, "b"), row(None, "a")], order="other") == [row(None, "a")]


# Times.


def test_further_rows_of_a_time_go_a_nanosecond_behind_each_other_and_those_before():
    printed = kept([row(1), row(2, "a")])
    fresh = printed.place([row(2, "b"), row(2, "c"), row(3)])
    assert places(fresh) == [1, 2, 0]
    printed.commit(fresh, printed_ns=1)
    assert places(printed.place([row(2, "d")])) == [3]


def test_a_clock_that_goes_back_by_years_takes_no_time_that_is_taken():
    printed = kept(quarters(0, 35000), quarters(35000, 40))
    assert places(printed.place([row(17, "again"), row(17, "and again"), row(-1)])) == [1, 2, 0]


def test_rows_without_a_clock_keep_the_polls_time():
    assert PrintedRows().place([row(None, "a")]) == [row(None, "a")]


def test_rows_that_were_not_wanted_hold_their_place():
    printed = PrintedRows()
    printed.commit([row(1)], printed_ns=0)
    assert printed.last.clock_ns == START + QUARTER
    assert printed.printed_ns == 0
    assert places(printed.place([row(1, "wanted")])) == [1]


def test_many_rows_take_no_quadratic_time_also_where_all_have_one_time_or_are_printed_again():
    began = time.process_time()
    one_time = [Row(START, START, b"%08d" % number, ()) for number in range(20_000)]
    printed = kept(one_time[:10_000])
    assert places(printed.place(printed.unprinted(one_time, order="captured")))[-1] == 19_999
    assert printed.align(one_time) == 10_000
    many = kept(quarters(0, 6_000), keep_ns=5 * MINUTE)
    again = restarted(many, again_from_ns=0)
    for first in range(0, 6_000, 500):
        again.commit(again.place(quarters(first, 500)), printed_ns=MINUTE, keep_ns=5 * MINUTE)
    assert again.to_text() == many.to_text()
    assert time.process_time() - began < 3


# What is known of the newest.


def test_the_newest_row_is_not_one_that_is_far_ahead():
    far = row(500_000)
    printed = kept([*quarters(0, 4), far])
    now_ns = START + 4 * QUARTER
    assert printed.newest_ns(now_ns) == START + 3 * QUARTER
    assert printed.resume_ns(now_ns) == START + 3 * QUARTER
    assert printed.newest_ns(far.clock_ns - FUTURE_NS) == far.clock_ns
    assert PrintedRows().newest_ns(now_ns) is None


def test_reading_by_time_goes_on_at_the_row_that_came_last():
    assert kept(quarters(0, 9), quarters(2, 1)).resume_ns(START) == START + 2 * QUARTER
    assert kept(quarters(500_000, 2)).resume_ns(START) == START + 500_001 * QUARTER
    assert PrintedRows().resume_ns(START) is None
    assert kept([row(None, "a")]).resume_ns(START) is None


def test_the_newest_row_is_known_also_where_its_cells_are_forgotten():
    printed = kept(quarters(0, 100), quarters(0, 50))
    assert printed.newest_ns(START + 200 * QUARTER) == START + 99 * QUARTER


# What is kept.


def test_rows_of_the_last_two_hours_are_kept_with_their_cells():
    fast = [Row(START + number * MINUTE, 0, b"", ()) for number in range(1000)]
    printed = PrintedRows()
    printed.is_walked = True
    printed.commit(fast, printed_ns=1)
    assert len(printed._kept) == 121
    assert printed._kept[0].clock_ns == START + 879 * MINUTE


def test_where_rows_are_only_told_by_their_cells_many_of_them_are_kept():
    assert len(kept(quarters(0, 2000), walked=False)._kept) == MOST_KEPT


def test_what_left_a_short_while_ago_is_kept_with_its_cells():
    printed = kept(*[quarters(100 * number, 100) for number in range(10)], keep_ns=3 * MINUTE)
    assert len(printed._kept) == 300 + LEAST_KEPT


# Printed once more.


def restarted(printed, **options):
    return PrintedRows.from_text(printed.to_text(), **options)


def test_all_is_known_after_a_restart():
    printed = kept(quarters(0, 1000), [row(999, "b"), row(3, "a")])
    printed.first_ns, printed.clock_cell, printed.is_ranged = 7, b"\x07\xea", True
    again = restarted(printed)
    assert (again.first_ns, again.clock_cell, again.is_ranged) == (7, b"\x07\xea", True)
    assert again.last == printed.last
    assert again.printed_ns == 2 * MINUTE
    assert again.to_text() == printed.to_text()
    assert places(again.place([row(3, "c"), row(998, "c"), row(1000)])) == [2, 1, 0]


def test_what_left_last_is_printed_once_more_at_the_same_times():
    printed = kept(quarters(0, 4), [row(4), row(4, "b"), row(2, "back")], [row(5)], keep_ns=5 * MINUTE)
    again = restarted(printed, again_from_ns=MINUTE)
    assert again.last.clock_ns == START + 3 * QUARTER
    assert again.newest_ns(START + 9 * QUARTER) == START + 5 * QUARTER
    met = [row(3), row(4, "b"), row(2, "back"), row(5), row(6)]  # its twin was overwritten
    count = again.align(met)
    assert count == 1
    assert places(again.place(met[count:])) == [1, 1, 0, 0]
    assert again.unprinted(met, order="captured") == met[1:]
    again.commit(again.place(met[count:]), printed_ns=9 * MINUTE)
    again.settle()
    assert again.align(met) == 5
    assert places(again.place([row(4, "c")])) == [2]


def test_where_all_left_last_reading_begins_where_it_began():
    printed = kept(quarters(0, 4), keep_ns=5 * MINUTE)
    printed.first_ns = START
    again = restarted(printed, again_from_ns=0)
    assert again.last is None
    assert again.place(quarters(0, 4)) == quarters(0, 4)


def test_a_replay_that_is_longer_than_what_was_kept_goes_as_far_as_is_known():
    again = restarted(kept(quarters(0, 1000), quarters(1000, 4)), again_from_ns=0)
    assert again.last.clock_ns == START + (1004 - LEAST_KEPT) * QUARTER
    assert places(again.place(quarters(0, 1004))) == [1] * 989 + [0] * 15


def test_planned_rows_keep_their_times_whatever_becomes_of_the_others():
    printed = kept(quarters(0, 2))
    planned = printed.place([row(2, "a"), row(2, "b")])
    printed.plan(planned)
    again = restarted(printed)
    assert again.last.clock_ns == START + QUARTER
    assert places(again.place([row(2, "b"), row(2, "c")])) == [1, 2]
    before = again.to_text()
    again.plan(planned)
    assert again.to_text() == before
    assert places(printed.place([row(2, "b"), row(2, "a")])) == [1, 0]  # they did not leave, and are met again


@pytest.mark.parametrize("walked", [True, False])
def test_planned_rows_that_never_come_hold_their_places(walked):
    printed = PrintedRows()
    printed.plan(printed.place([row(2, "a")]))
    again = restarted(printed)
    again.is_walked = walked
    again.settle()
    assert places(again.place([row(2, "b")])) == [1]
    assert again.unprinted([row(2, "b")], order="captured") == ([] if walked else [row(2, "b")])


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{", '{"rows":[[1,2]]}', '{"rows":[[1,"2","",0]]}', '{"rows":[["1",2,"",0]]}',
        '{"rows":[[1,2,"x",0]]}', '{"times":[[5,1,1,1]]}', '{"rows":7}', '{"clock":"no hex"}',
    ],
)  # fmt: skip
def test_a_text_that_is_none_of_ours_is_refused(text):
    with pytest.raises(ValueError, match="no rows of a profile"):
        PrintedRows.from_text(text)


def test_the_text_is_short_where_a_meter_is_regular():
    printed = kept(quarters(0, 30_000), *[[row(number)] for number in range(30_000, 30_040)])
    assert len(printed.to_text()) < 1200
    last = START + (30_040 - 17) * QUARTER
    assert json.loads(printed.to_text())["times"] == [[START, last - QUARTER, QUARTER, 1], [last, last, 0, 1]]
