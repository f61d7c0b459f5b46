"""``run`` and ``--once``: the collector with its world around it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from telegraf_dlms import __version__
from telegraf_dlms.collector import Collector, serve, stop
from telegraf_dlms.config import load
from telegraf_dlms.config_files import files_of
from telegraf_dlms.errors import ConfigError
from telegraf_dlms.log import Changes
from telegraf_dlms.metrics import PollResult
from telegraf_dlms.output import Output
from telegraf_dlms.plan import compile_plan
from telegraf_dlms.process import Control, raise_file_limit
from telegraf_dlms.world import World

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from telegraf_dlms.config import Configuration
    from telegraf_dlms.log import Log
    from telegraf_dlms.plan import Plan

#: Exit statuses of ``--once``: all was read; a value was refused, or a device not read.
ALL_READ: Final = 0
NOT_ALL_READ: Final = 3
#: Files beside the meters': the three descriptors, the loop's own, the state's.
SPARE_FILES: Final = 32


def summary(plan: Plan) -> str:
    """Return how much there is to read, in one line."""
    values = sum(len(group.values) for meter in plan.meters for group in meter.groups)
    groups = len({group.name for meter in plan.meters for group in meter.groups})
    counts = (len(plan.connections), "connection"), (len(plan.meters), "device"), (groups, "group"), (values, "value")
    return ", ".join(f"{count} {what}{'' if count == 1 else 's'}" for count, what in counts)


def run(paths: Sequence[Path], *, stdout: int, log: Log) -> int:
    """Collect until a stop is wanted; returns 0. Raises ConfigError before anything is read."""
    reloader = _Reloader(paths, log)
    configuration = _load(paths, log)
    plan = compile_plan(configuration)
    _announce(configuration, plan, log)
    asyncio.run(_serve(plan, stdout, log, reloader))
    return 0


def once(paths: Sequence[Path], *, stdout: int, log: Log) -> int:
    """Gather every enabled group once and return an exit status. Raises ConfigError before anything is read."""
    configuration = _load(paths, log)
    plan = compile_plan(configuration)
    _announce(configuration, plan, log)
    results = asyncio.run(_once(plan, stdout, log))
    return ALL_READ if all(result is PollResult.OK for result in results) else NOT_ALL_READ


def _load(paths: Sequence[Path], log: Log) -> Configuration:
    configuration = load(paths)
    log.set_level(configuration.agent.log_level)
    return configuration


def _announce(configuration: Configuration, plan: Plan, log: Log) -> None:
    for note in configuration.notes:
        log.warn(note)
    if plan.connections:
        log.info(f"telegraf-dlms {__version__}: {summary(plan)}")
    else:
        log.info(f"telegraf-dlms {__version__}: nothing is enabled, so nothing is read")
    limit, wanted = raise_file_limit(), len(plan.connections) + SPARE_FILES
    if limit < wanted:
        log.warn(
            f"{limit} open files are allowed and {wanted} wanted: raise the limit (LimitNOFILE= in a systemd unit)"
        )


async def _serve(plan: Plan, stdout: int, log: Log, reloader: _Reloader) -> None:
    output = Output(stdout)
    try:
        with Control() as control:
            collector = Collector(plan, World(output, log, Changes(log)))
            await serve(collector, control, output, reload=reloader.reload)
    finally:
        output.close()


async def _once(plan: Plan, stdout: int, log: Log) -> list[PollResult | None]:
    """Gather once, unless a signal or a closed stdout comes first; a device that was not read then counts as None."""
    output = Output(stdout)
    collector = Collector(plan, World(output, log, Changes(log)))
    with Control(stdin=None) as control:
        collector.start(ticking=False)
        gathering = asyncio.create_task(collector.gather_once())
        ends = [asyncio.create_task(control.stopping.wait()), asyncio.create_task(output.closed.wait())]
        await asyncio.wait([gathering, *ends], return_when=asyncio.FIRST_COMPLETED)
        for task in (gathering, *ends):
            task.cancel()
        await asyncio.wait([gathering, *ends])
        await stop(collector, output, began=control.stop_began)
    output.close()
    return [None] if gathering.cancelled() else list(gathering.result())


class _Reloader:
    """Reads the configuration again where a file of it changed since this was made, which is before the first reading.

    A file that changes while it is read is read once more.
    """

    def __init__(self, paths: Sequence[Path], log: Log) -> None:
        self._paths = paths
        self._log = log
        self._seen = _state_of(paths)

    def reload(self) -> Plan | None:
        """Return the new plan; None where nothing changed, or where what is there now is bad, which is told."""
        state = _state_of(self._paths)
        if state == self._seen:
            return None
        self._seen = state
        try:
            configuration = _load(self._paths, self._log)
        except ConfigError as error:
            for problem in error.problems:
                self._log.error(problem)
            self._log.error("the configuration is bad: the one before it stays in use")
            return None
        plan = compile_plan(configuration)
        self._log.info(f"the configuration was read again: {summary(plan)}")
        for note in configuration.notes:
            self._log.warn(note)
        return plan


def _state_of(paths: Sequence[Path]) -> tuple[object, ...]:
    """Return what changes when a file of the configuration does, or when one comes or goes."""
    state: list[object] = []
    for path in paths:
        try:
            for file in files_of(path):
                status = file.stat()
                state.append((file, status.st_ino, status.st_mtime_ns, status.st_size))
        except OSError as error:
            state.append((path, error.errno))
    return tuple(state)
