"""What is said to a meter about a profile: its columns, and rows by entry, by range, or all of them."""

from __future__ import annotations

import pytest

from scripted_meter import NOT_ALLOWED, association, converse, octets
from scripted_profile import (
    CLOCK,
    COLUMNS,
    EXPORT,
    IMPORT,
    PROFILE,
    STATUS,
    UNIX_CLOCK,
    ScriptedProfile,
    quarter,
)
from talking import drive
from telegraf_dlms.access import PROPOSED, Conformance
from telegraf_dlms.axdr import Tag, array, encode, structure
from telegraf_dlms.conversation import Memory
from telegraf_dlms.cosem import AttributeDescriptor, ScalerUnit
from telegraf_dlms.datetimes import DeviceClock
from telegraf_dlms.errors import DataRefused, LinkError, Silence
from telegraf_dlms.obis import parse_obis
from telegraf_dlms.profile import needed_scalers
from telegraf_dlms.profile_conversation import BY_ENTRY, BY_RANGE, BufferReader, BufferReading, NotSelected

NO_SELECTION = PROPOSED & ~Conformance.SELECTIVE_ACCESS
#: 2026-01-01 01:59:59, an hour ahead of UTC.
AHEAD = bytes.fromhex("07ea 01 01 04 013b3b ff ffc4 00")


def reader_of(memory=None, *, inside=None, clock=None):
    return BufferReader(inside or association(), PROFILE, memory or Memory(), clock=clock or DeviceClock())


def facts(meter, memory=None, **options):
    return converse(reader_of(memory, **options).facts(needed_scalers), meter)


# The columns, and what seldom changes.


def test_columns_are_asked_for_once_an_association_and_facts_once_a_day():
    meter, memory = ScriptedProfile(), Memory()
    assert facts(meter, memory) == BufferReading((CLOCK, STATUS), 900, 1)
    assert meter.take_asked() == COLUMNS
    assert facts(meter, memory) == BufferReading((CLOCK, STATUS), 900, 1)
    assert meter.take_asked() == []
    memory.captures.clear()
    facts(meter, memory)
    assert meter.take_asked() == ["capture_objects"]


@pytest.mark.parametrize(
    ("code", "says", "period"),
    [
        pytest.param("0.0.99.98.4.255", 1, 0, id="an event log that is captured by events"),
        pytest.param("1.1.99.98.150.255", 1, 0, id="one of electricity"),
        pytest.param("0.0.99.98.4.255", 900, 900, id="an event log that is captured by time"),
        pytest.param("1.0.99.1.0.255", 1, 1, id="a load profile of each second"),
    ],
)
def test_an_event_log_that_says_that_it_is_captured_each_second_is_not(code, says, period):
    meter, name = ScriptedProfile(period=says), parse_obis(code)
    for attribute in (3, 4, 5):
        meter.attributes[AttributeDescriptor(7, name, attribute)] = meter.attributes[meter.at(attribute)]
    reader = BufferReader(association(), name, Memory(), clock=DeviceClock())
    assert converse(reader.facts(needed_scalers), meter).capture_period == period


def test_facts_that_a_meter_refuses_are_asked_again():
    meter, memory = ScriptedProfile(), Memory()
    meter.attributes[meter.at(4)] = 3
    assert facts(meter, memory).capture_period == 0
    meter.take_asked()
    meter.attributes[meter.at(4)] = encode(Tag.LONG_UNSIGNED, 900)
    assert facts(meter, memory).capture_period == 900
    assert meter.take_asked() == ["capture_period"]


@pytest.mark.parametrize(
    ("number", "known"),
    [
        (encode(Tag.LONG64_UNSIGNED, 2**32 - 1), 2**32 - 1),
        (encode(Tag.LONG64_UNSIGNED, 2**32), None),
        (encode(Tag.LONG64_UNSIGNED, 2**64 - 1), None),
        (encode(Tag.LONG, -1), None),
        (encode(Tag.NULL_DATA), None),
        (encode(Tag.BOOLEAN, True), None),
        (octets(b"8"), None),
        (4, None),
    ],
)
def test_a_number_of_entries_that_a_profile_cannot_have_is_not_known(number, known):
    meter = ScriptedProfile()
    meter.attributes[meter.at(7)] = number
    assert converse(reader_of().entries_in_use(), meter) == known


