"""``run`` and ``--once``: the collector with its world around it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeVar

from telegraf_dlms import __version__, threads
from telegraf_dlms.collector import Collector, serve, stop
from telegraf_dlms.config import load
from telegraf_dlms.config_files import files_of, stamp_of
from telegraf_dlms.device_model import SECRET_KEYS
from telegraf_dlms.errors import ConfigError
from telegraf_dlms.log import Changes
from telegraf_dlms.metrics import PollResult
from telegraf_dlms.output import Output
from telegraf_dlms.plan import Plan, compile_plan
from telegraf_dlms.process import Control, raise_file_limit, relax_garbage_collection
from telegraf_dlms.shard import WHOLE
from telegraf_dlms.state_file import default_path
from telegraf_dlms.state_keeper import StateKeeper
from telegraf_dlms.throttle import Throttle
from telegraf_dlms.watermarks import Watermarks
from telegraf_dlms.world import KeptWatermarks, NoWatermarks, World

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence
    from pathlib import Path

    from telegraf_dlms.config import Configuration
    from telegraf_dlms.log import Log
    from telegraf_dlms.models import Agent
    from telegraf_dlms.shard import Shard

#: Exit statuses of ``--once``: all was read; a value was refused, or a device not read.
ALL_READ: Final = 0
NOT_ALL_READ: Final = 3
#: Files beside the meters': the three descriptors, the loop's own, the state's.
SPARE_FILES: Final = 32
#: A usual line: measurement, seven tags, one field and the time.
LINE_OCTETS: Final = 160

_T = TypeVar("_T")


def summary(plan: Plan) -> str:
    """Return how much there is to read, in one line."""
    values = sum(len(group.values) for meter in plan.meters for group in meter.groups)
    groups = len({group.name for meter in plan.meters for group in meter.groups})
    counts = (len(plan.connections), "connection"), (len(plan.meters), "device"), (groups, "group"), (values, "value")
    return ", ".join(f"{count} {what}{'' if count == 1 else 's'}" for count, what in counts)


def plan_of(configuration: Configuration, shard: Shard) -> Plan:
    """Return what a shard reads of a configuration."""
    plan = compile_plan(configuration)
    return replace(plan, connections=tuple(each for each in plan.connections if shard.takes(each.name)))


def run(paths: Sequence[Path], *, stdout: int, log: Log, shard: Shard = WHOLE) -> int:
    """Collect until a stop is wanted; returns 0. Raises ConfigError before anything is read."""
    relax_garbage_collection()
    seen = _fingerprint_of(paths)
    ready = _prepared(paths, log, shard, role="run")
    reloader = _Reloader(paths, log, ready.keeper, seen=seen, secret_files=ready.secret_files, shard=shard)
    try:
        threads.run(_serve(ready, stdout, log, reloader))
    finally:
        ready.keeper.close()
    return 0


def once(paths: Sequence[Path], *, stdout: int, log: Log, shard: Shard = WHOLE) -> int:
    """Gather every enabled group once and return an exit status. Raises ConfigError before anything is read."""
    relax_garbage_collection()
    ready = _prepared(paths, log, shard, role="guest")
    if ready.needs_state:
        ready.keeper.open()
    try:
        results = threads.run(_once(ready, stdout, log))
    finally:
        ready.keeper.close()
    return ALL_READ if all(result is PollResult.OK for result in results) else NOT_ALL_READ


class _Ready(NamedTuple):
    """What is left of a configuration once it is compiled; of ten thousand devices the rest is 40 MB."""

    plan: Plan
    keeper: StateKeeper
    needs_state: bool
    watermarks: KeptWatermarks
    secret_files: Mapping[Path, object]


def _prepared(paths: Sequence[Path], log: Log, shard: Shard, *, role: Literal["run", "guest"]) -> _Ready:
    configuration = _load(paths, log)
    plan = plan_of(configuration, shard)
    _announce(configuration, plan, log, shard)
    keeper = StateKeeper(state_path(configuration, paths, shard=shard), say=log.say, role=role)
    keeps_rows = role == "run" or configuration.agent.state_file is not None
    replay_ns = _replay_ns(configuration.agent, role)
    watermarks = Watermarks(keeper, replay_ns=replay_ns, say=log.say) if keeps_rows else NoWatermarks()
    needs = needs_state(configuration, plan, keeper, role=role)
    return _Ready(plan, keeper, needs, watermarks, configuration.secret_files)


def _replay_ns(agent: Agent, role: Literal["run", "guest"]) -> int:
    """Return for how long before the end rows are printed once more; ``--once`` does so only where it is written."""
    return agent.replay if role == "run" or "replay" in agent.model_fields_set else 0


def state_path(configuration: Configuration, paths: Sequence[Path], *, shard: Shard = WHOLE) -> Path:
    """Return where the state of a configuration is, or would be."""
    named = configuration.agent.state_file
    return default_path(paths, suffix=shard.suffix) if named is None else shard.state_path(named)


def needs_state(
    configuration: Configuration, plan: Plan, keeper: StateKeeper, *, role: Literal["run", "guest"] = "guest"
) -> bool:
    """Return whether the state is opened from the start: ``state_keeper`` says when. Only a "run" keeps watermarks."""
    if not plan.meters:
        return False
    if role == "run" and plan.has_profiles:
        return True
    if configuration.agent.state_file is not None or keeper.is_there:
        return True
    read = {meter.name for meter in plan.meters}
    devices = (device for device in configuration.devices if device.name in read)
    return any(getattr(device, key) is not None for device in devices for key in SECRET_KEYS)


def _load(paths: Sequence[Path], log: Log) -> Configuration:
    configuration = load(paths)
    log.set_level(configuration.agent.log_level)
    return configuration


def told(plan: Plan, shard: Shard) -> str:
    """Return what a shard reads, in one line."""
    if shard.count == 1:
        return summary(plan) if plan.connections else "nothing is enabled, so nothing is read"
    return f"shard {shard}: {summary(plan) if plan.connections else 'nothing enabled is in it, so nothing is read'}"


def _announce(configuration: Configuration, plan: Plan, log: Log, shard: Shard) -> None:
    for note in configuration.notes:
        log.warn(note)
    log.info(f"telegraf-dlms {__version__}: {told(plan, shard)}")
    limit, wanted = raise_file_limit(), len(plan.connections) + SPARE_FILES
    if limit < wanted:
        log.warn(
            f"{limit} open files are allowed and {wanted} wanted: raise the limit (LimitNOFILE= in a systemd unit)"
        )


async def _serve(ready: _Ready, stdout: int, log: Log, reloader: _Reloader) -> None:
    output = _output(stdout, ready.plan)
    try:
        with Control() as control:
            if ready.needs_state:
                beginning = await _unless_stopped(ready.keeper.begin(), control, output)
                if beginning.cancelled():
                    return
                beginning.result()  # a bug of ours is loud
            world = World(
                output,
                log,
                Changes(log),
                state=ready.keeper,
                watermarks=ready.watermarks,
                throttle=Throttle(),
            )
            try:
                await serve(Collector(ready.plan, world), control, output, reload=reloader.reload)
            finally:
                ready.watermarks.settle()
    finally:
        output.close()


async def _once(ready: _Ready, stdout: int, log: Log) -> list[PollResult | None]:
    """Gather once, unless a signal or a closed stdout comes first; a device that was not read then counts as None."""
    output = _output(stdout, ready.plan)
    world = World(output, log, Changes(log), state=ready.keeper, watermarks=ready.watermarks)
    collector = Collector(ready.plan, world)
    with Control(stdin=None) as control:
        collector.start(ticking=False)
        gathering = await _unless_stopped(collector.gather_once(), control, output)
        await stop(collector, output, began=control.stop_began)
    ready.watermarks.settle()
    output.close()
    return [None] if gathering.cancelled() else list(gathering.result())


def _output(stdout: int, plan: Plan) -> Output:
    """Return the way out, with room for one line of each value."""
    output = Output(stdout)
    output.make_room(LINE_OCTETS * sum(len(group.values) for meter in plan.meters for group in meter.groups))
    return output


async def _unless_stopped(work: Coroutine[Any, Any, _T], control: Control, output: Output) -> asyncio.Task[_T]:
    """Do some work, and return its task: cancelled where a wish to stop, or the end of stdout's reader, came first."""
    task = asyncio.create_task(work)
    ends = [asyncio.create_task(control.stopping.wait()), asyncio.create_task(output.closed.wait())]
    await asyncio.wait([task, *ends], return_when=asyncio.FIRST_COMPLETED)
    for each in (task, *ends):
        each.cancel()
    await asyncio.wait([task, *ends])
    return task


