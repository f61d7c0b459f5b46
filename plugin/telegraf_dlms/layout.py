"""A profile's columns, compiled, and its buffers to rows of printed lines (Blue Book, 4.3.6, Profile generic).

Each captured cell is a line of the object that it was captured from, at its row's time; the row's clock is that time
and no line (``row_times``). What the standard leaves open, or meters do otherwise, is decided so:

- A row with more or fewer cells than there are columns is refused: cells never move to another column. So is one whose
  clock has wildcards or is no time: no time is made up. Refused rows count as rows where clocks are null.
- A row that has a clock and gave no line prints its ``clock_time``, but not where a cell of it was refused: such a row
  is not there yet, and may be printed once it can.
- Rows come in capture order: as in a fifo buffer, reversed from a lifo one, by time in every other order. Where the
  order is not known the buffer is taken for fifo, as nearly all are.
- ``scaler`` and ``unit`` of the value hold for every column whose object has a scaler_unit, and for no other.
- An element of an attribute (data index) keeps its attribute's field and type, and is scaled where that is.
- All attributes of an object (attribute index 0) make the line that the object would: those that are read by default,
  scaled by the scaler_unit that is in the cell. With as many elements as a version of the class has attributes the
  logical_name is in front, whatever it says, with one fewer it is missing; where both could be it decides itself, as it
  does for a class that is not known. Every other structure is refused, never shifted.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from telegraf_dlms.cosem import (
    SCALER_ATTRIBUTE,
    AttributeDescriptor,
    CaptureObject,
    ScalerUnit,
    attributes_of,
    default_attributes,
    is_described,
    versions_of,
)
from telegraf_dlms.datetimes import status_of
from telegraf_dlms.errors import MappingError
from telegraf_dlms.metrics import Presentation, Problem, Series
from telegraf_dlms.null_cells import handle_nulls
from telegraf_dlms.row_times import clock_column, is_null, row_times
from telegraf_dlms.rows import FIFO, LIFO, Row, cells_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from telegraf_dlms.axdr import Value
    from telegraf_dlms.null_cells import Cells, NullCells


@dataclass(frozen=True, slots=True)
class Rows:
    """What a buffer held, in capture order (see above for other orders).

    ``places`` are where in the buffer the ``rows`` were, from 0. ``misfits`` counts rows that did not fit the
    capture_objects: these are to be read again. ``nulls`` counts null cells beside clocks; with
    ``null_cells = "previous"`` they repeat the cell above.
    """

    rows: tuple[Row, ...]
    places: tuple[int, ...]
    problems: tuple[Problem, ...]
    misfits: int
    nulls: int


@dataclass(frozen=True, slots=True)
class Column:
    """A captured object, the lines of its cells, and its scaler_unit, None where there is none or it is not known."""

    capture: CaptureObject
    series: Series
    scaler_unit: ScalerUnit | None

    def body(self, cell: Value) -> tuple[str | None, tuple[Problem, ...]]:
        """Return the line of one cell without its time, None where it gives no field."""
        number = self.capture.attribute
        if number == 0:
            return self._object_body(cell)
        return self.series.body(((number, cell),), scaler_unit=self.scaler_unit)

    def prefix(self) -> str:
        """Return measurement, tags and a space."""
        return self.series.prefix(self.scaler_unit)

    def descriptor(self) -> AttributeDescriptor:
        """Return the captured attribute, 0 for all of them."""
        return AttributeDescriptor(*self.capture[:3])

    def _object_body(self, cell: Value) -> tuple[str | None, tuple[Problem, ...]]:
        if cell is None:
            return None, ()
        try:
            attributes = self._attributes(cell)
        except MappingError as error:
            return None, (Problem(self.descriptor(), error),)
        class_id = self.capture.class_id
        wanted = default_attributes(class_id) if is_described(class_id) else range(2, len(attributes) + 1)
        own = ScalerUnit.of(attributes.get(SCALER_ATTRIBUTE.get(self.capture.class_id, 0)))
        scaler_unit = own or self.scaler_unit
        readings = [(number, value) for number, value in attributes.items() if number in wanted]
        return self.series.body(readings, scaler_unit=scaler_unit)

    def _attributes(self, cell: Value) -> dict[int, Value]:
        """Return all attributes of the object by their numbers; MappingError where they could be others."""
        if not isinstance(cell, list | tuple):
            raise MappingError("all attributes of an object are no structure")
        first = _first_number(cell, self.capture)
        if first is not None:
            return dict(enumerate(cell, first))
        class_id = self.capture.class_id
        raise MappingError(f"a structure of {len(cell)} elements for the attributes of class {class_id}")


@dataclass(frozen=True, slots=True)
class Layout:
    """The compiled columns of one profile; ``attribute`` is its buffer."""

    attribute: AttributeDescriptor
    columns: tuple[Column, ...]
    presentation: Presentation
    null_cells: NullCells

    def rows(
        self,
        buffer: Value,
        *,
        capture_period: int,
        sort_method: int | None,
        poll_time_ns: int,
        known: Cells | None = None,
    ) -> Rows:
        """Return the rows of a buffer, or of a part of it.

        ``capture_period`` is in seconds; ``sort_method`` as the meter has it, None where it is not known. ``known``
        rows are of the same profile, and these are added. Nothing is raised for what is wrong in a buffer: it is among
        the problems, each kind once for a column.
        """
        problems = _Problems()
        cells = [self._cells(row, problems) for row in _as_rows(buffer, self.attribute, problems)]
        fitting = [row for row in cells if row is not None]
        clock = clock_column([column.capture for column in self.columns], fitting)
        nulls = handle_nulls(fitting, clock, self.null_cells, {} if known is None else known)
        drafts = self._drafts(cells, clock, _step_ns(capture_period, sort_method), problems)
        ordered = list(_in_order(drafts, sort_method, poll_time_ns))
        return Rows(
            rows=tuple(row for row, _ in ordered),
            places=tuple(place for _, place in ordered),
            problems=problems.all(),
            misfits=len(cells) - len(fitting),
            nulls=nulls,
        )

    def _cells(self, row: Value, problems: _Problems) -> list[Value] | None:
        # A compact array of one column has no structures.
        cells: list[Value] = list(row) if isinstance(row, list | tuple) else [row]
        if len(cells) == len(self.columns):
            return cells
        problems.add(
            Problem(self.attribute, MappingError(f"a row of {len(cells)} cells for {len(self.columns)} columns"))
        )
        return None

    def _drafts(
        self, rows: Sequence[list[Value] | None], clock: int | None, step_ns: int, problems: _Problems
    ) -> Iterable[_Draft]:
        """Yield the rows that gave a line, in the order of the buffer."""
        clocks = [None if cells is None or clock is None else cells[clock] for cells in rows]
        times = row_times(clocks, self.presentation.clock, step_ns=step_ns)
        for place, (cells, status, time) in enumerate(zip(rows, _statuses(clocks), times, strict=True)):
            if cells is None:
                continue
            if isinstance(time, MappingError):
                problems.add(Problem(self._clock_attribute(clock), time))
                continue
            bodies = self._bodies(cells, clock, time, problems)
            if bodies:
                suffix = "" if status is None else f",clock_status={status}i"
                yield _Draft(place, time, cells_key(_without(cells, clock)), [body + suffix for body in bodies])

    def _bodies(self, cells: Sequence[Value], clock: int | None, time: int | None, problems: _Problems) -> list[str]:
        bodies: list[str] = []
        refused = False
        for index, (column, cell) in enumerate(zip(self.columns, cells, strict=True)):
            if cell is None or index == clock:
                continue
            body, wrong = column.body(cell)
            if wrong:
                refused = True
                problems.add(*wrong)
            if body is not None:
                bodies.append(body)
        if bodies or refused or clock is None or time is None:
            return bodies
        return [f'{self.columns[clock].prefix()}clock_time="{self._clock_text(cells[clock], time)}"']

    def _clock_text(self, cell: Value, time: int) -> str:
        if isinstance(cell, bytes) and not is_null(cell):
            return self.presentation.clock.to_text(cell) or ""
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time // 1000)
        return f"{moment:%Y-%m-%dT%H:%M:%S}+00:00"

    def _clock_attribute(self, clock: int | None) -> AttributeDescriptor:
        return self.attribute if clock is None else self.columns[clock].descriptor()


def _statuses(clocks: Sequence[Value]) -> Iterable[int | None]:
    """Yield the clock status of each row; a null clock has that of the clock that its time is counted from."""
    clock = next((cell for cell in clocks if not is_null(cell)), None)
    for cell in clocks:
        clock = clock if is_null(cell) else cell
        yield status_of(clock) if isinstance(clock, bytes) else None


def _first_number(cell: Sequence[Value], capture: CaptureObject) -> int | None:
    """Return with which attribute a structure of all of them begins, 1 or 2; None where that cannot be told."""
    is_named = bool(cell) and cell[0] == capture.logical_name
    if not is_described(capture.class_id):
        return 1 if is_named else None
    counts = {len(attributes_of(capture.class_id, version)) for version in versions_of(capture.class_id)}
    firsts = [first for first in (1, 2) if len(cell) + first - 1 in counts]
    if is_named:
        return 1 if 1 in firsts else None
    return firsts[0] if len(firsts) == 1 else None


class _Draft(NamedTuple):
    """A row before its order among the rows of its time is known; no clock_ns without a clock."""

    place: int
    clock_ns: int | None
    key: bytes
    bodies: list[str]


class _Problems:
    """Problems by attribute and kind: a buffer of thousands of rows has few, however often each occurs."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: dict[tuple[AttributeDescriptor, type], Problem] = {}

    def add(self, *problems: Problem) -> None:
        for problem in problems:
            key = (problem.attribute, type(problem.error))
            first = self._found.get(key)
            self._found[key] = problem if first is None else first._replace(times=first.times + problem.times)

    def all(self) -> tuple[Problem, ...]:
        return tuple(self._found.values())


