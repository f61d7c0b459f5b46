"""A fleet: M meters of 20 registers in one process on one core, and which of them were read on time.

The meters are the built-in ones, each with an address and a connection of its own, in one process on another core.
"""

from __future__ import annotations

import os
import select
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from bench.children import PLUGIN, Child, Usage, cores, staying_on
from bench.registers import REGISTERS
from telegraf_dlms.schedule import spread

if TYPE_CHECKING:
    from collections.abc import Iterator

INTERVAL_S: Final = 10
#: Within this every meter was read once, with what is asked only once.
OPENING_S: Final = INTERVAL_S + 2
#: Every meter's keys: secrets of a simulator are none.
AUTHENTICATION_KEY: Final = "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF"
BLOCK_CIPHER_KEY: Final = "000102030405060708090A0B0C0D0E0F"
_SECOND: Final = 10**9
_INTERVAL_NS: Final = INTERVAL_S * _SECOND


@dataclass(frozen=True, slots=True)
class Fleet:
    """How many meters there are, for how many seconds they are read, and how.

    ``spread_s`` is the group's collection_spread: with 0 all of them are due at the same moment.
    """

    meters: int
    seconds: int
    security: Literal["none", "authentication_encryption"] = "none"
    lists: Literal["lists", "no_lists"] = "lists"
    spread_s: int = INTERVAL_S

    @property
    def name(self) -> str:
        """What it is called in the table."""
        security = "in clear" if self.security == "none" else "with authenticated encryption"
        lists = "" if self.lists == "lists" else ", one register an exchange"
        together = "" if self.spread_s else ", all due at the same moment"
        return f"{self.meters} meters {security}{lists}{together}"

    def simulator(self) -> list[str]:
        """Return the arguments of ``simulate``."""
        arguments = ["simulate", "--interface", "wrapper", "--port", "0", "--meters", str(self.meters)]
        if self.security != "none":
            arguments += ["--transport-security", self.security]
            arguments += ["--authentication-key", AUTHENTICATION_KEY, "--block-cipher-key", BLOCK_CIPHER_KEY]
        return arguments

    def configuration(self, *, port: int, state_file: Path) -> str:
        """Return the plugin's configuration: a connection and a device for each meter, one group for all."""
        return "\n".join([f'[agent]\n  state_file = "{state_file}"', *self._meters(port), *self._group(), ""])

    def _meters(self, port: int) -> Iterator[str]:
        for number in range(self.meters):
            yield f'[[connection]]\n  name = "{name_of(number)}"\n  address = "{address_of(number)}"\n  port = {port}'
            yield f'  persistent = true\n[[device]]\n  name = "{name_of(number)}"\n  connection = "{name_of(number)}"'
            yield '  interface_type = "wrapper"'
            if self.security != "none":
                yield f'  transport_security = "{self.security}"\n  authentication_key = "{AUTHENTICATION_KEY}"'
                yield f'  block_cipher_key = "{BLOCK_CIPHER_KEY}"\n  client_address = 1'
            if self.lists == "no_lists":
                yield "  [device.workarounds]\n    no_lists = true"

    def _group(self) -> Iterator[str]:
        yield f'[[group]]\n  name = "fleet"\n  interval = "{INTERVAL_S}s"\n  collection_spread = "{self.spread_s}s"'
        for number, obis in enumerate(REGISTERS):
            yield f'  [[group.value]]\n    name = "register_{number:02d}"\n    devices = ["meter-*"]'
            yield f'    obis = "{obis}"\n    class_id = "register"'

    def offset_ns(self, number: int) -> int:
        """Return a meter's own offset from the grid of the interval."""
        return spread(name_of(number), self.spread_s * _SECOND)


def name_of(number: int) -> str:
    """Return a device's name, which is its connection's too."""
    return f"meter-{number:05d}"


def address_of(number: int) -> str:
    """Return a built-in meter's address: one after the other from 127.0.0.1 on."""
    return ".".join(str(octet) for octet in (0x7F000001 + number).to_bytes(4, "big"))


class Poll(NamedTuple):
    """One ``dlms_device`` line: when the poll began, and when its line was read, in nanoseconds of the wall clock.

    ``values`` are the lines of values that came before it, since the meter's last one.
    """

    began_ns: int
    read_ns: int
    result: str
    values: int


