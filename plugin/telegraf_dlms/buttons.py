"""``test connection|device|group NAME``: the router's buttons. Each step is told as it happens, and why one failed.

``reach`` opens a connection, ``trial`` tries a device; here they are found by name, and given a report and a trace.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from telegraf_dlms import __version__, threads
from telegraf_dlms.config import load
from telegraf_dlms.durations import SECOND
from telegraf_dlms.errors import ConfigError
from telegraf_dlms.log import Changes
from telegraf_dlms.plan import ConnectionPlan, Plan, link_of, meter_plan
from telegraf_dlms.problems import Suggestions, shown
from telegraf_dlms.reach import reach
from telegraf_dlms.report import JsonReport, PlainReport, Stage
from telegraf_dlms.service import needs_state, state_path
from telegraf_dlms.shard import WHOLE, Shard
from telegraf_dlms.state_keeper import StateKeeper
from telegraf_dlms.steps import Step, utc
from telegraf_dlms.trial import Outcome, try_device
from telegraf_dlms.world import NoOutput, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import TextIO

    from telegraf_dlms.config import Configuration
    from telegraf_dlms.log import Log
    from telegraf_dlms.models import Group
    from telegraf_dlms.plan import MeterPlan
    from telegraf_dlms.report import Report
    from telegraf_dlms.steps import Failure, Plain

Kind: TypeAlias = Literal["connection", "device", "group"]
KINDS: Final = get_args(Kind)

#: Exit statuses: all went well; something failed.
WELL: Final = 0
FAILED: Final = 1

#: How long a connection may take that says nothing of it, as a device's default (design, section 1).
CONNECT_NS: Final = 5 * SECOND
#: How often what is going on moves.
REFRESH_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Order:
    """What is wanted: which kind of thing, its name, how it is reported, and where the trace goes.

    ``shard`` is the one whose state is used: that of the ``run`` that reads it. Of a group its devices are tried.
    """

    kind: Kind
    name: str
    form: Literal["text", "json"] = "text"
    trace: Path | None = None
    shard: Shard = WHOLE


def press(order: Order, paths: Sequence[Path], *, file: TextIO, log: Log) -> int:
    """Try what is ordered, report to ``file``, return an exit status.

    Raises ConfigError where the configuration is bad, has no such name, it is in another shard, or the trace cannot be
    written.
    """
    configuration = load(paths)
    log.set_level(configuration.agent.log_level)
    _find(order, configuration)
    keeper = StateKeeper(state_path(configuration, paths, shard=order.shard), say=log.say, role="guest")
    with ExitStack() as stack:
        say = stack.enter_context(_tracing(order, log))
        report = stack.enter_context(_reporting(order, file))
        stack.callback(keeper.close)
        return threads.run(_Test(order, configuration, keeper=keeper, report=report, say=say, log=log).make())


def _find(order: Order, configuration: Configuration) -> None:
    found: dict[str, str | None] = {}  # names, and the connection that is behind each
    if order.kind == "connection":
        found.update((each.name, each.name) for each in configuration.connections)
    elif order.kind == "device":
        found.update((each.name, each.connection) for each in configuration.devices)
    else:
        found.update((each.name, None) for each in configuration.groups)
    if order.name not in found:
        raise ConfigError([Suggestions().missing(order.kind, order.name, found)])
    connection = found[order.name]
    if connection is not None:
        order.shard.require(f"{order.kind} {shown(order.name)}", connection)


def _reporting(order: Order, file: TextIO) -> AbstractContextManager[Report]:
    def write(line: str) -> None:
        file.write(f"{line}\n")
        file.flush()

    if order.form == "json":
        return nullcontext(JsonReport(write))
    if not file.isatty():
        return nullcontext(PlainReport(write))
    from telegraf_dlms.report_live import LiveReport  # noqa: PLC0415  rich takes a while, and only a terminal needs it

    return LiveReport(file)


@contextmanager
def _tracing(order: Order, log: Log) -> Iterator[Callable[[str], None]]:
    """Give what takes the lines of the trace: to the file, where one is wanted, and to the log at its level."""
    if order.trace is None:
        yield log.trace
        return
    try:
        file = order.trace.open("w", encoding="utf-8", buffering=1)
    except OSError as error:
        raise ConfigError([f"--trace: {order.trace} cannot be written: {error.strerror}"]) from None

    def say(line: str) -> None:
        file.write(f"{line}\n")
        log.trace(line)

    with file:
        say(f"# telegraf-dlms {__version__}: test {order.kind} {shown(order.name)}, {utc(time.time_ns())}")
        yield say


class _Test:
    """One press of a button."""

    def __init__(
        self,
        order: Order,
        configuration: Configuration,
        *,
        keeper: StateKeeper,
        report: Report,
        say: Callable[[str], None],
        log: Log,
    ) -> None:
        self._order = order
        self._configuration = configuration
        self._keeper = keeper
        self._report = report
        self._say = say
        self._world = World(NoOutput(), log, Changes(log), state=keeper)

    async def make(self) -> int:
        """Do it, tell the result, return an exit status."""
        moving = asyncio.create_task(self._move())
        try:
            detail, failure = await self._do()
        finally:
            moving.cancel()
        self._report.tell(Step("result", detail, failure=failure))
        return WELL if failure is None else FAILED

    async def _do(self) -> tuple[dict[str, Plain], Failure | None]:
        name = self._order.name
        if self._order.kind == "connection":
            return await self._connection(name)
        if self._order.kind == "device":
            return await self._device(name)
        return await self._group(next(group for group in self._configuration.groups if group.name == name))

    async def _connection(self, name: str) -> tuple[dict[str, Plain], Failure | None]:
        connection = next(each for each in self._configuration.connections if each.name == name)
        opened, tried, failure = await reach(
            link_of(connection),
            self._stage(),
            open_link=self._world.open_link,
            timeout_s=(connection.timeout or CONNECT_NS) / SECOND,
        )
        if opened:
            failure = None  # the others are tried by turns
        count = f": {opened} of {tried} addresses" if tried > 1 else ""
        text = f"the connection can{'' if opened else 'not'} be opened{count}"
        return {"text": text, "opened": opened, "tried": tried}, failure

    async def _device(self, name: str) -> tuple[dict[str, Plain], Failure | None]:
        outcome = await self._try(meter_plan(self._configuration, name))
        failure = outcome.failure
        text = "the device answers" if failure is None else f"failed: {_spelt(failure)}"
        return {"text": text}, failure

    async def _group(self, group: Group) -> tuple[dict[str, Plain], Failure | None]:
        enabled = group.model_copy(update={"enabled": True})
        total = Outcome()
        wanted = {device for value in group.values if value.enabled for device in value.devices}
        elsewhere = wanted.intersection(self._elsewhere())
        if elsewhere:
            count = f"{len(elsewhere)} of its devices {'is' if len(elsewhere) == 1 else 'are'}"
            self._report.tell(Step("note", {"text": f"{count} in another shard: not tried"}))
        wanted -= elsewhere
        names = [name for name in self._enabled() if name in wanted]
        for name in sorted(wanted.difference(names)):
            self._report.tell(Step("note", {"text": "it, or its connection, is not enabled: not tried"}, name))
        failed = 0
        for name in names:
            outcome = await self._try(meter_plan(self._configuration, name, [enabled]))
            total.read += outcome.read
            total.refused += outcome.refused
            total.failure = total.failure or outcome.failure
            failed += outcome.end == "missed"
        values = sum(len(set(names).intersection(value.devices)) for value in group.values if value.enabled)
        text = f"{total.read} of {values} values read" + (
            f", {failed} of {len(names)} devices failed" if failed else ""
        )
        numbers = {"values": values, "values_read": total.read, "values_refused": total.refused}
        return {"text": text, **numbers, "devices": len(names), "devices_failed": failed}, total.failure

    def _enabled(self) -> Iterator[str]:
        """Yield the names of the devices that are enabled, in the order of the configuration."""
        connections = {each.name for each in self._configuration.connections if each.enabled}
        for device in self._configuration.devices:
            if device.enabled and device.connection in connections:
                yield device.name

    def _elsewhere(self) -> Iterator[str]:
        """Yield the names of the devices that are in another shard."""
        takes = self._order.shard.takes
        connections = {each.name for each in self._configuration.connections if not takes(each.name)}
        return (device.name for device in self._configuration.devices if device.connection in connections)

    async def _try(self, plan: MeterPlan) -> Outcome:
        connection = ConnectionPlan(plan.connection, plan.link, persistent=False, meters=(plan,))
        if needs_state(self._configuration, Plan(aligned=False, connections=(connection,)), self._keeper):
            self._keeper.open()
        groups = [group.name for group in plan.groups]
        return await try_device(plan, self._stage(plan.name), self._world, say=self._say, groups=groups)

    def _stage(self, device: str = "") -> Stage:
        def remark(text: str) -> None:
            self._say(f"# {device}: {text}" if device else f"# {text}")

        return Stage(self._report, device=device, mono_ns=self._world.mono_ns, remark=remark)

    async def _move(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_S)
            self._report.refresh()


def _spelt(failure: Failure) -> str:
    return failure.layer.replace("_", " ")
