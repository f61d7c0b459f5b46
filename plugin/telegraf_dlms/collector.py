"""The life of the process: one bus for each connection, gatherings on request, new plans, and the end.

Runtime trouble never ends it (Telegraf would start us again every 10 s, for ever): only a wish to stop does, or that
nobody reads stdout any more.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from telegraf_dlms.bus import Bus
from telegraf_dlms.gathering import Gathering
from telegraf_dlms.meter import Meter
from telegraf_dlms.output import OutputClosed
from telegraf_dlms.process import Wish
from telegraf_dlms.schedule import ClockWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from telegraf_dlms.bus import Place
    from telegraf_dlms.metrics import PollResult
    from telegraf_dlms.output import Output
    from telegraf_dlms.plan import ConnectionPlan, Plan
    from telegraf_dlms.process import Control
    from telegraf_dlms.world import World

#: How often the wall clock is held against the monotonic one.
CLOCK_WATCH_S: Final = 15.0
#: From the wish to stop to the end: below the 5 s after which Telegraf sends SIGTERM (internal/process/process.go).
STOP_S: Final = 4.3
#: What is left of that for the way out, where the reader does not read and would have all of it.
WAY_OUT_S: Final = 0.1


class Collector:
    """All connections of a plan."""

    def __init__(self, plan: Plan, world: World) -> None:
        self._plan = plan
        self._world = world
        self._buses: list[Bus] = []
        self._clock_watch = ClockWatch(world.wall_ns(), world.mono_ns())

    def start(self, *, ticking: bool) -> None:
        """Start a bus for each connection; without ``ticking`` they only do what is asked of them."""
        self._fill_counters(self._plan.connections)
        for connection in self._plan.connections:
            self._start_bus(connection, {}, ticking=ticking)

    async def gather_once(self) -> list[PollResult]:
        """Read every group once; return how it went with each device."""
        gathering = Gathering()
        for bus in self._buses:
            bus.gather(gathering, only="all")
        if self._plan.meters:
            await gathering.done.wait()
        return gathering.results

    async def gather(self) -> None:
        """Read the groups with interval 0, or all where there is none, and wait until that is done."""
        on_request = any(not group.interval_ns for meter in self._plan.meters for group in meter.groups)
        gathering = Gathering()
        for bus in self._buses:
            bus.gather(gathering, only="on_request" if on_request else "all")
        if gathering.expected:
            await gathering.done.wait()

    async def replace(self, plan: Plan) -> None:
        """Go on with another plan: connections that did not change are not touched."""
        if plan.aligned != self._plan.aligned:
            kept: dict[str, Bus] = {}
        else:
            same = set(plan.connections)
            kept = {bus.plan.name: bus for bus in self._buses if bus.plan in same}
        ended = [bus for bus in self._buses if bus.plan.name not in kept]
        await _stop_all(ended, deadline=asyncio.get_running_loop().time() + STOP_S)
        former = {meter.plan.name: meter for bus in ended for meter in bus.meters}
        unread = {place for bus in ended for place in bus.unread}
        self._outdate_what_was_said(ended, former, plan)
        self._plan = plan
        self._buses = list(kept.values())
        new = [connection for connection in plan.connections if connection.name not in kept]
        self._fill_counters(new)
        for connection in new:
            self._start_bus(connection, former, ticking=True, unread=unread)

    async def stop(self, *, deadline: float) -> None:
        """Stop all connections side by side, by a time of the loop."""
        await _stop_all(self._buses, deadline=deadline)

    async def watch_clock(self) -> None:
        """Align the ticks to the wall clock whenever it was set; for ever."""
        while True:
            await asyncio.sleep(CLOCK_WATCH_S)
            if self._clock_watch.was_set(self._world.wall_ns(), self._world.mono_ns()):
                self._world.log.info("the system clock was set: schedules are aligned to it again")
                for bus in self._buses:
                    bus.align()

    def _outdate_what_was_said(self, ended: Iterable[Bus], former: dict[str, Meter], plan: Plan) -> None:
        """Have troubles said again of connections that lead elsewhere now, or were not there for a while."""
        links = {connection.name: connection.link for connection in plan.connections}
        for bus in ended:
            key = ("connection", bus.plan.name)
            if bus.plan.name not in links:
                self._world.changes.forget(key)
            elif links[bus.plan.name] != bus.plan.link:
                self._world.changes.renew(key)
        for name in former.keys() - {meter.name for meter in plan.meters}:
            former[name].troubles.forget()

    def _fill_counters(self, connections: Iterable[ConnectionPlan]) -> None:
        """Reserve the first numbers of every key in one commit, but where the meter tells which comes next."""
        state = self._world.state
        counters = [
            state.counters(meter.access.block_cipher_key, system_title=meter.access.system_title)
            for connection in connections
            for meter in connection.meters
            if meter.access.needs_counter and meter.invocation_counter is None
        ]
        if counters:
            state.fill(counters)

    def _start_bus(
        self, connection: ConnectionPlan, former: dict[str, Meter], *, ticking: bool, unread: Collection[Place] = ()
    ) -> None:
        meters = [Meter(plan, self._world.changes, state=self._world.state) for plan in connection.meters]
        going_on = set()
        for meter in meters:
            before = former.get(meter.plan.name)
            if before is not None:
                meter.adopt(before)
                going_on |= {
                    (meter.plan.name, group.name) for group in set(meter.plan.groups) & set(before.plan.groups)
                }
        bus = Bus(connection, meters, self._world, aligned="utc" if self._plan.aligned else "start")
        bus.start(ticking=ticking, going_on=going_on.difference(unread)).add_done_callback(self._look_at)
        self._buses.append(bus)

    def _look_at(self, task: asyncio.Task[None]) -> None:
        """Say that a bus ended by a bug; OutputClosed is told to everybody by the output itself."""
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, OutputClosed):
            self._world.log.caught(f"{task.get_name()}: a bug in telegraf-dlms: it is read no more", error)


async def serve(collector: Collector, control: Control, output: Output, *, reload: Callable[[], Plan | None]) -> None:
    """Meet wishes until one is to stop, or until nobody reads stdout any more.

    ``reload`` returns the plan of a configuration that changed and is good, else None.
    """
    watch = asyncio.create_task(collector.watch_clock())
    closed = asyncio.create_task(output.closed.wait())
    collector.start(ticking=True)
    wishes = asyncio.create_task(_meet_wishes(collector, control, reload))
    await asyncio.wait([wishes, closed], return_when=asyncio.FIRST_COMPLETED)
    for task in (watch, wishes, closed):
        task.cancel()
    await asyncio.wait([watch, wishes, closed])
    await stop(collector, output, began=control.stop_began)
    if not wishes.cancelled():
        wishes.result()  # a bug of ours is loud, but behind an orderly end


async def stop(collector: Collector, output: Output, *, began: float | None) -> None:
    """Stop the connections, and wait until all lines were read; ``began`` is when the wish came, if not now."""
    now = asyncio.get_running_loop().time
    deadline = (now() if began is None else began) + STOP_S
    await collector.stop(deadline=deadline)
    await output.drain(max(0.0, deadline - WAY_OUT_S - now()))


async def _meet_wishes(collector: Collector, control: Control, reload: Callable[[], Plan | None]) -> None:
    while (wish := await control.next()) is not Wish.STOP:
        if wish is Wish.RELOAD:
            plan = reload()
            if plan is not None:
                await collector.replace(plan)
        else:
            await _gather_until_cut(collector, control)


async def _gather_until_cut(collector: Collector, control: Control) -> None:
    """Gather, until that is done or has to be cut off."""
    gathering = asyncio.create_task(collector.gather())
    cut = asyncio.create_task(control.cut.wait())
    await asyncio.wait([gathering, cut], return_when=asyncio.FIRST_COMPLETED)
    for task in (gathering, cut):
        task.cancel()
    await asyncio.wait([gathering, cut])


async def _stop_all(buses: Iterable[Bus], *, deadline: float) -> None:
    await asyncio.gather(*(bus.stop(deadline=deadline) for bus in buses))
