import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys

import pytest

from secured_client import BOTH, METER_TITLE, SecuredClient, aare_fields, demanding, result_of
from simulator_client import AARE, AARQ, AARQ_LOW, NOON, descriptor
from telegraf_dlms import wrapper
from telegraf_dlms.errors import Silence
from telegraf_dlms.get import InvokeIds, get
from telegraf_dlms.hdlc_procedure import HdlcFraming
from telegraf_dlms.simulator import Access, Options, ServerAddress, serving
from telegraf_dlms.simulator.listen import CANNOT_LISTEN, _Connection, _House
from telegraf_dlms.simulator.negotiated import counter_error
from telegraf_dlms.wrapper import WrapperFraming

NAME = descriptor(1, "0.0.42.0.0.255")
CLOCK = descriptor(8, "0.0.1.0.0.255")
TIMEOUT = 5


async def talk(conversation, reader, writer):
    """Run a conversation over streams; an end of the stream is silence."""
    try:
        octets = next(conversation)
        while True:
            writer.write(octets)
            received = await asyncio.wait_for(reader.read(65536), TIMEOUT)
            octets = conversation.send(received) if received else conversation.throw(Silence("closed"))
    except StopIteration as stop:
        return stop.value


@contextlib.asynccontextmanager
async def connected(port, *, to="127.0.0.1"):
    reader, writer = await asyncio.open_connection(to, port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def framing_of(interface):
    return HdlcFraming(client=b"\x21", server=b"\x03") if interface == "hdlc" else WrapperFraming(client=16, server=1)


async def read_name(port, *, interface="wrapper", to="127.0.0.1"):
    async with connected(port, to=to) as streams:
        framing = framing_of(interface)
        if interface == "hdlc":
            await talk(framing.open(), *streams)
        assert await talk(framing.exchange(AARQ), *streams) == AARE
        return await talk(get(framing, NAME, invoke_ids=InvokeIds()), *streams)


def serve(options, scenario, **keywords):
    async def main():
        async with serving(options, **keywords) as endpoint:
            await scenario(endpoint)

    asyncio.run(main())


@pytest.mark.parametrize("interface", ["wrapper", "hdlc"])
@pytest.mark.parametrize("delay_s", [0.0, 0.001])
def test_a_meter_is_read_over_tcp(interface, delay_s):
    async def scenario(endpoint):
        assert endpoint.name == f"127.0.0.1:{endpoint.port}"
        assert await read_name(endpoint.port, interface=interface) == b"TDL0000000000001"

    serve(Options(interface=interface, port=0, delay_s=delay_s), scenario)


def test_the_clock_is_the_one_that_was_given():
    async def scenario(endpoint):
        async with connected(endpoint.port) as streams:
            framing = framing_of("wrapper")
            await talk(framing.exchange(AARQ), *streams)
            octets = await talk(get(framing, CLOCK, invoke_ids=InvokeIds()), *streams)
            assert octets[:8] == bytes.fromhex("07EA0101040D071E")

    serve(Options(interface="wrapper", port=0), scenario, clock=lambda: NOON)


def test_the_password_is_asked_for():
    async def scenario(endpoint):
        async with connected(endpoint.port) as streams:
            framing = WrapperFraming(client=1, server=1)
            assert (await talk(framing.exchange(AARQ), *streams))[-1] == 14
            assert await talk(framing.exchange(AARQ_LOW), *streams) == AARE

    serve(Options(interface="wrapper", port=0, access=Access("low", b"12345678")), scenario)


def test_a_meter_remembers_its_clients_counters_over_all_connections():
    demands = demanding(protection=BOTH)

    async def scenario(endpoint):
        client = SecuredClient(demands)
        request, refused = client.aarq(), counter_error(client.counter)
        async with connected(endpoint.port) as first, connected(endpoint.port) as second:
            framing = WrapperFraming(client=1, server=1)
            assert result_of(aare_fields(await talk(framing.exchange(request), *first))) == 0
            assert await talk(framing.exchange(request), *first) == refused
            assert await talk(framing.exchange(request), *second) == refused

    serve(Options(interface="wrapper", port=0, access=demands), scenario)


@pytest.mark.skipif(sys.platform != "linux", reason="every address of 127/8 is there on Linux alone")
def test_each_of_many_meters_has_a_title_and_counters_of_its_own():
    demands = demanding("high_gmac")

    async def scenario(endpoint):
        request, titles = SecuredClient(demands).aarq(), []
        for low in (1, 2):
            async with connected(endpoint.port, to=f"127.0.0.{low}") as streams:
                fields = aare_fields(await talk(WrapperFraming(client=1, server=1).exchange(request), *streams))
                titles.append(fields[0xA4][2:])
        assert titles == [METER_TITLE, demands.title_of(2)]

    serve(Options(interface="wrapper", port=0, meters=2, access=demands), scenario)


@pytest.mark.skipif(sys.platform != "linux", reason="every address of 127/8 is there on Linux alone")
def test_many_meters_are_many_loopback_addresses():
    async def scenario(endpoint):
        names = [await read_name(endpoint.port, to=f"127.0.{high}.{low}") for high, low in ((0, 1), (0, 2), (1, 44))]
        assert names == [b"TDL0000000000001", b"TDL0000000000002", b"TDL0000000000300"]

    serve(Options(interface="wrapper", port=0, meters=300), scenario)


@pytest.mark.skipif(sys.platform != "linux", reason="every address of 127/8 is there on Linux alone")
def test_an_address_without_a_meter_is_hung_up_on():
    async def scenario(endpoint):
        async with connected(endpoint.port, to="127.0.0.4") as (reader, writer):
            writer.write(wrapper.encode(16, 1, AARQ))
            with contextlib.suppress(ConnectionResetError):
                assert await asyncio.wait_for(reader.read(100), TIMEOUT) == b""
        assert await read_name(endpoint.port, to="127.0.0.3") == b"TDL0000000000003"

    serve(Options(interface="wrapper", port=0, meters=3), scenario)


def test_who_speaks_another_protocol_is_hung_up_on():
    async def scenario(endpoint):
        async with connected(endpoint.port) as (reader, writer):
            writer.write(b"GET / HTTP/1.0\r\n\r\n")
            assert await asyncio.wait_for(reader.read(100), TIMEOUT) == b""

    serve(Options(interface="wrapper", port=0), scenario)


class Transport:
    """A transport whose client does not read: what is written stays."""

    def __init__(self):
        self.written = b""
        self.heard = True

    def get_extra_info(self, name):
        return {"sockname": ("127.0.0.1", 4059)}[name]

    def is_closing(self):
        return False

    def write(self, octets):
        self.written += octets

    def pause_reading(self):
        self.heard = False

    def resume_reading(self):
        self.heard = True


def test_who_does_not_read_the_answers_is_not_heard_any_more():
    transport = Transport()
    connection = _Connection(_House(Options(interface="wrapper"), lambda: NOON))
    connection.connection_made(transport)
    connection.data_received(wrapper.encode(16, 1, AARQ))
    assert transport.written == wrapper.encode(1, 16, AARE)

    connection.pause_writing()
    assert not transport.heard
    connection.resume_writing()
    assert transport.heard


def test_connections_end_with_the_server():
    async def main():
        async with serving(Options(interface="wrapper", port=0)) as endpoint:
            reader, writer = await asyncio.open_connection("127.0.0.1", endpoint.port)
            writer.write(wrapper.encode(16, 1, AARQ))
            await reader.readexactly(8 + len(AARE))
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(1), TIMEOUT) == b""
        writer.close()

    asyncio.run(main())


