"""Everything at once, with real processes: no row is lost, none is two points, and no invocation counter comes twice.

Meters of every kind are read by the plugin, which is killed with -9 at random, as is Telegraf above it: what that had
read and not flushed is lost, and so is what was in the pipe. Meters are cut off while they capture for days, their
clocks are set back and forth over both changes of summer time, the reader stops. Afterwards every row of every buffer
is in the output as the meter holds it, at the time that its clock means.

``make torture`` does it with full profiles and a hundred kills: TELEGRAF_DLMS_TORTURE is how many.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter, defaultdict

import parts
import pytest

from command import COMMAND, ENVIRONMENT
from execd import Execd
from steered_meter import (
    BY_ENTRY,
    BY_RANGE,
    LARGEST,
    LIFO,
    OPEN,
    ZONE,
    SteeredMeters,
    SteeredProfile,
    seconds_of,
)
from telegraf_dlms.access import PROTECTIONS
from telegraf_dlms.simulator.access import Access

pytestmark = pytest.mark.process

KILLS = int(os.environ.get("TELEGRAF_DLMS_TORTURE", "6"))
SEED = int(os.environ.get("TELEGRAF_DLMS_TORTURE_SEED", "1"))
IS_LONG = KILLS > 20
#: The last Sundays of October and March: summer time ends and begins at 01:00 UTC.
AUTUMN, SPRING = seconds_of("2025-10-26T01:00"), seconds_of("2026-03-29T01:00")
DAY = 86_400
#: How long rows are printed once more, and how long Telegraf keeps what it has read at most.
REPLAY_S = 6.0
FLUSH_S = 2.0
#: How long all rows take to come, at the throttle's pace, when the last kill is over.
PATIENCE_S = 900.0 if IS_LONG else 60.0
#: How long the reader stops.
STOPPED_S = 3.0 if IS_LONG else 0.4
AUTHENTICATION_KEY, BLOCK_CIPHER_KEY = bytes(range(16)), bytes(range(16, 32))
CIPHERED = Access(
    protection=PROTECTIONS["authentication_encryption"],
    authentication_key=AUTHENTICATION_KEY,
    block_cipher_key=BLOCK_CIPHER_KEY,
)

CONFIGURATION = """
[agent]
  state_file = "torture.state"
  replay = "{replay}s"
  log_level = "warn"

[[connection]]
  name = "left"
  address = "127.0.0.1"
  port = {port}

[[connection]]
  name = "right"
  address = "127.0.0.1"
  port = {port}
  persistent = true
"""

DEVICE = """
[[device]]
  name = "{name}"
  connection = "{connection}"
  interface_type = "wrapper"
  server_address = {number}
  client_address = {client}
  time_zone = "{zone}"
  timeout = "2s"
  {security}
"""

GROUPS = """
[[group]]
  name = "fast"
  interval = "150ms"

  [[group.value]]
    name = "power"
    devices = ["*"]
    obis = "1-0:1.7.0"
    class_id = "register"

[[group]]
  name = "rows"
  interval = "300ms"

  [[group.value]]
    name = "load"
    devices = ["*"]
    obis = "1-0:99.1.0"
    class_id = "profile_generic"
    backfill = "1000d"
"""

SECURITY = f"""transport_security = "authentication_encryption"
  authentication_key = "{AUTHENTICATION_KEY.hex()}"
  block_cipher_key = "{BLOCK_CIPHER_KEY.hex()}"
  invocation_counter = "0.0.43.1.0.255"
