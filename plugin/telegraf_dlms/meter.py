"""One device while the process lives: its plan, what is known of it, and how its last polls ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from telegraf_dlms.address import hdlc_client
from telegraf_dlms.buffer_progress import Progress
from telegraf_dlms.compact_conversation import CompactRequest
from telegraf_dlms.conversation import Association, Memory
from telegraf_dlms.counter_search import CounterSearch
from telegraf_dlms.get import InvokeIds
from telegraf_dlms.hdlc_procedure import HdlcFraming
from telegraf_dlms.identity import LOGICAL_DEVICE_NAME, SERIAL_NUMBER, Identification
from telegraf_dlms.lists import MAX_LIST, Lists
from telegraf_dlms.lock_out import LockOut
from telegraf_dlms.metrics import DevicePoll, DeviceSeries, PollResult, ProfilePollSeries, Series
from telegraf_dlms.pitfalls import Pitfalls
from telegraf_dlms.profile import ProfileSeries
from telegraf_dlms.short_names import ShortNames
from telegraf_dlms.troubles import Troubles
from telegraf_dlms.wrapper import WrapperFraming

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telegraf_dlms.cosem import AttributeDescriptor, CaptureObject, ScalerUnit
    from telegraf_dlms.layout import Layout
    from telegraf_dlms.log import Changes
    from telegraf_dlms.metrics import ProfilePoll
    from telegraf_dlms.plan import GroupPlan, MeterPlan, Tags, ValuePlan
    from telegraf_dlms.printed import PrintedRows
    from telegraf_dlms.profile_conversation import BufferRequest
    from telegraf_dlms.talk import Framing
    from telegraf_dlms.troubles import Place
    from telegraf_dlms.world import KeptState

_SECOND: Final = 1_000_000_000
#: The first pause after a failure; it doubles with each further one. A little less than the shortest usual interval,
#: so that the tick that ends a pause is not missed by a millisecond.
FIRST_BACK_OFF_NS: Final = 9 * _SECOND // 10
#: The longest pause after failures that cost nothing, such as a refused connection.
LONGEST_BACK_OFF_NS: Final = 15 * _SECOND
#: A dead meter gets at most this part of its bus: a failure that took 5 s is followed by a minute's pause.
BACK_OFF_SHARE: Final = 12
#: The client that every meter lets in without a secret (Green Book, 4.2.4).
PUBLIC_CLIENT: Final = 16
#: How long what a meter was asked once is believed.
MEMORY_NS: Final = 86400 * _SECOND


@dataclass(slots=True)
class Totals:
    """What ``dlms_device`` counts since the start of the process."""

    errors: int = 0
    timeouts: int = 0
    retries: int = 0
    skipped_polls: int = 0


@dataclass(slots=True)
class BackOff:
    """When a device that does not answer is asked again. Times are nanoseconds of the monotonic clock."""

    failures: int = 0
    until_ns: int = 0

    def failed(self, now_ns: int, *, cost_ns: int) -> None:
        """Note a failed poll that occupied the connection for ``cost_ns``."""
        longest = max(LONGEST_BACK_OFF_NS, BACK_OFF_SHARE * cost_ns)
        pause = min(FIRST_BACK_OFF_NS << min(self.failures, 32), longest)
        self.failures += 1
        self.until_ns = now_ns + pause

    def succeeded(self) -> None:
        """Note that it answered."""
        self.failures = self.until_ns = 0


class MeterRows:
    """How the rows of one object's buffer become lines."""

    __slots__ = ("_columns", "_layout", "series")

    def __init__(self, series: ProfileSeries) -> None:
        self.series = series
        self._layout: Layout | None = None
        self._columns: tuple[object, object] | None = None

    def layout(self, captures: tuple[CaptureObject, ...], scalers: dict[AttributeDescriptor, ScalerUnit]) -> Layout:
        """Return the columns, compiled again only where they changed."""
        if self._layout is None or self._columns != (captures, scalers):
            self._columns = (captures, scalers)
            self._layout = self.series.prepare(captures, scalers)
        return self._layout

    def set_tags(self, tags: dict[str, str]) -> None:
        """Put tags that were read on every line from now on."""
        self.series.set_tags(tags)
        self._layout = None


