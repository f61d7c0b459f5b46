"""When the rows of a profile were captured (Blue Book, 4.3.6, Profile generic).

The clock of the rows is the first column of class 8 attribute 2, else the first of 0.b.1.1.e attribute 2, Unix seconds,
else the first column that has a date-time in any row. Its cell may be Unix seconds in each of these.

Meters leave out the clock of a row that follows in time. A null clock, or one of nothing but FF, is as many steps from
the last clock above it as there are rows between; where none is above, from the first one below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from telegraf_dlms.axdr import DateTime, Value
from telegraf_dlms.cosem import CLOCK
from telegraf_dlms.datetimes import LENGTH, is_date_time
from telegraf_dlms.errors import MappingError
from telegraf_dlms.line import fits_int64

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from telegraf_dlms.cosem import CaptureObject
    from telegraf_dlms.datetimes import DeviceClock

#: Nanoseconds in UTC; why it is no time; or None, where there is no clock at all.
RowTime: TypeAlias = int | MappingError | None

_SECOND: Final = 1_000_000_000
#: The last whole second that int64 keeps as nanoseconds.
_LAST_SECOND: Final = (2**63 - 1) // _SECOND
#: A visible-string is no date-time, whatever its length.
_DATE_TIMES: Final = (bytes, DateTime)


def clock_column(captures: Sequence[CaptureObject], rows: Iterable[Sequence[Value]] = ()) -> int | None:
    """Return the index of the column that is the rows' clock; None where there is none."""
    for index, capture in enumerate(captures):
        if (capture.class_id, capture.attribute) == (CLOCK, 2):
            return index
    for index, capture in enumerate(captures):
        name = capture.logical_name
        if capture.attribute == 2 and (name[0], name[2], name[3]) == (0, 1, 1):
            return index
    found = [index for index in map(_first_date_time, rows) if index is not None]
    return min(found, default=None)


def row_times(clocks: Sequence[Value], clock: DeviceClock, *, step_ns: int) -> list[RowTime]:
    """Return the times of rows by their clocks' cells.

    ``step_ns`` is from one row to the next; 0 where that is not known, so that rows keep the time above.
    """
    times = [None if is_null(cell) else _to_time(cell, clock) for cell in clocks]
    known = [index for index, time in enumerate(times) if isinstance(time, int)]
    if not known:
        return times
    anchor = known[0]
    for index, time in enumerate(times):
        if isinstance(time, int):
            anchor = index
        elif time is None:
            times[index] = _stepped(times[anchor], (index - anchor) * step_ns)
    return times


def is_null(cell: Value) -> bool:
    """Return whether a clock's cell tells nothing: null, or nothing but FF."""
    return cell is None or (isinstance(cell, bytes) and cell.count(0xFF) == len(cell))


def _to_time(cell: Value, clock: DeviceClock) -> RowTime:
    time_ns = None
    if isinstance(cell, bytes) and type(cell) in _DATE_TIMES:
        time_ns = clock.to_utc_ns(cell)
    elif type(cell) is int and 0 < cell <= _LAST_SECOND:
        time_ns = cell * _SECOND
    if time_ns is None:
        return MappingError(f"a row's clock is no time: {cell.hex() if isinstance(cell, bytes) else repr(cell)[:40]}")
    return time_ns


def _stepped(anchor: RowTime, nanoseconds: int) -> RowTime:
    if not isinstance(anchor, int) or not fits_int64(anchor + nanoseconds):
        return MappingError("a row without a clock would be centuries away from the last one that had one")
    return anchor + nanoseconds


def _first_date_time(row: Sequence[Value]) -> int | None:
    for index, cell in enumerate(row):
        if isinstance(cell, DateTime) or (type(cell) is bytes and len(cell) == LENGTH and is_date_time(cell)):
            return index
    return None
