"""What is said to a meter to find out what an object of its list gives: the attributes that a poll would read.

The same conversation and the same lines as in a poll decide, so what is found here is read there, and what a poll
would count as refused is found here. Left out is what is long and tells a person nothing: object lists, what an image
transfer has received, whole buffers. Of a profile the newest row is read alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from telegraf_dlms.apdu import entry_selection
from telegraf_dlms.compact_conversation import CompactRequest, read_compact
from telegraf_dlms.conversation import ReadRequest, read_values
from telegraf_dlms.cosem import (
    BUFFER,
    COMPACT_DATA,
    MAX_ATTRIBUTE,
    PROFILE_GENERIC,
    SCALED,
    SCALER_ATTRIBUTE,
    AttributeDescriptor,
    attributes_of,
    default_attributes,
    is_described,
)
from telegraf_dlms.errors import DataRefused
from telegraf_dlms.metrics import Series
from telegraf_dlms.obis import format_obis
from telegraf_dlms.profile import ProfileSeries, parse_capture_objects
from telegraf_dlms.profile_conversation import MAX_NUMBER, BufferReading, period_of, read_scalers
from telegraf_dlms.rows import plan_entries
from telegraf_dlms.units import unit_symbol

if TYPE_CHECKING:
    from telegraf_dlms.axdr import Value
    from telegraf_dlms.conversation import Association, Memory, Reading
    from telegraf_dlms.cosem import CaptureObject
    from telegraf_dlms.metrics import Presentation
    from telegraf_dlms.object_list import ListedObject
    from telegraf_dlms.talk import Conversation

#: (class_id, attribute) of what is too long to be read for a person: object lists and access rights, the state of each
#: block of an image, a whole utility table.
LONG: Final = frozenset({(12, 2), (12, 3), (15, 2), (18, 3), (26, 4)})
_TOO_LONG: Final = "it is long, and was not looked at"
_NOT_LISTED: Final = "the meter's object list does not have it"

_CAPTURE_OBJECTS, _CAPTURE_PERIOD, _SORT_METHOD, _ENTRIES_IN_USE, _PROFILE_ENTRIES = 3, 4, 5, 7, 8
#: The data-access-result read-write-denied: that is no matter of selection.
_DENIED: Final = 3
#: A buffer of so few rows is read whole where its newest row alone cannot be.
FEW_ROWS: Final = 8


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of a profile, or of compact data; numbers are None where the meter does not tell them.

    ``capture_period`` is in seconds. ``is_tried``: its newest row was read, or there is none.
    """

    captures: tuple[CaptureObject, ...] = ()
    capture_period: int | None = None
    sort_method: int | None = None
    entries_in_use: int | None = None
    profile_entries: int | None = None
    is_tried: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """What one object gives. ``attributes`` are those that can be read; ``refusals`` say of each other one why not.

    ``fields`` are as a line has them, "" where there is no value; ``unit`` is a symbol, "" for none.
    """

    listed: ListedObject
    attributes: tuple[int, ...] = ()
    refusals: tuple[tuple[int, str], ...] = ()
    fields: str = ""
    unit: str = ""
    profile: Profile | None = None

    @property
    def version(self) -> int | None:
        """The version to configure, None where it makes no difference."""
        return version_to_name(self.listed)

    @property
    def is_default(self) -> bool:
        """Whether what can be read is what is read where no attributes are named."""
        return self.attributes == default_attributes(self.listed.class_id, self.version)


def version_to_name(listed: ListedObject) -> int | None:
    """Return an object's version where its attributes are not those of the newest one known, else None."""
    known = attributes_of(listed.class_id, listed.version)
    return None if known == attributes_of(listed.class_id) else listed.version


def survey(
    association: Association, listed: ListedObject, memory: Memory, *, presentation: Presentation
) -> Conversation[Finding]:
    """Find out what an object gives; what the meter refuses is in the Finding."""
    if listed.class_id == PROFILE_GENERIC:
        return (yield from _survey_profile(association, listed, memory, presentation))
    if listed.class_id == COMPACT_DATA:
        return (yield from _survey_compact(association, listed, memory, presentation))
    return (yield from _survey_attributes(association, listed, memory, presentation))


def _survey_attributes(
    association: Association, listed: ListedObject, memory: Memory, presentation: Presentation
) -> Conversation[Finding]:
    wanted, refusals = _wanted(listed)
    if not wanted:
        return Finding(listed, refusals=tuple(refusals.items()))
    class_id, name = listed.class_id, listed.logical_name
    scaler_unit = None
    if any((class_id, number) in SCALED for number in wanted):
        scaler_unit = AttributeDescriptor(class_id, name, SCALER_ATTRIBUTE[class_id])
    descriptors = tuple(AttributeDescriptor(class_id, name, number) for number in wanted)
    probes = not is_described(class_id) and not _listed_numbers(listed)
    request = ReadRequest(descriptors, scaler_unit, named=not probes, probes=probes)
    readings: list[Reading] = []
    yield from read_values(association, [request], memory, into=readings)
    reading = readings[0]
    refusals.update((descriptor.attribute, str(refusal)) for descriptor, refusal in reading.refusals)
    series = Series(
        "dlms",
        tags={},
        class_id=class_id,
        logical_name=name,
        presentation=presentation,
        version=version_to_name(listed),
    )
    body, problems = series.body(reading.values, scaler_unit=reading.scaler_unit)
    for problem in problems:
        refused = reading.scaler_refusal if isinstance(problem.error, DataRefused) else None
        reason = str(problem.error) if refused is None else f"its scaler_unit: {refused}"
        refusals[problem.attribute.attribute] = reason
    return Finding(
        listed,
        attributes=tuple(number for number, _ in reading.values if number not in refusals),
        refusals=tuple(sorted(refusals.items())),
        fields="" if body is None else body.removeprefix(series.prefix(reading.scaler_unit)),
        unit="" if reading.scaler_unit is None else unit_symbol(reading.scaler_unit.unit),
    )


