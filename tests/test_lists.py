"""Many attributes with few exchanges, and what is learnt of a meter that does lists badly."""

from __future__ import annotations

import pytest

from scripted_meter import Apdus
from telegraf_dlms.access import PROPOSED, PROPOSED_SHORT_NAMES, Conformance, Negotiated
from telegraf_dlms.apdu import (
    GetList,
    encode_get_list,
    encode_get_list_response,
    encode_get_response,
    parse_get_request,
)
from telegraf_dlms.axdr import Tag, encode
from telegraf_dlms.conversation import Association
from telegraf_dlms.cosem import AttributeDescriptor
from telegraf_dlms.errors import DataRefused, LinkError, RemoteProtocolError, Silence
from telegraf_dlms.lists import MAX_LIST, Answers, Lists, ask_many
from telegraf_dlms.short_names import ShortNames

TOO_LONG = b"\xd8\x02\x04"


def register(number: int) -> AttributeDescriptor:
    return AttributeDescriptor(3, bytes((1, 0, number, 8, 0, 255)), 2)


TWENTY = [register(number) for number in range(20)]


class ListMeter:
    """Answers each attribute with its value group C; ``longest`` is its longest list, ``poison`` spoils any list.

    ``sizes`` are the attributes of each request that it got.
    """

    def __init__(self, *, longest: int = MAX_LIST, poison: AttributeDescriptor | None = None, deaf: bool = False):
        self.longest = longest
        self.poison = poison
        self.deaf = deaf
        self.sizes: list[int] = []

    def answer(self, request: bytes) -> bytes:
        asked = parse_get_request(request)
        if not isinstance(asked, GetList):
            self.sizes.append(1)
            return encode_get_response(asked.invoke, self.value(asked.descriptor))
        self.sizes.append(len(asked.descriptors))
        if self.deaf:
            raise Silence("no answer")
        if len(asked.descriptors) > self.longest or self.poison in asked.descriptors:
            return TOO_LONG
        return encode_get_list_response(asked.invoke, [self.value(each) for each in asked.descriptors])

    def value(self, descriptor: AttributeDescriptor) -> bytes | int:
        return 4 if descriptor == self.poison else encode(Tag.UNSIGNED, descriptor.logical_name[2])


def association(**negotiated) -> Association:
    return Association(Apdus(), Negotiated(negotiated.get("conformance", PROPOSED), negotiated.get("size", 0)))


def converse(conversation, meter):
    try:
        octets = next(conversation)
        while True:
            try:
                answer = meter.answer(octets)
            except Silence as silence:
                octets = conversation.throw(silence)
            else:
                octets = conversation.send(answer)
    except StopIteration as end:
        return end.value


def visit(meter: ListMeter, lists: Lists, asked=TWENTY, **negotiated):
    """Ask for everything in turn, as a poll does."""
    answers = Answers(association(**negotiated), lists, asked)
    return [converse(answers.get(descriptor), meter) for descriptor in asked]


VALUES = [(Tag.UNSIGNED, number) for number in range(20)]


def test_twenty_registers_are_one_exchange():
    meter = ListMeter()
    assert visit(meter, Lists()) == VALUES
    assert meter.sizes == [20]


@pytest.mark.parametrize(
    ("size", "sizes"),
    [
        pytest.param(0, [20], id="no limit"),
        (1024, [20]),
        (204, [20]),
        (203, [19, 1]),
        (104, [10, 10]),
        (34, [3] * 6 + [2]),
        (23, [1] * 20),
        (12, [1] * 20),
    ],
)
def test_a_request_fits_into_the_meters_pdu(size, sizes):
    meter = ListMeter()
    assert visit(meter, Lists(), size=size) == VALUES
    assert meter.sizes == sizes


def test_variables_by_short_names_need_less_room():
    short = Association(Apdus(), Negotiated(PROPOSED_SHORT_NAMES, 62), short_names=ShortNames())
    assert Lists().room(short) == 20


