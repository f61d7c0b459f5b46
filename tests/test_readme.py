"""Every snippet of README.md runs: behind its language a fence says what kind it is, and each kind has a test here."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import NamedTuple

import fetch
import parts
import points
import pytest

from telegraf_dlms import config

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(.*)\n((?:(?!```).*\n)*)```$", re.MULTILINE)

KINDS = {
    "sh make",
    "sh install",
    "sh once",
    "sh test",
    "sh discover",
    "sh meter",
    "sh secured-meter",
    "sh telegraf-test",
    "sh forever",
    "sh syntax",
    "text output",
    "text test",
    "text test-fails",
    "toml meters.conf",
    "toml serial.conf",
    "toml secured.conf",
    "toml telegraf.conf",
    "sql query",
}


def snippets(kind: str) -> list[str]:
    return [text for info, text in FENCE.findall(README) if info == kind]


def snippet(kind: str) -> str:
    [text] = snippets(kind)
    return text


def test_every_snippet_has_a_kind_that_is_tested():
    assert {info for info, _ in FENCE.findall(README)} == KINDS


class Machine(NamedTuple):
    """A folder in which the README's commands find the paths, ports and programs that they name."""

    folder: Path
    replaced: dict[str, str]
    environment: dict[str, str]

    def here(self, text: str) -> str:
        for there, here in self.replaced.items():
            text = text.replace(there, here)
        return text

    def write(self, path: str, kind: str) -> Path:
        here = Path(self.here(path))
        here.parent.mkdir(parents=True, exist_ok=True)
        here.write_text(self.here(snippet(kind)), encoding="utf-8")
        return here

    def start(self, kind: str) -> parts.Child:
        shell = ["bash", "-euo", "pipefail", "-c", self.here(snippet(kind))]
        return parts.Child(shell, environment=self.environment, folder=self.folder)


@pytest.fixture
def machine(tmp_path) -> Machine:
    programs = tmp_path / "bin"
    programs.mkdir()
    write_program(programs / "sudo", 'exec "$@"')
    write_program(programs / "telegraf-dlms", f'exec {sys.executable} -m telegraf_dlms "$@"')
    if fetch.TELEGRAF.path.exists():
        (programs / "telegraf").symlink_to(fetch.TELEGRAF.path)
    replaced = {"/usr/local/bin": str(programs), "/etc/": f"{tmp_path}/etc/", "/opt/": f"{tmp_path}/opt/"}
    return Machine(tmp_path, replaced, {"PATH": f"{programs}:{os.environ['PATH']}"})


@pytest.fixture
def metered(machine, built_in_meter) -> Machine:
    """Give the same with the first configuration, whose meter is the built-in one."""
    machine.replaced.update({"192.0.2.10": "127.0.0.1", "4059": str(built_in_meter)})
    machine.write("/etc/telegraf-dlms.conf", "toml meters.conf")
    return machine


def write_program(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
    path.chmod(0o755)


@pytest.mark.parametrize("kind", ["toml meters.conf", "toml serial.conf", "toml secured.conf"])
def test_a_configuration_is_valid(machine, monkeypatch, kind):
    for name in ("WORKSHOP_PASSWORD", "METER_EK", "METER_AK"):
        monkeypatch.setenv(name, "12345678" * 4)
    loaded = config.load([machine.write("/etc/telegraf-dlms.conf", kind)])
    assert len(loaded.groups) == 1
    assert len(loaded.devices) == 1


def test_the_two_commands_are_targets_of_make():
    commands = [line.partition("#")[0].split() for line in snippet("sh make").splitlines()]
    assert commands == [["make", "run"], ["make", "test"]]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for _, target in commands:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_an_output_line_is_line_protocol_with_all_its_tags():
    for point in points.parse_all(snippet("text output").splitlines()):
        assert {"device", "group", "name", "obis", "class_id", "unit"} == set(point.tags)


def test_a_shell_snippet_that_needs_the_whole_system_is_good_shell():
    for text in snippets("sh syntax"):
        assert subprocess.run(["bash", "-n", "-c", text], check=False).returncode == 0


def test_the_installation_gives_a_command_that_runs(machine):
    """What pip would download is lent by the environment that runs the tests."""
    source = machine.folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "sample.conf"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "plugin", source / "plugin", symlinks=True)
    (machine.folder / "bin/telegraf-dlms").unlink()
    machine.environment.update(
        PYTHONPATH=sysconfig.get_path("purelib"), PIP_NO_DEPS="1", PIP_NO_INDEX="1", PIP_NO_BUILD_ISOLATION="0"
    )
    with parts.Child(
        ["bash", "-euo", "pipefail", "-c", machine.here(snippet("sh install"))],
        environment=machine.environment,
        folder=source,
    ) as installing:
        assert installing.ended() == 0, installing.text()
    with parts.Child(
        [machine.folder / "bin/telegraf-dlms", "sample-config"], environment=machine.environment
    ) as command:
        assert command.ended() == 0, command.text()
        assert "\n".join(command.out).strip() == (ROOT / "sample.conf").read_text(encoding="utf-8").strip()


def test_check_tells_the_plan_and_once_reads_everything(metered):
    with metered.start("sh once") as shell:
        assert shell.ended() == 0, shell.text()
        [energy] = [line for line in shell.out if line.startswith("dlms,")]
    assert points.parse(energy).tags["obis"] == "1.0.1.8.0.255"


