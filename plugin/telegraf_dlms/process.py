"""What is wanted from the process: signals and stdin become wishes, in the order in which they are to be met.

Telegraf (plugins/inputs/execd/execd_posix.go) asks for values by a newline or a signal, and stops us by closing stdin
(internal/process/process.go): SIGTERM follows after 5 s, SIGKILL after 10.
"""

from __future__ import annotations

import asyncio
import enum
import gc
import os
import resource
import signal
import socket
import stat
from typing import TYPE_CHECKING, cast

from telegraf_dlms import early

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

#: A newline that came before the end of stdin is gathered within this time, so that we are gone before the SIGTERM.
LAST_GATHER_S = 4.0

#: How many more objects than were freed are made before a generation is looked through. Python's own 700, 10 and 10
#: look at the same million objects again and again while they come into being: with thousands of meters that was 40 %
#: of a start's CPU, in pauses of a second.
GARBAGE_THRESHOLDS = (10_000, 20, 50)

_READ_SIZE = 65536  # all that a pipe holds


class Wish(enum.Enum):
    """What ``Control.next`` hands out; the first is met first."""

    STOP = enum.auto()
    RELOAD = enum.auto()
    GATHER = enum.auto()


class Control:
    """Wishes, taken one after the other by one consumer, which meets each before it asks for the ``next``.

    While a gathering is running, further ones are remembered as one. End of file on stdin is a STOP that comes after
    the gatherings asked for before it; SIGTERM and SIGINT are one that comes at once. Either way ``stopping`` is set
    immediately, and ``cut`` when what is running has to be cut off: at once, or ``LAST_GATHER_S`` after the end of
    stdin where a gathering is running or was asked for. ``stop_began`` is the loop's time of the first such wish.

    ``stdin`` is watched where it is a pipe or a socket, and not where it is a file, a terminal, /dev/null, or None.
    To be made inside the running loop, in the main thread; what ``early`` noted before comes first.
    """

    def __init__(self, *, stdin: int | None = 0) -> None:
        self.stopping = asyncio.Event()
        self.cut = asyncio.Event()
        self.stop_began: float | None = None
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._is_reload_wanted = False
        self._gatherings = 0
        self._is_gathering = False
        self._cut_timer: asyncio.TimerHandle | None = None
        self._replaced = early.note_signals(*early.REQUEST_SIGNALS, *early.STOP_SIGNALS)
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self._former_wake = signal.set_wakeup_fd(self._wake_in.fileno(), warn_on_full_buffer=False)
        self._loop.add_reader(self._wake_out, self._signalled)
        self._stdin = stdin if stdin is not None and _is_watchable(stdin) else None
        if self._stdin is not None:
            self._loop.add_reader(self._stdin, self._read_stdin, self._stdin)
        self._take_signals()

    async def next(self) -> Wish:
        """Wait for the next wish; STOP is given again to who asks again. Calling it says that the last one is met."""
        self._is_gathering = False
        while (wish := self._foremost()) is None:
            self._changed.clear()
            await self._changed.wait()
        if wish is Wish.RELOAD:
            self._is_reload_wanted = False
        elif wish is Wish.GATHER:
            self._gatherings -= 1
            self._is_gathering = True
        return wish

    def stop(self) -> None:
        """Want a stop at once, as SIGTERM does."""
        self._stop_in(0)

    def close(self) -> None:
        """Watch nothing any more. Signals are noted on, where they were noted before."""
        self._unwatch_stdin()
        if self._cut_timer is not None:
            self._cut_timer.cancel()
        self._loop.remove_reader(self._wake_out)
        signal.set_wakeup_fd(self._former_wake)
        self._wake_in.close()
        self._wake_out.close()
        for number, handler in self._replaced.items():
            signal.signal(number, cast("signal.Handlers", handler))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _foremost(self) -> Wish | None:
        if self.cut.is_set() or (self.stopping.is_set() and not self._gatherings):
            return Wish.STOP
        if self._is_reload_wanted:
            return Wish.RELOAD
        return Wish.GATHER if self._gatherings else None

    def _signalled(self) -> None:
        """Take what woke the loop; the Python handlers, which note, have run by now."""
        self._wake_out.recv(_READ_SIZE)
        self._take_signals()

    def _take_signals(self) -> None:
        for number in early.taken():
            if number in early.STOP_SIGNALS:
                self.stop()
            else:
                self._is_reload_wanted |= number == signal.SIGHUP
                self._want_gathering(1)

    def _read_stdin(self, stdin: int) -> None:
        try:
            octets = os.read(stdin, _READ_SIZE)
        except BlockingIOError:
            return
        except OSError:  # a socket that was reset
            octets = b""
        self._want_gathering(octets.count(b"\n"))
        if not octets:
            self._unwatch_stdin()
            self._stop_in(LAST_GATHER_S if self._gatherings or self._is_gathering else 0)

    def _unwatch_stdin(self) -> None:
        if self._stdin is not None:
            self._loop.remove_reader(self._stdin)
            self._stdin = None

    def _want_gathering(self, times: int) -> None:
        """Remember one gathering behind the one that is running, or behind the one that is about to run."""
        if not self.stopping.is_set():
            self._gatherings = min(self._gatherings + times, 1 if self._is_gathering else 2)
            self._changed.set()

    def _stop_in(self, seconds: float) -> None:
        if self.stop_began is None:
            self.stop_began = self._loop.time()
        self.stopping.set()
        self._changed.set()
        if seconds:
            self._cut_timer = self._loop.call_later(seconds, self.cut.set)
        else:
            self.cut.set()


def raise_file_limit() -> int:
    """Raise the soft limit of open files to the hard one, for thousands of meters; return the limit there is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):
        return soft
    return hard


def relax_garbage_collection() -> None:
    """Look for garbage in circles less often: little of ours is, and what there is is small."""
    gc.set_threshold(*GARBAGE_THRESHOLDS)


def _is_watchable(descriptor: int) -> bool:
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError:  # not open
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
