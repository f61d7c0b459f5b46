"""What one poll reads and prints: single values first, then profiles, each as soon as it was read.

A readout outlives a lost association: what was read stays read, and the next association goes on behind it.
"""

from __future__ import annotations

from itertools import starmap
from typing import TYPE_CHECKING, Final, TypeVar

from telegraf_dlms.clock_reading import ClockReading
from telegraf_dlms.compact_conversation import read_compact
from telegraf_dlms.conversation import Reading, read_values, wanted
from telegraf_dlms.cosem import AttributeDescriptor
from telegraf_dlms.errors import DataRefused, LinkError, ProtocolError
from telegraf_dlms.identity import identify
from telegraf_dlms.lists import Answers
from telegraf_dlms.meter import MeterCompact
from telegraf_dlms.metrics import Problem, ProfilePoll
from telegraf_dlms.profile_conversation import read_buffer
from telegraf_dlms.row_times import clock_column
from telegraf_dlms.rows import gap_seconds, is_far_ahead, without_far_ahead

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telegraf_dlms.conversation import Association, Memory, ReadRequest
    from telegraf_dlms.layout import Rows
    from telegraf_dlms.link import Link
    from telegraf_dlms.meter import Meter, MeterProfile, MeterValue
    from telegraf_dlms.profile_conversation import BufferReading, BufferRequest
    from telegraf_dlms.rows import PrintedRows, Row
    from telegraf_dlms.talk import Conversation
    from telegraf_dlms.world import World

T = TypeVar("T")
_BUFFER: Final = 2


