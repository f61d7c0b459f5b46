"""The vocabulary of COSEM: what is asked of a meter, and what its attributes are called (Blue Book, chapter 4).

The classes themselves are data, in ``classes``; here is how they are looked up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from telegraf_dlms.class_names import CLASS_NAMES
from telegraf_dlms.classes import CLASSES, LOGICAL_NAME, READ_BY_DEFAULT, SECRETS, FieldType, Row

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ASSOCIATION_LN",
    "ASSOCIATION_SN",
    "BUFFER",
    "CLASS_NAMES",
    "CLOCK",
    "COMPACT_DATA",
    "CURRENT_ASSOCIATION",
    "MAX_ATTRIBUTE",
    "MAX_CLASS_ID",
    "PROFILE_GENERIC",
    "SCALED",
    "SCALER_ATTRIBUTE",
    "SECRETS",
    "TIME_ATTRIBUTE",
    "Attribute",
    "AttributeDescriptor",
    "CaptureObject",
    "FieldType",
    "ScalerUnit",
    "attribute_number",
    "attribute_of",
    "attributes_of",
    "class_id_of",
    "class_name",
    "default_attributes",
    "field_names",
    "is_described",
    "is_field_name",
    "last_attribute",
    "versions_of",
]

#: The highest number a class or an attribute can have: long-unsigned and integer (Green Book, 9.5, COSEM-Class-Id).
MAX_CLASS_ID = 0xFFFF
MAX_ATTRIBUTE = 127

#: Classes that are read in ways of their own, and the attribute in which two of them have rows (Blue Book, 4.3 to 4.5).
PROFILE_GENERIC = 7
CLOCK = 8
ASSOCIATION_SN = 12
ASSOCIATION_LN = 15
COMPACT_DATA = 62
BUFFER = 2
#: The logical name of the association that is open, whichever it is.
CURRENT_ASSOCIATION = bytes.fromhex("0000280000FF")

#: The attribute that holds a class's scaler_unit (Blue Book, 4.3.2 to 4.3.4).
SCALER_ATTRIBUTE = {3: 3, 4: 3, 5: 4}
#: The (class_id, attribute) that the object's scaler_unit scales.
SCALED = frozenset({(3, 2), (4, 2), (5, 2), (5, 3)})
#: class_id → the attribute that says when its value was taken: capture_time, the Clock's time.
TIME_ATTRIBUTE = {4: 5, 5: 6, 8: 2, 47: 8}


class AttributeDescriptor(NamedTuple):
    """One attribute of one interface object (Green Book, 9.5, Cosem-Attribute-Descriptor)."""

    class_id: int
    logical_name: bytes
    attribute: int


class CaptureObject(NamedTuple):
    """A column of a profile (Blue Book, 4.3.6); ``data_index`` 0 is the whole attribute, n its nth element."""

    class_id: int
    logical_name: bytes
    attribute: int
    data_index: int


class ScalerUnit(NamedTuple):
    """A value's power of ten and the number of its unit (Blue Book, 4.3.2)."""

    scaler: int
    unit: int

    @staticmethod
    def of(value: object) -> ScalerUnit | None:
        """Return what a decoded structure says; None where it is none of a scaler (integer) and a unit (enum).

        A boolean is neither, though it is an integer to Python.
        """
        match value:
            case (scaler, unit) if type(scaler) is type(unit) is int and -128 <= scaler <= 127 and 0 <= unit <= 255:
                return _scaler_unit(scaler, unit)
        return None


@lru_cache(maxsize=1024)  # thousands of meters have the same few
def _scaler_unit(scaler: int, unit: int) -> ScalerUnit:
    return ScalerUnit(scaler, unit)


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of a class: its number, the name of its field, and what the field holds."""

    number: int
    name: str
    type: FieldType


def class_id_of(name_or_number: str | int) -> int:
    """Return the class_id of a number from 0 to 65535, known or not, or of a class's name like "profile_generic".

    ValueError says what is wrong, with a suggestion where a name is nearly right.
    """
    number = _number(name_or_number)
    if number is None:
        return _look_up(str(name_or_number), _CLASS_IDS, "a class")
    if not 0 <= number <= MAX_CLASS_ID:
        raise ValueError(f"class_id {number} is outside 0..{MAX_CLASS_ID}")
    return number


def class_name(class_id: int) -> str | None:
    """Return the class's name in snake_case, None for a class that the Blue Book does not name."""
    return CLASS_NAMES.get(class_id)


def attribute_of(class_id: int, number: int, version: int | None = None) -> Attribute:
    """Return what an attribute is called and holds; without a version, or with an unknown one, in the newest one known.

    What is not in the table, as manufacturers have it, is a CHOICE with the name ``attribute_<n>``.
    """
    return _attribute(class_id, number, version)


def attribute_number(class_id: int, name_or_number: str | int, version: int | None = None) -> int:
    """Return the number, 1 to 127, of an attribute that a person names; the names are those of ``attribute_of``.

    The Clock's ``time`` is understood too. ValueError says what is wrong, with a suggestion.
    """
    number = _number(name_or_number, "attribute_")
    if number is None:
        names = {attribute.name: attribute.number for attribute in attributes_of(class_id, version)}
        if class_id == CLOCK:
            names["time"] = names["clock_time"]
        owner = class_name(class_id) or f"class {class_id}"
        return _look_up(str(name_or_number), names, f"an attribute of {owner}")
    if not 1 <= number <= MAX_ATTRIBUTE:
        raise ValueError(f"attribute {number} is outside 1..{MAX_ATTRIBUTE}")
    return number


