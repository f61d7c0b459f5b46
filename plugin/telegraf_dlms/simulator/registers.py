"""The registers of the built-in meter: what moves, and the demands that follow from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from telegraf_dlms.axdr import Tag, encode
from telegraf_dlms.cosem import ScalerUnit
from telegraf_dlms.obis import parse_obis
from telegraf_dlms.simulator import household, objects
from telegraf_dlms.simulator.objects import InterfaceObject, date_time, encode_scaler_unit, register, unsigned

if TYPE_CHECKING:
    from telegraf_dlms.simulator.buffers import Moment

#: The demand period, and the load profile's capture period: a quarter hour.
PERIOD: Final = 900

_DAY: Final = 86_400
#: Units of the Blue Book, 4.3.2.
_WATT, _WATT_HOUR, _VAR, _VAR_HOUR, _AMPERE, _VOLT, _HERTZ, _NO_UNIT = 27, 30, 29, 32, 33, 35, 44, 255


def registers() -> list[InterfaceObject]:
    """Return the Registers (class 3), the Extended register and the Demand register."""
    return [
        *_totals(),
        *_phase_registers(1),
        *_phase_registers(2),
        *_phase_registers(3),
        _maximum_demand_register(),
        _demand_register(),
    ]


def imported(moment: Moment) -> int:
    """Return what 1.0.1.8.0.255 shows: tenths of a Wh."""
    return household.energy("import", moment.seconds, meter=moment.meter)


def exported(moment: Moment) -> int:
    """Return what 1.0.2.8.0.255 shows: Wh."""
    return household.energy("export", moment.seconds, meter=moment.meter) // 10


def _power(moment: Moment, flow: household.Flow = "import") -> int:
    return household.power(flow, moment.seconds, meter=moment.meter)


def _long(value: int) -> bytes:
    return encode(Tag.LONG_UNSIGNED, value)


def _totals() -> list[InterfaceObject]:
    return [
        register("1.0.1.8.0.255", ScalerUnit(-1, _WATT_HOUR), lambda m: unsigned(imported(m))),
        register("1.0.2.8.0.255", ScalerUnit(0, _WATT_HOUR), lambda m: unsigned(exported(m))),
        register("1.0.3.8.0.255", ScalerUnit(0, _VAR_HOUR), lambda m: unsigned(imported(m) // 50)),
        register("1.0.1.7.0.255", ScalerUnit(0, _WATT), lambda m: unsigned(_power(m))),
        register("1.0.2.7.0.255", ScalerUnit(0, _WATT), lambda m: unsigned(_power(m, "export"))),
        register("1.0.3.7.0.255", ScalerUnit(0, _VAR), lambda m: unsigned(_power(m) // 5)),
        register("1.0.13.7.0.255", ScalerUnit(-3, _NO_UNIT), lambda _: encode(Tag.LONG, 981)),
        register("1.0.14.7.0.255", ScalerUnit(-2, _HERTZ), lambda m: _long(household.frequency(m.seconds))),
    ]


def _phase_registers(phase: household.Phase) -> list[InterfaceObject]:
    """Return a phase's power, energy, current and voltage: value group C 21, 41, 61 and so on."""
    share, group = household.PHASE_SHARES[phase], 20 * phase

    def current(moment: Moment) -> bytes:
        return _long(household.current(phase, moment.seconds, meter=moment.meter))

    def voltage(moment: Moment) -> bytes:
        return _long(household.voltage(phase, moment.seconds, meter=moment.meter))

    watt, watt_hour = ScalerUnit(0, _WATT), ScalerUnit(-1, _WATT_HOUR)
    return [
        register(f"1.0.{group + 1}.7.0.255", watt, lambda m: unsigned(_power(m) * share // 100)),
        register(f"1.0.{group + 1}.8.0.255", watt_hour, lambda m: unsigned(imported(m) * share // 100)),
        register(f"1.0.{group + 11}.7.0.255", ScalerUnit(-2, _AMPERE), current),
        register(f"1.0.{group + 12}.7.0.255", ScalerUnit(-1, _VOLT), voltage),
    ]


def _max_demand(moment: Moment) -> tuple[int, int]:
    """Return the highest demand of a quarter hour since midnight UTC in W, and the end of that quarter hour."""
    midnight = moment.seconds - moment.seconds % _DAY
    ends = range(midnight + PERIOD, moment.seconds + 1, PERIOD)
    demands = ((household.demand(end - PERIOD, end, meter=moment.meter), -end) for end in ends)
    highest, end = max(demands, default=(0, -midnight))
    return highest, -end


def _maximum_demand_register() -> InterfaceObject:
    """Return the Extended register (class 4) of the day's maximum demand."""
    attributes: objects.Attributes = {
        2: lambda m: unsigned(_max_demand(m)[0]),
        3: encode_scaler_unit(ScalerUnit(0, _WATT)),
        4: encode(Tag.UNSIGNED, 0),
        5: lambda m: date_time(_max_demand(m)[1]),
    }
    return InterfaceObject(4, 0, parse_obis("1.0.1.6.0.255"), attributes)


def _demand_register() -> InterfaceObject:
    """Return the Demand register (class 5): one period of a quarter hour, so a block demand."""

    def start(moment: Moment) -> int:
        return moment.seconds - moment.seconds % PERIOD

    def last(moment: Moment) -> int:
        return household.demand(start(moment) - PERIOD, start(moment), meter=moment.meter)

    def present(moment: Moment) -> int:
        # The average of what has passed, over the whole period: it grows to the last average (Blue Book, 4.3.4).
        passed = moment.seconds - start(moment)
        return household.demand(start(moment), moment.seconds, meter=moment.meter) * passed // PERIOD

    attributes: objects.Attributes = {
        2: lambda m: unsigned(present(m)),
        3: lambda m: unsigned(last(m)),
        4: encode_scaler_unit(ScalerUnit(0, _WATT)),
        5: encode(Tag.UNSIGNED, 0),
        6: lambda m: date_time(start(m)),
        7: lambda m: date_time(start(m)),
        8: unsigned(PERIOD),
        9: _long(1),
    }
    return InterfaceObject(5, 0, parse_obis("1.0.1.4.0.255"), attributes)
