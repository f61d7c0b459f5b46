"""What an object of a meter is found to give: the same as a poll would print."""

from __future__ import annotations

import math
import struct

import pytest

import scripted_profile
from scripted_compact import CompactMeter
from scripted_meter import ScriptedMeter, association, converse, descriptor, octets, scaler_unit, unsigned
from scripted_profile import CLOCK, EXPORT, IMPORT, STATUS, ScriptedProfile
from telegraf_dlms.access import Conformance
from telegraf_dlms.axdr import Tag, array, encode, structure
from telegraf_dlms.conversation import Memory
from telegraf_dlms.datetimes import DeviceClock
from telegraf_dlms.metrics import Presentation
from telegraf_dlms.obis import parse_obis
from telegraf_dlms.object_list import ListedObject
from telegraf_dlms.short_names import ShortNames
from telegraf_dlms.survey import FEW_ROWS, survey

ENERGY, DEMAND, DATA = "1.0.1.8.0.255", "1.0.1.4.0.255", "0.0.96.1.0.255"
PRESENTATION = Presentation("utf-8", DeviceClock())
DENIED, UNDEFINED, UNAVAILABLE = 3, 4, 11
NOT_LISTED = "the meter's object list does not have it"


def listed(class_id, code, *, version=0, attributes=(), **denied):
    numbers = frozenset(attributes)
    return ListedObject(
        class_id, version, parse_obis(code), numbers, {int(key[1:]): reason for key, reason in denied.items()}
    )


def find(meter, wanted, *, memory=None, opened=None):
    conversation = survey(opened or association(), wanted, memory or Memory(), presentation=PRESENTATION)
    return converse(conversation, meter)


def test_a_register_has_its_value_scaled_and_its_unit():
    meter = ScriptedMeter({descriptor(3, ENERGY): unsigned(12345), descriptor(3, ENERGY, 3): scaler_unit(-1, 30)})
    found = find(meter, listed(3, ENERGY))
    assert (found.fields, found.unit, found.attributes, found.refusals) == ("value=1234.5", "Wh", (2,), ())
    assert found.is_default
    assert found.version is None


def test_what_the_meter_refuses_has_its_reason():
    found = find(ScriptedMeter({descriptor(1, DATA): DENIED}), listed(1, DATA))
    assert (found.attributes, found.refusals) == ((), ((2, "read-write-denied (3)"),))


def test_what_the_access_rights_deny_is_not_asked_for():
    meter = ScriptedMeter()
    found = find(meter, listed(1, DATA, attributes=(1, 2), _2="no read access"))
    assert (found.attributes, found.refusals) == ((), ((2, "no read access"),))
    assert meter.asked == []


def test_a_value_that_needs_a_scaler_unit_is_refused_where_there_is_none():
    meter = ScriptedMeter({descriptor(3, ENERGY): unsigned(1), descriptor(3, ENERGY, 3): UNAVAILABLE})
    assert find(meter, listed(3, ENERGY)).refusals == ((2, "its scaler_unit: object-unavailable (11)"),)


def test_a_text_in_a_register_needs_no_scaler_unit():
    meter = ScriptedMeter({descriptor(3, ENERGY): octets(b"none yet"), descriptor(3, ENERGY, 3): UNAVAILABLE})
    found = find(meter, listed(3, ENERGY))
    assert (found.fields, found.unit, found.attributes) == ('value_text="none yet"', "", (2,))


def test_the_attributes_that_can_be_read_are_named_where_not_all_can_be():
    meter = ScriptedMeter(
        {
            descriptor(4, DEMAND): unsigned(7),
            descriptor(4, DEMAND, 3): scaler_unit(0, 27),
            descriptor(4, DEMAND, 4): 250,
        }
    )
    found = find(meter, listed(4, DEMAND, attributes=(1, 2, 3, 4)))
    assert (found.attributes, found.fields, found.unit) == ((2,), "value=7", "W")
    assert found.refusals == ((4, "other-reason (250)"), (5, NOT_LISTED))
    assert not found.is_default
    assert "1.0.1.4.0.255/5" not in meter.asked


