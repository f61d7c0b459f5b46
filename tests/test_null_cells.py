"""Null cells that repeat the one above: of the same answer, or of rows that were read before."""

from __future__ import annotations

import pytest

from telegraf_dlms.null_cells import MOST_CELLS, handle_nulls


def at(hour, minute=0) -> bytes:
    return bytes((7, 0xEA, 1, 1, 4, hour, minute, 0, 0, 0, 0, 0))


def handled(rows, known, *, clock=0, null_cells="previous"):
    """Return the rows with their nulls repeated; the first cell is the clock."""
    rows = [list(row) for row in rows]
    handle_nulls(rows, clock, null_cells, known)
    return rows


def test_nulls_beside_the_clock_are_counted_and_stay_where_they_repeat_nothing():
    rows, known = [[at(1), 1, None], [None, None, 2]], {}
    assert handle_nulls(rows, 0, "", known) == 2
    assert rows == [[at(1), 1, None], [None, None, 2]]
    assert known == {}


def test_nulls_repeat_the_cell_above_but_never_a_clock():
    assert handled([(at(1), None, 10), (None, 2, None), (None, None, None)], {}) == [
        [at(1), None, 10],
        [None, 2, 10],
        [None, 2, 10],
    ]


def test_the_cells_above_are_known_from_the_read_before():
    known = {}
    handled([(at(1), 2, 10), (at(2), None, 20), (at(3), None, 30)], known)
    assert handled([(at(3), None, 30), (at(4), None, 40), (at(5), 7, None)], known) == [
        [at(3), 2, 30],
        [at(4), 2, 40],
        [at(5), 7, 40],
    ]


def test_the_cell_above_in_the_same_answer_goes_before_the_one_that_is_known():
    known = {at(2): [at(2), 5, 20]}
    assert handled([(at(1), 2, 10), (at(2), None, 20)], known)[1] == [at(2), 2, 20]


def test_a_row_by_itself_hides_none_that_is_known_with_more_of_its_cells():
    known = {}
    handled([(at(1), None, 10)], known)
    handled([(at(0), 2, 5), (at(1), None, 10)], known)
    del known[at(0)]
    handled([(at(1), None, 10)], known)
    assert known == {at(1): [at(1), 2, 10]}


@pytest.mark.parametrize(
    ("first", "clock"),
    [
        pytest.param((at(1), None, 11), 0, id="other cells"),
        pytest.param((at(2), None, 10), 0, id="another time"),
        pytest.param((None, None, 10), 0, id="no clock in the row"),
        pytest.param((at(1), None, 10), None, id="no clock at all"),
        pytest.param(([at(1)], None, 10), 0, id="a clock that is none"),
    ],
)
def test_a_row_that_was_not_read_before_takes_no_cell_of_another_one(first, clock):
    known = {at(1): [at(1), 2, 10]}
    assert handled([first], known, clock=clock) == [list(first)]


def test_only_the_cells_of_the_last_rows_are_known():
    known = {}
    handled([(at(hour, minute), 1) for hour in range(24) for minute in (0, 30)], known)
    assert list(known) == [at(hour, minute) for hour in range(8, 24) for minute in (0, 30)]
    assert len(known) == MOST_CELLS
