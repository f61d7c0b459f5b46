"""How classes and attributes are looked up."""

from __future__ import annotations

import pytest

from telegraf_dlms import cosem
from telegraf_dlms.cosem import (
    Attribute,
    AttributeDescriptor,
    CaptureObject,
    FieldType,
    ScalerUnit,
    attribute_number,
    attribute_of,
    attributes_of,
    class_id_of,
    class_name,
    default_attributes,
    field_names,
    is_described,
    is_field_name,
    last_attribute,
    versions_of,
)


@pytest.mark.parametrize(
    ("given", "class_id"),
    [("register", 3), ("profile_generic", 7), (3, 3), ("3", 3), (0, 0), (65535, 65535), (9999, 9999), ("clock", 8)],
)
def test_a_class_is_a_number_known_or_not_or_a_name(given, class_id):
    assert class_id_of(given) == class_id


def test_a_wrong_name_of_thousands_of_values_is_compared_once(monkeypatch):
    compared = []
    monkeypatch.setattr(cosem, "get_close_matches", lambda name, known, n: compared.append(name) or ["register"])
    for _ in range(3):
        with pytest.raises(ValueError, match='did you mean "register"'):
            class_id_of("registr, once")
    assert compared == ["registr, once"]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("registr", '"registr" is not the name of a class; did you mean "register"?'),
        ("Profile Generic", '"Profile Generic" is not the name of a class; did you mean "profile_generic"?'),
        ("xyzzy", '"xyzzy" is not the name of a class'),
        ("", '"" is not the name of a class'),
        ("attribute_3", '"attribute_3" is not the name of a class'),
        ("-1", '"-1" is not the name of a class'),
        (-1, "class_id -1 is outside 0..65535"),
        (65536, "class_id 65536 is outside 0..65535"),
        ("65536", "class_id 65536 is outside 0..65535"),
    ],
)
def test_what_is_no_class_is_refused_with_a_suggestion(given, problem):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  the whole text is compared below
        class_id_of(given)
    assert str(caught.value) == problem


def test_a_class_that_the_blue_book_does_not_name_has_no_name():
    assert class_name(7) == "profile_generic"
    assert class_name(8192) is None


@pytest.mark.parametrize(
    ("class_id", "number", "version", "attribute"),
    [
        (1, 2, None, Attribute(2, "value", FieldType.CHOICE)),
        (3, 3, 0, Attribute(3, "scaler_unit", FieldType.NO_FIELD)),
        (3, 1, 0, Attribute(1, "logical_name", FieldType.NO_FIELD)),
        (4, 4, 0, Attribute(4, "status", FieldType.STATUS)),
        (4, 5, None, Attribute(5, "capture_time", FieldType.DATE_TIME)),
        (5, 8, None, Attribute(8, "period", FieldType.INTEGER)),
        (8, 2, None, Attribute(2, "clock_time", FieldType.DATE_TIME)),
        (8, 8, None, Attribute(8, "daylight_savings_enabled", FieldType.BOOLEAN)),
        (70, 2, None, Attribute(2, "output_state", FieldType.BOOLEAN)),
        (42, 3, None, Attribute(3, "ip_address", FieldType.IP_ADDRESS)),
        (1, 3, None, Attribute(3, "attribute_3", FieldType.CHOICE)),
        (8192, 2, None, Attribute(2, "attribute_2", FieldType.CHOICE)),
        (3, -1, None, Attribute(-1, "attribute_-1", FieldType.CHOICE)),
    ],
)
def test_an_attribute_has_its_field_and_type(class_id, number, version, attribute):
    assert attribute_of(class_id, number, version) == attribute