def test_what_cannot_be_a_field_is_none_that_can_be_read():
    nan = encode(Tag.FLOAT32, struct.unpack(">f", struct.pack(">f", math.nan))[0])
    found = find(ScriptedMeter({descriptor(1, DATA): nan}), listed(1, DATA))
    assert found.attributes == ()
    assert "nan" in found.refusals[0][1].lower()


def test_an_empty_value_is_read():
    found = find(ScriptedMeter({descriptor(1, DATA): encode(Tag.NULL_DATA)}), listed(1, DATA))
    assert (found.attributes, found.refusals, found.fields) == ((2,), (), "")


def test_octets_that_are_no_value_are_a_refusal():
    found = find(ScriptedMeter({descriptor(1, DATA): b"\x06\x00"}), listed(1, DATA))
    assert found.attributes == ()
    assert "cut off" in found.refusals[0][1]


@pytest.mark.parametrize(
    ("class_id", "code", "attribute"),
    [(15, "0.0.40.0.0.255", 2), (12, "0.0.40.0.0.255", 2), (18, "0.0.44.0.0.255", 3), (26, "0.0.65.0.0.255", 4)],
)
def test_what_is_long_is_not_looked_at(class_id, code, attribute):
    meter = ScriptedMeter()
    found = find(meter, listed(class_id, code))
    assert dict(found.refusals)[attribute] == "it is long, and was not looked at"
    assert f"{code}/{attribute}" not in meter.asked


def test_a_secret_is_never_asked_for():
    meter = ScriptedMeter()
    find(meter, listed(15, "0.0.40.0.0.255", attributes=range(1, 9)))
    find(meter, listed(19, "0.0.20.0.0.255"))
    assert not {"0.0.40.0.0.255/7", "0.0.20.0.0.255/7"} & set(meter.asked)
    assert "0.0.20.0.0.255/2" in meter.asked


@pytest.mark.parametrize(("version", "named"), [(0, 0), (1, None), (9, None)])
def test_a_version_is_named_where_it_makes_a_difference(version, named):
    assert find(ScriptedMeter(), listed(64, "0.0.43.0.0.255", version=version)).version == named


def test_of_a_class_that_is_not_known_the_listed_attributes_are_read():
    name = "0.0.94.1.1.255"
    meter = ScriptedMeter({descriptor(9000, name): unsigned(1), descriptor(9000, name, 5): octets(b"five")})
    found = find(meter, listed(9000, name, attributes=(1, 2, 5, 200)))
    assert (found.attributes, found.fields) == ((2, 5), 'attribute_2=1,attribute_5_text="five"')
    assert meter.asked == [f"{name}/2", f"{name}/5"]


def test_a_class_that_is_not_known_is_probed_where_the_list_says_nothing():
    name = "0.0.94.1.1.255"
    meter = ScriptedMeter({descriptor(9000, name): unsigned(1), descriptor(9000, name, 3): unsigned(2)})
    assert find(meter, listed(9000, name)).attributes == (2, 3)
    assert find(ScriptedMeter(), listed(9000, name)).refusals == ((2, "object-undefined (4)"),)


def test_short_names_are_found_the_same_way():
    names = ShortNames()
    names.learn([(0x1000, 8, 0, parse_obis("0.0.1.0.0.255"))])
    opened = association(short_names=names)
    found = find(ScriptedMeter(), listed(1, DATA), opened=opened)
    assert found.refusals == ((2, "object-undefined (4)"),)


# Profiles


PROFILE = "1.0.99.1.0.255"


def whole_profile(*arguments, **behaviour):
    meter = ScriptedProfile(*arguments, **behaviour)
    meter.attributes[meter.at(8)] = unsigned(100)
    return meter


def words_of(meter):
    return [words for words in meter.asked if words.startswith(("entries ", "buffer"))]


@pytest.fixture(autouse=True)
def _profile_entries(monkeypatch):
    monkeypatch.setitem(scripted_profile._NAMES, 8, "profile_entries")


