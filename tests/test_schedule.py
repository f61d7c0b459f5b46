"""Ticks under clocks that behave, slew, jump and stop."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise

import pytest

from telegraf_dlms.schedule import NEVER, ClockWatch, Ticker, spread

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
NOON = 1_767_225_600 * SECOND  # 2026-01-01T00:00:00Z, so a multiple of all intervals here


class World:
    """Two clocks, a ticker, and a reader of meters that takes its time."""

    def __init__(self, ticker, *, wall=NOON, mono=5 * SECOND, watching=True):
        self.ticker, self.wall, self.mono = ticker, wall, mono
        self.watch = ClockWatch(wall, mono) if watching else None
        self.polls, self.skipped = [], 0
        ticker.start(wall, mono)

    def pass_time(self, elapsed, *, parts_per_million=0):
        self.mono += elapsed
        self.wall += elapsed + elapsed * parts_per_million // 1_000_000

    def set_wall(self, step):
        self.wall += step
        if self.watch is not None and self.watch.was_set(self.wall, self.mono):
            self.ticker.align(self.wall, self.mono)

    def poll(self, lasts=0, **clock):
        """Wait for the next tick, poll; return when by both clocks."""
        self.pass_time(max(0, self.ticker.next_mono_ns - self.mono), **clock)
        tick = self.ticker.take(self.wall, self.mono)
        assert tick is not None
        self.polls.append((self.wall, self.mono))
        self.skipped += tick.skipped
        self.pass_time(lasts, **clock)
        missed = self.ticker.take(self.wall, self.mono)
        if missed is not None:
            self.skipped += 1 + missed.skipped
        return self.polls[-1]

    def walls(self, count, **poll):
        return [self.poll(**poll)[0] - NOON for _ in range(count)]


def test_ticks_lie_on_multiples_of_the_interval_in_utc():
    world = World(Ticker(10 * SECOND), wall=NOON + 3 * SECOND)
    assert world.walls(4) == [10 * SECOND, 20 * SECOND, 30 * SECOND, 40 * SECOND]
    assert world.skipped == 0


def test_an_offset_moves_all_ticks():
    world = World(Ticker(10 * SECOND, offset_ns=2 * SECOND), wall=NOON + 3 * SECOND)
    assert world.walls(3) == [12 * SECOND, 22 * SECOND, 32 * SECOND]


def test_an_offset_beyond_the_interval_is_the_same_offset_within_it():
    world = World(Ticker(10 * SECOND, offset_ns=32 * SECOND), wall=NOON + 3 * SECOND)
    assert world.walls(2) == [12 * SECOND, 22 * SECOND]


def test_without_rounding_ticks_count_from_the_start():
    world = World(Ticker(10 * SECOND, aligned="start"), wall=NOON + 3 * SECOND)
    assert world.walls(3) == [13 * SECOND, 23 * SECOND, 33 * SECOND]


def test_above_ten_seconds_the_first_poll_is_at_once_too():
    world = World(Ticker(15 * MINUTE), wall=NOON + 3 * SECOND)
    assert world.walls(3) == [3 * SECOND, 15 * MINUTE, 30 * MINUTE]
    assert world.skipped == 0


def test_an_at_once_poll_that_comes_after_the_first_tick_stands_for_it():
    ticker = Ticker(MINUTE)
    ticker.start(NOON - SECOND, 0)
    tick = ticker.take(NOON + SECOND, 2 * SECOND)
    assert tick == (NOON, 1)
    assert ticker.next_mono_ns == 61 * SECOND


def test_an_interval_of_zero_never_ticks():
    ticker = Ticker(0)
    ticker.start(NOON, 0)
    ticker.align(NOON, HOUR)
    assert ticker.next_mono_ns == NEVER
    assert ticker.take(NOON, HOUR) is None
    assert ticker.take(NOON, HOUR, jitter="waived") is None


def test_before_its_time_a_tick_cannot_be_taken():
    ticker = Ticker(10 * SECOND)
    ticker.start(NOON + 3 * SECOND, 0)
    assert ticker.take(NOON + 10 * SECOND - 1, 7 * SECOND - 1) is None
    assert ticker.take(NOON + 10 * SECOND, 7 * SECOND) == (NOON + 10 * SECOND, 0)
    assert ticker.take(NOON + 10 * SECOND, 7 * SECOND) is None


def test_a_poll_longer_than_the_interval_skips_ticks_and_queues_none():
    world = World(Ticker(10 * SECOND))
    assert world.walls(3, lasts=25 * SECOND) == [10 * SECOND, 40 * SECOND, 70 * SECOND]
    assert world.skipped == 6


def test_who_waited_for_the_bus_takes_the_newest_tick_and_counts_the_others():
    ticker = Ticker(10 * SECOND)
    ticker.start(NOON, 0)
    assert ticker.take(NOON + 34 * SECOND, 34 * SECOND) == (NOON + 30 * SECOND, 2)
    assert ticker.next_mono_ns == 40 * SECOND


@pytest.mark.parametrize("apart", [-900_000, -300, 0, 300, 900_000])
def test_a_tick_was_due_at_its_point_of_the_grid_though_the_clocks_are_read_one_after_the_other(apart):
    ticker = Ticker(10 * SECOND, offset_ns=2 * SECOND)
    ticker.start(NOON, 5 * SECOND)
    tick = ticker.take(NOON + 34 * SECOND + apart, 39 * SECOND)
    assert (tick.due_wall_ns, tick.skipped) == (NOON + 32 * SECOND, 3)


@pytest.mark.parametrize(("aligned", "late"), [("utc", 2_000_000), ("utc", -2_000_000), ("start", 300)])
def test_a_tick_beside_its_point_of_the_grid_was_due_when_it_was(aligned, late):
    ticker = Ticker(10 * SECOND, aligned=aligned)
    ticker.start(NOON, 5 * SECOND)
    tick = ticker.take(NOON + 10 * SECOND + late, 15 * SECOND)
    assert tick.due_wall_ns == NOON + 10 * SECOND + late


def test_jitter_delays_each_tick_by_a_part_of_itself_and_does_not_add_up():
    draws = iter([0.5, 0.0, 0.75, 0.25])
    world = World(Ticker(10 * SECOND, jitter_ns=4 * SECOND, draw=lambda: next(draws)))
    assert world.walls(3) == [12 * SECOND, 20 * SECOND, 33 * SECOND]


def test_jitter_beyond_the_interval_skips_nothing():
    generator = random.Random(1)
    world = World(Ticker(10 * SECOND, jitter_ns=HOUR, draw=generator.random))
    walls = world.walls(500)
    assert [wall // (10 * SECOND) for wall in walls] == list(range(1, 501))
    assert world.skipped == 0


def test_a_groups_jitter_is_waived_when_its_device_is_read_anyway():
    ticker = Ticker(10 * SECOND, jitter_ns=5 * SECOND, draw=lambda: 0.8)
    ticker.start(NOON, 0)
    assert ticker.next_mono_ns == 14 * SECOND
    assert ticker.take(NOON + 9 * SECOND, 9 * SECOND, jitter="waived") is None
    assert ticker.take(NOON + 11 * SECOND, 11 * SECOND) is None
    assert ticker.take(NOON + 11 * SECOND, 11 * SECOND, jitter="waived") == (NOON + 10 * SECOND, 0)
    assert ticker.next_mono_ns == 24 * SECOND


@pytest.mark.parametrize("step", [HOUR, -HOUR, 37 * 365 * 24 * HOUR, -17 * SECOND, 450_000_000, -450_000_000])
@pytest.mark.parametrize("interval", [SECOND, 10 * SECOND, 15 * MINUTE, 24 * HOUR])
@pytest.mark.parametrize("watching", [True, False], ids=["watched", "unwatched"])
def test_a_clock_that_is_set_makes_neither_a_burst_nor_a_silence(step, interval, watching):
    world = World(Ticker(interval), watching=watching)
    for _ in range(3):
        world.poll()
    world.pass_time(interval // 3)
    world.set_wall(step)
    for _ in range(4):
        world.poll()
    polls = world.polls[1:]  # the first of long intervals came at once
    gaps = [after[1] - before[1] for before, after in pairwise(polls)]
    assert all(interval // 2 <= gap <= 2 * interval for gap in gaps)
    assert [wall % interval for wall, _ in polls[-3:]] == [0, 0, 0], "on the grid again"
    assert world.skipped == 0


def test_a_daily_reading_finds_its_hour_when_the_clock_is_set_after_booting():
    world = World(Ticker(24 * HOUR), wall=5 * SECOND)
    world.poll()
    world.pass_time(30 * SECOND)
    world.set_wall(NOON + 12 * HOUR - world.wall)
    assert world.poll()[0] == NOON + 24 * HOUR


def test_a_clock_that_is_set_back_each_second_stops_nobody():
    world = World(Ticker(10 * SECOND))
    world.poll()
    began = world.mono
    while world.ticker.next_mono_ns > world.mono:
        world.pass_time(SECOND)
        world.set_wall(-SECOND)
    assert world.mono - began <= 20 * SECOND


def test_setting_the_clock_keeps_the_poll_at_once():
    ticker = Ticker(15 * MINUTE)
    ticker.start(NOON + SECOND, 0)
    ticker.align(NOON + HOUR + MINUTE, 0)
    assert ticker.next_mono_ns == 0
    assert ticker.take(NOON + HOUR + MINUTE, 0) == (NOON + HOUR + MINUTE, 0)
    assert ticker.next_mono_ns == 14 * MINUTE


def test_a_tick_that_is_due_is_not_moved_by_setting_the_clock():
    ticker = Ticker(10 * SECOND)
    ticker.start(NOON, 0)
    ticker.align(NOON + HOUR, 12 * SECOND)
    assert ticker.next_mono_ns == 10 * SECOND


def test_a_suspended_machine_polls_at_the_next_tick_after_it_wakes():
    world = World(Ticker(15 * MINUTE))
    world.poll()
    world.pass_time(MINUTE)
    world.set_wall(8 * HOUR + 5 * MINUTE)  # the monotonic clock stood still
    assert world.poll()[0] == NOON + 8 * HOUR + 15 * MINUTE
    assert world.skipped == 0


@pytest.mark.parametrize("parts_per_million", [500, -500])
def test_under_slew_no_point_of_the_grid_is_taken_twice_or_missed(parts_per_million):
    world = World(Ticker(15 * MINUTE), watching=False)
    walls = world.walls(500, parts_per_million=parts_per_million)
    assert [round(wall / (15 * MINUTE)) for wall in walls] == list(range(500))


@pytest.mark.parametrize("seed", range(20))
def test_whatever_the_clocks_do_polls_keep_their_distance(seed):
    generator = random.Random(seed)
    interval = generator.choice([SECOND, 10 * SECOND, 15 * MINUTE])
    jitter = generator.choice([0, interval // 4])
    world = World(Ticker(interval, offset_ns=generator.randrange(interval), jitter_ns=jitter, draw=generator.random))
    world.poll()
    world.poll()
    for _ in range(300):
        before = world.mono
        lasts = generator.choice([0, 0, interval // 3, 7 * interval // 2])
        world.poll(lasts=lasts)
        if generator.random() < 0.1:
            world.set_wall(generator.randrange(-HOUR, HOUR))
        world.pass_time(min(generator.randrange(interval), max(0, world.ticker.next_mono_ns - world.mono)))
        assert interval // 2 - jitter <= world.polls[-1][1] - world.polls[-2][1]
        assert world.polls[-1][1] - before <= 2 * interval + jitter
        assert world.ticker.next_mono_ns - world.mono <= 2 * interval + jitter


@pytest.mark.parametrize("seed", range(5))
def test_each_tick_is_either_polled_or_counted(seed):
    generator = random.Random(seed)
    world = World(Ticker(10 * SECOND))
    for _ in range(200):
        world.poll(lasts=generator.randrange(45 * SECOND))
    passed = (world.mono - 5 * SECOND) // (10 * SECOND)
    assert len(world.polls) + world.skipped == passed


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ([0, 0], [False, False]),
        ([100_000_000, 100_000_000, -400_000_000], [False, False, False]),
        ([HOUR, 0, -HOUR], [True, False, True]),
    ],
    ids=["quiet", "slewed", "set"],
)
def test_a_watch_tells_once_of_each_time_the_clock_is_set(steps, told):
    wall, mono = NOON, 0
    watch = ClockWatch(wall, mono)
    answers = []
    for step in steps:
        wall, mono = wall + MINUTE + step, mono + MINUTE
        answers.append(watch.was_set(wall, mono))
    assert answers == told


def test_a_devices_spread_is_the_same_for_ever():
    assert spread("feeder-1", 10 * SECOND) == 9_095_340_407
    assert spread("feeder-2", 10 * SECOND) != spread("feeder-1", 10 * SECOND)
    assert spread("feeder-1", 0) == 0


def test_spread_is_even_and_within_its_limit():
    tenths = Counter(spread(f"meter-{number}", 10 * SECOND) // SECOND for number in range(10_000))
    assert set(tenths) == set(range(10))
    assert all(900 < count < 1100 for count in tenths.values())


@pytest.mark.parametrize(("first", "waits"), [("at_once", 0), ("next_tick", 870)])
def test_a_group_that_was_read_before_waits_for_its_next_tick(first, waits):
    ticker = Ticker(900 * 10**9)
    ticker.start(30 * 10**9, 0, first=first)
    assert ticker.next_mono_ns == waits * 10**9
