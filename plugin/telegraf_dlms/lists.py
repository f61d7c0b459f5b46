"""Reading many attributes with few exchanges: GET with a list, or READ with several variables.

How many go into one request is bounded by the PDU that the meter can receive; its answer comes in blocks where it is
longer than ours. What else a meter can do is learnt, and remembered while the process lives:

- A refused list is halved, down to single attributes. Where both halves answer, lists were too long, and are shorter
  from then on; where two attributes answer one by one but not together, the meter does no lists.
- An attribute that costs its list the answer is asked alone from then on.
- Where a list is met with silence or with nonsense, or the meter hangs up, the next visit asks for single attributes;
  where that happens twice without a list that was answered, lists are over. Lists that were answered before are not to
  blame where the association was kept open: the meter may have forgotten it.
- A first list of refusals alone may be how a meter refuses lists: one of its attributes is asked singly.
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

#: As many variable-names as the largest PDU holds: what a list may have is the meter's to say.
MAX_LIST: Final = 0xFFFF // 3
#: Where the meter states no limit WRAPPER's length does, with the longest ciphered form around the request.
_UNLIMITED: Final = 0xFFFF - 64
#: A get-request's tag, choice and invoke-id, and an item of its list: attribute descriptor and access-selection.
_BY_LOGICAL_NAME: Final = 3, 10
#: A read-request's tag, and a variable-name.
_BY_SHORT_NAME: Final = 1, 3
#: Lists without any answer, one after the other, before they are over.
_MAX_STRIKES: Final = 2
#: What of an object goes the way of its value: its scaler_unit and its time are among the first.
_ATTRIBUTES: Final = range(1, 10)
#: Visits until lists are tried again: one without, and then one with them.
_RESTED: Final = 2


class Lists:
    """What is known of a meter's lists; ``limit`` attributes go into one, 1 where it does none.

    ``is_proved``: one was answered with values, or with refusals that hold for single attributes, too.
    """

    __slots__ = ("_alone", "_rest", "_strikes", "_struck", "is_proved", "limit")

    def __init__(self, *, limit: int = MAX_LIST) -> None:
        self.limit = limit
        self._alone: set[AttributeDescriptor] = set()
        self._strikes = 0
        self._struck: int | None = None
        self._rest = 0
        self.is_proved = False

    def begin(self) -> None:
        """Begin a visit, or go on with one in a new association."""
        self._rest = max(0, self._rest - 1)

    def is_alone(self, descriptor: AttributeDescriptor) -> bool:
        """Return whether an attribute is not to be in a list."""
        return descriptor in self._alone

    def leave_out(self, descriptor: AttributeDescriptor) -> None:
        """Ask an attribute alone from now on."""
        self._alone.add(descriptor)

    def blame(self, descriptor: AttributeDescriptor) -> None:
        """Ask an attribute alone that the meter does not answer for, and what belongs to its object.

        The lists that it was in had no other fault, so they may be tried again.
        """
        if descriptor in self._alone:
            return
        self._alone.update(descriptor._replace(attribute=attribute) for attribute in _ATTRIBUTES)
        self._strikes = self._rest = 0
        if self._struck is not None:
            self.limit, self._struck = self._struck, None

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
            self._struck, self.limit = self.limit, 1

    @property
    def is_suspect(self) -> bool:
        """Whether a list was just met with silence or nonsense, and none was ever answered."""
        return self._rest == _RESTED and not self.is_proved

    def room(self, association: Association) -> int:
        """Return how many attributes go into one request of this association."""
        if self.limit == 1 or self._rest or not association.can_list:
            return 1
        head, item = _BY_LOGICAL_NAME if association.short_names is None else _BY_SHORT_NAME
        room = (association.request_size or _UNLIMITED) - head
        # The count in front takes one octet, or two, or three.
        held = max(min((room - 1) // item, 0x7F), min((room - 2) // item, 0xFF), (room - 3) // item)
        return max(1, min(self.limit, held))


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
        if not (lists.is_proved and association.is_doubtful):
            lists.unanswered()
        raise
    except DataRefused:
        return (yield from _ask_halves(association, descriptors, lists))
    lists.answered()
    if not lists.is_proved and all(isinstance(answer, DataRefused) for answer in answers):
        return (yield from _ask_again(association, descriptors, lists, answers))
    lists.is_proved = True
    return answers


def _ask_again(
    association: Association, descriptors: Sequence[AttributeDescriptor], lists: Lists, refusals: list[Answer]
) -> Conversation[list[Answer]]:
    """Ask for the first attribute alone: where it has a value, the meter refuses its list by refusing each of it."""
    answers = [(yield from _ask_one(association, descriptors[0]))]
    lists.is_proved = True
    if isinstance(answers[0], DataRefused):
        return refusals
    lists.shorten(1)
    for descriptor in descriptors[1:]:
        answers.append((yield from _ask_one(association, descriptor)))  # noqa: PERF401 - nothing yields in a display
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
    pitfalls = association.pitfalls
    answer: Answer | None = pitfalls.passed(descriptor)
    if answer is not None:
        return answer
    pitfalls.asked = descriptor
    try:
        answer = yield from association.ask_tagged(descriptor)
    except DataRefused as refusal:
        answer = refusal
    pitfalls.answered()
    return answer
