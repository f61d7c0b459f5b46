"""What is said of values at the start."""

from __future__ import annotations

import pytest

from telegraf_dlms.models import Value
from telegraf_dlms.notes import notes


@pytest.mark.parametrize("class_id", [3, 1, 70, 9000])
def test_that_a_class_has_no_time_of_its_own_is_told(class_id):
    value = Value(name="a", obis="1-0:1.8.0", class_id=class_id, timestamp="meter")
    assert list(notes(value)) == [
        f'timestamp "meter": class_id {class_id} has no time of its own: the poll\'s time is printed'
    ]


@pytest.mark.parametrize("class_id", [4, 5, 8, 47, 7, 62])
def test_of_a_class_whose_lines_have_a_time_nothing_is_told(class_id):
    assert not list(notes(Value(name="a", obis="1-0:1.8.0", class_id=class_id, timestamp="meter")))


def test_of_a_value_with_the_polls_time_nothing_is_told():
    assert not list(notes(Value(name="a", obis="1-0:1.8.0", class_id=3)))
