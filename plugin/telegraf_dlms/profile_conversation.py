"""What is said to a meter about a profile: its columns and how it captures, rows by entry, by range, or all of them.

A selector that is refused, or answered with nothing where there must be rows, is left alone for that day, if the
profile could be read without it (``BufferReader.remember_refusals``). Bounds of a range are written as the meter writes
its own clock; where it refuses them, once more with their deviation not specified (Blue Book, 4.1.6.1). Which rows are
asked for is decided in ``new_rows``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from telegraf_dlms import axdr
from telegraf_dlms.apdu import entry_selection, range_selection
from telegraf_dlms.conversation import scaler_unit_of
from telegraf_dlms.cosem import BUFFER, PROFILE_GENERIC, AttributeDescriptor
from telegraf_dlms.datetimes import LENGTH, NO_DEVIATION
from telegraf_dlms.errors import DataRefused, TelegrafDlmsError
from telegraf_dlms.profile import parse_capture_objects
from telegraf_dlms.row_times import clock_column, row_times
from telegraf_dlms.rows import FIFO, LIFO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from telegraf_dlms.axdr import Value
    from telegraf_dlms.conversation import Association, Memory
    from telegraf_dlms.cosem import CaptureObject, ScalerUnit
    from telegraf_dlms.datetimes import DeviceClock
    from telegraf_dlms.talk import Conversation

Order: TypeAlias = Literal["captured", "other"]

_CAPTURE_OBJECTS: Final = 3
_CAPTURE_PERIOD: Final = 4
_SORT_METHOD: Final = 5
_ENTRIES_IN_USE: Final = 7

#: Access selectors of a buffer.
BY_RANGE: Final = 1
BY_ENTRY: Final = 2
#: Numbers of entries and periods are double-long-unsigned (Blue Book, 4.3.6); a meter may write any other.
MAX_NUMBER: Final = 0xFFFF_FFFF
#: Value groups C and D of event logs (IEC 62056-6-1).
_EVENT_LOG: Final = bytes((99, 98))


class NotSelected(TelegrafDlmsError):
    """The meter does not select rows so; they are to be asked for in another way."""


@dataclass(frozen=True, slots=True)
class BufferRequest:
    """Which rows of which profile: the newest ``entries``, or all since the last printed one, at first ``backfill``."""

    logical_name: bytes
    entries: int | None
    backfill_ns: int


@dataclass(slots=True)
class BufferReading:
    """A buffer, or a part of it, and what is needed to understand it. ``capture_period`` is in seconds."""

    captures: tuple[CaptureObject, ...] = ()
    capture_period: int = 0
    sort_method: int | None = None
    scalers: dict[AttributeDescriptor, ScalerUnit] = field(default_factory=dict)
    buffer: Value = None

    @property
    def order(self) -> Order:
        """Whether rows come in the order in which they were captured, or backwards, or in another one."""
        return "captured" if self.sort_method in {FIFO, LIFO, None} else "other"


def period_of(logical_name: bytes, capture_period: int) -> int:
    """Return how many seconds apart a profile's rows are, by its capture_period; 0 where they come by events.

    Event logs of real meters say 1 (KPZ M2M-3): each pause between two events would be a gap.
    """
    return 0 if capture_period == 1 and logical_name[2:4] == _EVENT_LOG else capture_period


def read_scalers(
    association: Association, descriptors: Iterable[AttributeDescriptor], memory: Memory
) -> Conversation[dict[AttributeDescriptor, ScalerUnit]]:
    """Return captured objects' scaler_units; one that is refused is left out, and its column is where it is printed."""
    scalers: dict[AttributeDescriptor, ScalerUnit] = {}
    for descriptor in descriptors:
        try:
            scalers[descriptor] = yield from scaler_unit_of(association, descriptor, memory)
        except DataRefused:
            continue
    return scalers


