"""How one connection ends, and what must not end it."""

from __future__ import annotations

import pytest

from jumping_clock import elapsed, on_a_jumping_clock
from stations import (
    GET,
    RLRQ,
    Scene,
    Station,
    connection,
    device,
    group,
    in_s,
    late,
    serial_number,
    silent,
    until,
    value,
)
from telegraf_dlms.output import OutputClosed


def scene(*groups, names=("house",), persistent=True, station=None, **settings):
    devices = "".join(device(name, server_address=number, **settings) for number, name in enumerate(names, 1))
    return Scene(connection(persistent=persistent), devices, *groups, line=station or Station(meters=len(names)))


# What must not end it


@on_a_jumping_clock
async def test_a_bug_in_a_poll_is_one_line_of_the_log_and_the_others_go_on():
    meter = scene(group("g", value(of=["a", "b"]), interval="30s"), names=["a", "b"])
    bus = meter.bus()
    bus.meters[0].values.clear()
    bus.start(ticking=True)
    await until(10)
    assert [(poll["device"], poll["result"]) for poll in meter.lines.polls] == [("a", "protocol"), ("b", "ok")]
    assert meter.lines.polls[0]["errors"] == 1
    await until(31)
    await bus.stop(deadline=in_s(10))
    assert meter.said == ["E a: a bug in telegraf-dlms"] * 2
    assert meter.lines.results("b") == ["ok", "ok"]


@on_a_jumping_clock
async def test_a_slow_reader_stops_the_polling():
    meter = scene(group("g", value(), interval="1s"))
    bus = meter.bus()
    bus.start(ticking=True)
    await until(2.5)
    meter.lines.room.clear()
    heard = len(meter.station.heard)
    await until(60.5)
    assert len(meter.station.heard) == heard + 1
    meter.lines.room.set()
    await until(61.5)
    await bus.stop(deadline=in_s(10))
    assert meter.lines.times("skipped") == list(range(4, 61))


# Its end


@pytest.mark.parametrize(("interface", "last"), [("wrapper", RLRQ), ("hdlc", 0x53)])
@on_a_jumping_clock
async def test_a_stop_releases_every_association_and_closes_the_link(interface, last):
    station = Station(interface, meters=2)
    meter = scene(group("g", value(of=["a", "b"])), names=["a", "b"], station=station, interface_type=interface)
    bus = meter.bus()
    bus.start(ticking=True)
    await until(5)
    await bus.stop(deadline=in_s(4))
    place = 8 if interface == "wrapper" else 5
    assert [octets[place] for octets in station.heard[-2:]] == [last, last]
    assert station.wire.closed
    assert elapsed() == pytest.approx(5.2)


@on_a_jumping_clock
async def test_a_stop_lets_a_visit_end_that_takes_no_longer_than_its_grace():
    meter = scene(group("g", value()))
    meter.station.mishaps[3] = late(1)
    bus = meter.bus()
    bus.start(ticking=True)
    await until(0.5)
    await bus.stop(deadline=in_s(4))
    assert meter.lines.results() == ["ok"]


@on_a_jumping_clock
async def test_a_stop_cuts_a_long_visit_off_and_prints_what_was_read():
    meter = scene(group("g", value(), serial_number()))
    meter.station.mishaps[4] = silent
    bus = meter.bus()
    bus.start(ticking=True)
    await until(1)
    await bus.stop(deadline=in_s(4))
    assert meter.lines.results() == ["timeout"]
    assert len(meter.lines.values) == 1
    assert meter.said == ["W house: cut off by the stop, before all was read and printed"]
    assert elapsed() == pytest.approx(2.5)
    assert meter.station.wire.closed


@on_a_jumping_clock
async def test_a_stop_begins_no_further_exchange_and_releases_the_association():
    meter = scene(group("g", value(), serial_number(), serial_number().replace('"serial"', '"again"')))
    meter.station.mishaps[3] = late(1)
    bus = meter.bus()
    bus.start(ticking=True)
    await until(0.5)
    await bus.stop(deadline=in_s(4))
    assert meter.station.count(GET) == 2
    assert meter.station.count(RLRQ) == 1
    assert meter.lines.results() == ["skipped"]
    assert elapsed() < 1.5


@on_a_jumping_clock
async def test_a_stop_before_the_first_poll_is_no_trouble():
    meter = scene(group("g", value()))
    bus = meter.bus()
    bus.start(ticking=True)
    await bus.stop(deadline=in_s(4))
    assert meter.station.opened == []


@on_a_jumping_clock
async def test_dead_meters_cost_a_stop_a_second_and_no_more():
    names = ["a", "b", "c", "d", "e"]
    station = Station("hdlc", meters=5)
    meter = Scene(
        connection(type="serial", persistent=True),
        "".join(device(name, interface_type="hdlc", server_address=number) for number, name in enumerate(names, 1)),
        group("g", value(of=names)),
        line=station,
    )
    bus = meter.bus()
    bus.start(ticking=True)
    await until(5)
    station.deaf = {1, 2, 3, 4, 5}
    await bus.stop(deadline=in_s(4))
    assert elapsed() == pytest.approx(6)
    assert station.wire.closed
    assert meter.said == []


@on_a_jumping_clock
async def test_a_stop_without_time_cuts_off_at_once():
    meter = scene(group("g", value(), serial_number()))
    meter.station.mishaps[4] = silent
    bus = meter.bus()
    bus.start(ticking=True)
    await until(1)
    await bus.stop(deadline=in_s(-1))
    assert elapsed() == pytest.approx(1)
    assert meter.lines.results() == ["timeout"]
    assert len(meter.lines.values) == 1
    assert meter.station.wire.closed


@on_a_jumping_clock
async def test_a_stop_does_not_wait_for_a_reader_that_does_not_read_and_loses_no_line():
    meter = scene(group("g", value()))
    meter.lines.room.clear()
    bus = meter.bus()
    bus.start(ticking=True)
    await until(1)
    await bus.stop(deadline=in_s(4))
    assert elapsed() < 3
    assert len(meter.lines.values) == 1


@on_a_jumping_clock
async def test_a_closed_output_ends_the_task_with_output_closed_and_nothing_in_the_log():
    meter = scene(group("g", value()))
    bus = meter.bus()
    task = bus.start(ticking=True)
    meter.lines.closed.set()
    with pytest.raises(OutputClosed):
        await task
    await bus.stop(deadline=in_s(4))
    assert meter.station.wire.closed
    assert meter.records.said == []
