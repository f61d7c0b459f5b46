"""Lines for a person: where a problem is, and what was probably meant."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from telegraf_dlms.problems import MAX_COMPARISONS, LineIndex, Place, Problem, Suggestions, render, shown

FILE = '''\
# [agent]
[agent]
  measurement = "dlms"  # [[device]]
  tags.site = "north"

[[device]]
  name = "a"
  password = """
[[device]]
name = "b"
\\"""" # done
  list = [
    "x", # ]
    { y = "]" },
  ]
  after = 1
  [device.workarounds]
    no_lists = true
[[device]]
  "quoted = key" = 1
  'literal' = \'\'\'
a = "
\'\'\'
  name = "c"

[[group]]
  [[group.value]]
    name = "v"
  [[group.value]]
    name = "w"
[[group]]
  [[group.value]]
    "na\\u006de" = "x"
  [group.tags]
    site = "east"
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("agent",), 2),
        (("agent", "measurement"), 3),
        (("agent", "tags"), 4),
        (("agent", "tags", "site"), 4),
        (("agent", "missing"), 2),
        (("device", 0), 6),
        (("device", 0, "password"), 8),
        (("device", 0, "list", 1, "y"), 12),
        (("device", 0, "after"), 16),
        (("device", 0, "workarounds", "no_lists"), 18),
        (("device", 1), 19),
        (("device", 1, "quoted = key"), 20),
        (("device", 1, "literal"), 21),
        (("device", 1, "a"), 19),
        (("device", 1, "name"), 24),
        (("group", 0, "value", 1, "name"), 30),
        (("group", 1, "value", 0, "name"), 33),
        (("group", 1, "tags", "site"), 35),
        (("nowhere",), 1),
    ],
)
def test_a_key_is_found_in_its_line(path, line):
    assert LineIndex(FILE).line(path) == line


def test_the_index_knows_every_key_of_a_file_that_tomllib_reads():
    raw = tomllib.loads(FILE)
    index = LineIndex(FILE)
    lines = FILE.split("\n")
    for position, device in enumerate(raw["device"]):
        for key in device:
            assert key in lines[index.line(("device", position, key)) - 1]


def test_an_index_of_a_long_file_is_built_in_one_pass():
    text = "".join(f'[[device]]\n  name = "{number}"\n' for number in range(20_000))
    assert LineIndex(text).line(("device", 19_999, "name")) == 40_000


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
