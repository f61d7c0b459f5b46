"""The life of the process: gatherings, new plans, a clock that is set, and the end."""

from __future__ import annotations

import asyncio

import pytest

from jumping_clock import elapsed, on_a_jumping_clock
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
    load_profile,
    plan_of,
    serial_number,
    silent,
    until,
    value,
)
from telegraf_dlms.collector import STOP_S, WAY_OUT_S, Collector, serve
from telegraf_dlms.metrics import PollResult
from telegraf_dlms.process import LAST_GATHER_S, Wish

TWO_LINES = connection("line", persistent=True) + connection("other", persistent=True)
TWO_DEVICES = device("a", "line") + device("b", "other")


class Wishes:
    """What ``process.Control`` is to a collector."""

    def __init__(self):
        self.stopping, self.cut = asyncio.Event(), asyncio.Event()
        self.stop_began = None
        self.queue = asyncio.Queue()

    async def next(self):
        return await self.queue.get()

    def want(self, wish):
        self.queue.put_nowait(wish)

    def stop(self):
        """Do what SIGTERM does."""
        self.stdin_ends(in_s=0)

    def stdin_ends(self, *, in_s=LAST_GATHER_S):
        loop = asyncio.get_running_loop()
        self.stop_began = loop.time()
        self.stopping.set()
        loop.call_later(in_s, self.cut.set)
        self.want(Wish.STOP)


def scene(*groups, **stations):
    stations = stations or {"line": Station(), "other": Station()}
    return Scene(TWO_LINES, TWO_DEVICES, *groups, **stations)


def begin(world, *, ticking=True):
    collector = Collector(world.plan, world.world)
    collector.start(ticking=ticking)
    return collector


def served(world, control, reload=lambda: None):
    """Run ``serve`` as a task."""
    return asyncio.create_task(serve(Collector(world.plan, world.world), control, world.lines, reload=reload))


@on_a_jumping_clock
async def test_connections_run_side_by_side():
    meters = scene(group("g", value(of=["a", "b"])))
    meters.stations["line"].deaf = {1}
    collector = begin(meters)
    await until(2)
    assert meters.lines.results() == ["ok"]
    await collector.stop(deadline=in_s(4))
    assert meters.stations["other"].count(RLRQ) == 1
    assert all(station.wire.closed for station in meters.stations.values())


@on_a_jumping_clock
async def test_gathering_once_reads_every_group_and_tells_how_it_went_with_each_device():
    meters = scene(group("g", value(of=["a", "b"]), interval="1h"), group("asked", serial_number("a"), interval="0s"))
    meters.stations["other"].refusal = "connection refused"
    collector = begin(meters, ticking=False)
    results = await collector.gather_once()
    assert sorted(results) == [PollResult.OK, PollResult.CONNECT]
    assert len(meters.lines.values) == 2
    await until(7200)
    assert len(meters.lines.polls) == 2
    await collector.stop(deadline=in_s(4))


@on_a_jumping_clock
async def test_gathering_nothing_is_over_at_once():
    meters = Scene(connection(), device(enabled=False), group("g"))
    collector = begin(meters)
    assert await collector.gather_once() == []
    await collector.gather()
    await collector.stop(deadline=in_s(4))


@pytest.mark.parametrize(
    ("interval", "read"), [("0s", ["power_factor"]), ("1h", ["power_factor", "serial"])], ids=["0s", "1h"]
)
@on_a_jumping_clock
async def test_a_gathering_reads_the_groups_with_interval_0_and_every_group_where_there_is_none(interval, read):
    meters = scene(group("g", value(of="a"), interval=interval), group("h", serial_number("b"), interval="1h"))
    collector = begin(meters, ticking=False)
    await collector.gather()
    names = [line.partition("name=")[2].partition(",")[0] for line in meters.lines.values]
    assert sorted(names) == read
    await collector.stop(deadline=in_s(4))


@on_a_jumping_clock
async def test_after_the_system_clock_was_set_all_ticks_are_aligned_to_it():
    meters = scene(group("g", value(of=["a", "b"])))
    control = Wishes()
    task = served(meters, control)
    await until(40)
    meters.wall_ahead_ns = 20 * SECOND
    await until(140)
    control.stop()
    await task
    assert meters.said == ["I the system clock was set: schedules are aligned to it again"]
    assert sorted(poll["time"] for poll in meters.lines.polls)[4:] == [at(90)] * 2 + [at(150)] * 2


# New plans


