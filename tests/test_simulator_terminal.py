import asyncio
import contextlib
import os
import termios

import pytest

from telegraf_dlms.simulator.terminal import Terminal


@contextlib.contextmanager
def opened(link):
    """Yield a client's descriptor on the terminal's line."""
    descriptor = os.open(link, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


async def read(descriptor, size):
    """Return ``size`` octets as they come."""
    octets = b""
    readable = asyncio.Event()
    asyncio.get_running_loop().add_reader(descriptor, readable.set)
    while len(octets) < size:
        await asyncio.wait_for(readable.wait(), 5)
        readable.clear()
        with contextlib.suppress(BlockingIOError):
            octets += os.read(descriptor, 65536)
    asyncio.get_running_loop().remove_reader(descriptor)
    return octets


def on_a_terminal(link, scenario):
    """Run a scenario with a terminal that sends back what it hears."""

    async def run():
        terminal = Terminal(link, lambda octets: terminal.write(octets))  # noqa: PLW0108  not there yet
        try:
            await scenario(terminal)
        finally:
            terminal.close()

    asyncio.run(run())


def test_octets_pass_as_they_are(tmp_path):
    link = tmp_path / "meter"
    octets = bytes(range(256))

    async def scenario(terminal):
        with opened(link) as client:
            os.write(client, octets)
            assert await read(client, 256) == octets
        assert str(link.readlink()) == terminal.device

    on_a_terminal(link, scenario)
    assert not link.is_symlink()


def test_clients_may_come_and_go(tmp_path):
    link = tmp_path / "meter"

    async def scenario(_):
        for name in (b"first", b"second"):
            with opened(link) as client:
                os.write(client, name)
                assert await read(client, len(name)) == name

    on_a_terminal(link, scenario)


def test_an_answer_longer_than_the_line_holds_leaves_as_it_is_read(tmp_path):
    link = tmp_path / "meter"
    octets = os.urandom(30_000)

    async def scenario(terminal):
        with opened(link) as client:
            terminal.write(octets)
            assert await read(client, len(octets)) == octets

    on_a_terminal(link, scenario)


def test_answers_that_nobody_reads_do_not_grow(tmp_path):
    async def scenario(terminal):
        for _ in range(100):
            terminal.write(bytes(2000))
        assert len(terminal._pending) <= 65_536

    on_a_terminal(tmp_path / "meter", scenario)


def test_a_link_left_behind_is_replaced(tmp_path):
    link = tmp_path / "meter"
    link.symlink_to("/dev/pts/none")

    async def scenario(terminal):
        assert str(link.readlink()) == terminal.device

    on_a_terminal(link, scenario)


def test_a_file_of_somebody_else_is_left_alone(tmp_path):
    link = tmp_path / "meter"
    link.write_text("mine")

    with pytest.raises(FileExistsError):
        on_a_terminal(link, lambda _: None)
    assert link.read_text() == "mine"


def test_a_link_that_points_elsewhere_by_now_is_left_alone(tmp_path):
    link = tmp_path / "meter"

    async def scenario(_):
        link.unlink()
        link.symlink_to("/dev/null")

    on_a_terminal(link, scenario)
    assert link.is_symlink()


@pytest.mark.parametrize(("constant", "baud_rate"), [(termios.B300, 300), (termios.B115200, 115200), (termios.B0, 0)])
def test_the_speed_is_the_one_that_the_client_set(tmp_path, constant, baud_rate):
    link = tmp_path / "meter"

    async def scenario(terminal):
        with opened(link) as client:
            attributes = termios.tcgetattr(client)
            attributes[4:6] = constant, constant
            termios.tcsetattr(client, termios.TCSANOW, attributes)
            assert terminal.baud_rate == baud_rate

    on_a_terminal(link, scenario)
