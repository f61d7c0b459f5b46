"""What a poll does where the meter does not: associations that are gone, retries, and what is still printed."""

from __future__ import annotations

import pytest

from jumping_clock import elapsed, on_a_jumping_clock
from stations import (
    AARQ,
    GET,
    RLRQ,
    Scene,
    Station,
    connection,
    cut_off,
    device,
    garbage,
    group,
    hanging_up,
    instead,
    load_profile,
    serial_number,
    silent,
    value,
    whole,
)
from telegraf_dlms.metrics import PollResult
from telegraf_dlms.obis import parse_obis
from telegraf_dlms.poll import poll

SERVICE_NOT_ALLOWED = bytes.fromhex("D80101")


def scene(interface="wrapper", *, values=(), persistent=True, serial=False, **settings):
    where = {"type": "serial"} if serial else {}
    return Scene(
        connection(persistent=persistent, **where),
        device(interface_type=interface, **settings),
        group("g", *(values or (value(), serial_number()))),
        line=Station(interface),
    )


def visit(world):
    bus = world.buses[0] if world.buses else world.bus()
    return poll(bus.meters[0], ["g"], bus, world.world)


def names(lines):
    return [line.partition("name=")[2].partition(",")[0] for line in lines]


def counts(told):
    return told["errors"], told["timeouts"], told["retries"]


@on_a_jumping_clock
async def test_a_kept_association_is_used_again():
    meter = scene()
    assert [await visit(meter), await visit(meter)] == [PollResult.OK, PollResult.OK]
    assert meter.station.tags() == [AARQ, GET, GET, GET, GET, GET]
    assert [told["up"] for told in meter.lines.polls] == [1, 1]


def hang_up(station):
    station.wire.say(None)


def lose_power(station):
    station.forget_associations()


def lose_the_next_answer(station):
    station.mishaps[station.next_message()] = silent


def hang_up_when_asked(station):
    station.mishaps[station.next_message()] = hanging_up


@pytest.mark.parametrize("end", [hang_up, lose_power, lose_the_next_answer, hang_up_when_asked])
@on_a_jumping_clock
async def test_a_kept_association_that_is_found_dead_is_opened_once_more_without_error(end):
    meter = scene(retries=0)
    await visit(meter)
    end(meter.station)
    assert await visit(meter) is PollResult.OK
    told = meter.lines.polls[1]
    assert (told["up"], told["values_read"], counts(told)) == (1, 2, (0, 0, 0))
    assert meter.station.count(AARQ) == 2
    assert len(meter.station.opened) == 2
    assert meter.said == []


@on_a_jumping_clock
async def test_a_kept_association_over_hdlc_is_opened_again_where_the_meter_is_in_disconnected_mode():
    meter = scene("hdlc", serial=True, retries=0)
    await visit(meter)
    meter.station.forget_associations()
    assert await visit(meter) is PollResult.OK
    assert counts(meter.lines.polls[1]) == (0, 0, 0)
    assert meter.station.opened == [0.0]


@pytest.mark.parametrize(
    ("answers", "result", "asked"),
    [
        ([instead(SERVICE_NOT_ALLOWED), instead(SERVICE_NOT_ALLOWED)], PollResult.REJECTED, [AARQ]),
        ([silent, whole, silent], PollResult.TIMEOUT, [GET, AARQ, GET]),
    ],
    ids=["refused", "silent"],
)
@on_a_jumping_clock
async def test_an_association_is_found_dead_once_only(answers, result, asked):
    meter = scene(retries=0)
    await visit(meter)
    meter.station.mishaps |= dict(enumerate(answers, meter.station.next_message()))
    assert await visit(meter) is result
    assert meter.station.tags()[-len(asked) :] == asked


@on_a_jumping_clock
async def test_a_meter_that_died_between_two_polls_costs_two_timeouts_and_is_not_up():
    meter = scene()
    await visit(meter)
    meter.station.deaf = {1}
    began = elapsed()
    assert await visit(meter) is PollResult.TIMEOUT
    told = meter.lines.polls[1]
    assert (told["up"], told["values_read"], counts(told)) == (0, 0, (1, 1, 0))
    assert elapsed() - began == pytest.approx(10)


@on_a_jumping_clock
async def test_a_link_that_died_and_cannot_be_opened_again_is_tried_once():
    meter = scene()
    await visit(meter)
    meter.station.refusal = "connection refused"
    hang_up(meter.station)
    assert await visit(meter) is PollResult.CONNECT
    assert len(meter.station.opened) == 2
    assert meter.lines.polls[1]["up"] == 0


