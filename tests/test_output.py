"""Lines through pipes, sockets, files and terminals, with readers of every kind."""

from __future__ import annotations

import asyncio
import errno
import functools
import inspect
import os
import socket
from typing import TYPE_CHECKING

import pytest

from telegraf_dlms import output
from telegraf_dlms.errors import Scope
from telegraf_dlms.output import Output, OutputClosed, batches_of

if TYPE_CHECKING:
    from collections.abc import Callable

PIPE_SIZE = 65536


def in_loop(test: Callable[..., object]) -> Callable[..., None]:
    """Run an async test in a loop of its own."""

    @functools.wraps(test)
    def run(**fixtures: object) -> None:
        asyncio.run(asyncio.wait_for(test(**fixtures), 10))

    run.__signature__ = inspect.signature(test)
    return run


class Pipe:
    """Telegraf's end of our stdout."""

    def __init__(self) -> None:
        self.reader, self.descriptor = os.pipe()
        os.set_blocking(self.reader, False)

    def read(self, size: int = 1 << 20) -> bytes:
        parts = []
        while size:
            try:
                part = os.read(self.reader, size)
            except BlockingIOError:
                break
            if not part:
                break
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def close_reader(self) -> None:
        if self.reader >= 0:
            os.close(self.reader)
            self.reader = -1


@pytest.fixture
def pipe():
    ends = Pipe()
    yield ends
    ends.close_reader()


async def settle(times: int = 5) -> None:
    for _ in range(times):
        await asyncio.sleep(0)


