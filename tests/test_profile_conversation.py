"""What is said to a meter to read a profile: its columns, then as few rows as will do."""

from __future__ import annotations

import pytest

from scripted_meter import NOT_ALLOWED, association, octets
from scripted_profile import (
    CLOCK,
    COLUMNS,
    EXPORT,
    HOUR,
    IMPORT,
    NOW,
    PROFILE,
    STATUS,
    UNIX_CLOCK,
    ScriptedProfile,
    conversation,
    numbers,
    quarter,
    read,
)
from talking import drive
from telegraf_dlms.access import PROPOSED, Conformance
from telegraf_dlms.axdr import Tag, array, encode, structure
from telegraf_dlms.conversation import Memory
from telegraf_dlms.cosem import AttributeDescriptor, ScalerUnit
from telegraf_dlms.datetimes import DeviceClock
from telegraf_dlms.errors import DataRefused, LinkError, Silence
from telegraf_dlms.profile_conversation import BufferReading

NO_SELECTION = PROPOSED & ~Conformance.SELECTIVE_ACCESS


# Entries.


@pytest.mark.parametrize(
    ("sort_method", "asked", "rows"),
    [
        pytest.param(1, "entries 5 to 0", [4, 5, 6, 7], id="fifo"),
        pytest.param(2, "entries 1 to 4", [7, 6, 5, 4], id="lifo"),
    ],
)
def test_the_newest_rows_are_asked_for_by_entry(sort_method, asked, rows):
    meter = ScriptedProfile(sort_method=sort_method)
    reading = read(meter, entries=4)
    assert meter.asked == [*COLUMNS, "entries_in_use", asked]
    assert numbers(reading) == rows
    assert (reading.captures, reading.capture_period, reading.sort_method) == ((CLOCK, STATUS), 900, sort_method)
    assert reading.since_ns is None


@pytest.mark.parametrize(
    ("attributes", "conformance", "asked"),
    [
        pytest.param({5: encode(Tag.ENUM, 3)}, PROPOSED, ["entries_in_use"], id="sorted by largest"),
        pytest.param({5: 4}, PROPOSED, ["entries_in_use"], id="sort_method refused"),
        pytest.param({5: encode(Tag.NULL_DATA)}, PROPOSED, ["entries_in_use"], id="sort_method null"),
        pytest.param({7: encode(Tag.UNSIGNED, 0)}, PROPOSED, ["entries_in_use"], id="entries_in_use 0"),
        pytest.param({7: 3}, PROPOSED, ["entries_in_use"], id="entries_in_use refused"),
        pytest.param({7: encode(Tag.LONG, -1)}, PROPOSED, ["entries_in_use"], id="entries_in_use negative"),
        pytest.param({7: octets(b"8")}, PROPOSED, ["entries_in_use"], id="entries_in_use a text"),
        pytest.param({}, NO_SELECTION, [], id="selective access not negotiated"),
    ],
)
def test_the_whole_buffer_is_asked_for_where_entries_cannot_be_counted(attributes, conformance, asked):
    meter = ScriptedProfile()
    meter.attributes.update({meter.at(number): value for number, value in attributes.items()})
    reading = read(meter, entries=4, inside=association(conformance=conformance))
    assert meter.asked == [*COLUMNS, *asked, "buffer"]
    assert numbers(reading) == list(range(8))


def test_a_meter_that_does_not_select_entries_gives_all_and_is_not_asked_again_that_day():
    meter, memory = ScriptedProfile(refuses={2}), Memory()
    assert numbers(read(meter, entries=4, memory=memory)) == list(range(8))
    assert meter.take_asked() == [*COLUMNS, "entries_in_use", "entries 5 to 0", "buffer"]
    read(meter, entries=4, memory=memory)
    assert meter.take_asked() == ["buffer"]
    memory.forget()
    read(meter, entries=4, memory=memory)
    assert "entries 5 to 0" in meter.asked


@pytest.mark.parametrize("entries", [4, None], ids=["by entry", "by range"])
def test_a_profile_that_is_refused_as_a_whole_says_nothing_about_selection(entries):
    meter, memory = ScriptedProfile(refuses={0, 1, 2}), Memory()
    with pytest.raises(DataRefused, match="type-unmatched"):
        read(meter, entries=entries, memory=memory)
    assert memory.unselective == set()


