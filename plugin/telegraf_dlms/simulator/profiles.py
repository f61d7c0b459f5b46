"""The profiles of the built-in meter: a load profile of 60 days and an event log, computed when they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from telegraf_dlms.axdr import Tag, encode
from telegraf_dlms.cosem import CaptureObject
from telegraf_dlms.obis import parse_obis
from telegraf_dlms.simulator import household
from telegraf_dlms.simulator.buffers import Buffer, Moment
from telegraf_dlms.simulator.objects import InterfaceObject, date_time, profile, unsigned
from telegraf_dlms.simulator.registers import PERIOD, exported, imported

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The load profile: quarter hours of 60 days.
CAPACITY: Final = 60 * 24 * 4
_EVENTS_KEPT: Final = 100
#: Row status: the power failed during the period (a bit of the VDEW status word).
_POWER_FAILED: Final = 0x80

CLOCK = parse_obis("0.0.1.0.0.255")
_STATUS = parse_obis("0.0.96.10.1.255")
_IMPORT = parse_obis("1.0.1.8.0.255")
_EXPORT = parse_obis("1.0.2.8.0.255")
_EVENT = parse_obis("0.0.96.11.0.255")


def profiles() -> list[InterfaceObject]:
    """Return the profiles, and the Data objects that only they capture."""
    return [
        _load_profile(),
        _event_log(),
        InterfaceObject(1, 0, _STATUS, {2: _row_status}),
        InterfaceObject(1, 0, _EVENT, {2: _last_event}),
    ]


def _load_profile() -> InterfaceObject:
    def times(moment: Moment) -> Sequence[int]:
        newest = moment.seconds - moment.seconds % PERIOD
        return range(newest - (CAPACITY - 1) * PERIOD, newest + 1, PERIOD)

    def rows(moment: Moment, first: int, last: int) -> list[tuple[bytes, ...]]:
        return [_load_row(Moment(time, moment.meter)) for time in times(moment)[first:last]]

    columns = (
        CaptureObject(8, CLOCK, 2, 0),
        CaptureObject(1, _STATUS, 2, 0),
        CaptureObject(3, _IMPORT, 2, 0),
        CaptureObject(3, _EXPORT, 2, 0),
    )
    return profile("1.0.99.1.0.255", Buffer(columns, PERIOD, CAPACITY, times, rows))


def _load_row(moment: Moment) -> tuple[bytes, ...]:
    return (
        date_time(moment.seconds),
        _row_status(moment),
        unsigned(imported(moment)),
        unsigned(exported(moment)),
    )


def _row_status(moment: Moment) -> bytes:
    """Return the status of the period that ended last."""
    end = moment.seconds - moment.seconds % PERIOD
    failed = household.outages(end, meter=moment.meter) > household.outages(end - PERIOD, meter=moment.meter)
    return encode(Tag.UNSIGNED, _POWER_FAILED if failed else 0)


def _event_log() -> InterfaceObject:
    def kept(moment: Moment) -> list[tuple[int, int]]:
        return household.events(moment.seconds, meter=moment.meter, newest=_EVENTS_KEPT)

    def times(moment: Moment) -> Sequence[int]:
        return [time for time, _ in kept(moment)]

    def rows(moment: Moment, first: int, last: int) -> list[tuple[bytes, ...]]:
        return [(date_time(time), encode(Tag.UNSIGNED, code)) for time, code in kept(moment)[first:last]]

    columns = (CaptureObject(8, CLOCK, 2, 0), CaptureObject(1, _EVENT, 2, 0))
    return profile("0.0.99.98.0.255", Buffer(columns, 0, _EVENTS_KEPT, times, rows))


def _last_event(moment: Moment) -> bytes:
    newest = household.events(moment.seconds, meter=moment.meter, newest=1)
    return encode(Tag.UNSIGNED, newest[0][1] if newest else 0)