@on_a_jumping_clock
async def test_a_new_plan_leaves_connections_alone_that_did_not_change():
    meters = scene(group("g", value(of="a")), group("h", value(of="b")))
    collector = begin(meters)
    await until(5)
    await collector.replace(plan_of(TWO_LINES, TWO_DEVICES, group("g", value(of="a")), group("h", serial_number("b"))))
    await until(35)
    await collector.stop(deadline=in_s(4))
    assert [station.count(AARQ) for station in meters.stations.values()] == [1, 2]
    assert [poll["time"] for poll in meters.lines.polls if poll["device"] == "a"] == [at(0), at(30)]
    assert any('value_text="10000001"' in line for line in meters.lines.values)


@on_a_jumping_clock
async def test_a_connection_that_is_no_longer_there_is_released_and_a_new_one_is_begun():
    meters = Scene(connection("line", persistent=True), device("a"), group("g", value(of="a")))
    meters.stations["other"] = Station()
    collector = begin(meters)
    await until(5)
    await collector.replace(plan_of(connection("other"), device("b", "other"), group("g", value(of="b"))))
    await until(10)
    assert meters.station.count(RLRQ) == 1
    assert meters.station.wire.closed
    assert [poll["device"] for poll in meters.lines.polls] == ["a", "b"]
    await collector.stop(deadline=in_s(4))


@on_a_jumping_clock
async def test_other_ticks_for_all_begin_all_connections_again():
    meters = scene(group("g", value(of=["a", "b"])))
    collector = begin(meters)
    await until(5)
    agent = "[agent]\nround_interval = false\n"
    await collector.replace(plan_of(agent, TWO_LINES, TWO_DEVICES, group("g", value(of=["a", "b"]))))
    await until(70)
    assert [station.count(AARQ) for station in meters.stations.values()] == [2, 2]
    await collector.stop(deadline=in_s(4))


@on_a_jumping_clock
async def test_what_a_new_plan_cut_off_or_kept_waiting_is_read_at_once_and_what_was_read_is_not():
    devices = [device(name, server_address=number) for number, name in enumerate("abc", 1)]
    hourly = group("g", value(of=["a", "b", "c"]), interval="1h")
    meters = Scene(connection(), *devices, hourly, line=Station(meters=3))
    meters.station.deaf = {2}
    collector = begin(meters)
    await until(2)
    meters.station.deaf = set()
    await collector.replace(plan_of("[agent]\ntags = {site = 'x'}\n", connection(), *devices, hourly))
    await until(60)
    await collector.stop(deadline=in_s(4))
    assert [meters.lines.results(name) for name in "abc"] == [["ok"], ["timeout", "ok"], ["ok"]]


@pytest.mark.parametrize(
    ("then", "said"),
    [
        pytest.param([(1, "20s")], 1, id="another interval"),
        pytest.param([(2, "10s")], 2, id="another address"),
        pytest.param([None, (1, "10s")], 2, id="gone and there again"),
    ],
)
@on_a_jumping_clock
async def test_a_dead_device_is_said_again_where_a_new_plan_asks_it_otherwise(then, said):
    def tables(server_address, interval):
        dead = device(server_address=server_address), group("g", value(), interval=interval)
        return [connection("other"), device("b", "other"), group("h", value(of="b")), connection(), *dead]

    meters = Scene(*tables(1, "10s"), line=Station(), other=Station())
    meters.station.deaf = {1, 2}
    collector = begin(meters)
    await until(30)
    for number, arguments in enumerate(then, 1):
        await collector.replace(plan_of(*(tables(*arguments) if arguments else tables(1, "10s")[:3])))
        await until(30 + 60 * number)
    assert [line for line in meters.said if line.startswith("W")] == ["W house: line: no answer within 5 s"] * said
    await collector.stop(deadline=in_s(4))


@pytest.mark.parametrize(("address", "said"), [("line", 1), ("other", 2)])
@on_a_jumping_clock
async def test_a_connection_that_is_refused_is_said_again_where_a_new_plan_leads_it_elsewhere(address, said):
    def tables(address, interval):
        return connection(address=address), device(), group("g", value(), interval=interval)

    meters = Scene(*tables("line", "10s"), line=Station(), other=Station())
    for station in meters.stations.values():
        station.refusal = "connection refused"
    collector = begin(meters)
    await until(30)
    await collector.replace(plan_of(*tables(address, "20s")))
    await until(90)
    assert len(meters.said) == said
    await collector.stop(deadline=in_s(4))


