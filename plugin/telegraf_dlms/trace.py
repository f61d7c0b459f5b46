"""What goes over one link as lines for a person, and for ``tests/replay.py``, which reads them again.

::

    # a remark: what is tried, silence, another speed, the end of the link
    > 7e a0 07 03 21 93 0f 01 7e       octets that were sent
    < 7e a0 1e 21 03 73 ...            octets that were received; several lines in a row are one stretch
    > 7e a0 3f 03 21 10 .. ** ** ..    a masked octet; a frame's checksum is masked with what it sums up

What is received is shown as it comes in, piece by piece, as long as nothing secret can be in it. While it can, whole
frames and APDUs are waited for, and what turns out to be none is masked from end to end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from telegraf_dlms.errors import RemoteProtocolError
from telegraf_dlms.hdlc import FLAG, LLC_TO_SERVER, Frame, FrameBuffer, Kind, encode
from telegraf_dlms.masking import Secrecy, Span
from telegraf_dlms.wrapper import HEADER_SIZE, WrapperBuffer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

#: Octets of a line; with more the log would cut it off (``log.MAX_LINE``).
LINE_OCTETS: Final = 1024
#: Addresses of others that are kept: with more of them a person is not helped.
MAX_STRANGERS: Final = 8

_LLC: Final = len(LLC_TO_SERVER)
_FCS: Final = 2

#: Client and server: addresses of HDLC, or wPorts of two octets.
_Pair: TypeAlias = tuple[bytes, bytes]


@dataclass(slots=True)
class Heard:
    """What was received, for who looks for the cause of a failure.

    ``frames`` are frames or APDUs from the meter to us, ``strangers`` the addresses of others that were heard,
    ``garbled`` stretches that were neither.
    """

    octets: int = 0
    frames: int = 0
    garbled: int = 0
    strangers: list[bytes] = field(default_factory=list)


class Trace:
    """The trace of one link: ``say`` takes each line, ``heard`` may be replaced to begin anew.

    ``reads`` "secret": a device on this link is configured to read secret attributes (see ``masking.Secrecy``).
    """

    def __init__(self, say: Callable[[str], None], *, reads: Literal["open", "secret"] = "open") -> None:
        self._say = say
        self._reads = reads
        self._peers: dict[_Pair, _Peer] = {}
        self._pair: _Pair | None = None
        self._buffer: FrameBuffer | WrapperBuffer | None = None
        self._held = bytearray()
        self._garbled = 0
        self._is_masked = False
        self.heard = Heard()

    def sent(self, octets: bytes) -> None:
        """Take octets that were sent: one frame, one APDU with its header, or a text of mode E."""
        self._let_go()
        spans: Iterable[Span] = ()
        if octets[0] == FLAG:
            spans = self._frame_sent(octets)
        elif octets[0] == 0:
            spans = self._packet_sent(octets)
        else:
            self._buffer = None
        self._is_masked = bool(spans)
        self._show(">", octets, spans)

    def received(self, octets: bytes) -> None:
        """Take octets that arrived."""
        self.heard.octets += len(octets)
        self._held += octets
        if not self._is_secret:
            self._let_go()
        if self._buffer is not None:
            self._buffer.feed(octets)
            self._cut(self._buffer)
        if not self._is_secret:
            self._let_go()

    def remark(self, text: str) -> None:
        """Take what happened besides."""
        self._let_go()
        self._say(f"# {text}")

    @property
    def _is_secret(self) -> bool:
        """Whether what is received now may be secret, or be our own secret that comes back."""
        return self._is_masked or any(peer.secrecy.is_due for peer in self._peers.values())

    def _let_go(self) -> None:
        """Show what is held back; where it may be secret it is no frame yet, and masked."""
        if self._held:
            spans = [(0, len(self._held))] if self._is_secret else []
            self._show("<", bytes(self._held), spans)
            self._held.clear()

    def _show(self, sign: Literal["<", ">"], octets: bytes, spans: Iterable[Span]) -> None:
        for line in as_lines(sign, octets, spans):
            self._say(line)

    def _peer(self, pair: _Pair) -> _Peer:
        if pair not in self._peers:
            self._peers[pair] = _Peer(Secrecy(reads=self._reads))
        return self._peers[pair]

    # Towards the meter

    def _frame_sent(self, octets: bytes) -> tuple[Span, ...]:
        if not isinstance(self._buffer, FrameBuffer):
            self._buffer, self._garbled = FrameBuffer(), 0
            self.heard = Heard()  # what was said before, in mode E, was in no frames
        self._buffer.clear()
        parser = FrameBuffer()
        parser.feed(octets)
        frame = parser.next()
        if frame is None:
            return ()
        self._pair = frame.source, frame.destination
        return self._peer(self._pair).frame_sent(frame, octets)

    def _packet_sent(self, octets: bytes) -> tuple[Span, ...]:
        if not isinstance(self._buffer, WrapperBuffer):
            self._buffer = WrapperBuffer()
        self._pair = octets[2:4], octets[4:6]
        peer = self._peer(self._pair)
        apdu = octets[HEADER_SIZE:]
        spans = _moved(peer.secrecy.request_spans(apdu), HEADER_SIZE)
        peer.secrecy.sent(apdu)
        peer.last, peer.last_spans = octets, spans
        return spans

    # From the meter

    def _cut(self, buffer: FrameBuffer | WrapperBuffer) -> None:
        """Show what is whole by now, masked where it has to be."""
        if isinstance(buffer, FrameBuffer):
            while (frame := buffer.next()) is not None:
                # The closing flag is shown with its frame, though it may open the next one.
                self._show_received(len(self._held) - buffer.waiting + 1, *self._frame_received(frame))
            self.heard.garbled += buffer.garbled - self._garbled
            self._garbled = buffer.garbled
        else:
            try:
                while (packet := buffer.next()) is not None:
                    self._show_received(len(self._held) - buffer.waiting, *self._packet_received(*packet))
            except RemoteProtocolError:
                self.heard.garbled += 1
                self._buffer = buffer = WrapperBuffer()
        noise = len(self._held) - buffer.waiting
        self._show_received(noise, 0, ())

    def _show_received(self, size: int, whole: int, spans: Iterable[Span]) -> None:
        """Show the first ``size`` octets that are held, the last of which are ``whole`` octets with these spans.

        What stands before them is noise; of those that were shown already only the rest is held.
        """
        if size <= 0:
            return
        is_secret = self._is_secret or bool(spans)
        noise = [(0, size - whole)] if is_secret and size > whole else []
        octets = bytes(self._held[:size])
        del self._held[:size]
        self._show("<", octets, [*noise, *_moved(spans, size - whole)])

    def _frame_received(self, frame: Frame) -> tuple[int, tuple[Span, ...]]:
        octets = encode(frame)
        pair, echo = (frame.destination, frame.source), (frame.source, frame.destination)
        if pair in self._peers:
            self._count(pair, frame.source)
            return len(octets), self._peers[pair].frame_received(frame, octets)
        if echo in self._peers:
            return len(octets), self._peers[echo].frame_echoed(frame, octets)
        self._count(pair, frame.source)
        return len(octets), _information(frame, octets) if self._is_masked else ()

    def _packet_received(self, source: int, destination: int, apdu: bytes) -> tuple[int, tuple[Span, ...]]:
        size = HEADER_SIZE + len(apdu)
        server, client = source.to_bytes(2, "big"), destination.to_bytes(2, "big")
        if (client, server) in self._peers:
            self._count((client, server), server)
            secrecy = self._peers[client, server].secrecy
            spans = secrecy.answer_spans(apdu)
            secrecy.received(apdu)
            return size, _moved(spans, HEADER_SIZE)
        if (server, client) in self._peers:  # our own octets come back
            peer = self._peers[server, client]
            return size, peer.last_spans if size == len(peer.last) else ((HEADER_SIZE, size),)
        self._count((client, server), server)
        return size, ((HEADER_SIZE, size),) if self._is_masked else ()

    def _count(self, pair: _Pair, source: bytes) -> None:
        if pair == self._pair:
            self.heard.frames += 1
        elif source not in self.heard.strangers and len(self.heard.strangers) < MAX_STRANGERS:
            self.heard.strangers.append(source)


class _Peer:
    """One server and one client on a link, and how far their APDUs have come in frames."""

    def __init__(self, secrecy: Secrecy) -> None:
        self.secrecy = secrecy
        self.last = b""
        self.last_spans: tuple[Span, ...] = ()
        self._request = bytearray()
        self._answer = bytearray()
        self._expected: int | None = None

    def frame_sent(self, frame: Frame, octets: bytes) -> tuple[Span, ...]:
        """Return what is secret of a frame to the server."""
        if frame.kind is Kind.SNRM:
            self._expected = 0
            self._answer.clear()
        if frame.kind is not Kind.I:
            return ()
        if octets == self.last:
            return self.last_spans
        self._request += frame.information
        spans = self.secrecy.request_spans(bytes(self._request[_LLC:]))
        self.last, self.last_spans = octets, _in_frame(spans, self._request, frame, octets)
        if not frame.segmented:
            self.secrecy.sent(bytes(self._request[_LLC:]))
            self._request.clear()
        return self.last_spans

    def frame_received(self, frame: Frame, octets: bytes) -> tuple[Span, ...]:
        """Return what is secret of a frame from the server."""
        if frame.kind is not Kind.I:
            return ()
        if self._expected not in {None, frame.send_sequence}:
            # Out of sequence: nobody knows to which part of an answer it belongs.
            return _information(frame, octets) if self.secrecy.is_due else ()
        self._expected = (frame.send_sequence + 1) & 7
        self._answer += frame.information
        apdu = bytes(self._answer[_LLC:]) if self.secrecy.is_due or not frame.segmented else b""
        spans = _in_frame(self.secrecy.answer_spans(apdu), self._answer, frame, octets)
        if not frame.segmented:
            self.secrecy.received(apdu)
            self._answer.clear()
        return spans

    def frame_echoed(self, frame: Frame, octets: bytes) -> tuple[Span, ...]:
        """Return what is secret of a frame of ours that came back."""
        if octets == self.last:
            return self.last_spans
        return _information(frame, octets) if frame.kind is Kind.I else ()


def as_lines(sign: Literal["<", ">"], octets: bytes, spans: Iterable[Span] = ()) -> Iterator[str]:
    """Yield lines of at most LINE_OCTETS octets; those of ``spans`` are masked, which may reach beyond the octets."""
    shown = octets.hex(" ").split(" ")
    for first, end in spans:
        for position in range(max(first, 0), min(end, len(shown))):
            shown[position] = "**"
    for start in range(0, len(shown), LINE_OCTETS):
        yield f"{sign} {' '.join(shown[start : start + LINE_OCTETS])}"


def _moved(spans: Iterable[Span], offset: int) -> tuple[Span, ...]:
    return tuple((first + offset, end + offset) for first, end in spans)


def _in_frame(spans: Iterable[Span], payload: bytes | bytearray, frame: Frame, octets: bytes) -> tuple[Span, ...]:
    """Return the spans of an APDU that are in the last frame of it, and that frame's checksum."""
    begin = len(payload) - len(frame.information)
    end_of_information = len(octets) - 1 - _FCS
    in_frame = []
    for first, end in _moved(spans, _LLC):
        if end > begin and first < len(payload):
            start = end_of_information - len(frame.information)
            in_frame.append((start + max(first - begin, 0), start + min(end, len(payload)) - begin))
    return (*in_frame, (end_of_information, end_of_information + _FCS)) if in_frame else ()


def _information(frame: Frame, octets: bytes) -> tuple[Span, ...]:
    """Return the span of a frame's information and checksum."""
    end = len(octets) - 1
    return ((end - _FCS - len(frame.information), end),)
