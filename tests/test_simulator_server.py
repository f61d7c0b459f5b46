import random

import pytest

from simulator_client import AARE, AARQ, AARQ_LOW, NOON, aarq, descriptor, values
from telegraf_dlms import apdu
from telegraf_dlms.apdu import encode_get, encode_get_list, encode_get_next, entry_selection
from telegraf_dlms.simulator import household, meter
from telegraf_dlms.simulator.buffers import Moment
from telegraf_dlms.simulator.server import MALFORMED, NO_ASSOCIATION, NOT_SUPPORTED, TOO_LONG, Access, Session

NO_SECURITY = Access()
PASSWORD = Access("low", b"12345678")
IMPORT = descriptor(3, "1.0.1.8.0.255")
LOAD = descriptor(7, "1.0.99.1.0.255")
RLRQ = bytes.fromhex("6203800100")


class Clock:
    def __init__(self):
        self.now = NOON + 0.9

    def __call__(self):
        return self.now


def session(*, access=NO_SECURITY, request=AARQ, number=1, client=16, clock=None):
    made = Session(number, client, access=access, clock=clock or Clock())
    made.answer(request)
    return made


def blocks(asked, first):
    """Ask for all further blocks; return what each answer was."""
    answers = [apdu.parse_get_response(first)]
    while not answers[-1].last:
        answers.append(apdu.parse_get_response(asked.answer(encode_get_next(0xC1, answers[-1].number))))
    return answers


def test_without_security_the_association_is_accepted():
    assert Session(1, 16, access=Access(), clock=Clock()).answer(AARQ) == AARE


def test_the_right_password_is_accepted():
    assert Session(1, 1, access=PASSWORD, clock=Clock()).answer(AARQ_LOW) == AARE


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
    refusing = Session(1, 16, access=access, clock=Clock())
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
    associated = session(access=PASSWORD, request=AARQ_LOW)
    associated.answer(AARQ)

    assert associated.answer(encode_get(0xC1, IMPORT)) == NO_ASSOCIATION


def test_a_register_is_read_by_the_octet():
    value = household.energy("import", NOON, meter=1).to_bytes(4, "big")

    assert session().answer(encode_get(0x4A, IMPORT)) == bytes.fromhex("C4014A 00 06") + value


def test_values_are_those_of_the_moment_and_of_the_meter():
    clock = Clock()
    associated = session(number=5, clock=clock)
    first = associated.answer(encode_get(0xC1, IMPORT))
    clock.now += 3600

    assert associated.answer(encode_get(0xC1, IMPORT)) != first
    assert values(first[4:]) == household.energy("import", NOON, meter=5)


@pytest.mark.parametrize(
    ("asked", "result"),
    [
        pytest.param(descriptor(3, "1.0.99.99.0.255"), 4, id="object-undefined"),
        pytest.param(descriptor(1, "1.0.1.8.0.255"), 9, id="object-class-inconsistent"),
        pytest.param(descriptor(3, "1.0.1.8.0.255", 9), 11, id="object-unavailable"),
        pytest.param(descriptor(15, "0.0.40.0.0.255", 7), 3, id="read-write-denied"),
    ],
)
def test_a_refusal_is_a_data_access_result(asked, result):
    assert session().answer(encode_get(0xC2, asked)) == bytes((0xC4, 1, 0xC2, 1, result))


def test_a_long_value_goes_by_blocks_of_the_clients_size():
    associated = session(request=aarq(max_pdu_size=200))
    first = associated.answer(encode_get(0xC1, LOAD, entry_selection(5700, 5760)))
    answers = blocks(associated, first)

    assert len(first) == 199  # 200, but for the octet that a longer length would take
    assert [answer.number for answer in answers] == list(range(1, len(answers) + 1))
    assert len(values(b"".join(answer.raw for answer in answers))) == 61


@pytest.mark.parametrize("offered", [0, 65535])
def test_the_meters_own_max_pdu_size_holds_where_the_clients_is_no_limit(offered):
    answer = session(request=aarq(max_pdu_size=offered)).answer(encode_get(0xC1, LOAD))

    assert len(answer) == meter.MAX_PDU_SIZE


