"""An association that tells of each attribute that is read in it: its octets as they came, or the meter's refusal."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, TypeAlias

from telegraf_dlms.conversation import Association
from telegraf_dlms.errors import DataRefused
from telegraf_dlms.lists import Lists

if TYPE_CHECKING:
    from collections.abc import Callable

    from telegraf_dlms.cosem import AttributeDescriptor
    from telegraf_dlms.talk import Conversation

#: Told what was asked for, and what came back.
Told: TypeAlias = "Callable[[AttributeDescriptor, bytes | DataRefused], None]"


def _nobody(_descriptor: AttributeDescriptor, _answer: bytes | DataRefused) -> None:
    pass


@dataclass(slots=True)
class AttentiveAssociation(Association):
    """An association whose attributes are asked for one by one, so that each can be told as it comes."""

    told: Told = _nobody

    def ask_octets(self, descriptor: AttributeDescriptor, *, selection: bytes = b"") -> Conversation[bytes]:
        """Return an attribute's value as A-XDR octets, and tell; raises as any association."""
        try:
            octets = yield from Association.ask_octets(self, descriptor, selection=selection)
        except DataRefused as refusal:
            self.told(descriptor, refusal)
            raise
        self.told(descriptor, octets)
        return octets


def attentive(association: Association, told: Told) -> AttentiveAssociation:
    """Return an open association made attentive."""
    known = {each.name: getattr(association, each.name) for each in fields(Association) if each.init}
    return AttentiveAssociation(**(known | {"lists": Lists(limit=1)}), told=told)
