"""Polls of meters with keys: what is printed, what is not, and how they end."""

from __future__ import annotations

import pytest

from jumping_clock import on_a_jumping_clock
from scripted_meter import octets
from sealed import BOTH, ENCRYPTION, PROTECTIONS, flipped
from secured_meter import ACTION, GET, NAME, READ, VALUE, access
from secured_station import SecuredStation, secured
from stations import silent, value
from telegraf_dlms.axdr import Tag, array, encode, structure
from telegraf_dlms.ber import elements, only
from telegraf_dlms.ciphering import unwrap
from telegraf_dlms.lock_out import LOCK_NS
from telegraf_dlms.metrics import PollResult
from telegraf_dlms.poll import poll
from telegraf_dlms.short_names import OBJECT_LIST

GMAC = access("high_gmac", protection=BOTH)
TEXT = VALUE.decode()


def visit(scene):
    bus = scene.buses[0] if scene.buses else scene.bus()
    return poll(bus.meters[0], ["g"], bus, scene.world)


@pytest.mark.parametrize("protection", PROTECTIONS)
@pytest.mark.parametrize("interface", ["wrapper", "hdlc"])
@on_a_jumping_clock
async def test_a_meter_with_keys_is_read(interface, protection):
    scene = secured(access("high_gmac", protection=protection), interface)
    assert [await visit(scene), await visit(scene)] == [PollResult.OK] * 2
    assert [TEXT in line for line in scene.lines.values] == [True, True]
    assert scene.said == []
    assert [told["up"] for told in scene.lines.polls] == [1, 1]


@on_a_jumping_clock
async def test_over_wrapper_the_association_is_released_by_a_ciphered_request():
    scene = secured(GMAC)
    await visit(scene)
    meter = scene.station.meter
    assert scene.station.said[-1] == ("own", "RLRQ")
    information = only(dict(elements(only(meter.heard[-1], 0x62, ""), ""))[0xBE], 0x04, "")
    assert meter.opened(unwrap(information))[:1] == b"\x01"
    assert meter.counters[-1][1] == meter.counters[-2][1] + 1


@on_a_jumping_clock
async def test_without_a_counter_for_the_release_the_meter_is_left_and_the_poll_was_good():
    scene = secured(GMAC)
    scene.station.public.value = lambda: encode(Tag.DOUBLE_LONG_UNSIGNED, 0xFFFF_FFFF - 5)
    scene.station.meter.last = 0xFFFF_FFFF - 5
    assert await visit(scene) is PollResult.OK
    assert [number for _, number in scene.station.meter.counters][-1] == 0xFFFF_FFFE
    assert scene.station.said[-1] == ("own", "ciphered")
    assert scene.buses[0].live_link is None
    assert await visit(scene) is PollResult.CIPHERING


@pytest.mark.parametrize("bit", [0, 7, 9, 17, 21, 40, 60, 100, 290])
@on_a_jumping_clock
async def test_a_reply_that_was_altered_is_a_ciphering_error_and_no_value(bit):
    scene = secured(GMAC)
    scene.station.meter.bends[GET] = lambda answer: flipped(answer, bit)
    assert await visit(scene) is PollResult.CIPHERING
    assert scene.lines.values == []
    (told,) = scene.lines.polls
    assert (told["result"], told["result_code"], told["up"], told["errors"]) == ("ciphering", 7, 1, 1)
    assert [line[0] for line in scene.said] == ["E"]
    assert scene.buses[0].live_link is None, "what comes after it is not listened to"


@on_a_jumping_clock
async def test_what_was_read_before_a_ciphering_error_is_printed():
    scene = secured(GMAC, values=[value("other", "house", "0.0.96.1.1.255", 1)])
    meter, seen = scene.station.meter, []
    meter.attributes[NAME._replace(logical_name=bytes((0, 0, 96, 1, 1, 255)))] = octets(b"of no use")
    scene.bus().meters[0].lists.shorten(1)

    def second_is_wrong(answer):
        seen.append(answer)
        return flipped(answer, 200) if len(seen) == 2 else answer

    meter.bends[GET] = second_is_wrong
    assert await visit(scene) is PollResult.CIPHERING
    assert [TEXT in line for line in scene.lines.values] == [True]


@on_a_jumping_clock
async def test_after_a_ciphering_error_the_meter_is_read_again_and_told_to_be_back():
    scene = secured(GMAC)
    scene.station.meter.bends[GET] = lambda answer: flipped(answer, 200)
    await visit(scene)
    scene.station.meter.bends.clear()
    scene.buses[0].meters[0].back_off.succeeded()
    assert await visit(scene) is PollResult.OK
    assert scene.said[-1] == "I house: is read again"


@pytest.mark.parametrize(
    ("bend", "words"),
    [
        (
            lambda _: bytes.fromhex("C701C10300"),
            "refused our answer to its challenge: action-result read-write-denied (3)",
        ),
        (lambda answer: bytes.fromhex("C701C1000100 0910") + bytes(16), "answer to our challenge is wrong"),
    ],
)
@on_a_jumping_clock
async def test_a_refused_proof_locks_for_an_hour(bend, words):
    scene = secured(access("high_md5"))
    scene.station.meter.bends[ACTION] = bend
    assert await visit(scene) is PollResult.AUTHENTICATION
    assert await visit(scene) is PollResult.LOCKED
    assert scene.station.said == [("own", "AARQ"), ("own", "ACTION")]
    (line,) = scene.said
    assert words in line
    assert "not tried again for an hour" in line
    assert scene.buses[0].meters[0].lock_out.holds(LOCK_NS - 1, wall_ns=0)


