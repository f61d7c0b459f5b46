"""The DLMS/COSEM wrapper for TCP (Green Book, 7.3): eight octets before each APDU, the same in both directions.

version (2, always 1) · source wPort (2) · destination wPort (2) · length of the APDU (2)

TCP delivers whole and in order, so nothing is ever sent again here: where the peer is silent, or the version is not 1,
the connection is of no more use.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from telegraf_dlms.errors import LocalProtocolError, RemoteProtocolError
from telegraf_dlms.talk import NOTIFICATIONS, Echo

if TYPE_CHECKING:
    from telegraf_dlms.talk import Conversation

VERSION: Final = 1
#: What the two octets of the length can say.
MAX_APDU: Final = 0xFFFF

_HEADER = struct.Struct(">HHHH")
#: Octets before each APDU.
HEADER_SIZE: Final = _HEADER.size


def encode(source: int, destination: int, apdu: bytes) -> bytes:
    """Return ``apdu`` with its header; LocalProtocolError where a wPort or the length takes more than 16 bits."""
    try:
        return _HEADER.pack(VERSION, source, destination, len(apdu)) + apdu
    except struct.error:
        raise LocalProtocolError(f"WRAPPER: {len(apdu)} octets from {source} to {destination} do not fit") from None


class WrapperBuffer:
    """Cuts a stream into APDUs; holds an incomplete one (at most MAX_APDU) and whatever came behind it in one piece."""

    __slots__ = ("_data", "_start")

    def __init__(self) -> None:
        self._data = bytearray()
        self._start = 0

    @property
    def waiting(self) -> int:
        """How many octets, the last ones of those fed, are not taken as an APDU yet."""
        return len(self._data) - self._start

    def feed(self, octets: bytes) -> None:
        """Take octets as they were read, in pieces of any size."""
        if self._start:
            del self._data[: self._start]
            self._start = 0
        self._data += octets

    def next(self) -> tuple[int, int, bytes] | None:
        """Return source wPort, destination wPort and APDU, or None: more octets are needed."""
        start = self._start + HEADER_SIZE
        if start > len(self._data):
            return None
        version, source, destination, length = _HEADER.unpack_from(self._data, self._start)
        if version != VERSION:
            raise RemoteProtocolError(f"WRAPPER: version {version} instead of {VERSION}")
        if start + length > len(self._data):
            return None
        self._start = start + length
        return source, destination, bytes(self._data[start : self._start])


class WrapperFraming:
    """A client's side of one connection; ``client`` and ``server`` are wPorts.

    APDUs between other wPorts, our own request, empty ones and notifications are dropped and do not end the wait.
    """

    __slots__ = ("_asked", "_buffer", "_client", "_echo", "_server", "dropped", "exchanges", "repeats")

    def __init__(self, *, client: int, server: int, ignore_echo: bool = False) -> None:
        self._client = client
        self._server = server
        self._buffer = WrapperBuffer()
        self._asked = b""
        self._echo = Echo() if ignore_echo else None
        self.repeats = 0
        self.dropped = 0
        self.exchanges = 0

    def open(self) -> Conversation[None]:
        """Send nothing: the wrapper has no connection of its own."""
        yield from ()

    def exchange(self, apdu: bytes) -> Conversation[bytes]:
        """Send ``apdu``, return the next APDU for us; Silence passes through."""
        self.exchanges += 1
        self._asked = apdu
        octets = encode(self._client, self._server, apdu)
        # What came before the question is not its answer, but an APDU cut in half still ends behind it.
        while self._buffer.next() is not None:
            self.dropped += 1
        if self._echo is not None:
            self._echo.sent(octets)
        return (yield from self._wait(octets))

    def receive(self) -> Conversation[bytes]:
        """Return the next APDU for us, without sending anything."""
        return (yield from self._wait(b""))

    def established(self) -> None:
        """Note nothing: nothing is ever repeated here."""

    def close(self) -> Conversation[None]:
        """Send nothing: closing the connection is the link's."""
        yield from ()

    def _wait(self, octets: bytes) -> Conversation[bytes]:
        answer = None if octets else self._take()
        while answer is None:
            received = yield octets
            octets = b""
            self._buffer.feed(received if self._echo is None else self._echo.strip(received))
            answer = self._take()
        return answer

    def _take(self) -> bytes | None:
        while (packet := self._buffer.next()) is not None:
            source, destination, apdu = packet
            is_theirs = source == self._server and destination == self._client
            if is_theirs and apdu and apdu[0] not in NOTIFICATIONS and apdu != self._asked:
                return apdu
            self.dropped += 1
        return None