@pytest.mark.parametrize(
    ("octets", "held"), [(1274, 127), (1283, 127), (1285, 128), (2555, 255), (2566, 256), (65535, 6552)]
)
def test_the_count_of_a_long_list_takes_more_octets(octets, held):
    room = Lists().room(association(size=octets))
    assert room == held
    assert (
        len(encode_get_list(0xC1, [register(1)] * room))
        <= octets
        < len(encode_get_list(0xC1, [register(1)] * (room + 1)))
    )


def test_three_hundred_registers_are_one_exchange():
    many = [AttributeDescriptor(3, bytes((1, 0, number // 100, 8, number % 100, 255)), 2) for number in range(300)]
    meter = ListMeter()
    visit(meter, Lists(), many, size=65535)
    assert meter.sizes == [300]


@pytest.mark.parametrize("name", ["ask", "ask_list"])
def test_a_ciphered_request_leaves_room_for_what_is_around_it(name):
    """The association says what of the meter's PDU is left for a request in clear."""
    made = association(size=204)
    made.request_size = {"ask": 13, "ask_list": 184}[name]
    assert Lists().room(made) == {"ask": 1, "ask_list": 18}[name]


def test_a_meter_that_does_not_grant_lists_gets_none():
    meter = ListMeter(longest=0)
    assert visit(meter, Lists(), conformance=Conformance.GET) == VALUES
    assert meter.sizes == [1] * 20


def test_a_device_without_lists_by_configuration_gets_none():
    meter = ListMeter()
    assert visit(meter, Lists(limit=1)) == VALUES
    assert meter.sizes == [1] * 20


def test_a_list_that_is_too_long_is_halved_and_stays_shorter():
    meter, lists = ListMeter(longest=6), Lists()
    assert visit(meter, lists) == VALUES
    assert meter.sizes == [20, 10, 5, 5, 5, 5]
    meter.sizes.clear()
    assert visit(meter, lists) == VALUES
    assert meter.sizes == [5] * 4


def test_a_meter_that_refuses_every_list_is_asked_singly_from_then_on():
    meter, lists = ListMeter(longest=1), Lists()
    assert visit(meter, lists) == VALUES
    assert meter.sizes == [20, 10, 5, 3, 2] + [1] * 20
    meter.sizes.clear()
    assert visit(meter, lists) == VALUES
    assert meter.sizes == [1] * 20


def test_one_attribute_that_spoils_its_list_is_asked_alone_from_then_on():
    meter, lists = ListMeter(poison=register(7)), Lists()
    answers = visit(meter, lists)
    assert isinstance(answers.pop(7), DataRefused)
    assert answers == VALUES[:7] + VALUES[8:]
    meter.sizes.clear()
    visit(meter, lists)
    assert sorted(meter.sizes) == [1, 19]


def test_a_refused_attribute_leaves_the_others_of_its_list_alone():
    refused = encode_get_list_response(0xC1, [encode(Tag.UNSIGNED, 0), 3])
    conversation = ask_many(association(), TWENTY[:2], Lists())
    next(conversation)
    with pytest.raises(StopIteration) as end:
        conversation.send(refused)
    value, refusal = end.value.value
    assert value == (Tag.UNSIGNED, 0)
    assert refusal.result == 3


def silent(lists: Lists) -> None:
    with pytest.raises(LinkError):
        visit(ListMeter(deaf=True), lists)


def test_after_silence_the_next_visit_asks_singly_and_the_one_after_it_tries_a_list_again():
    lists = Lists()
    silent(lists)
    sizes = []
    for _ in range(2):
        meter = ListMeter()
        assert visit(meter, lists) == VALUES
        sizes.append(meter.sizes)
    assert sizes == [[1] * 20, [20]]


class Confused(ListMeter):
    """A meter that answers a list with what is none: Gurux's server does where one comes to it in several frames."""

    def answer(self, request: bytes) -> bytes:
        answer = super().answer(request)
        return answer if self.sizes[-1] == 1 else bytes.fromhex("0001C109")


def test_after_an_answer_that_is_none_the_next_visit_asks_singly():
    lists = Lists()
    with pytest.raises(RemoteProtocolError):
        visit(Confused(), lists)
    meter = Confused()
    assert visit(meter, lists) == VALUES
    assert meter.sizes == [1] * 20


def test_two_lists_that_were_met_with_silence_are_the_last_ones():
    lists = Lists()
    silent(lists)
    visit(ListMeter(), lists)
    silent(lists)
    for _ in range(3):
        meter = ListMeter()
        visit(meter, lists)
        assert meter.sizes == [1] * 20


def test_lists_that_ended_by_the_fault_of_one_object_are_tried_again_once_without_it():
    lists = Lists(limit=50)
    for _ in range(2):
        lists.begin()
        lists.unanswered()
    assert lists.limit == 1
    lists.blame(register(7))
    assert lists.limit == 50
    meter = ListMeter()
    visit(meter, lists)
    assert sorted(meter.sizes) == [1, 19]
    assert lists.is_alone(register(7)._replace(attribute=3))
    for _ in range(2):
        lists.unanswered()
    lists.blame(register(7))
    assert lists.limit == 1


def test_a_list_that_was_answered_forgives_the_silence_before_it():
    lists = Lists()
    for _ in range(5):
        silent(lists)
        visit(ListMeter(), lists)
        visit(ListMeter(), lists)
    assert lists.limit == MAX_LIST


class Refusing(ListMeter):
    """Refuses each attribute of a list, as some that do no lists."""

    def answer(self, request: bytes) -> bytes:
        asked = parse_get_request(request)
        if not isinstance(asked, GetList):
            return super().answer(request)
        self.sizes.append(len(asked.descriptors))
        return encode_get_list_response(asked.invoke, [250] * len(asked.descriptors))


def test_a_list_of_refusals_alone_is_a_refused_list_where_its_attributes_have_values():
    meter, lists = Refusing(), Lists()
    assert visit(meter, lists) == VALUES
    assert meter.sizes == [20] + [1] * 20
    meter.sizes.clear()
    assert visit(meter, lists) == VALUES
    assert meter.sizes == [1] * 20


def test_a_meter_that_refuses_all_is_asked_singly_once_and_then_in_lists():
    meter, lists = Refusing(), Lists()
    meter.value = lambda _: 3
    sizes = []
    for _ in range(2):
        assert [answer.result for answer in visit(meter, lists)] == [250] * 20
        sizes.append(meter.sizes)
        meter.sizes = []
    assert sizes == [[20, 1], [20]]


def test_lists_that_were_answered_are_not_to_blame_where_a_kept_association_was_forgotten():
    lists = Lists()
    visit(ListMeter(), lists)
    for _ in range(3):
        kept = association()
        kept.is_doubtful = True
        with pytest.raises(LinkError):
            converse(Answers(kept, lists, TWENTY).get(TWENTY[0]), ListMeter(deaf=True))
        assert not lists.is_suspect
        meter = ListMeter()
        assert visit(meter, lists) == VALUES
        assert meter.sizes == [20]


@pytest.mark.parametrize(("answered", "suspect"), [(False, True), (True, False)])
def test_a_list_without_an_answer_is_suspect_where_none_was_ever_answered(answered, suspect):
    lists = Lists()
    if answered:
        visit(ListMeter(), lists)
    silent(lists)
    assert lists.is_suspect is suspect
    visit(ListMeter(), lists)
    assert not lists.is_suspect


def test_what_nobody_announced_is_asked_with_what_is_still_ahead():
    meter = ListMeter()
    answers = Answers(association(), Lists(), TWENTY[:3])
    assert converse(answers.get(register(9)), meter) == (Tag.UNSIGNED, 9)
    assert converse(answers.get(register(2)), meter) == (Tag.UNSIGNED, 2)
    assert meter.sizes == [4]


def test_an_attribute_that_two_values_want_is_asked_once():
    meter = ListMeter()
    assert visit(meter, Lists(), [register(1), register(1)]) == [(Tag.UNSIGNED, 1)] * 2
    assert meter.sizes == [1]
