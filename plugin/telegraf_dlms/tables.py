"""From a raw table of TOML to its model, with every problem of every key.

pydantic names all the keys that are wrong, but gives no model where one is. So a table with wrong keys is validated
again without them: what is right in it is there for the checks of a table as a whole, and for other tables' references.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar, get_args
from zoneinfo import available_timezones

from annotated_types import Ge, Le
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from telegraf_dlms.config_files import stamp_of
from telegraf_dlms.config_types import Table
from telegraf_dlms.device_model import SECRET_KEYS, Device
from telegraf_dlms.environment import expand_table, has_reference
from telegraf_dlms.problems import Place, Problem, Suggestions, shown
from telegraf_dlms.secret import Secret, is_store_reference, read_secret_file, read_store

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from telegraf_dlms.toml_lines import KeyPath

T = TypeVar("T", bound=Table)

#: Stand in for a required key that is missing or wrong, until the file is refused.
_PLACEHOLDERS: dict[str, object] = {"name": "?", "connection": "?", "obis": "0.0.0.0.0.0"}

#: Keys of models that config fills in: not to be written, nor to be suggested.
_FILLED_IN = frozenset({"values"})


@dataclass(slots=True)
class Checked(Generic[T]):
    """A table that was validated: its wrong keys are in ``broken`` and hold their defaults.

    A wrong tag does not break ``tags``: it is empty, or missing where its name is wrong.
    """

    table: T
    place: Place
    subject: str
    broken: frozenset[str] = frozenset()
    problems: list[Problem] = field(default_factory=list)

    def sound(self, *keys: str) -> bool:
        """Return whether none of these keys is wrong."""
        return self.broken.isdisjoint(keys)

    def given(self, key: str) -> bool:
        """Return whether the key was written, right or wrong."""
        return key in self.table.model_fields_set or key in self.broken

    def at(self, key: str) -> Place:
        """Return the place of one key."""
        return Place(self.place.file, (*self.place.path, key))

    def report(self, *key: str, message: str, other: Place | None = None) -> None:
        """Note a problem of one key, or without one of the table."""
        self.problems.append(Problem(self.place, message, subject=self.subject, key=key, other=other))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a table's texts may refer to; ``expands`` says whether any of them may need it.

    ``secret_files`` gets the files that are named by ``<key>_file``, there or not, with how they were before.
    """

    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    suggestions: Suggestions = field(default_factory=Suggestions)
    expands: bool = True
    secret_files: dict[Path, object] = field(default_factory=dict)


def check_table(
    model: type[T], raw: dict[str, Any], *, place: Place, subject: str, surroundings: Surroundings
) -> Checked[T]:
    """Return the model of a raw table and its problems; secrets are read, texts expanded."""
    reader = _Reader(model, raw, place, subject, surroundings)
    resolved = reader.resolve()
    try:
        table = model.model_validate(resolved)
    except ValidationError as error:
        reader.translate(error)
        table = _without(reader.broken, model, reader.mended(resolved))
    return Checked(table, place, subject, frozenset(reader.broken), reader.problems)


def _without(broken: set[str], model: type[T], resolved: dict[str, Any]) -> T:
    """Return the model without the broken keys, to which those are added that need one of them to be understood."""
    fields = model.model_fields
    needed = {key: value for key, value in _PLACEHOLDERS.items() if key in fields and fields[key].is_required()}
    while True:
        sound = {key: value for key, value in resolved.items() if key not in broken}
        try:
            return model.model_validate(needed | sound)
        except ValidationError as error:
            broken.update(str(detail["loc"][0]) for detail in error.errors(include_url=False))


