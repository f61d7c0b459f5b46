"""The built-in meter: a three-phase household meter's interface objects, one table for any number of meters."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from telegraf_dlms.access import Conformance
from telegraf_dlms.association import CONTEXT_OID, MECHANISM_OID
from telegraf_dlms.axdr import Tag, array, encode, structure
from telegraf_dlms.errors import DataRefused
from telegraf_dlms.obis import parse_obis
from telegraf_dlms.simulator import household, local_time, objects
from telegraf_dlms.simulator.compact import compact_data
from telegraf_dlms.simulator.objects import InterfaceObject, data, date_time, unsigned
from telegraf_dlms.simulator.profiles import CLOCK, profiles
from telegraf_dlms.simulator.registers import registers
from telegraf_dlms.simulator.security_objects import INVOCATION_COUNTER, security_objects

if TYPE_CHECKING:
    from collections.abc import Callable

    from telegraf_dlms.cosem import AttributeDescriptor
    from telegraf_dlms.simulator.buffers import Moment

#: What the meter can do for any client.
CONFORMANCE: Final = (
    Conformance.GET
    | Conformance.SELECTIVE_ACCESS
    | Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ
    | Conformance.MULTIPLE_REFERENCES
    | Conformance.PRIORITY_MGMT_SUPPORTED
)
#: A common size of real meters' buffers: a load profile needs blocks.
MAX_PDU_SIZE: Final = 1024

_READ_WRITE_DENIED: Final = 3


def read(descriptor: AttributeDescriptor, moment: Moment, selection: bytes | None = None) -> bytes:
    """Return an attribute's encoded value; DataRefused where there is none.

    ``selection`` is an access selector and its encoded parameters.
    """
    return objects.read(OBJECTS, descriptor, moment, selection)


def logical_device_name(meter: int) -> bytes:
    """Return the meter's logical device name: TDL and 13 digits."""
    return b"TDL%013d" % meter


def serial_number(meter: int) -> bytes:
    """Return the meter's serial number: eight digits."""
    return b"%08d" % (10_000_000 + meter)


def _clock() -> InterfaceObject:
    """Return the Clock (class 8); summer time from the last Sunday in March to the last in October."""

    def status(moment: Moment) -> int:
        return local_time.DST_ACTIVE if local_time.is_summer(moment.seconds) else 0

    attributes: objects.Attributes = {
        2: lambda m: date_time(m.seconds),
        3: encode(Tag.LONG, local_time.NORMAL_DEVIATION),
        4: lambda m: encode(Tag.UNSIGNED, status(m)),
        5: encode(Tag.OCTET_STRING, bytes.fromhex("FFFF03FE0702000000800000")),
        6: encode(Tag.OCTET_STRING, bytes.fromhex("FFFF0AFE0703000000800080")),
        7: encode(Tag.INTEGER, local_time.SUMMER_MINUTES),
        8: encode(Tag.BOOLEAN, True),
        9: encode(Tag.ENUM, 1),
    }
    return InterfaceObject(8, 0, CLOCK, attributes)


def _association(listed: Callable[[], objects.Objects]) -> InterfaceObject:
    """Return the Association LN (class 15) as the client that asks sees it; ``listed`` gives its objects."""

    @cache
    def object_list() -> bytes:
        return objects.object_list(listed().values())

    def denied(_moment: Moment) -> bytes:
        raise DataRefused(_READ_WRITE_DENIED)

    attributes: objects.Attributes = {
        2: lambda _: object_list(),
        3: lambda m: structure(encode(Tag.INTEGER, min(m.client, 127)), encode(Tag.LONG_UNSIGNED, 1)),
        4: lambda m: encode(Tag.OCTET_STRING, CONTEXT_OID + bytes((m.context,))),
        5: structure(
            encode(Tag.BIT_STRING, f"{CONFORMANCE:024b}"),
            encode(Tag.LONG_UNSIGNED, MAX_PDU_SIZE),
            encode(Tag.LONG_UNSIGNED, MAX_PDU_SIZE),
            encode(Tag.UNSIGNED, 6),
            encode(Tag.INTEGER, 0),
            encode(Tag.OCTET_STRING, b""),
        ),
        6: lambda m: encode(Tag.OCTET_STRING, MECHANISM_OID + bytes((m.mechanism,))),
        7: denied,
        8: encode(Tag.ENUM, 2),
    }
    return InterfaceObject(15, 0, parse_obis("0.0.40.0.0.255"), attributes)


def _sap_assignment() -> InterfaceObject:
    """Return the SAP assignment (class 17): one logical device, at address 1."""

    def devices(moment: Moment) -> bytes:
        name = encode(Tag.OCTET_STRING, logical_device_name(moment.meter))
        return array([structure(encode(Tag.LONG_UNSIGNED, 1), name)])

    return InterfaceObject(17, 0, parse_obis("0.0.41.0.0.255"), {2: devices})


def _data_objects() -> list[InterfaceObject]:
    def text(name: Callable[[int], bytes]) -> objects.Read:
        return lambda moment: encode(Tag.OCTET_STRING, name(moment.meter))

    return [
        data("0.0.42.0.0.255", text(logical_device_name)),
        data("0.0.96.1.0.255", text(serial_number)),
        data("0.0.96.7.21.255", lambda m: unsigned(household.outages(m.seconds, meter=m.meter))),
    ]


OBJECTS: Final[objects.Objects] = {
    listed.logical_name: listed
    for listed in (
        _association(lambda: OBJECTS),
        _sap_assignment(),
        _clock(),
        *security_objects(),
        *_data_objects(),
        *registers(),
        *profiles(),
        compact_data([_clock(), *_data_objects(), *registers()]),
    )
}
#: What a client may read that shows nothing, where the others have to.
PUBLIC: Final = (
    parse_obis("0.0.41.0.0.255"),
    parse_obis("0.0.42.0.0.255"),
    CLOCK,
    INVOCATION_COUNTER,
)
PUBLIC_OBJECTS: Final[objects.Objects] = {
    listed.logical_name: listed
    for listed in (_association(lambda: PUBLIC_OBJECTS), *(OBJECTS[logical_name] for logical_name in PUBLIC))
}
