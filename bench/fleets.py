"""The fleets of a run, and their section of the report."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from bench.fleet import INTERVAL_S, Fleet, run
from bench.registers import REGISTERS
from bench.report import Row, Section, at_least, at_most, kilobytes, megabytes, microseconds, percent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bench.fleet import Outcome

#: What is measured where the environment does not say otherwise: a run of everything ends within three minutes.
METERS: Final = 500
SECONDS: Final = 25
#: How many meters the design wants of one process on one core (section 8): with lists, and without.
TARGET: Final = 10_000
TARGET_NO_LISTS: Final = 2_000
#: What a meter may take of the memory.
PER_METER_OCTETS: Final = 60_000


def fleets(environment: Mapping[str, str] = os.environ) -> list[Fleet]:
    """Return what is to be measured: BENCH_METERS meters for BENCH_SECONDS seconds, a fifth of them without lists.

    BENCH_FLEETS names some of them, separated by commas; ValueError where it names others.
    """
    meters = int(environment.get("BENCH_METERS", METERS))
    seconds = int(environment.get("BENCH_SECONDS", SECONDS))
    found = {
        "plain": Fleet(meters, seconds),
        "ciphered": Fleet(meters, seconds, security="authentication_encryption"),
        "at_once": Fleet(meters, seconds, spread_s=0),
        "no_lists": Fleet(max(1, meters * TARGET_NO_LISTS // TARGET), seconds, lists="no_lists"),
    }
    wanted = environment.get("BENCH_FLEETS", ",".join(found)).split(",")
    if unknown := [name for name in wanted if name not in found]:
        raise ValueError(f"BENCH_FLEETS: {unknown[0]} is none of {', '.join(found)}")
    return [found[name] for name in wanted]


def sections(*, before_octets: int) -> Iterator[Section]:
    """Run the fleets one after the other; ``before_octets`` is the memory of a process with one meter."""
    for fleet in fleets():
        yield section(run(fleet), before_octets=before_octets)


def section(outcome: Outcome, *, before_octets: int) -> Section:
    """Return what is told of one fleet."""
    fleet, verdict, share = outcome.fleet, outcome.verdict, outcome.core_share
    each = (outcome.usage.peak_octets - before_octets) / fleet.meters
    target = TARGET if fleet.lists == "lists" else TARGET_NO_LISTS
    half, most, all_of_them = (f"{verdict.delay(part):.3f} s" for part in (0.5, 0.99, 1))
    rows = (
        _all("polls on time", verdict.in_time, verdict.due),
        _all("lines printed", verdict.lines, verdict.lines_due),
        Row("from the tick to the last line: half, 99 %, all of them", half, most, all_of_them),
        Row(
            "its core, busy once all are open",
            percent(share),
            f"{outcome.usage.cpu_s:.1f} s in all",
            f"{microseconds(share * INTERVAL_S / fleet.meters)} a poll",
            "100 %" if fleet.meters >= target else f"{percent(fleet.meters / target)} of it",
            at_most(share, fleet.meters / target if fleet.meters < target else 1.0),
        ),
        Row(
            "memory at the most",
            megabytes(outcome.usage.peak_octets),
            f"{megabytes(before_octets)} with one",
            f"{kilobytes(each)} a meter",
            f"{kilobytes(PER_METER_OCTETS)} a meter",
            at_most(each, PER_METER_OCTETS),
        ),
    )
    return Section(f"{fleet.name}, {len(REGISTERS)} registers each every {INTERVAL_S} s, {fleet.seconds} s long", rows)


def _all(what: str, count: int, due: int) -> Row:
    return Row(what, str(count), f"{due} due", percent(count / due) if due else "", "all", at_least(count, due))
