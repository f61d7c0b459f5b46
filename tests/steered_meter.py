"""The built-in meter with profiles that a test steers: their clocks, what they capture, what they refuse, on TCP.

``SteeredProfile`` takes the place of the meter's load profile; ``SteeredMeters`` serves any number of them, each with
its own security, over WRAPPER at the server addresses from 1 on, and notes every invocation counter that it was sent.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, deque
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from telegraf_dlms import axdr
from telegraf_dlms.axdr import Tag, encode
from telegraf_dlms.cosem import CaptureObject
from telegraf_dlms.errors import DataRefused, RemoteProtocolError
from telegraf_dlms.obis import parse_obis
from telegraf_dlms.simulator import buffers, local_time, meter
from telegraf_dlms.simulator.access import Access
from telegraf_dlms.simulator.ledger import Ledger
from telegraf_dlms.simulator.objects import InterfaceObject, unsigned
from telegraf_dlms.simulator.server import Session
from telegraf_dlms.simulator.server_address import ServerAddress
from telegraf_dlms.simulator.wrapper_server import WrapperServer

SECOND = 1_000_000_000
PROFILE = parse_obis("1.0.99.1.0.255")
CLOCK = CaptureObject(8, parse_obis("0.0.1.0.0.255"), 2, 0)
NUMBER = CaptureObject(1, parse_obis("0.0.96.10.1.255"), 2, 0)
ENERGY = CaptureObject(3, parse_obis("1.0.1.8.0.255"), 2, 0)
#: The zone of the meters' clocks.
ZONE = "Europe/Berlin"

FIFO, LIFO, LARGEST = 1, 2, 3
BY_RANGE, BY_ENTRY = 1, 2
TYPE_UNMATCHED = 12
_NO_DEVIATION = b"\x80\x00"


class SteeredProfile:
    """Rows of a clock, a number that is each row's own, and seven times as much energy; ``seconds`` is its clock.

    ``clock`` is how it writes that: "standard", with its deviation; "marked", without, but with summer time in its
    status; "unmarked", with neither, so that an hour comes twice. ``bounds`` are those that it takes in ranges: "any",
    or "bare", without a deviation. ``leaves_out``: a clock that follows the one above it is null.
    """

    def __init__(self, seconds, *, capacity, period=900, sort_method=FIFO, refuses=(), **behaviour):
        self.seconds, self.capacity, self.period = seconds, capacity, period
        self.sort_method, self.refuses = sort_method, set(refuses)
        self.clock = behaviour.pop("clock", "standard")
        self.bounds = behaviour.pop("bounds", "any")
        self.leaves_out = behaviour.pop("leaves_out", False)
        assert not behaviour
        self.captured = []  # the seconds of every row, by its number
        self.given = Counter()  # how many rows were given by each selector, 0 for all
        self._numbers = deque(maxlen=capacity)
        self._lock = threading.Lock()

    def capture(self, count=1, *, after=None):
        """Capture rows, a period or ``after`` seconds from one to the next."""
        with self._lock:
            for _ in range(count):
                self.seconds += self.period if after is None else after
                self._numbers.append(len(self.captured))
                self.captured.append(self.seconds)

    @property
    def numbers(self):
        """The rows that the buffer holds, in capture order."""
        with self._lock:
            return list(self._numbers)

    def utc_ns(self, number):
        """Return the time that a row's clock means: of an hour that comes twice, unmarked, the first one."""
        seconds = self.captured[number]
        if self.clock == "unmarked":
            local = datetime.fromtimestamp(seconds, ZoneInfo(ZONE)).replace(fold=0)
            seconds = int(local.timestamp())
        return seconds * SECOND

    def status(self, number):
        """Return the clock status of a row that is printed, None where none is."""
        is_summer = local_time.is_summer(self.captured[number])
        return 0x80 if is_summer and self.clock != "unmarked" else None

    # What the simulator asks of it

    def attributes(self):
        return {
            3: axdr.array([buffers.capture_object(column) for column in (CLOCK, NUMBER, ENERGY)]),
            4: unsigned(self.period),
            5: encode(Tag.ENUM, self.sort_method),
            7: unsigned(len(self.numbers)),
            8: unsigned(self.capacity),
        }

    def read(self, selection):
        numbers = self.numbers
        if self.sort_method == LIFO:
            numbers.reverse()
        elif self.sort_method == LARGEST:
            numbers.sort(key=lambda number: number * 7919 % 1009)
        if selection is not None:
            if selection[0] in self.refuses:
                raise DataRefused(TYPE_UNMATCHED)
            numbers = self._selected(numbers, selection[0], axdr.decode_all(selection[1:]))
        self.given[selection[0] if selection is not None else 0] += len(numbers)
        return axdr.array(self._rows(numbers))

    def _selected(self, numbers, selector, parameters):
        if selector == BY_ENTRY:
            first, last, *_ = parameters
            return numbers[first - 1 : last or None]
        _, *bounds, _ = parameters
        if self.bounds == "bare" and any(bound[9:11] != _NO_DEVIATION for bound in bounds):
            raise DataRefused(TYPE_UNMATCHED)
        first, last = map(local_time.to_seconds, bounds)
        return [number for number in numbers if first <= self.captured[number] <= last]

    def _rows(self, numbers):
        above = None
        for number in numbers:
            seconds = self.captured[number]
            follows = self.leaves_out and above is not None and seconds == above + self._step
            follows &= above is None or local_time.is_summer(seconds) == local_time.is_summer(above)
            clock = encode(Tag.NULL_DATA) if follows else encode(Tag.OCTET_STRING, self._clock_cell(seconds))
            yield axdr.structure(clock, unsigned(number), unsigned(70 * number))
            above = seconds

    @property
    def _step(self):
        return -self.period if self.sort_method == LIFO else self.period

    def _clock_cell(self, seconds):
        octets = local_time.date_time(seconds)
        if self.clock == "standard":
            return octets
        return octets[:9] + _NO_DEVIATION + (b"\xff" if self.clock == "unmarked" else octets[11:])


