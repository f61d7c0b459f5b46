"""Attributes that a meter does not answer for: it is silent, hangs up, or says what is no answer.

Each costs the association. Asked for in its turn at each poll, such an attribute would keep all that follow it from
being read for ever. So where one costs a poll an association, and cost an earlier poll one and was not answered since,
it is passed over in what is left of the poll; the next poll asks for it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegraf_dlms.errors import DataRefused

if TYPE_CHECKING:
    from telegraf_dlms.cosem import AttributeDescriptor


class Pitfalls:
    """What is known of such attributes of one meter; ``asked`` is the one that is being asked for alone."""

    __slots__ = ("_known", "_new", "_passed", "asked")

    def __init__(self) -> None:
        self.asked: AttributeDescriptor | None = None
        self._new: set[AttributeDescriptor] = set()
        self._known: set[AttributeDescriptor] = set()
        self._passed: dict[AttributeDescriptor, DataRefused] = {}

    def begin(self) -> None:
        """Begin a poll: what cost the ones before an association is known, and nothing is passed over yet."""
        self.asked = None
        self._known |= self._new
        self._new.clear()
        self._passed.clear()

    def passed(self, descriptor: AttributeDescriptor) -> DataRefused | None:
        """Return why an attribute is not asked for any more in this poll, None where it is."""
        return self._passed.get(descriptor)

    def answered(self) -> None:
        """Note that what was asked for was answered."""
        if self._known or self._new:
            self._known.discard(self.asked)
            self._new.discard(self.asked)
        self.asked = None

    def lost(self, error: Exception) -> AttributeDescriptor | None:
        """Note that the association was lost; return the attribute that is passed over from now on, where one is."""
        asked, self.asked = self.asked, None
        if asked is None:
            return None
        if asked in self._known:
            self._passed[asked] = DataRefused(None, f"the association was lost when it was asked for: {error}")
            return asked
        self._new.add(asked)
        return None
