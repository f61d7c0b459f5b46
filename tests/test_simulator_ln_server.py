import pytest

from simulator_client import NOON, Clock, aarq, descriptor, session, values
from telegraf_dlms import apdu
from telegraf_dlms.apdu import encode_get, encode_get_list, encode_get_next, entry_selection
from telegraf_dlms.simulator import household, meter
from telegraf_dlms.simulator.buffers import Moment
from telegraf_dlms.simulator.negotiated import NOT_SUPPORTED
from telegraf_dlms.simulator.server import Access

IMPORT = descriptor(3, "1.0.1.8.0.255")
LOAD = descriptor(7, "1.0.99.1.0.255")


def blocks(asked, first):
    """Ask for all further blocks; return what each answer was."""
    answers = [apdu.parse_get_response(first)]
    while not answers[-1].last:
        answers.append(apdu.parse_get_response(asked.answer(encode_get_next(0xC1, answers[-1].number))))
    return answers


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


def test_for_the_public_client_there_are_few_objects():
    public = session(access=Access("low", b"12345678"))

    assert public.answer(encode_get(0xC1, descriptor(1, "0.0.42.0.0.255")))[:4] == bytes.fromhex("C401C100")
    assert public.answer(encode_get(0xC1, IMPORT)) == bytes.fromhex("C401C10104")
    assert public.answer(encode_get_list(0xC1, [IMPORT, LOAD])) == bytes.fromhex("C403C1 02 0104 0104")