class MeterCompact(MeterRows):
    """Compact data of one device."""

    __slots__ = ("request",)

    def __init__(self, request: CompactRequest, series: ProfileSeries) -> None:
        super().__init__(series)
        self.request = request


@dataclass(frozen=True, slots=True)
class KeptRows:
    """Which rows of a profile were printed, by what the state file knows them as, and how far reading is."""

    profile: bytes
    printed: PrintedRows
    progress: Progress = field(default_factory=Progress)


class MeterProfile(MeterRows):
    """One profile of one device: what is told of its polls, and what is known of its rows once they were read."""

    __slots__ = ("_told", "kept", "request")

    def __init__(self, request: BufferRequest, series: ProfileSeries, told: ProfilePollSeries) -> None:
        super().__init__(series)
        self.request = request
        self.kept: KeptRows | None = None
        self._told = told

    def line(self, poll: ProfilePoll, *, time_ns: int) -> str:
        """Return the ``dlms_profile`` line of a poll."""
        return self._told.line(poll, time_ns=time_ns)


@dataclass(frozen=True, slots=True, eq=False)
class MeterValue:
    """One configured value of one device: how its readings, and the rows of its buffer, become lines."""

    plan: ValuePlan
    group: str
    series: Series
    profile: MeterProfile | MeterCompact | None

    @property
    def place(self) -> Place:
        """Its group and its name."""
        return self.group, self.plan.name

    def set_tags(self, tags: dict[str, str]) -> None:
        """Put tags that were read on every line from now on."""
        self.series.set_tags(tags)
        if self.profile is not None:
            self.profile.set_tags(tags)


@dataclass(slots=True)
class Counted:
    """What framings that are gone have counted."""

    exchanges: int = 0
    repeats: int = 0


