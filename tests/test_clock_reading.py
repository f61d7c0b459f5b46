"""The meter's Clock as a configured value: what is told of it, and said, over polls."""

from __future__ import annotations

import pytest

from jumping_clock import on_a_jumping_clock
from readout_scene import TIME, Scene, energy
from scripted_meter import ScriptedMeter, descriptor, octets, unsigned
from stations import LATENCY_S, SECOND, Station, connection, device, group, late, until, value
from stations import Scene as Stations
from telegraf_dlms.axdr import Tag, encode
from telegraf_dlms.poll import poll
from telegraf_dlms.readout import Readout

CLOCK, CLOCK_STATUS = (descriptor(8, "0.0.1.0.0.255", number) for number in (2, 4))
NO_ZONE = 'I house: the meter gives no deviation; its time is taken for time_zone "UTC"'


def clock(name="clock", obis="0-0:1.0.0", **settings):
    return value(name, obis=obis, class_id=8, **settings)


def sent(text):
    """Return a Clock's time: local time, deviation and status in hex."""
    return octets(bytes.fromhex(text))


#: 2026-01-01 02:00 UTC, which is when the scene reads: as a standard meter in Paris has it, and so on.
STANDARD, INVERTED = sent("07EA010104030000 00FFC400"), sent("07EA010104030000 00003C00")
LATE, NO_DEVIATION = sent("07EA010104023200 00FFC400"), sent("07EA010104030000 008000FF")


async def drifts(*answers, values=(), **settings):
    scene = Scene(*(values or [clock()]), meter=ScriptedMeter({CLOCK_STATUS: unsigned(0)}), **settings)
    found = []
    for answer in answers:
        scene.meter.attributes[CLOCK] = answer
        readout = scene.readout()
        await readout.read_rest(scene.link)
        found.append(readout.clock_drift_s)
    return scene, found


@on_a_jumping_clock
async def test_the_drift_of_a_clock_that_is_read_is_known():
    scene, found = await drifts(STANDARD, encode(Tag.DATE_TIME, bytes.fromhex("07EA01010403000500FFC400")))
    assert found == [0.0, 5.0]
    assert scene.log.all == []


@pytest.mark.parametrize("answer", [4, octets(b""), octets(b"\xff" * 12), octets(bytes(12)), encode(Tag.NULL_DATA)])
@on_a_jumping_clock
async def test_a_clock_that_tells_no_time_has_no_drift(answer):
    _, found = await drifts(answer)
    assert found == [None]


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([energy()], id="no clock"),
        pytest.param([clock(attributes=["status"])], id="not its time"),
        pytest.param([value("clock", obis="0-0:1.0.0", class_id=1)], id="another class"),
    ],
)
@on_a_jumping_clock
async def test_where_no_value_reads_a_clocks_time_there_is_no_drift(values):
    _, found = await drifts(STANDARD, values=values)
    assert found == [None]


@on_a_jumping_clock
async def test_a_clock_that_gives_its_own_lines_time_is_read_for_it():
    _, found = await drifts(STANDARD, values=[clock(attributes=["status"], timestamp="meter")])
    assert found == [0.0]


@on_a_jumping_clock
async def test_a_wrong_clock_is_said_once_and_when_it_is_right_again():
    scene, found = await drifts(LATE, LATE, STANDARD, LATE)
    assert found == [-600.0, -600.0, 0.0, -600.0]
    wrong = "W house: its clock is 600 s behind ours"
    assert scene.log.above_debug == [wrong, "I house: its clock is right again", wrong]


@on_a_jumping_clock
async def test_an_inverted_deviation_is_said_in_one_warning():
    scene, found = await drifts(INVERTED, INVERTED, STANDARD)
    assert found == [7200.0, 7200.0, 0.0]
    assert scene.log.above_debug == [
        'W house: its clock is 7200 s ahead of ours: it is right with deviation = "inverted"',
        "I house: its clock is right again",
    ]


