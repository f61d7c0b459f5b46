"""OBIS codes in and out."""

from __future__ import annotations

import pytest

from telegraf_dlms.obis import format_obis, parse_obis


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("1.0.1.8.0.255", "0100010800ff"),
        ("1-0:1.8.0*255", "0100010800ff"),
        ("1-0:1.8.0&255", "0100010800ff"),
        ("1-0:1.8.0", "0100010800ff"),
        ("1-0:1.8.0*12", "01000108000c"),
        ("0.0.43.1.0.255", "00002b0100ff"),
        ("0.0.0.0.0.0", "000000000000"),
        ("255.255.255.255.255.255", "ffffffffffff"),
        ("001.000.001.008.000.255", "0100010800ff"),
    ],
)
def test_every_spelling_becomes_six_octets(text, octets):
    assert parse_obis(text) == bytes.fromhex(octets)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1.0.1.8.0",
        "1.0.1.8.0.255.1",
        "1.0.1.8.0.255 ",
        "1.0.1.8.0.255\n",
        "1-0:1.8",
        "1-0.1.8.0*255",
        "1-0:1.8.0*",
        "1.0.1.8.0*255",
        "1.0.-1.8.0.255",
        "1.0.x.8.0.255",
        "1.0.1.8.0.²",
        "٣.0.1.8.0.255",
        "1.0.1.8.0.0255",
        "0100010800FF",
    ],
)
def test_what_is_no_obis_code_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match="is not an OBIS code; write it like 1\\.0\\.1\\.8\\.0\\.255"):
        parse_obis(text)


@pytest.mark.parametrize(
    ("text", "group"),
    [("256.0.1.8.0.255", "A is 256"), ("1-0:1.999.0", "D is 999"), ("1-0:1.8.0*256", "F is 256")],
)
def test_a_value_group_beyond_an_octet_is_named(text, group):
    with pytest.raises(ValueError, match=f"value group {group}, outside 0\\.\\.255"):
        parse_obis(text)


@pytest.mark.parametrize(
    ("octets", "text"),
    [("0100010800ff", "1.0.1.8.0.255"), ("ffffffffffff", "255.255.255.255.255.255"), ("0102", "1.2"), ("", "")],
)
def test_octets_are_printed_with_dots_whatever_their_number(octets, text):
    assert format_obis(bytes.fromhex(octets)) == text


def test_what_is_printed_is_read_back():
    octets = bytes([1, 20, 99, 128, 0, 255])
    assert parse_obis(format_obis(octets)) == octets
