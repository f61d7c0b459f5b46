"""One attribute's value as printed fields of a line: which field, of which type, in which words.

A field's type depends on the attribute, never on the value (``cosem.FieldType``); what a meter sends against its class
keeps the name's type too, and goes to ``<name>_text`` or ``<name>_json`` instead. Decisions beyond that:

- Numbers are exact. A meter's integer and scaler make ``value * 10**scaler``; Python divides and converts integers
  correctly rounded, so this is the float nearest to ``Decimal(value).scaleb(scaler)``. Where neither that float nor
  its shortest decimal is the exact number, the exact one is in ``<name>_text`` too. An integer beyond int64 that is
  not scaled is there alone. A meter's float is scaled through its shortest decimal.
- Text is printable where all its characters are; there are no line breaks in such a text, so none is ever sent. All
  other octets are hex. An empty text or octet-string gives no field; an empty array is ``[]``, which tells something.
- Inside JSON, octet-strings follow the rules of a CHOICE; an empty text stays one, and NaN is a text.
- A structure where a class has a number is JSON as the meter sent it: nothing inside is scaled.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from ipaddress import IPv6Address
from math import isfinite
from typing import TYPE_CHECKING, Any

from telegraf_dlms.axdr import Date, DateTime, Time, Value
from telegraf_dlms.cosem import Attribute, FieldType
from telegraf_dlms.datetimes import DATE_LENGTH, LENGTH, TIME_LENGTH, DeviceClock, is_date_time
from telegraf_dlms.errors import MappingError
from telegraf_dlms.line import fits_int64, print_float, print_integer, print_text

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Presentation:
    """How one device's octet-strings read: a codec's name for text, and what its date-times mean."""

    encoding: str
    clock: DeviceClock


def print_attribute(attribute: Attribute, value: Value, presentation: Presentation, *, scaler: int = 0) -> list[str]:
    """Return ``name=value`` fields for one attribute's value: none for null-data, at most two.

    MappingError where the value cannot be a field: NaN, the infinities, beyond what a float reaches.
    """
    if value is None:
        return []
    return _PRINTERS[attribute.type](attribute, value, presentation, scaler)


def tag_text(attribute: Attribute, value: Value, presentation: Presentation, *, scaler: int = 0) -> str:
    """Return a value as the text of a tag, exact digits for numbers; "" where there is none.

    MappingError for structures and arrays, and as for fields.
    """
    if isinstance(value, list | tuple):
        raise MappingError("a structure or an array cannot be a tag")
    if isinstance(value, int) and not isinstance(value, bool) and attribute.type not in _ADDRESSES:
        return _plain_digits(Decimal(f"{value}E{scaler}"))
    if isinstance(value, float):
        return print_float(_scale_float(value, scaler))
    return _text_of(attribute, value, presentation) or ""


def print_scaled(value: int, scaler: int) -> tuple[str, str | None]:
    """Print ``value * 10**scaler`` as a float, and exactly where that float does not keep it, else None."""
    try:
        number = value / 10**-scaler if scaler < 0 else float(value * 10**scaler)
    except OverflowError:
        raise MappingError(f"{value} scaled by {scaler} is beyond what a float reaches") from None
    printed = print_float(number)
    if -_DIGITS_KEPT < value < _DIGITS_KEPT:
        return printed, None
    exact = Decimal(f"{value}E{scaler}")
    if exact in (Decimal(printed), Decimal(number)):
        return printed, None
    return printed, _plain_digits(exact)


def plain(value: Value, presentation: Presentation) -> Any:
    """Return what JSON has for a value; what is no number by the rules of a CHOICE. axdr limits how deep this goes."""
    if isinstance(value, _ITEMS):
        return [item if type(item) in _AS_IT_IS else plain(item, presentation) for item in value]
    if value is None or isinstance(value, int) or (isinstance(value, float) and isfinite(value)):
        return value
    return _choice_text(value, presentation)


def _plain_digits(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


#: Every decimal of 15 digits comes back from a float64 (DBL_DIG), so its shortest decimal is that one.
_DIGITS_KEPT = 10**15
_ADDRESSES = (FieldType.IP_ADDRESS, FieldType.IP_ADDRESSES)


def _print_choice(attribute: Attribute, value: Value, presentation: Presentation, scaler: int) -> list[str]:
    if isinstance(value, bool):
        return [f"{attribute.name}={value:d}"]
    if isinstance(value, int):
        if not scaler and not fits_int64(value):
            return [f'{attribute.name}_text="{value}"']
        printed, exact = print_scaled(value, scaler)
        field = f"{attribute.name}={printed}"
        return [field] if exact is None else [field, f'{attribute.name}_text="{exact}"']
    if isinstance(value, float):
        return [f"{attribute.name}={print_float(_scale_float(value, scaler))}"]
    return _print_other(attribute, value, presentation)


def _print_integer(attribute: Attribute, value: Value, presentation: Presentation, _scaler: int) -> list[str]:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int):
        name = attribute.name
        return [f"{name}={print_integer(value)}"] if fits_int64(value) else [f'{name}_text="{value}"']
    return _print_other(attribute, value, presentation)


def _print_boolean(attribute: Attribute, value: Value, presentation: Presentation, _scaler: int) -> list[str]:
    if value in (0, 1) and isinstance(value, int):
        return [f"{attribute.name}={'true' if value else 'false'}"]
    return _print_other(attribute, value, presentation)


def _print_other(attribute: Attribute, value: Value, presentation: Presentation) -> list[str]:
    """Print what is no number, or none that the field could hold, beside the field."""
    if isinstance(value, list | tuple):
        return [f"{attribute.name}_json={_json_text(value, presentation)}"]
    text = _choice_text(value, presentation)
    return [f"{attribute.name}_text={print_text(text)}"] if text else []


def _print_text(attribute: Attribute, value: Value, presentation: Presentation, _scaler: int) -> list[str]:
    if isinstance(value, list | tuple):
        return _print_other(attribute, value, presentation)
    text = _text_of(attribute, value, presentation)
    return [f"{attribute.name}={print_text(text)}"] if text else []


def _print_addresses(attribute: Attribute, value: Value, presentation: Presentation, scaler: int) -> list[str]:
    if not isinstance(value, list | tuple):
        return _print_json(attribute, value, presentation, scaler)
    return [f"{attribute.name}={_dumped([_address_text(item) or plain(item, presentation) for item in value])}"]


def _print_json(attribute: Attribute, value: Value, presentation: Presentation, _scaler: int) -> list[str]:
    return [f"{attribute.name}={_json_text(value, presentation)}"]


def _print_nothing(_attribute: Attribute, _value: Value, _presentation: Presentation, _scaler: int) -> list[str]:
    return []


_PRINTERS: dict[FieldType, Callable[[Attribute, Value, Presentation, int], list[str]]] = {
    FieldType.CHOICE: _print_choice,
    FieldType.STATUS: _print_integer,
    FieldType.INTEGER: _print_integer,
    FieldType.BOOLEAN: _print_boolean,
    FieldType.BITS: _print_text,
    FieldType.TEXT: _print_text,
    FieldType.DATE_TIME: _print_text,
    FieldType.IP_ADDRESS: _print_text,
    FieldType.IP_ADDRESSES: _print_addresses,
    FieldType.JSON: _print_json,
    FieldType.NO_FIELD: _print_nothing,
}
#: Where octets are text, twelve of them are never taken for a date-time.
_NO_CHOICE = (FieldType.TEXT, FieldType.BITS)
_DATE_TIME_LENGTHS = (LENGTH, DATE_LENGTH, TIME_LENGTH)


def _scale_float(value: float, scaler: int) -> float:
    """Scale a float by its shortest decimal; what is not finite stays so, for ``print_float`` to refuse."""
    if not scaler or not isfinite(value):
        return value
    return float(Decimal(repr(value)).scaleb(scaler))


def _text_of(attribute: Attribute, value: Value, presentation: Presentation) -> str | None:
    """Return what is neither structure nor array as its attribute's field would have it as text."""
    if attribute.type in _ADDRESSES:
        return _address_text(value) or _plain_text(value, presentation)
    if attribute.type is FieldType.DATE_TIME and isinstance(value, bytes) and len(value) in _DATE_TIME_LENGTHS:
        return presentation.clock.to_text(value)
    if attribute.type in _NO_CHOICE:
        return _plain_text(value, presentation)
    return _choice_text(value, presentation)


