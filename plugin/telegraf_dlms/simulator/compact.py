"""The Compact data object of the built-in meter (class 62, Blue Book, 4.3.10): the present values in a few octets.

It captures when it is read; its first captured attribute is its own template_id, so that the buffer begins with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from telegraf_dlms.axdr import Tag, array, encode
from telegraf_dlms.cosem import CaptureObject
from telegraf_dlms.obis import parse_obis
from telegraf_dlms.simulator import buffers
from telegraf_dlms.simulator.objects import InterfaceObject
from telegraf_dlms.simulator.profiles import CLOCK

if TYPE_CHECKING:
    from collections.abc import Iterable

    from telegraf_dlms.simulator.buffers import Moment
    from telegraf_dlms.simulator.objects import Attributes

TEMPLATE_ID: Final = 0x30
_NAME: Final = parse_obis("0.0.66.0.1.255")
_UPON_READING: Final = 1
#: What is captured behind the template_id.
_CAPTURED: Final = (
    CaptureObject(8, CLOCK, 2, 0),
    CaptureObject(3, parse_obis("1.0.1.8.0.255"), 2, 0),
    CaptureObject(3, parse_obis("1.0.1.7.0.255"), 2, 0),
    CaptureObject(3, parse_obis("1.0.32.7.0.255"), 2, 0),
    CaptureObject(1, parse_obis("0.0.96.1.0.255"), 2, 0),
)
#: The types of the template_id and of what is captured behind it.
_TYPES: Final = (
    Tag.UNSIGNED,
    Tag.OCTET_STRING,
    Tag.DOUBLE_LONG_UNSIGNED,
    Tag.DOUBLE_LONG_UNSIGNED,
    Tag.LONG_UNSIGNED,
    Tag.OCTET_STRING,
)


def compact_data(others: Iterable[InterfaceObject]) -> InterfaceObject:
    """Return the Compact data object, which captures attributes of ``others``."""
    captured = {other.logical_name: other for other in others}

    def buffer(moment: Moment) -> bytes:
        values = [bytes((Tag.UNSIGNED, TEMPLATE_ID))]
        for column in _CAPTURED:
            value = captured[column.logical_name].attributes[column.attribute]
            values.append(value if isinstance(value, bytes) else value(moment))
        return encode(Tag.OCTET_STRING, b"".join([value[1:] for value in values]))

    attributes: Attributes = {
        2: buffer,
        3: array(buffers.capture_object(column) for column in (CaptureObject(62, _NAME, 4, 0), *_CAPTURED)),
        4: encode(Tag.UNSIGNED, TEMPLATE_ID),
        5: encode(Tag.OCTET_STRING, bytes((Tag.STRUCTURE, len(_TYPES), *_TYPES))),
        6: encode(Tag.ENUM, _UPON_READING),
    }
    return InterfaceObject(62, 0, _NAME, attributes)
