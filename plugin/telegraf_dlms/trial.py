"""One device tried step by step: what a poll does with it, told as it happens, and why it ends where it fails.

The opening is ``establish``, the values are read and printed by ``readout``, the link is that of a ``bus``: there is
one way to do each of them. What a poll would count is counted: invocation counters, lock-outs. Nothing is printed but
in the report, and where rows were printed up to is not touched.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, cast

from telegraf_dlms.attentive import attentive
from telegraf_dlms.bus import Bus
from telegraf_dlms.circumstances import LockedOut
from telegraf_dlms.cosem import AttributeDescriptor
from telegraf_dlms.errors import AssociationError, DataRefused, LinkError, TelegrafDlmsError
from telegraf_dlms.establish import establish
from telegraf_dlms.hints import diagnose
from telegraf_dlms.link import SerialSettings, TcpSettings
from telegraf_dlms.log import Changes
from telegraf_dlms.meter import Meter
from telegraf_dlms.obis import parse_obis
from telegraf_dlms.opening_steps import OpeningSteps, circumstances_of
from telegraf_dlms.plan import ConnectionPlan
from telegraf_dlms.poll import LinkDown, release
from telegraf_dlms.reach import addresses_of, place_of, resolve
from telegraf_dlms.readings import Problems, read_detail, refusal_detail, value_detail
from telegraf_dlms.readout import Readout
from telegraf_dlms.trace import Heard, Trace

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

    from telegraf_dlms.conversation import Association
    from telegraf_dlms.establish import Step as Opened
    from telegraf_dlms.link import Link
    from telegraf_dlms.log import LogLevel
    from telegraf_dlms.meter import MeterValue
    from telegraf_dlms.plan import MeterPlan
    from telegraf_dlms.reach import Resolve
    from telegraf_dlms.report import Stage
    from telegraf_dlms.steps import Failure, Plain
    from telegraf_dlms.world import World

#: What most meters have, and let nearly everybody read: the COSEM logical device name and the clock (Blue Book, 6.2).
USUAL: Final = (
    AttributeDescriptor(1, parse_obis("0.0.42.0.0.255"), 2),
    AttributeDescriptor(8, parse_obis("0.0.1.0.0.255"), 2),
)
#: The group, called as none is, of the value that is read now: one by one, so that each is told when it was read.
_ONE: Final = ""
#: How long the release of the association and the end of the connection may take.
END_S: Final = 2.0


@dataclass(slots=True)
class Outcome:
    """How a trial went: the first failure, how many values were read and refused, and whether it came to its end."""

    failure: Failure | None = None
    read: int = 0
    refused: int = 0
    end: Literal["reached", "missed"] = "missed"


async def try_device(
    plan: MeterPlan,
    stage: Stage,
    world: World,
    *,
    say: Callable[[str], None],
    groups: Sequence[str] = (),
    resolver: Resolve = resolve,
) -> Outcome:
    """Open the association of a device, read what most meters have and the values of ``groups``, and release it.

    ``say`` takes the lines of the trace. What fails is in the Outcome, and told.
    """
    trial = _Trial(plan, stage, world, say, resolver)
    try:
        await trial.make(groups)
    except TelegrafDlmsError as error:
        trial.fail(error)
    finally:
        await trial.end()
    return trial.outcome


class _Trial:
    def __init__(
        self, plan: MeterPlan, stage: Stage, world: World, say: Callable[[str], None], resolver: Resolve
    ) -> None:
        self._plan = plan
        self._stage = stage
        self._say = say
        self._resolver = resolver
        self._dialled = world.open_link
        self._trace: Trace | None = None
        self._lines = _Lines()
        self._unsaid = _Unsaid(world.log)
        self._world = replace(world, output=self._lines, changes=self._unsaid, open_link=self._open_link)
        self._meter = Meter(plan, self._unsaid, state=world.state)
        self._problems = Problems(plan.name, self._unsaid, note=self._note)
        self._meter.troubles = self._problems
        self._needed: frozenset[AttributeDescriptor] = frozenset()
        self._steps = OpeningSteps(plan)
        connection = ConnectionPlan(plan.connection, plan.link, persistent=True, meters=(plan,))
        self._bus = Bus(connection, [self._meter], self._world, aligned="start")
        self.outcome = Outcome()

    async def make(self, groups: Sequence[str]) -> None:
        """Go through all steps; raises where one fails."""
        self._look_at_lock_out()
        await self._resolve()
        link = await establish(self._meter, self._dial, self._world, tell=self._opened)
        if self._meter.association is None:
            raise LinkError("the association is gone")
        association = self._meter.association = attentive(self._meter.association, self._told)
        for descriptor in USUAL:
            await self._read_usual(link, association, descriptor)
        association.is_identified = True  # its name is one of the usual
        time_ns = self._world.wall_ns()
        for group in groups:
            values = self._meter.values[group]
            for value in sorted(values, key=lambda value: not value.plan.is_tag):
                await self._read(link, group, value, time_ns)
        await self._release(link)
        self.outcome.end = "reached"

    def fail(self, error: TelegrafDlmsError) -> None:
        """Tell why the step that was begun failed."""
        if isinstance(error, LinkDown) and isinstance(error.__cause__, TelegrafDlmsError):
            error = error.__cause__
        if isinstance(error, AssociationError) and error.authentication:
            self._meter.lock_out.begin(self._world.mono_ns(), wall_ns=self._world.wall_ns())
        failure = self._diagnose(error)
        detail = place_of(self._plan.link) if self._stage.current in {"connect", "open"} else {}
        self._stage.tell(detail | refusal_detail(error), failure=failure)
        self.outcome.failure = self.outcome.failure or failure

    async def end(self) -> None:
        """Close the link."""
        await self._bus.stop(deadline=asyncio.get_running_loop().time() + END_S)

    # The steps

    def _look_at_lock_out(self) -> None:
        if self._meter.blocked(self._world.mono_ns(), wall_ns=self._world.wall_ns()) is not None:
            self._stage.begin("lock_out")
            raise LockedOut(self._unsaid.last.removeprefix(f"{self._plan.name}: "))

    async def _resolve(self) -> None:
        link = self._plan.link
        if isinstance(link, TcpSettings):
            self._stage.begin("resolve")
            addresses = await addresses_of(link, timeout_s=self._timeout_s, resolver=self._resolver)
            self._stage.tell({"name": link.address, "addresses": addresses})

    async def _dial(self) -> Link:
        link = self._bus.live_link
        if link is None:
            self._stage.begin("open" if isinstance(self._plan.link, SerialSettings) else "connect")
            link = await self._bus.link(timeout_s=self._timeout_s)
            self._stage.tell(place_of(self._plan.link))
        self._stage.begin(self._steps.next)
        return link

    def _opened(self, step: Opened) -> None:
        if step.name != self._stage.current:
            self._stage.begin(step.name)
        self._stage.tell(cast("Mapping[str, Plain]", step.detail))
        self._steps.took(step.name)
        self._stage.begin(self._steps.next)

    async def _read_usual(self, link: Link, association: Association, descriptor: AttributeDescriptor) -> None:
        self._stage.begin("read")
        try:
            await link.run(
                association.ask(descriptor),
                timeout_s=self._timeout_s,
                pause_s=self._plan.pause_between_requests_ns / 1e9,
                progress=association.framing,
            )
        except DataRefused:
            return  # told, and no failure

    def _told(self, descriptor: AttributeDescriptor, answer: bytes | DataRefused) -> None:
        self._stage.begin("read")
        detail = read_detail(descriptor, answer, self._plan.presentation)
        failure = None
        if isinstance(answer, DataRefused) and descriptor in self._needed:
            failure = self._diagnose(answer)
        self._stage.tell(detail, failure=failure)

    async def _read(self, link: Link, group: str, value: MeterValue, time_ns: int) -> None:
        self._stage.begin("read")
        request = value.plan.request
        self._needed = frozenset(request.attributes if request is not None and request.named else ())
        self._meter.values[_ONE] = [value]
        self._lines.all.clear()
        self._problems.all.clear()
        readout = Readout(self._meter, [_ONE], self._world, time_ns=time_ns)
        await readout.read_rest(link)
        self._stage.begin("value")
        failure = None
        if self._problems.all:
            failure = replace(self._diagnose(self._problems.all[0][1]), cause=self._problems.text)
            self.outcome.refused += 1
            self.outcome.failure = self.outcome.failure or failure
        else:
            self.outcome.read += 1
        tag = self._meter.read_tags.get(value.plan.name)
        self._stage.tell(value_detail(value.plan, group, self._lines.all, tag=tag), failure=failure)

    async def _release(self, link: Link) -> None:
        self._stage.begin("release")
        heard = link.bytes_received
        await release(self._meter, self._bus)
        self._stage.tell({"answered": link.bytes_received > heard})

    def _note(self, text: str) -> None:
        self._stage.note(text)

    # What the bus and the hints ask for

    async def _open_link(self, settings: TcpSettings | SerialSettings, *, timeout_s: float) -> Link:
        link = await self._dialled(settings, timeout_s=timeout_s)
        link.trace = self._trace = Trace(self._say, reads="secret" if self._plan.reads_secrets else "open")
        return link

    def _diagnose(self, error: Exception) -> Failure:
        heard = Heard() if self._trace is None else self._trace.heard
        return diagnose(error, circumstances_of(self._plan, self._stage.current, heard=heard))

    @property
    def _timeout_s(self) -> float:
        return self._plan.timeout_ns / 1e9


class _Lines:
    """The way out of a world whose lines are reported."""

    def __init__(self) -> None:
        self.all: list[str] = []

    async def write(self, lines: Iterable[str]) -> None:
        """Take lines."""
        self.all.extend(lines)


class _Unsaid(Changes):
    """Says nothing in the log: the report does. ``last`` is what would have been said last."""

    last = ""

    def say(self, key: Hashable, level: LogLevel, text: str) -> None:
        """Keep it."""
        del key, level
        self.last = text

    def over(self, key: Hashable, text: str) -> None:
        """Keep it."""
        self.say(key, "info", text)