@dataclass(slots=True)
class Tally:
    """What the plugin printed, line by line."""

    polls: dict[str, list[Poll]] = field(default_factory=lambda: defaultdict(list))
    _values: Counter[str] = field(default_factory=Counter)
    _rest: bytes = b""

    def take(self, octets: bytes, now_ns: int) -> None:
        """Take a piece of standard output that was read at ``now_ns``."""
        *lines, self._rest = (self._rest + octets).split(b"\n")
        for line in lines:
            text = line.decode()
            name = text.partition(",device=")[2].partition(" ")[0].partition(",")[0]
            if text.startswith("dlms,"):
                self._values[name] += 1
            else:
                result = text.partition('result="')[2].partition('"')[0]
                began_ns = int(text.rpartition(" ")[2])
                self.polls[name].append(Poll(began_ns, now_ns, result, self._values.pop(name, 0)))

    @property
    def began_ns(self) -> int:
        """When the first poll of all began: what was due before was due before there was anybody to read it."""
        return min(poll.began_ns for polls in self.polls.values() for poll in polls)

    def results(self) -> Counter[str]:
        """Return how many polls ended how."""
        return Counter(poll.result for polls in self.polls.values() for poll in polls)

    def verdict(self, fleet: Fleet, *, since_ns: int, until_ns: int) -> Verdict:
        """Return how it went with the polls that were due in a time and had an interval's time until its end.

        A meter is due from its first poll in that time on, and from the next tick on where it had none.
        """
        due = 0
        delays: list[float] = []
        lines = 0
        for number in range(fleet.meters):
            offset_ns = fleet.offset_ns(number)
            polls = {
                (poll.began_ns - offset_ns) // _INTERVAL_NS: poll
                for poll in self.polls[name_of(number)]
                if poll.began_ns >= since_ns
            }
            made = {tick: poll for tick, poll in polls.items() if poll.result == "ok"}
            first = min(polls, default=-(-(since_ns - offset_ns) // _INTERVAL_NS))
            for tick in range(first, (until_ns - offset_ns) // _INTERVAL_NS):
                due += 1
                if (poll := made.get(tick)) is not None:
                    delays.append((poll.read_ns - offset_ns - tick * _INTERVAL_NS) / _SECOND)
                    lines += poll.values
        return Verdict(due, lines, tuple(sorted(delays)))


@dataclass(frozen=True, slots=True)
class Verdict:
    """Polls due, lines of values printed for them, and for each one made the seconds from its tick to its last line."""

    due: int
    lines: int
    delays: tuple[float, ...]

    @property
    def in_time(self) -> int:
        """How many polls were over before the next one was due."""
        return sum(delay < INTERVAL_S for delay in self.delays)

    @property
    def lines_due(self) -> int:
        """Lines of values that were due."""
        return self.due * len(REGISTERS)

    def delay(self, share: float) -> float:
        """Return the delay that this share of the polls did not exceed."""
        return self.delays[min(int(share * len(self.delays)), len(self.delays) - 1)] if self.delays else float("inf")


@dataclass(frozen=True, slots=True)
class Outcome:
    """A fleet's run: what was printed, and what it took.

    ``core_share`` is the plugin's share of its core once all meters are read, ``meters_core_share`` the simulator's.
    """

    fleet: Fleet
    verdict: Verdict
    results: Counter[str]
    usage: Usage
    core_share: float
    meters_core_share: float


def run(fleet: Fleet) -> Outcome:
    """Start the meters and the plugin, read for ``fleet.seconds`` from when the plugin is ready, and stop both."""
    plugin_core, other_core = cores(2)
    with (
        staying_on(other_core),
        tempfile.TemporaryDirectory() as folder,
        Child([*PLUGIN, *fleet.simulator()], core=other_core) as meters,
    ):
        port = int(meters.said(r"listening on [\d.]+:(\d+)")[1])
        config = Path(folder, "fleet.conf")
        config.write_text(fleet.configuration(port=port, state_file=Path(folder, "fleet.state")), encoding="utf-8")
        with Child([*PLUGIN, "--config", config], core=plugin_core) as plugin:
            plugin.said(r"I! telegraf-dlms")
            tally = Tally()
            _read(plugin, tally, seconds=OPENING_S)
            began, cpu_s, meters_cpu_s = time.monotonic(), plugin.cpu_s(), meters.cpu_s()
            _read(plugin, tally, seconds=max(0, fleet.seconds - OPENING_S))
            until_ns, took_s = time.time_ns(), time.monotonic() - began
            shares = (plugin.cpu_s() - cpu_s) / took_s, (meters.cpu_s() - meters_cpu_s) / took_s
            usage = _stop(plugin, tally)
            if usage.status:
                raise RuntimeError(f"the plugin ended with {usage.status}:\n{plugin.log[-4000:]}")
    verdict = tally.verdict(fleet, since_ns=tally.began_ns, until_ns=until_ns)
    return Outcome(fleet, verdict, tally.results(), usage, *shares)


def _read(plugin: Child, tally: Tally, *, seconds: float) -> None:
    end = time.monotonic() + seconds
    while (left_s := end - time.monotonic()) > 0:
        if select.select([plugin.stdout], [], [], left_s)[0]:
            octets = os.read(plugin.stdout, 1 << 20)
            if not octets:
                raise RuntimeError(f"the plugin ended:\n{plugin.log[-4000:]}")
            tally.take(octets, time.time_ns())


def _stop(plugin: Child, tally: Tally) -> Usage:
    """Stop it as Telegraf does, and read what it still has to say."""
    plugin.close_stdin()
    while octets := os.read(plugin.stdout, 1 << 20):
        tally.take(octets, time.time_ns())
    return plugin.ended()
