"""Values to octets: every type, and what does not fit."""

from __future__ import annotations

import pytest

from axdr_vectors import BOTH_WAYS
from telegraf_dlms.axdr_encode import Tag, array, encode, encode_length, structure
from telegraf_dlms.errors import LocalProtocolError


@pytest.mark.parametrize(("tag", "value", "octets"), BOTH_WAYS)
def test_every_type_is_written(tag, value, octets):
    assert encode(tag, value) == bytes.fromhex(octets)


def test_builders_take_items_that_are_encoded_already():
    scaler_unit = structure(encode(Tag.INTEGER, -1), encode(Tag.ENUM, 30))
    assert array(iter([scaler_unit])).hex(" ") == "01 01 02 02 0f ff 16 1e"


def test_a_long_array_has_a_long_count():
    assert array([b"\x00"] * 200)[:3].hex(" ") == "01 81 c8"


def test_a_compact_array_is_written():
    assert encode(Tag.COMPACT_ARRAY, (b"\x11", b"\x01\x02")).hex(" ") == "13 11 02 01 02"


@pytest.mark.parametrize(
    ("length", "octets"), [(0, "00"), (127, "7f"), (128, "8180"), (255, "81ff"), (256, "820100"), (65536, "83010000")]
)
def test_lengths_are_written_short(length, octets):
    assert encode_length(length).hex() == octets


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        pytest.param(Tag.UNSIGNED, 256, id="too large"),
        pytest.param(Tag.LONG_UNSIGNED, -1, id="negative"),
        pytest.param(Tag.UNSIGNED, "1", id="of another type"),
        pytest.param(Tag.DATE_TIME, b"\x00", id="too short"),
        pytest.param(Tag.BIT_STRING, "012", id="no bits"),
        pytest.param(Tag.BCD, 100, id="of three digits"),
        pytest.param(Tag.FLOAT32, 1e39, id="beyond float32"),
    ],
)
def test_what_does_not_fit_its_tag_is_our_bug(tag, value):
    with pytest.raises(LocalProtocolError, match=tag.name):
        encode(tag, value)


def test_a_length_beyond_four_octets_is_our_bug():
    with pytest.raises(LocalProtocolError, match="does not fit"):
        encode_length(2**32)