def default_attributes(class_id: int, version: int | None = None) -> tuple[int, ...]:
    """Return the attributes that are read where none is named: no logical_name, no scaler_unit, no secret.

    Of a class that is not in the table nothing is known but that attribute 2 is there.
    """
    chosen = READ_BY_DEFAULT.get(class_id)
    if chosen is not None:
        return chosen
    return tuple(
        row.number
        for row in _rows(class_id, version)
        if row.type is not FieldType.NO_FIELD and (class_id, row.number) not in SECRETS
    ) or (2,)


def attributes_of(class_id: int, version: int | None = None) -> tuple[Attribute, ...]:
    """Return the attributes of a version that the table knows, logical_name first; only that for an unknown class."""
    return tuple(Attribute(row.number, row.name, row.type) for row in (LOGICAL_NAME, *_rows(class_id, version)))


def last_attribute(class_id: int, version: int) -> int | None:
    """Return the number of the last attribute that a version of a class has; None for what the table does not know."""
    rows = CLASSES.get(class_id, ())
    if version > max((row.first for row in rows), default=-1):
        return None
    return max(row.number for row in _rows(class_id, version))


def is_described(class_id: int) -> bool:
    """Return whether the table has the class's attributes: of others only that attribute 2 is there is known."""
    return class_id in CLASSES


def versions_of(class_id: int) -> tuple[int, ...]:
    """Return the versions that differ in the names or types of their attributes; the last one is the newest."""
    rows = CLASSES.get(class_id, ())
    starts = {0} | {row.first for row in rows} | {row.last + 1 for row in rows if row.last is not None}
    return tuple(sorted(starts))


def is_field_name(name: str) -> bool:
    """Return whether a line of a value can have a field of this name: no tag may be called so."""
    return name in field_names() or _NUMBERED.fullmatch(name) is not None


@cache
def field_names() -> frozenset[str]:
    """Return every field that a line of a value can have, but those of attributes without a name."""
    names = {"clock_status"}
    for rows in CLASSES.values():
        for row in rows:
            names.update(row.name + suffix for suffix in _SUFFIXES[row.type])
    return frozenset(names)


_CLASS_IDS = {name: class_id for class_id, name in CLASS_NAMES.items()}
_DIGITS = re.compile(r"\d{1,6}", re.ASCII)
#: The fields of attributes that are not in the table.
_NUMBERED = re.compile(r"attribute_\d+(_text|_json)?", re.ASCII)
#: What ``fields`` appends to an attribute's name, by its type, where a meter sends what the type cannot hold too.
_SUFFIXES: dict[FieldType, tuple[str, ...]] = dict.fromkeys(FieldType, ("", "_json")) | {
    FieldType.CHOICE: ("", "_text", "_json"),
    FieldType.STATUS: ("", "_text", "_json"),
    FieldType.INTEGER: ("", "_text", "_json"),
    FieldType.BOOLEAN: ("", "_text", "_json"),
    FieldType.IP_ADDRESSES: ("",),
    FieldType.JSON: ("",),
    FieldType.NO_FIELD: (),
}


def _rows(class_id: int, version: int | None) -> tuple[Row, ...]:
    rows = CLASSES.get(class_id)
    if rows is None:
        return ()
    newest = max(row.first for row in rows)
    return _rows_of(class_id, newest if version is None else min(version, newest))


@cache
def _rows_of(class_id: int, version: int) -> tuple[Row, ...]:
    """Return what a known class has in a known version; what a meter may make up gets no further than ``_rows``."""
    return tuple(row for row in CLASSES[class_id] if row.first <= version and (row.last is None or version <= row.last))


@lru_cache(maxsize=1024)  # the numbers come from capture_objects, which a meter may make up without end
def _attribute(class_id: int, number: int, version: int | None) -> Attribute:
    for row in (LOGICAL_NAME, *_rows(class_id, version), *_rows(class_id, None)):
        if row.number == number:
            return Attribute(number, row.name, row.type)
    return Attribute(number, f"attribute_{number}", FieldType.CHOICE)


def _number(name_or_number: str | int, prefix: str = "") -> int | None:
    if isinstance(name_or_number, int):
        return name_or_number
    digits = name_or_number.removeprefix(prefix)
    return int(digits) if _DIGITS.fullmatch(digits) else None


def _look_up(name: str, known: Mapping[str, int], what: str) -> int:
    number = known.get(name)
    if number is None:
        raise ValueError(f'"{name}" is not the name of {what}{_hint(name, tuple(known))}')
    return number


@lru_cache(maxsize=256)  # a wrong name that one template wrote for thousands of values is compared once
def _hint(name: str, known: tuple[str, ...]) -> str:
    near = get_close_matches(name, known, n=1)
    return f'; did you mean "{near[0]}"?' if near else ""
