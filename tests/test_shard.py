"""Which connections a shard takes: each one of them, evenly, the same ones for ever, and few move."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from telegraf_dlms.errors import ConfigError
from telegraf_dlms.shard import MAX_SHARDS, WHOLE, Shard, parse_shard

NAMES = [f"substation-{number}" for number in range(4000)]


def owners(name, count):
    return [number for number in range(1, count + 1) if Shard(number, count).takes(name)]


def dealt(count, names=NAMES):
    """Return the shard of each name; an error where it has none, or several."""
    dealt_out = {}
    for name in names:
        (dealt_out[name],) = owners(name, count)
    return dealt_out


@pytest.mark.parametrize("count", [1, 2, 3, 8, 17])
def test_each_connection_is_in_one_shard_and_all_shards_have_about_as_many(count):
    sizes = Counter(dealt(count).values())
    mean = len(NAMES) / count
    assert sum(sizes.values()) == len(NAMES)
    assert all(abs(sizes[number] - mean) < 5 * mean**0.5 for number in range(1, count + 1))


@pytest.mark.parametrize("count", [1, 2, 8])
def test_one_more_shard_takes_its_part_and_nothing_else_moves(count):
    before, after = dealt(count), dealt(count + 1)
    moved = [name for name in NAMES if before[name] != after[name]]
    assert {after[name] for name in moved} == {count + 1}
    assert len(moved) / len(NAMES) == pytest.approx(1 / (count + 1), rel=0.15)


def test_the_shards_of_names_are_the_same_in_every_version_on_every_machine():
    names = ["basement", "rs485", "Zähler 7", "a", ""]
    assert dealt(8, names) == {"basement": 6, "rs485": 1, "Zähler 7": 1, "a": 5, "": 7}


def test_what_is_in_another_shard_is_a_problem_that_names_the_right_one():
    for name in NAMES[:20]:
        [owner] = [number for number in range(1, 9) if Shard(number, 8).takes(name)]
        Shard(owner, 8).require("device", name)
        other = Shard(owner % 8 + 1, 8)
        with pytest.raises(ConfigError) as caught:
            other.require('device "house"', name)
        assert caught.value.problems == (f'--shard: device "house" is in shard {owner}/8, not in {other}',)


def test_one_of_one_is_everything():
    assert all(WHOLE.takes(name) for name in NAMES)
    assert parse_shard("1/1") == WHOLE


@pytest.mark.parametrize(("text", "shard"), [("3/8", Shard(3, 8)), ("1/2", Shard(1, 2)), ("100/100", Shard(100, 100))])
def test_a_shard_is_read_and_written_alike(text, shard):
    assert parse_shard(text) == shard
    assert str(shard) == text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("9/8", "--shard: 9 is outside 1..8"),
        ("0/8", "--shard: 0 is outside 1..8"),
        ("1/0", f"--shard: 0 shards are outside 1..{MAX_SHARDS}"),
        (f"1/{MAX_SHARDS + 1}", f"--shard: {MAX_SHARDS + 1} shards are outside 1..{MAX_SHARDS}"),
        *(
            (text, f'--shard: "{text}" is not like 3/8, the third of eight')
            for text in (
                "",
                "3",
                "/8",
                "3/",
                "3/8/9",
                " 3/8",
                "+3/8",
                "-1/8",
                "3 / 8",
                "³/8",
                "3of8",
                "3/8\n",
                "1e1/12",
            )
        ),
    ],
)
def test_what_is_no_shard_is_a_problem(text, problem):
    with pytest.raises(ConfigError) as caught:
        parse_shard(text)
    assert caught.value.problems == (problem,)


@pytest.mark.parametrize(
    ("shard", "state"),
    [
        (WHOLE, "/var/lib/meters.state"),
        (Shard(3, 8), "/var/lib/meters-3.state"),
        (Shard(3, 9), "/var/lib/meters-3.state"),
    ],
)
def test_a_shards_state_is_named_by_its_number_however_many_there_are(shard, state):
    assert shard.state_path(Path("/var/lib/meters.state")) == Path(state)


def test_a_state_without_a_suffix_keeps_none():
    assert Shard(2, 2).state_path(Path("meters")) == Path("meters-2")
