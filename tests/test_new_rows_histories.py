"""No row is lost and none becomes two points, whatever happens to a meter, its clock, and the process that reads it.

A history is a random sequence of captures, clocks that are set, reads, parts of reads, and processes that are killed
between what they print and what they keep. The seeds are fixed; ``TELEGRAF_DLMS_HISTORIES`` is how many there are.
"""

from __future__ import annotations

import os
import random
from collections import Counter, defaultdict
from datetime import timedelta

import pytest

from scripted_profile import CLOCK, MIDNIGHT, PROFILE, Reader, ScriptedProfile, date_time, numbers, quarter
from telegraf_dlms.buffer_progress import USUAL_ROWS
from telegraf_dlms.datetimes import encode
from telegraf_dlms.printed import PrintedRows

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
HISTORIES = int(os.environ.get("TELEGRAF_DLMS_HISTORIES", "12"))
#: By how many quarters of an hour clocks are set: one, summer time, hours, days, a month.
SET_BY = (1, 4, 4, 20, 192, 2880)


class CapturingMeter(ScriptedProfile):
    """A meter with a clock of its own and a buffer that overwrites its oldest rows; each row has its number."""

    def __init__(self, capacity, **behaviour):
        super().__init__([], **behaviour)
        self.capacity, self.clock, self.captured = capacity, MIDNIGHT, []

    def capture(self, after):
        self.clock += after
        number = len(self.captured)
        self.clocks[number] = encode(self.clock)
        self.captured.append(int(self.clock.timestamp()) * SECOND)
        self.numbers.append(number)
        del self.numbers[: -self.capacity]

    def _captured(self, number):
        return self.captured[number] // SECOND


class History:
    """What a meter captured, and what was printed of it by several processes."""

    def __init__(self, seed, *, capacity, period=900, sort_method=1, refuses=(), crashes=True):
        self.source = random.Random(seed)
        self.crashes = crashes
        self.meter = CapturingMeter(capacity, period=period, sort_method=sort_method, refuses=refuses)
        self.reader = Reader(self.meter, backfill=10_000 * DAY, at_once=self.source.choice([16, 64, 500]))
        self.reader.now_ns = int(MIDNIGHT.timestamp()) * SECOND
        self.period = period
        self.printed = defaultdict(set)  # a row's number → the times at which it was printed
        self.seen = set()
        self.kept = [self.reader.printed.to_text()]
        self.safe = 0  # what was kept since cannot be lost

    def live(self, steps):
        for _ in range(steps):
            self.source.choices(
                [self.capture, self.set_clock, self.read_all, self.read_part, self.restart], [9, 3, 6, 1, 1]
            )[0]()
        for _ in range(12):
            self.read_all()
            self.reader.now_ns += 2 * DAY
        self.seen.update(self.meter.numbers)

    def capture(self):
        for _ in range(self.source.choice([1, 1, 1, 2, 5, 30, 150])):
            after = timedelta(seconds=self.period or self.source.choice([0, 0, 1, 60, 5000]))
            self.meter.capture(after)
            self.reader.now_ns += int(after.total_seconds()) * SECOND

    def set_clock(self):
        quarters = self.source.choice(SET_BY) * self.source.choice([-1, -1, 1])
        self.meter.clock += timedelta(minutes=15 * quarters)

    def read_part(self):
        rows = self.reader.read()
        shared = Counter(row.clock_ns for row in rows)
        planned = [row for row in rows if row.time_ns != row.clock_ns or shared[row.clock_ns] > 1]
        planned = rows if len(rows) > USUAL_ROWS else planned
        if planned:
            self.safe = len(self.kept)
            before = PrintedRows.from_text(self.kept[-1])
            before.plan(planned)
            self.kept.append(before.to_text())
        for row in rows:
            self.printed[numbers([row])[0]].add(row.time_ns)
        self.kept.append(self.reader.printed.to_text())

    def read_all(self):
        self.read_part()
        while self.reader.fresh.more:
            self.read_part()
        if self.meter.refuses != {2}:  # what no range shows is found when the whole buffer is looked through
            self.seen.update(self.meter.numbers)

    def restart(self):
        """Kill the process: what it printed last is not kept yet, or all of it is."""
        back = self.source.choice([1, 1, 2]) if self.crashes else 1
        text = self.kept[max(self.safe, len(self.kept) - back)]
        self.reader.restart()
        self.reader.printed = PrintedRows.from_text(text)
        if self.reader.printed.clock_cell is None:
            self.reader.memory.clocks.pop(PROFILE, None)
        self.kept.append(text)

    def check(self):
        lost = {number for number in self.seen if number not in self.printed}
        assert not lost
        assert {number: times for number, times in self.printed.items() if len(times) > 1} == {}
        by_clock = defaultdict(list)
        for number, (time_ns,) in sorted(self.printed.items()):
            by_clock[self.meter.captured[number]].append(time_ns - self.meter.captured[number])
        for places in by_clock.values():
            assert places == list(range(len(places)))


CAPACITIES = pytest.mark.parametrize("capacity", [5, 50, 200])
SEEDS = pytest.mark.parametrize("seed", range(HISTORIES))


@CAPACITIES
@pytest.mark.parametrize("refuses", [(), (1,), (1, 2)], ids=["any selection", "no ranges", "no selection"])
@SEEDS
def test_rows_that_are_read_in_capture_order_are_all_printed_at_one_time_each(seed, refuses, capacity):
    period, sort_method = (900, 900, 0)[seed % 3], (1, 2)[seed % 2]
    # What a killed process printed within its last second, and the meter has overwritten since, cannot be told from
    # what comes at the same time later: so kills are for buffers that hold more than that.
    history = History(
        seed, capacity=capacity, period=period, sort_method=sort_method, refuses=refuses, crashes=capacity > 100
    )
    history.live(5 + seed % 30)
    history.check()


@SEEDS
def test_rows_that_are_read_by_time_alone_are_all_printed_at_one_time_each(seed):
    history = History(seed, capacity=50, refuses=(2,), sort_method=(1, 2)[seed % 2])
    history.live(5 + seed % 30)
    history.check()


@SEEDS
def test_rows_of_a_buffer_that_is_sorted_are_all_printed_at_one_time_each(seed):
    history = History(seed, capacity=200, sort_method=3)
    history.live(5 + seed % 12)
    assert {number for number in history.seen if number not in history.printed} == set()
    assert all(len(times) == 1 for times in history.printed.values())
    taken = Counter(time_ns for times in history.printed.values() for time_ns in times)
    assert [time_ns for time_ns, often in taken.items() if often > 1] == []


@pytest.mark.parametrize("sort_method", [1, 2], ids=["fifo", "lifo"])
def test_an_hour_that_comes_twice_is_printed_twice_where_nothing_else_tells_its_rows_apart(sort_method):
    meter = ScriptedProfile(range(200), sort_method=sort_method, columns=(CLOCK,))
    reader = Reader(meter, backfill=30 * DAY)
    reader.now_ns = quarter(200)
    reader.read_all()
    meter.clocks = {1000 + number: date_time(number) for number in range(196, 204)}
    meter.numbers = [*meter.numbers[8:], *meter.clocks]
    reader.restart()
    reader.now_ns = quarter(208)
    again = [quarter(number) + (number < 200) for number in range(196, 204)]
    assert [row.time_ns for row in reader.read_all()] == again
    assert reader.read_all() == []
