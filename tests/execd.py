"""A fake of Telegraf's inputs.execd: starts, signals, reads, stops and restarts a command as Telegraf 1.39.3 does.

From plugins/inputs/execd/execd.go, execd_posix.go and internal/process/process.go, process_posix.go:

- three pipes, Telegraf's own environment and the configured one; no process group of its own;
- stdout is read until the process exits; then the pipe is closed at once, and what was not read is lost;
- stderr goes through Go's bufio.Scanner: a line of 64 KiB ends the reading of stderr for good, and the pipe fills;
- to stop, stdin is closed; SIGTERM follows after 5 s, SIGKILL 5 s later; stdout and stderr are read all the while;
- a process that exits by itself, with whatever status, is started again after ``restart_delay``.

Beyond Telegraf, the reader can be paused, slow, or gone. Times are real ones by ``clock``: 0.1 makes 5 s half a second.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import termios
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

GRACE_S = 5.0
MAX_TOKEN = 64 * 1024  # bufio.MaxScanTokenSize
PATIENCE_S = 20.0
LEVELS = {b"E! ": "error", b"W! ": "warn", b"I! ": "info", b"D! ": "debug", b"T! ": "trace"}


@dataclass
class Run:
    """One life of the process: its exit status, what it took, and what Telegraf did and lost."""

    status: int | None = None
    stop_seconds: float = 0.0
    signals: list[str] = field(default_factory=list)
    lost_octets: int = 0
    unfinished_line: bytes = b""


class Execd:
    """``lines`` are those of stdout, ``log`` holds stderr as (level, text), ``errors`` what Telegraf complains of."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        clock: float = 1.0,
        restart_delay: float | None = None,
    ) -> None:
        self.lines: list[str] = []
        self.log: list[tuple[str, str]] = []
        self.errors: list[str] = []
        self.runs: list[Run] = []
        self.read_pause_s = 0.0
        self.read_size = 65536
        self._command = list(command)
        self._environment = os.environ | (environment or {})
        self._clock = clock
        self._restart_delay = restart_delay
        self._changed = threading.Condition()
        self._reading = threading.Event()
        self._reading.set()
        self._stopping = threading.Event()
        self._never = threading.Event()
        self._at_stdout = threading.Lock()
        self._start()
        self._life = threading.Thread(target=self._live, daemon=True)
        self._life.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.resume_reading()
        self.stop()

    @property
    def pid(self) -> int:
        return self._process.pid

    def gather(self, how: str = "STDIN", times: int = 1) -> None:
        """Ask for values: a newline, or a signal by its name (execd_posix.go, Gather)."""
        if how == "STDIN":
            self._process.stdin.write(b"\n" * times)
        else:
            self._process.send_signal(signal.Signals[how])

    def wait_for(self, is_there: Callable[[Execd], bool]) -> None:
        """Wait until ``is_there(self)``; AssertionError, with what there was, when it takes too long."""
        with self._changed:
            if not self._changed.wait_for(lambda: is_there(self), PATIENCE_S):
                raise AssertionError(f"lines {self.lines[-5:]}, log {self.log[-5:]}, runs {self.runs}")

    def pause_reading(self) -> None:
        """Read no stdout from now on; the pipe fills."""
        with self._at_stdout:  # not within a reading
            self._reading.clear()

    def resume_reading(self) -> None:
        self._reading.set()

    def close_reader(self) -> None:
        """Go away: close the reading end of stdout while the process runs."""
        self._close_stdout()

    def close_stdin(self) -> None:
        """Close stdin alone, without the SIGTERM and SIGKILL of a stop."""
        if not self._process.stdin.closed:
            self._process.stdin.close()

    def stop(self) -> Run:
        """Stop for good, as Telegraf does when it ends, and return the last run (process.go, Stop and gracefulStop)."""
        began = time.monotonic()
        self._stopping.set()
        self.close_stdin()
        for name in ("SIGTERM", "SIGKILL"):
            self._life.join(GRACE_S * self._clock)
            if self._life.is_alive():
                self._run.signals.append(name)
                self._process.send_signal(signal.Signals[name])
        self._life.join()
        if not self._run.stop_seconds:
            self._run.stop_seconds = time.monotonic() - began
        return self._run

    def _live(self) -> None:
        while True:
            status = self._process.wait()
            self._close_stdout()  # at once, as Cmd.Wait does
            for reader in self._readers:
                reader.join()
            self.close_stdin()
            self._process.stderr.close()
            with self._changed:
                self._run.status = status
                self._changed.notify_all()
            if self._restart_delay is None or self._stopping.wait(self._restart_delay * self._clock):
                return
            self._start()

    def _start(self) -> None:
        self._run = Run()
        self._is_stdout_open = True
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=self._environment,
        )
        os.set_blocking(self._process.stdout.fileno(), False)
        self.runs.append(self._run)
        self._readers = [threading.Thread(target=read, daemon=True) for read in (self._read_out, self._read_err)]
        for reader in self._readers:
            reader.start()

    def _read_out(self) -> None:
        buffer = b""
        while (octets := self._read_some()) is not None:
            *lines, buffer = (buffer + octets).split(b"\n")
            self._run.unfinished_line = buffer
            with self._changed:
                self.lines.extend(line.decode() for line in lines)
                self._changed.notify_all()

    def _read_some(self) -> bytes | None:
        """Read a part of stdout when there is one and reading is on; None at its end."""
        self._reading.wait(0.02)
        if self.read_pause_s:
            self._never.wait(self.read_pause_s * self._clock)
        with self._at_stdout:
            if not self._is_stdout_open:
                return None
            stdout = self._process.stdout.fileno()
            if not self._reading.is_set() or not select.select([stdout], [], [], 0.005)[0]:
                return b""
            return os.read(stdout, self.read_size) or None

    def _close_stdout(self) -> None:
        with self._at_stdout:
            if self._is_stdout_open:
                self._is_stdout_open = False
                unread = fcntl.ioctl(self._process.stdout.fileno(), termios.FIONREAD, bytes(4))
                self._run.lost_octets = int.from_bytes(unread, "little")
                self._process.stdout.close()

    def _read_err(self) -> None:
        """Read as bufio.Scanner does: lines, a last one without its newline too, none of 64 KiB."""
        buffer = b""
        while octets := os.read(self._process.stderr.fileno(), 65536):
            *lines, buffer = (buffer + octets).split(b"\n")
            if any(len(line) >= MAX_TOKEN for line in (*lines, buffer)):
                self.errors.append("error reading stderr: bufio.Scanner: token too long")
                return
            self._logged(lines)
        if buffer:
            self._logged([buffer])

    def _logged(self, lines: list[bytes]) -> None:
        with self._changed:
            for line in lines:
                level = LEVELS.get(line[:3])
                text = line[3:] if level else b'stderr: "' + line + b'"'
                self.log.append((level or "error", text.decode(errors="replace").removesuffix("\r")))
            self._changed.notify_all()
