"""The test of tests: a foreign meter, the plugin under a real Telegraf, a real InfluxDB; and how Telegraf stops us."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import time
from pathlib import Path

import parts
import points
import pytest

pytestmark = pytest.mark.real

METERS = """
[[connection]]
  name = "foreign"
  type = "tcp"
  address = "127.0.0.1"
  port = {port}
  persistent = true
[[device]]
  name = "meter"
  connection = "foreign"
  interface_type = "wrapper"
[[group]]
  name = "energy"
  interval = "{interval}"
  [[group.value]]
    name = "active_import"
    device = "meter"
    obis = "1-0:1.8.0"
    class_id = "register"
"""

TELEGRAF = """
[agent]
  interval = "1s"
  flush_interval = "1s"
  omit_hostname = true
[[inputs.execd]]
  command = {command}
  signal = "{signal}"
  data_format = "influx"
[[outputs.file]]
  files = ["metrics.out"]
  data_format = "influx"
"""

INFLUXDB = """
[[outputs.influxdb]]
  urls = ["{url}"]
  database = "{database}"
"""


def write(path: Path, text: str) -> Path:
    """Write a configuration and return its path."""
    path.write_text(text, encoding="utf-8")
    return path


def telegraf_conf(folder: Path, *, port: int, how: str = "none", interval: str = "1s", more: str = "") -> Path:
    """Write both configurations and return Telegraf's."""
    meters = write(folder / "meters.conf", METERS.format(port=port, interval=interval))
    command = json.dumps([*parts.PLUGIN, "--config", str(meters)])
    return write(folder / "telegraf.conf", TELEGRAF.format(command=command, signal=how) + more)


def written(folder: Path, name: str = "active_import") -> list[points.Point]:
    """Return the points that Telegraf wrote to its file so far; it may be writing the last line."""
    with contextlib.suppress(FileNotFoundError):
        text = (folder / "metrics.out").read_text(encoding="utf-8")
        return points.named(points.parse_all(text[: text.rfind("\n") + 1].splitlines()), name)
    return []


#: Cmd.Wait closes stderr while Telegraf still reads it, when any child ends (internal/process/process.go, cmdWait).
OWN_RACE = "error reading stderr: read |0: file already closed"


def plugin_of(telegraf: parts.Child) -> int | None:
    """Return the process id of the plugin that a Telegraf runs at the moment."""
    for task in Path(f"/proc/{telegraf.process.pid}/task").iterdir():
        for child in (task / "children").read_text(encoding="ascii").split():
            return int(child)
    return None


def assert_ended_by_itself(telegraf: parts.Child) -> None:
    """Telegraf says when it had to send SIGTERM or SIGKILL, or when a line was bad."""
    assert not telegraf.lines(r"signal: |SIGTERM signal|killing process|exit status [1-9]|metric parse error")
    assert [line for line in telegraf.lines(r" E! ") if OWN_RACE not in line] == []


def test_a_value_goes_from_a_foreign_meter_to_influxdb_and_nothing_that_was_read_is_missing(
    real_telegraf, influxdb, foreign_wrapper_meter, tmp_path
):
    influx = INFLUXDB.format(url=influxdb.url, database="whole_way")
    where = (
        """FROM "dlms" WHERE "device" = 'meter' AND "group" = 'energy' AND "name" = 'active_import' """
        """AND "obis" = '1.0.1.8.0.255' AND "class_id" = '3'"""
    )
    with (
        parts.Child([sys.executable, "-c", TAP, str(foreign_wrapper_meter)]) as tap,
        parts.telegraf(telegraf_conf(tmp_path, port=parts.listening(tap), more=influx)) as telegraf,
    ):
        parts.until(
            lambda: len(influxdb.query(f'SELECT "value" {where}', database="whole_way")) >= 3,
            "three points in InfluxDB",
        )
        assert telegraf.stop() == 0
        assert_ended_by_itself(telegraf)
        tap.stop()
        answered = len(tap.lines("^answered"))
    stored = influxdb.query(f'SELECT "value" {where}', database="whole_way")
    assert {row["value"] for row in stored} == {12345678}
    assert influxdb.query('SHOW FIELD KEYS FROM "dlms"', database="whole_way") == [
        {"fieldKey": "value", "fieldType": "float"}
    ]
    assert [row["time"] for row in stored] == [point.time for point in written(tmp_path)]
    assert len(stored) == answered


