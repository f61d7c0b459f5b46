"""The TOML of a discovered meter: valid, complete, and as a person would want to keep it."""

from __future__ import annotations

import re
import tomllib

import pytest

from field import needs_field
from field_objects import objects_of
from telegraf_dlms import config
from telegraf_dlms.cosem import CaptureObject, default_attributes
from telegraf_dlms.discovery import FEW_ENTRIES, MAX_FIELDS, MOST_ENTRIES, WIDTH, entries_of, write
from telegraf_dlms.obis import parse_obis
from telegraf_dlms.object_list import ListedObject
from telegraf_dlms.survey import Finding, Profile, version_to_name

CLOCK = CaptureObject(8, parse_obis("0.0.1.0.0.255"), 2, 0)
IMPORT = CaptureObject(3, parse_obis("1.0.1.8.0.255"), 2, 0)
DENIED = "read-write-denied (3)"
LISTS = [
    "dlmsprofile-smr500.json",
    "gurux_simulator_crystal_india.xml",
    "kamstrup_jdlms_object_list.json",
    "kpz_m2m3_0.0.49.typ",
    "kpz_m2m3_1.4.10.typ",
    "osgp_sim_e650_objects.txt",
    "osgp_sim_smr5_objects.txt",
    "rim489_openspodes_reader_objects.txt",
]
METER = """
[[connection]]
  name = "basement"
  address = "127.0.0.1"
  port = 4059
[[device]]
  name = {device}
  connection = "basement"
  interface_type = "wrapper"
[[group]]
  name = "house_energy"
"""


def found(class_id, code, *attributes, version=0, refusals=(), **what):
    return Finding(ListedObject(class_id, version, parse_obis(code)), attributes, tuple(refusals), **what)


def energy(**what):
    return found(3, "1.0.1.8.0.255", 2, **({"fields": "value=12345678.9", "unit": "Wh"} | what))


def voltage(refusal=DENIED):
    return found(3, "1.0.32.7.0.255", refusals=[(2, refusal)])


def written(*findings, device="house", taken=()):
    text = write(device, findings, taken=taken, heading=["What the device has."])
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    return text


def values_of(text):
    """Return the values by their group, as TOML has them."""
    return {group["name"]: group["value"] for group in tomllib.loads(text).get("group", [])}


def uncommented(text):
    """Return the text as it is when a person takes the comment signs away."""
    return re.sub(r"^( *)# ?(?!#)", r"\1", text, flags=re.MULTILINE)


def test_a_value_is_written_as_a_person_would_write_it():
    assert written(energy()) == (
        "## What the device has.\n"
        "\n"
        "[[group]]\n"
        '  name = "house_energy"\n'
        '  interval = "15m"\n'
        "\n"
        "  [[group.value]]\n"
        "    ## active energy import (QI+QIV, time integral 1): value=12345678.9, unit Wh\n"
        '    name = "active_energy_import"\n'
        '    device = "house"\n'
        '    obis = "1.0.1.8.0.255"\n'
        '    class_id = "register"\n'
    )


def test_what_cannot_be_read_is_a_comment_with_the_reason_behind_the_others():
    text = written(voltage(), found(3, "1.0.72.7.0.255", 2, fields="value=230", unit="V"))
    assert text.partition("[[group]]")[2] == (
        "\n"
        '  name = "house_instantaneous"\n'
        '  interval = "1m"\n'
        "\n"
        "  [[group.value]]\n"
        "    ## voltage L3 (instantaneous value): value=230, unit V\n"
        '    name = "voltage_l3"\n'
        '    device = "house"\n'
        '    obis = "1.0.72.7.0.255"\n'
        '    class_id = "register"\n'
        "\n"
        "  # [[group.value]]\n"
        "  #   ## voltage L1 (instantaneous value)\n"
        "  #   ## not read: read-write-denied (3)\n"
        '  #   name = "voltage_l1"\n'
        '  #   device = "house"\n'
        '  #   obis = "1.0.32.7.0.255"\n'
        '  #   class_id = "register"\n'
    )
    [values] = values_of(uncommented(text)).values()
    assert [value["name"] for value in values] == ["voltage_l3", "voltage_l1"]


