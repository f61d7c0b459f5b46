"""One poll against meters in memory: what is printed, and what is told of it."""

from __future__ import annotations

import asyncio

import pytest

from jumping_clock import elapsed, on_a_jumping_clock
from stations import (
    AARQ,
    GET,
    RLRQ,
    Scene,
    Station,
    at,
    connection,
    cut_off,
    device,
    garbage,
    group,
    hanging_up,
    instead,
    late,
    load_profile,
    noise_before,
    octet_by_octet,
    serial_number,
    silent,
    until,
    value,
    whole,
)
from telegraf_dlms.metrics import PollResult
from telegraf_dlms.poll import poll
from telegraf_dlms.simulator import acse

POWER_FACTOR = "dlms,class_id=3,device=house,group=g,name=power_factor,obis=1.0.13.7.0.255 value=0.981"
SERIAL = 'dlms,class_id=1,device=house,group=g,name=serial,obis=0.0.96.1.0.255 value_text="10000001"'


def scene(interface="wrapper", *, password=b"", groups=None, persistent=False, **settings):
    values = groups or group("g", value(), serial_number())
    tables = connection(persistent=persistent), device(interface_type=interface, **settings), values
    return Scene(*tables, line=Station(interface, password=password))


def visit(world, *groups):
    bus = world.buses[0] if world.buses else world.bus()
    return poll(bus.meters[0], groups or ("g",), bus, world.world)


def device_line(*, up, result, code, time=0.0, read=0, refused=0, **counts):
    """Write a line of ``dlms_device`` by hand: what is not said is 0."""
    names = "gather_time_ns", "exchanges", "bytes_sent", "bytes_received"
    totals = "errors", "timeouts", "retries", "skipped_polls"
    fields = [f'up={up}i,result="{result}",result_code={code}i']
    fields += [f"{name}={counts.get(name, 0)}i" for name in names]
    fields += [f"values_read={read}i,values_refused={refused}i"]
    fields += [f"{name}={counts.get(name, 0)}i" for name in totals]
    return f"dlms_device,connection=line,device=house {','.join(fields)} {at(time)}"


@on_a_jumping_clock
async def test_a_poll_prints_its_values_and_one_line_of_the_device():
    meter = scene()
    assert await visit(meter) is PollResult.OK
    sent, received = sum(map(len, meter.station.heard)), 8 + 43 + 3 * 8 + 10 + 7 + 14 + 8 + 5
    assert meter.lines.all == [
        f"{POWER_FACTOR} {at(0)}",
        f"{SERIAL} {at(0)}",
        device_line(
            up=1,
            result="ok",
            code=0,
            gather_time_ns=400_000_000,
            exchanges=5,
            bytes_sent=sent,
            bytes_received=received,
            read=2,
        ),
    ]
    assert meter.said == []


@on_a_jumping_clock
async def test_single_values_share_the_time_at_which_the_poll_of_the_device_began():
    meter = scene(groups=group("g", value()) + group("h", serial_number()))
    await until(12)
    await visit(meter, "g", "h")
    assert {line.rpartition(" ")[2] for line in meter.lines.all} == {str(at(12))}
    assert elapsed() > 12


@on_a_jumping_clock
async def test_groups_that_are_due_together_are_read_in_one_association_single_values_before_profiles():
    meter = scene(groups=group("g", load_profile(), value()) + group("h", serial_number()))
    await visit(meter, "g", "h")
    names = [line.partition("name=")[2].partition(",")[0] for line in meter.lines.values]
    assert names == ["power_factor", "serial", *["load"] * 6]
    assert (meter.station.count(AARQ), meter.station.count(RLRQ)) == (1, 1)


@pytest.mark.parametrize("manner", [whole, octet_by_octet, late(4.9)], ids=["whole", "octet by octet", "late"])
@pytest.mark.parametrize("interface", ["wrapper", "hdlc"])
@on_a_jumping_clock
async def test_however_the_octets_come_the_values_are_the_same(interface, manner):
    meter = scene(interface)
    meter.station.manner = manner
    assert await visit(meter) is PollResult.OK
    assert meter.lines.values == [f"{POWER_FACTOR} {at(0)}", f"{SERIAL} {at(0)}"]


