"""Reading by short names: the object list is read once for a meter, and what it does not name is not asked for."""

from __future__ import annotations

import pytest

from scripted_meter import Apdus, Raw, converse, descriptor, octets, unsigned
from telegraf_dlms.access import PROPOSED_SHORT_NAMES, Access, Negotiated
from telegraf_dlms.axdr import Tag, array, encode, structure
from telegraf_dlms.conversation import Association
from telegraf_dlms.errors import DataRefused, LinkError, PollCut, RemoteProtocolError, ServiceRefused
from telegraf_dlms.get import InvokeIds
from telegraf_dlms.handshake import Handshake, Identity, established
from telegraf_dlms.short_names import OBJECT_LIST, ShortNames
from telegraf_dlms.sn_apdu import encode_read_response, parse_read_request

ENERGY = descriptor(3, "1.0.1.8.0.255")
POWER = descriptor(3, "1.0.1.7.0.255")
HIDDEN = descriptor(3, "1.0.2.8.0.255")
PROFILE = descriptor(7, "1.0.99.1.0.255")
ENERGY_NAME, POWER_NAME = 0x2000, 0xFC00
LIST = f"{OBJECT_LIST:04X}"
NOT_ALLOWED, READ_ERROR = Raw(b"\xd8\x01\x01"), Raw(b"\x0e\x05\x02\x02")


def element(base_name, wanted):
    signed = base_name - (0x10000 if base_name & 0x8000 else 0)
    about = (Tag.LONG, signed), (Tag.LONG_UNSIGNED, wanted.class_id), (Tag.UNSIGNED, 0)
    return structure(*(encode(*each) for each in about), encode(Tag.OCTET_STRING, wanted.logical_name))


class NamedMeter:
    """A meter that is a table of variables by their short names; entries are as those of a ScriptedMeter."""

    def __init__(self, variables=None):
        self.variables = {
            OBJECT_LIST: array([element(ENERGY_NAME, ENERGY), element(POWER_NAME, POWER)]),
            ENERGY_NAME + 8: unsigned(12),
            ENERGY_NAME + 16: structure(encode(Tag.INTEGER, 0), encode(Tag.ENUM, 30)),
            POWER_NAME + 8: unsigned(34),
        } | (variables or {})
        self.asked = []

    def answer(self, apdu):
        items = []
        for name, selection in parse_read_request(apdu).variables:
            self.asked.append(f"{name:04X}" + (f" {selection.hex()}" if selection else ""))
            item = self.variables.get(name, 4)
            if isinstance(item, Raw | Exception):
                return item
            items.append(item)
        return encode_read_response(items)

    def take_asked(self):
        asked, self.asked = self.asked, []
        return asked


def association(names=None, **options):
    return Association(Apdus(), Negotiated(PROPOSED_SHORT_NAMES, 0), short_names=names or ShortNames(), **options)


def ask(made, meter, wanted=ENERGY, **options):
    return converse(made.ask(wanted, **options), meter)


def refused(made, meter, wanted=ENERGY):
    with pytest.raises(DataRefused) as caught:
        ask(made, meter, wanted)
    return caught.value


def test_the_object_list_is_read_when_it_is_first_wanted_and_once():
    meter, made = NamedMeter(), association()
    values = [ask(made, meter, wanted) for wanted in (ENERGY, POWER, ENERGY, ENERGY._replace(attribute=3))]
    assert values == [12, 34, 12, (0, 30)]
    assert meter.asked == [LIST, "2008", "FC08", "2008", "2010"]


def begun_again(names):
    """Return another association of the same meter, as a handshake makes it."""
    wanted = Access("none", b"", 0xFFFF, "short_names")
    handshake = Handshake(Apdus(), wanted, Identity())
    return established(
        handshake, Negotiated(PROPOSED_SHORT_NAMES, 0), wanted, invoke_ids=InvokeIds(), short_names=names
    )


def test_another_association_knows_the_names_until_they_are_forgotten():
    meter, names = NamedMeter(), ShortNames()
    for _ in range(2):
        assert ask(begun_again(names), meter) == 12
    names.forget()
    assert ask(begun_again(names), meter) == 12
    assert meter.asked == [LIST, "2008", "2008", LIST, "2008"]


def test_a_configured_name_needs_no_list():
    meter, names = NamedMeter({0x3008: unsigned(56)}), ShortNames([(3, ENERGY.logical_name, 0x3000)])
    made = association(names)
    assert ask(made, meter) == 56
    assert meter.take_asked() == ["3008"]
    assert ask(made, meter, POWER) == 34
    assert ask(made, meter) == 56, "and is not taken from the list where that is read"
    assert meter.asked == [LIST, "FC08", "3008"]


def test_the_current_association_is_known_without_the_list():
    meter = NamedMeter()
    assert len(ask(association(), meter, descriptor(12, "0.0.40.0.0.255"))) == 2
    assert meter.asked == [LIST]


def test_a_part_of_a_profile_is_asked_for_by_parameterized_access():
    meter = NamedMeter({0x4008: array([])})
    made = association(ShortNames([(7, PROFILE.logical_name, 0x4000)]))
    selection = b"\x02" + structure(unsigned(1), unsigned(2))
    assert ask(made, meter, PROFILE, selection=selection) == []
    assert meter.asked == ["4008 " + selection.hex()]