def test_what_is_discovered_is_read_beside_the_first_configuration(metered):
    with metered.start("sh discover") as shell:
        assert shell.ended() == 0, shell.text()
        printed = points.parse_all(shell.out)
    named = {point.tags["name"] for point in printed if point.measurement == "dlms"}
    discovered = (metered.folder / "house.conf").read_text(encoding="utf-8")
    assert named - {"active_import"} == set(re.findall(r'^    name = "(.*)"$', discovered, re.MULTILINE))
    assert {"active_energy_import", "voltage_l1", "clock", "load_profile_1"} <= named


def without_numbers(lines):
    """Return lines in which numbers, and octets in hex digits, are the same whatever they are."""
    return [re.sub(r"\d+(\.\d+)?", "0", re.sub(r"\b[0-9a-f]{2}\b", "00", line)) for line in lines]


def test_a_group_is_tested_as_the_output_shows(metered):
    with metered.start("sh test") as shell:
        assert shell.ended() == 0, shell.text()
    assert without_numbers(shell.out) == without_numbers(snippet("text test").splitlines())


def test_a_wrong_password_is_told_as_the_output_shows(machine):
    with parts.built_in_meter("--interface", "wrapper", "--password", "right") as meter:
        machine.replaced.update({"192.0.2.10": "127.0.0.1", "4059": str(parts.listening(meter))})
        config_file = machine.write("/etc/telegraf-dlms.conf", "toml meters.conf")
        secured = '  client_address = 16\n  access_security = "low"\n  password = "wrong"\n'
        text = config_file.read_text(encoding="utf-8").replace("  client_address = 16\n", secured)
        config_file.write_text(f'[agent]\n  state_file = "state"\n{text}', encoding="utf-8")
        command = [machine.folder / "bin/telegraf-dlms", "test", "device", "house", config_file]
        with parts.Child(command, folder=machine.folder) as button:
            assert button.ended() == 1
    expected = without_numbers(snippet("text test-fails").splitlines())
    assert without_numbers(button.out)[-4:-1] == expected


def test_the_built_in_meter_listens_where_the_first_configuration_reads(machine):
    machine.replaced["4059"] = "0"
    with machine.start("sh meter") as meter:
        assert parts.listening(meter)
        assert meter.stop() == 0
    assert "4059" in snippet("sh meter")
    assert "4059" in snippet("toml meters.conf")


def test_the_secured_meter_is_read_by_who_has_its_keys(machine):
    machine.replaced["4060"] = "0"
    with machine.start("sh secured-meter") as meter:
        machine.replaced["4060"] = str(parts.listening(meter))
        config_file = machine.write(f"{machine.folder}/secured.conf", "toml secured.conf")
        text = config_file.read_text(encoding="utf-8")
        config_file.write_text(f'[agent]\n  state_file = "state"\n{text}', encoding="utf-8")
        command = [machine.folder / "bin/telegraf-dlms", config_file, "--once"]
        keys = dict(re.findall(r"(METER_.K)=(\w+)", snippet("sh secured-meter")))
        with parts.Child(command, environment=machine.environment | keys, folder=machine.folder) as once:
            assert once.ended() == 0, once.text()
        assert meter.stop() == 0
    assert [line for line in once.out if line.startswith("dlms,")]


def test_a_plain_pipe_gets_line_protocol(metered):
    with metered.start("sh forever") as shell:
        file = metered.folder / "meters.lp"
        parts.until(lambda: file.exists() and "dlms," in file.read_text(encoding="utf-8"), "lines in the file")
        os.killpg(shell.process.pid, signal.SIGTERM)  # as Ctrl-C does: the shell and what it runs
        shell.ended()
    assert points.named(points.parse_all(file.read_text(encoding="utf-8").splitlines()), "active_import")


@pytest.mark.real
def test_the_block_for_telegraf_fills_influxdb_and_the_queries_find_it(real_telegraf, influxdb, metered):
    metered.replaced["http://127.0.0.1:8086"] = influxdb.url
    telegraf_conf = metered.write("/etc/telegraf/telegraf.conf", "toml telegraf.conf")
    with telegraf_conf.open("a") as file:
        file.write('[agent]\n  flush_interval = "1s"\n')  # ten seconds, otherwise
    with parts.telegraf(telegraf_conf, environment=metered.environment) as telegraf:
        for query in snippets("sql query"):
            rows = parts.until(lambda query=query: influxdb.query(query, database="meters"), f"rows of {query}")
            assert None not in rows[0].values()
        assert telegraf.stop() == 0


@pytest.mark.real
def test_telegraf_test_shows_values(real_telegraf, metered):
    metered.write("/etc/telegraf/telegraf.conf", "toml telegraf.conf")
    with metered.start("sh telegraf-test") as shell:
        assert shell.ended() == 0, shell.text()
        shown = [line.removeprefix("> ") for line in shell.out if line.startswith("> dlms,")]
    assert points.named(points.parse_all(shown), "active_import")


def test_make_run_shows_line_protocol_until_its_reader_goes():
    """Run the recipe of ``make run`` without the installation."""
    command = Path(sys.executable).with_name("telegraf-dlms")
    with parts.Child(["bash", "-c", f"bash examples/run.sh {command} | head -n 3"], folder=ROOT) as run:
        meter = int(run.said(r"listening on 127\.0\.0\.1:(\d+)")[1])
        run.ended()
        assert len(points.parse_all(run.out)) == 3
    parts.until(lambda: not listens(meter), "the meter to end")


def listens(port: int) -> bool:
    with socket.socket() as trying:
        return trying.connect_ex(("127.0.0.1", port)) == 0
