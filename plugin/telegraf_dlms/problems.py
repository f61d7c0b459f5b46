"""Problems of a configuration as lines for a person: where it is, what is wrong, what was probably meant.

tomllib keeps no positions, and a parser that does is fifteen times slower. So a file that tomllib has read is looked
through again only when there is a problem to tell: the index here knows the lines of its tables and keys.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

#: The way to a key: names, and positions in arrays of tables.
KeyPath = tuple[str | int, ...]

#: Longer texts are cut where they are repeated.
MAX_SHOWN = 60

#: Names compared for suggestions in one load: about a second. Thousands of wrong names share one cause.
MAX_COMPARISONS = 100_000


@dataclass(frozen=True, slots=True)
class Place:
    """A table in a file."""

    file: Path
    path: KeyPath = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """Something to tell: ``subject`` is the table for a person, ``key`` the way from the table on.

    ``line`` is known where there is no table, as in a file that is no TOML. ``other`` is a place to name at the end.
    """

    place: Place
    message: str
    subject: str = ""
    key: KeyPath = ()
    line: int | None = None
    other: Place | None = None


class LineIndex:
    """Where the tables and keys of a valid TOML file begin."""

    def __init__(self, text: str) -> None:
        self._lines: dict[KeyPath, int] = {}
        for path, line in _entries(text):
            for length in range(1, len(path) + 1):
                self._lines.setdefault(path[:length], line)

    def line(self, path: KeyPath) -> int:
        """Return the line, from 1, of a key, or of what holds it: a missing key is missing in its table."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)


def render(problems: Collection[Problem], texts: Mapping[Path, str]) -> list[str]:
    """Return one line for each problem, in the order of the files and of their lines."""
    order = {file: position for position, file in enumerate(texts)}
    indexes: dict[Path, LineIndex] = {}

    def locate(place: Place, key: KeyPath = ()) -> int | None:
        if place.file not in texts:
            return None
        if place.file not in indexes:
            indexes[place.file] = LineIndex(texts[place.file])
        return indexes[place.file].line(place.path + key)

    lines = []
    for problem in problems:
        file = problem.place.file
        line = (
            problem.line if problem.line is not None or not problem.place.path else locate(problem.place, problem.key)
        )
        parts = [f"{file}:{line}" if line else str(file), problem.subject, _dotted(problem.key), problem.message]
        text = ": ".join(part for part in parts if part)
        if problem.other is not None:
            text += f" {problem.other.file}:{locate(problem.other)}"
        lines.append((order.get(file, len(order)), line or 0, text))
    lines.sort(key=lambda entry: entry[:2])
    return [text for _, _, text in lines]


class Suggestions:
    """Nearly right names, within a budget of comparisons."""

    def __init__(self) -> None:
        self._left = MAX_COMPARISONS

    def hint(self, name: object, names: Collection[str]) -> str:
        """Return `; did you mean "..."?`, or nothing where no name is near."""
        self._left -= len(names)
        if self._left < 0 or not isinstance(name, str) or len(name) > MAX_SHOWN:
            return ""
        near = get_close_matches(name, names, n=1) or [known for known in names if known.lower() == name.lower()]
        return f'; did you mean "{near[0]}"?' if near else ""


def shown(value: object) -> str:
    """Return what was written, on one line and not too long; it is the caller's to know that it is no secret."""
    match value:
        case bool():
            return str(value).lower()
        case int():
            return str(value) if value.bit_length() <= 64 else "a number beyond 64 bits"
        case str():
            return json.dumps(value if len(value) <= MAX_SHOWN else value[:MAX_SHOWN] + "…", ensure_ascii=False)
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return str(value)


def _dotted(key: KeyPath) -> str:
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


_KEY = re.compile(r"""[ \t]*(?:([A-Za-z0-9_-]+)|"((?:[^"\\]|\\.)*)"|'([^']*)')[ \t]*(\.?)""")
_HEADER = re.compile(r"[ \t]*\[(\[?)")
#: What changes the depth of a value, or what hides such characters: texts and comments.
_TOKEN = re.compile(r"""\"{3}|'{3}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|\#.*|[\[\]{}]""")


def _entries(text: str) -> Iterator[tuple[KeyPath, int]]:
    """Yield the path of each table's header and of each key with its line; keys of inline tables are not looked at."""
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    state = _Value()
    for number, line in enumerate(text.split("\n"), start=1):
        if state.goes_on:
            state.feed(line)
        elif header := _HEADER.match(line):
            keys, _ = _keys(line, header.end())
            table = _table(keys, array=bool(header[1]), counts=counts)
            yield table, number
        else:
            keys, end = _keys(line, 0)
            if keys:
                yield (*table, *keys), number
                state.feed(line[end:])


def _keys(line: str, position: int) -> tuple[list[str], int]:
    """Return the parts of a dotted key, and where it ends."""
    keys: list[str] = []
    while match := _KEY.match(line, position):
        bare, basic, literal, dot = match.groups()
        keys.append(bare or literal or _unescaped(basic or ""))
        position = match.end()
        if not dot:
            break
    return keys, position


def _unescaped(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        return text


def _table(keys: list[str], *, array: bool, counts: dict[KeyPath, int]) -> KeyPath:
    """Return a header's path: a part that names an array of tables is followed by its position."""
    path: KeyPath = ()
    for position, key in enumerate(keys):
        path = (*path, key)
        if array and position == len(keys) - 1:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


class _Value:
    """Whether a value goes on in the next line."""

    def __init__(self) -> None:
        self._depth = 0
        self._quotes = ""

    @property
    def goes_on(self) -> bool:
        return bool(self._depth or self._quotes)

    def feed(self, line: str) -> None:
        position = 0
        while True:
            if self._quotes:
                end = _closing(line, position, self._quotes)
                if end < 0:
                    return
                position, self._quotes = end, ""
            token = _TOKEN.search(line, position)
            if token is None or token[0].startswith("#"):
                return
            position = token.end()
            if token[0] in {'"""', "'''"}:
                self._quotes = token[0]
            elif token[0] in "[{":
                self._depth += 1
            elif token[0] in "]}":
                self._depth -= 1


def _closing(line: str, position: int, quotes: str) -> int:
    """Return where the text's closing quotes end, -1 where they are not in this line."""
    while True:
        found = line.find(quotes, position)
        if found < 0:
            return -1
        backslashes = len(line[:found]) - len(line[:found].rstrip("\\"))
        if quotes == "'''" or backslashes % 2 == 0:
            end = found + 3
            while line.startswith(quotes[0], end):
                end += 1
            return end
        position = found + 1
