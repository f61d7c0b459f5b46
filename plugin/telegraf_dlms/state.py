"""What outlives the process: counters, lock-outs, the system title, printed rows (design, section 3 "State").

All of it is read and written at once, on the loop's thread: a read takes microseconds, a commit one fsync. Counters
come in blocks, lock-outs hardly ever, and printed rows of many profiles together (``watermarks``), so commits are rare;
``fill`` gives any number of meters their blocks in one.
Where nothing can be written the same tables are in memory: then a key under a configured title has no number that is
known to be new, and only the meter's own counter gives it one.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import weakref
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from telegraf_dlms.counters import COUNTER_END, FIRST_BLOCK, Counters, key_id_of
from telegraf_dlms.errors import CipheringError
from telegraf_dlms.state_file import BUSY_S, StateUnusable, begin, open_file, open_memory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from telegraf_dlms.state_lock import Say, StateLock

#: No lock-out lasts longer, also where the clock was set back after it began.
MAX_LOCK_NS: Final = 3600 * 10**9
#: Octets of a secret's digest that are kept: enough to tell a changed one, too few to find it.
SECRET_DIGEST_SIZE: Final = 2
#: After damage numbers begin this far beyond the meter's: what was sent last may not have reached it.
DAMAGE_MARGIN: Final = 4096

_UNUSABLE: Final = (OSError, sqlite3.Error, StateUnusable)
_RAISE: Final = "INSERT INTO counter VALUES (?, ?) ON CONFLICT (key_id) DO UPDATE SET next = max(next, excluded.next)"


def open_state(path: Path, *, say: Say, lock: StateLock | None = None) -> State:
    """Open the state, or make it; in memory, which is said once, where it cannot be written.

    ``lock`` is the one that a ``run`` holds; other commands share the file without one.
    """
    path = path.absolute()
    try:
        return State(open_file(path, say=say, lock=lock), path=path, say=say, lock=lock)
    except _UNUSABLE as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        say("warn", f"{path}: {reason}: the state stays in memory, and ends with this process")
        return State(open_memory(), path=None, say=say)


def state_in_memory() -> State:
    """Return a state that is empty, and ends with the process."""
    connection = open_memory()
    state = State(connection, path=None, say=lambda _level, _message: None)
    weakref.finalize(state, connection.close)
    return state


def secret_digest(device: str, *secrets: bytes) -> bytes:
    """Return what tells whether a device's secrets are still the same ones."""
    digest = hashlib.sha256(b"telegraf-dlms lock-out\0")
    for octets in (device.encode(), *secrets):
        digest.update(len(octets).to_bytes(4) + octets)
    return digest.digest()[:SECRET_DIGEST_SIZE]


