"""``check``: the whole of what it shows for whole configurations, kept in testcases/check."""

from __future__ import annotations

from pathlib import Path

import pytest

from telegraf_dlms.check import describe
from telegraf_dlms.config import load
from telegraf_dlms.service import plan_of
from telegraf_dlms.shard import WHOLE, Shard

TESTCASES = Path(__file__).parent / "testcases" / "check"
SECRETS = {"PASSWORD": "hunter2!", "EK": "101112131415161718191A1B1C1D1E1F"}


def described(path: Path, shard: Shard = WHOLE) -> str:
    configuration = load([path], environment=SECRETS)
    text = "\n".join(describe(configuration, plan_of(configuration, shard), shard)) + "\n"
    return text.replace(str(path), path.name)


def connections(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("connection ")]


@pytest.mark.parametrize("case", sorted(TESTCASES.iterdir()), ids=lambda case: case.name)
def test_check_shows_the_plan_and_what_is_sent_to_whom(case):
    assert described(case / "meters.conf") == (case / "expected.out").read_text(encoding="utf-8")


def test_no_secret_is_shown():
    text = described(TESTCASES / "several_connections" / "meters.conf").casefold()
    secrets = [*SECRETS.values(), "hunter2", "68756E74657232", "000102030405060708090A0B0C0D0E0F"]
    assert [secret for secret in secrets if secret.casefold() in text] == []


def test_of_a_shard_what_is_in_it_is_shown_and_all_shards_together_are_the_whole():
    path = TESTCASES / "several_connections" / "meters.conf"
    parts = [described(path, Shard(number, 3)) for number in (1, 2, 3)]
    assert sorted(line for part in parts for line in connections(part)) == sorted(connections(described(path)))
    assert [part.partition(": ")[0] for part in parts] == ["shard 1/3", "shard 2/3", "shard 3/3"]


def test_of_a_shard_without_a_connection_that_is_said():
    path = TESTCASES / "several_connections" / "meters.conf"
    texts = [described(path, Shard(number, 40)) for number in range(1, 41)]
    assert "shard {}/40: nothing enabled is in it, so nothing is read" in {
        text.splitlines()[0].replace(f"{number}/", "{}/") for number, text in enumerate(texts, 1)
    }


def test_a_counter_that_is_not_configured_is_the_states_or_looked_for(tmp_path):
    path = tmp_path / "meters.conf"
    text = (TESTCASES / "several_connections" / "meters.conf").read_text(encoding="utf-8")
    path.write_text(text.replace('  invocation_counter = "0.0.43.1.0.255"\n', ""), encoding="utf-8")
    where = "invocation counter of the state file, looked for where that has none, dedicated key none"
    assert f"security suite 0, {where}\n" in described(path)