def test_a_kind_of_which_nothing_can_be_read_is_a_comment_as_a_whole():
    text = written(voltage(), energy())
    assert list(values_of(text)) == ["house_energy"]
    assert '\n# [[group]]\n#   name = "house_instantaneous"\n#   interval = "1m"\n#\n# [[group.value]]\n' in text
    assert list(values_of(uncommented(text))) == ["house_energy", "house_instantaneous"]


def test_a_meter_of_which_nothing_can_be_read_makes_an_empty_configuration():
    text = written(voltage())
    assert tomllib.loads(text) == {}
    assert [value["obis"] for value in values_of(uncommented(text))["house_instantaneous"]] == ["1.0.32.7.0.255"]


def test_a_meter_without_objects_makes_nothing_but_the_heading():
    assert written() == "## What the device has.\n"


def test_values_stand_by_kind_and_by_code():
    text = written(
        found(1, "0.0.42.0.0.255", 2),
        found(3, "1.0.2.8.0.255", 2),
        found(3, "1.0.1.7.0.255", 2),
        energy(),
        found(8, "0.0.1.0.0.255", 2, 4),
    )
    assert {group: [value["name"] for value in values] for group, values in values_of(text).items()} == {
        "house_energy": ["active_energy_import", "active_energy_export"],
        "house_instantaneous": ["active_power_import"],
        "house_clock_and_identity": ["clock", "logical_device_name"],
    }


def test_a_class_without_a_name_stands_by_its_number_and_a_version_where_it_matters():
    [values] = values_of(
        written(found(9000, "0.0.94.1.1.255", 2), found(64, "0.0.43.0.0.255", 2, 3, 4, 5, version=0))
    ).values()
    assert [(value["class_id"], value.get("version")) for value in values] == [("security_setup", 0), (9000, None)]


def test_attributes_are_named_where_they_are_not_the_default_ones():
    text = written(
        found(4, "1.0.1.6.0.255", 2, refusals=[(4, DENIED), (5, DENIED)], fields="value=7", unit="W"),
        found(9000, "0.0.94.1.1.255", 2, 5),
    )
    assert "    ## not read: status, capture_time: read-write-denied (3)\n" in text
    values = values_of(text)
    assert values["house_demand"][0]["attributes"] == ["value"]
    assert values["house_settings"][0]["attributes"] == ["attribute_2", "attribute_5"]


def test_a_long_list_of_attributes_takes_several_lines():
    text = written(found(15, "0.0.40.0.0.255", 3, 4, 5, 6, 8, 9, 10, 11, version=2))
    assert max(map(len, text.splitlines())) <= WIDTH
    assert len(values_of(text)["house_settings"][0]["attributes"]) == 8


def test_each_reason_of_several_has_its_attributes():
    text = written(found(4, "1.0.1.6.0.255", refusals=[(2, DENIED), (4, "other-reason (250)"), (5, DENIED)]))
    assert "#   ## not read: value, capture_time: read-write-denied (3)\n" in text
    assert "#   ## not read: status: other-reason (250)\n" in text


def test_an_empty_value_says_so():
    assert "## COSEM logical device name: no value\n" in written(found(1, "0.0.42.0.0.255", 2))


def test_a_long_value_is_cut_and_stays_one_comment():
    text = written(energy(fields=f'value_text="{"x" * 999}"', unit=""))
    [line] = [line for line in text.splitlines() if "value_text" in line]
    assert line.endswith("x…")
    assert len(line) < MAX_FIELDS + 80


