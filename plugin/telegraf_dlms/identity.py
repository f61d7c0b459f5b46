"""Which meter it is that answers, by its own word.

Its COSEM logical device name tells it from every other meter (Blue Book, 4.1.8.2); where a meter refuses that, its
serial number does, and where it refuses both nothing does. It is asked for once an association, ahead of what is read
in it and in the same list where there are lists: what was known of another meter must not be believed of this one.

Meters that refuse an object are asked for it again once a day. Some fall silent instead of refusing, and would never
be read: where the question is not answered the next association leaves it out, and where all is read then, so does
every one for a day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from telegraf_dlms.cosem import AttributeDescriptor, attribute_of
from telegraf_dlms.errors import DataRefused
from telegraf_dlms.fields import tag_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from telegraf_dlms.axdr import Value
    from telegraf_dlms.conversation import Memory
    from telegraf_dlms.fields import Presentation
    from telegraf_dlms.lists import Answers
    from telegraf_dlms.talk import Conversation

LOGICAL_DEVICE_NAME: Final = AttributeDescriptor(1, bytes.fromhex("00002A0000FF"), 2)
#: Device ID 1, the manufacturer's serial number (Blue Book, 6.2, "Device ID").
SERIAL_NUMBER: Final = AttributeDescriptor(1, bytes.fromhex("0000600100FF"), 2)
#: Characters of an identity. A logical device name has up to 16, twice as many in hex; a serial number hardly more.
MAX_IDENTITY: Final = 64
#: How long a meter that falls silent at the question is not asked it.
QUIET_NS: Final = 86400 * 10**9

#: data-access-results after which the same question may be answered: hardware-fault, temporary-failure.
_PASSING: Final = frozenset({1, 2})


def identify(
    answers: Answers, objects: Iterable[AttributeDescriptor], memory: Memory, presentation: Presentation
) -> Conversation[str | None]:
    """Return the first of ``objects`` that tells something, "" where none does, None where the meter cannot tell now.

    Raises what ends the association.
    """
    for descriptor in objects:
        answer = yield from answers.get(descriptor)
        if isinstance(answer, DataRefused):
            if answer.result in _PASSING:
                return None
        elif text := identity_of(answer[1], presentation):
            return text
        memory.nameless.add(descriptor)
    return ""


def identity_of(value: Value, presentation: Presentation) -> str:
    """Return a name or a number as the text of an identity, "" where it is none, or tells nothing."""
    if isinstance(value, bytes):
        value = b"" if value.count(0xFF) == len(value) else value.strip(b"\0 ")
    elif isinstance(value, str):
        value = value.strip("\0 ")
    elif type(value) is not int:
        return ""
    text = tag_text(attribute_of(*_ATTRIBUTE), value, presentation)
    return text if len(text) <= MAX_IDENTITY else ""


#: Data (class 1), value.
_ATTRIBUTE: Final = (1, 2)


class Identification:
    """Whether a meter is to be asked in its next association; times are nanoseconds of the monotonic clock."""

    __slots__ = ("_quiet_until_ns", "_suspicion")

    def __init__(self) -> None:
        self._quiet_until_ns = 0
        self._suspicion: Literal["none", "raised", "tried"] = "none"

    def begin(self, now_ns: int) -> bool:
        """Begin an association; return whether the question is asked in it."""
        if self._suspicion == "raised":
            self._suspicion = "tried"
            return False
        self._suspicion = "none"
        return now_ns >= self._quiet_until_ns

    def unanswered(self) -> None:
        """Note that the question, asked alone, was met with silence or nonsense, or cost the link."""
        self._suspicion = "raised"

    def read_on(self, now_ns: int) -> None:
        """Note that all was read in an association; where the question was left out, it was to blame."""
        if self._suspicion == "tried":
            self._suspicion = "none"
            self._quiet_until_ns = now_ns + QUIET_NS
