"""The real parts as running processes: a child whose output can be waited for, and what is started with it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self, TypeVar

import fetch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

T = TypeVar("T")

#: How long a test waits for something that takes a second on an idle machine.
PATIENCE = 30.0

#: The plugin as Telegraf starts it, whether or not the package's scripts are on the path.
PLUGIN = (sys.executable, "-m", "telegraf_dlms")

ROOT = Path(__file__).resolve().parents[2]


def until(condition: Callable[[], T], what: str, *, patience: float = PATIENCE) -> T:
    """Ask again until the condition holds, and return what it said."""
    deadline = time.monotonic() + patience
    pause = threading.Event()
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"waited {patience:g} s for {what}"
        pause.wait(0.02)
    return answer


class Child:
    """A process whose stdout and stderr are collected line by line; ends with the ``with`` block."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self.name = Path(command[0]).name
        self.process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONUNBUFFERED": "1"} | dict(environment or {}),
            cwd=folder,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        self.out: list[str] = []
        self.log: list[str] = []
        self._readers = [
            threading.Thread(target=_collect, args=(stream, lines), daemon=True)
            for stream, lines in ((self.process.stdout, self.out), (self.process.stderr, self.log))
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the process, and whatever it started: its group is its own."""
        if self.process.stdin:
            self.process.stdin.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self._finish()

    def said(self, pattern: str) -> re.Match[str]:
        """Wait for a line of stdout or stderr."""
        return until(lambda: self._search(pattern), f"{self.name} to say {pattern!r}; it said:\n{self.text()}")

    def lines(self, pattern: str) -> list[str]:
        """Return the lines of stdout and stderr so far in which the pattern is found."""
        return [line for line in (*self.out, *self.log) if re.search(pattern, line)]

    def text(self) -> str:
        """Return all that it said, for messages."""
        return "\n".join((*self.out, *self.log))

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit status; what it said is complete then."""
        self.process.send_signal(how)
        return self.ended()

    def ended(self) -> int:
        """Wait for its end and return the exit status; what it said is complete then."""
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end; it said:\n{self.text()}") from None
        self._finish()
        return status

    def _finish(self) -> None:
        self.process.wait(PATIENCE)
        for reader in self._readers:
            reader.join(PATIENCE)

    def _search(self, pattern: str) -> re.Match[str] | None:
        if self.process.poll() is not None:
            for reader in self._readers:
                reader.join(PATIENCE)
        for line in (*self.out, *self.log):
            if match := re.search(pattern, line):
                return match
        assert self.process.poll() is None, f"{self.name} ended before it said {pattern!r}; it said:\n{self.text()}"
        return None


def _collect(stream: IO[str], lines: list[str]) -> None:
    with stream:
        lines.extend(line.rstrip("\n") for line in stream)


def foreign_meter(*options: str) -> Child:
    """Start a meter of the pydlms-client package; ``listening`` finds its port."""
    python = fetch.PYDLMS.path
    return Child((python, python.with_name("pydlms"), "simulate", "--port", "0", *options))


def built_in_meter(*options: str) -> Child:
    """Start our own meter on a free port."""
    return Child((*PLUGIN, "simulate", "--port", "0", *options))


def listening(meter: Child) -> int:
    """Wait until a meter listens, and return its port."""
    return int(meter.said(r"listening on 127\.0\.0\.1:(\d+)")[1])


def telegraf(config: Path, *options: str, environment: Mapping[str, str] | None = None) -> Child:
    """Start a real Telegraf."""
    return Child((fetch.TELEGRAF.path, "--config", config, *options), environment=environment, folder=config.parent)


class InfluxDB:
    """A real InfluxDB with a configuration of its own: every address on loopback, every port free."""

    def __init__(self, folder: Path) -> None:
        config = folder / "influxdb.conf"
        config.write_text(INFLUXDB_CONFIG.format(folder=folder), encoding="utf-8")
        self.server = Child((fetch.INFLUXDB.path, "run", "-config", config), folder=folder)
        self.address = ""

    def __enter__(self) -> Self:
        try:
            self.address = self.server.said(r"Listening on HTTP.* addr=(127\.0\.0\.1:\d+)")[1]
            until(lambda: self._get("/ping")[0] == http.client.NO_CONTENT, "InfluxDB to answer /ping")
        except BaseException:
            self.server.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.server.__exit__()

    @property
    def url(self) -> str:
        """What outputs.influxdb wants to know."""
        return f"http://{self.address}"

    def query(self, query: str, *, database: str) -> list[dict[str, object]]:
        """Ask in InfluxQL; return the rows of all series, each with its tags and with times in nanoseconds."""
        words = urllib.parse.urlencode({"q": query, "db": database, "epoch": "ns"})
        status, body = self._get(f"/query?{words}")
        answer = json.loads(body)["results"][0]
        assert status == http.client.OK, body
        error = answer.get("error", "")
        assert not error or error.startswith("database not found"), error  # Telegraf makes it with its first write
        return [
            {**series.get("tags", {}), **dict(zip(series["columns"], row, strict=True))}
            for series in answer.get("series", [])
            for row in series.get("values", [])
        ]

    def _get(self, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self.address, timeout=PATIENCE)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


INFLUXDB_CONFIG = """
reporting-disabled = true
bind-address = "127.0.0.1:0"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:0"
  log-enabled = false
"""
