"""What is said to one meter: to associate, to read values, to release."""

from __future__ import annotations

import pytest

from hdlc_frames import SNRM, UA, answer, framing, request
from scripted_meter import (
    NOT_ALLOWED,
    UNKNOWN,
    Apdus,
    ScriptedMeter,
    association,
    converse,
    descriptor,
    octets,
    scaler_unit,
    unsigned,
)
from simulator_client import AARE, NOON
from simulator_client import drive as drive_server
from talking import drive
from telegraf_dlms.access import Access, Conformance
from telegraf_dlms.association import aarq, initiate_request, rlrq
from telegraf_dlms.axdr import Tag, encode, structure
from telegraf_dlms.conversation import Memory, Reading, ReadRequest, read_values, release, scaler_unit_of
from telegraf_dlms.cosem import ScalerUnit
from telegraf_dlms.errors import (
    AssociationError,
    DataRefused,
    LinkError,
    PollCut,
    ServiceRefused,
    Silence,
)
from telegraf_dlms.get import InvokeIds
from telegraf_dlms.handshake import associate
from telegraf_dlms.simulator import Access as ServerAccess
from telegraf_dlms.simulator import ServerAddress
from telegraf_dlms.simulator.server import Session
from telegraf_dlms.simulator.wrapper_server import WrapperServer
from telegraf_dlms.wrapper import WrapperFraming

NO_SECURITY = Access("none", b"", 65535)
ENERGY, ENERGY_UNIT = descriptor(3, "1.0.1.8.0.255"), descriptor(3, "1.0.1.8.0.255", 3)
POWER, POWER_UNIT = descriptor(3, "1.0.1.7.0.255"), descriptor(3, "1.0.1.7.0.255", 3)
SERIAL = descriptor(1, "0.0.96.1.0.255")
MAXIMUM, MAXIMUM_UNIT, MAXIMUM_STATUS, MAXIMUM_TIME = (
    descriptor(4, "1.0.1.6.0.255", number) for number in (2, 3, 4, 5)
)


def asks(*attributes, scaler=None, named=False):
    return ReadRequest(attributes, scaler, named)


ENERGY_REQUEST = asks(ENERGY, scaler=ENERGY_UNIT)
MAXIMUM_REQUEST = asks(MAXIMUM, MAXIMUM_STATUS, MAXIMUM_TIME, scaler=MAXIMUM_UNIT)


def meter(**changes):
    attributes = {
        ENERGY: unsigned(12345),
        ENERGY_UNIT: scaler_unit(-1, 30),
        POWER: unsigned(700),
        POWER_UNIT: scaler_unit(0, 27),
        SERIAL: octets(b"A1"),
        MAXIMUM: unsigned(4000),
        MAXIMUM_UNIT: scaler_unit(0, 27),
        MAXIMUM_TIME: octets(bytes(12)),
    }
    return ScriptedMeter(attributes | changes.pop("but", {}))


def read(source, *requests, memory=None, into=None, inside=None):
    """Return the readings of a poll."""
    readings = [] if into is None else into
    converse(read_values(inside or association(), requests, memory or Memory(), into=readings), source)
    return readings


def refusals(reading):
    return {refused.attribute: str(refusal) for refused, refusal in reading.refusals}


# Associating.


def test_an_association_over_the_wrapper_is_one_exchange():
    link = WrapperFraming(client=16, server=1)
    reads = b"\x00\x01\x00\x01\x00\x10" + len(AARE).to_bytes(2, "big") + AARE
    opened_, sent = drive(associate(link, NO_SECURITY), reads)
    assert sent == [b"\x00\x01\x00\x10\x00\x01\x00\x1f" + aarq(NO_SECURITY, initiate=initiate_request(NO_SECURITY))]
    assert sent[0][8:].hex() == "601da109060760857405080101be10040e01000000065f1f0400005214ffff"
    assert opened_.framing is link
    assert opened_.negotiated.max_pdu_size == 1024
    assert Conformance.GET in opened_.negotiated.conformance
    assert not opened_.is_doubtful


