"""Profiles that are behind catch up while nobody else waits: in order, fairly, and no faster than is allowed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jumping_clock import on_a_jumping_clock
from stations import (
    AARQ,
    RLRQ,
    SECOND,
    Scene,
    Station,
    at,
    connection,
    device,
    group,
    in_s,
    late,
    point,
    silent,
    until,
    value,
)
from telegraf_dlms.catch_up import MOST_FRUITLESS, TURN_LINES, CatchUp
from telegraf_dlms.schedule import NEVER
from telegraf_dlms.throttle import BURST, LINES_A_SECOND, Throttle

QUARTER = 900
COLUMNS = 3  # the load profile's, without the clock


def all_rows(of="house", **settings):
    return value("load", of, "1.0.99.1.0.255", 7, **settings)


def scene(*groups, names=("house",), persistent=True, throttle=None, **settings):
    devices = "".join(device(name, server_address=number, **settings) for number, name in enumerate(names, 1))
    world = Scene(connection(persistent=persistent), devices, *groups, line=Station(meters=len(names)))
    world.world = replace(world.world, throttle=throttle or Throttle())
    return world


def profile_group(*names, backfill="10d", interval="1h"):
    return group("p", *(all_rows(name, backfill=backfill) for name in names or ("house",)), interval=interval)


async def go_on(world, seconds):
    bus = world.bus()
    bus.start(ticking=True)
    await until(seconds)
    await bus.stop(deadline=in_s(10))


def row_times(world, name="house"):
    """Return the times of the rows that were printed, in order, each once for a line of it."""
    lines = [line for line in world.lines.values if ",profile=" in line and f",device={name}," in line]
    return [int(line.rpartition(" ")[2]) for line in lines]


def parts(world):
    return [point(line) for line in world.lines.all if line.startswith("dlms_profile,")]


NEWEST = at(0) - at(0) % (QUARTER * SECOND)


@on_a_jumping_clock
async def test_all_rows_are_printed_oldest_first_between_the_polls():
    world = scene(profile_group(backfill="10d"))
    await go_on(world, 60)
    times = row_times(world)
    assert times == sorted(times)
    assert sorted(set(times)) == list(range(NEWEST - 10 * 96 * QUARTER * SECOND, NEWEST + 1, QUARTER * SECOND))
    assert len(times) == COLUMNS * 961
    assert world.lines.results() == ["ok"]  # what goes on between the polls is no poll


@on_a_jumping_clock
async def test_each_part_tells_how_far_the_profile_is_behind():
    world = scene(profile_group(backfill="10d"))
    await go_on(world, 60)
    told = parts(world)
    assert len(told) > 5
    assert sum(part["rows"] for part in told) == 961
    behind = [part["backlog_seconds"] for part in told]
    done = 0
    for part in told:
        done += part["rows"]
        assert part["backlog_seconds"] == (961 - done) * QUARTER
    assert behind[-1] == 0
    assert len({part["time"] for part in told}) == len(told)
    assert {part["gap_seconds"] for part in told} == {0}


@on_a_jumping_clock
async def test_single_values_are_read_in_time_while_a_profile_catches_up():
    world = scene(
        profile_group("house", backfill="50d"),
        group("fast", value(of=["house", "other"]), interval="2s"),
        names=["house", "other"],
    )
    await go_on(world, 100)
    assert len(set(row_times(world))) == 50 * 96 + 1
    for name in ("house", "other"):
        assert world.lines.results(name).count("ok") > 48
        assert world.lines.results(name).count("skipped") == 0


@on_a_jumping_clock
async def test_devices_that_are_behind_take_turns():
    names = ["a", "b", "c"]
    world = scene(*(profile_group(name, backfill="40d").replace('"p"', f'"{name}"') for name in names), names=names)
    await go_on(world, 120)
    order = [part["device"] for part in parts(world)]
    turns = [name for place, name in enumerate(order) if place == 0 or order[place - 1] != name]
    assert turns[3:9] in ([*names, *names], ["b", "c", "a", "b", "c", "a"], ["c", "a", "b", "c", "a", "b"])
    assert {len(set(row_times(world, name))) for name in names} == {40 * 96 + 1}


@on_a_jumping_clock
async def test_no_more_is_caught_up_with_than_telegrafs_buffer_has_room_for():
    names = ["a", "b"]
    world = scene(*(profile_group(name, backfill="59d").replace('"p"', f'"{name}"') for name in names), names=names)
    bus = world.bus()
    bus.start(ticking=True)
    printed = []
    for second in range(1, 100):
        await until(second)
        printed.append(len([line for line in world.lines.values if ",profile=" in line]))
    await bus.stop(deadline=in_s(10))
    most = max(later - earlier for earlier, later in zip(printed, printed[10:], strict=False))
    assert most <= BURST + 10 * LINES_A_SECOND + TURN_LINES
    assert printed[-1] == 2 * COLUMNS * (59 * 96 + 1)


@on_a_jumping_clock
async def test_without_a_throttle_everything_is_printed_in_one_poll():
    world = scene(profile_group(backfill="10d"))
    world.world = replace(world.world, throttle=None)
    bus = world.bus()
    bus.start(ticking=True)
    await until(100)
    await bus.stop(deadline=in_s(10))
    assert len(row_times(world)) == COLUMNS * 961
    assert all(line.startswith("dlms_device,") for line in world.lines.all[-1:])
    assert len(parts(world)) > 5


@on_a_jumping_clock
async def test_a_due_poll_leaves_alone_what_the_throttle_does_not_allow_and_reads_the_usual_rows():
    world = scene(profile_group(backfill="1d"), group("fast", value(), interval="30s"))
    bus, throttle = world.bus(), world.world.throttle
    throttle.reserve(BURST + 100 * LINES_A_SECOND, world.world.mono_ns())
    bus.start(ticking=True)
    await until(80)
    assert row_times(world) == []
    assert [poll["values_read"] for poll in world.lines.polls] == [1, 1, 1]
    await until(400)
    assert len(row_times(world)) == COLUMNS * 97
    throttle.reserve(10_000 * LINES_A_SECOND, world.world.mono_ns())
    await until(2 * 3600 + 400)
    await bus.stop(deadline=in_s(10))
    assert len(row_times(world)) == COLUMNS * (97 + 8)


@on_a_jumping_clock
async def test_a_device_that_dies_while_it_catches_up_goes_on_where_it_was():
    world = scene(profile_group(backfill="10d", interval="1m"))
    bus = world.bus()
    bus.start(ticking=True)
    await until(1.5)
    assert 0 < len(row_times(world)) < COLUMNS * 961
    world.station.manner = silent
    await until(100)
    assert "timeout" in world.lines.results()
    world.station.manner = late(0.1)
    await until(400)
    await bus.stop(deadline=in_s(10))
    times = row_times(world)
    assert len(times) == COLUMNS * 961
    assert times == sorted(times)


@pytest.mark.parametrize("persistent", [True, False])
@on_a_jumping_clock
async def test_the_association_is_released_behind_each_turn_where_it_is_not_kept(persistent):
    world = scene(profile_group(backfill="50d"), persistent=persistent)
    await go_on(world, 100)
    opened = world.station.count(AARQ)
    assert world.station.count(RLRQ) == opened
    assert opened == 1 if persistent else 5 < opened < 12
    assert len(row_times(world)) == COLUMNS * (50 * 96 + 1)


@on_a_jumping_clock
async def test_a_stop_ends_it_between_two_parts():
    world = scene(profile_group(backfill="50d"))
    await go_on(world, 2)
    times = row_times(world)
    assert 0 < len(times) < COLUMNS * 2000
    assert len(times) % COLUMNS == 0
    assert world.station.tags()[-1] == RLRQ


@on_a_jumping_clock
async def test_a_bug_in_it_is_said_and_the_bus_lives_on():
    world = scene(profile_group(backfill="10d"), group("fast", value(), interval="30s"))
    bus = world.bus()

    class Broken(CatchUp):
        async def work(self, *_arguments, **_options):
            raise ZeroDivisionError("a bug")

    bus._catch_up = Broken(bus.meters, world.world)
    bus.meters[0].behind[next(iter(bus.meters[0].values["p"]))] = 5000
    bus.start(ticking=True)
    await until(100)
    await bus.stop(deadline=in_s(10))
    assert "ok" in world.lines.results()
    assert any("a bug in telegraf-dlms" in line for line in world.said)


class Idle:
    """A carrier that nobody wants."""

    is_wanted = is_stopping = False
    is_persistent = True


@on_a_jumping_clock
async def test_nothing_is_reserved_where_nothing_is_behind_and_what_is_not_needed_is_given_back():
    world = scene(profile_group())
    bus = world.bus()
    work = CatchUp(bus.meters, world.world)
    assert not await work.work(bus, not_before_ns=0)
    assert work.due_ns == NEVER
    meter = bus.meters[0]
    meter.behind[meter.values["p"][0]] = 5000
    now_ns = world.world.mono_ns()
    assert not await work.work(bus, not_before_ns=now_ns + SECOND)
    assert work.due_ns == now_ns + SECOND
    assert not world.world.throttle.claim(BURST, now_ns)
    meter.behind.clear()
    assert not await work.work(bus, not_before_ns=0)
    assert work.due_ns == NEVER
    assert world.world.throttle.claim(BURST, now_ns)


@on_a_jumping_clock
async def test_a_device_that_is_not_to_be_asked_now_waits_for_its_next_poll():
    world = scene(profile_group())
    bus = world.bus()
    meter = bus.meters[0]
    meter.behind[meter.values["p"][0]] = 5000
    meter.back_off.failed(world.world.mono_ns(), cost_ns=SECOND)
    assert not await CatchUp(bus.meters, world.world).work(bus, not_before_ns=0)
    assert not meter.behind


@on_a_jumping_clock
async def test_turns_that_bring_nothing_come_to_an_end(monkeypatch):
    world = scene(profile_group())
    bus = world.bus()
    meter = bus.meters[0]
    meter.behind[meter.values["p"][0]] = 5000
    turns = []

    async def go_nowhere(*_arguments, **_options):
        turns.append(1)
        return 0

    monkeypatch.setattr("telegraf_dlms.catch_up.go_on", go_nowhere)
    work = CatchUp(bus.meters, world.world)
    while await work.work(Idle(), not_before_ns=0):
        assert len(turns) <= MOST_FRUITLESS + 1
    assert len(turns) == MOST_FRUITLESS + 1


@on_a_jumping_clock
async def test_a_fleet_whose_meters_have_little_to_catch_up_with_takes_no_longer_than_its_lines_do():
    names = [f"m{number}" for number in range(60)]
    lines = "".join(connection(name, persistent=True) + device(name, name) for name in names)
    groups = group("p", *(all_rows(name, backfill="1d") for name in names), interval="1h")
    fleet = Scene(lines, groups, **{name: Station() for name in names})
    fleet.world = replace(fleet.world, throttle=Throttle())
    buses = [fleet.bus(name) for name in names]
    for bus in buses:
        bus.start(ticking=True)
    rows = len(names) * COLUMNS * 97
    await until((rows - BURST) / LINES_A_SECOND * 1.3 + 2)
    assert len([line for line in fleet.lines.values if ",profile=" in line]) == rows
    for bus in buses:
        await bus.stop(deadline=in_s(10))
