import random

import pytest
from gurux_dlms import GXReplyData
from gurux_dlms.enums import Authentication, InterfaceType
from gurux_dlms.secure import GXDLMSSecureClient

from scripted_meter import Apdus
from simulator_client import AARQ, NOON, SHORT_NAMES, Clock, aarq_sn, descriptor, session, values
from telegraf_dlms.apdu import encode_get, entry_selection, range_selection
from telegraf_dlms.axdr import Tag, encode
from telegraf_dlms.cosem import CaptureObject
from telegraf_dlms.errors import DataRefused
from telegraf_dlms.obis import parse_obis
from telegraf_dlms.read import read, read_list
from telegraf_dlms.short_names import OBJECT_LIST, attribute_name, parse_object_list
from telegraf_dlms.simulator import household, local_time, meter, sn_objects
from telegraf_dlms.simulator.buffers import Moment
from telegraf_dlms.simulator.negotiated import MALFORMED, NOT_SUPPORTED
from telegraf_dlms.simulator.server import Access, Session
from telegraf_dlms.sn_apdu import (
    ReadBlock,
    Variable,
    encode_read,
    encode_read_next,
    encode_read_response,
    parse_read_response,
)

CLOCK, LOAD = parse_obis("0.0.1.0.0.255"), descriptor(7, "1.0.99.1.0.255")
NO_VARIABLE = 0x0008


def name(code, attribute=2):
    return attribute_name(sn_objects.BASE_NAMES[parse_obis(code)], attribute)


IMPORT, NUMBER, ROWS = name("1.0.1.8.0.255"), name("0.0.96.1.0.255"), name("1.0.99.1.0.255")


def associated(*, clock=None, **offered):
    return session(access=SHORT_NAMES, request=aarq_sn(**offered), clock=clock)


def ask(asked, *variables):
    return asked.answer(
        encode_read([variable if isinstance(variable, Variable) else Variable(variable) for variable in variables])
    )


def converse(asked, conversation):
    """Run a conversation of the client against a session."""
    try:
        request = next(conversation)
        while True:
            request = conversation.send(asked.answer(request))
    except StopIteration as end:
        return end.value


def test_a_register_is_read_by_the_octet():
    value = household.energy("import", NOON, meter=1).to_bytes(4, "big")

    assert ask(associated(), IMPORT) == bytes.fromhex("0C01 00 06") + value


def test_a_list_is_answered_item_by_item():
    value = household.energy("import", NOON, meter=1).to_bytes(4, "big")

    assert ask(associated(), IMPORT, NO_VARIABLE, NUMBER) == (
        bytes.fromhex("0C03 00 06") + value + bytes.fromhex("01 04 00 09 08") + b"10000001"
    )


@pytest.mark.parametrize(
    ("asked", "result"),
    [
        pytest.param(NO_VARIABLE, 4, id="no object"),
        pytest.param(IMPORT + 1, 4, id="between two attributes"),
        pytest.param(name("1.0.1.8.0.255", 4), 4, id="an attribute that the object does not have"),
        pytest.param(Variable(IMPORT, entry_selection(1, 1)), 12, id="a selection of a register"),
        pytest.param(Variable(ROWS, entry_selection(0, 1)), 12, id="a selection of row 0"),
    ],
)
def test_a_refusal_is_a_data_access_result(asked, result):
    assert ask(associated(), asked) == bytes((0x0C, 1, 1, result))


@pytest.mark.parametrize("attribute", [1, 2, 3])
def test_every_attribute_has_its_name(attribute):
    asked = descriptor(3, "1.0.1.8.0.255", attribute)
    answer = ask(associated(), name("1.0.1.8.0.255", attribute))

    assert answer[3:] == meter.read(asked, Moment(NOON, 1))


def test_the_object_list_leads_to_every_value():
    asked = associated()
    listed = parse_object_list(converse(asked, read(Apdus(), OBJECT_LIST)))
    entry = listed[3, parse_obis("1.0.1.8.0.255")]
    value = converse(asked, read(Apdus(), attribute_name(entry.base_name, 2)))

    assert value == household.energy("import", NOON, meter=1)