def test_of_a_profile_its_newest_row_is_read_alone():
    meter = whole_profile(range(40), columns=(CLOCK, IMPORT))
    found = find(meter, listed(7, PROFILE))
    profile = found.profile
    assert (found.attributes, found.refusals, found.is_default) == ((2,), (), True)
    assert (profile.captures, profile.capture_period, profile.sort_method) == ((CLOCK, IMPORT), 900, 1)
    assert (profile.entries_in_use, profile.profile_entries, profile.is_tried) == (40, 100, True)
    assert words_of(meter) == ["entries 40 to 0"]


def test_the_newest_row_of_a_lifo_is_its_first():
    meter = whole_profile(range(40), sort_method=2)
    assert find(meter, listed(7, PROFILE)).profile.is_tried
    assert words_of(meter) == ["entries 1 to 1"]


def test_many_rows_are_not_read_where_the_meter_selects_none():
    meter = whole_profile(range(40), refuses={2})
    found = find(meter, listed(7, PROFILE))
    assert (found.attributes, found.profile.is_tried) == ((2,), False)
    assert words_of(meter) == ["entries 40 to 0"]


def test_many_rows_are_not_asked_for_by_entry_where_that_was_not_granted():
    meter = whole_profile(range(40))
    found = find(meter, listed(7, PROFILE), opened=association(conformance=Conformance.GET))
    assert (found.attributes, found.profile.is_tried) == ((2,), False)
    assert words_of(meter) == []


@pytest.mark.parametrize("rows", [0, FEW_ROWS])
def test_a_few_rows_are_read_whole(rows):
    meter = whole_profile(range(rows), refuses={2})
    assert find(meter, listed(7, PROFILE)).profile.is_tried
    assert words_of(meter)[-1] == "buffer"


def test_a_buffer_that_is_denied_is_denied_however_it_is_asked_for():
    meter = whole_profile(range(40))
    meter.attributes[meter.at(2)] = DENIED
    found = find(meter, listed(7, PROFILE))
    assert (found.attributes, found.refusals) == ((), ((2, "read-write-denied (3)"),))
    assert found.profile.entries_in_use == 40


def test_the_first_refusal_is_the_reason():
    meter = whole_profile(range(FEW_ROWS), refuses={0, 2})
    assert find(meter, listed(7, PROFILE)).refusals == ((2, "type-unmatched (12)"),)


@pytest.mark.parametrize("attribute", [2, 3])
def test_access_rights_may_deny_a_profile(attribute):
    meter = whole_profile()
    found = find(meter, listed(7, PROFILE, attributes=range(1, 9), **{f"_{attribute}": "no read access"}))
    assert found.attributes == ()
    assert found.refusals[0][1].endswith("no read access")
    assert meter.asked == []


def test_capture_objects_that_are_refused_are_the_reason():
    meter = whole_profile()
    meter.attributes[meter.at(3)] = UNAVAILABLE
    assert find(meter, listed(7, PROFILE)).refusals == ((2, "its capture_objects: object-unavailable (11)"),)


def test_what_a_profile_does_not_tell_of_itself_is_not_known():
    meter = whole_profile(range(40))
    for attribute in (4, 5, 7, 8):
        meter.attributes[meter.at(attribute)] = DENIED
    profile = find(meter, listed(7, PROFILE)).profile
    assert (profile.capture_period, profile.sort_method, profile.entries_in_use, profile.profile_entries) == (None,) * 4
    assert not profile.is_tried
    assert words_of(meter) == []


def test_an_event_log_that_says_one_second_is_not_captured_by_time():
    log = "0.0.99.98.4.255"
    facts = {3: array([]), 4: unsigned(1), 5: encode(Tag.ENUM, 1), 7: unsigned(0), 8: unsigned(100), 2: array([])}
    found = find(ScriptedMeter({descriptor(7, log, number): fact for number, fact in facts.items()}), listed(7, log))
    assert (found.attributes, found.profile.capture_period) == ((2,), 0)


