"""A poll of a meter that is called before HDLC begins: how the line is opened is the link's, when is the poll's."""

from __future__ import annotations

import asyncio

import pytest

import stations
from jumping_clock import elapsed, on_a_jumping_clock
from stations import Scene, Station, connection, device, group, value
from telegraf_dlms.errors import LinkError, RemoteProtocolError, Silence
from telegraf_dlms.establish import UNHEARD_DISC_S
from telegraf_dlms.hdlc import FrameBuffer, Kind
from telegraf_dlms.link import Link
from telegraf_dlms.metrics import PollResult
from telegraf_dlms.poll import RELEASE_TIMEOUT_S, poll

OPENING_S = 1.0


class Line(Link):
    """A link whose openings take a second, and fail as they are told.

    ``said`` has what happens on it in order: openings, and the kinds of our frames but those with information.
    """

    def __init__(self, peer):
        super().__init__(peer)
        self.said, self.failures = [], []

    async def open_line(self, opening, *, timeout_s):
        self.said.append((opening, timeout_s))
        if opening == "mode_e":
            await asyncio.sleep(OPENING_S)
        if self.failures:
            raise self.failures.pop(0)

    def _write(self, octets, now):
        buffer = FrameBuffer()
        buffer.feed(octets)
        if (kind := buffer.next().kind) is not Kind.I:
            self.said.append(kind)
        super()._write(octets, now)


@pytest.fixture
def scene(monkeypatch):
    """Make scenes of a meter on a serial line that is opened in mode E, or plainly."""
    monkeypatch.setattr(stations, "Link", Line)

    def make(interface="hdlc_mode_e", *, persistent=False, **settings):
        return Scene(
            connection(type="serial", persistent=persistent),
            device(interface_type=interface, **settings),
            group("g", value()),
            line=Station("hdlc"),
        )

    return make


def visit(world):
    bus = world.buses[0] if world.buses else world.bus()
    return poll(bus.meters[0], ["g"], bus, world.world)


def line_of(world):
    return world.buses[0].live_link


CALL = ("mode_e", 5.0)
VISIT = [CALL, Kind.SNRM, Kind.DISC]
UNHEARD = [("plain", 5.0), Kind.DISC]


@on_a_jumping_clock
async def test_each_association_begins_with_an_opening(scene):
    meter = scene()
    assert [await visit(meter), await visit(meter)] == [PollResult.OK] * 2
    assert line_of(meter).said == VISIT * 2
    assert [told["up"] for told in meter.lines.polls] == [1, 1]


@on_a_jumping_clock
async def test_a_line_without_mode_e_is_as_it_was_configured(scene):
    meter = scene("hdlc")
    await visit(meter)
    assert line_of(meter).said[:2] == [("plain", 5.0), Kind.SNRM]


@on_a_jumping_clock
async def test_an_association_that_is_kept_is_not_called_again(scene):
    meter = scene(persistent=True)
    await visit(meter)
    await visit(meter)
    assert line_of(meter).said.count(CALL) == 1


@on_a_jumping_clock
async def test_a_kept_association_that_is_found_dead_is_called_again_without_error(scene):
    meter = scene(persistent=True)
    await visit(meter)
    meter.station.forget_associations()
    assert await visit(meter) is PollResult.OK
    assert line_of(meter).said.count(CALL) == 2
    assert meter.lines.polls[1]["errors"] == 0


@pytest.mark.parametrize(
    ("error", "result", "said"),
    [
        (Silence("line: no answer"), PollResult.TIMEOUT, [CALL, *UNHEARD]),
        (RemoteProtocolError("mode E: no identification"), PollResult.PROTOCOL, [CALL]),
        (LinkError("line: the port cannot do 300 baud"), PollResult.CONNECT, [CALL]),
    ],
    ids=["silence", "no identification", "the port"],
)
@on_a_jumping_clock
async def test_an_opening_that_failed_is_not_tried_again_within_the_poll(scene, error, result, said):
    meter = scene(retries=2)
    await visit(meter)
    line_of(meter).said.clear()
    line_of(meter).failures = [error]
    assert await visit(meter) is result
    assert line_of(meter).said == said
    assert meter.lines.polls[1]["up"] == 0
    assert any(str(error) in line for line in meter.said)


@on_a_jumping_clock
async def test_a_meter_that_was_left_in_the_middle_is_disconnected_before_it_is_called_but_not_after(scene):
    meter = scene(retries=0)
    meter.station.mishaps[2] = stations.silent
    assert await visit(meter) is PollResult.TIMEOUT
    began = elapsed()
    line_of(meter).said.clear()
    meter.station.deaf = {1}
    meter.buses[0].meters[0].back_off.succeeded()
    line_of(meter).failures = [Silence("line: no answer")]
    await visit(meter)
    assert line_of(meter).said == [Kind.DISC, CALL, *UNHEARD]
    assert elapsed() - began == pytest.approx(RELEASE_TIMEOUT_S + OPENING_S + UNHEARD_DISC_S)

    line_of(meter).said.clear()
    meter.station.deaf = set()
    meter.buses[0].meters[0].back_off.succeeded()
    assert await visit(meter) is PollResult.OK
    assert line_of(meter).said == [Kind.DISC, *VISIT]


@on_a_jumping_clock
async def test_after_a_call_that_was_not_heard_hdlc_is_ended_which_another_process_may_have_left_behind(scene):
    meter = scene()
    await visit(meter)
    line_of(meter).said.clear()
    line_of(meter).failures = [Silence("line: no answer")]
    assert await visit(meter) is PollResult.TIMEOUT
    meter.buses[0].meters[0].back_off.succeeded()
    assert await visit(meter) is PollResult.OK
    assert line_of(meter).said == [CALL, *UNHEARD, *VISIT]


@pytest.mark.parametrize("failure", [LinkError("line: gone"), Silence("line: no answer")])
@on_a_jumping_clock
async def test_a_line_that_fails_while_disc_is_to_be_said_does_not_hide_why_the_opening_failed(scene, failure):
    meter = scene()
    await visit(meter)
    line_of(meter).failures = [Silence("line: nobody heard the call"), failure]
    assert await visit(meter) is PollResult.TIMEOUT
    assert any("nobody heard the call" in line for line in meter.said)


@on_a_jumping_clock
async def test_the_call_itself_ends_what_the_meter_thought_was_open(scene):
    meter = scene(retries=0)
    meter.station.mishaps[2] = stations.silent
    await visit(meter)
    line_of(meter).said.clear()
    meter.station.mishaps[meter.station.next_message()] = stations.silent
    meter.buses[0].meters[0].back_off.succeeded()
    assert await visit(meter) is PollResult.OK
    assert line_of(meter).said == [Kind.DISC, *VISIT]


@on_a_jumping_clock
async def test_the_pause_after_connecting_is_between_the_opening_and_hdlc(scene):
    meter = scene(workarounds={"pause_after_connect": "2s"})
    began = elapsed()
    await visit(meter)
    assert line_of(meter).said == VISIT
    assert elapsed() - began > OPENING_S + 2
