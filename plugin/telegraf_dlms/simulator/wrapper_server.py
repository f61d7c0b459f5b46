"""The server's side of the WRAPPER (Green Book, 7.3): each APDU goes back between the same two wPorts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from telegraf_dlms import wrapper
from telegraf_dlms.errors import RemoteProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable

    from telegraf_dlms.simulator.server import Session
    from telegraf_dlms.simulator.server_address import ServerAddress

#: Sessions that one connection keeps: as many clients as HDLC could address; those who come later are not answered.
MAX_SESSIONS: Final = 128


class WrapperServer:
    """Takes octets from a connection and returns those to send; a session for each pair of wPorts.

    ``session_of`` makes a session for the offset of a meter in ``address`` and a client's wPort.
    """

    __slots__ = ("_address", "_buffer", "_session_of", "_sessions")

    def __init__(self, address: ServerAddress, session_of: Callable[[int, int], Session]) -> None:
        self._address = address
        self._session_of = session_of
        self._buffer = wrapper.WrapperBuffer()
        self._sessions: dict[tuple[int, int], Session] = {}

    def receive(self, octets: bytes) -> bytes:
        """Return what is answered to the APDUs that these octets complete.

        RemoteProtocolError where they are no WRAPPER; everything that was waiting is forgotten then.
        """
        self._buffer.feed(octets)
        answer = b""
        while (packet := self._next()) is not None:
            client, server, apdu = packet
            session = self._session(client, server)
            if session is not None:
                answer += wrapper.encode(server, client, session.answer(apdu))
        return answer

    def _next(self) -> tuple[int, int, bytes] | None:
        try:
            return self._buffer.next()
        except RemoteProtocolError:
            self._buffer = wrapper.WrapperBuffer()
            raise

    def _session(self, client: int, server: int) -> Session | None:
        session = self._sessions.get((client, server))
        offset = self._address.offset_of_wport(server)
        if session is None and offset is not None and len(self._sessions) < MAX_SESSIONS:
            session = self._sessions[client, server] = self._session_of(offset, client)
        return session
