"""docs/metrics.md, made of the class table: ``python -m telegraf_dlms.metrics_page FILE`` (``make docs``)."""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Final

from telegraf_dlms.classes import CLASSES, READ_BY_DEFAULT, SECRETS, FieldType
from telegraf_dlms.cosem import CLASS_NAMES, SCALED, TIME_ATTRIBUTE, attribute_of, default_attributes
from telegraf_dlms.metrics import DEVICE_MEASUREMENT, PROFILE_MEASUREMENT, DevicePoll, PollResult, ProfilePoll

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from telegraf_dlms.classes import Row

#: How a type is called on the page, and what fields it means.
TYPES: Final[dict[FieldType, tuple[str, str, str]]] = {
    FieldType.CHOICE: ("choice", "float", "`_text`: texts, octets, bits, dates; `_json`: structures, arrays"),
    FieldType.STATUS: ("status", "integer", "`_text`: texts, octets, bits, dates; `_json`: structures, arrays"),
    FieldType.INTEGER: ("integer", "integer", "`_text`, `_json`: what a meter sends against its class"),
    FieldType.BOOLEAN: ("boolean", "boolean", "`_text`, `_json`: what a meter sends against its class"),
    FieldType.BITS: ("bits", "text of 0 and 1, first bit first", "`_json`: as above"),
    FieldType.TEXT: ("text", "text; octets that are not printable as hex", "`_json`: as above"),
    FieldType.DATE_TIME: ("date-time", "text: RFC 3339; 24 hex digits where it has wildcards", "`_json`: as above"),
    FieldType.IP_ADDRESS: ("address", "text: an IPv4 or IPv6 address", "`_json`: as above"),
    FieldType.IP_ADDRESSES: ("addresses", "JSON text: a list of addresses", ""),
    FieldType.JSON: ("JSON", "JSON text", ""),
    FieldType.NO_FIELD: ("", "", ""),
}

#: (class_id, attribute) → the unit that the Blue Book fixes.
UNITS: Final[dict[tuple[int, int], str]] = {
    (5, 8): "s",
    (7, 4): "s",
    (8, 3): "min",
    (8, 7): "min",
    (18, 2): "octets",
    (23, 5): "octets",
    (23, 6): "octets",
    (23, 7): "ms",
    (23, 8): "s",
    (26, 3): "octets",
    (29, 4): "s",
    (40, 5): "s",
    (40, 7): "s",
    (41, 4): "octets",
    (41, 6): "s",
    (71, 6): "s",
    (71, 7): "s",
    (72, 4): "s",
}

#: What the fields of a device's and a profile's own line mean.
DEVICE_FIELDS: Final[dict[str, str]] = {
    "up": "1 where the association opened, else 0",
    "result": "how the poll ended, see below; a text",
    "result_code": "the same as a number",
    "gather_time_ns": "nanoseconds that the poll took",
    "exchanges": "requests and their answers",
    "bytes_sent": "octets sent",
    "bytes_received": "octets received",
    "values_read": "configured values that were read, the empty ones among them",
    "values_refused": "configured values that gave nothing because something of them was refused",
    "errors": "polls that failed, since the process started",
    "timeouts": "times that the meter was silent for too long, since the process started",
    "retries": "frames and openings that were repeated, since the process started",
    "skipped_polls": "polls that were not made because one was still running, since the process started",
    "meter_id": "who the meter says it is: its logical device name, else its serial number; a text",
    "clock_drift_seconds": "the meter's clock minus ours, where a value reads its Clock; a float",
    "invocation_counter": "the last number that was used with the device's key, where one was used",
}
PROFILE_FIELDS: Final[dict[str, str]] = {
    "rows": "rows that were printed",
    "gap_seconds": "seconds for which rows are missing among them, and since the newest one before",
    "backlog_seconds": "seconds of rows that are still to be read",
    "capture_period": "the profile's capture period in seconds, 0 where rows are captured by events",
}


