"""A pseudo-terminal that meters are wired to: the serial line of those who have none."""

from __future__ import annotations

import asyncio
import contextlib
import os
import termios
import tty
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_READ_SIZE: Final = 4096
_BAUD_RATES: Final = {
    getattr(termios, name): int(name[1:]) for name in dir(termios) if name[0] == "B" and name[1:].isdigit()
}
#: Answers that nobody reads are dropped beyond this, as on a wire.
_MAX_PENDING: Final = 65_536


class Terminal:
    """The master of a pty whose slave is raw and linked to; to be made inside a running loop.

    The slave stays open here as well: without it the master would see an end (EIO) with each client that leaves.
    """

    def __init__(self, link: Path, received: Callable[[bytes], None]) -> None:
        """Open it; OSError where ``link`` is there and is no symbolic link."""
        self._received = received
        self._pending = bytearray()
        self._loop = asyncio.get_running_loop()
        self._master, self._slave = os.openpty()
        self.device = os.ttyname(self._slave)
        self.link = link
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        try:
            if link.is_symlink():
                link.unlink()
            link.symlink_to(self.device)
        except OSError:
            self._close_descriptors()
            raise
        self._loop.add_reader(self._master, self._read)

    @property
    def baud_rate(self) -> int:
        """How fast the client has set the line; a pseudo-terminal carries octets at any speed."""
        return _BAUD_RATES.get(termios.tcgetattr(self._master)[5], 0)

    def write(self, octets: bytes) -> None:
        """Send, now or as room comes."""
        if len(self._pending) + len(octets) <= _MAX_PENDING:
            self._pending += octets
        self._flush()

    def close(self) -> None:
        """Close it, and remove the link where it is still ours."""
        self._loop.remove_reader(self._master)
        self._loop.remove_writer(self._master)
        if self.link.is_symlink() and str(self.link.readlink()) == self.device:
            self.link.unlink()
        self._close_descriptors()

    def _read(self) -> None:
        try:
            octets = os.read(self._master, _READ_SIZE)
        except BlockingIOError:
            return
        self._received(octets)

    def _flush(self) -> None:
        with contextlib.suppress(BlockingIOError):
            del self._pending[: os.write(self._master, self._pending)]
        if self._pending:
            self._loop.add_writer(self._master, self._flush)
        else:
            self._loop.remove_writer(self._master)

    def _close_descriptors(self) -> None:
        os.close(self._master)
        os.close(self._slave)
