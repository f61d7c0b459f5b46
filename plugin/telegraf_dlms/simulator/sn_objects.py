"""The built-in meter by short names: the same objects, with the Association SN in place of the Association LN."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from telegraf_dlms.access import Conformance
from telegraf_dlms.axdr import Tag, array, encode, structure
from telegraf_dlms.cosem import AttributeDescriptor
from telegraf_dlms.obis import parse_obis
from telegraf_dlms.short_names import ASSOCIATION, attribute_name
from telegraf_dlms.simulator import meter, objects
from telegraf_dlms.simulator.objects import InterfaceObject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

#: What the meter can do for a client that uses short names.
CONFORMANCE: Final = (
    Conformance.READ
    | Conformance.PARAMETERIZED_ACCESS
    | Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ
    | Conformance.MULTIPLE_REFERENCES
)
#: Base names that the Blue Book, 4.1.3, gives to the objects that every meter has.
RESERVED: Final = {
    parse_obis("0.0.40.0.0.255"): ASSOCIATION,
    parse_obis("0.0.41.0.0.255"): 0xFC00,
    parse_obis("0.0.42.0.0.255"): 0xFD00,
}
#: The other objects' base names: from 1000h on, each with room for 16 attributes and methods, half above 7FFFh.
FIRST: Final = 0x1000
FIRST_NEGATIVE: Final = 0x8000
ROOM: Final = 0x80


def _association(listed: Callable[[], objects.Objects]) -> InterfaceObject:
    """Return the current Association SN (class 12); ``listed`` gives its objects."""

    @cache
    def object_list() -> bytes:
        return _object_list(listed().values())

    @cache
    def access_rights() -> bytes:
        return _access_rights(listed().values())

    attributes: objects.Attributes = {2: lambda _: object_list(), 3: lambda _: access_rights()}
    return InterfaceObject(12, 1, parse_obis("0.0.40.0.0.255"), attributes)


def _base_names() -> dict[bytes, int]:
    """Return the base name of each object by its logical name."""
    names = dict(RESERVED)
    others = [name for name in OBJECTS if name not in RESERVED]
    for number, logical_name in enumerate(others):
        names[logical_name] = (FIRST_NEGATIVE if number % 2 else FIRST) + number // 2 * ROOM
    return names


def _variables() -> dict[int, AttributeDescriptor]:
    return {
        attribute_name(BASE_NAMES[logical_name], number): AttributeDescriptor(listed.class_id, logical_name, number)
        for logical_name, listed in OBJECTS.items()
        for number in objects.attribute_numbers(listed)
    }


def _signed(base_name: int) -> bytes:
    return encode(Tag.LONG, (base_name ^ 0x8000) - 0x8000)


def _object_list(listed: Iterable[InterfaceObject]) -> bytes:
    """Return the object_list: base_name, class_id, version and logical name of each object."""
    return array(
        structure(
            _signed(BASE_NAMES[each.logical_name]),
            encode(Tag.LONG_UNSIGNED, each.class_id),
            encode(Tag.UNSIGNED, each.version),
            encode(Tag.OCTET_STRING, each.logical_name),
        )
        for each in listed
    )


def _access_rights(listed: Iterable[InterfaceObject]) -> bytes:
    """Return the access_rights_list: base_name, the attributes' rights, and those of no methods."""
    return array(
        structure(_signed(BASE_NAMES[each.logical_name]), objects.attribute_access(each), array([])) for each in listed
    )


OBJECTS: Final[objects.Objects] = {**meter.OBJECTS, parse_obis("0.0.40.0.0.255"): _association(lambda: OBJECTS)}
#: What a client may read that shows nothing, where the others have to.
PUBLIC_OBJECTS: Final[objects.Objects] = {
    **meter.PUBLIC_OBJECTS,
    parse_obis("0.0.40.0.0.255"): _association(lambda: PUBLIC_OBJECTS),
}
BASE_NAMES: Final = _base_names()
#: The attribute that each short name is.
VARIABLES: Final[Mapping[int, AttributeDescriptor]] = _variables()
