"""${NAME} in the texts of a configuration."""

from __future__ import annotations

import pytest

from telegraf_dlms.environment import expand, expand_table, has_reference

ENVIRONMENT = {"SITE": "north", "EMPTY": "", "NESTED": "${SITE}", "_9": "x"}


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("${SITE}", "north"),
        ("a-${SITE}-${SITE}", "a-north-north"),
        ("${EMPTY}", ""),
        ("${NESTED}", "${SITE}"),
        ("${_9}", "x"),
        ("$${SITE}", "${SITE}"),
        ("$$${SITE}", "$${SITE}"),
        ("$SITE costs 5$", "$SITE costs 5$"),
        ("{SITE}", "{SITE}"),
    ],
)
def test_references_are_expanded_once(text, expanded):
    assert expand(text, ENVIRONMENT) == expanded


@pytest.mark.parametrize("text", ["${", "${SITE", "${}", "${a b}", "${SITE:-south}", "${9}"])
def test_a_reference_without_a_name_is_refused(text):
    with pytest.raises(ValueError, match="without a variable's name"):
        expand(text, ENVIRONMENT)


def test_a_variable_that_is_not_set_is_named():
    with pytest.raises(ValueError, match="the environment variable SUOTH is not set"):
        expand("${SUOTH}", ENVIRONMENT)


def test_texts_are_expanded_at_any_depth_and_nothing_else():
    table = {"a": "${SITE}", "tags": {"b": ["${SITE}", 5]}, "${SITE}": True}
    assert expand_table(table, ENVIRONMENT) == ({"a": "north", "tags": {"b": ["north", 5]}, "${SITE}": True}, {})
    assert table["a"] == "${SITE}"


def test_every_reference_that_cannot_be_expanded_is_told_with_its_way():
    _, wrong = expand_table({"a": "${X}", "tags": {"b": ["", "${Y}"]}}, ENVIRONMENT)
    assert wrong == {
        ("a",): "the environment variable X is not set",
        ("tags", "b", 1): "the environment variable Y is not set",
    }


@pytest.mark.parametrize(
    ("value", "found"),
    [("${A}", True), ({"a": [{"b": "x${"}]}, True), ({"a": ["$", 5, None]}, False), ({"${A}": 1}, False)],
)
def test_a_reference_is_found_at_any_depth(value, found):
    assert has_reference(value) is found