@on_a_jumping_clock
async def test_a_challenge_of_a_wrong_length_locks_nothing():
    scene = secured(access("high_md5"), station=SecuredStation(access("high_md5"), challenge=bytes(3)))
    assert await visit(scene) is PollResult.REJECTED
    assert await visit(scene) is PollResult.BACKING_OFF


@on_a_jumping_clock
async def test_a_counter_that_was_named_costs_no_error():
    scene = secured(GMAC, invocation_counter=None)
    scene.station.meter.last = 777
    scene.station.public.value = lambda: 4
    assert await visit(scene) is PollResult.OK
    assert scene.said == []
    assert scene.lines.polls[0]["errors"] == 0


@on_a_jumping_clock
async def test_a_refused_public_client_is_said_once_and_costs_no_error():
    scene = secured(GMAC)
    scene.station.public.value = lambda: 3
    scene.station.meter.last = 0
    assert [await visit(scene), await visit(scene)] == [PollResult.OK] * 2
    assert [line[0] for line in scene.said] == ["I"]


@on_a_jumping_clock
async def test_a_dead_meter_with_keys_costs_one_timeout():
    scene = secured(GMAC)
    scene.station.manner = silent
    assert await visit(scene) is PollResult.TIMEOUT
    assert scene.station.said == [("public", "AARQ")]
    assert scene.lines.polls[0]["gather_time_ns"] == pytest.approx(5 * 10**9, rel=0.01)


# Short names


def named(wanted):
    element = structure(
        encode(Tag.LONG, 0x1000),
        encode(Tag.LONG_UNSIGNED, NAME.class_id),
        encode(Tag.UNSIGNED, 0),
        encode(Tag.OCTET_STRING, NAME.logical_name),
    )
    station = SecuredStation(wanted)
    serve = station.meter.serve
    station.lists = 0

    def with_list(clear):
        if clear[:5] == bytes((READ, 1, 2)) + OBJECT_LIST.to_bytes(2):
            station.lists += 1
            return b"\x0c\x01\x00" + array([element])
        return serve(clear)

    station.meter.serve = with_list
    return station


@pytest.mark.parametrize("security", ["none", "low", "high", "high_gmac"])
@pytest.mark.parametrize("protection", [0, *PROTECTIONS])
@on_a_jumping_clock
async def test_short_names_are_read_with_and_without_ciphering(protection, security):
    wanted = access(security, "short_names", protection=type(ENCRYPTION)(protection))
    scene = secured(wanted, station=named(wanted), invocation_counter=None)
    scene.station.meter.last = 0
    assert [await visit(scene) for _ in range(3)] == [PollResult.OK] * 3
    assert [TEXT in line for line in scene.lines.values] == [True] * 3
    assert scene.station.lists == 1, "the object list is read once for a meter"


# The counter that is told.


@on_a_jumping_clock
async def test_the_line_of_a_poll_tells_the_last_counter_that_was_used_in_it_the_releases_too():
    scene = secured(GMAC)
    await visit(scene)
    await visit(scene)
    meter = scene.station.meter
    told = [line["invocation_counter"] for line in scene.lines.polls]
    # AARQ, token, proof, GET; the RLRQ, which this meter does not open.
    assert sorted(number for _, number in meter.counters) == [41, 42, 43, 44, 46, 47, 48, 49]
    assert told == [45, 50]


@pytest.mark.parametrize("dedicated", ["random", bytes(range(0x40, 0x50))])
@on_a_jumping_clock
async def test_with_a_dedicated_key_it_is_the_last_of_both(dedicated):
    scene = secured(access("high_gmac", protection=BOTH, dedicated_key=dedicated))
    await visit(scene)
    meter = scene.station.meter
    assert {key for key, _ in meter.counters} == {"global", "dedicated", "token"}
    assert scene.lines.polls[0]["invocation_counter"] == max(number for _, number in meter.counters) + 1, "the RLRQ's"


@on_a_jumping_clock
async def test_a_poll_that_uses_no_counter_tells_none():
    scene = secured(GMAC)
    await visit(scene)
    scene.station.refusal = "connection refused"
    scene.buses[0].distrust()
    await visit(scene)
    plain = secured(access("high_md5"))
    await visit(plain)
    assert ["invocation_counter" in line for line in (*scene.lines.polls, *plain.lines.polls)] == [True, False, False]


@on_a_jumping_clock
async def test_a_key_that_is_nearly_used_up_is_said_once():
    scene = secured(GMAC)
    scene.station.meter.last = 1_999_999_995
    for _ in range(3):
        assert await visit(scene) is PollResult.OK
    assert scene.said == [
        "W house: its key was used with invocation counter 2000000000: it has to be changed before 4294967295"
    ]
