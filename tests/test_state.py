"""What outlives the process: counters, lock-outs and the title, and what holds where they cannot be kept."""

from __future__ import annotations

import shutil
import sqlite3

import pytest

from said import Said
from telegraf_dlms.counters import COUNTER_END, FIRST_BLOCK, key_id_of
from telegraf_dlms.errors import CipheringError
from telegraf_dlms.state import DAMAGE_MARGIN, open_state, secret_digest
from telegraf_dlms.state_lock import StateLock

KEY = bytes.fromhex("000102030405060708090A0B0C0D0E0F")
ANOTHER_KEY = KEY[::-1]
TITLE = b"METER\x00\x00\x01"
ID = b"a key's digest"
NOW = 1_767_225_600_000_000_000
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


@pytest.fixture
def in_memory(opened, tmp_path):
    (tmp_path / "file").touch()
    return opened(tmp_path / "file" / "meters.state")


@pytest.fixture
def after_damage(opened, path):
    path.parent.mkdir()
    path.write_bytes(b"no database at all\n")
    return opened()


def refuse_writing(state):
    """Let nothing be written any more, as on a full disk."""
    state._connection.execute("PRAGMA query_only = 1")


# Invocation counters


def test_blocks_follow_each_other_from_one(state):
    assert [state.reserve(ID, 100), state.reserve(ID, 7), state.reserve(ID)] == [
        range(1, 101),
        range(101, 108),
        range(108, 108 + FIRST_BLOCK),
    ]


def test_each_key_counts_apart(state):
    state.reserve(ID)
    assert state.reserve(b"another") == range(1, 1 + FIRST_BLOCK)


def test_a_block_can_begin_higher_and_never_lower(state):
    assert state.reserve(ID, 10, at_least=951) == range(951, 961)
    assert state.reserve(ID, 10, at_least=7) == range(961, 971)
    assert state.reserve(ID, 10, at_least=970) == range(971, 981)


def test_what_was_reserved_stays_so_in_the_next_process(opened):
    opened().reserve(ID, 10)
    assert opened().reserve(ID, 10) == range(11, 21)


def test_two_at_once_get_different_blocks(opened):
    first, second = opened(), opened()
    assert [first.reserve(ID, 10), second.reserve(ID, 10), first.reserve(ID, 10)] == [
        range(1, 11),
        range(11, 21),
        range(21, 31),
    ]
    assert second.reserved_to(ID) == 31


@pytest.mark.parametrize(
    ("at_least", "block"),
    [
        pytest.param(COUNTER_END - 3, range(COUNTER_END - 3, COUNTER_END), id="the last three"),
        pytest.param(COUNTER_END - 1, range(COUNTER_END - 1, COUNTER_END), id="the last"),
    ],
)
def test_the_end_of_a_keys_numbers_cuts_its_last_block_short(state, at_least, block):
    assert state.reserve(ID, at_least=at_least) == block
    with pytest.raises(CipheringError, match="are used up: the meter needs a new key"):
        state.reserve(ID)


def test_a_meter_that_claims_the_very_last_number_does_not_burn_the_key(state):
    with pytest.raises(CipheringError, match="used up"):
        state.reserve(ID, at_least=COUNTER_END)
    assert state.reserve(ID, 5) == range(1, 6)


def test_a_counter_that_cannot_be_written_is_not_used(state, path):
    state.reserve(ID)
    refuse_writing(state)
    with pytest.raises(CipheringError, match=f"no invocation counter can be reserved in {path}: .*readonly"):
        state.reserve(ID)


def test_a_state_that_is_written_to_all_the_time_is_an_error_and_no_endless_wait(state, path, monkeypatch):
    monkeypatch.setattr("telegraf_dlms.state.BUSY_S", 0.01)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(CipheringError, match="database is locked"):
        state.reserve(ID)
    other.execute("ROLLBACK")
    other.close()
    assert state.reserve(ID, 5) == range(1, 6)


def test_one_key_under_one_title_has_one_counter_in_a_process(state):
    counters = state.counters(KEY, system_title=TITLE)
    assert state.counters(KEY, system_title=TITLE) is counters
    assert state.counters(KEY) is not counters
    assert state.counters(KEY, system_title=state.title) is state.counters(KEY)
    assert state.counters(ANOTHER_KEY, system_title=TITLE) is not counters


