"""Both changes of a year, in zones of every kind: what a meter there sends is the instant at which it sent it."""

from __future__ import annotations

import datetime as dt
import os
import time
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from telegraf_dlms.datetimes import DeviceClock, encode

SECOND = 10**9
STEP = dt.timedelta(minutes=5)
#: How long before and after a change everything is tried: longer than any local time occurs twice.
AROUND = dt.timedelta(hours=3)
#: North and south of the equator, an hour and half an hour, whole and odd offsets, changes at midnight and at noon UTC;
#: and Dublin, whose zone says that its winter is the exception.
ZONES = [
    "Europe/Berlin",
    "Europe/London",
    "Europe/Dublin",
    "America/New_York",
    "America/St_Johns",
    "America/Havana",
    "America/Santiago",
    "Asia/Beirut",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "Pacific/Chatham",
]
YEARS = (2024, 2026)


def offset_of(instant, zone):
    return instant.astimezone(ZoneInfo(zone)).utcoffset()


@cache
def changes(zone):
    """Return the instants, to five minutes, at which the zone's offset changes."""
    found = []
    for year in YEARS:
        hours = [dt.datetime(year, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=hour) for hour in range(366 * 24)]
        for before, after in pairwise(hours):
            if offset_of(before, zone) != offset_of(after, zone):
                steps = [before + STEP * step for step in range(13)]
                found.append(next(b for a, b in pairwise(steps) if offset_of(a, zone) != offset_of(b, zone)))
    return found


def instants(zone):
    for change in changes(zone):
        step = change - AROUND
        while step < change + AROUND:
            yield step
            step += STEP


def is_summer(instant, zone):
    """Tell whether it is daylight saving time: the greater of the two offsets around a change."""
    nearest = min(changes(zone), key=lambda change: abs(change - instant))
    both = {offset_of(nearest - AROUND, zone), offset_of(nearest + AROUND, zone)}
    return offset_of(instant, zone) == max(both)


def ns(instant):
    return round(instant.timestamp()) * SECOND


def sent(instant, zone, *, deviation="unspecified", status="told"):
    """Return what a meter sends whose local time is the zone's."""
    local = instant.astimezone(ZoneInfo(zone))
    summer = is_summer(instant, zone)
    octets = bytearray(encode(local.replace(tzinfo=None), status=(0x80 if summer else 0) if status == "told" else 0xFF))
    minutes = local.utcoffset() // dt.timedelta(minutes=1)
    if deviation == "without_dst":
        minutes -= 60 if summer else 0
    sign = 1 if deviation == "inverted" else -1
    number = -0x8000 if deviation == "unspecified" else 77 if deviation == "ignore" else sign * minutes
    octets[9:11] = number.to_bytes(2, signed=True)
    return bytes(octets)


def test_every_zone_has_two_changes_a_year():
    assert {zone: len(changes(zone)) for zone in ZONES} == dict.fromkeys(ZONES, 2 * len(YEARS))


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("deviation", ["unspecified", "ignore"])
def test_where_the_zone_holds_the_status_picks_the_right_one_of_two_local_times(zone, deviation):
    clock = DeviceClock("ignore" if deviation == "ignore" else "standard", zone)
    for instant in instants(zone):
        assert clock.to_utc_ns(sent(instant, zone, deviation=deviation)) == ns(instant), instant


@pytest.mark.parametrize("zone", ZONES)
def test_without_a_status_only_the_second_of_two_local_times_is_mistaken_for_the_first(zone):
    clock, mistaken = DeviceClock(time_zone=zone), set()
    for instant in instants(zone):
        found = clock.to_utc_ns(sent(instant, zone, status="untold"))
        if found != ns(instant):
            mistaken.add((found - ns(instant)) // SECOND)
            assert instant.astimezone(ZoneInfo(zone)).fold == 1
    assert mistaken == {-1800 if zone == "Australia/Lord_Howe" else -3600}


#: Lord Howe's daylight saving is half an hour, and "without_dst" is about a whole one.
GIVEN = [(zone, deviation) for zone in ZONES for deviation in ("standard", "inverted", "without_dst")]
GIVEN.remove(("Australia/Lord_Howe", "without_dst"))


@pytest.mark.parametrize(("zone", "deviation"), GIVEN)
def test_a_deviation_that_is_given_decides_alone(zone, deviation):
    clock = DeviceClock(deviation, "Asia/Tokyo")
    for instant in instants(zone):
        assert clock.to_utc_ns(sent(instant, zone, deviation=deviation)) == ns(instant), instant


@pytest.mark.parametrize("zone", ZONES)
def test_a_moment_is_encoded_as_the_meter_there_has_it(zone):
    for instant in instants(zone):
        octets = encode(instant.astimezone(ZoneInfo(zone)))
        assert octets == sent(instant, zone, deviation="standard"), instant


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("deviation", ["standard", "inverted", "without_dst", "unspecified", "ignore"])
def test_a_bound_is_the_instant_whatever_the_clock_that_it_is_written_like(zone, deviation):
    setting = "standard" if deviation == "unspecified" else deviation
    clock = DeviceClock(setting, zone)
    likes = [
        sent(change + side * AROUND, zone, deviation=deviation) for change in changes(zone)[:2] for side in (1, -1)
    ]
    for instant in instants(zone):
        for like in likes:
            assert clock.to_utc_ns(clock.from_utc_ns(ns(instant), like=like)) == ns(instant), instant


@pytest.mark.parametrize("zone", ZONES)
def test_rows_go_on_through_both_changes_without_a_gap_or_a_step_back(zone):
    clock = DeviceClock(time_zone=zone)
    for change in changes(zone):
        quarters = [change + dt.timedelta(minutes=15) * number for number in range(-12, 12)]
        times = [clock.to_utc_ns(sent(quarter, zone)) for quarter in quarters]
        assert {later - earlier for earlier, later in pairwise(times)} == {900 * SECOND}


@pytest.mark.parametrize("host", ["UTC", "America/New_York", "Pacific/Auckland"])
def test_the_hosts_zone_has_no_part_in_it(host, monkeypatch):
    monkeypatch.setitem(os.environ, "TZ", host)
    time.tzset()
    try:
        instant = dt.datetime(2026, 7, 1, 10, tzinfo=dt.UTC)
        for setting in ("standard", "ignore"):
            octets = sent(instant, "Europe/Berlin")
            assert DeviceClock(setting, "Europe/Berlin").to_utc_ns(octets) == ns(instant)
            assert DeviceClock(setting).to_utc_ns(octets) == ns(instant) + 2 * 3600 * SECOND
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("zone", ["+02:00", "-03:30", "+14:00", "-12:00", "+05:45"])
def test_a_fixed_offset_has_no_changes(zone):
    clock = DeviceClock(time_zone=zone)
    sign, hours, minutes = zone[0], int(zone[1:3]), int(zone[4:])
    offset = dt.timedelta(hours=hours, minutes=minutes) * (-1 if sign == "-" else 1)
    for month in range(1, 13):
        local = dt.datetime(2026, month, 25, 2, 30)  # noqa: DTZ001  a meter's local time
        for status in (0, 0x80, 0xFF):
            found = clock.to_utc_ns(encode(local, status=status))
            assert found == ns((local - offset).replace(tzinfo=dt.UTC))
