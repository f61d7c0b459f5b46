"""Processes that are measured from outside: what they used of the CPU, and how large they grew."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: The plugin and the built-in meter, as this environment has them.
PLUGIN = (sys.executable, "-m", "telegraf_dlms")
ROOT = Path(__file__).resolve().parents[1]
#: How long a child may take to say what is waited for.
PATIENCE_S = 60.0


def _environment() -> dict[str, str]:
    """Return ours without what has each start compile the whole program: pip installs it with its bytecode."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process that ended had used: seconds of CPU, octets of memory at its largest."""

    cpu_s: float
    peak_octets: int
    status: int


class Child:
    """A process with its standard output to be read, and its log in a file.

    ``core`` is the one that it has to stay on, None where it may be anywhere. ``stdin`` stays open until the end.
    """

    def __init__(
        self,
        command: Sequence[str | int | Path],
        *,
        core: int | None = None,
        environment: Mapping[str, str] | None = None,
        stdout: int = subprocess.PIPE,
    ) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  closed in __exit__
        self.began = time.monotonic()
        self._process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=self._log,
            env={**_environment(), **(environment or {})},
            preexec_fn=None if core is None else lambda: os.sched_setaffinity(0, {core}),  # noqa: PLW1509  one thread
        )
        self.usage: Usage | None = None
        self._peak_octets = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.usage is None:
            self._process.kill()
            self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._log):
            if stream is not None:
                stream.close()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def stdout(self) -> int:
        """The descriptor of its standard output."""
        if self._process.stdout is None:
            raise AssertionError("its standard output is not read here")
        return self._process.stdout.fileno()

    @property
    def log(self) -> str:
        """All that it said on standard error so far."""
        octets = os.pread(self._log.fileno(), 1 << 20, 0)
        return octets.decode(errors="replace")

    def said(self, pattern: str) -> re.Match[str]:
        """Wait until its log has the pattern."""
        deadline = time.monotonic() + PATIENCE_S
        while (match := re.search(pattern, self.log)) is None:
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError(f"it did not say {pattern!r}, but:\n{self.log}")
            time.sleep(0.01)
        return match

    def cpu_s(self) -> float:
        """Return the seconds of CPU that it used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self, which: str = "VmRSS") -> int:
        """Return its octets of memory now, or at the most ("VmHWM"): of its own, not of who started it."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        found = re.search(rf"^{which}:\s+(\d+) kB$", status, re.MULTILINE)
        if found is None:
            raise RuntimeError(f"/proc/{self.pid}/status has no {which}")
        return int(found[1]) * 1024

    def say(self, text: str) -> None:
        """Write to its standard input."""
        if self._process.stdin is not None:
            self._process.stdin.write(text.encode())
            self._process.stdin.flush()

    def close_stdin(self) -> None:
        """Close its standard input: it is to stop. How large it was until then is what counts as its peak."""
        self._peak_octets = self.memory("VmHWM")
        if self._process.stdin is not None:
            self._process.stdin.close()

    def ended(self) -> Usage:
        """Wait for its end, and return what it used."""
        _, status, used = os.wait4(self.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        self.usage = Usage(used.ru_utime + used.ru_stime, self._peak_octets, self._process.returncode)
        return self.usage


def cores(count: int) -> list[int | None]:
    """Return a core of its own for each of ``count`` processes, as far as there are any; None: wherever it fits."""
    there = sorted(os.sched_getaffinity(0))
    return [there[number % len(there)] if len(there) > 1 else None for number in range(count)]


@contextlib.contextmanager
def staying_on(core: int | None) -> Iterator[None]:
    """Keep this process on a core for a while, and let it go where it could go before."""
    before = os.sched_getaffinity(0)
    if core is not None:
        os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
