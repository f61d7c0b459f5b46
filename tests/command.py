"""The command ``telegraf-dlms`` as a process of its own, of the plugin beside the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMAND = [sys.executable, "-m", "telegraf_dlms"]
ENVIRONMENT = {"PYTHONPATH": str(Path(__file__).resolve().parents[1] / "plugin")}
#: How long a call may take, which takes a second on an idle machine.
PATIENCE_S = 30


def call(*arguments: str | Path, before: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, behind the words ``before``; its stdin is /dev/null."""
    return subprocess.run(
        [*before, *COMMAND, *map(str, arguments)],
        env=os.environ | ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
