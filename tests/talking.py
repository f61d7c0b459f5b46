"""Drives conversations in tests: what is read is a list, so a test reads like a capture."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

FIELD = Path(__file__).parents[2] / "shared" / "field"


def drive(conversation, *reads) -> tuple[Any, list[bytes]]:
    """Run a conversation against what it reads: octets, or an exception to be thrown in.

    Return its answer and what it sent, without the empty pieces. All reads must be wanted, and be enough.
    """
    sent = []
    left = list(reads)
    try:
        octets = next(conversation)
        while True:
            if octets:
                sent.append(octets)
            assert left, f"it waits for more after it sent {octets.hex(' ')}"
            read = left.pop(0)
            octets = conversation.throw(read) if isinstance(read, BaseException) else conversation.send(read)
    except StopIteration as end:
        assert not left, f"it did not wait for {left}"
        return end.value, sent


def talk(conversation, answer) -> tuple[Any, list[bytes]]:
    """Run a conversation against a meter: a function from what was sent to the pieces that come back."""
    sent = []
    waiting = []
    try:
        octets = next(conversation)
        while True:
            if octets:
                sent.append(octets)
                waiting.extend(answer(octets))
            octets = conversation.send(waiting.pop(0))
    except StopIteration as end:
        return end.value, sent


def octet_by_octet(octets: bytes) -> list[bytes]:
    return [bytes((octet,)) for octet in octets]


def at_random(octets: bytes, seed: int = 1) -> list[bytes]:
    source = random.Random(seed)
    pieces = []
    while octets:
        size = source.randint(1, 9)
        pieces.append(octets[:size])
        octets = octets[size:]
    return pieces


#: Every way to read what is one piece on the wire.
CUTS = [
    pytest.param(lambda octets: [octets], id="whole"),
    pytest.param(octet_by_octet, id="one octet at a time"),
    pytest.param(at_random, id="random pieces"),
]


def recording(name: str) -> list[dict[str, Any]]:
    """Return the cases of a recording; none where the recordings are not beside the project."""
    path = FIELD / "traces" / f"{name}.json"
    return json.loads(path.read_text())["cases"] if path.exists() else []


def recorded(*names: str) -> Any:
    """Parametrize a test by the cases of recordings; it is skipped where there are none."""
    cases = [pytest.param(case, id=case["id"]) for name in names for case in recording(name)]
    return pytest.mark.parametrize("case", cases)
