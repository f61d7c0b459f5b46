"""Who the meter is, over whole polls: what the question costs, what ``dlms_device`` tells, and what goes with it."""

from __future__ import annotations

import pytest

from jumping_clock import on_a_jumping_clock
from stations import (
    GET,
    Discreet,
    Scene,
    Station,
    at,
    connection,
    device,
    garbage,
    group,
    hanging_up,
    load_profile,
    serial_number,
    silent,
    until,
    value,
)
from telegraf_dlms.axdr import Tag, encode
from telegraf_dlms.identity import LOGICAL_DEVICE_NAME, SERIAL_NUMBER, Identification
from telegraf_dlms.lists import MAX_LIST
from telegraf_dlms.meter import MEMORY_NS
from telegraf_dlms.metrics import PollResult
from telegraf_dlms.obis import parse_obis
from telegraf_dlms.poll import poll
from telegraf_dlms.simulator import meter as household
from telegraf_dlms.simulator import sn_objects
from telegraf_dlms.simulator.access import Access
from telegraf_dlms.simulator.objects import data

NAME = "TDL0000000000001"
#: Twenty registers of the built-in meter.
REGISTERS = [f"1.0.{c}.{d}.0.255" for c, d in [(1, 8), (2, 8), (3, 8), (1, 7), (2, 7), (3, 7), (13, 7), (14, 7)]]
REGISTERS += [f"1.0.{c + 20 * phase}.{d}.0.255" for phase in (1, 2, 3) for c, d in [(1, 7), (1, 8), (11, 7), (12, 7)]]


def scene(*values, interface="wrapper", identification=Identification, lists=True, persistent=True, **settings):
    about = {"interface_type": interface, "workarounds": {"no_lists": not lists}, "max_info_length": 1024}
    tables = connection(persistent=persistent), device(**about, **settings), group("g", *values)
    station = Station(interface)
    station.access = Access(referencing=_REFERENCING[settings.get("logical_name_referencing", True)])
    return Scene(*tables, line=station, identification=identification)


_REFERENCING = {True: "logical_names", False: "short_names"}


def registers(count=20):
    return [value(f"v{number}", obis=code) for number, code in enumerate(REGISTERS[:count])]


async def visit(world):
    bus = world.buses[0] if world.buses else world.bus()
    return await poll(bus.meters[0], ["g"], bus, world.world)


def exchanges(world):
    return [told["exchanges"] for told in world.lines.polls]


def names(world):
    return [told.get("meter_id") for told in world.lines.polls]


def without(monkeypatch, *descriptors):
    for descriptor in descriptors:
        monkeypatch.delitem(household.OBJECTS, descriptor.logical_name)


def called(monkeypatch, name):
    """Have the meter be another one from now on."""
    named = data("0.0.42.0.0.255", encode(Tag.OCTET_STRING, name.encode()))
    for objects in (household.OBJECTS, sn_objects.OBJECTS):
        monkeypatch.setitem(objects, LOGICAL_DEVICE_NAME.logical_name, named)


@pytest.mark.parametrize("names", [True, False], ids=["logical names", "short names"])
@on_a_jumping_clock
async def test_where_there_are_lists_the_question_costs_no_exchange(names):
    costs = []
    for identification in (Identification, Discreet):
        world = scene(*registers(), identification=identification, logical_name_referencing=names)
        for _ in range(3):
            assert await visit(world) is PollResult.OK
        costs.append(exchanges(world))
        assert len(world.lines.values) == 60
    assert costs[0] == costs[1]
    assert costs[0][1:] == [1, 1], "twenty registers of an association that is open"


@pytest.mark.parametrize("interface", ["wrapper", "hdlc"])
@on_a_jumping_clock
async def test_where_there_are_none_it_costs_one_an_association(interface):
    kept = scene(serial_number(), interface=interface, lists=False)
    released = scene(serial_number(), interface=interface, lists=False, persistent=False)
    for _ in range(3):
        await visit(kept)
        await visit(released)
    assert exchanges(kept) == [3, 1, 1]
    assert exchanges(released) == [4 if interface == "wrapper" else 3] * 3, "with the RLRQ"


@on_a_jumping_clock
async def test_the_line_of_each_poll_tells_who_was_read_once_that_is_known():
    world = scene(serial_number(), persistent=False)
    world.station.refusal = "connection refused"
    await visit(world)
    world.station.refusal = ""
    await until(20)
    await visit(world)
    world.buses[0].distrust()
    world.station.refusal = "connection refused"
    await visit(world)
    assert world.lines.results() == ["connect", "ok", "connect"]
    assert names(world) == [None, NAME, NAME]


@on_a_jumping_clock
async def test_a_poll_that_is_not_made_tells_who_is_not_read():
    world = scene(serial_number())
    await visit(world)
    world.buses[0].meters[0].lock_out.begin(0, wall_ns=at(0))
    await visit(world)
    assert world.lines.results() == ["ok", "locked"]
    assert names(world) == [NAME] * 2


