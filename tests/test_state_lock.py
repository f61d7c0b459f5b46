"""One run at a time: who has the state, and who waits for it."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys

import pytest

from said import Said
from telegraf_dlms.state_lock import LOOK_AGAIN_S, StateLock, make_folder, wait_until_held

HOLDER = """
import sys
from pathlib import Path
from telegraf_dlms.state_lock import StateLock
lock = StateLock(Path(sys.argv[1]))
print(lock.acquire(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "meters.state"


def test_a_lock_is_had_by_one_until_it_is_released(path):
    first, second = StateLock(path), StateLock(path)
    assert first.acquire()
    assert first.held
    assert not second.acquire()
    assert not second.held
    first.release()
    assert second.acquire()
    second.release()


def test_a_lock_that_is_held_may_be_asked_for_again(path):
    lock = StateLock(path)
    assert lock.acquire()
    assert lock.acquire()
    lock.release()
    lock.release()
    assert not lock.held


def test_the_locks_of_two_states_have_nothing_to_do_with_each_other(path):
    first, second = StateLock(path), StateLock(path.with_name("other.state"))
    assert first.acquire()
    assert second.acquire()
    first.release()
    second.release()


def test_the_lock_and_its_folder_are_nobody_elses_to_read(path):
    lock = StateLock(path)
    lock.acquire()
    lock.release()
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.with_name("meters.state.lock").stat().st_mode) == 0o600


def test_a_folder_that_is_there_keeps_its_mode(tmp_path):
    tmp_path.chmod(0o755)
    make_folder(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_where_no_lock_can_be_made_nobody_is_kept_out(tmp_path):
    (tmp_path / "file").touch()
    lock = StateLock(tmp_path / "file" / "meters.state")
    assert lock.acquire()
    assert not lock.held


def test_a_file_in_place_of_a_folder_is_told_as_such(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="Not a directory"):
        make_folder(tmp_path / "file")


def test_what_root_makes_belongs_to_whom_the_folder_belongs_to(path, monkeypatch):
    given = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", lambda _descriptor, user, group: given.append((user, group)))
    lock = StateLock(path)
    lock.acquire()
    lock.release()
    assert given == [(path.parent.stat().st_uid, path.parent.stat().st_gid)]


def test_a_run_that_is_killed_leaves_the_state_to_the_next(path):
    arguments = [sys.executable, "-c", HOLDER, str(path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as holder:
        assert holder.stdout.readline() == b"True\n"
        lock = StateLock(path)
        assert not lock.acquire()
        holder.kill()
        holder.wait()
        assert lock.acquire()
        lock.release()


def test_a_free_state_is_taken_without_a_word(path):
    said, lock = Said(), StateLock(path)
    asyncio.run(wait_until_held(lock, say=said.say))
    assert lock.held
    lock.release()
    assert said == []


def test_a_second_run_is_told_once_and_goes_on_when_the_first_has_ended(path):
    said, first, second = Said(), StateLock(path), StateLock(path)
    first.acquire()
    waits = []

    async def sleep(seconds):
        waits.append(seconds)
        if len(waits) == 3:
            first.release()

    asyncio.run(wait_until_held(second, say=said.say, sleep=sleep))
    assert second.held
    second.release()
    assert waits == 3 * [LOOK_AGAIN_S]
    assert said == [
        ("warn", f"{path}: another run of telegraf-dlms uses this state: waiting until it ends"),
        ("info", f"{path}: the other run has ended: going on"),
    ]


def test_waiting_can_be_called_off(path):
    said, first, second = Said(), StateLock(path), StateLock(path)
    first.acquire()

    async def stop_while_waiting():
        waiting = asyncio.create_task(wait_until_held(second, say=said.say))
        await asyncio.wait([waiting], timeout=0)
        waiting.cancel()
        await asyncio.wait([waiting])
        return waiting.cancelled()

    assert asyncio.run(stop_while_waiting())
    assert not second.held
    first.release()
