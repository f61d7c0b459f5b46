"""Lock-outs: a device whose password was refused is left alone, also after a restart."""

from __future__ import annotations

import pytest

from said import Said
from telegraf_dlms.state import MAX_LOCK_NS, open_state, secret_digest
from telegraf_dlms.state_file import StateUnusable

NOW = 1_767_225_600_000_000_000
HOUR = MAX_LOCK_NS
DIGEST = secret_digest("feeder-1", b"12345678")


@pytest.fixture
def said():
    return Said()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "meters.state"


@pytest.fixture
def opened(path, said):
    """Open the state again and again, each closed at the end."""
    states = []

    def open_again(at=path):
        states.append(open_state(at, say=said.say))
        return states[-1]

    yield open_again
    for state in states:
        state.close()


@pytest.fixture
def state(opened):
    return opened()


def refuse_writing(state):
    """Let nothing be written any more, as on a full disk."""
    state._connection.execute("PRAGMA query_only = 1")


def test_a_device_is_not_locked_before_it_was(state):
    assert state.locked_until("feeder-1", DIGEST, now_ns=NOW) is None


def test_a_lock_out_survives_the_process_and_ends_by_the_clock(opened):
    opened().lock("feeder-1", DIGEST, until_ns=NOW + HOUR)
    state = opened()
    assert state.locked_until("feeder-1", DIGEST, now_ns=NOW) == NOW + HOUR
    assert state.locked_until("feeder-1", DIGEST, now_ns=NOW + HOUR - 1) == NOW + HOUR
    assert state.locked_until("feeder-1", DIGEST, now_ns=NOW + HOUR) is None


def test_another_device_is_not_locked(state):
    state.lock("feeder-1", DIGEST, until_ns=NOW + HOUR)
    assert state.locked_until("feeder-2", secret_digest("feeder-2", b"12345678"), now_ns=NOW) is None


def test_a_changed_password_ends_a_lock_out_for_good(state):
    state.lock("feeder-1", DIGEST, until_ns=NOW + HOUR)
    assert state.locked_until("feeder-1", secret_digest("feeder-1", b"87654321"), now_ns=NOW) is None
    assert state.locked_until("feeder-1", DIGEST, now_ns=NOW) is None


def test_a_later_refusal_prolongs_a_lock_out(state):
    state.lock("feeder-1", DIGEST, until_ns=NOW + 1)
    state.lock("feeder-1", DIGEST, until_ns=NOW + HOUR)
    assert state.locked_until("feeder-1", DIGEST, now_ns=NOW + 2) == NOW + HOUR


def test_unlocking_tells_whether_it_was_locked_and_holds_in_a_process_that_runs(opened):
    running, other = opened(), opened()
    running.lock("feeder-1", DIGEST, until_ns=NOW + HOUR)
    assert other.unlock("feeder-1")
    assert not other.unlock("feeder-1")
    assert running.locked_until("feeder-1", DIGEST, now_ns=NOW) is None


def test_a_clock_that_was_set_back_makes_no_lock_out_longer_than_an_hour(state):
    state.lock("feeder-1", DIGEST, until_ns=NOW + 1000 * HOUR)
    assert state.locked_until("feeder-1", DIGEST, now_ns=NOW) == NOW + HOUR
    assert state.locked_until("feeder-1", DIGEST, now_ns=NOW + HOUR - 1) == NOW + HOUR
    assert state.locked_until("feeder-1", DIGEST, now_ns=NOW + HOUR) is None


def test_a_lock_out_that_cannot_be_written_is_told_and_stops_nothing(state, said, path):
    refuse_writing(state)
    state.lock("feeder-1", DIGEST, until_ns=NOW + HOUR)
    assert said.levels == ["warn"]
    assert said[0][1].startswith(f"feeder-1: its lock-out would not outlive a restart: {path}: ")


def test_a_lock_out_that_cannot_be_written_holds_in_this_process(state):
    refuse_writing(state)
    state.lock("feeder-1", DIGEST, until_ns=NOW + HOUR)
    assert state.locked_until("feeder-1", DIGEST, now_ns=NOW) == NOW + HOUR
    assert state.locked_until("feeder-1", secret_digest("feeder-1", b"87654321"), now_ns=NOW) is None
    assert state.locked_until("feeder-1", DIGEST, now_ns=NOW) is None


def test_a_lock_out_that_could_be_written_after_all_is_another_processs_to_end(opened, state):
    refuse_writing(state)
    state.lock("feeder-1", DIGEST, until_ns=NOW + 1)
    state._connection.execute("PRAGMA query_only = 0")
    state.lock("feeder-1", DIGEST, until_ns=NOW + HOUR)
    assert opened().unlock("feeder-1")
    assert state.locked_until("feeder-1", DIGEST, now_ns=NOW) is None


def test_that_nobody_can_tell_whether_a_device_is_locked_is_said_as_such(opened):
    state = opened()
    state.close()
    with pytest.raises(StateUnusable, match="closed"):
        state.locked_until("feeder-1", DIGEST, now_ns=NOW)


def test_a_lock_out_that_cannot_be_ended_says_so(state):
    refuse_writing(state)
    with pytest.raises(StateUnusable, match="readonly"):
        state.unlock("feeder-1")


@pytest.mark.parametrize(
    "secrets",
    [
        pytest.param((b"12345679",), id="another password"),
        pytest.param((b"1234", b"5678"), id="the same octets, cut elsewhere"),
        pytest.param((b"12345678", b""), id="one more secret"),
        pytest.param((), id="none"),
    ],
)
def test_what_tells_secrets_apart_is_too_short_to_find_them(secrets):
    assert secret_digest("feeder-1", *secrets) != DIGEST
    assert len(DIGEST) == 2
