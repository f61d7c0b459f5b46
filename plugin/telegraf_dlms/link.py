"""Links: the only I/O with meters, and what drives conversations over it.

A link is one asyncio protocol, without a stream reader and without a task: the conversation is resumed from the
loop's read callback itself, so that the next request leaves while the reply's last octet is still warm, and the task
that awaits ``run`` wakes once, when the exchange is over.

- *Silence*: the time-out begins again with each octet that arrives, and when our own octets have left the line.
  Silence is thrown into the conversation, which may repeat itself.
- *Budget*: ten time-outs for one exchange, however lively the line is. When they are spent nothing is sent any more,
  and Silence is thrown in until the conversation gives up.
- *Death*: LinkError is thrown in, and each later ``run`` raises it at once.
- *Idle*: what arrives while nobody asks is kept, within a limit, for the next conversation: an unasked notification
  must not cut a stream in half. ``discard_input`` drops it.

An idle link costs no timer but one that may still be running out, and no buffer: all links read into one.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias, TypeVar, cast

from telegraf_dlms.errors import LinkError, LocalProtocolError, Overrun, Silence
from telegraf_dlms.talk import DEFERRED_S, Deferred

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

T = TypeVar("T")
Parity: TypeAlias = Literal["none", "even", "odd", "mark", "space"]

#: An exchange lasts at most this many time-outs (design, section 4).
BUDGET_TIMEOUTS: Final = 10
#: Octets kept while nobody asks. Far beyond any notification; a peer that sends more is no meter.
MAX_IDLE_OCTETS: Final = 65536
#: Throws after which a conversation that goes on talking on a dead link is dropped; retries are at most 255.
_MAX_THROWS: Final = 300

#: Shared by all links: the loop fills it and calls ``buffer_updated`` before it reads anywhere else. The transports'
#: own way allocates 256 KiB for each read, which costs more than the rest of a small exchange.
_INPUT: Final = memoryview(bytearray(65536))


@dataclass(frozen=True, slots=True)
class TcpSettings:
    """Where a meter listens: IPv4, IPv6 or host name, and port."""

    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Rs485Settings:
    """The kernel's RS-485 mode (serial_rs485 of linux/serial.h), by the names of Telegraf's inputs.modbus."""

    delay_rts_before_send_ns: int = 0
    delay_rts_after_send_ns: int = 0
    rts_high_during_send: bool = False
    rts_high_after_send: bool = False
    rx_during_tx: bool = False


@dataclass(frozen=True, slots=True)
class SerialSettings:
    """A serial port and its line."""

    device: str
    baud_rate: int = 9600
    data_bits: int = 8
    stop_bits: int = 1
    parity: Parity = "none"
    flow_control: Literal["none", "rts_cts", "xon_xoff"] = "none"
    rs485: Rs485Settings | None = None


class Progress(Protocol):
    """What counts exchanges (a framing): each further one has a budget of its own."""

    @property
    def exchanges(self) -> int:
        """How many APDUs were sent that want an answer."""


class Trace(Protocol):
    """Told of all that goes over a link; ``trace.Trace`` is one, which masks what is secret."""

    def sent(self, octets: bytes) -> None:
        """Take octets that were sent."""

    def received(self, octets: bytes) -> None:
        """Take octets that arrived."""

    def remark(self, text: str) -> None:
        """Take what happened besides: silence, another speed, the end."""


class Link(asyncio.BufferedProtocol):
    """One open connection to one meter or bus; ``octet_s`` is the time that an octet takes on a serial line."""

    __slots__ = (
        "_budget_s",
        "_closed",
        "_conversation",
        "_deadline",
        "_exchanges",
        "_heard",
        "_heard_at",
        "_idle",
        "_left_at",
        "_limit",
        "_loop",
        "_lost",
        "_octet_s",
        "_pause",
        "_pause_s",
        "_progress",
        "_timeout_s",
        "_timer",
        "_transport",
        "_waiter",
        "bytes_received",
        "bytes_sent",
        "peer",
        "trace",
    )

    def __init__(self, peer: str, *, octet_s: float = 0.0) -> None:
        self.peer = peer
        self.trace: Trace | None = None
        self.bytes_sent = 0
        self.bytes_received = 0
        self._octet_s = octet_s
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._lost: str | None = None
        self._closed: asyncio.Future[None] | None = None
        self._waiter: asyncio.Future[Any] | None = None
        self._conversation: Generator[bytes, bytes, Any] | None = None
        self._progress: Progress | None = None
        self._exchanges = 0
        self._timer: asyncio.TimerHandle | None = None
        self._pause: asyncio.TimerHandle | None = None
        self._idle: bytearray | None = None
        self._heard = 0
        self._heard_at = self._left_at = self._deadline = self._limit = 0.0
        self._timeout_s = self._budget_s = self._pause_s = 0.0

    @property
    def alive(self) -> bool:
        """Whether it is open as far as is known; a peer that vanished without a word is not noticed here."""
        return self._lost is None

    async def run(
        self,
        conversation: Generator[bytes, bytes, T],
        *,
        timeout_s: float,
        budget_s: float | None = None,
        pause_s: float = 0.0,
        progress: Progress | None = None,
    ) -> T:
        """Drive ``conversation`` to its answer; what it raises comes out.

        ``budget_s`` is ten time-outs by default, for the whole conversation, or for each exchange that ``progress``
        counts. ``pause_s``: the line is quiet for so long before we send. Raises Silence and LinkError; the link
        still works after Silence. Where the caller is cancelled in the middle, the link is closed.
        """
        if self._waiter is not None:
            raise LocalProtocolError(f"{self.peer}: a second conversation while one is running")
        if self._lost is not None:
            raise LinkError(f"{self.peer}: {self._lost}")
        waiter: asyncio.Future[T] = self._loop.create_future()
        self._waiter, self._conversation = waiter, conversation
        self._timeout_s, self._pause_s = timeout_s, pause_s
        self._budget_s = BUDGET_TIMEOUTS * timeout_s if budget_s is None else budget_s
        self._progress, self._exchanges, self._heard = progress, -1, 0
        try:
            self._resume(conversation.send, None)
            return await waiter
        except asyncio.CancelledError:
            if waiter.cancelled():
                self._fail("given up in the middle of an exchange")
            else:
                waiter.exception()  # over just then: looked at, or asyncio says that nobody did
            raise
        finally:
            conversation.close()
            self._waiter = self._conversation = self._progress = None

    async def open_line(
        self,
        opening: Literal["plain", "mode_e"],  # noqa: ARG002 - for links that have a line
        *,
        timeout_s: float,  # noqa: ARG002
    ) -> Mapping[str, str | int]:
        """Get the line ready for a new association, return what there is to tell of it; only a serial one has any."""
        return {}

    def discard_input(self) -> None:
        """Drop what arrived while nobody asked: before an opening nothing old can be meant for us."""
        self._idle = None

    def close(self) -> None:
        """Close at once; whoever is in ``run`` gets LinkError. Closing again does nothing."""
        self._fail("closed")

    async def wait_closed(self) -> None:
        """Wait until a closed link has let go of its socket or port, so that it may be opened again."""
        if self._transport is not None:
            if self._closed is None:
                self._closed = self._loop.create_future()
            await asyncio.shield(self._closed)

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport to write to."""
        self._transport = cast("asyncio.Transport", transport)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        """Lend the buffer that all links read into."""
        return _INPUT

    def buffer_updated(self, nbytes: int) -> None:
        """Take the octets out of the lent buffer."""
        self.data_received(_INPUT[:nbytes].tobytes())

    def data_received(self, data: bytes) -> None:
        """Take octets that arrived; a serial transport calls this itself."""
        if self._lost is not None:
            return
        self.bytes_received += len(data)
        self._heard += len(data)
        self._heard_at = self._loop.time()
        if self.trace is not None:
            self.trace.received(data)
        conversation = self._driven()
        if conversation is None or self._pause is not None:
            self._keep(data)
        else:
            self._resume(conversation.send, data)

    def eof_received(self) -> None:
        """Note that the meter has closed the connection."""
        self._fail("closed by the meter")

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the transport is gone."""
        self._transport = None
        self._fail("closed by the meter" if exc is None else self._reason(exc))
        if self._closed is not None:
            self._closed.set_result(None)

    # What drives the conversation

    def _resume(self, step: Callable[[Any], bytes], argument: object) -> None:
        waiter = cast("asyncio.Future[Any]", self._waiter)
        try:
            octets = step(argument)
        except StopIteration as stop:
            waiter.set_result(stop.value)
        except Exception as error:  # noqa: BLE001 - not ours to judge: run() raises it where it is awaited
            waiter.set_exception(error)
        else:
            self._proceed(octets)

    def _proceed(self, octets: bytes) -> None:
        pause_s = max(self._pause_s, DEFERRED_S) if isinstance(octets, Deferred) else self._pause_s
        due = self._heard_at + pause_s
        if octets and pause_s and due > self._loop.time():
            self._pause = self._loop.call_at(due, self._end_pause, octets)
        else:
            self._send_and_wait(octets)

    def _end_pause(self, octets: bytes) -> None:
        self._pause = None
        if self._driven() is not None:
            self._send_and_wait(octets)

    def _send_and_wait(self, octets: bytes) -> None:
        """Send ``octets``, if any, set the clocks, and hand over what had come before."""
        now = self._loop.time()
        if octets:
            self._write(octets, now)
        quiet_since = max(now, self._left_at)
        exchanges = 0 if self._progress is None else self._progress.exchanges
        if exchanges != self._exchanges:
            self._exchanges = exchanges
            self._limit = quiet_since + self._budget_s
        self._deadline = quiet_since + self._timeout_s
        self._arm()
        if self._idle is not None:
            idle, self._idle = self._idle, None
            self._resume(cast("Any", self._conversation).send, bytes(idle))

    def _write(self, octets: bytes, now: float) -> None:
        cast("asyncio.Transport", self._transport).write(octets)
        self.bytes_sent += len(octets)
        self._heard = 0
        self._left_at = max(now, self._left_at) + len(octets) * self._octet_s
        if self.trace is not None:
            self.trace.sent(octets)

    def _driven(self) -> Generator[bytes, bytes, Any] | None:
        """Return the conversation that waits for octets; a waiter may be cancelled before its task hears of it."""
        if self._waiter is None or self._waiter.done():
            return None
        return self._conversation

    def _keep(self, data: bytes) -> None:
        if self._idle is None:
            self._idle = bytearray()
        self._idle += data
        if len(self._idle) > MAX_IDLE_OCTETS:
            self._fail(f"more than {MAX_IDLE_OCTETS} octets came unasked")

    def _arm(self) -> None:
        """See to it that the timer runs out in time; one that runs out before is armed again then."""
        when = min(self._deadline, self._limit)
        if self._timer is not None:
            if self._timer.when() <= when:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._run_out)

    def _run_out(self) -> None:
        self._timer = None
        conversation = self._driven()
        if conversation is None or self._pause is not None:
            return
        now = self._loop.time()
        if now >= self._limit:
            overrun = f"the exchange did not end within {self._budget_s:g} s"
            self._remark(overrun)
            self._end(Overrun, overrun)
        elif now < self._deadline:
            self._arm()
        else:
            silence = self._silence()
            self._remark(silence)
            self._resume(conversation.throw, Silence(f"{self.peer}: {silence}"))

    def _silence(self) -> str:
        if self._heard:
            return f"silent for {self._timeout_s:g} s after {self._heard} octets"
        return f"no answer within {self._timeout_s:g} s"

    def _remark(self, text: str) -> None:
        if self.trace is not None:
            self.trace.remark(text)

    def _fail(self, text: str) -> None:
        """Make an end of the link: the first reason is kept, and told to whoever is in ``run``."""
        if self._lost is None:
            self._lost, self._idle = text, None
            self._remark(text)
            for handle in (self._timer, self._pause):
                if handle is not None:
                    handle.cancel()
            self._timer = self._pause = None
            if self._driven() is not None:
                self._end(LinkError, text)
        if self._transport is not None and not self._transport.is_closing():
            self._transport.abort()

    def _reason(self, error: Exception) -> str:
        return str(error)

    def _end(self, kind: type[LinkError], text: str) -> None:
        """Throw in until the conversation gives up; what it still wants to send is not sent."""
        waiter, conversation = cast("asyncio.Future[Any]", self._waiter), cast("Any", self._conversation)
        for _ in range(_MAX_THROWS):
            try:
                conversation.throw(kind(f"{self.peer}: {text}"))
            except StopIteration as stop:
                return waiter.set_result(stop.value)
            except Exception as error:  # noqa: BLE001 - not ours to judge: run() raises it where it is awaited
                return waiter.set_exception(error)
        return waiter.set_exception(kind(f"{self.peer}: {text}"))


async def open_link(settings: TcpSettings | SerialSettings, *, timeout_s: float) -> Link:
    """Open a connection or a serial port; LinkError where that cannot be done within ``timeout_s``."""
    if isinstance(settings, TcpSettings):
        from telegraf_dlms.tcp_link import open_tcp  # noqa: PLC0415 - it imports this module

        return await open_tcp(settings, timeout_s=timeout_s)
    from telegraf_dlms.serial_link import open_serial  # noqa: PLC0415 - pyserial is loaded only where there is a port

    return await open_serial(settings, timeout_s=timeout_s)
