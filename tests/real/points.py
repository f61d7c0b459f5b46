"""Line protocol read back, so that tests can ask for a tag or a field; a line that Telegraf would reject fails."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

# As in Telegraf: a backslash escapes a separator behind it, and is itself before anything else.
_KEY = r"(?:[^,= \\]++|\\[,= ]?)++"
_FIELD = rf'({_KEY})=("(?:[^"\\]++|\\.)*+"|[^", ]++)'
_LINE = re.compile(rf"({_KEY})((?:,{_KEY}={_KEY})*) ({_FIELD}(?:,{_FIELD})*) (-?\d+)")
_INTEGER = re.compile(r"-?\d+i")

Field = float | int | bool | str


class Point(NamedTuple):
    """One line; ``fields`` have the types that InfluxDB would store."""

    measurement: str
    tags: dict[str, str]
    fields: dict[str, Field]
    time: int


def parse(line: str) -> Point:
    """Read one line; fail where Telegraf would not take it."""
    match = _LINE.fullmatch(line)
    assert match, f"not a line of line protocol: {line!r}"
    tags = {_unescape(key): _unescape(value) for key, value in re.findall(rf",({_KEY})=({_KEY})", match[2])}
    fields = {_unescape(key): _value(text) for key, text in re.findall(_FIELD, match[3])}
    return Point(_unescape(match[1]), tags, fields, int(match[match.lastindex or 0]))


def parse_all(lines: Iterable[str]) -> list[Point]:
    """Read lines, all of which must be good."""
    return [parse(line) for line in lines if line.strip()]


def named(points: Iterable[Point], name: str) -> list[Point]:
    """Keep the points of one configured value."""
    return [point for point in points if point.tags.get("name") == name]


def _value(text: str) -> Field:
    if text.startswith('"'):
        return re.sub(r'\\(["\\])', r"\1", text[1:-1])
    if text in {"true", "false"}:
        return text == "true"
    if _INTEGER.fullmatch(text):
        return int(text[:-1])
    return float(text)


def _unescape(text: str) -> str:
    return re.sub(r"\\([,= ])", r"\1", text)
