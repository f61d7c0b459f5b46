"""Which rows of a profile were printed, and at which times: none is lost, and none becomes two points.

Capture order is the one thing about a buffer that no clock can falsify. Where a stretch of the buffer comes in that
order, as it does by entry and as a whole, the last row that was handled is looked for in it, and what is behind that
row is new: also where its clock went back by years, and also where it is the same as a row that was printed before
(``align``). Only where rows are selected by time, or kept in another order, are they known one by one: by their time,
their cells, and their order among the rows of that time (``unprinted``).

A row's time in the output is that of its clock, and where rows before it were printed at that time, so many nanoseconds
later. Two rows on one time would be one point in a database; so the times that are taken have to be known for as long
as a clock may go back. Rows are remembered with their cells as long as a read may meet them again; from then on it is
their times alone, of which regular ones are one entry, however many they are (``printed_times``).

What is to be printed ``again`` keeps the time that it had, whatever became of the rows before it in the meter: rows
that left shortly before a process ended, and rows whose times were settled before they left.

All of it is a text, for the state file.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from telegraf_dlms.printed_times import PrintedTimes
from telegraf_dlms.rows import FUTURE_NS, OVERLAP_NS, is_alike, is_far_ahead

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from telegraf_dlms.rows import Row

#: Rows that are remembered with their cells, for looking for the last of them.
LEAST_KEPT: Final = 16
#: A range meets those of OVERLAP_NS again. Where rows are only told by their times and cells, all of so many are kept:
#: two days of quarter hours, and some.
MOST_KEPT: Final = 256
#: Without a clock rows are known by their cells alone, all that the buffer has; longer ones than this are not met.
MOST_WITHOUT_CLOCK: Final = 4096
#: A row of one time is held against so many others; no real meter has more of one time.
_MOST_COMPARED: Final = 64

#: Rows before the last one that tell it from one like it: five-minute ones of an hour that comes twice.
_WITNESSES: Final = 12

#: The raw cell of a row's clock, so that bounds of ranges can be written alike.
ClockCell: TypeAlias = bytes | int | None
#: The cells of a row that is known, None where they are forgotten, and whether it is to be printed again.
_Known: TypeAlias = tuple[bytes | None, bool]


class Printed(NamedTuple):
    """A row that was handled: its clock, its time in the output, its cells, and when it left by our own clock.

    ``printed_ns`` is 0 where it was not wanted, and did not leave.
    """

    clock_ns: int | None
    time_ns: int
    key: bytes
    printed_ns: int


class PrintedRows:
    """The rows of one profile of one value that were handled, the last ones in capture order.

    ``first_ns``: rows before it were not wanted when the profile was first read; None before that. ``is_ranged``: some
    were selected by time, so that there may be others between them. ``is_walked``: they are read in capture order, and
    only the last of them have to be known by their cells.
    """

    __slots__ = ("_again", "_kept", "_times", "clock_cell", "first_ns", "is_ranged", "is_walked")

    def __init__(self) -> None:
        self.first_ns: int | None = None
        self.clock_cell: ClockCell = None
        self.is_ranged = self.is_walked = False
        self._kept: list[Printed] = []
        self._again: list[Printed] = []
        self._times = PrintedTimes()

    @property
    def last(self) -> Printed | None:
        """The row that was handled last; None at the beginning."""
        return self._kept[-1] if self._kept else None

    @property
    def identical(self) -> int:
        """How many of the last rows cannot be told from each other; so many have to be met to know which is which."""
        count = 0
        for row in reversed(self._kept):
            if not _is_same(row, self._kept[-1]):
                break
            count += 1
        return count

    @property
    def printed_ns(self) -> int:
        """When the last row left, by our own clock; 0 where none did."""
        return max((row.printed_ns for row in (*self._kept, *self._again)), default=0)

    def newest_ns(self, now_ns: int) -> int | None:
        """Return the time of the newest row that is not far in the future; None where there is none."""
        times = [self._times.newest(now_ns + FUTURE_NS)]
        times += [row.clock_ns for row in (*self._kept, *self._again) if not is_far_ahead(row.clock_ns, now_ns)]
        return max((time for time in times if time is not None), default=None)

    def resume_ns(self, now_ns: int) -> int | None:
        """Return the clock of the last row handled, not far in the future but where all are; None without a clock."""
        clocks = [row.clock_ns for row in self._kept if row.clock_ns is not None]
        near = [clock_ns for clock_ns in clocks if not is_far_ahead(clock_ns, now_ns)]
        return next(reversed(near or clocks), None)

    def align(self, rows: Sequence[Row], *, expected: int | None = None) -> int | None:
        """Return how many of ``rows`` were handled: those up to the last one that was. None where it is not among them.

        ``rows`` are a stretch of the buffer in capture order. Where several are the same as the last one handled, it is
        one whose predecessors are the same as well: the nearest to the index that is ``expected``, else the one with
        most of them. It is none that has more rows of its time before it than were printed. A last row whose cells have
        changed since, as those of a period that was not over, counts as new.
        """
        if not self._kept:
            return None
        last, identical = self._kept[-1], self.identical
        most = None if last.clock_ns is None else last.time_ns - last.clock_ns + 1
        best, best_score, of_that_time = None, (False, 0, 0), 0
        for index, row in enumerate(rows):
            if row.clock_ns != last.clock_ns:
                continue
            of_that_time += 1
            if most is not None and of_that_time > most:
                break
            if is_alike(row.key, last.key):
                is_whole, alike = self._agreement(rows, index, identical)
                distance = 0 if expected is None else abs(index - expected)
                score = (is_whole, -distance, alike)
                if best is None or score >= best_score:
                    best, best_score = index + 1, score
        return self._align_changed(rows) if best is None else best

    def confirms(self, rows: Sequence[Row], count: int) -> bool:
        """Return whether the rows before what ``align`` found are those that were handled before the last one.

        If not it may be a later row of that time and those cells, where a clock was set back.
        """
        clock_ns = self._kept[-1].clock_ns
        before = [row for row in self._kept[-1 - _WITNESSES : -1] if row.clock_ns != clock_ns]
        met = [row for row in rows[:count] if row.clock_ns != clock_ns][-_WITNESSES:]
        if self.is_ranged:
            return True  # there may be others between them
        return len(met) >= len(before) and all(map(_is_same, reversed(met), reversed(before)))

    def latest(self, rows: Sequence[Row]) -> int | None:
        """Return how many of ``rows`` come up to the latest row kept that is among them; None where none is."""
        for row in reversed(self._kept):
            for index in range(len(rows) - 1, -1, -1):
                if _is_same(rows[index], row):
                    return index + 1
        return None

    def unprinted(self, rows: Sequence[Row], *, order: Literal["captured", "other"]) -> list[Row]:
        """Return those of ``rows`` that were not handled; of each time, all that the buffer has are among ``rows``.

        ``order``: whether rows of one time are in capture order.
        """
        groups: dict[int | None, list[int]] = {}
        for index, row in enumerate(rows):
            groups.setdefault(row.clock_ns, []).append(index)
        known: dict[int | None, list[_Known]] = {
            clock_ns: [(None, False)] * self._times.count(clock_ns) for clock_ns in groups if clock_ns is not None
        }
        entries = [(row, False) for row in self._kept] + [(row, True) for row in self._again]
        for one, is_again in entries:
            if one.clock_ns in groups:
                known.setdefault(one.clock_ns, []).append((one.key, is_again))
        unknown = _unknown_in_order if order == "captured" else _unknown_in_any_order
        fresh: list[int] = []
        for clock_ns, indexes in groups.items():
            if not known.get(clock_ns) and self._times.is_forgotten(clock_ns):
                continue
            keys = [rows[index].key for index in indexes]
            fresh += [indexes[place] for place in unknown(keys, known.get(clock_ns, []))]
        return [rows[index] for index in sorted(fresh)]

    def forget_unmet(self, rows: Iterable[Row]) -> None:
        """Forget rows without a clock that are not among ``rows``, which are all that the buffer has."""
        met = {row.key for row in rows if row.clock_ns is None}
        self._kept = [row for row in self._kept if row.clock_ns is not None or row.key in met]

    def place(self, rows: Iterable[Row]) -> list[Row]:
        """Return new ``rows``, in capture order, at the times at which they are to be printed."""
        rows = list(rows)
        clocks = {row.clock_ns for row in rows}
        again: dict[int | None, list[Printed]] = {}
        for one in self._again:
            if one.clock_ns in clocks:
                again.setdefault(one.clock_ns, []).append(one)
        taken: dict[int, int] = {}
        for kept in (*self._kept, *self._again):
            if kept.clock_ns is not None and kept.clock_ns in clocks:
                taken[kept.clock_ns] = max(taken.get(kept.clock_ns, 0), kept.time_ns - kept.clock_ns + 1)
        placed = []
        for row in rows:
            own = again.get(row.clock_ns, [])
            settled = next((one for one in own if is_alike(one.key, row.key)), None)
            if settled is not None:
                own.remove(settled)
                placed.append(replace(row, time_ns=settled.time_ns))
            elif row.clock_ns is None:
                placed.append(row)
            else:
                place = max(taken.get(row.clock_ns, 0), self._times.count(row.clock_ns))
                taken[row.clock_ns] = place + 1
                placed.append(replace(row, time_ns=row.clock_ns + place))
        return placed

    def plan(self, rows: Iterable[Row]) -> None:
        """Hold rows to the times at which ``place`` returned them, whatever happens before they have left."""
        settled = {row[:2] for row in self._again}
        about_to_leave = [Printed(row.clock_ns, row.time_ns, row.key, 0) for row in rows]
        self._again += [row for row in about_to_leave if row[:2] not in settled]

    def commit(self, rows: Iterable[Row], *, printed_ns: int, keep_ns: int = 0) -> None:
        """Note that ``rows``, as ``place`` returned them, have left at ``printed_ns``; 0 for rows that are not wanted.

        Rows that left within ``keep_ns`` before that are kept with their cells.
        """
        done = [Printed(row.clock_ns, row.time_ns, row.key, printed_ns) for row in rows]
        settled = {row[:2] for row in done}
        self._again = [row for row in self._again if row[:2] not in settled]
        self._kept += done
        self._age(printed_ns - keep_ns)

    def settle(self) -> None:
        """Note that the newest row of the buffer was handled: what was to be printed again is not there any more."""
        if not self.is_walked:
            self._kept[:0] = self._again
        for row in self._again if self.is_walked else ():
            if row.clock_ns is not None:
                self._times.add(row.clock_ns)
        self._again.clear()

    def to_text(self) -> str:
        """Return all of it."""
        cell = self.clock_cell
        content = {
            "first": self.first_ns,
            "clock": cell.hex() if isinstance(cell, bytes) else cell,
            "ranged": self.is_ranged,
            "rows": [_to_json(row) for row in self._kept],
            "again": [_to_json(row) for row in self._again],
            "times": self._times.to_json(),
            "forgotten": self._times.forgotten_ns,
        }
        return json.dumps({name: part for name, part in content.items() if part}, separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str, *, again_from_ns: int | None = None) -> PrintedRows:
        """Return what ``to_text`` wrote; what left after ``again_from_ns`` is to be printed once more.

        ValueError where the text is none of ours.
        """
        try:
            content = json.loads(text)
            it = cls()
            cell = content.get("clock")
            it.first_ns = content.get("first")
            it.is_ranged = bool(content.get("ranged"))
            it.clock_cell = bytes.fromhex(cell) if isinstance(cell, str) else cell
            it._kept = [_from_json(row) for row in content.get("rows", ())]
            it._again = [_from_json(row) for row in content.get("again", ())]
            it._times = PrintedTimes.from_json(content.get("times", ()), forgotten_ns=content.get("forgotten"))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"no rows of a profile: {error}") from error
        if again_from_ns is not None:
            it._take_back(again_from_ns)
        return it

    def _take_back(self, since_ns: int) -> None:
        """Have the last rows printed again, from the first of them on that left after ``since_ns``."""
        index = next((place for place, row in enumerate(self._kept) if row.printed_ns > since_ns), len(self._kept))
        if index == 0 and self._times:
            index = 1  # what was printed before the first row is known by its times alone: reading goes on behind it
        self._again = self._kept[index:] + self._again
        del self._kept[index:]

    def _agreement(self, rows: Sequence[Row], index: int, identical: int) -> tuple[bool, int]:
        """Return whether the rows up to ``index`` are the same as the last ones kept, as far as both go, and how many.

        They are not where ``rows`` begin in the middle of ``identical`` ones: which of them is the first is not known.
        """
        common = min(index + 1, len(self._kept))
        for back in range(1, common):
            if not _is_same(rows[index - back], self._kept[-1 - back]):
                return False, min(back, LEAST_KEPT)
        return common >= identical, min(common, LEAST_KEPT)

    def _align_changed(self, rows: Sequence[Row]) -> int | None:
        """Find the last row by its time and by the row before it, which is of another time."""
        clock_ns = self._kept[-1].clock_ns
        before = next((row for row in reversed(self._kept) if row.clock_ns != clock_ns), None)
        if clock_ns is None or before is None:
            return None
        for index in range(1, len(rows)):
            if rows[index].clock_ns == clock_ns and _is_same(rows[index - 1], before):
                is_known = any(_is_same(rows[index], row) for row in self._kept)
                return None if is_known else index
        return None

    def _age(self, forget_ns: int) -> None:
        """Keep of rows that no read meets again their times alone; LEAST_KEPT that left by ``forget_ns`` stay."""
        last = self._kept[-1].clock_ns if self._kept else None
        if last is None:
            del self._kept[:-MOST_WITHOUT_CLOCK]
            return
        left = next((place for place, row in enumerate(self._kept) if row.printed_ns > forget_ns), len(self._kept))
        old = 0
        for row in self._kept[: max(0, left - LEAST_KEPT)]:
            is_near = row.clock_ns is not None and last - OVERLAP_NS <= row.clock_ns <= last
            if (is_near or not self.is_walked) and len(self._kept) - old <= MOST_KEPT:
                break
            if row.clock_ns is not None:
                self._times.add(row.clock_ns)
            old += 1
        del self._kept[:old]


def _is_same(row: Row | Printed, other: Row | Printed) -> bool:
    return row.clock_ns == other.clock_ns and is_alike(row.key, other.key)


def _unknown_in_order(keys: Sequence[bytes], known: Sequence[_Known]) -> list[int]:
    """Return which rows of one time are none of the known ones, or are to be printed again.

    Both are in capture order; where there are fewer rows than known ones the first of these were overwritten. A known
    one without a key is any row.
    """
    known = known[max(0, len(known) - len(keys)) :]
    fresh, start = [], 0
    for index, key in enumerate(keys):
        found = _find(key, known, start)
        if found is None or known[found][1]:
            fresh.append(index)
        if found is not None:
            start = found + 1
    return fresh


def _unknown_in_any_order(keys: Sequence[bytes], known: Sequence[_Known]) -> list[int]:
    left, fresh = list(known), []
    for index, key in enumerate(keys):
        found = next((place for place, (other, _) in enumerate(left) if other == key), None)
        found = _find(key, left, 0) if found is None else found
        if found is None or left[found][1]:
            fresh.append(index)
        if found is not None:
            del left[found]
    return fresh


def _find(key: bytes, known: Sequence[_Known], start: int) -> int | None:
    for place in range(start, min(len(known), start + _MOST_COMPARED)):
        other = known[place][0]
        if other is None or is_alike(key, other):
            return place
    return None


def _to_json(row: Printed) -> list[object]:
    time = row.time_ns if row.clock_ns is None else row.time_ns - row.clock_ns
    return [row.clock_ns, time, row.key.hex(), row.printed_ns]


def _from_json(row: list[object]) -> Printed:
    clock_ns, time, key, printed_ns = row
    if not isinstance(time, int) or not isinstance(key, str) or not isinstance(printed_ns, int):
        raise TypeError("a row is no row")
    if clock_ns is not None and not isinstance(clock_ns, int):
        raise TypeError("a clock is no time")
    return Printed(clock_ns, time + (clock_ns or 0), bytes.fromhex(key), printed_ns)
