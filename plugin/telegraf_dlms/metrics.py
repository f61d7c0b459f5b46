"""Readings to lines, for single values and for the poll itself. Pure: what was read goes in, line protocol comes out.

A ``Series`` is compiled once for each configured value of each device. Its prefix, measurement and tags, is written
when it is first needed, and again only where unit or tags change: a reading costs its fields and the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from telegraf_dlms.cosem import SCALED, SCALER_ATTRIBUTE, AttributeDescriptor, attribute_of
from telegraf_dlms.errors import DataRefused, MappingError
from telegraf_dlms.fields import Presentation, print_attribute, tag_text
from telegraf_dlms.line import Line, print_fields, print_float, print_integer, print_text
from telegraf_dlms.obis import format_obis
from telegraf_dlms.units import unit_symbol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from telegraf_dlms.axdr import Value
    from telegraf_dlms.cosem import ScalerUnit

__all__ = [
    "DevicePoll",
    "DeviceSeries",
    "PollResult",
    "Presentation",
    "Problem",
    "ProfilePoll",
    "ProfilePollSeries",
    "Series",
]

DEVICE_MEASUREMENT = "dlms_device"
PROFILE_MEASUREMENT = "dlms_profile"


class Problem(NamedTuple):
    """Why an attribute gave no field, and how many times.

    DataRefused: the value is refused. MappingError: no field can hold it, or it is not what its class says.
    """

    attribute: AttributeDescriptor
    error: DataRefused | MappingError
    times: int = 1


class Series:
    """The lines of one object of one device: one configured value, or one column of a profile.

    ``tags`` are all but ``name``, ``obis``, ``class_id`` and ``unit``, which are added here; they may be shared, and
    ``name`` may be among them as well. ``scaler`` and ``unit`` override the
    meter's scaler_unit; ``unit`` is a code of the Blue Book, or a text to print as it is. The scaler holds for what the
    meter's would scale (``cosem.SCALED``), and for the value of a Data object, which has none of its own.

    A number of a scaled attribute needs a scaler. Where neither the override nor ``scaler_unit`` gives one, it is
    refused (DataRefused) and not printed unscaled. Booleans, texts and structures are not scaled, so they are printed.
    """

    __slots__ = (
        "_class_id",
        "_extra_tags",
        "_logical_name",
        "_measurement",
        "_name",
        "_prefix",
        "_presentation",
        "_scaler",
        "_scaler_override",
        "_scaler_unit",
        "_tags",
        "_unit_override",
        "_version",
    )

    def __init__(
        self,
        measurement: str,
        *,
        tags: Mapping[str, str],
        class_id: int,
        logical_name: bytes,
        presentation: Presentation,
        name: str = "",
        version: int | None = None,
        scaler: int | None = None,
        unit: int | str | None = None,
    ) -> None:
        self._measurement = measurement
        self._name = name
        self._tags = tags
        self._extra_tags: Mapping[str, str] = {}
        self._class_id = class_id
        self._logical_name = logical_name
        self._presentation = presentation
        self._version = version
        self._scaler_override = scaler
        self._unit_override = unit
        self._scaler_unit: ScalerUnit | None = None
        self._scaler: int | None = None
        self._prefix = ""

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set the tags that were read (``is_tag``), in place of those set before; the configured ones win."""
        if tags != self._extra_tags:
            self._extra_tags = tags
            self._prefix = ""

    def line(
        self, readings: Sequence[tuple[int, Value]], *, scaler_unit: ScalerUnit | None, time_ns: int
    ) -> tuple[str | None, tuple[Problem, ...]]:
        """Return the line of one read object, without a newline, and what is not in it.

        ``readings`` are attribute numbers with their values; ``scaler_unit`` is None where the object has none, or
        where it could not be read. No field, no line: the line is None then.
        """
        body, problems = self.body(readings, scaler_unit=scaler_unit)
        return (body if body is None else f"{body} {time_ns}"), problems

    def body(
        self, readings: Sequence[tuple[int, Value]], *, scaler_unit: ScalerUnit | None
    ) -> tuple[str | None, tuple[Problem, ...]]:
        """Return what ``line`` does, without the time."""
        prefix = self.prefix(scaler_unit)
        fields: list[str] = []
        problems: tuple[Problem, ...] = ()
        for number, value in readings:
            try:
                fields += print_attribute(
                    attribute_of(self._class_id, number, self._version),
                    value,
                    self._presentation,
                    scaler=self._scaler_of(number, value),
                )
            except (DataRefused, MappingError) as error:
                problems += (self._problem(number, error),)
        return (prefix + ",".join(fields) if fields else None), problems

    def prefix(self, scaler_unit: ScalerUnit | None) -> str:
        """Return measurement, tags and a space."""
        if not self._prefix or scaler_unit != self._scaler_unit:
            self._prepare(scaler_unit)
        return self._prefix

    def tag_text(
        self, readings: Sequence[tuple[int, Value]], *, scaler_unit: ScalerUnit | None
    ) -> tuple[str, tuple[Problem, ...]]:
        """Return the first reading that tells something as the text of a tag, "" where none does (``is_tag``)."""
        self.prefix(scaler_unit)
        problems: tuple[Problem, ...] = ()
        for number, value in readings:
            attribute = attribute_of(self._class_id, number, self._version)
            try:
                text = tag_text(attribute, value, self._presentation, scaler=self._scaler_of(number, value))
            except (DataRefused, MappingError) as error:
                problems += (self._problem(number, error),)
            else:
                if text:
                    return text, problems
        return "", problems

    def meter_time_ns(self, time: Value) -> int | None:
        """Return the time that the object itself gave (``timestamp = "meter"``), None where that is none."""
        return self._presentation.clock.to_utc_ns(time) if isinstance(time, bytes) else None

    def _prepare(self, scaler_unit: ScalerUnit | None) -> None:
        self._scaler_unit = scaler_unit
        self._scaler = self._scaler_override
        if self._scaler is None:
            unscaled = None if self._class_id in SCALER_ATTRIBUTE else 0
            self._scaler = unscaled if scaler_unit is None else scaler_unit.scaler
        tags = {
            **self._extra_tags,
            "name": self._name,
            **self._tags,
            "obis": format_obis(self._logical_name),
            "class_id": str(self._class_id),
            "unit": self._unit_text(),
        }
        self._prefix = Line(self._measurement, tags).prefix

    def _unit_text(self) -> str:
        unit = self._unit_override
        if unit is None and self._scaler_unit is not None:
            unit = self._scaler_unit.unit
        if isinstance(unit, int):
            return unit_symbol(unit)
        return unit or ""

    def _scaler_of(self, number: int, value: Value) -> int:
        if (self._class_id, number) not in _SCALABLE or type(value) not in _NUMBERS:
            return 0
        if self._scaler is None:
            raise DataRefused(None, "its scaler_unit could not be read, so it is refused and not printed unscaled")
        return self._scaler

    def _problem(self, number: int, error: DataRefused | MappingError) -> Problem:
        return Problem(AttributeDescriptor(self._class_id, self._logical_name, number), error)


