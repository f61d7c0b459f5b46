"""Connections open a few at a time: ten thousand SYNs in one moment would overrun whoever has to answer them.

A gateway's listener, a router's table of connections and our own loop take so many at once and no more; what they drop
comes back as a time-out that no meter has deserved. So a connection waits for its place before its time-out begins. It
has the place until it is open, but not for longer than a moment: ten thousand dead meters, each of which is silent for
the whole of its time-out, must not hold up the living.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

#: Below the 128 that a listener has room for (SOMAXCONN before Linux 5.4), which is where small gateways still are.
MAX_OPENING: Final = 100
#: A round trip to a meter that is near; one that is far off, or dead, has left room for others by then. With the number
#: of places it makes at least two thousand connections a second.
HOLD_S: Final = 0.05


class Turnstile:
    """At most ``places`` pass at once, in the order in which they came; each has its place for ``hold_s`` at most."""

    __slots__ = ("_hold_s", "_places")

    def __init__(self, places: int = MAX_OPENING, *, hold_s: float = HOLD_S) -> None:
        self._places = asyncio.Semaphore(places)
        self._hold_s = hold_s

    @asynccontextmanager
    async def passing(self) -> AsyncIterator[None]:
        """Wait for a place, and have it while the context lasts, or for a moment where that is shorter."""
        await self._places.acquire()
        place = _Place(self._places)
        timer = asyncio.get_running_loop().call_later(self._hold_s, place.leave)
        try:
            yield
        finally:
            timer.cancel()
            place.leave()


class _Place:
    """A place that is given back once."""

    __slots__ = ("_places",)

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places: asyncio.Semaphore | None = places

    def leave(self) -> None:
        if self._places is not None:
            self._places.release()
            self._places = None
