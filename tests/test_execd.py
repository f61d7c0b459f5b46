"""The fake of Telegraf's inputs.execd does what Telegraf does."""

from __future__ import annotations

import sys

import pytest

from execd import Execd

ECHO = "import sys\nfor line in sys.stdin: print('m v=1', flush=True)"
SIGNALLED = """
import signal, sys
signal.signal(signal.SIGUSR1, lambda *_: print('m v=2', flush=True))
print('ready', flush=True)
sys.stdin.read()
"""
STUBBORN = """
import signal, sys, threading
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('ready', flush=True)
threading.Event().wait()
"""


def execd(script: str, **options: object) -> Execd:
    return Execd([sys.executable, "-S", "-c", script], **options)


def test_a_newline_on_stdin_asks_for_values_and_the_end_of_stdin_stops():
    with execd(ECHO) as telegraf:
        telegraf.gather(times=2)
        telegraf.wait_for(lambda t: t.lines == ["m v=1"] * 2)
        run = telegraf.stop()
    assert (run.status, run.signals, run.lost_octets) == (0, [], 0)
    assert run.stop_seconds < 2


def test_a_signal_asks_for_values():
    with execd(SIGNALLED) as telegraf:
        telegraf.wait_for(lambda t: t.lines == ["ready"])
        telegraf.gather("SIGUSR1")
        telegraf.wait_for(lambda t: t.lines == ["ready", "m v=2"])


def test_who_ignores_the_end_of_stdin_gets_sigterm_and_then_sigkill():
    with execd(STUBBORN, clock=0.02) as telegraf:
        telegraf.wait_for(lambda t: t.lines == ["ready"])
        run = telegraf.stop()
    assert run.signals == ["SIGTERM", "SIGKILL"]
    assert run.status == -9
    assert run.stop_seconds >= 0.2


def test_what_was_not_read_when_the_process_exits_is_lost():
    with execd("import sys; sys.stdin.readline(); print('m v=1')") as telegraf:
        telegraf.pause_reading()
        telegraf.gather()
        telegraf.wait_for(lambda t: t.runs[0].status == 0)
        assert telegraf.runs[0].lost_octets == len("m v=1\n")
    assert telegraf.lines == []


@pytest.mark.parametrize(
    ("printed", "level", "text"),
    [
        ("E! broken", "error", "broken"),
        ("W! odd", "warn", "odd"),
        ("I! started", "info", "started"),
        ("D! detail", "debug", "detail"),
        ("T! octets", "trace", "octets"),
        ("no prefix", "error", 'stderr: "no prefix"'),
    ],
)
def test_the_prefix_of_a_stderr_line_is_its_level(printed, level, text):
    with execd(f"import sys; sys.stderr.write({printed!r})") as telegraf:
        telegraf.wait_for(lambda t: t.runs[0].status is not None)
    assert telegraf.log == [(level, text)]


@pytest.mark.parametrize(("length", "is_too_long"), [(65535, False), (65536, True)], ids=["below", "64 KiB"])
def test_a_stderr_line_of_64_kib_ends_the_reading_of_stderr(length, is_too_long):
    script = f"import sys; sys.stderr.write('x' * {length} + '\\n'); print('done')"
    with execd(script) as telegraf:
        telegraf.wait_for(lambda t: t.runs[0].status is not None)
    assert bool(telegraf.errors) is is_too_long


def test_a_process_that_exits_is_started_again_after_the_delay_until_it_is_stopped():
    with execd("print('m v=1')", restart_delay=10.0, clock=0.001) as telegraf:
        telegraf.wait_for(lambda t: len(t.runs) > 2)
    assert [run.status for run in telegraf.runs[:2]] == [0, 0]


def test_a_line_without_its_end_is_seen():
    with execd("import sys; sys.stdout.write('m v=1\\nm v'); sys.stdout.flush(); sys.stdin.read()") as telegraf:
        telegraf.wait_for(lambda t: t.runs[0].unfinished_line == b"m v")
    assert telegraf.lines == ["m v=1"]
