"""Durations as Telegraf writes them: "15m", "1d12h", "500ms", "1h30m"; a bare integer is seconds."""

from __future__ import annotations

import re

#: Units of Go's time.ParseDuration, and Telegraf's "d" (config/types.go), in nanoseconds.
UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # U+00B5, micro sign
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
}

SECOND = UNITS["s"]

#: The longest interval of the router that users come from, 4294967295 s; fits a signed 64-bit count of nanoseconds.
MAX_DURATION = 4_294_967_295 * SECOND

#: Longer texts are no durations; keeps the arithmetic of hostile texts small.
MAX_TEXT = 64

_EXPECTED = 'is not a duration such as "15m", "1d12h" or a number of seconds'
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h|d)", re.ASCII)
_BARE = re.compile(r"\d+", re.ASCII)


def parse_duration(duration: object) -> int:
    """Return nanoseconds, 0 to MAX_DURATION; raise ValueError with a text that does not repeat the input."""
    if isinstance(duration, bool) or not isinstance(duration, int | str):
        raise ValueError(_EXPECTED)  # noqa: TRY004  pydantic catches ValueError alone
    nanoseconds = duration * SECOND if isinstance(duration, int) else _parse_text(duration)
    if nanoseconds < 0:
        raise ValueError("is negative")
    if nanoseconds > MAX_DURATION:
        raise ValueError(f"is longer than {MAX_DURATION // SECOND}s")
    return nanoseconds


def format_duration(nanoseconds: int) -> str:
    """Return the shortest such text in whole units: 90 minutes are "1h30m", nothing is "0s"."""
    parts = []
    for unit in ("d", "h", "m", "s", "ms", "us", "ns"):
        count, nanoseconds = divmod(nanoseconds, UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _parse_text(text: str) -> int:
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    if len(text) > MAX_TEXT:
        raise ValueError(_EXPECTED)
    if _BARE.fullmatch(digits):
        return sign * int(digits) * SECOND
    total = position = 0
    while match := _PART.match(digits, position):
        total += _scale(match[1], UNITS[match[2]])
        position = match.end()
    if position == 0 or position < len(digits):
        raise ValueError(_EXPECTED)
    return sign * total


def _scale(number: str, unit: int) -> int:
    """Multiply exactly; what is below a nanosecond is cut off, as in Go."""
    whole, _, fraction = number.partition(".")
    return int(whole or "0") * unit + (int(fraction) * unit // 10 ** len(fraction) if fraction else 0)