def test_an_association_over_hdlc_begins_with_the_data_link():
    link = framing()
    _, sent = drive(associate(link, NO_SECURITY), UA, answer(0, 1, AARE))
    assert sent == [SNRM, request(0, 0, aarq(NO_SECURITY, initiate=initiate_request(NO_SECURITY)))]


def test_invoke_ids_go_on_from_one_association_to_the_next():
    invoke_ids, asked = InvokeIds(), []
    for number in (1, 2):
        made, _ = drive(associate(Apdus(), NO_SECURITY, invoke_ids=invoke_ids), AARE)
        _, (apdu,) = drive(made.ask(SERIAL), bytes.fromhex(f"c401c{number}001105"))
        asked.append(apdu[2])
    assert asked == [0xC1, 0xC2]


def test_an_association_that_is_ending_asks_nothing_more():
    ending = association(is_ending=True)
    with pytest.raises(PollCut):
        drive(ending.ask(SERIAL))


def test_a_refused_association_says_why():
    rejection = bytes.fromhex("6117a109060760857405080101a203020101a305a10302010d")
    with pytest.raises(AssociationError, match=r"authentication-failure \(13\)") as caught:
        drive(associate(Apdus(), Access("low", b"wrong", 65535)), rejection)
    assert caught.value.authentication


def test_a_dead_meter_is_silent_and_no_more_is_said():
    with pytest.raises(Silence):
        drive(associate(framing(), NO_SECURITY), Silence())


# Reading.


def test_a_register_is_its_value_and_its_scaler_unit_as_octets():
    reads = [bytes.fromhex("c401c1 00 06 00003039"), bytes.fromhex("c401c2 00 0202 0fff 161e")]
    readings = []
    _, sent = drive(read_values(association(), [ENERGY_REQUEST], Memory(), into=readings), *reads)
    assert [apdu.hex() for apdu in sent] == ["c001c100030100010800ff0200", "c001c200030100010800ff0300"]
    assert readings == [Reading(values=[(2, 12345)], scaler_unit=ScalerUnit(-1, 30))]


def test_a_scaler_unit_is_asked_for_once_whoever_wants_it():
    source, memory = meter(), Memory()
    named = asks(ENERGY, scaler=ENERGY_UNIT, named=True)
    first, second = read(source, ENERGY_REQUEST, named, memory=memory)
    assert source.take_asked() == ["1.0.1.8.0.255/2", "1.0.1.8.0.255/3"]
    assert first.scaler_unit == second.scaler_unit == ScalerUnit(-1, 30)
    (third,) = read(source, ENERGY_REQUEST, memory=memory)
    assert source.take_asked() == ["1.0.1.8.0.255/2"]
    assert third.scaler_unit == ScalerUnit(-1, 30)


def test_what_is_forgotten_is_asked_again():
    source, memory = meter(), Memory()
    read(source, ENERGY_REQUEST, memory=memory)
    memory.forget()
    assert memory == Memory()
    source.take_asked()
    read(source, ENERGY_REQUEST, memory=memory)
    assert source.take_asked() == ["1.0.1.8.0.255/2", "1.0.1.8.0.255/3"]


def test_a_scaler_unit_is_asked_for_again_where_the_type_of_what_it_scales_changes():
    source, memory = meter(), Memory()
    for value, scaler, asked in [
        (unsigned(5), scaler_unit(-1, 30), "23"),
        (encode(Tag.NULL_DATA), scaler_unit(-1, 30), "2"),
        (unsigned(6), scaler_unit(-1, 30), "2"),
        (encode(Tag.LONG64, 5000), scaler_unit(-3, 27), "23"),
        (encode(Tag.LONG64, 6000), scaler_unit(-3, 27), "2"),
    ]:
        source.attributes |= {ENERGY: value, ENERGY_UNIT: scaler}
        (reading,) = read(source, ENERGY_REQUEST, memory=memory)
        assert "".join(attribute[-1] for attribute in source.take_asked()) == asked
    assert (reading.values, reading.scaler_unit) == ([(2, 6000)], ScalerUnit(-3, 27))


