"""The rule that CI allows no skip, tried on test files of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

CONFTEST = Path(__file__).with_name("conftest.py")

SKIPPING_TEST = "import pytest\n\ndef test_it():\n    pytest.skip('no go here')\n"
SKIPPING_FIXTURE = """
import pytest

@pytest.fixture
def part():
    pytest.skip("no go here")

def test_it(part):
    pass
"""
SKIPPING_MARK = "import pytest\n\n@pytest.mark.skipif(True, reason='no go here')\ndef test_it():\n    pass\n"
SKIPPING_MODULE = "import pytest\n\npytest.skip('no go here', allow_module_level=True)\n"
ALLOWED = "import pytest\n\n@pytest.mark.may_skip('no ptys like these')\ndef test_it():\n    pytest.skip('no pty')\n"
EXPECTED_FAILURE = "import pytest\n\n@pytest.mark.xfail(strict=True)\ndef test_it():\n    assert False\n"


def run(folder: Path, text: str, *, continuous: str) -> tuple[int, str]:
    (folder / "test_skipping.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider", "-q", "--rootdir", folder]
    done = subprocess.run(
        [*command, folder],
        env=os.environ | {"CI": continuous, "PYTHONPATH": str(CONFTEST.parent)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    "text", [SKIPPING_TEST, SKIPPING_FIXTURE, SKIPPING_MARK, SKIPPING_MODULE], ids=["test", "fixture", "mark", "module"]
)
def test_a_skip_is_a_failure_where_ci_is_true(tmp_path, text):
    status, said = run(tmp_path, text, continuous="true")
    assert status != 0
    assert "CI allows no skip. Skipped: no go here" in said


@pytest.mark.parametrize(
    ("text", "continuous"),
    [(SKIPPING_FIXTURE, ""), (ALLOWED, "true"), (EXPECTED_FAILURE, "true")],
    ids=["not in CI", "marked", "xfail"],
)
def test_other_skips_stay_skips(tmp_path, text, continuous):
    status, said = run(tmp_path, text, continuous=continuous)
    assert status == 0, said
