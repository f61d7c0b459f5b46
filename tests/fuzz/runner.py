"""Does cases, tells which one was wrong and how it is done again, and counts."""

from __future__ import annotations

import gc
import os
import time
import tracemalloc
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from fuzz.watch import MAX_CALL_NS, MAX_GROWTH, Wrong, size

if TYPE_CHECKING:
    from collections.abc import Callable

    from fuzz.watch import Watch

Case: TypeAlias = "Callable[[Random, Watch], int]"
#: What a slow call is measured again for: the first time may have been another process's.
MEASUREMENTS = 3
#: One case in so many has its memory traced.
SAMPLED = 500
#: Octets of a failing case that are shown, of each piece and in all.
SHOWN, SHOWN_PIECES = 200, 8


class Target(NamedTuple):
    """What eats, and its share of all frames."""

    name: str
    case: Case
    share: float = 1


@dataclass(slots=True)
class Tally:
    """What was done with one target; ``slowest_ns`` is the CPU of the slowest call, which was in case ``slowest``."""

    frames: int = 0
    cases: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    slowest_ns: int = 0
    slowest: int = 0


@dataclass(slots=True)
class Report:
    """What was done in all; ``growth`` in octets."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    growth: int = 0

    @property
    def frames(self) -> int:
        """How many mutated frames there were."""
        return sum(tally.frames for tally in self.tallies.values())


def one_case(target: Target, seed: int, number: int, watch: Watch) -> int:
    """Do one case, return its frames; AssertionError tells all about one that is wrong."""
    try:
        frames = done(target, seed, number, watch)
        slow_ns = watch.slowest_ns
        for _ in range(MEASUREMENTS):
            if slow_ns <= MAX_CALL_NS:
                break
            done(target, seed, number, watch)
            slow_ns = min(slow_ns, watch.slowest_ns)
        if slow_ns > MAX_CALL_NS:
            raise Wrong(f"a call took {slow_ns / 1e6:.1f} ms of CPU")  # noqa: TRY301
    except Exception as error:
        shown = "\n".join(piece[:SHOWN].hex(" ") for piece in watch.octets[-SHOWN_PIECES:])
        raise AssertionError(
            f"{target.name}: {type(error).__name__}: {error}\n"
            f"do it again with: make fuzz FUZZ_REPLAY={target.name.replace(' ', '_')}:{seed}:{number}\n"
            f"its last octets:\n{shown}"
        ) from error
    return frames


def done(target: Target, seed: int, number: int, watch: Watch) -> int:
    """Do one case as it is, return its frames."""
    watch.begin()
    return target.case(Random(f"{target.name}:{seed}:{number}"), watch)


def run(
    targets: list[Target],
    *,
    frames: int,
    seed: int,
    watch: Watch,
    say: Callable[[str], None] = lambda _line: None,
    warm_up: int = 100,
) -> Report:
    """Do cases of each target until it has had its share of the frames; AssertionError where one is wrong.

    What is kept for ever by design, caches, is filled by the first ``warm_up`` cases of each: these are not counted.
    """
    report = Report()
    for target in targets:
        for number in range(warm_up):
            one_case(target, seed - 1, number, watch)
    before = size()
    # The corpus is none of the program's: without it a full collection would be some ms shorter.
    gc.freeze()
    shares = sum(target.share for target in targets)
    try:
        for target in targets:
            _share_of(target, round(frames * target.share / shares), seed, watch, report)
            report.growth = max(report.growth, size() - before)
            say(told(target.name, report.tallies[target.name], report.growth))
            if report.growth > MAX_GROWTH:
                raise AssertionError(f"{target.name}: the process grew by {report.growth / 1e6:.1f} MB")
    finally:
        gc.unfreeze()
    return report


def _share_of(target: Target, frames: int, seed: int, watch: Watch, report: Report) -> None:
    """Do cases of one target until it has had its frames."""
    tally = report.tallies[target.name] = Tally()
    watch.refused = tally.refused
    began = time.monotonic()
    while tally.frames < frames:
        tally.frames += one_case(target, seed, tally.cases, watch)
        if watch.slowest_ns > tally.slowest_ns:
            tally.slowest_ns, tally.slowest = watch.slowest_ns, tally.cases
        if tally.cases % SAMPLED == SAMPLED - 1:
            _room_of(target, seed, tally.cases, watch)
        tally.cases += 1
    tally.seconds = time.monotonic() - began


def _room_of(target: Target, seed: int, number: int, watch: Watch) -> None:
    """Do one case again, with its memory traced: in a process of its own, since tracemalloc leaks some itself."""
    child = os.fork()
    if not child:
        code = 1
        try:
            tracemalloc.start()
            done(target, seed, number, watch)
            code = int(watch.largest > MAX_GROWTH)
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if status:
        raise AssertionError(f"{target.name}: a call of case {seed}:{number} takes more than 10 MB for a moment")


def told(name: str, tally: Tally, growth: int) -> str:
    """Return one line about a target."""
    rate = tally.frames / max(tally.seconds, 1e-9)
    return (
        f"{name:24} {tally.frames:8} frames in {tally.cases:8} cases, {rate:7.0f} frames/s, "
        f"{tally.refused.total():8} refused, "
        f"slowest call {tally.slowest_ns / 1e6:5.1f} ms in case {tally.slowest}, grown {growth / 1e6:4.1f} MB"
    )
