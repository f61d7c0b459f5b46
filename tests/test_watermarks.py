"""Which rows were printed, kept in the state file: many profiles in one commit, and what is printed once more."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3

import pytest

from jumping_clock import on_a_jumping_clock
from telegraf_dlms.rows import Row
from telegraf_dlms.state_keeper import StateKeeper
from telegraf_dlms.watermarks import COLLECT_S, COMMIT_S, FORGET_NS, MOST_AT_ONCE, Watermarks

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
NOW = 1_767_225_600 * SECOND


class Scene:
    """Processes that follow each other on one state file; ``now_ns`` is their wall clock."""

    def __init__(self, folder):
        self.path = folder / "meters.state"
        self.said, self.now_ns = [], NOW
        self.keeper = None

    def begin(self, *, replay_ns=10 * MINUTE):
        self.end()
        self.keeper = StateKeeper(self.path, say=self.say, role="run")
        return Watermarks(self.keeper, replay_ns=replay_ns, say=self.say, wall_ns=lambda: self.now_ns)

    def end(self):
        if self.keeper is not None:
            self.keeper.close()

    def say(self, level, text):
        self.said.append((level, text))

    def kept(self):
        with contextlib.closing(sqlite3.connect(self.path)) as connection:
            return dict(connection.execute("SELECT profile, rows FROM printed"))


@pytest.fixture
def scene(tmp_path):
    it = Scene(tmp_path)
    yield it
    it.end()


def row(number):
    return Row(NOW + number * 900 * SECOND, NOW + number * 900 * SECOND, b"%04d" % number, (f"dlms value={number}",))


def print_rows(scene, printed, *numbers):
    rows = printed.place(map(row, numbers))
    printed.commit(rows, printed_ns=scene.now_ns, keep_ns=10 * MINUTE)


async def pass_time(seconds):
    await asyncio.sleep(seconds)


@on_a_jumping_clock
async def test_what_was_printed_is_known_to_the_next_process(scene):
    watermarks = scene.begin()
    printed = watermarks.load(b"load")
    assert printed.last is None
    print_rows(scene, printed, 1, 2)
    scene.now_ns += 20 * MINUTE
    print_rows(scene, printed, 3)
    watermarks.keep(b"load", printed)
    watermarks.settle()
    again = scene.begin().load(b"load")
    assert again.last.clock_ns == row(2).clock_ns
    assert again.newest_ns(scene.now_ns) == row(3).clock_ns
    assert scene.said == []


@on_a_jumping_clock
async def test_many_profiles_are_kept_in_few_commits_that_hold_nobody_up_for_long(scene):
    watermarks, texts = scene.begin(), []
    write = watermarks._write
    watermarks._write = lambda batch: texts.append(len(batch)) or write(batch)
    profiles = {b"%d" % number: watermarks.load(b"%d" % number) for number in range(1000)}
    for number in range(5):
        for profile, printed in profiles.items():
            print_rows(scene, printed, number)
            watermarks.keep(profile, printed)
        await pass_time(0.1)
    await pass_time(3 * COMMIT_S)
    assert set(texts) == {MOST_AT_ONCE}
    assert len(texts) <= 6  # for 5000 rows
    assert len(scene.kept()) == 1000
    assert scene.begin().load(b"7").newest_ns(NOW + 10**15) == row(4).clock_ns


@on_a_jumping_clock
async def test_a_first_row_waits_only_a_moment_for_others(scene):
    watermarks = scene.begin()
    printed = watermarks.load(b"load")
    print_rows(scene, printed, 1)
    watermarks.keep(b"load", printed)
    assert scene.kept() == {}
    await pass_time(2 * COLLECT_S)
    assert set(scene.kept()) == {b"load"}


@on_a_jumping_clock
async def test_planned_rows_are_kept_at_once(scene):
    watermarks = scene.begin()
    printed = watermarks.load(b"load")
    printed.plan(printed.place([row(1), row(1)]))
    watermarks.keep(b"load", printed, when="now")
    again = scene.begin().load(b"load")
    assert again.last is None
    assert [one.time_ns for one in again.place([row(1), row(1), row(1)])] == [row(1).time_ns + n for n in range(3)]


@on_a_jumping_clock
async def test_a_plan_holds_also_where_what_was_printed_before_is_kept_behind_it(scene):
    watermarks = scene.begin()
    printed = watermarks.load(b"load")
    print_rows(scene, printed, 1)
    watermarks.keep(b"load", printed)
    printed.plan(printed.place([row(2), row(2)]))
    watermarks.keep(b"load", printed, when="now")
    await pass_time(2 * COMMIT_S)  # the reader is slow
    again = scene.begin(replay_ns=0).load(b"load")
    assert [one.time_ns for one in again.place([row(2)] * 3)] == [row(2).time_ns + place for place in range(3)]
    assert again.last.clock_ns == row(1).clock_ns


@on_a_jumping_clock
async def test_what_left_shortly_before_the_last_row_of_any_profile_is_printed_once_more(scene):
    watermarks = scene.begin()
    profiles = [watermarks.load(b"%d" % number) for number in range(3)]
    for number, printed in enumerate(profiles):
        print_rows(scene, printed, 1)
        scene.now_ns += 20 * MINUTE
        print_rows(scene, printed, 2)
        watermarks.keep(b"%d" % number, printed)
    watermarks.settle()
    scene.now_ns += 86_400 * SECOND  # however long nothing ran
    following = scene.begin()
    last = [following.load(b"%d" % number).last.clock_ns for number in range(3)]
    assert last == [row(2).clock_ns, row(2).clock_ns, row(1).clock_ns]


@on_a_jumping_clock
async def test_rows_are_printed_once_more_once_in_a_process(scene):
    watermarks = scene.begin()
    printed = watermarks.load(b"load")
    print_rows(scene, printed, 1, 2)
    watermarks.keep(b"load", printed)
    watermarks.settle()
    following = scene.begin()
    first = following.load(b"load")
    assert first.last is None
    print_rows(scene, first, 1, 2)
    following.keep(b"load", first)
    assert following.load(b"load").last.clock_ns == row(2).clock_ns  # after the configuration was read again


@on_a_jumping_clock
async def test_what_is_to_be_printed_again_still_is_where_a_process_ends_before_it_comes_to_that(scene):
    watermarks = scene.begin()
    for name in (b"slow", b"fast"):
        printed = watermarks.load(name)
        print_rows(scene, printed, 1, 2)
        watermarks.keep(name, printed)
    watermarks.settle()
    following = scene.begin()
    printed = following.load(b"fast")
    scene.now_ns += 20 * MINUTE  # the other one waits for its turn
    print_rows(scene, printed, 1, 2, 3)
    following.keep(b"fast", printed)
    following.settle()
    again = scene.begin().load(b"slow")
    assert again.last is None
    assert again.newest_ns(scene.now_ns) == row(2).clock_ns


@on_a_jumping_clock
async def test_with_a_replay_of_nothing_no_row_is_printed_again(scene):
    watermarks = scene.begin(replay_ns=0)
    assert watermarks.replay_ns == 0
    printed = watermarks.load(b"load")
    print_rows(scene, printed, 1, 2)
    watermarks.keep(b"load", printed)
    watermarks.settle()
    assert scene.begin(replay_ns=0).load(b"load").last.clock_ns == row(2).clock_ns


@on_a_jumping_clock
async def test_what_waits_is_seen_by_who_loads_it(scene):
    watermarks = scene.begin()
    printed = watermarks.load(b"load")
    print_rows(scene, printed, 1)
    watermarks.keep(b"load", printed)
    assert watermarks.load(b"another").last is None
    assert scene.kept() == {}  # ten thousand that are loaded one after the other are no ten thousand commits
    assert watermarks.load(b"load").last.clock_ns == row(1).clock_ns
    watermarks.settle()  # again, with nothing to do


@on_a_jumping_clock
async def test_profiles_that_are_not_read_for_more_than_a_year_are_forgotten(scene):
    watermarks = scene.begin()
    for name in (b"old", b"new"):
        printed = watermarks.load(name)
        print_rows(scene, printed, 1)
        watermarks.keep(name, printed)
        watermarks.settle()
        scene.now_ns += FORGET_NS + 1
    assert set(scene.kept()) == {b"new"}


@on_a_jumping_clock
async def test_a_disk_that_is_full_is_said_once_and_rows_are_kept_when_it_is_not(scene):
    watermarks = scene.begin()
    printed = watermarks.load(b"load")
    limit = scene.keeper.open()._connection
    limit.execute("PRAGMA max_page_count = 1")
    for number in range(3):
        for further in range(40):
            print_rows(scene, printed, number * 40 + further)
        watermarks.keep(b"load", printed)
        await pass_time(2 * COMMIT_S)
    (level, text), *others = scene.said
    assert (level, others) == ("warn", [])
    assert text == f"which rows were printed cannot be kept: {scene.path}: database or disk is full"
    limit.execute("PRAGMA max_page_count = 100000")
    print_rows(scene, printed, 500)
    watermarks.keep(b"load", printed)
    await pass_time(2 * COMMIT_S)
    assert scene.said[1:] == [("info", "which rows were printed is kept again")]
    assert scene.begin(replay_ns=0).load(b"load").last.clock_ns == row(500).clock_ns


@on_a_jumping_clock
async def test_what_a_full_disk_kept_out_is_kept_at_the_end_though_no_row_came_since(scene):
    watermarks = scene.begin()
    printed = watermarks.load(b"load")
    limit = scene.keeper.open()._connection
    limit.execute("PRAGMA max_page_count = 1")
    print_rows(scene, printed, *range(500))
    watermarks.keep(b"load", printed)
    await pass_time(2 * COMMIT_S)
    limit.execute("PRAGMA max_page_count = 100000")
    watermarks.settle()
    assert [level for level, _ in scene.said] == ["warn", "info"]
    assert scene.begin(replay_ns=0).load(b"load").last.clock_ns == row(499).clock_ns


@on_a_jumping_clock
async def test_what_cannot_be_understood_is_said_and_read_from_the_beginning(scene):
    watermarks = scene.begin()
    scene.keeper.open().keep_printed([(b"load", NOW, "[7]")], forget_ns=0)
    assert watermarks.load(b"load").last is None
    assert [level for level, _ in scene.said] == ["warn"]
    assert "no rows of a profile" in scene.said[0][1]


@on_a_jumping_clock
async def test_where_nothing_can_be_written_rows_are_known_as_long_as_the_process_lives(scene):
    scene.path = scene.path / "not" / "a" / "folder"
    scene.path.parents[2].touch()
    watermarks = scene.begin()
    printed = watermarks.load(b"load")
    print_rows(scene, printed, 1)
    watermarks.keep(b"load", printed)
    await pass_time(2 * COMMIT_S)
    assert watermarks.load(b"load").last.clock_ns == row(1).clock_ns
    assert [level for level, _ in scene.said] == ["warn"]
