"""The lines of tables, keys and members in TOML files."""

from __future__ import annotations

import tomllib

import pytest

from telegraf_dlms.toml_lines import LineIndex

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
        (("device", 0, "list"), 12),
        (("device", 0, "list", 0), 13),
        (("device", 0, "list", 1, "y"), 14),
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


INLINE = '''\
group = [
  { name = "a", tags = { site = 5, b.c = 1, "x, y" = [1, { z = 2 }] }, value = [
    { name = "v", "na\u006de" = 1 }, { name = "w" }, # { [
    # [ {

    {
      name = "multi", text = """ ], {
    , ] \"""" },
  ] },
  {name="b",value=[{name="x"},
   {name="y", devices = [
     "d1",
     "d2", 2000-01-01 00:00:00,
     'd3',
   ]},
  ],},
]
after = [ [ 1, 2 ], [
  3, [] ], {}, { a = 1 } ]
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("group", 0), 2),
        (("group", 0, "tags", "site"), 2),
        (("group", 0, "tags", "b", "c"), 2),
        (("group", 0, "tags", "x, y", 1, "z"), 2),
        (("group", 0, "value"), 2),
        (("group", 0, "value", 0, "name"), 3),
        (("group", 0, "value", 1), 3),
        (("group", 0, "value", 2), 6),
        (("group", 0, "value", 2, "name"), 7),
        (("group", 0, "value", 2, "text"), 7),
        (("group", 0, "value", 3), 2),
        (("group", 1), 10),
        (("group", 1, "value", 0, "missing"), 10),
        (("group", 1, "value", 1), 11),
        (("group", 1, "value", 1, "devices", 0), 12),
        (("group", 1, "value", 1, "devices", 1), 13),
        (("group", 1, "value", 1, "devices", 2), 13),
        (("group", 1, "value", 1, "devices", 3), 14),
        (("group", 1, "value", 1, "devices", 4), 11),
        (("after", 0, 1), 18),
        (("after", 1), 18),
        (("after", 1, 0), 19),
        (("after", 1, 1), 19),
        (("after", 3, "a"), 19),
    ],
)
def test_the_members_of_arrays_and_inline_tables_are_found(path, line):
    assert LineIndex(INLINE).line(path) == line


@pytest.mark.parametrize(
    "text", ["x = ]", "x = }}", "x = {", "x = {,", "x = [,,]", "x = { = 1 }", 'x = { """ = 1', "=", "[", "x = [[{"]
)
def test_what_is_no_toml_ends_too(text):
    assert LineIndex(f"{text}\nlast = 1\n").line(("x",)) == 1


def test_an_index_of_a_long_list_is_built_in_one_pass():
    text = "x = [\n" + "".join(f'  {{ name = "{number}" }},\n' for number in range(20_000)) + "]\n"
    assert LineIndex(text).line(("x", 19_999, "name")) == 20_001
