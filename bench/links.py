"""What the link costs: one exchange through ours and the loop, against a bare asyncio protocol that parses nothing."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Final, cast

from bench.children import Child
from bench.report import Row, Section, microseconds
from telegraf_dlms import wrapper
from telegraf_dlms.apdu import encode_get
from telegraf_dlms.cosem import AttributeDescriptor
from telegraf_dlms.get import InvokeIds, get
from telegraf_dlms.link import TcpSettings, open_link
from telegraf_dlms.obis import parse_obis
from telegraf_dlms.wrapper import WrapperFraming

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

EXCHANGES: Final = 3000
TAKES: Final = 5
_REGISTER: Final = AttributeDescriptor(3, parse_obis("1.0.1.8.0.255"), 2)


def section() -> Section:
    """Return the section of the report."""
    with Child([sys.executable, "-m", "bench.echo"]) as peer:
        port = int(peer.said(r"listening on 127\.0\.0\.1:(\d+)")[1])
        ours = min(asyncio.run(_cpu_s(_ours, port)) for _ in range(TAKES))
        bare = min(asyncio.run(_cpu_s(_bare, port)) for _ in range(TAKES))
    row = Row(
        "link, loop, GET and its value",
        microseconds(ours),
        microseconds(bare),
        f"{ours / bare:.2f}x",
    )
    return Section("CPU for one exchange with an echo in another process (against: a bare asyncio protocol)", (row,))


async def _cpu_s(exchange: Callable[[int], Awaitable[float]], port: int) -> float:
    return await exchange(port) / EXCHANGES


async def _ours(port: int) -> float:
    link = await open_link(TcpSettings("127.0.0.1", port), timeout_s=5.0)
    framing, invoke_ids = WrapperFraming(client=16, server=1), InvokeIds()
    began = time.process_time()
    for _ in range(EXCHANGES):
        await link.run(get(framing, _REGISTER, invoke_ids=invoke_ids), timeout_s=5.0, progress=framing)
    took = time.process_time() - began
    link.close()
    await link.wait_closed()
    return took


class _Bare(asyncio.Protocol):
    """Sends the same request again for each answer, and looks at neither."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._left = EXCHANGES
        self.over = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Go on."""
        del data
        self._left -= 1
        if self._left:
            self._ask()
        else:
            self.over.set_result(None)

    def _ask(self) -> None:
        self._transport.write(self._request)


async def _bare(port: int) -> float:
    request = wrapper.encode(16, 1, encode_get(0xC1, _REGISTER))
    began = time.process_time()
    transport, protocol = await asyncio.get_running_loop().create_connection(lambda: _Bare(request), "127.0.0.1", port)
    await protocol.over
    took = time.process_time() - began
    transport.close()
    return took