def lines_of(size: int, length: int = 100) -> list[str]:
    """Numbered lines that make ``size`` octets together."""
    return [f"m v={number:06d}".ljust(length - 1, ".") for number in range(size // length)]


@pytest.mark.parametrize(
    ("lengths", "batches"),
    [
        ([], []),
        ([0], [1]),
        ([10, 20], [32]),
        ([4095], [4096]),
        ([2047, 2047], [4096]),
        ([2047, 2048], [2048, 2049]),
        ([10, 4096, 10], [11, 4097, 11]),
        ([9999], [10000]),
        ([1000] * 9, [4004, 4004, 1001]),
    ],
    ids=str,
)
def test_whole_lines_are_joined_up_to_4096_octets(lengths, batches):
    made = list(batches_of(["x" * length for length in lengths]))
    assert [len(batch) for batch in made] == batches
    assert all(batch.endswith(b"\n") for batch in made)


def test_octets_are_counted_and_not_characters():
    assert [len(batch) for batch in batches_of(["°" * 1023, "°" * 1023, "°"])] == [4094, 3]


@in_loop
async def test_each_batch_is_one_write(pipe, monkeypatch):
    written = []
    monkeypatch.setattr(os, "write", lambda _, octets: written.append(bytes(octets)) or len(octets))
    out = Output(pipe.descriptor)
    await out.write(["a v=1", "b v=2"])
    await out.write([])
    await out.write(["x" * 5000, "c v=3"])
    assert written == [b"a v=1\nb v=2\n", b"x" * 5000 + b"\n", b"c v=3\n"]
    out.close()


@in_loop
async def test_lines_arrive_and_writing_does_not_wait(pipe):
    out = Output(pipe.descriptor)
    write = out.write(["m,unit=m³ v=1", "m v=2"])
    with pytest.raises(StopIteration):
        write.send(None)
    assert pipe.read() == "m,unit=m³ v=1\nm v=2\n".encode()
    out.close()
    assert os.read(pipe.reader, 1) == b""  # nobody holds the writing end any more


@in_loop
async def test_a_slow_reader_stops_the_writers_and_gets_every_line_in_order(pipe):
    out = Output(pipe.descriptor)
    first, second = lines_of(3 * PIPE_SIZE), ["n v=1", "n v=2"]
    writers = [asyncio.create_task(out.write(first)), asyncio.create_task(out.write(second))]
    await settle()
    assert not any(writer.done() for writer in writers)
    received = b""
    while not all(writer.done() for writer in writers):
        received += pipe.read(10_000)
        await settle(2)
    received += pipe.read()
    assert received.decode().splitlines() == first + second
    out.close()


@in_loop
async def test_a_long_line_is_finished_before_anything_else(pipe):
    out = Output(pipe.descriptor)
    writers = [asyncio.create_task(out.write([letter * 200_000])) for letter in "ab"]
    received = b""
    while len(received) < 400_002:
        received += pipe.read(7_777)
        await settle(2)
    assert received == b"a" * 200_000 + b"\n" + b"b" * 200_000 + b"\n"
    await asyncio.gather(*writers)
    out.close()


@in_loop
async def test_the_loop_is_not_spinning_while_the_reader_is_slow(pipe):
    out = Output(pipe.descriptor)
    writer = asyncio.create_task(out.write(lines_of(2 * PIPE_SIZE)))
    await settle()
    flushes = []
    out._flush = lambda: flushes.append(1)
    asyncio.get_running_loop().add_writer(out._descriptor, out._flush)
    await settle(50)
    assert flushes == []
    out.close()
    with pytest.raises(OutputClosed):
        await writer


@in_loop
async def test_lines_of_a_cancelled_writer_leave_whole(pipe):
    out = Output(pipe.descriptor)
    lines = [*lines_of(PIPE_SIZE, 4096), "x" * 100_000, "last v=1"]
    writer = asyncio.create_task(out.write(lines))
    await settle()
    writer.cancel()
    await settle()
    drained = asyncio.create_task(out.drain(5))
    received = b""
    while not drained.done():
        received += pipe.read()
        await settle(2)
    assert drained.result() is True
    assert received.decode().splitlines() == lines
    out.close()


@in_loop
async def test_draining_waits_until_the_pipe_was_read(pipe):
    out = Output(pipe.descriptor)
    await out.write(["m v=1"])
    assert await out.drain(0.02) is False
    drained = asyncio.create_task(out.drain(5))
    await settle()
    assert not drained.done()
    pipe.read()
    assert await drained is True
    out.close()


@in_loop
async def test_a_reader_that_is_gone_ends_the_writing(pipe):
    out = Output(pipe.descriptor)
    pipe.close_reader()
    with pytest.raises(OutputClosed, match="nobody reads"):
        await out.write(["m v=1"])
    assert out.closed.is_set()
    assert OutputClosed.scope is Scope.PROCESS
    with pytest.raises(OutputClosed):
        await out.write(["m v=2"])
    assert await out.drain(1) is False
    out.close()


@in_loop
async def test_a_reader_that_goes_is_noticed_while_nothing_is_written(pipe):
    out = Output(pipe.descriptor)
    await settle()
    assert not out.closed.is_set()
    pipe.close_reader()
    await asyncio.wait_for(out.closed.wait(), 2)
    out.close()


@in_loop
async def test_a_reader_that_goes_ends_the_waiting_of_every_writer(pipe):
    out = Output(pipe.descriptor)
    writers = [asyncio.create_task(out.write(lines_of(PIPE_SIZE + 1000))) for _ in range(2)]
    await settle()
    pipe.close_reader()
    results = await asyncio.gather(*writers, return_exceptions=True)
    assert [type(result) for result in results] == [OutputClosed] * 2
    out.close()


@in_loop
async def test_a_reader_that_was_gone_before_we_came_is_survived(pipe):
    pipe.close_reader()
    out = Output(pipe.descriptor)
    await asyncio.wait_for(out.closed.wait(), 2)
    out.close()
    out.close()


@in_loop
async def test_the_description_that_others_share_stays_as_it_was(pipe):
    shared = os.dup(pipe.descriptor)
    out = Output(pipe.descriptor)
    assert os.get_blocking(shared)
    out.close()
    os.close(shared)


@in_loop
async def test_without_proc_the_shared_description_is_used_and_put_back(pipe, monkeypatch):
    def refuse(*_: object) -> int:
        raise PermissionError(errno.EACCES, "no")

    shared = os.dup(pipe.descriptor)
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        out = Output(pipe.descriptor)
    writer = asyncio.create_task(out.write(lines_of(2 * PIPE_SIZE)))
    await settle()
    assert not writer.done()
    while not writer.done():
        pipe.read()
        await settle(2)
    out.close()
    assert os.get_blocking(shared)
    os.close(shared)


@in_loop
async def test_a_socket_is_written_without_blocking_and_its_end_is_noticed():
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    out = Output(ours.detach())
    lines = lines_of(2_000_000)
    writer = asyncio.create_task(out.write(lines))
    await settle()
    assert not writer.done()
    received = b""
    while not writer.done():
        received += theirs.recv(100_000)
        await settle(2)
    assert await out.drain(1) is True
    while len(received) < 2_000_000:
        received += theirs.recv(100_000)
    assert received.decode().splitlines() == lines
    assert not out.closed.is_set()
    theirs.close()
    await asyncio.wait_for(out.closed.wait(), 2)
    out.close()


@in_loop
async def test_a_socket_that_will_never_receive_is_not_taken_for_closed():
    ours, theirs = socket.socketpair()
    ours.shutdown(socket.SHUT_RD)  # as systemd does with its journal's
    out = Output(ours.detach())
    await out.write(["m v=1"])
    await settle()
    assert not out.closed.is_set()
    assert theirs.recv(100) == b"m v=1\n"
    out.close()
    theirs.close()


@in_loop
async def test_a_file_is_written_plainly(tmp_path):
    path = tmp_path / "lines"
    out = Output(os.open(path, os.O_WRONLY | os.O_CREAT))
    lines = lines_of(300_000)
    await out.write(lines)
    assert await out.drain(1) is True
    out.close()
    assert path.read_text().splitlines() == lines


@in_loop
async def test_a_terminal_is_written_plainly():
    screen, descriptor = os.openpty()
    out = Output(descriptor)
    await out.write(["m v=1"])
    assert os.read(screen, 100) == b"m v=1\r\n"
    out.close()
    os.close(screen)


@in_loop
async def test_nothing_at_all_is_a_stdout_too():
    out = Output(os.open(os.devnull, os.O_WRONLY))
    await out.write(lines_of(100_000))
    assert await out.drain(1) is True
    assert not out.closed.is_set()
    out.close()


@in_loop
async def test_a_full_disk_is_waited_for(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(output, "DISK_RETRY_S", 0.01)
    failures = [OSError(errno.ENOSPC, "No space left on device")] * 3
    real_write = os.write

    def write(descriptor: int, octets: bytes) -> int:
        if failures:
            raise failures.pop()
        return real_write(descriptor, octets)

    monkeypatch.setattr(os, "write", write)
    path = tmp_path / "lines"
    out = Output(os.open(path, os.O_WRONLY | os.O_CREAT))
    await out.write(["m v=1"])
    out.close()
    assert path.read_text() == "m v=1\n"
    assert [record.message for record in caplog.records if record.name.endswith("output")] == [
        "stdout: No space left on device: polling waits for room"
    ]


@in_loop
async def test_an_input_output_error_is_an_end(tmp_path, monkeypatch):
    def write(*_: object) -> int:
        raise OSError(errno.EIO, "the terminal has gone")

    monkeypatch.setattr(os, "write", write)
    out = Output(os.open(tmp_path / "lines", os.O_WRONLY | os.O_CREAT))
    with pytest.raises(OutputClosed):
        await out.write(["m v=1"])
    out.close()
