"""One connection: who is due, whose turn it is, and the link that the devices share.

One task owns the link. Devices take turns in the order in which they became due; what becomes due of a device while it
waits is read in the same visit. A tick of a group that still waits or is being read is skipped and counted, never
queued. What is said to a meter is not known here: that is ``poll``.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from telegraf_dlms.catch_up import CatchUp
from telegraf_dlms.errors import LinkError
from telegraf_dlms.link import TcpSettings
from telegraf_dlms.meter import BackOff, Meter
from telegraf_dlms.metrics import PollResult
from telegraf_dlms.output import OutputClosed
from telegraf_dlms.poll import LinkDown, poll, release
from telegraf_dlms.schedule import NEVER, Ticker, spread
from telegraf_dlms.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from telegraf_dlms.gathering import Gathering
    from telegraf_dlms.link import Link
    from telegraf_dlms.plan import ConnectionPlan, GroupPlan
    from telegraf_dlms.schedule import Tick
    from telegraf_dlms.world import World

#: While a bus stops, the exchange in flight may go on for so long before it is cut off.
GRACE_S: Final = 1.5
#: All releases of a bus together; a DISC takes 30 ms at 9600 baud.
RELEASES_S: Final = 1.0
#: A visit that was cut off prints what it read, and is cut off again where nobody takes that within this.
CUT_S: Final = 0.05
#: What a stop keeps back of its time for the releases, and for the way out.
RESERVE_S: Final = 0.2


#: The names of a device and a group.
Place: TypeAlias = tuple[str, str]


@dataclass(slots=True)
class _Turn:
    """What is to be read at the next visit to a device, and who waits for it."""

    groups: list[str] = field(default_factory=list)
    gatherings: list[Gathering] = field(default_factory=list)


@dataclass(slots=True)
class _Clockwork:
    """The ticks of one group of one device; what is due at once has the order of the configuration."""

    order: int
    meter: Meter
    group: str
    interval_ns: int
    ticker: Ticker

    def __lt__(self, other: _Clockwork) -> bool:
        return (self.ticker.next_mono_ns, self.order) < (other.ticker.next_mono_ns, other.order)

    def missed(self, tick: Tick, *, taken: Literal["taken", "missed"]) -> list[int]:
        """Return the times of the ticks that nobody took, before ``tick`` or with it."""
        first = 1 if taken == "taken" else 0
        return [tick.due_wall_ns - count * self.interval_ns for count in range(first, tick.skipped + 1)]


class Bus:
    """The one owner of a connection's link; ``run`` is its task."""

    def __init__(
        self, plan: ConnectionPlan, meters: Iterable[Meter], world: World, *, aligned: Literal["utc", "start"]
    ) -> None:
        self.plan = plan
        self.meters = tuple(meters)
        self._world = world
        self._link: Link | None = None
        self._closing: Link | None = None
        self._gone_sent = self._gone_received = 0
        self._back_off = BackOff()
        pairs = [(meter, group) for meter in self.meters for group in meter.plan.groups]
        self._clockworks = [
            _Clockwork(order, meter, group.name, group.interval_ns, _ticker(meter, group, aligned))
            for order, (meter, group) in enumerate(pairs)
        ]
        self._turns: dict[Meter, _Turn] = {}
        self._catch_up = CatchUp(self.meters, world)
        self._waker: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_stopping = False

    # What a poll asks of its carrier

    @property
    def bytes_sent(self) -> int:
        """Octets sent over all links so far."""
        return self._gone_sent + (self._link.bytes_sent if self._link is not None else 0)

    @property
    def bytes_received(self) -> int:
        """Octets received over all links so far."""
        return self._gone_received + (self._link.bytes_received if self._link is not None else 0)

    @property
    def is_stopping(self) -> bool:
        """Whether no further exchange is to be begun."""
        return self._is_stopping

    @property
    def is_wanted(self) -> bool:
        """Whether a device waits for its turn, or a stop does."""
        is_due = bool(self._clockworks) and self._clockworks[0].ticker.next_mono_ns <= self._world.mono_ns()
        return is_due or bool(self._turns) or self._is_stopping

    @property
    def is_persistent(self) -> bool:
        """Whether associations are kept open."""
        return self.plan.persistent

    @property
    def live_link(self) -> Link | None:
        """The link where it is open."""
        return self._link if self._link is not None and self._link.alive else None

    @property
    def unread(self) -> set[Place]:
        """What is due, or was being read when it was cut off."""
        waiting = {(meter.plan.name, group) for meter, turn in self._turns.items() for group in turn.groups}
        due = (each for each in self._clockworks if each.ticker.next_mono_ns <= self._world.mono_ns())
        return waiting | {(clockwork.meter.plan.name, clockwork.group) for clockwork in due}

    async def link(self, *, timeout_s: float) -> Link:
        """Return the open link, opened now where it is not; LinkDown where that fails."""
        if (live := self.live_link) is not None:
            self._trace(live)
            return live
        self._close_link()
        await self._until_closed()
        name, now_ns = self.plan.name, self._world.mono_ns
        is_tcp = isinstance(self.plan.link, TcpSettings)
        async with self._world.turnstile.passing() if is_tcp else contextlib.nullcontext():
            began_ns = now_ns()
            try:
                self._link = await self._world.open_link(self.plan.link, timeout_s=timeout_s)
            except LinkError as error:
                self._back_off.failed(now_ns(), cost_ns=now_ns() - began_ns)
                self._world.changes.say(("connection", name), "warn", f"{name}: {error}")
                raise LinkDown(f"{name}: {error}") from error
        self._back_off.succeeded()
        self._world.changes.over(("connection", name), f"{name}: is open again")
        self._trace(self._link)
        return self._link

    def distrust(self) -> None:
        """Give up a TCP connection, on which late octets would come; a serial port stays open while it works."""
        if self._link is not None and (isinstance(self.plan.link, TcpSettings) or not self._link.alive):
            self._close_link()

    # Its life

    def start(self, *, ticking: bool, going_on: Container[Place] = ()) -> asyncio.Task[None]:
        """Begin the schedules, or make gatherings alone; the task ends by ``stop``, or with OutputClosed.

        ``going_on`` are devices and groups that were read before: they wait for their next tick.
        """
        wall_ns, mono_ns = self._world.wall_ns(), self._world.mono_ns()
        for clockwork in self._clockworks if ticking else ():
            place = (clockwork.meter.plan.name, clockwork.group)
            clockwork.ticker.start(wall_ns, mono_ns, first="next_tick" if place in going_on else "at_once")
        heapq.heapify(self._clockworks)
        self._task = asyncio.create_task(self._run(), name=f"connection {self.plan.name}")
        return self._task

    def align(self) -> None:
        """Move the ticks to the wall clock again, which was set."""
        wall_ns, mono_ns = self._world.wall_ns(), self._world.mono_ns()
        for clockwork in self._clockworks:
            clockwork.ticker.align(wall_ns, mono_ns)
        heapq.heapify(self._clockworks)
        self._wake()

    def gather(self, gathering: Gathering, *, only: Literal["on_request", "all"]) -> None:
        """Read groups at their device's next turn: those with interval 0, or all. A bus that ended takes none."""
        if self._task is None or self._task.done():
            return
        for meter in self.meters:
            groups = [group.name for group in meter.plan.groups if only == "all" or not group.interval_ns]
            if groups:
                self._give_turn(meter, groups).gatherings.append(gathering)
                gathering.expect()
        self._wake()

    async def stop(self, *, deadline: float) -> None:
        """Finish or cut off the visit in progress, release the associations, close the link; by a time of the loop."""
        now = asyncio.get_running_loop().time
        self._is_stopping = True
        self._catch_up.leave()
        for meter in self.meters:
            if meter.association is not None:
                meter.association.is_ending = True
        self._wake()
        await self._end(grace_s=min(GRACE_S, max(0.0, deadline - 2 * RESERVE_S - now())))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(min(deadline - RESERVE_S, now() + RELEASES_S)):
                for meter in self.meters:
                    await release(meter, self)
                self._close_link()
                await self._until_closed()
        self._close_link()

    async def _end(self, *, grace_s: float) -> None:
        if self._task is None:
            return
        await asyncio.wait([self._task], timeout=grace_s)
        while not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task], timeout=CUT_S)

    async def _run(self) -> None:
        while not self._is_stopping:
            await self._take_ticks()
            meter = next(iter(self._turns), None)
            if meter is not None:
                await self._visit(meter)
                continue
            if await self._go_on():
                continue
            if not self.is_persistent and isinstance(self.plan.link, TcpSettings):
                self._close_link()
            await self._sleep()

    # Turns

    async def _take_ticks(self) -> None:
        """Give a turn to each group that is due; skip the ticks of those that wait for theirs already."""
        wall_ns, mono_ns = self._world.wall_ns(), self._world.mono_ns()
        heap = self._clockworks
        missed: dict[Meter, set[int]] = {}
        due: dict[Meter, None] = {}
        while heap and heap[0].ticker.next_mono_ns <= mono_ns:
            first = heap[0]
            due[first.meter] = None
            self._take_tick(first, first.ticker.take(wall_ns, mono_ns), missed)
            heapq.heapreplace(heap, first)
        for clockwork in heap if due and len(heap) > len(self.meters) else ():
            if clockwork.meter in due:
                self._take_tick(clockwork, clockwork.ticker.take(wall_ns, mono_ns, jitter="waived"), missed)
        heapq.heapify(heap)
        await self._tell_missed(missed)

    def _take_tick(self, clockwork: _Clockwork, tick: Tick | None, missed: dict[Meter, set[int]]) -> None:
        if tick is None:
            return
        turn = self._turns.get(clockwork.meter)
        waits = turn is not None and clockwork.group in turn.groups
        times = clockwork.missed(tick, taken="missed" if waits else "taken")
        if times:
            missed.setdefault(clockwork.meter, set()).update(times)
        self._give_turn(clockwork.meter, [clockwork.group])

    def _give_turn(self, meter: Meter, groups: Iterable[str]) -> _Turn:
        turn = self._turns.setdefault(meter, _Turn())
        turn.groups += [group for group in groups if group not in turn.groups]
        return turn

    async def _visit(self, meter: Meter) -> None:
        turn = self._turns.pop(meter)
        groups = [group.name for group in meter.plan.groups if group.name in turn.groups]
        result = None
        try:
            result = await self._poll(meter, groups)
        finally:
            if self._is_stopping and result is not PollResult.OK:
                self._give_turn(meter, groups)  # for the bus that goes on
        for gathering in turn.gatherings:
            gathering.report(result)
        await self._skip_passed(meter, groups)

    async def _poll(self, meter: Meter, groups: Sequence[str]) -> PollResult:
        began_ns, now_ns = self._world.wall_ns(), self._world.mono_ns()
        try:
            if self._back_off.until_ns > now_ns and meter.blocked(now_ns, wall_ns=began_ns) is None:
                await self._tell(meter, PollResult.BACKING_OFF, time_ns=began_ns)
                return PollResult.BACKING_OFF
            return await poll(meter, groups, self, self._world)
        except OutputClosed:
            raise
        except Exception as error:  # noqa: BLE001  the last resort: a bug of ours must not end the other connections
            self._caught(meter, error, now_ns)
            await self._tell(meter, PollResult.PROTOCOL, time_ns=began_ns)
            return PollResult.PROTOCOL

    def _caught(self, meter: Meter, error: Exception, began_ns: int) -> None:
        self._world.log.caught(f"{meter.plan.name}: a bug in telegraf-dlms", error)
        meter.drop_framing()
        self.distrust()
        meter.totals.errors += 1
        meter.back_off.failed(self._world.mono_ns(), cost_ns=self._world.mono_ns() - began_ns)

    async def _go_on(self) -> bool:
        """Work off some of what profiles have behind; return whether there was any that is due."""
        began_ns = self._world.mono_ns()
        try:
            return await self._catch_up.work(self, not_before_ns=self._back_off.until_ns)
        except OutputClosed:
            raise
        except Exception as error:  # noqa: BLE001  the last resort, as above
            for meter in self.meters:
                if meter.behind:
                    self._caught(meter, error, began_ns)
                    meter.behind.clear()
            return False

    async def _skip_passed(self, meter: Meter, groups: Sequence[str]) -> None:
        """Take the ticks that came while the groups were being read, and throw them away."""
        wall_ns, mono_ns = self._world.wall_ns(), self._world.mono_ns()
        missed: dict[Meter, set[int]] = {}
        for clockwork in self._clockworks:
            if clockwork.meter is meter and clockwork.group in groups:
                tick = clockwork.ticker.take(wall_ns, mono_ns)
                if tick is not None:
                    missed.setdefault(meter, set()).update(clockwork.missed(tick, taken="missed"))
        heapq.heapify(self._clockworks)
        await self._tell_missed(missed)

    async def _tell_missed(self, missed: dict[Meter, set[int]]) -> None:
        for meter, times in missed.items():
            for time_ns in sorted(times):
                await self._tell(meter, PollResult.SKIPPED, time_ns=time_ns)

    async def _tell(self, meter: Meter, result: PollResult, *, time_ns: int) -> None:
        """Print the line of a poll that was not made, or not ended."""
        await self._world.output.write([meter.device_line(meter.not_polled(result), time_ns=time_ns)])

    # The link, waiting, and its end

    def _trace(self, link: Link) -> None:
        """Trace a link where the log wants it, also one that was open before it did."""
        name, log = self.plan.name, self._world.log
        if link.trace is None and log.is_enabled("trace"):
            reads: Literal["secret", "open"] = "secret" if any(m.plan.reads_secrets for m in self.meters) else "open"
            link.trace = Trace(lambda line: log.trace(f"{name}: {line}"), reads=reads)

    async def _sleep(self) -> None:
        """Sleep until the next tick, or until ``_wake``."""
        if self._is_stopping:
            return
        loop = asyncio.get_running_loop()
        self._waker = loop.create_future()
        handle = None
        due_ns = min((clockwork.ticker.next_mono_ns for clockwork in self._clockworks[:1]), default=NEVER)
        due_ns = min(due_ns, self._catch_up.due_ns)
        if due_ns < NEVER:
            delay_s = (due_ns - self._world.mono_ns()) / 1e9
            handle = loop.call_later(max(0.0, delay_s), self._wake)
        try:
            await self._waker
        finally:
            self._waker = None
            if handle is not None:
                handle.cancel()

    def _wake(self) -> None:
        if self._waker is not None and not self._waker.done():
            self._waker.set_result(None)

    def _close_link(self) -> None:
        """Close the link, and with it every association on it."""
        link = self._link
        if link is None:
            return
        self._gone_sent += link.bytes_sent
        self._gone_received += link.bytes_received
        self._link, self._closing = None, link
        link.close()
        for meter in self.meters:
            meter.drop_framing()

    async def _until_closed(self) -> None:
        """Wait until the last link has let go of its port, which is opened exclusively."""
        if self._closing is not None:
            await self._closing.wait_closed()
            self._closing = None


def _ticker(meter: Meter, group: GroupPlan, aligned: Literal["utc", "start"]) -> Ticker:
    return Ticker(
        group.interval_ns,
        offset_ns=group.offset_ns + spread(meter.plan.name, group.spread_ns),
        jitter_ns=group.jitter_ns,
        aligned=aligned,
    )
