"""Which rows were printed, in the state file: written soon after they left, many profiles in one commit.

What is printed and not written yet when the process is killed is printed again, and is the same points: so it need not
be written at once, but where rows are planned (``PrintedRows.plan``). An fsync may take a tenth of a second on a memory
card, and ten thousand profiles capture in the same second.

Telegraf keeps what it has read in memory until it flushes. So what was printed within ``replay_ns`` before the last row
that any process printed is printed once more by the next one.
"""

from __future__ import annotations

import asyncio
import time
from itertools import islice
from typing import TYPE_CHECKING, Final, Literal

from telegraf_dlms.printed import PrintedRows
from telegraf_dlms.state_file import StateUnusable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from telegraf_dlms.state_keeper import StateKeeper
    from telegraf_dlms.state_lock import Say

#: From one commit to the next.
COMMIT_S: Final = 1.0
#: A first row waits so long for others to come with it.
COLLECT_S: Final = 0.02
#: Profiles of one commit: 40 ms of the loop's time. The others follow after a pause.
MOST_AT_ONCE: Final = 500
PAUSE_S: Final = 0.25
#: A profile of which no row was printed for so long is not configured any more.
FORGET_NS: Final = 400 * 86_400 * 1_000_000_000


class Watermarks:
    """The printed rows of all profiles of this process. To be used inside a running loop."""

    def __init__(
        self, keeper: StateKeeper, *, replay_ns: int, say: Say, wall_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self.replay_ns = replay_ns
        self._keeper = keeper
        self._say = say
        self._wall_ns = wall_ns
        self._waiting: dict[bytes, PrintedRows] = {}
        self._has_begun = False
        self._timer: asyncio.TimerHandle | None = None
        self._last_commit = float("-inf")
        self._is_said = False

    def load(self, profile: bytes) -> PrintedRows:
        """Return what was printed of a profile, and what of it is to be printed once more."""
        if profile in self._waiting:
            self.settle()
        try:
            if not self._has_begun:
                self._begin()
            text = self._keeper.open().printed(profile)
        except StateUnusable as error:
            self._complain(f"which rows were printed cannot be read: {error}")
            text = None
        return self._understood(text) or PrintedRows()

    def _begin(self) -> None:
        """Have all that left last printed once more, also where this process ends before it comes to that."""
        self._has_begun = True
        state = self._keeper.open()
        last = state.printed_last(self.replay_ns)
        since_ns = max((printed_ns for _, printed_ns, _ in last), default=0) - self.replay_ns
        texts = []
        for profile, printed_ns, text in last:
            printed = self._understood(text, again_from_ns=since_ns)
            if printed is not None:
                texts.append((profile, printed_ns, printed.to_text()))
        if texts:
            self._write(texts)

    def _understood(self, text: str | None, *, again_from_ns: int | None = None) -> PrintedRows | None:
        if text is None:
            return None
        try:
            return PrintedRows.from_text(text, again_from_ns=again_from_ns)
        except ValueError as error:
            self._complain(f"{self._keeper.path}: {error}: it is read again from the beginning")
            return None

    def keep(self, profile: bytes, printed: PrintedRows, *, when: Literal["soon", "now"] = "soon") -> None:
        """Have it written, as it is then."""
        if when == "now":
            self._write([(profile, self._wall_ns(), printed.to_text())])
            return
        self._waiting[profile] = printed
        if self._timer is None:
            loop = asyncio.get_running_loop()
            due = max(self._last_commit + COMMIT_S, loop.time() + COLLECT_S)
            self._timer = loop.call_at(due, self._commit, MOST_AT_ONCE)

    def settle(self) -> None:
        """Write what waits to be written, also what could not be written before."""
        if self._timer is not None:
            self._timer.cancel()
        if self._waiting:
            self._commit(len(self._waiting))

    def _commit(self, most: int) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        self._last_commit = loop.time()
        profiles = list(islice(self._waiting, most))
        texts = [(profile, self._waiting[profile].printed_ns, self._waiting[profile].to_text()) for profile in profiles]
        if not self._write(texts):
            return  # with the next rows
        for profile in profiles:
            del self._waiting[profile]
        if self._waiting:
            self._timer = loop.call_later(PAUSE_S, self._commit, MOST_AT_ONCE)

    def _write(self, texts: Sequence[tuple[bytes, int, str]]) -> bool:
        try:
            self._keeper.open().keep_printed(texts, forget_ns=self._wall_ns() - FORGET_NS)
        except StateUnusable as error:
            self._complain(f"which rows were printed cannot be kept: {error}")
            return False
        if self._is_said:
            self._say("info", "which rows were printed is kept again")
            self._is_said = False
        return True

    def _complain(self, text: str) -> None:
        if not self._is_said:
            self._is_said = True
            self._say("warn", text)
