"""Who a meter is, as far as one device knows it: over a reload, and what it is asked for that."""

from __future__ import annotations

import pytest

from scripted_meter import SaidLog
from stations import connection, device, group, plan_of, serial_number, value
from telegraf_dlms.log import Changes
from telegraf_dlms.meter import Meter
from telegraf_dlms.metrics import PollResult
from telegraf_dlms.state import state_in_memory

NAME, NUMBER = bytes((0, 0, 42, 0, 0, 255)), bytes((0, 0, 96, 1, 0, 255))


def meter(*values, **settings):
    tables = connection(), device(**settings), group("g", *(values or [serial_number()]))
    return Meter(plan_of(*tables).meters[0], Changes(SaidLog()), state=state_in_memory())


@pytest.mark.parametrize(("settings", "identity"), [({"timeout": "7s"}, "A1"), ({"server_address": 2}, "")])
def test_who_it_is_is_known_after_a_reload_where_it_is_asked_as_before(settings, identity):
    former, it = meter(), meter(**settings)
    assert not former.identify("A1")
    it.adopt(former)
    assert it.identity == identity
    assert (it.identification is former.identification) is bool(identity)
    assert it.not_polled(PollResult.LOCKED).meter_id == identity


@pytest.mark.parametrize(
    ("values", "objects"),
    [
        pytest.param([value(short_name=0x2000)], [NAME], id="no object list is needed"),
        pytest.param([value(short_name=0x2000), serial_number()], [NAME, NUMBER], id="one is read anyway"),
    ],
)
def test_by_short_names_the_serial_number_is_asked_for_where_the_object_list_is_read_anyway(values, objects):
    it = meter(*values, logical_name_referencing=False)
    assert [each.logical_name for each in it.identity_objects()] == objects


def test_what_a_meter_does_not_have_is_not_asked_for_until_that_is_forgotten():
    it = meter()
    it.memory.nameless.add(it.identity_objects()[0])
    assert [each.logical_name for each in it.identity_objects()] == [NUMBER]
    it.recall(5)
    assert [each.logical_name for each in it.identity_objects()] == [NAME, NUMBER]
