"""Hostile octets into everything that eats them: nothing but our own errors may come out, and everything ends.

The seeds are fixed and the rounds are counted, so a failure is the same at every run.
"""

from __future__ import annotations

import random

import pytest

from axdr_vectors import BOTH_WAYS
from talking import at_random
from telegraf_dlms import apdu, axdr, hdlc, wrapper
from telegraf_dlms.axdr import Tag, array, encode, structure
from telegraf_dlms.cosem import AttributeDescriptor
from telegraf_dlms.errors import RemoteProtocolError, Silence, TelegrafDlmsError
from telegraf_dlms.get import InvokeIds, get, get_list
from telegraf_dlms.hdlc import LLC_TO_CLIENT, Frame, FrameBuffer, Kind, Parameters, control_of
from telegraf_dlms.hdlc_procedure import HdlcFraming
from telegraf_dlms.wrapper import WrapperBuffer, WrapperFraming

CLIENT, SERVER = b"\x21", b"\x03"
PROFILE = AttributeDescriptor(7, bytes((1, 0, 99, 1, 0, 255)), 2)
ROW = structure(encode(Tag.OCTET_STRING, bytes(12)), encode(Tag.UNSIGNED, 8), encode(Tag.DOUBLE_LONG_UNSIGNED, 7))
ROWS = array([ROW] * 20)

VALUES = [
    ROWS,
    encode(Tag.COMPACT_ARRAY, (bytes.fromhex("0203 06 11 01 0002 00"), bytes(50))),
    *(encode(tag.values[0], tag.values[1]) for tag in BOTH_WAYS),
]
RESPONSES = [
    apdu.encode_get_response(0xC1, ROWS),
    apdu.encode_get_response(0xC1, 4),
    apdu.encode_get_block(0xC1, ROWS[:60], number=1, last=False),
    apdu.encode_get_block(0xC1, ROWS[60:], number=2, last=True),
    apdu.encode_get_list_response(0xC1, [ROWS, 4]),
    b"\xd8\x01\x06\x00\x00\x00\x01",
    b"\x0e\x01\x00\x02",
]
REQUESTS = [
    apdu.encode_get(0xC1, PROFILE, apdu.entry_selection(1, 5)),
    apdu.encode_get_next(0xC1, 1),
    apdu.encode_get_list(0xC1, [PROFILE] * 3),
]
PARAMETERS = hdlc.encode_parameters(Parameters(512, 512, 7, 7))


def mutated(octets: bytes, source: random.Random) -> bytes:
    """Return octets with one to four things done to them."""
    changed = bytearray(octets)
    for _ in range(source.randint(1, 4)):
        at = source.randrange(len(changed) + 1)
        match source.randrange(6):
            case 0:
                changed[at : at + 1] = bytes((source.choice((0x00, 0x01, 0x02, 0x13, 0x7E, 0x80, 0x84, 0xFF)),))
            case 1:
                changed[at : at + 1] = source.randbytes(1)
            case 2:
                del changed[at:]
            case 3:
                del changed[at : at + source.randint(1, 4)]
            case 4:
                changed[at:at] = source.randbytes(source.randint(1, 4))
            case _:
                changed[at:at] = changed[at : at + source.randint(1, 30)]
    return bytes(changed)


def _into_frames(octets: bytes) -> None:
    buffer = FrameBuffer()
    for piece in at_random(octets):
        buffer.feed(piece)
        while (frame := buffer.next()) is not None:
            hdlc.decode_parameters(frame.information)
    while buffer.expire():
        buffer.next()


def _into_packets(octets: bytes) -> None:
    buffer = WrapperBuffer()
    for piece in at_random(octets):
        buffer.feed(piece)
        while buffer.next() is not None:
            pass


_FRAMES = b"".join(hdlc.encode(Frame(CLIENT, SERVER, 0x30, LLC_TO_CLIENT + response)) for response in RESPONSES)
_PACKETS = b"".join(wrapper.encode(1, 16, response) for response in RESPONSES)


@pytest.mark.parametrize(
    ("eat", "seeds", "rounds"),
    [
        pytest.param(axdr.decode_all, VALUES, 30000, id="values"),
        pytest.param(apdu.parse_get_response, RESPONSES, 10000, id="responses"),
        pytest.param(apdu.parse_get_request, REQUESTS, 10000, id="requests"),
        pytest.param(hdlc.decode_parameters, [PARAMETERS], 2000, id="parameters"),
        pytest.param(hdlc.strip_llc, [LLC_TO_CLIENT + b"\xc4"], 500, id="LLC"),
        pytest.param(_into_frames, [_FRAMES], 150, id="frames"),
        pytest.param(_into_packets, [_PACKETS], 300, id="packets"),
    ],
)
def test_mutations_raise_nothing_of_pythons_own(eat, seeds, rounds):
    source = random.Random(3)
    refused = 0
    for _ in range(rounds):
        octets = mutated(source.choice(seeds), source)
        try:
            eat(octets)
        except RemoteProtocolError:
            refused += 1
        except Exception as error:
            raise AssertionError(octets.hex(" ")) from error
    assert refused < rounds


