"""Which rows of a profile are new, and what is asked of the meter to know it: a bounded number at once, oldest first.

Without ``entries`` everything is wanted that was captured since the last row handled. In the order of preference, each
where the one before is refused or does not fit:

1. by entry, in a buffer that is in capture order (``entry_walk``): the fewest octets, and no clock is believed;
2. by range of the clock, from OVERLAP_NS before the last row handled on. A clock that was set back further shows by
   nothing coming any more, or by rows that are missing: then the whole buffer is looked through, ever more seldom;
3. the whole buffer.

With ``entries`` the newest ones are looked at by entry, or in the whole buffer. The first time everything is wanted
that is not older than ``backfill`` before the newest row. Whatever the meter selects, rows are told by their content
here (``printed``): nothing that it selects is believed.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from telegraf_dlms.buffer_progress import LEAST_PATIENCE_NS, LONGEST_PATIENCE_NS, Place, expected_rows
from telegraf_dlms.entry_walk import EntryWalk
from telegraf_dlms.profile_conversation import BY_ENTRY, BY_RANGE, NotSelected, as_list
from telegraf_dlms.row_times import clock_column, is_null
from telegraf_dlms.rows import FIFO, LIFO, OVERLAP_NS, gap_seconds, is_against_order, is_far_ahead, plan_entries
from telegraf_dlms.rows import without_far_ahead as believed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from telegraf_dlms.axdr import Value
    from telegraf_dlms.buffer_progress import Progress
    from telegraf_dlms.layout import Rows
    from telegraf_dlms.printed import PrintedRows
    from telegraf_dlms.profile_conversation import BufferReader, BufferReading, BufferRequest
    from telegraf_dlms.rows import Row
    from telegraf_dlms.talk import Conversation


_SECOND: Final = 1_000_000_000
#: A range ends so far beyond the newest row that we know of, and beyond our own clock: a meter's may be far ahead.
_RANGE_END_NS: Final = 366 * 86_400 * _SECOND
#: How many times as many rows are asked for where the first ones have no clock to count from.
_FURTHER: Final = 8


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a meter: everything that a read needs. ``interpret`` makes rows of a buffer."""

    reader: BufferReader
    reading: BufferReading
    request: BufferRequest
    printed: PrintedRows
    progress: Progress
    interpret: Callable[[Value], Rows]
    now_ns: int


@dataclass(slots=True)
class Fresh:
    """New ``rows``, in capture order, those ``passed`` before them that are not wanted, and what they came from.

    ``more``: there may be further ones; the newest row that is known of is at ``newest_ns``.
    """

    rows: Sequence[Row] = ()
    passed: Sequence[Row] = ()
    more: bool = False
    newest_ns: int | None = None
    found: Rows | None = None


def read_new_rows(question: Question) -> Conversation[Fresh]:
    """Read rows that were not handled yet. DataRefused where the meter refuses the profile."""
    pending = question.progress.pending
    if pending:
        question.progress.pending = []
        return Fresh(pending, more=question.progress.more, newest_ns=pending[-1].clock_ns)
    if question.request.entries is not None:
        fresh = yield from _newest(question, question.request.entries)
    else:
        fresh = yield from _newer(question)
    question.reader.remember_refusals()
    fresh.rows = _from_the_poll_on(fresh)
    return fresh


def _from_the_poll_on(fresh: Fresh) -> Sequence[Row]:
    """Return the rows; the first new one without a clock is at the poll's time, since those before it had their own."""
    met = fresh.found.rows if fresh.found is not None else ()
    if not met or met[0].clock_ns is not None:
        return fresh.rows
    return [replace(row, time_ns=met[0].time_ns + place) for place, row in enumerate(fresh.rows)]


def _newer(question: Question) -> Conversation[Fresh]:
    reader, reading = question.reader, question.reading
    has_clock = clock_column(reading.captures) is not None
    question.printed.is_walked = False
    if (
        has_clock
        and reading.sort_method in {FIFO, LIFO}
        and reader.can(BY_ENTRY)
        and question.progress.answers_entries(question.now_ns)
    ):
        in_use = yield from reader.entries_in_use()
        if in_use == 0:
            return (yield from _whole(question))
        if in_use is not None:
            with suppress(NotSelected):
                return (yield from _by_entry(question, in_use))
    if has_clock and question.printed.last is not None and reader.can(BY_RANGE):
        with suppress(NotSelected):
            return (yield from _by_range(question))
    return (yield from _whole(question))


# By entry.


def _by_entry(question: Question, in_use: int) -> Conversation[Fresh]:
    progress = question.progress
    progress.is_asking = True
    try:
        fresh = yield from _walked(question, in_use)
    except NotSelected:
        progress.is_asking = False
        raise
    progress.is_asking, progress.unanswered = False, 0
    return fresh