def test_nothing_of_a_profile_without_columns_is_believed():
    meter, memory = ScriptedProfile(), Memory()
    meter.attributes[meter.at(3)] = array([encode(Tag.UNSIGNED, 5)])
    with pytest.raises(DataRefused, match="capture_objects hold 5"):
        facts(meter, memory)
    assert meter.asked == ["capture_objects"]
    assert memory == Memory()


def test_the_scalers_of_the_captured_objects_are_asked_for_once():
    meter, memory = ScriptedProfile(columns=(CLOCK, STATUS, IMPORT, EXPORT)), Memory()
    import_unit, export_unit = (AttributeDescriptor(3, column.logical_name, 3) for column in (IMPORT, EXPORT))
    reading = facts(meter, memory)
    assert meter.take_asked()[3:] == ["1.0.1.8.0.255/3", "1.0.2.8.0.255/3"]
    assert reading.scalers == {import_unit: ScalerUnit(-1, 30), export_unit: ScalerUnit(0, 30)}
    assert facts(meter, memory).scalers == reading.scalers
    assert meter.take_asked() == []


def test_a_scaler_that_is_refused_costs_its_own_column_alone():
    meter = ScriptedProfile(columns=(CLOCK, IMPORT, EXPORT))
    import_unit, export_unit = (AttributeDescriptor(3, column.logical_name, 3) for column in (IMPORT, EXPORT))
    meter.attributes[import_unit] = 3
    assert facts(meter).scalers == {export_unit: ScalerUnit(0, 30)}


@pytest.mark.parametrize(("sort_method", "order"), [(1, "captured"), (2, "captured"), (None, "captured"), (3, "other")])
def test_the_order_of_rows_is_that_of_capture_unless_the_meter_says_otherwise(sort_method, order):
    assert BufferReading(sort_method=sort_method).order == order


# Ranges.


def asked_for(like, first_ns, last_ns, *, column=CLOCK, unspecified=(), clock=None):
    """Return what a range from a time to another one says, by a meter that writes its clock like that."""
    memory = Memory()
    memory.clocks[PROFILE] = like
    memory.unspecified.update(unspecified)
    reader = reader_of(memory, clock=clock)
    _, sent = drive(reader.range(column, first_ns, last_ns), bytes.fromhex("c401c100") + array([]))
    return sent[0].hex()


def test_a_range_goes_out_as_the_meter_writes_its_clock():
    memory = Memory()
    memory.clocks[PROFILE] = AHEAD
    answer = bytes.fromhex("c401c100") + array([structure(octets(AHEAD), encode(Tag.UNSIGNED, 1))])
    rows, sent = drive(reader_of(memory).range(CLOCK, quarter(4), quarter(8)), answer)
    assert sent == [
        bytes.fromhex(
            "c001c1 0007 0100630100ff 02 01"
            "01 0204  0204 120008 0906 0000010000ff 0f02 120000"
            "090c 07ea 01 01 04 02000000 ffc4 00"  # 01:00 UTC
            "090c 07ea 01 01 04 03000000 ffc4 00"
            "0100"
        )
    ]
    assert rows == [(AHEAD, 1)]


