"""How busy a serial line is while there is something to read: the plugin as a process on a line that takes its time."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.children import PLUGIN, Child
from bench.paced import Usage
from bench.registers import REGISTERS
from bench.report import Row, Section, at_least, milliseconds, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

BAUD_RATE: Final = 9600
#: The target of the design, section 8.
TARGET: Final = 0.95
#: Polls that are measured, behind a first one, in which scaler_units and columns are asked for as well.
POLLS: Final = 2

_PROFILE: Final = '    obis = "1.0.99.1.0.255"\n    class_id = 7\n    entries = 96\n'


@dataclass(frozen=True, slots=True)
class Load:
    """What is read over the line in each poll: tables of values, and the HDLC frames' size."""

    name: str
    values: Sequence[str]
    max_info_length: int


def loads() -> list[Load]:
    """Return what is measured."""
    registers = [f'    obis = "{obis}"\n    class_id = "register"\n' for obis in REGISTERS]
    return [
        Load(f"{len(REGISTERS)} registers, frames of 128", registers, 128),
        Load(f"{len(REGISTERS)} registers, frames of 1024", registers, 1024),
        Load("a profile of 96 rows in blocks, frames of 128", [_PROFILE], 128),
        Load("a profile of 96 rows in blocks, frames of 1024", [_PROFILE], 1024),
    ]


def section() -> Section:
    """Return the section of the report."""
    rows = [_row(load) for load in loads()]
    title = f"A serial line of {BAUD_RATE} baud, while there is something to read (against: our turn-around)"
    return Section(title, tuple(rows))


def configuration(load: Load, *, device: str) -> str:
    """Return the plugin's configuration for a line."""
    lines = [
        '[agent]\n  state_file = "line.state"',
        f'[[connection]]\n  name = "line"\n  type = "serial"\n  device = "{device}"\n  baud_rate = {BAUD_RATE}',
        '  persistent = true\n[[device]]\n  name = "meter"\n  connection = "line"\n  interface_type = "hdlc"',
        f'  max_info_length = {load.max_info_length}\n[[group]]\n  name = "bench"\n  interval = "0s"',
    ]
    for number, value in enumerate(load.values):
        lines.append(f'  [[group.value]]\n    name = "value_{number}"\n    device = "meter"\n{value}')
    return "\n".join(lines)


def used(load: Load) -> Usage:
    """Return how the line was used."""
    with (
        Child([sys.executable, "-m", "bench.paced", "--baud-rate", BAUD_RATE]) as line,
        tempfile.TemporaryDirectory() as folder,
    ):
        device = line.said(r"listening on (\S+)")[1]
        config = Path(folder, "line.conf")
        config.write_text(configuration(load, device=device), encoding="utf-8")
        with Child([*PLUGIN, "--config", config]) as plugin:
            for _ in range(1 + POLLS):
                plugin.say("\n")
                _read_poll(plugin)
            plugin.close_stdin()
            while os.read(plugin.stdout, 1 << 16):
                pass
            plugin.ended()
        line.close_stdin()
        return Usage(**json.loads(os.read(line.stdout, 4096)))


def _row(load: Load) -> Row:
    usage = used(load)
    turn_s = usage.plugin_s / max(1, usage.plugin_turns)
    return Row(
        load.name,
        f"{percent(usage.share)} busy",
        f"{milliseconds(turn_s)} a turn",
        f"{usage.octets} octets",
        f"{TARGET * 100:.0f} %",
        at_least(usage.share, TARGET),
    )


def _read_poll(plugin: Child) -> None:
    """Read what is printed until the line that tells how a poll went."""
    text = b""
    while b"dlms_device," not in text or not text.endswith(b"\n"):
        octets = os.read(plugin.stdout, 1 << 16)
        if not octets:
            raise RuntimeError(f"the plugin ended:\n{plugin.log}")
        text += octets
