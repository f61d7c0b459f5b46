"""Octets to values: every type by example, every limit by what would pass it, and gurux-dlms as the oracle."""

from __future__ import annotations

import random
import re

import pytest
from gurux_dlms import GXByteBuffer
from gurux_dlms.internal._GXCommon import _GXCommon
from gurux_dlms.internal._GXDataInfo import _GXDataInfo

from axdr_vectors import BOTH_WAYS, MIDNIGHT
from talking import FIELD, recording
from telegraf_dlms import hdlc
from telegraf_dlms.axdr import (
    MAX_DEPTH,
    MAX_UNSENT,
    DateTime,
    Tag,
    VisibleString,
    array,
    decode,
    decode_all,
    decode_untagged,
    encode,
    read_length,
    structure,
)
from telegraf_dlms.errors import RemoteProtocolError


@pytest.mark.parametrize(("tag", "value", "octets"), BOTH_WAYS)
def test_every_type_is_read_with_its_own_python_type(tag, value, octets):
    result = decode_all(bytes.fromhex(octets))
    assert result == value
    assert type(result) is type(value)


def test_any_octet_but_zero_is_true():
    assert decode_all(b"\x03\xff") is True


def test_structures_are_tuples_and_arrays_are_lists():
    scaler_unit = structure(encode(Tag.INTEGER, -1), encode(Tag.ENUM, 30))
    octets = array([scaler_unit, structure()])
    assert octets.hex(" ") == "01 02 02 02 0f ff 16 1e 02 00"
    assert decode_all(octets) == [(-1, 30), ()]


def test_a_value_is_read_where_it_starts_and_tells_where_it_ends():
    assert decode(b"\xaa\x11\x05\x00", 1) == (5, 3)


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        pytest.param("0c 02 cdf3", b"\xcd\xf3", id="a utf8-string in cp1251"),
        pytest.param("0d ff", b"\xff", id="a bcd without digits"),
    ],
)
def test_what_is_not_what_its_tag_says_stays_octets(octets, value):
    assert decode_all(bytes.fromhex(octets)) == value


def test_a_float32_is_the_shortest_decimal_that_reads_back():
    assert repr(decode_all(bytes.fromhex("17 449a5225"))) == "1234.567"


# Compact arrays (Blue Book, 4.1.5): a type description, then the values without their tags.


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        pytest.param("13 11 03 010203", [1, 2, 3], id="of unsigned"),
        pytest.param("13 02 02 12 0f 06 0001ff 0002fe", [(1, -1), (2, -2)], id="of structures"),
        pytest.param("13 01 0002 12 04 00010002", [[1, 2]], id="of arrays"),
        pytest.param("13 09 05 0141 024243", [b"A", b"BC"], id="of octet-strings"),
        pytest.param("13 02 03 00 11 00 02 0708", [(None, 7, None), (None, 8, None)], id="with null columns"),
        pytest.param("13 02 02 11 01 0002 11 06 010203 040506", [(1, [2, 3]), (4, [5, 6])], id="of nested types"),
        pytest.param("13 12 00", [], id="of nothing"),
        pytest.param("02 02 13 11 01 05 11 06", ([5], 6), id="inside a structure"),
    ],
)
def test_compact_arrays_are_lists(octets, value):
    assert decode_all(bytes.fromhex(octets)) == value


@pytest.mark.parametrize(
    ("octets", "message"),
    [
        pytest.param("13 00 01 00", "does not fit its contents", id="of nulls, which would never end"),
        pytest.param("13 02 00 01 00", "does not fit its contents", id="of empty structures"),
        pytest.param("13 01 0000 11 01 00", "does not fit its contents", id="of empty arrays"),
        pytest.param("13 01 ffff 01 ffff 06 01 00", "does not fit its contents", id="of more than is there"),
        pytest.param("13 02 02 11 01 ffff 00 01 00", "more than 16385 values", id="that blows up"),
        pytest.param("13 12 03 000100", "cut off", id="that ends in a value"),
        pytest.param("13 13 11 01 00", "tag 19 in a type description", id="of compact arrays"),
        pytest.param("13 08 01 00", "tag 8 in a type description", id="of an unknown type"),
        pytest.param("13 11 05 00", "5 octets promised", id="cut off"),
        pytest.param("13" + "010001" * 20 + "11 01 00", "nested more than 16 deep", id="described too deep"),
        pytest.param("13 01 00", "cut off", id="described in part"),
    ],
)
def test_a_compact_array_cannot_loop_or_blow_up(octets, message):
    with pytest.raises(RemoteProtocolError, match=message):
        decode_all(bytes.fromhex(octets))


def compact_rows(octets, *, nulls):
    """Return a compact array of structures of an unsigned and so many nulls, in so many octets."""
    return bytes((0x13, 2, nulls + 1, Tag.UNSIGNED)) + bytes(nulls) + encode(Tag.OCTET_STRING, bytes(octets))[1:]


@pytest.mark.parametrize(("octets", "nulls"), [(1, 100), (3000, 4), (16_000, 0)])
def test_a_compact_array_may_have_columns_that_take_no_octets(octets, nulls):
    assert decode_all(compact_rows(octets, nulls=nulls)) == [(0, *(None,) * nulls)] * octets


