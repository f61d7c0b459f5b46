"""What a profile captured since the last row that was handled, by entry: in capture order, so that no clock matters.

Rows have an *age* here: 0 is the newest, ``entries_in_use`` - 1 the oldest. Where the last row handled is now can be
guessed, by how much the buffer has grown or by how many periods have passed, and is seen by its content. It is looked
for around there first, then from the newest row backwards; where it is nowhere it was overwritten, and every row is
new. So a usual read is entries_in_use and the rows behind the last one, and clocks that were set back, by any amount,
cost a few exchanges more.

A meter that answers with more rows than it was asked for, with none, or in another order than it says, does not select
by entry (NotSelected).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from telegraf_dlms.profile_conversation import BY_ENTRY, NotSelected, as_list
from telegraf_dlms.row_times import clock_column, is_null
from telegraf_dlms.rows import LIFO, is_against_order, is_far_ahead

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from telegraf_dlms.axdr import Value
    from telegraf_dlms.layout import Rows
    from telegraf_dlms.new_rows import Question
    from telegraf_dlms.rows import Row
    from telegraf_dlms.talk import Conversation

#: How many times as many rows are asked for where the first ones have no clock to count from.
_FURTHER: Final = 8
#: Rows of the first stretch in which the last one handled is looked for backwards; each further one has more.
_FIRST_STRETCH: Final = 8
#: Guesses by the rows' clocks, before it is looked for everywhere.
_MOST_GUESSES: Final = 4
#: A row that is captured between two exchanges makes all others one older, where the buffer is full.
_CAPTURED_MEANWHILE: Final = 2
#: Rows of a stretch that tell the last row handled from others like it: more than are held against those before it.
_ENOUGH_ROWS: Final = 32


@dataclass(frozen=True, slots=True)
class Stretch:
    """Rows that follow each other in the buffer, in capture order, with their ages; down to ``newest`` was asked."""

    found: Rows
    ages: tuple[int, ...]
    newest: int

    @property
    def rows(self) -> Sequence[Row]:
        """The rows that could be printed."""
        return self.found.rows

    def clock_ns(self, age: int) -> int | None:
        """Return the time of the row of an age; None where it has none."""
        return next((row.clock_ns for row, its in zip(self.rows, self.ages, strict=True) if its == age), None)


class EntryWalk:
    """One read of one profile by entry; ``in_use`` is its entries_in_use."""

    def __init__(self, question: Question, in_use: int) -> None:
        self._question = question
        self._in_use = in_use
        self._clock = clock_column(question.reading.captures)
        self._period_ns = question.reading.capture_period * 1_000_000_000
        self._limit = question.progress.rows_at_once

    def first(self) -> Conversation[tuple[Stretch, int]]:
        """Return rows of a profile of which none was handled, and how many of them are before those that are wanted."""
        since_ns = yield from self._first_wanted()
        age = yield from self._age_of(since_ns)
        oldest = min(self._in_use - 1, age + _CAPTURED_MEANWHILE - 1)
        stretch = yield from self._stretch(oldest, max(0, age - self._limit + 1))
        for index, row in enumerate(stretch.rows):
            if row.clock_ns is not None and row.clock_ns >= since_ns:
                return stretch, index
        return stretch, len(stretch.rows)

    def newer(self) -> Conversation[tuple[Stretch, int]]:
        """Return rows in which the last one that was handled is, and how many of them are up to that one."""
        printed, spare = self._question.printed, self._question.printed.identical + _CAPTURED_MEANWHILE - 1
        guess, how = self._guess()
        oldest = min(self._in_use - 1, guess + spare)
        if how == "at_most" and oldest >= _FIRST_STRETCH:
            stretch = yield from self._stretch(_FIRST_STRETCH - 1, 0)
            if (count := printed.align(stretch.rows)) is not None:
                return (yield from self._sure(stretch, count, guess))
        for _ in range(_MOST_GUESSES):
            newest = max(0, oldest - spare - self._limit)
            stretch = yield from self._stretch(oldest, newest)
            expected = next((index for index, age in enumerate(stretch.ages) if age <= guess), None)
            count = printed.align(stretch.rows, expected=expected if how == "known" else None)
            if count is not None:
                return (yield from self._sure(stretch, count, guess))
            nearer = self._nearer(stretch, oldest)
            if newest == 0 or nearer is None:
                break
            oldest = nearer
        return (yield from self._look_everywhere(spare))

    def following(self, stretch: Stretch) -> Conversation[tuple[Stretch, int]]:
        """Return the rows behind a stretch that does not reach the newest one, and how many of them are handled.

        Some come once more, since all may be older by now, and with them the last one handled, where it ended there.
        """
        oldest = min(self._in_use - 1, stretch.newest - 1 + self._question.printed.identical + _CAPTURED_MEANWHILE)
        again = yield from self._stretch(oldest, max(0, stretch.newest - self._limit))
        return again, self._question.printed.align(again.rows) or 0

    def newest_ns(self) -> Conversation[int | None]:
        """Return the time of the newest row; None where it has none."""
        stretch = yield from self._stretch(0, 0)
        return stretch.rows[-1].clock_ns if stretch.rows else None

    def _first_wanted(self) -> Conversation[int]:
        question = self._question
        if question.printed.first_ns is not None:
            return question.printed.first_ns
        newest_ns = yield from self.newest_ns()
        if newest_ns is None:
            raise NotSelected("the newest row has no time")
        since_ns = newest_ns - question.request.backfill_ns
        if not is_far_ahead(newest_ns, question.now_ns):
            question.printed.first_ns = since_ns
        return since_ns

    def _age_of(self, since_ns: int) -> Conversation[int]:
        """Return the age of a row at ``since_ns`` or somewhat before, by halves: clocks mostly run on."""
        young, old = 0, self._in_use
        probes = self._probes(since_ns)
        while old - young > self._limit:
            age = next(probes, 0)
            if not young < age < old:
                age = (young + old) // 2
            stretch = yield from self._stretch(age, age)
            clock_ns = stretch.clock_ns(age)
            if clock_ns is not None and clock_ns < since_ns:
                old = age
            else:
                young = age
        return old - 1

    def _probes(self, since_ns: int) -> Iterator[int]:
        """Yield the ages around which the row should be."""
        newest_ns = since_ns + self._question.request.backfill_ns
        if self._period_ns:
            periods = (newest_ns - since_ns) // self._period_ns
            yield min(periods + 1, self._in_use - 1)
            yield periods - self._limit // 2

    def _guess(self) -> tuple[int, Literal["known", "at_most"]]:
        """Return the age that the last row handled has, or has at most where no clock was set."""
        printed, progress, now_ns = self._question.printed, self._question.progress, self._question.now_ns
        place = progress.place
        if place is not None and place.in_use is not None and self._in_use > place.in_use:
            return place.age + self._in_use - place.in_use, "known"
        since_ns, newer = printed.last.clock_ns if printed.last is not None else None, 0
        if place is not None:
            since_ns, newer = place.wall_ns, place.age
        periods = (now_ns - since_ns) // self._period_ns if self._period_ns and since_ns is not None else 0
        return newer + max(0, periods), "known" if place is not None and periods == 0 else "at_most"

    def _nearer(self, stretch: Stretch, oldest: int) -> int | None:
        """Return where to look by the clocks of rows among which it is not; None where that is no other place."""
        last = self._question.printed.last
        first = stretch.rows[0].clock_ns if stretch.rows else None
        if not self._period_ns or first is None or last is None or last.clock_ns is None:
            return None
        age = stretch.ages[0] - (last.clock_ns - first) // self._period_ns + self._question.printed.identical
        age = max(0, min(self._in_use - 1, age))
        return None if abs(age - oldest) <= _CAPTURED_MEANWHILE else age

    def _sure(self, stretch: Stretch, count: int, guess: int) -> Conversation[tuple[Stretch, int]]:
        """Return the stretch where the last row handled is; another one where it may be a row that is like it."""
        is_there = count == 0 or abs(stretch.ages[count - 1] - guess) < _CAPTURED_MEANWHILE
        if is_there or self._question.printed.confirms(stretch.rows, count):
            return stretch, count
        return (yield from self._look_everywhere(self._question.printed.identical + _CAPTURED_MEANWHILE - 1))

    def _look_everywhere(self, spare: int) -> Conversation[tuple[Stretch, int]]:
        """Look for the last row handled from the newest one backwards, then for those before it.

        One that is like it and not confirmed is looked at once more with more rows before it.
        """
        printed = self._question.printed
        before: int | None = None
        doubtful: tuple[Stretch, int] | None = None
        again: set[int] = set()
        newest, width = 0, max(_FIRST_STRETCH, 2 * spare)
        while newest < self._in_use:
            oldest = min(self._in_use - 1, newest + width - 1)
            stretch = yield from self._stretch(oldest, newest)
            count = printed.align(stretch.rows)
            if count is not None and printed.confirms(stretch.rows, count):
                return (yield from self._from(stretch, count))
            if before is None and (known := printed.latest(stretch.rows)) is not None:
                before = stretch.ages[known - 1]
            age = None if count is None else stretch.ages[count - 1]
            if count is not None and doubtful is None:
                doubtful = stretch, count
            if oldest == self._in_use - 1:
                break
            if age is not None and age not in again and len(again) < _MOST_GUESSES:
                again.add(age)
                newest = max(newest, age)
            else:
                newest = oldest + 1 - min(spare, width // 2)
            width = min(4 * width, max(self._limit, 2 * spare, _ENOUGH_ROWS))
        if doubtful is not None:
            return (yield from self._from(*doubtful))
        oldest = self._in_use - 1 if before is None else before
        stretch = yield from self._stretch(oldest, max(0, oldest - self._limit))
        return stretch, 0 if before is None else printed.latest(stretch.rows) or 0

    def _from(self, stretch: Stretch, count: int) -> Conversation[tuple[Stretch, int]]:
        """Return the rows behind the last one handled, which was found in ``stretch``."""
        if stretch.newest == 0:
            return stretch, count
        age = stretch.ages[count - 1]
        oldest = min(self._in_use - 1, age + self._question.printed.identical + _CAPTURED_MEANWHILE)
        again = yield from self._stretch(oldest, max(0, age - self._limit))
        found = self._question.printed.align(again.rows)
        return (stretch, count) if found is None else (again, found)

    def _stretch(self, oldest: int, newest: int) -> Conversation[Stretch]:
        """Return the rows of these ages; more before them where the first of them has no clock to count from."""
        question = self._question
        while True:
            first, last = self._in_use - oldest, self._in_use - newest
            if question.reading.sort_method == LIFO:
                first, last = newest + 1, oldest + 1
            buffer = yield from question.reader.entries(first, last)
            rows = as_list(buffer)
            if not 0 < len(rows) <= oldest - newest + 1:
                question.reader.refuse(BY_ENTRY)
                raise NotSelected(f"{len(rows)} rows for the entries {first} to {last}")
            wider = self._wider(rows, oldest, newest)
            if wider is None:
                break
            oldest, newest = wider
        question.reader.learn_clock(self._in_order(rows), question.reading.captures)
        found = question.interpret(buffer)
        if is_against_order(found.rows, capture_period=question.reading.capture_period):
            question.reader.refuse(BY_ENTRY)
            raise NotSelected("the clocks of its entries go backwards")
        is_lifo = question.reading.sort_method == LIFO
        ages = tuple(newest + place if is_lifo else newest + len(rows) - 1 - place for place in found.places)
        return Stretch(found, ages, newest)

    def _wider(self, rows: list[Value], oldest: int, newest: int) -> tuple[int, int] | None:
        """Return the ages to ask for where the time of the buffer's first row is counted from one that is not here.

        That is from an older one, in a lifo buffer from a newer one; a newest one without a clock has an older one's.
        """
        is_lifo = self._question.reading.sort_method == LIFO
        if not self._has_null_clock(rows[0]):
            return None
        if is_lifo and newest > 0:
            return oldest, max(0, newest - (oldest - newest + 1) - _FURTHER)
        if oldest == self._in_use - 1 or (is_lifo and not all(map(self._has_null_clock, rows))):
            return None
        return min(self._in_use - 1, _FURTHER * (oldest + 1)), newest

    def _has_null_clock(self, row: Value) -> bool:
        column = self._clock
        return column is not None and isinstance(row, list | tuple) and column < len(row) and is_null(row[column])

    def _in_order(self, rows: list[Value]) -> list[Value]:
        return rows[::-1] if self._question.reading.sort_method == LIFO else rows
