"""``make bench``: everything that the design promises of speed, measured in one run, and written to RESULTS.md.

BENCH_METERS and BENCH_SECONDS make the fleets larger: 10000 and 600 are what the design is held to, BENCH_FLEETS names
some of them (plain, ciphered, at_once, no_lists). BENCH_ONLY names one part of the run (exchanges, registers, profiles,
links, startup, serials, fleets); RESULTS.md stays as it is then.
"""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench import exchanges, fleets, links, profiles, registers, serials, startup
from bench.children import PLUGIN, Child
from bench.report import as_markdown, as_text
from telegraf_dlms import __version__, process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bench.report import Section

RESULTS: Final = Path(__file__).with_name("RESULTS.md")


def main() -> None:
    """Measure, print each section as it is there, and write the whole."""
    process.raise_file_limit()
    only = os.environ.get("BENCH_ONLY")
    if only is not None and only not in _PARTS:
        sys.exit(f"BENCH_ONLY: {only} is none of {', '.join(_PARTS)}")
    found: list[Section] = []
    for name, part in _PARTS.items():
        for section in part() if only in {None, name} else ():
            print(as_text(section), flush=True)
            found.append(section)
    if only is None:
        RESULTS.write_text(as_markdown(found, about=_about()), encoding="utf-8")


def _fleets() -> Iterable[Section]:
    with Child([*PLUGIN, "simulate", "--interface", "wrapper", "--port", 0]) as meter:
        port = int(meter.said(r"listening on 127\.0\.0\.1:(\d+)")[1])
        before_octets = startup.with_one_meter(port)
    return fleets.sections(before_octets=before_octets)


_PARTS: Final[dict[str, Callable[[], Iterable[Section]]]] = {
    "exchanges": lambda: [exchanges.section()],
    "registers": registers.sections,
    "profiles": lambda: [profiles.section()],
    "links": lambda: [links.section()],
    "startup": startup.sections,
    "serials": lambda: [serials.section()],
    "fleets": _fleets,
}


def _about() -> list[str]:
    cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = next((line.partition(": ")[2] for line in cpuinfo.splitlines() if line.startswith("model name")), "")
    cores = len(os.sched_getaffinity(0))
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    machine = (
        f"{cores} cores ({model or platform.machine()}), {platform.system()} {platform.release().partition('-')[0]}"
    )
    return [_ABOUT.format(version=__version__, day=day, machine=machine, python=platform.python_version())]


_ABOUT: Final = """\
telegraf-dlms {version} on {day}: {machine}, Python {python}.

Times are CPU of the process that is measured unless they say otherwise, the least of several takes. What is beside ours
is named in each title. The meters of a fleet run on another core than the plugin."""


if __name__ == "__main__":
    main()
