"""The command ``telegraf-dlms``: first the signals and descriptors (see ``early``), then everything else."""

from __future__ import annotations

import os
import signal
import sys

from telegraf_dlms import early
from telegraf_dlms.early import command_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

__all__ = ["command_of", "main"]

#: What a shell reports of a command that SIGINT ended.
INTERRUPTED = 130


def main() -> NoReturn:
    """Run the command of ``sys.argv``, and end the process with its exit status: the console script."""
    early.note_signals(*early.REQUEST_SIGNALS)
    sys.excepthook = early.last_words
    argv = sys.argv[1:]
    early.open_missing_descriptors()
    if sys.stdout is None:  # descriptor 1 was not open when Python started
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115  for as long as we live
    if early.is_wire(argv):
        early.note_signals(*early.STOP_SIGNALS)
        stdout = early.claim_stdout()
    else:
        stdout = 1
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # a closed terminal ends what a person looks at
    status = _run(argv, stdout)
    early.leave_status_alone()
    early.leave(status)


def _run(argv: list[str], stdout: int) -> int:
    try:
        from telegraf_dlms import cli  # noqa: PLC0415 - it takes a while, and the handlers must not wait for it

        status: int = cli.main(argv, stdout=stdout)
        if sys.stdout is not None:
            sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # it is flushed once more
        return 0
    return status


if __name__ == "__main__":
    main()
