"""Whatever a meter sends for an attribute: a field of its name and type, a field beside it, or a MappingError."""

from __future__ import annotations

import json
import random
import re
from collections import Counter

import pytest

from telegraf_dlms import axdr
from telegraf_dlms.axdr import Tag, encode
from telegraf_dlms.classes import CLASSES
from telegraf_dlms.cosem import Attribute, FieldType, attributes_of, field_names, versions_of
from telegraf_dlms.datetimes import DeviceClock
from telegraf_dlms.errors import MappingError
from telegraf_dlms.fields import Presentation, print_attribute, tag_text
from telegraf_dlms.line import print_text
from telegraf_dlms.metrics import Series
from telegraf_dlms.obis import parse_obis

TEXT = r'"(?:[^"\\\x00-\x1f]|\\["\\])*"'
FLOAT = r"-?\d+(?:\.\d+)?(?:e[+-]\d+)?"
#: How a field of the attribute's own name is printed; those with _text and _json are texts.
OWN = {
    FieldType.CHOICE: FLOAT,
    FieldType.STATUS: r"-?\d+i",
    FieldType.INTEGER: r"-?\d+i",
    FieldType.BOOLEAN: "true|false",
    FieldType.BITS: TEXT,
    FieldType.TEXT: TEXT,
    FieldType.DATE_TIME: TEXT,
    FieldType.IP_ADDRESS: TEXT,
    FieldType.IP_ADDRESSES: TEXT,
    FieldType.JSON: TEXT,
}
HOLDS_JSON = {FieldType.JSON, FieldType.IP_ADDRESSES}
SCALERS = [0, 0, 0, -128, -3, 2, 127]
PRESENTATIONS = [
    Presentation("utf-8", DeviceClock()),
    Presentation("cp1251", DeviceClock("without_dst", "Europe/Berlin")),
    Presentation("utf-16", DeviceClock("ignore")),
]
#: The lengths at which octets are more than octets: addresses, date-times, dates and times.
LENGTHS = [0, 1, 4, 5, 6, 12, 12, 12, 16, 130]
DATE_TIME = bytes.fromhex("07EA0101040D000000FFC400")
#: One attribute of each type, and every attribute of every class and version.
EACH_TYPE = {kind: Attribute(2, "value", kind) for kind in FieldType}
EVERY = {
    (class_id, version, attribute)
    for class_id in CLASSES
    for version in versions_of(class_id)
    for attribute in attributes_of(class_id, version)
}


def octets(rng):
    length = rng.choice(LENGTHS)
    kind = rng.randrange(5)
    if kind == 0:
        return rng.randbytes(length)
    if kind == 1:
        return b"\xff" * length
    if kind == 2:
        return bytes(rng.choice(b'AZaz09 ,="\\') for _ in range(length))
    if kind == 3:
        return bytes(rng.choice(b"\x00\n\r\t\x7f\x80\xa0\xad") for _ in range(length))
    return bytes(DATE_TIME[i] if rng.random() < 0.9 else rng.randrange(256) for i in range(12))


def bits(rng):
    return "".join(rng.choice("01") for _ in range(rng.choice([0, 1, 7, 8, 9, 40])))


def number(rng, size, *, signed):
    whole = rng.choice([0, 1, 2 ** (size * 8 - signed) - 1, rng.getrandbits(size * 8 - signed)])
    return -whole - 1 if signed and rng.random() < 0.5 else whole


def items(rng, depth):
    if not depth:
        return []
    return [encoded(rng, rng.choice([*Tag]), depth - 1) for _ in range(rng.randrange(4))]


def encoded(rng, tag, depth=3):
    """Return octets of one A-XDR type, its edges more often than not."""
    match tag:
        case Tag.NULL_DATA | Tag.DONT_CARE:
            return encode(tag)
        case Tag.ARRAY | Tag.STRUCTURE:
            return encode(tag, items(rng, depth))
        case Tag.COMPACT_ARRAY:
            return encode(tag, (bytes((Tag.UNSIGNED,)), octets(rng)))
        case Tag.BOOLEAN:
            return bytes((tag, rng.choice([0, 1, 0xFF])))
        case Tag.BIT_STRING:
            return encode(tag, bits(rng))
        case Tag.OCTET_STRING | Tag.VISIBLE_STRING | Tag.UTF8_STRING:
            raw = octets(rng)
            return bytes((tag,)) + axdr.encode_length(len(raw)) + raw
        case Tag.DATE_TIME | Tag.DATE | Tag.TIME:
            size = {Tag.DATE_TIME: 12, Tag.DATE: 5, Tag.TIME: 4}[tag]
            raw = rng.choice([DATE_TIME[:size], rng.randbytes(size), b"\xff" * size])
            return bytes((tag,)) + raw
        case Tag.FLOAT32 | Tag.FLOAT64:
            special = {Tag.FLOAT32: ["7fc00000", "7f800000", "00000001"], Tag.FLOAT64: ["7ff8" + "00" * 6]}[tag]
            size = 4 if tag is Tag.FLOAT32 else 8
            return bytes((tag,)) + rng.choice([*map(bytes.fromhex, special), rng.randbytes(size), bytes(size)])
        case Tag.BCD | Tag.ENUM | Tag.UNSIGNED:
            return bytes((tag, number(rng, 1, signed=False)))
        case _:
            sizes = {Tag.INTEGER: 1, Tag.LONG: 2, Tag.LONG_UNSIGNED: 2, Tag.DOUBLE_LONG: 4}
            sizes |= {Tag.DOUBLE_LONG_UNSIGNED: 4, Tag.LONG64: 8, Tag.LONG64_UNSIGNED: 8}
            return encode(tag, number(rng, sizes[tag], signed="UNSIGNED" not in tag.name))