@pytest.mark.parametrize(
    ("class_id", "number", "version", "name"),
    [
        (29, 6, 0, "phone_list"),
        (29, 6, 1, "destination_list"),
        (29, 6, 2, "destination_list"),
        (29, 6, 9, "destination_list"),
        (29, 6, None, "destination_list"),
        (24, 2, 0, "secondary_address"),
        (24, 2, 1, "mode"),
        (24, 5, 0, "fatal_error"),
        (24, 5, None, "tabi_list"),
        (15, 7, 0, "lls_secret"),
        (15, 7, 1, "secret"),
        (15, 7, None, "secret"),
    ],
)
def test_a_version_names_its_own_attributes_and_an_unknown_one_those_of_the_newest(class_id, number, version, name):
    assert attribute_of(class_id, number, version).name == name


def test_an_attribute_that_only_a_newer_version_has_keeps_its_name_in_an_older_one():
    assert attribute_of(64, 6, 0) == attribute_of(64, 6, 1) == Attribute(6, "certificates", FieldType.JSON)


@pytest.mark.parametrize(
    ("class_id", "given", "number"),
    [
        (4, "status", 4),
        (4, 4, 4),
        (4, "4", 4),
        (8, "clock_time", 2),
        (8, "time", 2),
        (3, "scaler_unit", 3),
        (3, "logical_name", 1),
        (8192, "attribute_5", 5),
        (3, "attribute_2", 2),
        (3, 127, 127),
    ],
)
def test_an_attribute_is_named_by_its_field_or_number(class_id, given, number):
    assert attribute_number(class_id, given) == number


@pytest.mark.parametrize(
    ("class_id", "given", "problem"),
    [
        (4, "statsu", '"statsu" is not the name of an attribute of extended_register; did you mean "status"?'),
        (8192, "value", '"value" is not the name of an attribute of class 8192'),
        (3, "time", '"time" is not the name of an attribute of register'),
        (3, 0, "attribute 0 is outside 1..127"),
        (3, 128, "attribute 128 is outside 1..127"),
        (3, "attribute_999", "attribute 999 is outside 1..127"),
    ],
)
def test_what_is_no_attribute_is_refused_with_a_suggestion(class_id, given, problem):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  the whole text is compared below
        attribute_number(class_id, given)
    assert str(caught.value) == problem


def test_a_name_is_looked_up_in_the_version_that_is_configured():
    assert attribute_number(29, "phone_list", version=0) == 6
    with pytest.raises(ValueError, match="phone_list"):
        attribute_number(29, "phone_list", version=2)


@pytest.mark.parametrize(
    ("class_id", "version", "numbers"),
    [
        (1, None, (2,)),
        (3, None, (2,)),
        (4, None, (2, 4, 5)),
        (5, None, (2, 3, 5, 6, 7, 8, 9)),
        (7, None, (2,)),
        (62, None, (2,)),
        (8, None, (2, 4)),
        (70, None, (2, 3, 4)),
        (15, 0, (2, 3, 4, 5, 6, 8)),
        (15, None, (2, 3, 4, 5, 6, 8, 9, 10, 11)),
        (19, None, (2, 3, 4, 5, 6)),
        (45, None, (2, 4)),
        (64, 0, (2, 3, 4, 5)),
        (64, 1, (2, 3, 4, 5, 6)),
        (40, 0, (2, 3, 4, 5, 6, 7)),
        (24, 0, (2, 3, 4, 5)),
        (8192, None, (2,)),
    ],
)
def test_attributes_read_by_default_are_neither_names_nor_secrets(class_id, version, numbers):
    assert default_attributes(class_id, version) == numbers


def test_the_attributes_of_a_version_begin_with_the_logical_name():
    assert [attribute.name for attribute in attributes_of(3)] == ["logical_name", "value", "scaler_unit"]
    assert [attribute.name for attribute in attributes_of(8192)] == ["logical_name"]


@pytest.mark.parametrize(
    ("class_id", "versions"), [(3, (0,)), (29, (0, 1)), (40, (0, 1, 2)), (15, (0, 1, 2)), (8192, (0,))]
)
def test_the_versions_are_those_that_differ(class_id, versions):
    assert versions_of(class_id) == versions


