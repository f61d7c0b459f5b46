"""Which server an address names, in every form that clients write (Green Book, 8.4.2 and 7.3.3.2)."""

from __future__ import annotations

from dataclasses import dataclass

#: Bits of the lower address in the forms of 1 + 1 and of 2 + 2 octets, which a wPort follows.
_NARROW, _WIDE = 7, 14


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """The servers at home: ``count`` of them from the lower address ``server`` on.

    ``logical`` are the upper addresses that they answer to; 0 is the address without an upper part.
    """

    server: int = 1
    logical: tuple[int, ...] = (0, 1)
    count: int = 1

    def offset_of(self, octets: bytes) -> int | None:
        """Return which of the servers an HDLC address of 1, 2 or 4 octets names, from 0; None for none of them."""
        number = 0
        for octet in octets:
            number = number << 7 | octet >> 1
        return self._offset(number, lower_bits=_WIDE if len(octets) == 4 else _NARROW)

    def offset_of_wport(self, wport: int) -> int | None:
        """Return which of the servers a destination wPort names, from 0; None for none of them."""
        offset = self._offset(wport, lower_bits=_NARROW)
        return self._offset(wport, lower_bits=_WIDE) if offset is None else offset

    def _offset(self, number: int, *, lower_bits: int) -> int | None:
        upper, lower = number >> lower_bits, number & ((1 << lower_bits) - 1)
        if 0 in self.logical and 0 <= number - self.server < self.count:
            return number - self.server
        if upper and upper in self.logical and 0 <= lower - self.server < self.count:
            return lower - self.server
        return None