class State:
    """The state of one configuration; ``open_state`` makes it. ``path`` is None where it is in memory."""

    def __init__(
        self, connection: sqlite3.Connection, *, path: Path | None, say: Say, lock: StateLock | None = None
    ) -> None:
        self.path = path
        self._connection = connection
        self._say = say
        self._lock = lock
        self._counters: dict[bytes, Counters] = {}
        #: Lock-outs that could not be written: they hold as long as this process does.
        self._unwritten: dict[str, tuple[bytes, int]] = {}
        self._title = self._meta("title")
        self._place = self._place_now()

    @property
    def title(self) -> bytes:
        """Our system title where none is configured, 8 octets: ``TDL`` and five random ones, made with the file."""
        return self._title

    def counters(self, block_cipher_key: bytes, *, system_title: bytes | None = None) -> Counters:
        """Return the counter of a key under a title, None being our own; one object for each of them."""
        key_id = key_id_of(block_cipher_key, system_title=system_title or self._title)
        if key_id not in self._counters:
            # A title of our own is as old as the file: a key that the file does not know was never used with it.
            at_least = 1 if system_title in {None, self._title} else None
            self._counters[key_id] = Counters(self, key_id, at_least=at_least)
        return self._counters[key_id]

    def fill(self, counters: Iterable[Counters]) -> None:
        """Give a block to each that has none, in one commit; where that fails, each is told when it is used."""
        empty = {id(each): each for each in counters if each.empty}
        try:
            with self._transaction():
                for each in empty.values():
                    each.is_new()
                blocks = self._blocks(empty.values())
        except (*_UNUSABLE, CipheringError):
            return
        for each, block in blocks:
            each.give(block)

    def reserve(self, key_id: bytes, count: int = FIRST_BLOCK, *, at_least: int | None = None) -> range:
        """Return ``count`` invocation counters (less at the end) that are on the disk as used, and nobody else's.

        ``at_least`` is the least that may come, None where nobody knows. Keys of which little is left get further
        blocks in the same commit: thousands of meters that are asked alike would each need theirs in the same moment.
        Raises CipheringError where none is left, none can be kept, or none is known to be new.
        """
        try:
            with self._transaction():
                own = self._reserve(key_id, count, at_least)
                low = [each for other_id, each in self._counters.items() if other_id != key_id and each.is_low]
                blocks = self._blocks(low)
        except _UNUSABLE as error:
            raise CipheringError(
                f"no invocation counter can be reserved in {self.path or 'memory'}: {error}"
            ) from error
        for each, block in blocks:
            each.give(block)
        return own

    def reserved_to(self, key_id: bytes) -> int | None:
        """Return the end of what is reserved for a key; None where it was never used. Raises CipheringError."""
        try:
            row = self._connection.execute("SELECT next FROM counter WHERE key_id = ?", (key_id,)).fetchone()
        except sqlite3.Error as error:
            raise CipheringError(f"no invocation counter can be read from {self.path}: {error}") from error
        return None if row is None else int(row[0])

    def lock(self, device: str, digest: bytes, *, until_ns: int) -> None:
        """Keep a device from being asked until a time of the wall clock: the secrets of this digest were refused."""
        self._unwritten.pop(device, None)
        try:
            with self._transaction():
                self._connection.execute("INSERT OR REPLACE INTO lock_out VALUES (?, ?, ?)", (device, digest, until_ns))
        except _UNUSABLE as error:
            self._unwritten[device] = digest, until_ns
            self._say("warn", f"{device}: its lock-out would not outlive a restart: {self.path}: {error}")

    def locked_until(self, device: str, digest: bytes, *, now_ns: int) -> int | None:
        """Return until when a device is not to be asked with the secrets of this digest; None where it may be.

        Raises StateUnusable where it cannot be read.
        """
        lock_out = self._lock_out(device)
        if lock_out is None:
            return None
        refused, until_ns = lock_out
        if refused != digest or until_ns <= now_ns:
            with suppress(*_UNUSABLE):
                self._unlock(device)
            return None
        if until_ns > now_ns + MAX_LOCK_NS:
            until_ns = now_ns + MAX_LOCK_NS
            self.lock(device, digest, until_ns=until_ns)
        return until_ns

    def unlock(self, device: str) -> bool:
        """Let a device be asked again; tell whether it was locked. Raises StateUnusable where it cannot be written."""
        try:
            return self._unlock(device) > 0
        except _UNUSABLE as error:
            raise StateUnusable(f"{self.path}: {error}") from error

    def printed(self, profile: bytes) -> str | None:
        """Return the text that ``keep_printed`` has of a profile; None where there is none. Raises StateUnusable."""
        try:
            row = self._connection.execute("SELECT rows FROM printed WHERE profile = ?", (profile,)).fetchone()
        except sqlite3.Error as error:
            raise StateUnusable(f"{self.path}: {error}") from error
        return None if row is None else str(row[0])

    def printed_last(self, within_ns: int) -> list[tuple[bytes, int, str]]:
        """Return the profiles that were printed within a time before the last row of any of them was.

        Each with when its own last row was, and its text. Raises StateUnusable.
        """
        query = "SELECT * FROM printed WHERE printed_ns > (SELECT max(printed_ns) FROM printed) - ?"
        try:
            rows = self._connection.execute(query, (within_ns,)).fetchall()
        except sqlite3.Error as error:
            raise StateUnusable(f"{self.path}: {error}") from error
        return [(bytes(profile), int(printed_ns), str(text)) for profile, printed_ns, text in rows]

    def keep_printed(self, texts: Iterable[tuple[bytes, int, str]], *, forget_ns: int) -> None:
        """Keep profiles, when their last rows were printed, and what is to be kept of them, in one commit.

        Those whose last row was printed before ``forget_ns`` are forgotten. Raises StateUnusable.
        """
        try:
            with self._transaction():
                self._connection.executemany("INSERT OR REPLACE INTO printed VALUES (?, ?, ?)", texts)
                self._connection.execute("DELETE FROM printed WHERE printed_ns < ?", (forget_ns,))
        except _UNUSABLE as error:
            raise StateUnusable(f"{self.path}: {error}") from error

    def close(self) -> None:
        """Let go of the file. What was committed is there."""
        self._connection.close()

    def _lock_out(self, device: str) -> tuple[bytes, int] | None:
        if device in self._unwritten:
            return self._unwritten[device]
        query = "SELECT secret_digest, until_ns FROM lock_out WHERE device = ?"
        try:
            row = self._connection.execute(query, (device,)).fetchone()
        except sqlite3.Error as error:
            raise StateUnusable(f"{self.path}: {error}") from error
        return None if row is None else (bytes(row[0]), int(row[1]))

    def _unlock(self, device: str) -> int:
        self._unwritten.pop(device, None)
        with self._transaction():
            return self._connection.execute("DELETE FROM lock_out WHERE device = ?", (device,)).rowcount

    def _blocks(self, counters: Iterable[Counters]) -> list[tuple[Counters, range]]:
        """Reserve a block for each, but for those that cannot have one."""
        blocks: list[tuple[Counters, range]] = []
        for each in counters:
            key_id, count, at_least = each.wanted
            with suppress(CipheringError):
                blocks.append((each, self._reserve(key_id, count, at_least)))
        return blocks

    def _reserve(self, key_id: bytes, count: int, at_least: int | None) -> range:
        known = self.reserved_to(key_id)
        start = self._first(at_least) if known is None else max(known, at_least or 1)
        end = min(start + count, COUNTER_END)
        if start >= end:
            raise CipheringError("the invocation counters of this key are used up: the meter needs a new key")
        self._connection.execute(_RAISE, (key_id, end))
        return range(start, end)

    def _first(self, at_least: int | None) -> int:
        """Return the first number of a key that the state does not know."""
        damaged = self._meta("history") == b"lost"
        if at_least is None and (damaged or self.path is None):
            cause = "the state was damaged" if damaged else "the state cannot be kept"
            raise CipheringError(
                f"{cause}, and which invocation counters were used is not known: set invocation_counter"
            )
        if damaged and at_least is not None and at_least > 1:
            return at_least + DAMAGE_MARGIN
        return at_least or 1

    def _meta(self, name: str) -> bytes:
        (value,) = self._connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return bytes(value)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._stay_with_file()
        begin(self._connection, patience_s=BUSY_S)
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def _stay_with_file(self) -> None:
        """Where the file was removed or replaced, make or take the one in its place, with what this process knows."""
        if self.path is None or self._place == self._place_now():
            return
        connection = open_file(self.path, say=self._say, lock=self._lock)
        self._connection.close()
        self._connection = connection
        self._place = self._place_now()
        with self._transaction():
            self._connection.execute("UPDATE meta SET value = ? WHERE name = 'title'", (self._title,))
            known = ((key_id, counters.end) for key_id, counters in self._counters.items() if counters.end)
            self._connection.executemany(_RAISE, known)
        self._say("warn", f"{self.path}: the state was removed or replaced: it goes on with what this process knows")

    def _place_now(self) -> tuple[int, int] | None:
        """Tell which file is at the path."""
        try:
            status = os.stat(self.path) if self.path is not None else None  # noqa: PTH116  a Path's stat is thrice as slow
        except FileNotFoundError:
            return None
        return None if status is None else (status.st_dev, status.st_ino)
