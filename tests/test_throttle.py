"""How fast profiles catch up."""

from __future__ import annotations

import random

import pytest

from telegraf_dlms.throttle import BURST, LINES_A_SECOND, Throttle

SECOND = 1_000_000_000
#: metric_buffer_limit and flush_interval of Telegraf (config/config.go).
TELEGRAF_BUFFER, FLUSH_S = 10_000, 10


def test_a_burst_may_be_claimed_at_once_and_then_so_many_lines_a_second():
    throttle = Throttle(burst=100, lines_a_second=10)
    assert throttle.claim(60, SECOND)
    assert throttle.claim(40, SECOND)
    assert not throttle.claim(1, SECOND)
    assert not throttle.claim(11, 2 * SECOND)
    assert throttle.claim(10, 2 * SECOND)


def test_no_more_than_a_burst_is_saved_up():
    throttle = Throttle(burst=100, lines_a_second=10)
    throttle.claim(100, SECOND)
    assert throttle.claim(100, 1000 * SECOND)
    assert not throttle.claim(1, 1000 * SECOND)


def test_more_than_a_burst_is_allowed_where_nothing_was_taken_and_is_paid_for_later():
    throttle = Throttle(burst=100, lines_a_second=10)
    assert throttle.claim(300, SECOND)
    assert not throttle.claim(1, 21 * SECOND)
    assert throttle.claim(1, 22 * SECOND)


def test_what_is_reserved_comes_one_behind_the_other():
    throttle = Throttle(burst=100, lines_a_second=10)
    times = [throttle.reserve(100, SECOND) // SECOND for _ in range(4)]
    assert times == [1, 11, 21, 31]
    assert not throttle.claim(1, 25 * SECOND)


def test_what_was_not_printed_is_given_back():
    throttle = Throttle(burst=100, lines_a_second=10)
    throttle.reserve(100, SECOND)
    throttle.give_back(70)
    assert throttle.reserve(70, SECOND) == SECOND
    throttle.give_back(500)
    assert throttle.claim(100, SECOND)
    assert not throttle.claim(1, SECOND)


@pytest.mark.parametrize("seed", range(20))
def test_telegrafs_buffer_has_room_for_whatever_is_caught_up_with_while_nothing_is_flushed(seed):
    source, throttle, now_ns, printed = random.Random(seed), Throttle(), SECOND, []
    while now_ns < 60 * SECOND:
        lines = source.randrange(1, BURST)
        if source.random() < 0.5:
            due_ns = throttle.reserve(lines, now_ns)
            used = source.randrange(lines + 1)
            throttle.give_back(lines - used)
            printed.append((due_ns, used))
        elif throttle.claim(lines, now_ns):
            printed.append((now_ns, lines))
        now_ns += source.randrange(3 * SECOND)
    for start_ns, _ in printed:
        window = sum(lines for time_ns, lines in printed if start_ns <= time_ns < start_ns + FLUSH_S * SECOND)
        assert window <= BURST + FLUSH_S * LINES_A_SECOND + BURST
        assert window <= 0.8 * TELEGRAF_BUFFER
