"""Lines to stdout, which is a wire: whole lines, batches of at most 4096 octets, and a slow reader is waited for.

Telegraf (internal/process/process.go) reads our stdout until we exit, and then throws away what is still in the pipe;
while it does not read, the pipe fills. So ``write`` comes back when its lines are in the pipe, which stops the pollers
behind a slow reader, and ``drain`` waits until the pipe is empty.

Where each kind of stdout has its traps:

- a pipe is opened once more through /proc, non-blocking: O_NONBLOCK belongs to the open file description, and that of
  our descriptor may be shared with a shell or with stderr;
- a socket (systemd's journal) is told MSG_DONTWAIT each time, for the same reason;
- files and terminals are written plainly: epoll refuses files, and neither stays full for long.

A reader that goes while there is nothing to write is noticed by an epoll of its own, which asks for no events at all:
the kernel then reports hang-ups and errors alone. Asking for readability, as asyncio's own pipes do, would spin on a
socket whose receiving half systemd has shut down.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import functools
import logging
import os
import select
import socket
import stat
import sys
import termios
from collections import deque
from typing import TYPE_CHECKING

from telegraf_dlms.errors import Scope, TelegrafDlmsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

#: PIPE_BUF on Linux: a write of that much to a pipe is never mixed with another's, and is done whole or not at all.
MAX_BATCH = 4096
#: The most that a pipe may be asked to hold without privileges (fs.pipe-max-size).
MAX_PIPE = 1 << 20
#: How often a full disk is tried again.
DISK_RETRY_S = 1.0
#: How often the pipe is looked at while it is drained; the kernel cannot tell when a pipe becomes empty.
DRAIN_STEP_S = 0.005

_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

_logger = logging.getLogger(__name__)


class OutputClosed(TelegrafDlmsError):
    """Nobody reads stdout any more (EPIPE, EIO, a hang-up)."""

    scope = Scope.PROCESS


class Output:
    """The lines' way out through ``descriptor``, which it owns from now on; to be made inside the running loop.

    ``closed`` is set when the reader has gone, also while nothing is written.
    """

    def __init__(self, descriptor: int) -> None:
        self.closed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._descriptor, self._send, self._put_back = _prepared(descriptor)
        self._is_pipe = stat.S_ISFIFO(os.fstat(self._descriptor).st_mode)
        self._batches: deque[bytes | memoryview] = deque()
        self._batches_in = 0
        self._batches_out = 0
        self._waiters: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._is_held = False
        self._hang_up = self._watch_reader()

    def make_room(self, octets: int) -> None:
        """Let a pipe hold so many octets, up to what the system allows: thousands of meters print 64 KB in 20 ms.

        A reader that is off its core for as long stops nobody then.
        """
        if self._is_pipe and octets > fcntl.fcntl(self._descriptor, fcntl.F_GETPIPE_SZ):
            with contextlib.suppress(OSError):  # this user's pipes hold as much as they may already
                fcntl.fcntl(self._descriptor, fcntl.F_SETPIPE_SZ, min(octets, MAX_PIPE))

    async def write(self, lines: Iterable[str]) -> None:
        """Write ``lines`` (without newlines) and return when the kernel has them; raises ``OutputClosed``.

        Lines of several callers leave in the order of the calls. What was handed over leaves whole, and also when the
        caller is cancelled while it waits, so that nothing that was read is lost in a stop.
        """
        self._raise_if_closed()
        self._batches.extend(batches := list(batches_of(lines)))
        self._batches_in += len(batches)
        if not self._is_held:
            self._flush()
        self._raise_if_closed()
        if self._batches:
            waiter = self._loop.create_future()
            self._waiters.append((self._batches_in, waiter))
            await waiter

    async def drain(self, timeout_s: float) -> bool:
        """Wait until all lines left and, of a pipe, were read; False where time ran out or the reader has gone."""
        deadline = self._loop.time() + timeout_s
        while not self.closed.is_set():
            if not self._batches and not self._unread():
                return True
            if self._loop.time() >= deadline:
                return False
            await asyncio.sleep(DRAIN_STEP_S)
        return False

    def close(self) -> None:
        """Give the descriptor back; callers that still wait get ``OutputClosed``. Doing it twice is no harm."""
        if self._descriptor >= 0:
            self._end()
            self._put_back()
            self._descriptor = -1

    def _flush(self) -> None:
        """Write until all is written or the kernel takes no more, and wake those whose lines have left."""
        try:
            while self._batches:
                batch = self._batches[0]
                sent = self._send(batch)
                if sent < len(batch):
                    self._batches[0] = memoryview(batch)[sent:]
                else:
                    self._batches.popleft()
                    self._batches_out += 1
        except BlockingIOError:
            self._hold()
        except OSError as error:
            if error.errno in _DISK_FULL:
                self._wait_for_disk(error)
            else:
                self._end()
        else:
            self._release()
        while self._waiters and self._waiters[0][0] <= self._batches_out:
            _wake(self._waiters.popleft()[1])

    def _hold(self) -> None:
        if not self._is_held:
            self._is_held = True
            self._loop.add_writer(self._descriptor, self._flush)

    def _release(self) -> None:
        if self._is_held:
            self._is_held = False
            self._loop.remove_writer(self._descriptor)

    def _wait_for_disk(self, error: OSError) -> None:
        if not self._is_held:
            self._is_held = True
            _logger.warning("stdout: %s: polling waits for room", error.strerror)
        self._loop.call_later(DISK_RETRY_S, self._flush)

    def _end(self) -> None:
        """Take it that nobody reads: what waits is lost, and everybody is told."""
        if self.closed.is_set():
            return
        self.closed.set()
        self._release()
        if self._hang_up is not None:
            self._loop.remove_reader(self._hang_up.fileno())
            self._hang_up.close()
        self._batches.clear()
        while self._waiters:
            _wake(self._waiters.popleft()[1], OutputClosed("stdout: nobody reads it any more"))

    def _raise_if_closed(self) -> None:
        if self.closed.is_set():
            raise OutputClosed("stdout: nobody reads it any more")

    def _watch_reader(self) -> select.epoll | None:
        hang_up = select.epoll()
        try:
            hang_up.register(self._descriptor, 0)
        except PermissionError:  # a file, or /dev/null
            hang_up.close()
            return None
        self._loop.add_reader(hang_up.fileno(), self._end)
        return hang_up

    def _unread(self) -> int:
        if not self._is_pipe:
            return 0
        return int.from_bytes(fcntl.ioctl(self._descriptor, termios.FIONREAD, bytes(4)), sys.byteorder)


def batches_of(lines: Iterable[str]) -> Iterator[bytes]:
    """Join whole lines, each with its newline, to batches of at most 4096 octets; a longer line is one alone."""
    batch: list[bytes] = []
    size = 0
    for line in lines:
        octets = line.encode() + b"\n"
        if size + len(octets) > MAX_BATCH and batch:
            yield b"".join(batch)
            batch.clear()
            size = 0
        batch.append(octets)
        size += len(octets)
    if batch:
        yield b"".join(batch)


def _prepared(descriptor: int) -> tuple[int, Callable[[bytes | memoryview], int], Callable[[], None]]:
    """Return the descriptor to write to, the function that writes, and the one that gives it back."""
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISSOCK(mode):
        wire = socket.socket(fileno=descriptor)
        return descriptor, lambda octets: wire.send(octets, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL), wire.close
    if not stat.S_ISFIFO(mode):
        return descriptor, functools.partial(os.write, descriptor), functools.partial(os.close, descriptor)
    try:
        own = os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK)
    except OSError:  # another user's pipe, no /proc, or no reader: then the shared description has to do
        own = descriptor
        was_blocking = os.get_blocking(descriptor)
        os.set_blocking(descriptor, False)
        return own, functools.partial(os.write, own), functools.partial(_give_back, own, was_blocking)
    os.close(descriptor)
    return own, functools.partial(os.write, own), functools.partial(os.close, own)


def _give_back(descriptor: int, was_blocking: bool) -> None:  # noqa: FBT001 - a partial of it is what is called
    os.set_blocking(descriptor, was_blocking)
    os.close(descriptor)


def _wake(waiter: asyncio.Future[None], error: OutputClosed | None = None) -> None:
    if waiter.done():  # its caller was cancelled
        return
    if error is None:
        waiter.set_result(None)
    else:
        waiter.set_exception(error)
