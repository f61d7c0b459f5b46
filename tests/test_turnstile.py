"""So many pass at once, in their order, and nobody holds up the others for long."""

from __future__ import annotations

import asyncio

import pytest

from jumping_clock import elapsed, on_a_jumping_clock
from telegraf_dlms.turnstile import HOLD_S, MAX_OPENING, Turnstile


class Visitors:
    """Who came in, and when; each leaves after its time."""

    def __init__(self, turnstile):
        self.came_in = {}
        self._turnstile = turnstile

    def send(self, *names, stay_s):
        return [asyncio.create_task(self._visit(name, stay_s)) for name in names]

    async def _visit(self, name, stay_s):
        async with self._turnstile.passing():
            self.came_in[name] = round(elapsed(), 6)
            await asyncio.sleep(stay_s)


@on_a_jumping_clock
async def test_no_more_pass_at_once_than_there_are_places():
    visitors = Visitors(Turnstile(2, hold_s=60))
    await asyncio.gather(*visitors.send("a", stay_s=3), *visitors.send("b", "c", "d", stay_s=1))
    assert visitors.came_in == {"a": 0, "b": 0, "c": 1, "d": 2}


@on_a_jumping_clock
async def test_who_takes_long_does_not_hold_up_those_behind():
    visitors = Visitors(Turnstile(2, hold_s=1))
    await asyncio.gather(*visitors.send(*"abcde", stay_s=60))
    assert visitors.came_in == {"a": 0, "b": 0, "c": 1, "d": 1, "e": 2}


@on_a_jumping_clock
async def test_a_place_is_given_back_once():
    visitors = Visitors(Turnstile(2, hold_s=1))
    await asyncio.gather(*visitors.send("a", "b", stay_s=5))
    await asyncio.gather(*visitors.send(*"cdef", stay_s=0.5))
    assert visitors.came_in == {"a": 0, "b": 0, "c": 5, "d": 5, "e": 5.5, "f": 5.5}


@on_a_jumping_clock
async def test_a_place_is_free_again_where_the_opening_fails():
    turnstile = Turnstile(1, hold_s=60)
    for _ in range(3):
        with pytest.raises(OSError, match="refused"):
            async with turnstile.passing():
                raise OSError("refused")
    assert elapsed() == 0


@on_a_jumping_clock
async def test_who_gives_up_waiting_takes_no_place_and_gives_none_back():
    visitors = Visitors(Turnstile(1, hold_s=60))
    first, second, third = visitors.send(*"abc", stay_s=10)
    await asyncio.sleep(1)
    second.cancel()
    await asyncio.sleep(1)
    first.cancel()
    await asyncio.gather(third, *visitors.send("d", stay_s=1))
    assert visitors.came_in == {"a": 0, "c": 2, "d": 12}


@on_a_jumping_clock
async def test_ten_thousand_that_hear_nothing_are_all_on_their_way_within_five_seconds():
    visitors = Visitors(Turnstile())
    tasks = visitors.send(*range(10_000), stay_s=60)
    await asyncio.gather(*tasks)
    times = list(visitors.came_in.values())
    assert max(map(times.count, set(times))) == MAX_OPENING
    assert max(times) == pytest.approx(10_000 / MAX_OPENING * HOLD_S, abs=HOLD_S)
    assert max(times) < 5