"""


def kinds():
    """Return the meters' profiles by their devices' names; two of them are small enough to wrap again and again."""
    begin = AUTUMN - 2 * DAY
    capacity = 5760 if IS_LONG else 400
    return {
        "any": SteeredProfile(begin, capacity=capacity),
        "entries": SteeredProfile(begin, capacity=capacity, refuses={BY_RANGE}, sort_method=LIFO, clock="marked"),
        "ranges": SteeredProfile(begin, capacity=capacity, refuses={BY_ENTRY}, bounds="bare"),
        "whole": SteeredProfile(begin, capacity=150, refuses={BY_RANGE, BY_ENTRY}, clock="unmarked"),
        "unmarked": SteeredProfile(begin, capacity=capacity, clock="unmarked"),
        "events": SteeredProfile(begin, capacity=150, period=0),
        "nulls": SteeredProfile(begin, capacity=capacity, leaves_out=True),
        "sorted": SteeredProfile(begin, capacity=capacity, sort_method=LARGEST),
        "ciphered": SteeredProfile(begin, capacity=capacity, clock="marked"),
    }


class Torture:
    """The meters, the plugin under a fake of Telegraf, and what reached the database."""

    def __init__(self, folder, meters, telegraf, source):
        self.folder, self.meters, self.telegraf, self.source = folder, meters, telegraf, source
        self.names = list(kinds())
        self.flushed, self.flushed_at = [], time.monotonic()
        self.kills = 0

    def progress(self, lines):
        """Wait until so many further lines came."""
        wanted = len(self.telegraf.lines) + lines
        self.telegraf.wait_for(lambda t: len(t.lines) >= wanted)

    def flush(self):
        with self.telegraf._changed:
            self.flushed += self.telegraf.lines
            self.telegraf.lines.clear()
        self.flushed_at = time.monotonic()

    def kill(self):
        """Kill the plugin, and every other time Telegraf with what it has read and not flushed."""
        self.progress(self.source.randrange(2000 if IS_LONG else 40))
        if time.monotonic() - self.flushed_at > FLUSH_S:
            self.flush()
            self.progress(self.source.randrange(20))
        loses, lives = self.source.random() < 0.5, len(self.telegraf.runs)
        os.kill(self.telegraf.pid, signal.SIGKILL)
        self.telegraf.wait_for(lambda t: len(t.runs) > lives)
        if loses:
            with self.telegraf._changed:
                self.telegraf.lines.clear()
        self.flush()
        self.kills += 1

    def capture(self):
        name = self.source.choice(self.names)
        self._capture(name, self.source.choice([1, 1, 3, 30]))

    def be_away_for_days(self):
        self.meters.leave()
        for name in self.names:
            self._capture(name, self.source.choice([10, 50, 100]))
        self.progress(4)
        self.meters.come_back()

    def stop_reading(self):
        self.telegraf.pause_reading()
        self.capture()
        end = time.monotonic() + STOPPED_S
        parts.until(lambda: time.monotonic() > end, "a reader that is asleep")
        self.telegraf.resume_reading()

    def set_clocks(self):
        """Set some clocks back or forth: by minutes, by an hour, by days, to the other change of summer time."""
        for name in self.source.sample(self.names, 3):
            profile = self.profile(name)
            by = self.source.choice([900, 3600, 3600, 5 * 3600, 2 * DAY])
            # What is read by time alone is known for some two days (docs/decisions/6-no-row-is-lost.md).
            by = min(by, 3600) if name in {"ranges", "sorted"} else by
            profile.seconds += by * self.source.choice([-1, -1, 1])
            if self.source.random() < 0.2:
                profile.seconds = self.source.choice([AUTUMN, SPRING]) - 3600 * self.source.randrange(3)

    def profile(self, name):
        return self.meters.profiles[self.names.index(name)]

    def _capture(self, name, count):
        profile = self.profile(name)
        for _ in range(count):
            profile.capture(after=None if profile.period else self.source.choice([0, 1, 60, 4000]))

    def live(self):
        deeds = [self.capture, self.kill, self.be_away_for_days, self.stop_reading, self.set_clocks]
        while self.kills < KILLS:
            self.source.choices(deeds, [8, 3, 1, 1, 2])[0]()
            self.progress(1)


class Seen:
    """What is in the output: each row's lines by device, time and column."""

    def __init__(self):
        self.fields = {}

    def take(self, lines):
        """Take lines in; the same point twice has to be the same, to the octet."""
        for line in lines:
            if ",profile=" not in line:
                continue
            head, fields, time_ns = line.split(" ")
            assert self.fields.setdefault((head, int(time_ns)), fields) == fields, line

    def rows(self, name):
        """Return the times at which each row of a device was printed, by its number."""
        times = defaultdict(set)
        for time_ns, value in self.column(name, "0.0.96.10.1.255"):
            times[int(value)].add(time_ns)
        return times

    def column(self, name, obis):
        """Yield the times and values of a device's column."""
        for (head, time_ns), fields in self.fields.items():
            if f",device={name}," in head and f",obis={obis}," in head:
                yield time_ns, float(fields.split(",")[0].removeprefix("value="))


