"""No number is ever used twice: processes that are killed at any moment, and several that reserve at once.

A number counts as used once a process has told it, as it would be once a meter has been sent it.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import sqlite3
import subprocess
import sys
import time

import pytest

from telegraf_dlms.state import open_state
from telegraf_dlms.state_file import is_damage

pytestmark = pytest.mark.process

#: Uses numbers as fast as it can, in small blocks, and tells each before it takes the next one.
USER = """
import os, sys
from pathlib import Path
from telegraf_dlms.errors import CipheringError
from telegraf_dlms.state import open_state
state = open_state(Path(sys.argv[1]), say=lambda level, text: os.write(2, f"{level} {text}\\n".encode()))
while True:
    try:
        numbers = state.reserve(b"key", 3)
    except CipheringError:  # the other one had the file for longer than meters are kept waiting
        continue
    for number in numbers:
        os.write(1, b"%d\\n" % number)
"""
WRITER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
connection.execute("INSERT INTO counter VALUES (x'00', 77)")
print("writes", flush=True)
sys.stdin.read()
"""
#: How long the tests here go on killing; each needs some 50 ms to start a process.
PATIENCE_S = 1.5


def start(path, output):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    arguments = [sys.executable, "-c", USER, str(path)]
    return subprocess.Popen(arguments, stdout=output, stderr=subprocess.PIPE, env=environment)


def kill_at_random(process, random_number, told):
    """Let it tell some octets more than now, and kill it at a moment that it does not know of."""
    wanted = os.fstat(told).st_size + random_number.randrange(200)
    while os.fstat(told).st_size < wanted and process.poll() is None:
        os.sched_yield()
    process.kill()
    _, said = process.communicate()
    assert said.decode() == ""


def numbers_of(path):
    """Return what was told, but for a last line that was cut off."""
    return [int(line) for line in path.read_bytes().split(b"\n")[:-1]]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_process_that_is_killed_again_and_again_uses_no_number_twice(tmp_path, seed):
    path, told = tmp_path / "meters.state", tmp_path / "told"
    random_number = random.Random(seed)
    end = time.monotonic() + PATIENCE_S / 2
    with told.open("ab", buffering=0) as output:
        while time.monotonic() < end or len(numbers_of(told)) <= 50:
            kill_at_random(start(path, output), random_number, output.fileno())
    numbers = numbers_of(told)
    assert all(before < after for before, after in itertools.pairwise(numbers))
    assert_the_state_goes_on(path, numbers)


def test_processes_that_reserve_at_once_and_are_killed_use_no_number_twice(tmp_path):
    path = tmp_path / "meters.state"
    tolds = [tmp_path / f"told-{number}" for number in range(2)]
    random_number = random.Random(3)
    end = time.monotonic() + PATIENCE_S / 2
    files = [told.open("ab", buffering=0) for told in tolds]
    while time.monotonic() < end:
        pair = [start(path, file) for file in files]
        try:
            for process, file in zip(pair, files, strict=True):
                kill_at_random(process, random_number, file.fileno())
        finally:
            for process in pair:
                process.kill()
                process.wait()
    for file in files:
        file.close()
    numbers = [number for told in tolds for number in numbers_of(told)]
    assert len(numbers) > 100
    assert len(set(numbers)) == len(numbers)
    assert_the_state_goes_on(path, numbers)


def assert_the_state_goes_on(path, numbers):
    said = []
    state = open_state(path, say=lambda level, text: said.append((level, text)))
    assert state.reserve(b"key", 1).start > max(numbers)
    state.close()
    assert said == []


def test_a_process_that_is_killed_while_it_writes_keeps_the_others_out_for_no_time(tmp_path):
    path = tmp_path / "meters.state"
    state = open_state(path, say=lambda *_said: None)
    arguments = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout.readline() == b"writes\n"
        writer.kill()
    assert state.reserve(b"\x00", 5) == range(1, 6)
    state.close()


def test_a_file_that_is_damaged_while_it_is_used_is_an_error_of_ours(tmp_path):
    path = tmp_path / "meters.state"
    state = open_state(path, say=lambda *_said: None)
    state.reserve(b"key")
    state._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    octets = path.read_bytes()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (len(octets) - 4096))
    state.close()
    with contextlib.closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.DatabaseError) as caught:
        connection.execute("SELECT * FROM counter").fetchall()
    assert is_damage(caught.value)
