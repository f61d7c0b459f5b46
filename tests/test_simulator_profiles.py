import pytest

from simulator_client import NOON, descriptor, values
from telegraf_dlms.apdu import entry_selection, range_selection
from telegraf_dlms.cosem import CaptureObject
from telegraf_dlms.datetimes import DeviceClock
from telegraf_dlms.obis import parse_obis
from telegraf_dlms.simulator import household, local_time, objects, profiles, registers
from telegraf_dlms.simulator.buffers import Moment

OBJECTS = {made.logical_name: made for made in (*registers.registers(), *profiles.profiles())}
LOAD, EVENTS = "1.0.99.1.0.255", "0.0.99.98.0.255"
CLOCK = CaptureObject(8, parse_obis("0.0.1.0.0.255"), 2, 0)
QUARTER = NOON - NOON % 900


def read(class_id, code, attribute=2, selection=None, *, seconds=NOON, meter=1):
    return values(objects.read(OBJECTS, descriptor(class_id, code, attribute), Moment(seconds, meter), selection))


def time_of(row):
    return DeviceClock().to_utc_ns(row[0]) // 1_000_000_000


def bound(seconds):
    return b"\x09\x0c" + local_time.date_time(seconds)


def test_the_load_profile_has_sixty_days_of_quarter_hours():
    rows = read(7, LOAD)

    assert [time_of(row) for row in rows] == list(range(QUARTER - 5759 * 900, QUARTER + 1, 900))
    assert [read(7, LOAD, number) for number in (4, 5, 7, 8)] == [900, 1, 5760, 5760]


def test_the_load_profile_captures_clock_status_import_and_export():
    assert read(7, LOAD, 3) == [
        tuple(CLOCK),
        (1, parse_obis("0.0.96.10.1.255"), 2, 0),
        (3, parse_obis("1.0.1.8.0.255"), 2, 0),
        (3, parse_obis("1.0.2.8.0.255"), 2, 0),
    ]


@pytest.mark.parametrize("meter", [1, 9])
def test_a_row_holds_what_the_registers_showed_then(meter):
    for row in read(7, LOAD, selection=entry_selection(5700, 5760), meter=meter):
        then = time_of(row)
        assert row[2] == read(3, "1.0.1.8.0.255", seconds=then, meter=meter)
        assert row[3] == read(3, "1.0.2.8.0.255", seconds=then, meter=meter)
        assert row[1] == read(1, "0.0.96.10.1.255", seconds=then, meter=meter)


def test_a_row_is_the_same_at_every_read_until_it_is_overwritten():
    before = read(7, LOAD)
    after = read(7, LOAD, seconds=QUARTER + 900)

    assert after[:-1] == before[1:]


def test_a_row_appears_on_the_quarter_hour():
    newest = [time_of(read(7, LOAD, seconds=second)[-1]) for second in (QUARTER + 899, QUARTER + 900)]

    assert newest == [QUARTER, QUARTER + 900]


def test_rows_are_selected_by_time():
    selection = range_selection(CLOCK, bound(QUARTER - 86400 + 1), bound(QUARTER))

    assert [time_of(row) for row in read(7, LOAD, selection=selection)] == list(
        range(QUARTER - 86400 + 900, QUARTER + 1, 900)
    )


def test_a_row_in_which_the_power_failed_says_so():
    rows = read(7, LOAD)
    failed = [time_of(row) for row in rows if row[1] == 0x80]

    assert {row[1] for row in rows} == {0, 0x80}
    assert len(failed) == 20
    assert all(household.outages(end, meter=1) == household.outages(end - 900, meter=1) + 1 for end in failed)


def test_the_event_log_keeps_the_newest_hundred():
    rows = read(7, EVENTS)

    assert [(time_of(row), row[1]) for row in rows] == household.events(NOON, meter=1, newest=100)
    assert [read(7, EVENTS, number) for number in (4, 7, 8)] == [0, 100, 100]
    assert read(7, EVENTS, 3) == [tuple(CLOCK), (1, parse_obis("0.0.96.11.0.255"), 2, 0)]


def test_the_last_event_is_a_data_object_too():
    assert read(1, "0.0.96.11.0.255") == read(7, EVENTS)[-1][1]
    assert read(1, "0.0.96.11.0.255", seconds=0) == 0


def test_the_event_log_is_empty_at_first():
    assert read(7, EVENTS, seconds=household.EPOCH - 1) == []
