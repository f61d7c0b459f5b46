"""The command that ends a lock-out."""

from __future__ import annotations

import stat

import pytest

from telegraf_dlms.errors import ConfigError
from telegraf_dlms.shard import Shard
from telegraf_dlms.state import MAX_LOCK_NS, open_state, secret_digest
from telegraf_dlms.state_lock import StateLock
from telegraf_dlms.unlock import unlock

NOW = 1_767_225_600_000_000_000
DIGEST = secret_digest("feeder-1", b"12345678")
CONFIGURATION = """
[agent]
  state_file = "state/meters.state"

[[connection]]
  name = "substation"
  address = "127.0.0.1"
  port = 4059

[[device]]
  name = "feeder-1"
  connection = "substation"

[[device]]
  name = "feeder-2"
  connection = "substation"
"""


class Said(list):
    def say(self, level, text):
        self.append(f"{level[0].upper()} {text}")

    def info(self, text):
        self.say("info", text)

    def error(self, text):
        self.say("error", text)


@pytest.fixture
def said():
    return Said()


@pytest.fixture
def configuration(tmp_path):
    path = tmp_path / "meters.conf"
    path.write_text(CONFIGURATION)
    return path


@pytest.fixture
def running(configuration, said):
    """Give the state of a run that runs, with a device locked."""
    path = configuration.parent / "state" / "meters.state"
    lock = StateLock(path)
    lock.acquire()
    state = open_state(path, say=said.say, lock=lock)
    state.lock("feeder-1", DIGEST, until_ns=NOW + MAX_LOCK_NS)
    yield state
    state.close()
    lock.release()


def test_a_device_is_unlocked_under_a_run_that_runs(configuration, running, said):
    assert unlock("feeder-1", [configuration], log=said) == 0
    assert said == ["I feeder-1: is asked again"]
    assert running.locked_until("feeder-1", DIGEST, now_ns=NOW) is None


def test_the_other_devices_stay_as_they_are(configuration, running, said):
    assert unlock("feeder-2", [configuration], log=said) == 0
    assert said == ["I feeder-2: was not locked"]
    assert running.locked_until("feeder-1", DIGEST, now_ns=NOW) == NOW + MAX_LOCK_NS


def test_where_there_is_no_state_none_is_made(configuration, said):
    state = configuration.parent / "state"
    assert unlock("feeder-1", [configuration], log=said) == 0
    assert said == [f"I feeder-1: was not locked: {state / 'meters.state'} is not there"]
    assert not state.exists()


@pytest.mark.usefixtures("running")
def test_a_device_that_is_not_configured_is_a_problem_with_a_hint(configuration, said):
    with pytest.raises(ConfigError) as caught:
        unlock("feeder1", [configuration], log=said)
    assert caught.value.problems == ('there is no device "feeder1"; did you mean "feeder-1"?',)
    assert said == []


def test_a_bad_configuration_is_told(configuration, said):
    configuration.write_text(f"{CONFIGURATION}\n  client_address = 300\n")
    with pytest.raises(ConfigError, match="client_address"):
        unlock("feeder-1", [configuration], log=said)


def test_a_state_that_cannot_be_used_is_told_and_left_alone(configuration, said):
    path = configuration.parent / "state" / "meters.state"
    path.mkdir(parents=True)
    assert unlock("feeder-1", [configuration], log=said) == 1
    assert said == [
        f"W {path}: is not a regular file: the state stays in memory, and ends with this process",
        f"E feeder-1: cannot be unlocked: {path} cannot be written",
    ]


def test_a_state_that_cannot_be_written_after_all_is_told(configuration, running, said, monkeypatch):
    path = running.path
    monkeypatch.setattr("telegraf_dlms.unlock.open_state", lambda *_arguments, **_settings: running)
    running._connection.execute("PRAGMA query_only = 1")
    assert unlock("feeder-1", [configuration], log=said) == 1
    assert said == [f"E feeder-1: cannot be unlocked: {path}: attempt to write a readonly database"]


def test_without_a_state_file_the_default_place_is_looked_at(configuration, said, monkeypatch):
    configuration.write_text(CONFIGURATION.replace("state_file", "# state_file"))
    place = configuration.parent / "elsewhere.state"
    asked = []
    monkeypatch.setattr(
        "telegraf_dlms.service.default_path", lambda paths, *, suffix: asked.append((paths, suffix)) or place
    )
    state = open_state(place, say=said.say)
    state.lock("feeder-1", DIGEST, until_ns=NOW)
    state.close()
    assert unlock("feeder-1", [configuration], log=said) == 0
    assert said == ["I feeder-1: is asked again"]
    assert asked == [([configuration], "")]
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    unlock("feeder-1", [configuration], log=said, shard=Shard(8, 8))
    assert asked[1:] == [([configuration], "-8")]


def test_a_device_is_locked_in_the_state_of_its_shard(configuration, said):
    state = open_state(configuration.parent / "state" / "meters-8.state", say=said.say)
    state.lock("feeder-1", DIGEST, until_ns=NOW)
    state.close()
    assert unlock("feeder-1", [configuration], log=said) == 0
    assert unlock("feeder-1", [configuration], log=said, shard=Shard(8, 8)) == 0
    place = configuration.parent / "state" / "meters.state"
    assert said == [f"I feeder-1: was not locked: {place} is not there", "I feeder-1: is asked again"]


def test_a_device_of_another_shard_is_a_problem_that_names_it(configuration, said):
    with pytest.raises(ConfigError) as caught:
        unlock("feeder-1", [configuration], log=said, shard=Shard(3, 8))
    assert caught.value.problems == ('--shard: device "feeder-1" is in shard 8/8, not in 3/8',)
    assert said == []
