"""Where the tables, keys and members of a TOML file are.

tomllib keeps no positions, and a parser that does is fifteen times slower. So a file that tomllib has read is looked
through again only when there is a problem to tell. What is no TOML gives wrong lines here, and no error.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The way to a key: names, and positions in arrays.
KeyPath = tuple[str | int, ...]


class LineIndex:
    """Where the tables and keys of a valid TOML file begin."""

    def __init__(self, text: str) -> None:
        self._lines: dict[KeyPath, int] = {}
        for path, line in _entries(text):
            for length in range(1, len(path) + 1):
                self._lines.setdefault(path[:length], line)

    def __contains__(self, path: KeyPath) -> bool:
        return path in self._lines

    def line(self, path: KeyPath) -> int:
        """Return the line, from 1, of a key, or of what holds it: a missing key is missing in its table."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)


_KEY = re.compile(r"""[ \t]*(?:([A-Za-z0-9_-]+)|"((?:[^"\\]|\\.)*)"|'([^']*)')[ \t]*(\.?)""")
_HEADER = re.compile(r"[ \t]*\[(\[?)")
#: What gives a value its form, and its scalars, in which such characters may be; opening quotes of long texts first.
_TOKEN = re.compile(r"""\"{3}|'{3}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|\#.*|[\[\]{},=]|[^\s"'\#\[\]{},=]+""")


def _entries(text: str) -> Iterator[tuple[KeyPath, int]]:
    """Yield the path of each table's header, of each key and of each array's member with its line."""
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    value = _Value()
    for number, line in enumerate(text.split("\n"), start=1):
        position = 0
        if not value.goes_on:
            if header := _HEADER.match(line):
                keys, _ = _keys(line, header.end())
                table = _table(keys, array=bool(header[1]), counts=counts)
                yield table, number
                continue
            keys, position = _keys(line, 0)
            if not keys:
                continue
            yield (*table, *keys), number
            value = _Value((*table, *keys))
        for path in value.feed(line, position):
            yield path, number


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


@dataclass(slots=True)
class _Open:
    """An array or an inline table that is not closed yet.

    ``member`` is the path of the one that was met last, ``position`` an array's; ``fresh`` says that one is to come.
    """

    kind: Literal["[", "{"]
    path: KeyPath
    member: KeyPath
    position: int = -1
    fresh: bool = True

    def begin(self, line: str, start: int) -> int:
        """Take the member that begins there, and return where its value may begin: behind a table's key."""
        self.fresh = False
        if self.kind == "{":
            keys, end = _keys(line, start)
            self.member = (*self.path, *keys)
            return end
        self.position += 1
        self.member = (*self.path, self.position)
        return start


class _Value:
    """The value of a key, which may go on over many lines, and the members in it."""

    def __init__(self, path: KeyPath = ()) -> None:
        self._path = path
        self._open: list[_Open] = []
        self._quotes = ""

    @property
    def goes_on(self) -> bool:
        return bool(self._open or self._quotes)

    def feed(self, line: str, position: int) -> Iterator[KeyPath]:
        """Yield the paths of the members that begin in a line, of which the value has what is behind the position."""
        while True:
            if self._quotes:
                position = _closing(line, position, self._quotes)
                if position < 0:
                    return
                self._quotes = ""
            token = _TOKEN.search(line, position)
            if token is None or token[0].startswith("#"):
                return
            position = token.end()
            innermost = self._open[-1] if self._open else None
            if token[0] in {"]", "}"}:
                del self._open[-1:]
            elif token[0] == ",":
                if innermost is not None:
                    innermost.fresh = True
            elif token[0] != "=":
                if innermost is not None and innermost.fresh:
                    position = max(position, innermost.begin(line, token.start()))
                    yield innermost.member
                    if innermost.kind == "{":
                        continue
                self._begin(token[0])

    def _begin(self, token: str) -> None:
        path = self._open[-1].member if self._open else self._path
        match token:
            case "[" | "{":
                self._open.append(_Open(token, path, path))
            case '"""' | "'''":
                self._quotes = token


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
