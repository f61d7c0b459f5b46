"""Which column is the rows' clock, and what a clock that is left out stands for."""

from __future__ import annotations

import pytest

from telegraf_dlms.axdr import DateTime, VisibleString
from telegraf_dlms.cosem import CaptureObject
from telegraf_dlms.datetimes import DeviceClock
from telegraf_dlms.errors import MappingError
from telegraf_dlms.obis import parse_obis
from telegraf_dlms.row_times import clock_column, row_times

UTC = DeviceClock()
SECOND = 1_000_000_000
MIDNIGHT = 1767225600
FF = b"\xff" * 12
WILDCARD = bytes.fromhex("07EAFF01FF000000FF800000")


def capture(class_id: int, obis: str, attribute: int = 2) -> CaptureObject:
    return CaptureObject(class_id, parse_obis(obis), attribute, 0)


CLOCK = capture(8, "0.0.1.0.0.255")
UNIX = capture(1, "0.0.1.1.0.255")
ENERGY = capture(3, "1.0.1.8.0.255")


def at(hour: int, minute: int = 0) -> bytes:
    return bytes((7, 0xEA, 1, 1, 4, hour, minute, 0, 0, 0, 0, 0))


def ns(hour: int, minute: int = 0) -> int:
    return (MIDNIGHT + hour * 3600 + minute * 60) * SECOND


@pytest.mark.parametrize(
    ("captures", "rows", "index"),
    [
        pytest.param([ENERGY, CLOCK, CLOCK], [], 1, id="the first clock"),
        pytest.param([UNIX, CLOCK], [], 1, id="a clock before Unix seconds"),
        pytest.param([ENERGY, UNIX], [(5, 6)], 1, id="Unix seconds"),
        pytest.param([ENERGY, capture(1, "0.7.1.1.3.255")], [], 1, id="Unix seconds of another channel"),
        pytest.param([capture(8, "0.0.1.0.0.255", 4), ENERGY], [], None, id="another attribute of the clock"),
        pytest.param([capture(1, "1.0.1.1.0.255"), ENERGY], [], None, id="electricity is no clock"),
        pytest.param([ENERGY, ENERGY], [(5, at(1))], 1, id="a cell that is a date-time"),
        pytest.param([ENERGY, ENERGY], [(5, None), (5, DateTime(at(1)))], 1, id="a later cell that is a date-time"),
        pytest.param([ENERGY, ENERGY], [(5, VisibleString(at(1)))], None, id="a visible-string is none"),
        pytest.param([ENERGY, ENERGY], [(5, 6)], None, id="no clock at all"),
        pytest.param([], [()], None, id="no column"),
    ],
)
def test_the_clock_is_the_first_column_that_can_be_one(captures, rows, index):
    assert clock_column(captures, rows) == index


@pytest.mark.parametrize(
    ("cells", "step", "times"),
    [
        pytest.param([at(0), at(1)], 900, [ns(0), ns(1)], id="every row has its clock"),
        pytest.param([DateTime(at(1))], 900, [ns(1)], id="a date-time"),
        pytest.param([MIDNIGHT, MIDNIGHT + 60], 900, [ns(0), ns(0, 1)], id="Unix seconds"),
        pytest.param([at(1), None, None, at(5), None], 900, [ns(1), ns(1, 15), ns(1, 30), ns(5), ns(5, 15)], id="fifo"),
        pytest.param([at(1), None, None], -900, [ns(1), ns(0, 45), ns(0, 30)], id="lifo"),
        pytest.param([at(1), None, None], 0, [ns(1), ns(1), ns(1)], id="no period: the time above is kept"),
        pytest.param([at(1), FF], 900, [ns(1), ns(1, 15)], id="nothing but FF"),
        pytest.param([at(1), b""], 900, [ns(1), ns(1, 15)], id="no octets"),
        pytest.param([None, None, at(1)], 900, [ns(0, 30), ns(0, 45), ns(1)], id="none above: from the one below"),
        pytest.param([None, None], 900, [None, None], id="no clock at all"),
        pytest.param([], 900, [], id="no rows"),
    ],
)
def test_a_clock_that_is_left_out_is_counted_from_the_next_one(cells, step, times):
    assert row_times(cells, UTC, step_ns=step * SECOND) == times


@pytest.mark.parametrize(
    "cell",
    [WILDCARD, b"\x07\xea", VisibleString(at(1)), 0, -1, 2**63, True, 1.5, "2026-01-01", (1, 2)],
    ids=repr,
)
def test_a_clock_that_is_no_time_is_said_and_not_made_up(cell):
    before, wrong, after = row_times([at(1), cell, None], UTC, step_ns=900 * SECOND)
    assert (before, after) == (ns(1), ns(1, 30))
    assert isinstance(wrong, MappingError)
    assert "clock is no time" in str(wrong)


def test_the_devices_clock_says_what_its_times_mean():
    summer = bytes.fromhex("07EA0701030C000000FF8880")
    assert row_times([summer], UTC, step_ns=0) == [1782900000 * SECOND]
    assert row_times([summer], DeviceClock("inverted"), step_ns=0) == [1782914400 * SECOND]


def test_a_step_that_leaves_int64_is_no_time():
    times = row_times([at(1), None], UTC, step_ns=2**63)
    assert times[0] == ns(1)
    assert isinstance(times[1], MappingError)
