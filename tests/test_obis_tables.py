"""The tables of OBIS codes hold together: what ``obis_names`` builds from them is a name, and nothing is left over."""

from __future__ import annotations

import re

import pytest

from telegraf_dlms import obis_tables
from telegraf_dlms.obis_abstract import ABSTRACT
from telegraf_dlms.obis_tables import ELECTRICITY, FURTHER_QUANTITIES, POWERS, QUANTITIES, TIME_INTEGRALS, VALUES, Kind

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
TABLES = [ELECTRICITY, ABSTRACT]


@pytest.mark.parametrize("table", TABLES, ids=["electricity", "abstract"])
def test_a_name_is_a_word_in_snake_case_once_its_numbers_are_in(table):
    for place, meaning in table.items():
        assert NAME.fullmatch(meaning.name.format(d=1, e=2, n=3)), place
        assert isinstance(meaning.kind, Kind)


@pytest.mark.parametrize("table", TABLES, ids=["electricity", "abstract"])
def test_no_two_places_of_a_table_have_one_name_unless_a_number_is_behind_it(table):
    """A place for every E gets E behind its name but for 0, so it may be called as one E is, and never as two are."""
    exact = [meaning.name for (_, _, element), meaning in table.items() if element is not None]
    twice = {name for name in exact if exact.count(name) > 1}
    assert twice <= {"broadcast_script_table"}  # E = 112 and, since the newer editions, 125


@pytest.mark.parametrize("table", TABLES, ids=["electricity", "abstract"])
def test_words_are_short_enough_for_a_comment(table):
    assert max(len(meaning.words) for meaning in table.values()) <= 60


def test_every_place_of_the_twenty_of_a_phase_has_a_meaning():
    assert sorted(POWERS | QUANTITIES) == list(range(1, 21))


def test_no_value_group_d_means_two_things():
    assert not TIME_INTEGRALS.keys() & VALUES.keys()
    names = [name for name, _ in TIME_INTEGRALS.values()] + [
        meaning.name for meaning in VALUES.values() if meaning.name
    ]
    assert len(names) == len(set(names))


def test_quantities_beyond_the_phases_have_names_of_their_own():
    of_phases = {f"{name}{phase}" for name in QUANTITIES.values() for phase in ("", "_l1", "_l2", "_l3")}
    assert not of_phases & set(FURTHER_QUANTITIES.values())
    assert len(set(FURTHER_QUANTITIES.values())) == len(FURTHER_QUANTITIES)


@pytest.mark.parametrize("table", ["HEAT_COST_ALLOCATOR", "THERMAL", "WATER", "METER_VALUES", "GAS_QUANTITIES"])
def test_the_tables_of_other_media_have_each_name_once(table):
    rows = getattr(obis_tables, table).values()
    names = [row if isinstance(row, str) else row[0] for row in rows]
    assert len(names) == len(set(names))
    assert all(NAME.fullmatch(name) for name in names if name)
