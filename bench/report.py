"""The table of a run: what was measured, beside what it is measured against, and the target; pure text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Verdict = Literal["met", "missed", ""]

_HEAD: Final = ("what", "ours", "against", "ratio", "target", "")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; ``verdict`` says whether the target was met, "" where there is none."""

    what: str
    ours: str
    against: str = ""
    ratio: str = ""
    target: str = ""
    verdict: Verdict = ""

    @property
    def cells(self) -> tuple[str, ...]:
        """The texts of the line, as the head has them."""
        return (self.what, self.ours, self.against, self.ratio, self.target, self.verdict)


@dataclass(frozen=True, slots=True)
class Section:
    """Lines that belong together."""

    title: str
    rows: tuple[Row, ...]


def at_most(value: float, limit: float) -> Verdict:
    """Return whether what was measured is within its target."""
    return "met" if value <= limit else "missed"


def at_least(value: float, limit: float) -> Verdict:
    """Return whether what was measured reaches its target."""
    return "met" if value >= limit else "missed"


def times_less(ours: float, theirs: float) -> str:
    """Return how many times less ours is, with two digits that tell something."""
    return f"{theirs / ours:.2g}x less" if theirs / ours < 10 else f"{theirs / ours:.0f}x less"


def microseconds(seconds: float) -> str:
    """Return a time of microseconds."""
    return f"{seconds * 1e6:.1f} µs"


def milliseconds(seconds: float) -> str:
    """Return a time of milliseconds."""
    return f"{seconds * 1e3:.1f} ms"


def megabytes(octets: float) -> str:
    """Return a size of megabytes."""
    return f"{octets / 1e6:.0f} MB"


def kilobytes(octets: float) -> str:
    """Return a size of kilobytes."""
    return f"{octets / 1e3:.1f} KB"


def percent(share: float) -> str:
    """Return a share; one that is not the whole is never rounded up to it."""
    return "100 %" if share >= 1 else f"{min(share * 100, 99.99):.2f} %"


def as_text(section: Section) -> str:
    """Return a section for a terminal: columns aligned."""
    lines = [_HEAD, *(row.cells for row in section.rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    return "\n".join([section.title, *(_aligned(line, widths) for line in lines), ""])


def as_markdown(sections: Iterable[Section], *, about: Sequence[str]) -> str:
    """Return the whole report, with what there is to know about the run in front."""
    parts = ["# What `make bench` measured", "", *about]
    for section in sections:
        parts += ["", f"## {section.title}", "", _cells(_HEAD), _cells(["---"] * len(_HEAD))]
        parts += [_cells(row.cells) for row in section.rows]
    return "\n".join([*parts, ""])


def _aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    return "  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()


def _cells(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
