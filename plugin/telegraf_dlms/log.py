"""The log: one line a record on descriptor 2, as Telegraf's ``inputs.execd`` reads it.

Telegraf (plugins/inputs/execd/execd.go, ``cmdReadErr``) takes the level from the prefixes ``E! ``, ``W! ``, ``I! ``,
``D! `` and ``T! ``, calls a line without one an error, and stops reading for good at a line of 64 KiB. So every record
becomes one line of at most 4000 octets, and everything that Python would print by itself comes through here too:
uncaught and unraisable exceptions, warnings, the records of libraries. Below is the standard library's ``logging`` with
one handler. Secrets are safe by their type: it prints ``<secret>``.
"""

from __future__ import annotations

import errno
import logging
import os
import select
import sys
import threading
import traceback
import warnings
from typing import TYPE_CHECKING, Literal, TextIO, TypeAlias, TypeGuard

from telegraf_dlms import early

if TYPE_CHECKING:
    from collections.abc import Hashable
    from types import TracebackType

    ExceptionInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None]

LogLevel: TypeAlias = Literal["error", "warn", "info", "debug", "trace"]

#: Octets of a line with its prefix and newline: below PIPE_BUF (4096), so that a write to a pipe is whole or nothing.
MAX_LINE = 4000
#: How long a record waits for room in a full pipe, once; those that follow it do not wait until there is room again.
PATIENCE_MS = 100
#: Frames of a traceback that are printed, counted from where it was raised: what fits into a line.
MAX_FRAMES = 12

NUMBERS: dict[LogLevel, int] = {"error": 40, "warn": 30, "info": 20, "debug": 10, "trace": 5}


class Log:
    """What the program logs with: complete texts that name their device, no arguments."""

    __slots__ = ("_logger",)

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def error(self, text: str) -> None:
        """Say what has to be mended by a person."""
        self._logger.log(NUMBERS["error"], text)

    def warn(self, text: str) -> None:
        """Say what is lost while it lasts."""
        self._logger.log(NUMBERS["warn"], text)

    def info(self, text: str) -> None:
        """Say what an operator wants to know once."""
        self._logger.log(NUMBERS["info"], text)

    def debug(self, text: str) -> None:
        """Say what helps where something is wrong."""
        self._logger.log(NUMBERS["debug"], text)

    def trace(self, text: str) -> None:
        """Say what goes over the wire."""
        self._logger.log(NUMBERS["trace"], text)

    def say(self, level: LogLevel, text: str) -> None:
        """Say it at ``level``."""
        self._logger.log(NUMBERS[level], text)

    def caught(self, text: str, error: BaseException) -> None:
        """Log an exception that nobody expected: type, text and place at error, its traceback at debug."""
        self._logger.error(text, exc_info=error)

    def is_enabled(self, level: LogLevel) -> bool:
        """Tell whether ``level`` is printed, before a text is made that is not cheap."""
        return self._logger.isEnabledFor(NUMBERS[level])

    def set_level(self, level: LogLevel) -> None:
        """Print records of ``level`` and worse; libraries' from warnings on."""
        self._logger.setLevel(NUMBERS[level])
        logging.getLogger().setLevel(max(NUMBERS[level], NUMBERS["warn"]))


def setup(level: LogLevel = "info", *, descriptor: int = 2) -> Log:
    """Send every record of the process to ``descriptor``, also Python's own; calling it again replaces it."""
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler, LineHandler):
            root.removeHandler(handler)
    root.addHandler(LineHandler(descriptor))
    sys.excepthook = _uncaught
    sys.unraisablehook = _unraisable
    threading.excepthook = _uncaught_in_thread
    warnings.showwarning = _warned
    log = Log(logging.getLogger("telegraf_dlms"))
    log.set_level(level)
    return log