def test_counters_take_their_numbers_from_the_file(opened):
    assert opened().counters(KEY, system_title=TITLE).next_counter() == 1
    assert opened().counters(KEY, system_title=TITLE).next_counter() == 1 + FIRST_BLOCK


def test_neither_key_nor_title_of_a_counter_is_in_the_file(state, path):
    state.counters(KEY, system_title=TITLE).next_counter()
    state.close()
    assert KEY not in path.read_bytes()
    assert TITLE not in path.read_bytes()


def test_many_meters_get_their_first_blocks_in_one_commit(state, path):
    counters = [state.counters(bytes([number]) * 16) for number in range(200)]
    other = sqlite3.connect(path)
    before = other.execute("PRAGMA data_version").fetchone()[0]
    commits = []
    state._connection.set_trace_callback(lambda statement: commits.append(statement) if statement == "COMMIT" else None)
    state.fill([*counters, *counters])
    assert {each.next_counter() for each in counters} == {1}
    assert len(commits) == 1
    assert other.execute("PRAGMA data_version").fetchone()[0] != before
    other.close()


def test_filling_leaves_blocks_in_hand_alone(state):
    counters = state.counters(KEY)
    counters.next_counter()
    state.fill([counters])
    assert counters.next_counter() == 2


def test_filling_leaves_out_whom_it_cannot_fill(after_damage):
    ours, theirs = after_damage.counters(KEY), after_damage.counters(KEY, system_title=TITLE)
    after_damage.fill([theirs, ours])
    assert theirs.empty
    assert ours.next_counter() == 1


def test_filling_that_fails_is_told_to_who_needs_a_number(state):
    counters = state.counters(KEY)
    refuse_writing(state)
    state.fill([counters])
    with pytest.raises(CipheringError, match="readonly"):
        counters.next_counter()


def test_keys_that_are_used_alike_get_their_further_blocks_in_one_commit(state):
    counters = [state.counters(bytes([number]) * 16) for number in range(50)]
    state.fill(counters)
    commits = []
    state._connection.set_trace_callback(lambda statement: commits.append(statement) if statement == "COMMIT" else None)
    numbers = [[each.next_counter() for each in counters] for _ in range(7 * FIRST_BLOCK)]
    assert numbers == [[number] * 50 for number in range(1, 7 * FIRST_BLOCK + 1)]
    assert len(commits) == 2


def test_a_key_that_is_used_alone_moves_no_other(state):
    busy, idle, untouched = (state.counters(bytes([number]) * 16) for number in range(3))
    idle.next_counter()
    for _ in range(20 * FIRST_BLOCK):
        busy.next_counter()
    assert idle.next_counter() == 2
    assert (idle.end, untouched.empty) == (FIRST_BLOCK + 1, True)


