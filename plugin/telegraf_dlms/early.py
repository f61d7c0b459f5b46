"""The first moments of the process: what cannot wait for an import.

Telegraf signals a child as soon as it has started it, and a signal without a handler ends a process: a child whose
handlers came 0.35 s late was killed. So ``__main__`` calls these functions before it imports anything that takes time,
and this module imports nothing but ``os``, ``signal`` and ``sys`` (not even ``typing``).

The handlers installed here stay for the whole life of the process. They only note the request; ``process.Control``
reads the notes and has the kernel wake its loop. So there is no moment, between two owners of a signal or after the
loop was closed, in which a signal does what it does by default.
"""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import NoReturn

COMMANDS = ("run", "check", "test", "discover", "simulate", "sample-config", "unlock", "--version", "--help")

REQUEST_SIGNALS = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP)
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)

#: Signals noted and not yet taken, oldest first, each number once.
requests: list[int] = []


def note(number: int, _frame: object = None) -> None:
    """Note a request: the handler of every signal that we know."""
    if number not in requests:
        requests.append(number)


def note_signals(*numbers: int) -> dict[int, object]:
    """Have ``numbers`` noted from now on; return the handlers that this replaced, which may be none."""
    replaced: dict[int, object] = {}
    for number in numbers:
        before = signal.getsignal(number)
        if before is not note:
            signal.signal(number, note)
            replaced[number] = before
    return replaced


def taken() -> list[int]:
    """Take what was noted, oldest first."""
    numbers = []
    while requests:
        numbers.append(requests.pop(0))
    return numbers


def leave_status_alone() -> None:
    """Ignore every signal that we know: the interpreter ends with its own status, not with a late signal's."""
    for number in (*REQUEST_SIGNALS, *STOP_SIGNALS):
        signal.signal(number, signal.SIG_IGN)


def leave(status: int) -> NoReturn:
    """End the process at once, with ``status``.

    Python's own way out takes the heap apart, most of a second with thousands of meters, and waits for every thread:
    for a resolver whose server is silent, 20 s. Telegraf has less patience than that.
    """
    for stream in (sys.stdout, sys.stderr):
        try:  # noqa: SIM105  contextlib takes time to import
            stream.flush()
        except (AttributeError, OSError, ValueError):  # not there, nobody listens, or closed
            pass
    os._exit(status)


def command_of(argv: list[str]) -> str:
    """Tell which of ``COMMANDS`` the arguments (without the program's name) mean; cli agrees by calling this.

    A leading option other than ``--version``, ``--help`` and ``-h`` means run, and so does a word that is no command.
    """
    first = "--help" if argv[:1] == ["-h"] else "".join(argv[:1])
    return first if first in COMMANDS else "run"


def is_wire(argv: list[str]) -> bool:
    """Tell whether descriptor 1 will carry line protocol: in run, and so with ``--once``, unless help is wanted."""
    return command_of(argv) == "run" and not {"-h", "--help", "--version"}.intersection(argv)


def open_missing_descriptors() -> None:
    """Point each of the descriptors 0, 1 and 2 that is not open at /dev/null, lest a meter's socket become one."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number: this descriptor


def claim_stdout() -> int:
    """Return a private duplicate of descriptor 1, closed on exec, and point descriptor 1 at nothing."""
    wire = os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    os.close(null)
    return wire


def place_of(traceback: TracebackType | None) -> str:
    """Name the innermost line of a traceback: ``link.py:41 in read``."""
    if traceback is None:
        return "nowhere"
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    code = traceback.tb_frame.f_code
    return f"{code.co_filename.rpartition('/')[2]}:{traceback.tb_lineno} in {code.co_name}"


def last_words(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """Print an uncaught exception as one line, until ``log.setup`` knows better: a ``sys.excepthook``."""
    text = " ".join(f"E! {kind.__name__}: {error} ({place_of(traceback)})".split())
    try:
        os.write(2, text.encode(errors="backslashreplace")[:3999] + b"\n")
    except OSError:
        sys.stderr = None  # nobody listens, and the interpreter shall not try
