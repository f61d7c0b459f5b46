"""The types of keys: what they become, and what they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from telegraf_dlms import config_types
from telegraf_dlms.secret import Secret

KEY = "000102030405060708090A0B0C0D0E0F"
PEM = "-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----"


def validated(kind: str, value: Any) -> Any:
    return TypeAdapter(getattr(config_types, kind)).validate_python(value)


@pytest.mark.parametrize(
    ("kind", "written", "becomes"),
    [
        ("Text", "", ""),
        ("Name", "Zähler 1, \\x", "Zähler 1, \\x"),
        ("Tags", {"site": "", "a b": "c"}, {"site": "", "a b": "c"}),
        ("Obis", "1-0:1.8.0", b"\x01\x00\x01\x08\x00\xff"),
        ("FilePath", "a/b", Path("a/b")),
        ("TimeZone", "Europe/Berlin", "Europe/Berlin"),
        ("TimeZone", "+02:00", "+02:00"),
        ("TimeZone", "-09:30", "-09:30"),
        ("TimeZone", "UTC", "UTC"),
        ("Encoding", "latin-1", "latin-1"),
        ("Encoding", "utf-16", "utf-16"),
        ("Duration", "0s", 0),
        ("PositiveDuration", "5s", 5_000_000_000),
        ("SecretText", "12345678", Secret("12345678")),
        ("SecretText", Secret("x"), Secret("x")),
        ("SecretHex", "3132", Secret(b"12")),
        ("SymmetricKey", KEY, Secret(bytes(range(16)))),
        ("SymmetricKey", Secret(KEY.lower() * 2), Secret(bytes(range(16)) * 2)),
        ("DedicatedKey", KEY, Secret(bytes(range(16)))),
        ("DedicatedKey", "random", "random"),
        ("DedicatedKey", Secret("random"), "random"),
        ("AsymmetricKey", "00ff", Secret(b"\x00\xff")),
        ("AsymmetricKey", Secret(PEM), Secret(PEM)),
        ("SystemTitle", "54444C0000000001", b"TDL\x00\x00\x00\x00\x01"),
        ("SystemTitle", "TDL00001", b"TDL00001"),
    ],
)
def test_what_is_written_becomes(kind, written, becomes):
    assert validated(kind, written) == becomes


@pytest.mark.parametrize(
    ("kind", "written", "reason"),
    [
        ("Text", 5, "is not a text"),
        ("Name", "", "is empty"),
        ("Name", "a\nb", "has a control character"),
        ("Name", "a\\", "ends in a backslash"),
        ("Measurement", "#dlms", "begins with #"),
        ("Tags", ["a"], "is not a table of tags"),
        ("Tags", {"": "x"}, "is empty"),
        ("Tags", {"a": "x\n"}, "has a control character"),
        ("Tags", {"a": True}, "is not a text"),
        ("Obis", 5, "is not a text"),
        ("FilePath", "", "is not a file's path"),
        ("TimeZone", "", "is neither an IANA time zone"),
        ("TimeZone", "Europe", "is neither an IANA time zone"),
        ("TimeZone", "../etc/passwd", "is neither an IANA time zone"),
        ("TimeZone", "+2:00", "is neither an IANA time zone"),
        ("TimeZone", "+15:00", "is neither an IANA time zone"),
        ("Encoding", "hex", "is not a text encoding"),
        ("Encoding", "a\0", "is not a text encoding"),
        ("Encoding", "undefined", "is not a text encoding"),
        ("Encoding", "\udcff", "is not a text encoding"),
        ("PortPath", "/dev/tty\0", "has a control character"),
        ("PortPath", 1, "is not a text"),
        ("PositiveDuration", 0, "is zero"),
        ("SecretText", 12345678, "is not a text"),
        ("SecretHex", "313", "expected an even number of hex digits"),
        ("SymmetricKey", "0011", "expected 32 hex digits, or 64 in security_suite 2"),
        ("SymmetricKey", KEY[:-1] + "g", "expected 32 hex digits, or 64 in security_suite 2"),
        ("SymmetricKey", Secret(b"\xff" * 16), "expected 32 hex digits, or 64 in security_suite 2"),
        ("DedicatedKey", "randon", 'or "random"'),
        ("AsymmetricKey", "", "expected hex digits, or a PEM file"),
        ("AsymmetricKey", "key.pem", "expected hex digits, or a PEM file"),
        ("SystemTitle", "TDL", "is neither 16 hex digits nor 8 ASCII characters"),
        ("SystemTitle", "TDL0000ü", "is neither 16 hex digits nor 8 ASCII characters"),
    ],
)
def test_what_cannot_be_is_refused(kind, written, reason):
    with pytest.raises(ValidationError) as caught:
        validated(kind, written)
    assert reason in caught.value.errors()[0]["msg"]


def test_every_wrong_tag_is_told_by_its_name():
    with pytest.raises(ValidationError) as caught:
        validated("Tags", {"site": 5, "a\n": "x", "north": "", "b\\": []})
    wrong = [error["loc"] for error in caught.value.errors()]
    assert wrong == [("site",), ("a\n", "[key]"), ("b\\", "[key]"), ("b\\",)]


@pytest.mark.parametrize("kind", ["SecretHex", "SymmetricKey", "DedicatedKey", "AsymmetricKey"])
def test_a_wrong_secret_is_not_in_what_is_said_of_it(kind):
    with pytest.raises(ValidationError) as caught:
        validated(kind, "hunter2")
    assert "hunter2" not in caught.value.errors()[0]["msg"]


def test_validation_errors_of_tables_hide_what_was_written():
    class Example(config_types.Table):
        number: int

    with pytest.raises(ValidationError) as caught:
        Example.model_validate({"number": "hunter2"})
    assert "hunter2" not in str(caught.value)