@pytest.mark.parametrize(
    ("class_id", "version", "last"),
    [(3, 0, 3), (64, 0, 5), (64, 1, 6), (15, 1, 9), (15, 2, 11), (64, 2, None), (3, 1, None), (9000, 0, None)],
)
def test_the_last_attribute_of_a_version_is_known_where_the_version_is(class_id, version, last):
    assert last_attribute(class_id, version) == last


def test_no_tag_of_ours_is_called_like_a_field():
    tags = {"device", "group", "name", "obis", "class_id", "unit", "profile", "data_index", "connection", "time"}
    assert not field_names() & tags


def test_the_names_of_fields_are_those_of_metrics_too():
    names = field_names()
    assert {"value", "value_text", "value_json", "status", "status_text", "clock_time", "clock_status"} <= names
    assert {"period_text", "period_json", "clock_time_json", "output_state_text"} <= names
    assert not names & {"logical_name", "scaler_unit", "clock_time_text", "object_list_json", "logical_name_json"}


@pytest.mark.parametrize("name", ["value", "status_text", "attribute_5", "attribute_127_text", "attribute_5_json"])
def test_a_field_is_known_by_its_name(name):
    assert is_field_name(name)


@pytest.mark.parametrize("name", ["site", "attribute_", "attribute_x", "attribute_5_", "attribute_5_jsonx", "Value"])
def test_what_is_no_field_is_known_too(name):
    assert not is_field_name(name)


def test_what_is_scaled_has_its_scaler_unit_beside_it():
    for class_id, number in cosem.SCALED:
        assert attribute_of(class_id, number).type is FieldType.CHOICE
        assert attribute_of(class_id, cosem.SCALER_ATTRIBUTE[class_id]).name == "scaler_unit"


def test_a_made_up_attribute_does_not_grow_the_memory():
    for number in range(5000):
        attribute_of(3, number)
    info = cosem._attribute.cache_info()
    assert info.currsize <= info.maxsize


def test_classes_and_versions_that_a_meter_makes_up_are_not_kept():
    cosem._rows_of.cache_clear()
    for number in range(2000):
        assert [attribute.name for attribute in attributes_of(9000 + number, number)] == ["logical_name"]
        assert attributes_of(15, number)
    assert cosem._rows_of.cache_info().currsize < 10


def test_the_words_are_tuples():
    name = bytes.fromhex("0100010800ff")
    assert AttributeDescriptor(3, name, 2) == (3, name, 2)
    assert CaptureObject(3, name, 2, 0).data_index == 0
    assert ScalerUnit(-3, 30)._asdict() == {"scaler": -3, "unit": 30}


@pytest.mark.parametrize(
    ("value", "scaler_unit"),
    [
        ((-1, 30), ScalerUnit(-1, 30)),
        ([-1, 30], ScalerUnit(-1, 30)),
        ((127, 255), ScalerUnit(127, 255)),
        ((True, 30), None),
        ((0, False), None),
        ((128, 30), None),
        ((0, 256), None),
        ((0,), None),
        ((0, 30, 0), None),
        (("0", 30), None),
        (None, None),
        (5, None),
    ],
)
def test_a_scaler_unit_is_a_scaler_and_a_unit_and_nothing_else(value, scaler_unit):
    assert ScalerUnit.of(value) == scaler_unit


def test_a_scaler_that_one_meter_sends_as_a_boolean_is_no_other_meters():
    # They are equal, and of equal ones only the first is kept.
    cosem._scaler_unit.cache_clear()
    assert ScalerUnit.of((True, 30)) is None
    assert repr(ScalerUnit.of((1, 30))) == "ScalerUnit(scaler=1, unit=30)"


@pytest.mark.parametrize(("class_id", "described"), [(3, True), (62, True), (111, False), (9000, False)])
def test_a_class_is_described_where_the_table_has_its_attributes(class_id, described):
    assert is_described(class_id) is described
