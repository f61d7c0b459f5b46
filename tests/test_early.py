"""What happens before anything is imported."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from telegraf_dlms import early

QUIET_CHILD = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": 20}


@pytest.fixture(autouse=True)
def _handlers_are_put_back():
    numbers = (*early.REQUEST_SIGNALS, *early.STOP_SIGNALS)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    early.requests.clear()


def child(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", script], check=False, **QUIET_CHILD)


@pytest.mark.parametrize(
    ("arguments", "command", "is_wire"),
    [
        ("", "run", True),
        ("--config a.conf", "run", True),
        ("-config a.conf", "run", True),
        ("--config=a.conf --once", "run", True),
        ("run --config a.conf", "run", True),
        ("run a.conf", "run", True),
        ("--once --config check", "run", True),
        ("a.conf", "run", True),
        ("check --config a.conf", "check", False),
        ("check --once", "check", False),
        ("test device feeder-1 --config a.conf", "test", False),
        ("discover feeder-1", "discover", False),
        ("simulate --port 0", "simulate", False),
        ("sample-config", "sample-config", False),
        ("unlock feeder-1", "unlock", False),
        ("--version", "--version", False),
        ("--help", "--help", False),
        ("-h", "--help", False),
        ("run --help", "run", False),
        ("check --help", "check", False),
    ],
)
def test_the_arguments_tell_the_command_and_whether_stdout_is_a_wire(arguments, command, is_wire):
    argv = arguments.split()
    assert (early.command_of(argv), early.is_wire(argv)) == (command, is_wire)


def test_a_signal_is_noted_once_and_taken_in_order():
    early.note_signals(*early.REQUEST_SIGNALS)
    for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGHUP):
        signal.raise_signal(number)
    assert early.taken() == [signal.SIGHUP, signal.SIGUSR1]
    assert early.taken() == []


def test_noting_tells_what_it_replaced_and_only_once():
    signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    assert early.note_signals(signal.SIGUSR1) == {signal.SIGUSR1: signal.SIG_DFL}
    assert early.note_signals(signal.SIGUSR1) == {}


def test_at_the_end_no_signal_changes_the_exit_status():
    early.leave_status_alone()
    for number in (*early.REQUEST_SIGNALS, *early.STOP_SIGNALS):
        signal.raise_signal(number)
    assert early.taken() == []


def test_nothing_that_takes_time_is_imported_before_the_handlers_are_there():
    done = child(
        "import sys, os, signal; before = set(sys.modules); import telegraf_dlms.__main__;"
        "print(sorted(set(sys.modules) - before))"
    )
    expected = ["__future__", "telegraf_dlms", "telegraf_dlms.__main__", "telegraf_dlms.early"]
    assert set(eval(done.stdout)) <= set(expected)  # noqa: S307 - our own child's list


def test_the_private_duplicate_of_stdout_is_closed_on_exec_and_descriptor_1_leads_nowhere():
    done = child(
        "import os; from telegraf_dlms import early; wire = early.claim_stdout();"
        "print('stray', flush=True); os.write(1, b'stray'); os.system('echo stray');"
        "os.write(wire, repr((wire > 2, os.get_inheritable(wire))).encode())"
    )
    assert done.stdout == "(True, False)"


@pytest.mark.parametrize("closed", [[0], [1], [2], [0, 1, 2]], ids=str)
def test_a_standard_descriptor_that_is_not_open_leads_nowhere(closed):
    closing = "".join(f"os.close({number});" for number in closed)
    done = child(
        f"import os; report = os.dup(1); {closing} from telegraf_dlms import early; early.open_missing_descriptors();"
        f"null = os.stat(os.devnull).st_rdev;"
        f"os.write(report, repr([n for n in (0, 1, 2) if os.fstat(n).st_rdev == null]).encode())"
    )
    assert done.stdout == repr(sorted({0, *closed}))


def test_a_place_is_the_innermost_line_of_the_traceback():
    try:
        os.stat("/nowhere/at/all")  # noqa: PTH116
    except OSError as error:
        place = early.place_of(error.__traceback__)
    assert place.startswith("test_early.py:")
    assert place.endswith(" in test_a_place_is_the_innermost_line_of_the_traceback")
    assert early.place_of(None) == "nowhere"


def test_an_uncaught_exception_is_one_line():
    done = child("import sys; from telegraf_dlms import early; sys.excepthook = early.last_words\nint('a\\nb')")
    assert done.returncode == 1
    assert done.stderr == ("E! ValueError: invalid literal for int() with base 10: 'a\\nb' (<string>:2 in <module>)\n")


def test_the_process_ends_at_once_whatever_hangs_in_it():
    script = (
        "import sys, threading; from telegraf_dlms import early\n"
        "threading.Thread(target=threading.Event().wait).start()\n"
        "sys.stdout.write('said'); early.leave(3)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=20, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("said", "", 3)


#: What is written here waits in a buffer, for which there is no room in the end.
FULL = "sys.stdout = open('/dev/full', 'w'); sys.stdout.write('lost')"


@pytest.mark.parametrize("closed", ["sys.stdout = None", "sys.stdout.close()", FULL])
def test_the_process_ends_with_its_status_also_where_nothing_can_be_printed(closed):
    script = f"import sys; from telegraf_dlms import early; {closed}; early.leave(3)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=20, check=False)
    assert (done.stderr, done.returncode) == ("", 3)
