"""Times that are taken: how often each one is, in little room.

A meter captures at regular times: a year of quarter hours is one entry, also where each of them came twice. A clock
that is set back begins another one, whose times may be taken already. What is captured by events has no regular times,
and two of them are an entry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Entries that are kept: clocks that were set as often, or a few hundred events. The oldest ones are forgotten.
MOST_ENTRIES: Final = 256


class PrintedTimes:
    """Times in nanoseconds, in the order in which they were added."""

    __slots__ = ("_entries", "forgotten_ns")

    def __init__(self) -> None:
        #: First and last time, the step between (0 where they are the same), and how often each of them is taken.
        self._entries: list[list[int]] = []
        #: The latest time of the entries that were forgotten; None where none was.
        self.forgotten_ns: int | None = None

    def __bool__(self) -> bool:
        return bool(self._entries)

    def add(self, time_ns: int) -> None:
        """Take a time, once more where it is taken already."""
        if self._entries:
            last = self._entries[-1]
            if last[0] == last[1] == time_ns:
                last[3] += 1
                return
            self._join_last()
        self._entries.append([time_ns, time_ns, 0, 1])
        while len(self._entries) > MOST_ENTRIES:
            oldest = self._entries.pop(0)
            self.forgotten_ns = max(oldest[1], self.forgotten_ns or oldest[1])

    def count(self, time_ns: int) -> int:
        """Return how often a time is taken."""
        return sum(
            times
            for first, last, step, times in self._entries
            if first <= time_ns <= last and (step == 0 or (time_ns - first) % step == 0)
        )

    def is_forgotten(self, time_ns: int | None) -> bool:
        """Return whether a time is so old that it may have been taken, and be forgotten."""
        return None not in {time_ns, self.forgotten_ns} and (time_ns or 0) <= (self.forgotten_ns or 0)

    def newest(self, limit_ns: int) -> int | None:
        """Return the latest time up to a limit; None where there is none."""
        latest = [
            last if last <= limit_ns else first + (limit_ns - first) // step * step
            for first, last, step, _ in self._entries
            if first <= limit_ns
        ]
        return max(latest, default=None)

    def to_json(self) -> Sequence[Sequence[int]]:
        """Return what ``from_json`` takes."""
        return self._entries

    def _join_last(self) -> None:
        """Make the last time, which does not come once more now, a part of the entry before it where it goes on."""
        if len(self._entries) < 2:
            return
        before, (first, last, _, often) = self._entries[-2:]
        step = before[2] or first - before[1]
        if first == last == before[1] + step and step > 0 and often == before[3]:
            before[1], before[2] = last, step
            del self._entries[-1]

    @classmethod
    def from_json(cls, entries: Iterable[Sequence[int]], *, forgotten_ns: int | None = None) -> PrintedTimes:
        """Return the times of ``to_json``; ValueError where they are none."""
        times = cls()
        times.forgotten_ns = forgotten_ns
        for entry in entries:
            first, last, step, often = entry
            if not all(isinstance(number, int) for number in entry) or last < first or step < 0 or often < 1:
                raise ValueError("no times")
            if (step == 0) != (first == last):
                raise ValueError("no step between times")
            times._entries.append([first, last, step, often])
        return times
