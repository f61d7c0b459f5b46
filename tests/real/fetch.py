"""Fetch the real parts that the tests run against: Telegraf, InfluxDB and a meter's simulator that others wrote.

``make test`` runs this file before the tests, so that the tests themselves need no network. A part is built in a
temporary folder of the cache and renamed when it is complete: what is there is whole. Why a part could not be had is
written beside it, and the tests that need it say so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

TELEGRAF_VERSION = "1.39.3"
PYDLMS_VERSION = "0.1.0"

#: Only what the tests use: the whole of Telegraf takes minutes to build, and ten times the room.
TELEGRAF_TAGS = "custom,inputs.execd,outputs.file,outputs.influxdb,parsers.influx,serializers.influx"

#: One step of a fetch. Building Telegraf from an empty module cache on two slow cores stays well below it.
STEP_SECONDS = 900

CACHE = Path(
    os.environ.get("TELEGRAF_DLMS_CACHE")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "telegraf-dlms",
)


class CannotFetchError(Exception):
    """Why a part cannot be had on this machine."""


class Part(NamedTuple):
    """Something that the tests run but this project did not write."""

    name: str
    folder: str
    #: Relative to the folder; the part is there when this is.
    program: str
    build: Callable[[Path], None]

    @property
    def path(self) -> Path:
        """The program in the cache, fetched or not."""
        return CACHE / self.folder / self.program

    @property
    def reason_file(self) -> Path:
        """What a failed fetch leaves."""
        return CACHE / f"{self.folder}.reason"

    def missing(self) -> str | None:
        """Return the reason why the part is not there, None where it is."""
        if self.path.exists():
            return None
        if self.reason_file.exists():
            return f"{self.name}: {self.reason_file.read_text(encoding='utf-8').strip()}"
        return f"{self.name} is not in {CACHE}: make test fetches it"


def fetch(part: Part) -> bool:
    """Put a part into the cache unless it is there; return whether it is now."""
    if part.path.exists():
        return True
    _tell(f"fetching {part.name} into {CACHE}")
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="partial-", dir=CACHE) as temporary:
        whole = Path(temporary) / part.folder
        whole.mkdir()
        try:
            part.build(whole)
        except CannotFetchError as error:
            part.reason_file.write_text(f"{error}\n", encoding="utf-8")
            _tell(f"cannot: {error}")
            return False
        _move_in(whole, CACHE / part.folder, part.program)
    part.reason_file.unlink(missing_ok=True)
    return True


def _move_in(whole: Path, final: Path, program: str) -> None:
    if final.exists() and not (final / program).exists():  # a removed Python leaves its venv broken
        shutil.rmtree(final)
    try:
        whole.rename(final)
    except OSError:
        if not (final / program).exists():
            raise
        # another run was quicker, and its part is as good as ours


def _build_telegraf(folder: Path) -> None:
    module = f"github.com/influxdata/telegraf/cmd/telegraf@v{TELEGRAF_VERSION}"
    environment = {"CGO_ENABLED": "0", "GOBIN": str(folder)}
    _step([_tool("go"), "install", "-tags", TELEGRAF_TAGS, module], folder, environment)


def _build_influxdb(folder: Path) -> None:
    apt, unpack = _tool("apt-get"), _tool("dpkg-deb")
    with tempfile.TemporaryDirectory(prefix="partial-", dir=folder.parent) as temporary:
        downloads = Path(temporary)
        try:
            _step([apt, "-q", "download", "influxdb"], downloads)
        except CannotFetchError:
            # No lists of packages on this machine, or old ones: lists of our own, which needs no root either.
            (downloads / "lists/partial").mkdir(parents=True)
            (downloads / "cache/archives/partial").mkdir(parents=True)
            ours = ["-q", "-o", f"Dir::State::lists={downloads}/lists", "-o", f"Dir::Cache={downloads}/cache"]
            _step([apt, *ours, "update"], downloads)
            _step([apt, *ours, "download", "influxdb"], downloads)
        _step([unpack, "-x", *map(str, downloads.glob("influxdb_*.deb")), str(folder)], folder)


def _build_pydlms(folder: Path) -> None:
    _step([sys.executable, "-m", "venv", str(folder)], folder)
    pip = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--retries", "1"]
    _step([*pip, f"pydlms-client[crypto]=={PYDLMS_VERSION}"], folder)


TELEGRAF = Part("Telegraf", f"telegraf-{TELEGRAF_VERSION}", "telegraf", _build_telegraf)
INFLUXDB = Part("InfluxDB", "influxdb-debian", "usr/bin/influxd", _build_influxdb)
#: A virtual environment does not run scripts from a renamed folder, its Python does.
PYDLMS = Part(
    "the pydlms-client simulator",
    f"pydlms-client-crypto-{PYDLMS_VERSION}-python{sys.version_info.major}.{sys.version_info.minor}",
    "bin/python",
    _build_pydlms,
)
PARTS = (PYDLMS, INFLUXDB, TELEGRAF)


def _tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise CannotFetchError(f"there is no {name} on this machine")
    return path


def _step(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> None:
    """Run one command, silent unless it fails: then its last line is the reason."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=os.environ | (environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=STEP_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotFetchError(f"{Path(command[0]).name}: {error}") from error
    if done.returncode:
        lines = [line for line in done.stdout.splitlines() if line.strip()] or [f"exit status {done.returncode}"]
        raise CannotFetchError(f"{Path(command[0]).name}: {lines[-1].strip()}")


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    # A part that cannot be had is told and no error: its tests skip, and fail where CI is true.
    for each in PARTS:
        fetch(each)