def test_a_value_whose_scaling_is_configured_asks_for_no_scaler_unit():
    source = meter(but={ENERGY_UNIT: 3})
    assert read(source, asks(ENERGY)) == [Reading(values=[(2, 12345)])]
    assert source.asked == ["1.0.1.8.0.255/2"]


@pytest.mark.parametrize(
    ("there", "reason"),
    [
        pytest.param(3, r"read-write-denied (3)", id="refused"),
        pytest.param(encode(Tag.NULL_DATA), "the scaler_unit is None, not a structure", id="null"),
        pytest.param(unsigned(5), "the scaler_unit is 5, not a structure", id="a number"),
        pytest.param(structure(unsigned(1)), "the scaler_unit is (1,), not", id="half of it"),
        pytest.param(scaler_unit(0, 27) + b"\x00", "left over", id="more than it"),
        pytest.param(structure(octets(b"\xff"), encode(Tag.ENUM, 27)), "not a structure of a", id="octets"),
        pytest.param(structure(unsigned(128), encode(Tag.ENUM, 27)), "(128, 27), not", id="a scaler beyond int8"),
        pytest.param(structure(unsigned(1), unsigned(256)), "(1, 256), not", id="a unit beyond an enum"),
    ],
)
def test_a_scaler_unit_that_is_none_is_noted_and_leaves_the_others_alone(there, reason):
    source, memory = meter(but={ENERGY_UNIT: there}), Memory()
    energy, power = read(source, ENERGY_REQUEST, asks(POWER, scaler=POWER_UNIT), memory=memory)
    assert (energy.values, energy.scaler_unit, energy.refusals) == ([(2, 12345)], None, [])
    assert reason in str(energy.scaler_refusal)
    assert power == Reading(values=[(2, 700)], scaler_unit=ScalerUnit(0, 27))
    assert memory.scalers == {POWER_UNIT: ScalerUnit(0, 27)}


def test_a_scaler_unit_that_was_refused_is_asked_for_at_each_poll():
    source, memory = meter(but={ENERGY_UNIT: 2}), Memory()
    read(source, ENERGY_REQUEST, memory=memory)
    source.attributes[ENERGY_UNIT] = scaler_unit(-1, 30)
    (reading,) = read(source, ENERGY_REQUEST, memory=memory)
    assert (reading.scaler_unit, reading.scaler_refusal) == (ScalerUnit(-1, 30), None)


def test_a_scaler_unit_is_returned_or_refused_by_itself():
    memory = Memory()
    assert converse(scaler_unit_of(association(), ENERGY_UNIT, memory), meter()) == ScalerUnit(-1, 30)
    assert converse(scaler_unit_of(association(), ENERGY_UNIT, memory), None) == ScalerUnit(-1, 30)
    with pytest.raises(DataRefused, match="object-undefined"):
        converse(scaler_unit_of(association(), descriptor(3, "1.1.1.1.1.1", 3), memory), meter())


# Refusals.


@pytest.mark.parametrize(
    ("refused", "reason"),
    [
        pytest.param(4, "object-undefined (4)", id="a data-access-result"),
        pytest.param(NOT_ALLOWED, "exception-response: service-not-allowed (1)", id="an exception-response"),
        pytest.param(UNKNOWN, "exception-response: service-unknown (2)", id="a service that is unknown"),
        pytest.param(b"\x06\x00", "cut off", id="a broken value"),
    ],
)
def test_a_refused_value_leaves_the_others_alone(refused, reason):
    source = meter(but={ENERGY: refused})
    energy, serial = read(source, ENERGY_REQUEST, asks(SERIAL))
    assert energy.values == []
    assert reason in refusals(energy)[2]
    assert source.asked == ["1.0.1.8.0.255/2", "0.0.96.1.0.255/2"]  # no scaler_unit where there is nothing to scale
    assert serial == Reading(values=[(2, b"A1")])


