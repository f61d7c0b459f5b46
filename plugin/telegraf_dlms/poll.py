"""One poll: one visit to one device, in which the groups that are due are read in one association.

1. The association is opened, where it is not open yet. An opening is never tried twice in a poll, but one that was kept
   open and is found dead is opened once more, without error.
2. Single values are read and printed, then profiles (``readout``). What was read is printed whatever happens
   afterwards, and what is not read yet is tried again in a new association, ``retries`` times; HDLC repeats its frames
   instead, so there silence is final, but where it may be the list's fault. An attribute that costs each
   poll its association is passed over (``pitfalls``).
3. The association is released, where it is not kept, and a ``dlms_device`` line tells how it went.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from telegraf_dlms.conversation import release as release_conversation
from telegraf_dlms.errors import (
    AssociationError,
    CipheringError,
    LinkError,
    LocalProtocolError,
    PollCut,
    ProtocolError,
    Silence,
    TelegrafDlmsError,
)
from telegraf_dlms.establish import RELEASE_TIMEOUT_S, establish
from telegraf_dlms.metrics import DevicePoll, PollResult
from telegraf_dlms.output import OutputClosed
from telegraf_dlms.readout import Readout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telegraf_dlms.link import Link
    from telegraf_dlms.meter import Meter
    from telegraf_dlms.readout import CatchingUp
    from telegraf_dlms.world import World


class LinkDown(LinkError):
    """The connection itself could not be opened; nothing is known of the device."""


class Carrier(Protocol):
    """What a poll knows of its bus: the one link, which is opened where it is wanted and not open."""

    @property
    def bytes_sent(self) -> int:
        """Octets sent over all links so far."""

    @property
    def bytes_received(self) -> int:
        """Octets received over all links so far."""

    @property
    def is_stopping(self) -> bool:
        """Whether no further exchange is to be begun."""

    @property
    def is_wanted(self) -> bool:
        """Whether a device waits for its turn, or a stop does."""

    @property
    def is_persistent(self) -> bool:
        """Whether associations are kept open."""

    @property
    def live_link(self) -> Link | None:
        """The link where it is open; it is not opened for this."""

    async def link(self, *, timeout_s: float) -> Link:
        """Return the open link; LinkDown where it cannot be opened."""

    def distrust(self) -> None:
        """Note that something went wrong on the link: nobody knows what is still on its way."""


async def release(meter: Meter, carrier: Carrier) -> None:
    """Release the meter's association, where there is one; what goes wrong is no error, but costs the link."""
    if meter.association is None or meter.framing is None:
        return
    link = carrier.live_link
    if link is None:
        meter.drop_framing()
        return
    heard = link.bytes_received
    try:
        request = meter.association.release_request() if meter.plan.interface_type == "wrapper" else b""
    except CipheringError:  # no counter is left; the meter gives up its association by itself
        meter.drop_framing()
        carrier.distrust()
        return
    conversation = release_conversation(meter.framing, request=request)
    try:
        await link.run(conversation, timeout_s=RELEASE_TIMEOUT_S, budget_s=RELEASE_TIMEOUT_S)
    except (LinkError, ProtocolError):
        carrier.distrust()
    finally:
        conversation.close()
        meter.drop_framing()
    if link.bytes_received == heard:
        carrier.distrust()


async def poll(meter: Meter, groups: Sequence[str], carrier: Carrier, world: World) -> PollResult:
    """Read the values of ``groups``, print them, and tell how it went. Raises OutputClosed alone."""
    blocked = meter.blocked(world.mono_ns(), wall_ns=world.wall_ns())
    if blocked is not None:
        await world.output.write([meter.device_line(meter.not_polled(blocked), time_ns=world.wall_ns())])
        return blocked
    meter.last_counter = None
    visit = _Visit(meter, groups, carrier, world)
    try:
        result = await visit.make()
    except asyncio.CancelledError:
        meter.troubles.device(LinkError("cut off by the stop, before all was read and printed"))
        await world.output.write([visit.line(PollResult.TIMEOUT)])
        raise
    try:
        if not carrier.is_persistent or visit.is_barren:
            await release(meter, carrier)
    finally:
        meter.troubles.counter_used(meter.last_counter)
        if world.log.is_enabled("debug"):
            world.log.debug(visit.account(result))
        await world.output.write([visit.line(result)])
    return result


