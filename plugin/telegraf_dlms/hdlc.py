"""HDLC frames, format type 3, of both roles (IEC 62056-46; Green Book, 8.4): octets to frames and back.

::

    7E │ A|S|length (2) │ destination (1, 2, 4) │ source │ control │ HCS (2) │ information │ FCS (2) │ 7E

The length counts everything between the flags. Nothing is escaped: a 7E inside a frame is an octet like any other, and
only the length tells where a frame ends. HCS and FCS are the CRC-16 of X.25; without information there is no HCS. The
closing flag of one frame may be the opening flag of the next.

``binascii.crc_hqx`` is the only CRC-16 that Python has in C. It has the polynomial of X.25 but takes the high bit of
each octet first, where X.25 takes the low bit first. So with every octet's bits reversed on the way in, and the bits of
the result reversed on the way out, it is the same register; X.25 inverts that at the end and sends the low octet first,
which is where the reversed high octet ends up:

    fcs16(data) = inverted and reversed, octet by octet, of crc_hqx(reversed octets of data, FFFFh), high octet first
"""

from __future__ import annotations

from binascii import crc_hqx
from dataclasses import dataclass
from enum import Enum, unique
from typing import Final

from telegraf_dlms.errors import LocalProtocolError, RemoteProtocolError

FLAG: Final = 0x7E
#: What the eleven bits of the length can say.
MAX_FRAME: Final = 2047
#: Format (2), the shortest addresses (1 + 1), control (1) and FCS (2).
MIN_FRAME: Final = 7
#: Format, the longest addresses (4 + 4), control and HCS: what says whether a frame begins there.
_MAX_HEAD: Final = 13
#: The longest information field that leaves room for two addresses of four octets and the rest.
MAX_INFORMATION: Final = MAX_FRAME - 2 - 4 - 4 - 1 - 2 - 2
#: The LLC header before each APDU (Green Book, 8.3): destination LSAP, source LSAP, quality.
LLC_TO_SERVER: Final = b"\xe6\xe6\x00"
LLC_TO_CLIENT: Final = b"\xe6\xe7\x00"
#: The poll bit of a command and the final bit of a response.
POLL_FINAL: Final = 0x10


