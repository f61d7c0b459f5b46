"""GET as octets, of both roles."""

from __future__ import annotations

import pytest

from telegraf_dlms.apdu import (
    GetBlock,
    GetList,
    GetListResult,
    GetNext,
    GetNormal,
    GetRefused,
    GetResult,
    Refusal,
    encode_get,
    encode_get_block,
    encode_get_list,
    encode_get_list_response,
    encode_get_next,
    encode_get_response,
    entry_selection,
    parse_get_request,
    parse_get_response,
    range_selection,
)
from telegraf_dlms.axdr import Tag, decode_all, encode
from telegraf_dlms.cosem import AttributeDescriptor, CaptureObject
from telegraf_dlms.errors import LocalProtocolError, RemoteProtocolError

ENERGY = AttributeDescriptor(3, bytes((1, 0, 1, 8, 0, 255)), 2)
PROFILE = AttributeDescriptor(7, bytes((1, 0, 99, 1, 0, 255)), 2)
CLOCK = CaptureObject(8, bytes((0, 0, 1, 0, 0, 255)), 2, 0)
ONE = encode(Tag.DOUBLE_LONG_UNSIGNED, 1)

REQUESTS = [
    pytest.param(
        encode_get(0xC1, ENERGY),
        "c0 01 c1 0003 0100010800ff 02 00",
        GetNormal(0xC1, ENERGY, None),
        id="one attribute",
    ),
    pytest.param(
        encode_get(0xC1, PROFILE, entry_selection(1, 96)),
        "c0 01 c1 0007 0100630100ff 02 01 02 02 04 06 00000001 06 00000060 12 0001 12 0000",
        GetNormal(0xC1, PROFILE, bytes.fromhex("02 0204 0600000001 0600000060 120001 120000")),
        id="rows by entry",
    ),
    pytest.param(
        encode_get(0xC1, PROFILE, range_selection(CLOCK, ONE, ONE)),
        "c0 01 c1 0007 0100630100ff 02 01 01 02 04"
        "02 04 12 0008 09 06 0000010000ff 0f 02 12 0000  06 00000001 06 00000001 01 00",
        GetNormal(
            0xC1,
            PROFILE,
            bytes.fromhex("01 0204 0204 120008 09060000010000ff 0f02 120000 0600000001 0600000001 0100"),
        ),
        id="rows by range",
    ),
    pytest.param(encode_get_next(0xC2, 7), "c0 02 c2 00000007", GetNext(0xC2, 7), id="the next block"),
    pytest.param(
        encode_get_list(0xC3, [ENERGY, PROFILE], [b"", entry_selection(1, 1)]),
        "c0 03 c3 02 0003 0100010800ff 02 00 0007 0100630100ff 02 01 02 02 04 0600000001 0600000001 120001 120000",
        GetList(0xC3, (ENERGY, PROFILE), (None, bytes.fromhex("02 0204 0600000001 0600000001 120001 120000"))),
        id="a list",
    ),
    pytest.param(
        encode_get_list(0xC3, [ENERGY]),
        "c0 03 c3 01 0003 0100010800ff 02 00",
        GetList(0xC3, (ENERGY,), (None,)),
        id="a list of one",
    ),
]

RESPONSES = [
    pytest.param(encode_get_response(0xC1, ONE), "c4 01 c1 00 06 00000001", GetResult(1, ONE), id="a value"),
    pytest.param(encode_get_response(0xC1, 4), "c4 01 c1 01 04", GetRefused(1, 4), id="a refusal"),
    pytest.param(
        encode_get_block(0xCF, b"abc", number=1, last=False),
        "c4 02 cf 00 00000001 00 03 616263",
        GetBlock(15, last=False, number=1, raw=b"abc"),
        id="a block",
    ),
    pytest.param(
        encode_get_block(0xCF, bytes(200), number=2, last=True),
        "c4 02 cf 01 00000002 00 81c8" + "00" * 200,
        GetBlock(15, last=True, number=2, raw=bytes(200)),
        id="a long last block",
    ),
    pytest.param(
        encode_get_block(0xC1, 16, number=3, last=True),
        "c4 02 c1 01 00000003 01 10",
        GetRefused(1, 16),
        id="a refusal in a block",
    ),
    pytest.param(
        encode_get_list_response(0xC1, [ONE, 4]),
        "c4 03 c1 02 00 06 00000001 01 04",
        GetListResult(1, bytes.fromhex("02 00 0600000001 01 04")),
        id="a list",
    ),
]


@pytest.mark.parametrize(("octets", "expected", "request_"), REQUESTS)
def test_requests_go_both_ways(octets, expected, request_):
    assert octets == bytes.fromhex(expected)
    assert parse_get_request(octets) == request_


