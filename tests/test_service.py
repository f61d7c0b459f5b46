"""``run`` and ``--once`` as processes: the built-in meter on one side, a fake of Telegraf's execd on the other."""

from __future__ import annotations

import os
import re
import signal
import socket
import socketserver
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import points
import pytest

from command import COMMAND, ENVIRONMENT, call
from execd import Execd
from telegraf_dlms.service import _fingerprint_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.process


CONNECTION = """
[[connection]]
  name = "home"
  address = "127.0.0.1"
  port = {port}
  persistent = true
"""
DEVICE = """
[[device]]
  name = "{name}"
  connection = "home"
  interface_type = "wrapper"
  timeout = "2s"
"""
GROUP = """
[[group]]
  name = "{name}"
  interval = "{interval}"
"""
VALUE = """
  [[group.value]]
    name = "{name}"
    device = "house"
    obis = "{obis}"
    class_id = "register"
"""


def configuration(port: int, *groups: tuple[str, str, tuple[tuple[str, str], ...]], before: str = "") -> str:
    text = before + CONNECTION.format(port=port) + DEVICE.format(name="house")
    for name, interval, values in groups:
        text += GROUP.format(name=name, interval=interval)
        text += "".join(VALUE.format(name=value, obis=obis) for value, obis in values)
    return text


#: The year and the month of a date-time.
CLOCK = re.compile(rb"(\x09\x0c\x07.).", re.DOTALL)

