"""The command's frame: signals and descriptors around a cli that stands in for the real one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from execd import Execd
from telegraf_dlms import __main__ as command

FRAME = """
import os, signal, sys, types
cli = types.ModuleType("telegraf_dlms.cli")
import telegraf_dlms
telegraf_dlms.cli = sys.modules["telegraf_dlms.cli"] = cli
def main(argv, *, stdout):
    {body}
cli.main = main
from telegraf_dlms.__main__ import main
sys.exit(main())
"""


def command_line(body: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", FRAME.replace("{body}", body.replace("\n", "\n    ")), *arguments]


def run(body: str, *arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    options = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": 20} | options
    return subprocess.run(command_line(body, *arguments), check=False, **options)


def test_the_command_and_its_rule_are_reachable_from_here():
    assert command.command_of(["--config", "a.conf"]) == "run"


def test_the_arguments_go_to_cli_and_its_status_is_the_exit_status():
    done = run("print(argv, stdout); return 3", "check", "a.conf")
    assert (done.stdout, done.stderr, done.returncode) == ("['check', 'a.conf'] 1\n", "", 3)


@pytest.mark.parametrize("arguments", [["run"], ["--once"], []], ids=" ".join)
def test_a_stray_print_of_a_library_is_no_metric(arguments):
    done = run("print('stray'); os.write(1, b'stray'); os.write(stdout, b'm v=1\\n'); return 0", *arguments)
    assert (done.stdout, done.stderr, done.returncode) == ("m v=1\n", "", 0)


def test_help_of_run_is_printed():
    assert run("print('usage'); return 0", "run", "--help").stdout == "usage\n"


@pytest.mark.parametrize("name", ["SIGUSR1", "SIGUSR2", "SIGHUP", "SIGTERM", "SIGINT"])
def test_a_signal_before_the_loop_runs_is_noted(name):
    done = run(
        "from telegraf_dlms import early\n"
        f"signal.raise_signal(signal.{name}); os.write(stdout, repr(early.taken()).encode()); return 0"
    )
    assert (done.stdout, done.returncode) == (repr([int(signal.Signals[name])]), 0)


def test_telegraf_may_signal_as_soon_as_the_handlers_are_there():
    body = (
        "os.write(stdout, b'there\\n'); import selectors\n"
        "while signal.SIGUSR1 not in sys.modules['telegraf_dlms.early'].requests: pass\n"
        "os.write(stdout, b'gathered\\n'); return 0"
    )
    with Execd(command_line(body)) as telegraf:
        telegraf.wait_for(lambda t: t.lines)
        telegraf.gather("SIGUSR1")
        telegraf.wait_for(lambda t: t.runs[0].status is not None)
    assert telegraf.runs[0].status == 0


def test_a_closed_terminal_ends_what_a_person_looks_at():
    assert run("signal.raise_signal(signal.SIGHUP); return 0", "simulate").returncode == -signal.SIGHUP


def test_an_interrupt_ends_a_command_in_silence():
    body = "signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's & has it ignored\n"
    done = run(f"{body}signal.raise_signal(signal.SIGINT); return 0", "simulate")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize("arguments", [["run"], ["check"]], ids=" ".join)
def test_a_late_signal_does_not_change_the_exit_status(arguments):
    late = "import atexit; atexit.register(lambda: [signal.raise_signal(n) for n in (1, 2, 10, 12, 15)]); return 3"
    assert run(late, *arguments).returncode == 3


def test_an_uncaught_exception_is_one_line_of_the_log():
    done = run("raise RuntimeError('two\\nlines')")
    assert done.stderr == "E! RuntimeError: two lines (<string>:7 in main)\n"
    assert (done.stdout, done.returncode) == ("", 1)


@pytest.mark.parametrize("closed", [0, 1, 2])
def test_a_descriptor_that_is_not_open_is_survived(closed):
    script = "os.fstat(0); os.fstat(1); os.fstat(2); os.write(stdout, b'm v=1\\n'); return 0"
    # The shell closes it, as `telegraf-dlms >&-` does.
    shell = ["sh", "-c", f'exec "$0" "$@" {closed}>&-', *command_line(script, "run")]
    done = subprocess.run(shell, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0
    assert done.stdout == ("" if closed == 1 else "m v=1\n")


@pytest.mark.parametrize("arguments", [["check"], ["test", "device", "x"], ["sample-config"], ["run"]])
def test_what_a_person_would_look_at_goes_nowhere_where_stdout_is_closed(arguments):
    shell = [
        "sh",
        "-c",
        'exec "$0" "$@" >&-',
        *command_line("sys.stdout.write(str(sys.stdout.isatty()))\nreturn 0", *arguments),
    ]
    done = subprocess.run(shell, capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_person_who_stops_reading_is_no_error():
    reader, writer = os.pipe()
    os.close(reader)
    done = run("print('plan'); return 0", "check", capture_output=False, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")
