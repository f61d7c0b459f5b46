import pytest

from secured_client import AUTHENTICATION, BOTH, CLIENT_TITLE, ENCRYPTION, METER_TITLE, SecuredClient, demanding
from simulator_client import NOON, descriptor, values
from telegraf_dlms.apdu import encode_get
from telegraf_dlms.simulator import objects
from telegraf_dlms.simulator.buffers import Moment, SecuritySetup
from telegraf_dlms.simulator.security_objects import INVOCATION_COUNTER, SECURITY_SETUP, security_objects

OBJECTS = {each.logical_name: each for each in security_objects()}
SETUP, COUNTER = (64, "0.0.43.0.0.255"), (1, "0.0.43.1.0.255")


def read(class_id, code, attribute=2, **moment):
    return values(objects.read(OBJECTS, descriptor(class_id, code, attribute), Moment(NOON, 1, **moment)))


@pytest.mark.parametrize(("protection", "policy"), [(0, 0), (AUTHENTICATION, 0x24), (ENCRYPTION, 0x48), (BOTH, 0x6C)])
def test_the_policy_holds_for_requests_and_responses(protection, policy):
    assert read(*SETUP, 2, security=SecuritySetup(protection)) == policy


def test_suite_and_titles_are_those_of_the_association():
    setup = SecuritySetup(BOTH, 2, CLIENT_TITLE, METER_TITLE)

    assert [read(*SETUP, attribute, security=setup) for attribute in (3, 4, 5, 6)] == [2, CLIENT_TITLE, METER_TITLE, []]


def test_the_counter_is_the_last_one_that_was_used():
    assert read(*COUNTER, counter=0xFFFF_FFFF) == 0xFFFF_FFFF
    assert set(OBJECTS) == {SECURITY_SETUP, INVOCATION_COUNTER}


def test_over_the_wire_they_tell_how_this_meter_is_secured():
    client = SecuredClient(demanding("high_gmac", protection=BOTH, suite=1, initial_counter=99), counter=150).come_in()

    def ask(class_id, code, attribute):
        return values(client.ask(encode_get(0xC1, descriptor(class_id, code, attribute)))[4:])

    assert [ask(*SETUP, attribute) for attribute in (2, 3, 4, 5)] == [0x6C, 1, CLIENT_TITLE, METER_TITLE]
    assert ask(*COUNTER, 2) == client.counter - 1
    assert ask(15, "0.0.40.0.0.255", 4) == bytes.fromhex("60857405080103")
    assert ask(15, "0.0.40.0.0.255", 6) == bytes.fromhex("60857405080205")


def test_the_public_client_reads_the_counter_and_not_the_setup():
    demands = demanding("high_gmac", protection=BOTH, initial_counter=99)
    public = SecuredClient(demands, client=16, protection=0, security="none").come_in()

    assert public.ask(encode_get(0xC1, descriptor(*COUNTER))) == bytes.fromhex("C401C1 00 06 00000063")
    assert public.ask(encode_get(0xC1, descriptor(*SETUP))) == bytes.fromhex("C401C1 01 04")