def _choice_text(value: Value, presentation: Presentation) -> str | None:
    """Return a scalar as text by the rules of a CHOICE, where twelve octets may be a date-time; None for nothing."""
    if type(value) is bytes and len(value) == LENGTH and is_date_time(value):
        return presentation.clock.to_text(value)
    return _plain_text(value, presentation)


def _plain_text(value: Value, presentation: Presentation) -> str | None:
    if isinstance(value, DateTime | Date | Time):
        return presentation.clock.to_text(value)
    if isinstance(value, bytes):
        return _octets_text(value, presentation.encoding)
    if isinstance(value, str):
        return str(value) if value.isprintable() else value.encode("utf-8", "surrogatepass").hex()
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


def _octets_text(octets: bytes, encoding: str) -> str:
    try:
        text = octets.decode(encoding)
    except UnicodeError:
        return octets.hex()
    return text if text.isprintable() else octets.hex()


def _address_text(value: Value) -> str | None:
    """Return an address in its usual form; None for what is none, and for an octet-string without octets."""
    if isinstance(value, int) and not isinstance(value, bool):
        if not 0 <= value <= _MAX_IPV4:
            return None
        value = value.to_bytes(4, "big")
    if type(value) is not bytes:
        return None
    if len(value) == 16:
        return str(IPv6Address(value))
    return "{}.{}.{}.{}".format(*value) if len(value) == 4 else None


#: A frame of 64 KB may have as many addresses, for which ``ipaddress`` takes five times as long.
_MAX_IPV4 = 0xFFFFFFFF


def _json_text(value: Value, presentation: Presentation) -> str:
    return _dumped(plain(value, presentation))


def _dumped(value: Any) -> str:
    return print_text(json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False))


_ITEMS = (list, tuple)
#: A frame of 64 KB may have as many items.
_AS_IT_IS = frozenset({int, bool, type(None)})