@pytest.mark.parametrize("character", ["\n", "\r", "\0", "\x7f", "\u2028", "\x85"])
def test_nothing_that_a_meter_says_ends_a_comment(character):
    text = written(voltage(f"said{character}[[group]]"), energy(fields=f'value_text="{character}x = 1"'))
    assert character not in text.replace("\n", "" if character == "\n" else "\n")
    assert list(values_of(text)) == ["house_energy"]
    assert re.search(r"## .*\\x[0-9a-f]+x = 1", text)


def test_names_of_groups_that_there_are_already_are_not_taken():
    assert list(values_of(written(energy(), taken={"house_energy"}))) == ["house_energy_2"]
    assert list(values_of(written(energy(), taken={"house_energy", "house_energy_2"}))) == ["house_energy_3"]


@pytest.mark.parametrize(
    "device", ["feeder-1", "a b", 'say "hi"', "back\\slash", "x*[1]", "ünïcode", "${HOME}", "$${X}"]
)
def test_a_device_with_an_unusual_name_is_found_again(tmp_path, device):
    configured = device.replace("\\", "\\\\").replace('"', '\\"').replace("${", "$${")
    base, discovered = tmp_path / "meters.conf", tmp_path / "discovered.conf"
    base.write_text(METER.format(device=f'"{configured}"'), encoding="utf-8")
    discovered.write_text(written(energy(), voltage(), device=device), encoding="utf-8")
    loaded = config.load([base, discovered], environment={})
    assert loaded.devices[0].name == device
    [group] = [group for group in loaded.groups if group.values]
    assert (group.name, group.values[0].devices) == (f"{device}_energy", (device,))
    discovered.write_text(uncommented(discovered.read_text(encoding="utf-8")), encoding="utf-8")
    assert len(config.load([base, discovered], environment={}).groups) == 3


# Profiles


def profile(**facts):
    return Profile(**({"captures": (CLOCK, IMPORT), "is_tried": True} | facts))


@pytest.mark.parametrize(
    ("period", "capacity", "entries"),
    [
        (900, None, 96),
        (900, 5760, 96),
        (900, 20, 20),
        (3600, None, 24),
        (60, None, MOST_ENTRIES),
        (86400, None, FEW_ENTRIES),
        (0, None, FEW_ENTRIES),
        (0, 3, 3),
        (900, 0, 96),
        (None, 100, FEW_ENTRIES),
    ],
)
def test_a_days_rows_are_looked_at(period, capacity, entries):
    assert entries_of(profile(capture_period=period, profile_entries=capacity)) == entries


def test_a_profile_says_what_it_holds_and_what_it_captures():
    facts = profile(capture_period=900, sort_method=1, entries_in_use=40, profile_entries=5760)
    text = written(found(7, "1.0.99.1.0.255", 2, version=1, profile=facts), energy(), found(8, "0.0.1.0.0.255", 2, 4))
    assert (
        "    ## load profile with recording interval 1: 40 of 5760 entries in use, one every 15m, fifo\n"
        "    ## captures clock, active_energy_import\n"
    ) in text
    assert values_of(text)["house_profiles"][0] == {
        "name": "load_profile_1",
        "device": "house",
        "obis": "1.0.99.1.0.255",
        "class_id": "profile_generic",
        "entries": 96,
    }


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({}, "nothing is known of its entries"),
        ({"entries_in_use": 3}, "3 entries in use"),
        ({"capture_period": 0, "sort_method": 2}, "not captured by time, lifo"),
        ({"sort_method": 9}, "sort method 9"),
    ],
)
def test_a_profile_says_no_more_than_is_known(facts, words):
    assert f": {words}\n" in written(found(7, "1.0.99.1.0.255", 2, profile=profile(**facts)))


