"""Links over a pty: the kernel's pair is the line, the test sits at the meter's end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import pty
import termios
import threading

import pytest

from telegraf_dlms import serial_link, serial_port
from telegraf_dlms.errors import LinkError, RemoteProtocolError, Silence
from telegraf_dlms.link import SerialSettings
from telegraf_dlms.serial_link import open_mode_e, open_serial


class Meter:
    """Answers each message at the far end of a pty, by default with the same; can hang up."""

    def __init__(self):
        self.master, slave = pty.openpty()
        self.device = os.ttyname(slave)
        os.close(slave)
        os.set_blocking(self.master, False)
        self.answer, self.heard = lambda octets: octets, b""

    def listen(self):
        asyncio.get_running_loop().add_reader(self.master, self._read)

    def _read(self):
        # Before the port is opened, and after it is closed, the master reads EIO.
        with contextlib.suppress(OSError):
            octets = os.read(self.master, 4096)
            self.heard += octets
            self.say(self.answer(octets))

    def say(self, octets):
        if octets:
            os.write(self.master, octets)

    def hang_up(self):
        asyncio.get_running_loop().remove_reader(self.master)
        os.close(self.master)
        self.master = None


@pytest.fixture
def meter():
    made = Meter()
    yield made
    if made.master is not None:
        os.close(made.master)


@contextlib.asynccontextmanager
async def opened(meter, **line):
    """Yield a link to the meter, which listens."""
    link = await open_serial(SerialSettings(meter.device, **line), timeout_s=5)
    meter.listen()
    try:
        yield link
    finally:
        link.close()
        await link.wait_closed()


def ask(request, length):
    answer = b""
    while len(answer) < length:
        answer += yield b"" if answer else request
    return answer


def test_a_port_carries_exchanges_with_all_octets_unchanged(meter):
    async def scenario():
        async with opened(meter) as link:
            for octets in (b"one", bytes(range(256))):
                assert await link.run(ask(octets, len(octets)), timeout_s=5) == octets
            assert link.peer == meter.device
            assert (link.bytes_sent, link.bytes_received) == (259, 259)

    asyncio.run(scenario())


def test_the_next_request_leaves_in_the_callback_that_reads_the_answer(meter):
    """No idle line while there is work: no task has to wake between an answer and the next request."""

    def many():
        for number in range(100):
            assert (yield bytes([number])) == bytes([number])
            assert asyncio.current_task() is None
        return "done"

    async def scenario():
        async with opened(meter, baud_rate=115200) as link:
            assert await link.run(many(), timeout_s=5) == "done"

    asyncio.run(scenario())


def test_a_deaf_meter_is_silence_and_the_port_stays_open(meter):
    async def scenario():
        meter.answer = lambda octets: b""
        async with opened(meter, baud_rate=115200) as link:
            with pytest.raises(Silence, match=f"^{meter.device}: no answer within 0.01 s$"):
                await link.run(ask(b"r", 1), timeout_s=0.01)
            assert link.alive
            assert meter.heard == b"r"

    asyncio.run(scenario())


def test_on_a_slow_line_silence_begins_when_our_octets_have_left(meter):
    async def scenario():
        meter.answer = lambda octets: b""
        async with opened(meter, baud_rate=9600) as link:
            loop = asyncio.get_running_loop()
            began = loop.time()
            with pytest.raises(Silence):
                await link.run(ask(bytes(96), 1), timeout_s=0.01)
            assert loop.time() - began >= 0.11

    asyncio.run(scenario())


def test_discarding_input_empties_the_kernels_buffer_too(meter):
    async def scenario():
        async with opened(meter) as link:
            meter.say(b"noise")
            link.discard_input()
            assert await link.run(ask(b"clean", 5), timeout_s=5) == b"clean"

    asyncio.run(scenario())


@pytest.mark.parametrize("running", [True, False], ids=["in an exchange", "idle"])
def test_a_port_that_goes_away_ends_the_link(meter, running):
    async def scenario():
        async with opened(meter) as link:
            if running:
                meter.answer = lambda octets: meter.hang_up()
                with pytest.raises(LinkError, match=r"gone: unplugged, or closed at its other end$"):
                    await link.run(ask(b"r", 1), timeout_s=5)
            else:
                meter.hang_up()
            await link.wait_closed()
            assert not link.alive
            with pytest.raises(LinkError, match=f"^{meter.device}: gone: unplugged"):
                await link.run(ask(b"r", 1), timeout_s=5)

    asyncio.run(scenario())


def test_a_write_that_fails_ends_the_link_without_a_traceback_in_the_log(meter, caplog):
    async def scenario():
        async with opened(meter) as link:
            asyncio.get_running_loop().remove_reader(link._port.fileno())
            meter.hang_up()
            with pytest.raises(LinkError, match=r"gone: unplugged, or closed at its other end$"):
                await link.run(ask(b"r", 1), timeout_s=5)

    asyncio.run(scenario())
    assert caplog.records == []


def test_a_closed_port_can_be_opened_again_at_once(meter):
    async def scenario():
        for _ in range(3):
            async with opened(meter) as link:
                assert await link.run(ask(b"again", 5), timeout_s=5) == b"again"
            with pytest.raises(LinkError, match=r"closed$"):
                await link.run(ask(b"r", 1), timeout_s=5)

    asyncio.run(scenario())


def test_a_port_is_ours_alone(meter):
    async def scenario():
        async with opened(meter):
            with pytest.raises(LinkError, match=f"^{meter.device}: in use by another program$") as caught:
                await open_serial(SerialSettings(meter.device), timeout_s=5)
            assert caught.value.number == errno.EWOULDBLOCK

    asyncio.run(scenario())


def test_the_line_changes_while_the_port_is_open(meter):
    async def scenario():
        async with opened(meter, baud_rate=300, data_bits=7, parity="even") as link:
            assert await link.run(ask(b"/?!\r\n", 5), timeout_s=5) == b"/?!\r\n"
            link._left_at = 0.0  # the pty was quicker than 300 baud
            await link.change_line(baud_rate=9600, data_bits=8, parity="none")
            assert termios.tcgetattr(meter.master)[5] == termios.B9600
            assert link._octet_s == pytest.approx(10 / 9600)
            assert await link.run(ask(b"\x7e\xa0", 2), timeout_s=5) == b"\x7e\xa0"

    asyncio.run(scenario())


def test_the_line_changes_only_after_what_was_written_has_left(meter):
    async def scenario():
        async with opened(meter, baud_rate=1200) as link:
            loop = asyncio.get_running_loop()
            began = loop.time()
            await link.run(ask(b"123456", 1), timeout_s=5)
            await link.change_line(baud_rate=9600, data_bits=8, parity="none")
            assert loop.time() - began >= 0.05

    asyncio.run(scenario())


def test_a_line_that_the_port_cannot_do_is_said_to_be_impossible(meter):
    async def scenario():
        async with opened(meter) as link:
            with pytest.raises(LinkError, match=f"^{meter.device}: a pseudo-terminal cannot do parity mark$"):
                await link.change_line(baud_rate=9600, data_bits=8, parity="mark")
            link.close()
            with pytest.raises(LinkError, match=r"closed$"):
                await link.change_line(baud_rate=9600, data_bits=8, parity="none")

    asyncio.run(scenario())


@pytest.mark.parametrize("ends", ["timeout", "cancelled"])
def test_a_port_that_opens_after_nobody_waits_is_closed_again(meter, monkeypatch, ends):
    proceed, open_line = threading.Event(), serial_port.Port.open_line
    ports = []

    def slow_open(port):
        ports.append(port)
        assert proceed.wait(5)
        open_line(port)

    monkeypatch.setattr(serial_port.Port, "open_line", slow_open)

    async def scenario():
        settings = SerialSettings(meter.device)
        opening = asyncio.ensure_future(open_serial(settings, timeout_s=0.02 if ends == "timeout" else 5))
        if ends == "timeout":
            with pytest.raises(LinkError, match=r"does not open within 0\.02 s$"):
                await opening
        else:
            await asyncio.sleep(0)
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening
        proceed.set()
        await asyncio.get_running_loop().shutdown_default_executor()
        await asyncio.sleep(0)
        assert [port.is_open for port in ports] == [False]

    asyncio.run(scenario())


@pytest.fixture
def quick(monkeypatch):
    """Make 300 baud as quick as the pty is, and pauses of an opening short."""
    monkeypatch.setattr(serial_link, "octet_time_s", lambda settings: 0.0)
    monkeypatch.setattr(serial_link, "SETTLE_S", 0.0)
    monkeypatch.setattr(serial_link, "CONFIRMATION_S", 0.02)


IDENTIFICATION, CONFIRMATION = b"/TDL5\\2X\r\n", b"\x06252\r\n"


class ModeEMeter:
    """What is answered at which speed; the speeds of all that was heard are kept."""

    def __init__(self, meter, *answers):
        self.meter, self.answers, self.baud_rates = meter, list(answers), []

    def __call__(self, octets):
        names = {termios.B300: 300, termios.B2400: 2400, termios.B9600: 9600}
        self.baud_rates.append(names[termios.tcgetattr(self.meter.master)[5]])
        return self.answers.pop(0) if self.answers else octets


@pytest.mark.parametrize("confirmation", [CONFIRMATION, b""], ids=["confirmed", "not confirmed"])
def test_mode_e_opens_at_300_baud_and_leaves_the_line_to_hdlc(meter, quick, confirmation):
    async def scenario():
        meter.answer = ModeEMeter(meter, IDENTIFICATION, confirmation)
        async with opened(meter, baud_rate=9600) as link:
            _, baud_rate = await open_mode_e(link, max_baud_rate=9600, timeout_s=5)
            assert baud_rate == 9600
            assert meter.heard == b"/?!\r\n" + CONFIRMATION
            assert await link.run(ask(b"\x7e\xa0", 2), timeout_s=5) == b"\x7e\xa0"
            assert meter.answer.baud_rates == [300, 300, 9600]
            assert (link._settings.data_bits, link._settings.parity) == (8, "none")

    asyncio.run(scenario())


def test_every_opening_starts_again_at_300_baud_and_goes_no_higher_than_was_configured(meter, quick):
    async def scenario():
        meter.answer = ModeEMeter(meter, *[IDENTIFICATION, b"\x06232\r\n", b"hdlc"] * 2)
        async with opened(meter, baud_rate=2400, data_bits=7, parity="even") as link:
            for _ in range(2):
                told = await link.open_line("mode_e", timeout_s=5)
                assert (told["offered_baud_rate"], told["baud_rate"]) == (9600, 2400)
                assert await link.run(ask(b"\x7e", 4), timeout_s=5) == b"hdlc"
            assert meter.answer.baud_rates == [300, 300, 2400] * 2

    asyncio.run(scenario())


def test_what_arrives_around_an_opening_is_not_taken_for_a_part_of_it(meter, quick):
    async def scenario():
        meter.answer = ModeEMeter(meter, IDENTIFICATION, CONFIRMATION + b"late", b"answer")
        async with opened(meter) as link:
            meter.say(b"/OLD0\r\n")
            await link.open_line("mode_e", timeout_s=5)
            assert await link.run(ask(b"\x7e", 6), timeout_s=5) == b"answer"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (b"", Silence, r"no answer within 0\.01 s, called in mode E at 300 baud$"),
        (b"/ABCE123\r\n", RemoteProtocolError, "does mode A or B"),
    ],
    ids=["deaf", "mode B"],
)
def test_a_meter_that_is_not_opened_is_called_once_and_the_line_is_as_configured_for_the_next(
    meter, quick, answer, error, text
):
    async def scenario():
        meter.answer = ModeEMeter(meter, answer, b"plain")
        async with opened(meter, baud_rate=9600) as link:
            with pytest.raises(error, match=text):
                await link.open_line("mode_e", timeout_s=0.01)
            assert meter.heard == b"/?!\r\n"
            await link.open_line("plain", timeout_s=5)
            assert link._settings == link._configured
            assert await link.run(ask(b"r", 5), timeout_s=5) == b"plain"
            assert meter.answer.baud_rates == [300, 9600]

    asyncio.run(scenario())


def test_a_line_that_nobody_changed_is_left_alone(meter, monkeypatch):
    async def scenario():
        async with opened(meter) as link:
            monkeypatch.setattr(link._port, "change_line", lambda *_: pytest.fail("it was changed"))
            await link.open_line("plain", timeout_s=5)

    asyncio.run(scenario())


def test_a_line_that_could_not_be_changed_is_set_again_for_the_next(meter, quick, monkeypatch):
    async def scenario():
        async with opened(meter) as link:
            monkeypatch.setattr(serial_port.Port, "_check", lambda *_: (_ for _ in ()).throw(ValueError("it cannot")))
            with pytest.raises(LinkError, match="it cannot"):
                await link.open_line("mode_e", timeout_s=5)
            monkeypatch.undo()
            await link.open_line("plain", timeout_s=5)
            assert termios.tcgetattr(meter.master)[5] == termios.B9600

    asyncio.run(scenario())
