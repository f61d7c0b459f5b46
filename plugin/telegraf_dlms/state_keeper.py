"""The state of a process, opened where it is needed (design, section 3 "State").

A plan with a key or a password needs it from the start, a ``run`` also with a profile, as does who names a
``state_file``, and where a file is, it is used. Any other plan makes no file, holds no lock and waits for no disk,
until a meter locks us out all the same: the lock-out has to be where ``unlock`` finds it.

A ``run`` that needs the state from the start waits until no other one uses it. One that needs it later, after its
configuration was read again or for a lock-out, shares it, and says so: what is committed is safe either way.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from telegraf_dlms.state import open_state
from telegraf_dlms.state_lock import StateLock, wait_until_held

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from telegraf_dlms.counters import Counters
    from telegraf_dlms.state import State
    from telegraf_dlms.state_lock import Say


class StateKeeper:
    """The state that is, or would be, at ``path``. ``role``: a "run" is to be the only one, a "guest" shares it."""

    def __init__(self, path: Path, *, say: Say, role: Literal["run", "guest"]) -> None:
        self._path = path
        self._say = say
        self._lock = StateLock(path) if role == "run" else None
        self._state: State | None = None

    @property
    def path(self) -> Path:
        """Where the state is, or would be."""
        return self._path

    @property
    def is_open(self) -> bool:
        """Whether the state was needed so far."""
        return self._state is not None

    @property
    def is_there(self) -> bool:
        """Whether there is a file to be used."""
        return os.path.exists(self._path)  # noqa: PTH110  Path.exists raises where a folder is closed to us

    async def begin(self) -> None:
        """Open it, as soon as no other ``run`` uses it."""
        if self._lock is not None:
            await wait_until_held(self._lock, say=self._say)
        self.open()

    def open(self) -> State:
        """Return the state, opened now if it was not; in memory, which is said, where it cannot be written."""
        if self._state is None:
            if self._lock is not None and not self._lock.acquire():
                self._say("warn", f"{self._path}: another run of telegraf-dlms uses this state too")
            self._state = open_state(self._path, say=self._say, lock=self._lock)
        return self._state

    def move(self, path: Path) -> None:
        """Have it elsewhere; only while it is not open."""
        self._path = path
        if self._lock is not None:
            self._lock = StateLock(path)

    def close(self) -> None:
        """Let go of the file, and let another ``run`` have it."""
        if self._state is not None:
            self._state.close()
        if self._lock is not None:
            self._lock.release()

    # What a meter asks of its state

    @property
    def title(self) -> bytes:
        """Our system title where none is configured, 8 octets."""
        return self.open().title

    def counters(self, block_cipher_key: bytes, *, system_title: bytes | None = None) -> Counters:
        """Return the counter of a key under a title, None being our own; one object for each of them."""
        return self.open().counters(block_cipher_key, system_title=system_title)

    def fill(self, counters: Iterable[Counters]) -> None:
        """Give a block to each that has none, in one commit."""
        if self._state is not None:
            self._state.fill(counters)

    def lock(self, device: str, digest: bytes, *, until_ns: int) -> None:
        """Keep a device from being asked until a time of the wall clock: the secrets of this digest were refused."""
        self.open().lock(device, digest, until_ns=until_ns)

    def locked_until(self, device: str, digest: bytes, *, now_ns: int) -> int | None:
        """Return until when a device is not to be asked with the secrets of this digest; None where it may be.

        Raises StateUnusable where it cannot be read.
        """
        if self._state is None and not self.is_there:
            return None
        return self.open().locked_until(device, digest, now_ns=now_ns)
