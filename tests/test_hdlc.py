"""HDLC frames, by the octet."""

from __future__ import annotations

import random

import pytest

from talking import CUTS, recorded
from telegraf_dlms import hdlc
from telegraf_dlms.errors import LocalProtocolError, RemoteProtocolError
from telegraf_dlms.hdlc import (
    MAX_FRAME,
    MAX_INFORMATION,
    Frame,
    FrameBuffer,
    Kind,
    Parameters,
    control_of,
    decode_parameters,
    encode,
    encode_parameters,
    fcs16,
    segment,
    strip_llc,
)

SNRM = Frame(b"\x03", b"\x21", 0x93)
DATA = Frame(b"\x21", b"\x03", 0x30, b"\xe6\xe7\x00\xc4\x01\xc1\x00\x11\x7e")


def frames_of(octets: bytes, buffer: FrameBuffer | None = None) -> list[Frame]:
    buffer = buffer or FrameBuffer()
    buffer.feed(octets)
    return list(iter(buffer.next, None))


def _crc_x25(data: bytes) -> bytes:
    """Return the CRC-16 of X.25 as the standard writes it (RFC 1662, appendix C), bit by bit."""
    register = 0xFFFF
    for octet in data:
        register ^= octet
        for _ in range(8):
            register = register >> 1 ^ (0x8408 if register & 1 else 0)
    return (register ^ 0xFFFF).to_bytes(2, "little")


def test_the_checksum_is_that_of_x25():
    assert fcs16(b"123456789").hex() == "6e90"
    source = random.Random(25)
    for size in range(200):
        data = source.randbytes(size)
        assert fcs16(data) == _crc_x25(data)


def test_a_frame_without_information_has_one_checksum():
    assert encode(SNRM).hex(" ") == "7e a0 07 03 21 93 0f 01 7e"


def test_a_frame_with_information_has_two():
    frame = Frame(b"\x00\x02\x24\x61", b"\x61", 0x32, bytes.fromhex("e6e600c0010100030101010800ff0300"))
    assert encode(frame).hex() == "7ea01c0002246161328820e6e600c0010100030101010800ff030021b17e"


def test_a_segmented_frame_says_so():
    octets = encode(Frame(b"\x21", b"\x03", 0x20, b"abc", segmented=True))
    assert octets[1] == 0xA8
    assert frames_of(octets)[0].segmented


def test_the_longest_frame_fits_and_one_more_octet_does_not():
    addresses = b"\x00\x00\x00\x03", b"\x21"
    longest = MAX_INFORMATION + 3
    octets = encode(Frame(*addresses, 0x10, bytes(longest)))
    assert len(octets) == MAX_FRAME + 2
    assert len(frames_of(octets)[0].information) == longest
    with pytest.raises(LocalProtocolError, match="2048 octets"):
        encode(Frame(*addresses, 0x10, bytes(longest + 1)))


@pytest.mark.parametrize("size", [1, 127, 128, 240, 248, 249, 250, 251, 252, 253, 254, 255, 256, 511, 512, 2030])
def test_every_length_comes_back(size):
    frame = Frame(b"\x02\x23", b"\x21", 0x10, b"\x7e" * size)
    assert frames_of(encode(frame)) == [frame]


@pytest.mark.parametrize("server", ["03", "fe ff", "68 2d", "00 02 68 2d", "fe fe fe ff"])
@pytest.mark.parametrize("information", [b"", b"\x00"], ids=["without", "with information"])
def test_addresses_have_one_two_or_four_octets(server, information):
    frame = Frame(b"\x21", bytes.fromhex(server), 0x73, information)
    assert frames_of(encode(frame)) == [frame]


@pytest.mark.parametrize(
    ("control", "kind", "send", "receive"),
    [
        (0x10, Kind.I, 0, 0),
        (0x54, Kind.I, 2, 2),
        (0xFE, Kind.I, 7, 7),
        (0x31, Kind.RR, None, 1),
        (0x55, Kind.RNR, None, 2),
        (0x79, Kind.REJ, None, 3),
        (0x93, Kind.SNRM, None, None),
        (0x53, Kind.DISC, None, None),
        (0x73, Kind.UA, None, None),
        (0x1F, Kind.DM, None, None),
        (0x97, Kind.FRMR, None, None),
        (0x13, Kind.UI, None, None),
    ],
)
def test_control_octets_say_what_a_frame_is(control, kind, send, receive):
    frame = Frame(b"\x21", b"\x03", control)
    assert frame.kind is kind
    assert frame.final
    assert send is None or frame.send_sequence == send
    assert receive is None or frame.receive_sequence == receive
    assert control_of(kind, send=send or 0, receive=receive or 0) == control