def _as_rows(buffer: Value, attribute: AttributeDescriptor, problems: _Problems) -> Sequence[Value]:
    if isinstance(buffer, list):
        return buffer
    if buffer is not None:
        problems.add(Problem(attribute, MappingError("the buffer is no array")))
    return ()


def _step_ns(capture_period: int, sort_method: int | None) -> int:
    if sort_method in (FIFO, None):
        return capture_period * 1_000_000_000
    return -capture_period * 1_000_000_000 if sort_method == LIFO else 0


def _without(cells: Sequence[Value], clock: int | None) -> Sequence[Value]:
    return cells if clock is None else [*cells[:clock], *cells[clock + 1 :]]


def _in_order(drafts: Iterable[_Draft], sort_method: int | None, poll_time_ns: int) -> Iterable[tuple[Row, int]]:
    """Yield the rows in capture order, each further one of a time a nanosecond later, with their places."""
    ordered = list(drafts)
    if sort_method == LIFO:
        ordered.reverse()
    elif sort_method not in (FIFO, None):
        ordered.sort(key=lambda draft: draft.clock_ns or 0)
    later: Counter[int] = Counter()
    for place, clock_ns, key, bodies in ordered:
        time_ns = poll_time_ns if clock_ns is None else clock_ns
        yield Row(clock_ns, time_ns + later[time_ns], key, tuple(bodies)), place
        later[time_ns] += 1
