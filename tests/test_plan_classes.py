"""The configuration, compiled by what its classes are: unknown ones, compact data, and whose time is printed."""

from __future__ import annotations

import pytest

from stations import connection, device, group, plan_of, value


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
    (plan,) = plan_of(connection(), device(), group("g", value("x", obis="1-0:1.8.0", **settings))).meters
    request = plan.groups[0].values[0].request
    assert tuple(descriptor.attribute for descriptor in request.attributes) == attributes
    assert request.probes is probes