class PollResult(IntEnum):
    """How one due poll of a device ended: ``result_code``, and in small letters ``result``."""

    OK = 0
    PARTIAL = 1
    CONNECT = 2
    TIMEOUT = 3
    PROTOCOL = 4
    REJECTED = 5
    AUTHENTICATION = 6
    CIPHERING = 7
    BACKING_OFF = 8
    LOCKED = 9
    SKIPPED = 10


@dataclass(frozen=True, slots=True)
class DevicePoll:
    """One due poll of a device, also one that was not made. ``up``: the association opened.

    ``values_*`` count configured values. ``errors``, ``timeouts``, ``retries`` and ``skipped_polls`` are totals since
    the start of the process; all others are of this poll, but ``meter_id``, which is what was learnt last. That, the
    drift (the meter's clock minus ours) and the counter are left out where they are not known.
    """

    result: PollResult
    up: bool = False
    gather_time_ns: int = 0
    exchanges: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    values_read: int = 0
    values_refused: int = 0
    errors: int = 0
    timeouts: int = 0
    retries: int = 0
    skipped_polls: int = 0
    meter_id: str = ""
    clock_drift_seconds: float | None = None
    invocation_counter: int | None = None


class DeviceSeries:
    """The ``dlms_device`` lines of one device; ``tags`` are the device's, with ``device`` and ``connection``."""

    __slots__ = ("_prefix",)

    def __init__(self, tags: Mapping[str, str]) -> None:
        self._prefix = Line(DEVICE_MEASUREMENT, tags).prefix

    def line(self, poll: DevicePoll, *, time_ns: int) -> str:
        """Return the line of one poll, without a newline."""
        fields = _DEVICE_FIELDS % (poll.up, poll.result.name.lower(), poll.result, *_device_counts(poll))
        return f"{self._prefix}{fields}{_known_fields(poll)} {time_ns}"


@dataclass(frozen=True, slots=True)
class ProfilePoll:
    """One reading of a profile: rows printed, seconds for which some are missing, and seconds of rows still to be read.

    ``capture_period`` is in seconds too, 0 where rows are captured by events.
    """

    rows: int
    gap_seconds: int
    backlog_seconds: int
    capture_period: int


class ProfilePollSeries:
    """The ``dlms_profile`` lines of one profile; ``tags`` are ``device``, ``group`` and ``name``."""

    __slots__ = ("_prefix",)

    def __init__(self, tags: Mapping[str, str], *, logical_name: bytes) -> None:
        self._prefix = Line(PROFILE_MEASUREMENT, {**tags, "obis": format_obis(logical_name)}).prefix

    def line(self, poll: ProfilePoll, *, time_ns: int) -> str:
        """Return the line of one reading, without a newline."""
        return f"{self._prefix}{print_fields([(name, getattr(poll, name)) for name in poll.__slots__])} {time_ns}"


def _known_fields(poll: DevicePoll) -> str:
    """Return the fields that a poll may not know, each with a comma before it."""
    fields = f",meter_id={print_text(poll.meter_id)}" if poll.meter_id else ""
    if poll.clock_drift_seconds is not None:
        fields += f",clock_drift_seconds={print_float(poll.clock_drift_seconds)}"
    if poll.invocation_counter is not None:
        fields += f",invocation_counter={print_integer(poll.invocation_counter)}"
    return fields


#: What the scaler of an override holds for: Data's value too.
_SCALABLE = SCALED | {(1, 2)}
_NUMBERS = frozenset({int, float})
_DEVICE_COUNTS = (
    "gather_time_ns",
    "exchanges",
    "bytes_sent",
    "bytes_received",
    "values_read",
    "values_refused",
    "errors",
    "timeouts",
    "retries",
    "skipped_polls",
)
_device_counts = attrgetter(*_DEVICE_COUNTS)
_DEVICE_FIELDS = ",".join(['up=%di,result="%s",result_code=%di', *(f"{name}=%di" for name in _DEVICE_COUNTS)])
