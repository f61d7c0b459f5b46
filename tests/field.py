"""Recordings and object lists of real meters, which are beside the project and not in it.

What carries a push is taken apart here, since the program reads no pushes: general-block-transfer, the head of a
data-notification (Green Book, 9.5), and the frames of a wired M-Bus (EN 13757-2).
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

from talking import FIELD
from telegraf_dlms.axdr import read_length
from telegraf_dlms.datetimes import DeviceClock
from telegraf_dlms.hdlc import Frame, FrameBuffer, strip_llc

WHY = f"the recordings of real meters are not in {FIELD.parent.name}/{FIELD.name} beside the project"
needs_field = pytest.mark.skipif(not FIELD.is_dir(), reason=WHY)

CLOCK = DeviceClock()

_GENERAL_BLOCK_TRANSFER = 0xE0
_DATA_NOTIFICATION = 0x0F


def cases(name: str) -> list[dict[str, Any]]:
    """Return the cases of a recording, none where the recordings are not there."""
    path = FIELD / "traces" / f"{name}.json"
    return json.loads(path.read_text("utf-8"))["cases"] if path.exists() else []


def each(things, **names) -> Any:
    """Parametrize a test by things with an ``id``; one skip says why there are none."""
    params = [pytest.param(thing, id=thing["id"] if isinstance(thing, dict) else thing.id) for thing in things]
    skipped = pytest.param(None, id="none", marks=pytest.mark.skip(reason=WHY))
    return pytest.mark.parametrize(names.get("name", "case"), params or [skipped])


class Push(NamedTuple):
    """One push: its octets as they were recorded, and what they are known to say."""

    id: str
    interface: str
    octets: bytes
    keys: dict[str, bytes]
    expected: dict[str, Any]


def pushes() -> list[Push]:
    """Return the pushes of dlms_parser_dumps; the frames of one push that are cases of their own are put together."""
    found: dict[str, Push] = {}
    for case in cases("dlms_parser_dumps"):
        name = case["id"].partition(":")[0]
        before = found[name].octets if name in found else b""
        keys = {key: bytes.fromhex(digits) for key, digits in case["keys"].items()}
        found[name] = Push(name, case["interface"], before + bytes.fromhex(case["hex"]), keys, case["expected"])
    return list(found.values())


def frames_of(octets: bytes, buffer: FrameBuffer | None = None) -> list[Frame]:
    """Return the good frames in ``octets``."""
    buffer = buffer or FrameBuffer()
    buffer.feed(octets)
    return list(iter(buffer.next, None))


def apdu_of(push: Push) -> bytes:
    """Return the APDU that a push carries, whatever carries it."""
    if push.interface == "HDLC":
        return apdu_in(frames_of(push.octets))
    return _out_of_mbus(push.octets) if push.interface == "MBUS" else push.octets


def apdu_in(frames: list[Frame]) -> bytes:
    """Return the APDU that the frames carry: in segments, or in blocks of which each has a frame."""
    first = strip_llc(frames[0].information)
    if first[0] != _GENERAL_BLOCK_TRANSFER:
        assert [frame.segmented for frame in frames] == [True] * (len(frames) - 1) + [False]
        return strip_llc(b"".join(frame.information for frame in frames))
    return joined(blocks_of([first, *(frame.information for frame in frames[1:])]))


class Block(NamedTuple):
    """One general-block-transfer APDU."""

    last: bool
    number: int
    raw: bytes


def blocks_of(apdus: list[bytes]) -> list[Block]:
    """Return what the general-block-transfer APDUs say; the LLC header is in front of the first one alone."""
    found = []
    for octets in apdus:
        apdu = strip_llc(octets) if octets[:2] == b"\xe6\xe7" else octets
        length, start = read_length(apdu, 6)
        assert (apdu[0], len(apdu)) == (_GENERAL_BLOCK_TRANSFER, start + length)
        found.append(Block(apdu[1] >= 0x80, int.from_bytes(apdu[2:4], "big"), apdu[start:]))
    return found


def joined(blocks: list[Block]) -> bytes:
    """Return what the blocks carry together: one begins anew with each number 1, and none is taken twice."""
    by_number: dict[int, bytes] = {}
    for block in blocks:
        if block.number == 1:
            by_number.clear()
        by_number[block.number] = block.raw
    assert sorted(by_number) == list(range(1, len(by_number) + 1))
    return b"".join(by_number[number] for number in sorted(by_number))


def notification(apdu: bytes) -> tuple[bytes, bytes]:
    """Return the date-time of a data-notification, and its value as A-XDR octets.

    The date-time is an octet-string without a tag; one maker writes the tag too.
    """
    assert apdu[0] == _DATA_NOTIFICATION
    length, start = read_length(apdu, 6 if apdu[5:7] == b"\x09\x0c" else 5)
    return apdu[start : start + length], apdu[start + length :]


def plain(content: Any) -> float | str:
    """Return a value as the recordings write it: numbers as floats, texts without their padding, date-times as text."""
    if not isinstance(content, bytes):
        return float(content)
    if len(content) == 12 and content[0] == 0x07:
        return CLOCK.to_text(content)[:19].replace("T", " ")
    return content.rstrip(b"\0").decode("ascii")


def _out_of_mbus(octets: bytes) -> bytes:
    """Return what the long frames of a wired M-Bus carry: 68 L L 68, C, A, CI, two SAPs, data, checksum, 16."""
    apdu = b""
    while octets:
        length = octets[1]
        body, checksum, end = octets[4 : 4 + length], octets[4 + length], octets[5 + length]
        assert (octets[0], octets[2], octets[3], end, sum(body) & 0xFF) == (0x68, length, 0x68, 0x16, checksum)
        apdu += body[5:]
        octets = octets[6 + length :]
    return apdu