@pytest.mark.parametrize(
    ("nulls", "asked"),
    [
        pytest.param(range(39, 40), ["entries 40 to 0", "entries 33 to 0"], id="eight times as many"),
        pytest.param(range(32, 40), ["entries 40 to 0", "entries 33 to 0", "buffer"], id="their first has none either"),
        pytest.param(range(33, 40), ["entries 40 to 0", "entries 33 to 0"], id="only their first has a clock"),
        pytest.param(range(40), ["entries 40 to 0", "entries 33 to 0", "buffer"], id="none has a clock"),
    ],
)
def test_an_entry_without_a_clock_is_asked_for_with_those_before_it(nulls, asked):
    meter = ScriptedProfile(range(40), clocks=dict.fromkeys(nulls))
    reading = read(meter, entries=1)
    assert meter.asked == [*COLUMNS, "entries_in_use", *asked]
    assert numbers(reading)[-1] == 39


def test_entries_that_are_all_there_is_are_asked_for_once_although_the_oldest_has_no_clock():
    meter = ScriptedProfile(range(3), clocks={0: None})
    read(meter, entries=3)
    assert meter.asked == [*COLUMNS, "entries_in_use", "entries 1 to 0"]


# What is kept.


def test_columns_are_asked_for_once_an_association_and_facts_once_a_day():
    meter, memory = ScriptedProfile(), Memory()
    read(meter, entries=4, memory=memory)
    meter.take_asked()
    reading = read(meter, entries=1, memory=memory)
    assert meter.take_asked() == ["entries_in_use", "entries 8 to 0"]
    assert (reading.captures, reading.capture_period, reading.sort_method) == ((CLOCK, STATUS), 900, 1)
    memory.captures.clear()
    read(meter, entries=1, memory=memory)
    assert meter.take_asked() == ["capture_objects", "entries_in_use", "entries 8 to 0"]


def test_facts_that_a_meter_refuses_are_asked_again():
    meter, memory = ScriptedProfile(), Memory()
    meter.attributes[meter.at(4)] = 3
    assert read(meter, entries=1, memory=memory).capture_period == 0
    meter.take_asked()
    meter.attributes[meter.at(4)] = encode(Tag.LONG_UNSIGNED, 900)
    assert read(meter, entries=1, memory=memory).capture_period == 900
    assert meter.take_asked() == ["capture_period", "entries_in_use", "entries 8 to 0"]


def test_nothing_of_a_profile_without_columns_is_believed():
    meter, memory = ScriptedProfile(), Memory()
    meter.attributes[meter.at(3)] = array([encode(Tag.UNSIGNED, 5)])
    with pytest.raises(DataRefused, match="capture_objects hold 5"):
        read(meter, entries=4, memory=memory)
    assert meter.asked == ["capture_objects"]
    assert memory == Memory()


def test_the_scalers_of_the_captured_objects_are_asked_for_once():
    meter, memory = ScriptedProfile(columns=(CLOCK, STATUS, IMPORT, EXPORT)), Memory()
    import_unit, export_unit = (AttributeDescriptor(3, column.logical_name, 3) for column in (IMPORT, EXPORT))
    reading = read(meter, entries=1, memory=memory)
    assert meter.take_asked()[3:5] == ["1.0.1.8.0.255/3", "1.0.2.8.0.255/3"]
    assert reading.scalers == {import_unit: ScalerUnit(-1, 30), export_unit: ScalerUnit(0, 30)}
    assert read(meter, entries=1, memory=memory).scalers == reading.scalers
    assert meter.take_asked() == ["entries_in_use", "entries 8 to 0"]


def test_a_scaler_that_is_refused_costs_its_own_column_alone():
    meter = ScriptedProfile(columns=(CLOCK, IMPORT, EXPORT))
    import_unit, export_unit = (AttributeDescriptor(3, column.logical_name, 3) for column in (IMPORT, EXPORT))
    meter.attributes[import_unit] = 3
    reading = read(meter, entries=1)
    assert reading.scalers == {export_unit: ScalerUnit(0, 30)}
    assert len(reading.buffer) == 1


# Ranges.


@pytest.mark.parametrize(
    ("sort_method", "newest"), [(1, "entries 8 to 8"), (2, "entries 1 to 1")], ids=["fifo", "lifo"]
)
def test_the_first_time_the_rows_since_backfill_before_the_newest_one_are_asked_for(sort_method, newest):
    meter = ScriptedProfile(sort_method=sort_method)
    reading = read(meter, backfill=HOUR)
    assert meter.asked == [*COLUMNS, "entries_in_use", newest, "range from 00:45"]
    assert sorted(numbers(reading)) == [3, 4, 5, 6, 7]
    assert reading.since_ns == quarter(3)


