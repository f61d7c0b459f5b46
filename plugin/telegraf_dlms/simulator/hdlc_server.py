"""The server's side of HDLC's unbalanced operation (IEC 62056-46; Green Book, 8.4.5), for one meter or a bus of them.

A secondary speaks when it is polled, and never by itself. So everything here is the answer to a frame with the poll
bit: what a client missed is sent again because the client asks again, and there is no timer.

A client that repeats its frame gets the same frames again: an I frame whose N(S) was taken already is not answered
anew. A client whose N(R) acknowledges less than was sent gets the rest once more, from there on.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from telegraf_dlms import hdlc
from telegraf_dlms.errors import RemoteProtocolError
from telegraf_dlms.hdlc import POLL_FINAL, Frame, Kind, Parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from telegraf_dlms.simulator.server import Session
    from telegraf_dlms.simulator.server_address import ServerAddress

#: What this server can do; the client settles for less.
LIMITS: Final = Parameters(
    max_info_transmit=hdlc.MAX_INFORMATION, max_info_receive=hdlc.MAX_INFORMATION, window_transmit=7, window_receive=7
)
#: A request in segments grows no longer than this: twice what a WRAPPER could carry would be no client.
MAX_REQUEST: Final = 0x1_0000
#: A silence within a frame after which the rest will not come: longer than any line's gap, shorter than any time-out.
PAUSE_S: Final = 1.0


class HdlcServer:
    """Takes octets from a line and returns those to send.

    ``session_of`` makes a session for the offset of a meter in ``address`` and a client address; ``clock`` is in
    seconds, and only differences count: it tells a pause within a frame, after which the frame is given up.
    """

    def __init__(
        self, address: ServerAddress, session_of: Callable[[int, int], Session], *, clock: Callable[[], float]
    ) -> None:
        self._address = address
        self._session_of = session_of
        self._clock = clock
        self._heard = clock()
        self._buffer = hdlc.FrameBuffer()
        self._links: dict[tuple[bytes, bytes], _Link] = {}

    @property
    def is_connected(self) -> bool:
        """Whether some client has connected, and has not disconnected."""
        return bool(self._links)

    def receive(self, octets: bytes) -> bytes:
        """Return what is answered to the frames that these octets complete."""
        now = self._clock()
        if now - self._heard > PAUSE_S:
            self._buffer.clear()
        self._heard = now
        self._buffer.feed(octets)
        answer = b""
        while (frame := self._buffer.next()) is not None:
            answer += b"".join(map(hdlc.encode, self._answer(frame)))
        return answer

    def _answer(self, frame: Frame) -> Iterator[Frame]:
        offset = self._address.offset_of(frame.destination)
        if offset is None or frame.kind is Kind.UI or len(frame.source) != 1:
            return
        key = (frame.destination, frame.source)
        link = self._links.get(key)
        if frame.kind is Kind.SNRM:
            session = self._session_of(offset, frame.source[0] >> 1)
            link = self._links[key] = _Link(session, _negotiate(frame.information))
            yield _reply(frame, Kind.UA, information=hdlc.encode_parameters(link.parameters))
        elif link is None:
            if frame.final:
                yield _reply(frame, Kind.DM)
        elif frame.kind is Kind.DISC:
            del self._links[key]
            yield _reply(frame, Kind.UA)
        else:
            yield from link.answer(frame)


@dataclass(slots=True)
class _Link:
    """A connection in normal response mode. ``due`` are information fields that were not acknowledged yet."""

    session: Session
    parameters: Parameters
    receive_sequence: int = 0
    send_sequence: int = 0
    request: bytearray = field(default_factory=bytearray)
    due: deque[bytes] = field(default_factory=deque)

    def answer(self, frame: Frame) -> Iterator[Frame]:
        """Return the frames that answer one, none where it does not poll."""
        if frame.kind is Kind.I:
            out_of_order = self._take(frame)
            if frame.final and out_of_order:
                yield _reply(frame, Kind.REJ, receive=self.receive_sequence)
            elif frame.final:
                yield from self._speak(frame)
        elif frame.kind in {Kind.RR, Kind.REJ, Kind.RNR}:
            self._acknowledge(frame.receive_sequence)
            if frame.final and frame.kind is Kind.RNR:
                yield _reply(frame, Kind.RR, receive=self.receive_sequence)
            elif frame.final:
                yield from self._speak(frame)

    def _take(self, frame: Frame) -> bool:
        """Take an I frame in turn; return whether one before it is missing. One taken before is not taken again."""
        behind = (frame.send_sequence - self.receive_sequence) % 8
        if behind:
            return behind != 7
        self._acknowledge(frame.receive_sequence)
        self.receive_sequence = (self.receive_sequence + 1) % 8
        self.request += frame.information
        if len(self.request) > MAX_REQUEST:
            self.request.clear()
        elif not frame.segmented:
            self._complete()
        return False

    def _complete(self) -> None:
        request = bytes(self.request)
        self.request.clear()
        try:
            answer = self.session.answer(hdlc.strip_llc(request))
        except RemoteProtocolError:
            return
        self.due = deque(hdlc.segment(hdlc.LLC_TO_CLIENT + answer, size=self.parameters.max_info_transmit))

    def _acknowledge(self, receive_sequence: int) -> None:
        """Forget what the client has; an N(R) for what was never sent acknowledges nothing."""
        taken = (receive_sequence - self.send_sequence) % 8
        if taken <= min(self.parameters.window_transmit, len(self.due)):
            for _ in range(taken):
                self.due.popleft()
            self.send_sequence = receive_sequence

    def _speak(self, frame: Frame) -> Iterator[Frame]:
        """Return the window's worth of what is due, its last frame final; RR where nothing is."""
        window = min(self.parameters.window_transmit, len(self.due))
        for index in range(window):
            control = hdlc.control_of(Kind.I, send=self.send_sequence + index, receive=self.receive_sequence)
            yield Frame(
                frame.source,
                frame.destination,
                control if index == window - 1 else control & ~POLL_FINAL,
                self.due[index],
                segmented=index < len(self.due) - 1,
            )
        if not window:
            yield _reply(frame, Kind.RR, receive=self.receive_sequence)


def _reply(frame: Frame, kind: Kind, *, receive: int = 0, information: bytes = b"") -> Frame:
    return Frame(frame.source, frame.destination, hdlc.control_of(kind, receive=receive), information)


def _negotiate(information: bytes) -> Parameters:
    """Return what holds after the client's SNRM, seen from here: our sending is its receiving."""
    client = hdlc.decode_parameters(information)
    return Parameters(
        max_info_transmit=min(LIMITS.max_info_transmit, client.max_info_receive),
        max_info_receive=min(LIMITS.max_info_receive, client.max_info_transmit),
        window_transmit=min(LIMITS.window_transmit, client.window_receive),
        window_receive=min(LIMITS.window_receive, client.window_transmit),
    )
