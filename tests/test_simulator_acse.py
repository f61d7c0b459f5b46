import pytest

from simulator_client import AARE, AARE_SN, AARQ, AARQ_LOW, AARQ_SN
from telegraf_dlms import association
from telegraf_dlms.access import Access, Mechanism
from telegraf_dlms.errors import RemoteProtocolError
from telegraf_dlms.simulator import acse
from telegraf_dlms.simulator.acse import AssociationRequest, Context, Diagnostic, HighLevel

CONTEXT = "A109060760857405080101"
INITIATE = bytes.fromhex("01000000065F1F0400007E1F04B0")
RESPONSE = bytes.fromhex("0800065F1F040000521404000007")
INFORMATION = "BE10040E" + INITIATE.hex()


def in_aarq(*fields):
    content = bytes.fromhex("".join(fields))
    return bytes((0x60, len(content))) + content


def test_the_green_books_aarq_without_authentication_is_read():
    assert acse.parse_aarq(AARQ) == AssociationRequest(Context.LONG_NAMES, Mechanism.NONE, b"", b"", INITIATE)


def test_the_green_books_aarq_with_short_names_is_read():
    request = acse.parse_aarq(AARQ_SN)

    assert (request.context, request.mechanism) == (Context.SHORT_NAMES, Mechanism.NONE)
    assert request.information == AARQ_SN[-14:]


def test_the_green_books_aarq_with_a_password_is_read():
    assert acse.parse_aarq(AARQ_LOW) == AssociationRequest(
        Context.LONG_NAMES, Mechanism.LOW, b"", b"12345678", INITIATE
    )


def test_what_our_own_client_sends_is_read_with_lengths_beyond_127():
    access = Access("high", b"", 65535, protection=0x30)
    initiate, challenge = b"\x21" + bytes(200), bytes(range(64))
    octets = association.aarq(access, initiate=initiate, title=b"TDL12345", challenge=challenge)

    assert len(octets) > 256
    assert acse.parse_aarq(octets) == AssociationRequest(
        Context.LONG_NAMES_CIPHERED, Mechanism.HIGH, b"TDL12345", challenge, initiate
    )


@pytest.mark.parametrize(
    ("fields", "context", "mechanism", "title"),
    [
        pytest.param(("800207 80", CONTEXT, INFORMATION), 1, 0, b"", id="protocol version first"),
        pytest.param(
            (CONTEXT, "A60A0408544F4F4C00000001", INFORMATION), 1, 0, b"TOOL\0\0\0\1", id="a calling AP title"
        ),
        pytest.param(("A109060760857405080103", INFORMATION), 3, 0, b"", id="ciphered context"),
        pytest.param(("A1050603550406", INFORMATION), 0, 0, b"", id="a context of somebody else"),
        pytest.param((CONTEXT, "8B0760857405080205", INFORMATION), 1, 5, b"", id="high GMAC"),
        pytest.param((CONTEXT, "8B0760857405080200", INFORMATION), 1, 0, b"", id="a mechanism that is none"),
        pytest.param((CONTEXT, "8B03550406", INFORMATION), 1, -1, b"", id="a mechanism of somebody else"),
        pytest.param((CONTEXT, "BE8111 04810E" + INITIATE.hex()), 1, 0, b"", id="lengths of two octets"),
    ],
)
def test_what_clients_may_add_or_change_is_read(fields, context, mechanism, title):
    assert acse.parse_aarq(in_aarq(*fields)) == AssociationRequest(context, mechanism, title, b"", INITIATE)


@pytest.mark.parametrize(
    "apdu",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x60", id="a tag"),
        pytest.param(b"\x62\x00", id="another APDU"),
        pytest.param(in_aarq(INFORMATION), id="no context"),
        pytest.param(in_aarq(CONTEXT), id="no user information"),
        pytest.param(in_aarq(CONTEXT, "BE0504040100 00"), id="user information cut off"),
        pytest.param(in_aarq(CONTEXT, INFORMATION, "AC03810131"), id="a password that is no character string"),
        pytest.param(in_aarq(CONTEXT, INFORMATION, "A6020308"), id="a title that is no octet-string"),
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


def test_no_secret_of_an_aarq_is_shown():
    assert "12345678" not in repr(acse.parse_aarq(AARQ_LOW))


def test_the_acceptance_is_the_green_books_aare():
    assert acse.encode_acceptance(context=1, information=RESPONSE) == AARE


def test_with_short_names_it_is_too():
    assert acse.encode_acceptance(context=2, information=AARE_SN[-14:]) == AARE_SN


def test_with_high_level_security_the_acceptance_is_for_now_and_carries_title_and_challenge():
    answer = acse.encode_acceptance(
        context=3, information=RESPONSE, title=b"MTR12345", high_level=HighLevel(5, bytes(range(16)))
    )

    assert (
        answer
        == bytes.fromhex(
            "6156 A109060760857405080103 A203020100 A305A10302010E"
            "A40A0408 4D54523132333435 88020780 89076085740508 0205 AA128010 000102030405060708090A0B0C0D0E0F"
            "BE10040E"
        )
        + RESPONSE
    )


def test_an_acceptance_has_lengths_beyond_127():
    answer = acse.encode_acceptance(
        context=3, information=bytes(140), title=b"MTR12345", high_level=HighLevel(7, bytes(64))
    )

    assert answer[:3] == bytes((0x61, 0x82, 1))
    assert int.from_bytes(answer[2:4], "big") == len(answer) - 4
    assert answer[-146:-140] == bytes.fromhex("BE818F 04818C")


@pytest.mark.parametrize(
    ("diagnostic", "octet"),
    [
        (Diagnostic.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED, "02"),
        (Diagnostic.CALLING_AP_TITLE_NOT_RECOGNIZED, "03"),
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


def test_a_rejection_may_carry_a_confirmed_service_error():
    error = bytes.fromhex("0E010601")

    assert acse.encode_rejection(Diagnostic.NO_REASON_GIVEN, context=1, information=error) == bytes.fromhex(
        "611FA109060760857405080101A203020101A305A103020101BE0604040E010601"
    )


@pytest.mark.parametrize(
    ("apdu", "information"),
    [
        pytest.param(association.rlrq(), b"", id="in clear"),
        pytest.param(association.rlrq(b"\x21" + bytes(150)), b"\x21" + bytes(150), id="ciphered"),
        pytest.param(bytes.fromhex("6200"), b"", id="without a reason"),
    ],
)
def test_a_release_request_is_read(apdu, information):
    assert acse.parse_rlrq(apdu) == information


@pytest.mark.parametrize("apdu", [b"\x62", bytes.fromhex("6203800100 00"), bytes.fromhex("6204BE020400")[:-1]])
def test_what_is_no_release_request_is_the_clients_fault(apdu):
    with pytest.raises(RemoteProtocolError):
        acse.parse_rlrq(apdu)


def test_the_release_response_is_normal():
    assert acse.encode_rlre() == bytes.fromhex("6303800100")
    assert acse.encode_rlre(b"\x28\x00") == bytes.fromhex("6309800100 BE0404022800")
