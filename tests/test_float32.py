"""Tests of float32."""

from __future__ import annotations

import math
import random
import struct

import pytest

from telegraf_dlms import float32
from telegraf_dlms.float32 import shortest_float


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        ("3dcccccd", "0.1"),
        ("449a5225", "1234.567"),
        ("4b3c614e", "12345678.0"),
        ("c2c80000", "-100.0"),
        ("00000001", "1e-45"),
        ("00800000", "1.1754944e-38"),
        ("7f7fffff", "3.4028235e+38"),
        ("0f800000", "1.2621775e-29"),
        ("80000000", "-0.0"),
        ("7f800000", "inf"),
        ("7fc00000", "nan"),
    ],
)
def test_a_float32_is_the_shortest_decimal_that_reads_back(octets, text):
    assert repr(shortest_float(bytes.fromhex(octets))) == text


def test_every_float32_reads_back():
    source = random.Random(32)
    for _ in range(2000):
        octets = source.randbytes(4)
        value = shortest_float(octets)
        assert math.isnan(value) or struct.pack(">f", value) == octets


def test_a_subnormal_float32_is_as_short_as_can_be_and_costs_no_more_than_others(monkeypatch):
    packed = 0

    class Counting:
        unpack = struct.Struct(">f").unpack

        @staticmethod
        def pack(number):
            nonlocal packed
            packed += 1
            return struct.pack(">f", number)

    monkeypatch.setattr(float32, "_FLOAT32", Counting)
    source = random.Random(33)
    for _ in range(500):
        octets = (source.getrandbits(23) >> source.randrange(23)).to_bytes(4, "big")
        packed = 0
        value = shortest_float(octets)
        assert packed <= 5
        (exact,) = struct.unpack(">f", octets)
        shortest = next(
            text for digits in range(1, 10) if struct.pack(">f", float(text := f"{exact:.{digits}g}")) == octets
        )
        assert repr(value) == repr(float(shortest))


@pytest.mark.parametrize("octets", [b"", b"\x3d\xcc\xcc"])
def test_four_octets_are_wanted(octets):
    with pytest.raises(struct.error):
        shortest_float(octets)
