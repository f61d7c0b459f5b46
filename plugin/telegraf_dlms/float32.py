"""float32 as the shortest decimal that reads back as it: 0.1 is 0.1, and not 0.10000000149011612."""

from __future__ import annotations

from math import log10
from struct import Struct
from typing import Final

_FLOAT32 = Struct(">f")
#: The smallest float32 with all its digits.
_NORMAL: Final = 2.0**-126
#: Subnormals are whole numbers of these parts of one.
_UNITS: Final = 2.0**149


def shortest_float(octets: bytes) -> float:
    """Return the float64 of the shortest decimal that float32 reads as these four octets; struct.error for fewer.

    FLT_DIG is 6: where 6 digits or fewer tell a normal float32 from its neighbours, ``%.6g`` finds them. Subnormals
    have fewer bits, and by the same rule fewer such digits; NaN and infinities none. Three powers of two, which have
    more room above than below, are shortest when rounded up.
    """
    (number,) = _FLOAT32.unpack(octets)
    if number - number != 0.0:
        return float(number)
    for digits in range(6 if abs(number) >= _NORMAL else _subnormal_digits(number), 9):
        text = f"{number:.{digits}g}"
        if _FLOAT32.pack(float(text)) == octets:
            return float(text)
    upwards = float(f"{number * (1 + 2**-25):.8g}")
    return upwards if _FLOAT32.pack(upwards) == octets else float(f"{number:.9g}")


def _subnormal_digits(number: float) -> int:
    """Return how many digits every decimal keeps that goes through a float32 as small as this: at least one."""
    bits = int(abs(number) * _UNITS).bit_length()
    return max(1, int((bits - 1) * log10(2)))