IMPORT = ("active_import", "1-0:1.8.0")
POWER = ("power", "1-0:1.7.0")
UNKNOWN = ("nothing", "1-0:77.77.77")


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    return tmp_path / "meters.conf"


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Take a port at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def meter_with_a_broken_clock(built_in_meter: int) -> Iterator[int]:
    """Relay to the built-in meter; the first row of each buffer is of the 30th month."""

    class Relay(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(("127.0.0.1", built_in_meter)) as meter:
                while asked := self.request.recv(4096):
                    meter.sendall(asked)
                    self.request.sendall(CLOCK.sub(b"\\1\x1e", meter.recv(4096), count=1))

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Relay) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def once(conf: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return call("--once", "--config", conf, *more)


def names(lines: list[str]) -> list[str]:
    return [point.tags["name"] for point in points.parse_all(lines) if "name" in point.tags]


def device_results(lines: list[str]) -> list[object]:
    return [point.fields["result"] for point in points.parse_all(lines) if point.measurement == "dlms_device"]


def test_once_reads_every_group_and_exits_0(built_in_meter, conf):
    conf.write_text(configuration(built_in_meter, ("energy", "1h", (IMPORT,)), ("asked", "0s", (POWER,))))
    done = once(conf)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert names(lines) == ["active_import", "power"]
    assert device_results(lines) == ["ok"]
    assert done.stderr == "I! telegraf-dlms 0.1.0: 1 connection, 1 device, 2 groups, 2 values\n"


def test_once_exits_3_where_a_value_is_refused_and_prints_the_others(built_in_meter, conf):
    conf.write_text(configuration(built_in_meter, ("energy", "1h", (UNKNOWN, IMPORT))))
    done = once(conf)
    assert done.returncode == 3
    assert names(done.stdout.splitlines()) == ["active_import"]
    assert "W! house energy/nothing: 1.0.77.77.77.255/2: object-undefined (4)" in done.stderr.splitlines()


def test_once_exits_3_where_a_row_cannot_be_printed_and_prints_the_others(meter_with_a_broken_clock, conf):
    profile = VALUE.format(name="load_profile", obis="1-0:99.1.0").replace('"register"', "7\n    entries = 3")
    conf.write_text(configuration(meter_with_a_broken_clock, ("rows", "1h", ())) + profile)
    done = once(conf)
    lines = done.stdout.splitlines()
    assert (done.returncode, device_results(lines)) == (3, ["partial"])
    assert len({point.time for point in points.parse_all(lines) if "profile" in point.tags}) == 2
    [warning] = [line for line in done.stderr.splitlines() if line.startswith("W!")]
    assert "house rows/load_profile: 0.0.1.0.0.255/2: a row's clock is no time: 07ea1e" in warning


def test_once_exits_3_where_a_device_is_not_read(closed_port, conf):
    conf.write_text(configuration(closed_port, ("energy", "1h", (IMPORT,))))
    done = once(conf)
    assert done.returncode == 3
    assert device_results(done.stdout.splitlines()) == ["connect"]
    assert f"W! home: 127.0.0.1:{closed_port}: connection refused" in done.stderr.splitlines()


def test_once_with_nothing_enabled_says_so_and_exits_0(conf):
    conf.write_text(configuration(1, ("energy", "1h", (IMPORT,)), before="[agent]\n  enabled = false\n"))
    done = once(conf)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "I! telegraf-dlms 0.1.0: nothing is enabled, so nothing is read\n"


@pytest.mark.parametrize("command", [["--once"], ["run"], ["check"]])
def test_a_bad_configuration_is_told_on_stderr_alone_with_exit_2(conf, command):
    conf.write_text('[[connection]]\n  name = "home"\n  adress = "x"\n  port = 0\n')
    done = call(*command, "--config", conf)
    assert (done.returncode, done.stdout) == (2, "")
    lines = done.stderr.splitlines()
    assert all(line.startswith(f"E! {conf}:") for line in lines)
    assert any('"address"' in line for line in lines)
    assert len(lines) >= 2


def test_a_secret_is_in_nothing_that_the_process_prints(built_in_meter, conf):
    secret = "Pa55wOrd-of-the-meter"
    agent = '[agent]\n  log_level = "trace"\n  state_file = "meters.state"\n'
    text = configuration(built_in_meter, ("energy", "1h", (IMPORT,)), before=agent)
    conf.write_text(text.replace('timeout = "2s"', f'access_security = "low"\n  password = "{secret}"'))
    done = once(conf)
    assert device_results(done.stdout.splitlines()) == ["authentication"]
    assert "not tried again for an hour" in done.stderr
    assert secret not in done.stdout + done.stderr
    check = call("check", conf)
    assert "access security low" in check.stdout
    assert secret not in check.stdout + check.stderr


def test_a_run_polls_by_its_schedule_until_stdin_ends(built_in_meter, conf):
    conf.write_text(configuration(built_in_meter, ("fast", "100ms", (POWER,))))
    with Execd([*COMMAND, "--config", str(conf)], environment=ENVIRONMENT) as telegraf:
        telegraf.wait_for(lambda t: len(device_results(t.lines)) >= 3)
        run = telegraf.stop()
    assert (run.status, run.signals, run.lost_octets, run.unfinished_line) == (0, [], 0, b"")
    assert run.stop_seconds < 2
    assert set(device_results(telegraf.lines)) == {"ok"}
    assert telegraf.errors == []
    assert telegraf.log == [("info", "telegraf-dlms 0.1.0: 1 connection, 1 device, 1 group, 1 value")]


def test_a_configuration_changes_with_the_files_that_are_read_of_a_folder(tmp_path):
    (tmp_path / "a.conf").write_text("[agent]\n")
    paths = [tmp_path, tmp_path / "missing.conf"]
    before = _fingerprint_of(paths)
    for ignored in (".#a.conf", ".a.conf", "a.conf~"):
        (tmp_path / ignored).write_text("x")
    assert _fingerprint_of(paths) == before
    (tmp_path / "b.conf").write_text("[agent]\n")
    assert _fingerprint_of(paths) != before


@pytest.mark.parametrize("how", ["STDIN", "SIGUSR1", "SIGUSR2", "SIGHUP"])
def test_a_group_without_an_interval_is_read_when_telegraf_asks(built_in_meter, conf, how):
    conf.write_text(configuration(built_in_meter, ("asked", "0s", (POWER,)), ("slow", "1h", (IMPORT,))))
    with Execd([*COMMAND, "--config", str(conf)], environment=ENVIRONMENT) as telegraf:
        telegraf.wait_for(lambda t: names(t.lines) == ["active_import"])
        telegraf.gather(how)
        telegraf.wait_for(lambda t: names(t.lines) == ["active_import", "power"])
        assert telegraf.stop().status == 0
    assert names(telegraf.lines) == ["active_import", "power"]


def test_without_a_group_on_request_every_group_is_read_when_telegraf_asks(built_in_meter, conf):
    conf.write_text(configuration(built_in_meter, ("one", "1h", (POWER,)), ("two", "1h", (IMPORT,))))
    with Execd([*COMMAND, "--config", str(conf)], environment=ENVIRONMENT) as telegraf:
        telegraf.wait_for(lambda t: len(device_results(t.lines)) == 1)
        telegraf.gather()
        telegraf.wait_for(lambda t: len(device_results(t.lines)) == 2)
        telegraf.stop()
    assert names(telegraf.lines) == ["power", "active_import"] * 2


def test_a_newline_before_the_end_of_stdin_is_still_gathered(built_in_meter, conf):
    conf.write_text(configuration(built_in_meter, ("asked", "0s", (POWER,))))
    with Execd([*COMMAND, "--config", str(conf)], environment=ENVIRONMENT) as telegraf:
        telegraf.gather()
        run = telegraf.stop()
    assert (run.status, run.signals) == (0, [])
    assert names(telegraf.lines) == ["power"]


def test_signals_that_come_with_the_start_do_not_end_the_process(built_in_meter, conf):
    conf.write_text(configuration(built_in_meter, ("asked", "0s", (POWER,))))
    with Execd([*COMMAND, "--config", str(conf)], environment=ENVIRONMENT) as telegraf:
        telegraf.wait_for(lambda t: t.log)
        for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP):
            os.kill(telegraf.pid, number)
        telegraf.wait_for(lambda t: names(t.lines))
        assert telegraf.stop().status == 0


