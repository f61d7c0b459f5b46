"""COSEM's date-times, and what a meter means by them (Blue Book, 4.1.6.1).

Twelve octets: year (2), month, day of month, day of week, hour, minute, second, hundredths, deviation (2, signed),
clock status. FF (FFFF for the year) is "not specified"; month FD and FE stand for the end and the begin of daylight
saving, day FD and FE for the second last and the last of a month: all of these are wildcards, as they occur in
schedules. A date is the first five octets, a time the four from the hour on.

The deviation is UTC minus local time in minutes, daylight saving included: UTC = local + deviation, and the offset that
RFC 3339 prints is its negative. 8000h is "not specified". Not every meter does so, hence ``DeviceClock.deviation``:

=============  ========================================================================  ==========================
"standard"     as the Blue Book has it                                                   UTC = local + deviation
"without_dst"  the meter leaves daylight saving out: an hour less where it is in force   UTC = local + deviation - 1 h
"inverted"     the meter sends the offset instead                                        UTC = local - deviation
"ignore"       the deviation means nothing                                               the device's time zone holds
=============  ========================================================================  ==========================

Where the deviation is not specified or ignored, local time is the time of the device's time zone. There the clock
status decides what the calendar leaves open, the hour that occurs twice and the one that is skipped: 80h, "daylight
saving active", takes the greater offset, its absence the smaller one, and a status that is not specified (FF) the
offset from before the change.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from struct import Struct
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

Deviation: TypeAlias = Literal["standard", "without_dst", "inverted", "ignore"]

LENGTH = 12
DATE_LENGTH = 5
TIME_LENGTH = 4

#: The deviation "not specified", 8000h.
NO_DEVIATION = -0x8000
_UNSPECIFIED = b"\x80\x00"
#: The minutes a deviation may have: 840 both ways. The Blue Book (4.1.6.1) ends at -720, but New Zealand's summer has
#: -780, and meters that send the offset have both signs.
DEVIATIONS = range(-840, 841)
#: The clock status "not specified", and its bit "daylight saving active".
NO_STATUS = 0xFF
DAYLIGHT_SAVING = 0x80


def is_date_time(octets: bytes) -> bool:
    """Return whether octets of a CHOICE are a date-time: a real date from 1990 to 2099, every other part in range."""
    parts = _split(octets)
    return parts is not None and parts[0] in _PLAUSIBLE_YEARS and (1 <= octets[4] <= 7 or octets[4] == 0xFF)


def status_of(octets: bytes) -> int | None:
    """Return the clock status of a date-time where it tells something: neither 0 nor "not specified"."""
    status = octets[LENGTH - 1] if len(octets) == LENGTH else 0
    return None if status in (0, NO_STATUS) else status


def time_zone_of(name: str) -> tzinfo:
    """Return the zone of an IANA name, or of an offset like "+02:00"; ValueError says what is wrong."""
    if name == "UTC":
        return UTC
    if match := _OFFSET.fullmatch(name):
        minutes = int(match[2]) * 60 + int(match[3])
        return timezone(timedelta(minutes=-minutes if match[1] == "-" else minutes))
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f'"{name}" is neither an IANA time zone nor an offset like "+02:00"') from None


def encode(moment: datetime, *, status: int | None = None) -> bytes:
    """Return the twelve octets of a moment as a standard meter sends them.

    A naive moment gets "not specified" for its deviation and status; an aware one its own deviation, and 80h where its
    zone has daylight saving. ``status`` overrides. The hundredths are cut, not rounded.
    """
    offset = moment.utcoffset()
    if offset is None:
        return _pack(moment, NO_DEVIATION, NO_STATUS if status is None else status)
    return _pack(moment, -(offset // _MINUTE), _status_bits(moment) if status is None else status)


@dataclass(frozen=True, slots=True)
class DeviceClock:
    """What one device means by a date-time; ValueError where ``time_zone`` is none (see ``time_zone_of``)."""

    deviation: Deviation = "standard"
    time_zone: str = "UTC"
    _zone: tzinfo = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_zone", time_zone_of(self.time_zone))

    def to_utc_ns(self, octets: bytes) -> int | None:
        """Return nanoseconds since 1970 in UTC; None for wildcards, no real date, years that int64 does not keep."""
        parts = self._split(octets)
        if parts is None or parts[0] not in _YEARS_OF_INT64:
            return None
        year, month, day, _, hour, minute, second, hundredths, deviation, status = parts
        days = _days(year, month, day) or 0
        local = days * 86400 + hour * 3600 + minute * 60 + second
        offset = self._offset(deviation, status)
        seconds = local - (self._zone_offset(local, status) if offset is None else offset * 60)
        return seconds * 1_000_000_000 + (0 if hundredths == 0xFF else hundredths * 10_000_000)

    def to_text(self, octets: bytes) -> str | None:
        """Return RFC 3339 text of a date-time, a date (5 octets) or a time (4 octets), in the meter's local time.

        With the meter's offset, without one where it is not specified or ignored. Wildcards and what is no real date
        are hex, as is any other length; None where all octets are FF, or there are none.
        """
        if octets.count(0xFF) == len(octets):
            return None
        if len(octets) == DATE_LENGTH:
            return _date_text(octets) or octets.hex()
        if len(octets) == TIME_LENGTH:
            return _time_text(octets) or octets.hex()
        parts = self._split(octets)
        if parts is None:
            return octets.hex()
        offset = self._offset(parts[8], parts[9])
        return f"{_date_text(octets)}T{_time_text(octets[5:9])}{'' if offset is None else _offset_text(offset)}"

    def needs_zone(self, octets: bytes) -> bool:
        """Return whether the device's time zone decides what instant this date-time is."""
        parts = self._split(octets)
        return parts is not None and self._offset(parts[8], parts[9]) is None

    def from_utc_ns(self, utc_ns: int, *, like: bytes) -> bytes:
        """Return the date-time of an instant as the meter that sent ``like`` would have it, for bounds of ranges.

        ``like`` is a date-time that ``to_utc_ns`` understands; the result has its deviation, and its status but for
        daylight saving where the time zone decides.
        """
        *_, deviation, status = _UNPACK(like)
        instant = _EPOCH + timedelta(microseconds=utc_ns // 1000)
        offset = self._offset(deviation, status)
        if offset is not None:
            return _pack(instant + offset * _MINUTE, deviation, status)
        moment = instant.astimezone(self._zone)
        if status != NO_STATUS:
            status = status & ~DAYLIGHT_SAVING | _status_bits(moment)
        return _pack(moment, deviation, status)

    def _split(self, octets: bytes) -> _Parts | None:
        """Return the parts of a real date-time; a deviation that means nothing may be any."""
        if self.deviation == "ignore" and len(octets) == LENGTH:
            octets = octets[:9] + _UNSPECIFIED + octets[11:]
        return _split(octets)

    def _offset(self, deviation: int, status: int) -> int | None:
        """Return the minutes that the meter's local time is ahead of UTC; None where the time zone holds."""
        if deviation == NO_DEVIATION or self.deviation == "ignore":
            return None
        if self.deviation == "inverted":
            return deviation
        if self.deviation == "without_dst" and _daylight_saving(status):
            return 60 - deviation
        return -deviation

    def _zone_offset(self, local: int, status: int) -> int:
        """Return the seconds that the time zone is ahead of UTC at a local time, given in seconds since 1970."""
        moment = (_EPOCH + timedelta(seconds=local)).replace(tzinfo=self._zone)
        before, after = _seconds(moment), _seconds(moment.replace(fold=1))
        if before == after or status == NO_STATUS:
            return before
        return max(before, after) if _daylight_saving(status) else min(before, after)


_Parts: TypeAlias = tuple[int, int, int, int, int, int, int, int, int, int]

_LAYOUT = Struct(">HBBBBBBBhB")
_UNPACK = _LAYOUT.unpack
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
_OFFSET = re.compile(r"([+-])([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
#: What twelve octets that could be anything must have for a year, to be taken for a date-time.
_PLAUSIBLE_YEARS = range(1990, 2100)
#: The years whose nanoseconds since 1970 an int64 keeps, whatever the offset.
_YEARS_OF_INT64 = range(1678, 2262)


def _split(octets: bytes) -> _Parts | None:
    """Return the parts of a date-time of twelve octets that is a real one; the day of week may be anything."""
    if len(octets) != LENGTH:
        return None
    parts: _Parts = _UNPACK(octets)
    year, month, day, _, hour, minute, second, hundredths, deviation, _ = parts
    if hour > 23 or minute > 59 or second > 59 or (hundredths > 99 and hundredths != 0xFF):
        return None
    if deviation not in DEVIATIONS and deviation != NO_DEVIATION:
        return None
    return None if _days(year, month, day) is None else parts


@lru_cache(maxsize=512)  # rows of a profile share their days; a year of them, and some
def _days(year: int, month: int, day: int) -> int | None:
    """Return the days since 1970-01-01, None where there is no such day."""
    try:
        return date(year, month, day).toordinal() - _EPOCH.toordinal()
    except ValueError:
        return None


def _pack(moment: datetime, deviation: int, status: int) -> bytes:
    return _LAYOUT.pack(
        moment.year,
        moment.month,
        moment.day,
        moment.isoweekday(),
        moment.hour,
        moment.minute,
        moment.second,
        moment.microsecond // 10_000,
        deviation,
        status,
    )


def _daylight_saving(status: int) -> bool:
    return status & DAYLIGHT_SAVING != 0 and status != NO_STATUS


def _status_bits(moment: datetime) -> int:
    """Return 80h in daylight saving: where local time is ahead of the winter's, north or south of the equator.

    ``dst()`` would not do: to Dublin's zone winter is the exception, a negative daylight saving.
    """
    winter = min(_seconds(moment.replace(month=month, day=1)) for month in _WINTERS)
    return DAYLIGHT_SAVING if _seconds(moment) > winter else 0


#: January and July: one of them is winter wherever there is one.
_WINTERS = (1, 7)


def _seconds(moment: datetime) -> int:
    return (moment.utcoffset() or timedelta()) // timedelta(seconds=1)


def _date_text(octets: bytes) -> str | None:
    year = octets[0] << 8 | octets[1]
    if _days(year, octets[2], octets[3]) is None:
        return None
    return f"{year:04}-{octets[2]:02}-{octets[3]:02}"


def _time_text(octets: bytes) -> str | None:
    hour, minute, second, hundredths = octets
    if hour > 23 or minute > 59 or second > 59 or (hundredths > 99 and hundredths != 0xFF):
        return None
    fraction = "" if hundredths in (0, 0xFF) else f".{hundredths:02}"
    return f"{hour:02}:{minute:02}:{second:02}{fraction}"


def _offset_text(minutes: int) -> str:
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"