@pytest.mark.parametrize("number", [encode(Tag.LONG64_UNSIGNED, 2**32), encode(Tag.BOOLEAN, True)])
def test_a_number_that_a_profile_cannot_have_is_not_known(number):
    meter = whole_profile(range(40))
    for attribute in (7, 8):
        meter.attributes[meter.at(attribute)] = number
    profile = find(meter, listed(7, PROFILE)).profile
    assert (profile.entries_in_use, profile.profile_entries, profile.is_tried) == (None, None, False)
    assert words_of(meter) == []


def test_a_profile_of_which_a_poll_prints_some_columns_can_be_read_and_says_which_it_refuses():
    meter = whole_profile(range(40), columns=(CLOCK, IMPORT, STATUS))
    meter.attributes[descriptor(3, "1.0.1.8.0.255", 3)] = DENIED
    found = find(meter, listed(7, PROFILE))
    assert (found.attributes, found.is_default, found.profile.is_tried) == ((2,), True, True)
    [(attribute, reason)] = found.refusals
    assert attribute == 2
    assert reason.startswith("1.0.1.8.0.255/2 in its rows: its scaler_unit could not be read")


def test_a_profile_of_which_a_poll_prints_nothing_cannot_be_read():
    meter = whole_profile(range(40), columns=(CLOCK, IMPORT, EXPORT))
    for code in ("1.0.1.8.0.255", "1.0.2.8.0.255"):
        meter.attributes[descriptor(3, code, 3)] = DENIED
    found = find(meter, listed(7, PROFILE))
    assert found.attributes == ()
    [(_, reason)] = found.refusals
    assert reason.startswith("1.0.1.8.0.255/2, 1.0.2.8.0.255/2 in its rows: its scaler_unit could not be read")


def test_a_row_that_does_not_fit_its_columns_cannot_be_read():
    meter = whole_profile(range(40))
    meter.attributes[meter.at(2)] = array([structure(unsigned(1))])
    found = find(meter, listed(7, PROFILE))
    assert found.attributes == ()
    assert found.refusals[0][1].startswith("1.0.99.1.0.255/2 in its rows: ")


def test_scaler_units_are_asked_once():
    memory = Memory()
    meter = whole_profile(range(4), columns=(CLOCK, IMPORT))
    meter.attributes[descriptor(3, ENERGY)] = unsigned(5)
    find(meter, listed(3, ENERGY), memory=memory)
    find(meter, listed(7, PROFILE), memory=memory)
    assert meter.asked.count(f"{ENERGY}/3") == 1


# Compact data


COMPACT = "0.0.66.0.1.255"


def test_compact_data_is_read_by_its_template():
    found = find(CompactMeter(), listed(62, COMPACT))
    assert (found.attributes, found.refusals, found.is_default) == ((2,), (), True)
    assert [capture.class_id for capture in found.profile.captures] == [8, 3]
    assert found.profile.is_tried


def test_compact_data_that_captured_nothing_yet_is_read():
    meter = CompactMeter()
    meter.attributes[descriptor(62, COMPACT)] = octets(b"")
    assert find(meter, listed(62, COMPACT)).attributes == (2,)


@pytest.mark.parametrize(("attribute", "reason"), [(2, "read-write-denied (3)"), (5, "its template_description: ")])
def test_compact_data_that_is_refused_has_the_reason(attribute, reason):
    meter = CompactMeter()
    meter.attributes[descriptor(62, COMPACT, attribute)] = DENIED
    found = find(meter, listed(62, COMPACT))
    assert found.attributes == ()
    assert found.refusals[0][1].startswith(reason)


def test_compact_data_with_a_value_that_a_poll_would_refuse_cannot_be_read():
    meter = CompactMeter()
    meter.attributes[descriptor(3, ENERGY, 3)] = DENIED
    found = find(meter, listed(62, COMPACT))
    assert found.attributes == ()
    assert found.refusals[0][1].startswith("1.0.1.8.0.255/2 in its rows: its scaler_unit could not be read")


def test_access_rights_may_deny_compact_data():
    meter = CompactMeter()
    assert find(meter, listed(62, COMPACT, _2="no read access")).refusals == ((2, "no read access"),)
    assert meter.asked == []
