"""Interface objects: a class's attributes by their number, as octets or as functions that compute them when asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from telegraf_dlms.axdr import Tag, array, encode, structure
from telegraf_dlms.errors import DataRefused
from telegraf_dlms.obis import parse_obis
from telegraf_dlms.simulator import buffers, local_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from telegraf_dlms.cosem import AttributeDescriptor, ScalerUnit
    from telegraf_dlms.simulator.buffers import Buffer, Moment

    Read: TypeAlias = Callable[[Moment], bytes]
    Attributes: TypeAlias = Mapping[int, bytes | Read]
    Objects: TypeAlias = Mapping[bytes, "InterfaceObject"]

_OBJECT_UNDEFINED, _CLASS_INCONSISTENT, _UNAVAILABLE, _TYPE_UNMATCHED, _OTHER_REASON = 4, 9, 11, 12, 250
_READ_ONLY = 1
_NO_OBJECT = bytes(6)


@dataclass(frozen=True, slots=True)
class InterfaceObject:
    """An object that all meters share. Attribute values are encoded; attribute 1 needs no entry, a buffer is 2."""

    class_id: int
    version: int
    logical_name: bytes
    attributes: Attributes
    buffer: Buffer | None = None


def read(
    objects: Objects,
    descriptor: AttributeDescriptor,
    moment: Moment,
    selection: bytes | None = None,
) -> bytes:
    """Return an attribute's encoded value; DataRefused with the data-access-result of what there is not."""
    found = objects.get(descriptor.logical_name)
    if found is None:
        raise DataRefused(_OBJECT_UNDEFINED)
    if found.class_id != descriptor.class_id:
        raise DataRefused(_CLASS_INCONSISTENT)
    if found.buffer is not None and descriptor.attribute == 2:
        return found.buffer.read(moment, selection)
    if selection is not None:
        raise DataRefused(_TYPE_UNMATCHED)
    if descriptor.attribute == 1:
        return encode(Tag.OCTET_STRING, found.logical_name)
    value = found.attributes.get(descriptor.attribute)
    if value is None:
        raise DataRefused(_UNAVAILABLE)
    return value if isinstance(value, bytes) else value(moment)


def value_or_result(
    objects: Objects,
    descriptor: AttributeDescriptor,
    moment: Moment,
    selection: bytes | None = None,
) -> bytes | int:
    """Return an attribute's encoded value, or the data-access-result that stands in its place."""
    try:
        return read(objects, descriptor, moment, selection)
    except DataRefused as refused:
        return _OTHER_REASON if refused.result is None else refused.result


def data(code: str, value: bytes | Read) -> InterfaceObject:
    """Return a Data object (class 1)."""
    return InterfaceObject(1, 0, parse_obis(code), {2: value})


def register(code: str, scaler_unit: ScalerUnit, value: Read) -> InterfaceObject:
    """Return a Register (class 3)."""
    return InterfaceObject(3, 0, parse_obis(code), {2: value, 3: encode_scaler_unit(scaler_unit)})


def profile(code: str, buffer: Buffer) -> InterfaceObject:
    """Return a Profile generic (class 7) in fifo order, not sorted by any object."""
    attributes: dict[int, bytes | Read] = {
        3: array(buffers.capture_object(column) for column in buffer.columns),
        4: unsigned(buffer.period),
        5: encode(Tag.ENUM, buffers.FIFO),
        6: structure(
            encode(Tag.LONG_UNSIGNED, 0),
            encode(Tag.OCTET_STRING, _NO_OBJECT),
            encode(Tag.INTEGER, 0),
            encode(Tag.LONG_UNSIGNED, 0),
        ),
        7: lambda moment: unsigned(len(buffer.times(moment))),
        8: unsigned(buffer.capacity),
    }
    return InterfaceObject(7, 1, parse_obis(code), attributes, buffer)


def unsigned(value: int) -> bytes:
    """Return a double-long-unsigned."""
    return encode(Tag.DOUBLE_LONG_UNSIGNED, value)


def date_time(seconds: int) -> bytes:
    """Return a moment in Unix seconds as a date-time in an octet-string, in the meter's local time."""
    return encode(Tag.OCTET_STRING, local_time.date_time(seconds))


def encode_scaler_unit(scaler_unit: ScalerUnit) -> bytes:
    """Return a scal_unit_type."""
    return structure(encode(Tag.INTEGER, scaler_unit.scaler), encode(Tag.ENUM, scaler_unit.unit))


def attribute_numbers(listed: InterfaceObject) -> list[int]:
    """Return the attributes that an object has, 1 first."""
    return sorted({1, *listed.attributes, *([2] if listed.buffer else [])})


def object_list(objects: Iterable[InterfaceObject]) -> bytes:
    """Return the object_list of an Association LN (Blue Book, 4.4.4): every attribute read-only, no methods."""
    return array(_element(listed) for listed in objects)


def attribute_access(listed: InterfaceObject) -> bytes:
    """Return an attribute_access_descriptor: each attribute, read-only, and its access selectors."""
    return array(_access(listed, number) for number in attribute_numbers(listed))


def _element(listed: InterfaceObject) -> bytes:
    return structure(
        encode(Tag.LONG_UNSIGNED, listed.class_id),
        encode(Tag.UNSIGNED, listed.version),
        encode(Tag.OCTET_STRING, listed.logical_name),
        structure(attribute_access(listed), array([])),
    )


def _access(listed: InterfaceObject, number: int) -> bytes:
    selectors = encode(Tag.NULL_DATA)
    if listed.buffer is not None and number == 2:
        selectors = array(encode(Tag.INTEGER, selector) for selector in buffers.SELECTORS)
    return structure(encode(Tag.INTEGER, number), encode(Tag.ENUM, _READ_ONLY), selectors)
