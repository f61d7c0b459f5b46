"""What is asked of an object whose class nobody has described here: its attributes from 2 on, until there is no more.

A class may leave one attribute out, or deny one, so one refusal is no end, but two in a row are. What was found holds
for the day: later polls ask for that alone. By short names nothing is probed, since the names behind an object's last
attribute are its methods and the next object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from telegraf_dlms.errors import DataRefused, LinkError, ProtocolError
from telegraf_dlms.get import decode

if TYPE_CHECKING:
    from telegraf_dlms.conversation import Association, Memory, Reading
    from telegraf_dlms.cosem import AttributeDescriptor
    from telegraf_dlms.talk import Conversation

#: So many refusals in a row are the end of an object.
REFUSALS_AT_THE_END: Final = 2
#: The last attribute that is probed. The largest class of the Blue Book (91, G3-PLC MAC setup) has 26 attributes; a
#: meter that answers for ever shall not make every poll a hundred exchanges long.
LAST_PROBED: Final = 40


def probe(association: Association, first: AttributeDescriptor, memory: Memory, reading: Reading) -> Conversation[None]:
    """Read the attributes of an object from ``first`` on into ``reading``; what is there goes into ``memory``.

    Where nothing is there the first refusal counts, and the next poll probes again. An attribute at which the
    association ended is not probed again that day: some meters fall silent instead of refusing.
    """
    last = LAST_PROBED if association.short_names is None else first.attribute
    found: list[AttributeDescriptor] = []
    refusals: list[DataRefused] = []
    for number in range(first.attribute, last + 1):
        descriptor = first._replace(attribute=number)
        if descriptor in memory.refused:
            break
        try:
            octets = yield from association.ask_octets(descriptor)
        except DataRefused as refusal:
            refusals.append(refusal)
            if len(refusals) == REFUSALS_AT_THE_END:
                break
            continue
        except (LinkError, ProtocolError):
            if found:
                memory.refused.add(descriptor)
            raise
        refusals.clear()
        found.append(descriptor)
        try:
            reading.values.append((number, decode(octets)))
        except DataRefused as refusal:
            reading.refusals.append((descriptor, refusal))
    if found:
        memory.found[first] = tuple(found)
    else:
        reading.refusals.extend((first, refusal) for refusal in refusals[:1])
