"""docs/features.md: each row of the router's page has tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TABLE = (ROOT / "docs/features.md").read_text(encoding="utf-8")
PAGE = ROOT.parent / "shared" / "rutm50.md"
#: Rows of tables, without their heads.
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TABLE.splitlines()
    if line.startswith("| ") and "field there" not in line
]
SHOWN = [(row[0], test) for row in ROWS for test in re.findall(r"`(tests/[^`]+)`", row[2])]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_each_row_names_a_key_and_a_test(row):
    field, key, _ = row
    assert field
    assert "`" in key
    assert any(field == shown for shown, _ in SHOWN)


@pytest.mark.parametrize(("field", "test"), SHOWN)
def test_each_test_that_is_named_is_there(field, test):
    file, _, name = test.partition("::")
    assert (ROOT / file).is_file(), field
    source = (ROOT / file).read_text(encoding="utf-8")
    assert re.search(rf"^(async )?def {name or 'test_'}", source, re.MULTILINE), field


@pytest.mark.skipif(not PAGE.is_file(), reason="the router's page is not beside this checkout")
def test_every_row_of_the_routers_page_is_in_the_table():
    page = PAGE.read_text(encoding="utf-8").partition("Classes:")[0]
    fields = [line.split("|")[1].strip() for line in page.splitlines() if re.match(r"\| [a-zA-Z]", line)]
    names = {name.strip() for field in fields if field != "field" for name in field.split(",")}
    assert len(names) > 25
    there = {name.strip() for row in ROWS for name in row[0].split(",")}
    assert names - there == {"authentication key", "block cipher key", "dedicated key"} - there
