"""A serial port's settings and failures; what a pty cannot show, a driver that drops settings stands for."""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import struct
import termios

import pytest
import serial

from telegraf_dlms import serial_port
from telegraf_dlms.link import Rs485Settings, SerialSettings
from telegraf_dlms.serial_port import FAILURES, Port, octet_time_s, port_reason

TIOCGEXCL = 0x80045440


@pytest.fixture
def wire():
    """Yield the master's descriptor and the port's name."""
    master, slave = pty.openpty()
    os.set_blocking(master, False)
    name = os.ttyname(slave)
    os.close(slave)
    yield master, name
    os.close(master)


@pytest.fixture
def no_pty(monkeypatch):
    """Take ptys for real ports: a driver that drops parity and data bits in silence."""
    monkeypatch.setattr(os.path, "realpath", lambda _path: "/dev/ttyS0")


def failure(settings):
    port = Port(settings)
    with pytest.raises(FAILURES) as caught:
        port.open_line()
    assert not port.is_open
    return port_reason(caught.value)


BAUD_RATES = [300, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200]


@pytest.mark.parametrize("baud_rate", BAUD_RATES)
def test_the_port_has_the_configured_speed(wire, baud_rate):
    port = Port(SerialSettings(wire[1], baud_rate=baud_rate))
    port.open_line()
    attributes = termios.tcgetattr(port.fileno())
    assert attributes[4:6] == [getattr(termios, f"B{baud_rate}")] * 2
    port.close()


@pytest.mark.parametrize(
    ("flow_control", "stop_bits", "input_flags", "control_flags"),
    [
        ("none", 1, 0, 0),
        ("none", 2, 0, termios.CSTOPB),
        ("rts_cts", 1, 0, termios.CRTSCTS),
        ("xon_xoff", 2, termios.IXON | termios.IXOFF, termios.CSTOPB),
    ],
)
def test_the_port_has_the_configured_flow_control_and_stop_bits(
    wire, flow_control, stop_bits, input_flags, control_flags
):
    port = Port(SerialSettings(wire[1], flow_control=flow_control, stop_bits=stop_bits))
    port.open_line()
    inputs, _, control, *_ = termios.tcgetattr(port.fileno())
    assert inputs & (termios.IXON | termios.IXOFF) == input_flags
    assert control & (termios.CRTSCTS | termios.CSTOPB) == control_flags
    port.close()


@pytest.mark.parametrize("data_bits", [5, 6, 7, 8])
@pytest.mark.parametrize("parity", ["none", "even", "odd"])
def test_a_pty_takes_any_frame_and_passes_octets_as_they_are(wire, data_bits, parity):
    master, name = wire
    port = Port(SerialSettings(name, data_bits=data_bits, parity=parity))
    port.open_line()
    port.write(bytes(range(256)))
    assert os.read(master, 1000) == bytes(range(256))
    port.close()


@pytest.mark.parametrize("parity", ["mark", "space"])
def test_a_pty_has_no_mark_or_space_parity(wire, parity):
    assert failure(SerialSettings(wire[1], parity=parity)) == f"a pseudo-terminal cannot do parity {parity}"


@pytest.mark.usefixtures("no_pty")
@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"parity": "mark"}, "the port cannot do parity mark"),
        ({"parity": "even"}, "the port cannot do parity even"),
        ({"data_bits": 7}, "the port cannot do 7 data bits"),
    ],
    ids=["mark", "even", "7 bits"],
)
def test_settings_that_a_driver_drops_are_said_to_be_impossible(wire, settings, text):
    assert failure(SerialSettings(wire[1], **settings)) == text


def test_a_speed_that_the_driver_does_not_take_is_said_to_be_impossible(wire, monkeypatch):
    monkeypatch.setattr(termios, "B19200", termios.B9600 + 1000)
    monkeypatch.setattr(termios, "tcsetattr", lambda *_: None)
    assert failure(SerialSettings(wire[1], baud_rate=19200)) == "the port cannot do 19200 baud"


@pytest.mark.usefixtures("no_pty")
def test_without_stick_parity_in_the_system_mark_is_refused(wire, monkeypatch):
    monkeypatch.setattr(serial_port, "CMSPAR", 0)
    assert failure(SerialSettings(wire[1], parity="mark")) == "this system cannot do parity mark"