def test_noise_is_a_value_or_an_error_of_a_xdr():
    source = random.Random(4)
    for _ in range(5000):
        octets = source.randbytes(source.randint(0, 40))
        try:
            axdr.decode_all(octets)
        except RemoteProtocolError as error:
            assert "A-XDR" in str(error)  # noqa: PT017  # most noise raises, some is a value: both are right


class NastyMeter:
    """Answers mostly as it should, else garbled, twice, with something else, or not at all."""

    def __init__(self, seed: int) -> None:
        self.source = random.Random(seed)
        self.buffer = FrameBuffer()
        self.sent = 0

    def answer(self, octets: bytes) -> list[bytes]:
        right = self._right(octets)
        match self.source.randrange(10):
            case 0:
                return [mutated(right, self.source)]
            case 1:
                return [right + right]
            case 2:
                return [self._any() + right]
            case 3:
                return [right[: len(right) // 2]]
            case 4:
                return []
        return at_random(right, self.source.randrange(99))

    def _any(self) -> bytes:
        raise NotImplementedError

    def _right(self, octets: bytes) -> bytes:
        raise NotImplementedError

    def apdu(self) -> bytes:
        response = self.source.choice(RESPONSES)
        if response[0] != 0xC4:
            return response
        return response[:2] + bytes((0xC0 | self.source.choice((1, 1, 1, 1, 2)),)) + response[3:]


class NastyHdlcMeter(NastyMeter):
    def _right(self, octets: bytes) -> bytes:
        self.buffer.feed(octets)
        frame = self.buffer.next()
        assert frame, octets
        if frame.kind is Kind.SNRM:
            return self._frame(control_of(Kind.UA), PARAMETERS)
        if frame.kind is Kind.DISC:
            return self._frame(control_of(self.source.choice((Kind.UA, Kind.DM))))
        if frame.kind is Kind.I:
            received = frame.send_sequence + 1
            control = control_of(Kind.I, send=frame.receive_sequence, receive=received)
            segmented = self.source.random() < 0.2
            return self._frame(control, LLC_TO_CLIENT + self.apdu(), segmented=segmented)
        return self._any()

    def _any(self) -> bytes:
        kind = self.source.choice(list(Kind)[:-1])
        numbers = {"send": self.source.randrange(3), "receive": self.source.randrange(3)}
        return self._frame(control_of(kind, **numbers), self.source.choice((b"", b"\x00" * 9)))

    def _frame(self, control: int, information: bytes = b"", *, segmented: bool = False) -> bytes:
        return hdlc.encode(Frame(CLIENT, SERVER, control, information, segmented))


class NastyWrapperMeter(NastyMeter):
    def _right(self, octets: bytes) -> bytes:
        assert octets
        return wrapper.encode(1, 16, self.apdu())

    def _any(self) -> bytes:
        return wrapper.encode(self.source.choice((1, 2)), self.source.choice((16, 17)), b"\x0f\x00")


#: A conversation with a meter that answers nothing useful ends within this many reads and silences: MAX_POLLS frames,
#: and the repeats of each.
_PATIENCE = 5000


def _outcome(conversation, meter: NastyMeter) -> str:
    waiting: list[bytes] = []
    try:
        octets = next(conversation)
        for _ in range(_PATIENCE):
            if octets:
                waiting += [piece for piece in meter.answer(octets) if piece]
            octets = conversation.send(waiting.pop(0)) if waiting else conversation.throw(Silence())
    except StopIteration:
        return "answer"
    except TelegrafDlmsError as error:
        return type(error).__name__
    raise AssertionError("it does not end")


def _poll(framing, seed: int):
    yield from framing.open()
    if seed % 3:
        value = yield from get(framing, PROFILE, invoke_ids=InvokeIds())
    else:
        value = yield from get_list(framing, [PROFILE] * 2, invoke_ids=InvokeIds())
    yield from framing.close()
    return value


@pytest.mark.parametrize(
    ("make_meter", "make_framing"),
    [
        pytest.param(NastyHdlcMeter, lambda: HdlcFraming(client=CLIENT, server=SERVER), id="HDLC"),
        pytest.param(NastyWrapperMeter, lambda: WrapperFraming(client=16, server=1), id="WRAPPER"),
    ],
)
def test_every_poll_of_a_nasty_meter_ends_with_an_answer_or_an_error_of_ours(make_meter, make_framing):
    outcomes = {_outcome(_poll(make_framing(), seed), make_meter(seed)) for seed in range(3000)}
    assert {"answer", "DataRefused", "RemoteProtocolError", "Silence"} <= outcomes


def test_a_buffer_fed_with_flags_alone_takes_linear_time():
    buffer = FrameBuffer()
    buffer.feed(b"\x7e\xa7\xff" * 50_000)
    assert buffer.next() is None
    while buffer.expire():
        assert buffer.next() is None
