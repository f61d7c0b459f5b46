"""What the services of an association share: what was negotiated, answers by blocks, exception-responses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from telegraf_dlms.apdu import EXCEPTION_RESPONSE

if TYPE_CHECKING:
    from collections.abc import Callable

    from telegraf_dlms.access import Conformance
    from telegraf_dlms.simulator.buffers import Moment
    from telegraf_dlms.simulator.objects import Objects

#: Exception-responses: state-error and service-error (Green Book, 9.5).
NO_ASSOCIATION: Final = bytes((EXCEPTION_RESPONSE, 1, 1))
NOT_SUPPORTED: Final = bytes((EXCEPTION_RESPONSE, 1, 2))
MALFORMED: Final = bytes((EXCEPTION_RESPONSE, 1, 3))
TOO_LONG: Final = bytes((EXCEPTION_RESPONSE, 1, 4))
NOT_DECIPHERED: Final = bytes((EXCEPTION_RESPONSE, 1, 5))
_COUNTER_ERROR: Final = bytes((EXCEPTION_RESPONSE, 1, 6))


def counter_error(expected: int) -> bytes:
    """Return the exception-response to an invocation counter that is too low, with the lowest that would do."""
    return _COUNTER_ERROR + expected.to_bytes(4, "big")


@dataclass(frozen=True, slots=True)
class Negotiated:
    """An open association: the Conformance, and the octets of the longest answer in clear.

    ``moment`` gives that of a request; ``objects`` are those that there are for this client.
    """

    conformance: int
    limit: int
    moment: Callable[[], Moment]
    objects: Objects

    def grants(self, bit: Conformance) -> bool:
        """Return whether the Conformance has ``bit``."""
        return bool(self.conformance & int(bit))


class Block(NamedTuple):
    """A piece of an answer; the first one has number 1."""

    raw: bytes
    number: int
    last: bool


@dataclass(slots=True)
class Transfer:
    """An answer that goes by blocks: what is left of it, and the number of the block that was sent last."""

    left: bytes
    number: int = 0

    def next(self, size: int) -> Block:
        """Return the next block, of at most ``size`` octets."""
        raw, self.left = self.left[:size], self.left[size:]
        self.number += 1
        return Block(raw, self.number, not self.left)
