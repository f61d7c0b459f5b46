"""What outlives a process: lock-outs and who has the state, with ``run``, ``--once`` and ``unlock`` as processes."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import parts
import points
import pytest

from command import COMMAND, ENVIRONMENT, call
from execd import Execd
from telegraf_dlms.state_file import default_path

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

pytestmark = pytest.mark.process

RIGHT, WRONG = "Pa55wOrd-of-the-meter", "s0me-other-secret"
WAITING = "another run of telegraf-dlms uses this state: waiting until it ends"

CONFIGURATION = """
[agent]
  log_level = "debug"
  {state_file}

[[connection]]
  name = "home"
  address = "127.0.0.1"
  port = {port}

[[device]]
  name = "house"
  connection = "home"
  interface_type = "wrapper"
  timeout = "2s"
  {secret}

[[group]]
  name = "g"
  interval = "{interval}"

  [[group.value]]
    name = "power"
    device = "house"
    obis = "1-0:1.7.0"
    class_id = "register"
"""


class House:
    """A meter that wants a password, and a configuration for it. ``state`` is where its state is."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self.conf = folder / "meters.conf"
        self.state = folder / "state" / "meters.state"

    def write(self, password: str | None, *, state_file: str = "state/meters.state", interval: str = "100ms") -> None:
        self.conf.write_text(
            CONFIGURATION.format(
                state_file=f'state_file = "{state_file}"' if state_file else "",
                port=self.port,
                secret=f'access_security = "low"\n  password = "{password}"' if password else "",
                interval=interval,
            )
        )

    def run(self) -> Execd:
        return Execd([*COMMAND, "--config", str(self.conf)], environment=ENVIRONMENT)

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return call(*arguments, "--config", self.conf)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with parts.built_in_meter("--interface", "wrapper", "--password", RIGHT) as meter:
        yield parts.listening(meter)


@pytest.fixture
def house(tmp_path: Path, port: int) -> House:
    return House(tmp_path, port)


def results(lines: list[str]) -> list[object]:
    return [point.fields["result"] for point in points.parse_all(lines) if point.measurement == "dlms_device"]


def told(telegraf: Execd, *levels: str) -> list[str]:
    return [text for level, text in telegraf.log if level in levels]


def kill(telegraf: Execd) -> None:
    os.kill(telegraf.pid, signal.SIGKILL)
    telegraf.wait_for(lambda t: t.runs[0].status is not None)


# One run at a time.


def test_a_second_run_says_so_reads_nothing_and_goes_on_when_the_first_was_killed(house):
    house.write(RIGHT)
    with house.run() as first:
        first.wait_for(lambda t: "ok" in results(t.lines))
        with house.run() as second:
            second.wait_for(lambda t: told(t, "warn"))
            so_far = len(first.lines)
            first.wait_for(lambda t: len(t.lines) > so_far + 4)
            assert second.lines == []
            kill(first)
            second.wait_for(lambda t: "ok" in results(t.lines))
            assert told(second, "error", "warn") == [f"{house.state}: {WAITING}"]
            assert f"{house.state}: the other run has ended: going on" in told(second, "info")
            assert second.stop().status == 0


@pytest.mark.parametrize("how", ["end of stdin", "SIGTERM", "reader gone"])
def test_a_run_that_waits_ends_at_once_when_it_is_to(house, how):
    house.write(RIGHT)
    with house.run() as first:
        first.wait_for(lambda t: t.lines)
        with house.run() as second:
            second.wait_for(lambda t: told(t, "warn"))
            if how == "SIGTERM":
                second.gather("SIGTERM")
            elif how == "reader gone":
                second.close_reader()
            else:
                second.gather()
                second.close_stdin()
            second.wait_for(lambda t: t.runs[0].status is not None)
            run = second.stop()
        assert (run.status, run.signals, second.lines) == (0, [], [])
        assert first.stop().status == 0


def test_what_is_asked_of_a_run_that_waits_is_gathered_afterwards(house):
    house.write(RIGHT, interval="0s")
    with house.run() as first, house.run() as second:
        second.gather()
        first.gather()
        parts.until(lambda: told(first, "warn") or told(second, "warn"), "one of them to wait")
        has, waits = (second, first) if told(first, "warn") else (first, second)
        has.wait_for(lambda t: "ok" in results(t.lines))
        assert waits.lines == []
        assert has.stop().status == 0
        waits.wait_for(lambda t: "ok" in results(t.lines))


def test_once_shares_the_state_with_a_run(house):
    house.write(RIGHT)
    with house.run() as run:
        run.wait_for(lambda t: t.lines)
        once = house.call("--once")
        assert results(once.stdout.splitlines()) == ["ok"]
        assert "W!" not in once.stderr
        assert run.stop().status == 0
    assert told(run, "error", "warn") == []


