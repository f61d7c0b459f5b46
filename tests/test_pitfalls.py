"""Attributes that cost the association, and what is behind them."""

from __future__ import annotations

import pytest

from jumping_clock import on_a_jumping_clock
from stations import (
    AARQ,
    Scene,
    Station,
    connection,
    device,
    garbage,
    group,
    hanging_up,
    load_profile,
    serial_number,
    silent,
    value,
)
from telegraf_dlms.cosem import AttributeDescriptor
from telegraf_dlms.errors import Silence
from telegraf_dlms.lists import MAX_LIST
from telegraf_dlms.metrics import PollResult
from telegraf_dlms.obis import parse_obis
from telegraf_dlms.pitfalls import Pitfalls
from telegraf_dlms.poll import poll

SERIAL = AttributeDescriptor(1, parse_obis("0.0.96.1.0.255"), 2)
ENERGY = AttributeDescriptor(3, parse_obis("1.0.1.8.0.255"), 2)
SILENCE = Silence("no answer within 5 s")


def losing(pitfalls, descriptor):
    pitfalls.asked = descriptor
    return pitfalls.lost(SILENCE)


def test_what_cost_an_earlier_poll_its_association_is_passed_over_for_the_rest_of_a_poll():
    pitfalls = Pitfalls()
    pitfalls.begin()
    assert [losing(pitfalls, SERIAL), losing(pitfalls, SERIAL)] == [None, None]
    pitfalls.begin()
    assert pitfalls.passed(SERIAL) is None
    assert losing(pitfalls, SERIAL) == SERIAL
    refusal = pitfalls.passed(SERIAL)
    assert str(refusal) == "the association was lost when it was asked for: no answer within 5 s"
    assert pitfalls.passed(ENERGY) is None
    pitfalls.begin()
    assert pitfalls.passed(SERIAL) is None


def test_an_answer_forgives():
    pitfalls = Pitfalls()
    for _ in range(3):
        pitfalls.begin()
        assert losing(pitfalls, SERIAL) is None
        pitfalls.asked = SERIAL
        pitfalls.answered()


def test_an_association_that_was_lost_between_attributes_is_the_fault_of_none():
    pitfalls = Pitfalls()
    for _ in range(3):
        pitfalls.begin()
        assert losing(pitfalls, None) is None


class Moody(Station):
    """Takes it amiss when it is asked for one object, its serial number."""

    mood = staticmethod(silent)
    sore = SERIAL.logical_name

    def hear(self, wire, octets):
        if self.sore in octets:
            self.mishaps |= dict.fromkeys([len(self.heard) + 1], self.mood)
        super().hear(wire, octets)


def scene(interface, mood, *, retries=2, lists=False):
    where = {"type": "serial"} if interface == "hdlc" else {}
    world = Scene(
        connection(persistent=True, **where),
        device(interface_type=interface, retries=retries, workarounds={"no_lists": not lists}),
        group("g", value(), serial_number(), value("second", obis="1.0.2.8.0.255")),
        line=Moody(interface),
    )
    world.station.mood = mood
    return world


async def visit(world):
    bus = world.buses[0] if world.buses else world.bus()
    bus.meters[0].back_off.succeeded()
    return await poll(bus.meters[0], ["g"], bus, world.world)


@pytest.mark.parametrize("mood", [silent, garbage, hanging_up])
@pytest.mark.parametrize("interface", ["wrapper", "hdlc"])
@on_a_jumping_clock
async def test_what_is_behind_an_attribute_that_costs_the_association_is_read_from_the_second_poll_on(interface, mood):
    world = scene(interface, mood)
    results = [await visit(world) for _ in range(4)]
    assert results[0] not in {PollResult.OK, PollResult.PARTIAL}
    assert results[1:] == [PollResult.PARTIAL] * 3
    read = [(told["values_read"], told["values_refused"]) for told in world.lines.polls]
    assert read == [(1, 0)] + [(2, 1)] * 3
    assert ["lost when it was asked for" in text for text in world.said].count(True) == 1
    world.station.mood = lambda answer: [(0.0, answer)]
    assert [await visit(world) for _ in range(2)] == [PollResult.OK] * 2


@on_a_jumping_clock
async def test_passing_over_takes_no_more_associations_than_retries_allow():
    world = scene("wrapper", silent, retries=1)
    for _ in range(3):
        before = world.station.count(AARQ)
        await visit(world)
        assert world.station.count(AARQ) - before <= 2
    assert world.lines.polls[-1]["values_read"] == 2


@on_a_jumping_clock
async def test_without_retries_nothing_is_passed_over():
    world = scene("wrapper", silent, retries=0)
    assert [await visit(world) for _ in range(3)] == [PollResult.TIMEOUT] * 3


@pytest.mark.parametrize("mood", [silent, hanging_up])
@pytest.mark.parametrize("interface", ["wrapper", "hdlc"])
@on_a_jumping_clock
async def test_lists_go_on_without_the_attribute_that_cost_them_their_answers(interface, mood):
    world = scene(interface, mood, lists=True)
    results = [await visit(world) for _ in range(5)]
    assert set(results[2:]) == {PollResult.PARTIAL}
    lists = world.buses[0].meters[0].lists
    assert (lists.limit, lists.is_alone(SERIAL)) == (MAX_LIST, True)
    before = len(world.station.heard)
    await visit(world)
    asked = [octets for octets in world.station.heard[before:] if b"\xc0\x03" in octets]
    assert asked
    assert not any(SERIAL.logical_name in octets for octets in asked)


@pytest.mark.parametrize("retries", [0, 2])
@pytest.mark.parametrize("mood", [silent, hanging_up])
@pytest.mark.parametrize("interface", ["wrapper", "hdlc"])
@on_a_jumping_clock
async def test_a_profile_that_costs_the_association_is_read_behind_the_others(interface, mood, retries):
    where = {"type": "serial"} if interface == "hdlc" else {}
    events = value("events", obis="0.0.99.98.0.255", class_id=7, entries=2)
    world = Scene(
        connection(**where),
        device(interface_type=interface, retries=retries),
        group("g", load_profile(), events),
        line=Moody(interface),
    )
    world.station.mood, world.station.sore = mood, parse_obis("1.0.99.1.0.255")
    for _ in range(3):
        await visit(world)
    read = [told["values_read"] for told in world.lines.polls]
    first = 1 if retries and not (interface == "hdlc" and mood is silent) else 0
    assert read == [first, 1, 1]
    world.station.mood = lambda answer: [(0.0, answer)]
    assert [await visit(world) for _ in range(2)] == [PollResult.OK] * 2
