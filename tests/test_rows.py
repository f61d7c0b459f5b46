"""What tells rows apart, and which are asked for."""

from __future__ import annotations

import pytest

from telegraf_dlms.axdr import VisibleString
from telegraf_dlms.rows import (
    FIFO,
    FUTURE_NS,
    LIFO,
    Row,
    cells_key,
    gap_seconds,
    is_against_order,
    is_alike,
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


def test_the_newest_rows_are_not_told_by_those_far_ahead_unless_all_are():
    believed, ahead = [*quarters(0, 2), row(None, "no clock")], row(START + FUTURE_NS + 1, "a wrong clock")
    assert without_far_ahead([*believed, ahead], now_ns=START) == believed
    assert without_far_ahead([ahead, ahead], now_ns=START) == [ahead, ahead]
    assert without_far_ahead([], now_ns=START) == []


@pytest.mark.parametrize(
    ("numbers", "period", "expected"),
    [
        pytest.param([4, 3, 2, 1], 900, True, id="backwards"),
        pytest.param([1, 2, 3, 4], 900, False, id="in order"),
        pytest.param([3, 2, 1], 900, False, id="too few to tell"),
        pytest.param([5, 3, 1, 0], 900, False, id="a clock that was set back again and again"),
        pytest.param([1, 2, 3, 4, 2, 3, 4, 1, 2, 3, 4], 900, False, id="a clock that was set back, and went on"),
        pytest.param([8, 7, 6, 5, 4, 3, 2, 1, 0], 0, True, id="events backwards"),
        pytest.param([4, 3, 2, 1, 0], 0, False, id="few events of a clock that was set back"),
        pytest.param([8, 7, 6, 5, 4, 4, 3, 2, 1, 0], 0, False, id="two events at once"),
        pytest.param([], 900, False, id="no rows"),
    ],
)
def test_rows_that_should_be_in_capture_order_are_told_from_those_that_are_not(numbers, period, expected):
    rows = [row(START + number * QUARTER, number) for number in numbers]
    assert is_against_order(rows, capture_period=period) == expected


def test_a_row_is_the_same_where_the_meter_left_out_what_repeats():
    assert is_alike(cells_key([1, "same"]), cells_key([1, None]))
    assert is_alike(cells_key([None, "same"]), cells_key([1, None]))
    assert not is_alike(cells_key([1, "same"]), cells_key([2, None]))
    assert not is_alike(cells_key([1, "same"]), cells_key([1]))


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