@on_a_jumping_clock
async def test_noise_on_an_hdlc_line_costs_nothing():
    meter = scene("hdlc")
    meter.station.manner = noise_before
    assert await visit(meter) is PollResult.OK
    assert meter.lines.polls[0]["retries"] == 0


@on_a_jumping_clock
async def test_a_refused_value_leaves_the_others_alone_and_is_said_once():
    meter = scene(groups=group("g", value("nothing", obis="1.0.99.99.0.255"), serial_number()))
    for _ in range(2):
        assert await visit(meter) is PollResult.PARTIAL
    told = meter.lines.polls[1]
    assert (told["up"], told["result"], told["values_read"], told["values_refused"]) == (1, "partial", 1, 1)
    assert len(meter.lines.values) == 2
    assert meter.said == ["W house g/nothing: 1.0.99.99.0.255/2: object-undefined (4)"]


@pytest.mark.parametrize(
    ("blocking", "result"),
    [
        ({"back_off": 1}, PollResult.BACKING_OFF),
        ({"lock": 1}, PollResult.LOCKED),
        ({"lock": 1, "back_off": 1}, PollResult.LOCKED),
    ],
    ids=["backing off", "locked", "locked rather than backing off"],
)
@on_a_jumping_clock
async def test_a_device_that_is_not_asked_now_has_its_line_all_the_same(blocking, result):
    meter = scene()
    blocked = meter.bus().meters[0]
    far = meter.world.mono_ns() + 1
    blocked.back_off.until_ns = far * blocking.get("back_off", 0)
    if "lock" in blocking:
        blocked.lock_out.begin(meter.world.mono_ns(), wall_ns=meter.wall_ns())
    assert await visit(meter) is result
    assert meter.lines.all == [device_line(up=0, result=result.name.lower(), code=int(result))]
    assert meter.station.opened == []


@on_a_jumping_clock
async def test_a_wrong_password_locks_the_device_for_an_hour():
    meter = scene(password=b"right", access_security="low", password_hex=b"wrong".hex())
    results = [await visit(meter), await visit(meter)]
    await until(3600)
    results.append(await visit(meter))
    await until(3600.2)
    results.append(await visit(meter))
    assert results == [PollResult.AUTHENTICATION, PollResult.LOCKED, PollResult.LOCKED, PollResult.AUTHENTICATION]
    assert meter.station.count(AARQ) == 2
    assert meter.lines.results() == ["authentication", "locked", "locked", "authentication"]
    text = (
        "E house: the association was refused: rejected-permanent (1), authentication-failure (13): "
        "not tried again for an hour, lest the meter locks"
    )
    assert meter.said == [text]


@on_a_jumping_clock
async def test_a_right_password_opens():
    meter = scene(password=b"right", access_security="low", password_hex=b"right".hex())
    assert await visit(meter) is PollResult.OK


@on_a_jumping_clock
async def test_a_rejection_for_another_reason_backs_off():
    meter = scene()
    rejection = acse.encode_rejection(acse.Diagnostic.NO_REASON_GIVEN, context=1)
    meter.station.mishaps[1] = instead(rejection)
    assert await visit(meter) is PollResult.REJECTED
    assert await visit(meter) is PollResult.BACKING_OFF
    assert [(told["up"], told["errors"]) for told in meter.lines.polls] == [(0, 1), (0, 1)]


@pytest.mark.parametrize(
    ("manner", "result", "timeouts"),
    [
        (silent, PollResult.TIMEOUT, 1),
        (cut_off, PollResult.TIMEOUT, 1),
        (garbage, PollResult.PROTOCOL, 0),
        (hanging_up, PollResult.CONNECT, 0),
    ],
    ids=["deaf", "cut off", "garbage", "hanging up"],
)
@on_a_jumping_clock
async def test_an_opening_that_fails_is_not_tried_again_in_that_poll(manner, result, timeouts):
    meter = scene()
    meter.station.manner = manner
    assert await visit(meter) is result
    told = meter.lines.polls[0]
    assert (told["up"], told["result_code"]) == (0, int(result))
    assert (told["errors"], told["timeouts"], told["retries"]) == (1, timeouts, 0)
    assert len(meter.station.heard) == 1
    assert len(meter.said) == 1
    assert meter.said[0].startswith("W house: ")


