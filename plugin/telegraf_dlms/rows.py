"""Rows of a profile: what tells one from another, and which are asked for.

A row has no number of its own; what tells it from others is its time and its cells, and among rows of one time their
order. Rows of one time are printed a nanosecond apart, in capture order; ``printed`` knows which times are taken.

Meters may send null for a cell that repeats the one above, so a row that is first in one read, and complete there, may
have nulls in the next. Therefore a row is the same as another one where their cells are, leaving nulls aside.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from telegraf_dlms.axdr import Value

#: sort_method of a profile (Blue Book, 4.3.6.2.5).
FIFO = 1
LIFO = 2

#: How far before the last row handled a range begins: a clock that goes back by an hour, and some.
OVERLAP_NS = 2 * 3600 * 1_000_000_000
#: How far ahead of our own clock a meter's may be.
FUTURE_NS = 86400 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """One captured row, printed but for its time.

    ``clock_ns`` is its own time in UTC, None where the profile has no clock; ``time_ns`` is the time to print, later by
    as many nanoseconds as rows of that time are before it. ``key`` identifies its cells (``cells_key``); ``bodies``
    are its lines without the time.
    """

    clock_ns: int | None
    time_ns: int
    key: bytes
    bodies: tuple[str, ...]

    @property
    def lines(self) -> list[str]:
        """The lines of the row, one a captured cell, without newlines."""
        return [f"{body} {self.time_ns}" for body in self.bodies]


def is_far_ahead(clock_ns: int | None, now_ns: int) -> bool:
    """Return whether only a wrong clock can have captured a row at ``clock_ns``; None is where there is no clock."""
    return clock_ns is not None and clock_ns > now_ns + FUTURE_NS


def without_far_ahead(rows: Sequence[Row], *, now_ns: int) -> Sequence[Row]:
    """Return the rows by which the newest ones are told: all where each is far ahead, since it is our clock then."""
    return [row for row in rows if not is_far_ahead(row.clock_ns, now_ns)] or rows


def is_against_order(rows: Sequence[Row], *, capture_period: int) -> bool:
    """Return whether rows that should be in capture order are in another one, most likely the opposite.

    A clock that is set back now and then goes on in between, and seldom goes back by just a ``capture_period``, in
    seconds; 0 where rows are captured by events.
    """
    times = [row.clock_ns for row in rows if row.clock_ns is not None]
    steps = [later - earlier for earlier, later in pairwise(times)]
    period_ns = capture_period * 1_000_000_000
    if period_ns:
        back, on = steps.count(-period_ns), steps.count(period_ns)
        return back > on and back >= _MANY_STEPS
    return len(steps) >= _VERY_MANY_STEPS and all(step < 0 for step in steps)


def plan_entries(entries: int, *, sort_method: int | None, entries_in_use: int | None) -> tuple[int, int] | None:
    """Return the first and last entry of the newest ``entries`` rows, 0 for the end of the buffer.

    None asks for the whole buffer: ``entries_in_use`` is 0 or unknown, or the order is neither fifo nor lifo.
    """
    if not entries_in_use:
        return None
    if sort_method == FIFO:
        return max(1, entries_in_use - entries + 1), 0
    if sort_method == LIFO:
        return 1, entries
    return None


def gap_seconds(rows: Sequence[Row], *, capture_period: int, since_ns: int | None = None) -> int:
    """Return the seconds for which rows are missing among ``rows``, and between ``since_ns`` and the first of them.

    0 where ``capture_period``, in seconds, is 0: rows are captured by events then.
    """
    period = capture_period * 1_000_000_000
    if not period:
        return 0
    times = {row.clock_ns for row in rows} | {since_ns}
    steps = pairwise(sorted(time for time in times if time is not None))
    return sum(max(0, later - earlier - period) for earlier, later in steps) // 1_000_000_000


def cells_key(cells: Iterable[Value]) -> bytes:
    """Return what identifies a row's cells, 4 octets a cell, the same in every process; zeros stand for a null."""
    return b"".join([_NULL if cell is None else (crc32(repr(cell).encode()) or 1).to_bytes(4, "big") for cell in cells])


def is_alike(key: bytes, other: bytes) -> bool:
    """Return whether the keys are of the same cells, leaving out those where either is null."""
    if key == other:
        return True
    if len(key) != len(other):
        return False
    for start in range(0, len(key), 4):
        one, two = key[start : start + 4], other[start : start + 4]
        if one != two and _NULL not in (one, two):
            return False
    return True


_NULL = bytes(4)
#: Steps back that no clock makes that is set now and then: by a capture period each, and by any time each.
_MANY_STEPS = 3
_VERY_MANY_STEPS = 8
