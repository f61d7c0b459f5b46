"""Lines for a person: where a problem is, and what was probably meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from telegraf_dlms.problems import MAX_COMPARISONS, Place, Problem, Suggestions, render, shown


def test_problems_are_told_in_the_order_of_files_and_lines():
    first, second = Path("a.conf"), Path("b.conf")
    texts = {first: "x = 1\ny = 2\n", second: "[z]\nx = 1\n"}
    problems = [
        Problem(Place(Path("missing.conf")), "cannot be read"),
        Problem(Place(second, ("z",)), "is wrong", subject="z", key=("x",)),
        Problem(Place(first), "not valid TOML", line=7),
        Problem(Place(first, ("y",)), "is wrong", subject="y", other=Place(second, ("z", "x"))),
        Problem(Place(first, ("x",)), "is wrong", key=("list", 0, "a")),
    ]
    assert render(problems, texts) == [
        "a.conf:1: list[0].a: is wrong",
        "a.conf:2: y: is wrong b.conf:2",
        "a.conf:7: not valid TOML",
        "b.conf:2: z: x: is wrong",
        "missing.conf: cannot be read",
    ]


def test_a_key_that_needs_quotes_is_shown_in_quotes_on_the_same_line():
    keys = [("tags", "a\n"), ("a.b", ""), ("tags", "site_1", 2, "x-y")]
    told = render([Problem(Place(Path("a.conf")), "is wrong", key=key) for key in keys], {})
    assert told == [
        'a.conf: tags."a\\n": is wrong',
        'a.conf: "a.b"."": is wrong',
        "a.conf: tags.site_1[2].x-y: is wrong",
    ]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("client_adress", '; did you mean "client_address"?'),
        ("TAGS", '; did you mean "tags"?'),
        ("frobnicate", ""),
        (5, ""),
        ("x" * 10_000, ""),
    ],
)
def test_a_name_that_is_nearly_right_is_suggested(name, hint):
    assert Suggestions().hint(name, ["client_address", "tags"]) == hint


def test_what_is_not_there_is_told_with_what_is():
    assert Suggestions().missing("device", "huose", ["house"]) == 'there is no device "huose"; did you mean "house"?'
    assert Suggestions().missing("group", 'a "b"\n', []) == r'there is no group "a \"b\"\n"'


def test_suggestions_end_when_their_budget_is_spent():
    suggestions = Suggestions()
    names = [f"meter-{number}" for number in range(MAX_COMPARISONS // 2)]
    assert suggestions.hint("x", names) == ""
    assert suggestions.hint("x", names) == ""
    assert suggestions.hint("tag", ["tags"]) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\nb", '"a\\nb"'),
        ("grün", '"grün"'),
        ("x" * 61, '"' + "x" * 60 + '…"'),
        (True, "true"),
        (300, "300"),
        (1 << 80, "a number beyond 64 bits"),
        (1.5, "1.5"),
        ([1], "a list"),
        ({}, "a table"),
    ],
)
def test_what_was_written_is_shown_on_one_line(value, text):
    assert shown(value) == text
