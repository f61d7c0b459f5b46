"""Which rows were printed, over the ends of processes: ``run`` and ``--once``, with a meter that is steered."""

from __future__ import annotations

import os
import signal

import pytest

from command import COMMAND, ENVIRONMENT, call
from execd import Execd
from steered_meter import OPEN, SECOND, SteeredMeters, SteeredProfile, seconds_of
from telegraf_dlms.state_file import default_path

pytestmark = pytest.mark.process

BEGAN = seconds_of("2026-01-01T00:00")

CONFIGURATION = """
[agent]
  {state_file}
  {replay}

[[connection]]
  name = "line"
  address = "127.0.0.1"
  port = {port}

[[device]]
  name = "house"
  connection = "line"
  interface_type = "wrapper"
{devices}
[[group]]
  name = "rows"
  interval = "{interval}"

  [[group.value]]
    name = "load"
    devices = ["*"]
    obis = "1-0:99.1.0"
    class_id = 7
    {wanted}
"""


class House:
    """A meter of which a few rows are captured, and configurations for it."""

    def __init__(self, folder, meters):
        self.folder, self.meters = folder, meters
        self.profile = meters.profiles[0]
        self.conf = folder / "meters.conf"
        self.state = folder / "meters.state"

    def write(self, *, replay="0s", state_file="meters.state", interval="200ms", wanted="", devices=""):
        self.conf.write_text(
            CONFIGURATION.format(
                state_file=f'state_file = "{state_file}"' if state_file else "",
                replay=f'replay = "{replay}"' if replay else "",
                port=self.meters.port,
                interval=interval,
                wanted=wanted,
                devices=devices,
            )
        )

    def run(self):
        return Execd([*COMMAND, "--config", str(self.conf)], environment=ENVIRONMENT)

    def once(self):
        done = call("--once", "--config", self.conf)
        assert done.returncode == 0, done.stderr
        return numbers(done.stdout.splitlines())

    def read(self, count):
        """Run until so many rows were printed, stop, and return the lines of rows."""
        with self.run() as telegraf:
            telegraf.wait_for(lambda t: len(numbers(t.lines)) >= count)
            telegraf.stop()
        return row_lines(telegraf.lines)


@pytest.fixture
def house(tmp_path, monkeypatch):
    profile = SteeredProfile(BEGAN, capacity=1000)
    profile.capture(5)
    with SteeredMeters([profile], accesses=[OPEN], monkeypatch=monkeypatch) as meters:
        yield House(tmp_path, meters)


def row_lines(lines):
    return [line for line in lines if ",profile=" in line]


def numbers(lines):
    """Return the rows' numbers, in the order in which they were printed."""
    rows = [line for line in row_lines(lines) if ",obis=0.0.96.10.1.255," in line]
    return [int(line.split(" ")[1].removeprefix("value=")) for line in rows]


def test_rows_are_printed_once_over_all_processes(house):
    house.write()
    assert numbers(house.read(5)) == [0, 1, 2, 3, 4]
    house.profile.capture(3)
    assert numbers(house.read(3)) == [5, 6, 7]


@pytest.mark.parametrize("moment", ["at once", "later"])
def test_a_process_that_is_killed_leaves_nothing_out(house, moment):
    house.write()
    with house.run() as telegraf:
        telegraf.wait_for(lambda t: numbers(t.lines))
        if moment == "later":
            telegraf.wait_for(lambda t: len([line for line in t.lines if line.startswith("dlms_device,")]) > 8)
        os.kill(telegraf.pid, signal.SIGKILL)
        telegraf.wait_for(lambda t: t.runs[0].status is not None)
    first = row_lines(telegraf.lines)
    house.profile.capture(2)
    second = house.read(2)
    assert numbers(second)[-2:] == [5, 6]
    assert set(first) >= set(second[:-4])  # what is printed again is the same, to the octet
    assert set(numbers(first)) | set(numbers(second)) == set(range(7))
    if moment == "later":
        assert numbers(second) == [5, 6]


def test_what_was_printed_shortly_before_the_end_is_printed_once_more_to_the_octet(house):
    house.write(replay="10m")
    first = house.read(5)
    house.profile.capture(2)
    second = house.read(7)
    assert second[: len(first)] == first
    assert numbers(second) == list(range(7))
    house.write(replay="0s")
    house.profile.capture(1)
    assert numbers(house.read(1)) == [7]


def test_a_reload_prints_no_row_again(house):
    house.write(replay="10m")
    with house.run() as telegraf:
        telegraf.wait_for(lambda t: len(numbers(t.lines)) == 5)
        for interval in ("150ms", "100ms"):
            house.write(replay="10m", interval=interval)
            telegraf.gather("SIGHUP")
            telegraf.wait_for(lambda t: any("was read again" in text for _, text in t.log))
            telegraf.log.clear()
            house.profile.capture(1)
            so_far = len(numbers(telegraf.lines))
            telegraf.wait_for(lambda t, so_far=so_far: len(numbers(t.lines)) > so_far)
        telegraf.stop()
    assert numbers(telegraf.lines) == list(range(7))


def test_once_prints_what_is_new_where_a_state_file_is_named_and_else_everything(house):
    house.write(state_file="")
    assert house.once() == house.once() == [0, 1, 2, 3, 4]
    assert not default_path([house.conf]).exists()
    house.write()
    assert house.once() == [0, 1, 2, 3, 4]
    house.profile.capture(2)
    assert house.once() == [5, 6]
    assert house.once() == []


def test_once_prints_no_row_again_but_where_a_replay_is_written(house):
    house.write(replay="")
    assert house.once() == [0, 1, 2, 3, 4]
    house.profile.capture(2)
    assert house.once() == [5, 6]
    assert house.once() == []
    house.write(replay="10m")
    assert house.once() == list(range(7))


def test_what_once_printed_is_printed_once_more_by_a_run(house):
    house.write(replay="")
    assert house.once() == [0, 1, 2, 3, 4]
    house.profile.capture(2)
    assert numbers(house.read(7)) == list(range(7))


def test_once_prints_all_that_there_is_however_much(house):
    house.profile.capture(995)
    house.write(state_file="", wanted='backfill = "30d"')
    assert house.once() == list(range(1000))


@pytest.mark.parametrize("wanted", ["", "entries = 50"])
def test_a_run_with_a_profile_keeps_a_state_and_makes_the_second_one_wait(house, wanted):
    house.write(wanted=wanted)
    with house.run() as first:
        first.wait_for(lambda t: len(numbers(t.lines)) == 5)
        with house.run() as second:
            second.wait_for(lambda t: any("another run of telegraf-dlms uses this state" in text for _, text in t.log))
            second.stop()
            assert second.lines == []
        first.stop()
    assert house.state.exists()


def test_two_devices_that_are_one_meter_have_rows_of_their_own(house):
    other = '\n[[device]]\n  name = "hut"\n  connection = "line"\n  interface_type = "wrapper"\n  client_address = 17\n'
    house.write(devices=other)
    lines = house.read(10)
    for name in ("house", "hut"):
        assert numbers([line for line in lines if f",device={name}," in line]) == [0, 1, 2, 3, 4]


def test_a_clock_that_goes_back_takes_no_time_of_another_process(house):
    house.write()
    house.read(5)
    house.profile.seconds = BEGAN
    house.profile.capture(2)
    lines = [line for line in house.read(2) if ",obis=0.0.96.10.1.255," in line]
    assert [int(line.rpartition(" ")[2]) for line in lines] == [
        (BEGAN + 900 * number) * SECOND + 1 for number in (1, 2)
    ]
