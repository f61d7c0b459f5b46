"""``discover DEVICE``: a meter's object list as a configuration to keep, with what each object says now."""

from __future__ import annotations

import asyncio
import shlex
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar

from telegraf_dlms import __version__, threads
from telegraf_dlms.bus import Bus
from telegraf_dlms.config import load
from telegraf_dlms.cosem import ASSOCIATION_LN, ASSOCIATION_SN, CURRENT_ASSOCIATION, AttributeDescriptor
from telegraf_dlms.discovery import write
from telegraf_dlms.errors import AssociationError, ConfigError, DataRefused, LinkError, ProtocolError, TelegrafDlmsError
from telegraf_dlms.establish import establish
from telegraf_dlms.hints import diagnose
from telegraf_dlms.link import SerialSettings
from telegraf_dlms.log import Changes
from telegraf_dlms.meter import Meter
from telegraf_dlms.object_list import (
    OBJECT_LIST,
    parse_base_names,
    parse_logical_names,
)
from telegraf_dlms.opening_steps import OpeningSteps, circumstances_of
from telegraf_dlms.plan import ConnectionPlan, Plan, meter_plan
from telegraf_dlms.poll import LinkDown
from telegraf_dlms.problems import Suggestions, shown
from telegraf_dlms.service import needs_state, state_path
from telegraf_dlms.shard import WHOLE
from telegraf_dlms.state_keeper import StateKeeper
from telegraf_dlms.survey import Finding, survey
from telegraf_dlms.trace import Trace
from telegraf_dlms.world import NoOutput, World

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from telegraf_dlms.config import Configuration
    from telegraf_dlms.conversation import Association
    from telegraf_dlms.link import Link, TcpSettings
    from telegraf_dlms.log import Log
    from telegraf_dlms.object_list import ListedObject, ObjectList
    from telegraf_dlms.shard import Shard
    from telegraf_dlms.talk import Conversation

T = TypeVar("T")

#: How often the log says how far it is: some 15 s at 9600 baud.
PROGRESS: Final = 25
#: How often an object is looked at that ends the association: a line may be cut off by itself.
ATTEMPTS: Final = 2
#: A meter that ends more associations than this is not read: each costs a time-out and an opening.
MAX_LOSSES: Final = 16
#: How long the release of the association and the end of the connection may take.
RELEASE_S: Final = 2.0


def discover(device: str, paths: Sequence[Path], *, log: Log, shard: Shard = WHOLE) -> str | None:
    """Return the TOML of what a device has; None where it could not be read, which is told.

    ``shard`` is the one whose state it uses, that of the ``run`` that reads the device.

    Raises ConfigError where the configuration is bad, has no such device, or it is in another shard.
    """
    configuration = load(paths)
    log.set_level(configuration.agent.log_level)
    names = {each.name for each in configuration.devices}
    if device not in names:
        raise ConfigError([Suggestions().missing("device", device, names)])
    plan = meter_plan(configuration, device)
    shard.require(f"device {shown(device)}", plan.connection)
    connection = ConnectionPlan(plan.connection, plan.link, persistent=True, meters=(plan,))
    keeper = StateKeeper(state_path(configuration, paths, shard=shard), say=log.say, role="guest")
    if needs_state(configuration, Plan(aligned=False, connections=(connection,)), keeper):
        keeper.open()
    try:
        world = World(NoOutput(), log, Changes(log), state=keeper)
        findings = threads.run(find(connection, world))
    finally:
        keeper.close()
    return None if findings is None else _written(device, findings, configuration, paths, log)


async def find(connection: ConnectionPlan, world: World) -> list[Finding] | None:
    """Read the object list of a connection's one device, and every object; None where that fails, which is told."""
    search = _Search(connection, world)
    if search.is_locked_out:
        return None
    try:
        return await search.make()
    except TelegrafDlmsError as error:
        search.fail(error)
        return None
    finally:
        await search.end()


