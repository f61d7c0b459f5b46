"""What is to be said at the start of a value that is right, and yet will not do what one may expect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegraf_dlms.cosem import COMPACT_DATA, PROFILE_GENERIC, TIME_ATTRIBUTE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telegraf_dlms.models import Value

#: Profile generic and Compact data: their rows have times of their own, whatever ``timestamp`` is.
_HAVE_ROWS = frozenset({PROFILE_GENERIC, COMPACT_DATA})


def notes(value: Value) -> Iterator[str]:
    """Yield what is to be said of a value."""
    if value.timestamp == "meter" and value.class_id not in TIME_ATTRIBUTE.keys() | _HAVE_ROWS:
        yield f'timestamp "meter": class_id {value.class_id} has no time of its own: the poll\'s time is printed'
