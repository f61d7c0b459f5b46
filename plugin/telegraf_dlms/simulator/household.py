"""A household's moving values: pure functions of Unix time (whole seconds, UTC) and of the meter's number.

The powers follow one week that repeats for ever: a value for each minute, linear between the minutes. Each meter scales
and shifts that week by its number. So the energy since EPOCH has a closed form (trapezoids, in integers): a row of two
months ago costs as much as the register's present value, and both show the same number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, pairwise
from typing import Literal

Flow = Literal["import", "export"]
Phase = Literal[1, 2, 3]

#: Monday 2020-01-06 00:00 UTC: when every meter was installed; registers stand still at their first value before it.
EPOCH = 1_578_268_800
#: How the phases share import and export, in percent.
PHASE_SHARES: dict[Phase, int] = {1: 50, 2: 30, 3: 20}
#: Codes of the event log.
POWER_DOWN, POWER_UP = 1, 2

_DAY = 86_400
_MINUTES = 7 * 1440
_OUTAGE_SPACING = 3 * _DAY


def power(flow: Flow, seconds: int, *, meter: int) -> int:
    """Return the active power in W: import is never nothing, export is where the sun shines."""
    course = _course(flow)
    _, minute, second = _place(seconds, meter)
    first, last = course.watts[minute], course.watts[minute + 1]
    return (first * 60 + (last - first) * second) * _percent(meter) // 6000


def energy(flow: Flow, seconds: int, *, meter: int) -> int:
    """Return the active energy since EPOCH in tenths of a Wh: the integral of ``power``."""
    course = _course(flow)
    weeks, minute, second = _place(seconds, meter)
    first, last = course.watts[minute], course.watts[minute + 1]
    # In W·s/120: there a trapezoid of one minute, (first + last) * 30 W·s, and its parts are integers.
    whole = (weeks * course.sums[_MINUTES] + course.sums[minute]) * 3600
    part = 120 * first * second + (last - first) * second * second
    return (whole + part) * _percent(meter) // (120 * 100 * 360)


def demand(start: int, end: int, *, meter: int) -> int:
    """Return the average imported power from ``start`` to ``end`` in W; 0 for an empty time."""
    if end <= start:
        return 0
    return (energy("import", end, meter=meter) - energy("import", start, meter=meter)) * 360 // (end - start)


def voltage(phase: Phase, seconds: int, *, meter: int) -> int:
    """Return the phase's voltage in tenths of a V."""
    slow = math.sin(math.tau * seconds / (7200 + 600 * phase) + meter)
    quick = math.sin(math.tau * seconds / (53 + 4 * phase) + phase)
    return 2310 + round(35 * slow + 9 * quick)


def current(phase: Phase, seconds: int, *, meter: int) -> int:
    """Return the phase's current in hundredths of an A; export counts as import does."""
    watts = power("import", seconds, meter=meter) + power("export", seconds, meter=meter)
    return watts * PHASE_SHARES[phase] * 10 // voltage(phase, seconds, meter=meter)


def frequency(seconds: int) -> int:
    """Return the mains frequency in hundredths of a Hz: the same for all meters, they are on one grid."""
    return 5000 + round(3 * math.sin(math.tau * seconds / 613) + 2 * math.sin(math.tau * seconds / 97))


def outages(seconds: int, *, meter: int) -> int:
    """Return how many power failures there were since EPOCH."""
    number = max(0, seconds - EPOCH) // _OUTAGE_SPACING
    return number + (_outage(number, meter)[0] <= seconds)


def events(seconds: int, *, meter: int, newest: int) -> list[tuple[int, int]]:
    """Return the ``newest`` last events as (Unix time, code), oldest first: each power failure has two."""
    count = outages(seconds, meter=meter)
    happened: list[tuple[int, int]] = []
    for number in range(max(0, count - newest // 2 - 1), count):
        down, up = _outage(number, meter)
        happened.append((down, POWER_DOWN))
        if up <= seconds:
            happened.append((up, POWER_UP))
    return happened[-newest:]


@dataclass(frozen=True, slots=True)
class _Course:
    """One week of a flow: watts at each minute (and the first again), and the running sum of its trapezoids."""

    watts: tuple[int, ...]
    sums: tuple[int, ...]


@cache
def _course(flow: Flow) -> _Course:
    watts = [_import(minute) if flow == "import" else _export(minute) for minute in range(_MINUTES)]
    watts.append(watts[0])
    return _Course(tuple(watts), tuple(accumulate((a + b for a, b in pairwise(watts)), initial=0)))


def _place(seconds: int, meter: int) -> tuple[int, int, int]:
    """Return the whole weeks since EPOCH, the minute of the week and the second of the minute."""
    weeks, rest = divmod(max(0, seconds - EPOCH) + meter * 7 % 60 * 60, _MINUTES * 60)
    return weeks, *divmod(rest, 60)


def _percent(meter: int) -> int:
    return 80 + meter * 37 % 41


def _outage(number: int, meter: int) -> tuple[int, int]:
    down = EPOCH + number * _OUTAGE_SPACING + (number * number * 7919 + meter * 104_729) % _DAY
    return down, down + 30 + number * 37 % 600


def _import(minute: int) -> int:
    """Return what is drawn from the grid: the panels feed one phase alone, which carries half of the load."""
    return _load(minute) // 2 + max(0, _load(minute) // 2 - _sun(minute))


def _export(minute: int) -> int:
    return max(0, _sun(minute) - _load(minute) // 2)


def _load(minute: int) -> int:
    """Return what is switched on at that minute of the week, in W: stand-by, fridge, light, cooking, washing."""
    day, now = divmod(minute, 1440)
    watts = 85 + minute * 2_654_435_761 % 4_294_967_296 // 107_374_182
    watts += 95 if minute % 47 < 17 else 0
    watts += 180 if 1050 <= now < 1395 or 375 <= now < 450 else 0
    watts += 2000 if now % 720 in range(405 + 7 * day, 409 + 7 * day) else 0
    watts += 1900 if 1110 <= now < 1145 and minute % 5 < 3 else 0
    watts += 2100 if day in {1, 5} and 600 <= now < 625 else 0
    return watts


def _sun(minute: int) -> int:
    """Return what the panels on the roof give at that minute of the week, in W: from 6 to 18 h, with clouds."""
    day, now = divmod(minute, 1440)
    height = math.sin(math.pi * (now - 360) / 720) if 360 <= now < 1080 else 0.0
    clouds = 0.75 + 0.25 * math.cos(minute / (17 + 3 * day))
    return round(2400 * height * clouds)
