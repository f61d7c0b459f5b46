"""Shards as processes: each reads its part, with a state of its own; and what is said of too few open files."""

from __future__ import annotations

import re
import subprocess

import points
import pytest

from command import COMMAND, ENVIRONMENT, call
from execd import Execd
from telegraf_dlms.shard import Shard

pytestmark = pytest.mark.process

LINES = ("north", "south", "east", "west")
METER = """
[[connection]]
  name = "{name}"
  address = "127.0.0.1"
  port = {port}
[[device]]
  name = "{name}"
  connection = "{name}"
  interface_type = "wrapper"
"""
GROUP = """
[[group]]
  name = "energy"
  interval = "1h"
  [[group.value]]
    name = "active_import"
    devices = ["*"]
    obis = "1-0:1.8.0"
    class_id = "register"
"""


@pytest.fixture
def conf(tmp_path, built_in_meter):
    path = tmp_path / "meters.conf"
    meters = "".join(METER.format(name=name, port=built_in_meter) for name in LINES)
    path.write_text(f'[agent]\n  state_file = "{tmp_path}/meters.state"\n{meters}{GROUP}')
    return path


def once(conf, *more, before=()):
    return call("--once", "--config", conf, *more, before=before)


def devices(lines):
    return sorted(point.tags["device"] for point in points.parse_all(lines) if point.measurement == "dlms")


def part(number, count):
    return sorted(name for name in LINES if Shard(number, count).takes(name))


def test_each_shard_reads_its_part_and_together_they_read_the_whole(conf, tmp_path):
    done = [once(conf, "--shard", f"{number}/3") for number in (1, 2, 3)]
    assert [devices(each.stdout.splitlines()) for each in done] == [part(number, 3) for number in (1, 2, 3)]
    assert devices([line for each in done for line in each.stdout.splitlines()]) == sorted(LINES)
    assert all(each.returncode == 0 for each in done)
    assert {path.name for path in tmp_path.glob("*.state")} == {
        f"meters-{number}.state" for number in (1, 2, 3) if part(number, 3)
    }


def test_a_run_says_which_shard_it_is_and_two_shards_do_not_wait_for_each_other(conf):
    with (
        Execd([*COMMAND, "--config", str(conf), "--shard", "1/2"], environment=ENVIRONMENT) as first,
        Execd([*COMMAND, "--config", str(conf), "--shard", "2/2"], environment=ENVIRONMENT) as second,
    ):
        for number, telegraf in enumerate((first, second), 1):
            expected = part(number, 2)
            telegraf.wait_for(lambda seen, expected=expected: devices(seen.lines) == expected)
            announced = f"telegraf-dlms 0.1.0: shard {number}/2: {len(expected)} connection"
            telegraf.wait_for(lambda seen, announced=announced: any(announced in text for _, text in seen.log))


def test_a_shard_without_a_connection_is_no_error(conf):
    empty = next(number for number in range(1, 41) if not part(number, 40))
    done = once(conf, "--shard", f"{empty}/40")
    assert (done.returncode, done.stdout) == (0, "")
    assert f"I! telegraf-dlms 0.1.0: shard {empty}/40: nothing enabled is in it, so nothing is read" in done.stderr


def test_a_bad_shard_ends_it_before_anything_is_read(conf):
    done = once(conf, "--shard", "4/3")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "E! --shard: 4 is outside 1..3\n"


def test_too_few_open_files_are_told_with_what_to_do(conf):
    done = once(conf, before=("bash", "-c", 'ulimit -n 33 && exec "$@"', "bash"))
    told = [line for line in done.stderr.splitlines() if "open files" in line]
    assert told[0] == ("W! 33 open files are allowed and 36 wanted: raise the limit (LimitNOFILE= in a systemd unit)")


def test_the_soft_limit_of_open_files_is_no_limit(conf):
    hard = int(subprocess.run(["bash", "-c", "ulimit -Hn"], capture_output=True, text=True, check=True).stdout)
    assert hard > 36
    done = once(conf, before=("bash", "-c", 'ulimit -Sn 20 && exec "$@"', "bash"))
    assert re.findall("open files", done.stderr) == []
    assert devices(done.stdout.splitlines()) == sorted(LINES)
