"""Reading attributes: requests and answers in turn, over a framing that is a list of both."""

from __future__ import annotations

import pytest

from talking import CUTS, drive, recorded, talk
from telegraf_dlms import wrapper
from telegraf_dlms.apdu import (
    GetNext,
    encode_get,
    encode_get_block,
    encode_get_list,
    encode_get_list_response,
    encode_get_next,
    encode_get_response,
    entry_selection,
    parse_get_request,
)
from telegraf_dlms.axdr import Tag, array, encode
from telegraf_dlms.cosem import AttributeDescriptor
from telegraf_dlms.errors import DataRefused, RemoteProtocolError, ServiceRefused, Silence
from telegraf_dlms.get import MAX_STRAYS, MAX_VALUE, InvokeIds, get, get_list
from telegraf_dlms.hdlc import FrameBuffer
from telegraf_dlms.hdlc_procedure import HdlcFraming
from telegraf_dlms.wrapper import WrapperFraming

ENERGY = AttributeDescriptor(3, bytes((1, 0, 1, 8, 0, 255)), 2)
PROFILE = AttributeDescriptor(7, bytes((1, 0, 99, 1, 0, 255)), 2)
NUMBER = encode(Tag.DOUBLE_LONG_UNSIGNED, 12345678)
ROWS = array([NUMBER] * 40)


class Apdus:
    """A framing without frames: the APDUs themselves are what is sent and read."""

    repeats = dropped = exchanges = 0

    def exchange(self, apdu: bytes):
        return (yield apdu)

    def receive(self):
        return (yield b"")


def read(*answers, descriptor=ENERGY, selection=b""):
    return drive(get(Apdus(), descriptor, invoke_ids=InvokeIds(), selection=selection), *answers)


def read_list(*answers, descriptors=(ENERGY, PROFILE)):
    items, sent = drive(get_list(Apdus(), descriptors, invoke_ids=InvokeIds()), *answers)
    return [item if isinstance(item, DataRefused) else item[1] for item in items], sent


def test_an_item_of_a_list_has_its_tag():
    answer = encode_get_list_response(0xC1, [NUMBER, ROWS])
    items, _ = drive(get_list(Apdus(), (ENERGY, PROFILE), invoke_ids=InvokeIds()), answer)
    assert [tag for tag, _ in items] == [NUMBER[0], ROWS[0]]


def block(number: int, raw: bytes | int, *, last: bool = False, invoke: int = 0xC1) -> bytes:
    return encode_get_block(invoke, raw, number=number, last=last)


def test_invoke_ids_change_and_stay_four_bits():
    ids = InvokeIds()
    octets = [next(ids) for _ in range(17)]
    assert octets[:3] == [0xC1, 0xC2, 0xC3]
    assert octets[14:] == [0xCF, 0xC0, 0xC1]
    assert iter(ids) is ids


def test_one_value_takes_one_exchange():
    assert read(encode_get_response(0xC1, NUMBER)) == (12345678, [encode_get(0xC1, ENERGY)])


def test_each_request_has_the_next_invoke_id():
    ids = InvokeIds()
    for invoke in (0xC1, 0xC2):
        value, sent = drive(get(Apdus(), ENERGY, invoke_ids=ids), encode_get_response(invoke, NUMBER))
        assert (value, sent) == (12345678, [encode_get(invoke, ENERGY)])


def test_the_priority_of_an_answer_does_not_matter():
    assert read(encode_get_response(0x41, NUMBER))[0] == 12345678


def test_a_selection_goes_with_the_request():
    rows = entry_selection(1, 40)
    assert read(encode_get_response(0xC1, ROWS), descriptor=PROFILE, selection=rows) == (
        [12345678] * 40,
        [encode_get(0xC1, PROFILE, rows)],
    )


def test_blocks_are_put_together_under_one_invoke_id():
    value, sent = read(block(1, ROWS[:90]), block(2, ROWS[90:91]), block(3, ROWS[91:], last=True))
    assert value == [12345678] * 40
    assert sent == [encode_get(0xC1, ENERGY), encode_get_next(0xC1, 1), encode_get_next(0xC1, 2)]


