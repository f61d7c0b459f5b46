"""Short names: a meter's object list, and the variables that its objects' attributes are (Blue Book, 4.1.3 and 4.4.3).

An object has a base name, which is its attribute 1; attribute n is the variable 8 (n - 1) further on. Names are 16 bits
without a sign here; the object list holds them as a long, so half of them come as negative numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from telegraf_dlms.cosem import ASSOCIATION_SN, CURRENT_ASSOCIATION, last_attribute
from telegraf_dlms.errors import DataRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from telegraf_dlms.axdr import Value
    from telegraf_dlms.cosem import AttributeDescriptor

#: The base name of the current Association SN, the same in every meter (Blue Book, 4.1.3), and its object_list.
ASSOCIATION: Final = 0xFA00
OBJECT_LIST: Final = ASSOCIATION + 8
#: Its method reply_to_HLS_authentication, by parameterized-access: selector 1 and f(StoC) as an octet-string.
REPLY_TO_HLS: Final = 0xFA58

MAX_SHORT_NAME: Final = 0xFFFF

_OBJECT_UNDEFINED: Final = 4
_CLASS_INCONSISTENT: Final = 9
#: Objects whose base names are the same in every meter (Blue Book, 4.1.3): Association SN, COSEM logical device name.
_RESERVED: Final = {(ASSOCIATION_SN, CURRENT_ASSOCIATION): ASSOCIATION, (1, bytes.fromhex("00002A0000FF")): 0xFD00}


class ObjectListEntry(NamedTuple):
    """An object of the meter, and the short name of its first attribute."""

    base_name: int
    class_id: int
    version: int
    logical_name: bytes


class ShortNames:
    """The base names of a meter's objects, as far as they are known.

    ``configured`` are (class_id, logical name, base name) of the configuration, which need no object list, as those
    whose base names are reserved do not. What the list said stays until ``forget``; that it was refused holds for one
    association, until ``begin``.
    """

    __slots__ = ("_configured", "_listed", "_refusal")

    def __init__(self, configured: Iterable[tuple[int, bytes, int]] = ()) -> None:
        self._configured = {(class_id, name): base_name for class_id, name, base_name in configured}
        self._listed: dict[tuple[int, bytes], ObjectListEntry] | None = None
        self._refusal: DataRefused | None = None

    @property
    def objects(self) -> Sequence[tuple[int, bytes]]:
        """The class_id and logical name of each object that the meter's list has, as far as it was read."""
        return tuple(self._listed or ())

    def begin(self) -> None:
        """Begin an association, in which the object list may be asked for again."""
        self._refusal = None

    def forget(self) -> None:
        """Ask for the object list again when it is wanted next: a day has passed, or this is another meter."""
        self._listed = self._refusal = None

    def wants_list(self, descriptor: AttributeDescriptor) -> bool:
        """Return whether the object list has to be read to know this attribute's name.

        Where nothing is configured the list is read in any case, and says whether the meter has what is reserved.
        """
        if self._listed is not None or self._refusal is not None or descriptor[:2] in self._configured:
            return False
        reserved = _RESERVED.get(descriptor[:2])
        return reserved is None or (reserved != ASSOCIATION and not self._configured)

    def learn(self, object_list: Value | DataRefused) -> None:
        """Take what came for the object list."""
        try:
            if isinstance(object_list, DataRefused):
                raise object_list
            self._listed = parse_object_list(object_list)
        except DataRefused as refusal:
            self._refusal = DataRefused(refusal.result, f"the meter's object list: {refusal}")

    def name_of(self, descriptor: AttributeDescriptor) -> int:
        """Return an attribute's short name; DataRefused where the meter has no such object, or attribute.

        Behind the last attribute of the object's version are the names of its methods, and of the next object.
        """
        class_id, logical_name, attribute = descriptor
        base_name = self._configured.get((class_id, logical_name))
        if base_name is None:
            base_name = self._listed_name(class_id, logical_name, attribute)
        return attribute_name(base_name, attribute)

    def _listed_name(self, class_id: int, logical_name: bytes, attribute: int) -> int:
        entry = self._listed.get((class_id, logical_name)) if self._listed is not None else None
        if entry is not None:
            _check_attribute(entry, attribute)
            return entry.base_name
        reserved = _RESERVED.get((class_id, logical_name))
        # What the meter does not list is not asked for: Gurux's servers answer nothing more once a name is unknown.
        if reserved is not None and (self._listed is None or reserved == ASSOCIATION):
            return reserved
        if self._listed is None:
            raise self._refusal or DataRefused(None, "the meter's object list was not read")
        if any(name == logical_name for _, name in self._listed):
            raise DataRefused(_CLASS_INCONSISTENT)
        raise DataRefused(_OBJECT_UNDEFINED)


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


def _check_attribute(entry: ObjectListEntry, attribute: int) -> None:
    last = last_attribute(entry.class_id, entry.version)
    if last is not None and attribute > last:
        owner = f"version {entry.version} of class {entry.class_id}"
        raise DataRefused(None, f"{owner} has no attribute {attribute}: its short name is another one's")


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
