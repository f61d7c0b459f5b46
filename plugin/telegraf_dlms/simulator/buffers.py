"""Profile buffers that are computed when they are asked for, and selective access to them (Blue Book, 4.3.6)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from telegraf_dlms import axdr
from telegraf_dlms.cosem import CaptureObject
from telegraf_dlms.errors import DataRefused, RemoteProtocolError
from telegraf_dlms.simulator import local_time

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FIFO = 1
#: Access selectors of a buffer: by range and by entry.
SELECTORS = _BY_RANGE, _BY_ENTRY = 1, 2
_TYPE_UNMATCHED = 12


class SecuritySetup(NamedTuple):
    """What secures a meter's associations: the bits of a security control octet, the suite, and both titles."""

    protection: int = 0
    suite: int = 0
    client_title: bytes = b""
    server_title: bytes = b""


class Moment(NamedTuple):
    """When (Unix seconds), on which meter, and by whom (client address, mechanism, context) an attribute is read.

    ``counter`` is the last invocation counter that a client used with the global key.
    """

    seconds: int
    meter: int
    client: int = 16
    mechanism: int = 0
    context: int = 1
    counter: int = 0
    security: SecuritySetup = SecuritySetup()


@dataclass(frozen=True, slots=True)
class Buffer:
    """A profile in fifo order: its columns, and functions that give its rows' times and its encoded cells.

    ``times`` are Unix seconds, ascending; ``rows`` gives the cells of the rows from the first (0 is the oldest) to
    before the second number.
    """

    columns: tuple[CaptureObject, ...]
    period: int
    capacity: int
    times: Callable[[Moment], Sequence[int]]
    rows: Callable[[Moment, int, int], list[tuple[bytes, ...]]]

    def read(self, moment: Moment, selection: bytes | None) -> bytes:
        """Return the encoded buffer, or what the encoded ``selection`` (selector and parameters) takes of it.

        DataRefused where the meter cannot make anything of the selection.
        """
        if selection is None:
            return _encode(self, moment, 0, len(self.times(moment)), range(len(self.columns)))
        try:
            parameters = axdr.decode_all(selection[1:])
        except RemoteProtocolError:
            raise DataRefused(_TYPE_UNMATCHED) from None
        if selection[0] == _BY_RANGE:
            return _by_range(self, moment, parameters)
        if selection[0] == _BY_ENTRY:
            return _by_entry(self, moment, parameters)
        raise DataRefused(_TYPE_UNMATCHED)


def capture_object(column: CaptureObject) -> bytes:
    """Return a capture_object_definition."""
    return axdr.structure(
        axdr.encode(axdr.Tag.LONG_UNSIGNED, column.class_id),
        axdr.encode(axdr.Tag.OCTET_STRING, column.logical_name),
        axdr.encode(axdr.Tag.INTEGER, column.attribute),
        axdr.encode(axdr.Tag.LONG_UNSIGNED, column.data_index),
    )


def _by_entry(buffer: Buffer, moment: Moment, parameters: object) -> bytes:
    """Select by entry_descriptor: rows and columns counted from 1, 0 is the last one."""
    match parameters:
        case (int(first), int(last), int(left), int(right)):
            pass
        case _:
            raise DataRefused(_TYPE_UNMATCHED)
    if first < 1 or left < 1:
        raise DataRefused(_TYPE_UNMATCHED)
    rows, width = len(buffer.times(moment)), len(buffer.columns)
    end = min(last or rows, rows)
    return _encode(buffer, moment, first - 1, end, range(left - 1, min(right or width, width)))


def _by_range(buffer: Buffer, moment: Moment, parameters: object) -> bytes:
    """Select by range_descriptor: the clock column from and to, both included; no selected_values are all columns."""
    match parameters:
        case ((int(class_id), bytes(name), int(attribute), int(index)), bytes(start), bytes(end), list(selected)):
            pass
        case _:
            raise DataRefused(_TYPE_UNMATCHED)
    if (class_id, name, attribute, index) != buffer.columns[0]:
        raise DataRefused(_TYPE_UNMATCHED)
    times = buffer.times(moment)
    columns = [_column(buffer, column) for column in selected] or range(len(buffer.columns))
    first, last = bisect_left(times, _bound(start)), bisect_right(times, _bound(end))
    return _encode(buffer, moment, first, last, columns)


def _column(buffer: Buffer, selected: object) -> int:
    if isinstance(selected, tuple) and selected in buffer.columns:
        return buffer.columns.index(CaptureObject(*selected))
    raise DataRefused(_TYPE_UNMATCHED)


def _bound(octets: bytes) -> int:
    seconds = local_time.to_seconds(octets)
    if seconds is None:
        raise DataRefused(_TYPE_UNMATCHED)
    return seconds


def _encode(buffer: Buffer, moment: Moment, first: int, last: int, columns: Sequence[int]) -> bytes:
    rows = buffer.rows(moment, first, max(first, last))
    if len(columns) == len(buffer.columns):
        return axdr.array([axdr.structure(*row) for row in rows])
    return axdr.array([axdr.structure(*[row[column] for column in columns]) for row in rows])