class BufferReader:
    """The exchanges of one profile in one association. All of them raise DataRefused where the meter refuses them."""

    __slots__ = ("_association", "_clock", "_memory", "_name", "_refused")

    def __init__(self, association: Association, logical_name: bytes, memory: Memory, *, clock: DeviceClock) -> None:
        self._association = association
        self._name = logical_name
        self._memory = memory
        self._clock = clock
        self._refused: set[int] = set()

    def facts(
        self, needed_scalers: Callable[[Iterable[CaptureObject]], Iterable[AttributeDescriptor]]
    ) -> Conversation[BufferReading]:
        """Return all but the buffer: the columns, asked for once an association, and what seldom changes.

        ``needed_scalers`` tells which scaler_unit attributes the lines of the columns want.
        """
        reading = BufferReading(captures=(yield from self._captures()))
        reading.capture_period = period_of(self._name, (yield from self._fact(_CAPTURE_PERIOD)) or 0)
        reading.sort_method = yield from self._fact(_SORT_METHOD)
        reading.scalers = yield from read_scalers(self._association, needed_scalers(reading.captures), self._memory)
        return reading

    @property
    def clock_cell(self) -> Value:
        """A clock as the meter writes it; None where none was met."""
        return self._memory.clocks.get(self._name)

    def can(self, selector: int) -> bool:
        """Return whether the meter may select rows so."""
        if not self._association.negotiated.is_selective:
            return False
        return selector not in self._refused and (self._name, selector) not in self._memory.unselective

    def refuse(self, selector: int) -> None:
        """Note that the meter does not select rows so, whatever it says."""
        self._refused.add(selector)

    def remember_refusals(self) -> None:
        """Ask no more for what the meter does not select: the profile was read, so it was that which it refused."""
        self._memory.unselective.update((self._name, selector) for selector in self._refused)

    def entries_in_use(self) -> Conversation[int | None]:
        """Return how many rows there are; None where the meter refuses it, or it is no number."""
        return (yield from self._number(_ENTRIES_IN_USE))

    def entries(self, first: int, last: int) -> Conversation[Value]:
        """Return rows by their numbers from 1, ``last`` 0 for all to the end; NotSelected where that is refused."""
        return (yield from self._selected(BY_ENTRY, entry_selection(first, last)))

    def range(self, column: CaptureObject, first_ns: int, last_ns: int) -> Conversation[Value]:
        """Return the rows whose ``column``, a clock, is between two times in UTC, or at one of them.

        NotSelected where that is refused, or how the meter writes its clock is not known.
        """
        like = self.clock_cell
        if like is None or not self.can(BY_RANGE):
            raise NotSelected("how the meter writes its clock is not known")
        exact = [_bound(self._clock, like, max(time_ns, 0)) for time_ns in (first_ns, last_ns)]
        bare = [_without_deviation(bound) for bound in exact]
        for bounds in [bare] if self._name in self._memory.unspecified or bare == exact else [exact, bare]:
            try:
                buffer = yield from self._selected(BY_RANGE, range_selection(column, *bounds))
            except NotSelected:
                continue
            self._refused.discard(BY_RANGE)
            if bounds != exact:
                self._memory.unspecified.add(self._name)
            return buffer
        raise NotSelected("the meter refuses ranges")

    def whole(self) -> Conversation[Value]:
        """Return the whole buffer."""
        return (yield from self._get(BUFFER))

    def learn_clock(self, rows: Sequence[Value], captures: Sequence[CaptureObject]) -> None:
        """Keep the last clock among ``rows`` as the meter wrote it."""
        column = clock_column(captures)
        for row in reversed(rows if column is not None else ()):
            cell = row[column] if column is not None and isinstance(row, list | tuple) and column < len(row) else None
            if cell is not None and isinstance(row_times([cell], self._clock, step_ns=0)[0], int):
                self._memory.clocks[self._name] = cell
                return

    def _captures(self) -> Conversation[tuple[CaptureObject, ...]]:
        captures = self._memory.captures.get(self._name)
        if captures is None:
            try:
                captures = parse_capture_objects((yield from self._get(_CAPTURE_OBJECTS)))
            except DataRefused as refusal:
                raise DataRefused(refusal.result, f"its capture_objects: {refusal}") from None
            self._memory.captures[self._name] = captures
        return captures

    def _fact(self, attribute: int) -> Conversation[int | None]:
        """Return a number that seldom changes; None where the meter refuses it."""
        descriptor = self._descriptor(attribute)
        known = self._memory.numbers.get(descriptor)
        if known is None:
            known = yield from self._number(attribute)
            if known is not None:
                self._memory.numbers[descriptor] = known
        return known

    def _number(self, attribute: int) -> Conversation[int | None]:
        try:
            value = yield from self._get(attribute)
        except DataRefused:
            return None
        return value if type(value) is int and 0 <= value <= MAX_NUMBER else None

    def _selected(self, selector: int, selection: bytes) -> Conversation[Value]:
        try:
            return (yield from self._get(BUFFER, selection))
        except DataRefused as refusal:
            self._refused.add(selector)
            raise NotSelected(str(refusal)) from None

    def _get(self, attribute: int, selection: bytes = b"") -> Conversation[Value]:
        return (yield from self._association.ask(self._descriptor(attribute), selection=selection))

    def _descriptor(self, attribute: int) -> AttributeDescriptor:
        return AttributeDescriptor(PROFILE_GENERIC, self._name, attribute)


def as_list(buffer: Value) -> list[Value]:
    """Return the rows of a buffer; none where it is no array."""
    return buffer if isinstance(buffer, list) else []


def _bound(clock: DeviceClock, like: Value, time_ns: int) -> bytes:
    """Write a bound of a range as the meter writes its own clock: a date-time, or Unix seconds."""
    if isinstance(like, int):
        return axdr.encode(axdr.Tag.DOUBLE_LONG_UNSIGNED, min(time_ns // 1_000_000_000, MAX_NUMBER))
    octets = clock.from_utc_ns(time_ns, like=bytes(like) if isinstance(like, bytes) else b"")
    return axdr.encode(axdr.Tag.OCTET_STRING, octets)


def _without_deviation(bound: bytes) -> bytes:
    """Return a bound whose local time stays the same, and whose deviation is not specified."""
    if len(bound) < LENGTH:
        return bound
    return bound[:-3] + (NO_DEVIATION & 0xFFFF).to_bytes(2, "big") + bound[-1:]
