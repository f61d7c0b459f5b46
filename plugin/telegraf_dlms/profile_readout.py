"""One profile in one poll: a bounded number of its rows is read, printed, and only then noted as printed.

A profile that is far behind is read part by part: one in a due poll, where the throttle allows, the others when the
bus has nothing else to do (``catch_up``). The meter's ``behind`` are those that have more.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias, TypeVar

from telegraf_dlms.buffer_progress import USUAL_ROWS, expected_rows
from telegraf_dlms.meter import KeptRows
from telegraf_dlms.metrics import ProfilePoll
from telegraf_dlms.new_rows import Question, read_new_rows
from telegraf_dlms.obis import format_obis
from telegraf_dlms.profile_conversation import BufferReader
from telegraf_dlms.row_times import clock_column
from telegraf_dlms.rows import gap_seconds, is_far_ahead

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from telegraf_dlms.axdr import Value
    from telegraf_dlms.buffer_progress import Progress
    from telegraf_dlms.conversation import Association, Memory
    from telegraf_dlms.cosem import CaptureObject
    from telegraf_dlms.layout import Rows
    from telegraf_dlms.meter import Meter, MeterProfile, MeterValue
    from telegraf_dlms.metrics import Problem
    from telegraf_dlms.new_rows import Fresh
    from telegraf_dlms.printed import PrintedRows
    from telegraf_dlms.profile_conversation import BufferReading
    from telegraf_dlms.rows import Row
    from telegraf_dlms.talk import Conversation
    from telegraf_dlms.world import World

T = TypeVar("T")

#: Reading a part takes about so long: ticks of other groups wait for it.
PART_NS: Final = 1_000_000_000
#: Meters give up an association in which nothing is asked; few do so sooner (Green Book, 4.2.2, inactivity_time_out).
DOUBTFUL_NS: Final = 5_000_000_000
#: Octets of the digest that the state file knows a profile by.
_DIGEST_SIZE: Final = 16

#: Whether lines beyond the usual have to be asked for, or were granted before.
Pace: TypeAlias = Literal["due", "granted"]


class Run(Protocol):
    """Drives a conversation with the meter to its answer."""

    async def __call__(self, conversation: Conversation[T]) -> T:
        """Return the answer, or raise what ended it."""


@dataclass(frozen=True, slots=True)
class Part:
    """How reading a part of a profile went. ``gave``: there were rows, new or not; ``more``: there are further ones.

    Where it is not ``is_read`` the throttle did not allow it: it will be read later.
    """

    is_read: bool
    gave: bool = False
    more: bool = False
    lines: int = 0
    problems: Sequence[Problem] = ()


class ProfileReadout:
    """Reads and prints profiles of one device in one association.

    ``time_ns`` is when the poll began; ``line_time_ns`` is that of the ``dlms_profile`` line, later for a further part.
    """

    def __init__(
        self,
        meter: Meter,
        association: Association,
        memory: Memory,
        world: World,
        *,
        run: Run,
        pace: Pace,
        time_ns: int,
        line_time_ns: int,
    ) -> None:
        self._meter = meter
        self._association = association
        self._memory = memory
        self._world = world
        self._run = run
        self._pace = pace
        self._time_ns = time_ns
        self._line_time_ns = line_time_ns

    async def read(self, value: MeterValue, profile: MeterProfile) -> Part:
        """Read a part of a profile and print it. DataRefused where the meter refuses it."""
        plan = self._meter.plan
        reader = BufferReader(
            self._association, profile.request.logical_name, self._memory, clock=plan.presentation.clock
        )
        reading = await self._run(reader.facts(profile.series.needed_scalers))
        kept = self._kept(value, profile, reading.captures)
        width = max(1, len(reading.captures) - 1)
        claimed = self._claim(value, profile, kept, reading)
        if claimed is None:
            return Part(is_read=False)
        now_ns = self._world.wall_ns()

        def interpret(buffer: Value) -> Rows:
            return profile.layout(reading.captures, reading.scalers).rows(
                buffer,
                capture_period=reading.capture_period,
                sort_method=reading.sort_method,
                poll_time_ns=self._time_ns,
                known=kept.progress.cells,
            )

        question = Question(reader, reading, profile.request, kept.printed, kept.progress, interpret, now_ns)
        began_ns = self._world.mono_ns()
        try:
            fresh = await self._run(read_new_rows(question))
        except BaseException:
            self._give_back(claimed, printed=0)
            raise
        if fresh.found is not None:
            took_ns = self._world.mono_ns() - began_ns
            kept.progress.adapt(len(fresh.found.rows), took_ns=took_ns, wanted_ns=PART_NS)
        rows, more = _bounded(fresh, kept.progress)
        lines = await self._let_out(profile, kept, reading, rows, fresh, more=more)
        self._give_back(claimed, printed=lines)
        left = _rows_left(fresh, kept, reading, now_ns=now_ns) if more else 0
        self._note(value, fresh, left=left * width)
        return Part(
            is_read=True,
            gave=bool(rows) or (fresh.found is not None and bool(fresh.found.rows)),
            more=more,
            lines=lines,
            problems=fresh.found.problems if fresh.found is not None else (),
        )

    def _kept(self, value: MeterValue, profile: MeterProfile, captures: Sequence[CaptureObject]) -> KeptRows:
        """Return which rows were printed of this profile of this meter, with these columns."""
        name = profile.request.logical_name
        digest = profile_digest(self._meter, value, captures)
        kept = profile.kept
        if kept is None or kept.profile != digest:
            kept = profile.kept = KeptRows(digest, self._world.watermarks.load(digest))
        if kept.printed.clock_cell is not None:
            self._memory.clocks.setdefault(name, kept.printed.clock_cell)
        return kept

    def _claim(self, value: MeterValue, profile: MeterProfile, kept: KeptRows, reading: BufferReading) -> int | None:
        """Return how many lines were claimed for more rows than the usual ones; None where they are not allowed now."""
        throttle, period_ns = self._world.throttle, reading.capture_period * 1_000_000_000
        if throttle is None or self._pace == "granted":
            return 0
        rows = expected_rows(
            kept.printed, kept.progress, capture_period=reading.capture_period, now_ns=self._world.wall_ns()
        )
        if rows is not None and rows <= self._usual_rows(value, period_ns):
            return 0
        if rows is None:
            rows = profile.request.backfill_ns // period_ns if period_ns else kept.progress.rows_at_once
            rows = profile.request.entries or rows
        width = max(1, len(reading.captures) - 1)
        lines = width * min(kept.progress.rows_at_once, rows)
        if throttle.claim(lines, self._world.mono_ns()):
            return lines
        self._meter.behind[value] = width * rows
        return None

    def _usual_rows(self, value: MeterValue, period_ns: int) -> int:
        """Return how many rows a poll brings where none was missed."""
        interval_ns = next((group.interval_ns for group in self._meter.plan.groups if group.name == value.group), 0)
        return min(USUAL_ROWS, interval_ns // period_ns + 2) if period_ns else USUAL_ROWS

    def _give_back(self, claimed: int, *, printed: int) -> None:
        """Tell the throttle how many lines were printed of those that were claimed; usual ones are none of its."""
        if self._world.throttle is not None and claimed:
            self._world.throttle.give_back(claimed - printed)

    async def _let_out(
        self,
        profile: MeterProfile,
        kept: KeptRows,
        reading: BufferReading,
        rows: Sequence[Row],
        fresh: Fresh,
        *,
        more: bool,
    ) -> int:
        """Print rows at their times, then note them as printed; return how many lines they were."""
        printed, watermarks, now_ns = kept.printed, self._world.watermarks, self._world.wall_ns()
        printed.commit(fresh.passed, printed_ns=0)
        placed = printed.place(rows)
        lines = [line for row in placed for line in row.lines]
        told = ProfilePoll(
            rows=len(placed),
            gap_seconds=_gap_seconds(placed, printed, capture_period=reading.capture_period, now_ns=now_ns),
            backlog_seconds=_backlog_seconds(placed, fresh, kept, now_ns=now_ns) if more else 0,
            capture_period=reading.capture_period,
        )
        planned = placed if len(placed) > USUAL_ROWS else _of_one_time(placed)
        if planned:
            printed.plan(planned)
            watermarks.keep(kept.profile, printed, when="now")
        await write_out([*lines, profile.line(told, time_ns=self._line_time_ns)], self._world, self._association)
        printed.commit(placed, printed_ns=self._world.wall_ns(), keep_ns=watermarks.replay_ns)
        if not more:
            printed.settle()
        clock_cell = self._memory.clocks.get(profile.request.logical_name)
        if isinstance(clock_cell, bytes | int):
            printed.clock_cell = clock_cell
        if placed or fresh.passed:
            watermarks.keep(kept.profile, printed)
        return len(lines)

    def _note(self, value: MeterValue, fresh: Fresh, *, left: int) -> None:
        """Remember about how many lines there are to read, and say once what an operator may want to set."""
        self._meter.behind.pop(value, None)
        if left:
            self._meter.behind[value] = left
        found = fresh.found
        if found is None:
            return
        if found.misfits:
            self._memory.captures.pop(value.plan.logical_name, None)
        if found.nulls and not self._meter.plan.null_cells:
            text = 'null cells; if they repeat the cell above: workarounds.null_cells = "previous"'
            self._meter.troubles.once("nulls", f"{'/'.join(value.place)}: {text}")
        self._meter.remark_zone(self._memory.clocks.get(value.plan.logical_name))


async def write_out(lines: Iterable[str], world: World, association: Association | None) -> None:
    """Print lines; after a slow reader was waited for the meter may have given up the association."""
    began_ns = world.mono_ns()
    await world.output.write(lines)
    if association is not None and world.mono_ns() - began_ns > DOUBTFUL_NS:
        association.is_doubtful = True


def profile_digest(meter: Meter, value: MeterValue, captures: Sequence[CaptureObject]) -> bytes:
    """Return what the state file knows a profile by: the meter, the configured device and value, and the columns."""
    columns = [[each.class_id, format_obis(each.logical_name), each.attribute, each.data_index] for each in captures]
    words = [meter.identity, meter.plan.name, *value.place, format_obis(value.plan.logical_name), columns]
    return hashlib.sha256(json.dumps(words).encode()).digest()[:_DIGEST_SIZE]


def first_clock(captures: Sequence[CaptureObject], buffer: Value) -> bytes | None:
    """Return the clock of the first row of a buffer, where it is no number."""
    column = clock_column(captures)
    if column is None or not isinstance(buffer, list) or not buffer:
        return None
    row = buffer[0]
    cell = row[column] if isinstance(row, list | tuple) and column < len(row) else None
    return cell if isinstance(cell, bytes) else None


def _bounded(fresh: Fresh, progress: Progress) -> tuple[Sequence[Row], bool]:
    """Return as many rows as are printed at once, and whether there are more; the others wait."""
    most = 2 * progress.rows_at_once
    rows, rest = fresh.rows[:most], fresh.rows[most:]
    progress.pending, progress.more = list(rest), fresh.more
    return rows, bool(rest) or fresh.more


def _rows_left(fresh: Fresh, kept: KeptRows, reading: BufferReading, *, now_ns: int) -> int:
    """Return about how many rows there are to read, one at least."""
    if fresh.newest_ns is None or not reading.capture_period:
        return max(len(kept.progress.pending), kept.progress.rows_at_once)
    newest_ns = kept.printed.newest_ns(now_ns) or fresh.newest_ns
    return max(1, (fresh.newest_ns - newest_ns) // (reading.capture_period * 1_000_000_000))


def _of_one_time(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that share their clock with others: which is which is not seen any more once one is gone."""
    often = Counter(row.clock_ns for row in rows)
    clocks = {row.clock_ns for row in rows if row.time_ns != row.clock_ns or often[row.clock_ns] > 1}
    return [row for row in rows if row.clock_ns is not None and row.clock_ns in clocks]


def _gap_seconds(rows: Sequence[Row], printed: PrintedRows, *, capture_period: int, now_ns: int) -> int:
    """Return the seconds for which rows are missing since the newest that was printed.

    Late ones are no gap, and no row far ahead ends one.
    """
    newest_ns = printed.newest_ns(now_ns)
    newer = [
        row
        for row in rows
        if row.clock_ns is not None
        and not is_far_ahead(row.clock_ns, now_ns)
        and (newest_ns is None or row.clock_ns > newest_ns)
    ]
    return gap_seconds(newer, capture_period=capture_period, since_ns=newest_ns) if newer else 0


def _backlog_seconds(rows: Sequence[Row], fresh: Fresh, kept: KeptRows, *, now_ns: int) -> int:
    """Return how far the newest row that is known of is ahead of the newest that is printed now."""
    times = [fresh.newest_ns, *(row.clock_ns for row in kept.progress.pending[-1:])]
    known = max((time for time in times if time is not None), default=None)
    times = [kept.printed.newest_ns(now_ns), *(row.clock_ns for row in rows if not is_far_ahead(row.clock_ns, now_ns))]
    newest = max((time for time in times if time is not None), default=None)
    return 0 if known is None or newest is None else max(0, known - newest) // 1_000_000_000