def test_polls_follow_each_other_at_the_ticks(real_telegraf, foreign_wrapper_meter, tmp_path):
    with parts.telegraf(telegraf_conf(tmp_path, port=foreign_wrapper_meter)) as telegraf:
        parts.until(lambda: len(written(tmp_path)) >= 3, "three points")
        telegraf.stop()
    seconds = [point.time / 10**9 for point in written(tmp_path)]
    assert max(second % 1 for second in seconds) < 0.5
    assert [int(second) for second in seconds] == [int(seconds[0]) + number for number in range(len(seconds))]


def test_telegraf_test_shows_values_when_it_asks_by_newline(real_telegraf, foreign_wrapper_meter, tmp_path):
    config = telegraf_conf(tmp_path, port=foreign_wrapper_meter, how="STDIN", interval="0s")
    with parts.telegraf(config, "--test") as telegraf:
        assert telegraf.ended() == 0
        shown = [line.removeprefix("> ") for line in telegraf.out if line.startswith("> ")]
        assert_ended_by_itself(telegraf)
    [point] = points.named(points.parse_all(shown), "active_import")
    assert point.fields == {"value": 12345678.0}


@pytest.mark.parametrize("how", ["STDIN", "SIGUSR1", "SIGUSR2", "SIGHUP"])
def test_each_way_of_telegraf_to_ask_gathers(real_telegraf, foreign_wrapper_meter, tmp_path, how):
    config = telegraf_conf(tmp_path, port=foreign_wrapper_meter, how=how, interval="0s")
    with parts.telegraf(config) as telegraf:
        parts.until(lambda: len(written(tmp_path)) >= 2, "two points that were asked for")
        assert telegraf.stop() == 0
        assert_ended_by_itself(telegraf)


def test_telegraf_that_reads_its_file_again_ends_the_plugin_and_starts_another(
    real_telegraf, foreign_wrapper_meter, tmp_path
):
    with parts.telegraf(telegraf_conf(tmp_path, port=foreign_wrapper_meter)) as telegraf:
        parts.until(lambda: written(tmp_path), "a first point")
        first = plugin_of(telegraf)
        began = time.monotonic()
        telegraf.process.send_signal(signal.SIGHUP)
        parts.until(lambda: plugin_of(telegraf) not in {None, first}, "another plugin")
        assert time.monotonic() - began < 4.5
        count = len(written(tmp_path))
        parts.until(lambda: len(written(tmp_path)) > count + 1, "points of the other plugin")
        assert telegraf.stop() == 0
        assert_ended_by_itself(telegraf)


def test_telegraf_stops_the_plugin_in_time_while_a_meter_is_silent(real_telegraf, tmp_path):
    with (
        parts.Child([sys.executable, "-c", SILENT_METER]) as silent,
        parts.telegraf(telegraf_conf(tmp_path, port=parts.listening(silent))) as telegraf,
    ):
        silent.said("asked")
        began = time.monotonic()
        assert telegraf.stop() == 0
        assert time.monotonic() - began < 4.5
        assert_ended_by_itself(telegraf)


SILENT_METER = """
import socket
listener = socket.create_server(("127.0.0.1", 0))
print(f"listening on 127.0.0.1:{listener.getsockname()[1]}", flush=True)
connection, _ = listener.accept()
connection.recv(1)
print("asked", flush=True)
while connection.recv(4096):
    pass
"""

#: A relay before the meter whose port it is given, which tells each answer to a read of the register's value.
TAP = """
import socket, sys
energy = bytes.fromhex("0003 0100010800FF 02 00")  # 1.0.1.8.0.255 attribute 2 in a get-request-normal
listener = socket.create_server(("127.0.0.1", 0))
print(f"listening on 127.0.0.1:{listener.getsockname()[1]}", flush=True)
while True:
    plugin, _ = listener.accept()
    with plugin, socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as meter:
        while request := plugin.recv(4096):
            meter.sendall(request)
            answer = meter.recv(4096)
            if energy in request:
                print("answered", flush=True)
            plugin.sendall(answer)
"""
