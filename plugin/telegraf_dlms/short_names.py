"""Short names: a meter's object list, and the variables that its objects' attributes are (Blue Book, 4.1.3 and 4.4.3).

An object has a base name, which is its attribute 1; attribute n is the variable 8 (n - 1) further on. Names are 16 bits
without a sign here; the object list holds them as a long, so half of them come as negative numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from telegraf_dlms.errors import DataRefused

if TYPE_CHECKING:
    from telegraf_dlms.axdr import Value

#: The base name of the current Association SN, the same in every meter (Blue Book, 4.1.3), and its object_list.
ASSOCIATION: Final = 0xFA00
OBJECT_LIST: Final = ASSOCIATION + 8
#: Its method reply_to_HLS_authentication, by parameterized-access: selector 1 and f(StoC) as an octet-string.
REPLY_TO_HLS: Final = 0xFA58

MAX_SHORT_NAME: Final = 0xFFFF


class ObjectListEntry(NamedTuple):
    """An object of the meter, and the short name of its first attribute."""

    base_name: int
    class_id: int
    version: int
    logical_name: bytes


def parse_object_list(value: Value) -> dict[tuple[int, bytes], ObjectListEntry]:
    """Return the objects of an object_list (attribute 2 of FA00h) by class_id and logical name.

    Elements that are nothing of the kind are left out, and of two for one object the second. DataRefused where
    ``value`` is no array, or none of its elements is an object.
    """
    if not isinstance(value, list):
        raise DataRefused(None, f"the object list is no array but {type(value).__name__}")
    objects: dict[tuple[int, bytes], ObjectListEntry] = {}
    for element in value:
        entry = _parse_element(element)
        if entry is not None:
            objects.setdefault((entry.class_id, entry.logical_name), entry)
    if value and not objects:
        raise DataRefused(None, f"none of the {len(value)} elements of the object list is an object")
    return objects


def attribute_name(base_name: int, attribute: int) -> int:
    """Return the short name of an attribute, counted from 1; DataRefused where there is no room for it."""
    name = (base_name & MAX_SHORT_NAME) + 8 * (attribute - 1)
    if not 0 <= name <= MAX_SHORT_NAME:
        raise DataRefused(None, f"base name {base_name & MAX_SHORT_NAME:04X}h has no room for attribute {attribute}")
    return name


def _parse_element(element: Value) -> ObjectListEntry | None:
    match element:
        case (int(base_name), int(class_id), int(version), bytes(logical_name), *_) if (
            isinstance(element, tuple)
            and -0x8000 <= base_name <= MAX_SHORT_NAME
            and 0 <= class_id <= 0xFFFF
            and 0 <= version <= 0xFF
            and len(logical_name) == 6
        ):
            return ObjectListEntry(base_name & MAX_SHORT_NAME, class_id, version, logical_name)
    return None
