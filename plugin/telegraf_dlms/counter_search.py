"""Where a meter's invocation counter is, when the configuration does not say.

The counter that clients use with a key is 0.b.43.1.e.255, Data (Blue Book, 6.2, "Security"); e is the security context,
which no rule ties to a client: 0 is usual, and some meters have the client's address there. The public client asks for
those two, and where it may read neither for what its association's object list has of the kind. Of several the highest
is taken, since no other one is sure to be let in.

Nothing here is required. A number is looked for where the state knows none for a key, and after a refusal that a
counter may be the reason of; what is found is followed upwards alone. Where nothing is found the state's number, else
1, follows (design, section 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from telegraf_dlms.cosem import ASSOCIATION_LN, CURRENT_ASSOCIATION, AttributeDescriptor
from telegraf_dlms.counters import COUNTER_WARNINGS
from telegraf_dlms.errors import DataRefused
from telegraf_dlms.object_list import OBJECT_LIST, parse_logical_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from telegraf_dlms.conversation import Association
    from telegraf_dlms.talk import Conversation

#: A counter that the configuration does not name is not believed beyond this: it would cost the key half its numbers.
MAX_FOUND: Final = COUNTER_WARNINGS[0]
#: Counters of an object list that are read; meters have one for each security context, and hardly more than four.
MAX_LISTED: Final = 10

_DATA: Final = 1
_VALUE: Final = 2
#: An invocation counter is a double-long-unsigned; some meters hold its octets.
_LENGTH: Final = 4


class Found(NamedTuple):
    """A meter's own invocation counter, and the object that holds it."""

    logical_name: bytes
    number: int


@dataclass(slots=True)
class CounterSearch:
    """What is known of a meter's counter objects.

    ``is_over``: it was looked for since the meter let us in last. ``is_unanswered``: it was tried, and the public
    client got no answer. ``objects`` are those where it was found.
    """

    is_over: bool = False
    is_unanswered: bool = False
    objects: tuple[bytes, ...] = ()

    def let_in(self) -> None:
        """Note that the meter let us in: the next refusal may have another reason."""
        self.is_over = self.is_unanswered = False


def find_counter(association: Association, *, client_address: int, known: Sequence[bytes] = ()) -> Conversation[Found]:
    """Return the highest counter that there is to read and to believe (``MAX_FOUND``); DataRefused where there is none.

    Where only higher ones are, one of them is returned. ``known`` are objects where one was found before. Raises what
    ends the association.
    """
    found = yield from _read(association, known or _usual(client_address))
    if not found:
        found = yield from _read(association, (yield from _listed(association)))
    if not found:
        raise DataRefused(None, "none is there to read")
    believed = [each for each in found if each.number < MAX_FOUND]
    return max(believed or found, key=lambda each: each.number)


def counter_of(value: object) -> int:
    """Return an invocation counter that was read; DataRefused where it is none."""
    number = int.from_bytes(value, "big") if isinstance(value, bytes) and len(value) == _LENGTH else value
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 1 << 8 * _LENGTH:
        raise DataRefused(None, f"it is no number of 32 bits but {value!r:.40}")
    return number


def _usual(client_address: int) -> list[bytes]:
    contexts = dict.fromkeys((0, client_address if client_address <= 0xFF else 0))
    return [bytes((0, 0, 43, 1, context, 255)) for context in contexts]


def _read(association: Association, logical_names: Sequence[bytes]) -> Conversation[list[Found]]:
    found: list[Found] = []
    for name in logical_names:
        try:
            value = yield from association.ask(AttributeDescriptor(_DATA, name, _VALUE))
            found.append(Found(name, counter_of(value)))
        except DataRefused:
            continue
    return found


def _listed(association: Association) -> Conversation[list[bytes]]:
    """Return the counters that the object list has; none where it is refused, or is no list."""
    if association.short_names is not None:
        return _counters(association.short_names.objects)
    try:
        descriptor = AttributeDescriptor(ASSOCIATION_LN, CURRENT_ASSOCIATION, OBJECT_LIST)
        listed = parse_logical_names((yield from association.ask(descriptor)))
    except DataRefused:
        return []
    return _counters((each.class_id, each.logical_name) for each in listed.objects)


def _counters(objects: Iterable[tuple[int, bytes]]) -> list[bytes]:
    names = [name for class_id, name in objects if class_id == _DATA and (name[0], name[2], name[3]) == (0, 43, 1)]
    return names[:MAX_LISTED]
