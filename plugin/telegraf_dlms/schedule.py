"""What is due when: pure arithmetic on two clocks that the caller reads.

All times are integers in nanoseconds: ``wall_ns`` is UTC (time.time_ns), which may be set and slewed; ``mono_ns`` is
time.monotonic_ns, which only runs, and is the event loop's clock. Ticks lie on a grid: UTC multiples of the interval
plus an offset, or multiples since the start. But one waits by the monotonic clock alone:

- the next tick is the first point of the grid that is at least *half an interval* after the last one, by the
  monotonic clock. While the clocks agree that is exactly the next point. When the wall clock is slewed a tick may
  come a little before its point, and the same point must not be taken again; when it was set, by seconds or by years,
  the distance is once between a half and one and a half intervals: no burst, and no silence;
- a wall clock that is set moves the grid under a tick that is already being waited for: a daily reading would keep
  its wrong hour for up to a day. So whoever has many tickers watches for that, see ``ClockWatch``, and aligns them.

Nothing is ever queued. Whoever is late takes the newest tick that has passed; the ones before it are counted as
skipped. At the end of a poll what passed meanwhile is taken too, and thrown away: it is skipped as well.
"""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

#: The next tick of a ticker that has none.
NEVER: Final = 2**63 - 1
#: Above this the first poll does not wait for the first tick (design, section 3).
AT_ONCE_ABOVE_NS: Final = 10_000_000_000
#: The wall clock was set, not slewed: adjtime's fastest is 0.5 ms a second, and one looks once in a minute or more.
STEP_NS: Final = 500_000_000
#: The two clocks are read one after the other, not at the same moment.
TOGETHER_NS: Final = 1_000_000


class Tick(NamedTuple):
    """A tick that was taken: when it was due, by the present wall clock, and how many before it were not taken."""

    due_wall_ns: int
    skipped: int


class Ticker:
    """The ticks of one group on one device; an interval of 0 has none.

    ``offset_ns`` is the group's offset plus the device's ``spread``. ``jitter_ns`` delays each tick by a random part
    of itself, at most by an interval; ``draw`` returns 0 <= x < 1.
    """

    __slots__ = ("_aligned", "_at_once", "_draw", "_due", "_grid", "_interval", "_jitter", "_last", "next_mono_ns")

    def __init__(
        self,
        interval_ns: int,
        *,
        offset_ns: int = 0,
        jitter_ns: int = 0,
        aligned: Literal["utc", "start"] = "utc",
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._interval = interval_ns
        self._grid = offset_ns
        self._jitter = min(jitter_ns, interval_ns)
        self._aligned = aligned
        self._draw = draw
        self._at_once = False
        self._due = self._last = 0
        #: When to wake: the next tick with its delay, or NEVER.
        self.next_mono_ns = NEVER

    def start(self, wall_ns: int, mono_ns: int, *, first: Literal["at_once", "next_tick"] = "at_once") -> None:
        """Begin: the first tick is the grid's next, and one is due at once where the interval is over 10 s.

        With ``first`` "next_tick" none is due at once: the group was being read before.
        """
        if not self._interval:
            return
        if self._aligned == "start":
            self._grid += mono_ns
        self._last = mono_ns - self._interval
        self._wait_for(self._next_point(wall_ns, mono_ns))
        if first == "at_once" and self._interval > AT_ONCE_ABOVE_NS:
            self._at_once = True
            self.next_mono_ns = mono_ns

    def take(self, wall_ns: int, mono_ns: int, *, jitter: Literal["observed", "waived"] = "observed") -> Tick | None:
        """Take the newest tick that is due; None where none is.

        With ``jitter`` "waived" also one whose delay is not over: for the other groups of a device that is read now,
        so that groups due together share an association.
        """
        pending = self.next_mono_ns if jitter == "observed" or self._at_once else self._due
        if mono_ns < pending or self.next_mono_ns == NEVER:
            return None
        skipped = 0
        if self._at_once:
            self._at_once = False
            if mono_ns < self._due:
                self._wait_for(self._due)
                return Tick(wall_ns - (mono_ns - pending), 0)
            skipped = 1
        passed = (mono_ns - self._due) // self._interval
        self._last = self._due + passed * self._interval
        self._wait_for(self._next_point(wall_ns, mono_ns))
        return Tick(self._on_grid(wall_ns - (mono_ns - self._last)), skipped + passed)

    def align(self, wall_ns: int, mono_ns: int) -> None:
        """Move the tick that is waited for to the grid again, after the wall clock was set.

        It never moves beyond two intervals after the last one: a clock that is set again and again stops nobody.
        """
        if self.next_mono_ns == NEVER or mono_ns >= self._due:
            return
        due = self._next_point(wall_ns, mono_ns)
        if due <= self._last + 2 * self._interval:
            at_once = self.next_mono_ns
            self._wait_for(due)
            if self._at_once:
                self.next_mono_ns = at_once

    def _on_grid(self, due_wall_ns: int) -> int:
        """Return the point of the grid where a tick is as good as on it: just before, it would be in another minute."""
        if self._aligned == "start":
            return due_wall_ns
        beside = (due_wall_ns - self._grid + TOGETHER_NS) % self._interval - TOGETHER_NS
        return due_wall_ns - beside if abs(beside) <= TOGETHER_NS else due_wall_ns

    def _wait_for(self, due: int) -> None:
        self._due = due
        self.next_mono_ns = due + int(self._draw() * self._jitter)

    def _next_point(self, wall_ns: int, mono_ns: int) -> int:
        """Return the first point of the grid that is to come, and half an interval or more after the last tick."""
        earliest = max(self._last + (self._interval + 1) // 2, mono_ns + 1)
        grid = self._grid if self._aligned == "start" else self._grid - wall_ns + mono_ns
        return earliest + (grid - earliest) % self._interval


class ClockWatch:
    """Tells when the wall clock was set: from time to time ask it, and where it was align all tickers."""

    __slots__ = ("_ahead",)

    def __init__(self, wall_ns: int, mono_ns: int) -> None:
        self._ahead = wall_ns - mono_ns

    def was_set(self, wall_ns: int, mono_ns: int) -> bool:
        """Whether the two clocks moved apart by STEP_NS since the last call; so they do in a suspended machine."""
        before, self._ahead = self._ahead, wall_ns - mono_ns
        return abs(self._ahead - before) >= STEP_NS


def spread(name: str, spread_ns: int) -> int:
    """Return a device's own offset, 0 <= offset < spread_ns: evenly spread, the same in each run and on each host."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest) * spread_ns >> 64
