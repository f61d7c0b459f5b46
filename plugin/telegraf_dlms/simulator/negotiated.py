"""What the services of an association share: what was negotiated, answers by blocks, exception-responses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from telegraf_dlms.apdu import EXCEPTION_RESPONSE

if TYPE_CHECKING:
    from collections.abc import Callable

    from telegraf_dlms.simulator.acse import Conformance
    from telegraf_dlms.simulator.buffers import Moment

#: Exception-responses: state-error and service-error (Green Book, 9.5).
NO_ASSOCIATION: Final = bytes((EXCEPTION_RESPONSE, 1, 1))
NOT_SUPPORTED: Final = bytes((EXCEPTION_RESPONSE, 1, 2))
MALFORMED: Final = bytes((EXCEPTION_RESPONSE, 1, 3))
TOO_LONG: Final = bytes((EXCEPTION_RESPONSE, 1, 4))


@dataclass(frozen=True, slots=True)
class Negotiated:
    """An open association: the Conformance, the octets of the longest answer in clear, and whose moment it is."""

    conformance: int
    limit: int
    moment: Callable[[], Moment]

    def grants(self, bit: Conformance) -> bool:
        """Return whether the Conformance has ``bit``."""
        return bool(self.conformance & bit)


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
