"""What is said to a meter to read a profile: its columns, then as few rows as will do (Blue Book, 4.3.6).

With ``entries`` the newest rows are asked for by entry. Without, what is newer than the last row printed is asked for
by range, the first time ``backfill`` back from the newest row; where the meter refuses ranges, or answers nothing where
there must be a row, by as many entries as the capture period says; and the whole buffer where that is refused too, or
where these entries do not reach back far enough. A selector that was refused is left alone for that day, if the profile
could be read without it. Whoever prints the rows filters them again: nothing that a meter selects is believed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from telegraf_dlms import axdr
from telegraf_dlms.apdu import entry_selection, range_selection
from telegraf_dlms.conversation import scaler_unit_of
from telegraf_dlms.cosem import AttributeDescriptor
from telegraf_dlms.errors import DataRefused
from telegraf_dlms.profile import parse_capture_objects
from telegraf_dlms.row_times import clock_column, is_null, row_times
from telegraf_dlms.rows import FIFO, LIFO, plan_entries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from telegraf_dlms.axdr import Value
    from telegraf_dlms.conversation import Association, Memory
    from telegraf_dlms.cosem import CaptureObject, ScalerUnit
    from telegraf_dlms.datetimes import DeviceClock
    from telegraf_dlms.talk import Conversation

PROFILE_GENERIC: Final = 7
_BUFFER: Final = 2
_CAPTURE_OBJECTS: Final = 3
_CAPTURE_PERIOD: Final = 4
_SORT_METHOD: Final = 5
_ENTRIES_IN_USE: Final = 7

_BY_RANGE: Final = 1
_BY_ENTRY: Final = 2
#: A range ends so far beyond the newest row that we know of, and beyond our own clock: a meter's may be far ahead.
_RANGE_END_NS: Final = 366 * 86_400_000_000_000
#: How many times as many rows are asked for where the first ones have no clock to count from.
_FURTHER: Final = 8
#: Entries asked for beyond what the capture period says, for a row captured meanwhile and a broken first period.
_SPARE_ENTRIES: Final = 2
#: Numbers of entries and periods are double-long-unsigned (Blue Book, 4.3.6); a meter may write any other.
MAX_NUMBER: Final = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class BufferRequest:
    """Which rows of which profile: the newest ``entries``, or all since the last printed one, at first ``backfill``."""

    logical_name: bytes
    entries: int | None
    backfill_ns: int


@dataclass(slots=True)
class BufferReading:
    """What came back for one profile. ``since_ns``: rows before it were not wanted, None where all were."""

    captures: tuple[CaptureObject, ...] = ()
    capture_period: int = 0
    sort_method: int | None = None
    scalers: dict[AttributeDescriptor, ScalerUnit] = field(default_factory=dict)
    buffer: Value = None
    since_ns: int | None = None


def read_buffer(
    association: Association,
    request: BufferRequest,
    memory: Memory,
    *,
    clock: DeviceClock,
    now_ns: int,
    since_ns: int | None,
    needed_scalers: Callable[[Iterable[CaptureObject]], Iterable[AttributeDescriptor]],
) -> Conversation[BufferReading]:
    """Read a profile. DataRefused where the meter refuses it.

    ``now_ns`` is our own time; rows since ``since_ns`` are wanted, or since ``backfill`` before the newest one where it
    is None: nanoseconds in UTC.
    ``needed_scalers`` tells which scaler_unit attributes its lines want.
    """
    reader = _Reader(association, request, memory, clock, now_ns)
    reading = BufferReading(captures=(yield from reader.captures()))
    reading.capture_period = (yield from reader.fact(_CAPTURE_PERIOD)) or 0
    reading.sort_method = yield from reader.fact(_SORT_METHOD)
    reading.scalers = yield from read_scalers(association, needed_scalers(reading.captures), memory)
    if request.entries is not None:
        reading.buffer = yield from reader.newest(request.entries, reading)
    else:
        reading.buffer = yield from reader.newer(reading, since_ns)
    reader.remember_refusals()
    return reading


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


class _Reader:
    """The exchanges of one profile."""

    __slots__ = ("_association", "_clock", "_memory", "_name", "_now_ns", "_refused", "_request")

    def __init__(
        self, association: Association, request: BufferRequest, memory: Memory, clock: DeviceClock, now_ns: int
    ) -> None:
        self._association = association
        self._now_ns = now_ns
        self._request = request
        self._name = request.logical_name
        self._memory = memory
        self._clock = clock
        self._refused: set[int] = set()

    def captures(self) -> Conversation[tuple[CaptureObject, ...]]:
        """Return the columns, asked for once an association."""
        captures = self._memory.captures.get(self._name)
        if captures is None:
            try:
                captures = parse_capture_objects((yield from self._get(_CAPTURE_OBJECTS)))
            except DataRefused as refusal:
                raise DataRefused(refusal.result, f"its capture_objects: {refusal}") from None
            self._memory.captures[self._name] = captures
        return captures

    def fact(self, attribute: int) -> Conversation[int | None]:
        """Return a number that seldom changes; None where the meter refuses it."""
        descriptor = self._descriptor(attribute)
        known = self._memory.numbers.get(descriptor)
        if known is None:
            known = yield from self._number(attribute)
            if known is not None:
                self._memory.numbers[descriptor] = known
        return known

    def newest(self, entries: int, reading: BufferReading) -> Conversation[Value]:
        """Return the newest ``entries`` rows, or more of them."""
        span = None
        if self._can(_BY_ENTRY):
            in_use = yield from self._number(_ENTRIES_IN_USE)
            span = plan_entries(entries, sort_method=reading.sort_method, entries_in_use=in_use)
        rows = yield from self._entries(span)
        while span is not None and in_use and len(_as_list(rows)) < in_use and _begins_in_the_dark(rows, reading):
            entries *= _FURTHER
            span = (
                None
                if entries >= in_use
                else plan_entries(entries, sort_method=reading.sort_method, entries_in_use=in_use)
            )
            rows = yield from self._entries(span)
        return rows

    def newer(self, reading: BufferReading, since_ns: int | None) -> Conversation[Value]:
        """Return what was captured since ``since_ns``, or since ``backfill`` before the newest row, or more."""
        column = clock_column(reading.captures)
        reading.since_ns = since_ns
        rows = yield from self._range(reading, column)
        if rows:
            return rows
        newest_ns, in_use = yield from self._newest_row(reading, column)
        if column is None or newest_ns is None:
            return (yield from self._whole(reading, column))
        if since_ns is None:
            reading.since_ns = newest_ns - self._request.backfill_ns
        if rows is None:
            rows = yield from self._range(reading, column)
            if rows:
                return rows
        if rows is not None and self._is_in_range(newest_ns, reading.since_ns):
            self._refused.add(_BY_RANGE)  # it keeps back what it has
        return (yield from self._since(reading, column, newest_ns, in_use))

    def remember_refusals(self) -> None:
        """Ask no more for what the meter does not select: the profile was read, so it was that which it refused."""
        self._memory.unselective.update((self._name, selector) for selector in self._refused)

    def _newest_row(self, reading: BufferReading, column: int | None) -> Conversation[tuple[int | None, int]]:
        """Return the time of the newest row and entries_in_use; None for what cannot be known so."""
        if column is None or reading.sort_method not in {FIFO, LIFO} or not self._can(_BY_ENTRY):
            return None, 0
        in_use = (yield from self._number(_ENTRIES_IN_USE)) or 0
        if in_use == 0:
            return None, 0
        entry = in_use if reading.sort_method == FIFO else 1
        try:
            rows = yield from self._get(_BUFFER, entry_selection(entry, entry))
        except DataRefused:
            self._refused.add(_BY_ENTRY)
            return None, in_use
        return self._learn_clock(_as_list(rows), column), in_use

    def _learn_clock(self, rows: list[Value], column: int) -> int | None:
        """Keep the last row's clock as the meter wrote it; return its time."""
        for row in reversed(rows):
            time_ns = self._time_of(row, column)
            if time_ns is not None and isinstance(row, list | tuple):
                self._memory.clocks[self._name] = row[column]
                return time_ns
        return None

    def _time_of(self, row: Value, column: int) -> int | None:
        if not isinstance(row, list | tuple) or column >= len(row):
            return None
        time = row_times([row[column]], self._clock, step_ns=0)[0]
        return time if isinstance(time, int) else None

    def _range(self, reading: BufferReading, column: int | None) -> Conversation[list[Value] | None]:
        """Return the rows since ``since_ns``; None where they cannot be asked for so, or the meter refuses."""
        like = self._memory.clocks.get(self._name)
        since_ns = reading.since_ns
        if column is None or like is None or since_ns is None or not self._can(_BY_RANGE):
            return None
        first = _bound(self._clock, like, max(since_ns, 0))
        last = _bound(self._clock, like, self._range_end_ns(since_ns))
        try:
            rows = yield from self._get(_BUFFER, range_selection(reading.captures[column], first, last))
        except DataRefused:
            self._refused.add(_BY_RANGE)
            return None
        return None if _begins_in_the_dark(rows, reading) else _as_list(rows)

    def _range_end_ns(self, since_ns: int) -> int:
        return max(since_ns, self._now_ns) + _RANGE_END_NS

    def _is_in_range(self, time_ns: int, since_ns: int | None) -> bool:
        return since_ns is not None and since_ns <= time_ns <= self._range_end_ns(since_ns)

    def _since(self, reading: BufferReading, column: int, newest_ns: int, in_use: int) -> Conversation[Value]:
        """Return the newest rows by entry, so many that all since ``since_ns`` are among them."""
        rows = yield from self._entries(_span(reading, newest_ns, in_use))
        some = _as_list(rows)
        if reading.since_ns is not None and 0 < len(some) < in_use:
            oldest_ns = self._time_of(some[0 if reading.sort_method == FIFO else -1], column)
            if oldest_ns is None or oldest_ns >= reading.since_ns:
                return (yield from self._get(_BUFFER))
        return rows

    def _entries(self, span: tuple[int, int] | None) -> Conversation[Value]:
        """Return the rows of ``span``; the whole buffer where that is None, or refused."""
        if span is not None:
            try:
                return (yield from self._get(_BUFFER, entry_selection(*span)))
            except DataRefused:
                self._refused.add(_BY_ENTRY)
        return (yield from self._get(_BUFFER))

    def _whole(self, reading: BufferReading, column: int | None) -> Conversation[Value]:
        rows = yield from self._get(_BUFFER)
        newest_last = _as_list(rows)
        if reading.sort_method == LIFO:
            newest_last = newest_last[::-1]
        if column is not None:
            self._learn_clock(newest_last, column)
        return rows

    def _number(self, attribute: int) -> Conversation[int | None]:
        try:
            value = yield from self._get(attribute)
        except DataRefused:
            return None
        return value if isinstance(value, int) and 0 <= value <= MAX_NUMBER else None

    def _can(self, selector: int) -> bool:
        if not self._association.negotiated.is_selective:
            return False
        return selector not in self._refused and (self._name, selector) not in self._memory.unselective

    def _get(self, attribute: int, selection: bytes = b"") -> Conversation[Value]:
        return (yield from self._association.ask(self._descriptor(attribute), selection=selection))

    def _descriptor(self, attribute: int) -> AttributeDescriptor:
        return AttributeDescriptor(PROFILE_GENERIC, self._name, attribute)


