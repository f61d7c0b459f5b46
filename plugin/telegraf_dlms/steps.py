"""What ``test`` reports, step by step, as JSON for machines and as text for people. Pure.

A step has a name, plain values that tell what came of it, and where it failed a ``Failure``. The last one of a report
is always "result"; its failure is the first one there was.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

StepName: TypeAlias = Literal[
    "lock_out",
    "resolve",
    "connect",
    "open",
    "mode_e",
    "data_link",
    "invocation_counter",
    "associate",
    "authenticate",
    "read",
    "value",
    "release",
    "note",
    "result",
]
#: What can be a value in JSON.
Plain: TypeAlias = "str | int | float | bool | Sequence[Plain] | Mapping[str, Plain] | None"

#: Octets of a value that a person is shown; JSON has them all.
SHOWN_OCTETS: Final = 24
#: Characters of a value, and lines of a profile, that a person is shown.
SHOWN_TEXT: Final = 100
SHOWN_LINES: Final = 10

_NAME_WIDTH: Final = 20


@dataclass(frozen=True, slots=True)
class Failure:
    """Which layer failed, why in the standard's words, and what somebody at the meter can do about it."""

    layer: str
    cause: str
    hint: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step; ``device`` is empty where it is of none. ``detail`` is in the order in which it is shown."""

    name: StepName
    detail: Mapping[str, Plain] = field(default_factory=dict)
    device: str = ""
    failure: Failure | None = None

    @property
    def is_ok(self) -> bool:
        """Whether it went well."""
        return self.failure is None


def as_json(step: Step) -> str:
    """Return one JSON object on one line."""
    device = {"device": step.device} if step.device else {}
    failure = {}
    if step.failure is not None:
        failure = {"layer": step.failure.layer, "cause": step.failure.cause, "hint": step.failure.hint}
    shown = {"step": step.name, "ok": step.is_ok, **device, **step.detail, **failure}
    return json.dumps(shown, ensure_ascii=False)


def as_text(step: Step) -> tuple[str, ...]:
    """Return lines for a person: what happened, then what belongs to it, indented."""
    words = _WORDS.get(step.name, _values)(step.detail)
    label = step.name.replace("_", " ")
    first = f"{'ok' if step.is_ok else 'FAILED':<7} {label:<{_NAME_WIDTH}} {words}".rstrip()
    return (first, *(f"        {line}" for line in _below(step)))


def _below(step: Step) -> Iterator[str]:
    lines = step.detail.get("lines", ())
    if isinstance(lines, Sequence) and not isinstance(lines, str):
        yield from map(str, lines[:SHOWN_LINES])
        if len(lines) > SHOWN_LINES:
            yield f"... and {len(lines) - SHOWN_LINES} more lines; --json shows all"
    if step.failure is not None and step.name != "result":
        yield f"cause: {step.failure.cause}"
        yield f"hint:  {step.failure.hint}"


def _values(detail: Mapping[str, Plain]) -> str:
    """Return names and values one after the other."""
    parts = [f"{_spelt(name)} {_shown(value)}" for name, value in detail.items() if name not in _FOR_MACHINES]
    return ", ".join([*parts, *_duration(detail)])


def _data_link(detail: Mapping[str, Plain]) -> str:
    if "max_info_transmit" not in detail:
        return _values(detail)
    sizes = f"{detail['max_info_transmit']} octets to the meter, {detail['max_info_receive']} from it"
    windows = f"window {detail['window_transmit']} and {detail['window_receive']}"
    return ", ".join([f"SNRM, UA: frames of {sizes}, {windows}", *_duration(detail)])


def _associate(detail: Mapping[str, Plain]) -> str:
    if "conformance" not in detail:
        return _values(detail)
    others = {name: value for name, value in detail.items() if name not in {"result", "diagnostic", "conformance"}}
    granted = _shown(detail["conformance"]).replace("_", "-")
    return f"AARE: {detail['result']}, {detail['diagnostic']}, conformance {granted}, {_values(others)}"


def _spelt(name: str) -> str:
    return name.replace("_", " ").replace("pdu", "PDU")


def _shown(value: Plain) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Sequence):
        return " ".join(str(part) for part in value)
    return json.dumps(value, ensure_ascii=False)


def _duration(detail: Mapping[str, Plain]) -> list[str]:
    return [f"{detail['ms']} ms"] if "ms" in detail else []


def _resolve(detail: Mapping[str, Plain]) -> str:
    return ", ".join([f"{detail['name']}: {_shown(detail.get('addresses', ''))}".rstrip(": "), *_duration(detail)])


def _connect(detail: Mapping[str, Plain]) -> str:
    return ", ".join([f"{detail['address']} port {detail['port']}", *_duration(detail)])


def _open(detail: Mapping[str, Plain]) -> str:
    return ", ".join([f"{detail['port']} {detail['line']}", *_duration(detail)])


def _read(detail: Mapping[str, Plain]) -> str:
    what = f"{detail['obis']}/{detail['attribute']} {detail['attribute_name']}"
    if "refused" in detail:
        return f"{what}: {detail['refused']}"
    if "octets" not in detail:
        return f"{what}: <secret>"
    octets = str(detail["octets"]).split()
    some = " ".join(octets[:SHOWN_OCTETS])
    if len(octets) > SHOWN_OCTETS:
        some += f" ... ({len(octets)} octets)"
    return f"{what}: {some} = {_cut(json.dumps(detail['value'], ensure_ascii=False))}"


def _value(detail: Mapping[str, Plain]) -> str:
    what = f"{detail['group']}/{detail['name']}"
    if "rows" in detail:
        return f"{what}: {detail['rows']} rows"
    if "fields" in detail:
        unit = f" {detail['unit']}" if detail.get("unit") else ""
        return f"{what}: {_cut(_shown(detail['fields']))}{unit} at {detail['time']}"
    return f"{what}: {detail.get('instead', 'nothing to print')}"


def _text(detail: Mapping[str, Plain]) -> str:
    return str(detail.get("text", ""))


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_TEXT else f"{text[:SHOWN_TEXT]}..."


def utc(time_ns: int) -> str:
    """Return a time of line protocol as a person reads it: RFC 3339, with as many digits as it takes."""
    seconds, nanoseconds = divmod(time_ns, 10**9)
    fraction = f".{nanoseconds:09d}".rstrip("0").rstrip(".")
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}{fraction}Z"


#: What is shown elsewhere, or in words.
_FOR_MACHINES: Final = frozenset({"lines", "ms", "aare_result", "aare_diagnostic", "data_access_result"})

_WORDS: Final = {
    "data_link": _data_link,
    "associate": _associate,
    "resolve": _resolve,
    "connect": _connect,
    "open": _open,
    "read": _read,
    "value": _value,
    "note": _text,
    "result": _text,
}
