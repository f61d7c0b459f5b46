"""Reading by short names: requests and answers in turn, over a framing that is a list of both."""

from __future__ import annotations

import random

import pytest

from scripted_meter import Apdus
from talking import CUTS, drive, talk
from telegraf_dlms import wrapper
from telegraf_dlms.apdu import entry_selection
from telegraf_dlms.axdr import Tag, array, encode, structure
from telegraf_dlms.errors import DataRefused, LocalProtocolError, RemoteProtocolError, ServiceRefused, Silence
from telegraf_dlms.get import MAX_VALUE
from telegraf_dlms.read import read, read_list, read_octets
from telegraf_dlms.sn_apdu import (
    Variable,
    encode_read,
    encode_read_block,
    encode_read_next,
    encode_read_response,
    parse_read_request,
)
from telegraf_dlms.wrapper import WrapperFraming

ENERGY, PROFILE = 0x0108, 0xC008
NUMBER = encode(Tag.DOUBLE_LONG_UNSIGNED, 12345678)
TEXT = encode(Tag.OCTET_STRING, b"12345678")
ROWS = array([structure(NUMBER, NUMBER)] * 40)
#: What is cut into blocks by the standard: the answer behind its tag.
ANSWER = encode_read_response([ROWS])[1:]
LIST = encode_read_response([NUMBER, 4, TEXT])[1:]


def one(*answers, selection=b""):
    return drive(read(Apdus(), ENERGY, selection=selection), *answers)


def three(*answers, selections=()):
    answers, sent = drive(read_list(Apdus(), [ENERGY, 0x0110, PROFILE], selections=selections), *answers)
    return [answer if isinstance(answer, DataRefused) else answer[1] for answer in answers], sent


def blocks(octets: bytes, size: int) -> list[bytes]:
    pieces = [octets[start : start + size] for start in range(0, len(octets), size)]
    return [
        encode_read_block(piece, number=number & 0xFFFF, last=number == len(pieces))
        for number, piece in enumerate(pieces, 1)
    ]


def items(values):
    return [value.result if isinstance(value, DataRefused) else value for value in values]


def test_one_value_takes_one_exchange():
    assert one(encode_read_response([NUMBER])) == (12345678, [bytes.fromhex("0501020108")])


def test_a_selection_makes_the_access_parameterized():
    rows = entry_selection(1, 40)
    assert one(encode_read_response([ROWS]), selection=rows) == (
        [(12345678, 12345678)] * 40,
        [encode_read([Variable(ENERGY, rows)])],
    )


def test_the_octets_of_a_value_can_be_had_as_they_came():
    assert drive(read_octets(Apdus(), ENERGY), encode_read_response([b"\x06\x00"]))[0] == b"\x06\x00"


@pytest.mark.parametrize("size", [1, 2, 3, 100, len(ANSWER)])
def test_blocks_are_put_together(size):
    answers = blocks(ANSWER, size)
    value, sent = one(*answers)
    assert value == [(12345678, 12345678)] * 40
    assert sent == [encode_read([Variable(ENERGY)]), *map(encode_read_next, range(1, len(answers)))]


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        pytest.param(ROWS, [(12345678, 12345678)] * 40, id="rows"),
        pytest.param(TEXT, b"12345678", id="a text"),
        pytest.param(array([]), [], id="an array of nothing"),
        pytest.param(array([NUMBER]), [12345678], id="an array of one"),
        pytest.param(array([encode(Tag.UNSIGNED, 5)]), [5], id="an array of one small number"),
    ],
)
def test_a_value_in_blocks_without_count_and_choice_is_read_too(octets, value):
    assert one(*blocks(octets, 2))[0] == value


def test_a_real_meters_blocks_hold_a_count_a_choice_and_the_rows():
    rows = bytes.fromhex("01 00 01 01 02 02 09 0C 07E10418010E0120FF800000 12 0420")
    value, _ = one(*blocks(rows, 9))
    assert value == [(bytes.fromhex("07E10418010E0120FF800000"), 0x0420)]


def test_the_last_block_may_be_empty():
    first = encode_read_block(ANSWER, number=1, last=False)
    assert len(one(first, encode_read_block(b"", number=2, last=True))[0]) == 40


