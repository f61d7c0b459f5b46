"""What is said of troubles: each once, one line when it is over."""

from __future__ import annotations

import pytest

from scripted_meter import SaidLog, descriptor
from telegraf_dlms.errors import AssociationError, CipheringError, DataRefused, LinkError, MappingError, Silence
from telegraf_dlms.log import Changes
from telegraf_dlms.troubles import Troubles

ENERGY = descriptor(3, "1.0.1.8.0.255")
SCALER = descriptor(3, "1.0.1.8.0.255", 3)
PLACE = ("energy", "active_import")
REFUSED = DataRefused(4)
WRONG_PASSWORD = AssociationError("the association was refused: authentication-failure (13)", authentication=True)


@pytest.fixture
def log():
    return SaidLog()


@pytest.fixture
def troubles(log):
    return Troubles("feeder-1", Changes(log))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        pytest.param(Silence("no answer within 5 s"), "W feeder-1: no answer within 5 s", id="silence"),
        pytest.param(LinkError("closed"), "W feeder-1: closed", id="a lost link"),
        pytest.param(
            AssociationError("the association was refused: rejected-transient (2)"),
            "W feeder-1: the association was refused: rejected-transient (2)",
            id="a refused association",
        ),
        pytest.param(
            WRONG_PASSWORD,
            "E feeder-1: the association was refused: authentication-failure (13): not tried again for an hour, "
            "lest the meter locks",
            id="a refused secret",
        ),
        pytest.param(CipheringError("the tag is wrong"), "E feeder-1: the tag is wrong", id="ciphering"),
    ],
)
def test_a_device_that_is_down_is_said_once_and_once_when_it_is_back(troubles, log, error, said):
    troubles.device(error)
    troubles.device(error)
    troubles.device_is_back()
    troubles.device_is_back()
    assert log.all == [said, f"D{said[1:]}", "I feeder-1: is read again"]


def test_a_refusal_before_the_start_is_said_with_its_end_and_with_what_ends_it(troubles, log):
    troubles.locked(1_767_272_850_999_999_999)
    troubles.device_is_back()
    ends = 'not tried again before 2026-01-01T13:07:30Z, or until "telegraf-dlms unlock feeder-1"'
    refused = f"W feeder-1: its password or key was refused before this start: {ends}"
    assert log.all == [refused, "I feeder-1: is read again"]
    Troubles("my meter", Changes(log)).locked(0)
    assert log.all[-1].endswith("until \"telegraf-dlms unlock 'my meter'\"")


def test_what_becomes_worse_is_said_again(troubles, log):
    troubles.device(LinkError("closed"))
    troubles.device(WRONG_PASSWORD)
    troubles.device(LinkError("closed"))
    assert [line[0] for line in log.all] == ["W", "E", "D"]


def test_what_a_retry_may_mend_is_only_for_debugging(troubles, log):
    troubles.passing(Silence("no answer within 5 s"))
    troubles.passing(Silence("no answer within 5 s"))
    assert log.all == ["D feeder-1: no answer within 5 s: trying again"] * 2


def test_a_refusal_names_device_value_attribute_and_reason(troubles, log):
    troubles.refused(PLACE, ENERGY, REFUSED)
    assert log.all == ["W feeder-1 energy/active_import: 1.0.1.8.0.255/2: object-undefined (4)"]


def test_what_occurs_often_in_one_buffer_is_one_line(troubles, log):
    troubles.refused(PLACE, ENERGY, MappingError("nan cannot be a field"), times=96)
    assert log.all == [
        "W feeder-1 energy/active_import: 1.0.1.8.0.255/2: nan cannot be a field (96 times)",
    ]


def test_each_refused_attribute_of_each_value_is_said_once(troubles, log):
    other = ("power", "active_import")
    for _ in range(3):
        troubles.refused(PLACE, ENERGY, REFUSED)
        troubles.refused(PLACE, SCALER, REFUSED)
        troubles.refused(other, ENERGY, REFUSED)
    assert len(log.above_debug) == 3
    assert set(troubles.places) == {PLACE, other}


