"""Meters in memory: the built-in meter behind real links whose transports are ours, on the jumping clock.

A ``Station`` is what listens at an address, with a personality: how it answers (a *manner*), for all messages or for
the n-th one, and which of its meters are deaf. A ``Scene`` is a configuration with its stations and the world.
"""

from __future__ import annotations

import asyncio
import json
import logging
import tempfile
from itertools import pairwise
from pathlib import Path

from jumping_clock import JumpingSelector
from telegraf_dlms.bus import Bus
from telegraf_dlms.config import load
from telegraf_dlms.errors import LinkError, RemoteProtocolError
from telegraf_dlms.identity import Identification
from telegraf_dlms.link import Link, TcpSettings
from telegraf_dlms.log import Changes, Log
from telegraf_dlms.meter import Meter
from telegraf_dlms.output import OutputClosed
from telegraf_dlms.plan import compile_plan
from telegraf_dlms.simulator.hdlc_server import HdlcServer
from telegraf_dlms.simulator.server import Access, Session
from telegraf_dlms.simulator.server_address import ServerAddress
from telegraf_dlms.simulator.wrapper_server import WrapperServer
from telegraf_dlms.world import World

#: 2026-01-01 12:07:30 UTC, when each test begins.
BEGAN_S = 1_767_269_250
SECOND = 1_000_000_000
LATENCY_S = 0.1
AARQ, GET, RLRQ = 0x60, 0xC0, 0x62


def mono_ns():
    return round(asyncio.get_running_loop().time() * 1e6) * 1000


def at(seconds):
    """Return the wall clock's nanoseconds so many seconds after a test began."""
    return round((BEGAN_S + seconds) * 1e6) * 1000


# Manners: what becomes of an answer, as (delay, octets) pieces; None for octets hangs up.


def whole(answer):
    return [(LATENCY_S, answer)]


def octet_by_octet(answer):
    return [(LATENCY_S + index / 1000, bytes([octet])) for index, octet in enumerate(answer)]


def silent(_answer):
    return []


def garbage(_answer):
    return [(LATENCY_S, b"\xff\x55" * 8)]


def noise_before(answer):
    return [(LATENCY_S, b"\xff\x55" * 8 + answer)]