def test_a_changed_file_is_read_again_at_sighup(built_in_meter, conf):
    conf.write_text(configuration(built_in_meter, ("asked", "0s", (POWER,))))
    with Execd([*COMMAND, "--config", str(conf)], environment=ENVIRONMENT) as telegraf:
        telegraf.wait_for(lambda t: t.log)
        conf.write_text(configuration(built_in_meter, ("asked", "0s", (POWER, IMPORT))))
        telegraf.gather("SIGHUP")
        telegraf.wait_for(lambda t: names(t.lines) == ["power", "active_import"])
        telegraf.stop()
    assert ("info", "the configuration was read again: 1 connection, 1 device, 1 group, 2 values") in telegraf.log


def test_a_bad_file_at_sighup_leaves_the_plan_that_was_there(built_in_meter, conf):
    conf.write_text(configuration(built_in_meter, ("asked", "0s", (POWER,))))
    with Execd([*COMMAND, "--config", str(conf)], environment=ENVIRONMENT) as telegraf:
        telegraf.wait_for(lambda t: t.log)
        conf.write_text("[[connection]]\n")
        telegraf.gather("SIGHUP")
        telegraf.wait_for(lambda t: names(t.lines) == ["power"])
        telegraf.stop()
    errors = [text for level, text in telegraf.log if level == "error"]
    assert errors[-1] == "the configuration is bad: the one before it stays in use"
    assert errors[0].startswith(f"{conf}:1: ")


def test_a_changed_password_file_is_read_at_sighup_whatever_was_wrong_with_it(built_in_meter, conf):
    text = configuration(built_in_meter, ("asked", "0s", (POWER,)))
    conf.write_text(text.replace("[[device]]\n", '[[device]]\n  password_file = "secret"\n  access_security = "low"\n'))
    secret = conf.with_name("secret")
    secret.write_text("x" * 8)
    again = "the configuration was read again: 1 connection, 1 device, 1 group, 1 value"
    bad = "the configuration is bad: the one before it stays in use"
    changes = (
        (lambda: secret.write_text("y" * 8), again),
        (secret.unlink, bad),
        (lambda: secret.write_text("z" * 8), again),
    )
    with Execd([*COMMAND, "--config", str(conf)], environment=ENVIRONMENT) as telegraf:
        telegraf.wait_for(lambda t: t.log)
        for change, told in changes:
            before = len(telegraf.log)
            change()
            telegraf.gather("SIGHUP")
            telegraf.wait_for(lambda t, before=before, told=told: told in [text for _, text in t.log[before:]])
        telegraf.stop()


