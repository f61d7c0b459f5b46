"""``check``: the whole of what it shows for whole configurations, kept in testcases/check."""

from __future__ import annotations

from pathlib import Path

import pytest

from telegraf_dlms.check import describe
from telegraf_dlms.config import load
from telegraf_dlms.plan import compile_plan

TESTCASES = Path(__file__).parent / "testcases" / "check"
SECRETS = {"PASSWORD": "hunter2!", "EK": "101112131415161718191A1B1C1D1E1F"}


def described(path: Path) -> str:
    configuration = load([path], environment=SECRETS)
    text = "\n".join(describe(configuration, compile_plan(configuration))) + "\n"
    return text.replace(str(path), path.name)


@pytest.mark.parametrize("case", sorted(TESTCASES.iterdir()), ids=lambda case: case.name)
def test_check_shows_the_plan_and_what_is_sent_to_whom(case):
    assert described(case / "meters.conf") == (case / "expected.out").read_text(encoding="utf-8")


def test_no_secret_is_shown():
    text = described(TESTCASES / "several_connections" / "meters.conf").casefold()
    secrets = [*SECRETS.values(), "hunter2", "68756E74657232", "000102030405060708090A0B0C0D0E0F"]
    assert [secret for secret in secrets if secret.casefold() in text] == []