def test_the_last_block_may_be_empty():
    assert read(block(1, NUMBER), block(2, b"", last=True))[0] == 12345678


@pytest.mark.parametrize(
    ("answers", "result", "message"),
    [
        pytest.param([encode_get_response(0xC1, 4)], 4, r"object-undefined \(4\)", id="data-access-result"),
        pytest.param([encode_get_response(0xC1, 77)], 77, r"data-access-result \(77\)", id="unknown result"),
        pytest.param([block(1, NUMBER), block(2, 15)], 15, r"long-get-aborted \(15\)", id="between blocks"),
        pytest.param([b"\xd8\x01\x01"], None, "exception-response: service-not-allowed", id="exception-response"),
        pytest.param([b"\x0e\x01\x00\x02"], None, "confirmed-service-error", id="confirmed-service-error"),
        pytest.param([block(1, NUMBER), b"\xd8\x01\x02"], None, "exception-response", id="exception between blocks"),
        pytest.param([encode_get_response(0xC1, b"\x06\x00")], None, "A-XDR: .*cut off", id="half a value"),
        pytest.param([encode_get_response(0xC1, b"")], None, "A-XDR: .*cut off", id="no value"),
        pytest.param([encode_get_response(0xC1, b"\x1c\x00")], None, "no type has tag 28", id="an unknown type"),
        pytest.param([block(1, NUMBER + b"\x00", last=True)], None, "left over", id="more than a value"),
    ],
)
def test_a_value_that_is_refused_or_broken_leaves_the_others_alone(answers, result, message):
    with pytest.raises(DataRefused, match=message) as caught:
        read(*answers)
    assert caught.value.result == result


@pytest.mark.parametrize(
    ("answers", "state"),
    [
        pytest.param([b"\xd8\x01\x01"], 1, id="service-not-allowed"),
        pytest.param([b"\xd8\x02\x02"], 2, id="service-unknown"),
        pytest.param([block(1, NUMBER), b"\xd8\x01\x02"], 1, id="between blocks"),
        pytest.param([b"\x0e\x01\x00\x02"], None, id="confirmed-service-error"),
    ],
)
def test_a_refused_service_tells_its_state_which_may_mean_that_the_association_is_gone(answers, state):
    with pytest.raises(ServiceRefused) as caught:
        read(*answers)
    assert caught.value.state == state


def test_a_refused_attribute_is_no_refused_service():
    with pytest.raises(DataRefused) as caught:
        read(encode_get_response(0xC1, 4))
    assert not isinstance(caught.value, ServiceRefused)


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        pytest.param([block(2, NUMBER)], "block 2 came, 1 was asked", id="the second block first"),
        pytest.param([block(1, NUMBER), block(1, NUMBER)], "block 1 came, 2 was asked", id="the same block twice"),
        pytest.param([block(1, NUMBER), block(3, NUMBER)], "block 3 came, 2 was asked", id="a block too far"),
        pytest.param([block(1, b"")], "block 1 is empty", id="an empty block"),
        pytest.param([block(1, NUMBER), encode_get_response(0xC1, NUMBER)], "form", id="a value after a block"),
        pytest.param([encode_get_list_response(0xC1, [NUMBER])], "form", id="a list"),
        pytest.param([b"\x61\x00"], "no answer", id="an AARE"),
    ],
)
def test_an_answer_that_is_none_ends_the_poll(answers, message):
    with pytest.raises(RemoteProtocolError, match=message):
        read(*answers)


def test_a_value_has_a_limit():
    def endless(octets: bytes) -> list[bytes]:
        request = parse_get_request(octets)
        number = request.block + 1 if isinstance(request, GetNext) else 1
        return [block(number, bytes(1_000_000))]

    with pytest.raises(RemoteProtocolError, match=f"more than {MAX_VALUE} octets"):
        talk(get(Apdus(), ENERGY, invoke_ids=InvokeIds()), endless)


# Foreign invoke-ids.


def test_an_answer_to_another_request_is_passed_over():
    value, sent = read(encode_get_response(0xC7, b"\x00"), encode_get_response(0xC1, NUMBER))
    assert (value, sent) == (12345678, [encode_get(0xC1, ENERGY)])


