"""One value to the fields of its attribute: types, scaling, texts, date-times, JSON."""

from __future__ import annotations

import json
import math
import random
from decimal import Decimal

import pytest

from telegraf_dlms.axdr import BitString, Date, DateTime, Time, VisibleString
from telegraf_dlms.cosem import Attribute, FieldType
from telegraf_dlms.datetimes import DeviceClock
from telegraf_dlms.errors import MappingError
from telegraf_dlms.fields import Presentation, print_attribute, print_scaled, tag_text

UTF8 = Presentation("utf-8", DeviceClock())
CYRILLIC = Presentation("cp1251", DeviceClock())
LATIN = Presentation("latin-1", DeviceClock())

#: 2026-01-01 13:00:00, an hour ahead of UTC.
NEW_YEAR = bytes.fromhex("07EA0101040D000000FFC400")
NEW_YEAR_TEXT = "2026-01-01T13:00:00+01:00"
ALL_FF = b"\xff" * 12
WILDCARD = bytes.fromhex("07EAFF01FF000000FF800000")


def fields(kind: FieldType, value, presentation=UTF8, **scaling) -> list[str]:
    return print_attribute(Attribute(2, "f", kind), value, presentation, **scaling)


@pytest.mark.parametrize(
    ("value", "scaler", "printed"),
    [
        (12345678, -1, "1234567.8"),
        (12345678, 0, "12345678"),
        (12345678, 3, "12345678000"),
        (1, -1, "0.1"),
        (3, -1, "0.3"),
        (-7, -3, "-0.007"),
        (0, -3, "0"),
        (66619, -2, "666.19"),
        (1, -128, "1e-128"),
        (1, 127, "1e+127"),
    ],
)
def test_scaling_is_exact(value, scaler, printed):
    assert print_scaled(value, scaler) == (printed, None)


def test_scaling_agrees_with_decimal_everywhere():
    rng = random.Random(1)
    for _ in range(5000):
        value = rng.randrange(-(2**63), 2**64) >> rng.randrange(64)
        scaler = rng.randrange(-128, 128)
        exact = Decimal(f"{value}E{scaler}")
        printed, text = print_scaled(value, scaler)
        assert float(printed) == float(exact)
        if text is None:
            assert exact in (Decimal(printed), Decimal(float(printed)))
        else:
            assert Decimal(text) == exact
            assert exact not in (Decimal(printed), Decimal(float(printed)))


@pytest.mark.parametrize(
    ("value", "scaler", "expected"),
    [
        (2**53, 0, ("9007199254740992", None)),
        (2**53 + 1, 0, ("9007199254740992", "9007199254740993")),
        (2**60, 0, ("1.152921504606847e+18", None)),
        (-(2**63), 0, ("-9.223372036854776e+18", None)),
        (2**62, 1, ("4.611686018427388e+19", None)),
        (2**60 + 1, 0, ("1.152921504606847e+18", "1152921504606846977")),
        (123456789012345678, -1, ("1.2345678901234568e+16", "12345678901234567.8")),
        (12345678901234567890, 0, ("1.2345678901234567e+19", "12345678901234567890")),
        (12345678901234567890, -2, ("1.2345678901234568e+17", "123456789012345678.9")),
        (12345678901234567891, -3, ("1.2345678901234568e+16", "12345678901234567.891")),
        (10**18, -2, ("1e+16", None)),
    ],
)
def test_a_number_that_a_float_does_not_keep_has_its_exact_digits_too(value, scaler, expected):
    assert print_scaled(value, scaler) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(None, [], id="null-data"),
        pytest.param(5, ["f=5"], id="integer"),
        pytest.param(True, ["f=1"], id="true"),
        pytest.param(False, ["f=0"], id="false"),
        pytest.param(0.1, ["f=0.1"], id="float"),
        pytest.param(2**63 - 1, ["f=9.223372036854776e+18", 'f_text="9223372036854775807"'], id="int64"),
        pytest.param(-(2**63), ["f=-9.223372036854776e+18"], id="int64 that a float keeps"),
        pytest.param(2**60, ["f=1.152921504606847e+18"], id="a power of two"),
        pytest.param(2**63, ['f_text="9223372036854775808"'], id="beyond int64"),
        pytest.param(2**64 - 1, ['f_text="18446744073709551615"'], id="long64-unsigned"),
        pytest.param(b"ABC 123", ['f_text="ABC 123"'], id="printable octets"),
        pytest.param(b"\x01\x02\xff", ['f_text="0102ff"'], id="other octets"),
        pytest.param(b"AB\x00", ['f_text="414200"'], id="a NUL makes it hex"),
        pytest.param(b"A\nB", ['f_text="410a42"'], id="a newline makes it hex"),
        pytest.param(b'say "\\"', ['f_text="say \\"\\\\\\""'], id="quotes and backslash"),
        pytest.param(b"", [], id="empty octet-string"),
        pytest.param(VisibleString(b"ABC"), ['f_text="ABC"'], id="visible-string"),
        pytest.param(VisibleString(b"A\r"), ['f_text="410d"'], id="visible-string with a control character"),
        pytest.param("Zähler", ['f_text="Zähler"'], id="utf8-string"),
        pytest.param("a\tb", ['f_text="610962"'], id="utf8-string with a control character"),
        pytest.param("", [], id="empty utf8-string"),
        pytest.param(BitString("0110"), ['f_text="0110"'], id="bit-string"),
        pytest.param(BitString(""), [], id="empty bit-string"),
        pytest.param(NEW_YEAR, [f'f_text="{NEW_YEAR_TEXT}"'], id="12 octets that are a date-time"),
        pytest.param(b"METER0012345", ['f_text="METER0012345"'], id="12 octets that are text"),
        pytest.param(WILDCARD, [f'f_text="{WILDCARD.hex()}"'], id="12 octets with wildcards"),
        pytest.param(VisibleString(NEW_YEAR), [f'f_text="{NEW_YEAR.hex()}"'], id="a visible-string is no date-time"),
        pytest.param(ALL_FF, [f'f_text="{ALL_FF.hex()}"'], id="12 octets of FF are no date-time here"),
        pytest.param(DateTime(NEW_YEAR), [f'f_text="{NEW_YEAR_TEXT}"'], id="date-time"),
        pytest.param(DateTime(WILDCARD), [f'f_text="{WILDCARD.hex()}"'], id="date-time with wildcards"),
        pytest.param(DateTime(ALL_FF), [], id="date-time of FF"),
        pytest.param(Date(NEW_YEAR[:5]), ['f_text="2026-01-01"'], id="date"),
        pytest.param(Time(b"\x0d\x00\x01\x00"), ['f_text="13:00:01"'], id="time"),
        pytest.param((1, b"A"), ['f_json="[1,\\"A\\"]"'], id="structure"),
        pytest.param([], ['f_json="[]"'], id="empty array"),
    ],
)
def test_a_choice_goes_to_the_field_of_its_type(value, expected):
    assert fields(FieldType.CHOICE, value) == expected