def test_a_key_that_is_used_up_does_not_keep_the_others_from_their_blocks(state):
    last, other = state.counters(KEY), state.counters(ANOTHER_KEY)
    last.raise_to(COUNTER_END - FIRST_BLOCK // 4)
    last.next_counter()
    assert last.is_low
    numbers = [other.next_counter() for _ in range(3 * FIRST_BLOCK)]
    assert numbers == list(range(1, 3 * FIRST_BLOCK + 1))
    assert last.next_counter() == COUNTER_END - FIRST_BLOCK // 4 + 1


# What nobody knows


def test_a_state_that_cannot_be_kept_is_said_once_and_works_in_memory(in_memory, said):
    assert in_memory.path is None
    assert in_memory.reserve(ID, 10, at_least=1) == range(1, 11)
    assert in_memory.reserve(ID, 10) == range(11, 21)
    in_memory.lock("feeder-1", DIGEST, until_ns=NOW + 1)
    assert in_memory.locked_until("feeder-1", DIGEST, now_ns=NOW) == NOW + 1
    assert said.levels == ["warn"]
    assert said[0][1].endswith("the state stays in memory, and ends with this process")


@pytest.mark.parametrize("which", ["in_memory", "after_damage"])
def test_a_key_under_a_configured_title_has_no_number_that_is_known_to_be_new(which, request):
    counters = request.getfixturevalue(which).counters(KEY, system_title=TITLE)
    with pytest.raises(CipheringError, match="is not known: set invocation_counter"):
        counters.next_counter()


@pytest.mark.parametrize(
    ("which", "first"), [("in_memory", 951), ("after_damage", 951 + DAMAGE_MARGIN)], ids=["in memory", "after damage"]
)
def test_the_meters_own_counter_makes_it_known(which, first, request):
    counters = request.getfixturevalue(which).counters(KEY, system_title=TITLE)
    counters.raise_to(951)
    assert [counters.next_counter(), counters.next_counter()] == [first, first + 1]


@pytest.mark.parametrize("which", ["in_memory", "after_damage"])
def test_a_title_as_new_as_the_state_was_never_used_with_any_key(which, request):
    assert request.getfixturevalue(which).counters(KEY).next_counter() == 1


@pytest.mark.usefixtures("after_damage")
def test_after_damage_numbers_jump_once_and_not_at_each_start(opened):
    for start in (951 + DAMAGE_MARGIN, 951 + DAMAGE_MARGIN + FIRST_BLOCK):
        counters = opened().counters(KEY, system_title=TITLE)
        counters.raise_to(951)
        assert counters.next_counter() == start


def test_damage_is_said_as_an_error_once(after_damage, path, said):
    assert after_damage.path == path
    assert said.levels == ["error"]


def test_a_damaged_state_that_a_run_uses_is_not_used_by_anybody_else(opened, path, said):
    path.parent.mkdir()
    path.write_bytes(b"no database at all\n")
    lock = StateLock(path)
    lock.acquire()
    assert opened().path is None
    lock.release()
    assert said == [
        (
            "warn",
            f"{path}: is damaged, and another process uses it: the state stays in memory, and ends with this process",
        )
    ]


def remove(path):
    for file in list(path.parent.iterdir()):
        file.unlink()


def remove_folder(path):
    shutil.rmtree(path.parent)


@pytest.mark.parametrize("removed", [remove, remove_folder], ids=lambda removed: removed.__name__)
def test_a_state_that_is_removed_under_a_run_is_made_again_with_what_the_run_knows(opened, path, said, removed):
    state = opened()
    counters = state.counters(KEY, system_title=TITLE)
    counters.next_counter()
    removed(path)
    state.lock("feeder-1", DIGEST, until_ns=NOW)
    assert said == [("warn", f"{path}: the state was removed or replaced: it goes on with what this process knows")]
    again = opened()
    assert again.title == state.title
    assert again.counters(KEY, system_title=TITLE).next_counter() == 1 + FIRST_BLOCK
    assert counters.next_counter() == 2


def put_in_place(other, path):
    for file in [file for file in path.parent.iterdir() if file != other]:
        file.unlink()
    other.rename(path)


def test_a_state_that_another_process_made_anew_and_went_on_with_is_not_lowered_either(opened, path):
    state, other = opened(), opened(path.with_name("other"))
    state.counters(KEY, system_title=TITLE).next_counter()
    other.reserve(key_id_of(KEY, system_title=TITLE), at_least=5000)
    other.close()
    put_in_place(path.with_name("other"), path)
    state.reserve(ID)
    assert state.reserved_to(key_id_of(KEY, system_title=TITLE)) == 5000 + FIRST_BLOCK


def test_a_state_that_is_put_back_from_a_copy_lowers_no_counter(opened, path):
    first = opened()
    first.counters(KEY).next_counter()
    copy = path.with_name("copy")
    target = sqlite3.connect(copy)
    first._connection.backup(target)
    target.close()
    first.counters(KEY).raise_to(5000)
    assert first.counters(KEY).next_counter() == 5000
    put_in_place(copy, path)
    first.reserve(ID)
    assert opened().counters(KEY).next_counter() == 5200


# The title


def test_the_title_is_made_once_for_a_state(opened, tmp_path):
    first, again, another = opened(), opened(), opened(tmp_path / "another.state")
    assert first.title == again.title != another.title
    assert first.title[:3] == b"TDL"
    assert len(first.title) == 8