@pytest.mark.parametrize("lists", [True, False])
@on_a_jumping_clock
async def test_a_meter_that_has_neither_object_is_asked_once_a_day(monkeypatch, lists):
    without(monkeypatch, LOGICAL_DEVICE_NAME, SERIAL_NUMBER)
    world = scene(*registers(2), lists=lists, persistent=False)
    for second in range(0, 180, 60):
        await until(second)
        assert await visit(world) is PollResult.OK
    discreet = scene(*registers(2), lists=lists, persistent=False, identification=Discreet)
    for _ in range(3):
        await visit(discreet)
    further = [asked - usual for asked, usual in zip(exchanges(world), exchanges(discreet), strict=True)]
    assert further == [0 if lists else 2, 0, 0]
    await until(MEMORY_NS / 1e9 + 60)
    await visit(world)
    assert exchanges(world)[3] == exchanges(world)[0]
    assert names(world) == [None] * 4
    assert world.said == []


@pytest.mark.parametrize("lists", [True, False])
@on_a_jumping_clock
async def test_the_serial_number_is_the_next_best(monkeypatch, lists):
    without(monkeypatch, LOGICAL_DEVICE_NAME)
    world = scene(*registers(2), lists=lists, persistent=False)
    assert [await visit(world), await visit(world)] == [PollResult.OK] * 2
    assert names(world) == ["10000001"] * 2
    first, second = exchanges(world)
    assert first - second == (0 if lists else 3), "two scalers, and the name that it does not have"


@on_a_jumping_clock
async def test_another_meter_behind_the_same_address_is_said_once_and_told_by_its_name(monkeypatch):
    world = scene(*registers(2), persistent=False)
    await visit(world)
    called(monkeypatch, "LGZ1")
    for _ in range(2):
        assert await visit(world) is PollResult.OK
    assert names(world) == [NAME, "LGZ1", "LGZ1"]
    assert world.said == [f"W house: the meter was {NAME}, and is LGZ1 now: another one, of which nothing is known"]
    assert exchanges(world) == [3, 4, 3], "what came along with the name is asked for again, with its scalers"


@on_a_jumping_clock
async def test_by_short_names_another_meters_names_are_its_own(monkeypatch):
    world = scene(*registers(2), logical_name_referencing=False, persistent=False)
    await visit(world)
    assert await visit(world) is PollResult.OK
    lists = object_lists(world)
    assert len(lists) == 1
    called(monkeypatch, "LGZ1")
    assert await visit(world) is PollResult.OK
    assert await visit(world) is PollResult.OK
    assert len(object_lists(world)) == 2
    assert len(world.lines.values) == 8


@on_a_jumping_clock
async def test_by_short_names_that_are_configured_no_object_list_is_read_for_it(monkeypatch):
    obis = parse_obis("1.0.13.7.0.255")
    world = scene(value(short_name=sn_objects.BASE_NAMES[obis]), logical_name_referencing=False)
    monkeypatch.delitem(sn_objects.OBJECTS, LOGICAL_DEVICE_NAME.logical_name)
    assert await visit(world) is PollResult.OK
    assert (object_lists(world), names(world)) == ([], [None])


def object_lists(world):
    return [octets for octets in world.station.heard if b"\x02\xfa\x08" in octets]


class Odd(Station):
    """Does something else than to answer where it is asked for its name, alone or among others."""

    def hear(self, wire, octets):
        if LOGICAL_DEVICE_NAME.logical_name in octets:
            self.mishaps[len(self.heard) + 1] = self.oddity
        super().hear(wire, octets)


@pytest.mark.parametrize("oddity", [silent, garbage, hanging_up])
@pytest.mark.parametrize("lists", [True, False])
@pytest.mark.parametrize("interface", ["wrapper", "hdlc"])
@on_a_jumping_clock
async def test_a_meter_that_takes_the_question_amiss_is_read_all_the_same(interface, lists, oddity):
    world = scene(*registers(2), load_profile(), interface=interface, lists=lists, persistent=False, retries=1)
    world.stations["line"] = Odd(interface)
    world.station.oddity = oddity
    results = []
    for second in range(0, 600, 60):
        await until(second)
        results.append(await visit(world))
    lost = results.index(PollResult.OK)
    assert lost <= 3
    assert set(results[lost:]) == {PollResult.OK}
    asked = [octets for octets in world.station.heard if LOGICAL_DEVICE_NAME.logical_name in octets]
    assert world.buses[0].meters[0].lists.limit == (MAX_LIST if lists else 1), "and nothing else is blamed for it"
    assert len({octets[-12:] for octets in asked}) <= 2
    assert world.station.heard.index(asked[-1]) < len(world.station.heard) / 2


@on_a_jumping_clock
async def test_a_retry_in_a_new_association_asks_again():
    world = scene(serial_number(), lists=False)
    await visit(world)
    world.station.wire.say(None)
    await visit(world)
    assert world.station.count(GET) == 4
    assert names(world) == [NAME] * 2
