"""Which rows are asked for, and which were printed before."""

from __future__ import annotations

import time

import pytest

from telegraf_dlms.axdr import VisibleString
from telegraf_dlms.rows import (
    FIFO,
    FUTURE_NS,
    LIFO,
    OVERLAP_NS,
    PrintedRows,
    Row,
    cells_key,
    gap_seconds,
    plan_entries,
    without_far_ahead,
)

SECOND = 1_000_000_000
QUARTER = 900 * SECOND
START = 1767225600 * SECOND


def row(clock_ns: int | None, *cells, offset: int = 0) -> Row:
    time_ns = (START if clock_ns is None else clock_ns) + offset
    return Row(clock_ns, time_ns, cells_key(cells), (f"dlms value={cells[0]}",))


def quarters(first: int, count: int) -> list[Row]:
    return [row(START + number * QUARTER, number) for number in range(first, first + count)]


def printed(memory: PrintedRows, rows: list[Row]) -> list[Row]:
    fresh = memory.filter(rows)
    memory.commit(fresh, read=rows)
    return fresh


@pytest.mark.parametrize(
    ("entries", "sort_method", "in_use", "selection"),
    [
        pytest.param(96, FIFO, 5760, (5665, 0), id="fifo: the last ones, to the end"),
        pytest.param(96, FIFO, 96, (1, 0), id="fifo: exactly as many"),
        pytest.param(96, FIFO, 10, (1, 0), id="fifo: fewer than wanted"),
        pytest.param(1, FIFO, 10, (10, 0), id="fifo: one"),
        pytest.param(96, LIFO, 5760, (1, 96), id="lifo: the first ones"),
        pytest.param(96, 3, 5760, None, id="largest: the whole buffer"),
        pytest.param(96, None, 5760, None, id="order unknown: the whole buffer"),
        pytest.param(96, FIFO, 0, None, id="entries_in_use 0: the whole buffer"),
        pytest.param(96, LIFO, None, None, id="entries_in_use refused: the whole buffer"),
    ],
)
def test_entries_are_the_newest_rows(entries, sort_method, in_use, selection):
    assert plan_entries(entries, sort_method=sort_method, entries_in_use=in_use) == selection


def test_a_row_is_printed_with_its_time_one_line_a_cell():
    assert Row(START, START + 1, b"", ("dlms,obis=a value=1", "dlms,obis=b value=2")).lines == [
        "dlms,obis=a value=1 1767225600000000001",
        "dlms,obis=b value=2 1767225600000000001",
    ]


def test_rows_are_printed_once():
    memory = PrintedRows()
    assert printed(memory, quarters(0, 4)) == quarters(0, 4)
    assert printed(memory, quarters(0, 4)) == []
    assert printed(memory, quarters(1, 4)) == quarters(4, 1)


def test_rows_that_did_not_leave_are_met_as_new_again():
    memory = PrintedRows()
    memory.filter(quarters(0, 4))
    assert memory.filter(quarters(0, 4)) == quarters(0, 4)
    memory.commit(quarters(0, 2), read=quarters(0, 4))
    assert memory.filter(quarters(0, 4)) == quarters(2, 2)


def test_the_next_read_begins_two_hours_before_the_newest_row():
    memory = PrintedRows()
    assert memory.resume_ns(now_ns=START) is None
    printed(memory, quarters(0, 12))
    assert memory.newest_ns(START) == START + 11 * QUARTER
    assert memory.resume_ns(now_ns=START) == START + 11 * QUARTER - OVERLAP_NS
    printed(memory, [*quarters(0, 12), row(START, "an older one")])
    assert memory.newest_ns(START) == START + 11 * QUARTER


def test_what_is_older_than_what_was_wanted_first_is_not_wanted_later():
    memory = PrintedRows()
    far = START + FUTURE_NS + QUARTER + 1
    asked = [far, START + QUARTER, START, START + 2 * QUARTER]
    wanted = [far, START + QUARTER, START + QUARTER, START + 2 * QUARTER]
    assert [memory.wanted_since(since, now_ns=START) for since in asked] == wanted


def test_a_row_of_the_far_future_does_not_keep_back_those_of_today():
    memory = PrintedRows()
    century = row(START + 100 * 365 * 86400 * 10**9, "a wrong clock")
    printed(memory, [*quarters(0, 4), century])
    assert memory.newest_ns(START) == START + 3 * QUARTER
    assert printed(memory, [*quarters(0, 5), century]) == quarters(4, 1)


def test_a_clock_that_is_a_little_ahead_is_believed():
    memory = PrintedRows()
    printed(memory, [row(START + FUTURE_NS, "tomorrow")])
    assert memory.newest_ns(START) == START + FUTURE_NS
    assert memory.newest_ns(START - 1) is None


