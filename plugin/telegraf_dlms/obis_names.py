"""Names for the objects of a meter, from their OBIS codes: what a person would call them (IEC 62056-6-1).

``meaning_of`` looks at one code alone. ``names_of`` makes the names of a whole meter unique: where some are alike, that
in which they differ is put behind them: the channel (value group B), the medium, the class. So a meter that has all its
values on channel 1 has the same names as one that has them on channel 0.

F of 0 to 99 is a billing period's number, 101 to 125 count back from the last one; 255 is "not used". What the tables
do not know is called by its code: ``obis_1_0_200_8_0_255``.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from telegraf_dlms.cosem import class_name
from telegraf_dlms.obis import LENGTH
from telegraf_dlms.obis_abstract import ABSTRACT, FIRST_COMMON
from telegraf_dlms.obis_tables import (
    ANGLE_PLACES,
    DISTORTIONS,
    ELECTRICITY,
    FURTHER_QUANTITIES,
    GAS_FAMILIES,
    GAS_FLOWS,
    GAS_QUANTITIES,
    GAS_VALUES,
    HARMONIC,
    HARMONIC_VALUES,
    HEAT_COST_ALLOCATOR,
    MEDIA,
    METER_VALUES,
    POWERS,
    QUANTITIES,
    THERMAL,
    TIME_INTEGRALS,
    VALUES,
    WATER,
    Kind,
    Meaning,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from telegraf_dlms.obis_tables import Place

__all__ = ["Kind", "Meaning", "meaning_of", "names_of"]

_ABSTRACT_MEDIUM, _ELECTRICITY, _GAS = 0, 1, 7
_NOT_USED = 255
#: Classes whose kind is theirs, whatever the code says: profiles and compact data, the clock.
_KINDS_OF_CLASSES: Final = {7: Kind.PROFILES, 62: Kind.PROFILES, 8: Kind.CLOCK_AND_IDENTITY}
#: Classes that hold measured values; all others set something up.
_VALUE_CLASSES: Final = frozenset({1, 3, 4, 5, 61, 63})
#: C of transformer and line losses, whose E says which, and of what is an integral already.
_LOSSES: Final = 83
_INTEGRALS: Final = frozenset({82, 83, 88, 89})
#: C of what each country defines for itself.
_COUNTRY: Final = 94
#: Rates are 1 to 63 of value group E.
_LAST_RATE: Final = 63


def meaning_of(class_id: int, logical_name: bytes) -> Meaning:
    """Return name, kind and words of an object; the name says nothing of value group B."""
    known = _known(logical_name) if len(logical_name) == LENGTH else None
    if known is None:
        known = _unknown(class_id, logical_name)
    return Meaning(known.name, _KINDS_OF_CLASSES.get(class_id, known.kind), known.words or _spelled(known.name))


def names_of(objects: Sequence[tuple[int, bytes]]) -> list[str]:
    """Return a name for each (class_id, logical name), none twice; each pair may be there once."""
    names = [meaning_of(class_id, logical_name).name for class_id, logical_name in objects]
    alike: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        alike.setdefault(name, []).append(i)
    for places in alike.values():
        for qualifier in _QUALIFIERS:
            words = [qualifier(*objects[i]) for i in places]
            if len({names[i] for i in places}) < len(places) and len(set(words)) > 1:
                for i, word in zip(places, words, strict=True):
                    names[i] += word
    count = Counter(names)
    return [name if count[name] == 1 else _last_resort(*objects[i]) for i, name in enumerate(names)]


def _channel(_class_id: int, logical_name: bytes) -> str:
    return f"_channel_{logical_name[1]}" if len(logical_name) == LENGTH and logical_name[1] else ""


def _medium(_class_id: int, logical_name: bytes) -> str:
    return "_electricity" if logical_name[:1] == bytes((_ELECTRICITY,)) else ""


def _class(class_id: int, _logical_name: bytes) -> str:
    return f"_{class_name(class_id) or f'class_{class_id}'}"


def _last_resort(class_id: int, logical_name: bytes) -> str:
    return f"{_code(logical_name)}_class_{class_id}"


#: What is put behind names that are alike, in this order, where it is not the same for all of them.
_QUALIFIERS: Final = (_channel, _medium, _class)


def _known(logical_name: bytes) -> Meaning | None:
    medium, _, group, value, element, period = logical_name
    if medium == _ABSTRACT_MEDIUM:
        found = _look_up(ABSTRACT, group, value, element)
    elif medium == _ELECTRICITY:
        found = _look_up(ELECTRICITY, group, value, element) or _electricity(group, value, element)
    elif medium in MEDIA:
        found = _of_medium(medium, group, value, element)
    else:
        return None
    if found is None and group >= FIRST_COMMON and medium != _ABSTRACT_MEDIUM:
        found = _look_up(ABSTRACT, group, value, element)
        if found is not None and medium in MEDIA:
            found = found._replace(name=f"{MEDIA[medium]}_{found.name}")
    return None if found is None else _with_period(found, period)


def _look_up(table: Mapping[Place, Meaning], group: int, value: int, element: int) -> Meaning | None:
    for place in ((group, value, element), (group, value, None), (group, None, element), (group, None, None)):
        found = table.get(place)
        if found is None:
            continue
        name = found.name
        if place[2] is None and "{" not in name and element:
            name += "_{e}"
        if place[1] is None and value and "{" not in found.name:
            name += "_{d}"
        numbers = {"d": value, "e": element, "n": element + 1}
        return Meaning(name.format_map(numbers), found.kind, found.words.format_map(numbers))
    return None


def _electricity(group: int, value: int, element: int) -> Meaning | None:
    """Return what is measured of electricity: quantity, how it was taken, then rate or harmonic."""
    if group == 81 and value == 7:
        return _angle(element)
    phase = "" if group <= 20 else f"_l{(group - 1) // 20}"
    base = (group - 1) % 20 + 1
    if not 1 <= group <= 80:
        quantity = FURTHER_QUANTITIES.get(group)
    elif base in POWERS:
        return _power(base, phase, group, value, element)
    else:
        quantity = QUANTITIES[base] + phase
    if quantity is None:
        return None
    if value in TIME_INTEGRALS:
        name, words = TIME_INTEGRALS[value]
        parts = (quantity, "integral" if group not in _INTEGRALS else "", name)
        found = Meaning("_".join(filter(None, parts)), Kind.ENERGY, words)
        return _with_element(found, group, value, element)
    taken = VALUES.get(value)
    if taken is None:
        return None
    kind = Kind.INSTANTANEOUS if taken.kind is Kind.DEMAND and base != 11 else taken.kind
    found = Meaning("_".join(filter(None, (quantity, taken.name))), kind, taken.words or _spelled(taken.name))
    return _with_element(found, group, value, element)


def _power(base: int, phase: str, group: int, value: int, element: int) -> Meaning | None:
    nature, direction, quadrants = POWERS[base]
    if value in TIME_INTEGRALS:
        suffix, words = TIME_INTEGRALS[value]
        what, kind = "energy", Kind.ENERGY
    elif value in VALUES:
        taken = VALUES[value]
        suffix, words, kind = taken.name, taken.words or _spelled(taken.name), taken.kind
        what = "power"
    else:
        return None
    name = f"{nature}_{what}_{direction}{phase}" + (f"_{suffix}" if suffix else "")
    found = Meaning(name, kind, ", ".join(filter(None, (quadrants, words))))
    return _with_element(found, group, value, element)


def _with_element(found: Meaning, group: int, value: int, element: int) -> Meaning:
    """Return the meaning of a measured value with its value group E: a harmonic, a rate, or a number."""
    name, kind, words = found
    suffix = spelled = ""
    if group in HARMONIC and value in HARMONIC_VALUES and 0 < element < 128:
        suffix, spelled = DISTORTIONS.get(element, (f"harmonic_{element}", f"harmonic {element}"))
    elif 1 <= element <= _LAST_RATE and group != _LOSSES:
        suffix, spelled = f"rate_{element}", f"rate {element}"
    elif element:
        suffix, spelled = f"e{element}", f"value group E {element}"
    words = f"{_spelled(name)} ({words})"
    return Meaning(f"{name}_{suffix}" if suffix else name, kind, f"{words}, {spelled}" if spelled else words)


def _angle(element: int) -> Meaning | None:
    reference, place = (ANGLE_PLACES.get(digit) for digit in divmod(element, 10))
    if reference is None or place is None:
        return None
    words = f"angle of {_spelled(place)} measured from {_spelled(reference)}"
    return Meaning(f"angle_{place}_from_{reference}", Kind.INSTANTANEOUS, words)


def _of_medium(medium: int, group: int, value: int, element: int) -> Meaning | None:
    """Return what is measured of heat, gas or water."""
    if group == 0:
        return _general(medium, value, element)
    quantity, taken = _gas(group, value) if medium == _GAS else _meter(medium, group, value)
    if quantity is None or taken is None:
        return None
    name = "_".join(filter(None, (MEDIA[medium], quantity[0], taken[0])))
    if element:
        name += f"_rate_{element}" if element <= _LAST_RATE else f"_e{element}"
    return Meaning(name, quantity[1], f"{_spelled(name)} ({taken[1]})")


def _general(medium: int, value: int, element: int) -> Meaning | None:
    """Return a general purpose object, for which the codes of electricity hold where these media have them at all."""
    if value == 0:
        return Meaning(f"{MEDIA[medium]}_id_{element + 1}", Kind.CLOCK_AND_IDENTITY)
    if value not in {1, 9} and (value, element) != (2, 8):
        return None
    found = _look_up(ELECTRICITY, 0, value, element)
    return None if found is None else found._replace(name=f"{MEDIA[medium]}_{found.name}")


def _gas(group: int, value: int) -> tuple[tuple[str, Kind] | None, tuple[str, str] | None]:
    tens, units = divmod(group, 10)
    taken = GAS_VALUES.get(value, (f"d{value}", f"value group D {value}") if value < 99 else None)
    if tens in GAS_FAMILIES and units in GAS_FLOWS and group < FIRST_COMMON:
        what, kind = GAS_FAMILIES[tens]
        return (f"{GAS_FLOWS[units]}_{what}", kind), taken
    name = GAS_QUANTITIES.get(group)
    return (None if name is None else (name, Kind.INSTANTANEOUS)), taken


def _meter(medium: int, group: int, value: int) -> tuple[tuple[str, Kind] | None, tuple[str, str] | None]:
    table = {4: HEAT_COST_ALLOCATOR, 5: THERMAL, 6: THERMAL, 8: WATER, 9: WATER}[medium]
    return table.get(group), METER_VALUES.get(value)


def _with_period(found: Meaning, period: int) -> Meaning:
    """Return a meaning with its value group F, which makes a measured value one of a billing period."""
    if period == _NOT_USED:
        return found
    words = found.words or _spelled(found.name)
    if period > 125 or period == 100:
        return Meaning(f"{found.name}_f{period}", found.kind, f"{words}, value group F {period}")
    kind = Kind.BILLING if found.kind in {Kind.ENERGY, Kind.VOLUME, Kind.DEMAND, Kind.INSTANTANEOUS} else found.kind
    if period < 100:
        return Meaning(f"{found.name}_billing_{period}", kind, f"{words}, billing period {period}")
    back = period - 100
    return Meaning(f"{found.name}_last_billing_{back}", kind, f"{words}, billing period {back} before this one")


def _unknown(class_id: int, logical_name: bytes) -> Meaning:
    name, kind = _code(logical_name), Kind.OTHER if class_id in _VALUE_CLASSES else Kind.SETTINGS
    if len(logical_name) == LENGTH and logical_name[2] == _COUNTRY:
        return Meaning(name, kind, f"a code of country {logical_name[3]}")
    if len(logical_name) == LENGTH and _is_manufacturers(logical_name):
        return Meaning(name, Kind.MANUFACTURER_SPECIFIC, "a code of the manufacturer's")
    return Meaning(name, kind, "a code that is in no table of the standard")


def _is_manufacturers(logical_name: bytes) -> bool:
    """Return whether a code is left to manufacturers (Blue Book part 1, "Manufacturer specific codes")."""
    _, channel, group, value, element, period = logical_name
    return (
        128 <= channel <= 199
        or 128 <= group <= 199
        or group == 240
        or any(128 <= each <= 254 for each in (value, element, period))
        or (group == 96 and 50 <= value <= 99)
    )


def _code(logical_name: bytes) -> str:
    return "_".join(["obis", *map(str, logical_name)])


def _spelled(name: str) -> str:
    """Return a name as words, with what is written in capitals in capitals."""
    return " ".join(_CAPITALS.get(word, word) for word in name.split("_"))


_CAPITALS: Final = {
    "l1": "L1",
    "l2": "L2",
    "l3": "L3",
    "q1": "QI",
    "q2": "QII",
    "q3": "QIII",
    "q4": "QIV",
    "id": "ID",
    "hdlc": "HDLC",
    "mbus": "M-Bus",
    "tcp": "TCP",
    "udp": "UDP",
    "ipv4": "IPv4",
    "ipv6": "IPv6",
    "mac": "MAC",
    "ppp": "PPP",
    "gprs": "GPRS",
    "smtp": "SMTP",
    "gsm": "GSM",
    "ntp": "NTP",
    "lte": "LTE",
    "sap": "SAP",
}
