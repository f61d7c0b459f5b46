import pytest

from telegraf_dlms.simulator import household
from telegraf_dlms.simulator.household import EPOCH

WEEK = 7 * 86400
NOON = 1_767_269_250


@pytest.mark.parametrize("flow", ["import", "export"])
@pytest.mark.parametrize("meter", [1, 2, 1000])
def test_the_energy_is_the_integral_of_the_power(flow, meter):
    seconds = range(NOON, NOON + 7200)

    summed = sum(household.power(flow, second, meter=meter) for second in seconds) / 360
    grown = household.energy(flow, NOON + 7200, meter=meter) - household.energy(flow, NOON, meter=meter)

    assert grown == pytest.approx(summed, abs=25)  # 7200 powers, each cut to whole watts, in tenths of a Wh


@pytest.mark.parametrize("flow", ["import", "export"])
def test_the_energy_never_falls(flow):
    readings = [household.energy(flow, NOON + second, meter=7) for second in range(0, 86400, 13)]

    assert readings == sorted(readings)
    assert readings[-1] > readings[0]


def test_the_import_register_moves_every_half_minute():
    readings = [household.energy("import", NOON + second, meter=7) for second in range(0, 86400, 30)]

    assert len(set(readings)) == len(readings)


def test_a_household_imports_and_exports_within_a_day():
    for flow in ("import", "export"):
        powers = [household.power(flow, NOON + second, meter=1) for second in range(0, 86400, 60)]
        assert min(powers) > 20 if flow == "import" else min(powers) == 0
        assert max(powers) > 1000


def test_a_week_repeats_and_adds_its_energy():
    first = household.energy("import", NOON + WEEK, meter=3) - household.energy("import", NOON, meter=3)
    second = household.energy("import", NOON + 2 * WEEK, meter=3) - household.energy("import", NOON + WEEK, meter=3)

    assert abs(first - second) <= 1
    assert household.power("import", NOON, meter=3) == household.power("import", NOON + WEEK, meter=3)


def test_a_year_is_what_a_household_uses():
    year = household.energy("import", NOON, meter=1) - household.energy("import", NOON - 365 * 86400, meter=1)

    assert 1_000_000 < year / 10 < 5_000_000


def test_registers_stand_still_before_the_meter_was_installed():
    assert household.energy("import", 0, meter=2) == household.energy("import", EPOCH, meter=2)


def test_the_register_fits_a_double_long_unsigned_for_a_century():
    assert household.energy("import", EPOCH + 100 * 365 * 86400, meter=40) < 1 << 32


def test_meters_differ():
    readings = {household.energy("import", NOON, meter=meter) for meter in range(1, 41)}

    assert len(readings) == 40


def test_the_power_is_linear_between_minutes():
    minute = NOON - NOON % 60
    powers = [household.power("export", minute + second, meter=1) for second in (0, 30, 60)]

    assert powers[1] == pytest.approx((powers[0] + powers[2]) / 2, abs=1)


def test_the_demand_is_the_average_power():
    powers = [household.power("import", NOON + second, meter=1) for second in range(900)]

    assert household.demand(NOON, NOON + 900, meter=1) == pytest.approx(sum(powers) / 900, abs=2)


@pytest.mark.parametrize("end", [NOON, NOON - 1])
def test_the_demand_of_no_time_is_nothing(end):
    assert household.demand(NOON, end, meter=1) == 0


@pytest.mark.parametrize("phase", [1, 2, 3])
def test_voltages_stay_within_the_grid_code(phase):
    volts = [household.voltage(phase, NOON + second, meter=5) for second in range(0, 20000, 7)]

    assert 2070 < min(volts) < max(volts) < 2530
    assert len(set(volts)) > 20


def test_the_currents_carry_the_power():
    watts = sum(household.power(flow, NOON, meter=1) for flow in ("import", "export"))
    carried = sum(
        household.current(phase, NOON, meter=1) * household.voltage(phase, NOON, meter=1) / 1000 for phase in (1, 2, 3)
    )

    assert carried == pytest.approx(watts, abs=10)


def test_the_frequency_stays_near_fifty_hertz():
    hertz = {household.frequency(NOON + second) for second in range(3600)}

    assert hertz <= set(range(4995, 5006))
    assert len(hertz) > 3


def test_outages_come_every_few_days():
    assert household.outages(EPOCH - 1, meter=1) == 0
    assert household.outages(EPOCH + 10 * 3 * 86400, meter=1) in {10, 11}


def test_each_outage_has_two_events_in_order():
    events = household.events(NOON, meter=1, newest=100)
    times = [time for time, _ in events]

    assert len(events) == 100
    assert times == sorted(set(times))
    assert times[-1] <= NOON
    codes = [code for _, code in events]
    assert all({first, second} == {1, 2} for first, second in zip(codes[::2], codes[1::2], strict=True))


def test_an_outage_that_lasts_has_no_end_yet():
    down = next(time for time, code in household.events(NOON, meter=1, newest=2) if code == household.POWER_DOWN)

    assert household.events(down, meter=1, newest=1) == [(down, household.POWER_DOWN)]


def test_fewer_events_than_wanted_are_all_there_are():
    assert household.events(EPOCH - 1, meter=1, newest=100) == []
    assert len(household.events(EPOCH + 7 * 86400, meter=1, newest=100)) == 2 * household.outages(
        EPOCH + 7 * 86400, meter=1
    )