def page() -> str:
    """Return the whole page."""
    parts = [_HEAD, _table(("type", "field", "beside it"), _type_rows()), _CLASSES]
    parts += [_class_part(class_id) for class_id in CLASSES]
    results = ", ".join(f"`{result.name.lower()}` {result.value}" for result in PollResult)
    device = dict.fromkeys(("up", "result", "result_code", *(field.name for field in fields(DevicePoll))))
    parts += [
        f"## {DEVICE_MEASUREMENT}",
        "One line for each due poll of a device, also one that was not made. Tags: `device`, `connection`, its own.",
        _meanings({name: DEVICE_FIELDS[name] for name in device}),
        f"Results: {results}. What is not known is left out: `meter_id`, `clock_drift_seconds`, `invocation_counter`.",
        f"## {PROFILE_MEASUREMENT}",
        (
            "One line for each read of a profile; one that is behind is read part by part, each with a line of its own."
            " Tags: `device`, `group`, `name`, `obis`. All fields are integers."
        ),
        _meanings({field.name: PROFILE_FIELDS[field.name] for field in fields(ProfilePoll)}),
    ]
    return "\n\n".join(parts) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write the page to the file that is named."""
    (path,) = arguments
    Path(path).write_text(page(), encoding="utf-8")
    return 0


_HEAD: Final = """\
# Metrics

<!-- Made by `make docs` from plugin/telegraf_dlms/classes.py: change that, not this page. -->

One line for each object that is read, one for each captured cell of a profile. The measurement is `dlms`, or what the
configuration says. Tags: `device`, `group`, `name`, `obis`, `class_id`, `unit` where there is one, `profile` and
`data_index` in rows of profiles and of compact data, and the configured ones.

A field's name is the Blue Book's name of the attribute, and has one type for ever, over all classes and versions.
Where the meter's value does not fit that type it goes to a field beside it, with a suffix. A number that a float or a
64-bit integer would not keep is printed to its last digit in `_text`. Null-data gives no field."""

_CLASSES: Final = """\
In rows of a profile a clock that tells something beside the time adds `clock_status`, an integer.

Below, "read" says what is read of an object when the configuration names no `attributes`; "when named" are passwords
and the like, which are read only then. The unit "scaler_unit" is the object's own, in the tag `unit`, and the value is
scaled by it. Classes that are not here, manufacturers' own among them, are read as well: their attributes are
`attribute_2`, `attribute_3` and so on, of the type choice. `logical_name` and `scaler_unit` are never fields.

## Classes"""


def _type_rows() -> Iterator[tuple[str, ...]]:
    for kind in FieldType:
        if kind is not FieldType.NO_FIELD:
            yield TYPES[kind]


def _class_part(class_id: int) -> str:
    rows = [_row(class_id, row) for row in CLASSES[class_id] if row.type is not FieldType.NO_FIELD]
    parts = [
        f"### {class_id} {CLASS_NAMES[class_id]}",
        _table(("attribute", "field", "type", "unit", "read", "versions"), rows),
    ]
    if class_id in TIME_ATTRIBUTE:
        name = attribute_of(class_id, TIME_ATTRIBUTE[class_id]).name
        parts.append(f'`timestamp = "meter"`: the line\'s time is `{name}`.')
    if class_id in _NOTES:
        parts.append(_NOTES[class_id])
    return "\n\n".join(parts)


_NOTES: Final[dict[int, str]] = {
    7: "The buffer is read as rows: each captured cell is a line of the object that it was captured from.",
    62: "The buffer is read as one row, by its template: each captured value is a line of the object that it is from.",
}


def _row(class_id: int, row: Row) -> tuple[str, ...]:
    place = (class_id, row.number)
    unit = "scaler_unit" if place in SCALED else UNITS.get(place, "")
    return str(row.number), f"`{row.name}`", TYPES[row.type][0], unit, _read(class_id, row), _versions(row)


def _read(class_id: int, row: Row) -> str:
    if (class_id, row.number) in SECRETS:
        return "when named"
    return "yes" if row.number in (READ_BY_DEFAULT.get(class_id) or default_attributes(class_id, row.first)) else ""


def _versions(row: Row) -> str:
    if row.last is not None:
        return str(row.first) if row.first == row.last else f"{row.first} to {row.last}"
    return f"{row.first} and newer" if row.first else ""


def _meanings(meanings: Mapping[str, str]) -> str:
    return _table(("field", "meaning"), [(f"`{name}`", meaning) for name, meaning in meanings.items()])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