def cut_off(answer):
    return [(LATENCY_S, answer[: len(answer) // 2])]


def hanging_up(_answer):
    return [(LATENCY_S, None)]


def late(seconds):
    return lambda answer: [(seconds, answer)]


def instead(apdu):
    """Answer something else, over WRAPPER."""
    return lambda answer: whole(answer[:6] + len(apdu).to_bytes(2) + apdu)


class Station:
    """One address: ``meters`` at server addresses from 1 on. ``heard`` are the messages, ``opened`` the times."""

    def __init__(self, interface="wrapper", *, meters=1, password=b""):
        self.interface, self.meters = interface, meters
        self.access = Access("low", password) if password else Access()
        self.manner, self.mishaps = whole, {}
        self.refusal, self.refusal_s = "", 0.0
        self.deaf, self.heard, self.opened, self.wires = set(), [], [], []
        self.server = None

    def forget_associations(self):
        """Lose power for a moment, where the connection survives."""

        def session_of(offset, client):
            return Session(1 + offset, client, access=self.access, clock=lambda: at(elapsed_s()) // SECOND)

        address = ServerAddress(count=self.meters)
        loop = asyncio.get_running_loop()
        if self.interface == "hdlc":
            self.server = HdlcServer(address, session_of, clock=loop.time)
        else:
            self.server = WrapperServer(address, session_of)

    def hear(self, wire, octets):
        self.heard.append(octets)
        if self.addressee(octets) in self.deaf:
            return
        try:
            answer = self.server.receive(octets)
        except RemoteProtocolError:
            answer = b""
        manner = self.mishaps.pop(len(self.heard), self.manner)
        loop = asyncio.get_running_loop()
        for delay, piece in manner(answer) if answer else ():
            loop.call_later(delay, wire.say, piece)

    def addressee(self, octets):
        return octets[5] if self.interface == "wrapper" else octets[3] >> 1

    def tags(self):
        """Return the tag of each APDU that was heard over WRAPPER."""
        return [octets[8] for octets in self.heard]

    def count(self, tag):
        return self.tags().count(tag)

    def next_message(self, further=1):
        """Return the number of the message that will be heard next, or so many further on."""
        return len(self.heard) + further

    @property
    def wire(self):
        return self.wires[-1]


class Wire(asyncio.Transport):
    """The transport of one connection to a station."""

    def __init__(self, link, station):
        super().__init__()
        self.link, self.station = link, station
        self.closed = self.has_let_go = False
        link.connection_made(self)

    def write(self, data):
        self.station.hear(self, bytes(data))

    def say(self, octets):
        if self.closed:
            return
        if octets is None:
            self.link.eof_received()
        else:
            self.link.data_received(octets)

    def is_closing(self):
        return self.closed

    def abort(self):
        self.closed = True
        asyncio.get_running_loop().call_soon(self._let_go)

    def _let_go(self):
        self.has_let_go = True
        self.link.connection_lost(None)


def elapsed_s():
    return asyncio.get_running_loop().time() - JumpingSelector.began


class Lines:
    """An output that collects; while ``room`` is not set nobody reads."""

    def __init__(self):
        self.all, self.drained = [], []
        self.closed, self.room = asyncio.Event(), asyncio.Event()
        self.room.set()

    async def write(self, lines):
        if self.closed.is_set():
            raise OutputClosed("stdout: nobody reads it any more")
        self.all.extend(lines)
        await self.room.wait()

    async def drain(self, timeout_s):
        self.drained.append(timeout_s)
        return True

    @property
    def values(self):
        return [line for line in self.all if not line.startswith(("dlms_device,", "dlms_profile,"))]

    @property
    def polls(self):
        """The ``dlms_device`` lines, each a dict of tags, fields and ``time``."""
        return [point(line) for line in self.all if line.startswith("dlms_device,")]

    def results(self, device=None):
        return [poll["result"] for poll in self.polls if device in {None, poll["device"]}]

    def times(self, result):
        """Return when polls ended so, in seconds since the test began."""
        return [(poll["time"] - at(0)) / SECOND for poll in self.polls if poll["result"] == result]


def point(line):
    head, fields, time = line.split(" ")
    pairs = dict(pair.split("=") for pair in [*head.split(",")[1:], *fields.split(",")])
    numbers = {name: int(text[:-1]) for name, text in pairs.items() if text[:-1].isdigit() and text[-1] == "i"}
    return {name: text.strip('"') for name, text in pairs.items()} | numbers | {"time": int(time)}


class Records(logging.Handler):
    def __init__(self):
        super().__init__()
        self.said = []

    def emit(self, record):
        self.said.append(f"{record.levelname[0]} {record.getMessage()}")

    def above_debug(self):
        return [line for line in self.said if not line.startswith("D")]


def table(kind, settings):
    """Write a table in TOML, which JSON's strings, numbers, booleans and lists are as well."""
    return "\n".join([f"[[{kind}]]", *(f"{key} = {_toml(setting)}" for key, setting in settings.items()), ""])


def _toml(setting):
    if isinstance(setting, dict):
        return "{" + ", ".join(f"{key} = {_toml(part)}" for key, part in setting.items()) + "}"
    return json.dumps(setting)


def connection(name="line", **settings):
    where = {"type": "tcp", "address": name, "port": 4059}
    if settings.get("type") == "serial":
        where = {"device": f"/dev/{name}"}
    return table("connection", {"name": name} | where | settings)


def device(name="house", on="line", **settings):
    """Return a device of which each attribute is an exchange, unless ``workarounds`` say otherwise."""
    workarounds = {"no_lists": True} | settings.pop("workarounds", {})
    usual = {"name": name, "connection": on, "interface_type": "wrapper", "workarounds": workarounds}
    return table("device", usual | settings)


def group(name="g", *values, **settings):
    return table("group", {"name": name, "interval": "1m"} | settings) + "".join(values)


def value(name="power_factor", of="house", obis="1.0.13.7.0.255", class_id=3, **settings):
    about = {"name": name, "devices": [of] if isinstance(of, str) else of, "obis": obis, "class_id": class_id}
    return table("group.value", about | settings)


def serial_number(of="house", **settings):
    return value("serial", of, "0.0.96.1.0.255", 1, **settings)


def load_profile(of="house", **settings):
    return value("load", of, "1.0.99.1.0.255", 7, **{"entries": 2} | settings)


def plan_of(*tables):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "meters.conf"
        path.write_text("\n".join(tables), encoding="utf-8")
        return compile_plan(load([path]))


class Discreet(Identification):
    """Asks no meter who it is, so that each exchange is one of those that a test is about."""

    def begin(self, now_ns):
        del now_ns
        return False


class Scene:
    """A configuration and its world. Stations are found by their connection's name.

    ``identification`` makes what decides whether a meter is asked who it is.
    """

    def __init__(self, *tables, identification=Discreet, **stations):
        self.identification = identification
        self.plan = plan_of(*tables)
        self.stations = stations or {"line": Station()}
        self.lines, self.records = Lines(), Records()
        logger = logging.Logger("telegraf_dlms", logging.DEBUG)  # noqa: LOG001  each scene has its own
        logger.addHandler(self.records)
        log = Log(logger)
        self.wall_ahead_ns = 0
        self.world = World(self.lines, log, Changes(log), self.wall_ns, mono_ns, self.open_link)
        self.buses = []

    @property
    def station(self):
        return self.stations["line"]

    @property
    def said(self):
        return self.records.above_debug()

    def wall_ns(self):
        return at(elapsed_s()) + self.wall_ahead_ns

    async def open_link(self, settings, *, timeout_s):
        name = settings.address if isinstance(settings, TcpSettings) else settings.device.removeprefix("/dev/")
        station = self.stations[name]
        station.opened.append(round(elapsed_s(), 6))
        if station.refusal:
            await asyncio.sleep(station.refusal_s)
            raise LinkError(f"{name}: {station.refusal}")
        if station.wires and not station.wire.has_let_go:
            raise LinkError(f"{name}: another program has the port")
        link = Link(name)
        if station.server is None or isinstance(settings, TcpSettings):
            station.forget_associations()
        station.wires.append(Wire(link, station))
        return link

    def bus(self, name="line"):
        plan = next(plan for plan in self.plan.connections if plan.name == name)
        meters = [Meter(meter, self.world.changes, state=self.world.state) for meter in plan.meters]
        for meter in meters:
            meter.identification = self.identification()
        bus = Bus(plan, meters, self.world, aligned="utc" if self.plan.aligned else "start")
        self.buses.append(bus)
        return bus


async def until(seconds):
    """Let the world go on until so many seconds after the test began."""
    await asyncio.sleep(seconds - elapsed_s())


def in_s(seconds):
    """Return the deadline so far from now, by the loop's time."""
    return asyncio.get_running_loop().time() + seconds


def gaps(times):
    return [later - earlier for earlier, later in pairwise(times)]