@pytest.mark.parametrize("control", [0xFF, 0x0D, 0xEF, 0x23])
def test_other_control_octets_are_unknown(control):
    assert Frame(b"\x21", b"\x03", control).kind is Kind.UNKNOWN


def test_without_the_final_bit_the_kind_is_the_same():
    frame = Frame(b"\x21", b"\x03", 0x03)
    assert frame.kind is Kind.UI
    assert not frame.final


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize(
    "between",
    [
        pytest.param(b"", id="back to back"),
        pytest.param(b"\x7e\x7e\x7e", id="with idle flags"),
        pytest.param(b"\x00\xff\x55", id="with noise"),
        pytest.param(b"\x7e\x00\x7e\xa0\x03\x7e", id="with what only looks like frames"),
        pytest.param(encode(DATA)[:-4] + b"\x00\x00\x00\x7e", id="with a frame that was garbled"),
    ],
)
def test_frames_are_found_between_anything(between, cut):
    buffer = FrameBuffer()
    found = []
    for piece in cut(between + encode(SNRM) + between + encode(DATA) + between + encode(SNRM)):
        found += frames_of(piece, buffer)
    assert found == [SNRM, DATA, SNRM]


def test_one_flag_may_close_a_frame_and_open_the_next():
    assert frames_of(encode(SNRM) + encode(DATA)[1:] + encode(SNRM)[1:]) == [SNRM, DATA, SNRM]


def test_what_waits_is_the_last_flag_and_what_came_behind_it():
    buffer = FrameBuffer()
    frames_of(b"\xff" + encode(SNRM), buffer)
    assert buffer.waiting == 1
    frames_of(encode(DATA)[1:5], buffer)
    assert buffer.waiting == 5
    frames_of(encode(DATA)[5:] + b"\xa0", buffer)
    assert buffer.waiting == 2
    frames_of(b"\x00\x00", buffer)  # the length of no frame
    assert buffer.waiting == 0


@pytest.mark.parametrize("position", range(1, len(encode(DATA)) - 1))
def test_a_flipped_bit_anywhere_drops_the_frame(position):
    octets = bytearray(encode(DATA))
    octets[position] ^= 0x10
    buffer = FrameBuffer()
    assert frames_of(bytes(octets), buffer) == []
    while buffer.expire():
        assert buffer.next() is None
    assert buffer.garbled


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("a0 07 02 04 93", id="an address without an end"),
        pytest.param("a0 09 02 04 07 21 93", id="an address of three octets"),
        pytest.param("a0 06 03 21", id="no control octet"),
        pytest.param("a0 08 03 21 93 00", id="one octet of information and no checksum for the header"),
    ],
)
def test_a_good_checksum_does_not_make_a_frame(body):
    octets = bytes.fromhex(body)
    assert frames_of(b"\x7e" + octets + fcs16(octets) + b"\x7e") == []


def test_a_wrong_length_swallows_no_good_frame_for_ever():
    buffer = FrameBuffer()
    cut_off = encode(Frame(DATA.destination, DATA.source, DATA.control, bytes(100)))[:20]
    assert frames_of(cut_off + encode(DATA), buffer) == []
    assert buffer.expire()
    assert buffer.next() == DATA
    assert not buffer.expire()


@pytest.mark.parametrize(
    "begin",
    [
        pytest.param("7ea7fd", id="flags"),
        pytest.param("7ea7f8032110" + fcs16(bytes.fromhex("a7f8032110")).hex(), id="flags and good headers"),
    ],
)
def test_octets_that_begin_a_frame_again_and_again_are_not_checked_again_and_again(begin, monkeypatch):
    checked = 0

    def counting(data):
        nonlocal checked
        checked += len(data)
        return fcs16(data)

    monkeypatch.setattr(hdlc, "fcs16", counting)
    octets = bytes.fromhex(begin) * 5000
    assert frames_of(octets) == []
    assert checked < 5 * len(octets)


def test_garbage_does_not_pile_up():
    buffer = FrameBuffer()
    for _ in range(100):
        assert frames_of(b"\x00" * 1000 + b"\x7e\xa7", buffer) == []
    assert len(buffer._data) <= MAX_FRAME + 2 + 1000
    assert buffer.octets == 100_200
    assert buffer.garbled