def hanging_up_behind(answer):
    """Close the connection when the association on it has been released, a moment after saying so."""
    return [(0.1, answer), (0.15, None)]


def two_devices(interface):
    return Scene(
        connection(),
        device("one", interface_type=interface, server_address=1),
        device("two", interface_type=interface, server_address=2),
        group("g", value(of=["one", "two"])),
        line=Station(interface, meters=2),
    )


@pytest.mark.parametrize("interface", ["wrapper", "hdlc"])
@on_a_jumping_clock
async def test_a_connection_that_the_meter_closes_after_a_release_is_opened_again_for_the_next_device(interface):
    world = two_devices(interface)
    bus = world.bus()
    assert await poll(bus.meters[0], ["g"], bus, world.world) is PollResult.OK
    world.station.wire.say(None)
    assert await poll(bus.meters[1], ["g"], bus, world.world) is PollResult.OK
    assert len(world.station.opened) == 2


@on_a_jumping_clock
async def test_a_connection_that_is_closed_while_the_next_device_asks_is_opened_again_without_error():
    world = two_devices("wrapper")
    bus = world.bus()
    world.station.mishaps[4] = hanging_up_behind
    assert await poll(bus.meters[0], ["g"], bus, world.world) is PollResult.OK
    assert await poll(bus.meters[1], ["g"], bus, world.world) is PollResult.OK
    assert world.station.tags() == [AARQ, GET, GET, RLRQ, AARQ, AARQ, GET, GET, RLRQ]
    assert counts(world.lines.polls[1]) == (0, 0, 0)
    assert world.said == []


@on_a_jumping_clock
async def test_a_new_connection_that_the_meter_closes_when_asked_for_an_association_is_not_opened_again():
    meter = scene(persistent=False)
    meter.station.manner = hanging_up
    assert await visit(meter) is PollResult.CONNECT
    assert meter.station.tags() == [AARQ]


@on_a_jumping_clock
async def test_what_the_meter_does_not_allow_in_the_middle_is_a_refusal():
    meter = scene()
    await visit(meter)
    meter.station.mishaps[meter.station.next_message(2)] = instead(SERVICE_NOT_ALLOWED)
    assert await visit(meter) is PollResult.PARTIAL
    assert meter.station.count(AARQ) == 1


@pytest.mark.parametrize(
    ("manner", "timeouts"),
    [(silent, 1), (cut_off, 1), (garbage, 0), (hanging_up, 0)],
    ids=["deaf", "cut off", "garbage", "hanging up"],
)
@pytest.mark.parametrize("persistent", [True, False], ids=["persistent", "not persistent"])
@on_a_jumping_clock
async def test_over_wrapper_a_lost_association_is_opened_again_and_goes_on_with_what_is_not_read_yet(
    persistent, manner, timeouts
):
    meter = scene(persistent=persistent)
    meter.station.mishaps[4] = manner
    assert await visit(meter) is PollResult.OK
    assert names(meter.lines.values) == ["power_factor", "serial"]
    assert len(meter.station.opened) == 2
    assert meter.station.tags()[:6] == [AARQ, GET, GET, GET, AARQ, GET]
    assert counts(meter.lines.polls[0]) == (0, timeouts, 1)
    assert meter.lines.polls[0]["bytes_sent"] == sum(map(len, meter.station.heard))
    assert meter.said == []


@on_a_jumping_clock
async def test_a_profile_is_read_again_where_its_association_was_lost_and_nothing_is_printed_twice():
    meter = scene(values=(value(), load_profile()))
    meter.station.mishaps[10] = silent
    assert await visit(meter) is PollResult.OK
    assert names(meter.lines.values) == ["power_factor", *["load"] * 6]
    assert len(set(meter.lines.values)) == 7


@on_a_jumping_clock
async def test_retries_have_an_end_and_what_was_read_before_is_printed():
    meter = scene(retries=2)
    serial = parse_obis("0.0.96.1.0.255")
    meter.station.manner = lambda answer: [] if serial in meter.station.heard[-1] else whole(answer)
    assert await visit(meter) is PollResult.TIMEOUT
    told = meter.lines.polls[0]
    assert names(meter.lines.values) == ["power_factor"]
    assert (told["up"], told["values_read"], counts(told)) == (1, 1, (1, 3, 2))
    assert meter.station.count(AARQ) == 3
    assert meter.said == ["W house: line: no answer within 5 s"]


