"""When one attribute was asked for, and when its answer came: how far a meter's clock is from ours takes both.

Where the answer comes in blocks the first one counts: that is when a meter looks at its clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from telegraf_dlms.errors import LinkError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from telegraf_dlms.cosem import AttributeDescriptor
    from telegraf_dlms.talk import Conversation, Framing

T = TypeVar("T")


class Stopwatch:
    """Takes the time of the exchange in which ``descriptor`` is read; ``now_ns`` is the wall clock's.

    ``began_ns`` and ``ended_ns`` are None until there was one.
    """

    __slots__ = ("_exchange", "_now_ns", "began_ns", "descriptor", "ended_ns")

    def __init__(self, descriptor: AttributeDescriptor, *, now_ns: Callable[[], int]) -> None:
        self.descriptor = descriptor
        self._now_ns = now_ns
        self._exchange: int | None = None
        self.began_ns: int | None = None
        self.ended_ns: int | None = None

    def about_to_ask(self, descriptors: Sequence[AttributeDescriptor], framing: Framing) -> None:
        """Note that the next exchange asks for these attributes."""
        if self.descriptor in descriptors:
            self._exchange = framing.exchanges + 1
            self.began_ns = self.ended_ns = None

    def watch(self, conversation: Conversation[T], framing: Framing) -> Conversation[T]:
        """Hold a conversation, and look at the clock when something is sent or heard in the exchange that counts."""
        step: Callable[[Any], bytes] = conversation.send
        argument: Any = None
        try:
            while True:
                try:
                    octets = step(argument)
                except StopIteration as end:
                    answer: T = end.value
                    return answer
                if framing.exchanges == self._exchange and self.began_ns is None:
                    self.began_ns = self._now_ns()
                try:
                    step, argument = conversation.send, (yield octets)
                except LinkError as error:
                    step, argument = conversation.throw, error
                else:
                    if framing.exchanges == self._exchange:
                        self.ended_ns = self._now_ns()
        finally:
            conversation.close()
