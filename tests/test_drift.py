"""How far a meter's clock is from ours, and which setting is to blame where it is wrong by hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from telegraf_dlms.datetimes import DeviceClock, encode
from telegraf_dlms.drift import MAX_DRIFT_S, MAX_ROUND_TRIP_S, ZONE_TOLERANCE_S, Drift, drift_of

SECOND = 1_000_000_000
NOW = datetime(2026, 7, 1, 12, 0, 0, tzinfo=UTC)
NOW_NS = int(NOW.timestamp()) * SECOND


def sent(*, ahead_s=0.0, local_h=2.0, deviation=-120, status=0x80):
    """Return a date-time that says local time, and this deviation."""
    local = (NOW + timedelta(hours=local_h, seconds=ahead_s)).replace(tzinfo=None)
    octets = bytearray(encode(local, status=status))
    octets[9:11] = deviation.to_bytes(2, signed=True)
    return bytes(octets)


def drift(octets, clock=None, *, round_trip_s=0.2, late_s=0.0):
    began = NOW_NS + round((late_s - round_trip_s / 2) * SECOND)
    return drift_of(octets, clock or DeviceClock(), began_ns=began, ended_ns=began + round(round_trip_s * SECOND))


@pytest.mark.parametrize(
    ("ahead_s", "late_s", "seconds"),
    [(0, 0, 0.0), (5, 0, 5.0), (-7.5, 0, -7.5), (0, 0.1234, -0.123), (300, 0, 300.0), (-300, 0, -300.0)],
)
def test_the_drift_is_the_meters_clock_minus_ours_in_the_middle_of_the_exchange(ahead_s, late_s, seconds):
    assert drift(sent(ahead_s=ahead_s), late_s=late_s) == Drift(seconds)


@pytest.mark.parametrize(
    ("ahead_s", "remark"),
    [(301, "its clock is 301 s ahead of ours"), (-86401.5, "its clock is 86402 s behind ours")],
)
def test_beyond_five_minutes_a_clock_is_wrong(ahead_s, remark):
    assert drift(sent(ahead_s=ahead_s)) == Drift(ahead_s, "drift", remark)


def test_what_a_long_exchange_may_account_for_is_not_the_clocks_fault():
    assert drift(sent(ahead_s=MAX_DRIFT_S + 9), round_trip_s=20).remark == ""
    assert drift(sent(ahead_s=MAX_DRIFT_S + 11), round_trip_s=20).remark == "its clock is 311 s ahead of ours"


UNSPECIFIED = -0x8000


@pytest.mark.parametrize(
    ("configured", "sends", "named"),
    [
        pytest.param("standard", (2, 120, 0x80), "inverted", id="it sends the offset"),
        pytest.param("standard", (-3, -180, 0), "inverted", id="west of Greenwich"),
        pytest.param("standard", (2, -60, 0x80), "without_dst", id="it leaves out daylight saving"),
        pytest.param("inverted", (2, -120, 0x80), "standard", id="configured in vain"),
        pytest.param("without_dst", (2, -120, 0x80), "standard", id="it has daylight saving after all"),
        pytest.param("without_dst", (2, 120, 0x80), "inverted", id="it sends the offset, daylight saving included"),
    ],
)
@pytest.mark.parametrize("ahead_s", [0, MAX_DRIFT_S, -MAX_DRIFT_S])
def test_another_meaning_of_the_deviation_that_makes_the_time_right_is_named(configured, sends, named, ahead_s):
    local_h, deviation, status = sends
    octets = sent(local_h=local_h, deviation=deviation, status=status, ahead_s=ahead_s)
    found = drift(octets, DeviceClock(configured))
    assert found.cause == "deviation"
    assert found.remark == (
        f"its clock is {abs(found.seconds):.0f} s {'ahead of' if found.seconds > 0 else 'behind'} ours: "
        f'it is right with deviation = "{named}"'
    )
    assert drift(octets, DeviceClock(named)).remark == "", "and so it is"


@pytest.mark.parametrize(
    ("octets", "clock"),
    [
        pytest.param(sent(deviation=120, ahead_s=MAX_DRIFT_S + 1), DeviceClock(), id="not right the other way either"),
        pytest.param(sent(local_h=2, deviation=0), DeviceClock(), id="a deviation of 0 has no other meaning"),
        pytest.param(sent(local_h=1.77, deviation=UNSPECIFIED), DeviceClock(), id="nor has one that is unspecified"),
        pytest.param(sent(deviation=120, ahead_s=1000), DeviceClock("ignore"), id="nor one that is ignored"),
    ],
)
def test_where_no_other_meaning_makes_it_right_none_is_named(octets, clock):
    assert drift(octets, clock).cause == "drift"


@pytest.mark.parametrize("round_trip_s", [MAX_ROUND_TRIP_S, MAX_ROUND_TRIP_S + 0.001])
def test_no_setting_is_blamed_after_a_long_exchange(round_trip_s):
    causes = {drift(each, round_trip_s=round_trip_s).cause for each in (sent(deviation=120), _without_deviation(2))}
    assert causes == ({"deviation", "zone"} if round_trip_s == MAX_ROUND_TRIP_S else {"drift"})


def _without_deviation(local_h, ahead_s=0.0):
    return sent(local_h=local_h, deviation=UNSPECIFIED, ahead_s=ahead_s)


@pytest.mark.parametrize(
    ("clock", "local_h", "zone"),
    [
        pytest.param(DeviceClock(), 2, '2 h ahead of time_zone = "UTC"', id="a zone was not configured"),
        pytest.param(DeviceClock(), -3.5, '3.5 h behind time_zone = "UTC"', id="west of Greenwich"),
        pytest.param(DeviceClock(), 14, '14 h ahead of time_zone = "UTC"', id="the farthest"),
        pytest.param(
            DeviceClock(time_zone="Europe/Berlin"), 1, '1 h behind time_zone = "Europe/Berlin"', id="no summer time"
        ),
        pytest.param(DeviceClock("ignore", "+05:30"), 2, '3.5 h behind time_zone = "+05:30"', id="ignored"),
    ],
)
@pytest.mark.parametrize("ahead_s", [0, ZONE_TOLERANCE_S, -ZONE_TOLERANCE_S])
def test_whole_half_hours_without_a_deviation_are_another_zone(clock, local_h, zone, ahead_s):
    found = drift(_without_deviation(local_h, ahead_s), clock)
    assert found.cause == "zone"
    assert found.remark.endswith(f" ours: its local time is that of a zone {zone}")


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(_without_deviation(2, ZONE_TOLERANCE_S + 1), id="not quite an hour"),
        pytest.param(_without_deviation(14.5), id="no zone is that far"),
        pytest.param(_without_deviation(0, MAX_DRIFT_S + 1), id="minutes"),
        pytest.param(sent(local_h=3, status=0), id="it gives a deviation"),
    ],
)
def test_what_is_no_offset_of_a_zone_is_just_wrong(octets):
    assert drift(octets).cause == "drift"


@pytest.mark.parametrize("octets", [b"", bytes(12), b"\xff" * 12, sent()[:5], sent()[:11]])
def test_what_is_no_time_has_no_drift(octets):
    assert drift(octets) is None


def test_while_our_own_clock_was_set_back_there_is_no_drift():
    assert drift_of(sent(), DeviceClock(), began_ns=NOW_NS, ended_ns=NOW_NS - 1) is None
