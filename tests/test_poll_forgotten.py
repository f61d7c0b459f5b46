"""What a poll does with associations that the meter has forgotten, and with lists that it does not answer."""

from __future__ import annotations

import pytest

from jumping_clock import elapsed, on_a_jumping_clock
from stations import AARQ, GET, Scene, Station, connection, device, group, serial_number, value
from telegraf_dlms.metrics import PollResult
from telegraf_dlms.poll import poll

LISTS = {"no_lists": False}


def scene(interface="wrapper", *, persistent=True, **settings):
    where = {"type": "serial"} if interface == "hdlc" else {}
    return Scene(
        connection(persistent=persistent, **where),
        device(interface_type=interface, **settings),
        group("g", value(), serial_number()),
        line=Station(interface),
    )


def visit(world):
    bus = world.buses[0] if world.buses else world.bus()
    return poll(bus.meters[0], ["g"], bus, world.world)


def counts(told):
    return told["errors"], told["timeouts"], told["retries"]


class Aloof(Station):
    """An HDLC meter that has given up its data link, and is deaf to all but SNRM then."""

    is_away = False

    def hear(self, wire, octets):
        self.is_away &= octets[5] != 0x93
        if self.is_away:
            self.heard.append(octets)
        else:
            super().hear(wire, octets)


@on_a_jumping_clock
async def test_a_kept_association_over_hdlc_is_opened_again_where_the_meter_is_deaf_to_all_but_snrm():
    meter = scene("hdlc", retries=0)
    meter.stations["line"] = Aloof("hdlc")
    for _ in range(3):
        began = elapsed()
        assert await visit(meter) is PollResult.OK
        meter.station.forget_associations()
        meter.station.is_away = True
    assert elapsed() - began == pytest.approx(10.4)
    assert await visit(meter) is PollResult.OK
    meter.station.is_away = False
    assert meter.buses[0].meters[0].insists
    assert await visit(meter) is PollResult.OK
    assert not meter.buses[0].meters[0].insists, "but for the poll in which it was found"
    assert [counts(told) for told in meter.lines.polls] == [(0, 0, 0)] * 5
    assert meter.said == []


@pytest.mark.parametrize("interface", ["wrapper", "hdlc"])
@on_a_jumping_clock
async def test_a_kept_association_that_is_found_dead_says_nothing_against_lists(interface):
    meter = scene(interface, retries=0, workarounds=LISTS)
    for _ in range(4):
        before = len(meter.station.heard)
        assert await visit(meter) is PollResult.OK
        meter.station.forget_associations()
    singly = [octets for octets in meter.station.heard[before:] if b"\xc0\x01" in octets]
    assert singly == []
    assert meter.lines.polls[-1]["values_read"] == 2


class Listless(Station):
    """A meter that says nothing to a list."""

    def hear(self, wire, octets):
        if b"\xc0\x03" in octets:
            self.heard.append(octets)
        else:
            super().hear(wire, octets)


@pytest.mark.parametrize("interface", ["wrapper", "hdlc"])
@on_a_jumping_clock
async def test_a_meter_that_is_deaf_to_lists_is_read_singly_in_the_same_poll(interface):
    meter = scene(interface, retries=1, persistent=False, workarounds=LISTS)
    meter.stations["line"] = Listless(interface)
    for _ in range(4):
        assert await visit(meter) is PollResult.OK
    assert [told["values_read"] for told in meter.lines.polls] == [2] * 4
    lists = [octets for octets in meter.station.heard if b"\xc0\x03" in octets]
    assert len(set(lists)) == 2, "two that went unanswered are the last ones"


class Denying(Station):
    """A meter that refuses each attribute where it has no association, as if it were the attribute's fault."""

    is_away = False

    def hear(self, wire, octets):
        self.is_away &= octets[8] != AARQ
        if self.is_away and octets[8] == GET:
            self.heard.append(octets)
            wire.say(bytes.fromhex("000100010010 0005 C401") + octets[10:11] + b"\x01\x03")
        else:
            super().hear(wire, octets)


@on_a_jumping_clock
async def test_a_kept_association_in_which_everything_is_refused_is_not_kept_any_longer():
    meter = scene()
    meter.stations["line"] = Denying()
    results = []
    for poll_number in range(4):
        results.append(await visit(meter))
        meter.station.is_away |= poll_number == 0
    assert results == [PollResult.OK, PollResult.PARTIAL, PollResult.OK, PollResult.OK]
    assert meter.station.count(AARQ) == 2