def test_a_plan_that_keeps_nothing_makes_no_file_and_two_runs_of_it_do_not_wait(house, built_in_meter):
    house.port = built_in_meter
    house.write(None, state_file="")
    with house.run() as first, house.run() as second:
        for each in (first, second):
            each.wait_for(lambda t: "ok" in results(t.lines))
        assert {each.stop().status for each in (first, second)} == {0}
        assert told(first, "error", "warn") + told(second, "error", "warn") == []
    place = default_path([house.conf])
    assert [place.exists(), Path(f"{place}.lock").exists(), list(house.conf.parent.iterdir())] == [
        False,
        False,
        [house.conf],
    ]


# Lock-outs.


def test_a_lock_out_survives_kill_9_and_ends_with_another_password(house):
    house.write(WRONG)
    with house.run() as first:
        first.wait_for(lambda t: "authentication" in results(t.lines))
        kill(first)
    with house.run() as second:
        second.wait_for(lambda t: len(results(t.lines)) > 1)
        assert set(results(second.lines)) == {"locked"}
        [warning] = told(second, "error", "warn")
        assert warning.startswith("house: its password or key was refused before this start: not tried again before 2")
        house.write(RIGHT)
        second.gather("SIGHUP")
        second.wait_for(lambda t: "ok" in results(t.lines))
        assert "authentication" not in results(second.lines)
        assert told(second, "info")[-1] == "house: is read again"
        kill(second)
    assert results(house.call("--once").stdout.splitlines()) == ["ok"]


def test_unlock_frees_a_device_of_a_run_that_runs_at_its_next_poll(house):
    house.write(WRONG)
    with house.run() as run:
        run.wait_for(lambda t: "locked" in results(t.lines))
        unlocked = house.call("unlock", "house")
        assert (unlocked.returncode, unlocked.stdout, unlocked.stderr) == (0, "", "I! house: is asked again\n")
        run.wait_for(lambda t: results(t.lines).count("authentication") == 2 and results(t.lines)[-1] == "locked")
        assert run.stop().status == 0
    assert house.call("unlock", "house").stderr == "I! house: is asked again\n"
    assert house.call("unlock", "house").stderr == "I! house: was not locked\n"


def test_unlock_says_which_device_there_is_not(house):
    house.write(RIGHT)
    done = house.call("unlock", "hous")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == 'E! there is no device "hous"; did you mean "house"?\n'
    assert not house.state.parent.exists()


def test_lock_outs_count_for_once_as_well(house):
    house.write(WRONG)
    calls = [house.call("--once") for _ in range(2)]
    assert [results(call.stdout.splitlines()) for call in calls] == [["authentication"], ["locked"]]
    assert [call.returncode for call in calls] == [3, 3]


def test_nothing_of_a_secret_is_in_the_state_or_in_what_is_said(house):
    house.write(WRONG)
    with house.run() as run:
        run.wait_for(lambda t: "locked" in results(t.lines))
        files = {file.name: file.read_bytes() for file in house.state.parent.iterdir()}
        assert {house.state.name, f"{house.state.name}-wal"} <= set(files)
        assert b"house" in b"".join(files.values())
        run.stop()
    assert not Path(f"{house.state}-wal").exists()  # it was closed
    files["at the end"] = house.state.read_bytes()
    files["said"] = "\n".join([*run.lines, *(text for _, text in run.log)]).encode()
    for octets in files.values():
        for secret in (WRONG.encode(), WRONG.encode().hex().encode(), WRONG.encode()[:6]):
            assert secret not in octets


# Where it cannot be kept, and where it is another one.


def test_where_nothing_can_be_written_that_is_one_warning_and_lock_outs_hold_in_the_process(house):
    house.write(WRONG, state_file="meters.conf/meters.state")
    with house.run() as run:
        run.wait_for(lambda t: results(t.lines).count("locked") > 2)
        assert results(run.lines)[0] == "authentication"
        assert results(run.lines).count("authentication") == 1
        [warning] = told(run, "warn")
        assert warning == (
            f"{house.conf}/meters.state: Not a directory: the state stays in memory, and ends with this process"
        )
        assert run.stop().status == 0
    assert list(house.conf.parent.iterdir()) == [house.conf]


def test_a_state_file_that_changed_is_taken_at_the_next_start(house):
    house.write(RIGHT)
    other = house.conf.with_name("other.state")
    with house.run() as run:
        run.wait_for(lambda t: t.lines)
        house.write(RIGHT, state_file="other.state")
        run.gather("SIGHUP")
        run.wait_for(lambda t: told(t, "warn"))
        assert told(run, "error", "warn") == [
            f"the state will be {other} from the next start on: until then it stays {house.state}"
        ]
        assert run.stop().status == 0
    assert not other.exists()
    house.call("--once")
    assert other.exists()


def test_a_plan_that_needs_the_state_after_a_reload_opens_it(house):
    house.write(None, state_file="")
    house.conf.write_text(house.conf.read_text().replace("[agent]\n", "[agent]\n  enabled = false\n"))
    with house.run() as run:
        run.wait_for(lambda t: told(t, "info"))
        house.write(WRONG)
        run.gather("SIGHUP")
        run.wait_for(lambda t: "locked" in results(t.lines))
        assert house.state.exists()
        assert run.stop().status == 0
    assert house.call("unlock", "house").stderr == "I! house: is asked again\n"