async def go_on(meter: Meter, carrier: Carrier, world: World, *, lines: int) -> int:
    """Go on with profiles that are behind, until somebody waits or ``lines`` were printed; return how many were.

    It is no due poll, so no ``dlms_device`` line tells of it. Raises OutputClosed alone.
    """
    visit = _Visit(meter, (), carrier, world, catching_up=_Grant(carrier, lines))
    result = await visit.make()
    try:
        if not carrier.is_persistent:
            await release(meter, carrier)
    finally:
        world.log.debug(visit.account(result))
    return visit.lines


@dataclass(frozen=True, slots=True)
class _Grant:
    """How far a visit may go on with profiles that are behind."""

    carrier: Carrier
    lines: int

    @property
    def is_wanted(self) -> bool:
        """Whether a device waits for its turn, or a stop does."""
        return self.carrier.is_wanted


@dataclass(frozen=True, slots=True)
class _Start:
    """The clocks, and what the counters stood at, when a poll began."""

    wall_ns: int
    mono_ns: int
    bytes_sent: int
    bytes_received: int
    exchanges: int
    repeats: int


class _Visit:
    """The state of one poll."""

    def __init__(
        self,
        meter: Meter,
        groups: Sequence[str],
        carrier: Carrier,
        world: World,
        *,
        catching_up: CatchingUp | None = None,
    ) -> None:
        self._meter = meter
        self._carrier = carrier
        self._world = world
        counted = meter.counted
        self._start = _Start(
            wall_ns=world.wall_ns(),
            mono_ns=world.mono_ns(),
            bytes_sent=carrier.bytes_sent,
            bytes_received=carrier.bytes_received,
            exchanges=counted.exchanges,
            repeats=counted.repeats,
        )
        self._ended_ns: int | None = None
        self._is_up = self._was_kept = False
        self._readout = Readout(meter, groups, world, time_ns=self._start.wall_ns, catching_up=catching_up)

    @property
    def lines(self) -> int:
        """How many lines of profiles' rows were printed."""
        return self._readout.lines

    @property
    def is_barren(self) -> bool:
        """Whether everything was refused in an association that was kept: some meters say so that it is gone."""
        return self._was_kept and self._readout.read == 0 and self._readout.refused > 0

    async def make(self) -> PollResult:
        """Read and print everything; return how it went."""
        meter = self._meter
        try:
            await self._read()
        except OutputClosed:
            raise
        except PollCut:
            result = PollResult.PARTIAL if self._readout.read else PollResult.SKIPPED
        except TelegrafDlmsError as error:
            result = self._failed(error)
        else:
            meter.back_off.succeeded()
            meter.troubles.device_is_back()
            result = PollResult.PARTIAL if self._readout.is_partial else PollResult.OK
        finally:
            await self._readout.print_singles()
        repeats = meter.counted.repeats - self._start.repeats
        meter.totals.retries += repeats
        meter.totals.timeouts += repeats
        self._ended_ns = self._world.mono_ns()
        return result

    def account(self, result: PollResult) -> str:
        """Return how the poll went, for the log."""
        ended_ns = self._start.mono_ns if self._ended_ns is None else self._ended_ns
        exchanges = self._meter.counted.exchanges - self._start.exchanges
        words = result.name.lower().replace("_", " ")
        counts = f"{self._readout.read} values read, {self._readout.refused} refused, {exchanges} exchanges"
        return f"{self._meter.plan.name}: {words}: {counts}, {(ended_ns - self._start.mono_ns) / 1e6:.0f} ms"

    def line(self, result: PollResult) -> str:
        """Return the ``dlms_device`` line."""
        start, totals = self._start, self._meter.totals
        ended_ns = self._world.mono_ns() if self._ended_ns is None else self._ended_ns
        told = DevicePoll(
            result,
            up=self._is_up,
            gather_time_ns=ended_ns - start.mono_ns,
            exchanges=self._meter.counted.exchanges - start.exchanges,
            bytes_sent=self._carrier.bytes_sent - start.bytes_sent,
            bytes_received=self._carrier.bytes_received - start.bytes_received,
            values_read=self._readout.read,
            values_refused=self._readout.refused,
            errors=totals.errors,
            timeouts=totals.timeouts,
            retries=totals.retries,
            skipped_polls=totals.skipped_polls,
            meter_id=self._meter.identity,
            clock_drift_seconds=self._readout.clock_drift_s,
            invocation_counter=self._meter.last_counter,
        )
        return self._meter.device_line(told, time_ns=start.wall_ns)

    async def _read(self) -> None:
        """Read all there is to read, in as many associations as it takes and ``retries`` allow."""
        meter = self._meter
        retries = meter.plan.retries
        meter.pitfalls.begin()
        meter.insists = False
        if meter.association is not None:
            meter.association.is_doubtful = self._was_kept = True
        while True:
            # A link that died while nobody looked takes its associations with it.
            link = await self._link()
            if meter.association is None:
                link = await self._open()
            association = meter.association
            try:
                await self._readout.read_rest(link)
            except CipheringError:
                self._is_up = True
                self._lose()
                raise
            except (LinkError, ProtocolError) as error:
                is_doubtful = association is not None and association.is_doubtful
                found_dead = is_doubtful and isinstance(error, LinkError)
                self._is_up |= not found_dead
                self._lose()
                if found_dead:
                    meter.insists = True
                    continue
                passed = meter.pitfalls.lost(error)
                if passed is not None:
                    meter.lists.blame(passed)
                elif not self._may_retry(error):
                    raise
                if retries == 0:
                    raise
                # What a meter says wrong twice it says wrong again, and at some length.
                retries = 0 if isinstance(error, ProtocolError) and passed is None else retries - 1
                meter.totals.retries += 1
                meter.totals.timeouts += isinstance(error, Silence)
                meter.troubles.passing(error)
            else:
                self._is_up = True
                return

    def _may_retry(self, error: Exception) -> bool:
        if isinstance(error, Silence):
            # A meter that is deaf to lists is asked singly in the next association.
            return self._meter.plan.interface_type == "wrapper" or self._meter.lists.is_suspect
        return not isinstance(error, LocalProtocolError)

    async def _open(self) -> Link:
        meter = self._meter
        if self._carrier.is_stopping:
            raise PollCut("cut off by a stop")
        try:
            link = await establish(meter, self._link, self._world)
        except TelegrafDlmsError:
            self._lose()
            raise
        if meter.association is not None:
            meter.association.is_ending = self._carrier.is_stopping
        self._is_up = True
        return link

    async def _link(self) -> Link:
        return await self._carrier.link(timeout_s=self._meter.plan.timeout_ns / 1e9)

    def _lose(self) -> None:
        self._meter.drop_framing()
        self._carrier.distrust()

    def _failed(self, error: TelegrafDlmsError) -> PollResult:
        meter = self._meter
        now_ns = self._world.mono_ns()
        result = _result_of(error)
        meter.totals.errors += 1
        meter.memory_until_ns = 0  # whoever answers next may be another meter
        meter.totals.timeouts += result is PollResult.TIMEOUT
        if result is PollResult.AUTHENTICATION:
            meter.lock_out.begin(now_ns, wall_ns=self._world.wall_ns())
        elif not isinstance(error, LinkDown):
            meter.back_off.failed(now_ns, cost_ns=now_ns - self._start.mono_ns)
        if not isinstance(error, LinkDown):
            meter.troubles.device(error)
        return result


def _result_of(error: TelegrafDlmsError) -> PollResult:
    match error:
        case Silence():
            return PollResult.TIMEOUT
        case LinkError():
            return PollResult.CONNECT
        case AssociationError():
            return PollResult.AUTHENTICATION if error.authentication else PollResult.REJECTED
        case CipheringError():
            return PollResult.CIPHERING
    return PollResult.PROTOCOL