class _Reloader:
    """Reads the configuration again where a file of it changed since ``seen`` was taken, before the first reading.

    A file of a secret is one of them. A file that changes while it is read is read once more. The state stays; where
    the new plan is the first to need one, it is opened.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        log: Log,
        keeper: StateKeeper,
        *,
        seen: tuple[object, ...],
        secret_files: Mapping[Path, object],
        shard: Shard,
    ) -> None:
        self.keeper = keeper
        self._shard = shard
        self._paths = paths
        self._log = log
        self._watch(seen, secret_files)

    def reload(self) -> Plan | None:
        """Return the new plan; None where nothing changed, or where what is there now is bad, which is told."""
        found = _fingerprint_of(self._paths)
        if found + tuple((file, stamp_of(file)) for file in self._secret_files) == self._seen:
            return None
        try:
            configuration = _load(self._paths, self._log)
        except ConfigError as error:
            self._watch(found, error.secret_files)
            for problem in error.problems:
                self._log.error(problem)
            self._log.error("the configuration is bad: the one before it stays in use")
            return None
        self._watch(found, configuration.secret_files)
        plan = plan_of(configuration, self._shard)
        self._log.info(f"the configuration was read again: {told(plan, self._shard)}")
        for note in configuration.notes:
            self._log.warn(note)
        self._settle_state(configuration, plan)
        return plan

    def _watch(self, found: tuple[object, ...], secret_files: Mapping[Path, object]) -> None:
        self._secret_files = tuple(secret_files)
        self._seen = found + tuple(secret_files.items())

    def _settle_state(self, configuration: Configuration, plan: Plan) -> None:
        path = state_path(configuration, self._paths, shard=self._shard)
        if not self.keeper.is_open:
            self.keeper.move(path)
            if needs_state(configuration, plan, self.keeper, role="run"):
                self.keeper.open()
        elif path != self.keeper.path:
            self._log.warn(f"the state will be {path} from the next start on: until then it stays {self.keeper.path}")


def _fingerprint_of(paths: Sequence[Path]) -> tuple[object, ...]:
    """Return what changes when a file of the configuration does, or when one comes or goes."""
    found: list[object] = []
    for path in paths:
        try:
            found += ((file, stamp_of(file)) for file in files_of(path))
        except OSError as error:
            found.append((path, error.errno))
    return tuple(found)
