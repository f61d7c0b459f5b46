"""A real Telegraf above the plugin, both killed at any moment: what it had read and not flushed is not lost."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
from collections import defaultdict
from typing import TYPE_CHECKING

import parts
import points
import pytest

from steered_meter import OPEN, SECOND, SteeredMeters, SteeredProfile, seconds_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real

ROWS = 300
KILLS = 5

METER = """
[agent]
  state_file = "meters.state"
[[connection]]
  name = "line"
  address = "127.0.0.1"
  port = {port}
[[device]]
  name = "house"
  connection = "line"
  interface_type = "wrapper"
[[group]]
  name = "rows"
  interval = "200ms"
  [[group.value]]
    name = "load"
    device = "house"
    obis = "1-0:99.1.0"
    class_id = "profile_generic"
    backfill = "30d"
"""

#: Telegraf flushes a while after it has read, and forgets what it has not flushed when it is killed.
TELEGRAF = """
[agent]
  interval = "1s"
  flush_interval = "2s"
  flush_jitter = "0s"
  metric_batch_size = 5000
  omit_hostname = true
[[inputs.execd]]
  command = {command}
  signal = "none"
  data_format = "influx"
[[outputs.file]]
  files = ["metrics.out"]
  data_format = "influx"
"""


def flushed(folder: Path) -> dict[int, set[int]]:
    """Return the times at which each row is in Telegraf's file, by its number."""
    times: dict[int, set[int]] = defaultdict(set)
    with contextlib.suppress(FileNotFoundError):
        text = (folder / "metrics.out").read_text(encoding="utf-8")
        for point in points.parse_all(text[: text.rfind("\n") + 1].splitlines()):
            if point.tags.get("obis") == "0.0.96.10.1.255":
                times[int(float(point.fields["value"]))].add(point.time)
    return times


def test_every_row_is_in_telegrafs_output_after_both_were_killed(real_telegraf, tmp_path, monkeypatch):
    assert real_telegraf
    source = random.Random(1)
    profile = SteeredProfile(seconds_of("2025-10-24T00:00"), capacity=5000)
    profile.capture(ROWS)
    with SteeredMeters([profile], accesses=[OPEN], monkeypatch=monkeypatch) as meters:
        (tmp_path / "meters.conf").write_text(METER.format(port=meters.port))
        command = json.dumps([*parts.PLUGIN, "--config", str(tmp_path / "meters.conf")])
        conf = tmp_path / "telegraf.conf"
        conf.write_text(TELEGRAF.format(command=command))
        for _ in range(KILLS):
            with parts.telegraf(conf) as telegraf:
                heard = meters.heard + source.randrange(5, 60)
                parts.until(lambda heard=heard: meters.heard > heard, "the meter to be read")
                os.killpg(telegraf.process.pid, signal.SIGKILL)
            profile.capture(10)
        with parts.telegraf(conf) as telegraf:
            parts.until(lambda: len(flushed(tmp_path)) == ROWS + 10 * KILLS, "all rows")
            telegraf.stop()
    rows = flushed(tmp_path)
    assert rows == {number: {profile.captured[number] * SECOND} for number in range(ROWS + 10 * KILLS)}
