"""The state's file: where it is, whose it is, and what becomes of a damaged one (design, section 3).

It is SQLite, in write-ahead mode with ``synchronous = FULL``: what was committed survives kill -9 and a power cut, at
one fsync a commit. Processes share it (``run``, ``test``, ``--once``); only one ``run`` at a time has it, by a lock on
a file beside it. Nothing here opens the file but SQLite: closing another descriptor of it would drop SQLite's locks.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import sqlite3
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from telegraf_dlms.errors import TelegrafDlmsError
from telegraf_dlms.state_lock import StateLock, give_to_owner, make_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from telegraf_dlms.state_lock import Say

VAR_LIB: Final = Path("/var/lib")
FOLDER: Final = "telegraf-dlms"
#: How long other processes' commits are waited for: while meters wait too, and before there are any.
BUSY_S: Final = 0.5
OPENING_BUSY_S: Final = 5.0
#: SQLite's own waiting grows to 100 ms, and never comes between two commits of a busy writer; so it is kept this short.
_WAIT_MS: Final = 3
#: "TDLS", so that a file of another program is told from ours (SQLite, PRAGMA application_id).
APPLICATION_ID: Final = 0x5444_4C53
#: Primary result codes of SQLite that mean damage: SQLITE_CORRUPT, SQLITE_NOTADB.
_DAMAGE: Final = frozenset({11, 26})
_COUNTERS_GO_ON: Final = (
    "Invocation counters do not: a device with a system_title of its own needs invocation_counter to be read again"
)
#: The schema's versions, each from the one before it: PRAGMA user_version is how many of them a file has.
MIGRATIONS: Final = (
    (
        "CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
        # The check makes a damaged number be found by quick_check.
        """CREATE TABLE counter (key_id BLOB PRIMARY KEY, next INTEGER NOT NULL
        CHECK (typeof(next) = 'integer' AND next BETWEEN 1 AND 4294967295)) WITHOUT ROWID""",
        """CREATE TABLE lock_out (device TEXT PRIMARY KEY, secret_digest BLOB NOT NULL, until_ns INTEGER NOT NULL)
        WITHOUT ROWID""",
    ),
    # Which rows of profiles were printed (printed.py), and when the last of them left: a text for each profile.
    ("CREATE TABLE printed (profile BLOB PRIMARY KEY, printed_ns INTEGER NOT NULL, rows TEXT NOT NULL)",),
)


class StateUnusable(TelegrafDlmsError):
    """The file is there, and not for us to use."""


def default_path(
    configuration_paths: Iterable[Path],
    *,
    suffix: str = "",
    environment: Mapping[str, str] = os.environ,
    var_lib: Path = VAR_LIB,
) -> Path:
    """Return where the state of a configuration is: the same name for the same real paths, in whatever order.

    In /var/lib/telegraf-dlms, $XDG_STATE_HOME/telegraf-dlms, or beside the configuration: where it is already, else in
    the first of them that can be written. ``suffix`` stands behind the name: that of a shard.
    """
    paths = sorted({path.resolve() for path in configuration_paths})
    digest = hashlib.sha256(b"\0".join(os.fsencode(path) for path in paths)).hexdigest()
    name = f"{paths[0].stem}-{digest[:8]}{suffix}.state"
    folders = [var_lib / FOLDER, paths[0] if paths[0].is_dir() else paths[0].parent]
    home = environment.get("XDG_STATE_HOME", "")
    if home.startswith("/"):  # a relative one is to be ignored (XDG base directory specification)
        folders.insert(1, Path(home) / FOLDER)
    files = [folder / name for folder in folders]
    there = (file for file in files if os.path.exists(file))  # noqa: PTH110  Path.exists raises where a folder is closed to us
    return next(there, None) or next((file for file in files if _can_be_made(file)), files[-1])


def open_file(path: Path, *, say: Say, lock: StateLock | None = None) -> sqlite3.Connection:
    """Open the state's file, or make it; a damaged one is moved aside, which is said as an error.

    ``lock`` is the one of a ``run``. Raises OSError, sqlite3.Error or StateUnusable where it cannot be used.
    """
    lock = lock or StateLock(path)
    try:
        return _connect(path)
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
    borrowed = not lock.held
    if not lock.acquire():
        raise StateUnusable("is damaged, and another process uses it")
    try:
        return _replace(path, say)
    finally:
        if borrowed:
            lock.release()


def open_memory() -> sqlite3.Connection:
    """Return a state that ends with the process."""
    # It is closed where the garbage collector finds it, and that may run in any thread.
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    _migrate(connection, history="whole")
    return connection


def begin(connection: sqlite3.Connection, *, patience_s: float) -> None:
    """Begin to write; raise sqlite3.OperationalError where others have kept us from it all the time."""
    end = time.monotonic() + patience_s
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= end:
                raise
        else:
            return


def is_damage(error: sqlite3.Error) -> bool:
    """Return whether SQLite says that the file is not what it wrote."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE


