"""The time of the one exchange in which an attribute is read."""

from __future__ import annotations

import pytest

from scripted_meter import Apdus, ScriptedMeter, association, converse, descriptor, octets, unsigned
from telegraf_dlms.access import PROPOSED_SHORT_NAMES, Negotiated
from telegraf_dlms.axdr import Tag, array, encode, structure
from telegraf_dlms.conversation import Association
from telegraf_dlms.errors import LinkError, Silence
from telegraf_dlms.short_names import OBJECT_LIST, ShortNames
from telegraf_dlms.sn_apdu import encode_read_response, parse_read_request
from telegraf_dlms.stopwatch import Stopwatch

CLOCK, ENERGY = descriptor(8, "0.0.1.0.0.255"), descriptor(3, "1.0.1.8.0.255")


class Ticking:
    """A clock that goes on by one whenever it is looked at."""

    def __init__(self):
        self.now = 0

    def __call__(self):
        self.now += 1
        return self.now


def asking(*descriptors, asked=None):
    asked = asked or association()
    for each in descriptors:
        yield from asked.ask(each)


def watched(*descriptors, meter=None, asked=None):
    """Ask for attributes one after the other; return the stopwatch, which goes with the number of exchanges."""
    asked = asked or association()
    asked.stopwatch = watch = Stopwatch(CLOCK, now_ns=Ticking())
    meter = meter or ScriptedMeter({CLOCK: octets(b"now"), ENERGY: unsigned(5)})
    converse(watch.watch(asking(*descriptors, asked=asked), asked.framing), meter)
    return watch


@pytest.mark.parametrize("descriptors", [(CLOCK,), (ENERGY, CLOCK), (CLOCK, ENERGY), (ENERGY, CLOCK, ENERGY)])
def test_one_exchange_is_timed_whatever_comes_before_and_after_it(descriptors):
    watch = watched(*descriptors)
    assert (watch.began_ns, watch.ended_ns) == (1, 2)


def test_without_the_attribute_nothing_is_timed():
    watch = watched(ENERGY)
    assert (watch.began_ns, watch.ended_ns) == (None, None)


def test_the_answer_is_that_of_the_conversation():
    def conversation():
        heard = yield b"asked"
        return heard * 2

    watch = Stopwatch(CLOCK, now_ns=Ticking())
    watching = watch.watch(conversation(), Apdus())
    assert next(watching) == b"asked"
    with pytest.raises(StopIteration) as end:
        watching.send(b"heard")
    assert end.value.value == b"heardheard"


def test_in_pieces_the_last_one_ends_the_exchange():
    asked = association()
    asked.stopwatch = watch = Stopwatch(CLOCK, now_ns=Ticking())

    def conversation():
        watch.about_to_ask([ENERGY, CLOCK], asked.framing)
        asked.framing.exchanges += 1
        yield b"asked"
        yield b""
        yield b""
        asked.framing.exchanges += 1
        yield b"another"

    watching = watch.watch(conversation(), asked.framing)
    for heard in (None, b"a", b"b", b"c"):
        watching.send(heard)
    assert (watch.began_ns, watch.ended_ns) == (1, 4)
    with pytest.raises(StopIteration):
        watching.send(b"d")
    assert watch.ended_ns == 4


def test_of_an_answer_in_blocks_the_first_one_counts():
    class InBlocks(ScriptedMeter):
        def answer(self, apdu):
            """Give the two halves of an octet-string."""
            number = apdu[1]  # get-request-normal, then get-request-next
            self.asked.append(number)
            half = b"\x09\x04n", b"ow!"
            return bytes((0xC4, 2, apdu[2], number == 2, 0, 0, 0, number, 0, 3)) + half[number - 1]

    meter = InBlocks()
    watch = watched(CLOCK, meter=meter)
    assert meter.asked == [1, 2]
    assert (watch.began_ns, watch.ended_ns) == (1, 2)


def test_by_short_names_the_object_list_is_not_the_clocks_exchange():
    listed = structure(
        encode(Tag.LONG, 0x2000),
        encode(Tag.LONG_UNSIGNED, 8),
        encode(Tag.UNSIGNED, 0),
        encode(Tag.OCTET_STRING, CLOCK.logical_name),
    )
    looked = []

    class NamedMeter:
        def answer(self, apdu):
            (variable,) = parse_read_request(apdu).variables
            looked.append(asked.stopwatch.began_ns)
            return encode_read_response([array([listed]) if variable.short_name == OBJECT_LIST else octets(b"now")])

    asked = Association(Apdus(), Negotiated(PROPOSED_SHORT_NAMES, 0), short_names=ShortNames())
    watch = watched(CLOCK, meter=NamedMeter(), asked=asked)
    assert looked == [None, 1]
    assert watch.ended_ns == 2


def test_what_is_asked_again_is_timed_anew():
    watch = watched(CLOCK, ENERGY, CLOCK)
    assert (watch.began_ns, watch.ended_ns) == (3, 4)


def test_what_is_thrown_in_comes_out_and_a_repeat_goes_on():
    asked = association()
    asked.stopwatch = watch = Stopwatch(CLOCK, now_ns=Ticking())

    def repeating():
        watch.about_to_ask([CLOCK], asked.framing)
        asked.framing.exchanges += 1
        try:
            yield b"asked"
        except Silence:
            yield b"asked again"

    watching = watch.watch(repeating(), asked.framing)
    assert next(watching) == b"asked"
    assert watching.throw(Silence("no answer")) == b"asked again"
    with pytest.raises(LinkError, match="closed"):
        watching.throw(LinkError("closed"))
    assert (watch.began_ns, watch.ended_ns) == (1, None)


def test_a_conversation_that_is_dropped_is_closed():
    ended = []

    def conversation():
        try:
            yield b"asked"
        except GeneratorExit:
            ended.append("closed")
            raise

    watching = Stopwatch(CLOCK, now_ns=Ticking()).watch(conversation(), Apdus())
    next(watching)
    watching.close()
    assert ended == ["closed"]
