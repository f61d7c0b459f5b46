"""Signals and stdin become wishes, in order."""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from telegraf_dlms import early, process
from telegraf_dlms.process import Control, Wish

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Stdin:
    """A pipe whose writing end the test holds."""

    def __init__(self) -> None:
        self.descriptor, self._writer = os.pipe()

    def write(self, octets: bytes) -> None:
        os.write(self._writer, octets)

    def end(self) -> None:
        os.close(self._writer)
        self._writer = -1

    def close(self) -> None:
        os.close(self.descriptor)
        if self._writer >= 0:
            self.end()


@pytest.fixture
def stdin():
    pipe = Stdin()
    yield pipe
    pipe.close()


@pytest.fixture(autouse=True)
def _no_notes():
    early.requests.clear()
    yield
    early.requests.clear()


def controlled(test: Callable[[Control], Awaitable[None]], stdin: int | None = None) -> None:
    async def main() -> None:
        with Control(stdin=stdin) as control:
            await asyncio.wait_for(test(control), 5)

    asyncio.run(main())


async def settle() -> None:
    """Let the loop see what is readable."""
    for _ in range(3):
        await asyncio.sleep(0)


async def is_idle(control: Control) -> bool:
    waiting = asyncio.ensure_future(control.next())
    await settle()
    waiting.cancel()
    return not waiting.done()


@pytest.mark.parametrize(
    ("number", "wishes"),
    [
        (signal.SIGUSR1, [Wish.GATHER]),
        (signal.SIGUSR2, [Wish.GATHER]),
        (signal.SIGHUP, [Wish.RELOAD, Wish.GATHER]),
        (signal.SIGTERM, [Wish.STOP, Wish.STOP]),
        (signal.SIGINT, [Wish.STOP, Wish.STOP]),
    ],
    ids=lambda value: value.name if isinstance(value, signal.Signals) else "",
)
def test_a_signal_wakes_the_loop(number, wishes):
    async def test(control: Control) -> None:
        asyncio.get_running_loop().call_later(0.01, signal.raise_signal, number)
        assert [await control.next() for _ in wishes] == wishes

    controlled(test)


def test_a_signal_sent_by_another_process_wakes_an_idle_loop():
    async def test(control: Control) -> None:
        killer = await asyncio.create_subprocess_exec("kill", "-USR1", str(os.getpid()))
        assert await control.next() is Wish.GATHER
        await killer.wait()

    controlled(test)


def test_what_was_noted_before_the_loop_ran_comes_first():
    early.note(signal.SIGHUP)

    async def test(control: Control) -> None:
        assert [await control.next(), await control.next()] == [Wish.RELOAD, Wish.GATHER]

    controlled(test)


def test_a_newline_gathers(stdin):
    async def test(control: Control) -> None:
        stdin.write(b"\n")
        assert await control.next() is Wish.GATHER
        assert await is_idle(control)

    controlled(test, stdin.descriptor)


def test_octets_without_a_newline_mean_nothing(stdin):
    async def test(control: Control) -> None:
        stdin.write(b"hello")
        assert await is_idle(control)

    controlled(test, stdin.descriptor)


def test_while_one_gathering_is_running_one_more_is_remembered(stdin):
    async def test(control: Control) -> None:
        stdin.write(b"\n")
        assert await control.next() is Wish.GATHER
        stdin.write(b"\n\n")
        await settle()
        stdin.write(b"\n")
        await settle()
        signal.raise_signal(signal.SIGUSR1)
        await settle()
        assert await control.next() is Wish.GATHER
        assert await is_idle(control)

    controlled(test, stdin.descriptor)


def test_newlines_that_queued_before_we_read_are_one_to_run_and_one_to_remember(stdin):
    async def test(control: Control) -> None:
        stdin.write(b"\n" * 9)
        assert [await control.next(), await control.next()] == [Wish.GATHER] * 2
        assert await is_idle(control)

    controlled(test, stdin.descriptor)


