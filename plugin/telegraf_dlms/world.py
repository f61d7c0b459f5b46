"""What a bus needs of the world outside: clocks, the way out, the log, the links, and what outlives the process."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from telegraf_dlms.link import open_link
from telegraf_dlms.printed import PrintedRows
from telegraf_dlms.state import state_in_memory
from telegraf_dlms.turnstile import Turnstile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from telegraf_dlms.counters import Counters
    from telegraf_dlms.link import Link, SerialSettings, TcpSettings
    from telegraf_dlms.log import Changes, Log
    from telegraf_dlms.throttle import Throttle


class Output(Protocol):
    """Where lines go; ``output.Output`` is one."""

    async def write(self, lines: Iterable[str]) -> None:
        """Write lines without newlines, and return when they have left."""


class NoOutput:
    """Takes lines that nobody wants."""

    async def write(self, lines: Iterable[str]) -> None:
        """Do nothing."""


class OpenLink(Protocol):
    """How a link is opened; ``link.open_link`` is one."""

    async def __call__(self, settings: TcpSettings | SerialSettings, *, timeout_s: float) -> Link:
        """Open it, or raise LinkError."""


class KeptState(Protocol):
    """What outlives the process; ``state.State`` is one."""

    @property
    def title(self) -> bytes:
        """Our system title where none is configured, 8 octets."""

    def counters(self, block_cipher_key: bytes, *, system_title: bytes | None = None) -> Counters:
        """Return the counter of a key under a title, None being our own; one object for each of them."""

    def fill(self, counters: Iterable[Counters]) -> None:
        """Give a block to each that has none, in one commit."""

    def lock(self, device: str, digest: bytes, *, until_ns: int) -> None:
        """Keep a device from being asked until a time of the wall clock: the secrets of this digest were refused."""

    def locked_until(self, device: str, digest: bytes, *, now_ns: int) -> int | None:
        """Return until when a device is not to be asked with the secrets of this digest; None where it may be.

        Raises StateUnusable where nobody can tell.
        """


class KeptWatermarks(Protocol):
    """Which rows were printed, also by processes before this one; ``watermarks.Watermarks`` is one."""

    @property
    def replay_ns(self) -> int:
        """How long rows are to be remembered by their cells once they were printed."""

    def load(self, profile: bytes) -> PrintedRows:
        """Return what was printed of a profile, by its digest (``profile_readout``)."""

    def keep(self, profile: bytes, printed: PrintedRows, *, when: Literal["soon", "now"] = "soon") -> None:
        """Have it kept, as it is then."""

    def settle(self) -> None:
        """Have kept what waits for that."""


class NoWatermarks:
    """Knows of nothing that was printed before."""

    replay_ns = 0

    def load(self, profile: bytes) -> PrintedRows:  # noqa: ARG002  as the others have it
        """Return that nothing was printed."""
        return PrintedRows()

    def keep(self, profile: bytes, printed: PrintedRows, *, when: Literal["soon", "now"] = "soon") -> None:
        """Do nothing."""

    def settle(self) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class World:
    """Given to each bus; a test gives another one. Clocks are nanoseconds: UTC, and one that only runs.

    ``state`` ends with the process where none is given; ``service`` gives the one of the configuration; so it is
    with ``watermarks``. ``turnstile`` is what TCP connections pass one after the other when they open.
    """

    output: Output
    log: Log
    changes: Changes
    wall_ns: Callable[[], int] = field(default=time.time_ns)
    mono_ns: Callable[[], int] = field(default=time.monotonic_ns)
    open_link: OpenLink = field(default=open_link)
    state: KeptState = field(default_factory=state_in_memory)
    watermarks: KeptWatermarks = field(default_factory=NoWatermarks)
    #: Without one, whatever profiles have is read and printed at once.
    throttle: Throttle | None = None
    turnstile: Turnstile = field(default_factory=Turnstile)
