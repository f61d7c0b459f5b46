"""With log_level "trace" a bus says what goes over its line, and no secret."""

from __future__ import annotations

import pytest

from jumping_clock import on_a_jumping_clock
from replay import read_trace
from stations import Scene, Station, connection, device, group, in_s, until, value
from telegraf_dlms.log import Log

PASSWORD = "the quick brown fox"


def scene(*values, level="trace"):
    low = {"access_security": "low", "password": PASSWORD, "timeout": "1s"}
    return_scene = Scene(
        connection(), device(**low), group("g", *values or [value()]), line=Station(password=PASSWORD.encode())
    )
    logger = return_scene.world.log._logger
    Log(logger).set_level(level)
    return return_scene


async def poll_once(meter):
    bus = meter.bus()
    bus.start(ticking=True)
    await until(2)
    await bus.stop(deadline=in_s(10))


def traced(meter):
    return [line.removeprefix("L line: ") for line in meter.records.said if line.startswith("L")]


@on_a_jumping_clock
async def test_all_octets_are_traced_with_the_connections_name_and_the_password_masked():
    meter = scene()
    await poll_once(meter)
    lines = traced(meter)
    stretches = read_trace("\n".join(lines))
    sent = [stretch for stretch in stretches if stretch.sign == ">"]
    assert [len(stretch.octets) for stretch in sent] == [len(octets) for octets in meter.station.heard]
    assert all(stretch.fits(octets) for stretch, octets in zip(sent, meter.station.heard, strict=True))
    assert sent[0].octets.count(None) == len(PASSWORD)
    assert sum(stretch.octets.count(None) for stretch in stretches) == len(PASSWORD)
    assert lines[-1] == "# closed"


@on_a_jumping_clock
async def test_silence_is_traced_where_it_was():
    meter = scene()
    meter.station.deaf = {1}
    await poll_once(meter)
    assert [line[:20] for line in traced(meter)][1:] == ["# no answer within 1", "# closed"]


@pytest.mark.parametrize("level", ["debug", "info"])
@on_a_jumping_clock
async def test_nothing_is_traced_at_other_levels(level):
    meter = scene(level=level)
    await poll_once(meter)
    assert meter.lines.values
    assert traced(meter) == []


@on_a_jumping_clock
async def test_a_link_on_which_secrets_are_read_hides_what_it_cannot_tell():
    port = value("port", obis="0.0.20.0.0.255", class_id=19, attributes=["default_mode", 7])
    for values, reads in [([port], "secret"), ([], "open")]:
        meter = scene(*values)
        await poll_once(meter)
        [wire] = meter.station.wires
        assert wire.link.trace._reads == reads


@on_a_jumping_clock
async def test_a_link_that_is_kept_open_is_traced_from_the_poll_on_at_which_the_log_wants_it():
    meter = Scene(connection(persistent=True), device(), group("g", value(), interval="10s"))
    bus = meter.bus()
    bus.start(ticking=True)
    await until(15)
    assert traced(meter) == []
    asked = len(meter.station.heard)
    meter.world.log.set_level("trace")
    meter.world.log._logger._cache.clear()  # logging does so itself, but for a logger of a test's own
    await until(25)
    sent = [stretch for stretch in read_trace("\n".join(traced(meter))) if stretch.sign == ">"]
    assert [stretch.fits(octets) for stretch, octets in zip(sent, meter.station.heard[asked:], strict=True)] == [True]
    assert len(meter.station.opened) == 1
    await bus.stop(deadline=in_s(10))
