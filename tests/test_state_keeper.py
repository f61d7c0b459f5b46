"""When the state of a process is opened, by whom, and what is made where nobody needs it."""

from __future__ import annotations

import asyncio
import inspect

import pytest

from jumping_clock import elapsed, on_a_jumping_clock
from said import Said
from telegraf_dlms import world
from telegraf_dlms.state import MAX_LOCK_NS, open_state
from telegraf_dlms.state_keeper import StateKeeper
from telegraf_dlms.state_lock import LOOK_AGAIN_S, StateLock

KEY = bytes(range(16))
DIGEST = b"12"
NOW = 1_767_225_600_000_000_000
LATER = NOW + MAX_LOCK_NS


@pytest.fixture
def said():
    return Said()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "meters.state"


@pytest.fixture
def keeper_of(path, said):
    """Make keepers, each closed at the end."""
    keepers = []

    def make(role="run", at=path):
        keepers.append(StateKeeper(at, say=said.say, role=role))
        return keepers[-1]

    yield make
    for keeper in keepers:
        keeper.close()


def test_a_keeper_is_what_a_world_wants():
    wanted = {name for name, each in vars(world.KeptState).items() if inspect.isfunction(each) and name[0] != "_"}
    for name in wanted:
        assert inspect.signature(getattr(StateKeeper, name)) == inspect.signature(getattr(world.KeptState, name))
    assert StateKeeper.title.fget is not None


def test_where_nothing_is_needed_nothing_is_made(keeper_of, path):
    keeper = keeper_of()
    assert keeper.locked_until("house", DIGEST, now_ns=NOW) is None
    keeper.fill([])
    assert not keeper.is_open
    assert not keeper.is_there
    assert not path.parent.exists()


def need_title(keeper):
    assert keeper.title[:3] == b"TDL"


def need_counter(keeper):
    assert keeper.counters(KEY).next_counter() == 1


def need_lock(keeper):
    keeper.lock("house", DIGEST, until_ns=LATER)
    assert keeper.locked_until("house", DIGEST, now_ns=NOW) == LATER


@pytest.mark.parametrize("need", [need_title, need_counter, need_lock])
def test_what_is_needed_first_makes_the_file(keeper_of, path, need):
    keeper = keeper_of()
    need(keeper)
    assert keeper.is_open
    assert path.exists()
    assert keeper.open() is keeper.open()


def test_a_file_that_is_there_is_looked_at(keeper_of, path, said):
    state = open_state(path, say=said.say)
    state.lock("house", DIGEST, until_ns=LATER)
    state.close()
    keeper = keeper_of()
    assert keeper.locked_until("house", DIGEST, now_ns=NOW) == LATER
    assert keeper.is_open


def test_counters_are_filled_where_there_are_any(keeper_of):
    keeper = keeper_of()
    counters = keeper.counters(KEY, system_title=None)
    keeper.fill([counters])
    assert not counters.empty


@on_a_jumping_clock
async def test_a_run_is_told_of_another_and_opens_the_state_when_that_has_ended(keeper_of, path, said):
    first, second = StateLock(path), keeper_of()
    assert first.acquire()
    before = []

    def end():
        before.append((second.is_open, path.exists()))
        first.release()

    asyncio.get_running_loop().call_later(2.9 * LOOK_AGAIN_S, end)
    await second.begin()
    assert before == [(False, False)]
    assert elapsed() == pytest.approx(3 * LOOK_AGAIN_S)
    assert second.is_open
    assert [level for level, _ in said] == ["warn", "info"]
    assert not StateLock(path).acquire()


@on_a_jumping_clock
async def test_a_guest_waits_for_nobody_and_keeps_nobody_waiting(keeper_of, said):
    run, guest = keeper_of(), keeper_of("guest")
    await run.begin()
    await guest.begin()
    run.lock("house", DIGEST, until_ns=LATER)
    assert guest.locked_until("house", DIGEST, now_ns=NOW) == LATER
    run.close()
    await keeper_of().begin()
    assert said == []


def test_a_run_that_needs_the_state_later_shares_it_and_says_so(keeper_of, path, said):
    other = StateLock(path)
    assert other.acquire()
    keeper_of().lock("house", DIGEST, until_ns=LATER)
    assert said == [("warn", f"{path}: another run of telegraf-dlms uses this state too")]
    assert keeper_of("guest").locked_until("house", DIGEST, now_ns=NOW) == LATER
    other.release()


def test_a_run_that_needs_the_state_later_keeps_others_out_from_then_on(keeper_of, path):
    keeper = keeper_of()
    keeper.open()
    assert not StateLock(path).acquire()
    keeper.close()
    after = StateLock(path)
    assert after.acquire()
    assert after.held
    after.release()


def test_before_it_is_open_it_can_be_had_elsewhere(keeper_of, path, tmp_path):
    keeper = keeper_of()
    keeper.move(tmp_path / "other.state")
    assert keeper.path == tmp_path / "other.state"
    keeper.open()
    assert (keeper.is_there, path.exists()) == (True, False)
    assert not StateLock(keeper.path).acquire()


def test_where_nothing_can_be_written_it_is_said_once_and_everything_works(keeper_of, tmp_path, said):
    (tmp_path / "file").touch()
    keeper = keeper_of(at=tmp_path / "file" / "meters.state")
    assert not keeper.is_there
    for need in (need_title, need_counter, need_lock):
        need(keeper)
    assert [level for level, _ in said] == ["warn"]
    assert said[0][1].endswith(": the state stays in memory, and ends with this process")


def test_closing_what_was_never_opened_is_no_harm(keeper_of, path):
    keeper_of().close()
    keeper_of("guest").close()
    assert not path.parent.exists()
