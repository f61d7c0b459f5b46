from datetime import UTC, datetime

import pytest

from telegraf_dlms.datetimes import DeviceClock
from telegraf_dlms.simulator import local_time


def seconds(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("utc", "octets"),
    [
        pytest.param("2026-01-01T12:07:30", "07EA 01 01 04 0D 07 1E 00 FFC4 00", id="winter: an hour ahead"),
        pytest.param("2026-07-05T22:00:00", "07EA 07 06 01 00 00 00 00 FF88 80", id="summer: two, and the next day"),
        pytest.param("2026-03-29T00:59:59", "07EA 03 1D 07 01 3B 3B 00 FFC4 00", id="the last second of winter"),
        pytest.param("2026-03-29T01:00:00", "07EA 03 1D 07 03 00 00 00 FF88 80", id="the first second of summer"),
        pytest.param("2026-10-25T00:59:59", "07EA 0A 19 07 02 3B 3B 00 FF88 80", id="the last second of summer"),
        pytest.param("2026-10-25T01:00:00", "07EA 0A 19 07 02 00 00 00 FFC4 00", id="the same hour again"),
    ],
)
def test_local_time_is_central_european(utc, octets):
    assert local_time.date_time(seconds(utc)) == bytes.fromhex(octets)


@pytest.mark.parametrize("hour", range(-30, 30))
@pytest.mark.parametrize("change", ["2024-03-31T01:00:00", "2025-10-26T01:00:00", "2026-01-01T00:00:00"])
def test_what_is_written_is_read_back(change, hour):
    moment = seconds(change) + hour * 1800
    octets = local_time.date_time(moment)

    assert local_time.to_seconds(octets) == moment
    assert DeviceClock().to_utc_ns(octets) == moment * 1_000_000_000


@pytest.mark.parametrize(
    ("octets", "utc"),
    [
        pytest.param("07EA 01 01 FF 0D 00 00 FF 8000 FF", "2026-01-01T12:00:00", id="no deviation: winter time"),
        pytest.param("07EA 07 01 FF 0D 00 00 FF 8000 FF", "2026-07-01T11:00:00", id="no deviation: summer time"),
        pytest.param("07EA 01 01 FF FF FF FF FF 0000 00", "2026-01-01T00:00:00", id="no time of day: midnight"),
    ],
)
def test_unspecified_parts_are_filled_in(octets, utc):
    assert local_time.to_seconds(bytes.fromhex(octets)) == seconds(utc)


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param("FFFF 01 01 FF 00 00 00 00 0000 00", id="no year"),
        pytest.param("07EA FF 01 FF 00 00 00 00 0000 00", id="no month"),
        pytest.param("07EA 02 1E FF 00 00 00 00 0000 00", id="30 February"),
        pytest.param("07EA 01 01 FF 18 00 00 00 0000 00", id="24 o'clock"),
        pytest.param("07EA 01 01 FF", id="a date"),
        pytest.param("", id="nothing"),
    ],
)
def test_what_names_no_moment_gives_none(octets):
    assert local_time.to_seconds(bytes.fromhex(octets)) is None
