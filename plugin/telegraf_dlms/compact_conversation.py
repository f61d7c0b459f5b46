"""What is said to a meter to read compact data: its compact_buffer, and its template where that is not known yet.

A template holds for the day, as long as buffers fit it: one of another template_id, or that does not fit, has the
template read again (Blue Book, 4.3.10).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from telegraf_dlms.compact import Template
from telegraf_dlms.cosem import BUFFER, COMPACT_DATA, AttributeDescriptor
from telegraf_dlms.errors import DataRefused
from telegraf_dlms.profile_conversation import BufferReading, read_scalers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from telegraf_dlms.axdr import Value
    from telegraf_dlms.conversation import Association, Memory
    from telegraf_dlms.cosem import CaptureObject
    from telegraf_dlms.talk import Conversation

_CAPTURE_OBJECTS: Final = 3
_TEMPLATE_ID: Final = 4
_TEMPLATE_DESCRIPTION: Final = 5


@dataclass(frozen=True, slots=True)
class CompactRequest:
    """Which Compact data object is read."""

    logical_name: bytes


def read_compact(
    association: Association,
    request: CompactRequest,
    memory: Memory,
    *,
    needed_scalers: Callable[[Iterable[CaptureObject]], Iterable[AttributeDescriptor]],
) -> Conversation[BufferReading]:
    """Read a compact buffer: one row, or none where nothing was captured yet.

    DataRefused where the meter refuses it, or what came does not fit its template. ``needed_scalers`` tells which
    scaler_unit attributes its lines want.
    """
    reader = _Reader(association, request.logical_name, memory)
    buffer = yield from reader.ask(BUFFER)
    if buffer is None or buffer == b"":
        return BufferReading()
    if not isinstance(buffer, bytes):
        raise DataRefused(None, "the compact_buffer is no octet-string")
    template, cells = yield from reader.decode(buffer)
    scalers = yield from read_scalers(association, needed_scalers(template.captures), memory)
    return BufferReading(captures=template.captures, scalers=scalers, buffer=[tuple(cells)])


class _Reader:
    """The exchanges of one Compact data object."""

    __slots__ = ("_association", "_memory", "_name")

    def __init__(self, association: Association, logical_name: bytes, memory: Memory) -> None:
        self._association = association
        self._name = logical_name
        self._memory = memory

    def decode(self, buffer: bytes) -> Conversation[tuple[Template, list[Value]]]:
        """Return a buffer's template and cells: by the template that is known, else by the meter's present one."""
        known = self._memory.templates.pop(self._name, None)
        if known is not None:
            try:
                cells = known.cells(buffer)
            except DataRefused:
                pass
            else:
                self._memory.templates[self._name] = known
                return known, cells
        template = yield from self._template()
        cells = template.cells(buffer)
        self._memory.templates[self._name] = template
        return template, cells

    def ask(self, attribute: int) -> Conversation[Value]:
        """Return an attribute's value."""
        return (yield from self._association.ask(AttributeDescriptor(COMPACT_DATA, self._name, attribute)))

    def _template(self) -> Conversation[Template]:
        captures = yield from self._part(_CAPTURE_OBJECTS, "capture_objects")
        template_id = yield from self._part(_TEMPLATE_ID, "template_id")
        description = yield from self._part(_TEMPLATE_DESCRIPTION, "template_description")
        return Template.of(self._name, captures=captures, template_id=template_id, description=description)

    def _part(self, attribute: int, name: str) -> Conversation[Value]:
        try:
            return (yield from self.ask(attribute))
        except DataRefused as refusal:
            raise DataRefused(refusal.result, f"its {name}: {refusal}") from None