@on_a_jumping_clock
async def test_a_device_that_is_back_is_said_once():
    meter = scene()
    meter.station.deaf = {1}
    for wait in (5, 20):
        await visit(meter)
        await until(wait + 10)
    meter.station.deaf = set()
    assert await visit(meter) is PollResult.OK
    await visit(meter)
    assert meter.said == ["W house: line: no answer within 5 s", "I house: is read again"]


@pytest.mark.parametrize("trouble", [silent, garbage, hanging_up], ids=["deaf", "garbage", "hanging up"])
@on_a_jumping_clock
async def test_after_a_failed_poll_scalers_are_read_again_since_another_meter_may_answer(trouble):
    meter = scene(groups=group("g", value()), retries=0)
    asked = []
    for manner in (whole, whole, trouble, whole, whole):
        meter.station.manner = manner
        before = meter.station.count(GET)
        await visit(meter)
        asked.append(meter.station.count(GET) - before)
        await until(elapsed() + 60)
    assert asked == [2, 1, 0, 2, 1]


@on_a_jumping_clock
async def test_a_poll_in_which_an_attribute_of_a_value_was_refused_is_partial_although_the_value_was_read():
    meter = scene(groups=group("g", value(attributes=["value", 77])))
    assert await visit(meter) is PollResult.PARTIAL
    told = meter.lines.polls[0]
    assert (told["values_read"], told["values_refused"]) == (1, 0)


@on_a_jumping_clock
async def test_a_refused_connection_is_the_connections_trouble_and_not_the_devices():
    meter = scene()
    meter.station.refusal = "connection refused"
    assert await visit(meter) is PollResult.CONNECT
    assert meter.lines.all == [device_line(up=0, result="connect", code=2, errors=1)]
    assert meter.said == ["W line: line: connection refused"]
    assert meter.buses[0].meters[0].back_off.failures == 0


@on_a_jumping_clock
async def test_a_pause_after_connecting_is_kept():
    meter = scene(workarounds={"pause_after_connect": "2s"})
    await visit(meter)
    assert meter.lines.polls[0]["gather_time_ns"] == 2_400_000_000


@pytest.mark.parametrize(("interface", "last"), [("wrapper", bytes((RLRQ,))), ("hdlc", b"\x53")])
@on_a_jumping_clock
async def test_an_association_is_released_where_it_is_not_kept(interface, last):
    meter = scene(interface)
    await visit(meter)
    assert last in meter.station.heard[-1]
    assert meter.buses[0].meters[0].association is None


@pytest.mark.parametrize("manner", [silent, garbage, hanging_up], ids=["deaf", "garbage", "hanging up"])
@on_a_jumping_clock
async def test_a_failed_release_is_no_error_and_waits_half_a_second_at_most(manner):
    meter = scene()
    meter.station.mishaps[5] = manner
    assert await visit(meter) is PollResult.OK
    assert meter.lines.polls[0]["errors"] == 0
    assert elapsed() <= 0.9 + 1e-9
    assert meter.said == []
    assert await visit(meter) is PollResult.OK


@on_a_jumping_clock
async def test_a_late_answer_to_a_release_is_not_taken_for_another_ones():
    meter = scene()
    meter.station.mishaps[5] = late(0.55)
    assert [await visit(meter), await visit(meter)] == [PollResult.OK, PollResult.OK]
    assert len(meter.station.opened) == 2


@on_a_jumping_clock
async def test_a_release_opens_no_connection():
    meter = scene()
    meter.station.mishaps[4] = lambda answer: [*whole(answer), (0.1, None)]
    assert await visit(meter) is PollResult.OK
    assert meter.station.opened == [0.0]
    assert meter.station.count(RLRQ) == 0


@on_a_jumping_clock
async def test_what_was_read_is_printed_when_a_poll_is_cut_off():
    meter = scene()
    meter.station.mishaps[4] = silent
    task = asyncio.create_task(visit(meter))
    await until(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert meter.lines.values == [f"{POWER_FACTOR} {at(0)}"]
    assert meter.lines.results() == ["timeout"]


@on_a_jumping_clock
async def test_a_poll_that_is_cut_off_in_its_release_is_told():
    meter = scene()
    meter.station.mishaps[5] = silent
    task = asyncio.create_task(visit(meter))
    await until(0.6)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert meter.lines.results() == ["ok"]
