"""What is to be said at the start of a value that is right, and yet will not do what one may expect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegraf_dlms.cosem import COMPACT_DATA, PROFILE_GENERIC, TIME_ATTRIBUTE
from telegraf_dlms.problems import Problem, shown

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from telegraf_dlms.models import Value
    from telegraf_dlms.tables import Checked

#: Profile generic and Compact data: their rows have times of their own, whatever ``timestamp`` is.
_HAVE_ROWS = frozenset({PROFILE_GENERIC, COMPACT_DATA})


def notes(value: Value) -> Iterator[str]:
    """Yield what is to be said of a value."""
    if value.timestamp == "meter" and value.class_id not in TIME_ATTRIBUTE.keys() | _HAVE_ROWS:
        yield f'timestamp "meter": class_id {value.class_id} has no time of its own: the poll\'s time is printed'


def tag_notes(values: Iterable[Checked[Value]], *, configured: Mapping[str, Collection[str]]) -> Iterator[Problem]:
    """Yield what is to be said of values with ``is_tag``: a tag that is not seen, or is now one thing, now another.

    ``configured`` are the names of each device's own tags, the agent's among them.
    """
    first: dict[tuple[str, str], Checked[Value]] = {}
    for checked in values:
        name = checked.table.name
        for device in checked.table.devices:
            if name in configured.get(device, ()):
                note = f"the tag {shown(name)} of the device {shown(device)} is configured, which is printed instead"
                yield Problem(checked.place, note, subject=checked.subject, key=("is_tag",))
                break
            other = first.setdefault((device, name), checked)
            if _object(other.table) != _object(checked.table):
                note = f"the tag {shown(name)} of the device {shown(device)} may change to and fro: it is also that of"
                yield Problem(checked.place, note, subject=checked.subject, key=("is_tag",), other=other.at("is_tag"))
                break


def _object(value: Value) -> tuple[object, ...]:
    return value.obis, value.class_id, value.version, value.attributes
