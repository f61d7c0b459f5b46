"""Every type of A-XDR as a value and as octets."""

from __future__ import annotations

import pytest

from telegraf_dlms.axdr import BitString, Date, DateTime, Tag, Time, VisibleString

MIDNIGHT = bytes.fromhex("07ea0101ff00000000800000")

BOTH_WAYS = [
    pytest.param(Tag.NULL_DATA, None, "00", id="null-data"),
    pytest.param(Tag.DONT_CARE, None, "ff", id="dont-care"),
    pytest.param(Tag.BOOLEAN, True, "03 01", id="boolean true"),
    pytest.param(Tag.BOOLEAN, False, "03 00", id="boolean false"),
    pytest.param(Tag.BIT_STRING, BitString("1100000001"), "04 0a c040", id="bit-string of 10 bits"),
    pytest.param(Tag.BIT_STRING, BitString("00000001"), "04 08 01", id="bit-string of 8 bits"),
    pytest.param(Tag.BIT_STRING, BitString(""), "04 00", id="bit-string of none"),
    pytest.param(Tag.DOUBLE_LONG, -2, "05 fffffffe", id="double-long"),
    pytest.param(Tag.DOUBLE_LONG_UNSIGNED, 4294967294, "06 fffffffe", id="double-long-unsigned"),
    pytest.param(Tag.OCTET_STRING, b"\x01\x00\xff", "09 03 0100ff", id="octet-string"),
    pytest.param(Tag.OCTET_STRING, b"", "09 00", id="octet-string of none"),
    pytest.param(Tag.OCTET_STRING, bytes(128), "09 8180" + "00" * 128, id="octet-string of 128"),
    pytest.param(Tag.OCTET_STRING, bytes(256), "09 820100" + "00" * 256, id="octet-string of 256"),
    pytest.param(Tag.VISIBLE_STRING, VisibleString(b"KFM1"), "0a 04 4b464d31", id="visible-string"),
    pytest.param(Tag.UTF8_STRING, "µ", "0c 02 c2b5", id="utf8-string"),
    pytest.param(Tag.BCD, 42, "0d 42", id="bcd"),
    pytest.param(Tag.INTEGER, -1, "0f ff", id="integer"),
    pytest.param(Tag.LONG, -256, "10 ff00", id="long"),
    pytest.param(Tag.UNSIGNED, 255, "11 ff", id="unsigned"),
    pytest.param(Tag.LONG_UNSIGNED, 65280, "12 ff00", id="long-unsigned"),
    pytest.param(Tag.LONG64, -(2**63), "14 8000000000000000", id="long64"),
    pytest.param(Tag.LONG64_UNSIGNED, 2**64 - 1, "15 ffffffffffffffff", id="long64-unsigned"),
    pytest.param(Tag.ENUM, 30, "16 1e", id="enum"),
    pytest.param(Tag.FLOAT32, 230.5, "17 43668000", id="float32"),
    pytest.param(Tag.FLOAT64, 0.1, "18 3fb999999999999a", id="float64"),
    pytest.param(Tag.DATE_TIME, DateTime(MIDNIGHT), "19" + MIDNIGHT.hex(), id="date-time"),
    pytest.param(Tag.DATE, Date(MIDNIGHT[:5]), "1a 07ea0101ff", id="date"),
    pytest.param(Tag.TIME, Time(MIDNIGHT[5:9]), "1b 00000000", id="time"),
]
