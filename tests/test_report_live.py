"""What a terminal shows."""

from __future__ import annotations

import io
import re

import pytest

from telegraf_dlms.report_live import LiveReport
from telegraf_dlms.steps import Failure, Step

FAILED = Step("associate", {"ms": 3}, "house", Failure("association", "refused (13)", "[the] password"))


class Terminal(io.StringIO):
    def isatty(self):
        return True

    def shown(self):
        """Return what is on the screen in the end, line by line, without colours."""
        screen, row = [""], 0
        for part in re.split(r"(\x1b\[[0-9;?]*[A-Za-z]|\r|\n)", self.getvalue()):
            if part == "\n":
                row += 1
                screen.extend([""] * (row + 1 - len(screen)))
            elif part == "\x1b[2K":
                screen[row] = ""
            elif part == "\x1b[1A":
                row -= 1
            elif part and part != "\r" and not part.startswith("\x1b["):
                screen[row] += part
        return [line.rstrip() for line in screen if line.strip()]


@pytest.fixture
def terminal(monkeypatch):
    for name, setting in {"TERM": "xterm-256color", "COLUMNS": "60"}.items():
        monkeypatch.setenv(name, setting)
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    return Terminal()


def test_what_was_told_stays_and_what_was_going_on_is_gone_in_the_end(terminal):
    with LiveReport(terminal) as report:
        report.begin("resolve", "")
        report.tell(Step("resolve", {"name": "meter", "addresses": ["192.0.2.1"]}))
        report.begin("data_link", "house")
        report.refresh()
        report.tell(FAILED)
        report.tell(Step("result", {"text": "failed: association"}, failure=FAILED.failure))
    assert terminal.shown() == [
        "ok      resolve              meter: 192.0.2.1",
        "device house",
        "FAILED  associate            3 ms",
        "        cause: refused (13)",
        "        hint:  [the] password",
        "FAILED  result               failed: association",
    ]


def test_what_is_going_on_is_shown_in_motion(terminal):
    with LiveReport(terminal) as report:
        report.begin("data_link", "house")
        before = terminal.getvalue()
        assert "house: data link" in before
        report.refresh()
        assert terminal.getvalue().count("house: data link") > before.count("house: data link")


def test_a_long_line_is_not_broken_by_us(terminal):
    with LiveReport(terminal) as report:
        report.tell(Step("note", {"text": "x" * 200}))
    assert f"ok      note                 {'x' * 200}" in terminal.shown()


def test_good_and_bad_have_their_colours(terminal):
    with LiveReport(terminal) as report:
        report.tell(Step("release"))
        report.tell(FAILED)
    assert "\x1b[1;32mok" in terminal.getvalue()
    assert "\x1b[1;31mFAILED" in terminal.getvalue()
    assert "\x1b[33m        hint:" in terminal.getvalue()


def test_it_starts_no_thread(terminal):
    with LiveReport(terminal) as report:
        report.begin("connect", "")
        assert report._live._refresh_thread is None
