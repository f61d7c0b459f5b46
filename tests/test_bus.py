"""One connection: whose turn it is, what is skipped, how it backs off, and how it ends."""

from __future__ import annotations

import pytest

from jumping_clock import on_a_jumping_clock
from stations import (
    AARQ,
    BEGAN_S,
    SECOND,
    Scene,
    Station,
    at,
    connection,
    device,
    gaps,
    group,
    in_s,
    late,
    serial_number,
    until,
    value,
)
from telegraf_dlms.gathering import Gathering
from telegraf_dlms.metrics import PollResult


def devices(*names, **settings):
    """Return devices at server addresses from 1 on."""
    return "".join(device(name, server_address=number, **settings) for number, name in enumerate(names, 1))


def scene(*groups, names=("house",), persistent=True, station=None, **settings):
    line = station or Station(meters=len(names))
    return Scene(connection(persistent=persistent), devices(*names, **settings), *groups, line=line)


async def go_on(world, seconds):
    """Let the one connection live so long, and end it."""
    bus = world.bus()
    bus.start(ticking=True)
    await until(seconds)
    await bus.stop(deadline=in_s(10))


def told(world):
    """Return which device was told to have been polled, in order."""
    return [poll["device"] for poll in world.lines.polls]


# Ticks


@on_a_jumping_clock
async def test_each_due_poll_has_its_line_at_once_and_then_at_the_ticks():
    meter = scene(group("g", value(), interval="1m"))
    await go_on(meter, 160)
    assert meter.lines.results() == ["ok"] * 4
    assert meter.lines.times("ok") == [0, 30, 90, 150]
    assert all((at(time) // SECOND) % 60 == 0 for time in (30, 90, 150))


@on_a_jumping_clock
async def test_a_short_interval_waits_for_its_first_tick():
    meter = scene(group("g", value(), interval="4s"))
    await go_on(meter, 11)
    assert meter.lines.times("ok") == [4 - BEGAN_S % 4 + 4 * tick for tick in range(3)]


@on_a_jumping_clock
async def test_a_group_with_interval_0_has_no_ticks():
    meter = scene(group("g", value(), interval="0s"))
    await go_on(meter, 1000)
    assert meter.lines.all == []


@on_a_jumping_clock
async def test_ticks_count_from_the_start_where_intervals_are_not_rounded():
    meter = Scene("[agent]\nround_interval = false\n", connection(), device(), group("g", value(), interval="7s"))
    await go_on(meter, 15)
    assert meter.lines.times("ok") == [7, 14]


@on_a_jumping_clock
async def test_groups_due_together_are_one_poll_in_one_association():
    meter = scene(
        group("fast", value(), interval="15s"), group("slow", serial_number(), interval="30s"), persistent=False
    )
    await go_on(meter, 35)
    assert meter.lines.times("ok") == [0, 15, 30]
    assert [poll["values_read"] for poll in meter.lines.polls] == [2, 1, 2]
    assert meter.station.count(AARQ) == 3


@on_a_jumping_clock
async def test_jitter_does_not_take_groups_apart_that_are_due_together():
    meter = scene(
        group("fast", value(), interval="15s"),
        group("slow", serial_number(), interval="15s", collection_jitter="14s"),
    )
    await go_on(meter, 80)
    assert {poll["values_read"] for poll in meter.lines.polls} == {2}


@on_a_jumping_clock
async def test_ticks_that_come_while_a_poll_is_running_are_skipped_and_told_with_their_own_times():
    meter = scene(group("g", value(), interval="10s"))
    meter.station.mishaps[1] = late(4.9)
    meter.station.manner = late(4.9)
    await go_on(meter, 45)
    assert meter.lines.times("ok") == [10, 30, 40]
    assert meter.lines.times("skipped") == [20]
    assert [poll["skipped_polls"] for poll in meter.lines.polls] == [0, 1, 1, 1]


@on_a_jumping_clock
async def test_ticks_that_come_while_a_device_waits_for_its_turn_are_skipped():
    meter = scene(
        group("a", value(of="left"), interval="15s"),
        group("b", value(of="right"), interval="2s"),
        names=["left", "right"],
    )
    meter.station.mishaps[1] = late(4.7)
    await go_on(meter, 7)
    assert meter.lines.results("left") == ["ok"]
    right = [(poll["result"], poll["time"]) for poll in meter.lines.polls if poll["device"] == "right"]
    assert right == [("skipped", at(2)), ("ok", at(4.9)), ("ok", at(6))]


@on_a_jumping_clock
async def test_after_the_clock_was_set_ticks_are_aligned_to_it():
    meter = scene(group("g", value(), interval="1m"))
    bus = meter.bus()
    bus.start(ticking=True)
    await until(40)
    meter.wall_ahead_ns = 20 * SECOND
    bus.align()
    await until(140)
    await bus.stop(deadline=in_s(10))
    assert [poll["time"] for poll in meter.lines.polls[2:]] == [at(90), at(150)]


# Turns


@on_a_jumping_clock
async def test_devices_take_turns_in_the_order_in_which_they_became_due():
    meter = scene(
        group("b", value(of="b"), interval="30s", collection_offset="2s"),
        group("a", value(of="a"), interval="30s", collection_offset="3s"),
        group("c", value(of="c"), interval="30s", collection_offset="1s"),
        group("slow", value(of="slow"), interval="30s"),
        names=["slow", "a", "b", "c"],
    )
    bus = meter.bus()
    bus.start(ticking=True)
    await until(29)
    meter.station.mishaps[meter.station.next_message()] = late(4.5)
    await until(40)
    await bus.stop(deadline=in_s(10))
    assert told(meter)[-4:] == ["slow", "c", "b", "a"]


@on_a_jumping_clock
async def test_a_device_that_is_always_due_does_not_starve_the_others():
    meter = scene(
        group("a", value(of="a"), interval="100ms"),
        group("b", value(of=["b", "c"]), interval="1s"),
        names=["a", "b", "c"],
    )
    await go_on(meter, 10.5)
    assert meter.lines.results("b").count("ok") == meter.lines.results("c").count("ok") == 10


@on_a_jumping_clock
async def test_a_dead_device_costs_its_bus_one_timeout_a_cycle_at_most_and_ever_less():
    station = Station("hdlc", meters=2)
    meter = Scene(
        connection(type="serial"),
        devices("dead", "alive", interface_type="hdlc"),
        group("g", value(of=["dead", "alive"]), interval="10s"),
        line=station,
    )
    station.deaf = {1}
    await go_on(meter, 595)
    assert set(meter.lines.results("dead")) == {"timeout", "backing_off"}
    assert len(meter.lines.results("dead")) == len(meter.lines.results("alive")) == 59
    assert set(meter.lines.results("alive")) == {"ok"}
    tried = meter.lines.times("timeout")
    assert gaps(tried)[:4] == [10, 10, 10, 20]
    assert gaps(tried)[-2:] == [70, 70]
    assert len([text for text in meter.said if text.startswith("W dead: ")]) == 1


@on_a_jumping_clock
async def test_a_back_off_ends_when_the_device_answers():
    meter = scene(group("g", value(), interval="10s"))
    meter.station.deaf = {1}
    bus = meter.bus()
    bus.start(ticking=True)
    await until(200)
    meter.station.deaf = set()
    await until(300)
    await bus.stop(deadline=in_s(10))
    results = meter.lines.results()
    assert set(results[results.index("ok") :]) == {"ok"}
    assert meter.said == ["W house: line: no answer within 5 s", "I house: is read again"]


# The link


@on_a_jumping_clock
async def test_a_refused_connection_is_one_warning_then_debug_and_one_line_when_it_is_back():
    meter = scene(group("g", value(of=["a", "b"]), interval="10s"), names=["a", "b"])
    meter.station.refusal = "connection refused"
    bus = meter.bus()
    bus.start(ticking=True)
    await until(99)
    meter.station.refusal = ""
    await until(125)
    await bus.stop(deadline=in_s(10))
    assert meter.said == ["W line: line: connection refused", "I line: is open again"]
    assert meter.records.said.count("D line: line: connection refused") == len(meter.station.opened) - 2
    assert set(meter.lines.results()[-4:]) == {"ok"}


@on_a_jumping_clock
async def test_a_connection_that_is_refused_is_tried_every_15_seconds_at_the_least():
    meter = scene(group("g", value(), interval="1s"))
    meter.station.refusal = "connection refused"
    await go_on(meter, 80.5)
    assert gaps(meter.station.opened) == [1, 2, 4, 8, 15, 15, 15, 15]
    assert len(meter.lines.polls) == 80


@on_a_jumping_clock
async def test_a_connection_that_was_back_is_tried_again_soon():
    meter = scene(group("g", value(), interval="1s"), persistent=False)
    bus = meter.bus()
    bus.start(ticking=True)
    for refusal, end in (("connection refused", 20.5), ("", 35.5), ("connection refused", 42.5)):
        meter.station.refusal = refusal
        await until(end)
    await bus.stop(deadline=in_s(10))
    assert [time for time in meter.station.opened if time > 35] == [36, 37, 39]


@on_a_jumping_clock
async def test_a_device_that_is_locked_says_so_also_while_its_connection_is_down():
    meter = scene(group("g", value(of=["a", "b"])), names=["a", "b"])
    meter.station.refusal = "connection refused"
    bus = meter.bus()
    bus.meters[1].lock_out.begin(meter.world.mono_ns(), wall_ns=meter.wall_ns())
    bus.start(ticking=True)
    await until(1)
    await bus.stop(deadline=in_s(10))
    assert meter.lines.results() == ["connect", "locked"]


@on_a_jumping_clock
async def test_a_connection_that_cannot_be_opened_is_tried_once_a_cycle_for_all_its_devices():
    meter = scene(group("g", value(of=["a", "b", "c"]), interval="1m"), names=["a", "b", "c"])
    meter.station.refusal, meter.station.refusal_s = "no connection within 5 s", 5
    await go_on(meter, 70)
    assert meter.lines.results() == ["connect", "backing_off", "backing_off"] * 2
    assert meter.station.opened == [0.0, 30.0]


@pytest.mark.parametrize(
    ("settings", "opened", "aarqs"),
    [
        ({"persistent": True}, [0.0], 1),
        ({"persistent": False}, [0.0, 30.0], 2),
        ({"persistent": False, "type": "serial"}, [0.0], 2),
    ],
    ids=["persistent", "not persistent", "serial"],
)
@on_a_jumping_clock
async def test_persistent_keeps_link_and_association_and_a_serial_port_stays_open_anyway(settings, opened, aarqs):
    meter = Scene(connection(**settings), device(), group("g", value()))
    await go_on(meter, 35)
    assert meter.station.opened == opened
    assert meter.station.count(AARQ) == aarqs


@on_a_jumping_clock
async def test_devices_that_are_due_together_share_a_connection_that_is_not_kept():
    meter = scene(group("g", value(of=["a", "b"])), names=["a", "b"], persistent=False)
    await go_on(meter, 10)
    assert meter.station.opened == [0.0]
    assert meter.station.wire.closed


@on_a_jumping_clock
async def test_octets_are_counted_for_each_poll_whatever_links_they_took():
    meter = scene(group("g", value()), persistent=False)
    await go_on(meter, 95)
    first, *others = meter.lines.polls
    assert first["bytes_sent"] - others[0]["bytes_sent"] == 21
    assert [poll["bytes_sent"] for poll in others] == [others[0]["bytes_sent"]] * 2
    assert sum(poll["bytes_sent"] for poll in meter.lines.polls) == sum(map(len, meter.station.heard))


# Gatherings


@on_a_jumping_clock
async def test_a_gathering_reads_all_groups_or_those_with_interval_0_and_knows_how_it_went():
    meter = scene(
        group("asked", value(of=["a", "b"]), interval="0s"),
        group("timed", serial_number(of="a"), interval="1h"),
        names=["a", "b"],
    )
    meter.station.deaf = {2}
    bus = meter.bus()
    bus.start(ticking=False)
    for only, read in (("on_request", 1), ("all", 2)):
        gathering = Gathering()
        bus.gather(gathering, only=only)
        await gathering.done.wait()
        assert meter.lines.polls[-2]["values_read"] == read
        bus.meters[1].back_off.succeeded()
        assert gathering.results == [PollResult.OK, PollResult.TIMEOUT]
    await bus.stop(deadline=in_s(10))


@on_a_jumping_clock
async def test_a_gathering_joins_a_turn_that_is_waiting_and_follows_one_that_is_running():
    meter = scene(group("g", value(of=["a", "b"])), names=["a", "b"])
    bus = meter.bus()
    bus.start(ticking=True)
    await until(0.05)
    gathering = Gathering()
    bus.gather(gathering, only="all")
    await gathering.done.wait()
    await bus.stop(deadline=in_s(10))
    assert told(meter) == ["a", "b", "a"]
