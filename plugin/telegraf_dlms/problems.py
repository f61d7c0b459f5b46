"""Problems of a configuration as lines for a person: where it is, what is wrong, what was probably meant.

A file is looked through for its lines only when there is a problem to tell.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from telegraf_dlms.toml_lines import KeyPath, LineIndex

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

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


def render(problems: Collection[Problem], texts: Mapping[Path, str]) -> list[str]:
    """Return one line for each problem, in the order of the files and of their lines."""
    order = {file: position for position, file in enumerate(texts)}
    indexes: dict[Path, LineIndex] = {}

    def locate(place: Place, key: KeyPath = ()) -> int | None:
        if place.file not in texts:
            return None
        if place.file not in indexes:
            indexes[place.file] = LineIndex(texts[place.file])
        index, path = indexes[place.file], place.path + key
        if key and path not in index:  # a secret may stand in the file that <key>_file names
            path = (*path[:-1], f"{path[-1]}_file")
        return index.line(path)

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

    def missing(self, kind: str, name: str, names: Collection[str]) -> str:
        """Return that nothing of a kind has this name: `there is no device "..."`, and the hint."""
        return f"there is no {kind} {shown(name)}{self.hint(name, names)}"


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


_BARE = re.compile("[A-Za-z0-9_-]+")


def _dotted(key: KeyPath) -> str:
    text = ""
    for part in key:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if _BARE.fullmatch(part) else shown(part)
            text += f".{name}" if text else name
    return text