def test_a_cleared_buffer_has_forgotten_the_half_frame():
    buffer = FrameBuffer()
    buffer.feed(encode(DATA)[:7])
    buffer.clear()
    assert frames_of(encode(SNRM), buffer) == [SNRM]
    assert buffer.garbled == 0


# What SNRM and UA negotiate.


@pytest.mark.parametrize(
    ("parameters", "octets"),
    [
        (Parameters(), "81 80 12 05 01 80 06 01 80 07 04 00000001 08 04 00000001"),
        (Parameters(255, 192, 1, 7), "81 80 12 05 01 ff 06 01 c0 07 04 00000001 08 04 00000007"),
        (Parameters(256, 2030, 7, 1), "81 80 14 05 02 0100 06 02 07ee 07 04 00000007 08 04 00000001"),
    ],
    ids=["defaults", "one octet", "two octets"],
)
def test_parameters_go_both_ways(parameters, octets):
    assert encode_parameters(parameters) == bytes.fromhex(octets)
    assert decode_parameters(bytes.fromhex(octets)) == parameters


@pytest.mark.parametrize(
    ("octets", "parameters"),
    [
        pytest.param("", Parameters(), id="absent"),
        pytest.param("818000", Parameters(), id="empty"),
        pytest.param("818003 0501f8", Parameters(max_info_transmit=248), id="one value of one octet"),
        pytest.param("818006 070103 080105", Parameters(128, 128, 3, 5), id="windows of one octet"),
        pytest.param("81800c 0504000000f8 060400000400", Parameters(248, 1024), id="lengths of four octets"),
        pytest.param("818006 090101 060180", Parameters(128, 128), id="an unknown one before"),
        pytest.param("818006 050100 070100", Parameters(), id="zeros"),
        pytest.param("818008 0502ffff 0702ffff", Parameters(MAX_INFORMATION, 128, 7, 1), id="too large"),
        pytest.param("818012 0501f8 0602", Parameters(max_info_transmit=248), id="cut off"),
        pytest.param("818012 05ff", Parameters(), id="a length beyond the end"),
        pytest.param("0102030405", Parameters(), id="something else"),
    ],
)
def test_parameters_are_read_leniently(octets, parameters):
    assert decode_parameters(bytes.fromhex(octets)) == parameters


# Segments and LLC.


def test_an_apdu_is_cut_into_segments_that_make_it_whole():
    pieces = segment(b"\xe6\xe6\x00" + bytes(250), size=128)
    assert [len(piece) for piece in pieces] == [128, 125]
    assert strip_llc(b"".join(pieces)) == bytes(250)


@pytest.mark.parametrize("octets", ["", "e6e7", "e6e700", "c401c100"])
def test_an_apdu_needs_an_llc_header(octets):
    with pytest.raises(RemoteProtocolError, match="LLC"):
        strip_llc(bytes.fromhex(octets))


# Recordings of real meters.


@pytest.mark.may_skip("the recordings are beside the project, not in it")
@recorded("risesun_poll", "gosem_circutor_poll")
def test_a_recorded_session_is_read_and_written_again(case):
    for recorded_frame in case["frames"]:
        octets = bytes.fromhex(recorded_frame["hex"])
        (frame,) = frames_of(octets)
        assert encode(frame) == octets


@pytest.mark.may_skip("the recordings are beside the project, not in it")
@recorded("risesun_poll")
def test_the_recorded_parameters_of_a_ua(case):
    (answer,) = frames_of(bytes.fromhex(case["frames"][1]["hex"]))
    assert decode_parameters(answer.information) == Parameters(192, 192, 1, 1)


@pytest.mark.may_skip("the recordings are beside the project, not in it")
@recorded("smartmeter_datacollector")
def test_no_recorded_push_is_garbled(case):
    octets = b"".join(bytes.fromhex(frame["hex"]) for frame in case["frames"])
    buffer = FrameBuffer()
    frames = frames_of(octets, buffer)
    assert frames
    assert all(frame.kind is Kind.UI for frame in frames)
    assert b"".join(map(hdlc.encode, frames)).replace(b"\x7e\x7e", b"\x7e") == octets.replace(b"\x7e\x7e", b"\x7e")
    assert buffer.garbled == 0
