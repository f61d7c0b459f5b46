"""A serial line that is as slow as one: a pseudo-terminal whose octets take their time, with the built-in meter on it.

It is a program of its own (``python -m bench.paced --baud-rate 9600``): it says where its line is, and at the end of
its standard input, in JSON, how busy the line was. An octet takes ten bit times in both directions. It reaches the
meter, or the plugin, when it has left the line, and the meter answers at once, so that whatever the line is idle
between a poll's first octet and its last is somebody's turn-around.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import select
import sys
import time
import tty
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bench.meters import NOON, meter
from telegraf_dlms.simulator import household

if TYPE_CHECKING:
    from bench.meters import Answer

#: A start bit, eight data bits, a stop bit.
BITS: Final = 10
#: Where nothing is said for so long, there was nothing to be read.
PAUSE_S: Final = 0.4


@dataclass(slots=True)
class Usage:
    """How a line was used, in seconds: with octets on it, and idle before the plugin's and before the meter's octets.

    Silence of PAUSE_S and longer is not counted: there was nothing to read.
    """

    busy_s: float = 0.0
    plugin_s: float = 0.0
    meter_s: float = 0.0
    plugin_turns: int = 0
    octets: int = 0

    @property
    def share(self) -> float:
        """The share of the time in which there was something to read that the line was busy."""
        whole = self.busy_s + self.plugin_s + self.meter_s
        return self.busy_s / whole if whole else 0.0


@dataclass(slots=True)
class Line:
    """One line with the meter at its end; the times are those of the caller's clock.

    ``heard`` takes what the plugin wrote, ``due`` says when the next octet has left the line, ``move`` lets those leave
    that are due and returns what has reached the plugin.
    """

    answer: Answer
    octet_s: float
    usage: Usage = field(default_factory=Usage)
    _to_meter: deque[int] = field(default_factory=deque)
    _to_plugin: deque[int] = field(default_factory=deque)
    _free_at: float = float("-inf")
    _began_at: float | None = None

    def heard(self, octets: bytes, now: float) -> None:
        """Take what the plugin wrote: it goes onto the line behind what is on it."""
        self._to_meter += octets
        self._begin(now)

    @property
    def due(self) -> float | None:
        """When the octet that is on the line has left it; None where there is none."""
        return None if self._began_at is None else self._began_at + self.octet_s

    def move(self, now: float) -> bytes:
        """Let octets leave the line whose time has come; return those that reached the plugin."""
        arrived = bytearray()
        while (due := self.due) is not None and due <= now:
            self._began_at = None
            self._free_at = due
            self.usage.busy_s += self.octet_s
            self.usage.octets += 1
            if self._to_plugin:
                arrived.append(self._to_plugin.popleft())
            else:
                self._to_plugin += self.answer(bytes((self._to_meter.popleft(),)))
            self._begin(due if arrived or self._to_meter else now)
        return bytes(arrived)

    def _begin(self, now: float) -> None:
        """Put the next octet on the line, where there is one and the line is free."""
        if self._began_at is not None or not (self._to_plugin or self._to_meter):
            return
        self._began_at = max(now, self._free_at)
        idle_s = self._began_at - self._free_at
        if 0 < idle_s < PAUSE_S:
            if self._to_plugin:
                self.usage.meter_s += idle_s
            else:
                self.usage.plugin_s += idle_s
                self.usage.plugin_turns += 1


def main() -> None:
    """Serve a line until standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--baud-rate", type=int, default=9600)
    octet_s = BITS / parser.parse_args().baud_rate
    master, slave = os.openpty()
    tty.setraw(slave)
    for flow in ("import", "export"):
        household.energy(flow, int(NOON), meter=1)  # the meter works out its week once: nobody shall wait for that
    os.set_blocking(master, False)
    sys.stderr.write(f"listening on {os.ttyname(slave)}\n")
    sys.stderr.flush()
    usage = _serve(Line(meter("hdlc", "none"), octet_s), master)
    sys.stdout.write(json.dumps(dataclasses.asdict(usage)) + "\n")


def _serve(line: Line, master: int) -> Usage:
    while True:
        due = line.due
        timeout = 1.0 if due is None else max(0.0, due - time.monotonic())
        readable, _, _ = select.select([master, 0], [], [], timeout)
        if master in readable:
            line.heard(os.read(master, 4096), time.monotonic())
        if 0 in readable and not os.read(0, 4096):
            return line.usage
        arrived = line.move(time.monotonic())
        if arrived:
            os.write(master, arrived)


if __name__ == "__main__":
    main()