def read_text(printed):
    return re.sub(r"\\(.)", r"\1", printed[1:-1])


def check(attribute, printed):
    """Assert that fields are what the attribute may have; return their suffixes."""
    suffixes = []
    for field in printed:
        name, _, value = field.partition("=")
        suffix = name.removeprefix(attribute.name)
        assert suffix in {"", "_text", "_json"}, field
        assert re.fullmatch(OWN[attribute.type] if not suffix else TEXT, value), field
        if suffix == "_json" or (not suffix and attribute.type in HOLDS_JSON):
            json.loads(read_text(value), parse_constant=pytest.fail)
        suffixes.append(suffix)
    assert len(set(suffixes)) == len(suffixes) <= 2
    return suffixes


@pytest.mark.parametrize("tag", Tag)
@pytest.mark.parametrize("kind", FieldType)
def test_every_type_that_a_meter_can_send_keeps_the_fields_type(kind, tag):
    rng = random.Random(f"{kind.name} {tag.name}")
    attribute = EACH_TYPE[kind]
    for _ in range(100):
        value = axdr.decode_all(encoded(rng, tag))
        presentation, scaler = rng.choice(PRESENTATIONS), rng.choice(SCALERS)
        try:
            printed = print_attribute(attribute, value, presentation, scaler=scaler)
        except MappingError:
            assert kind is FieldType.CHOICE
            assert isinstance(value, float | int)
            continue
        assert not printed or value is not None
        assert not printed or kind is not FieldType.NO_FIELD
        check(attribute, printed)


@pytest.mark.parametrize("tag", Tag)
def test_a_tags_text_never_breaks_a_line(tag):
    rng = random.Random(tag.name)
    for kind in FieldType:
        for _ in range(30):
            value = axdr.decode_all(encoded(rng, tag))
            try:
                text = tag_text(EACH_TYPE[kind], value, rng.choice(PRESENTATIONS), scaler=rng.choice(SCALERS))
            except MappingError:
                assert isinstance(value, list | tuple | float)
            else:
                assert print_text(text)


def test_every_attribute_of_every_class_and_version_has_only_fields_that_no_tag_can_be_called_like():
    rng = random.Random(62)
    names = field_names()
    met = Counter()
    for _, _, attribute in sorted(EVERY, key=repr):
        for tag in Tag:
            try:
                printed = print_attribute(attribute, axdr.decode_all(encoded(rng, tag)), PRESENTATIONS[0])
            except MappingError:
                continue
            for suffix in check(attribute, printed):
                assert attribute.name + suffix in names
                met[attribute.type, suffix] += 1
    assert {kind for kind, suffix in met if not suffix} == set(OWN)


def test_one_attribute_that_cannot_be_a_field_costs_no_other_attribute_of_its_object():
    rng = random.Random(5)
    for class_id in CLASSES:
        series = Series(
            "dlms",
            tags={},
            class_id=class_id,
            logical_name=parse_obis("1.0.1.8.0.255"),
            presentation=PRESENTATIONS[0],
            scaler=0,
        )
        wanted = [attribute for attribute in attributes_of(class_id) if attribute.type is not FieldType.NO_FIELD]
        for _ in range(20):
            readings = [(attribute.number, axdr.decode_all(encoded(rng, rng.choice([*Tag])))) for attribute in wanted]
            line, problems = series.line(readings, scaler_unit=None, time_ns=0)
            alone = [series.line([reading], scaler_unit=None, time_ns=0) for reading in readings]
            assert len(problems) == sum(len(wrong) for _, wrong in alone)
            fields = [text.split(" ", 1)[1].rsplit(" ", 1)[0] for text, _ in alone if text is not None]
            assert (line is None) == (not fields)
            if line is not None:
                assert line.split(" ", 1)[1].rsplit(" ", 1)[0] == ",".join(fields)
                assert "\n" not in line