class Readout:
    """The values of some groups of one device, in one poll."""

    def __init__(self, meter: Meter, groups: Sequence[str], world: World, *, time_ns: int) -> None:
        self._meter = meter
        self._world = world
        self._time_ns = time_ns
        values = [value for group in groups for value in meter.values[group]]
        self._singles = [value for value in values if value.plan.request is not None]
        self._profiles = [value for value in values if value.profile is not None]
        self._readings: list[Reading] = []
        self._printed = 0
        self._gave: dict[MeterValue, bool] = {}
        self._refused: dict[MeterValue, set[AttributeDescriptor]] = {}
        self._clock = ClockReading(self._singles, now_ns=world.wall_ns)

    @property
    def refused(self) -> int:
        """How many values gave nothing because something of them was refused."""
        return sum(not self._gave[value] for value in self._refused)

    @property
    def is_partial(self) -> bool:
        """Whether anything at all of a value was refused, or could not be printed."""
        return bool(self._refused)

    @property
    def read(self) -> int:
        """How many values were read, the empty ones among them."""
        return len(self._gave) - self.refused

    @property
    def clock_drift_s(self) -> float | None:
        """The meter's clock minus ours in seconds, None where no value read it."""
        return self._clock.drift_s

    async def read_rest(self, link: Link) -> None:
        """Read and print what was not read yet; raises what ends the association."""
        association = self._meter.association
        if association is None:
            raise LinkError("the association is gone")
        memory = self._meter.recall(self._world.mono_ns())
        requests = [value.plan.request for value in self._singles if value.plan.request is not None]
        answers = None
        if not association.is_identified:
            answers = await self._identify(link, association, memory, requests)
        if len(self._readings) < len(requests):
            reading = read_values(association, requests, memory, into=self._readings, answers=answers)
            await self._run(link, association, reading)
        await self.print_singles()
        while self._profiles:
            await self._read_profile(link, association, memory, self._profiles[0])
            del self._profiles[0]
        self._meter.identification.read_on(self._world.mono_ns())

    async def _identify(
        self, link: Link, association: Association, memory: Memory, requests: Sequence[ReadRequest]
    ) -> Answers | None:
        """Ask the meter which one it is; return what came along with that, None where it is of no use."""
        meter = self._meter
        objects = meter.identity_objects() if meter.identification.begin(self._world.mono_ns()) else []
        if not objects:
            association.is_identified = True
            return None
        # Who is not known yet may have the second one alone.
        ahead = objects if not meter.identity else objects[:1]
        answers = Answers(association, association.lists, [*ahead, *wanted(requests[len(self._readings) :], memory)])
        is_asked_alone = answers.asks_alone(objects[0]) and not association.is_doubtful
        try:
            identity = await self._run(link, association, identify(answers, objects, memory, meter.plan.presentation))
        except (LinkError, ProtocolError):
            if is_asked_alone:
                meter.identification.unanswered()
            else:
                meter.lists.leave_out(objects[0])  # lest lists are blamed for it once more
            raise
        association.is_identified = identity is not None
        if identity is None or not meter.identify(identity):
            return answers
        association.lists = meter.lists
        del self._readings[self._printed :]  # they are of the other one
        return None

    async def print_singles(self) -> None:
        """Print the single values that were read and not printed yet."""
        first, self._printed = self._printed, len(self._readings)
        if first == self._printed:
            return
        fresh = list(zip(self._singles[first:], self._readings[first:], strict=False))
        self._take_tags(fresh)
        self._clock.take(fresh, self._meter)
        lines = [self._line(value, reading) for value, reading in fresh if not value.plan.is_tag]
        await self._world.output.write([line for line in lines if line is not None])

    def _take_tags(self, fresh: Sequence[tuple[MeterValue, Reading]]) -> None:
        tags = dict(self._meter.read_tags)
        for value, reading in fresh:
            if value.plan.is_tag:
                text, problems = value.series.tag_text(reading.values, scaler_unit=reading.scaler_unit)
                self._note(value, reading, problems, gave=bool(text))
                if text:
                    tags[value.plan.name] = text
        self._meter.set_read_tags(tags)

    def _line(self, value: MeterValue, reading: Reading) -> str | None:
        body, problems = value.series.body(reading.values, scaler_unit=reading.scaler_unit)
        self._note(value, reading, problems, gave=body is not None)
        return None if body is None else f"{body} {self._time_of(value, reading)}"

    def _time_of(self, value: MeterValue, reading: Reading) -> int:
        """Return the poll's time, or the object's own where that is wanted and there is one."""
        request = value.plan.request
        if request is None or request.time is None:
            return self._time_ns
        time_ns = value.series.meter_time_ns(reading.time)
        if time_ns is not None:
            self._meter.remark_zone(reading.time)
            return time_ns
        place = "/".join(value.place)
        self._meter.troubles.once(
            f"time {place}", f"{place}: the object has no time of its own now: the poll's is printed"
        )
        return self._time_ns

    def _note(self, value: MeterValue, reading: Reading, problems: Sequence[Problem], *, gave: bool) -> None:
        """Count a single value, and say what was refused of it."""
        wrong = [*problems, *starmap(Problem, reading.refusals)]
        request = value.plan.request
        if problems and reading.scaler_refusal is not None and request is not None and request.scaler_unit is not None:
            wrong.append(Problem(request.scaler_unit, reading.scaler_refusal))
        self._count(value, wrong, gave=gave)
        if value.plan.buffer is None:
            self._settle(value)

    def _count(self, value: MeterValue, problems: Sequence[Problem], *, gave: bool) -> None:
        self._gave[value] = gave or self._gave.get(value, False)
        for problem in problems:
            self._refused.setdefault(value, set()).add(problem.attribute)
            self._meter.troubles.refused(value.place, problem.attribute, problem.error, times=problem.times)

    def _settle(self, value: MeterValue) -> None:
        """Say what of a value is refused no more, once all of it was read."""
        places = self._meter.troubles.places
        if places and value.place in places:
            self._meter.troubles.accepted(value.place, self._refused.get(value, set()))

    async def _read_profile(self, link: Link, association: Association, memory: Memory, value: MeterValue) -> None:
        profile = value.profile
        if profile is None:
            return
        try:
            if isinstance(profile, MeterCompact):
                conversation = read_compact(
                    association, profile.request, memory, needed_scalers=profile.series.needed_scalers
                )
                await self._print_cells(value, profile, await self._run(link, association, conversation))
            else:
                conversation = self._buffer(association, profile, memory)
                await self._print_rows(value, profile, await self._run(link, association, conversation), memory)
        except DataRefused as refusal:
            buffer = AttributeDescriptor(value.plan.class_id, value.plan.logical_name, _BUFFER)
            self._count(value, [Problem(buffer, refusal)], gave=False)
        self._settle(value)

    def _buffer(self, association: Association, profile: MeterProfile, memory: Memory) -> Conversation[BufferReading]:
        now_ns = self._world.wall_ns()
        return read_buffer(
            association,
            profile.request,
            memory,
            clock=self._meter.plan.presentation.clock,
            now_ns=now_ns,
            since_ns=profile.printed.resume_ns(now_ns=now_ns),
            needed_scalers=profile.series.needed_scalers,
        )

    async def _print_cells(self, value: MeterValue, compact: MeterCompact, reading: BufferReading) -> None:
        rows = compact.layout(reading.captures, reading.scalers).rows(
            reading.buffer, capture_period=0, sort_method=None, poll_time_ns=self._time_ns
        )
        await self._world.output.write([line for row in rows.rows for line in row.lines])
        self._count(value, rows.problems, gave=bool(rows.rows))
        self._remark_zone(reading)

    async def _print_rows(
        self, value: MeterValue, profile: MeterProfile, reading: BufferReading, memory: Memory
    ) -> None:
        rows = profile.layout(reading.captures, reading.scalers).rows(
            reading.buffer,
            capture_period=reading.capture_period,
            sort_method=reading.sort_method,
            poll_time_ns=self._time_ns,
        )
        now_ns = self._world.wall_ns()
        if rows.misfits:
            memory.captures.pop(value.plan.logical_name, None)
        printed = profile.printed
        wanted = _wanted(rows.rows, profile.request, reading, printed, now_ns=now_ns)
        fresh = printed.filter(wanted)
        lines = [line for row in fresh for line in row.lines]
        told = ProfilePoll(
            rows=len(fresh),
            gap_seconds=_gap_seconds(fresh, reading, printed, now_ns=now_ns),
            backlog_seconds=0,
            capture_period=reading.capture_period,
        )
        lines.append(profile.line(told, time_ns=self._time_ns))
        await self._world.output.write(lines)
        printed.commit(fresh, read=wanted)
        self._count(value, rows.problems, gave=bool(wanted))
        self._remark(value, reading, rows)

    def _remark(self, value: MeterValue, reading: BufferReading, rows: Rows) -> None:
        """Say once what an operator may want to set."""
        plan, troubles = self._meter.plan, self._meter.troubles
        if rows.nulls and not plan.null_cells:
            text = 'null cells; if they repeat the cell above: workarounds.null_cells = "previous"'
            troubles.once("nulls", f"{'/'.join(value.place)}: {text}")
        self._remark_zone(reading)

    def _remark_zone(self, reading: BufferReading) -> None:
        self._meter.remark_zone(_first_clock(reading))

    async def _run(self, link: Link, association: Association, conversation: Conversation[T]) -> T:
        plan = self._meter.plan
        return await link.run(
            self._clock.watch(conversation, association),
            timeout_s=plan.timeout_ns / 1e9,
            pause_s=plan.pause_between_requests_ns / 1e9,
            progress=association.framing,
        )