class NotingLedger(Ledger):
    """Notes each key and counter that came, also those that were refused."""

    __slots__ = ("seen",)

    def __init__(self, access):
        super().__init__(access)
        self.seen = []

    def check(self, key, counter):
        self.seen.append((key, counter))
        return super().check(key, counter)


class _Steered:
    """What takes the buffer's place in the simulator's objects."""

    def __init__(self, profiles):
        self._profiles = profiles

    def read(self, moment, selection):
        return self._profiles[moment.meter - 1].read(selection)


class SteeredMeters:
    """Meters at the server addresses from 1 on, on a free port of loopback, served by a thread of their own."""

    def __init__(self, profiles, *, accesses, monkeypatch):
        self.profiles = profiles
        self.accesses = accesses
        self.ledgers = [NotingLedger(access) for access in accesses]
        self.port = None
        self.heard = 0  # how many pieces of requests
        self._away = False
        self._transports = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._patch(monkeypatch)

    def __enter__(self):
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def leave(self):
        """Be cut off: connections end, and new ones as well."""
        self._away = True
        self._loop.call_soon_threadsafe(self._hang_up)

    def come_back(self):
        self._away = False

    def _run(self):
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        for transport in list(self._transports):
            transport.abort()
        self._server.close()
        self._loop.run_until_complete(asyncio.sleep(0))

    async def _listen(self):
        self._server = await self._loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)
        return self._server.sockets[0].getsockname()[1]

    def _hang_up(self):
        for transport in list(self._transports):
            transport.abort()

    def line(self):
        return WrapperServer(ServerAddress(count=len(self.profiles)), self._session)

    def _session(self, offset, client):
        profile = self.profiles[offset]
        return Session(
            1 + offset,
            client,
            access=self.accesses[offset],
            clock=lambda: profile.seconds,
            ledger=self.ledgers[offset],
        )

    def _patch(self, monkeypatch):
        def of(number):
            return lambda moment: self.profiles[moment.meter - 1].attributes()[number]

        attributes = {number: of(number) for number in self.profiles[0].attributes()}
        steered = InterfaceObject(7, 1, PROFILE, attributes, _Steered(self.profiles))
        monkeypatch.setitem(meter.OBJECTS, PROFILE, steered)


class _Connection(asyncio.Protocol):
    def __init__(self, meters):
        self._meters = meters

    def connection_made(self, transport):
        if self._meters._away:
            transport.abort()
            return
        self._transport = transport
        self._line = self._meters.line()
        self._meters._transports.add(transport)

    def data_received(self, data):
        self._meters.heard += 1
        try:
            self._transport.write(self._line.receive(data))
        except RemoteProtocolError:
            self._transport.close()

    def connection_lost(self, exc):
        self._meters._transports.discard(getattr(self, "_transport", None))


def seconds_of(text):
    """Return the Unix seconds of an ISO time in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


OPEN = Access()
