"""How long `cnnbuild` takes to refuse files that mean harm, and how much memory.

Run it as `python -m benchmarks.hostile_files`. The files are those of `tests/hostile`.
Every command is a process of its own.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from pathlib import Path
from statistics import median

from tests.hostile.cases import CASES, Outcome, run_case


def measure(rounds: int) -> list[tuple[str, str, list[Outcome]]]:
    """Each case with a verb, and its outcomes."""
    found = []
    for case in CASES:
        for verb in case.verbs:
            outcomes = []
            for _ in range(rounds):
                with tempfile.TemporaryDirectory() as folder:
                    outcomes.append(run_case(case, verb, Path(folder)))
            found.append((case.name, verb, outcomes))
    return found


def main() -> None:
    """Measure, and print the slowest and the hungriest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--rows", type=int, default=12, help="how many of the slowest to list")
    arguments = parser.parse_args()
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    rows = [
        (
            median(outcome.processor_seconds for outcome in outcomes),
            median(outcome.wall_seconds for outcome in outcomes),
            max(outcome.peak_bytes for outcome in outcomes) / 1e6,
            {outcome.code for outcome in outcomes},
            f"{name}, {verb}",
        )
        for name, verb, outcomes in measure(arguments.rounds)
    ]
    print(f"{len(rows)} commands, exit codes {set().union(*(row[3] for row in rows))}")
    print(f"median: {median(r[0] for r in rows):.2f} s processor, {median(r[1] for r in rows):.2f} s wall")
    print(f"most memory: {max(r[2] for r in rows):.0f} MB")
    print("| file, verb | s, processor | s, wall | peak MB |\n|---|---|---|---|")
    for processor, wall, megabytes, _, name in sorted(rows, reverse=True)[: arguments.rows]:
        print(f"| {name} | {processor:.2f} | {wall:.2f} | {megabytes:.0f} |")


if __name__ == "__main__":
    main()