@pytest.mark.parametrize(
    ("like", "unspecified", "clock", "first"),
    [
        pytest.param(AHEAD, (), None, "090c07ea010104020000 00ffc400", id="as it is"),
        pytest.param(AHEAD, (PROFILE,), None, "090c07ea010104020000 00800000", id="known to want no deviation"),
        pytest.param(
            bytes.fromhex("07ea 01 01 ff 023b3b ff 8000 ff"), (), DeviceClock(time_zone="Europe/Berlin"),
            "090c07ea010104020000 008000ff", id="no deviation: the time zone's",
        ),
        pytest.param(quarter(7) // 10**9, (), None, f"06{quarter(4) // 10**9:08x}", id="Unix seconds"),
    ],
)  # fmt: skip
def test_bounds_have_the_form_of_the_meters_clock(like, unspecified, clock, first):
    said = asked_for(like, quarter(4), quarter(5), unspecified=unspecified, clock=clock)
    assert first.replace(" ", "") in said


def test_a_bound_that_a_clock_cannot_write_is_its_first_or_last_second():
    said = asked_for(quarter(7) // 10**9, -(2**62), 2**63 - 1, column=UNIX_CLOCK)
    assert "0600000000" in said
    assert "06ffffffff" in said


def test_where_a_range_is_refused_it_is_asked_for_once_more_without_a_deviation_and_that_is_remembered():
    meter, memory, bounds = ScriptedProfile(), Memory(), []
    memory.clocks[PROFILE] = AHEAD

    def answer(selection):
        bounds.append(selection[-28:-16].hex())
        return array([]) if bounds[-1].endswith("800000") else 12

    meter.attributes[meter.at(2)] = answer
    reader = reader_of(memory)
    for _ in range(2):
        assert converse(reader.range(CLOCK, quarter(4), quarter(5)), meter) == []
    assert bounds == ["07ea01010402000000ffc400", *["07ea01010402000000800000"] * 2]
    assert reader.can(BY_RANGE)


def test_a_range_that_is_refused_in_every_form_is_not_asked_for_again():
    meter, memory = ScriptedProfile(refuses={1}), Memory()
    memory.clocks[PROFILE] = AHEAD
    reader = reader_of(memory)
    with pytest.raises(NotSelected):
        converse(reader.range(CLOCK, quarter(4), quarter(5)), meter)
    assert len(meter.take_asked()) == 2
    with pytest.raises(NotSelected):
        converse(reader.range(CLOCK, quarter(4), quarter(5)), meter)
    assert meter.asked == []


def test_a_range_is_not_asked_for_before_it_is_known_how_the_meter_writes_its_clock():
    meter = ScriptedProfile()
    with pytest.raises(NotSelected):
        converse(reader_of().range(CLOCK, quarter(4), quarter(5)), meter)
    assert meter.asked == []


@pytest.mark.parametrize(
    ("rows", "learnt"),
    [
        ([(AHEAD, 1), (bytes(12), 2)], AHEAD),
        ([(AHEAD, 1), (b"\xff" * 12, 2), (None, 3), 5, ()], AHEAD),
        ([(1_767_225_600, 1)], 1_767_225_600),
        ([], None),
    ],
)
def test_a_clock_is_learnt_from_the_last_row_that_has_one(rows, learnt):
    reader = reader_of()
    reader.learn_clock(rows, (CLOCK, STATUS))
    assert reader.clock_cell == learnt
    other = reader_of()
    other.learn_clock(rows, (STATUS, IMPORT))
    assert other.clock_cell is None


# What a meter does not select.


def test_what_a_meter_refused_is_remembered_where_the_profile_was_read():
    meter, memory = ScriptedProfile(refuses={2}), Memory()
    reader = reader_of(memory)
    with pytest.raises(NotSelected):
        converse(reader.entries(1, 2), meter)
    assert not reader.can(BY_ENTRY)
    assert reader_of(memory).can(BY_ENTRY)
    reader.remember_refusals()
    assert not reader_of(memory).can(BY_ENTRY)
    assert reader_of(memory).can(BY_RANGE)
    memory.forget()
    assert reader_of(memory).can(BY_ENTRY)


def test_what_was_not_negotiated_is_not_asked_for():
    reader = reader_of(inside=association(conformance=NO_SELECTION))
    assert not reader.can(BY_ENTRY)
    assert not reader.can(BY_RANGE)


def test_the_whole_buffer_that_is_refused_is_a_refusal_of_the_profile():
    with pytest.raises(DataRefused, match="type-unmatched"):
        converse(reader_of().whole(), ScriptedProfile(refuses={0}))


# Associations that end.


@pytest.mark.parametrize("error", [LinkError("closed"), Silence("no answer")], ids=repr)
def test_what_ends_the_association_passes_and_is_no_refusal(error):
    meter, reader = ScriptedProfile(), reader_of()
    meter.attributes[meter.at(2)] = error
    with pytest.raises(LinkError):
        converse(reader.entries(1, 2), meter)
    assert reader.can(BY_ENTRY)


def test_a_kept_association_that_the_meter_has_given_up_is_a_lost_link():
    meter = ScriptedProfile()
    meter.attributes[meter.at(3)] = NOT_ALLOWED
    with pytest.raises(LinkError, match="given up the association"):
        facts(meter, inside=association(is_doubtful=True))