class _Reader(Generic[T]):
    """One table on its way; ``raw`` keeps what was written, which is what problems show."""

    def __init__(
        self, model: type[T], raw: dict[str, Any], place: Place, subject: str, surroundings: Surroundings
    ) -> None:
        self._model = model
        self._raw = raw
        self._place = place
        self._subject = subject
        self._surroundings = surroundings
        self.broken: set[str] = set()
        self._wrong_tags: set[KeyPath] = set()
        self.problems: list[Problem] = []

    def resolve(self) -> dict[str, Any]:
        """Return the table with its texts expanded and its secrets read, without the keys that could not be."""
        resolved = dict(self._raw)
        for key in _FILLED_IN & resolved.keys() & self._model.model_fields.keys():
            self._report((key,), self._unknown((key,)))
            del resolved[key]
        if self._surroundings.expands and has_reference(resolved):
            resolved = self._expand(resolved)
        if self._model is Device:
            self._read_secrets(resolved)
        return resolved

    def translate(self, error: ValidationError) -> None:
        """Put pydantic's words into ours."""
        for detail in error.errors(include_url=False):
            path = detail["loc"]
            if detail["type"] == "missing" and len(path) == 1 and path[0] in self.broken:
                continue  # it was written, and what is wrong with it is told
            if _is_tag(path) and path[2:] == _NAME_OF_TAG:
                self._wrong_tags.add(path)
                self._report(path[:2], f"the name {shown(path[1])} {detail['ctx']['error']}")
            elif detail["type"] == "extra_forbidden":
                self._report(path, self._unknown(path))
            else:
                self._report(path, self._message(path, detail))

    def mended(self, table: dict[str, Any]) -> dict[str, Any]:
        """Return the table with its wrong tags empty, so that one leaves the others, and the checks of names, alone."""
        if not self._wrong_tags or "tags" in self.broken:
            return table
        tags = {
            name: "" if ("tags", name) in self._wrong_tags else value
            for name, value in table["tags"].items()
            if ("tags", name, *_NAME_OF_TAG) not in self._wrong_tags
        }
        return table | {"tags": tags}

    def _report(self, path: KeyPath, message: str) -> None:
        if _is_tag(path):
            self._wrong_tags.add(path)
        else:
            self.broken.add(str(path[0]))
        self.problems.append(Problem(self._place, message, subject=self._subject, key=path))

    def _expand(self, table: dict[str, Any]) -> dict[str, Any]:
        expanded, wrong = expand_table(table, self._surroundings.environment)
        for path, message in wrong.items():
            self._report(path, message)
            if not _is_tag(path):
                expanded.pop(str(path[0]), None)
        return _typed(expanded, table, self._model)

    def _read_secrets(self, table: dict[str, Any]) -> None:
        for key in SECRET_KEYS:
            file = table.pop(f"{key}_file", None)
            try:
                if file is not None:
                    table[key] = self._secret_of_file(key, file)
                elif _names_store(self._raw.get(key), table.get(key)):
                    table[key] = read_store(table[key], environment=self._surroundings.environment)
            except ValueError as error:
                written = key if file is None else f"{key}_file"
                self._report((written,), str(error))
                self.broken.add(key)
                table.pop(key, None)

    def _secret_of_file(self, key: str, file: object) -> Secret:
        if key in self._raw:
            raise ValueError(f"is there beside {key}: write one of them")
        if not isinstance(file, str) or not file:
            raise ValueError("is not a file's path")
        path = self._place.file.parent / file
        self._surroundings.secret_files.setdefault(path, stamp_of(path))
        return read_secret_file(path)

    def _written(self, path: KeyPath) -> object:
        value: Any = self._raw
        for part in path:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return value
        return value

    def _unknown(self, path: KeyPath) -> str:
        model: type[BaseModel] = self._model
        for part in path[:-1]:
            model = _table_of(model.model_fields[str(part)].annotation) or model
        known = [name for name in model.model_fields if name not in _FILLED_IN]
        if model is Device:
            known += [f"{key}_file" for key in SECRET_KEYS]
        if "values" in model.model_fields:
            known.append("value")
        return f"unknown key{self._surroundings.suggestions.hint(path[-1], known)}"

    def _message(self, path: KeyPath, detail: Any) -> str:
        if detail["type"] == "missing":
            return "is required"
        predicate, allowed = self._predicate(path, detail)
        if path[0] in SECRET_KEYS:
            return predicate
        written = self._written(path)
        if isinstance(written, list | dict) and predicate.startswith(("holds", "is empty")):
            return predicate
        if isinstance(written, str) and (unquoted := _unquoted(written, detail["type"], allowed)):
            return f"{shown(written)} {unquoted}"
        hint = self._surroundings.suggestions.hint(written, allowed)
        if not predicate.startswith('"'):
            return f"{shown(written)} {predicate}{hint}"
        return predicate if written == detail["input"] else f"{shown(written)} stands for what is not allowed here"

    def _predicate(self, path: KeyPath, detail: Any) -> tuple[str, list[str]]:
        kind = detail["type"]
        if kind == "value_error":
            return str(detail["ctx"]["error"]), _time_zones() if path == ("time_zone",) else []
        if kind == "literal_error":
            allowed = [str(value) for value in _literals(self._annotation(path))]
            return "is not one of " + ", ".join(value or '""' for value in allowed), allowed
        if kind in {"greater_than_equal", "less_than_equal"}:
            return f"is outside {_range(self._annotation(path))}", []
        return _PREDICATES.get(kind, str(detail["msg"])), []

    def _annotation(self, path: KeyPath) -> Any:
        model: type[BaseModel] = self._model
        for part in path[:-1]:
            model = _table_of(model.model_fields[str(part)].annotation) or model
        return model.model_fields[str(path[-1])]