@pytest.mark.parametrize(("octets", "expected", "response"), RESPONSES)
def test_responses_go_both_ways(octets, expected, response):
    assert octets == bytes.fromhex(expected)
    assert parse_get_response(octets) == response


@pytest.mark.parametrize(
    ("octets", "refusal"),
    [
        ("d8 01 01", Refusal("exception-response: service-not-allowed (1), operation-not-possible (1)", 1)),
        ("d8 02 02", Refusal("exception-response: service-unknown (2), service-not-supported (2)", 2)),
        (
            "d8 01 06 00001000",
            Refusal("exception-response: service-not-allowed (1), invocation-counter-error (6)", 1, 4096),
        ),
        ("d8 09 4d", Refusal("exception-response: state-error (9), other (77)", 9)),
        ("d8 01 06 0000", Refusal("exception-response: service-not-allowed (1), invocation-counter-error (6)", 1)),
        ("0e 01 00 02", Refusal("confirmed-service-error: initiate (1), application-unreachable (0, 2)")),
    ],
)
def test_a_meter_may_refuse_a_service_as_a_whole(octets, refusal):
    assert parse_get_response(bytes.fromhex(octets)) == refusal


@pytest.mark.parametrize(
    ("octets", "message"),
    [
        pytest.param("", "cut off", id="nothing"),
        pytest.param("c4 01 c1", "cut off: c4 01 c1", id="no choice"),
        pytest.param("c4 01 c1 01", "cut off", id="no result"),
        pytest.param("c4 02 c1 00 0000", "cut off", id="half a block number"),
        pytest.param("c4 02 c1 00 00000001 00 05 0000", "block 1 has 2 octets instead of 5", id="a short block"),
        pytest.param("c4 02 c1 00 00000001 00 01 0000", "block 1 has 2 octets instead of 1", id="a long block"),
        pytest.param("c4 04 c1 00", "unknown form", id="an unknown choice"),
        pytest.param("d8 01", "cut off", id="half an exception-response"),
        pytest.param("0e 01 00", "cut off", id="half a confirmed-service-error"),
        pytest.param("c5 01 c1 00", "no answer to a get-request: c5 01 c1 00", id="a set-response"),
        pytest.param("61 29", "no answer to a get-request", id="an AARE"),
    ],
)
def test_what_is_no_response_is_told(octets, message):
    with pytest.raises(RemoteProtocolError, match=message):
        parse_get_response(bytes.fromhex(octets))


@pytest.mark.parametrize(
    ("octets", "message"),
    [
        pytest.param("", "cut off", id="nothing"),
        pytest.param("c0 01", "cut off", id="no invoke-id"),
        pytest.param("c0 01 c1 0003 01000108", "cut off", id="half a descriptor"),
        pytest.param("c0 01 c1 0003 0100010800ff 02", "cut off", id="no word on selection"),
        pytest.param("c0 01 c1 0003 0100010800ff 02 01 02 02", "cut off", id="half a selection"),
        pytest.param("c0 01 c1 0003 0100010800ff 02 00 00", "1 octets behind", id="something left over"),
        pytest.param("c0 02 c1 000001", "cut off", id="half a block number"),
        pytest.param("c0 02 c1 00000001 00", "1 octets behind", id="something behind a block number"),
        pytest.param("c0 03 c1 84 ffffffff", "cut off", id="a list of billions"),
        pytest.param("c0 03 c1 02 0003 0100010800ff 02 00", "cut off", id="a short list"),
        pytest.param("c0 04 c1", "no get-request", id="an unknown choice"),
        pytest.param("c1 01 c1 00", "no get-request", id="a set-request"),
    ],
)
def test_what_is_no_request_is_told(octets, message):
    with pytest.raises(RemoteProtocolError, match=message):
        parse_get_request(bytes.fromhex(octets))


@pytest.mark.parametrize(
    "descriptor", [AttributeDescriptor(70000, bytes(6), 2), AttributeDescriptor(3, None, 2)], ids=["class", "name"]
)
def test_a_descriptor_that_does_not_fit_is_our_bug(descriptor):
    with pytest.raises(LocalProtocolError, match="does not fit"):
        encode_get(0xC1, descriptor)


def test_each_attribute_of_a_list_needs_its_selection():
    with pytest.raises(LocalProtocolError, match="1 selections for 2 attributes"):
        encode_get_list(0xC1, [ENERGY, PROFILE], [b""])


def test_a_selection_decodes_to_what_was_asked():
    assert decode_all(entry_selection(5, 0)[1:]) == (5, 0, 1, 0)
    assert decode_all(range_selection(CLOCK, ONE, ONE)[1:]) == (tuple(CLOCK), 1, 1, [])
