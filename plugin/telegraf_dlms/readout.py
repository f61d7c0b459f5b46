"""What one poll reads and prints: single values first, then profiles, each as soon as it was read.

A readout outlives a lost association: what was read stays read, and the next association goes on behind it.
"""

from __future__ import annotations

from itertools import starmap
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from telegraf_dlms.clock_reading import ClockReading
from telegraf_dlms.compact_conversation import read_compact
from telegraf_dlms.conversation import Reading, read_values, wanted
from telegraf_dlms.cosem import AttributeDescriptor
from telegraf_dlms.errors import DataRefused, LinkError, ProtocolError
from telegraf_dlms.identity import identify
from telegraf_dlms.lists import Answers
from telegraf_dlms.meter import MeterCompact
from telegraf_dlms.metrics import Problem
from telegraf_dlms.profile_readout import ProfileReadout, first_clock, write_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telegraf_dlms.conversation import Association, Memory, ReadRequest
    from telegraf_dlms.link import Link
    from telegraf_dlms.meter import Meter, MeterValue
    from telegraf_dlms.profile_conversation import BufferReading
    from telegraf_dlms.talk import Conversation
    from telegraf_dlms.world import World

T = TypeVar("T")
_BUFFER: Final = 2


class CatchingUp(Protocol):
    """What lets a readout go on with profiles that are behind."""

    @property
    def lines(self) -> int:
        """How many lines may be printed."""

    @property
    def is_wanted(self) -> bool:
        """Whether somebody else waits."""


class Readout:
    """The values of some groups of one device, in one poll."""

    def __init__(
        self, meter: Meter, groups: Sequence[str], world: World, *, time_ns: int, catching_up: CatchingUp | None = None
    ) -> None:
        self._meter = meter
        self._world = world
        self._time_ns = time_ns
        self._catching_up = catching_up
        #: How many lines of profiles' rows were printed.
        self.lines = 0
        values = [value for group in groups for value in meter.values[group]]
        self._singles = [value for value in values if value.plan.request is not None]
        self._profiles = [value for value in values if value.profile is not None]
        if catching_up is not None:
            self._profiles = list(meter.behind)
        self._profiles.sort(key=meter.stumbled.__contains__)
        self._readings: list[Reading] = []
        self._printed = 0
        self._parts: set[MeterValue] = set()
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
            value = self._profiles.pop(0)
            try:
                more = await self._read_profile(link, association, memory, value)
            except (LinkError, ProtocolError):
                # What costs the association is asked for behind the others, in this poll and in those that follow.
                self._profiles.append(value)
                self._meter.stumbled.add(value)
                raise
            self._meter.stumbled.discard(value)
            if more:
                self._profiles.append(value)
            elif self._catching_up is not None and not self._may_go_on():
                self._profiles.clear()
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
        await write_out([line for line in lines if line is not None], self._world, self._meter.association)

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

    async def _read_profile(self, link: Link, association: Association, memory: Memory, value: MeterValue) -> bool:
        """Read a profile, or a part of it; return whether to go on with it in this poll."""
        profile = value.profile
        more = False
        try:
            if isinstance(profile, MeterCompact):
                conversation = read_compact(
                    association, profile.request, memory, needed_scalers=profile.series.needed_scalers
                )
                await self._print_cells(value, profile, await self._run(link, association, conversation))
            elif profile is not None:
                part = await self._profile_readout(link, association, memory, value).read(value, profile)
                self.lines += part.lines
                if not part.is_read:
                    return False
                self._count(value, part.problems, gave=part.gave)
                more = part.more and self._may_go_on()
        except DataRefused as refusal:
            buffer = AttributeDescriptor(value.plan.class_id, value.plan.logical_name, _BUFFER)
            self._count(value, [Problem(buffer, refusal)], gave=False)
            self._meter.behind.pop(value, None)
        self._settle(value)
        return more

    def _profile_readout(
        self, link: Link, association: Association, memory: Memory, value: MeterValue
    ) -> ProfileReadout:
        async def run(conversation: Conversation[T]) -> T:
            return await self._run(link, association, conversation)

        is_first = value not in self._parts
        self._parts.add(value)
        return ProfileReadout(
            self._meter,
            association,
            memory,
            self._world,
            run=run,
            pace="due" if self._catching_up is None else "granted",
            time_ns=self._time_ns,
            line_time_ns=self._time_ns if is_first else self._world.wall_ns(),
        )

    def _may_go_on(self) -> bool:
        """Whether a further part of a profile is read now: in its own time, or all at once where nobody waits."""
        if self._catching_up is None:
            return self._world.throttle is None
        return self.lines < self._catching_up.lines and not self._catching_up.is_wanted

    async def _print_cells(self, value: MeterValue, compact: MeterCompact, reading: BufferReading) -> None:
        rows = compact.layout(reading.captures, reading.scalers).rows(
            reading.buffer, capture_period=0, sort_method=None, poll_time_ns=self._time_ns
        )
        await write_out([line for row in rows.rows for line in row.lines], self._world, self._meter.association)
        self._count(value, rows.problems, gave=bool(rows.rows))
        self._meter.remark_zone(first_clock(reading.captures, reading.buffer))

    async def _run(self, link: Link, association: Association, conversation: Conversation[T]) -> T:
        plan = self._meter.plan
        return await link.run(
            self._clock.watch(conversation, association),
            timeout_s=plan.timeout_ns / 1e9,
            pause_s=plan.pause_between_requests_ns / 1e9,
            progress=association.framing,
        )