@pytest.mark.parametrize(
    ("wanted", "result"), [(HIDDEN, 4), (ENERGY._replace(class_id=4), 9), (descriptor(1, "1.0.1.8.0.255"), 9)]
)
def test_what_the_list_does_not_have_is_refused_and_not_asked_for(wanted, result):
    meter, made = NamedMeter(), association()
    assert refused(made, meter, wanted).result == result
    assert refused(made, meter, wanted).result == result
    assert meter.asked == [LIST]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (3, "the meter's object list: read-write-denied (3)"),
        (
            NOT_ALLOWED,
            "the meter's object list: exception-response: service-not-allowed (1), operation-not-possible (1)",
        ),
        (READ_ERROR, "the meter's object list: confirmed-service-error: read (5), service-error (2, 2)"),
        (unsigned(3), "the meter's object list: the object list is no array but int"),
        (b"\x01\x02\x03", "the meter's object list: A-XDR: "),
    ],
)
def test_a_refused_list_is_asked_for_once_an_association(answer, words):
    meter, names = NamedMeter({OBJECT_LIST: answer}), ShortNames()
    made = begun_again(names)
    said = {str(refused(made, meter, wanted)) for wanted in (ENERGY, POWER, HIDDEN) for _ in range(7)}
    assert meter.take_asked() == [LIST]
    assert [text.startswith(words) for text in said] == [True]
    refused(begun_again(names), meter)
    assert meter.asked == [LIST]


@pytest.mark.parametrize("answer", [NOT_ALLOWED, READ_ERROR])
def test_a_kept_association_that_has_no_list_any_more_was_given_up(answer):
    meter, made = NamedMeter({OBJECT_LIST: answer}), association(is_doubtful=True)
    with pytest.raises(LinkError, match="given up the association"):
        ask(made, meter)
    assert made.short_names.wants_list(ENERGY), "nothing was learnt of it"


def test_what_is_refused_without_asking_says_nothing_of_a_kept_association():
    meter, names = NamedMeter(), ShortNames()
    ask(association(names), meter)
    made = association(names, is_doubtful=True)
    assert refused(made, meter, HIDDEN).result == 4
    assert converse(made.ask_list([HIDDEN, HIDDEN._replace(attribute=3)]), meter)
    assert made.is_doubtful
    meter.variables[ENERGY_NAME + 8] = NOT_ALLOWED
    with pytest.raises(LinkError, match="given up the association"):
        ask(made, meter)


@pytest.mark.parametrize("ways", ["ask", "ask_list"])
def test_an_answer_ends_the_doubt(ways):
    meter, names = NamedMeter(), ShortNames()
    made = association(names, is_doubtful=True)
    if ways == "ask":
        ask(made, meter)
    else:
        converse(made.ask_list([ENERGY, POWER]), meter)
    assert not made.is_doubtful
    meter.variables[ENERGY_NAME + 8] = NOT_ALLOWED
    assert type(refused(made, meter)) is ServiceRefused


def test_a_list_of_variables_asks_for_those_that_have_a_name():
    meter, made = NamedMeter({POWER_NAME + 8: 3}), association()
    answers = converse(made.ask_list([HIDDEN, ENERGY, ENERGY._replace(class_id=4), POWER]), meter)
    assert meter.asked == [LIST, "2008", "FC08"]
    assert answers[1] == (int(Tag.DOUBLE_LONG_UNSIGNED), 12)
    assert [getattr(answer, "result", None) for answer in answers] == [4, None, 9, 3]


def test_a_stop_begins_no_exchange():
    meter, made = NamedMeter(), association(is_ending=True)
    for question in (made.ask(ENERGY), made.ask_list([ENERGY])):
        with pytest.raises(PollCut):
            converse(question, meter)
    assert meter.asked == []


def test_a_list_that_is_no_answer_is_no_list():
    meter = NamedMeter({OBJECT_LIST: Raw(bytes.fromhex("C401C10000"))})
    with pytest.raises(RemoteProtocolError):
        ask(association(), meter)


def test_a_value_that_has_another_form_is_its_own_trouble():
    meter = NamedMeter({ENERGY_NAME + 8: octets(b"12")[:-1]})
    made = association()
    assert refused(made, meter).result is None
    assert ask(made, meter, POWER) == 34


def test_what_only_a_newer_version_has_is_not_asked_for_there_begins_another_object():
    setup = descriptor(64, "0.0.43.0.0.255", 5)
    meter = NamedMeter({OBJECT_LIST: array([element(0x3000, setup)]), 0x3020: octets(b"METER001"), 0x3028: unsigned(7)})
    made = association()
    answers = converse(made.ask_list([setup, setup._replace(attribute=6)]), meter)
    assert meter.asked == [LIST, "3020"]
    assert answers[0] == (int(Tag.OCTET_STRING), b"METER001")
    assert str(answers[1]) == "version 0 of class 64 has no attribute 6: its short name is another one's"
