"""Rows of a profile: which are asked for, and which were printed before.

A row has no number of its own; what tells it from others is its time and its cells, and among rows of one time their
order. Rows of one time are printed a nanosecond apart, in capture order. A later read may begin in the middle of them,
so where a row stands is remembered with it: a further row of that time goes behind those that were printed.

Meters may send null for a cell that repeats the one above, so a row that is first in one read, and complete there, may
have nulls in the next. Therefore a row is the same as a printed one where their cells are, leaving nulls aside.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from telegraf_dlms.axdr import Value

#: sort_method of a profile (Blue Book, 4.3.6.2.5).
FIFO = 1
LIFO = 2

#: How far before the newest row printed the next read begins: a clock that goes back by an hour, and some.
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


class PrintedRows:
    """The rows of one profile of one value that were printed, as far as a read may still meet them.

    ``filter`` a read, print what it returns, then ``commit`` it: what never left is met as new again.
    """

    __slots__ = ("_first_ns", "_printed", "_without_clock")

    def __init__(self) -> None:
        #: clock_ns → keys by their place among the rows of that time; b"" where nothing was printed
        self._printed: dict[int, tuple[bytes, ...]] = {}
        self._without_clock: Counter[bytes] = Counter()
        self._first_ns: int | None = None

    def resume_ns(self, *, now_ns: int) -> int | None:
        """Return the time from which on rows are asked for at the next read; None where nothing was printed.

        That is OVERLAP_NS before the newest row printed, for clocks that were set back meanwhile. A row that is far in
        the future was captured by a wrong clock, and does not count.
        """
        newest = self.newest_ns(now_ns)
        return None if newest is None else newest - OVERLAP_NS

    def newest_ns(self, now_ns: int) -> int | None:
        """Return the time of the newest row printed that is not far in the future; None where there is none."""
        return max((time for time in self._printed if not is_far_ahead(time, now_ns)), default=None)

    def wanted_since(self, since_ns: int, *, now_ns: int) -> int:
        """Return since when rows that were asked for since ``since_ns`` are wanted: not before what was wanted first.

        A time far in the future is not noted as the first one.
        """
        if self._first_ns is None and not is_far_ahead(since_ns, now_ns):
            self._first_ns = since_ns
        return since_ns if self._first_ns is None else max(since_ns, self._first_ns)

    def filter(self, rows: Sequence[Row]) -> list[Row]:
        """Return the rows that were not printed yet, in their order, at times that printed ones do not have."""
        groups: dict[int | None, list[int]] = {}
        for index, row in enumerate(rows):
            groups.setdefault(row.clock_ns, []).append(index)
        fresh: dict[int, Row] = {}
        for clock_ns, indexes in groups.items():
            if clock_ns is None:
                left = Counter(self._without_clock)
                fresh.update((index, rows[index]) for index in indexes if not _take(left, rows[index].key))
                continue
            printed = self._printed.get(clock_ns, ())
            unprinted = _without_printed(indexes, rows, printed)
            for place, index in enumerate(unprinted, len(printed)):
                row = rows[index]
                fresh[index] = replace(row, time_ns=clock_ns + place) if printed else row
        return [row for _, row in sorted(fresh.items())]

    def commit(self, printed: Iterable[Row], *, read: Sequence[Row]) -> None:
        """Remember rows as printed, and forget those that are older than all that was ``read``.

        A read looks at the newest rows, or from ``resume_ns`` on: what it did not meet will not come back. Rows
        without a clock are remembered from one read to the next: an equal row that came in its place is not noticed.
        """
        places: dict[int, dict[int, bytes]] = {}
        for row in printed:
            if row.clock_ns is None:
                self._without_clock[row.key] += 1
            else:
                places.setdefault(row.clock_ns, {})[row.time_ns - row.clock_ns] = row.key
        for clock_ns, keys in places.items():
            known = dict(enumerate(self._printed.get(clock_ns, ()))) | keys
            self._printed[clock_ns] = tuple(known.get(place, b"") for place in range(max(known) + 1))
        self._forget(read)

    def _forget(self, read: Sequence[Row]) -> None:
        if not read:
            return
        self._without_clock &= Counter(row.key for row in read if row.clock_ns is None)
        oldest = min((row.clock_ns for row in read if row.clock_ns is not None), default=None)
        if oldest is not None:
            self._printed = {clock_ns: keys for clock_ns, keys in self._printed.items() if clock_ns >= oldest}


def is_far_ahead(clock_ns: int | None, now_ns: int) -> bool:
    """Return whether only a wrong clock can have captured a row at ``clock_ns``; None is where there is no clock."""
    return clock_ns is not None and clock_ns > now_ns + FUTURE_NS


def without_far_ahead(rows: Sequence[Row], *, now_ns: int) -> Sequence[Row]:
    """Return the rows by which the newest ones are told: all where each is far ahead, since it is our clock then."""
    return [row for row in rows if not is_far_ahead(row.clock_ns, now_ns)] or rows


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


_NULL = bytes(4)
#: Rows of one time are held against each other one by one only while that is cheap; no real meter has so many.
_MAX_COMPARISONS = 10_000


def _take(left: Counter[bytes], key: bytes) -> bool:
    if left[key] <= 0:
        return False
    left[key] -= 1
    return True


def _without_printed(indexes: Sequence[int], rows: Sequence[Row], printed: Sequence[bytes]) -> list[int]:
    """Return the rows of one time that are none of the printed ones: same cells first, then same but for nulls."""
    left = Counter(key for key in printed if key)
    unknown = [index for index in indexes if not _take(left, rows[index].key)]
    remaining = list(left.elements())
    if not remaining or len(unknown) * len(remaining) > _MAX_COMPARISONS:
        return unknown
    return [index for index in unknown if not _take_alike(remaining, rows[index].key)]


def _take_alike(remaining: list[bytes], key: bytes) -> bool:
    for place, other in enumerate(remaining):
        if _alike(key, other):
            del remaining[place]
            return True
    return False


def _alike(key: bytes, other: bytes) -> bool:
    if len(key) != len(other):
        return False
    for start in range(0, len(key), 4):
        one, two = key[start : start + 4], other[start : start + 4]
        if _NULL not in (one, two) and one != two:
            return False
    return True
