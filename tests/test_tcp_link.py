"""Connections on loopback: what opens, what does not, and how either says so."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import struct

import pytest

from telegraf_dlms.errors import LinkError, Silence
from telegraf_dlms.link import MAX_IDLE_OCTETS, TcpSettings
from telegraf_dlms.tcp_link import open_tcp, tcp_reason


class Meter(asyncio.Protocol):
    """Answers each octet with the same octet; "q" closes, "x" resets the connection."""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        if data == b"x":
            linger = struct.pack("ii", 1, 0)
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        if data in {b"x", b"q"}:
            self.transport.abort()
        else:
            self.transport.write(data)


@contextlib.asynccontextmanager
async def listening(*addresses):
    """Yield a port on which a Meter listens at each address."""
    loop = asyncio.get_running_loop()
    first = await loop.create_server(Meter, addresses[0], 0)
    port = first.sockets[0].getsockname()[1]
    servers = [first, *[await loop.create_server(Meter, address, port) for address in addresses[1:]]]
    try:
        yield port
    finally:
        for server in servers:
            server.close()


@contextlib.contextmanager
def deaf_port(*, backlog=None):
    """Yield a port that refuses, or, with a backlog of 0 that is full, never answers."""
    with socket.socket() as listener, socket.socket() as caller, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        if backlog is not None:
            listener.listen(backlog)
            for waiting in (caller, second):
                waiting.setblocking(False)
                waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def echo(octets):
    answer = b""
    while len(answer) < len(octets):
        answer += yield b"" if answer else octets
    return answer


@contextlib.asynccontextmanager
async def opened(port, address="127.0.0.1"):
    link = await open_tcp(TcpSettings(address, port), timeout_s=5)
    try:
        yield link
    finally:
        link.close()
        await link.wait_closed()


def test_a_connection_carries_exchanges_without_delay_and_is_kept_alive():
    async def scenario():
        async with listening("127.0.0.1") as port, opened(port) as link:
            connection = link._transport.get_extra_info("socket")
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 120
            for octets in (b"one", bytes(range(256)) * 256):
                assert await link.run(echo(octets), timeout_s=5) == octets
            assert link.peer == f"127.0.0.1:{port}"

    asyncio.run(scenario())


def test_links_that_share_the_input_buffer_do_not_mix_their_octets():
    async def scenario():
        async with listening("127.0.0.1") as port, contextlib.AsyncExitStack() as stack:
            links = [await stack.enter_async_context(opened(port)) for _ in range(20)]
            questions = [bytes([number]) * 500 for number in range(20)]
            answers = await asyncio.gather(
                *(link.run(echo(q), timeout_s=5) for link, q in zip(links, questions, strict=True))
            )
            assert answers == questions

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("command", "text"),
    [(b"q", "closed by the meter"), (b"x", "connection reset by the meter")],
    ids=["closed", "reset"],
)
def test_a_meter_that_hangs_up_ends_the_exchange_and_the_link(command, text):
    async def scenario():
        async with listening("127.0.0.1") as port, opened(port) as link:
            for _ in range(2):
                with pytest.raises(LinkError) as caught:
                    await link.run(echo(command), timeout_s=5)
                assert str(caught.value) == f"127.0.0.1:{port}: {text}"
            assert not link.alive

    asyncio.run(scenario())


def test_after_closing_the_socket_is_gone():
    async def scenario():
        async with listening("127.0.0.1") as port, opened(port) as link:
            connection = link._transport.get_extra_info("socket")
            link.close()
            link.close()
            await link.wait_closed()
            assert connection.fileno() == -1

    asyncio.run(scenario())


def test_a_flood_that_nobody_asked_for_closes_the_connection():
    async def scenario():
        async with listening("127.0.0.1") as port, opened(port) as link:
            link._transport.write(bytes(MAX_IDLE_OCTETS + 1))
            await link.wait_closed()
            assert not link.alive

    asyncio.run(scenario())


def test_a_port_that_refuses_is_said_to():
    async def scenario(port):
        with pytest.raises(LinkError, match=f"^127.0.0.1:{port}: connection refused$") as caught:
            await open_tcp(TcpSettings("127.0.0.1", port), timeout_s=5)
        assert caught.value.number == errno.ECONNREFUSED

    with deaf_port() as port:
        asyncio.run(scenario(port))


def test_connecting_takes_no_longer_than_the_timeout():
    async def scenario(port):
        with pytest.raises(LinkError, match=r"no connection within 0\.05 s$") as caught:
            await open_tcp(TcpSettings("127.0.0.1", port), timeout_s=0.05)
        assert not isinstance(caught.value, Silence)

    with deaf_port(backlog=0) as port:
        asyncio.run(scenario(port))


def resolving(monkeypatch, answer):
    async def getaddrinfo(_loop, _host, port, **_settings):
        if isinstance(answer, Exception):
            raise answer
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in answer]

    monkeypatch.setattr(asyncio.SelectorEventLoop, "getaddrinfo", getaddrinfo)


def test_of_a_names_addresses_the_one_that_answers_is_taken(monkeypatch):
    async def scenario():
        async with listening("127.0.0.1") as port:
            resolving(monkeypatch, ["127.0.0.9", "127.0.0.1"])
            async with opened(port, "meter.example") as link:
                assert await link.run(echo(b"hello"), timeout_s=5) == b"hello"
                assert link.peer == f"meter.example:{port}"

    asyncio.run(scenario())


def test_where_no_address_of_a_name_answers_the_reason_is_still_plain(monkeypatch):
    resolving(monkeypatch, ["127.0.0.8", "127.0.0.9"])

    async def scenario(port):
        with pytest.raises(LinkError, match=f"^meter.example:{port}: connection refused$"):
            await open_tcp(TcpSettings("meter.example", port), timeout_s=5)

    with deaf_port() as port:
        asyncio.run(scenario(port))


def test_a_name_that_does_not_resolve_is_said_to(monkeypatch):
    resolving(monkeypatch, socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
    expected = "^meter.example:4059: cannot resolve the address: Name or service not known$"
    with pytest.raises(LinkError, match=expected):
        asyncio.run(open_tcp(TcpSettings("meter.example", 4059), timeout_s=5))


def test_what_cannot_be_a_name_is_said_to():
    with pytest.raises(LinkError, match=r"cannot resolve the address: not a host name$"):
        asyncio.run(open_tcp(TcpSettings("a" * 64 + ".example", 4059), timeout_s=5))


def test_an_ipv6_address_stands_in_brackets():
    with pytest.raises(LinkError, match=r"^\[::1\]:1: "):
        asyncio.run(open_tcp(TcpSettings("::1", 1), timeout_s=5))


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "connection refused"),
        (OSError(errno.EHOSTUNREACH, "x"), "no route to the meter"),
        (OSError(errno.EMFILE, "x"), "too many open files: raise the limit of open files (ulimit -n, LimitNOFILE)"),
        (OSError(errno.EADDRNOTAVAIL, "x"), "cannot assign requested address"),
        (OSError("Multiple exceptions: [Errno 101] a, [Errno 111] b"), "connection refused"),
        (OSError("getaddrinfo() returned empty list"), "getaddrinfo() returned empty list"),
        (OSError(), "OSError"),
    ],
    ids=["refused", "no route", "files", "other number", "several", "no number", "nothing"],
)
def test_reasons_are_plain_words(error, text):
    assert tcp_reason(error) == text
