"""Invocation counters: numbers that are used once with a key, and never again (design, section 4).

AES-GCM breaks where a key meets one invocation counter twice, and a meter refuses a counter that it has seen. So
numbers are taken from blocks, and a block is on the disk as used before its first number is. What a block has left when
the process ends is lost; 2^32 numbers are enough for that.
"""

from __future__ import annotations

import hashlib
from typing import Final, Protocol

from telegraf_dlms.errors import CipheringError

#: The invocation counter has 32 bits, and at its last value the key has to be changed (Green Book, 9.2.3.3.7.3).
COUNTER_END: Final = 0xFFFF_FFFF
#: Where a person is told that the key has to be changed before the end: nearly half of its numbers, and nearly all.
COUNTER_WARNINGS: Final = (2_000_000_000, 4_000_000_000)
#: How far a refusal may raise a counter, lest a wrong or hostile one burns a key's numbers (design, section 4).
MAX_RESYNC: Final = 1 << 20
#: A block is one write to the disk. The first is small, since many a process ends soon; each is twice the one before.
FIRST_BLOCK: Final = 100
MAX_BLOCK: Final = 4096


class Reservations(Protocol):
    """Where blocks are reserved; ``state.State`` is one."""

    def reserve(self, key_id: bytes, count: int, *, at_least: int | None = None) -> range:
        """Return a block that nobody had or will have. Raises CipheringError."""

    def reserved_to(self, key_id: bytes) -> int | None:
        """Return the end of what is reserved so far, by whichever process."""


def key_id_of(block_cipher_key: bytes, *, system_title: bytes) -> bytes:
    """Return the name under which the state keeps the counter of a key: a digest, which does not give it away.

    Title and counter make the initialization vector (Green Book, 9.2.3.3.7.3): the same key under another title has
    numbers of its own.
    """
    digest = hashlib.sha256(b"telegraf-dlms invocation counter\0")
    digest.update(bytes([len(system_title)]) + system_title + block_cipher_key)
    return digest.digest()


class Counters:
    """The invocation counter of one key in this process; ``state.State.counters`` gives the one of each key."""

    __slots__ = ("_at_least", "_block", "_end", "_is_new", "_key_id", "_next", "_reservations")

    def __init__(self, reservations: Reservations, key_id: bytes, *, at_least: int | None = None) -> None:
        self._reservations = reservations
        self._key_id = key_id
        self._at_least = at_least
        self._next = self._end = 0
        self._is_new: bool | None = None
        self._block = FIRST_BLOCK

    @property
    def end(self) -> int:
        """The end of the block in hand: no number below it is free for anybody else."""
        return self._end

    @property
    def empty(self) -> bool:
        """Whether the next number needs a block, and so the disk."""
        return self._next >= self._end

    @property
    def is_low(self) -> bool:
        """Whether it was used, and less than half of its last block is left: a further one may come with another's."""
        return self._end > 0 and 4 * (self._end - self._next) < self._block

    @property
    def wanted(self) -> tuple[bytes, int, int | None]:
        """What the next block is asked for with: the key's name, how many numbers, and the least of them."""
        return self._key_id, self._block, self._at_least

    def give(self, block: range) -> None:
        """Take over a block that was reserved as ``wanted``; what is in hand is gone on with where the two meet."""
        if self.empty or block.start != self._end:
            self._next = block.start
        self._end = block.stop
        self._block = min(2 * self._block, MAX_BLOCK)

    def is_new(self) -> bool:
        """Return whether nobody has used a number of this key, as far as is known; raises CipheringError.

        What is reserved after it was first looked does not count before it is used.
        """
        if self._is_new is None:
            self._is_new = self._reservations.reserved_to(self._key_id) is None
        return self._is_new

    def begin(self) -> None:
        """Call before each association: ours below the numbers of another process would be refused, and are left.

        Raises CipheringError where the state cannot be read.
        """
        if not self.empty and self._reservations.reserved_to(self._key_id) != self._end:
            self._next = self._end

    def prepare(self) -> None:
        """Have a number in hand; raises CipheringError where there is none that is known to be new."""
        if self.empty:
            key_id, count, at_least = self.wanted
            self.give(self._reservations.reserve(key_id, count, at_least=at_least))

    def next_counter(self) -> int:
        """Return a number that was never used with this key; raises CipheringError where there is none to be had."""
        self.prepare()
        number = self._next
        self._next = number + 1
        self._is_new = False
        return number

    def raise_to(self, number: int) -> None:
        """Let no number below ``number`` follow: the meter's own counter + 1. It is never lowered."""
        self._at_least = max(self._at_least or 1, number)
        self._next = max(self._next, min(number, self._end))

    def resync(self, expected: int, *, refused: int) -> None:
        """Go on from the counter that a refusal of number ``refused`` names: upwards, by at most 2^20.

        Meters may share a key: where others have taken numbers beyond it meanwhile, those that follow are high enough.
        Raises CipheringError where no number that follows would be right; then nothing has changed.
        """
        if expected <= refused:
            raise CipheringError(f"the meter expects invocation counter {expected}, and {refused} is used already")
        if expected > self._next + MAX_RESYNC:
            raise CipheringError(f"the meter expects invocation counter {expected}, too far from {self._next}")
        self.raise_to(expected)
