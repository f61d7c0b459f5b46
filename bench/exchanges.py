"""How many exchanges a poll takes, counted at the meter's end of the link."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.clients import ExampleClient, OurClient, silenced
from bench.meters import Counting, meter
from bench.registers import REGISTERS
from bench.report import Row, Section, at_most

if TYPE_CHECKING:
    from bench.meters import Interface

#: A PDU that holds neither the whole request nor the whole answer, as small as real meters have it.
SMALL_PDU = 64


def section() -> Section:
    """Return the section of the report."""
    count = len(REGISTERS)
    example, example_hdlc = theirs("wrapper"), theirs("hdlc")
    lists, singles = ours("wrapper"), ours("wrapper", list_size=1)
    small, hdlc = ours("wrapper", max_pdu_size=SMALL_PDU), ours("hdlc")
    rows = (
        _row("WRAPPER, GET with lists", lists, example, target=1),
        _row("WRAPPER, no lists (workarounds.no_lists)", singles, example, target=count),
        _row(f"WRAPPER, lists, answers in blocks of {SMALL_PDU} octets", small, example),
        _row("HDLC, lists: frames that wait for an answer", hdlc, example_hdlc),
    )
    return Section(f"Exchanges for one poll of {count} registers, association open (the example: from AARQ on)", rows)


def ours(interface: Interface, *, list_size: int = 100, max_pdu_size: int = 0xFFFF) -> int:
    """Return the exchanges of one poll of ours, the scaler_units being known."""
    counting = Counting(meter(interface, "none"))
    client = OurClient(counting, REGISTERS, interface=interface, list_size=list_size, max_pdu_size=max_pdu_size)
    client.poll()
    before = counting.exchanges
    client.poll()
    return counting.exchanges - before


def theirs(interface: Interface) -> int:
    """Return the exchanges of one visit of the example's client, from beginning to end."""
    counting = Counting(meter(interface, "none"))
    with silenced():
        client = ExampleClient(counting, REGISTERS, interface=interface)
        client.poll_as_example()
        client.release()
    return counting.exchanges


def _row(what: str, ours: int, theirs: int, *, target: int | None = None) -> Row:
    ratio = f"{theirs / ours:.3g}x fewer"
    if target is None:
        return Row(what, str(ours), str(theirs), ratio)
    return Row(what, str(ours), str(theirs), ratio, str(target), at_most(ours, target))