def test_a_block_of_another_request_is_passed_over():
    late = block(2, NUMBER, invoke=0xC5, last=True)
    assert read(block(1, NUMBER[:2]), late, block(2, NUMBER[2:], last=True))[0] == 12345678


def test_silence_after_a_foreign_answer_names_both_ids():
    with pytest.raises(RemoteProtocolError, match="invoke-id 7 was answered, 1 was asked"):
        read(encode_get_response(0xC7, NUMBER), Silence())


def test_foreign_answers_do_not_go_on_for_ever():
    with pytest.raises(RemoteProtocolError, match="invoke-id 7 was answered"):
        read(*[encode_get_response(0xC7, NUMBER)] * (MAX_STRAYS + 1))


def test_silence_without_any_answer_passes():
    with pytest.raises(Silence):
        read(Silence())


# Lists.


def test_a_list_takes_one_exchange_and_keeps_refusals_in_their_place():
    (refused, number), sent = read_list(encode_get_list_response(0xC1, [3, NUMBER]))
    assert number == 12345678
    assert isinstance(refused, DataRefused)
    assert str(refused) == "read-write-denied (3)"
    assert sent == [encode_get_list(0xC1, [ENERGY, PROFILE])]


def test_a_list_may_come_in_blocks():
    items = encode_get_list_response(0xC1, [NUMBER, ROWS])[3:]
    values, sent = read_list(block(1, items[:50]), block(2, items[50:], last=True))
    assert values == [12345678, [12345678] * 40]
    assert sent[1] == encode_get_next(0xC1, 1)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        pytest.param("c403c1 01 00 00", "1 values came, 2 were asked", id="too few"),
        pytest.param("c403c1 03 0000 0000 0000", "3 values came, 2 were asked", id="too many"),
        pytest.param("c403c1 02 0000 00", "broken at octet 3", id="cut off"),
        pytest.param("c403c1 02 0000 0205", "broken at octet 3", id="neither value nor result"),
        pytest.param("c403c1 02 0000 0000 00", "1 octets are left over", id="left over"),
    ],
)
def test_a_list_that_is_broken_is_refused_as_a_whole(answer, message):
    with pytest.raises(DataRefused, match=message):
        read_list(bytes.fromhex(answer))


def test_a_single_value_is_no_answer_to_a_list():
    with pytest.raises(DataRefused, match="one value came for a list"):
        read_list(bytes.fromhex("c401c1 00 00"))


def test_a_list_may_be_refused_as_a_whole():
    with pytest.raises(ServiceRefused, match="service-not-supported"):
        read_list(b"\xd8\x02\x02")


# Over real framings.


@pytest.mark.parametrize("cut", CUTS)
def test_a_block_transfer_over_the_wrapper_however_it_arrives(cut):
    framing = WrapperFraming(client=16, server=1)
    answers = [block(1, ROWS[:100]), block(2, ROWS[100:], last=True)]
    reads = [piece for answer in answers for piece in cut(wrapper.encode(1, 16, answer))]
    value, sent = drive(get(framing, PROFILE, invoke_ids=InvokeIds()), *reads)
    assert value == [12345678] * 40
    assert len(sent) == framing.exchanges == 2


@pytest.mark.may_skip("the recordings are beside the project, not in it")
@pytest.mark.parametrize("cut", CUTS)
@recorded("risesun_poll")
def test_the_values_of_a_recorded_poll(case, cut):
    frames = [bytes.fromhex(frame["hex"]) for frame in case["frames"]]
    buffer = FrameBuffer()
    buffer.feed(frames[0])
    snrm = buffer.next()
    framing = HdlcFraming(client=snrm.source, server=snrm.destination)
    drive(framing.open(), *cut(frames[1]))
    # This meter was asked with other invoke-ids: 1 and 3, with other bits around them.
    framing._send = framing._receive = 1
    scaler_unit = AttributeDescriptor(3, bytes((1, 1, 1, 8, 0, 255)), 3)
    assert drive(get(framing, scaler_unit, invoke_ids=InvokeIds()), *cut(frames[5]))[0] == (1, 30)