def test_the_end_of_stdin_stops_at_once_when_nothing_is_asked_for(stdin):
    async def test(control: Control) -> None:
        stdin.end()
        assert await control.next() is Wish.STOP
        assert control.stopping.is_set()
        assert control.cut.is_set()

    controlled(test, stdin.descriptor)


def test_a_newline_before_the_end_of_stdin_is_gathered_first(stdin):
    async def test(control: Control) -> None:
        stdin.write(b"\n")
        stdin.end()
        assert await control.next() is Wish.GATHER
        await asyncio.wait_for(control.stopping.wait(), 1)
        assert not control.cut.is_set()
        assert await control.next() is Wish.STOP

    controlled(test, stdin.descriptor)


def test_the_gathering_that_runs_at_the_end_of_stdin_is_cut_off_in_the_end(stdin, monkeypatch):
    monkeypatch.setattr(process, "LAST_GATHER_S", 0.02)

    async def test(control: Control) -> None:
        stdin.write(b"\n\n")
        assert await control.next() is Wish.GATHER
        stdin.end()
        await control.cut.wait()
        assert await control.next() is Wish.STOP  # the second newline's time is up

    controlled(test, stdin.descriptor)


def test_sigterm_after_the_end_of_stdin_cuts_off_at_once(stdin):
    async def test(control: Control) -> None:
        stdin.write(b"\n")
        assert await control.next() is Wish.GATHER
        stdin.end()
        await control.stopping.wait()
        signal.raise_signal(signal.SIGTERM)
        await control.cut.wait()
        assert await control.next() is Wish.STOP

    controlled(test, stdin.descriptor)


def test_nothing_is_gathered_that_is_asked_for_after_a_stop():
    async def test(control: Control) -> None:
        control.stop()
        signal.raise_signal(signal.SIGUSR1)
        await settle()
        assert await control.next() is Wish.STOP

    controlled(test)


def test_a_socket_is_watched_as_a_pipe_is():
    ours, theirs = socket.socketpair()

    async def test(control: Control) -> None:
        theirs.send(b"\n")
        assert await control.next() is Wish.GATHER
        theirs.close()
        assert await control.next() is Wish.STOP

    with ours:
        controlled(test, ours.fileno())


@pytest.fixture(params=["/dev/null", "file", "terminal", "closed"])
def unwatched(request, tmp_path):
    if request.param == "terminal":
        main, descriptor = os.openpty()
    else:
        main = None
        path = Path("/dev/null") if request.param == "/dev/null" else tmp_path / "stdin"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
        if request.param == "closed":
            os.close(descriptor)
    yield descriptor
    if request.param != "closed":
        os.close(descriptor)
    if main is not None:
        os.close(main)


def test_what_is_no_pipe_is_not_watched(unwatched):
    async def test(control: Control) -> None:
        assert await is_idle(control)
        assert not control.stopping.is_set()

    controlled(test, unwatched)


def test_the_former_handlers_are_back_when_control_is_closed():
    before = [signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGINT)]

    async def test(control: Control) -> None:
        assert signal.getsignal(signal.SIGINT) is early.note

    controlled(test)
    assert [signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGINT)] == before
    assert signal.set_wakeup_fd(-1) == -1


def test_the_handlers_of_the_first_moment_stay_when_control_is_closed():
    replaced = early.note_signals(signal.SIGUSR1)

    async def test(control: Control) -> None: ...

    controlled(test)
    try:
        signal.raise_signal(signal.SIGUSR1)
        assert early.taken() == [signal.SIGUSR1]
    finally:
        signal.signal(signal.SIGUSR1, replaced[signal.SIGUSR1])


def test_the_limit_of_open_files_is_raised_to_the_hard_one():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
    try:
        assert process.raise_file_limit() == hard
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_garbage_is_looked_for_less_often_than_python_does():
    before = gc.get_threshold()
    try:
        process.relax_garbage_collection()
        assert gc.get_threshold() == process.GARBAGE_THRESHOLDS > before
    finally:
        gc.set_threshold(*before)
