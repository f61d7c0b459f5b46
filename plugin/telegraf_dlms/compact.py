"""Compact data: what its template says of the octets in its compact_buffer (Blue Book, 4.3.10, class 62).

The buffer is one row of captured values without their tags; what they are is in the template_description, which is the
type description of a structure with one element for each of the capture_objects. The first octet is the template_id:
what the meter captures first, by its capture_objects, or what it puts in front of all. Meters do either, in the buffer
and in the description; so the number of elements decides what each of them is, and the octets must fit to the last.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Final

from telegraf_dlms import axdr
from telegraf_dlms.cosem import COMPACT_DATA
from telegraf_dlms.errors import DataRefused, RemoteProtocolError
from telegraf_dlms.profile import parse_capture_objects

if TYPE_CHECKING:
    from telegraf_dlms.axdr import Value
    from telegraf_dlms.cosem import CaptureObject

_TEMPLATE_ID: Final = 4


@dataclass(frozen=True, slots=True)
class Template:
    """What the buffers of one Compact data object hold: its capture_objects, template_id and template_description."""

    logical_name: bytes
    captures: tuple[CaptureObject, ...]
    template_id: int
    description: bytes

    @classmethod
    def of(cls, logical_name: bytes, *, captures: Value, template_id: Value, description: Value) -> Template:
        """Return the template that three attributes make; DataRefused where they are not what they should be."""
        if isinstance(template_id, bool) or not isinstance(template_id, int):
            raise DataRefused(None, f"the template_id is {template_id!r:.80}, no number")
        if not isinstance(description, bytes):
            raise DataRefused(None, f"the template_description is {description!r:.80}, no octet-string")
        return cls(logical_name, parse_capture_objects(captures), template_id, bytes(description))

    def cells(self, buffer: bytes) -> list[Value]:
        """Return the captured values, one for each of the capture_objects.

        DataRefused where the buffer is of another template, or does not fit this one.
        """
        if not buffer or buffer[0] != self.template_id:
            raise DataRefused(
                None, f"the compact_buffer is of template {buffer[:1].hex()}h, not {self.template_id:02x}h"
            )
        misfits: list[str] = []
        for description, in_front in product(self._descriptions(), (0, 1) if self._captures_its_id() else (1, 0)):
            try:
                value = axdr.decode_untagged(description, buffer[in_front:])
            except RemoteProtocolError as error:
                misfits.append(str(error))
                continue
            cells = list(value) if isinstance(value, tuple) else []
            if in_front:
                cells.insert(0, self.template_id)
            if not self._captures_its_id():
                del cells[:1]
            if len(cells) == len(self.captures):
                return cells
            misfits.append(f"it has {len(cells)} values for {len(self.captures)} capture_objects")
        raise DataRefused(None, f"the compact_buffer does not fit its template_description: {misfits[0]}")

    def _descriptions(self) -> list[bytes]:
        """Return the description, and what is behind the template_id where that may be in front."""
        whole = self.description
        return [whole, whole[1:]] if whole and whole[0] == self.template_id else [whole]

    def _captures_its_id(self) -> bool:
        first = self.captures[0][:3] if self.captures else ()
        return first == (COMPACT_DATA, self.logical_name, _TEMPLATE_ID)
