"""A reader that stops for an hour: no row is lost, and neither the meters nor our memory are burdened meanwhile."""

from __future__ import annotations

import asyncio
import fcntl
import os
from dataclasses import replace

import pytest

from jumping_clock import on_a_jumping_clock
from stations import SECOND, Scene, Station, at, connection, device, elapsed_s, group, in_s, point, until, value
from telegraf_dlms.output import MAX_BATCH, Output
from telegraf_dlms.throttle import Throttle

QUARTER = 900 * SECOND
NAMES = ("a", "b", "c")
#: A pipe of the least size, so that it is soon full.
PIPE_OCTETS = 4096
#: Meters end a connection on which nothing was said for so long.
IDLE_S = 120


class Impatient(Station):
    """A meter that hangs up when nobody asks it anything; ``hung_up`` are the times."""

    def __init__(self):
        super().__init__()
        self.hung_up = []

    def hear(self, wire, octets):
        super().hear(wire, octets)
        heard = len(self.heard)
        asyncio.get_running_loop().call_later(IDLE_S, self.look, wire, heard)

    def look(self, wire, heard):
        if heard == len(self.heard) and not wire.closed:
            self.hung_up.append(elapsed_s())
            wire.say(None)


class Reader:
    """Telegraf's end of a pipe: reads each second, but not from ``asleep`` on until ``awake``."""

    def __init__(self, *, asleep, awake):
        self.descriptor, self.writer = os.pipe()
        fcntl.fcntl(self.writer, fcntl.F_SETPIPE_SZ, PIPE_OCTETS)
        os.set_blocking(self.descriptor, False)
        self.asleep, self.awake = asleep, awake
        self.octets = bytearray()

    async def read_on(self):
        while True:
            await asyncio.sleep(self.awake - elapsed_s() if self.asleep <= elapsed_s() < self.awake else 0.05)
            self.read()

    def read(self):
        while True:
            try:
                octets = os.read(self.descriptor, 65536)
            except BlockingIOError:
                return
            if not octets:
                return
            self.octets += octets

    @property
    def lines(self):
        *lines, rest = self.octets.decode().split("\n")
        assert rest == ""
        return lines


def scene():
    lines = "".join(connection(name, persistent=True) for name in NAMES)
    devices = "".join(device(name, name) for name in NAMES)
    groups = (
        group("fast", value(of=list(NAMES)), interval="10s"),
        group("rows", value("load", list(NAMES), "1.0.99.1.0.255", 7, backfill="2d"), interval="15m"),
    )
    world = Scene(lines, devices, *groups, **{name: Impatient() for name in NAMES})
    world.world = replace(world.world, throttle=Throttle())
    return world


@pytest.mark.parametrize("hours", [1, 30])
@on_a_jumping_clock
async def test_a_reader_that_stops_for_hours_costs_no_row_and_burdens_nobody(hours):
    asleep, awake = 200, 200 + hours * 3600
    world, reader = scene(), Reader(asleep=asleep, awake=awake)
    output = Output(reader.writer)
    world.world = replace(world.world, output=output)
    reading = asyncio.create_task(reader.read_on())
    buses = [world.bus(name) for name in NAMES]
    for bus in buses:
        bus.start(ticking=True)

    await until(asleep + 700)
    heard = {name: len(station.heard) for name, station in world.stations.items()}
    held = sum(len(batch) for batch in output._batches)
    await until(awake - 1)
    # Nobody is asked anything, the connections are the meters' to close, and nothing piles up.
    assert {name: len(station.heard) for name, station in world.stations.items()} == heard
    assert all(station.hung_up for station in world.stations.values())
    assert held == sum(len(batch) for batch in output._batches) <= len(NAMES) * 2 * MAX_BATCH

    await until(awake + 600)
    for bus in buses:
        await bus.stop(deadline=in_s(10))
    reader.read()
    reading.cancel()
    output.close()
    os.close(reader.descriptor)

    newest = at(awake + 600) // QUARTER
    oldest = at(0) // QUARTER - 2 * 96
    for name in NAMES:
        own = [line for line in reader.lines if f",device={name}," in line and ",profile=" in line]
        times = [int(line.rpartition(" ")[2]) for line in own]
        assert sorted(set(times)) == [number * QUARTER for number in range(oldest, newest + 1)]
        assert times == sorted(times)
        assert len(times) == 3 * len(set(times))
        polls = [point(line) for line in reader.lines if line.startswith(f"dlms_device,connection={name},")]
        results = [poll["result"] for poll in polls]
        assert set(results) == {"ok", "skipped"}  # that a meter has hung up meanwhile is no error
        assert results.count("skipped") >= hours * 360 - 80
        assert polls[-1]["skipped_polls"] == results.count("skipped")
        assert (polls[-1]["errors"], polls[-1]["timeouts"], polls[-1]["retries"]) == (0, 0, 0)
        assert results[-30:] == ["ok"] * 30
    assert world.said == []
