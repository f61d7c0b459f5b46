"""How much a pipe holds: what thousands of meters print, as far as the system allows."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os

import pytest

from telegraf_dlms import output
from telegraf_dlms.output import MAX_PIPE, Output
from telegraf_dlms.plan import Plan
from telegraf_dlms.service import _output

PIPE_SIZE = 65536


@pytest.fixture
def pipe():
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    yield reader, writer
    os.close(reader)


def held(reader):
    """Take everything that a pipe holds."""
    octets = b""
    with contextlib.suppress(BlockingIOError):
        while piece := os.read(reader, 1 << 20):
            octets += piece
    return octets


@pytest.mark.parametrize(
    ("wanted", "size"), [(4096, PIPE_SIZE), (PIPE_SIZE, PIPE_SIZE), (300_000, 1 << 19), (1 << 30, MAX_PIPE)]
)
def test_a_pipe_holds_as_much_as_is_wanted_and_allowed_and_never_less_than_before(pipe, wanted, size):
    reader, writer = pipe

    async def test():
        out = Output(writer)
        out.make_room(wanted)
        line = "m v=1" + "." * 4090  # with its newline a page, so that nothing of the pipe is left empty
        writing = asyncio.create_task(out.write([line] * (2 * MAX_PIPE // 4096)))
        await asyncio.sleep(0)
        assert (fcntl.fcntl(reader, fcntl.F_GETPIPE_SZ), len(held(reader))) == (size, size)
        writing.cancel()
        out.close()

    asyncio.run(test())


def test_a_pipe_that_may_hold_no_more_is_left_as_it_is(pipe, monkeypatch):
    reader, writer = pipe
    refused = []

    def refuse(_descriptor, command, *size):
        if command == fcntl.F_SETPIPE_SZ:
            refused.append(size)
            raise PermissionError(errno.EPERM, "no more for this user")
        return PIPE_SIZE

    async def test():
        out = Output(writer)
        monkeypatch.setattr(output.fcntl, "fcntl", refuse)
        out.make_room(MAX_PIPE)
        await out.write(["m v=1"])
        out.close()

    asyncio.run(test())
    assert held(reader) == b"m v=1\n"
    assert refused == [(MAX_PIPE,)]


def test_what_is_no_pipe_has_room_enough(tmp_path):
    async def test():
        out = Output(os.open(tmp_path / "lines", os.O_WRONLY | os.O_CREAT))
        out.make_room(MAX_PIPE)
        await out.write(["m v=1"])
        out.close()

    asyncio.run(test())
    assert (tmp_path / "lines").read_text() == "m v=1\n"


def test_a_plan_without_values_needs_no_room(pipe):
    reader, writer = pipe

    async def test():
        _output(writer, Plan(aligned=True, connections=())).close()

    asyncio.run(test())
    assert fcntl.fcntl(reader, fcntl.F_GETPIPE_SZ) == PIPE_SIZE
