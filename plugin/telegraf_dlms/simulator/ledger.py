"""What a meter remembers while it is switched on: invocation counters, and secrets that were wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from telegraf_dlms.errors import TelegrafDlmsError

if TYPE_CHECKING:
    from telegraf_dlms.simulator.access import Access

#: Names the global unicast key; a dedicated key is its own name.
GLOBAL_KEY: Final = b""
#: Dedicated keys that are remembered: one that a client brings again must not repeat its counters. Random ones never
#: come again, and the oldest of them are forgotten.
MAX_DEDICATED_KEYS: Final = 16
MAX_COUNTER: Final = 0xFFFF_FFFF


class CounterTooLow(TelegrafDlmsError):
    """A client used an invocation counter again; ``expected`` is the lowest one that would do."""

    def __init__(self, expected: int) -> None:
        super().__init__(f"the invocation counter is used up below {expected}")
        self.expected = expected


@dataclass(slots=True)
class _Counters:
    """The last counters of one key: what a client sent (-1 for nothing yet), and what the meter did."""

    received: int
    sent: int = 0


class Ledger:
    """One meter's memory, over all its clients and connections."""

    __slots__ = ("_counters", "_lock_after", "_wrong")

    def __init__(self, access: Access) -> None:
        self._counters = {GLOBAL_KEY: _Counters(access.initial_counter)}
        self._lock_after = access.lock_after
        self._wrong = 0

    @property
    def last(self) -> int:
        """The last invocation counter that a client used with the global key."""
        return self._counters[GLOBAL_KEY].received

    def check(self, key: bytes, counter: int) -> int:
        """Return the last counter that was accepted for a key; CounterTooLow where ``counter`` is not above it."""
        last = self._of(key).received
        if counter <= last:
            raise CounterTooLow(min(last + 1, MAX_COUNTER))
        return last

    def accept(self, key: bytes, counter: int) -> None:
        """Note that a counter was used, which has been checked."""
        counters = self._of(key)
        counters.received = max(counters.received, counter)

    def next_own(self, key: bytes = GLOBAL_KEY) -> int:
        """Return the counter for the meter's next APDU under a key."""
        counters = self._of(key)
        counters.sent += 1
        return counters.sent

    @property
    def is_locked(self) -> bool:
        """Whether there were too many wrong secrets."""
        return 0 < self._lock_after <= self._wrong

    def note_secret(self, *, right: bool) -> None:
        """Count wrong secrets in a row."""
        self._wrong = 0 if right else self._wrong + 1

    def _of(self, key: bytes) -> _Counters:
        counters = self._counters.get(key)
        if counters is None:
            if len(self._counters) > MAX_DEDICATED_KEYS:
                del self._counters[list(self._counters)[1]]
            counters = self._counters[key] = _Counters(-1)
        return counters
