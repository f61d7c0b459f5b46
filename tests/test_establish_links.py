"""Links and lines while an association is opened: meters that hang up, room for one data link, mode E, a stop."""

from __future__ import annotations

import asyncio

import pytest

import stations
from jumping_clock import elapsed, on_a_jumping_clock
from sealed import BOTH
from secured_meter import VALUE, access
from secured_station import ask, opening_of, refused, used, without_counter
from stations import LATENCY_S, hanging_up, late, silent
from telegraf_dlms.errors import LinkError, Silence
from telegraf_dlms.establish import RELEASE_TIMEOUT_S
from telegraf_dlms.link import Link

GMAC = access("high_gmac", protection=BOTH)
PUBLIC = [("public", "AARQ"), ("public", "GET"), ("public", "RLRQ")]
OWN = [("own", "AARQ"), ("own", "ciphered")]
PUBLIC_HDLC = [("public", "SNRM"), ("public", "AARQ"), ("public", "GET"), ("public", "DISC")]
OWN_HDLC = [("own", "SNRM"), *OWN]


# Meters that hang up


@pytest.mark.parametrize(
    "delay_s",
    [LATENCY_S, 1.5 * LATENCY_S, 1.99 * LATENCY_S],
    ids=["with the answer", "between", "before the next answer"],
)
@on_a_jumping_clock
async def test_a_meter_that_hangs_up_behind_the_public_client_is_dialled_again(delay_s):
    opening = opening_of(GMAC)
    station = opening.scene.station
    station.hangs_up_after, station.hangs_up_in_s = "public", delay_s
    await opening.make()
    assert len(station.opened) == 2
    assert station.said[:3] == PUBLIC
    assert station.said[-2:] == OWN
    assert used(opening) == sorted(set(used(opening))), "what went down with the link is used up"
    assert await ask(opening) == VALUE


@on_a_jumping_clock
async def test_a_meter_that_hangs_up_on_its_first_request_is_not_dialled_again():
    opening = opening_of(GMAC)
    opening.scene.station.mishaps[1] = hanging_up
    await refused(opening, LinkError)
    assert len(opening.scene.station.opened) == 1


@on_a_jumping_clock
async def test_a_meter_that_hangs_up_again_and_again_is_dialled_twice():
    opening = opening_of(GMAC)
    opening.scene.station.mishaps |= {4: hanging_up, 5: hanging_up}
    await refused(opening, LinkError)
    assert len(opening.scene.station.opened) == 2
    assert opening.scene.station.said == [*PUBLIC, OWN[0], OWN[0]]


@on_a_jumping_clock
async def test_a_meter_that_hangs_up_in_the_middle_of_its_answer_is_not_dialled_again():
    opening = opening_of(GMAC)
    opening.scene.station.mishaps[4] = lambda answer: [(LATENCY_S, answer[:20]), (2 * LATENCY_S, None)]
    await refused(opening, LinkError)
    assert len(opening.scene.station.opened) == 1


@pytest.mark.parametrize("message", [1, 2, 4, 5])
@on_a_jumping_clock
async def test_silence_in_an_opening_is_not_asked_again(message):
    opening = opening_of(GMAC)
    opening.scene.station.mishaps[message] = silent
    await refused(opening, Silence)
    assert len(opening.scene.station.opened) == 1
    own = [said for said in opening.scene.station.said if said[0] == "own"]
    assert own == (OWN[: message - 3] if message > 3 else [])


@on_a_jumping_clock
async def test_a_release_of_the_public_client_that_is_not_answered_waits_half_a_second():
    opening = opening_of(GMAC)
    opening.scene.station.mishaps[3] = silent
    await opening.make()
    assert elapsed() == pytest.approx(4 * LATENCY_S + RELEASE_TIMEOUT_S)
    assert await ask(opening) == VALUE


@on_a_jumping_clock
async def test_an_answer_of_the_public_client_that_comes_late_is_none_to_us():
    opening = opening_of(GMAC)
    opening.scene.station.mishaps[3] = late(RELEASE_TIMEOUT_S + LATENCY_S / 2)
    await opening.make()
    assert await ask(opening) == VALUE


# HDLC: room for one data link


def over_hdlc(wanted=GMAC, interface="hdlc", **settings):
    return opening_of(wanted, interface, serial=True, **settings)