def _connect(path: Path) -> sqlite3.Connection:
    _make(path)
    connection = sqlite3.connect(path, timeout=OPENING_BUSY_S, isolation_level=None)
    try:
        _check(connection)
        connection.execute("PRAGMA synchronous = FULL")
        with contextlib.suppress(sqlite3.OperationalError):  # busy, when two open it first: the old journal is as safe
            connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA busy_timeout = {_WAIT_MS}")
        _migrate(connection, history="lost" if os.path.lexists(_aside(path)) else "whole")
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            with contextlib.suppress(PermissionError):
                path.chmod(0o600)
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection) -> None:
    """Raise where it is damaged, another program's, or a newer one's. A read that waits for nobody."""
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise _damage(found)
    connection.execute("BEGIN")  # one look, not three: another process may be about to make the tables
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    connection.execute("COMMIT")
    if tables and application != APPLICATION_ID:
        raise StateUnusable("is the database of another program")
    if version > len(MIGRATIONS):
        raise StateUnusable("was written by a newer telegraf-dlms")
    if version:
        known = "SELECT count(*) FROM meta WHERE name = 'history' OR (name = 'title' AND length(value) = 8)"
        if connection.execute(known).fetchone() != (2,):
            raise _damage("no title")


def _damage(found: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(found)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def _migrate(connection: sqlite3.Connection, *, history: Literal["whole", "lost"]) -> None:
    """Bring the schema to ours in one transaction, which also shows that the file can be written."""
    begin(connection, patience_s=OPENING_BUSY_S)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for statement in (statement for migration in MIGRATIONS[version:] for statement in migration):
        connection.execute(statement)
    if not version:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        meta = {"title": b"TDL" + secrets.token_bytes(5), "history": history.encode()}
        connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    connection.execute("COMMIT")


def _replace(path: Path, say: Say) -> sqlite3.Connection:
    """Move a damaged file aside and make a new one, which knows that there was another; the lock is ours."""
    try:
        return _connect(path)  # another process was faster
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
    aside = _aside(path)
    path.replace(aside)
    with contextlib.suppress(FileNotFoundError):
        Path(f"{path}-wal").replace(f"{aside}-wal")
    Path(f"{path}-shm").unlink(missing_ok=True)
    connection = _connect(path)
    say("error", f"{path}: was damaged, and is now {aside.name}: a new state begins. {_COUNTERS_GO_ON}")
    return connection


def _aside(path: Path) -> Path:
    return Path(f"{path}.damaged")


def _make(path: Path) -> None:
    """Make an empty file that nobody else can read; where one is there, see that it is a file."""
    make_folder(path.parent)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise StateUnusable("is not a regular file") from None
        return
    give_to_owner(path.parent, descriptor)
    os.close(descriptor)


def _can_be_made(file: Path) -> bool:
    folder = next(folder for folder in file.parents if os.path.exists(folder))  # noqa: PTH110  as above
    return os.access(folder, os.W_OK | os.X_OK)