@pytest.mark.parametrize(
    ("value", "scaler", "expected"),
    [
        (12345678, -1, ["f=1234567.8"]),
        (2**64 - 1, -3, ["f=1.844674407370955e+16", 'f_text="18446744073709551.615"']),
        (2**63, 1, ["f=9.223372036854776e+19"]),
        (666.19, 3, ["f=666190"]),
        (0.7, -1, ["f=0.07"]),
        (1.5e-7, 1, ["f=1.5e-06"]),
        (True, 3, ["f=1"]),
        (b"A", 3, ['f_text="A"']),
        ((5, 6), 3, ['f_json="[5,6]"']),
    ],
)
def test_only_numbers_are_scaled(value, scaler, expected):
    assert fields(FieldType.CHOICE, value, scaler=scaler) == expected


@pytest.mark.parametrize(("value", "scaler"), [(math.nan, 0), (math.inf, 2), (1e300, 127), (10**15, 127 * 3)])
def test_a_number_beyond_all_fields_is_refused(value, scaler):
    with pytest.raises(MappingError):
        fields(FieldType.CHOICE, value, scaler=scaler)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (FieldType.STATUS, 3, ["f=3i"]),
        (FieldType.STATUS, True, ["f=1i"]),
        (FieldType.STATUS, BitString("01"), ['f_text="01"']),
        (FieldType.STATUS, 2**64 - 1, ['f_text="18446744073709551615"']),
        (FieldType.STATUS, 1.5, ['f_text="1.5"']),
        (FieldType.STATUS, (1, 2), ['f_json="[1,2]"']),
        (FieldType.INTEGER, 900, ["f=900i"]),
        (FieldType.INTEGER, 900.0, ["f=900i"]),
        (FieldType.INTEGER, 2**63, ['f_text="9223372036854775808"']),
        (FieldType.INTEGER, b"\x01", ['f_text="01"']),
        (FieldType.BOOLEAN, True, ["f=true"]),
        (FieldType.BOOLEAN, 0, ["f=false"]),
        (FieldType.BOOLEAN, 7, ['f_text="7"']),
        (FieldType.BITS, BitString("1000"), ['f="1000"']),
        (FieldType.BITS, b"\x80", ['f="80"']),
        (FieldType.TEXT, b"EDF", ['f="EDF"']),
        (FieldType.TEXT, NEW_YEAR, [f'f="{NEW_YEAR.hex()}"']),
        (FieldType.TEXT, 5, ['f="5"']),
        (FieldType.TEXT, True, ['f="true"']),
        (FieldType.DATE_TIME, False, ['f="false"']),
        (FieldType.TEXT, (1,), ['f_json="[1]"']),
        (FieldType.TEXT, b"", []),
        (FieldType.DATE_TIME, NEW_YEAR, [f'f="{NEW_YEAR_TEXT}"']),
        (FieldType.DATE_TIME, WILDCARD, [f'f="{WILDCARD.hex()}"']),
        (FieldType.DATE_TIME, ALL_FF, []),
        (FieldType.DATE_TIME, DateTime(NEW_YEAR), [f'f="{NEW_YEAR_TEXT}"']),
        (FieldType.DATE_TIME, NEW_YEAR[:5], ['f="2026-01-01"']),
        (FieldType.DATE_TIME, b"\x0d\x00\x01\x00", ['f="13:00:01"']),
        (FieldType.DATE_TIME, b"\x01\x02\x03", ['f="010203"']),
        (FieldType.DATE_TIME, 5, ['f="5"']),
        (FieldType.IP_ADDRESS, 0xC0000201, ['f="192.0.2.1"']),
        (FieldType.IP_ADDRESS, bytes((192, 0, 2, 1)), ['f="192.0.2.1"']),
        (FieldType.IP_ADDRESS, bytes.fromhex("20010DB8000000000000000000000001"), ['f="2001:db8::1"']),
        (FieldType.IP_ADDRESS, VisibleString(b"192.0.2.1"), ['f="192.0.2.1"']),
        (FieldType.IP_ADDRESS, 2**32, ['f="4294967296"']),
        (FieldType.IP_ADDRESSES, [0xE0000001, b"\x00"], ['f="[\\"224.0.0.1\\",\\"00\\"]"']),
        (FieldType.IP_ADDRESSES, [], ['f="[]"']),
        (FieldType.JSON, [(1, b"\x00\xff")], ['f="[[1,\\"00ff\\"]]"']),
        (FieldType.JSON, 5, ['f="5"']),
        (FieldType.NO_FIELD, b"\x00\x00\x01\x00\x00\xff", []),
    ],
)
def test_an_attribute_keeps_its_type_whatever_the_meter_sends(kind, value, expected):
    assert fields(kind, value) == expected