def _span(reading: BufferReading, newest_ns: int, in_use: int) -> tuple[int, int] | None:
    """Return the entries that hold all since ``since_ns``, by the capture period; None where that is not known."""
    if reading.capture_period == 0 or reading.since_ns is None:
        return None
    periods = max(0, newest_ns - reading.since_ns) // (reading.capture_period * 1_000_000_000)
    entries = min(periods + 1 + _SPARE_ENTRIES, MAX_NUMBER)
    return plan_entries(entries, sort_method=reading.sort_method, entries_in_use=in_use)


def _begins_in_the_dark(rows: Value, reading: BufferReading) -> bool:
    """Return whether the oldest row has a null for its clock: its time is counted from a row that is not here."""
    column, some = clock_column(reading.captures), _as_list(rows)
    if column is None or not some:
        return False
    oldest = some[-1 if reading.sort_method == LIFO else 0]
    return isinstance(oldest, list | tuple) and column < len(oldest) and is_null(oldest[column])


def _as_list(rows: Value) -> list[Value]:
    return rows if isinstance(rows, list) else []


def _bound(clock: DeviceClock, like: Value, time_ns: int) -> bytes:
    """Write a bound of a range as the meter writes its own clock: a date-time, or Unix seconds."""
    if isinstance(like, int):
        return axdr.encode(axdr.Tag.DOUBLE_LONG_UNSIGNED, min(time_ns // 1_000_000_000, 0xFFFF_FFFF))
    octets = clock.from_utc_ns(time_ns, like=bytes(like) if isinstance(like, bytes) else b"")
    return axdr.encode(axdr.Tag.OCTET_STRING, octets)