@on_a_jumping_clock
async def test_rows_that_were_printed_are_not_printed_again_after_a_new_plan():
    meters = Scene(connection(), device(), group("g", load_profile()))
    collector = begin(meters)
    await until(5)
    rows = len(meters.lines.values)
    await collector.replace(plan_of(connection(), device(), group("g", load_profile(), serial_number())))
    await until(10)
    assert rows == 6
    assert len(meters.lines.values) == rows + 1
    first, second = meters.lines.polls
    assert first["exchanges"] > second["exchanges"]
    await collector.stop(deadline=in_s(4))


@pytest.mark.parametrize(
    ("password", "results"), [("wrong", ["authentication", "locked"]), ("right", ["authentication", "ok"])]
)
@on_a_jumping_clock
async def test_a_lock_is_kept_over_a_new_plan_until_the_password_changes(password, results):
    def tables(password, name):
        return (
            connection(),
            device(access_security="low", password_hex=password.encode().hex()),
            group("g", value(name)),
        )

    meters = Scene(*tables("wrong", "x"), line=Station(password=b"right"))
    collector = begin(meters)
    await until(5)
    await collector.replace(plan_of(*tables(password, "y")))
    await until(10)
    assert meters.lines.results() == results
    assert meters.lines.polls[1]["errors"] == 1
    await collector.stop(deadline=in_s(4))


# Serving


@on_a_jumping_clock
async def test_wishes_are_met_one_after_the_other():
    meters = scene(group("g", value(of=["a", "b"]), interval="0s"))
    control, reloads = Wishes(), []

    def reload():
        reloads.append(len(meters.lines.polls))

    task = served(meters, control, reload)
    for wish in (Wish.GATHER, Wish.RELOAD, Wish.GATHER):
        control.want(wish)
    await until(10)
    control.stop()
    await task
    assert reloads == [2]
    assert meters.lines.results() == ["ok"] * 4


@on_a_jumping_clock
async def test_a_reload_goes_on_with_the_new_plan():
    meters = scene(group("g", value(of="a"), interval="0s"))
    control = Wishes()
    task = served(meters, control, lambda: plan_of(TWO_LINES, TWO_DEVICES, group("g", value(of="b"), interval="0s")))
    control.want(Wish.RELOAD)
    control.want(Wish.GATHER)
    await until(10)
    control.stop()
    await task
    assert [poll["device"] for poll in meters.lines.polls] == ["b"]


@on_a_jumping_clock
async def test_a_stop_with_idle_meters_takes_no_longer_than_their_releases_and_leaves_time_for_the_way_out():
    meters = scene(group("g", value(of=["a", "b"])))
    control = Wishes()
    task = served(meters, control)
    await until(5)
    control.stop()
    await task
    assert elapsed() == pytest.approx(5.1)
    assert meters.lines.drained == [pytest.approx(STOP_S - WAY_OUT_S - 0.1)]


@on_a_jumping_clock
async def test_a_last_gathering_is_cut_off_in_time_for_all_to_end_before_telegrafs_patience():
    meters = scene(group("g", value(of=["a", "b"]), serial_number("a"), interval="0s"))
    meters.station.mishaps[5] = silent
    control = Wishes()
    task = served(meters, control)
    control.want(Wish.GATHER)
    await until(0.05)
    control.stdin_ends()
    await task
    assert LAST_GATHER_S < elapsed() < 4.5
    assert len(meters.lines.values) == 2


@on_a_jumping_clock
async def test_nobody_who_reads_ends_everything_without_a_word():
    meters = scene(group("g", value(of=["a", "b"]), interval="2s"))
    task = served(meters, Wishes())
    await until(4.05)
    meters.lines.closed.set()
    await task
    assert elapsed() < 6
    assert meters.said == []
    assert all(station.wire.closed for station in meters.stations.values())


@on_a_jumping_clock
async def test_a_bug_in_a_reload_is_loud_behind_an_orderly_end():
    meters = scene(group("g", value(of=["a", "b"])))
    control = Wishes()
    task = served(meters, control, lambda: 1 // 0)
    await until(5)
    control.want(Wish.RELOAD)
    with pytest.raises(ZeroDivisionError):
        await task
    assert [station.count(RLRQ) for station in meters.stations.values()] == [1, 1]


@on_a_jumping_clock
async def test_a_bug_that_ends_a_connection_is_said_and_the_others_go_on():
    meters = scene(group("g", value(of=["a", "b"]), interval="2s"))
    collector = begin(meters)
    await until(3)
    collector._buses[0]._turns = None
    await until(9)
    await collector.gather()
    await collector.stop(deadline=in_s(4))
    assert meters.said == ["E connection line: a bug in telegraf-dlms: it is read no more"]
    assert [poll["device"] for poll in meters.lines.polls].count("b") == 5