def test_block_numbers_start_again_behind_ffff():
    text = encode(Tag.OCTET_STRING, bytes(65540))
    assert one(*blocks(encode_read_response([text])[1:], 1))[0] == bytes(65540)


@pytest.mark.parametrize(
    ("answers", "result", "message"),
    [
        pytest.param([encode_read_response([4])], 4, r"object-undefined \(4\)", id="data-access-error"),
        pytest.param([encode_read_response([77])], 77, r"data-access-result \(77\)", id="unknown result"),
        pytest.param(
            [*blocks(ANSWER, 100)[:1], encode_read_response([15])], 15, r"long-get-aborted", id="between blocks"
        ),
        pytest.param(blocks(b"\x01\x01\x04", 2), 4, "object-undefined", id="an error in blocks"),
        pytest.param([b"\xd8\x01\x01"], None, "exception-response: service-not-allowed", id="exception-response"),
        pytest.param([b"\x0e\x05\x00\x02"], None, "confirmed-service-error", id="confirmed-service-error"),
        pytest.param(
            [*blocks(ANSWER, 100)[:1], b"\xd8\x01\x02"], None, "exception-response", id="exception between blocks"
        ),
        pytest.param([encode_read_response([b"\x06\x00"])], None, "A-XDR: .*cut off", id="half a value"),
        pytest.param([encode_read_response([b""])], None, "A-XDR: .*cut off", id="no value"),
        pytest.param([encode_read_response([NUMBER + b"\x00"])], None, "left over", id="more than a value"),
        pytest.param(blocks(ANSWER[:-1], 100), None, "A-XDR: .*cut off", id="blocks that lack an octet"),
        pytest.param(blocks(ANSWER + b"\x00", 100), None, "left over", id="blocks with an octet too much"),
    ],
)
def test_a_value_that_is_refused_or_broken_leaves_the_others_alone(answers, result, message):
    with pytest.raises(DataRefused, match=message) as caught:
        one(*answers)
    assert caught.value.result == result


def test_an_exception_response_says_what_state_the_meter_is_in():
    with pytest.raises(ServiceRefused) as caught:
        one(b"\xd8\x01\x01")
    assert caught.value.state == 1


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        pytest.param([b"\x0c\x00"], "no value came, and no result: 0 items", id="no item"),
        pytest.param([encode_read_response([NUMBER, NUMBER])], "2 items", id="two items"),
        pytest.param([encode_read_response([4, 4])], "2 items", id="two results"),
        pytest.param([b"\x0c\x01"], "1 items", id="an item cut off"),
        pytest.param([b"\x0c\x01\x01"], "1 items", id="no result"),
        pytest.param([b"\x0c\x01\x01\x04\x04"], "1 items", id="more than a result"),
        pytest.param([b"\x0c\x01\x09\x00"], "1 items", id="an unknown choice"),
        pytest.param([b"\xc4\x01\xc1\x00\x00"], "no answer to a read-request", id="a get-response"),
        pytest.param([encode_read_block(NUMBER, number=2, last=True)], "block 2 came, 1 was asked", id="second first"),
        pytest.param([*blocks(ANSWER, 100)[:1]] * 2, "block 1 came, 2 was asked", id="the same block again"),
        pytest.param([encode_read_block(b"", number=1, last=False)], "empty and not the last", id="an empty block"),
        pytest.param(
            [*blocks(ANSWER, 100)[:1], encode_read_response([NUMBER])],
            "1 values came, block 2 was asked",
            id="no block",
        ),
    ],
)
def test_an_answer_to_another_question_is_the_meters_mistake(answers, message):
    with pytest.raises(RemoteProtocolError, match=message):
        one(*answers)


def test_a_value_that_does_not_end_is_the_meters_mistake():
    size = MAX_VALUE // 16
    answers = [encode_read_block(bytes(size), number=number, last=False) for number in range(1, 18)]
    with pytest.raises(RemoteProtocolError, match=f"more than {MAX_VALUE} octets"):
        one(*answers)