@on_a_jumping_clock
async def test_the_public_client_s_data_link_is_taken_down_before_ours_is_set_up():
    opening = over_hdlc()
    await opening.make()
    assert opening.scene.station.said == PUBLIC_HDLC + OWN_HDLC
    data_links = [dict(step.detail) for step in opening.steps if step.name == "data_link"]
    both = {"max_info_transmit": 1024, "max_info_receive": 1024, "window_transmit": 1, "window_receive": 1}
    assert data_links == [both, both]
    assert await ask(opening) == VALUE


@on_a_jumping_clock
async def test_a_rejected_public_client_takes_its_data_link_down_too():
    opening = over_hdlc()
    opening.scene.station.public.aare = {"result": 1, "diagnostic": 1}
    opening.scene.station.meter.last = 0
    await opening.make()
    assert opening.scene.station.said == [("public", "SNRM"), ("public", "AARQ"), ("public", "DISC"), *OWN_HDLC]


@on_a_jumping_clock
async def test_a_public_client_in_disconnected_mode_is_a_refused_one():
    opening = over_hdlc()
    opening.scene.station.disconnected = {16}
    opening.scene.station.meter.last = 0
    await opening.make()
    assert opening.scene.station.said == [("public", "SNRM"), *OWN_HDLC]
    assert "disconnected mode (DM)" in opening.steps[0].detail["refused"]
    assert used(opening)[0] == 1


@on_a_jumping_clock
async def test_a_data_link_of_ours_that_was_left_is_taken_down_before_the_public_client_s_is_set_up():
    opening = over_hdlc()
    await opening.make()
    opening.scene.station.take_said()
    opening.meter.drop_framing()
    await opening.make()
    assert opening.scene.station.said == [("own", "DISC"), *PUBLIC_HDLC, *OWN_HDLC]


@on_a_jumping_clock
async def test_after_a_refused_counter_the_data_link_is_set_up_anew():
    opening = without_counter(GMAC, "hdlc", serial=True)
    opening.scene.station.meter.last = 5000
    await opening.make()
    assert opening.scene.station.said == [("own", "SNRM"), OWN[0], ("own", "DISC"), *OWN_HDLC]
    assert used(opening) == [1, 5001, 5003]


# Mode E: from the beginning each time


class Line(Link):
    """A link that takes a second to call a meter in mode E; the calls are in ``said`` of its station, too."""

    station = None

    async def open_line(self, opening, *, timeout_s):
        self.station.said.append(("line", opening))
        if opening == "mode_e":
            await asyncio.sleep(1)
        return {"baud_rate": 9600}


@pytest.fixture
def mode_e(monkeypatch):
    monkeypatch.setattr(stations, "Link", Line)
    opening = over_hdlc(interface="hdlc_mode_e")
    monkeypatch.setattr(Line, "station", opening.scene.station)
    return opening


CALL = ("line", "mode_e")


@on_a_jumping_clock
async def in_mode_e(opening, *after):
    await opening.make()
    for step in after:
        await step(opening)


def test_in_mode_e_each_association_begins_with_a_call(mode_e):
    in_mode_e(mode_e)
    assert mode_e.scene.station.said == [CALL, *PUBLIC_HDLC, CALL, *OWN_HDLC]
    assert [step.name for step in mode_e.steps] == [
        *("mode_e", "data_link", "invocation_counter"),
        *("mode_e", "data_link", "associate", "authenticate"),
    ]


def test_in_mode_e_a_data_link_that_was_left_is_taken_down_before_the_call(mode_e):
    async def once_more(opening):
        opening.scene.station.take_said()
        opening.meter.drop_framing()
        await opening.make()

    in_mode_e(mode_e, once_more)
    assert mode_e.scene.station.said == [("own", "DISC"), CALL, *PUBLIC_HDLC, CALL, *OWN_HDLC]


# A stop in the middle


@pytest.mark.parametrize("message", [1, 2, 3, 4, 5])
@on_a_jumping_clock
async def test_a_stop_in_the_middle_leaves_nothing_open(message):
    opening = opening_of(GMAC)
    task = asyncio.ensure_future(opening.make())
    await asyncio.sleep((message - 0.5) * LATENCY_S)
    began = elapsed()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert elapsed() == began, "nothing is waited for"
    assert len(opening.scene.station.said) == message
    assert (opening.meter.framing, opening.meter.association, opening.bus.live_link) == (None, None, None)


@on_a_jumping_clock
async def test_a_stop_while_a_line_is_opened_leaves_nothing_open():
    opening = opening_of(GMAC, workarounds={"pause_after_connect": "2s"})
    task = asyncio.ensure_future(opening.make())
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (opening.meter.framing, opening.scene.station.said) == (None, [])
