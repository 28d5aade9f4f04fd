"""Training and evaluation, side by side.

    pip install -e '.[training-benchmarks]'
    CNNBUILD_DATA=... python -m benchmarks.training --dataset mnist --rounds 3 -o results/

Every measurement is a process of its own. In each round every peer, precision and number of threads comes
once, in random order, so that what else the machine does falls on all alike. Medians over the rounds are
compared.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

from benchmarks.training import child, images, machine
from benchmarks.training.peers import MODULES
from benchmarks.training.plot import draw
from benchmarks.training.report import Run, accuracy_lines, base_of, rows_of, table
from benchmarks.training.result import Result
from benchmarks.training.settings import ARCHITECTURES, CLASSES, SHAPES, TRAINING_IMAGES, VALIDATION, Settings

ORDER_SEED = 5
PRECISIONS = ("fp32", "bf16")


def main() -> None:
    """Measure what the command line asks for; write JSON, Markdown and figures."""
    options = parse(sys.argv[1:])
    data_root = data_root_of()
    options.out.mkdir(parents=True, exist_ok=True)
    pythons = dict(entry.split("=", 1) for entry in options.python)
    print(f"machine   {machine.machine_name()}, {os.cpu_count()} cores, load {machine.load():.1f}")
    with tempfile.TemporaryDirectory() as inputs:
        images.prepare(options.dataset, options.images, Path(inputs), data_root)
        base = Settings(
            options.dataset,
            options.images,
            options.epochs,
            inputs,
            str(data_root),
            batch_size=options.batch_size,
            evaluations=options.evaluations,
            clock=options.clock,
        )
        if options.accuracy:
            compare_accuracy(base, options, pythons)
        else:
            compare_speed(base, options, pythons)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options, checked."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.training", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--dataset", choices=list(ARCHITECTURES), default="mnist")
    parser.add_argument("--images", type=int, help="training images an epoch (default: nine tenths of all)")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--evaluations", type=int, default=3, help="passes over the test images")
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--precision", nargs="+", choices=PRECISIONS, default=["fp32"])
    parser.add_argument("--peers", type=lambda text: text.split(","), default=list(MODULES), metavar="A,B,C")
    parser.add_argument("--python", action="append", default=[], metavar="PEER=PATH", help="its interpreter")
    parser.add_argument("--clock", choices=("wall", "processor"), default="wall", help="on a busy machine")
    parser.add_argument("--limit", type=float, default=3_600, metavar="SECONDS", help="of one process")
    parser.add_argument("--no-pin", dest="pinned", action="store_false", help="let processes use all cores")
    parser.add_argument(
        "--accuracy", type=int, metavar="SEEDS", help="compare test accuracy over seeds instead"
    )
    parser.add_argument("-o", "--out", type=Path, default=Path("runs/benchmarks"), metavar="DIR")
    options = parser.parse_args(arguments)
    if options.images is None:
        available = TRAINING_IMAGES[options.dataset]
        options.images = available - round(available * VALIDATION)
    if unknown := [peer for peer in options.peers if peer not in MODULES]:
        parser.error(f"unknown peers {', '.join(unknown)}; known: {', '.join(MODULES)}")
    if options.accuracy is not None and options.accuracy < 2:
        parser.error("--accuracy needs at least 2 seeds")
    return options


def data_root_of() -> Path:
    """The folder that CNNBUILD_DATA names.

    Raises:
        SystemExit: it is not set.
    """
    root = os.environ.get("CNNBUILD_DATA")
    if not root:
        raise SystemExit("set CNNBUILD_DATA to the folder that holds MNIST/ and CIFAR-10")
    return Path(root)


def compare_speed(base: Settings, options: argparse.Namespace, pythons: dict[str, str]) -> None:
    """All rounds; what is known is kept after each, so that a run that is stopped leaves its rounds."""
    before = machine.load()
    peaks = {str(threads): peak(threads, options.clock, pinned=options.pinned) for threads in options.threads}
    macs, results = macs_of(base), []
    for number, found in enumerate(rounds_of(base, options, pythons), start=1):
        results += found
        run = Run(
            dataset=base.dataset,
            images=base.images,
            epochs=base.epochs,
            rounds=number,
            batch_size=base.batch_size,
            machine=machine.machine_name(),
            cores=os.cpu_count() or 1,
            pinned=options.pinned,
            clock=options.clock,
            load=(before, machine.load()),
            macs=macs,
            results=tuple(results),
            peaks=peaks,
            date=machine.today(),
        )
        keep(run, options.out)
        if number == options.rounds:
            print("\n" + table(run))
    print(f"Kept in {options.out}")


def keep(run: Run, folder: Path) -> None:
    """Write the results as JSON, the table as Markdown, and a figure for each number of threads."""
    (folder / f"{run.dataset}.json").write_text(run.to_json(), encoding="utf-8")
    (folder / f"{run.dataset}.md").write_text(table(run), encoding="utf-8")
    rows = rows_of(run)
    for threads in sorted({row.threads for row in rows}):
        if base_of(rows, threads) is not None:
            for ending in ("png", "svg"):
                draw(run, folder / f"{run.dataset}_{threads}.{ending}", threads)


def rounds_of(base: Settings, options: argparse.Namespace, pythons: dict[str, str]) -> Iterator[list[Result]]:
    """The results of each round; what is skipped in one round is not tried in the next."""
    cases = list(product(options.peers, options.precision, options.threads))
    order = random.Random(ORDER_SEED)
    for number in range(1, options.rounds + 1):
        results: list[Result] = []
        for peer, precision, threads in order.sample(cases, k=len(cases)):
            settings = with_case(base, precision=precision, threads=threads, seed=number - 1)
            result = child.measure(
                peer,
                settings,
                round_=number,
                pythons=pythons,
                pinned=options.pinned,
                limit=options.limit,
            )
            results.append(result)
            print(line_of(result), flush=True)
            if result.skipped is not None:
                cases.remove((peer, precision, threads))  # the loop goes over a shuffled copy
        yield results


def compare_accuracy(base: Settings, options: argparse.Namespace, pythons: dict[str, str]) -> None:
    """Textbook and cnnbuild, seed by seed with one evaluation each; which comes first alternates."""
    for precision, threads in product(options.precision, options.threads):
        found: dict[str, list[float]] = {"cnnbuild": [], "textbook": []}
        for seed in range(options.accuracy):
            for peer in sorted(found, reverse=seed % 2 == 1):
                settings = with_case(base, precision=precision, threads=threads, seed=seed, for_accuracy=True)
                result = child.measure(peer, settings, round_=seed, pythons=pythons, pinned=options.pinned)
                print(line_of(result), flush=True)
                if result.measured is None:
                    raise SystemExit(f"{peer}: {result.skipped}")
                found[peer].append(result.measured.test_accuracy)
        line = f"{precision}: {accuracy_lines(found['cnnbuild'], found['textbook'])}"
        print(line)
        content = {"settings": json.loads(base.to_json()), "precision": precision, **found, "line": line}
        path = options.out / f"{base.dataset}_accuracy_{precision}.json"
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def with_case(
    base: Settings, *, precision: str, threads: int, seed: int, for_accuracy: bool = False
) -> Settings:
    """The settings of one child; for accuracy, both sides test their last weights, once."""
    changed = {"precision": precision, "threads": threads, "seed": seed}
    if for_accuracy:
        changed |= {"select": "last", "evaluations": 1}
    return Settings.from_json(json.dumps({**json.loads(base.to_json()), **changed}))


def line_of(result: Result) -> str:
    """What is printed while the benchmark goes on."""
    what = f"{result.round}: {result.peer}, {result.precision}, {result.threads} threads"
    if result.measured is None:
        return f"{what}: SKIPPED, {result.skipped}"
    return (
        f"{what}: train {result.train_rate:,.0f}/s (first epoch {result.first_epoch_rate:,.0f}), "
        f"evaluate {result.evaluation_rate:,.0f}/s, {result.process_seconds:.1f} s, "
        f"{100 * result.measured.test_accuracy:.2f} %, load {result.load:.1f}"
    )


def peak(threads: int, clock: str, *, pinned: bool) -> dict[str, float]:
    """GFLOP/s of a matrix product by precision, from a child with as many threads."""
    command = [sys.executable, "-m", "benchmarks.training.peak", clock]
    done, _ = child.run(command, "peak", threads, cores=threads if pinned else None)
    if done.returncode:
        raise SystemExit(f"the matrix product failed: {done.stderr}")
    found = json.loads(done.stdout)
    print(f"peak      {threads} threads: fp32 {found['fp32']:.0f}, bf16 {found['bf16']:.0f} GFLOP/s")
    return {precision: found[precision] for precision in PRECISIONS}


def macs_of(settings: Settings) -> int:
    """The multiply-adds of one image, forward, as `cnnbuild inspect` counts them."""
    import cnnbuild

    channels, height, width = SHAPES[settings.dataset]
    architecture = cnnbuild.load(child.ROOT / ARCHITECTURES[settings.dataset])
    return architecture.graph(input=(channels, height, width), classes=CLASSES).macs


if __name__ == "__main__":
    main()