@pytest.mark.parametrize(
    ("device", "text"),
    [
        ("/dev/no-such-port", "no such device"),
        ("/dev/null", "not a serial port"),
        ("/dev", "not a serial port"),
        (__file__, "not a serial port"),
    ],
    ids=["missing", "null", "folder", "file"],
)
def test_what_is_no_port_is_said_to_be_none(device, text):
    assert failure(SerialSettings(device)) == text


def test_a_port_in_use_is_said_to_be(wire):
    port = Port(SerialSettings(wire[1]))
    port.open_line()
    assert failure(SerialSettings(wire[1])) == "in use by another program"
    port.close()
    port.open_line()
    port.close()


def exclusive(port):
    return struct.unpack("i", fcntl.ioctl(port.fileno(), TIOCGEXCL, bytes(4)))[0]


def test_a_pty_is_not_left_exclusive_for_whoever_comes_after_a_crash(wire):
    port = Port(SerialSettings(wire[1]))
    port.open_line()
    assert exclusive(port) == 0
    port.close()


@pytest.mark.usefixtures("no_pty")
def test_a_real_port_is_closed_to_programs_that_know_no_locks(wire):
    port = Port(SerialSettings(wire[1]))
    port.open_line()
    assert exclusive(port) == 1
    port.close()


def test_rs485_on_a_port_without_it_is_said_to_be_impossible(wire):
    text = failure(SerialSettings(wire[1], rs485=Rs485Settings(rts_high_during_send=True)))
    assert text == "the port has no RS-485 mode (an adapter that switches by itself needs none)"


def test_rs485_settings_reach_pyserial_in_its_units():
    rs485 = Rs485Settings(
        delay_rts_before_send_ns=2_000_000,
        delay_rts_after_send_ns=3_000_000,
        rts_high_during_send=True,
        rts_high_after_send=False,
        rx_during_tx=True,
    )
    port = Port(SerialSettings("/dev/ttyS0", rs485=rs485))
    mode = port.rs485_mode
    assert (mode.delay_before_tx, mode.delay_before_rx) == (0.002, 0.003)
    assert (mode.rts_level_for_tx, mode.rts_level_for_rx, mode.loopback) == (True, False, True)
    assert port.rts is False


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(errno.EACCES, "x"), "permission denied (is this user in the port's group, often dialout?)"),
        (OSError(errno.EBUSY, "x"), "in use by another program"),
        (termios.error(errno.EINVAL, "x"), "the port refuses these settings"),
        (serial.SerialException("device reports readiness"), "gone: unplugged, or closed at its other end"),
        (OSError(errno.ENOMEM, "x"), "cannot allocate memory"),
    ],
    ids=["permission", "busy", "settings", "unplugged", "other"],
)
def test_reasons_are_plain_words(error, text):
    assert port_reason(error) == text


def fill(port):
    """Write until nothing fits; a port that waits for room instead is stopped by the test's own time-out."""
    while True:
        port.write(bytes(4096))


def test_a_full_output_buffer_is_reported_and_not_waited_for(wire):
    port = Port(SerialSettings(wire[1]))
    port.open_line()
    with pytest.raises(BlockingIOError):
        fill(port)
    port.close()


def test_pyserial_still_spins_on_a_full_output_buffer(wire, monkeypatch):
    """Canary: once pyserial lets BlockingIOError out, Port.write has nothing left to mend there."""
    attempts = []

    def full(_descriptor, _octets):
        attempts.append(1)
        if len(attempts) > 3:
            raise KeyboardInterrupt
        raise BlockingIOError(errno.EAGAIN, "full")

    port = Port(SerialSettings(wire[1]))
    port.open_line()
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(KeyboardInterrupt):
        serial.Serial.write(port, b"octets")
    port.close()


def test_changing_the_line_sets_speed_and_frame_at_once(wire):
    port = Port(SerialSettings(wire[1], baud_rate=300, data_bits=7, parity="even"))
    port.open_line()
    port.change_line(9600, 8, "none")
    assert termios.tcgetattr(port.fileno())[4:6] == [termios.B9600] * 2
    port.close()


@pytest.mark.parametrize(
    ("settings", "milliseconds"),
    [
        (SerialSettings("x", baud_rate=9600), 10 / 9.6),
        (SerialSettings("x", baud_rate=300, data_bits=7, parity="even"), 10 / 0.3),
        (SerialSettings("x", baud_rate=2400, stop_bits=2, parity="odd"), 12 / 2.4),
    ],
    ids=["8N1", "7E1", "8O2"],
)
def test_an_octet_takes_its_time(settings, milliseconds):
    assert octet_time_s(settings) * 1000 == pytest.approx(milliseconds)
