"""Where the public client finds an invocation counter that the configuration does not name."""

from __future__ import annotations

import pytest

from scripted_meter import Apdus, ScriptedMeter, association, converse, descriptor, listing, octets, unsigned
from telegraf_dlms.access import PROPOSED_SHORT_NAMES, Negotiated
from telegraf_dlms.axdr import Tag, array, encode, structure
from telegraf_dlms.conversation import Association
from telegraf_dlms.counter_search import (
    MAX_FOUND,
    MAX_LISTED,
    CounterSearch,
    Found,
    counter_of,
    find_counter,
)
from telegraf_dlms.errors import DataRefused, Silence
from telegraf_dlms.obis import format_obis, parse_obis
from telegraf_dlms.short_names import OBJECT_LIST, ShortNames
from telegraf_dlms.sn_apdu import encode_read_response, parse_read_request

LIST = descriptor(15, "0.0.40.0.0.255")


def counters(**numbers):
    """Return Data objects 0.0.43.1.e.255 by ``e<number>=value``."""
    return {descriptor(1, f"0.0.43.1.{name[1:]}.255"): unsigned(number) for name, number in numbers.items()}


def find(attributes, *, client=1, known=()):
    meter = ScriptedMeter(attributes)
    try:
        found = converse(find_counter(association(), client_address=client, known=known), meter)
    except DataRefused as refusal:
        found = str(refusal)
    else:
        found = format_obis(found.logical_name), found.number
    return found, [asked.removeprefix("0.0.") for asked in meter.asked]


USUAL, OF_CLIENT = "43.1.0.255/2", "43.1.1.255/2"


@pytest.mark.parametrize(
    ("there", "found"),
    [
        (counters(e0=40), ("0.0.43.1.0.255", 40)),
        (counters(e1=40), ("0.0.43.1.1.255", 40)),
        (counters(e0=40, e1=7), ("0.0.43.1.0.255", 40)),
        (counters(e0=7, e1=40), ("0.0.43.1.1.255", 40)),
        (counters(e0=0), ("0.0.43.1.0.255", 0)),
    ],
)
def test_the_usual_objects_are_asked_for_and_the_highest_counts(there, found):
    assert find(there) == (found, [USUAL, OF_CLIENT])


@pytest.mark.parametrize(
    ("client", "asked"),
    [(0, [USUAL]), (48, [USUAL, "43.1.48.255/2"]), (255, [USUAL, "43.1.255.255/2"]), (256, [USUAL])],
)
def test_a_client_s_own_object_is_the_one_with_its_address_where_that_fits(client, asked):
    assert find(counters(e0=40), client=client) == (("0.0.43.1.0.255", 40), asked)


def test_where_both_are_refused_those_of_the_object_list_are_read():
    there = counters(e2=500, e3=1200) | {LIST: listing("0.0.1.0.0.255", "0.0.43.1.2.255", "0.0.43.1.3.255")}
    assert find(there) == (
        ("0.0.43.1.3.255", 1200),
        [USUAL, OF_CLIENT, "40.0.0.255/2", "43.1.2.255/2", "43.1.3.255/2"],
    )


@pytest.mark.parametrize(
    "there",
    [
        pytest.param({}, id="an object list that is refused"),
        pytest.param({LIST: unsigned(5)}, id="one that is no list"),
        pytest.param({LIST: listing("0.0.1.0.0.255", "1.0.43.1.2.255", "0.0.43.0.2.255")}, id="one without a counter"),
        pytest.param({LIST: listing("0.0.43.1.2.255", class_id=64)}, id="one of another class"),
        pytest.param({LIST: listing("0.0.43.1.2.255")}, id="one whose counter is refused"),
        pytest.param(dict.fromkeys(counters(e0=1), octets(b"five!")), id="what is no number"),
        pytest.param(dict.fromkeys(counters(e0=1), encode(Tag.NULL_DATA)), id="null"),
    ],
)
def test_where_there_is_none_that_is_said(there):
    assert find(there)[0] == "none is there to read"


def test_a_long_list_is_not_read_to_its_end():
    codes = [f"0.0.43.1.{number}.255" for number in range(10, 60)]
    _, asked = find({LIST: listing(*codes)})
    assert len(asked) == 3 + MAX_LISTED


def test_what_was_found_before_is_asked_for_first():
    there = counters(e0=7, e3=40)
    assert find(there, known=[parse_obis("0.0.43.1.3.255")]) == (("0.0.43.1.3.255", 40), ["43.1.3.255/2"])


def test_a_counter_that_would_cost_half_the_key_is_passed_over_where_another_one_is():
    assert find(counters(e0=MAX_FOUND, e1=40))[0] == ("0.0.43.1.1.255", 40)
    assert find(counters(e0=MAX_FOUND - 1, e1=40))[0] == ("0.0.43.1.0.255", MAX_FOUND - 1)
    assert find(counters(e0=MAX_FOUND))[0] == ("0.0.43.1.0.255", MAX_FOUND)


def test_what_ends_the_association_is_raised():
    with pytest.raises(Silence):
        find(dict.fromkeys(counters(e0=1), Silence("no answer")))


def element(base_name, code):
    about = (Tag.LONG, base_name), (Tag.LONG_UNSIGNED, 1), (Tag.UNSIGNED, 0)
    return structure(*(encode(*each) for each in about), octets(parse_obis(code)))


@pytest.mark.parametrize("code", ["0.0.43.1.0.255", "0.0.43.1.5.255"])
def test_by_short_names_the_object_list_tells_at_once(code):
    asked = []

    class NamedMeter:
        def answer(self, apdu):
            (variable,) = parse_read_request(apdu).variables
            asked.append(variable.short_name)
            listed = array([element(0x2000, "0.0.1.0.0.255"), element(0x3000, code)])
            return encode_read_response([listed if variable.short_name == OBJECT_LIST else unsigned(40)])

    made = Association(Apdus(), Negotiated(PROPOSED_SHORT_NAMES, 0), short_names=ShortNames())
    assert converse(find_counter(made, client_address=1), NamedMeter()) == Found(parse_obis(code), 40)
    assert asked == [OBJECT_LIST, 0x3008]


@pytest.mark.parametrize(
    ("value", "number"), [(0, 0), (0xFFFF_FFFF, 0xFFFF_FFFF), (b"\0\0\1\0", 256), (b"\xff\xff\xff\xff", 0xFFFF_FFFF)]
)
def test_a_counter_is_a_number_of_32_bits_or_its_octets(value, number):
    assert counter_of(value) == number


@pytest.mark.parametrize("value", [-1, 1 << 32, b"", b"\0\0\1", b"\0\0\0\0\1", None, "5", 5.0, True, (5,)])
def test_what_is_no_counter_is_refused(value):
    with pytest.raises(DataRefused, match="it is no number of 32 bits but "):
        counter_of(value)


def test_a_meter_that_lets_us_in_may_be_looked_at_again():
    search = CounterSearch(is_over=True, is_unanswered=True, objects=(b"123456",))
    search.let_in()
    assert search == CounterSearch(objects=(b"123456",))
