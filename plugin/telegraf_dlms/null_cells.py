"""Null cells of a profile's rows that repeat the one above (Blue Book, 4.3.6, Profile generic: compression of buffers).

A meter that compresses what it sends begins each answer with a whole row. One that keeps nulls as it captured them does
not, and is mostly asked for its newest rows alone; so the rows of the reads before are known by their clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from telegraf_dlms.axdr import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NullCells: TypeAlias = Literal["", "previous"]
#: The cells of rows that were read before, nulls repeated, by the cell of their clock.
Cells: TypeAlias = dict[Value, list[Value]]

#: A range begins two hours before the last row handled, nine rows by quarter hours; these are some 10 KB of a meter.
MOST_CELLS: Final = 32


def handle_nulls(rows: Iterable[list[Value]], clock: int | None, null_cells: NullCells, known: Cells) -> int:
    """Count the nulls beside the clock, and with "previous" repeat in each row the cells of the one before."""
    nulls = 0
    above: list[Value] | None = None
    for row in rows:
        before = _known_cells(row, clock, known) if null_cells == "previous" else None
        if None in row:
            for index, cell in enumerate(row):
                if cell is None and index != clock:
                    nulls += 1
                    if null_cells == "previous":
                        row[index] = _repeated(index, above, before)
        if null_cells == "previous":
            _know(row, clock, known)
        above = row
    return nulls


def _repeated(index: int, *rows: list[Value] | None) -> Value:
    return next((row[index] for row in rows if row is not None and row[index] is not None), None)


def _known_cells(row: Sequence[Value], clock: int | None, known: Cells) -> list[Value] | None:
    """Return the cells of a row that was read before, where it is this one."""
    cell = None if clock is None else row[clock]
    cells = known.get(cell) if isinstance(cell, bytes | int) else None
    if cells is None or any(one is not None and one != other for one, other in zip(row, cells, strict=True)):
        return None
    return cells


def _know(row: list[Value], clock: int | None, known: Cells) -> None:
    """Keep a row, where no more of its cells are null than those of the one of that time that is known."""
    cell = None if clock is None else row[clock]
    if not isinstance(cell, bytes | int):
        return
    before = known.pop(cell, None)
    known[cell] = row if before is None or row.count(None) <= before.count(None) else before
    if len(known) > MOST_CELLS:
        del known[next(iter(known))]
