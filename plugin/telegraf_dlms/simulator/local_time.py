"""The meters' local time: Central European, one hour ahead of UTC and two in summer (directive 2000/84/EC).

A rule of a few lines instead of a time zone database, which a small host may lack; and a meter knows no more than this.
"""

from __future__ import annotations

import time
from calendar import timegm
from datetime import UTC, datetime
from functools import lru_cache

#: Minutes from local normal time to UTC: the sign of a COSEM deviation (UTC = local + deviation; Blue Book, 4.1.6.1).
NORMAL_DEVIATION = -60
#: Minutes that summer time adds.
SUMMER_MINUTES = 60
#: Clock status: daylight saving active (Blue Book, 4.1.6.1).
DST_ACTIVE = 0x80

_UNSPECIFIED = -0x8000
_HOUR, _DAY = 3600, 86_400


def date_time(seconds: int) -> bytes:
    """Return the twelve octets of a COSEM date-time: local time, deviation and clock status of a moment in UTC."""
    summer = is_summer(seconds)
    deviation = deviation_at(seconds)
    local = time.gmtime(seconds - deviation * 60)
    year, month, day, hour, minute, second, weekday = local[:7]
    return (
        year.to_bytes(2, "big")
        + bytes((month, day, weekday + 1, hour, minute, second, 0))
        + deviation.to_bytes(2, "big", signed=True)
        + bytes((DST_ACTIVE if summer else 0,))
    )


def to_seconds(octets: bytes) -> int | None:
    """Return the moment that twelve octets name; None where the date has wildcards or a part is out of range.

    An unspecified deviation (8000h) is this meter's own, an unspecified time of day is midnight.
    """
    if len(octets) != 12:
        return None
    month, day = octets[2:4]
    hour, minute, second = (0 if part == 0xFF else part for part in octets[5:8])
    try:
        date = datetime(int.from_bytes(octets[:2], "big"), month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    local = timegm(date.timetuple())
    deviation = int.from_bytes(octets[9:11], "big", signed=True)
    if deviation == _UNSPECIFIED:
        deviation = deviation_at(local + NORMAL_DEVIATION * 60)
    return local + deviation * 60


def deviation_at(seconds: int) -> int:
    """Return the deviation in minutes, summer time included."""
    return NORMAL_DEVIATION - SUMMER_MINUTES if is_summer(seconds) else NORMAL_DEVIATION


def is_summer(seconds: int) -> bool:
    """Tell whether summer time is in force."""
    start, end = _summer(time.gmtime(seconds).tm_year)
    return start <= seconds < end


@lru_cache(maxsize=8)
def _summer(year: int) -> tuple[int, int]:
    """Return start and end: 01:00 UTC on the last Sundays of March and October."""
    return _last_sunday(year, 3) + _HOUR, _last_sunday(year, 10) + _HOUR


def _last_sunday(year: int, month: int) -> int:
    last_day = timegm((year, month, 31, 0, 0, 0))
    return last_day - (time.gmtime(last_day).tm_wday + 1) % 7 * _DAY
