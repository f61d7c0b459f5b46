"""How far reading a buffer is, and how much of it is asked for at once."""

from __future__ import annotations

import pytest

from scripted_profile import quarter
from telegraf_dlms.buffer_progress import (
    LEAST_AT_ONCE,
    LEAST_PATIENCE_NS,
    LONGEST_PATIENCE_NS,
    MOST_AT_ONCE,
    MOST_UNANSWERED,
    Place,
    Progress,
    expected_rows,
)
from telegraf_dlms.printed import PrintedRows
from telegraf_dlms.rows import Row


@pytest.mark.parametrize(
    ("rows", "took_s", "expected"),
    [
        pytest.param(64, 1, 64, id="just right"),
        pytest.param(64, 0.25, 128, id="much faster: twice as many"),
        pytest.param(64, 0.8, 80, id="faster"),
        pytest.param(64, 1.6, 40, id="slower"),
        pytest.param(64, 60, 32, id="much slower: half as many"),
        pytest.param(3, 60, 64, id="too few to tell"),
        pytest.param(64, 0, 64, id="no time at all"),
    ],
)
def test_as_many_rows_are_asked_for_as_take_the_time_that_is_wanted(rows, took_s, expected):
    progress = Progress(rows_at_once=64)
    progress.adapt(rows, took_ns=int(took_s * 10**9), wanted_ns=10**9)
    assert progress.rows_at_once == expected


def test_there_is_a_least_and_a_most_of_rows_at_once():
    progress = Progress()
    for _ in range(9):
        progress.adapt(500, took_ns=1000, wanted_ns=10**9)
    assert progress.rows_at_once == MOST_AT_ONCE
    for _ in range(9):
        progress.adapt(500, took_ns=10**12, wanted_ns=10**9)
    assert progress.rows_at_once == LEAST_AT_ONCE


def test_how_many_rows_there_should_be_is_known_by_the_time_that_passed():
    printed, progress = PrintedRows(), Progress()

    def expected(capture_period=900, now=10):
        return expected_rows(printed, progress, capture_period=capture_period, now_ns=quarter(now))

    assert expected() is None
    printed.commit([Row(quarter(4), quarter(4), b"", ())], printed_ns=1)
    assert expected() == 6
    assert expected(capture_period=0) == 0
    assert expected(now=1) == 0
    progress.place = Place(quarter(9), 100, age=30)
    assert expected() == 31
    progress.pending = [Row(quarter(4), quarter(4), b"", ())] * 3
    assert expected() == 3


def test_the_whole_buffer_is_looked_through_no_sooner_than_rows_should_have_come():
    progress = Progress()
    progress.be_patient(1000, capture_period=900)
    assert progress.whole_ns == 1000 + 1800 * 10**9
    progress.be_patient(1000, capture_period=0)
    assert progress.whole_ns == 1000 + LEAST_PATIENCE_NS


def test_entries_that_end_the_association_each_time_are_left_alone_for_a_day():
    progress = Progress()
    for _ in range(MOST_UNANSWERED):
        assert progress.answers_entries(1)
        progress.is_asking = True
    assert not progress.answers_entries(1)
    assert not progress.answers_entries(LONGEST_PATIENCE_NS)
    assert progress.answers_entries(LONGEST_PATIENCE_NS + 1)
