"""An association that tells what is read in it."""

from __future__ import annotations

import pytest

from scripted_meter import NOT_ALLOWED, ScriptedMeter, association, converse, descriptor, octets, scaler_unit, unsigned
from telegraf_dlms.attentive import attentive
from telegraf_dlms.conversation import Memory, ReadRequest, read_values
from telegraf_dlms.errors import DataRefused

ENERGY, ENERGY_UNIT = descriptor(3, "1.0.1.8.0.255"), descriptor(3, "1.0.1.8.0.255", 3)
SERIAL, NOWHERE = descriptor(1, "0.0.96.1.0.255"), descriptor(1, "0.0.96.9.0.255")


@pytest.fixture
def told():
    return []


@pytest.fixture
def meter():
    return ScriptedMeter({ENERGY: unsigned(5), ENERGY_UNIT: scaler_unit(0, 30), SERIAL: octets(b"A1")})


def listening(told):
    return attentive(association(), lambda wanted, answer: told.append((wanted, answer)))


def test_each_attribute_is_asked_for_alone_and_told_with_its_octets(told, meter):
    requests = [ReadRequest((ENERGY,), ENERGY_UNIT, named=False), ReadRequest((SERIAL,), None, named=True)]
    readings = []
    converse(read_values(listening(told), requests, Memory(), into=readings), meter)
    assert told == [(ENERGY, unsigned(5)), (ENERGY_UNIT, scaler_unit(0, 30)), (SERIAL, octets(b"A1"))]
    assert [reading.values for reading in readings] == [[(2, 5)], [(2, b"A1")]]
    assert meter.asked == ["1.0.1.8.0.255/2", "1.0.1.8.0.255/3", "0.0.96.1.0.255/2"]


def test_a_refusal_is_told_and_raised(told, meter):
    with pytest.raises(DataRefused, match="object-undefined"):
        converse(listening(told).ask(NOWHERE), meter)
    [(wanted, refusal)] = told
    assert (wanted, refusal.result) == (NOWHERE, 4)


def test_what_a_meter_says_of_its_association_stays_known(told, meter):
    known = association(is_doubtful=True)
    heard = attentive(known, lambda *_: None)
    assert (heard.framing, heard.invoke_ids, heard.is_doubtful) == (known.framing, known.invoke_ids, True)
    meter.attributes[ENERGY] = NOT_ALLOWED
    with pytest.raises(Exception, match="given up the association"):
        converse(heard.ask(ENERGY), meter)


def test_nobody_need_listen(meter):
    assert converse(attentive(association(), lambda *_: None).ask(SERIAL), meter) == b"A1"