@on_a_jumping_clock
async def test_another_cause_is_said_anew():
    scene, _ = await drifts(LATE, INVERTED)
    assert [line[:38] for line in scene.log.above_debug] == [
        "W house: its clock is 600 s behind our",
        "W house: its clock is 7200 s ahead of ",
    ]


@on_a_jumping_clock
async def test_a_zone_that_was_not_configured_is_said_once():
    scene, found = await drifts(NO_DEVIATION, NO_DEVIATION)
    assert found == [3600.0] * 2
    hint = 'its clock is 3600 s ahead of ours: its local time is that of a zone 1 h ahead of time_zone = "UTC"'
    assert scene.log.above_debug == [NO_ZONE, f"W house: {hint}"]


@on_a_jumping_clock
async def test_a_clock_in_the_configured_zone_is_right_without_a_word():
    scene, found = await drifts(NO_DEVIATION, time_zone="Europe/Paris")
    assert found == [0.0]
    assert scene.log.all == []


@on_a_jumping_clock
async def test_a_time_of_its_own_without_a_deviation_is_said_to_be_taken_for_utc():
    scene = Scene(value("peak", obis="1-0:1.6.0", class_id=4, timestamp="meter"), meter=ScriptedMeter())
    scene.meter.attributes[descriptor(4, "1.0.1.6.0.255", 5)] = NO_DEVIATION
    await scene.poll()
    assert scene.log.all == [NO_ZONE]


@on_a_jumping_clock
async def test_the_first_of_two_clocks_counts():
    scene = Scene(clock(), clock("other", obis="0-1:1.0.0"), meter=ScriptedMeter({CLOCK: STANDARD}))
    scene.meter.attributes[descriptor(8, "0.1.1.0.0.255")] = LATE
    readout = scene.readout()
    await readout.read_rest(scene.link)
    assert readout.clock_drift_s == 0.0


@on_a_jumping_clock
async def test_a_group_without_a_clock_knows_none():
    scene = Scene(clock(), meter=ScriptedMeter({CLOCK: STANDARD}))
    readout = Readout(scene.house, [], scene.world, time_ns=TIME)
    await readout.read_rest(scene.link)
    assert readout.clock_drift_s is None


# Over whole polls.


def stations(interface="wrapper", **settings):
    workarounds = {"no_lists": settings.pop("no_lists", False)}
    tables = (
        connection(),
        device(interface_type=interface, workarounds=workarounds, **settings),
        group("g", value(), clock()),
        group("other", value("power", obis="1.0.1.7.0.255")),
    )
    return Stations(*tables, line=Station(interface))


async def visit(scene, *groups):
    bus = scene.buses[0] if scene.buses else scene.bus()
    await poll(bus.meters[0], groups or ("g",), bus, scene.world)
    told = scene.lines.polls[-1].get("clock_drift_seconds")
    return told if told is None else float(told)


@pytest.mark.parametrize("no_lists", [False, True])
@pytest.mark.parametrize("interface", ["wrapper", "hdlc"])
@on_a_jumping_clock
async def test_the_line_of_a_poll_that_reads_the_clock_tells_its_drift(interface, no_lists):
    scene = stations(interface, no_lists=no_lists)
    drift_s = await visit(scene)
    # The meter's clock has whole seconds; an answer takes 0.1 s.
    assert -1 - LATENCY_S < drift_s <= LATENCY_S
    assert await visit(scene, "other") is None
    scene.wall_ahead_ns = 600 * SECOND
    assert await visit(scene) == pytest.approx(drift_s - 600, abs=1)
    assert [line.partition(" s ")[2] for line in scene.said] == ["behind ours"]


@on_a_jumping_clock
async def test_the_middle_of_the_exchange_is_when_the_meters_clock_was_read():
    scene = stations(no_lists=True)
    await visit(scene)
    scene.station.manner = late(4)
    await until(60)
    before = len(scene.station.heard)
    drift_s = await visit(scene)
    asked = [octets for octets in scene.station.heard[before:] if CLOCK.logical_name in octets]
    assert len(asked) == 2, "time and status"
    # The built-in meter looks at its clock when it is asked, and its answer takes 4 s: the middle is 2 s later.
    assert -3 < drift_s <= -2
