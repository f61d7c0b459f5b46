"""A meter's object list: its objects, and which of their attributes may be read (Blue Book, 4.4.3 and 4.4.4).

What a meter gets wrong costs as little as possible: an element that is no object is left out and counted, an access
right that is none is one that nobody knows, and an attribute without a known right is for the meter to refuse.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from telegraf_dlms.cosem import ASSOCIATION_LN, CURRENT_ASSOCIATION
from telegraf_dlms.errors import DataRefused
from telegraf_dlms.short_names import parse_object_list as parse_short_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telegraf_dlms.axdr import Value

#: The logical name of the association that is open, whichever it is.
OBJECT_LIST: Final = 2

#: The version of Association LN from which on an access mode is a set of bits; before, it is one of these words.
_VERSION_OF_BITS: Final = 3
_MODES: Final = (
    "no_access",
    "read_only",
    "write_only",
    "read_and_write",
    "authenticated_read_only",
    "authenticated_write_only",
    "authenticated_read_and_write",
)
_READABLE: Final = frozenset({1, 3, 4, 6})
_READ_BIT: Final = 1


class ListedObject(NamedTuple):
    """An object of the list. ``denied`` are attributes that may not be read, with the reason in the standard's words.

    ``attributes`` are those that the meter has, empty where it does not say.
    """

    class_id: int
    version: int
    logical_name: bytes
    attributes: frozenset[int] = frozenset()
    denied: Mapping[int, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ObjectList:
    """The objects in the meter's order, each once, and how many elements of the list were none, or one again."""

    objects: tuple[ListedObject, ...]
    odd: int


def parse_logical_names(value: Value) -> ObjectList:
    """Return what an Association LN (class 15) lists; DataRefused where it is no list of objects at all."""
    if not isinstance(value, list):
        raise DataRefused(None, f"the object list is no array but {type(value).__name__}")
    elements = [element for element in map(_element_of, value) if element is not None]
    if value and not elements:
        raise DataRefused(None, f"none of the {len(value)} elements of the object list is an object")
    has_bits = _has_bits(elements)
    objects: dict[tuple[int, bytes], ListedObject] = {}
    for class_id, version, logical_name, rights in elements:
        modes = _modes_of(rights)
        denied = {
            number: reason for number, mode in modes.items() if (reason := _denial(mode, has_bits=has_bits)) is not None
        }
        listed = ListedObject(class_id, version, logical_name, frozenset(modes), denied)
        objects.setdefault((class_id, logical_name), listed)
    return ObjectList(tuple(objects.values()), len(value) - len(objects))


def parse_base_names(value: Value) -> ObjectList:
    """Return what an Association SN (class 12) lists: it says nothing of access rights."""
    entries = parse_short_names(value)
    objects = tuple(ListedObject(entry.class_id, entry.version, entry.logical_name) for entry in entries.values())
    return ObjectList(objects, len(value) - len(objects) if isinstance(value, list) else 0)


def _element_of(element: Value) -> tuple[int, int, bytes, Value] | None:
    match element:
        case (int(class_id), int(version), bytes(logical_name), *rest) if (
            isinstance(element, tuple)
            and 0 <= class_id <= 0xFFFF
            and 0 <= version <= 0xFF
            and len(logical_name) == len(CURRENT_ASSOCIATION)
        ):
            return class_id, version, logical_name, rest[0] if rest else None
    return None


def _modes_of(rights: Value) -> dict[int, Value]:
    """Return the access mode of each attribute, whatever it is; the method_access_descriptor does not matter."""
    attributes = rights[0] if isinstance(rights, tuple) and rights else None
    modes: dict[int, Value] = {}
    for right in attributes if isinstance(attributes, list | tuple) else ():
        if isinstance(right, tuple) and right and isinstance(right[0], int):
            modes.setdefault(right[0], right[1] if len(right) > 1 else None)
    return modes


def _has_bits(elements: list[tuple[int, int, bytes, Value]]) -> bool:
    """Return whether access modes are sets of bits: by the version of the open association, or the newest listed."""
    versions = {name: version for class_id, version, name, _ in elements if class_id == ASSOCIATION_LN}
    return versions.get(CURRENT_ASSOCIATION, max(versions.values(), default=0)) >= _VERSION_OF_BITS


def _denial(mode: Value, *, has_bits: bool) -> str | None:
    """Return why an attribute may not be read, None where it may, or where nobody knows."""
    if isinstance(mode, bool) or not isinstance(mode, int) or mode < 0:
        return None
    if has_bits or mode >= len(_MODES):
        if mode & _READ_BIT:
            return None
        return f"no read access in the access rights: access mode {mode:02X}h"
    if mode in _READABLE:
        return None
    return f"no read access in the access rights: {_MODES[mode]} ({mode})"
