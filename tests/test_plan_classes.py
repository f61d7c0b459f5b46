"""The configuration, compiled by what its classes are: unknown ones, compact data, and whose time is printed."""

from __future__ import annotations

import pytest

from stations import connection, device, group, plan_of, value
from telegraf_dlms.compact_conversation import CompactRequest


def value_of(**settings):
    (plan,) = plan_of(connection(), device(), group("g", value("x", obis="1-0:1.8.0", **settings))).meters
    return plan.groups[0].values[0]


@pytest.mark.parametrize(
    ("settings", "attributes", "probes"),
    [
        ({"class_id": 9000}, (2,), True),
        ({"class_id": "account"}, (2,), True),
        ({"class_id": 9000, "attributes": [4]}, (4,), False),
        ({"class_id": 3}, (2,), False),
    ],
)
def test_of_a_class_that_is_not_known_all_attributes_are_asked_for_unless_some_are_named(settings, attributes, probes):
    request = value_of(**settings).request
    assert tuple(descriptor.attribute for descriptor in request.attributes) == attributes
    assert request.probes is probes


@pytest.mark.parametrize(
    ("settings", "time"),
    [
        ({"class_id": 4, "timestamp": "meter"}, 5),
        ({"class_id": 5, "timestamp": "meter"}, 6),
        ({"class_id": 8, "timestamp": "meter"}, 2),
        ({"class_id": 47, "timestamp": "meter"}, 8),
        ({"class_id": 3, "timestamp": "meter"}, None),
        ({"class_id": 4}, None),
    ],
)
def test_the_attribute_whose_time_is_printed_is_wanted_only_where_that_is_configured(settings, time):
    request = value_of(**settings).request
    assert (request.time and request.time.attribute) == time
    assert request.time is None or request.time[:2] == request.attributes[0][:2]


@pytest.mark.parametrize(
    ("settings", "buffer", "attributes"),
    [
        ({}, True, None),
        ({"attributes": ["compact_buffer", "template_id"]}, True, (4,)),
        ({"attributes": ["capture_objects"]}, False, (3,)),
    ],
)
def test_the_buffer_of_compact_data_is_a_row_and_its_other_attributes_are_values(settings, buffer, attributes):
    plan = value_of(class_id="compact_data", **settings)
    assert (plan.buffer == CompactRequest(plan.logical_name)) is buffer
    assert (plan.request and tuple(descriptor.attribute for descriptor in plan.request.attributes)) == attributes
