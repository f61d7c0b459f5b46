"""The client's side of one HDLC data link (IEC 62056-46, 6.4; Green Book, 8.4): what is sent, what is believed.

The link is in normal response mode: the meter speaks only after a frame with the poll bit, until its own with the final
bit. So there is always one frame of ours that waits for an answer (``_last``), and silence has one remedy: the same
octets once more. Sequence numbers make that safe, modulo 8:

- ``_send`` is the N(S) of our next I frame; the meter's N(R) is to equal it, which acknowledges everything we sent;
- ``_receive`` is the N(S) that we wait for; each frame of ours says it as N(R).

jDLMS does not count what it receives: the N(R) of its answers is 0 for ever. Where it never was another (``_counts``),
an answer with the N(S) that we wait for acknowledges our frame by being there: a meter that did not get it has nothing
to say. Nor does it set the final bit of a segment: after as many frames as its window has it is our turn in any case.

What goes wrong on a bad line, and what is done:

=========================================  ===============================================================
a frame is garbled, either way             nothing comes, ours is repeated
our frame came, its answer was lost        the meter sees a duplicate, answers RR; we poll it with RR
the answer came late, after the repeat     a second one follows: its N(S) or N(R) is old, it is dropped
a frame of a window is lost                the next has a wrong N(S), is dropped; RR asks from the gap on
RR acknowledges less than was sent, REJ    our I frame is sent again
RNR, or RR without data                    the meter is busy: polled with RR
DM, FRMR                                   the data link is gone: LinkError
other addresses, our own echo, UI, rest    dropped, the wait goes on
=========================================  ===============================================================

Requests have a window of one (each segment is polled and acknowledged); answers may have any.

Each frame with the poll bit is answered once, so a second answer must not have us send one more: from then on every
frame would go twice. ``_owed`` is how many second answers to what was sent twice may still come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from telegraf_dlms.errors import LinkError, Overrun, RemoteProtocolError, Silence
from telegraf_dlms.hdlc import (
    LLC_TO_SERVER,
    Frame,
    FrameBuffer,
    Kind,
    Parameters,
    control_of,
    decode_parameters,
    encode,
    encode_parameters,
    segment,
    strip_llc,
)
from telegraf_dlms.talk import NOTIFICATIONS, Deferred, Echo

if TYPE_CHECKING:
    from telegraf_dlms.talk import Conversation

#: The largest PDU that can be negotiated (Unsigned16), its LLC header, and a general-ciphering header around it.
MAX_APDU: Final = 0xFFFF + 3 + 64
#: How often a meter may answer one request with something else than its data. A busy one says RNR at the speed of the
#: line: at 9600 baud this many take 20 s.
MAX_POLLS: Final = 1000


class HdlcFraming:
    """A client's data link to one meter; ``client`` and ``server`` are addresses as octets.

    ``unclean`` says that the meter may still think that the link is up: the next opening sends DISC first, and
    ``owes_disc`` that it did so without an answer: where SNRM is not answered either, DISC goes first again;
    ``insists``: SNRM follows in any case. ``buffer`` has counted what came at all and what was
    garbled, for whoever looks for the cause of a failure.
    """

    def __init__(
        self,
        *,
        client: bytes,
        server: bytes,
        max_info_length: int = 128,
        window_size: int = 1,
        retries: int = 2,
        ignore_echo: bool = False,
    ) -> None:
        self._client = client
        self._server = server
        # Gurux's servers answer in as few octets as hold their address, however many they were called with.
        self._meter = server.lstrip(b"\0")
        self._parameters = Parameters(max_info_length, max_info_length, window_size, window_size)
        self._max_transmit = max_info_length
        self._window = window_size
        self._retries = retries
        self._echo = Echo() if ignore_echo else None
        self._send = self._receive = 0
        self._last = self._information = b""
        self._silences = self._resends = self._polls = self._in_window = 0
        self._foreign = self._owed = self._doubles = 0
        self._counts: bool | None = None
        self.buffer = FrameBuffer()
        self._is_established = False
        self.unclean = False
        self.owes_disc = False
        self.insists = False
        self.negotiated: Parameters | None = None
        self.repeats = 0
        self.exchanges = 0

    @property
    def dropped(self) -> int:
        """How many garbled, foreign, late or unasked frames were dropped."""
        return self._foreign + self.buffer.garbled

    def open(self) -> Conversation[None]:
        """Send SNRM with all parameters, wait for UA; LinkError where the meter does not agree.

        After an unclean end DISC goes first. Nothing is repeated here, and a meter that is deaf to DISC gets no SNRM:
        a dead one shall cost its bus one time-out. But the next opening starts with SNRM, and one that ``insists``
        sends it: some meters that have given up a data link are deaf to all else.
        """
        self._is_established = False
        if self.unclean:
            self.unclean, self.owes_disc = False, True
            try:
                yield from self._command(Kind.DISC)
                self.owes_disc = False
            except Silence as silence:
                if not self.insists or isinstance(silence, Overrun):
                    raise
        heard = self.buffer.octets
        try:
            answer = yield from self._command(Kind.SNRM, encode_parameters(self._parameters))
        except Silence:
            # Something came, but no UA, or no DISC was answered: the meter may be connected without our knowing.
            self.unclean = self.owes_disc or self.buffer.octets > heard
            raise
        if answer.kind is not Kind.UA:
            raise _refused(answer)
        offered = decode_parameters(answer.information)
        self.negotiated = _negotiated(self._parameters, offered)
        self._max_transmit = self.negotiated.max_info_transmit
        self._window = self.negotiated.window_receive
        self._send = self._receive = self._owed = self._doubles = 0
        self._counts = None
        self.unclean, self.owes_disc = True, False

    def called_anew(self) -> None:
        """Note that the meter was called from the beginning (mode E): it knows of no data link any more."""
        self.unclean = False

    def established(self) -> None:
        """Note that the association is open: from now on silence is answered by repeating the last frame."""
        self._is_established = True

    def exchange(self, apdu: bytes) -> Conversation[bytes]:
        """Send ``apdu``, return the next APDU; Silence after all repeats, LinkError where the data link is gone."""
        self.exchanges += 1
        # In normal response mode nothing that came before the question can be its answer.
        self.buffer.clear()
        self._polls = 0
        *others, last = segment(LLC_TO_SERVER + apdu, size=self._max_transmit)
        for piece in others:
            frame = yield from self._send_information(piece, segmented=True)
            while frame.kind is not Kind.RR or (frame.receive_sequence != self._send and self._counts is not False):
                frame = yield from self._go_on(frame)
        frame = yield from self._send_information(last, segmented=False)
        return (yield from self._collect(frame))

    def receive(self) -> Conversation[bytes]:
        """Poll the meter for one more APDU, and return it."""
        self._polls = 0
        frame = yield from self._turn(self._supervisory())
        return (yield from self._collect(frame))

    def close(self) -> Conversation[None]:
        """Send DISC if the link may be up, wait for UA or DM; silence is no error, the next opening says DISC again."""
        if not self.unclean:
            return
        try:
            yield from self._command(Kind.DISC)
        except Silence:
            return
        self.unclean = False

    def _collect(self, frame: Frame) -> Conversation[bytes]:
        """Return the APDU that begins with ``frame``, from as many frames as it takes."""
        pieces: list[bytes] = []
        size = 0
        while True:
            if not self._accepts(frame):
                frame = yield from self._go_on(frame)
                continue
            pieces.append(frame.information)
            size += len(frame.information)
            if not frame.information:
                self._count_poll()
            if size > MAX_APDU:
                raise RemoteProtocolError(f"HDLC: an APDU of more than {MAX_APDU} octets")
            if not frame.segmented:
                apdu = strip_llc(b"".join(pieces))
                if apdu[0] not in NOTIFICATIONS:
                    return apdu
                self._count_poll()
                self._foreign += 1
                pieces.clear()
            is_our_turn = frame.final or self._in_window >= self._window
            frame = yield from (self._turn(self._last) if is_our_turn else self._await(b""))

    def _accepts(self, frame: Frame) -> bool:
        """Say whether ``frame`` is the I frame that is waited for; what would be repeated now acknowledges it."""
        if frame.kind is not Kind.I or frame.send_sequence != self._receive or not self._acknowledges(frame):
            return False
        self._receive = (self._receive + 1) & 7
        self._in_window += 1
        self._last = self._supervisory()
        self._silences = 0
        return True

    def _acknowledges(self, frame: Frame) -> bool:
        """Say whether an I frame acknowledges ours: by its N(R), or by being there, where the meter does not count."""
        if frame.receive_sequence == self._send:
            self._counts = self._counts or (True if self._send else None)
            return True
        if self._counts or frame.receive_sequence != 0:
            return False
        self._counts = False
        return True

    def _go_on(self, frame: Frame) -> Conversation[Frame]:
        """Deal with a frame that is not the one waited for, return the next."""
        self._count_poll()
        kind = frame.kind
        if kind in {Kind.DM, Kind.FRMR}:
            self.unclean = kind is Kind.FRMR
            raise _refused(frame)
        if kind in {Kind.RR, Kind.RNR, Kind.REJ}:
            unacknowledged = self._send - frame.receive_sequence & 7
            if unacknowledged == 0 or (unacknowledged == 1 and kind is Kind.RNR):
                return (yield from self._turn(Deferred(self._supervisory())))
            if unacknowledged == 1 and not self._is_second(frame):
                return (yield from self._send_again())
        self._foreign += 1
        if kind is Kind.I and frame.final and not self._is_second(frame):
            return (yield from self._turn(self._supervisory()))
        return (yield from self._await(b""))

    def _is_second(self, frame: Frame) -> bool:
        """Say whether ``frame`` may be a second answer to what was answered: the one to our last frame is to come."""
        if frame.kind is Kind.I:
            is_second = (frame.send_sequence + 1) & 7 == self._receive
        else:
            is_second = frame.kind is Kind.RR and self._owed > 0
        self._owed = max(0, self._owed - is_second)
        return is_second

    def _count_poll(self) -> None:
        self._polls += 1
        if self._polls > MAX_POLLS:
            raise RemoteProtocolError(f"HDLC: {MAX_POLLS} frames came, and no answer among them")

    def _send_information(self, piece: bytes, *, segmented: bool) -> Conversation[Frame]:
        control = control_of(Kind.I, send=self._send, receive=self._receive)
        self._information = encode(Frame(self._server, self._client, control, piece, segmented))
        self._send = (self._send + 1) & 7
        self._owed, self._doubles = self._doubles, 0
        self._resends = 0
        return (yield from self._turn(self._information))

    def _send_again(self) -> Conversation[Frame]:
        """Send the last I frame again, because the meter says that it did not come."""
        if self._resends >= self._retries:
            raise LinkError(f"HDLC: the meter does not acknowledge a frame that was sent {self._resends + 1} times")
        self._resends += 1
        self._doubles += 1
        self.repeats += 1
        return (yield from self._turn(self._information))

    def _supervisory(self) -> bytes:
        return encode(Frame(self._server, self._client, control_of(Kind.RR, receive=self._receive)))

    def _turn(self, octets: bytes) -> Conversation[Frame]:
        """Send a frame with the poll bit, return the next frame; on silence it is sent again ``retries`` times."""
        self._last = octets
        self._silences = self._in_window = 0
        return (yield from self._await(octets))

    def _await(self, octets: bytes) -> Conversation[Frame]:
        """Send ``octets``, where there are any, return the next frame; on silence the last frame is sent again."""
        while True:
            try:
                return (yield from self._listen(octets))
            except Silence as silence:
                if isinstance(silence, Overrun) or not self._is_established or self._silences >= self._retries:
                    raise
                self._silences += 1
                self._owed, self._doubles = 0, 1
                self.repeats += 1
                octets = self._last

    def _command(self, kind: Kind, information: bytes = b"") -> Conversation[Frame]:
        """Send an unnumbered command once, return UA, DM or FRMR."""
        self.buffer.clear()
        frame = yield from self._listen(encode(Frame(self._server, self._client, control_of(kind), information)))
        while frame.kind not in {Kind.UA, Kind.DM, Kind.FRMR}:
            if frame.kind is kind and self._echo is None:  # with equal addresses an echo is not told by them
                self._echo = Echo()
            self._foreign += 1
            frame = yield from self._listen(b"")
        return frame

    def _listen(self, octets: bytes) -> Conversation[Frame]:
        """Send ``octets``, where there are any, and return the next frame that the meter sent to us."""
        if octets and self._echo is not None:
            self._echo.sent(octets)
        frame = None if octets else self._take()
        while frame is None:
            try:
                received = yield octets
            except Silence:
                while (frame := self._take()) is None and self.buffer.expire():
                    pass
                if frame is None:
                    raise
            else:
                self.buffer.feed(received if self._echo is None else self._echo.strip(received))
                frame = self._take()
            octets = b""
        return frame

    def _take(self) -> Frame | None:
        while (frame := self.buffer.next()) is not None:
            is_theirs = frame.destination == self._client and frame.source.lstrip(b"\0") == self._meter
            if is_theirs and frame.kind is not Kind.UI:
                return frame
            self._foreign += 1
        return None


def _negotiated(ours: Parameters, theirs: Parameters) -> Parameters:
    """Return what holds after the meter's answer, seen from us: what one sends the other has to take."""
    return Parameters(
        max_info_transmit=min(ours.max_info_transmit, theirs.max_info_receive),
        max_info_receive=min(ours.max_info_receive, theirs.max_info_transmit),
        window_transmit=min(ours.window_transmit, theirs.window_receive),
        window_receive=min(ours.window_receive, theirs.window_transmit),
    )


def _refused(frame: Frame) -> LinkError:
    if frame.kind is Kind.DM:
        return LinkError("HDLC: the meter is in disconnected mode (DM)")
    return LinkError(f"HDLC: frame rejected by the meter (FRMR {frame.information.hex(' ')})")
