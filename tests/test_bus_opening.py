"""Many connections open a few at a time, and their meters' time-outs know nothing of it."""

from __future__ import annotations

from dataclasses import replace

from jumping_clock import on_a_jumping_clock
from stations import Scene, Station, connection, device, group, in_s, until, value
from telegraf_dlms.collector import Collector
from telegraf_dlms.turnstile import Turnstile


def dead(seconds):
    station = Station()
    station.refusal, station.refusal_s = "no connection", seconds
    return station


def scene(turnstile, *names, stations, **settings):
    tables = [connection(name, persistent=True, **settings) + device(name, name, timeout="2s") for name in names]
    made = Scene(*tables, group("g", value(of="*"), interval="1m"), **stations)
    made.world = replace(made.world, turnstile=turnstile)
    return made


async def read(world, seconds):
    collector = Collector(world.plan, world.world)
    collector.start(ticking=True)
    await until(seconds)
    await collector.stop(deadline=in_s(4))


@on_a_jumping_clock
async def test_waiting_for_its_place_is_no_time_out_of_a_meter():
    silent = [f"dead{number}" for number in range(5)]
    meters = scene(
        Turnstile(1, hold_s=60), *silent, "house", stations={name: dead(2) for name in silent} | {"house": Station()}
    )
    await read(meters, 15)
    assert [meters.stations[name].opened for name in silent] == [[0], [2], [4], [6], [8]]
    assert meters.stations["house"].opened == [10]
    assert meters.lines.results("house") == ["ok"]


@on_a_jumping_clock
async def test_the_dead_do_not_hold_up_the_living():
    silent = [f"dead{number}" for number in range(5)]
    meters = scene(
        Turnstile(1, hold_s=0.1), *silent, "house", stations={name: dead(5) for name in silent} | {"house": Station()}
    )
    await read(meters, 15)
    assert meters.stations["house"].opened == [0.5]
    assert meters.lines.results("house") == ["ok"]
    assert meters.lines.results("dead4") == ["connect"]


@on_a_jumping_clock
async def test_serial_ports_wait_for_nobody():
    lines = ["one", "two", "three"]
    meters = scene(Turnstile(1, hold_s=60), *lines, stations={name: dead(5) for name in lines}, type="serial")
    await read(meters, 8)
    assert [meters.stations[name].opened for name in lines] == [[0], [0], [0]]
