"""Whole processes: how soon the first line is there, how much memory one meter takes, and what others' client takes."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.children import PLUGIN, ROOT, Child
from bench.report import Row, Section, at_most, megabytes, milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TAKES: Final = 5
#: Targets of the design, section 8.
FIRST_LINE_S: Final = 1.0
BEFORE_OCTETS: Final = 60_000_000
ROWS: Final = 5000

_METER: Final = """
[[connection]]
  name = "line"
  address = "127.0.0.1"
  port = {port}
  persistent = true
[[device]]
  name = "meter"
  connection = "line"
  interface_type = "wrapper"
[[group]]
  name = "bench"
  interval = "10s"
  [[group.value]]
    name = "value"
    device = "meter"
"""
_REGISTER: Final = '    obis = "1.0.1.8.0.255"\n    class_id = "register"\n'
_PROFILE: Final = f'    obis = "1.0.99.1.0.255"\n    class_id = 7\n    entries = {ROWS}\n'


def sections() -> Iterator[Section]:
    """Return the sections of the report."""
    with Child([*PLUGIN, "simulate", "--interface", "wrapper", "--port", 0]) as meter:
        port = int(meter.said(r"listening on 127\.0\.0\.1:(\d+)")[1])
        yield Section("A process with one meter on loopback", (_first_line(port), _memory(port)))
        yield Section("CPU of a whole process (against: pydlms-client's command)", tuple(_against_pydlms(port)))


def with_one_meter(port: int) -> int:
    """Return the octets of memory of a process at the most, while it reads one meter."""
    with tempfile.TemporaryDirectory() as folder:
        config = _configured(folder, port, _REGISTER)
        with Child([*PLUGIN, "--config", config]) as plugin:
            os.read(plugin.stdout, 1)
            plugin.close_stdin()
            return plugin.ended().peak_octets


def _first_line(port: int) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        config = _configured(folder, port, _REGISTER)
        first_s = statistics.median(_until_first_line(config) for _ in range(TAKES))
    target = f"{FIRST_LINE_S:g} s"
    return Row(
        "--once, to the first line", milliseconds(first_s), target=target, verdict=at_most(first_s, FIRST_LINE_S)
    )


def _memory(port: int) -> Row:
    octets = with_one_meter(port)
    target = megabytes(BEFORE_OCTETS)
    return Row("memory at the most", megabytes(octets), target=target, verdict=at_most(octets, BEFORE_OCTETS))


def _until_first_line(config: Path) -> float:
    began = time.monotonic()
    with Child([*PLUGIN, "--once", "--config", config]) as plugin:
        os.read(plugin.stdout, 1)
        took = time.monotonic() - began
        _rest(plugin)
        plugin.ended()
    return took


def _against_pydlms(port: int) -> Iterator[Row]:
    python = _pydlms()
    endpoint = [f"tcp://127.0.0.1:{port}", "--client", "16", "--server", "1"]
    loads = {
        "one register": (_REGISTER, ["read", *endpoint, "--obis", "1.0.1.8.0.255", "--class", "3", "--register"]),
        f"a profile of {ROWS} rows": (
            _PROFILE,
            ["profile", *endpoint, "--obis", "1.0.99.1.0.255", "--last", str(ROWS), "--scalers"],
        ),
    }
    for what, (value, arguments) in loads.items():
        with tempfile.TemporaryDirectory() as folder:
            ours = _cpu_s([*PLUGIN, "--once", "--config", _configured(folder, port, value)])
        if python is None:
            yield Row(f"{what}, printed", milliseconds(ours), "it cannot be had here")
        else:
            theirs = _cpu_s([python, python.with_name("pydlms"), *arguments])
            yield Row(f"{what}, printed", milliseconds(ours), milliseconds(theirs), f"{theirs / ours:.2f}x")


def _cpu_s(command: Sequence[str | int | Path]) -> float:
    """Return the least seconds of CPU that a command took."""
    return min(_run(command) for _ in range(TAKES))


def _run(command: Sequence[str | int | Path]) -> float:
    with Child(command) as child:
        _rest(child)
        usage = child.ended()
        if usage.status:
            raise RuntimeError(f"{command} ended with {usage.status}:\n{child.log}")
        return usage.cpu_s


def _rest(child: Child) -> None:
    while os.read(child.stdout, 1 << 16):
        pass


def _configured(folder: str, port: int, value: str) -> Path:
    config = Path(folder, "meter.conf")
    config.write_text(_METER.format(port=port) + value, encoding="utf-8")
    return config


def _pydlms() -> Path | None:
    """Return the Python of the environment that pydlms-client has for itself; None where it cannot be had."""
    sys.path.insert(0, str(ROOT / "tests/real"))
    import fetch  # noqa: PLC0415  it is a script beside the tests, in no package

    return fetch.PYDLMS.path if fetch.fetch(fetch.PYDLMS) else None