@unique
class Kind(Enum):
    """What a control octet says; the numbers are the octets without the poll/final bit and the sequence numbers."""

    I = 0x00  # noqa: E741  # the standard's name
    RR = 0x01
    RNR = 0x05
    REJ = 0x09
    UI = 0x03
    DM = 0x0F
    DISC = 0x43
    UA = 0x63
    SNRM = 0x83
    FRMR = 0x87
    UNKNOWN = 0xFF


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame; the addresses are octets as they are sent, ``segmented``: more of the information follows."""

    destination: bytes
    source: bytes
    control: int
    information: bytes = b""
    segmented: bool = False

    @property
    def kind(self) -> Kind:
        """What the control octet says."""
        return _KINDS[self.control]

    @property
    def final(self) -> bool:
        """Whether the poll/final bit is set: the other side may speak now."""
        return bool(self.control & POLL_FINAL)

    @property
    def send_sequence(self) -> int:
        """N(S), of an I frame."""
        return self.control >> 1 & 7

    @property
    def receive_sequence(self) -> int:
        """N(R), of I, RR, RNR and REJ frames: the N(S) that the sender waits for."""
        return self.control >> 5


def control_of(kind: Kind, *, send: int = 0, receive: int = 0) -> int:
    """Return the control octet with the poll/final bit set; ``send`` is N(S), ``receive`` is N(R)."""
    if kind is Kind.I:
        return (receive & 7) << 5 | POLL_FINAL | (send & 7) << 1
    if kind in {Kind.RR, Kind.RNR, Kind.REJ}:
        return (receive & 7) << 5 | POLL_FINAL | int(kind.value)
    return POLL_FINAL | int(kind.value)


def fcs16(data: bytes) -> bytes:
    """Return the two octets of HCS or FCS as they are sent."""
    return crc_hqx(data.translate(_REVERSED), 0xFFFF).to_bytes(2, "big").translate(_REVERSED_INVERTED)


def encode(frame: Frame) -> bytes:
    """Return a frame with its flags; LocalProtocolError where it is longer than MAX_FRAME."""
    head_size = 2 + len(frame.destination) + len(frame.source) + 1
    length = head_size + 2 + (len(frame.information) + 2 if frame.information else 0)
    if length > MAX_FRAME:
        raise LocalProtocolError(f"HDLC: a frame of {length} octets")
    layout = 0xA000 | (0x0800 if frame.segmented else 0) | length
    body = layout.to_bytes(2, "big") + frame.destination + frame.source + bytes((frame.control,))
    if frame.information:
        body += fcs16(body) + frame.information
    return b"\x7e" + body + fcs16(body) + b"\x7e"


class FrameBuffer:
    """Cuts what is read into frames, over any garbage between and instead of them.

    An incomplete frame keeps at most one flag and MAX_FRAME octets waiting. ``octets`` counts all that was fed,
    ``garbled`` each stretch that was no frame: with octets and no frame, the line's settings are wrong.
    """

    __slots__ = ("_data", "_start", "garbled", "octets")

    def __init__(self) -> None:
        self._data = bytearray()
        self._start = 0
        self.octets = 0
        self.garbled = 0

    @property
    def waiting(self) -> int:
        """How many octets, the last ones of those fed, are neither taken as a frame nor dropped.

        Behind a frame that was taken its closing flag waits: it may open the next one.
        """
        return len(self._data) - self._start

    def feed(self, octets: bytes) -> None:
        """Take octets as they were read, in pieces of any size."""
        if self._start:
            del self._data[: self._start]
            self._start = 0
        self.octets += len(octets)
        self._data += octets

    def next(self) -> Frame | None:
        """Return the next good frame, or None: more octets are needed."""
        data = self._data
        while self._find_flag():
            start = self._start + 1
            if len(data) < start + 2:
                return None
            length = (data[start] & 7) << 8 | data[start + 1]
            if data[start] & 0xF0 != 0xA0 or length < MIN_FRAME:
                self._drop_flag()
                continue
            end = start + length
            if len(data) <= end:
                if len(data) < start + _MAX_HEAD or _head_end(bytes(data[start : start + _MAX_HEAD])):
                    return None
                self._drop_flag()  # it is not waited for the rest of what is no frame
                continue
            body = bytes(data[start:end])
            head = _head_end(body) if data[end] == FLAG else 0
            if not head:
                self._drop_flag()
                continue
            # A header whose checksum holds is right about the length: what is inside is not looked at again.
            self._start = end
            if fcs16(body[:-2]) == body[-2:] and len(body) != head + 3:
                return _frame(body, head)
            self.garbled += 1
        return None

    def expire(self) -> bool:
        """Give up the frame that was begun, since nothing more comes; say whether there was one.

        What a garbled length swallowed is looked at again: there may be a good frame in it.
        """
        if not self._find_flag() or len(self._data) == self._start + 1:
            return False
        self._drop_flag()
        return True

    def clear(self) -> None:
        """Forget everything that is not yet a frame that was taken."""
        self._data.clear()
        self._start = 0

    def _find_flag(self) -> bool:
        """Move to the last flag before the next octet that is none; False where there is no flag."""
        data, start = self._data, self._start
        found = data.find(FLAG, start)
        if found < 0:
            self.garbled += len(data) > start
            self._start = len(data)
            return False
        self.garbled += found > start
        while found + 1 < len(data) and data[found + 1] == FLAG:
            found += 1
        self._start = found
        return True

    def _drop_flag(self) -> None:
        found = self._data.find(FLAG, self._start + 1)
        self._start = found if found >= 0 else len(self._data)
        self.garbled += 1


@dataclass(frozen=True, slots=True)
class Parameters:
    """What SNRM and UA negotiate, seen from who says it; information lengths in octets, windows in frames.

    The defaults are the standard's, for whatever is not stated (IEC 62056-46, 6.4.4.4.3.2).
    """

    max_info_transmit: int = 128
    max_info_receive: int = 128
    window_transmit: int = 1
    window_receive: int = 1


def encode_parameters(parameters: Parameters) -> bytes:
    """Return the information field of SNRM or UA with all four values."""
    lengths = (parameters.max_info_transmit, parameters.max_info_receive)
    windows = (parameters.window_transmit, parameters.window_receive)
    body = b""
    for identifier, length in enumerate(lengths, _MAX_INFO_TRANSMIT):
        body += bytes((identifier, 1, length) if length <= 0xFF else (identifier, 2, length >> 8, length & 0xFF))
    for identifier, window in enumerate(windows, _WINDOW_TRANSMIT):
        body += bytes((identifier, 4, 0, 0, 0, window))
    return bytes((_FORMAT, _GROUP, len(body))) + body


def decode_parameters(information: bytes) -> Parameters:
    """Return what an information field states; whatever is absent, or nonsense, has its default."""
    values: dict[int, int] = {}
    position = 3
    if information[:2] == bytes((_FORMAT, _GROUP)):
        while position + 2 <= len(information):
            identifier, size = information[position], information[position + 1]
            position += 2 + size
            if 0 < size <= 4 and position <= len(information):
                values[identifier] = int.from_bytes(information[position - size : position], "big")
    return Parameters(
        max_info_transmit=_sane(values.get(_MAX_INFO_TRANSMIT), default=128, limit=MAX_INFORMATION),
        max_info_receive=_sane(values.get(_MAX_INFO_TRANSMIT + 1), default=128, limit=MAX_INFORMATION),
        window_transmit=_sane(values.get(_WINDOW_TRANSMIT), default=1, limit=7),
        window_receive=_sane(values.get(_WINDOW_TRANSMIT + 1), default=1, limit=7),
    )


def segment(payload: bytes, *, size: int) -> list[bytes]:
    """Cut an LLC header and its APDU into information fields of at most ``size`` octets."""
    return [payload[start : start + size] for start in range(0, len(payload), size)]


def strip_llc(payload: bytes) -> bytes:
    """Return the APDU behind the LLC header of either direction; RemoteProtocolError where there is none.

    The quality octet is reserved, and ignored (Green Book, 8.3.2).
    """
    if payload[:2] not in {LLC_TO_CLIENT[:2], LLC_TO_SERVER[:2]} or len(payload) <= len(LLC_TO_CLIENT):
        raise RemoteProtocolError(f"HDLC: no APDU behind an LLC header: {payload[:8].hex(' ')}")
    return payload[len(LLC_TO_CLIENT) :]


_REVERSED = bytes(int(f"{octet:08b}"[::-1], 2) for octet in range(256))
_REVERSED_INVERTED = bytes(octet ^ 0xFF for octet in _REVERSED)

_FORMAT: Final = 0x81
_GROUP: Final = 0x80
_MAX_INFO_TRANSMIT: Final = 5
_WINDOW_TRANSMIT: Final = 7


def _kind(control: int) -> Kind:
    if not control & 1:
        return Kind.I
    octet = control & (0x0F if control & 3 == 1 else 0xEF)
    return next((kind for kind in Kind if kind.value == octet), Kind.UNKNOWN)


_KINDS = tuple(_kind(control) for control in range(256))


def _head_end(body: bytes) -> int:
    """Return the offset after the control octet; 0 where addresses or the checksum behind it do not hold.

    That checksum is the HCS, or the FCS of a frame without information.
    """
    destination_end = _address_end(body, 2)
    source_end = _address_end(body, destination_end)
    head = source_end + 1
    if not 2 < destination_end < source_end or fcs16(body[:head]) != body[head : head + 2]:
        return 0
    return head


def _frame(body: bytes, head: int) -> Frame:
    """Return the frame between two flags whose checksums hold and whose control octet ends at ``head``."""
    destination_end = _address_end(body, 2)
    return Frame(
        body[2:destination_end],
        body[destination_end : head - 1],
        body[head - 1],
        body[head + 2 : -2],
        bool(body[0] & 0x08),
    )


def _address_end(body: bytes, start: int) -> int:
    """Return the offset after an address of 1, 2 or 4 octets, whose last one alone is odd; 0 where there is none."""
    for size, octet in enumerate(body[start : start + 4], 1):
        if octet & 1:
            return start + size if size != 3 else 0
    return 0


def _sane(value: int | None, *, default: int, limit: int) -> int:
    return default if not value else min(value, limit)