def check(name, profile, seen):
    """Hold what was printed of a device against what its meter captured."""
    printed = seen.rows(name)
    assert set(profile.numbers) <= set(printed), f"{name}: rows are lost"
    assert {number: times for number, times in printed.items() if len(times) > 1} == {}, name
    energies = dict(seen.column(name, "1.0.1.8.0.255"))
    assert energies == {time_ns: 7 * number for number, times in printed.items() for time_ns in times}, name
    often = Counter(map(profile.utc_ns, range(len(profile.captured))))
    places = defaultdict(list)
    for number, (time_ns,) in sorted(printed.items()):
        places[profile.utc_ns(number)].append(time_ns - profile.utc_ns(number))
    for clock_ns, later in places.items():
        # One is left out where a row was lost in the pipe, and was overwritten before it could be printed again.
        assert len(set(later)) == len(later), (name, clock_ns)
        assert 0 <= min(later) <= max(later) < often[clock_ns], (name, clock_ns)
        assert later == sorted(later) or profile.sort_method == LARGEST, (name, clock_ns)
    for (head, time_ns), fields in seen.fields.items():
        if f",device={name}," in head and ",obis=0.0.96.10.1.255," in head:
            number = int(fields.split(",")[0].removeprefix("value="))
            status = profile.status(number)
            assert fields == f"value={number}" + (f",clock_status={status}i" if status else ""), time_ns


@pytest.mark.timeout(3600 if IS_LONG else 120)
def test_whatever_happens_no_row_is_lost_and_none_becomes_two_points(tmp_path, monkeypatch):
    profiles = kinds()
    for profile in profiles.values():
        profile.capture(5760 if IS_LONG else 60, after=None if profile.period else 100)
    accesses = [CIPHERED if name == "ciphered" else OPEN for name in profiles]
    with SteeredMeters(list(profiles.values()), accesses=accesses, monkeypatch=monkeypatch) as meters:
        text = CONFIGURATION.format(port=meters.port, replay=REPLAY_S)
        for number, name in enumerate(profiles, 1):
            is_ciphered = name == "ciphered"
            text += DEVICE.format(
                name=name,
                connection=("left", "right")[number % 2],
                number=number,
                client=1 if is_ciphered else 16,
                zone=ZONE,
                security=SECURITY if is_ciphered else "",
            )
        conf = tmp_path / "torture.conf"
        conf.write_text(text + GROUPS)
        command = [*COMMAND, "--config", str(conf)]
        with Execd(command, environment=ENVIRONMENT, restart_delay=0.05) as telegraf:
            torture = Torture(tmp_path, meters, telegraf, random.Random(SEED))
            torture.live()
            seen = Seen()

            def missing():
                torture.flush()
                seen.take(torture.flushed)
                torture.flushed.clear()
                left = {name: len(set(profile.numbers) - set(seen.rows(name))) for name, profile in profiles.items()}
                return {name: rows for name, rows in left.items() if rows}

            deadline = time.monotonic() + PATIENCE_S
            while left := missing():
                assert time.monotonic() < deadline, f"{left} rows are missing; {telegraf.log[-5:]}"
                torture.progress(10)
            run = telegraf.stop()
            missing()
    assert (run.status, telegraf.errors) == (0, [])
    for name, profile in profiles.items():
        check(name, profile, seen)
    counters = [seen for ledger in meters.ledgers for seen in ledger.seen]
    assert len(counters) > 2 * KILLS
    assert len(set(counters)) == len(counters)