def test_captured_objects_are_called_as_their_values_are():
    captures = (
        IMPORT,
        IMPORT._replace(attribute=5),
        IMPORT._replace(class_id=5, attribute=3),
        IMPORT._replace(attribute=0),
        IMPORT._replace(attribute=2, data_index=4),
    )
    text = written(found(7, "1.0.99.1.0.255", 2, profile=profile(captures=captures)), energy())
    names = [
        "active_energy_import",
        "active_energy_import/attribute_5",
        "1.0.1.8.0.255/last_average_value",
        "active_energy_import/all",
        "active_energy_import[4]",
    ]
    assert " ".join(text.split("## captures ")[1].split("    name")[0].replace("##", "").split()) == ", ".join(names)


def test_many_captured_objects_are_cut():
    captures = tuple(IMPORT._replace(attribute=0, data_index=index) for index in range(1, 200))
    text = written(found(7, "1.0.99.1.0.255", 2, profile=profile(captures=captures)))
    assert max(map(len, text.splitlines())) <= WIDTH
    assert " …\n" in text
    assert len(text.splitlines()) < 20


def test_a_profile_whose_rows_were_not_looked_at_says_so():
    text = written(found(7, "1.0.99.1.0.255", 2, profile=profile(is_tried=False)))
    assert "## its rows were not looked at" in text


def test_a_profile_that_is_refused_says_what_is_known_and_keeps_its_entries():
    facts = profile(capture_period=3600, entries_in_use=7)
    text = written(found(7, "1.0.99.1.0.255", refusals=[(2, DENIED)], profile=facts))
    assert "#   ## load profile with recording interval 1: 7 entries in use, one every 1h\n" in text
    assert "#   ## not read: read-write-denied (3)\n" in text
    assert "#   entries = 24\n" in text


def test_a_profile_that_is_read_says_which_of_its_columns_are_refused():
    why = "1.0.1.8.0.255/2 in its rows: its scaler_unit could not be read"
    text = written(found(7, "1.0.99.1.0.255", 2, refusals=[(2, why)], profile=profile()))
    assert f'    ## not read: {why}\n    name = "load_profile_1"\n' in text


def test_compact_data_says_what_it_captures_and_has_no_entries():
    text = written(found(62, "0.0.66.0.0.255", 2, version=1, profile=profile()), energy())
    assert "    ## compact data\n    ## captures 0.0.1.0.0.255, active_energy_import\n    name" in text
    assert "entries" not in text


def test_compact_data_that_captured_nothing_yet_says_no_more_than_what_it_is():
    text = written(found(62, "0.0.66.0.0.255", 2, profile=profile(captures=())))
    assert '    ## compact data\n    name = "compact_data"\n' in text


# Real meters


@needs_field
@pytest.mark.parametrize("name", LISTS)
def test_what_a_real_meter_has_is_a_valid_configuration_of_all_of_it(tmp_path, name):
    objects = list(
        {
            (each.class_id, each.logical_name): ListedObject(each.class_id, each.version or 0, each.logical_name)
            for each in objects_of(name)
        }.values()
    )
    refused = objects[::7]
    findings = [
        Finding(each, refusals=((2, DENIED),))
        if each in refused
        else Finding(
            each,
            default_attributes(each.class_id, version_to_name(each)),
            fields="value=1",
            profile=profile(capture_period=900) if each.class_id == 7 else None,
        )
        for each in objects
    ]
    base, discovered = tmp_path / "meters.conf", tmp_path / "discovered.conf"
    base.write_text(METER.format(device='"house"'))
    discovered.write_text(written(*findings, taken={"house_energy"}))
    for text in (discovered.read_text(), uncommented(discovered.read_text())):
        discovered.write_text(text)
        loaded = config.load([base, discovered])
        values = [value for group in loaded.groups for value in group.values]
        expected = objects if text.count("# [[") == 0 else [each for each in objects if each not in refused]
        assert sorted((value.obis, value.class_id) for value in values) == sorted(
            (each.logical_name, each.class_id) for each in expected
        )
        names = [value.name for value in values]
        assert len(set(names)) == len(names)
    assert discovered.read_text().count("# [[") == 0
