"""Objects of classes that nobody has described: what is asked of them, until there is no more."""

from __future__ import annotations

import pytest

from scripted_meter import NOT_ALLOWED, UNKNOWN, ScriptedMeter, association, converse, descriptor, octets, unsigned
from telegraf_dlms.axdr import Tag, encode
from telegraf_dlms.conversation import Memory, ReadRequest, read_values
from telegraf_dlms.errors import PollCut, RemoteProtocolError, Silence
from telegraf_dlms.probe import LAST_PROBED
from telegraf_dlms.short_names import ShortNames

FIRST = descriptor(9000, "0.0.128.0.0.255")
WANTED = ReadRequest((FIRST,), None, named=False, probes=True)
READ_WRITE_DENIED = 3


def at(number):
    return FIRST._replace(attribute=number)


def meter(attributes):
    return ScriptedMeter({at(number): answer for number, answer in attributes.items()})


def read(source, memory=None, *, inside=None):
    into = []
    conversation = read_values(inside or association(), [WANTED], Memory() if memory is None else memory, into=into)
    converse(conversation, source)
    return into[0]


def asked(source):
    return [int(words.partition("/")[2]) for words in source.take_asked()]


def test_attributes_are_asked_for_until_two_in_a_row_are_refused():
    source = meter({2: unsigned(7), 3: octets(b"A1"), 4: unsigned(9)})
    reading = read(source)
    assert reading.values == [(2, 7), (3, b"A1"), (4, 9)]
    assert reading.refusals == []
    assert asked(source) == [2, 3, 4, 5, 6]


@pytest.mark.parametrize("hole", [READ_WRITE_DENIED, 4, UNKNOWN, NOT_ALLOWED])
def test_one_attribute_that_is_refused_among_others_is_no_end(hole):
    source = meter({2: unsigned(7), 3: hole, 4: unsigned(9)})
    assert read(source).values == [(2, 7), (4, 9)]
    assert asked(source) == [2, 3, 4, 5, 6]


def test_an_object_may_begin_with_an_attribute_that_is_denied():
    source = meter({2: READ_WRITE_DENIED, 3: unsigned(8)})
    reading = read(source)
    assert (reading.values, reading.refusals) == ([(3, 8)], [])


def test_what_was_found_is_all_that_later_polls_of_the_day_ask_for():
    source, memory = meter({2: unsigned(7), 4: unsigned(9)}), Memory()
    first = read(source, memory)
    assert asked(source) == [2, 3, 4, 5, 6]
    assert read(source, memory) == first
    assert asked(source) == [2, 4]
    memory.forget()
    read(source, memory)
    assert asked(source) == [2, 3, 4, 5, 6]


def test_an_attribute_that_is_refused_later_is_not_asked_for_again_that_day():
    source, memory = meter({2: unsigned(7), 3: unsigned(8)}), Memory()
    read(source, memory)
    source.attributes[at(3)] = READ_WRITE_DENIED
    for numbers in ([2, 3], [2]):
        source.take_asked()
        reading = read(source, memory)
        assert (reading.values, reading.refusals) == ([(2, 7)], [])
        assert asked(source) == numbers


def test_an_object_that_is_not_there_is_refused_once_for_each_poll_and_asked_again():
    source, memory = meter({}), Memory()
    for _ in range(2):
        reading = read(source, memory)
        assert reading.values == []
        assert [(of.attribute, str(why)) for of, why in reading.refusals] == [(2, "object-undefined (4)")]
        assert asked(source) == [2, 3]


def test_null_data_is_an_attribute_that_is_there():
    source, memory = meter({2: encode(Tag.NULL_DATA), 3: encode(Tag.NULL_DATA)}), Memory()
    assert read(source, memory).values == [(2, None), (3, None)]
    assert memory.found == {FIRST: (at(2), at(3))}


def test_an_attribute_that_cannot_be_decoded_is_there_and_costs_itself_alone():
    source, memory = meter({2: b"\x08\x00", 3: unsigned(8)}), Memory()
    assert read(source, memory).values == [(3, 8)]
    assert memory.found == {FIRST: (at(2), at(3))}
    assert memory.refused == {at(2)}


def test_a_meter_that_answers_for_ever_is_asked_for_so_many_attributes():
    source = meter({number: unsigned(number) for number in range(2, 128)})
    assert read(source).values == [(number, number) for number in range(2, LAST_PROBED + 1)]


@pytest.mark.parametrize("error", [Silence("nothing came"), RemoteProtocolError("no answer to that")])
def test_an_attribute_at_which_the_association_ended_is_not_probed_again_that_day(error):
    source, memory = meter({2: unsigned(7), 3: error}), Memory()
    with pytest.raises(type(error)):
        read(source, memory)
    assert asked(source) == [2, 3]
    assert read(source, memory).values == [(2, 7)]
    assert asked(source) == [2]


def test_an_association_that_was_dead_before_says_nothing_about_an_attribute():
    source, memory = meter({2: Silence("nothing came")}), Memory()
    with pytest.raises(Silence):
        read(source, memory)
    assert memory.refused == set()


def test_a_stop_says_nothing_about_an_attribute():
    memory = Memory()
    with pytest.raises(PollCut):
        read(meter({2: unsigned(7)}), memory, inside=association(is_ending=True))
    assert (memory.refused, memory.found) == (set(), {})


def test_by_short_names_only_the_first_attribute_is_asked_for_since_methods_follow():
    memory = Memory()
    names = ShortNames([(9000, FIRST.logical_name, 0x4000)])
    short = []

    class ShortMeter:
        def answer(self, apdu):
            short.append(apdu.hex(" "))
            return bytes.fromhex("0c 01 00 11 07")

    inside = association(short_names=names)
    into = []
    converse(read_values(inside, [WANTED], memory, into=into), ShortMeter())
    assert into[0].values == [(2, 7)]
    assert short == ["05 01 02 40 08"]
