import pytest

from simulator_client import AARE, AARE_SN, AARQ, AARQ_LOW, AARQ_SN
from telegraf_dlms.errors import RemoteProtocolError
from telegraf_dlms.simulator import acse
from telegraf_dlms.simulator.acse import AssociationRequest, Context, Diagnostic, Mechanism

CONTEXT = "A109060760857405080101"


def user_information(initiate):
    octets = bytes.fromhex(initiate)
    return bytes((0xBE, len(octets) + 2, 0x04, len(octets))).hex() + octets.hex()


INITIATE = user_information("01 00 00 00 06 5F1F0400007E1F 04B0")


def in_aarq(*fields):
    content = bytes.fromhex("".join(fields))
    return bytes((0x60, len(content))) + content


def test_the_green_books_aarq_without_authentication_is_read():
    assert acse.parse_aarq(AARQ) == AssociationRequest(Context.LONG_NAMES, Mechanism.NONE, b"", 6, 0x7E1F, 1200)


def test_the_green_books_aarq_with_short_names_is_read():
    assert acse.parse_aarq(AARQ_SN) == AssociationRequest(Context.SHORT_NAMES, Mechanism.NONE, b"", 6, 0x1C0320, 400)


def test_the_green_books_aarq_with_a_password_is_read():
    assert acse.parse_aarq(AARQ_LOW) == AssociationRequest(
        Context.LONG_NAMES, Mechanism.LOW, b"12345678", 6, 0x7E1F, 1200
    )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param(("800207 80", CONTEXT, INITIATE), (1, 0, 6), id="protocol version first"),
        pytest.param((CONTEXT, "A60A0408544F4F4C00000001", INITIATE), (1, 0, 6), id="a calling AP title"),
        pytest.param(("A109060760857405080103", INITIATE), (3, 0, 6), id="ciphered context"),
        pytest.param(("A1050603550406", INITIATE), (0, 0, 6), id="a context of somebody else"),
        pytest.param((CONTEXT, "8B0760857405080205", INITIATE), (1, 5, 6), id="high GMAC"),
        pytest.param((CONTEXT, "8B03550406", INITIATE), (1, -1, 6), id="a mechanism of somebody else"),
        pytest.param(
            (CONTEXT, user_information("01 00 00 00 06 5F0400007E1F 04B0")),
            (1, 0, 6),
            id="conformance with its old tag",
        ),
        pytest.param(
            (CONTEXT, user_information("01 00 01FF 0100 05 5F1F0400007E1F 04B0")), (1, 0, 5), id="all options given"
        ),
        pytest.param(
            (CONTEXT, user_information("01 01 10" + "AB" * 16 + "00 00 06 5F1F0400007E1F 04B0")),
            (1, 0, 6),
            id="a dedicated key",
        ),
        pytest.param((CONTEXT, "BE8111 04810E" + INITIATE[8:]), (1, 0, 6), id="lengths of two octets"),
    ],
)
def test_what_clients_may_add_or_change_is_read(fields, expected):
    request = acse.parse_aarq(in_aarq(*fields))

    assert (request.context, request.mechanism, request.dlms_version) == expected
    assert (request.conformance, request.max_pdu_size) == (0x7E1F, 1200)


@pytest.mark.parametrize(
    "apdu",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x60", id="a tag"),
        pytest.param(b"\x62\x00", id="another APDU"),
        pytest.param(in_aarq(INITIATE), id="no context"),
        pytest.param(in_aarq(CONTEXT), id="no InitiateRequest"),
        pytest.param(in_aarq(CONTEXT, "BE020400"), id="an empty InitiateRequest"),
        pytest.param(in_aarq(CONTEXT, "BE0504030100 00"), id="an InitiateRequest cut off"),
        pytest.param(in_aarq(CONTEXT, "BE06040401010800"), id="a dedicated key cut off"),
        pytest.param(in_aarq(CONTEXT, "BE10040E08000000065F1F0400007E1F04B0"), id="an InitiateResponse"),
        pytest.param(in_aarq(CONTEXT, "BE10040E01000000065E1F0400007E1F04B0"), id="no conformance"),
        pytest.param(in_aarq(CONTEXT, INITIATE, "AC03810131"), id="a password that is no character string"),
        pytest.param(AARQ + b"\x00", id="octets left over"),
    ],
)
def test_what_is_no_aarq_is_the_clients_fault(apdu):
    with pytest.raises(RemoteProtocolError):
        acse.parse_aarq(apdu)


def test_no_cut_and_no_flipped_bit_raises_anything_else():
    mutations = [AARQ_LOW[:end] for end in range(len(AARQ_LOW))]
    mutations += [
        bytes(octet ^ (1 << bit if index == position else 0) for index, octet in enumerate(AARQ_LOW))
        for position in range(len(AARQ_LOW))
        for bit in range(8)
    ]
    refused = 0
    for mutation in mutations:
        try:
            acse.parse_aarq(mutation)
        except RemoteProtocolError:
            refused += 1

    assert len(AARQ_LOW) < refused < len(mutations)


def test_the_acceptance_is_the_green_books_aare():
    assert acse.encode_acceptance(context=1, conformance=0x5214, max_pdu_size=1024) == AARE


def test_with_short_names_the_vaa_name_is_that_of_the_association():
    assert acse.encode_acceptance(context=2, conformance=0x101220, max_pdu_size=1024) == AARE_SN


@pytest.mark.parametrize(("context", "vaa_name"), [(1, "0007"), (2, "FA00"), (3, "0007"), (4, "FA00")])
def test_ciphering_changes_nothing_of_the_vaa_name(context, vaa_name):
    assert acse.encode_acceptance(context=context, conformance=0, max_pdu_size=1)[-2:] == bytes.fromhex(vaa_name)


@pytest.mark.parametrize(
    ("diagnostic", "octet"),
    [
        (Diagnostic.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED, "02"),
        (Diagnostic.AUTHENTICATION_MECHANISM_NAME_NOT_RECOGNISED, "0B"),
        (Diagnostic.AUTHENTICATION_FAILURE, "0D"),
        (Diagnostic.AUTHENTICATION_REQUIRED, "0E"),
    ],
)
def test_a_rejection_is_for_good_and_says_why(diagnostic, octet):
    assert acse.encode_rejection(diagnostic, context=1) == bytes.fromhex(
        f"6117A109060760857405080101A203020101A305A1030201{octet}"
    )


def test_an_unknown_context_is_answered_with_ours():
    assert acse.encode_rejection(Diagnostic.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED, context=0)[12] == 1


def test_a_version_too_low_is_a_confirmed_service_error():
    assert acse.encode_version_too_low(context=1) == bytes.fromhex(
        "611FA109060760857405080101A203020101A305A103020101BE0604040E010601"
    )


def test_the_release_response_is_normal():
    assert acse.encode_rlre() == bytes.fromhex("6303800100")