@pytest.mark.parametrize("interface", ["wrapper", "hdlc"])
def test_meters_are_read_over_a_pseudo_terminal(interface, tmp_path):
    link = tmp_path / "meter"
    options = Options(interface=interface, pty=link, meters=2, server_address=ServerAddress(count=2))

    async def scenario(endpoint):
        assert endpoint.name.startswith(str(link))
        with open(link, "r+b", buffering=0) as line:  # noqa: ASYNC230, PTH123  a terminal opens at once
            reader = asyncio.StreamReader()
            transport, _ = await asyncio.get_running_loop().connect_read_pipe(
                lambda: asyncio.StreamReaderProtocol(reader), line
            )
            framing = framing_of(interface)
            if interface == "hdlc":
                line.write(b"\x00garbage\x7e")
                await talk(framing.open(), reader, line)
            assert await talk(framing.exchange(AARQ), reader, line) == AARE
            assert await talk(get(framing, NAME, invoke_ids=InvokeIds()), reader, line) == b"TDL0000000000001"
            transport.close()

    serve(options, scenario)
    assert not link.is_symlink()


def started(*arguments):
    program = (
        "import argparse, sys; from telegraf_dlms import simulator as s; p = argparse.ArgumentParser();"
        "s.add_arguments(p); sys.exit(s.run(s.options_from(p.parse_args())))"
    )
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


@pytest.mark.process
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_good_order(number, tmp_path):
    link = tmp_path / "meter"
    with started("--pty", str(link)) as process:
        said = process.stderr.readline()
        assert link.is_symlink()
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=10)

    assert re.fullmatch(rf"I! simulator: 1 meter, hdlc, listening on {link} \(/dev/\S+\)\n", said)
    assert (process.returncode, stdout, stderr) == (0, "", "")
    assert not link.is_symlink()


@pytest.mark.process
def test_the_free_port_is_said():
    with started("--port", "0", "--interface", "wrapper", "--meters", "10000") as process:
        said = process.stderr.readline()
        found = re.fullmatch(
            r"I! simulator: 10000 meters at 127.0.0.1 to 127.0.39.16, wrapper, listening on 127.0.0.1:(\d+)\n", said
        )
        assert asyncio.run(read_name(int(found[1]), to="127.0.39.16")) == b"TDL0000000010000"
        process.terminate()
        assert process.wait(10) == 0


@pytest.mark.process
def test_a_port_that_is_taken_is_one_line():
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        started("--port", str(taken.getsockname()[1])) as process,
    ):
        stdout, stderr = process.communicate(timeout=10)

    assert (process.returncode, stdout) == (CANNOT_LISTEN, "")
    assert re.fullmatch(r"E! simulator: cannot listen on 127\.0\.0\.1: [^\n]+\n", stderr)


@pytest.mark.process
def test_a_link_that_is_a_file_is_one_line(tmp_path):
    link = tmp_path / "meter"
    link.write_text("mine")
    with started("--pty", str(link)) as process:
        stdout, stderr = process.communicate(timeout=10)

    assert (process.returncode, stdout) == (CANNOT_LISTEN, "")
    assert stderr == f"E! simulator: cannot listen on {link}: File exists\n"