class _Search:
    """The visit to one meter in which all its objects are looked at."""

    def __init__(self, connection: ConnectionPlan, world: World) -> None:
        self._dialled = world.open_link
        self._world = replace(world, open_link=self._open_link)
        self._meter = Meter(connection.meters[0], world.changes, state=world.state)
        self._bus = Bus(connection, [self._meter], self._world, aligned="start")
        self._steps = OpeningSteps(self._meter.plan)
        self._trace = Trace(_unsaid)
        self._losses = 0

    @property
    def is_locked_out(self) -> bool:
        """Whether the device refused its secrets a short while ago, which is told where it is so."""
        return self._meter.blocked(self._world.mono_ns(), wall_ns=self._world.wall_ns()) is not None

    async def make(self) -> list[Finding]:
        """Return what each object gives, in the meter's order; raises what ends the search."""
        name, log = self._meter.plan.name, self._world.log
        listed = await self._object_list()
        log.info(f"{name}: its object list has {len(listed.objects)} objects")
        if listed.odd:
            log.warn(f"{name}: {listed.odd} elements of its object list are left out: no objects, or there twice")
        findings: list[Finding] = []
        for each in listed.objects:
            findings.append(await self._survey(each))
            if len(findings) % PROGRESS == 0:
                log.info(f"{name}: {len(findings)} of {len(listed.objects)} objects were looked at")
        return findings

    def fail(self, error: TelegrafDlmsError) -> None:
        """Tell why the search ended, and what may help."""
        meter, world, step = self._meter, self._world, self._steps.next
        if isinstance(error, AssociationError) and error.authentication:
            meter.lock_out.begin(world.mono_ns(), wall_ns=world.wall_ns())
        if isinstance(error, LinkDown):
            step = "open" if isinstance(meter.plan.link, SerialSettings) else "connect"
            error = error.__cause__ if isinstance(error.__cause__, TelegrafDlmsError) else error
        else:  # of a link that is down the bus has told
            world.log.error(f"{meter.plan.name}: {error}")
        failure = diagnose(error, circumstances_of(meter.plan, step, heard=self._trace.heard))
        world.log.error(f"{meter.plan.name}: hint: {failure.hint}")

    async def end(self) -> None:
        """Release the association, close the link."""
        await self._bus.stop(deadline=asyncio.get_running_loop().time() + RELEASE_S)

    async def _object_list(self) -> ObjectList:
        class_id = ASSOCIATION_LN if self._meter.plan.access.referencing == "logical_names" else ASSOCIATION_SN
        link, association = await self._open()
        descriptor = AttributeDescriptor(class_id, CURRENT_ASSOCIATION, OBJECT_LIST)
        try:
            value = await self._run(link, association, association.ask(descriptor))
            listed = parse_logical_names(value) if class_id == ASSOCIATION_LN else parse_base_names(value)
        except DataRefused as refusal:
            raise DataRefused(refusal.result, f"the meter's object list: {refusal}") from None
        if class_id == ASSOCIATION_SN:
            self._meter.short_names.learn(value)
        return listed

    async def _survey(self, listed: ListedObject) -> Finding:
        """Look at one object, once more where it ended the association; at the second time that is what is found."""
        reason = ""
        for _ in range(ATTEMPTS):
            link, association = await self._open()
            conversation = survey(association, listed, self._meter.memory, presentation=self._meter.plan.presentation)
            try:
                return await self._run(link, association, conversation)
            except (LinkError, ProtocolError) as error:
                self._lose(error)
                reason = f"it ends the association: {error}"
        return Finding(listed, refusals=((OBJECT_LIST, reason),))

    def _lose(self, error: LinkError | ProtocolError) -> None:
        self._meter.drop_framing()
        self._bus.distrust()
        self._losses += 1
        if self._losses > MAX_LOSSES:
            raise error
        self._meter.troubles.passing(error)

    async def _open(self) -> tuple[Link, Association]:
        """Return the link and the association, opened now where there is none."""
        meter, link = self._meter, self._bus.live_link
        if link is None or meter.association is None:
            self._steps = OpeningSteps(meter.plan)
            link = await establish(meter, self._dial, self._world, tell=lambda step: self._steps.took(step.name))
        if meter.association is None:
            raise LinkError("the association is gone")
        return link, meter.association

    async def _dial(self) -> Link:
        return await self._bus.link(timeout_s=self._meter.plan.timeout_ns / 1e9)

    async def _open_link(self, settings: TcpSettings | SerialSettings, *, timeout_s: float) -> Link:
        link = await self._dialled(settings, timeout_s=timeout_s)
        link.trace = self._trace = Trace(_unsaid)
        return link

    async def _run(self, link: Link, association: Association, conversation: Conversation[T]) -> T:
        plan = self._meter.plan
        return await link.run(
            conversation,
            timeout_s=plan.timeout_ns / 1e9,
            pause_s=plan.pause_between_requests_ns / 1e9,
            progress=association.framing,
        )


def _unsaid(_line: str) -> None:
    """Take a line of the trace: what is heard is counted, and not shown."""


def _written(
    device: str, findings: Sequence[Finding], configuration: Configuration, paths: Sequence[Path], log: Log
) -> str:
    read = sum(bool(finding.attributes) for finding in findings)
    log.info(f"{device}: {read} of {len(findings)} objects can be read")
    files = " ".join(f"--config {shlex.quote(str(path))}" for path in paths)
    heading = [
        f"What the device {shown(device)} has: {read} of {len(findings)} objects can be read.",
        f"Found by telegraf-dlms {__version__} at {_now()}. Keep what is wanted, beside the file with the device:",
        f"  telegraf-dlms {files} --config THIS_FILE --once",
    ]
    taken = {group.name for group in configuration.groups}
    return write(device, findings, taken=taken, heading=heading)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