def _wanted(
    rows: Sequence[Row], request: BufferRequest, reading: BufferReading, printed: PrintedRows, *, now_ns: int
) -> Sequence[Row]:
    """Return the rows that were asked for, whatever the meter sent besides."""
    newest = without_far_ahead(rows, now_ns=now_ns)
    if request.entries is not None:
        return rows[rows.index(newest[-request.entries :][0]) :] if newest else ()
    since_ns = reading.since_ns
    if since_ns is None:
        newest_ns = max((row.clock_ns for row in newest if row.clock_ns is not None), default=None)
        if newest_ns is None:
            return rows
        since_ns = newest_ns - request.backfill_ns
    since_ns = printed.wanted_since(since_ns, now_ns=now_ns)
    return [row for row in rows if row.clock_ns is None or row.clock_ns >= since_ns]


def _gap_seconds(fresh: Sequence[Row], reading: BufferReading, printed: PrintedRows, *, now_ns: int) -> int:
    """Return the seconds for which rows are missing since the newest that was printed.

    Late ones are no gap, and no row far ahead ends one.
    """
    newest_ns = printed.newest_ns(now_ns)
    newer = [
        row
        for row in fresh
        if row.clock_ns is not None
        and not is_far_ahead(row.clock_ns, now_ns)
        and (newest_ns is None or row.clock_ns > newest_ns)
    ]
    return gap_seconds(newer, capture_period=reading.capture_period, since_ns=newest_ns) if newer else 0


def _first_clock(reading: BufferReading) -> bytes | None:
    rows = reading.buffer
    column = clock_column(reading.captures)
    if column is None or not isinstance(rows, list) or not rows:
        return None
    row = rows[0]
    cell = row[column] if isinstance(row, list | tuple) and column < len(row) else None
    return cell if isinstance(cell, bytes) else None