def test_the_newest_rows_are_not_told_by_those_far_ahead_unless_all_are():
    believed, ahead = [*quarters(0, 2), row(None, "no clock")], row(START + FUTURE_NS + 1, "a wrong clock")
    assert without_far_ahead([*believed, ahead], now_ns=START) == believed
    assert without_far_ahead([ahead, ahead], now_ns=START) == [ahead, ahead]
    assert without_far_ahead([], now_ns=START) == []


def test_rows_older_than_a_read_are_forgotten():
    memory = PrintedRows()
    for first in range(100):
        printed(memory, quarters(first, 10))
    assert len(memory._printed) == 10


def test_a_read_without_rows_forgets_nothing():
    memory = PrintedRows()
    printed(memory, quarters(0, 4))
    printed(memory, [])
    assert printed(memory, quarters(0, 4)) == []


def test_a_further_row_of_a_time_goes_behind_those_that_were_printed():
    memory = PrintedRows()
    printed(memory, [row(START, "a"), row(START, "b", offset=1)])
    cut = [row(START, "b"), row(START, "c", offset=1)]
    assert printed(memory, cut) == [row(START, "c", offset=2)]
    assert printed(memory, [row(START, "c"), row(START, "d", offset=1)]) == [row(START, "d", offset=3)]


def test_equal_rows_of_one_time_are_counted():
    memory = PrintedRows()
    printed(memory, [row(START, "a"), row(START, "a", offset=1)])
    three = [row(START, "a"), row(START, "a", offset=1), row(START, "a", offset=2)]
    assert printed(memory, three) == [row(START, "a", offset=2)]
    assert printed(memory, three) == []


def test_a_row_is_the_same_where_the_meter_left_out_what_repeats():
    memory = PrintedRows()
    printed(memory, [row(START, 1, "same"), row(START + QUARTER, 2, None)])
    assert printed(memory, [row(START + QUARTER, 2, "same"), row(START + 2 * QUARTER, 3, None)]) == [
        row(START + 2 * QUARTER, 3, None)
    ]


def test_a_row_with_another_cell_is_another_row_at_the_same_time():
    memory = PrintedRows()
    printed(memory, [row(START, 1, None)])
    assert printed(memory, [row(START, 1, 5), row(START, 2, 5, offset=1)]) == [row(START, 2, 5, offset=1)]


def test_rows_come_back_in_the_order_of_the_read():
    rows = [*quarters(5, 1), *quarters(0, 2), *quarters(3, 1)]
    assert PrintedRows().filter(rows) == rows


def test_rows_without_a_clock_are_known_by_their_cells():
    memory = PrintedRows()
    assert len(printed(memory, [row(None, "a"), row(None, "b", offset=1)])) == 2
    assert printed(memory, [row(None, "b"), row(None, "c", offset=1)]) == [row(None, "c", offset=1)]
    assert printed(memory, [row(None, "b"), row(None, "c", offset=1), row(None, "c", offset=2)]) == [
        row(None, "c", offset=2)
    ]
    assert memory.newest_ns(START) is None


def test_rows_without_a_clock_that_did_not_leave_are_met_again():
    memory = PrintedRows()
    rows = [row(None, "a"), row(None, "b", offset=1)]
    memory.commit(rows[:1], read=rows)
    assert memory.filter(rows) == rows[1:]


def test_a_meter_that_has_one_time_for_all_rows_takes_no_quadratic_time():
    memory = PrintedRows()
    started = time.process_time()
    printed(memory, [row(START, number, offset=number) for number in range(20_000)])
    fresh = printed(memory, [row(START, number, offset=number - 10_000) for number in range(10_000, 30_000)])
    assert time.process_time() - started < 5
    assert [one.time_ns - START for one in fresh] == list(range(20_000, 30_000))


def test_a_key_is_the_same_in_every_process_and_tells_null_from_zero():
    key = cells_key([1, None, b"A", VisibleString(b"A"), (1, [2.5])])
    assert key.hex(" ", 4) == "83dcefb7 00000000 c1017bde c1017bde 756ce697"
    assert cells_key([0]) != cells_key([None])


@pytest.mark.parametrize(
    ("numbers", "period", "since", "gap"),
    [
        pytest.param([0, 1, 2], 900, None, 0, id="no gap"),
        pytest.param([0, 3], 900, None, 1800, id="two rows are missing"),
        pytest.param([3, 4], 900, 0, 1800, id="missing since the last read"),
        pytest.param([4, 3, 0], 900, None, 1800, id="in any order"),
        pytest.param([0, 5], 0, None, 0, id="captured by events"),
        pytest.param([], 900, 0, 0, id="nothing"),
    ],
)
def test_gaps_are_seconds_beyond_the_capture_period(numbers, period, since, gap):
    rows = [row(START + number * QUARTER, number) for number in numbers]
    since_ns = None if since is None else START + since * QUARTER
    assert gap_seconds(rows, capture_period=period, since_ns=since_ns) == gap
