"""A device that refused its secrets is not asked for an hour: meters lock after a few wrong ones (design, section 4).

The lock-out is in the state, where it outlives the process, and where ``telegraf-dlms unlock`` ends it. It goes with
what was refused: it ends when the configuration has another password, key, client or address for the device.

In the state it ends by the wall clock; in the process that was refused, an hour later however that clock is set.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Final

from telegraf_dlms.state import MAX_LOCK_NS, secret_digest
from telegraf_dlms.state_file import StateUnusable

if TYPE_CHECKING:
    from collections.abc import Callable

    from telegraf_dlms.plan import MeterPlan
    from telegraf_dlms.world import KeptState

LOCK_NS: Final = MAX_LOCK_NS
#: What of an access has nothing to do with a refused secret.
_NO_SECRETS: Final = frozenset({"max_pdu_size"})


class LockOut:
    """Whether one device may be asked. The state is looked at where that would hold a poll, and at the first poll.

    ``now_ns`` is the monotonic clock's, ``wall_ns`` the wall clock's. ``found`` is told of a lock-out by an earlier
    process, and until when it lasts.
    """

    __slots__ = ("_device", "_digest", "_found", "_state", "_until_ns", "_until_wall_ns")

    def __init__(self, plan: MeterPlan, state: KeptState, *, found: Callable[[int], None]) -> None:
        self._device = plan.name
        self._digest = _digest_of(plan)
        self._state = state
        self._found = found
        self._until_ns: int | None = None
        self._until_wall_ns = 0

    def begin(self, now_ns: int, *, wall_ns: int) -> None:
        """Note that the secrets were refused."""
        self._until_ns, self._until_wall_ns = now_ns + LOCK_NS, wall_ns + LOCK_NS
        self._state.lock(self._device, self._digest, until_ns=self._until_wall_ns)

    def holds(self, now_ns: int, *, wall_ns: int) -> bool:
        """Return whether the device is not to be asked."""
        if self._until_ns == 0:
            return False
        is_first = self._until_ns is None
        if self._until_ns is not None:
            # As the wall clock would stand, had nobody set it since.
            wall_ns = self._until_wall_ns - (self._until_ns - now_ns)
        try:
            until_wall_ns = self._state.locked_until(self._device, self._digest, now_ns=wall_ns) or 0
        except StateUnusable:
            until_wall_ns = self._until_wall_ns if self._until_wall_ns > wall_ns else 0
        self._until_wall_ns = until_wall_ns
        self._until_ns = now_ns + until_wall_ns - wall_ns if until_wall_ns else 0
        if is_first and until_wall_ns:
            self._found(until_wall_ns)
        return until_wall_ns > 0

    def adopt(self, former: LockOut) -> None:
        """Go on where the device was asked the same way, before the configuration was read again."""
        if former._digest == self._digest:
            self._until_ns, self._until_wall_ns = former._until_ns, former._until_wall_ns


def _digest_of(plan: MeterPlan) -> bytes:
    """Return what tells whether a device is still asked in the way that was refused: as whom, where, and by what."""
    access = [getattr(plan.access, each.name) for each in fields(plan.access) if each.name not in _NO_SECRETS]
    return secret_digest(
        plan.name,
        *(each if isinstance(each, bytes) else repr(each).encode() for each in (*access, *plan.whereabouts)),
    )