def test_attributes_that_are_refused_no_more_are_said_to_be_read_again(troubles, log):
    troubles.refused(PLACE, ENERGY, REFUSED)
    troubles.refused(PLACE, SCALER, REFUSED)
    log.all.clear()
    troubles.accepted(PLACE, {SCALER})
    assert log.all == ["I feeder-1 energy/active_import: 1.0.1.8.0.255/2: is read again"]
    assert list(troubles.places) == [PLACE]
    troubles.accepted(PLACE, set())
    troubles.accepted(PLACE, set())
    assert log.all[1:] == ["I feeder-1 energy/active_import: 1.0.1.8.0.255/3: is read again"]
    assert list(troubles.places) == []


def test_a_value_that_was_never_refused_is_not_said_to_be_read_again(troubles, log):
    troubles.accepted(PLACE, set())
    assert log.all == []


def test_what_was_over_is_said_when_it_comes_back(troubles, log):
    for _ in range(2):
        troubles.refused(PLACE, ENERGY, REFUSED)
        troubles.accepted(PLACE, set())
    assert [line[0] for line in log.all] == ["W", "I", "W", "I"]


def test_a_remark_is_made_once_for_each_device_and_matter(troubles, log):
    for _ in range(3):
        troubles.once("nulls", "energy/load_profile: null cells")
    troubles.once("zone", "no deviation")
    assert log.above_debug == ["I feeder-1: energy/load_profile: null cells", "I feeder-1: no deviation"]


def test_a_wrong_clock_is_said_once_for_each_cause_and_when_it_is_right_again(troubles, log):
    late, inverted = ("drift", "its clock is 400 s behind ours"), ("deviation", "its clock is 7200 s ahead of ours")
    right = ("", "")
    for said in (right, late, late, inverted, inverted, late, right, right, late):
        troubles.clock(*said)
    assert log.above_debug == [
        "W feeder-1: its clock is 400 s behind ours",
        "W feeder-1: its clock is 7200 s ahead of ours",
        "W feeder-1: its clock is 400 s behind ours",
        "I feeder-1: its clock is right again",
        "W feeder-1: its clock is 400 s behind ours",
    ]


def test_few_counters_of_a_key_are_left_twice(troubles, log):
    for number in (None, 0, 1_999_999_999, 2_000_000_000, 2_000_000_001, 3_999_999_999, 4_000_000_000, 4_294_967_294):
        troubles.counter_used(number)
    left = "it has to be changed before 4294967295"
    assert log.above_debug == [
        f"W feeder-1: its key was used with invocation counter 2000000000: {left}",
        f"W feeder-1: its key was used with invocation counter 4000000000: {left}",
    ]


def test_a_key_that_was_used_much_before_the_start_is_said_once(troubles, log):
    troubles.counter_used(4_000_000_001)
    troubles.counter_used(4_000_000_002)
    assert [line[0] for line in log.all] == ["W", "D"]


def test_another_meter_is_said_once_until_one_stays(troubles, log):
    for former, now in (("A1", "B2"), ("B2", "A1"), ("A1", "B2")):
        troubles.another_meter(former, now)
    troubles.same_meter()
    troubles.another_meter("B2", "")
    assert log.above_debug == [
        "W feeder-1: the meter was A1, and is B2 now: another one, of which nothing is known",
        "W feeder-1: the meter was B2, and does not say any more which it is: another one, of which nothing is known",
    ]


def test_a_trouble_goes_on_in_words_where_the_device_is_asked_otherwise(troubles, log):
    troubles.device(WRONG_PASSWORD)
    troubles.renew()
    troubles.device(WRONG_PASSWORD)
    troubles.device(WRONG_PASSWORD)
    assert [line[:1] for line in log.all] == ["E", "E", "D"]


def test_of_a_device_that_is_not_read_any_more_nothing_is_over_and_all_is_said_again(troubles, log):
    for _ in range(2):
        troubles.device(Silence("no answer within 5 s"))
        troubles.refused(PLACE, ENERGY, REFUSED)
        troubles.clock("drift", "its clock is wrong")
        troubles.another_meter("one", "two")
        troubles.forget()
    troubles.device_is_back()
    troubles.accepted(PLACE, set())
    assert [line[:1] for line in log.all] == ["W"] * 8