@on_a_jumping_clock
async def test_a_retry_whose_opening_fails_ends_the_poll_of_a_device_that_was_up():
    meter = scene()
    meter.station.mishaps |= {4: silent, 5: silent}
    assert await visit(meter) is PollResult.TIMEOUT
    told = meter.lines.polls[0]
    assert (told["up"], told["values_read"], counts(told)) == (1, 1, (1, 2, 1))


@on_a_jumping_clock
async def test_a_kept_association_that_answered_was_up_even_where_it_ends_in_silence():
    meter = scene(retries=0)
    await visit(meter)
    meter.station.mishaps[meter.station.next_message(2)] = silent
    assert await visit(meter) is PollResult.TIMEOUT
    told = meter.lines.polls[1]
    assert (told["up"], told["values_read"], counts(told)) == (1, 1, (1, 1, 0))


@on_a_jumping_clock
async def test_over_hdlc_a_lost_answer_is_asked_for_again_with_the_same_octets():
    meter = scene("hdlc", serial=True)
    meter.station.mishaps[4] = silent
    assert await visit(meter) is PollResult.OK
    assert meter.station.heard[3] == meter.station.heard[4]
    assert counts(meter.lines.polls[0]) == (0, 1, 1)
    assert names(meter.lines.values) == ["power_factor", "serial"]


@on_a_jumping_clock
async def test_a_port_that_is_lost_in_the_middle_is_opened_again_once_it_was_let_go_of():
    meter = scene("hdlc", serial=True)
    meter.station.mishaps[4] = hanging_up
    assert await visit(meter) is PollResult.OK
    assert len(meter.station.opened) == 2


@on_a_jumping_clock
async def test_what_came_before_an_opening_is_not_meant_for_it():
    meter = scene(persistent=False, serial=True)
    await visit(meter)
    meter.station.wire.say(b"\x00\x02 late octets")
    assert await visit(meter) is PollResult.OK
    assert counts(meter.lines.polls[1]) == (0, 0, 0)


@on_a_jumping_clock
async def test_over_hdlc_silence_after_all_repeats_is_final():
    meter = scene("hdlc", serial=True)
    meter.station.mishaps |= dict.fromkeys((5, 6, 7), silent)
    assert await visit(meter) is PollResult.TIMEOUT
    told = meter.lines.polls[0]
    assert names(meter.lines.values) == ["power_factor"]
    assert (told["up"], told["values_read"], counts(told)) == (1, 1, (1, 3, 2))
    assert len(set(meter.station.heard[4:])) == 1


@on_a_jumping_clock
async def test_after_an_unclean_end_over_hdlc_disc_goes_first():
    meter = scene("hdlc", serial=True)
    meter.station.mishaps |= dict.fromkeys((5, 6, 7), silent)
    await visit(meter)
    meter.buses[0].meters[0].back_off.succeeded()
    before = len(meter.station.heard)
    assert await visit(meter) is PollResult.OK
    assert [octets[5] for octets in meter.station.heard[before : before + 2]] == [0x53, 0x93]


@on_a_jumping_clock
async def test_a_meter_that_hangs_up_at_a_disc_is_called_without_one():
    meter = scene("hdlc", retries=1)
    meter.station.mishaps = {4: hanging_up, 5: hanging_up}
    assert await visit(meter) is PollResult.OK
    snrm, disc = 0x93, 0x53
    assert [octets[5] for octets in meter.station.heard if octets[5] in {snrm, disc}] == [snrm, disc, snrm]
    assert len(meter.station.opened) == 3


@on_a_jumping_clock
async def test_a_dead_hdlc_meter_costs_one_timeout_also_after_an_unclean_end():
    meter = scene("hdlc", serial=True)
    await visit(meter)
    meter.station.deaf = {1}
    await visit(meter)
    meter.buses[0].meters[0].back_off.succeeded()
    began = elapsed()
    assert await visit(meter) is PollResult.TIMEOUT
    assert elapsed() - began == pytest.approx(5)


@on_a_jumping_clock
async def test_a_lost_association_is_said_at_debug_where_it_comes_back():
    meter = scene()
    meter.station.mishaps[4] = silent
    await visit(meter)
    assert meter.records.said == [
        "D house: line: no answer within 5 s: trying again",
        "D house: ok: 2 values read, 0 refused, 6 exchanges, 5500 ms",
    ]
