"""What a register costs: CPU from the request's octets to the finished line, without any meter's or socket's time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from bench.clients import ExampleClient, OurClient, silenced
from bench.meters import Recording, meter
from bench.report import Row, Section, at_least, at_most, microseconds, times_less

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.meters import Answer, Interface, Security

_PHASES: Final = [20 * phase + quantity for phase in (1, 2, 3) for quantity in (1, 11, 12)]
#: The built-in meter's Registers (class 3), twenty.
REGISTERS: Final = (
    *(f"1.0.{group}.8.0.255" for group in (1, 2, 3, 21, 41, 61)),
    *(f"1.0.{group}.7.0.255" for group in (1, 2, 3, 13, 14, *_PHASES)),
)
#: Polls in one measurement, and measurements of which the best counts: whatever else the machine does adds time.
POLLS: Final = 100
SLOW_POLLS: Final = 5
TAKES: Final = 5


def sections() -> list[Section]:
    """Return the sections of the report: WRAPPER and HDLC."""
    return [_section("wrapper"), _section("hdlc")]


def _section(interface: Interface) -> Section:
    theirs, theirs_ciphered = example_s(interface, "none"), example_s(interface, "authentication_encryption")
    singly, listed = our_s(interface, "none", list_size=1), our_s(interface, "none")
    singly_ciphered = our_s(interface, "authentication_encryption", list_size=1)
    listed_ciphered = our_s(interface, "authentication_encryption")
    has_targets = interface == "wrapper"
    rows = [
        _against_theirs("read singly", singly, theirs, target=4 if has_targets else None),
        _against_theirs(f"in a list of {len(REGISTERS)}", listed, theirs, target=8 if has_targets else None),
        _against_theirs("singly, authenticated and encrypted", singly_ciphered, theirs_ciphered),
        _against_theirs("in a list, authenticated and encrypted", listed_ciphered, theirs_ciphered),
        _against_plain("authenticated encryption against our plain, singly", singly_ciphered, singly),
        _against_plain("authenticated encryption against our plain, in a list", listed_ciphered, listed),
        _against_plain("the same of gurux-dlms's client", theirs_ciphered, theirs, limit=None),
    ]
    title = f"CPU for one register over {interface.upper()}, to the finished line (against: gurux-dlms, one by one)"
    return Section(title, tuple(rows))


def our_s(interface: Interface, security: Security, *, list_size: int = 100) -> float:
    """Return the seconds of CPU that our client takes for one register."""

    def begin(answer: Answer) -> Callable[[], object]:
        client = OurClient(answer, REGISTERS, interface=interface, security=security, list_size=list_size)
        client.poll()
        return client.poll

    return cpu_s(begin, meter(interface, security), polls=POLLS) / len(REGISTERS)


def example_s(interface: Interface, security: Security) -> float:
    """Return the seconds of CPU that gurux-dlms's client takes for one register."""

    def begin(answer: Answer) -> Callable[[], object]:
        client = ExampleClient(answer, REGISTERS, interface=interface, security=security)
        client.poll_as_example()
        return client.poll

    polls = POLLS if security == "none" else SLOW_POLLS
    with silenced():
        return cpu_s(begin, meter(interface, security), polls=polls) / len(REGISTERS)


def cpu_s(begin: Callable[[Answer], Callable[[], object]], answer: Answer, *, polls: int) -> float:
    """Return the CPU of one poll: ``begin`` makes a client of a meter, and returns what polls it.

    The meter's answers are taken down in a first take, and replayed in those that count.
    """
    recording = Recording(answer)
    _take(begin(recording), polls)
    return min(_take(begin(recording.replay()), polls) for _ in range(TAKES))


def _take(poll: Callable[[], object], polls: int) -> float:
    began = time.process_time()
    for _ in range(polls):
        poll()
    return (time.process_time() - began) / polls


def _against_theirs(what: str, ours: float, theirs: float, *, target: float | None = None) -> Row:
    ratio = times_less(ours, theirs)
    if target is None:
        return Row(what, microseconds(ours), microseconds(theirs), ratio)
    return Row(
        what,
        microseconds(ours),
        microseconds(theirs),
        ratio,
        f"{target:g}x less",
        at_least(theirs / ours, target),
    )


def _against_plain(what: str, ciphered: float, plain: float, *, limit: float | None = 1.5) -> Row:
    ratio = f"{ciphered / plain:.2f}x"
    if limit is None:
        return Row(what, microseconds(ciphered), microseconds(plain), ratio)
    verdict = at_most(ciphered / plain, limit)
    return Row(what, microseconds(ciphered), microseconds(plain), ratio, f"{limit}x", verdict)
