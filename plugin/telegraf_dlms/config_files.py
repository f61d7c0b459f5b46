"""The files of a configuration: found, read, and parsed as TOML, each problem with its line."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from telegraf_dlms.problems import Place, Problem, Suggestions, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

#: The tables at the top of a file.
TABLES = ("agent", "connection", "device", "group")

#: Ten thousand meters with all their values one by one are 30 MB.
MAX_FILE = 256 * 1024 * 1024


@dataclass(slots=True)
class Files:
    """What was read: the texts for the lines of problems, the tables, and the problems met.

    ``complete`` says that every file could be read: else what is missing may be in another one.
    """

    texts: dict[Path, str] = field(default_factory=dict)
    tables: list[tuple[Path, dict[str, Any]]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    complete: bool = True

    def fail(self, path: Path, message: str, *, line: int | None = None) -> None:
        """Note that a file, or a part of it, cannot be read."""
        self.problems.append(Problem(Place(path), message, line=line))
        self.complete = False


def read_files(paths: Sequence[Path]) -> Files:
    """Read the files, and of each folder its *.conf in order; a file that is named twice is read once."""
    files = Files()
    seen = set()
    for path in paths:
        for file in _in_order(path, files):
            identity = os.path.realpath(file)  # Path.resolve raises where links go in a circle
            if identity not in seen:
                seen.add(identity)
                _read(file, files)
    return files


def files_of(path: Path) -> list[Path]:
    """Return what a path of the command line names: itself, or of a folder its *.conf in order.

    Names that begin with a dot are left out, as a shell does: editors put their lock files and copies beside a file.
    A link to nothing is among them: to be told, not left out. Raise OSError where the folder cannot be read.
    """
    if not path.is_dir():
        return [path]
    files = (path / name for name in os.listdir(path) if name.endswith(".conf") and not name.startswith("."))  # noqa: PTH208  glob calls a closed folder empty
    return sorted(file for file in files if file.is_file() or not file.exists())


def stamp_of(path: Path) -> tuple[object, ...]:
    """Return what changes when a file does, or comes, goes, or may be read."""
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        return (str(error),)
    return status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size


def each_table(
    raw: dict[str, Any], key: str, place: Place, problems: list[Problem], *, header: str
) -> Iterator[tuple[dict[str, Any], Place]]:
    """Yield the tables of an array of tables with their places; what is none is a problem.

    The array is emptied on the way, so that a large file is not in memory twice.
    """
    tables = raw.get(key, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        here = Place(place.file, (*place.path, key))
        problems.append(Problem(here, f"is {shown(tables)}: each one begins with [[{header}]]", subject=header))
        return
    for position in range(len(tables)):
        table, tables[position] = tables[position], None
        yield table, Place(place.file, (*place.path, key, position))


def check_top(files: Files, suggestions: Suggestions) -> None:
    """Report the tables and keys at the top of the files that are not ours."""
    for path, raw in files.tables:
        for key in raw.keys() - set(TABLES):
            message = f"unknown key{suggestions.hint(key, TABLES)}"
            files.problems.append(Problem(Place(path, (key,)), message, subject=key))


def _in_order(path: Path, files: Files) -> list[Path]:
    try:
        found = files_of(path)
    except OSError as error:
        files.fail(path, f"cannot be read: {error.strerror}")
        return []
    if not found:
        files.fail(path, "the folder has no *.conf")
    return found


def _read(path: Path, files: Files) -> None:
    try:
        with path.open("rb") as file:
            octets = file.read(MAX_FILE + 1)
    except OSError as error:
        files.fail(path, f"cannot be read: {error.strerror or type(error).__name__}")
        return
    if len(octets) > MAX_FILE:
        files.fail(path, f"cannot be read: longer than {MAX_FILE} octets")
        return
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        files.fail(path, "is not UTF-8", line=octets.count(b"\n", 0, error.start) + 1)
        return
    files.texts[path] = text
    _parse(path, text, files)


_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def _parse(path: Path, text: str, files: Files) -> None:
    """Parse one file; tomllib's messages hold one character of the file at most, so no secret."""
    try:
        files.tables.append((path, tomllib.loads(text)))
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        position = _POSITION.search(message)
        line = int(position[1]) if position and position[1] else text.rstrip("\n").count("\n") + 1
        column = int(position[2]) if position and position[2] else 0
        where = f"column {column}: " if column else ""
        at_fault = text.split("\n")[line - 1][column - 1 :] if column else ""
        hint = '; a variable needs quotes here: "${NAME}"' if at_fault.startswith("${") else ""
        files.fail(path, f"{where}not valid TOML: {_POSITION.sub('', message)}{hint}", line=line)
    except RecursionError:
        files.fail(path, "not valid TOML: nested too deeply")
    except ValueError:
        files.fail(path, "not valid TOML: a number or a date that is out of range")
