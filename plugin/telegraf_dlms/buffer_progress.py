"""How far reading a profile's buffer is, and how much of it is asked for at once: what is not worth keeping."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from telegraf_dlms.null_cells import Cells
    from telegraf_dlms.printed import PrintedRows
    from telegraf_dlms.rows import Row

#: Rows asked for at once, at first; how many are read in a second, or less, is found out then.
FIRST_AT_ONCE: Final = 32
LEAST_AT_ONCE: Final = 8
#: The rows of five days; more would be as fast, and keep others waiting, and memory.
MOST_AT_ONCE: Final = 500
#: The most rows that a poll usually brings: a profile that has more catches up, when others have been served.
USUAL_ROWS: Final = 8
#: A meter that was not heard any more so often when it was asked for entries is asked in another way for a day.
MOST_UNANSWERED: Final = 3
#: A buffer that is only read by range is looked through this seldom at last where nothing was hidden in it.
LONGEST_PATIENCE_NS: Final = 86_400_000_000_000
LEAST_PATIENCE_NS: Final = 60_000_000_000

_SECOND: Final = 1_000_000_000


class Place(NamedTuple):
    """Where the last row handled was: when, by our own clock, how many rows there were, and how many were newer.

    ``in_use`` is None where nobody asked.
    """

    wall_ns: int
    in_use: int | None = None
    age: int = 0


@dataclass(slots=True)
class Progress:
    """What is known of a buffer from one read to the next; it ends with the process.

    ``pending`` rows were read and are still to be printed, and there are ``more`` behind them. ``window_ns``: ranges
    were read up to it, each ``windows`` times as long as the rows of one reading take. The whole buffer is due to be
    looked through at ``whole_ns``. ``is_asking`` for entries, which ``unanswered`` times in a row ended the
    association; they are asked for again at ``entries_ns``. ``cells`` are those that null cells may repeat.
    """

    rows_at_once: int = FIRST_AT_ONCE
    pending: list[Row] = field(default_factory=list)
    more: bool = False
    place: Place | None = None
    window_ns: int | None = None
    windows: int = 1
    whole_ns: int = 0
    patience_ns: int = LEAST_PATIENCE_NS
    is_asking: bool = False
    unanswered: int = 0
    entries_ns: int = 0
    cells: Cells = field(default_factory=dict)

    def adapt(self, rows: int, *, took_ns: int, wanted_ns: int) -> None:
        """Ask for as many rows at once as take ``wanted_ns`` to read."""
        if rows >= LEAST_AT_ONCE and took_ns > 0:
            fitting = rows * wanted_ns // took_ns
            fitting = min(2 * self.rows_at_once, max(self.rows_at_once // 2, fitting))
            self.rows_at_once = min(MOST_AT_ONCE, max(LEAST_AT_ONCE, fitting))

    def be_patient(self, now_ns: int, *, capture_period: int) -> None:
        """Have the whole buffer looked through again when rows should have been captured, and not before."""
        self.whole_ns = now_ns + max(self.patience_ns, 2 * capture_period * _SECOND)

    def answers_entries(self, now_ns: int) -> bool:
        """Return whether entries are to be asked for: not where the meter falls silent each time, or hangs up."""
        if self.is_asking:
            self.is_asking = False
            self.unanswered += 1
        if self.unanswered >= MOST_UNANSWERED:
            self.unanswered = 0
            self.entries_ns = now_ns + LONGEST_PATIENCE_NS
        return now_ns >= self.entries_ns


def expected_rows(printed: PrintedRows, progress: Progress, *, capture_period: int, now_ns: int) -> int | None:
    """Return how many rows there should be to read by now; None where that cannot be known."""
    if progress.pending:
        return len(progress.pending)
    if printed.last is None:
        return None
    if not capture_period:
        return 0
    since_ns, newer = printed.resume_ns(now_ns), 0
    if progress.place is not None:
        since_ns, newer = progress.place.wall_ns, progress.place.age
    return newer if since_ns is None else newer + max(0, (now_ns - since_ns) // (capture_period * _SECOND))