def test_a_default_attribute_that_is_refused_is_not_counted_and_not_asked_again_that_day():
    source, memory = meter(), Memory()
    (reading,) = read(source, MAXIMUM_REQUEST, memory=memory)
    assert reading.values == [(2, 4000), (5, bytes(12))]
    assert reading.refusals == []
    assert source.take_asked() == [f"1.0.1.6.0.255/{number}" for number in (2, 4, 5, 3)]
    assert read(source, MAXIMUM_REQUEST, memory=memory) == [reading]
    assert source.take_asked() == ["1.0.1.6.0.255/2", "1.0.1.6.0.255/5"]
    memory.forget()
    read(source, MAXIMUM_REQUEST, memory=memory)
    assert "1.0.1.6.0.255/4" in source.take_asked()


def test_an_object_that_gives_nothing_is_asked_at_each_poll_and_each_refusal_counts():
    source, memory = meter(but=dict.fromkeys([MAXIMUM, MAXIMUM_TIME], 11)), Memory()
    for _ in range(2):
        (reading,) = read(source, MAXIMUM_REQUEST, memory=memory)
        assert list(refusals(reading)) == [2, 4, 5]
        assert source.take_asked() == [f"1.0.1.6.0.255/{number}" for number in (2, 4, 5)]
    assert memory.refused == set()


def test_an_object_that_gives_nothing_any_more_counts_what_it_is_still_asked():
    source, memory = meter(), Memory()
    read(source, MAXIMUM_REQUEST, memory=memory)
    source.attributes.update(dict.fromkeys([MAXIMUM, MAXIMUM_TIME], 11))
    (reading,) = read(source, MAXIMUM_REQUEST, memory=memory)
    assert list(refusals(reading)) == [2, 5]


def test_null_data_is_a_value_and_not_a_refusal():
    source, memory = meter(but={MAXIMUM: encode(Tag.NULL_DATA), MAXIMUM_TIME: 3}), Memory()
    (reading,) = read(source, MAXIMUM_REQUEST, memory=memory)
    assert (reading.values, reading.refusals) == ([(2, None)], [])
    assert memory.refused == {MAXIMUM_STATUS, MAXIMUM_TIME}


def test_each_refusal_of_a_named_attribute_counts_and_it_is_asked_at_each_poll():
    source, memory = meter(), Memory()
    named = asks(MAXIMUM, MAXIMUM_STATUS, named=True)
    for _ in range(2):
        (reading,) = read(source, named, memory=memory)
        assert reading.values == [(2, 4000)]
        assert refusals(reading) == {4: "object-undefined (4)"}
        assert source.take_asked() == ["1.0.1.6.0.255/2", "1.0.1.6.0.255/4"]


def test_an_attribute_that_is_named_is_asked_although_another_value_gave_it_up_as_a_default():
    source, memory = meter(), Memory()
    default, named = read(source, MAXIMUM_REQUEST, asks(MAXIMUM_STATUS, named=True), memory=memory)
    assert default.refusals == []
    assert refusals(named) == {4: "object-undefined (4)"}


# Associations that end.


def test_a_lost_association_keeps_what_was_read_and_the_next_goes_on_behind_it():
    source, memory, readings = meter(but={POWER: LinkError("closed")}), Memory(), []
    requests = [ENERGY_REQUEST, asks(POWER, scaler=POWER_UNIT), asks(SERIAL)]
    with pytest.raises(LinkError, match="closed"):
        read(source, *requests, memory=memory, into=readings)
    assert readings == [Reading(values=[(2, 12345)], scaler_unit=ScalerUnit(-1, 30))]
    source.attributes[POWER] = unsigned(700)
    source.take_asked()
    read(source, *requests, memory=memory, into=readings)
    assert source.take_asked() == ["1.0.1.7.0.255/2", "1.0.1.7.0.255/3", "0.0.96.1.0.255/2"]
    assert [reading.values for reading in readings] == [[(2, 12345)], [(2, 700)], [(2, b"A1")]]