def test_rows_are_selected_by_entry():
    rows = converse(associated(), read(Apdus(), ROWS, selection=entry_selection(5759, 5760)))

    assert rows == values(meter.read(LOAD, Moment(NOON, 1), entry_selection(5759, 5760)))
    assert len(rows) == 2


def test_rows_are_selected_by_range():
    start, end = (encode(Tag.OCTET_STRING, local_time.date_time(NOON - ago)) for ago in (3600, 0))
    selection = range_selection(CaptureObject(8, CLOCK, 2, 0), start, end)

    assert len(converse(associated(), read(Apdus(), ROWS, selection=selection))) == 4


@pytest.mark.parametrize("size", [1, 64, 200, 1024])
def test_a_long_answer_goes_by_blocks_of_the_clients_size(size):
    asked = associated(max_pdu_size=size)
    first = ask(asked, Variable(ROWS, entry_selection(5661, 5760)))
    rows = converse(asked, read(Apdus(), ROWS, selection=entry_selection(5661, 5760)))

    assert max(size, 13) - 2 <= len(first) <= max(size, 13)
    assert rows == values(meter.read(LOAD, Moment(NOON, 1), entry_selection(5661, 5760)))


def test_blocks_hold_the_answer_behind_its_tag():
    whole = ask(associated(), IMPORT, NUMBER)
    answers = [parse_read_response(ask(asked := associated(max_pdu_size=15), IMPORT, NUMBER))]
    while not answers[-1].last:
        answers.append(parse_read_response(asked.answer(encode_read_next(answers[-1].number))))

    assert [answer.number for answer in answers] == [1, 2, 3]
    assert b"".join(answer.raw for answer in answers) == whole[1:]


def test_a_list_that_is_too_long_is_read_in_blocks():
    asked = associated(max_pdu_size=40)
    answers = converse(asked, read_list(Apdus(), [IMPORT, NO_VARIABLE, NUMBER] * 5))

    assert [answer.result if isinstance(answer, DataRefused) else answer[1] for answer in answers] == [
        household.energy("import", NOON, meter=1),
        4,
        b"10000001",
    ] * 5


def test_an_answer_in_blocks_is_of_the_moment_of_its_request():
    clock = Clock()
    asked = associated(clock=clock)
    conversation = read(Apdus(), ROWS)
    first = asked.answer(next(conversation))
    clock.now += 86400

    assert isinstance(parse_read_response(first), ReadBlock)
    assert asked.answer(conversation.send(first)) != first
    assert asked.answer(encode_read_next(3)) == bytes((0x0C, 1, 1, 19))


@pytest.mark.parametrize(
    ("requests", "result"),
    [
        pytest.param([encode_read_next(1)], 16, id="without a transfer"),
        pytest.param([encode_read([Variable(ROWS)]), encode_read_next(2)], 19, id="another number"),
        pytest.param(
            [encode_read([Variable(ROWS)]), encode_read_next(7), encode_read_next(1)], 16, id="after another number"
        ),
        pytest.param(
            [encode_read([Variable(ROWS)]), encode_read([Variable(NUMBER)]), encode_read_next(1)],
            16,
            id="after another request",
        ),
    ],
)
def test_a_block_that_is_not_due_is_refused(requests, result):
    asked = associated()
    answers = [asked.answer(request) for request in requests]

    assert answers[-1] == encode_read_response([result])


@pytest.mark.parametrize(
    ("conformance", "variables", "answer"),
    [
        pytest.param("000000", [IMPORT], NOT_SUPPORTED, id="READ"),
        pytest.param("100000", [IMPORT, NUMBER], NOT_SUPPORTED, id="multiple references"),
        pytest.param("100000", [ROWS], encode_read_response([250]), id="blocks: other-reason"),
        pytest.param(
            "100000", [Variable(ROWS, entry_selection(1, 1))], encode_read_response([13]), id="parameterized access"
        ),
    ],
)
def test_what_was_not_negotiated_is_not_done(conformance, variables, answer):
    assert ask(associated(conformance=conformance), *variables) == answer


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        pytest.param(encode_get(0xC1, LOAD), NOT_SUPPORTED, id="GET"),
        pytest.param(bytes.fromhex("060102 1234 01 1100"), NOT_SUPPORTED, id="WRITE"),
        pytest.param(bytes.fromhex("0501021234 00"), MALFORMED, id="more than a request"),
        pytest.param(bytes.fromhex("050102"), MALFORMED, id="half a request"),
    ],
)
def test_what_is_not_understood_is_an_exception_response(request_, answer):
    assert associated().answer(request_) == answer


