"""``${NAME}`` in the texts of a configuration, as in Telegraf."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from telegraf_dlms.toml_lines import KeyPath

#: ``$${`` stands for ``${``; a ``$`` alone for itself.
_REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def expand(text: str, environment: Mapping[str, str]) -> str:
    """Return the text with its references replaced once; ValueError, which names the variable, where one is not set."""

    def replacement(match: re.Match[str]) -> str:
        if match[0] == "$${":
            return "${"
        name = match[1]
        if not match[2] or not _NAME.fullmatch(name):
            raise ValueError('holds "${" without a variable\'s name and "}"; "$${" stands for "${" itself')
        if name not in environment:
            raise ValueError(f"the environment variable {name} is not set")
        return environment[name]

    return _REFERENCE.sub(replacement, text)


def expand_table(table: dict[str, Any], environment: Mapping[str, str]) -> tuple[dict[str, Any], dict[KeyPath, str]]:
    """Return a copy with all its texts expanded but those that cannot be, and what is wrong with these."""
    wrong: dict[KeyPath, str] = {}
    expanded: dict[str, Any] = {}
    for key, value in table.items():
        expanded[key] = _expand_value(value, (key,), environment, wrong)
    return expanded, wrong


def has_reference(value: object) -> bool:
    """Return whether any text in it has something to expand."""
    return any("${" in text for text in _texts(value))


def _texts(value: object) -> Iterator[str]:
    """Yield the texts; the depth is what tomllib could read, which recurses itself."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


def _expand_value(value: object, path: KeyPath, environment: Mapping[str, str], wrong: dict[KeyPath, str]) -> Any:
    if isinstance(value, str):
        if "${" not in value:
            return value
        try:
            return expand(value, environment)
        except ValueError as error:
            wrong[path] = str(error)
            return value
    if isinstance(value, dict):
        return {key: _expand_value(part, (*path, key), environment, wrong) for key, part in value.items()}
    if isinstance(value, list):
        return [_expand_value(part, (*path, position), environment, wrong) for position, part in enumerate(value)]
    return value