def test_an_object_half_read_is_read_again_as_a_whole():
    source, memory, readings = meter(but={MAXIMUM_TIME: Silence("no answer")}), Memory(), []
    with pytest.raises(Silence):
        read(source, MAXIMUM_REQUEST, memory=memory, into=readings)
    assert readings == []
    assert memory.refused == set()


def test_nothing_is_asked_where_all_was_read_already():
    source, done = meter(), [Reading()]
    assert read(source, ENERGY_REQUEST, into=done) == [Reading()]
    assert source.asked == []


def test_a_kept_association_that_the_meter_has_given_up_is_a_lost_link():
    kept = association(is_doubtful=True)
    with pytest.raises(LinkError, match="given up the association: exception-response: service-not-allowed") as caught:
        read(meter(but={SERIAL: NOT_ALLOWED}), asks(SERIAL), inside=kept)
    assert not isinstance(caught.value, Silence)
    assert kept.is_doubtful


@pytest.mark.parametrize("error", [LinkError("closed by the meter"), Silence("no answer within 5 s")], ids=repr)
def test_a_kept_association_on_a_dead_link_stays_in_doubt(error):
    kept = association(is_doubtful=True)
    with pytest.raises(LinkError):
        read(meter(but={SERIAL: error}), asks(SERIAL), inside=kept)
    assert kept.is_doubtful


@pytest.mark.parametrize("first", [octets(b"A1"), 4], ids=["a value", "a refusal"])
def test_a_kept_association_that_answered_is_there_and_an_exception_is_a_refusal(first):
    kept = association(is_doubtful=True)
    serial, energy = read(meter(but={SERIAL: first, ENERGY: NOT_ALLOWED}), asks(SERIAL), asks(ENERGY), inside=kept)
    assert bool(serial.values) != bool(serial.refusals)
    assert "service-not-allowed" in refusals(energy)[2]
    assert not kept.is_doubtful


def test_in_a_new_association_an_exception_is_a_refusal():
    with pytest.raises(ServiceRefused, match="service-not-allowed") as caught:
        converse(association().ask(SERIAL), meter(but={SERIAL: NOT_ALLOWED}))
    assert caught.value.state == 1


def test_each_question_of_an_association_has_the_next_invoke_id():
    kept = association()
    for invoke in ("c1", "c2"):
        value, sent = drive(kept.ask(SERIAL), bytes.fromhex(f"c401{invoke}001105"))
        assert (value, sent) == (5, [bytes.fromhex(f"c001{invoke}00010000600100ff0200")])


# With the built-in meter.


@pytest.mark.parametrize("piece", [None, 1], ids=["whole", "octet by octet"])
def test_a_poll_of_the_built_in_meter_from_the_first_octet_to_the_last(piece):
    access = ServerAccess("low", b"12345678")
    server = WrapperServer(ServerAddress(), lambda _, client: Session(0, client, access=access, clock=lambda: NOON))

    def poll():
        link = WrapperFraming(client=16, server=1)
        made = yield from associate(link, Access("low", b"12345678", 65535))
        readings = []
        yield from read_values(made, [ENERGY_REQUEST, asks(SERIAL), asks(MAXIMUM, named=True)], Memory(), into=readings)
        yield from release(link, request=rlrq())
        return link.exchanges, readings

    exchanges, (energy, serial, maximum) = drive_server(poll(), server.receive, piece=piece)
    assert exchanges == 3  # AARQ, one list, RLRQ
    assert energy.scaler_unit == ScalerUnit(-1, 30)
    assert energy.values[0][1] > 0
    assert serial.values == [(2, b"10000000")]
    assert not maximum.refusals