def test_a_meter_of_logical_names_does_not_read():
    assert session(request=AARQ).answer(encode_read([Variable(IMPORT)])) == NOT_SUPPORTED


def test_no_mutated_request_goes_unanswered():
    dice = random.Random(1)
    requests = [encode_read([Variable(ROWS, entry_selection(1, 2)), Variable(IMPORT)]), encode_read_next(1)]
    asked = associated(max_pdu_size=100)
    for _ in range(3000):
        mutated = bytearray(dice.choice(requests))
        for _ in range(dice.randint(1, 3)):
            mutated[dice.randrange(len(mutated))] = dice.randrange(256)
        assert asked.answer(bytes(mutated[: dice.randint(1, len(mutated))]))


def test_for_the_public_client_there_are_few_objects():
    public = session(access=Access("low", b"12345678", "short_names"), request=aarq_sn())

    assert ask(public, name("0.0.42.0.0.255"), IMPORT)[-2:] == bytes((1, 4))
    assert ask(public, name("0.0.42.0.0.255"))[:3] == bytes.fromhex("0C0100")


class Gurux:
    """gurux-dlms's client in the association with a meter; lists of short names work where nothing is refused."""

    def __init__(self, access, *authentication):
        self.client = GXDLMSSecureClient(False, 16, 1, *authentication, InterfaceType.PDU)
        self.session = Session(1, 16, access=access, clock=Clock())
        self.client.parseAareResponse(self.ask(self.client.aarqRequest()).data)
        self.objects = self.client.parseObjects(self.ask(self.client.getObjectsRequest()).data, True)

    def ask(self, requests):
        reply = GXReplyData()
        for request in requests if isinstance(requests, list) else [requests]:
            self.client.getData(self.session.answer(bytes(request)), reply)
        return reply

    def read(self, target, attribute):
        return self.client.updateValue(target, attribute, self.ask(self.client.read(target, attribute)).value)


@pytest.fixture(
    params=[
        pytest.param((SHORT_NAMES, Authentication.NONE, None), id="none"),
        pytest.param((Access("low", b"12345678", "short_names"), Authentication.LOW, "12345678"), id="low"),
    ]
)
def gurux(request):
    return Gurux(*request.param)


def test_gurux_dlms_finds_every_object_of_a_class_that_it_has(gurux):
    found = {(parse_obis(there.logicalName), there.objectType): there.shortName for there in gurux.objects}

    assert found == {
        (there.logical_name, there.class_id): sn_objects.BASE_NAMES[there.logical_name]
        for there in sn_objects.OBJECTS.values()
        if there.class_id != 62
    }


def test_gurux_dlms_reads_registers_and_rows(gurux):
    register = gurux.objects.findByLN(3, "1.0.1.8.0.255")
    profile = gurux.objects.findByLN(7, "1.0.99.1.0.255")
    gurux.read(register, 3)
    gurux.read(profile, 3)
    rows = gurux.ask(gurux.client.readRowsByEntry(profile, 5759, 2)).value

    assert gurux.read(register, 2) == pytest.approx(household.energy("import", NOON, meter=1) / 10)
    assert [row[1:] for row in rows] == [
        list(row[1:]) for row in values(meter.read(LOAD, Moment(NOON, 1), entry_selection(5759, 5760)))
    ]


def test_gurux_dlms_reads_a_list(gurux):
    register = gurux.objects.findByLN(3, "1.0.1.8.0.255")
    number = gurux.objects.findByLN(1, "0.0.96.1.0.255")
    (requests,) = gurux.client.readList([(register, 2), (number, 2)])

    assert gurux.ask(requests).value == [household.energy("import", NOON, meter=1), b"10000001"]
