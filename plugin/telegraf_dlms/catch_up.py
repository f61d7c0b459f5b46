"""Profiles that are behind, worked off when the bus has nothing else to do: fairly, and no faster than the throttle.

Devices take turns, each for as many lines as are reserved at once. A tick that comes in between is served after the
part that is being read (``profile_readout``). What a device has behind that cannot be read now is forgotten here: its
next due poll finds it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from telegraf_dlms.poll import go_on
from telegraf_dlms.schedule import NEVER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telegraf_dlms.meter import Meter
    from telegraf_dlms.poll import Carrier
    from telegraf_dlms.world import World

#: The most lines of one turn: enough to be worth an association.
TURN_LINES: Final = 2_000
#: The fewest that are reserved, where a device has hardly any left.
LEAST_LINES: Final = 50
#: Turns of one bus that print nothing, one after the other, before it waits for a due poll.
MOST_FRUITLESS: Final = 100


class CatchUp:
    """What the devices of one bus have behind."""

    __slots__ = ("_first", "_fruitless", "_meters", "_reserved", "_slot_ns", "_world")

    def __init__(self, meters: Sequence[Meter], world: World) -> None:
        self._meters = meters
        self._world = world
        #: Whose turn it is, by its place.
        self._first = 0
        self._slot_ns: int | None = None
        self._reserved = 0
        self._fruitless = 0

    @property
    def due_ns(self) -> int:
        """When there is something to do, by the monotonic clock; NEVER where nothing is behind."""
        return NEVER if self._slot_ns is None else self._slot_ns

    async def work(self, carrier: Carrier, *, not_before_ns: int) -> bool:
        """Go on with one device where it is time; return whether it was. Raises OutputClosed alone, and bugs."""
        throttle, now_ns = self._world.throttle, self._world.mono_ns()
        meter = self._next(now_ns)
        if throttle is None or meter is None:
            self.leave()
            return False
        if self._slot_ns is None:
            self._reserved = max(LEAST_LINES, min(TURN_LINES, sum(meter.behind.values())))
            self._slot_ns = throttle.reserve(self._reserved, now_ns)
        self._slot_ns = max(self._slot_ns, not_before_ns)
        if self._slot_ns > now_ns:
            return False
        self._slot_ns = None
        lines = 0
        try:
            lines = await go_on(meter, carrier, self._world, lines=self._reserved)
        finally:
            throttle.give_back(self._reserved - lines)
            self._first += 1
        self._fruitless = 0 if lines else self._fruitless + 1
        if self._fruitless > MOST_FRUITLESS:
            self._fruitless = 0
            meter.behind.clear()
        return True

    def leave(self) -> None:
        """Give back what is reserved and not needed any more."""
        if self._slot_ns is not None and self._world.throttle is not None:
            self._world.throttle.give_back(self._reserved)
        self._slot_ns = None

    def _next(self, now_ns: int) -> Meter | None:
        """Return the device whose turn it is; the others keep theirs."""
        for place in range(self._first, self._first + len(self._meters)):
            meter = self._meters[place % len(self._meters)]
            if meter.behind and meter.blocked(now_ns, wall_ns=self._world.wall_ns()) is None:
                self._first = place % len(self._meters)
                return meter
            meter.behind.clear()
        return None