def test_later_one_exchange_asks_for_what_came_since_the_last_row_printed():
    meter, memory = ScriptedProfile(), Memory()
    read(meter, memory=memory)
    meter.take_asked()
    meter.numbers += [8, 9]
    reading = read(meter, memory=memory, printed=quarter(7))
    assert meter.take_asked() == ["range from 01:45"]
    assert numbers(reading) == [7, 8, 9]
    assert reading.since_ns == quarter(7)


def test_where_the_meters_clock_is_not_known_any_more_it_is_learnt_from_the_newest_row():
    meter = ScriptedProfile()
    reading = read(meter, printed=quarter(5))
    assert meter.asked == [*COLUMNS, "entries_in_use", "entries 8 to 8", "range from 01:15"]
    assert numbers(reading) == [5, 6, 7]


def test_a_range_goes_out_as_the_meter_writes_its_clock():
    kept, memory = association(), Memory()
    memory.captures[PROFILE] = (CLOCK, STATUS)
    memory.numbers = {ScriptedProfile.at(4): 900, ScriptedProfile.at(5): 1}
    memory.clocks[PROFILE] = bytes.fromhex("07ea 01 01 04 013b3b ff ffc4 00")  # an hour ahead of UTC
    cell = bytes.fromhex("07ea 01 01 04 020000 ff ffc4 00")
    answer = bytes.fromhex("c401c100") + array([structure(octets(cell), encode(Tag.UNSIGNED, 1))])
    reading, sent = drive(conversation(memory, printed=quarter(4), inside=kept), answer)
    assert sent == [
        bytes.fromhex(
            "c001c1 0007 0100630100ff 02 01"
            "01 0204  0204 120008 0906 0000010000ff 0f02 120000"
            "090c 07ea 01 01 04 02000000 ffc4 00"  # 01:00 UTC, the row printed last
            "090c 07eb 01 02 06 03000000 ffc4 00"  # 366 days beyond our clock
            "0100"
        )
    ]
    assert reading == BufferReading((CLOCK, STATUS), 900, 1, {}, [(cell, 1)], quarter(4))


def test_a_clock_in_unix_seconds_is_asked_for_in_unix_seconds():
    meter, memory = ScriptedProfile(columns=(UNIX_CLOCK, STATUS)), Memory()
    assert numbers(read(meter, memory=memory)) == [3, 4, 5, 6, 7]
    assert memory.clocks[PROFILE] == quarter(7) // 10**9
    assert meter.take_asked()[-1] == "range from 00:45"
    selections = []
    meter.attributes[meter.at(2)] = lambda selection: selections.append(selection) or array([])
    read(meter, memory=memory, printed=quarter(7))
    since, until = quarter(7) // 10**9, NOW // 10**9 + 366 * 86400
    assert selections[0].hex() == (
        f"01020402041200010906{UNIX_CLOCK.logical_name.hex()}0f0212000006{since:08x}06{until:08x}0100"
    )


def test_a_bound_that_a_clock_of_32_bits_does_not_reach_is_its_last_second():
    meter, memory = ScriptedProfile(columns=(UNIX_CLOCK, STATUS)), Memory()
    read(meter, memory=memory)
    assert numbers(read(meter, memory=memory, printed=0xFFFF_FFF0 * 10**9)) == [5, 6, 7]


def test_a_time_zone_holds_for_bounds_where_the_meter_gives_no_deviation():
    meter, memory = ScriptedProfile(), Memory()
    read(meter, memory=memory)
    memory.clocks[PROFILE] = bytes.fromhex("07ea 01 01 ff 023b3b ff 8000 ff")
    read(meter, memory=memory, printed=quarter(7), clock=DeviceClock(time_zone="Europe/Berlin"))
    assert "range from 02:45" in meter.asked


# Associations that end.


@pytest.mark.parametrize("error", [LinkError("closed"), Silence("no answer")], ids=repr)
@pytest.mark.parametrize("entries", [4, None], ids=["by entry", "by range"])
def test_what_ends_the_association_passes_and_nothing_is_taken_for_a_refusal(error, entries):
    meter, memory = ScriptedProfile(), Memory()
    meter.attributes[meter.at(2)] = error
    with pytest.raises(LinkError):
        read(meter, entries=entries, memory=memory)
    assert memory.unselective == set()


def test_a_kept_association_that_the_meter_has_given_up_is_a_lost_link():
    meter = ScriptedProfile()
    meter.attributes[meter.at(3)] = NOT_ALLOWED
    with pytest.raises(LinkError, match="given up the association"):
        read(meter, entries=4, inside=association(is_doubtful=True))
