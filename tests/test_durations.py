"""Durations as Telegraf writes them, in nanoseconds."""

from __future__ import annotations

import pytest

from telegraf_dlms.durations import MAX_DURATION, SECOND, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("15m", 900 * SECOND),
        ("1d12h", 36 * 3600 * SECOND),
        ("1h30m", 5400 * SECOND),
        ("500ms", SECOND // 2),
        ("250us", 250_000),
        ("250µs", 250_000),
        ("7ns", 7),
        ("1.5s", 3 * SECOND // 2),
        (".5h", 1800 * SECOND),
        ("0.1s", SECOND // 10),
        ("0s", 0),
        ("0", 0),
        ("30", 30 * SECOND),
        ("+5s", 5 * SECOND),
        (30, 30 * SECOND),
        (0, 0),
        (4294967295, MAX_DURATION),
        ("4294967295s", MAX_DURATION),
    ],
)
def test_a_duration_is_a_text_or_a_number_of_seconds(text, nanoseconds):
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(
    "text", ["", "15 m", "m", "15x", "1h-5m", "--5s", "15m ", "1.2.3s", "1e3s", "٣s", "9" * 100 + "s", 1.5, True, None]
)
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["-1s", "-5", -1, "-1h30m"])
def test_a_negative_duration_is_refused(text):
    with pytest.raises(ValueError, match="is negative"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["4294967296s", 4294967296, 10**400, "50000d", "9" * 60 + "s"])
def test_a_duration_that_would_overflow_is_refused(text):
    with pytest.raises(ValueError, match="is longer than 4294967295s"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [(0, "0s"), (5400 * SECOND, "1h30m"), (86400 * SECOND, "1d"), (1_500_000, "1ms500us"), (7, "7ns")],
)
def test_a_duration_is_printed_in_whole_units_and_reads_back(nanoseconds, text):
    assert format_duration(nanoseconds) == text
    assert parse_duration(text) == nanoseconds
