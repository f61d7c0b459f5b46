"""How far a meter's clock is from ours, and what a setting may have to do with it.

A clock that is wrong by hours is hardly ever wrong: its deviation is not what the configuration says that it is, or its
local time is not that of the configured zone. So where the time would be right with another ``deviation``, or a
whole number of half hours is between the clocks and the deviation is not specified, that is what is said.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from telegraf_dlms.datetimes import LENGTH, NO_DEVIATION, Deviation

if TYPE_CHECKING:
    from telegraf_dlms.datetimes import DeviceClock

#: Beyond this a clock is wrong: a third of the shortest usual capture period, and more than meters drift in a year.
MAX_DRIFT_S: Final = 300.0
#: A longer exchange tells too little of a clock to blame a setting: it may have been read at either end of it.
MAX_ROUND_TRIP_S: Final = 30.0
#: Offsets of nearly all time zones are whole half hours; a clock that is just wrong is as near to one by chance in one
#: case of seven.
ZONE_STEP_S: Final = 1800
ZONE_TOLERANCE_S: Final = 120
#: The greatest offset of a time zone, both ways.
MAX_ZONE_S: Final = 14 * 3600

_SECOND: Final = 1_000_000_000
_DEVIATION: Final = slice(9, 11)


@dataclass(frozen=True, slots=True)
class Drift:
    """``seconds`` are the meter's clock minus ours, in milliseconds' steps; ``remark`` is for a person.

    ``remark`` is "" while the clock is right; ``cause`` tells one remark from another.
    """

    seconds: float
    cause: str = ""
    remark: str = ""


def drift_of(octets: bytes, clock: DeviceClock, *, began_ns: int, ended_ns: int) -> Drift | None:
    """Return the drift of a clock that was read between two times of ours; None where its octets are no time."""
    round_trip_s = (ended_ns - began_ns) / _SECOND
    seconds = _seconds_ahead(octets, clock, (began_ns + ended_ns) // 2)
    if seconds is None or round_trip_s < 0:
        return None
    if abs(seconds) - round_trip_s / 2 <= MAX_DRIFT_S:
        return Drift(seconds)
    remark = f"its clock is {abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} ours"
    if round_trip_s > MAX_ROUND_TRIP_S:
        return Drift(seconds, "drift", remark)
    deviation = _right_deviation(octets, clock, (began_ns + ended_ns) // 2)
    if deviation is not None:
        return Drift(seconds, "deviation", f'{remark}: it is right with deviation = "{deviation}"')
    hours = _zone_hours(seconds) if clock.needs_zone(octets) else None
    if hours is not None:
        zone = f'a zone {abs(hours):g} h {"ahead of" if hours > 0 else "behind"} time_zone = "{clock.time_zone}"'
        return Drift(seconds, "zone", f"{remark}: its local time is that of {zone}")
    return Drift(seconds, "drift", remark)


def _seconds_ahead(octets: bytes, clock: DeviceClock, now_ns: int) -> float | None:
    time_ns = clock.to_utc_ns(octets) if len(octets) == LENGTH else None
    return None if time_ns is None else round((time_ns - now_ns) / _SECOND, 3)


def _right_deviation(octets: bytes, clock: DeviceClock, now_ns: int) -> Deviation | None:
    """Return another meaning of the deviation that makes the time right, None where there is none."""
    if int.from_bytes(octets[_DEVIATION], signed=True) in {0, NO_DEVIATION} or clock.deviation == "ignore":
        return None
    others: tuple[Deviation, ...] = ("standard", "inverted", "without_dst")
    for other in others:
        seconds = _seconds_ahead(octets, replace(clock, deviation=other), now_ns)
        if seconds is not None and abs(seconds) <= MAX_DRIFT_S:
            return other
    return None


def _zone_hours(seconds: float) -> float | None:
    """Return the hours between two time zones that a drift could be, None where it is none."""
    steps = round(seconds / ZONE_STEP_S)
    if not steps or abs(steps) * ZONE_STEP_S > MAX_ZONE_S or abs(seconds - steps * ZONE_STEP_S) > ZONE_TOLERANCE_S:
        return None
    return steps * ZONE_STEP_S / 3600
