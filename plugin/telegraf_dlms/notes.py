"""What the configuration accepts before the program can do it: one table, said once at start.

Whoever builds something of it deletes its row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class Later(NamedTuple):
    """A key of a table, the values of it that have no effect yet, and what happens instead."""

    table: Literal["agent", "device", "value"]
    key: str
    values: tuple[object, ...]
    instead: str


LATER = (
    Later("value", "timestamp", ("meter",), "the poll's time is printed"),
    Later("value", "class_id", (62,), "its buffer is printed as hex digits"),
)


def notes(kind: Literal["agent", "device", "value"], table: object) -> Iterator[str]:
    """Yield what is to be said of a table."""
    for row, what in _later(kind, table):
        yield f"{what} is accepted, but this version cannot do it yet: {row.instead}"


def _later(kind: str, table: object) -> Iterator[tuple[Later, str]]:
    for row in LATER:
        if row.table != kind:
            continue
        value = getattr(table, row.key)
        if value not in row.values:
            continue
        if isinstance(value, str):
            yield row, f'{row.key} "{value}"'
        else:
            yield row, f"{row.key} = {str(value).lower()}"
