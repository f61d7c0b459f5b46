"""The types of the configuration's keys, and the base of its tables.

A validator here raises ValueError with a predicate ("is negative"): tables.py puts what was written before it, and
leaves that out where it is a secret.
"""

from __future__ import annotations

import re
import zoneinfo
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator

from telegraf_dlms.durations import parse_duration
from telegraf_dlms.obis import parse_obis
from telegraf_dlms.secret import Secret


class Table(BaseModel):
    """A table of the configuration: frozen, strict, no key that is not its own."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
        protected_namespaces=(),
    )


def _no_boolean(number: object) -> object:
    """Refuse booleans: a Literal takes true for 1."""
    if isinstance(number, bool):
        raise ValueError("is not a number")  # noqa: TRY004  pydantic catches ValueError alone
    return number


def _text(text: object) -> str:
    if not isinstance(text, str):
        raise ValueError("is not a text")  # noqa: TRY004  as above
    return text


def _name(name: object) -> str:
    """Check what becomes a tag or a measurement: Telegraf drops lines with newlines or a backslash before a comma."""
    text = _text(name)
    if not text:
        raise ValueError("is empty")
    if not text.isprintable():
        raise ValueError("has a control character")
    if text.endswith("\\"):
        raise ValueError("ends in a backslash, which line protocol cannot hold")
    return text


def _measurement(name: object) -> str:
    text = _name(name)
    if text.startswith("#"):
        raise ValueError("begins with #, a comment in line protocol")
    return text


def _tag_table(tags: object) -> object:
    if not isinstance(tags, dict):
        raise ValueError('is not a table of tags such as { site = "north" }')  # noqa: TRY004  as above
    return tags


def _tag_value(value: object) -> str:
    """Check what a tag says; an empty one is left out of the lines."""
    return "" if value == "" else _name(value)


@lru_cache(maxsize=4096)
def _cached_obis(text: str) -> bytes:
    return parse_obis(text)


def _obis(code: object) -> bytes:
    text = _text(code)
    try:
        return _cached_obis(text)
    except ValueError as error:
        raise ValueError(str(error).removeprefix(f'"{text}" ')) from None


def _path(path: object) -> Path:
    if not (text := _text(path)) or "\0" in text:
        raise ValueError("is not a file's path")
    return Path(text)


def _port(device: object) -> str:
    text = _text(device)
    if not text.isprintable():
        raise ValueError("has a control character")
    return text


_OFFSET: Final = re.compile(r"[+-](0\d|1[0-4]):[0-5]\d", re.ASCII)


@lru_cache(maxsize=1024)
def _cached_time_zone(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        return False
    return True


def _time_zone(name: object) -> str:
    text = _text(name)
    if text != "UTC" and not _OFFSET.fullmatch(text) and not _cached_time_zone(text):
        raise ValueError('is neither an IANA time zone such as "Europe/Berlin" nor an offset such as "+02:00"')
    return text


def _encoding(name: object) -> str:
    text = _text(name)
    try:
        b" ".decode(text)
    except (LookupError, ValueError) as error:
        if not isinstance(error, UnicodeDecodeError):
            raise ValueError("is not a text encoding that Python knows") from None  # noqa: TRY004  as above
    return text


def _positive(duration: object) -> int:
    if (nanoseconds := parse_duration(duration)) == 0:
        raise ValueError("is zero, which is not allowed here")
    return nanoseconds


_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2})*", re.ASCII)


def _secret(secret: object) -> Secret:
    if isinstance(secret, Secret):
        return secret
    if not isinstance(secret, str):
        raise ValueError("is not a text")  # noqa: TRY004  as above
    return Secret(secret)


def _unhex(secret: Secret, expected: str) -> Secret:
    try:
        text = secret.reveal().decode("ascii")
    except UnicodeDecodeError:
        raise ValueError(expected) from None
    if not _HEX.fullmatch(text):
        raise ValueError(expected)
    return Secret(bytes.fromhex(text))


def _hex_secret(secret: object) -> Secret:
    return _unhex(_secret(secret), "expected an even number of hex digits")


#: The lengths of a symmetric key in octets: suites 0 and 1, and suite 2 (Green Book, 9.2.3.7).
KEY_LENGTHS: Final = (16, 32)


def _symmetric_key(secret: object) -> Secret:
    expected = "expected 32 hex digits, or 64 in security_suite 2"
    key = _unhex(_secret(secret), expected)
    if len(key.reveal()) not in KEY_LENGTHS:
        raise ValueError(expected)
    return key


def _dedicated_key(secret: object) -> Secret | str:
    if _secret(secret).reveal() == b"random":
        return "random"
    try:
        return _symmetric_key(secret)
    except ValueError:
        raise ValueError('expected 32 hex digits, or 64 in security_suite 2, or "random"') from None


def _asymmetric_key(secret: object) -> Secret:
    """Hex digits become octets, a PEM file stays as it is; what is in it is seen where it is used."""
    key = _secret(secret)
    if key.reveal().lstrip().startswith(b"-----BEGIN "):
        return key
    octets = _unhex(key, "expected hex digits, or a PEM file by the key that ends in _file")
    if not octets.reveal():
        raise ValueError("expected hex digits, or a PEM file by the key that ends in _file")
    return octets


_TITLE_LENGTH: Final = 8


def _system_title(title: object) -> bytes:
    """Green Book, 4.3.4: three letters of the manufacturer and five octets."""
    text = _text(title)
    if len(text) == 2 * _TITLE_LENGTH and _HEX.fullmatch(text):
        return bytes.fromhex(text)
    if len(text) == _TITLE_LENGTH and text.isascii():
        return text.encode("ascii")
    raise ValueError("is neither 16 hex digits nor 8 ASCII characters")


#: To stand before a Literal of numbers.
NoBoolean: Final = BeforeValidator(_no_boolean)
Text = Annotated[str, PlainValidator(_text)]
Name = Annotated[str, PlainValidator(_name)]
Measurement = Annotated[str, PlainValidator(_measurement)]
TagValue = Annotated[str, PlainValidator(_tag_value)]
Tags = Annotated[dict[Name, TagValue], BeforeValidator(_tag_table)]
Obis = Annotated[bytes, PlainValidator(_obis)]
FilePath = Annotated[Path, PlainValidator(_path)]
PortPath = Annotated[str, PlainValidator(_port)]
TimeZone = Annotated[str, PlainValidator(_time_zone)]
Encoding = Annotated[str, PlainValidator(_encoding)]
#: Nanoseconds; zero is allowed.
Duration = Annotated[int, PlainValidator(parse_duration)]
#: Nanoseconds; zero is not.
PositiveDuration = Annotated[int, PlainValidator(_positive)]
SecretText = Annotated[Secret, PlainValidator(_secret)]
SecretHex = Annotated[Secret, PlainValidator(_hex_secret)]
SymmetricKey = Annotated[Secret, PlainValidator(_symmetric_key)]
DedicatedKey = Annotated[Any, PlainValidator(_dedicated_key)]
AsymmetricKey = Annotated[Secret, PlainValidator(_asymmetric_key)]
SystemTitle = Annotated[bytes, PlainValidator(_system_title)]

#: Octets on the wire and in the Blue Book.
Unsigned8 = Annotated[int, Field(ge=0, le=255)]
Unsigned16 = Annotated[int, Field(ge=0, le=65535)]
