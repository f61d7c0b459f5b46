"""docs/metrics.md is what the class table makes it, and says of each field what the program does."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from telegraf_dlms.classes import CLASSES, SECRETS, FieldType
from telegraf_dlms.cosem import attribute_of, attributes_of, default_attributes, versions_of
from telegraf_dlms.metrics import DevicePoll, DeviceSeries, PollResult, ProfilePoll
from telegraf_dlms.metrics_page import DEVICE_FIELDS, PROFILE_FIELDS, TYPES, UNITS, main, page

ROOT = Path(__file__).resolve().parents[1]


def rows_of(class_id):
    """Return the cells of a class's table on the page."""
    part = re.search(rf"### {class_id} \w+\n\n(.*?)\n\n", page(), re.DOTALL)[1]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in part.splitlines()[2:]]


def test_the_committed_page_is_what_make_docs_makes():
    assert (ROOT / "docs/metrics.md").read_text(encoding="utf-8") == page(), "run make docs"


def test_the_page_is_made_by_a_command(tmp_path):
    made = tmp_path / "metrics.md"
    command = [sys.executable, "-m", "telegraf_dlms.metrics_page", str(made)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT / "plugin")
    assert (done.stdout, done.stderr) == ("", "")
    assert made.read_text(encoding="utf-8") == page()


def test_the_makefile_writes_the_page_that_is_committed():
    assert "$(BIN)/python -m telegraf_dlms.metrics_page docs/metrics.md" in (ROOT / "Makefile").read_text()


def test_without_a_file_nothing_is_written():
    with pytest.raises(ValueError, match="not enough values"):
        main([])


@pytest.mark.parametrize("class_id", CLASSES)
def test_every_attribute_of_every_version_is_in_its_classs_table(class_id):
    shown = {(int(number), name.strip("`"), kind) for number, name, kind, *_ in rows_of(class_id)}
    known = {
        (attribute.number, attribute.name, TYPES[attribute.type][0])
        for version in versions_of(class_id)
        for attribute in attributes_of(class_id, version)
        if attribute.type is not FieldType.NO_FIELD
    }
    assert shown == known


@pytest.mark.parametrize("class_id", CLASSES)
def test_what_is_read_by_default_is_marked(class_id):
    newest = versions_of(class_id)[-1]
    names = {attribute.name: attribute.number for attribute in attributes_of(class_id, newest)}
    marks = {names[name.strip("`")]: read for _, name, _, _, read, _ in rows_of(class_id) if name.strip("`") in names}
    assert {number for number, read in marks.items() if read == "yes"} == set(default_attributes(class_id))
    assert {number for number, read in marks.items() if read == "when named"} == {
        number for secret_class, number in SECRETS if secret_class == class_id
    }


@pytest.mark.parametrize(
    ("class_id", "row"),
    [
        (3, ["2", "`value`", "choice", "scaler_unit", "yes", ""]),
        (5, ["8", "`period`", "integer", "s", "yes", ""]),
        (15, ["7", "`lls_secret`", "text", "", "when named", "0"]),
        (15, ["7", "`secret`", "text", "", "when named", "1 and newer"]),
        (28, ["7", "`list_of_allowed_callers`", "JSON", "", "yes", "2 and newer"]),
        (70, ["2", "`output_state`", "boolean", "", "yes", ""]),
    ],
)
def test_a_row_tells_attribute_field_type_unit_default_and_versions(class_id, row):
    assert row in rows_of(class_id)


def test_fixed_units_are_of_attributes_that_hold_numbers():
    for class_id, number in UNITS:
        kinds = {attribute_of(class_id, number, version).type for version in versions_of(class_id)}
        assert kinds <= {FieldType.INTEGER, FieldType.CHOICE}, (class_id, number)


def test_every_field_of_a_polls_line_has_its_meaning():
    poll = DevicePoll(PollResult.OK, meter_id="1", clock_drift_seconds=0.0, invocation_counter=0)
    line = DeviceSeries({}).line(poll, time_ns=0)
    assert list(DEVICE_FIELDS) == [field.partition("=")[0] for field in line.split(" ")[1].split(",")]
    assert list(PROFILE_FIELDS) == [field.name for field in fields(ProfilePoll)]
    for name in (*DEVICE_FIELDS, *PROFILE_FIELDS):
        assert f"| `{name}` | " in page()


def test_every_result_is_told_with_its_number():
    assert "`ok` 0, `partial` 1, `connect` 2" in page()
    assert "`skipped` 10" in page()