def test_the_smallest_pdu_still_moves():
    associated = session(request=aarq(max_pdu_size=1))
    answers = blocks(associated, associated.answer(encode_get(0xC1, descriptor(1, "0.0.42.0.0.255"))))

    assert values(b"".join(answer.raw for answer in answers)) == b"TDL0000000000001"


def test_a_value_in_blocks_is_of_the_moment_of_its_request():
    clock = Clock()
    associated = session(clock=clock)
    first = associated.answer(encode_get(0xC1, LOAD, entry_selection(5500, 0)))
    clock.now += 86400
    rows = values(b"".join(answer.raw for answer in blocks(associated, first)))

    assert rows == values(meter.read(LOAD, Moment(NOON, 1), entry_selection(5500, 0)))


def test_a_wrong_block_number_ends_the_transfer():
    associated = session()
    associated.answer(encode_get(0xC1, LOAD))

    assert associated.answer(encode_get_next(0xC1, 2)) == bytes.fromhex("C402C1 01 00000002 01 13")
    assert associated.answer(encode_get_next(0xC1, 1)) == bytes.fromhex("C402C1 01 00000001 01 10")


def test_a_block_without_a_transfer_is_refused():
    assert session().answer(encode_get_next(0xC1, 1)) == bytes.fromhex("C402C1 01 00000001 01 10")


def test_another_request_ends_the_transfer():
    associated = session()
    associated.answer(encode_get(0xC1, LOAD))
    associated.answer(encode_get(0xC2, IMPORT))

    assert associated.answer(encode_get_next(0xC1, 1))[-2:] == b"\x01\x10"


def test_a_list_is_answered_item_by_item():
    asked = [IMPORT, descriptor(3, "1.0.99.99.0.255"), descriptor(1, "0.0.96.1.0.255")]
    answer = session().answer(encode_get_list(0xC3, asked))
    value = household.energy("import", NOON, meter=1).to_bytes(4, "big")

    assert answer == bytes.fromhex("C403C3 03 00 06") + value + bytes.fromhex("01 04 00 09 08") + b"10000001"


def test_twenty_registers_are_one_answer():
    asked = [descriptor(3, f"1.0.{group}.7.0.255") for group in (1, 2, 3, 13, 14, 21, 41, 61, 32, 52, 72, 31, 51, 71)]
    asked += [descriptor(3, f"1.0.{group}.8.0.255") for group in (1, 2, 3, 21, 41, 61)]
    answer = apdu.parse_get_response(session().answer(encode_get_list(0xC3, asked)))

    assert isinstance(answer, apdu.GetListResult)
    assert answer.items[0] == 20


def test_a_list_that_is_too_long_goes_by_blocks():
    associated = session(request=aarq(max_pdu_size=64))
    asked = [IMPORT, descriptor(1, "0.0.42.0.0.255")] * 4
    whole = session().answer(encode_get_list(0xC3, asked))
    answers = blocks(associated, associated.answer(encode_get_list(0xC3, asked)))

    assert b"".join(answer.raw for answer in answers) == whole[3:]


def test_a_list_may_hold_selections():
    asked = apdu.encode_get_list(0xC3, [LOAD, IMPORT], [entry_selection(1, 1), b""])
    answer = apdu.parse_get_response(session().answer(asked))

    assert answer.items[:4] == bytes.fromhex("02 00 01 01")


@pytest.mark.parametrize(
    ("conformance", "request_", "answer"),
    [
        pytest.param("000000", encode_get(0xC1, IMPORT), NOT_SUPPORTED, id="GET"),
        pytest.param("000010", encode_get_list(0xC1, [IMPORT]), NOT_SUPPORTED, id="multiple references"),
        pytest.param("000010", encode_get(0xC1, LOAD), bytes.fromhex("C401C1 01 FA"), id="blocks: other-reason"),
        pytest.param(
            "000010",
            encode_get(0xC1, LOAD, entry_selection(1, 1)),
            bytes.fromhex("C401C1 01 0D"),
            id="selective access",
        ),
    ],
)
def test_what_was_not_negotiated_is_not_done(conformance, request_, answer):
    assert session(request=aarq(conformance=conformance)).answer(request_) == answer


def test_the_conformance_is_what_both_can():
    answer = Session(1, 16, access=Access(), clock=Clock()).answer(aarq(conformance="00101D"))

    assert answer[-7:-4] == bytes.fromhex("001014")
