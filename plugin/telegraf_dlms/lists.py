"""Reading many attributes with few exchanges: GET with a list, or READ with several variables.

How many go into one request is bounded by the PDU that the meter can receive; its answer comes in blocks where it is
longer than ours. What else a meter can do is learnt, and remembered while the process lives:

- A refused list is halved, down to single attributes. Where both halves answer, lists were too long, and are shorter
  from then on; where two attributes answer one by one but not together, the meter does no lists.
- An attribute that costs its list the answer is asked alone from then on.
- Where a list is met with silence or with nonsense, or the meter hangs up, the next visit asks for single attributes;
  where that happens twice without a list that was answered, lists are over.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final, TypeAlias

from telegraf_dlms.errors import DataRefused, LinkError, RemoteProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from telegraf_dlms.axdr import Value
    from telegraf_dlms.conversation import Association
    from telegraf_dlms.cosem import AttributeDescriptor
    from telegraf_dlms.talk import Conversation

#: An attribute's A-XDR tag and value, or why it has none.
Answer: TypeAlias = "tuple[int, Value] | DataRefused"

#: More in one list saves nothing that one could measure, and its count takes one octet.
MAX_LIST: Final = 100
#: What an APDU needs beside its items: choice, invoke-id and count; and the longest ciphered form around it, that of
#: general-glo-ciphering: tag, title, length, header, authentication tag.
_OVERHEAD: Final = 4 + 1 + 9 + 3 + 5 + 12
#: A cosem-attribute-descriptor and its access-selection; a variable-name.
_ITEM_BY_LOGICAL_NAME: Final = 10
_ITEM_BY_SHORT_NAME: Final = 3
#: Lists without any answer, one after the other, before they are over.
_MAX_STRIKES: Final = 2
#: Visits until lists are tried again: one without, and then one with them.
_RESTED: Final = 2


class Lists:
    """What is known of a meter's lists; ``limit`` attributes go into one, 1 where it does none."""

    __slots__ = ("_alone", "_rest", "_strikes", "limit")

    def __init__(self, *, limit: int = MAX_LIST) -> None:
        self.limit = limit
        self._alone: set[AttributeDescriptor] = set()
        self._strikes = 0
        self._rest = 0

    def begin(self) -> None:
        """Begin a visit, or go on with one in a new association."""
        self._rest = max(0, self._rest - 1)

    def is_alone(self, descriptor: AttributeDescriptor) -> bool:
        """Return whether an attribute is not to be in a list."""
        return descriptor in self._alone

    def leave_out(self, descriptor: AttributeDescriptor) -> None:
        """Ask an attribute alone from now on."""
        self._alone.add(descriptor)

    def shorten(self, limit: int) -> None:
        """Put no more than ``limit`` attributes into one list."""
        self.limit = min(self.limit, max(limit, 1))

    def answered(self) -> None:
        """Note that a list was answered."""
        self._strikes = 0

    def unanswered(self) -> None:
        """Note that a list was met with silence or nonsense, or cost the link."""
        self._strikes += 1
        self._rest = _RESTED
        if self._strikes >= _MAX_STRIKES:
            self.limit = 1

    def room(self, association: Association) -> int:
        """Return how many attributes go into one request of this association."""
        if self.limit == 1 or self._rest or not association.can_list:
            return 1
        size = association.negotiated.max_pdu_size
        if not size:
            return self.limit
        item = _ITEM_BY_LOGICAL_NAME if association.short_names is None else _ITEM_BY_SHORT_NAME
        return max(1, min(self.limit, (size - _OVERHEAD) // item))


class Answers:
    """The answers of one visit: asked for ahead, together, and handed out one by one.

    ``ahead`` are the attributes that will be wanted, in this order; others may be asked for as well.
    """

    __slots__ = ("_ahead", "_association", "_known", "_lists")

    def __init__(self, association: Association, lists: Lists, ahead: Iterable[AttributeDescriptor]) -> None:
        self._association = association
        self._lists = lists
        lists.begin()
        self._ahead = dict.fromkeys(ahead)
        self._known: dict[AttributeDescriptor, Answer] = {}

    def known(self, descriptor: AttributeDescriptor) -> Answer | None:
        """Return the answer for one attribute where it is there already: of most, once a list was answered."""
        return self._known.get(descriptor)

    def get(self, descriptor: AttributeDescriptor) -> Conversation[Answer]:
        """Return the answer for one attribute; raises what ends the association."""
        answer = self._known.get(descriptor)
        if answer is not None:
            return answer
        room = 1 if self._lists.is_alone(descriptor) else self._lists.room(self._association)
        if room == 1:
            self._ahead.pop(descriptor, None)
            answer = self._known[descriptor] = yield from _ask_one(self._association, descriptor)
            return answer
        batch = self._batch(descriptor, room)
        answers = yield from ask_many(self._association, batch, self._lists)
        self._known.update(zip(batch, answers, strict=True))
        return self._known[descriptor]

    def asks_alone(self, descriptor: AttributeDescriptor) -> bool:
        """Return whether ``get`` would ask for this attribute alone."""
        lists = self._lists
        if lists.is_alone(descriptor) or lists.room(self._association) == 1:
            return True
        return all(other == descriptor or lists.is_alone(other) for other in self._ahead)

    def _batch(self, descriptor: AttributeDescriptor, room: int) -> list[AttributeDescriptor]:
        """Return the attributes of the next request, this one first, and take them out of those ahead."""
        ahead, is_alone = self._ahead, self._lists.is_alone
        ahead.pop(descriptor, None)
        batch = [descriptor, *islice((other for other in ahead if not is_alone(other)), room - 1)]
        for asked in batch[1:]:
            del ahead[asked]
        return batch


def ask_many(
    association: Association, descriptors: Sequence[AttributeDescriptor], lists: Lists
) -> Conversation[list[Answer]]:
    """Return the answer for each of ``descriptors``, asked for together, or in parts where that is refused.

    Raises what ends the association.
    """
    if len(descriptors) == 1:
        return [(yield from _ask_one(association, descriptors[0]))]
    try:
        answers = yield from association.ask_list(descriptors)
    except (LinkError, RemoteProtocolError):
        lists.unanswered()
        raise
    except DataRefused:
        return (yield from _ask_halves(association, descriptors, lists))
    lists.answered()
    return answers


def _ask_halves(
    association: Association, descriptors: Sequence[AttributeDescriptor], lists: Lists
) -> Conversation[list[Answer]]:
    before = lists.limit
    middle = (len(descriptors) + 1) // 2
    answers: list[Answer] = []
    while len(answers) < len(descriptors):
        part = descriptors[len(answers) : len(answers) + min(middle, lists.limit)]
        some = yield from ask_many(association, part, lists)
        if len(part) == 1 and isinstance(some[0], DataRefused):
            lists.leave_out(part[0])
        answers += some
    if lists.limit == before and not any(map(lists.is_alone, descriptors)):
        lists.shorten(middle)
    return answers


def _ask_one(association: Association, descriptor: AttributeDescriptor) -> Conversation[Answer]:
    try:
        return (yield from association.ask_tagged(descriptor))
    except DataRefused as refusal:
        return refusal
