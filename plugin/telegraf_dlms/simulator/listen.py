"""The built-in meters on TCP or on a pseudo-terminal: the simulator's only I/O.

On TCP a meter is an address: 127.0.0.1 is the first, and one listener on all addresses serves them all. It is bound to
the loopback device, and refuses what did not come to one of its meters' addresses, so that nobody else sees it.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import time
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final, Protocol, cast

from telegraf_dlms import log, process
from telegraf_dlms.errors import RemoteProtocolError
from telegraf_dlms.simulator.hdlc_server import HdlcServer
from telegraf_dlms.simulator.ledger import Ledger
from telegraf_dlms.simulator.mode_e import ModeE
from telegraf_dlms.simulator.server import Session
from telegraf_dlms.simulator.terminal import Terminal
from telegraf_dlms.simulator.wrapper_server import WrapperServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from telegraf_dlms.simulator.options import Options

#: Thousands of clients may connect at once; the kernel cuts it to its own limit.
BACKLOG: Final = 4096
#: The exit status where it cannot listen.
CANNOT_LISTEN: Final = 1


class Line(Protocol):
    """What hears octets and answers them: HdlcServer, ModeE or WrapperServer."""

    def receive(self, octets: bytes) -> bytes:
        """Return what is to be sent."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the meters are: ``name`` for people; ``port`` is None on a pty."""

    name: str
    port: int | None = None


def run(options: Options) -> int:
    """Serve until SIGTERM or SIGINT; return the exit status."""
    return asyncio.run(_run(options, log.setup()))


@contextlib.asynccontextmanager
async def serving(options: Options, *, clock: Callable[[], float] = time.time) -> AsyncIterator[Endpoint]:
    """Serve while the context lasts; ``clock`` gives Unix seconds. OSError where it cannot listen."""
    house = _House(options, clock)
    if options.pty is not None:
        line = house.line(1, baud_rate=lambda: terminal.baud_rate)
        outlet = _Outlet(line, options.delay_s)
        terminal = Terminal(options.pty, outlet.overheard)
        outlet.connect(terminal.write)
        try:
            yield Endpoint(f"{terminal.link} ({terminal.device})")
        finally:
            terminal.close()
        return
    server = await _listen(house)
    try:
        port = server.sockets[0].getsockname()[1]
        yield Endpoint(f"{options.address}:{port}", port)
    finally:
        server.close()
        house.close()


async def _run(options: Options, logger: log.Log) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    process.raise_file_limit()
    try:
        async with serving(options) as endpoint:
            logger.say("info", f"simulator: {_meters(options)}, {options.interface}, listening on {endpoint.name}")
            await stop.wait()
    except OSError as error:
        text = f"simulator: cannot listen on {options.pty or options.address}: {error.strerror or error}"
        logger.say("error", text)
        return CANNOT_LISTEN
    return 0


def _meters(options: Options) -> str:
    if options.meters == 1:
        return "1 meter"
    if options.pty:
        first = options.server_address.server
        return f"{options.meters} meters at server addresses {first} to {first + options.meters - 1}"
    last = IPv4Address(options.address) + options.meters - 1
    return f"{options.meters} meters at {options.address} to {last}"


class _House:
    """What all lines share, and the open connections."""

    def __init__(self, options: Options, clock: Callable[[], float]) -> None:
        self.options = options
        self.transports: set[asyncio.Transport] = set()
        self._clock = clock
        self._ledgers: dict[int, Ledger] = {}

    def meter_at(self, local_address: str) -> int | None:
        """Return the number of the meter at an address, from 1; None where there is none."""
        if self.options.meters == 1:
            return 1
        number = int(IPv4Address(local_address)) - int(IPv4Address(self.options.address)) + 1
        return number if 1 <= number <= self.options.meters else None

    def line(self, first: int, *, baud_rate: Callable[[], int] = lambda: 0) -> Line:
        """Return a line with the meter of that number on it, and on a bus those after it.

        ``baud_rate`` tells the speed of a line that has one.
        """
        access = self.options.access

        def session_of(offset: int, client: int) -> Session:
            number = first + offset
            ledger = self._ledgers.setdefault(number, Ledger(access))
            return Session(number, client, access=access, clock=self._clock, ledger=ledger)

        def hdlc_line() -> HdlcServer:
            return HdlcServer(self.options.server_address, session_of, clock=time.monotonic)

        if self.options.interface == "wrapper":
            return WrapperServer(self.options.server_address, session_of)
        if self.options.interface == "hdlc_mode_e":
            return ModeE(hdlc_line, baud_rate=baud_rate, clock=time.monotonic)
        return hdlc_line()

    def close(self) -> None:
        for transport in list(self.transports):
            transport.abort()


class _Outlet:
    """Answers what a line hears, after the delay."""

    __slots__ = ("_delay_s", "_line", "_send")

    def __init__(self, line: Line, delay_s: float) -> None:
        self._line = line
        self._delay_s = delay_s
        self._send: Callable[[bytes], None] = lambda _: None

    def connect(self, send: Callable[[bytes], None]) -> None:
        self._send = send

    def received(self, octets: bytes) -> None:
        answer = self._line.receive(octets)
        if answer and self._delay_s:
            asyncio.get_running_loop().call_later(self._delay_s, self._send, answer)
        elif answer:
            self._send(answer)

    def overheard(self, octets: bytes) -> None:
        """Answer on a line that cannot be closed, whatever is said there."""
        with contextlib.suppress(RemoteProtocolError):
            self.received(octets)


class _Connection(asyncio.Protocol):
    """One client's TCP connection to one meter."""

    __slots__ = ("_house", "_outlet", "_transport")

    def __init__(self, house: _House) -> None:
        self._house = house

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        number = self._house.meter_at(transport.get_extra_info("sockname")[0])
        if number is None:
            self._transport.abort()
            return
        self._house.transports.add(self._transport)
        self._outlet = _Outlet(self._house.line(number), self._house.options.delay_s)
        self._outlet.connect(self._send)

    def data_received(self, data: bytes) -> None:
        try:
            self._outlet.received(data)
        except RemoteProtocolError:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._house.transports.discard(self._transport)

    def pause_writing(self) -> None:
        """Hear no more requests from who does not read the answers."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._transport.resume_reading()

    def _send(self, octets: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(octets)


async def _listen(house: _House) -> asyncio.Server:
    loop, options = asyncio.get_running_loop(), house.options
    if options.meters == 1:
        return await loop.create_server(
            lambda: _Connection(house), options.address, options.port, reuse_address=True, backlog=BACKLOG
        )
    return await loop.create_server(lambda: _Connection(house), sock=_loopback_socket(options.port), backlog=BACKLOG)


def _loopback_socket(port: int) -> socket.socket:
    """Return a socket on every address, of the loopback device alone where the kernel lets us say so."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(AttributeError, PermissionError):  # not Linux, or before 5.7 and not root
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo\0")
        listener.bind(("0.0.0.0", port))  # noqa: S104  see the top: the loopback device, and its meters' addresses
    except OSError:
        listener.close()
        raise
    return listener
