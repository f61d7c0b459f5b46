"""What is accepted before the program can do it: the table fits the models it speaks of."""

from __future__ import annotations

from typing import get_args

import pytest

from telegraf_dlms.models import Agent, Device, Value
from telegraf_dlms.notes import LATER, notes

MODELS = {"agent": Agent, "device": Device, "value": Value}


def test_every_row_names_a_key_and_values_that_are_accepted():
    for row in LATER:
        annotation = MODELS[row.table].model_fields[row.key].annotation
        allowed = range(65536) if annotation is int else get_args(annotation) or (True, False)
        assert all(value in allowed for value in row.values)


def test_no_default_is_waiting_for_a_later_version():
    assert not list(notes("agent", Agent()))
    assert not list(notes("device", Device(name="a", connection="b")))
    assert not list(notes("value", Value(name="a", obis="1-0:1.8.0")))


@pytest.mark.parametrize(
    ("kind", "table", "note"),
    [
        ("value", Value(name="a", obis="1-0:1.8.0", timestamp="meter"), 'timestamp "meter" is accepted'),
        ("value", Value(name="a", obis="0-0:66.0.1", class_id=62), "class_id = 62 is accepted"),
    ],
)
def test_what_has_no_effect_yet_is_told(kind, table, note):
    assert [text.partition(",")[0] for text in notes(kind, table)] == [note]
