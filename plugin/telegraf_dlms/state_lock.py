"""Whose the state is: one ``run`` at a time, by a lock on a file beside it (design, section 3)."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

#: How what happens to the state is told: ``log.Log.say`` is one.
Say: TypeAlias = "Callable[[Literal['error', 'warn', 'info'], str], None]"
#: How often a second ``run`` looks whether the first has ended.
LOOK_AGAIN_S: Final = 0.5


class StateLock:
    """Says that a ``run`` uses the state: held until it is released, or the process has ended however it did."""

    __slots__ = ("_descriptor", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether it is ours."""
        return self._descriptor is not None

    def acquire(self) -> bool:
        """Take it without waiting; False where another has it. Where no lock can be made at all, nobody is kept out."""
        if self.held:
            return True
        try:
            descriptor = self._open()
        except OSError:
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except OSError:
            os.close(descriptor)
            return True
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Let another have it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> int:
        make_folder(self.path.parent)
        descriptor = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        give_to_owner(self.path.parent, descriptor)
        return descriptor


async def wait_until_held(
    lock: StateLock, *, say: Say, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Return when the lock is ours; where another ``run`` has it, that is said once."""
    if lock.acquire():
        return
    say("warn", f"{lock.path}: another run of telegraf-dlms uses this state: waiting until it ends")
    while not lock.acquire():
        await sleep(LOOK_AGAIN_S)
    say("info", f"{lock.path}: the other run has ended: going on")


def make_folder(folder: Path) -> None:
    """Make a folder that nobody else can look into, where there is none. Raises OSError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from None


def give_to_owner(folder: Path, descriptor: int) -> None:
    """Where root is the first to come (``sudo telegraf-dlms test``), the service's user must be able to go on."""
    if os.geteuid() == 0:
        owner = folder.stat()
        with contextlib.suppress(PermissionError):  # root of a container may not
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