@pytest.mark.parametrize(("octets", "nulls"), [(65_000, 0), (16_000, 2), (1000, 100)])
def test_a_compact_array_costs_no_more_than_its_octets_and_some(octets, nulls):
    with pytest.raises(RemoteProtocolError, match=f"more than {octets + MAX_UNSENT} values"):
        decode_all(compact_rows(octets, nulls=nulls))


# Octets without tags, by a description.


@pytest.mark.parametrize(
    ("description", "contents", "value"),
    [
        ("11", "07", 7),
        ("0203 11 12 09", "07 0100 02 4142", (7, 256, b"AB")),
        ("0202 19 06", MIDNIGHT.hex() + "00000001", (DateTime(MIDNIGHT), 1)),
        ("0202 00 11", "07", (None, 7)),
        ("0201 01 0002 12", "0001 0002", ([1, 2],)),
        ("0202 01 0001 0202 0f16 11", "ff1e 07", ([(-1, 30)], 7)),
        ("0240" + "00" * 63 + "11", "07", (*(None,) * 63, 7)),
        ("00", "", None),
    ],
)
def test_octets_without_tags_are_read_by_their_description(description, contents, value):
    assert decode_untagged(bytes.fromhex(description), bytes.fromhex(contents)) == value


@pytest.mark.parametrize(
    ("description", "contents", "message"),
    [
        ("", "", "the type description is cut off"),
        ("0202 11", "0708", "cut off|promised"),
        ("01 00", "", "the type description is cut off"),
        ("11 11", "0708", "1 octets are left over behind a type description"),
        ("08", "07", "tag 8 in a type description"),
        ("13 11", "07", "tag 19 in a type description"),
        ("11", "0708", "1 octets are left over behind what was described"),
        ("0202 11 12", "07 01", "cut off at octet 2"),
        ("09", "05 41", "5 octets promised at octet 1, 1 octets are there"),
        ("06", "", "0 octets, at least 1 are described"),
        ("01 ffff 00", "07", "65536 values are described for 1 octets"),
        ("01 ffff" * 10 + "00", "07", "values are described for 1 octets"),
        ("0201" * 17 + "11", "07", "nested more than 16 deep"),
    ],
)
def test_octets_that_are_not_what_is_described_are_refused(description, contents, message):
    with pytest.raises(RemoteProtocolError, match=message):
        decode_untagged(bytes.fromhex(description), bytes.fromhex(contents))


# What is broken.


@pytest.mark.parametrize(
    ("octets", "message"),
    [
        pytest.param("", "cut off at octet 0", id="nothing"),
        pytest.param("06 0001", "cut off at octet 3", id="half a number"),
        pytest.param("11", "cut off at octet 1", id="a tag alone"),
        pytest.param("19 07ea01", "cut off at octet 4", id="half a date-time"),
        pytest.param("09 05 00", "5 octets promised at octet 2, 1 octets are there", id="a short octet-string"),
        pytest.param("09 84ffffffff 00", "4294967295 octets promised", id="a huge octet-string"),
        pytest.param("04 84ffffffff 00", "4294967295 bits promised", id="a huge bit-string"),
        pytest.param("01 84ffffffff 00", "4294967295 items promised", id="a huge array"),
        pytest.param("02 05 1101", "5 items promised", id="a short structure"),
        pytest.param("02 02 1101", "cut off", id="a structure without its last item"),
        pytest.param("09 80", "a length of 0 octets at octet 1", id="a length without octets"),
        pytest.param("09 85 0000000001 00", "a length of 5 octets", id="a length of five octets"),
        pytest.param("09 82 00", "cut off", id="half a length"),
        pytest.param("08 00", "no type has tag 8, at octet 0", id="an unknown tag"),
        pytest.param("02 01 1c 05", "no type has tag 28, at octet 2", id="an unknown tag inside"),
        pytest.param("11 05 00", "1 octets are left over at octet 2", id="something left over"),
    ],
)
def test_what_is_broken_is_told_with_its_place(octets, message):
    with pytest.raises(RemoteProtocolError, match=message):
        decode_all(bytes.fromhex(octets))


@pytest.mark.parametrize("opening", ["0101", "0201"], ids=["arrays", "structures"])
def test_nesting_has_a_limit(opening):
    assert decode_all(bytes.fromhex(opening * MAX_DEPTH + "00"))
    with pytest.raises(RemoteProtocolError, match="nested more than 16 deep"):
        decode_all(bytes.fromhex(opening * (MAX_DEPTH + 1) + "00"))


def test_a_million_openings_do_not_exhaust_the_stack():
    with pytest.raises(RemoteProtocolError, match="nested"):
        decode_all(b"\x01\x01" * 1_000_000 + b"\x00")


