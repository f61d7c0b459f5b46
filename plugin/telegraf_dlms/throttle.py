"""How fast profiles catch up: lines that Telegraf's buffer has room for, also while it cannot write.

Telegraf keeps 10,000 metrics for an output (metric_buffer_limit), drops the oldest where there are more, and writes
every 10 s (flush_interval). In any 10 s no more than BURST + 10 * LINES_A_SECOND lines are caught up with, which leaves
room for what is read live. It is one throttle for the whole process.
"""

from __future__ import annotations

from typing import Final

#: With 10 s of LINES_A_SECOND 6,000 lines: 4,000 of Telegraf's 10,000 are left for single values and the usual rows.
BURST: Final = 2_000
#: A month of quarter hours with four columns takes half a minute.
LINES_A_SECOND: Final = 400
_SECOND: Final = 1_000_000_000


class Throttle:
    """Lines that may be printed: at first ``burst``, then ``lines_a_second``. Times are a monotonic clock's."""

    __slots__ = ("_at_ns", "_burst", "_lines", "_lines_a_second")

    def __init__(self, *, burst: int = BURST, lines_a_second: int = LINES_A_SECOND) -> None:
        self._burst = burst
        self._lines_a_second = lines_a_second
        self._lines = float(burst)
        self._at_ns = 0

    def claim(self, lines: int, now_ns: int) -> bool:
        """Take ``lines`` where they are allowed now; more than a burst count as one."""
        self._refill(now_ns)
        if self._lines < min(lines, self._burst):
            return False
        self._lines -= lines
        return True

    def reserve(self, lines: int, now_ns: int) -> int:
        """Take ``lines``, and return when they may be printed: everybody gets a time, one behind the other."""
        self._refill(now_ns)
        missing = min(lines, self._burst) - self._lines
        self._lines -= lines
        return now_ns + max(0, int(missing * _SECOND / self._lines_a_second))

    def give_back(self, lines: int) -> None:
        """Put back what was taken and not printed; less than nothing is what was printed beyond it."""
        self._lines = min(self._burst, self._lines + lines)

    def _refill(self, now_ns: int) -> None:
        if self._at_ns:
            self._lines = min(self._burst, self._lines + (now_ns - self._at_ns) * self._lines_a_second / _SECOND)
        self._at_ns = now_ns