@pytest.mark.parametrize("kind", list(FieldType))
def test_null_data_gives_no_field(kind):
    assert fields(kind, None) == []


def test_json_is_compact_and_follows_the_rules_of_a_choice_inside():
    value = [(NEW_YEAR, "ä", BitString("01"), b"\xff", None, True), (2**64 - 1, 0.1, math.nan, b"", [DateTime(ALL_FF)])]
    (printed,) = fields(FieldType.JSON, value)
    text = printed.removeprefix('f="').removesuffix('"').replace('\\"', '"')
    assert " " not in text
    assert json.loads(text) == [
        [NEW_YEAR_TEXT, "ä", "01", "ff", None, True],
        [2**64 - 1, 0.1, "nan", "", [None]],
    ]


@pytest.mark.parametrize(
    ("presentation", "octets", "text"),
    [
        (CYRILLIC, "Счётчик".encode("cp1251"), "Счётчик"),
        (UTF8, "Счётчик".encode("cp1251"), "d1f7b8f2f7e8ea"),
        (UTF8, "Счётчик".encode(), "Счётчик"),
        (LATIN, b"Z\xe4hler", "Zähler"),
        (LATIN, b"\x80\x81", "8081"),
        (CYRILLIC, b"\x98", "98"),
    ],
)
def test_octets_are_text_where_all_are_printable_in_the_devices_encoding(presentation, octets, text):
    assert fields(FieldType.CHOICE, octets, presentation) == [f'f_text="{text}"']


def test_the_devices_clock_decides_what_offset_is_printed():
    inverted = Presentation("utf-8", DeviceClock("inverted"))
    assert fields(FieldType.CHOICE, NEW_YEAR, inverted) == ['f_text="2026-01-01T13:00:00-01:00"']


@pytest.mark.parametrize(
    ("kind", "value", "scaler", "text"),
    [
        (FieldType.CHOICE, 12345678, 0, "12345678"),
        (FieldType.CHOICE, 2**53 + 1, 0, "9007199254740993"),
        (FieldType.CHOICE, 2**60, 0, "1152921504606846976"),
        (FieldType.CHOICE, 2**64 - 1, 0, "18446744073709551615"),
        (FieldType.CHOICE, -1200, -3, "-1.2"),
        (FieldType.CHOICE, 0, -3, "0"),
        (FieldType.CHOICE, 12, 17, "1200000000000000000"),
        (FieldType.CHOICE, 12345678, -1, "1234567.8"),
        (FieldType.CHOICE, 0.5, 1, "5"),
        (FieldType.CHOICE, b"ABC", 0, "ABC"),
        (FieldType.CHOICE, NEW_YEAR, 0, NEW_YEAR_TEXT),
        (FieldType.BOOLEAN, True, 0, "true"),
        (FieldType.DATE_TIME, NEW_YEAR[:5], 0, "2026-01-01"),
        (FieldType.IP_ADDRESS, 0xC0000201, 0, "192.0.2.1"),
        (FieldType.TEXT, NEW_YEAR, 0, NEW_YEAR.hex()),
        (FieldType.CHOICE, None, 0, ""),
        (FieldType.CHOICE, b"", 0, ""),
    ],
)
def test_a_value_can_be_the_text_of_a_tag(kind, value, scaler, text):
    assert tag_text(Attribute(2, "f", kind), value, UTF8, scaler=scaler) == text


def test_a_structure_cannot_be_a_tag():
    with pytest.raises(MappingError, match="cannot be a tag"):
        tag_text(Attribute(2, "f", FieldType.CHOICE), (1, 2), UTF8)
