"""What a bus needs of the world outside: clocks, the way out, the log, and how links are opened."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from telegraf_dlms.link import open_link

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from telegraf_dlms.link import Link, SerialSettings, TcpSettings
    from telegraf_dlms.log import Changes, Log


class Output(Protocol):
    """Where lines go; ``output.Output`` is one."""

    async def write(self, lines: Iterable[str]) -> None:
        """Write lines without newlines, and return when they have left."""


class OpenLink(Protocol):
    """How a link is opened; ``link.open_link`` is one."""

    async def __call__(self, settings: TcpSettings | SerialSettings, *, timeout_s: float) -> Link:
        """Open it, or raise LinkError."""


@dataclass(frozen=True, slots=True)
class World:
    """Given to each bus; a test gives another one. Clocks are nanoseconds: UTC, and one that only runs."""

    output: Output
    log: Log
    changes: Changes
    wall_ns: Callable[[], int] = field(default=time.time_ns)
    mono_ns: Callable[[], int] = field(default=time.monotonic_ns)
    open_link: OpenLink = field(default=open_link)
