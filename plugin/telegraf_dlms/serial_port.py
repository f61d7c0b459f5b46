"""A serial port: pyserial's, mended where it meets an event loop, and its failures in plain words.

A pseudo-terminal carries octets and has no line. Its kernel drops parity and the number of data bits without a word,
and the C library may report that as an error; so there they are left alone and octets pass as they are. Mark and
space parity are refused there, as by any port that does not do them.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import termios
from typing import TYPE_CHECKING, Any, Final

import serial
from serial.rs485 import RS485Settings
from serial.serialposix import CMSPAR

if TYPE_CHECKING:
    from collections.abc import Callable

    from telegraf_dlms.link import Parity, Rs485Settings, SerialSettings

#: What pyserial and termios raise; a SerialException is an OSError.
FAILURES: Final = (OSError, termios.error, ValueError, NotImplementedError)

_PARITIES: Final[dict[Parity, tuple[str, int]]] = {
    "none": (serial.PARITY_NONE, 0),
    "even": (serial.PARITY_EVEN, termios.PARENB),
    "odd": (serial.PARITY_ODD, termios.PARENB | termios.PARODD),
    "mark": (serial.PARITY_MARK, termios.PARENB | termios.PARODD | CMSPAR),
    "space": (serial.PARITY_SPACE, termios.PARENB | CMSPAR),
}
_DATA_BITS: Final = {5: termios.CS5, 6: termios.CS6, 7: termios.CS7, 8: termios.CS8}

_REASONS: Final = {
    errno.ENOENT: "no such device",
    errno.ENODEV: "no such device",
    errno.ENXIO: "no such device",
    errno.EACCES: "permission denied (is this user in the port's group, often dialout?)",
    errno.EPERM: "permission denied (is this user in the port's group, often dialout?)",
    errno.EBUSY: "in use by another program",
    errno.EWOULDBLOCK: "in use by another program",
    errno.EIO: "gone: unplugged, or closed at its other end",
    errno.ENOTTY: "not a serial port",
    errno.EISDIR: "not a serial port",
    errno.EINVAL: "the port refuses these settings",
}


class Port(serial.Serial):
    """One serial port, closed until ``open_line``; ``failed`` is told of a write that fails.

    As published, a non-blocking write to a full output buffer spins, and holds up the loop, until there is room; and
    a write that fails makes the transport log a traceback.
    """

    def __init__(self, settings: SerialSettings) -> None:
        super().__init__(
            baudrate=settings.baud_rate,
            stopbits=settings.stop_bits,
            rtscts=settings.flow_control == "rts_cts",
            xonxoff=settings.flow_control == "xon_xoff",
            timeout=0,
            write_timeout=0,
            exclusive=True,
        )
        self.port = settings.device
        self.failed: Callable[[OSError], None] | None = None
        self._settings = settings
        self._is_pty = os.path.realpath(settings.device).startswith("/dev/pts/")
        if settings.rs485 is not None:
            self.rs485_mode = _rs485_mode(settings.rs485)
            # Opening sets RTS by hand: to the level that means "not sending".
            self.rts = settings.rs485.rts_high_after_send

    def open_line(self) -> None:
        """Open the port, ours alone, and see that it took its settings; blocks, raises one of FAILURES."""
        settings = self._settings
        self._set_frame(settings.data_bits, settings.parity)
        self.open()
        try:
            self._check(settings.baud_rate, settings.data_bits, settings.parity)
            if not self._is_pty:
                # pyserial's lock keeps polite programs away, this the others. A pty would stay so after our death.
                fcntl.ioctl(self.fileno(), termios.TIOCEXCL)
        except BaseException:
            self.close()
            raise
        with contextlib.suppress(ValueError, NotImplementedError):
            # USB adapters wait up to 16 ms for more octets otherwise.
            self.set_low_latency_mode(True)

    def change_line(self, baud_rate: int, data_bits: int, parity: Parity) -> None:
        """Change the line once what was written has left; blocks, raises one of FAILURES."""
        self.flush()
        self._set_frame(data_bits, parity)
        self._baudrate = baud_rate
        self._reconfigure_port()  # type: ignore[attr-defined] # pyserial's setters would set the line three times
        self._check(baud_rate, data_bits, parity)

    def write(self, octets: Any, /) -> int:
        """Write what fits now; BlockingIOError where nothing does."""
        try:
            return os.write(self.fileno(), octets)
        except BlockingIOError:
            raise
        except OSError as error:
            if self.failed is not None:
                self.failed(error)
            return len(octets)

    def _set_frame(self, data_bits: int, parity: Parity) -> None:
        if parity in {"mark", "space"} and (self._is_pty or not CMSPAR):
            raise ValueError(f"{'a pseudo-terminal' if self._is_pty else 'this system'} cannot do parity {parity}")
        if self._is_pty:
            return
        self._bytesize = data_bits
        self._parity = _PARITIES[parity][0]

    def _check(self, baud_rate: int, data_bits: int, parity: Parity) -> None:
        """See what the driver made of the settings: one that cannot do something may drop it in silence."""
        attributes = termios.tcgetattr(self.fileno())
        control, speed = attributes[2], attributes[5]
        if speed != getattr(termios, f"B{baud_rate}", speed):
            raise ValueError(f"the port cannot do {baud_rate} baud")
        if self._is_pty:
            return
        if control & termios.CSIZE != _DATA_BITS[data_bits]:
            raise ValueError(f"the port cannot do {data_bits} data bits")
        if control & (termios.PARENB | termios.PARODD | CMSPAR) != _PARITIES[parity][1]:
            raise ValueError(f"the port cannot do parity {parity}")


def port_reason(error: BaseException) -> str:
    """Return in plain words why a serial port failed."""
    if "RS485" in str(error):
        return "the port has no RS-485 mode (an adapter that switches by itself needs none)"
    number = number_of(error)
    if number is not None:
        return _REASONS.get(number) or os.strerror(number).lower()
    if isinstance(error, serial.SerialException):
        # Readable, but nothing to read: so do ports look that were unplugged.
        return _REASONS[errno.EIO]
    return str(error)


def number_of(error: BaseException) -> int | None:
    """Return the errno of a failure of a port; None where it has none."""
    for cause in (error, error.__context__):
        number = cause.args[0] if isinstance(cause, termios.error) else getattr(cause, "errno", None)
        if isinstance(number, int):
            return number
    return None


def octet_time_s(settings: SerialSettings) -> float:
    """Return how many seconds one octet takes on the line, start bit included."""
    return (1 + settings.data_bits + settings.stop_bits + (settings.parity != "none")) / settings.baud_rate


def _rs485_mode(settings: Rs485Settings) -> RS485Settings:
    return RS485Settings(
        rts_level_for_tx=settings.rts_high_during_send,
        rts_level_for_rx=settings.rts_high_after_send,
        loopback=settings.rx_during_tx,
        delay_before_tx=settings.delay_rts_before_send_ns / 1e9,
        delay_before_rx=settings.delay_rts_after_send_ns / 1e9,
    )
