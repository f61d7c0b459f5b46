"""The READ service by the octet, of both roles."""

from __future__ import annotations

import pytest

from telegraf_dlms.apdu import Refusal, entry_selection
from telegraf_dlms.axdr import Tag, encode
from telegraf_dlms.errors import LocalProtocolError, RemoteProtocolError
from telegraf_dlms.sn_apdu import (
    ReadBlock,
    ReadNext,
    ReadResult,
    ReadVariables,
    Variable,
    encode_read,
    encode_read_block,
    encode_read_next,
    encode_read_response,
    parse_read_request,
    parse_read_response,
)

#: Rows 1 to 2 by entry, as a profile's buffer is asked for.
ROWS = bytes.fromhex("02 0204 0600000001 0600000002 120001 120000")

REQUESTS = [
    pytest.param([Variable(0x0100)], "05 01 02 0100", id="one variable"),
    pytest.param([Variable(0xFA08), Variable(0x0008)], "05 02 02 FA08 02 0008", id="two variables"),
    pytest.param([Variable(0xC008, ROWS)], "05 01 04 C008" + ROWS.hex(), id="parameterized access"),
    pytest.param([Variable(0x0008), Variable(0xC008, ROWS)], "05 02 02 0008 04 C008" + ROWS.hex(), id="both"),
    pytest.param([Variable(8)] * 128, "05 8180" + "02 0008" * 128, id="more than 127"),
]


@pytest.mark.parametrize(("variables", "octets"), REQUESTS)
def test_a_request_is_these_octets(variables, octets):
    assert encode_read(variables) == bytes.fromhex(octets)


@pytest.mark.parametrize(("variables", "octets"), REQUESTS)
def test_a_request_is_read_as_it_was_written(variables, octets):
    assert parse_read_request(bytes.fromhex(octets)) == ReadVariables(tuple(variables))


def test_the_selection_of_a_get_is_that_of_a_read():
    assert encode_read([Variable(0xC008, entry_selection(1, 2))]) == bytes.fromhex("05 01 04 C008") + ROWS


@pytest.mark.parametrize("short_name", [-8, 0x10000])
def test_a_short_name_beyond_16_bits_is_our_bug(short_name):
    with pytest.raises(LocalProtocolError, match=f"short name {short_name} does not fit"):
        encode_read([Variable(short_name)])


def test_the_next_block_is_asked_for_by_the_last_ones_number():
    assert encode_read_next(258) == bytes.fromhex("05 01 05 0102")
    assert parse_read_request(bytes.fromhex("05 01 05 0102")) == ReadNext(258)


@pytest.mark.parametrize(
    ("octets", "message"),
    [
        pytest.param("", "no read-request", id="nothing"),
        pytest.param("C0 01 C1", "no read-request", id="a GET"),
        pytest.param("05", "cut off", id="no count"),
        pytest.param("05 01", "cut off", id="no variable"),
        pytest.param("05 01 02 01", "cut off", id="half a name"),
        pytest.param("05 02 02 0100", "cut off", id="one variable of two"),
        pytest.param("05 84FFFFFFFF 02 0100", "cut off", id="a count of four thousand million"),
        pytest.param("05 01 04 C008", "cut off", id="no selector"),
        pytest.param("05 01 04 C008 02 0204", "A-XDR", id="half of the parameters"),
        pytest.param("05 01 02 0100 00", "1 octets behind a read-request", id="more than a request"),
        pytest.param("05 01 03 0100", "variable access 3 is not understood", id="detailed access"),
        pytest.param("05 01 06 00 0001 00", "variable access 6 is not understood", id="a request in blocks"),
        pytest.param("05 02 02 0100 05 0001", "variable access 5 is not understood", id="a block beside a variable"),
        pytest.param("05 01 05 00", "cut off", id="half a block number"),
    ],
)
def test_what_is_no_request_is_the_clients_mistake(octets, message):
    with pytest.raises(RemoteProtocolError, match=message):
        parse_read_request(bytes.fromhex(octets))


RESPONSES = [
    pytest.param([encode(Tag.LONG_UNSIGNED, 230)], "0C 01 00 1200E6", 1, id="a value"),
    pytest.param([4], "0C 01 01 04", 1, id="a data-access-result"),
    pytest.param([3, encode(Tag.UNSIGNED, 7)], "0C 02 01 03 00 1107", 2, id="one of each"),
    pytest.param([encode(Tag.NULL_DATA)] * 200, "0C 81C8" + "00 00" * 200, 200, id="more than 127"),
]


@pytest.mark.parametrize(("results", "octets", "count"), RESPONSES)
def test_a_response_is_these_octets(results, octets, count):
    assert encode_read_response(results) == bytes.fromhex(octets)


@pytest.mark.parametrize(("results", "octets", "count"), RESPONSES)
def test_a_response_is_its_count_and_its_items(results, octets, count):
    parsed = parse_read_response(bytes.fromhex(octets))
    assert parsed == ReadResult(count, encode_read_response(results)[2 if count < 128 else 3 :])


def test_a_real_meters_first_block_is_read():
    block = bytes.fromhex("0C 01 02 00 0001 0C 01000155021D090C07E10418")
    assert parse_read_response(block) == ReadBlock(last=False, number=1, raw=block[-12:])


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 1000])
def test_a_block_is_read_as_it_was_written(size):
    raw = bytes(size)
    octets = encode_read_block(raw, number=513, last=True)
    assert octets[:6] == bytes.fromhex("0C 01 02 01 0201")
    assert parse_read_response(octets) == ReadBlock(last=True, number=513, raw=raw)


@pytest.mark.parametrize(
    ("octets", "refusal"),
    [
        pytest.param(
            "D8 01 01", Refusal("exception-response: service-not-allowed (1), operation-not-possible (1)", 1), id="D8"
        ),
        pytest.param(
            "0E 05 00 02", Refusal("confirmed-service-error: read (5), application-unreachable (0, 2)"), id="0E"
        ),
    ],
)
def test_a_refusal_is_that_of_every_service(octets, refusal):
    assert parse_read_response(bytes.fromhex(octets)) == refusal


@pytest.mark.parametrize(
    ("octets", "message"),
    [
        pytest.param("", "no answer to a read-request", id="nothing"),
        pytest.param("C4 01 C1 00 00", "no answer to a read-request", id="a get-response"),
        pytest.param("0D 01 00", "no answer to a read-request", id="a write-response"),
        pytest.param("0C", "cut off", id="no count"),
        pytest.param("0C 85", "a length of 5 octets", id="a count of five octets"),
        pytest.param("0C 01 02", "cut off", id="an empty block"),
        pytest.param("0C 01 02 00 0001", "cut off", id="a block without its length"),
        pytest.param("0C 01 02 00 0001 05 00", "a block has 1 octets instead of 5", id="a block cut off"),
        pytest.param("0C 01 02 00 0001 01 00 00", "a block has 2 octets instead of 1", id="more than a block"),
        pytest.param("0C 01 03 0001", "a block-number, and no block was sent", id="a block-number"),
        pytest.param("D8 01", "cut off", id="half an exception"),
    ],
)
def test_what_is_no_response_is_the_meters_mistake(octets, message):
    with pytest.raises(RemoteProtocolError, match=message):
        parse_read_response(bytes.fromhex(octets))