def _walked(question: Question, in_use: int) -> Conversation[Fresh]:
    walk = EntryWalk(question, in_use)
    is_first = question.printed.last is None
    stretch, count = yield from walk.first() if is_first else walk.newer()
    rows, passed = stretch.rows[count:], stretch.rows[:count] if is_first else ()
    while not rows and not passed and stretch.newest > 0:
        stretch, count = yield from walk.following(stretch)
        rows = stretch.rows[count:]
    if stretch.newest == 0:
        question.progress.place = Place(question.now_ns, in_use)
        newest_ns = rows[-1].clock_ns if rows else None
    else:
        question.progress.place = Place(question.now_ns, in_use, stretch.ages[-1])
        newest_ns = yield from walk.newest_ns()
    question.printed.is_walked = True
    if question.printed.is_ranged:  # some of them were printed before others that come before them
        rows = question.printed.unprinted(rows, order="captured")
    return Fresh(rows, passed, stretch.newest > 0, newest_ns, stretch.found)


def _newest(question: Question, entries: int) -> Conversation[Fresh]:
    """Look at the newest rows."""
    buffer = yield from _newest_buffer(question, entries)
    _learn_clock(question, buffer)
    found = question.interpret(buffer)
    newest = believed(found.rows, now_ns=question.now_ns)
    wanted = found.rows[found.rows.index(newest[-entries:][0]) :] if newest else ()
    question.progress.place = Place(question.now_ns)
    fresh = Fresh(_unknown(question, wanted, extent="part"), found=found)
    question.printed.is_walked = question.reading.order == "captured" and question.reader.can(BY_ENTRY)
    return fresh


def _newest_buffer(question: Question, entries: int) -> Conversation[Value]:
    reader, sort_method = question.reader, question.reading.sort_method
    span = in_use = None
    if reader.can(BY_ENTRY):
        in_use = yield from reader.entries_in_use()
        span = plan_entries(entries, sort_method=sort_method, entries_in_use=in_use)
    while span is not None and in_use:
        try:
            buffer = yield from reader.entries(*span)
        except NotSelected:
            break
        if len(as_list(buffer)) >= in_use or not _is_in_the_dark(buffer, question.reading):
            return buffer
        entries *= _FURTHER
        if entries >= in_use:
            break
        span = plan_entries(entries, sort_method=sort_method, entries_in_use=in_use)
    return (yield from reader.whole())


# By range.


def _by_range(question: Question) -> Conversation[Fresh]:
    printed, progress, now_ns = question.printed, question.progress, question.now_ns
    last_ns = printed.resume_ns(now_ns)
    column = clock_column(question.reading.captures)
    if last_ns is None or column is None:
        raise NotSelected("no row has a time to begin at")
    start_ns = last_ns if progress.window_ns is None else max(last_ns, progress.window_ns)
    until_ns = _window_end(question, start_ns)
    end_ns = max(start_ns, now_ns) + _RANGE_END_NS if until_ns is None else until_ns
    capture = question.reading.captures[column]
    since_ns = start_ns - OVERLAP_NS
    buffer = yield from question.reader.range(capture, since_ns, end_ns)
    if _begins_in_the_dark(buffer, question.reading):
        raise NotSelected("the first row has no time")
    found = question.interpret(buffer)
    rows = _not_too_old(printed, printed.unprinted(found.rows, order=question.reading.order))
    printed.is_ranged |= bool(rows)
    if until_ns is not None:
        progress.window_ns = until_ns
        progress.windows = 1 if rows else 2 * progress.windows
        return Fresh(rows, (), more=True, newest_ns=now_ns, found=found)
    progress.window_ns, progress.windows = None, 1
    if not found.rows:
        fresh = yield from _whole(question)
        met = fresh.found.rows if fresh.found is not None else ()
        if any(row.clock_ns is not None and since_ns <= row.clock_ns <= end_ns for row in met):
            question.reader.refuse(BY_RANGE)  # it keeps back what it has
        return fresh
    if _may_hide(question, rows):
        return (yield from _whole(question))
    progress.place = Place(now_ns)
    return Fresh(rows, found=found)


def _window_end(question: Question, start_ns: int) -> int | None:
    """Return where a range is to end that holds no more rows than are read at once; None where that is not needed."""
    printed, progress, reading = question.printed, question.progress, question.reading
    expected = expected_rows(printed, progress, capture_period=reading.capture_period, now_ns=question.now_ns)
    if expected is None or expected <= progress.rows_at_once:
        return None
    end_ns = start_ns + progress.windows * progress.rows_at_once * reading.capture_period * _SECOND
    return end_ns if end_ns < question.now_ns else None


