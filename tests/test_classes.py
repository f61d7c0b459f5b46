"""The table of classes against its own rules and object lists of real meters; test_classes_gurux has the oracle."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import pytest

from telegraf_dlms.class_names import CLASS_NAMES
from telegraf_dlms.classes import CLASSES, READ_BY_DEFAULT, SECRETS, FieldType
from telegraf_dlms.cosem import attribute_of, attributes_of, versions_of

OBJECTS = Path(__file__).parents[2] / "shared" / "field" / "objects"

#: The classes of the router; every row of its page must work.
ROUTER = [1, 3, 4, 5, 6, 7, 8, 9, 11, 15, 17, 18, 19, 20, 21, 22, 23, 24, 26, 27, 28, 29]
ROUTER += [40, 41, 42, 43, 45, 47, 48, 62, 64, 68, 70, 71]


def every_row():
    """Return every (class, version, attribute) of the table."""
    return [
        (class_id, version, attribute)
        for class_id in CLASSES
        for version in versions_of(class_id)
        for attribute in attributes_of(class_id, version)
    ]


def test_a_field_name_has_one_type_over_all_classes_and_versions():
    clashes = [
        f"{one[2].name}: {one[0]}/{one[2].number} v{one[1]} and {other[0]}/{other[2].number} v{other[1]}"
        for one, other in itertools.combinations(every_row(), 2)
        if one[2].name == other[2].name and one[2].type is not other[2].type
    ]
    assert clashes == []


def test_no_field_is_called_like_another_one_with_its_suffix():
    names = {attribute.name for _, _, attribute in every_row()}
    assert not {name + suffix for name in names for suffix in ("_text", "_json")} & names


def test_no_field_is_called_like_a_numbered_attribute_or_time():
    for _, _, attribute in every_row():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", attribute.name)
        assert not re.fullmatch(r"attribute_\d+", attribute.name)
        assert attribute.name != "time"


@pytest.mark.parametrize("class_id", ROUTER)
def test_every_class_of_the_router_is_in_the_table(class_id):
    assert CLASSES[class_id]
    assert class_id in CLASS_NAMES


@pytest.mark.parametrize("class_id", CLASSES)
def test_the_attributes_of_every_version_are_numbered_without_a_gap(class_id):
    for version in versions_of(class_id):
        numbers = [attribute.number for attribute in attributes_of(class_id, version)]
        assert numbers == list(range(1, len(numbers) + 1)), version


def test_only_names_and_scalers_are_never_fields():
    names = {attribute.name for _, _, attribute in every_row() if attribute.type is FieldType.NO_FIELD}
    assert names == {"logical_name", "scaler_unit"}


@pytest.mark.parametrize(
    ("class_id", "number", "kind"),
    [
        (7, 2, FieldType.CHOICE),
        (26, 4, FieldType.CHOICE),
        (29, 4, FieldType.CHOICE),
        (40, 7, FieldType.CHOICE),
        (8, 4, FieldType.STATUS),
        (47, 3, FieldType.STATUS),
    ],
)
def test_where_the_blue_book_gives_a_name_two_types_the_choice_rule_holds(class_id, number, kind):
    assert attribute_of(class_id, number).type is kind


@pytest.mark.parametrize(
    ("class_id", "number", "name"),
    [
        (15, 7, "secret"),
        (19, 7, "pass_p1"),
        (19, 8, "pass_p2"),
        (19, 9, "pass_w5"),
        (44, 5, "ppp_authentication"),
        (45, 3, "pin_code"),
    ],
)
def test_secrets_are_marked(class_id, number, name):
    assert (class_id, number) in SECRETS
    assert attribute_of(class_id, number).name == name


def test_what_is_read_by_default_is_a_field_and_no_secret():
    for class_id, numbers in READ_BY_DEFAULT.items():
        for number in numbers:
            assert attribute_of(class_id, number).type is not FieldType.NO_FIELD
            assert (class_id, number) not in SECRETS


@pytest.mark.may_skip("recordings are no part of the project")
def test_a_real_object_model_calls_its_attributes_the_same():
    path = OBJECTS / "dlmsprofile-smr500.json"
    if not path.exists():
        pytest.skip("the recordings are not here")
    #: Spelling mistakes of that file, and the Clock's time.
    misspelt = {"scalar_unit", "capture_period_in_sec", "transfer_enabled", "time"}
    compared = 0
    for entry in json.loads(path.read_text())["objects"]:
        for theirs in entry["attributes"] if entry["class-id"] in CLASSES else []:
            name = theirs["description"].replace(" ", "_").lower()
            if name not in misspelt:
                assert attribute_of(entry["class-id"], theirs["id"], entry["version"]).name == name
                compared += 1
    assert compared > 100


@pytest.mark.may_skip("recordings are no part of the project")
def test_every_class_and_attribute_of_a_real_meter_is_known():
    path = OBJECTS / "kamstrup_jdlms_object_list.json"
    if not path.exists():
        pytest.skip("the recordings are not here")
    unknown = {
        (entry["class"], entry["version"], int(number))
        for entry in json.loads(path.read_text())
        for number in entry["attr_access"]
        if attribute_of(entry["class"], int(number), entry["version"]).name == f"attribute_{number}"
    }
    assert unknown == set()
