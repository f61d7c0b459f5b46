import random

import pytest

from secured_client import (
    BOTH,
    GET_NAME,
    NAME_ANSWERED,
    SecuredClient,
    demanding,
    diagnostic_of,
    result_of,
)
from simulator_client import (
    AARE,
    AARE_SN,
    AARQ,
    AARQ_LOW,
    AARQ_SN,
    AARQ_SN_LOW,
    PASSWORD,
    SHORT_NAMES,
    Clock,
    aarq,
    aarq_sn,
    descriptor,
    session,
)
from telegraf_dlms.apdu import encode_get, encode_get_list, entry_selection
from telegraf_dlms.simulator.ledger import Ledger
from telegraf_dlms.simulator.negotiated import (
    MALFORMED,
    NO_ASSOCIATION,
    NOT_DECIPHERED,
    NOT_SUPPORTED,
    TOO_LONG,
    counter_error,
)
from telegraf_dlms.simulator.server import Access, Session

IMPORT = descriptor(3, "1.0.1.8.0.255")
LOAD = descriptor(7, "1.0.99.1.0.255")
RLRQ = bytes.fromhex("6203800100")


def test_without_security_the_association_is_accepted():
    assert Session(1, 16, access=Access(), clock=Clock()).answer(AARQ) == AARE


def test_the_right_password_is_accepted():
    assert Session(1, 1, access=PASSWORD, clock=Clock()).answer(AARQ_LOW) == AARE


def test_short_names_are_accepted_where_they_are_what_the_meter_has():
    assert Session(1, 16, access=SHORT_NAMES, clock=Clock()).answer(aarq_sn(conformance="FFFFFF")) == AARE_SN


def test_the_right_password_is_accepted_with_short_names():
    access = Access("low", b"12345678", "short_names")

    assert Session(1, 16, access=access, clock=Clock()).answer(AARQ_SN_LOW) == AARE_SN


@pytest.mark.parametrize(
    ("access", "request_", "diagnostic"),
    [
        pytest.param(SHORT_NAMES, AARQ, 2, id="logical names"),
        pytest.param(SHORT_NAMES, AARQ_SN.replace(b"\x05\x08\x01\x02", b"\x05\x08\x01\x04"), 2, id="ciphered context"),
        pytest.param(SHORT_NAMES, AARQ_SN_LOW, 11, id="a password where none is wanted"),
        pytest.param(Access("low", b"1234567", "short_names"), AARQ_SN_LOW, 13, id="wrong password"),
        pytest.param(Access("low", b"1234567", "short_names"), AARQ_SN, 14, id="no password"),
    ],
)
def test_a_meter_of_short_names_rejects_with_the_reason(access, request_, diagnostic):
    refusing = Session(1, 1, access=access, clock=Clock())

    assert refusing.answer(request_)[13:] == bytes.fromhex("A203020101 A305A1030201") + bytes((diagnostic,))
    assert refusing.answer(bytes.fromhex("050102FA08")) == NO_ASSOCIATION


@pytest.mark.parametrize(
    ("access", "request_", "diagnostic"),
    [
        pytest.param(PASSWORD, AARQ_LOW.replace(b"12345678", b"12345679"), 13, id="wrong password"),
        pytest.param(Access("low", b"1234567"), AARQ_LOW, 13, id="a password that begins right"),
        pytest.param(PASSWORD, AARQ, 14, id="no password"),
        pytest.param(PASSWORD, AARQ_LOW.replace(b"\x05\x08\x02\x01", b"\x05\x08\x02\x05"), 11, id="high GMAC"),
        pytest.param(Access(), AARQ_LOW, 11, id="a password where none is wanted"),
        pytest.param(Access(), AARQ.replace(b"\x05\x08\x01\x01", b"\x05\x08\x01\x02"), 2, id="short names"),
        pytest.param(Access(), AARQ.replace(b"\x05\x08\x01\x01", b"\x05\x08\x01\x03"), 2, id="ciphered context"),
    ],
)
def test_an_association_is_rejected_with_its_reason(access, request_, diagnostic):
    refusing = Session(1, 1, access=access, clock=Clock())
    answer = refusing.answer(request_)

    assert answer[0] == 0x61
    assert answer[13:] == bytes.fromhex("A203020101 A305A1030201") + bytes((diagnostic,))
    assert refusing.answer(encode_get(0xC1, IMPORT)) == NO_ASSOCIATION


def test_dlms_version_5_is_too_low():
    assert session().answer(AARQ.replace(b"\x06\x5f\x1f", b"\x05\x5f\x1f"))[-6:] == bytes.fromhex("04040E010601")


def test_the_password_is_not_shown():
    assert "12345678" not in repr(PASSWORD)


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        pytest.param(b"", NOT_SUPPORTED, id="nothing"),
        pytest.param(b"\xc0", MALFORMED, id="a GET cut off"),
        pytest.param(b"\xc0\x07\xc1\x00", MALFORMED, id="a GET of another form"),
        pytest.param(bytes.fromhex("C101C1 0003 0100010800FF 02 00 0600000000"), NOT_SUPPORTED, id="SET"),
        pytest.param(bytes.fromhex("C301C1 0003 0100010800FF 01 00"), NOT_SUPPORTED, id="ACTION"),
        pytest.param(bytes.fromhex("0501021234"), NOT_SUPPORTED, id="READ"),
        pytest.param(AARQ[:-1], MALFORMED, id="an AARQ cut off"),
        pytest.param(b"\xc0" + bytes(1024), TOO_LONG, id="longer than the meter's max PDU size"),
    ],
)
def test_what_is_not_understood_is_an_exception_response(request_, answer):
    assert session().answer(request_) == answer


