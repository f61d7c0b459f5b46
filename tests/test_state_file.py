"""The state's file: its place, its mode, and what becomes of one that is damaged or not ours."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat

import pytest

from said import Said
from telegraf_dlms.state_file import (
    APPLICATION_ID,
    MIGRATIONS,
    StateUnusable,
    default_path,
    is_damage,
    open_file,
    open_memory,
)
from telegraf_dlms.state_lock import StateLock


@pytest.fixture
def said():
    return Said()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "meters.state"


def pragma(connection, name):
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def meta(connection):
    return dict(connection.execute("SELECT name, value FROM meta"))


def made(path, *statements):
    """Make the file, once opened and closed, with something done to it."""
    connection = open_file(path, say=Said().say)
    for statement in statements:
        connection.execute(statement)
    connection.close()
    return path


def test_a_commit_is_on_the_disk(path, said):
    connection = open_file(path, say=said.say)
    assert pragma(connection, "synchronous") == 2
    assert pragma(connection, "journal_mode") == "wal"
    connection.close()


def test_the_file_is_nobody_elses_to_read_nor_its_folder(path, said):
    connection = open_file(path, say=said.say)
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    connection.close()


def test_a_file_that_others_can_read_is_closed_to_them(path, said):
    made(path).chmod(0o644)
    open_file(path, say=said.say).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_is_there_is_gone_on_with(path, said):
    first = open_file(path, say=said.say)
    before = meta(first)
    first.close()
    second = open_file(path, say=said.say)
    assert meta(second) == before
    assert before["history"] == b"whole"
    assert pragma(second, "user_version") == len(MIGRATIONS)
    second.close()
    assert said == []


def test_an_empty_file_is_a_new_one(path, said):
    path.parent.mkdir()
    path.touch()
    connection = open_file(path, say=said.say)
    assert meta(connection)["history"] == b"whole"
    connection.close()
    assert said == []


def test_memory_has_the_same_tables(path, said):
    tables = "SELECT name, sql FROM sqlite_master ORDER BY name"
    memory, file = open_memory(), open_file(path, say=said.say)
    assert memory.execute(tables).fetchall() == file.execute(tables).fetchall() != []
    memory.close()
    file.close()


def damage_header(path):
    path.write_bytes(b"garbage" + path.read_bytes()[7:])


def damage_all(path):
    path.write_bytes(b"no database at all\n")


def damage_pages(path):
    octets = path.read_bytes()
    path.write_bytes(octets[:4096] + b"\xa5" * (len(octets) - 4096))


def damage_length(path):
    path.write_bytes(path.read_bytes()[:5000])


def damage_title(path):
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("DELETE FROM meta WHERE name = 'title'")
    connection.close()


def damage_number(path):
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA ignore_check_constraints = 1")
    connection.execute("INSERT INTO counter VALUES (x'00', 'seven')")
    connection.close()


DAMAGES = [damage_header, damage_all, damage_pages, damage_length, damage_title, damage_number]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_file_is_moved_aside_and_the_new_one_knows_of_it(path, said, damage):
    damage(made(path))
    octets = path.read_bytes()
    connection = open_file(path, say=said.say)
    assert meta(connection)["history"] == b"lost"
    connection.close()
    assert path.with_name("meters.state.damaged").read_bytes() == octets
    assert [level for level, _ in said] == ["error"]
    assert said[0][1].startswith(f"{path}: was damaged, and is now meters.state.damaged: a new state begins. Invoca")


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_that_something_was_lost_is_known_also_later_and_without_the_damaged_file(path, said, damage):
    damage(made(path))
    open_file(path, say=said.say).close()
    path.with_name("meters.state.damaged").unlink()
    connection = open_file(path, say=said.say)
    assert meta(connection)["history"] == b"lost"
    connection.close()
    assert len(said) == 1


def test_a_process_that_dies_between_moving_aside_and_making_anew_loses_nothing(path, said):
    made(path).rename(path.with_name("meters.state.damaged"))
    connection = open_file(path, say=said.say)
    assert meta(connection)["history"] == b"lost"
    connection.close()


def test_the_write_ahead_log_of_a_damaged_file_goes_with_it(path, said):
    other = sqlite3.connect(made(path), isolation_level=None)
    other.execute("INSERT INTO counter VALUES (x'00', 1)")
    damage_pages(path)
    octets = path.with_name("meters.state-wal").read_bytes()
    connection = open_file(path, say=said.say)
    assert connection.execute("SELECT count(*) FROM counter").fetchone() == (0,)
    assert path.with_name("meters.state.damaged-wal").read_bytes() == octets != b""
    connection.close()
    other.close()


NUMBERS = [(number.to_bytes(32), 1000 + number) for number in range(500)]
SELECT = "SELECT key_id, next FROM counter ORDER BY key_id"


def with_numbers(path):
    """Make a file of many pages of counters."""
    connection = open_file(path, say=Said().say)
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO counter VALUES (?, ?)", NUMBERS)
    connection.execute("COMMIT")
    connection.close()
    return path.read_bytes()


@pytest.mark.parametrize("share", range(1, 16))
def test_a_file_that_was_cut_off_loses_no_number_in_silence(path, said, share):
    octets = with_numbers(path)
    path.write_bytes(octets[: share * len(octets) // 16 + share])
    connection = open_file(path, say=said.say)
    lost = connection.execute(SELECT).fetchall() != NUMBERS
    connection.close()
    assert lost == ([level for level, _ in said] == ["error"])


def test_a_damaged_file_that_a_run_uses_is_left_where_it_is(path, said):
    damage_all(made(path))
    lock = StateLock(path)
    lock.acquire()
    with pytest.raises(StateUnusable, match="is damaged, and another process uses it"):
        open_file(path, say=said.say)
    assert path.read_bytes() == b"no database at all\n"
    open_file(path, say=said.say, lock=lock).close()
    assert lock.held
    lock.release()
    assert [level for level, _ in said] == ["error"]


def test_the_lock_that_was_borrowed_to_move_a_file_is_given_back(path, said):
    damage_all(made(path))
    open_file(path, say=said.say).close()
    lock = StateLock(path)
    assert lock.acquire()
    lock.release()


def test_another_programs_database_is_not_touched(path, said):
    path.parent.mkdir()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (a)")
    connection.close()
    path.chmod(0o644)
    octets = path.read_bytes()
    with pytest.raises(StateUnusable, match="is the database of another program"):
        open_file(path, say=said.say)
    assert path.read_bytes() == octets
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_the_state_of_a_newer_version_is_not_touched(path, said):
    made(path, f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(StateUnusable, match="was written by a newer telegraf-dlms"):
        open_file(path, say=said.say)
    assert said == []


@pytest.mark.parametrize("name", ["/dev/null", "folder"])
def test_what_is_no_file_is_not_touched(tmp_path, said, name):
    (tmp_path / "folder").mkdir()
    mode = (tmp_path / name).stat().st_mode
    with pytest.raises(StateUnusable, match="is not a regular file"):
        open_file(tmp_path / name, say=said.say)
    assert (tmp_path / name).stat().st_mode == mode


def test_a_place_that_cannot_be_is_an_error_of_the_system(tmp_path, said):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"Not a directory|File exists"):
        open_file(tmp_path / "file" / "meters.state", say=said.say)


def test_an_error_that_is_no_damage_is_not_taken_for_one(path):
    with (
        contextlib.closing(sqlite3.connect(":memory:")) as connection,
        pytest.raises(sqlite3.OperationalError) as caught,
    ):
        connection.execute("SELECT * FROM nowhere")
    assert not is_damage(caught.value)
    assert int.from_bytes(b"TDLS") == APPLICATION_ID


class Places:
    """Three folders for a state: a /var/lib, an XDG one, and that of the configuration."""

    def __init__(self, root):
        self.var_lib, self.home, self.etc = (root / name for name in ("var", "home", "etc"))
        for folder in (self.var_lib, self.home, self.etc):
            folder.mkdir()
        self.configuration = self.etc / "meters.conf"
        self.configuration.touch()

    def default(self, *paths, suffix="", **environment):
        paths = paths or [self.configuration]
        return default_path(paths, suffix=suffix, environment=environment, var_lib=self.var_lib)


@pytest.fixture
def places(tmp_path):
    return Places(tmp_path)


def closed(monkeypatch, *folders):
    """Let folders be such as cannot be written, also for root."""
    monkeypatch.setattr(os, "access", lambda folder, _mode: folder not in folders)


def test_var_lib_comes_first_and_nothing_is_made_by_asking(places):
    assert places.default(XDG_STATE_HOME=str(places.home)).parent == places.var_lib / "telegraf-dlms"
    assert list(places.var_lib.iterdir()) == []


def test_one_of_several_states_has_its_number_behind_the_name_and_is_found_where_it_is(places):
    whole, third = places.default(), places.default(suffix="-3")
    assert third == whole.with_name(f"{whole.stem}-3.state")
    (places.etc / third.name).touch()
    assert places.default(suffix="-3") == places.etc / third.name
    assert places.default(suffix="-4").parent == places.default().parent == places.var_lib / "telegraf-dlms"


def test_then_the_users_state_home_also_where_it_is_not_there_yet(places, monkeypatch):
    closed(monkeypatch, places.var_lib)
    home = places.home / "a" / "b"
    assert places.default(XDG_STATE_HOME=str(home)).parent == home / "telegraf-dlms"


@pytest.mark.parametrize("environment", [{}, {"XDG_STATE_HOME": ""}, {"XDG_STATE_HOME": "here"}], ids=str)
def test_then_beside_the_configuration(places, monkeypatch, environment):
    closed(monkeypatch, places.var_lib)
    assert places.default(**environment).parent == places.etc


def test_beside_the_configuration_is_also_said_where_nothing_can_be_written(places, monkeypatch):
    closed(monkeypatch, places.var_lib, places.home, places.etc)
    assert places.default(XDG_STATE_HOME=str(places.home)).parent == places.etc


def test_a_state_that_is_there_is_gone_on_with_wherever_a_new_one_would_be(places, monkeypatch):
    closed(monkeypatch, places.var_lib)
    beside = places.default()
    beside.touch()
    monkeypatch.undo()
    assert places.default(XDG_STATE_HOME=str(places.home)) == beside


def test_a_folder_of_configurations_has_its_state_inside(places, monkeypatch):
    closed(monkeypatch, places.var_lib)
    assert places.default(places.etc).parent == places.etc


def test_the_name_comes_from_the_real_path(places, monkeypatch):
    link = places.home / "other.conf"
    link.symlink_to(places.configuration)
    monkeypatch.chdir(places.etc)
    names = {places.default(*paths).name for paths in ([], [link], [places.etc / ".." / "etc" / "meters.conf"])}
    assert len(names) == 1
    assert names.pop().startswith("meters-")


def test_another_configuration_has_another_name_also_in_a_folder_of_the_same_name(places):
    other = places.home / "meters.conf"
    assert places.default(other).name != places.default().name


def test_the_order_in_which_files_are_given_makes_no_difference(places):
    other = places.etc / "other.conf"
    together = places.default(places.configuration, other)
    assert places.default(other, places.configuration, other) == together
    assert together != places.default()
