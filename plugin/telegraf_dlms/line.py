"""Line protocol: measurement, tags, fields and time as one line of text, read back as it was meant.

The package influx-line-protocol 0.1.5 prints ``%g`` floats (12345678.9 becomes 1.23457e+07), NaN, raw newlines and
empty tags, doubles the backslashes of tags, and fails on integers' subclasses. So ``Line`` keeps its ``Metric``'s way
to build a line and prints it itself; tests/test_line.py pins each of these defects: the day one is mended we know.

What is escaped follows Telegraf's parser (plugins/parsers/influx/machine.go.rl) and serializer (escape.go in
plugins/serializers/influx): comma, space and equals sign in tags and names, backslash and quote in text.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import starmap
from typing import TYPE_CHECKING, TypeAlias

from influx_line_protocol import Metric

from telegraf_dlms.errors import MappingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FieldValue: TypeAlias = float | int | bool | str


class Line(Metric):  # type: ignore[misc]  # the package has no types
    """A line in the making: tags are sorted, empty ones left out, and values printed as their types ask for."""

    def __init__(self, measurement: str, tags: Mapping[str, str] | None = None) -> None:
        super().__init__(measurement)
        self.tags.update(tags or {})

    @property
    def prefix(self) -> str:
        """Measurement, tags and the space after them: what stays the same from reading to reading."""
        tags = dict(starmap(_tag, self.tags.items()))
        return f"{_printed_measurement(self.measurement)}{''.join([tags[name] for name in sorted(tags)])} "

    def __str__(self) -> str:
        """Return the whole line without a newline; MappingError for a value that no field can hold, or no value."""
        if not self.values:
            raise MappingError("a line without a field")
        time = "" if self.timestamp is None else f" {self.timestamp}"
        return f"{self.prefix}{print_fields(self.values.items())}{time}"


def print_fields(fields: Iterable[tuple[str, FieldValue]]) -> str:
    """Return a line's fields in their order; MappingError for a value that no field can hold."""
    return ",".join([f"{_escape(_clean(name))}={print_value(value)}" for name, value in fields])


def print_value(value: FieldValue) -> str:
    """Print a value by its Python type; MappingError where line protocol cannot hold it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return print_integer(value)
    if isinstance(value, float):
        return print_float(value)
    return print_text(value)


def print_float(value: float) -> str:
    """Print the shortest decimal that reads back as ``value``, as a float field: ``12345678``, ``0.1``, ``1e+21``.

    MappingError for NaN and the infinities: Telegraf would drop the whole line.
    """
    text = repr(value)
    if text.endswith(".0"):
        return text[:-2]
    if text[-1] in "fn":
        raise MappingError(f"{text} cannot be a field")
    return text


def print_integer(value: int) -> str:
    """Print an integer field; MappingError beyond 64 bits with a sign."""
    if not fits_int64(value):
        raise MappingError(f"{value} is beyond the 64 bits of an integer field")
    return f"{value:d}i"


def fits_int64(value: int) -> bool:
    """Return whether an integer field, or a time, can hold ``value``."""
    return -(2**63) <= value < 2**63


def print_text(text: str) -> str:
    """Print a text field; MappingError where the text has control characters, which would break the line."""
    if not text.isprintable():
        raise MappingError(f"the text {text!r} has characters that cannot be printed")
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


_CONTROL_CHARACTERS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SEPARATORS = re.compile("([, =])")


def _clean(text: str) -> str:
    """Return ``text`` as a name or tag value can be: control characters become a space, outer spaces go.

    So do backslashes at the end, as in Telegraf's serializer: one there would escape the separator behind it.
    """
    return _CONTROL_CHARACTERS.sub(" ", text).strip().rstrip("\\ ")


def _escape(text: str) -> str:
    return _SEPARATORS.sub(r"\\\1", text)


@lru_cache(maxsize=64)  # a few are configured
def _printed_measurement(measurement: str) -> str:
    return _clean(measurement).replace(",", "\\,").replace(" ", "\\ ")


def _tag(name: str, value: str) -> tuple[str, str]:
    """Return a tag's cleaned name, and the tag as it is printed: not at all where one of the two is empty."""
    return _printed_tag(name, value) if len(value) <= _SHARED else _printed_tag.__wrapped__(name, value)


@lru_cache(maxsize=4096)  # ten thousand meters share nearly all of their tags
def _printed_tag(name: str, value: str) -> tuple[str, str]:
    name, value = _clean(name), _clean(value)
    return name, f",{_escape(name)}={_escape(value)}" if name and value else ""


#: Longer values are not kept: a text of a meter may be a tag, and be another one of 64 KB each time.
_SHARED = 64