def test_nothing_is_read_without_an_association():
    fresh = Session(1, 16, access=Access(), clock=Clock())

    assert fresh.answer(encode_get(0xC1, IMPORT)) == NO_ASSOCIATION


def test_no_mutated_request_goes_unanswered():
    dice = random.Random(1)
    requests = [AARQ_LOW, encode_get(0xC1, LOAD, entry_selection(1, 2)), encode_get_list(0xC1, [IMPORT, LOAD, IMPORT])]
    for _ in range(3000):
        mutated = bytearray(dice.choice(requests))
        for _ in range(dice.randint(1, 4)):
            mutated[dice.randrange(len(mutated))] = dice.randrange(256)
        associated = session(request=aarq(max_pdu_size=100))
        assert associated.answer(bytes(mutated[: dice.randint(1, len(mutated))]))


def test_a_release_ends_the_association():
    released = session()

    assert released.answer(RLRQ) == bytes.fromhex("6303800100")
    assert released.answer(encode_get(0xC1, IMPORT)) == NO_ASSOCIATION
    assert released.answer(AARQ) == AARE


def test_a_refused_association_ends_the_one_before():
    associated = session(access=PASSWORD, request=AARQ_LOW, client=1)
    associated.answer(AARQ)

    assert associated.answer(encode_get(0xC1, IMPORT)) == NO_ASSOCIATION


@pytest.mark.parametrize("how", [{"initiate": b"\x21"}, {"initiate": b""}, {"title": b"short"}])
def test_an_aarq_that_opens_nothing_ends_the_association_before_too(how):
    client = SecuredClient(demanding(protection=BOTH)).come_in()
    client.say(client.aarq(**how))
    again = SecuredClient(demanding(protection=BOTH)).come_in()
    again.say(again.aarq()[:-1])

    assert [client.ask_name(), again.ask_name()] == [NO_ASSOCIATION] * 2


def test_the_conformance_is_what_both_can():
    answer = Session(1, 16, access=Access(), clock=Clock()).answer(aarq(conformance="00101D"))

    assert answer[-7:-4] == bytes.fromhex("001014")


@pytest.mark.parametrize(
    ("octets", "answer"),
    [
        pytest.param(AARQ[:-1], MALFORMED, id="an AARQ cut off"),
        pytest.param(b"\x62\x05", MALFORMED, id="an RLRQ cut off"),
        pytest.param(GET_NAME, NOT_DECIPHERED, id="in clear"),
        pytest.param(b"\xc8" + bytes(1024), TOO_LONG, id="longer than the meter's max PDU size"),
    ],
)
def test_in_a_ciphered_association_there_is_always_an_answer(octets, answer):
    assert SecuredClient(demanding(protection=BOTH)).come_in().say(octets) == answer


def test_a_meters_sessions_share_its_counters():
    demands = demanding("high_gmac", protection=BOTH)
    ledger = Ledger(demands)
    first = SecuredClient(demands, ledger=ledger).come_in()
    second = SecuredClient(demands, ledger=ledger, client=2, counter=first.counter - 1)

    assert second.say(second.aarq()) == counter_error(first.counter)
    assert second.come_in().ask_name() == NAME_ANSWERED
    first.counter = second.counter
    assert first.ask_name() == NAME_ANSWERED


def test_another_meter_has_counters_of_its_own():
    demands = demanding(protection=BOTH)

    assert [SecuredClient(demands).come_in().ask_name() for _ in range(2)] == [NAME_ANSWERED] * 2


def test_a_request_of_one_association_is_none_of_another():
    demands = demanding(protection=BOTH)
    ledger = Ledger(demands)
    first = SecuredClient(demands, ledger=ledger).come_in()
    recorded = first.seal(GET_NAME)
    first.say(recorded)
    second = SecuredClient(demands, ledger=ledger, counter=first.counter).come_in()

    assert second.say(recorded) == counter_error(second.counter)


def test_a_locked_meter_refuses_the_right_password_of_any_session():
    demands = demanding("low", lock_after=2)
    ledger = Ledger(demands)
    for _ in range(2):
        SecuredClient(demands, ledger=ledger, password=b"wrong").associate()
    fields = SecuredClient(demands, ledger=ledger, client=2).associate()
    public = SecuredClient(demands, ledger=ledger, client=16, security="none").associate()

    assert (result_of(fields), diagnostic_of(fields)) == (1, 13)
    assert result_of(public) == 0


def test_wrong_proofs_lock_as_wrong_passwords_do():
    demands = demanding("high_ecdsa", lock_after=1)
    ledger = Ledger(demands)
    client = SecuredClient(demands, ledger=ledger)
    client.associate()
    client.authenticate(bytes(64))

    assert diagnostic_of(SecuredClient(demands, ledger=ledger).associate()) == 13


def test_no_mutated_ciphered_request_goes_unanswered_or_is_believed():
    dice = random.Random(1)
    client = SecuredClient(demanding("high_gmac", protection=BOTH, general=True)).come_in()
    requests = [client.seal(GET_NAME), client.seal(GET_NAME, general=True), client.aarq(initiate=b"\x21" + bytes(40))]
    believed = 0
    for _ in range(3000):
        mutated = bytearray(dice.choice(requests))
        for _ in range(dice.randint(1, 4)):
            mutated[dice.randrange(len(mutated))] ^= dice.randrange(1, 256)
        answer = client.say(bytes(mutated[: dice.randint(1, len(mutated))]))
        believed += answer[0] not in {0xD8, 0x61}

    assert believed == 0


def test_the_meter_knows_a_client_by_the_title_of_its_aarq():
    client = SecuredClient(demanding(protection=BOTH)).come_in()
    client.title = b"OTHER\0\0\1"

    assert client.say(client.seal(GET_NAME)) == NOT_DECIPHERED
    assert client.come_in().ask_name() == NAME_ANSWERED