@cache
def _time_zones() -> list[str]:
    """Return what there is in the host's folder of zones, looked through once for all devices that have a wrong one."""
    return sorted(available_timezones())


_PREDICATES = {
    "int_type": "is not a whole number",
    "bool_type": "is neither true nor false",
    "tuple_type": "is not a list",
    "model_type": "is not a table",
}


#: What pydantic adds to the path of a dictionary's key that is itself wrong.
_NAME_OF_TAG: KeyPath = ("[key]",)


def _names_store(written: object, expanded: object) -> bool:
    """Return whether a secret is in a store; what a variable alone stands for is the secret itself."""
    return (
        isinstance(written, str)
        and written.startswith("@{")
        and isinstance(expanded, str)
        and is_store_reference(expanded)
    )


def _is_tag(path: KeyPath) -> bool:
    return path[0] == "tags" and len(path) > 1


def _unquoted(written: str, kind: str, allowed: Collection[str]) -> str:
    """Return what to say of a text that would be right without its quotes, else nothing."""
    if kind == "bool_type" and written in {"true", "false"}:
        return "must be written without quotes"
    if (kind == "int_type" and _INTEGER.fullmatch(written)) or (kind == "literal_error" and written in allowed):
        return "must be a number without quotes"
    return ""


def _parts(annotation: Any) -> Iterator[Any]:
    """Yield the parts of an annotation, metadata too."""
    if isinstance(annotation, FieldInfo):
        yield from annotation.metadata
        yield from _parts(annotation.annotation)
        return
    yield annotation
    for part in get_args(annotation):
        yield from _parts(part)


def _literals(annotation: Any) -> list[str | int]:
    return [part for part in _parts(annotation) if isinstance(part, str | int)]


def _range(annotation: Any) -> str:
    parts = list(_parts(annotation))
    low = next((part.ge for part in parts if isinstance(part, Ge)), "")
    high = next((part.le for part in parts if isinstance(part, Le)), "")
    return f"{low}..{high}"


def _table_of(annotation: Any) -> type[BaseModel] | None:
    parts = [part for part in _parts(annotation) if isinstance(part, type) and issubclass(part, Table)]
    return parts[0] if parts else None


_INTEGER = re.compile(r"-?\d{1,18}", re.ASCII)


def _typed(expanded: dict[str, Any], written: dict[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """Return a table, and those in it, with what variables stand for as its keys want it."""
    typed = dict(expanded)
    for key in expanded.keys() & model.model_fields.keys():
        value, field = expanded[key], model.model_fields[key]
        inner = _table_of(field.annotation)
        if isinstance(value, str) and value != written[key]:
            typed[key] = _number_or_boolean(value, field)
        elif isinstance(value, dict) and inner is not None:
            typed[key] = _typed(value, written[key], inner)
    return typed


def _number_or_boolean(text: str, key: FieldInfo) -> str | int | bool:
    """Return what a variable stands for where the key is no text: ``port = "${PORT}"``."""
    parts = list(_parts(key))
    if bool in parts and text in {"true", "false"}:
        return text == "true"
    if _INTEGER.fullmatch(text) and any(part is int or isinstance(part, int) for part in parts):
        return int(text)
    return text


def subject_of(kind: str, raw: Mapping[str, Any], *, owner: str = "") -> str:
    """Return how a table is called in a message: `device "feeder-1"`."""
    name = raw.get("name")
    own = f"{kind} {shown(name)}" if isinstance(name, str) and name else kind
    return f"{owner}: {own}" if owner else own


def relative_to(place: Place, path: Path) -> Path:
    """Return a path that is written in a file: relative ones start at its folder."""
    return place.file.parent / path
