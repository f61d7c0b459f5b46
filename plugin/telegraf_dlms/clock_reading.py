"""The meter's Clock in one poll: read as a configured value, and held against ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from telegraf_dlms.cosem import CLOCK, AttributeDescriptor
from telegraf_dlms.drift import drift_of
from telegraf_dlms.stopwatch import Stopwatch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from telegraf_dlms.conversation import Association, Reading
    from telegraf_dlms.meter import Meter, MeterValue
    from telegraf_dlms.talk import Conversation

T = TypeVar("T")

#: The Clock's attribute time (Blue Book, 4.5.1).
_TIME: Final = 2


class ClockReading:
    """The first of ``values`` that reads a Clock's time, where one does; ``now_ns`` is the wall clock's.

    ``drift_s`` is the meter's clock minus ours in the middle of the exchange, in seconds; None where it was not read.
    """

    __slots__ = ("_stopwatch", "_value", "drift_s")

    def __init__(self, values: Sequence[MeterValue], *, now_ns: Callable[[], int]) -> None:
        self._value = next((value for value in values if value.plan.class_id == CLOCK and _reads_time(value)), None)
        self._stopwatch: Stopwatch | None = None
        if self._value is not None:
            time = AttributeDescriptor(CLOCK, self._value.plan.logical_name, _TIME)
            self._stopwatch = Stopwatch(time, now_ns=now_ns)
        self.drift_s: float | None = None

    def watch(self, conversation: Conversation[T], association: Association) -> Conversation[T]:
        """Hold a conversation of an association, and take the time where the Clock is read in it."""
        association.stopwatch = self._stopwatch
        if self._stopwatch is None:
            return conversation
        return self._stopwatch.watch(conversation, association.framing)

    def take(self, read: Sequence[tuple[MeterValue, Reading]], meter: Meter) -> None:
        """Take the Clock's time where it is among what was read, and say what is wrong with it."""
        watch = self._stopwatch
        if watch is None or watch.began_ns is None or watch.ended_ns is None:
            return
        reading = next((reading for value, reading in read if value is self._value), None)
        octets = None if reading is None else dict(reading.values).get(_TIME, reading.time)
        clock = meter.plan.presentation.clock
        if not isinstance(octets, bytes):
            return
        drift = drift_of(octets, clock, began_ns=watch.began_ns, ended_ns=watch.ended_ns)
        if drift is not None:
            meter.remark_zone(octets)
            meter.troubles.clock(drift.cause, drift.remark)
            self.drift_s = drift.seconds


def _reads_time(value: MeterValue) -> bool:
    request = value.plan.request
    return request is not None and (
        request.time is not None or any(each.attribute == _TIME for each in request.attributes)
    )
