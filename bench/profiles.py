"""What a profile of 1000 rows and 5 columns costs: CPU from octets to values, and to the finished lines."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from bench import buffers
from bench.buffers import ProfileMeter
from bench.clients import ExampleClient, OurProfileClient, silenced
from bench.registers import cpu_s
from bench.report import Row, Section, at_least, milliseconds, times_less
from telegraf_dlms import axdr

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.meters import Answer, Security

_WHOLE: Final = 60_000
_SECURITIES: Final[dict[Security, str]] = {
    "none": "",
    "authentication_encryption": ", authenticated and encrypted",
}
_POLLS: Final = 3


def section() -> Section:
    """Return the section of the report."""
    octets = buffers.buffer()
    decoded = min(_once(lambda: axdr.decode_all(octets)) for _ in range(10))
    rows = []
    for security, words in _SECURITIES.items():
        for block, form in ((buffers.BLOCK, "in blocks"), (_WHOLE, "in one answer")):
            ours, theirs = our_s(security, block), example_s(security, block)
            if security == "none" and block == _WHOLE:
                target = at_least(theirs / decoded, 10)
                rows.append(
                    Row(
                        "octets to values, in one",
                        milliseconds(decoded),
                        milliseconds(theirs),
                        times_less(decoded, theirs),
                        "10x less",
                        target,
                    )
                )
            what = f"to {buffers.ROWS * (len(buffers.COLUMNS) - 1)} lines, {form}{words}"
            rows.append(Row(what, milliseconds(ours), milliseconds(theirs), times_less(ours, theirs)))
    title = (
        f"CPU for a profile of {buffers.ROWS} rows and {len(buffers.COLUMNS)} columns (against: gurux-dlms, to values)"
    )
    return Section(title, tuple(rows))


def our_s(security: Security, block: int) -> float:
    """Return the seconds of CPU that our client takes to read the profile and print its lines."""

    def begin(answer: Answer) -> Callable[[], object]:
        client = OurProfileClient(answer, security=security)
        client.poll()
        return client.poll

    return cpu_s(begin, ProfileMeter(security, block=block), polls=_POLLS)


def example_s(security: Security, block: int) -> float:
    """Return the seconds of CPU that gurux-dlms's client takes to read the profile."""

    def begin(answer: Answer) -> Callable[[], object]:
        return ExampleClient(answer, [], security=security).read_profile

    with silenced():
        return cpu_s(begin, ProfileMeter(security, block=block), polls=1 if security != "none" else _POLLS)


def _once(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began
