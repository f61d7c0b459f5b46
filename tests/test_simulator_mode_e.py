"""The built-in meter behind its opening, in memory and on a pseudo-terminal."""

from __future__ import annotations

import asyncio

import pytest

from simulator_client import AARE, AARQ, NOON, descriptor, drive, in_pieces
from telegraf_dlms import serial_link
from telegraf_dlms.errors import Silence
from telegraf_dlms.get import InvokeIds, get
from telegraf_dlms.hdlc_procedure import HdlcFraming
from telegraf_dlms.link import SerialSettings
from telegraf_dlms.opening import REQUEST, acknowledge, call
from telegraf_dlms.serial_link import open_serial
from telegraf_dlms.simulator import Options, serving
from telegraf_dlms.simulator.hdlc_server import HdlcServer
from telegraf_dlms.simulator.mode_e import IDENTIFICATION, INACTIVITY_S, ModeE
from telegraf_dlms.simulator.server import Access, Session
from telegraf_dlms.simulator.server_address import ServerAddress

NAME = descriptor(1, "0.0.42.0.0.255")
CHOICE = b"\x06252\r\n"


class Line:
    """A client that knows the speed it speaks at."""

    def __init__(self):
        self.now, self.baud_rate = 0.0, 300
        self.meter = ModeE(self._hdlc, baud_rate=lambda: self.baud_rate, clock=lambda: self.now)

    def _hdlc(self):
        return HdlcServer(
            ServerAddress(),
            lambda offset, client: Session(offset + 1, client, access=Access(), clock=lambda: NOON),
            clock=lambda: self.now,
        )

    def say(self, octets, *, baud_rate=None):
        self.baud_rate = baud_rate or self.baud_rate
        return self.meter.receive(octets)

    def open(self, max_baud_rate=9600, *, piece=4096):
        self.baud_rate = 300
        hear = in_pieces(self.meter.receive, piece)
        identification = drive(call(), hear, piece=piece)
        self.baud_rate = drive(acknowledge(identification, max_baud_rate=max_baud_rate), hear, piece=piece)

    def connect(self):
        framing = HdlcFraming(client=b"\x21", server=b"\x03")
        drive(framing.open(), self.meter.receive)
        return framing

    def read_name(self, framing):
        assert drive(framing.exchange(AARQ), self.meter.receive) == AARE
        return drive(get(framing, NAME, invoke_ids=InvokeIds()), self.meter.receive)


@pytest.mark.parametrize("piece", [1, 3, 4096])
@pytest.mark.parametrize(("highest", "baud_rate"), [(115200, 9600), (9600, 9600), (2400, 2400), (300, 300)])
def test_a_client_that_opens_the_line_reads_the_meter(highest, baud_rate, piece):
    line = Line()
    line.open(highest, piece=piece)
    assert line.baud_rate == baud_rate
    assert line.read_name(line.connect()) == b"TDL0000000000001"


def test_who_does_not_call_is_not_heard():
    line = Line()
    line.baud_rate = 9600
    with pytest.raises(Silence):
        line.connect()
    line.baud_rate = 300
    with pytest.raises(Silence):
        line.connect()


def test_a_call_at_another_speed_is_noise():
    line = Line()
    assert line.say(REQUEST, baud_rate=9600) == b""
    assert line.say(REQUEST, baud_rate=300) == IDENTIFICATION


def test_hdlc_at_another_speed_than_the_chosen_one_is_noise():
    line = Line()
    line.open(2400)
    line.baud_rate = 9600
    with pytest.raises(Silence):
        line.connect()
    line.baud_rate = 2400
    line.connect()


@pytest.mark.parametrize(
    "said",
    [b"\x06050\r\n", b"\x06262\r\n", b"\x06251\r\n", b"\x062521\r\n", b"252\r\n", b"\r\n"],
    ids=["a readout", "too fast", "programming", "too long", "no ACK", "nothing"],
)
def test_only_hdlc_at_a_speed_that_was_offered_can_be_chosen(said):
    line = Line()
    assert line.say(REQUEST) == IDENTIFICATION
    assert line.say(said) == b""
    assert line.say(CHOICE) == b""  # a new call is due
    assert line.say(REQUEST + CHOICE) == IDENTIFICATION + CHOICE


def test_noise_before_a_call_does_not_matter_and_does_not_grow():
    line = Line()
    assert line.say(b"\x00" * 10_000) == b""
    assert len(line.meter._pending) <= 64
    assert line.say(REQUEST) == IDENTIFICATION


def test_a_client_that_disconnects_has_to_call_again():
    line = Line()
    line.open()
    framing = line.connect()
    drive(framing.close(), line.meter.receive)
    assert not framing.unclean
    with pytest.raises(Silence):
        line.connect()
    line.open()
    assert line.read_name(line.connect()) == b"TDL0000000000001"


def test_disconnecting_without_a_connection_leaves_the_line_open():
    line = Line()
    line.open()
    framing = HdlcFraming(client=b"\x21", server=b"\x03")
    framing.unclean = True
    drive(framing.open(), line.meter.receive)
    assert line.read_name(framing) == b"TDL0000000000001"


@pytest.mark.parametrize(("passed", "answer"), [(INACTIVITY_S, b""), (INACTIVITY_S + 1, IDENTIFICATION)])
def test_a_line_that_was_left_open_hears_calls_again_after_a_while(passed, answer):
    line = Line()
    line.open()
    line.connect()
    line.now += passed
    assert line.say(REQUEST, baud_rate=300) == answer


def test_noise_at_another_speed_keeps_no_line_open():
    line = Line()
    line.open()
    line.now += INACTIVITY_S
    line.say(REQUEST, baud_rate=300)
    line.now += 1
    assert line.say(REQUEST) == IDENTIFICATION


def test_a_meter_on_a_pseudo_terminal_is_opened_and_read_again_and_again(tmp_path, monkeypatch):
    monkeypatch.setattr(serial_link, "octet_time_s", lambda settings: 0.0)
    monkeypatch.setattr(serial_link, "SETTLE_S", 0.0)
    options = Options(interface="hdlc_mode_e", pty=tmp_path / "meter")

    async def scenario():
        async with serving(options):
            link = await open_serial(SerialSettings(str(options.pty), baud_rate=4800), timeout_s=5)
            for _ in range(2):
                framing = HdlcFraming(client=b"\x21", server=b"\x03")
                with pytest.raises(Silence):
                    await link.run(framing.open(), timeout_s=0.01)
                await link.open_line("mode_e", timeout_s=5)
                assert link._settings.baud_rate == 4800
                for conversation in (framing.open(), framing.exchange(AARQ)):
                    await link.run(conversation, timeout_s=5)
                name = await link.run(get(framing, NAME, invoke_ids=InvokeIds()), timeout_s=5)
                assert name == b"TDL0000000000001"
                await link.run(framing.close(), timeout_s=5)
            link.close()
            await link.wait_closed()

    asyncio.run(scenario())
