import pytest

from simulator_client import NOON, descriptor, values
from telegraf_dlms.datetimes import DeviceClock
from telegraf_dlms.simulator import household, objects, registers
from telegraf_dlms.simulator.buffers import Moment

OBJECTS = {made.logical_name: made for made in registers.registers()}
QUARTER = NOON - NOON % 900


def read(class_id, code, attribute=2, *, seconds=NOON, meter=1):
    return values(objects.read(OBJECTS, descriptor(class_id, code, attribute), Moment(seconds, meter)))


def time_of(octets):
    return DeviceClock().to_utc_ns(octets) // 1_000_000_000


@pytest.mark.parametrize(
    ("code", "scaler_unit", "expected"),
    [
        pytest.param("1.0.1.8.0.255", (-1, 30), household.energy("import", NOON, meter=1), id="import, tenths of a Wh"),
        pytest.param("1.0.2.8.0.255", (0, 30), household.energy("export", NOON, meter=1) // 10, id="export, Wh"),
        pytest.param("1.0.1.7.0.255", (0, 27), household.power("import", NOON, meter=1), id="import, W"),
        pytest.param("1.0.2.7.0.255", (0, 27), household.power("export", NOON, meter=1), id="export, W"),
        pytest.param("1.0.14.7.0.255", (-2, 44), household.frequency(NOON), id="frequency"),
        pytest.param("1.0.32.7.0.255", (-1, 35), household.voltage(1, NOON, meter=1), id="voltage, phase 1"),
        pytest.param("1.0.52.7.0.255", (-1, 35), household.voltage(2, NOON, meter=1), id="voltage, phase 2"),
        pytest.param("1.0.72.7.0.255", (-1, 35), household.voltage(3, NOON, meter=1), id="voltage, phase 3"),
        pytest.param("1.0.31.7.0.255", (-2, 33), household.current(1, NOON, meter=1), id="current, phase 1"),
        pytest.param("1.0.51.7.0.255", (-2, 33), household.current(2, NOON, meter=1), id="current, phase 2"),
        pytest.param("1.0.71.7.0.255", (-2, 33), household.current(3, NOON, meter=1), id="current, phase 3"),
        pytest.param(
            "1.0.21.8.0.255", (-1, 30), household.energy("import", NOON, meter=1) // 2, id="phase 1, half of all"
        ),
        pytest.param("1.0.13.7.0.255", (-3, 255), 981, id="power factor"),
    ],
)
def test_registers_show_the_household(code, scaler_unit, expected):
    assert read(3, code) == expected
    assert read(3, code, 3) == scaler_unit


def test_there_are_twenty_registers_for_a_load_test():
    assert sum(made.class_id == 3 for made in OBJECTS.values()) == 20


def test_registers_move_and_meters_differ():
    for code in ("1.0.1.8.0.255", "1.0.32.7.0.255"):
        assert read(3, code) != read(3, code, seconds=NOON + 61)
        assert read(3, code) != read(3, code, meter=2)


def test_the_maximum_demand_is_that_of_the_days_highest_quarter_hour():
    midnight = NOON - NOON % 86400
    starts = range(midnight, QUARTER, 900)
    demands = {start + 900: household.demand(start, start + 900, meter=1) for start in starts}
    captured = time_of(read(4, "1.0.1.6.0.255", 5))

    assert read(4, "1.0.1.6.0.255") == max(demands.values()) == demands[captured]
    assert read(4, "1.0.1.6.0.255", 3) == (0, 27)
    assert read(4, "1.0.1.6.0.255", 4) == 0


def test_the_maximum_demand_starts_at_midnight():
    midnight = NOON - NOON % 86400

    assert read(4, "1.0.1.6.0.255", seconds=midnight + 899) == 0
    assert time_of(read(4, "1.0.1.6.0.255", 5, seconds=midnight + 899)) == midnight


def test_the_demand_register_has_its_period_and_the_one_before():
    last = household.demand(QUARTER - 900, QUARTER, meter=1)

    assert read(5, "1.0.1.4.0.255", 3) == last
    assert read(5, "1.0.1.4.0.255", 4) == (0, 27)
    assert time_of(read(5, "1.0.1.4.0.255", 6)) == QUARTER
    assert time_of(read(5, "1.0.1.4.0.255", 7)) == QUARTER
    assert [read(5, "1.0.1.4.0.255", number) for number in (5, 8, 9)] == [0, 900, 1]


def test_the_current_average_grows_to_the_last_one():
    end = QUARTER + 900
    grown = [read(5, "1.0.1.4.0.255", seconds=second) for second in (QUARTER, QUARTER + 450, end - 1)]

    assert grown[0] == 0
    assert grown[1] < grown[2]
    assert abs(grown[2] - read(5, "1.0.1.4.0.255", 3, seconds=end)) <= 3
