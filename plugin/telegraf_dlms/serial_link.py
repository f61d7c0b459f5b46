"""Links over serial ports, with pyserial under pyserial-asyncio-fast.

Ports are opened in a thread: a driver may take its time, and there is no other way to wait for it.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, cast

from serial_asyncio_fast import connection_for_serial

from telegraf_dlms.errors import LinkError
from telegraf_dlms.link import Link
from telegraf_dlms.opening import CONFIRMATION_S, OPENING_LINE, SETTLE_S, acknowledge, call, hdlc_line
from telegraf_dlms.serial_port import FAILURES, Port, number_of, octet_time_s, port_reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telegraf_dlms.link import Parity, SerialSettings
    from telegraf_dlms.opening import Identification


async def open_serial(settings: SerialSettings, *, timeout_s: float) -> SerialLink:
    """Open a port exclusively; LinkError in plain words where it is missing, taken, forbidden, or cannot do that."""
    loop = asyncio.get_running_loop()
    port = Port(settings)
    opening = loop.run_in_executor(None, port.open_line)
    try:
        async with asyncio.timeout(timeout_s):
            await asyncio.shield(opening)
        link = SerialLink(port, settings)
        # It wants an asyncio.Protocol, and calls nothing but data_received and connection_lost.
        transport, _ = await connection_for_serial(loop, lambda: cast("Any", link), port)
    except BaseException as error:
        # The thread cannot be stopped: what it opens after all is closed.
        opening.add_done_callback(partial(_forget, port))
        if isinstance(error, TimeoutError) and not opening.done():
            raise LinkError(f"{settings.device}: does not open within {timeout_s:g} s") from None
        if isinstance(error, FAILURES):
            raise LinkError(f"{settings.device}: {port_reason(error)}", number=number_of(error)) from None
        raise
    link.connection_made(transport)
    return link


async def open_mode_e(link: SerialLink, *, max_baud_rate: int, timeout_s: float) -> tuple[Identification, int]:
    """Call a meter at 300 baud, leave the line as HDLC has it, return who it is, and the speed of the line.

    That is at most ``max_baud_rate``. Raises Silence, LinkError and RemoteProtocolError, and leaves the line as it is
    then: each opening sets it anew.
    """
    await link.change_line(**OPENING_LINE._asdict())
    link.discard_input()
    identification = await link.run(call(), timeout_s=timeout_s)
    confirmation = acknowledge(identification, max_baud_rate=max_baud_rate)
    baud_rate = await link.run(confirmation, timeout_s=min(timeout_s, CONFIRMATION_S))
    await link.change_line(**hdlc_line(baud_rate)._asdict())
    await asyncio.sleep(SETTLE_S)
    link.discard_input()
    return identification, baud_rate


class SerialLink(Link):
    """A link over a serial port, which is exclusively ours until it is closed."""

    __slots__ = ("_configured", "_port", "_settings")

    def __init__(self, port: Port, settings: SerialSettings) -> None:
        super().__init__(settings.device, octet_s=octet_time_s(settings))
        self._port = port
        self._settings = self._configured = settings
        port.failed = self._write_failed

    async def open_line(self, opening: Literal["plain", "mode_e"], *, timeout_s: float) -> Mapping[str, str | int]:
        """Set the line as it was configured, or call the meter in mode E: then the configured speed is the highest."""
        if opening == "mode_e":
            meter, baud_rate = await open_mode_e(self, max_baud_rate=self._configured.baud_rate, timeout_s=timeout_s)
            return {
                "manufacturer": meter.manufacturer,
                "type": meter.type,
                "offered_baud_rate": meter.baud_rate,
                "baud_rate": baud_rate,
            }
        if self._settings != (line := self._configured):
            await self.change_line(baud_rate=line.baud_rate, data_bits=line.data_bits, parity=line.parity)
        return {}

    async def change_line(self, *, baud_rate: int, data_bits: int, parity: Parity) -> None:
        """Change the line once all that was written has left it (mode E); LinkError where the port cannot."""
        if not self.alive:
            raise LinkError(f"{self.peer}: {self._lost}")
        await asyncio.sleep(self._left_at - self._loop.time())
        # Also where it fails: nobody knows how the line is then, and the next opening sets it again.
        self._settings = replace(self._settings, baud_rate=baud_rate, data_bits=data_bits, parity=parity)
        changing = self._loop.run_in_executor(None, self._port.change_line, baud_rate, data_bits, parity)
        try:
            await asyncio.shield(changing)
        except FAILURES as error:
            raise LinkError(f"{self.peer}: {port_reason(error)}") from None
        except asyncio.CancelledError:
            self.close()
            raise
        self._octet_s = octet_time_s(self._settings)
        self._remark(f"the line is at {baud_rate} baud, {data_bits} data bits, parity {parity}")

    def discard_input(self) -> None:
        """Drop what arrived while nobody asked, also what the kernel still holds."""
        super().discard_input()
        with contextlib.suppress(*FAILURES):  # of a port that is gone the reader tells
            self._port.reset_input_buffer()

    def _write_failed(self, error: OSError) -> None:
        # The transport is in the middle of its write: it cannot be closed from here.
        self._loop.call_soon(self._fail, port_reason(error))

    def _fail(self, text: str) -> None:
        if self.alive:
            # Closing would wait for octets that flow control holds back.
            with contextlib.suppress(*FAILURES):
                self._port.reset_output_buffer()
        super()._fail(text)

    def _reason(self, error: Exception) -> str:
        return port_reason(error)


def _forget(port: Port, opening: asyncio.Future[None]) -> None:
    if not opening.cancelled():
        opening.exception()
    port.close()