class Meter:
    """One device. Its bus is the only one who touches it."""

    def __init__(self, plan: MeterPlan, changes: Changes, *, state: KeptState) -> None:
        self.plan = plan
        self.troubles = Troubles(plan.name, changes)
        self.lock_out = LockOut(plan, state, found=self.troubles.locked)
        self.framing: Framing | None = None
        self.association: Association | None = None
        self.invoke_ids = InvokeIds()
        self.memory = Memory()
        self.short_names = ShortNames(plan.short_names)
        #: The public client's: the object list of its association shows what that client may see.
        self.public_short_names = ShortNames(plan.short_names)
        #: Whether a counter that the meter named is followed, and it has not let us in since.
        self.follows_counter = False
        self.counter_search = CounterSearch()
        #: The last invocation counter that was used with the device's key, in the present poll.
        self.last_counter: int | None = None
        self.lists = self._new_lists()
        self.pitfalls = Pitfalls()
        #: Profiles that cost the association when they were read last.
        self.stumbled: set[MeterValue] = set()
        self.memory_until_ns = 0
        #: Which meter it is that answers, by its own word; "" while that is not known.
        self.identity = ""
        self.identification = Identification()
        self.totals = Totals()
        self.back_off = BackOff()
        self.read_tags: dict[str, str] = {}
        #: Profiles of which there is more to read, the longest waiting first, and about how many lines that is.
        self.behind: dict[MeterValue, int] = {}
        self.values = {group.name: self._values_of(group) for group in plan.groups}
        self._gone = Counted()
        #: Whether a kept association was found dead in this poll: its next opening is not left at a DISC alone.
        self.insists = False
        self._is_unclean = self._owes_disc = self._is_public = False
        self._device_series = DeviceSeries({**dict(plan.tags), "device": plan.name, "connection": plan.connection})

    @property
    def counted(self) -> Counted:
        """Exchanges and repeated frames of all framings so far."""
        framing = self.framing
        if framing is None:
            return Counted(self._gone.exchanges, self._gone.repeats)
        return Counted(self._gone.exchanges + framing.exchanges, self._gone.repeats + framing.repeats)

    def adopt(self, former: Meter) -> None:
        """Take over what is still true after the configuration was read again."""
        self.totals = former.totals
        self.troubles = former.troubles
        self.lock_out.adopt(former.lock_out)
        if (former.plan.whereabouts, former.plan.access) != (self.plan.whereabouts, self.plan.access):
            self.troubles.renew()
        if former.plan.whereabouts != self.plan.whereabouts:
            return
        self.memory = former.memory
        self.identity, self.identification = former.identity, former.identification
        if self.plan.no_lists == former.plan.no_lists:
            self.lists = former.lists
        self.memory_until_ns = former.memory_until_ns
        self._is_unclean, self._owes_disc = former._is_unclean, former._owes_disc
        self.invoke_ids = former.invoke_ids
        tags: dict[str, str] = {}
        for group, values in self.values.items():
            known = {value.plan.name: value for value in former.values.get(group, ())}
            for value in values:
                before = known.get(value.plan.name)
                if before is None or before.plan.logical_name != value.plan.logical_name:
                    continue
                if isinstance(value.profile, MeterProfile) and isinstance(before.profile, MeterProfile):
                    value.profile.kept = before.profile.kept
                if value.plan.is_tag and value.plan == before.plan and value.plan.name in former.read_tags:
                    tags[value.plan.name] = former.read_tags[value.plan.name]
        self.set_read_tags(tags)

    def blocked(self, now_ns: int, *, wall_ns: int) -> PollResult | None:
        """Return why no poll is made now, None where one is. ``now_ns`` is the monotonic clock's."""
        if self.lock_out.holds(now_ns, wall_ns=wall_ns):
            return PollResult.LOCKED
        return PollResult.BACKING_OFF if now_ns < self.back_off.until_ns else None

    def new_framing(self, *, client: Literal["own", "public"] = "own") -> Framing:
        """Make the framing of a new association, in which nothing is left of the last one but what has to be undone."""
        self.drop_framing()
        plan = self.plan
        address = plan.client_address if client == "own" else PUBLIC_CLIENT
        if plan.interface_type == "wrapper":
            self.framing = WrapperFraming(client=address, server=plan.server_address, ignore_echo=plan.ignore_echo)
            return self.framing
        framing = HdlcFraming(
            client=hdlc_client(address),
            server=plan.hdlc_server,
            max_info_length=plan.max_info_length,
            window_size=plan.window_size,
            retries=plan.retries,
            ignore_echo=plan.ignore_echo,
        )
        if address == plan.client_address:
            framing.unclean, framing.owes_disc = self._is_unclean, self._owes_disc
            framing.insists = self.insists
        self.framing = framing
        self._is_public = address != plan.client_address
        return framing

    def drop_framing(self) -> None:
        """Forget the association and its framing, but what they counted, and whether the meter may think it is open."""
        if self.framing is not None:
            self._gone = self.counted
            if isinstance(self.framing, HdlcFraming) and not self._is_public:
                self._is_unclean, self._owes_disc = self.framing.unclean, self.framing.owes_disc
        self.framing = self.association = None
        self.memory.captures.clear()

    def recall(self, now_ns: int) -> Memory:
        """Return what is known of the meter; a day after it was first asked it is asked again."""
        if now_ns >= self.memory_until_ns:
            self.memory.forget()
            self.short_names.forget()
            self.public_short_names.forget()
            self.memory_until_ns = now_ns + MEMORY_NS
        return self.memory

    def identify(self, identity: str) -> bool:
        """Take what the meter said that it is; where it is another one than before, forget all and return True."""
        former, self.identity = self.identity, identity
        if former in {"", identity}:
            self.troubles.same_meter()
            return False
        self.troubles.another_meter(former, identity)
        self.memory.forget()
        self.short_names.forget()
        self.public_short_names.forget()
        self.follows_counter = False
        self.counter_search = CounterSearch()
        self.lists = self._new_lists()
        self.set_read_tags({})
        return True

    def identity_objects(self) -> list[AttributeDescriptor]:
        """Return what tells which meter it is, the best first, without what it is known not to have.

        By short names the second one is in the object list, which is not read for that alone.
        """
        wanted = [LOGICAL_DEVICE_NAME]
        if self.plan.access.referencing == "logical_names" or any(value.short_name is None for value in self._plans()):
            wanted.append(SERIAL_NUMBER)
        return [each for each in wanted if each not in self.memory.nameless]

    def remark_zone(self, time: object) -> None:
        """Say once that the device's time zone decides what instant a date-time is, where that is the default."""
        clock = self.plan.presentation.clock
        if clock.time_zone == "UTC" and isinstance(time, bytes) and clock.needs_zone(time):
            self.troubles.once("zone", 'the meter gives no deviation; its time is taken for time_zone "UTC"')

    def set_read_tags(self, tags: dict[str, str]) -> None:
        """Put what ``is_tag`` values read on every line of the device from now on."""
        if tags == self.read_tags:
            return
        self.read_tags = tags
        for values in self.values.values():
            for value in values:
                value.set_tags(tags)

    def device_line(self, poll: DevicePoll, *, time_ns: int) -> str:
        """Return the ``dlms_device`` line of a poll."""
        return self._device_series.line(poll, time_ns=time_ns)

    def not_polled(self, result: PollResult) -> DevicePoll:
        """Return what is told of a due poll that was not made."""
        if result is PollResult.SKIPPED:
            self.totals.skipped_polls += 1
        totals = self.totals
        return DevicePoll(
            result,
            errors=totals.errors,
            timeouts=totals.timeouts,
            retries=totals.retries,
            skipped_polls=totals.skipped_polls,
            meter_id=self.identity,
        )

    def _plans(self) -> Iterator[ValuePlan]:
        return (value for group in self.plan.groups for value in group.values)

    def _new_lists(self) -> Lists:
        return Lists(limit=1 if self.plan.no_lists else MAX_LIST)

    def _values_of(self, group: GroupPlan) -> list[MeterValue]:
        """Return a group's values; those with the same tags share them, but for the name."""
        shared: dict[Tags, dict[str, str]] = {}
        own = {"device": self.plan.name, "group": group.name}
        for plan in group.values:
            if plan.tags not in shared:
                shared[plan.tags] = {**dict(self.plan.tags), **dict(plan.tags), **own}
        return [self._value(group, plan, shared[plan.tags]) for plan in group.values]

    def _value(self, group: GroupPlan, plan: ValuePlan, tags: dict[str, str]) -> MeterValue:
        series = Series(
            group.measurement,
            tags=tags,
            name=plan.name,
            class_id=plan.class_id,
            logical_name=plan.logical_name,
            presentation=self.plan.presentation,
            version=plan.version,
            scaler=plan.scaler,
            unit=plan.unit,
        )
        profile = None if plan.buffer is None else self._profile(group, plan, plan.buffer, {**tags, "name": plan.name})
        return MeterValue(plan, group.name, series, profile)

    def _profile(
        self, group: GroupPlan, plan: ValuePlan, request: BufferRequest | CompactRequest, tags: dict[str, str]
    ) -> MeterProfile | MeterCompact:
        series = ProfileSeries(
            group.measurement,
            tags=tags,
            class_id=plan.class_id,
            logical_name=plan.logical_name,
            presentation=self.plan.presentation,
            null_cells=self.plan.null_cells,
            scaler=plan.scaler,
            unit=plan.unit,
        )
        if isinstance(request, CompactRequest):
            return MeterCompact(request, series)
        places = {name: tags[name] for name in ("device", "group", "name")}
        return MeterProfile(request, series, ProfilePollSeries(places, logical_name=plan.logical_name))
