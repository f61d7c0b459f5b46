"""How long a device that refused its secrets is left alone, by which clock, and what ends that."""

from __future__ import annotations

import pytest

from stations import connection, device, group, plan_of, value
from telegraf_dlms.lock_out import LOCK_NS, LockOut
from telegraf_dlms.state import open_state, state_in_memory
from telegraf_dlms.state_file import StateUnusable

NOW = 1_767_225_600_000_000_000
MINUTE = 60_000_000_000


@pytest.fixture
def state():
    return state_in_memory()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "meters.state"


def plan(line=None, **settings):
    return plan_of(connection(**line or {}), device(**settings), group("g", value())).meters[0]


def lock_out(state, *, found=None, line=None, **settings):
    found = [] if found is None else found
    return LockOut(plan(line, **{"access_security": "low", "password": "old"} | settings), state, found=found.append)


class Broken:
    """A state that can be read no more."""

    def locked_until(self, *_, **__):
        raise StateUnusable("disk I/O error")

    def lock(self, *_, **__):
        pass


class Counting:
    """A state that counts how often it is looked at."""

    def __init__(self):
        self.looks = 0

    def locked_until(self, *_, **__):
        self.looks += 1


def test_a_refusal_holds_for_an_hour(state):
    it = lock_out(state)
    assert not it.holds(0, wall_ns=NOW)
    it.begin(MINUTE, wall_ns=NOW)
    assert it.holds(MINUTE, wall_ns=NOW)
    assert it.holds(MINUTE + LOCK_NS - 1, wall_ns=NOW)
    assert not it.holds(MINUTE + LOCK_NS, wall_ns=NOW)
    it.begin(2 * LOCK_NS, wall_ns=NOW)
    assert it.holds(2 * LOCK_NS, wall_ns=NOW)


@pytest.mark.parametrize("step", [-1000 * LOCK_NS, 1000 * LOCK_NS], ids=["back", "forth"])
def test_in_the_process_that_was_refused_it_holds_for_an_hour_however_the_clock_is_set(state, step):
    it = lock_out(state)
    it.begin(0, wall_ns=NOW)
    assert it.holds(LOCK_NS - 1, wall_ns=NOW + step)
    assert not it.holds(LOCK_NS, wall_ns=NOW + step)
    assert not lock_out(state).holds(LOCK_NS, wall_ns=NOW)


def test_after_a_restart_it_holds_by_the_wall_clock_and_is_told_once(state):
    lock_out(state).begin(0, wall_ns=NOW)
    found = []
    it = lock_out(state, found=found)
    assert it.holds(5, wall_ns=NOW + MINUTE)
    assert it.holds(5 + LOCK_NS - MINUTE - 1, wall_ns=NOW)
    assert not it.holds(5 + LOCK_NS - MINUTE, wall_ns=NOW)
    assert found == [NOW + LOCK_NS]


def test_what_is_refused_in_this_process_is_not_told_as_found(state):
    found = []
    it = lock_out(state, found=found)
    it.begin(0, wall_ns=NOW)
    assert it.holds(5, wall_ns=NOW)
    assert found == []


def test_a_device_that_may_be_asked_is_looked_up_once():
    state = Counting()
    it = lock_out(state)
    assert not any(it.holds(time, wall_ns=NOW) for time in range(5))
    assert state.looks == 1


def test_another_process_ends_it_for_the_next_poll(path):
    running, other = (open_state(path, say=print) for _ in range(2))
    it = lock_out(running)
    it.begin(0, wall_ns=NOW)
    assert it.holds(1, wall_ns=NOW)
    assert other.unlock("house")
    assert not it.holds(1, wall_ns=NOW)
    running.close()
    other.close()


def test_a_refusal_of_another_process_since_then_prolongs_it(state):
    it, other = lock_out(state), lock_out(state)
    it.begin(0, wall_ns=NOW)
    other.begin(0, wall_ns=NOW + MINUTE)
    assert it.holds(LOCK_NS, wall_ns=NOW)
    assert not it.holds(LOCK_NS + MINUTE, wall_ns=NOW)


def test_it_holds_on_where_the_state_cannot_be_read_any_more():
    it = lock_out(Broken())
    assert not it.holds(0, wall_ns=NOW)
    it.begin(0, wall_ns=NOW)
    assert it.holds(LOCK_NS - 1, wall_ns=NOW)
    assert not it.holds(LOCK_NS, wall_ns=NOW)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"password": "new"}, id="another password"),
        pytest.param({"access_security": "none"}, id="another authentication"),
        pytest.param({"client_address": 17}, id="another client"),
        pytest.param({"server_address": 2}, id="another server"),
        pytest.param({"line": {"port": 4060}}, id="another port"),
    ],
)
def test_it_goes_with_what_was_refused(state, changes):
    former = lock_out(state)
    former.begin(0, wall_ns=NOW)
    changed = lock_out(state, **changes)
    changed.adopt(former)
    assert not changed.holds(1, wall_ns=NOW)


def test_it_stays_where_only_something_else_changed(state):
    former = lock_out(state)
    former.begin(0, wall_ns=NOW)
    it = lock_out(state, timeout="9s", retries=0, max_pdu_size=512)
    it.adopt(former)
    assert it.holds(LOCK_NS - 1, wall_ns=NOW + 2 * LOCK_NS)