def _wanted(listed: ListedObject) -> tuple[list[int], dict[int, str]]:
    """Return the attributes to ask for, and why the others that a poll would read are not."""
    numbers = default_attributes(listed.class_id, version_to_name(listed))
    listed_numbers = _listed_numbers(listed)
    if listed_numbers and not is_described(listed.class_id):
        numbers = tuple(sorted(listed_numbers))
    refusals = {}
    for number in numbers:
        if number in listed.denied:
            refusals[number] = listed.denied[number]
        elif listed_numbers and number not in listed_numbers:
            refusals[number] = _NOT_LISTED
        elif (listed.class_id, number) in LONG:
            refusals[number] = _TOO_LONG
    return [number for number in numbers if number not in refusals], refusals


def _listed_numbers(listed: ListedObject) -> set[int]:
    """Return the attributes that the meter's list has of an object, but logical_name."""
    return {number for number in listed.attributes if 1 < number <= MAX_ATTRIBUTE}


def _survey_profile(
    association: Association, listed: ListedObject, memory: Memory, presentation: Presentation
) -> Conversation[Finding]:
    series = ProfileSeries("dlms", tags={}, logical_name=listed.logical_name, presentation=presentation)
    if BUFFER in listed.denied:
        return Finding(listed, refusals=((BUFFER, listed.denied[BUFFER]),))
    try:
        captures = parse_capture_objects((yield from _ask(association, listed, _CAPTURE_OBJECTS)))
    except DataRefused as refusal:
        return Finding(listed, refusals=((BUFFER, f"its capture_objects: {refusal}"),))
    period = yield from _number(association, listed, _CAPTURE_PERIOD)
    profile = Profile(
        captures=captures,
        capture_period=None if period is None else period_of(listed.logical_name, period),
        sort_method=(yield from _number(association, listed, _SORT_METHOD)),
        entries_in_use=(yield from _number(association, listed, _ENTRIES_IN_USE)),
        profile_entries=(yield from _number(association, listed, _PROFILE_ENTRIES)),
    )
    scalers = yield from read_scalers(association, series.needed_scalers(captures), memory)
    try:
        buffer = yield from _newest_row(association, listed, profile)
    except DataRefused as refusal:
        return Finding(listed, refusals=((BUFFER, str(refusal)),), profile=profile)
    reading = BufferReading(captures, profile.capture_period or 0, profile.sort_method, scalers, buffer)
    return _judged(listed, series, reading, profile)


def _survey_compact(
    association: Association, listed: ListedObject, memory: Memory, presentation: Presentation
) -> Conversation[Finding]:
    if BUFFER in listed.denied:
        return Finding(listed, refusals=((BUFFER, listed.denied[BUFFER]),))
    name = listed.logical_name
    series = ProfileSeries("dlms", tags={}, logical_name=name, presentation=presentation, class_id=COMPACT_DATA)
    try:
        reading = yield from read_compact(
            association, CompactRequest(name), memory, needed_scalers=series.needed_scalers
        )
    except DataRefused as refusal:
        return Finding(listed, refusals=((BUFFER, str(refusal)),))
    return _judged(listed, series, reading, Profile(reading.captures))


def _judged(listed: ListedObject, series: ProfileSeries, reading: BufferReading, profile: Profile) -> Finding:
    """Return whether a poll would print rows like those that were read, and why it would refuse some of their cells."""
    rows = series.prepare(reading.captures, reading.scalers).rows(
        reading.buffer, capture_period=reading.capture_period, sort_method=reading.sort_method, poll_time_ns=0
    )
    refused: dict[str, list[str]] = {}
    for attribute, error, _ in rows.problems:
        refused.setdefault(str(error), []).append(f"{format_obis(attribute.logical_name)}/{attribute.attribute}")
    refusals = tuple((BUFFER, f"{', '.join(columns)} in its rows: {error}") for error, columns in refused.items())
    if refusals and not rows.rows:
        return Finding(listed, refusals=refusals, profile=profile)
    return Finding(listed, (BUFFER,), refusals, profile=replace(profile, is_tried=reading.buffer is not None))


def _newest_row(association: Association, listed: ListedObject, profile: Profile) -> Conversation[Value]:
    """Return the newest row as a buffer, or the few rows that there are; None where that would be too much."""
    in_use = profile.entries_in_use
    span = plan_entries(1, sort_method=profile.sort_method, entries_in_use=in_use)
    refusal: DataRefused | None = None
    if span is not None and association.negotiated.is_selective:
        try:
            return (yield from _ask(association, listed, BUFFER, selection=entry_selection(*span)))
        except DataRefused as error:
            if error.result == _DENIED:
                raise
            refusal = error
    if in_use is None or in_use > FEW_ROWS:
        return None
    try:
        return (yield from _ask(association, listed, BUFFER))
    except DataRefused as error:
        raise refusal or error from None


def _number(association: Association, listed: ListedObject, attribute: int) -> Conversation[int | None]:
    try:
        value = yield from _ask(association, listed, attribute)
    except DataRefused:
        return None
    return value if type(value) is int and 0 <= value <= MAX_NUMBER else None


def _ask(
    association: Association, listed: ListedObject, attribute: int, *, selection: bytes = b""
) -> Conversation[Value]:
    if attribute in listed.denied:
        raise DataRefused(None, listed.denied[attribute])
    descriptor = AttributeDescriptor(listed.class_id, listed.logical_name, attribute)
    return (yield from association.ask(descriptor, selection=selection))
