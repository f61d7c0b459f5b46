import pytest

from telegraf_dlms import association
from telegraf_dlms.access import Access
from telegraf_dlms.errors import RemoteProtocolError
from telegraf_dlms.simulator import initiate
from telegraf_dlms.simulator.initiate import InitiateRequest


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        pytest.param("01 00 00 00 06 5F1F0400007E1F 04B0", InitiateRequest(b"", 6, 0x7E1F, 1200), id="Green Book"),
        pytest.param("01 00 00 00 06 5F0400007E1F 04B0", InitiateRequest(b"", 6, 0x7E1F, 1200), id="the old tag"),
        pytest.param("01 00 01FF 0100 05 5F1F0400007E1F 0000", InitiateRequest(b"", 5, 0x7E1F, 0), id="all options"),
        pytest.param(
            "01 01 10" + "AB" * 16 + "00 00 06 5F1F0400007E1F 04B0",
            InitiateRequest(b"\xab" * 16, 6, 0x7E1F, 1200),
            id="a dedicated key",
        ),
    ],
)
def test_an_initiate_request_is_read(octets, expected):
    assert initiate.parse_initiate_request(bytes.fromhex(octets)) == expected


@pytest.mark.parametrize("key", [b"", b"K" * 16, b"K" * 32])
@pytest.mark.parametrize("referencing", ["logical_names", "short_names"])
def test_what_our_own_client_proposes_is_read(referencing, key):
    access = Access("none", b"", 512, referencing)

    assert initiate.parse_initiate_request(association.initiate_request(access, dedicated_key=key)) == InitiateRequest(
        key, 6, access.proposed, 512
    )


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param("", id="nothing"),
        pytest.param("01", id="a tag"),
        pytest.param("08 00 06 5F1F0400007E1F 04B0 0007", id="an InitiateResponse"),
        pytest.param("01 00 00 00 06 5E1F0400007E1F 04B0", id="no conformance"),
        pytest.param("01 00 00 00 06 5F1F0400007E1F 04", id="a max PDU size cut off"),
        pytest.param("01 00 00 00 06 5F1F0400007E1F 04B000", id="an octet more"),
        pytest.param("01 01 10 ABAB", id="a dedicated key cut off"),
        pytest.param("01 01", id="a dedicated key without a length"),
    ],
)
def test_what_is_no_initiate_request_is_the_clients_fault(octets):
    with pytest.raises(RemoteProtocolError):
        initiate.parse_initiate_request(bytes.fromhex(octets))


def test_a_dedicated_key_is_not_shown():
    assert "KKKK" not in repr(InitiateRequest(b"K" * 16, 6, 0, 0))


@pytest.mark.parametrize(("context", "vaa_name"), [(1, "0007"), (2, "FA00"), (3, "0007"), (4, "FA00")])
def test_the_response_has_the_vaa_name_of_its_referencing(context, vaa_name):
    response = initiate.encode_initiate_response(context=context, conformance=0x5214, max_pdu_size=1024)

    assert response == bytes.fromhex("0800065F1F040000521404 00" + vaa_name)
