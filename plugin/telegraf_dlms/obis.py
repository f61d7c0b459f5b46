"""OBIS codes: six octets inside the program, text at its rim.

The codes name the values of meters (IEC 62056-6-1; Blue Book part 1, "OBIS"); as the ``logical_name`` of an interface
object they are an octet-string of six (Blue Book, 4.1.2).
"""

from __future__ import annotations

import re
from functools import lru_cache

LENGTH = 6

_DOTTED = re.compile(r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})", re.ASCII)
_REDUCED = re.compile(r"(\d{1,3})-(\d{1,3}):(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:[*&](\d{1,3}))?", re.ASCII)
#: Value group F where a text leaves it out: "not used" (IEC 62056-6-1, 4.8).
_NOT_USED = 255


def parse_obis(text: str) -> bytes:
    """Return the six octets of ``A.B.C.D.E.F``, ``A-B:C.D.E*F`` or ``A-B:C.D.E``; ValueError says why not."""
    match = _DOTTED.fullmatch(text) or _REDUCED.fullmatch(text)
    if match is None:
        raise ValueError(f'"{text}" is not an OBIS code; write it like 1.0.1.8.0.255, 1-0:1.8.0*255 or 1-0:1.8.0')
    groups = [_NOT_USED if digits is None else int(digits) for digits in match.groups()]
    for letter, group in zip("ABCDEF", groups, strict=True):
        if group > 255:
            raise ValueError(f'"{text}" is not an OBIS code; value group {letter} is {group}, outside 0..255')
    return bytes(groups)


def format_obis(logical_name: bytes) -> str:
    """Return the octets as ``A.B.C.D.E.F``, whatever their number: a meter's logical name may be anything."""
    return _dotted(logical_name) if len(logical_name) == LENGTH else ".".join(map(str, logical_name))


@lru_cache(maxsize=1024)  # thousands of meters share their objects' names
def _dotted(logical_name: bytes) -> str:
    return ".".join(map(str, logical_name))
