"""Arguments to commands, and errors to exit statuses; what ``run`` does is in test_service.py."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from telegraf_dlms import __version__, buttons, cli, log, service, unlock
from telegraf_dlms.buttons import Order
from telegraf_dlms.early import COMMANDS
from telegraf_dlms.errors import ConfigError
from telegraf_dlms.shard import WHOLE, Shard

SAMPLE = (Path(__file__).resolve().parents[1] / "sample.conf").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keep the process's log as it is, and collect what is logged."""
    said: list[str] = []

    class Listening:
        def error(self, text: str) -> None:
            said.append(f"E! {text}")

        def set_level(self, level: str) -> None:
            said.append(f"level {level}")

    monkeypatch.setattr(log, "setup", lambda _level: Listening())
    return said


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Collect what would have been run."""
    calls: list[object] = []

    def command(name: str, status: int):
        def call(paths: object, *, stdout: int, log: object, shard: Shard) -> int:
            calls.append((name, paths, stdout) if shard == WHOLE else (name, paths, str(shard)))
            return status

        return call

    monkeypatch.setattr(service, "run", command("run", 0))
    monkeypatch.setattr(service, "once", command("once", 3))
    return calls


DEFAULT = Path("/etc/telegraf-dlms.conf")


@pytest.mark.parametrize(
    ("arguments", "command", "paths", "status"),
    [
        ([], "run", [DEFAULT], 0),
        (["run"], "run", [DEFAULT], 0),
        (["--config", "a.conf"], "run", [Path("a.conf")], 0),
        (["-config", "a.conf"], "run", [Path("a.conf")], 0),
        (["--config=a.conf"], "run", [Path("a.conf")], 0),
        (["a.conf"], "run", [Path("a.conf")], 0),
        (["run", "a.conf", "b.conf"], "run", [Path("a.conf"), Path("b.conf")], 0),
        (["run", "--config", "a.conf", "--config", "folder"], "run", [Path("a.conf"), Path("folder")], 0),
        (["--once", "--config", "a.conf"], "once", [Path("a.conf")], 3),
        (["run", "--once", "a.conf"], "once", [Path("a.conf")], 3),
        (["--config", "a.conf", "--once"], "once", [Path("a.conf")], 3),
        (["run", "a.conf", "--once", "b.conf"], "once", [Path("a.conf"), Path("b.conf")], 3),
    ],
)
def test_the_configuration_can_be_given_in_every_form(arguments, command, paths, status, ran):
    assert cli.main(arguments, stdout=7) == status
    assert ran == [(command, paths, 7)]


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["--shard", "3/8"], "run"),
        (["run", "--shard=3/8", "--config", "/etc/telegraf-dlms.conf"], "run"),
        (["--once", "--shard", "3/8"], "once"),
    ],
)
def test_a_shard_is_run_where_one_is_named(arguments, command, ran):
    cli.main(arguments, stdout=7)
    assert ran == [(command, [DEFAULT], "3/8")]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--onse"], "unrecognized arguments: --onse"),
        (["--config"], "expected one argument"),
        (["check", "--config", ""], "--config/-config: is empty"),
        (["chekc", "a.conf"], '"chekc" is neither a file nor a command; did you mean "check"?'),
        (
            ["--config", "a.conf", "check"],
            '"check" is a command: it comes first, as in telegraf-dlms check --config FILE',
        ),
        (["--once", ""], "FILE: is empty"),
        (["check", "--once"], "unrecognized arguments: --once"),
        (["sample-config", "x"], "unrecognized arguments: x"),
        (["simulate", "--interface", "smoke"], "invalid choice: 'smoke'"),
        (["simulate", "--meters", "0"], "--meters: 0 is less than 1"),
        (["unlock"], "the following arguments are required: DEVICE;"),
        (["--shard", "9/8"], "--shard: 9 is outside 1..8"),
        (["--once", "--shard", "3"], '--shard: "3" is not like 3/8'),
        (["check", "--shard", "0/8"], "--shard: 0 is outside 1..8"),
        (["unlock", "house", "--shard", "1/0"], "--shard: 0 shards are outside 1..100"),
    ],
)
def test_bad_arguments_are_told_in_one_line_with_exit_2(arguments, words, quiet, capsys):
    assert cli.main(arguments, stdout=1) == 2
    assert [line for line in quiet if words in line] == quiet
    assert len(quiet) == 1
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("arguments", "paths"),
    [
        (["house"], [DEFAULT]),
        (["house", "a.conf"], [Path("a.conf")]),
        (["house", "--config", "a.conf", "--config", "b.conf"], [Path("a.conf"), Path("b.conf")]),
        (["-config", "a.conf", "house"], [Path("a.conf")]),
    ],
)
def test_a_device_is_unlocked_in_the_configuration_that_is_given(arguments, paths, monkeypatch):
    asked = []
    monkeypatch.setattr(
        unlock, "unlock", lambda device, paths, *, log, shard: asked.append((device, paths, str(shard))) or 1
    )
    assert cli.main(["unlock", *arguments], stdout=1) == 1
    assert cli.main(["unlock", *arguments, "--shard", "3/8"], stdout=1) == 1
    assert asked == [("house", paths, "1/1"), ("house", paths, "3/8")]


def test_every_problem_of_a_configuration_is_told_with_exit_2(monkeypatch, quiet):
    def refuse(*_: object, **__: object) -> int:
        raise ConfigError(["a.conf:1: one", "a.conf:2: two"])

    monkeypatch.setattr(service, "run", refuse)
    assert cli.main(["a.conf"], stdout=1) == 2
    assert quiet == ["E! a.conf:1: one", "E! a.conf:2: two"]


def test_the_version_is_the_packages(capsys):
    assert cli.main(["--version"], stdout=1) == 0
    assert capsys.readouterr().out == f"telegraf-dlms {__version__}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["run", "--help"], ["check", "-h"]])
def test_the_help_names_every_command_that_works(arguments, capsys):
    assert cli.main(arguments, stdout=1) == 0
    shown = capsys.readouterr().out
    for command in (
        "run",
        "check",
        "simulate",
        "test connection|device|group NAME",
        "--trace FILE",
        "unlock DEVICE",
        "sample-config",
        "--once",
        "--config FILE",
        "--version",
    ):
        assert command in shown


def test_the_simulators_help_names_its_options(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["simulate", "--help"], stdout=1)
    assert ended.value.code == 0
    assert "--meters N" in capsys.readouterr().out


def test_the_sample_is_the_file_that_we_keep(capsys):
    assert cli.main(["sample-config"], stdout=1) == 0
    assert capsys.readouterr().out == SAMPLE


def test_check_shows_the_plan_of_the_sample_with_the_level_it_asks_for(tmp_path, capsys, quiet):
    path = tmp_path / "sample.conf"
    path.write_text(SAMPLE, encoding="utf-8")
    assert cli.main(["check", str(path)], stdout=1) == 0
    assert " connection" in capsys.readouterr().out.splitlines()[0]
    assert quiet == ["level info"]


def test_check_shows_what_it_can_where_stdout_is_not_utf_8(tmp_path, monkeypatch, quiet):
    path = tmp_path / "sample.conf"
    path.write_text(SAMPLE.replace('"energy"', '"wärme"'), encoding="utf-8")
    octets = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(octets, encoding="ascii", write_through=True))
    assert cli.main(["check", str(path)], stdout=1) == 0
    assert b"    group w?rme: every 15m" in octets.getvalue()


@pytest.mark.parametrize(
    ("found", "status", "printed"),
    [("## What house has.\n", 0, f"## What house has.{os.linesep}"), (None, cli.NOT_READ, "")],
)
def test_discover_prints_what_is_found(monkeypatch, capsys, found, status, printed):
    asked = []
    monkeypatch.setattr(
        "telegraf_dlms.discover.discover",
        lambda device, paths, *, log, shard: asked.append((device, paths, str(shard))) or found,
    )
    assert cli.main(["discover", "house", "--config", "a.conf"], stdout=1) == status
    assert capsys.readouterr().out == printed
    assert cli.main(["discover", "house", "--shard", "3/8", "a.conf"], stdout=1) == status
    assert asked == [("house", [Path("a.conf")], "1/1"), ("house", [Path("a.conf")], "3/8")]


def test_discover_needs_to_know_which_device(quiet):
    assert cli.main(["discover"], stdout=1) == cli.BAD_CONFIGURATION
    assert "DEVICE" in quiet[0]


@pytest.mark.parametrize(
    ("arguments", "order", "paths"),
    [
        (["device", "house"], Order("device", "house"), [DEFAULT]),
        (["group", "g", "a.conf", "--json"], Order("group", "g", "json"), [Path("a.conf")]),
        (["--json", "connection", "line", "--config", "a.conf"], Order("connection", "line", "json"), [Path("a.conf")]),
        (["device", "--trace", "t", "house", "a.conf"], Order("device", "house", trace=Path("t")), [Path("a.conf")]),
        (["device", "house", "--shard", "3/8"], Order("device", "house", shard=Shard(3, 8)), [DEFAULT]),
    ],
)
def test_a_button_is_pressed_as_it_was_ordered(arguments, order, paths, monkeypatch):
    pressed = []
    monkeypatch.setattr(buttons, "press", lambda order, paths, *, file, log: pressed.append((order, paths, file)) or 1)
    assert cli.main(["test", *arguments], stdout=1) == 1
    assert pressed == [(order, paths, sys.stdout)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "KIND, NAME"),
        (["device"], "NAME"),
        (["meter", "house"], '"meter" cannot be tested: expected one of connection, device, group'),
    ],
)
def test_a_button_that_is_not_there_is_told_with_exit_2(arguments, words, quiet):
    assert cli.main(["test", *arguments], stdout=1) == cli.BAD_CONFIGURATION
    assert words in quiet[0]


def test_every_command_is_there():
    assert set(COMMANDS) - {"--version", "--help"} == set(cli._COMMANDS)
