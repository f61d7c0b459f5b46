"""Elements of BER: what is written is read, and what is none says so."""

from __future__ import annotations

import random

import pytest

from telegraf_dlms import ber
from telegraf_dlms.errors import RemoteProtocolError


def test_what_is_written_is_read():
    source = random.Random(4)
    parts = [(source.randrange(256), source.randbytes(source.randrange(300))) for _ in range(500)]
    octets = b"".join(ber.element(tag, content) for tag, content in parts)
    assert ber.elements(octets, "it") == parts


@pytest.mark.parametrize(
    ("length", "head"), [(0, "6000"), (127, "607f"), (128, "608180"), (255, "6081ff"), (256, "60820100")]
)
def test_a_length_takes_as_many_octets_as_it_needs(length, head):
    assert ber.element(0x60, bytes(length)) == bytes.fromhex(head) + bytes(length)


def test_a_length_that_takes_more_octets_than_it_needs_is_understood():
    assert ber.elements(bytes.fromhex("A2 84 00000001 05"), "it") == [(0xA2, b"\5")]


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        ("A2", "it: element a2 has no length"),
        ("A281", "it: element a2 has no length"),
        ("A200A38201", "it: element a3 has no length"),
        ("A203 0201", "element a2 says 3 octets, 2 are left"),
        ("A200 A384FFFFFFFF", "element a3 says 4294967295 octets, 0 are left"),
        ("A280 0000", "it: element a2 has no length"),
    ],
)
def test_what_is_no_row_of_elements_says_so(octets, words):
    with pytest.raises(RemoteProtocolError, match=words):
        ber.elements(bytes.fromhex(octets), "it")


def test_any_octets_are_elements_or_an_error_of_ours():
    source = random.Random(5)
    understood = 0
    for _ in range(20_000):
        octets = bytes(source.choice((0, 1, 2, 3, 0x81, source.randrange(256))) for _ in range(source.randrange(20)))
        try:
            found = ber.elements(octets, "it")
        except RemoteProtocolError:
            continue
        assert sum(len(content) + 2 for _, content in found) <= len(octets)
        understood += len(found) > 1
    assert understood > 100


def test_the_only_element_is_its_content():
    assert ber.only(bytes.fromhex("0403010203"), 0x04, "it") == b"\1\2\3"


@pytest.mark.parametrize("octets", [None, b"", b"\x05\x00", b"\x04\x00\x04\x00", b"\x04\x00\x05\x00"])
def test_none_more_or_another_than_the_only_element_is_told(octets):
    with pytest.raises(RemoteProtocolError, match="it is missing or malformed"):
        ber.only(octets, 0x04, "it")