def test_a_plan_without_anything_stays_up_and_can_be_filled_at_sighup(built_in_meter, conf):
    conf.write_text("")
    with Execd([*COMMAND, "--config", str(conf)], environment=ENVIRONMENT) as telegraf:
        telegraf.wait_for(lambda t: t.log)
        conf.write_text(configuration(built_in_meter, ("slow", "1h", (POWER,))))
        telegraf.gather("SIGHUP")
        telegraf.wait_for(lambda t: names(t.lines))
        assert telegraf.stop().status == 0
    assert telegraf.log[0] == ("info", "telegraf-dlms 0.1.0: nothing is enabled, so nothing is read")


def test_a_slow_reader_loses_nothing_and_stops_the_polling(built_in_meter, conf):
    profile = VALUE.format(name="load_profile", obis="1-0:99.1.0").replace('"register"', "7\n    entries = 900")
    state = '[agent]\n  state_file = "meters.state"\n'
    conf.write_text(
        configuration(built_in_meter, ("fast", "50ms", (POWER,)), ("rows", "1h", ()), before=state) + profile
    )
    with Execd([*COMMAND, "--config", str(conf)], environment=ENVIRONMENT) as telegraf:
        telegraf.read_size, telegraf.read_pause_s = 8192, 0.001
        telegraf.wait_for(lambda t: sum(",profile=" in line for line in t.lines) > 2 * 900)
        run = telegraf.stop()
    assert (run.status, run.lost_octets, run.unfinished_line) == (0, 0, b"")
    rows = [point for point in points.parse_all(telegraf.lines) if "profile" in point.tags]
    assert len({(point.time, point.tags["obis"]) for point in rows}) == len(rows)
    times = sorted({point.time for point in rows})
    assert len(rows) == 3 * len(times)  # each row that was begun has its three columns
    assert times == list(range(times[0], times[-1] + 1, 900 * 10**9))


def test_a_reader_that_has_gone_ends_the_process_quietly(built_in_meter, conf):
    conf.write_text(configuration(built_in_meter, ("fast", "100ms", (POWER,))))
    with Execd([*COMMAND, "--config", str(conf)], environment=ENVIRONMENT) as telegraf:
        telegraf.wait_for(lambda t: t.lines)
        telegraf.close_reader()
        telegraf.wait_for(lambda t: t.runs and t.runs[0].status is not None)
    assert telegraf.runs[0].status == 0
    assert [level for level, _ in telegraf.log if level in {"error", "warn"}] == []


def test_a_stop_signal_ends_a_run_that_watches_no_stdin(built_in_meter, conf):
    conf.write_text(configuration(built_in_meter, ("fast", "100ms", (POWER,))))
    with subprocess.Popen(
        [*COMMAND, "--config", str(conf)],
        env=os.environ | ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("dlms,class_id=3,device=house,group=fast,name=power,")
        process.send_signal(signal.SIGTERM)
        process.stdout.read()
        assert process.wait(timeout=10) == 0


#: A command whose name server is silent.
DEAF_RESOLVER = """
import socket, threading
socket.getaddrinfo = lambda *_, **__: threading.Event().wait()
from telegraf_dlms.__main__ import main
main()
"""


def test_a_name_server_that_does_not_answer_holds_up_no_stop(conf):
    text = configuration(1, ("energy", "1h", (IMPORT,))).replace("127.0.0.1", "meter.example")
    conf.write_text(text.replace('timeout = "2s"', 'timeout = "100ms"'))
    command = [sys.executable, "-c", DEAF_RESOLVER, "--config", str(conf)]
    with Execd(command, environment=ENVIRONMENT) as telegraf:
        telegraf.wait_for(lambda t: device_results(t.lines))
        run = telegraf.stop()
    assert (run.status, run.signals) == (0, [])
    assert run.stop_seconds < 4.5
    assert ("warn", "home: meter.example:1: no connection within 0.1 s") in telegraf.log
