"""A request to read now, and how many visits it waits for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telegraf_dlms.metrics import PollResult


class Gathering:
    """A request to read now; ``done`` is set when each visit that it asked for is over."""

    def __init__(self) -> None:
        self.results: list[PollResult] = []
        self.done = asyncio.Event()
        self.expected = 0

    def expect(self) -> None:
        """Count one more visit to wait for."""
        self.expected += 1

    def report(self, result: PollResult) -> None:
        """Take the result of a visit that was expected."""
        self.results.append(result)
        if len(self.results) == self.expected:
            self.done.set()