def _may_hide(question: Question, rows: Sequence[Row]) -> bool:
    """Return whether new rows may be there that no range shows: then the whole buffer is to be looked through."""
    printed, progress, now_ns = question.printed, question.progress, question.now_ns
    period = question.reading.capture_period
    is_due = now_ns >= progress.whole_ns
    if rows:
        progress.patience_ns = LEAST_PATIENCE_NS
    if rows or is_due:
        progress.be_patient(now_ns, capture_period=period)
    if rows:
        newest_ns = printed.newest_ns(now_ns)
        newer = [row for row in rows if row.clock_ns is not None and (newest_ns is None or row.clock_ns > newest_ns)]
        return gap_seconds(newer, capture_period=period, since_ns=newest_ns) > 0
    if is_due:
        progress.patience_ns = min(2 * progress.patience_ns, LONGEST_PATIENCE_NS)
    return is_due


# The whole buffer.


def _whole(question: Question) -> Conversation[Fresh]:
    printed = question.printed
    buffer = yield from question.reader.whole()
    _learn_clock(question, buffer)
    found = question.interpret(buffer)
    passed: Sequence[Row] = ()
    if printed.last is None:
        passed, rows = _first_wanted(question, found.rows)
    else:
        rows = _unknown(question, found.rows, extent="whole")
        printed.forget_unmet(found.rows)
    question.progress.place = Place(question.now_ns)
    question.progress.be_patient(question.now_ns, capture_period=question.reading.capture_period)
    return Fresh(rows, passed, found=found)


def _learn_clock(question: Question, buffer: Value) -> None:
    rows, reading = as_list(buffer), question.reading
    question.reader.learn_clock(rows[::-1] if reading.sort_method == LIFO else rows, reading.captures)


def _first_wanted(question: Question, rows: Sequence[Row]) -> tuple[Sequence[Row], Sequence[Row]]:
    """Return the rows that are not wanted and those that are: from ``backfill`` before the newest one on, or all."""
    printed, now_ns = question.printed, question.now_ns
    if printed.first_ns is None:
        times = [row.clock_ns for row in believed(rows, now_ns=now_ns) if row.clock_ns is not None]
        if not times:
            return (), rows
        since_ns = max(times) - question.request.backfill_ns
        if not is_far_ahead(max(times), now_ns):
            printed.first_ns = since_ns
    else:
        since_ns = printed.first_ns
    if question.reading.order == "other":
        return (), [row for row in rows if row.clock_ns is None or row.clock_ns >= since_ns]
    first = next(
        (index for index, row in enumerate(rows) if row.clock_ns is None or row.clock_ns >= since_ns), len(rows)
    )
    return rows[:first], rows[first:]


def _unknown(question: Question, rows: Sequence[Row], *, extent: str) -> Sequence[Row]:
    """Return those of ``rows`` that were not handled; they follow each other in the buffer, up to its newest one.

    What is read by range leaves out rows before the last one handled: there each is known by itself.
    """
    printed = question.printed
    is_stretch = (
        question.reading.order == "captured"
        and not printed.is_ranged
        and not is_against_order(rows, capture_period=question.reading.capture_period)
    )
    if is_stretch:
        count = printed.align(rows)
        if count is None and extent == "whole":
            count = printed.latest(rows) or 0
        if count is not None:
            return rows[count:]
    return _not_too_old(printed, printed.unprinted(rows, order=question.reading.order))


def _not_too_old(printed: PrintedRows, rows: Sequence[Row]) -> Sequence[Row]:
    """Return the rows that are not older than those that were wanted first: nobody knows when they were captured."""
    first_ns = printed.first_ns
    if first_ns is None:
        return rows
    return [row for row in rows if row.clock_ns is None or row.clock_ns >= first_ns]


def _begins_in_the_dark(buffer: Value, reading: BufferReading) -> bool:
    """Return whether the first row has a null for its clock: its time is counted from a row that is not here."""
    column, rows = clock_column(reading.captures), as_list(buffer)
    return column is not None and bool(rows) and _has_null(rows[0], column)


def _is_in_the_dark(buffer: Value, reading: BufferReading) -> bool:
    """Return whether the newest rows have no clock to count from; in a lifo buffer the first of them is its first."""
    if reading.sort_method != LIFO:
        return _begins_in_the_dark(buffer, reading)
    column, rows = clock_column(reading.captures), as_list(buffer)
    return column is not None and bool(rows) and all(_has_null(row, column) for row in rows)


def _has_null(row: Value, column: int) -> bool:
    return isinstance(row, list | tuple) and column < len(row) and is_null(row[column])
