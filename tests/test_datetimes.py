"""COSEM's date-times: octets to instants, to text, and back."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from telegraf_dlms.datetimes import DeviceClock, encode, is_date_time, status_of, time_zone_of

SAMPLES = Path(__file__).parents[2] / "shared" / "field" / "traces" / "clock_samples.json"
BERLIN = ZoneInfo("Europe/Berlin")


def octets(text):
    """Return the octets of hex text with spaces."""
    return bytes.fromhex(text)


def ns(text):
    """Return nanoseconds since 1970 of RFC 3339 text with an offset."""
    moment = dt.datetime.fromisoformat(text)
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1) * 1000


@pytest.mark.parametrize(
    ("given", "utc", "text"),
    [
        ("07e90c03 03 0f0a1400 ffc4 00", "2025-12-03T14:10:20+00:00", "2025-12-03T15:10:20+01:00"),
        ("07e70718 01 13281900 ff88 80", "2023-07-24T17:40:25+00:00", "2023-07-24T19:40:25+02:00"),
        ("07e2010a 03 1319033e 003c 00", "2018-01-10T20:25:03.62+00:00", "2018-01-10T19:25:03.62-01:00"),
        ("07e60b03 ff 0f2619ff ff4c ff", "2022-11-03T12:38:25+00:00", "2022-11-03T15:38:25+03:00"),
        ("07e40115 02 100000ff 0000 00", "2020-01-21T16:00:00+00:00", "2020-01-21T16:00:00+00:00"),
        ("07e80101 01 0c000005 feb6 00", "2024-01-01T06:30:00.05+00:00", "2024-01-01T12:00:00.05+05:30"),
        ("07e80101 01 0c000000 fcf4 80", "2023-12-31T23:00:00+00:00", "2024-01-01T12:00:00+13:00"),
        ("07b20101 04 00000000 0000 00", "1970-01-01T00:00:00+00:00", "1970-01-01T00:00:00+00:00"),
        ("07b10c1f 03 173b3b63 0000 00", "1969-12-31T23:59:59.99+00:00", "1969-12-31T23:59:59.99+00:00"),
        ("07e8021d 04 00000000 0000 00", "2024-02-29T00:00:00+00:00", "2024-02-29T00:00:00+00:00"),
    ],
    ids=["winter", "summer", "behind", "moscow", "utc", "half-hour", "new-zealand", "epoch", "before", "leap-day"],
)
def test_a_standard_date_time_is_local_time_plus_deviation(given, utc, text):
    clock = DeviceClock()
    assert clock.to_utc_ns(octets(given)) == ns(utc)
    assert clock.to_text(octets(given)) == text
    assert not clock.needs_zone(octets(given))


@pytest.mark.parametrize(
    ("deviation", "status", "offset"),
    [
        ("standard", "00", "+02:00"),
        ("standard", "80", "+02:00"),
        ("standard", "ff", "+02:00"),
        ("without_dst", "00", "+02:00"),
        ("without_dst", "80", "+03:00"),
        ("without_dst", "81", "+03:00"),
        ("without_dst", "ff", "+02:00"),
        ("inverted", "00", "-02:00"),
        ("inverted", "80", "-02:00"),
    ],
)
def test_the_deviation_means_what_the_device_is_said_to_mean(deviation, status, offset):
    given = octets("07e80701 01 0c000000 ff88" + status)
    clock = DeviceClock(deviation, "Asia/Tokyo")
    assert clock.to_text(given) == f"2024-07-01T12:00:00{offset}"
    assert clock.to_utc_ns(given) == ns(f"2024-07-01T12:00:00{offset}")
    assert not clock.needs_zone(given)


@pytest.mark.parametrize(("setting", "deviation"), [("standard", "8000"), ("inverted", "8000"), ("ignore", "ff88")])
def test_where_the_deviation_is_unspecified_or_ignored_the_time_zone_holds(setting, deviation):
    given = octets(f"07e80701 01 0c000000 {deviation} 00")
    clock = DeviceClock(setting, "Asia/Tokyo")
    assert clock.to_utc_ns(given) == ns("2024-07-01T12:00:00+09:00")
    assert clock.to_text(given) == "2024-07-01T12:00:00"
    assert clock.needs_zone(given)


@pytest.mark.parametrize("deviation", ["7fff", "fc7c", "0349", "ffff", "8000"])
def test_a_deviation_that_is_ignored_may_be_any(deviation):
    given = octets(f"07e80701 01 0c000000 {deviation} 00")
    clock = DeviceClock("ignore", "Asia/Tokyo")
    assert clock.to_utc_ns(given) == ns("2024-07-01T12:00:00+09:00")
    assert clock.to_text(given) == "2024-07-01T12:00:00"
    assert clock.needs_zone(given)
    assert clock.from_utc_ns(ns("2024-07-01T12:00:00+09:00"), like=given) == given


@pytest.mark.parametrize(
    ("local", "status", "utc"),
    [
        ("07e80601 06 0c000000", "00", "2024-06-01T10:00:00+00:00"),
        ("07e80601 06 0c000000", "80", "2024-06-01T10:00:00+00:00"),
        ("07e80101 01 0c000000", "80", "2024-01-01T11:00:00+00:00"),
        ("07e80a1b 07 021e0000", "80", "2024-10-27T00:30:00+00:00"),
        ("07e80a1b 07 021e0000", "00", "2024-10-27T01:30:00+00:00"),
        ("07e80a1b 07 021e0000", "ff", "2024-10-27T00:30:00+00:00"),
        ("07e8031f 07 021e0000", "00", "2024-03-31T01:30:00+00:00"),
        ("07e8031f 07 021e0000", "80", "2024-03-31T00:30:00+00:00"),
        ("07e8031f 07 021e0000", "ff", "2024-03-31T01:30:00+00:00"),
    ],
    ids=[
        "summer",
        "summer, said",
        "winter, wrongly said",
        "twice, the first",
        "twice, the second",
        "twice, not said",
        "skipped, in winter time",
        "skipped, in summer time",
        "skipped, not said",
    ],
)
def test_the_status_picks_the_fold_where_the_calendar_leaves_it_open(local, status, utc):
    given = octets(local + "8000" + status)
    assert DeviceClock(time_zone="Europe/Berlin").to_utc_ns(given) == ns(utc)


@pytest.mark.parametrize(
    "given",
    [
        "ffff0901 07 ffffffff ffc4 00",
        "07e8ff01 ff 00000000 0000 00",
        "07e8fd01 ff 00000000 0000 00",
        "07e8fe01 ff 00000000 0000 00",
        "07e801ff ff 00000000 0000 00",
        "07e801fe ff 00000000 0000 00",
        "07e801fd ff 00000000 0000 00",
        "07e80101 ff ff000000 0000 00",
        "07e80101 ff 00ff0000 0000 00",
        "07e80101 ff 0000ff00 0000 00",
        "07e7021d ff 00000000 0000 00",
        "07e80001 ff 00000000 0000 00",
        "07e80d01 ff 00000000 0000 00",
        "07e80100 ff 00000000 0000 00",
        "07e80101 ff 18000000 0000 00",
        "07e80101 ff 003c0000 0000 00",
        "07e80101 ff 00003c00 0000 00",
        "07e80101 ff 00000064 0000 00",
        "07e80101 ff 00000000 0349 00",
        "07e80101 ff 00000000 fcb7 00",
        "00000101 ff 00000000 0000 00",
        "27100101 ff 00000000 0000 00",
    ],
)
def test_wildcards_and_what_is_no_date_are_no_instant_and_24_hex_digits(given):
    clock = DeviceClock()
    assert clock.to_utc_ns(octets(given)) is None
    assert clock.to_text(octets(given)) == octets(given).hex()
    assert not is_date_time(octets(given))
    assert not clock.needs_zone(octets(given))


@pytest.mark.parametrize("length", [1, 4, 5, 12])
def test_all_ff_is_no_text(length):
    assert DeviceClock().to_text(b"\xff" * length) is None
    assert DeviceClock().to_utc_ns(b"\xff" * length) is None


def test_no_octets_are_no_text():
    assert DeviceClock().to_text(b"") is None


@pytest.mark.parametrize("length", [1, 3, 6, 11, 13, 500])
def test_another_length_is_hex_and_no_instant(length):
    given = b"\x07" * length
    assert DeviceClock().to_text(given) == given.hex()
    assert DeviceClock().to_utc_ns(given) is None
    assert not is_date_time(given)
    assert status_of(given) is None


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("07e8021d04", "2024-02-29"),
        ("07e8021dff", "2024-02-29"),
        ("07e7021dff", "07e7021dff"),
        ("ffff0101ff", "ffff0101ff"),
        ("0c1e0000", "12:30:00"),
        ("0c1e00ff", "12:30:00"),
        ("0c1e0005", "12:30:00.05"),
        ("173b3b63", "23:59:59.99"),
        ("18000000", "18000000"),
        ("0cffffff", "0cffffff"),
    ],
)
def test_a_date_and_a_time_are_text_of_their_own(given, text):
    assert DeviceClock().to_text(octets(given)) == text


@pytest.mark.parametrize("status", ["01", "02", "08", "0f", "8f"])
def test_a_status_that_doubts_the_time_leaves_the_text_alone(status):
    given = octets("07e80701 01 0c000000 ff88" + status)
    assert DeviceClock().to_text(given) == "2024-07-01T12:00:00+02:00"
    assert status_of(given) == int(status, 16)


@pytest.mark.parametrize("status", ["00", "ff"])
def test_a_status_that_tells_nothing_is_none(status):
    assert status_of(octets("07e80701 01 0c000000 ff88" + status)) is None


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("07c60101 01 00000000 0000 00", True),
        ("08330c1f ff 173b3bff 8000 ff", True),
        ("07e80101 07 00000063 0348 8f", True),
        ("07c50c1f 07 00000000 0000 00", False),
        ("08340101 01 00000000 0000 00", False),
        ("07e80101 00 00000000 0000 00", False),
        ("07e80101 08 00000000 0000 00", False),
        ("07e80101 01 00000000 7fff 00", False),
    ],
    ids=["1990", "2099", "all at their ends", "1989", "2100", "weekday 0", "weekday 8", "deviation"],
)
def test_twelve_octets_of_a_choice_are_a_date_time_when_all_is_in_range(given, taken):
    assert is_date_time(octets(given)) is taken


def test_a_declared_date_time_may_have_any_day_of_week():
    given = octets("07e80101 00 00000000 0000 00")
    assert DeviceClock().to_text(given) == "2024-01-01T00:00:00+00:00"
    assert DeviceClock().to_utc_ns(given) == ns("2024-01-01T00:00:00+00:00")


@pytest.mark.parametrize(
    ("year", "known"), [("068d", False), ("068e", True), ("08d5", True), ("08d6", False)], ids=[1677, 1678, 2261, 2262]
)
def test_an_instant_that_int64_does_not_keep_is_none_but_its_text_stays(year, known):
    given = octets(f"{year}0601 ff 00000000 0000 00")
    value = DeviceClock().to_utc_ns(given)
    assert (value is not None) is known
    assert value is None or -(2**63) <= value < 2**63
    assert DeviceClock().to_text(given) == f"{int(year, 16)}-06-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("name", "offset"),
    [
        ("UTC", "+00:00"),
        ("+02:00", "+02:00"),
        ("-03:30", "-03:30"),
        ("Asia/Kolkata", "+05:30"),
        ("Etc/GMT+5", "-05:00"),
    ],
)
def test_a_time_zone_is_an_iana_name_or_an_offset(name, offset):
    given = octets("07e80101 01 0c000000 8000 00")
    assert DeviceClock(time_zone=name).to_utc_ns(given) == ns(f"2024-01-01T12:00:00{offset}")


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "Europe", "+2", "+24:00", "02:00", "../../etc/passwd", "/etc", "a\0"]
)
def test_what_is_no_time_zone_is_refused(name):
    with pytest.raises(ValueError, match="is neither an IANA time zone nor an offset"):
        time_zone_of(name)
    with pytest.raises(ValueError, match="is neither"):
        DeviceClock(time_zone=name)


@pytest.mark.parametrize(
    ("moment", "status", "given"),
    [
        (dt.datetime(2024, 7, 1, 12, 0, 0, 50_000, tzinfo=BERLIN), None, "07e80701 01 0c000005 ff88 80"),
        (dt.datetime(2024, 1, 7, 12, 30, 15, 999_999, tzinfo=BERLIN), None, "07e80107 07 0c1e0f63 ffc4 00"),
        (dt.datetime(2024, 1, 7, 12, 30, 15, tzinfo=dt.UTC), 1, "07e80107 07 0c1e0f00 0000 01"),
        (dt.datetime(2024, 1, 7, 12, 30, 15, tzinfo=ZoneInfo("Europe/Dublin")), None, "07e80107 07 0c1e0f00 0000 00"),
        (dt.datetime(2024, 1, 7, 12, 30, 15), None, "07e80107 07 0c1e0f00 8000 ff"),  # noqa: DTZ001  a naive one is the case
        (dt.datetime(2024, 1, 7, 12, 30, 15), 0, "07e80107 07 0c1e0f00 8000 00"),  # noqa: DTZ001  a naive one is the case
    ],
    ids=["summer", "winter", "status", "negative daylight saving", "naive", "naive with status"],
)
def test_a_moment_is_encoded_as_a_standard_meter_sends_it(moment, status, given):
    assert encode(moment, status=status) == octets(given)


@pytest.mark.parametrize(
    ("clock", "like", "utc", "expected"),
    [
        (DeviceClock(), "07e80101 01 00000000 ffc4 00", "2024-07-01T10:00:00+00:00", "07e80701 01 0b000000 ffc4 00"),
        (
            DeviceClock("inverted"),
            "07e80101 01 00000000 003c 00",
            "2024-07-01T10:00:00+00:00",
            "07e80701 01 0b000000 003c 00",
        ),
        (
            DeviceClock("without_dst"),
            "07e80701 01 00000000 ffc4 80",
            "2024-07-01T10:00:00+00:00",
            "07e80701 01 0c000000 ffc4 80",
        ),
        (
            DeviceClock(time_zone="Europe/Berlin"),
            "07e80101 01 00000000 8000 00",
            "2024-07-01T10:00:00+00:00",
            "07e80701 01 0c000000 8000 80",
        ),
        (
            DeviceClock("ignore", "Europe/Berlin"),
            "07e80701 01 00000000 0000 82",
            "2024-01-01T10:00:00.5+00:00",
            "07e80101 01 0b000032 0000 02",
        ),
        (
            DeviceClock(time_zone="Europe/Berlin"),
            "07e80101 01 00000000 8000 ff",
            "2024-07-01T10:00:00+00:00",
            "07e80701 01 0c000000 8000 ff",
        ),
    ],
    ids=["standard", "inverted", "without_dst", "zone", "ignore", "status not specified"],
)
def test_an_instant_becomes_what_this_meter_would_send(clock, like, utc, expected):
    assert clock.from_utc_ns(ns(utc), like=octets(like)) == octets(expected)


@pytest.mark.parametrize("setting", ["standard", "without_dst", "inverted", "ignore"])
@pytest.mark.parametrize("like", ["07e80101 01 00000000 ffc4 00", "07e80701 01 00000000 8000 80"])
def test_what_this_meter_would_send_is_the_instant_again(setting, like):
    clock = DeviceClock(setting, "Europe/Berlin")
    start = ns("2024-01-01T00:30:00+00:00")
    for hour in range(0, 366 * 24, 1):
        instant = start + hour * 3600 * 10**9
        assert clock.to_utc_ns(clock.from_utc_ns(instant, like=octets(like))) == instant


@pytest.mark.may_skip("recordings are no part of the project")
def test_every_clock_seen_in_the_field_is_an_instant_but_the_one_with_wildcards():
    if not SAMPLES.exists():
        pytest.skip("the recordings are not here")
    clock = DeviceClock()
    for case in json.loads(SAMPLES.read_text())["cases"]:
        given = octets(case["hex"])
        assert is_date_time(given) is (case["shape"] != "wild")
        assert clock.needs_zone(given) is (case["deviation"] == "not specified")
        if case["shape"] == "wild":
            assert clock.to_text(given) == case["hex"]
        elif case["deviation"] != "not specified":
            assert clock.to_utc_ns(given) == ns(clock.to_text(given))
