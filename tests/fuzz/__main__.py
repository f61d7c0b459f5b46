"""``make fuzz``: two million mutated frames over all targets, or one case once more."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

# As conftest has it, for ``points``.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "real"))

from fuzz.runner import one_case, run
from fuzz.targets import TARGETS
from fuzz.watch import Watch


def main() -> int:
    """Do what the command line says; 1 where a case was wrong."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=2_000_000, help="mutated frames in all; default: 2000000")
    parser.add_argument("--seed", type=int, default=1, help="other seeds make other frames; default: 1")
    parser.add_argument("--target", action="append", help="only this one; may be repeated")
    parser.add_argument("--replay", metavar="TARGET:SEED:NUMBER", help="do this one case")
    options = parser.parse_args()
    targets = {target.name.replace(" ", "_"): target for target in TARGETS}
    watch = Watch()
    watch.end_what_hangs()
    try:
        if options.replay:
            name, seed, number = options.replay.split(":")
            frames = one_case(targets[name], int(seed), int(number), watch)
            print(f"right: {frames} frames, slowest call {watch.slowest_ns / 1e6:.1f} ms of CPU")
            print(*(octets.hex(" ") for octets in watch.octets), sep="\n")
            return 0
        chosen = [targets[name.replace(" ", "_")] for name in options.target or targets]
        report = run(chosen, frames=options.count, seed=options.seed, watch=watch, say=partial(print, flush=True))
    except AssertionError as wrong:
        print(wrong, file=sys.stderr)
        return 1
    print(f"{report.frames} mutated frames, all right; the process grew by {report.growth / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
