"""How steps come on, and how they are written."""

from __future__ import annotations

import json

from telegraf_dlms.report import JsonReport, PlainReport, Stage
from telegraf_dlms.steps import Failure, Step

FAILURE = Failure("association", "refused", "the password")


class Kept:
    """A report that keeps what it is told."""

    def __init__(self):
        self.begun, self.steps = [], []

    def begin(self, name, device):
        self.begun.append((name, device))

    def tell(self, step):
        self.steps.append(step)

    def refresh(self):
        pass


def staged(device="house"):
    report, remarks, clock = Kept(), [], iter(range(0, 10**12, 1_500_000))
    return report, remarks, Stage(report, device=device, mono_ns=lambda: next(clock), remark=remarks.append)


def test_a_step_begins_and_is_told_with_the_time_it_took():
    report, remarks, stage = staged()
    stage.begin("connect")
    stage.tell({"port": 4059})
    assert report.begun == [("connect", "house")]
    assert report.steps == [Step("connect", {"port": 4059, "ms": 1}, "house")]
    assert remarks == ["connect"]


def test_what_takes_no_time_worth_telling_is_told_without():
    report, _, stage = staged("")
    stage.begin("read")
    stage.tell({})
    assert report.steps == [Step("read", {}, "")]


def test_a_failure_is_remarked_in_the_trace():
    report, remarks, stage = staged()
    stage.begin("data_link")
    stage.tell({}, failure=FAILURE)
    assert report.steps[0].failure == FAILURE
    assert remarks == ["data link", "failed: refused"]


def test_many_steps_of_one_kind_are_remarked_once():
    _, remarks, stage = staged()
    for name in ("read", "read", "value", "read"):
        stage.begin(name)
    assert remarks == ["read", "value", "read"]


def test_a_note_leaves_the_step_as_it_is():
    report, remarks, stage = staged()
    stage.begin("read")
    stage.note("null cells")
    stage.tell({})
    assert [step.name for step in report.steps] == ["note", "read"]
    assert report.steps[0].detail == {"text": "null cells"}
    assert remarks == ["read"]


def test_json_is_one_object_a_line_and_nothing_else():
    lines = []
    report = JsonReport(lines.append)
    report.begin("connect", "house")
    report.tell(Step("connect", {"port": 4059}, "house"))
    report.refresh()
    assert [json.loads(line) for line in lines] == [{"step": "connect", "ok": True, "device": "house", "port": 4059}]


def test_plain_lines_stand_below_their_devices_name():
    lines = []
    report = PlainReport(lines.append)
    report.begin("release", "house")
    for device in ("house", "house", "barn", ""):
        report.tell(Step("release", {}, device))
    report.refresh()
    assert lines == ["device house", *["ok      release"] * 2, "device barn", *["ok      release"] * 2]