@pytest.mark.parametrize(("octets", "length"), [("7f", 127), ("8180", 128), ("820100", 256), ("84ffffffff", 2**32 - 1)])
def test_lengths_have_one_to_five_octets(octets, length):
    assert read_length(b"\xee" + bytes.fromhex(octets), 1) == (length, 1 + len(octets) // 2)


def test_a_length_may_be_written_longer_than_needed():
    assert read_length(bytes.fromhex("8400000005"), 0) == (5, 5)


def test_half_a_length_is_cut_off():
    with pytest.raises(RemoteProtocolError, match="cut off"):
        read_length(b"\x82\x01", 0)


# gurux-dlms as the oracle.

_ALIKE = [
    (Tag.NULL_DATA, lambda _: None),
    (Tag.BOOLEAN, lambda source: source.random() < 0.5),
    (Tag.DOUBLE_LONG, lambda source: source.randint(-(2**31), 2**31 - 1)),
    (Tag.DOUBLE_LONG_UNSIGNED, lambda source: source.getrandbits(32)),
    (Tag.OCTET_STRING, lambda source: source.randbytes(source.choice([0, 1, 12, 127, 128, 300]))),
    (Tag.VISIBLE_STRING, lambda source: VisibleString(b"x" * source.randint(1, 200))),
    (Tag.INTEGER, lambda source: source.randint(-128, 127)),
    (Tag.LONG, lambda source: source.randint(-(2**15), 2**15 - 1)),
    (Tag.UNSIGNED, lambda source: source.getrandbits(8)),
    (Tag.LONG_UNSIGNED, lambda source: source.getrandbits(16)),
    (Tag.LONG64, lambda source: source.randint(-(2**63), 2**63 - 1)),
    (Tag.LONG64_UNSIGNED, lambda source: source.getrandbits(64)),
    (Tag.ENUM, lambda source: source.getrandbits(8)),
    (Tag.FLOAT64, lambda source: source.gauss(0, 1e6)),
]


def _random_data(source: random.Random, depth: int) -> bytes:
    if depth and source.random() < 0.4:
        items = [_random_data(source, depth - 1) for _ in range(source.randint(0, 5))]
        return source.choice([array, lambda items: structure(*items)])(items)
    tag, value = source.choice(_ALIKE)
    return encode(tag, value(source))


def _plain(value):
    """Return a value of either decoder in types that compare."""
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    if isinstance(value, str):
        return value.encode()
    return value


def test_gurux_dlms_reads_the_same():
    source = random.Random(1)
    for _ in range(300):
        octets = _random_data(source, 4)
        theirs = _GXCommon.getData(None, GXByteBuffer(octets), _GXDataInfo())
        assert _plain(decode_all(octets)) == _plain(theirs), octets.hex()


# Recordings of real meters.


def _notification(case) -> bytes:
    """Return the value in an unciphered data-notification of one frame (Green Book, 9.5), else nothing."""
    apdu = bytes.fromhex(case["hex"])
    if case["interface"] == "HDLC":
        buffer = hdlc.FrameBuffer()
        buffer.feed(apdu)
        frame = buffer.next()
        apdu = frame.information[3:] if frame and not frame.segmented else b""
    # The date-time is an octet-string without a tag; one maker writes the tag. And one was typed from a document.
    if apdu[:1] != b"\x0f" or apdu[5] == Tag.OCTET_STRING or "egd_example" in case["id"]:
        return b""
    length, start = read_length(apdu, 5)
    return apdu[start + length :]


PUSHES = [
    pytest.param(_notification(case), case["expected"], id=case["id"])
    for case in recording("dlms_parser_dumps")
    if _notification(case)
]


def _leaves(value):
    if isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def _scaled(value):
    """Return the numbers of all (logical name, number, (scaler, unit)) in a value."""
    match value:
        case (bytes(name), int(number), (int(scaler), int())):
            return {".".join(map(str, name)): number * 10.0**scaler}
        case list() | tuple():
            return {name: number for item in value for name, number in _scaled(item).items()}
    return {}


@pytest.mark.may_skip("the recordings are beside the project, not in it")
@pytest.mark.parametrize(("octets", "expected"), PUSHES)
def test_what_real_meters_push_is_read_to_its_end(octets, expected):
    value = decode_all(octets)
    scaled = _scaled(value)
    assert {name: expected[name] for name in scaled} == pytest.approx(scaled)
    leaves = list(_leaves(value))
    texts = {text.encode() for text in expected.values() if isinstance(text, str) and "-" not in text}
    assert texts <= {leaf for leaf in leaves if isinstance(leaf, bytes)}
    assert len(leaves) > 2 * len(expected)


def _attributes(path) -> list[bytes]:
    """Return the attributes that were read from a meter; numbers of one or two digits are types, not values."""
    text = path.read_text(encoding="cp1251")
    return [bytes.fromhex(octets) for octets in re.findall(r"<attr[^>]*>\s*((?:[0-9A-Fa-f]{2}){2,})\s*<", text)]


@pytest.mark.may_skip("the recordings are beside the project, not in it")
@pytest.mark.parametrize("path", sorted((FIELD / "objects").glob("*.typ")), ids=lambda path: path.stem)
def test_all_attributes_of_a_recorded_meter_are_read_to_their_end(path):
    values = [decode_all(octets) for octets in _attributes(path)]
    assert len(values) > 50
    assert {tuple, list} <= set(map(type, values))