def test_silence_is_the_framings_affair():
    with pytest.raises(Silence):
        one(Silence("nothing came"))


def test_a_list_takes_one_exchange_and_each_item_stands_for_itself():
    values, sent = three(encode_read_response([NUMBER, 4, TEXT]))
    assert items(values) == [12345678, 4, b"12345678"]
    assert sent == [bytes.fromhex("05 03 02 0108 02 0110 02 C008")]


def test_a_list_may_hold_selections():
    rows = entry_selection(1, 2)
    _, sent = three(encode_read_response([4, 4, 4]), selections=[b"", b"", rows])
    assert sent == [bytes.fromhex("05 03 02 0108 02 0110 04 C008") + rows]


def test_a_selection_too_few_is_our_bug():
    with pytest.raises(LocalProtocolError, match="1 selections for 3 variables"):
        three(selections=[b""])


@pytest.mark.parametrize("size", [1, 7, 100])
@pytest.mark.parametrize(
    "octets", [pytest.param(LIST, id="as the standard has it"), pytest.param(LIST[2:], id="as Gurux's servers do")]
)
def test_a_list_in_blocks_is_read_item_by_item(octets, size):
    assert items(three(*blocks(octets, size))[0]) == [12345678, 4, b"12345678"]


@pytest.mark.parametrize(
    ("answers", "error", "message"),
    [
        pytest.param([encode_read_response([NUMBER] * 2)], DataRefused, "2 values came, 3", id="one too few"),
        pytest.param([encode_read_response([NUMBER] * 4)], DataRefused, "4 values came, 3", id="one too many"),
        pytest.param([b"\x0c\x84\xff\xff\xff\xff"], DataRefused, "4294967295 values came", id="far too many"),
        pytest.param([b"\x0c\x03" + LIST[1:-1]], DataRefused, "A-XDR", id="half a value"),
        pytest.param([b"\x0c\x03" + LIST[1:] + b"\0"], DataRefused, "1 octets are left over", id="a rest"),
        pytest.param([b"\x0c\x03\x00\x11\x05\x01"], DataRefused, "broken at octet 3", id="half a result"),
        pytest.param([b"\x0c\x03\x02\x00"], DataRefused, "broken at octet 0", id="an unknown choice"),
        pytest.param(blocks(LIST[:-1], 9), DataRefused, "A-XDR", id="blocks that lack an octet"),
        pytest.param(blocks(b"\x02" + LIST[1:], 9), DataRefused, "2 values came", id="blocks with two items"),
        pytest.param([encode_read_response([250])], DataRefused, "other-reason", id="one result for all"),
        pytest.param([b"\xd8\x01\x02"], ServiceRefused, "service-not-supported", id="exception-response"),
    ],
)
def test_a_list_that_is_refused_or_broken_is_so_as_a_whole(answers, error, message):
    with pytest.raises(error, match=message):
        three(*answers)


@pytest.mark.parametrize("cut", CUTS)
def test_blocks_come_over_the_wrapper_in_any_pieces(cut):
    answers = blocks(ANSWER, 60)

    def meter(octets):
        request = parse_read_request(octets[8:])
        number = getattr(request, "block", 0)
        return cut(wrapper.encode(1, 16, answers[number]))

    framing = WrapperFraming(client=16, server=1)
    value, _ = talk(read(framing, ENERGY), meter)
    assert len(value) == 40


def test_no_mutated_answer_raises_anything_but_ours():
    dice = random.Random(1)
    seeds = [blocks(ANSWER, 100), blocks(LIST, 9), [encode_read_response([NUMBER, 4, TEXT])]]
    for _ in range(3000):
        answers = [bytearray(answer) for answer in dice.choice(seeds)]
        for _ in range(dice.randint(1, 3)):
            octets = dice.choice(answers)
            octets[dice.randrange(len(octets))] = dice.randrange(256)
        conversation = dice.choice([read(Apdus(), ENERGY), read_list(Apdus(), [ENERGY, 0x0110, PROFILE])])
        next(conversation)
        try:
            for answer in answers:
                conversation.send(bytes(answer))
        except (StopIteration, DataRefused, RemoteProtocolError):
            continue