class Changes:
    """Says what changed, once: a trouble at its level, the same again at debug, one line when it is over."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._said: dict[Hashable, int] = {}

    def say(self, key: Hashable, level: LogLevel, text: str) -> None:
        """Say it at ``level`` where ``key`` is new, or was less grave so far; else at debug."""
        number = NUMBERS[level]
        if number > self._said.get(key, 0):
            self._said[key] = number
            self._log.say(level, text)
        else:
            self._log.debug(text)

    def over(self, key: Hashable, text: str) -> None:
        """Say ``text`` at info where ``key`` was said and not over yet."""
        if self._said.pop(key, None) is not None:
            self._log.info(text)

    def renew(self, key: Hashable) -> None:
        """Have ``key`` said once more where it goes on, and its end as ever: a person did something about it."""
        if key in self._said:
            self._said[key] = 0

    def forget(self, key: Hashable) -> None:
        """Take ``key`` as never said, without a word."""
        self._said.pop(key, None)


class LineHandler(logging.Handler):
    """Writes records as lines. It never raises, and never waits long for a reader that does not read."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        self._dropped = 0
        self._gone = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line, and the traceback, where there is one and debug is on, as a second."""
        try:
            text = record.getMessage()
        except (TypeError, ValueError) as mismatch:  # a library's arguments do not fit its text
            text = f"{record.msg} ({mismatch})"
        if not record.name.startswith("telegraf_dlms"):
            text = f"{record.name}: {text}"
        text = _joined(text)
        if not _is_exception(record.exc_info):
            self._put(record.levelno, text)
            return
        kind, error, trace = record.exc_info
        self._put(record.levelno, f"{text}: {kind.__name__}: {_joined(str(error))} ({early.place_of(trace)})")
        if logging.getLogger("telegraf_dlms").isEnabledFor(NUMBERS["debug"]):
            lines = traceback.format_exception(kind, error, trace, limit=-MAX_FRAMES)
            self._put(NUMBERS["debug"], f"{text}: {_joined(''.join(lines))}")

    def _put(self, number: int, text: str) -> None:
        if self._gone:
            return
        if not self._has_room():
            self._dropped += 1
            return
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            self._put(NUMBERS["warn"], f"{dropped} lines of this log were dropped: nobody read it")
        try:
            self._write(line_of(number, text))
        except OSError as error:
            self._gone = error.errno in {errno.EPIPE, errno.EBADF}

    def _write(self, line: bytes) -> None:
        """Write a line whole where a file or socket takes only a part; a pipe takes it whole or not at all."""
        while line:
            try:
                line = line[os.write(self._descriptor, line) :]
            except BlockingIOError:
                if not self._has_room():
                    self._dropped += 1
                    return

    def _has_room(self) -> bool:
        return bool(self._poll.poll(0 if self._dropped else PATIENCE_MS))


def line_of(number: int, text: str) -> bytes:
    """One line with prefix and newline, its control characters escaped, cut on a character where it is too long."""
    prefix = next((prefix for lowest, prefix in _PREFIXES if number >= lowest), b"T! ")
    octets = prefix + text.translate(_ESCAPES).encode(errors="backslashreplace")
    if len(octets) >= MAX_LINE:
        octets = octets[: MAX_LINE - 1 - len(_CUT)].decode(errors="ignore").encode() + _CUT
    return octets + b"\n"


_PREFIXES = ((40, b"E! "), (30, b"W! "), (20, b"I! "), (10, b"D! "))
_CUT = "…".encode()
_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
_ESCAPES |= {ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t", 0x2028: "\\u2028", 0x2029: "\\u2029"}


def _joined(text: str) -> str:
    """Put a text of Python's own, which may have several lines, into one."""
    return " | ".join(line.strip() for line in text.splitlines() if line.strip())


def _is_exception(info: object) -> TypeGuard[ExceptionInfo]:
    return isinstance(info, tuple) and info[0] is not None


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        logging.getLogger("telegraf_dlms").error("uncaught exception", exc_info=(kind, error, trace))


def _uncaught_in_thread(info: threading.ExceptHookArgs) -> None:
    if info.exc_value is not None:
        _uncaught(info.exc_type, info.exc_value, info.exc_traceback)


def _unraisable(info: sys.UnraisableHookArgs) -> None:
    text = f"{info.err_msg or 'exception ignored in'} {info.object!r}"
    if info.exc_value is None:
        text = f"{text}: {info.exc_type.__name__}"
        logging.getLogger("telegraf_dlms").error(text)
    else:
        logging.getLogger("telegraf_dlms").error(text, exc_info=(info.exc_type, info.exc_value, info.exc_traceback))


def _warned(  # noqa: PLR0917 - the shape of warnings.showwarning
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001 - as above
    line: str | None = None,  # noqa: ARG001 - as above
) -> None:
    text = f"{category.__name__}: {_joined(str(message))} ({filename.rpartition('/')[2]}:{lineno})"
    logging.getLogger("telegraf_dlms").warning(text)
