"""Whole processes, start to exit: `cnnbuild train` for one epoch on MNIST, and each peer for the same.

    CNNBUILD_DATA=... python -m benchmarks.training.process --rounds 5 -o results/

cnnbuild is its command line, with everything that it does: validation, record, weights, latencies. It runs
in its default precision; `--arguments` adds to its command line. The peers import, read, train one epoch
and evaluate once.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shlex
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from benchmarks.training import child, images, machine
from benchmarks.training.__main__ import ORDER_SEED, PRECISIONS, data_root_of
from benchmarks.training.figures import spread
from benchmarks.training.peers import LABELS, MODULES
from benchmarks.training.result import Result
from benchmarks.training.settings import ARCHITECTURES, TRAINING_IMAGES, VALIDATION, Settings, with_validation

START = "import sys; sys.argv[0] = 'cnnbuild'; from cnnbuild.cli.main import main; main()"


def command_line(settings: Settings, folder: Path, python: str, arguments: list[str]) -> list[str]:
    """`cnnbuild train` with the images that leave the peers' beside the validation part."""
    available = TRAINING_IMAGES[settings.dataset]
    given = with_validation(settings.images, available)
    dataset = settings.dataset if given == available else f"{{{settings.dataset}: {{train_images: {given}}}}}"
    chosen = ["--epochs", "1", "--batch-size", str(settings.batch_size), "--lr", str(settings.lr)]
    where = ["--seed", str(settings.seed), "--out", str(folder), "--data-root", settings.data_root]
    architecture = ARCHITECTURES[settings.dataset]
    return [python, "-c", START, "train", architecture, "--dataset", dataset, *chosen, *where, *arguments]


def measure_product(
    settings: Settings, *, pythons: Mapping[str, str], pinned: bool, arguments: list[str]
) -> tuple[float, float]:
    """The seconds of `cnnbuild train` and its test accuracy.

    Raises:
        SystemExit: it failed, or trained another network or on another number of images.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command = command_line(settings, out, pythons.get("cnnbuild", sys.executable), arguments)
        cores = settings.threads if pinned else None
        done, seconds = child.run(command, "cnnbuild", settings.threads, clock=settings.clock, cores=cores)
        if done.returncode:
            raise SystemExit(f"cnnbuild train failed:\n{done.stdout}{done.stderr}")
        record = json.loads((out / "record.json").read_text(encoding="utf-8"))
    run = record.get("run", record)
    found = (run["parameters"], run["train_images"], len(run["epochs"]))
    if found != (settings.parameters, settings.images, 1):
        raise SystemExit(f"cnnbuild train had {found} parameters, images and epochs")
    return seconds, float(run["test"]["accuracy"])


def main() -> None:
    """Measure, print, and keep the table."""
    options = _parse()
    data_root = data_root_of()
    pythons = dict(entry.split("=", 1) for entry in options.python)
    cases = [(peer, p) for peer in options.peers for p in options.precision if peer != "cnnbuild"]
    if "cnnbuild" in options.peers:
        cases.append(("cnnbuild", "default"))
    seconds: dict[tuple[str, str], list[float]] = {case: [] for case in cases}
    accuracies: dict[tuple[str, str], list[float]] = {case: [] for case in cases}
    before = machine.load()
    with tempfile.TemporaryDirectory() as inputs:
        images.prepare("mnist", options.images, Path(inputs), data_root)
        settings = Settings(
            "mnist", options.images, 1, inputs, str(data_root), evaluations=1, clock=options.clock
        )
        order = random.Random(ORDER_SEED)
        for number in range(1, options.rounds + 1):
            for case in order.sample(cases, k=len(cases)):
                outcome = _measure(
                    case, replace(settings, threads=options.threads, seed=number - 1), options, pythons
                )
                if isinstance(outcome, Result):
                    print(f"{number}: {case[0]}, {case[1]}: SKIPPED, {outcome.skipped}", flush=True)
                    cases.remove(case)
                    continue
                seconds[case].append(outcome[0])
                accuracies[case].append(outcome[1])
                print(
                    f"{number}: {case[0]}, {case[1]}: {outcome[0]:.1f} s, load {machine.load():.1f}",
                    flush=True,
                )
    text = _table(seconds, accuracies, options, (before, machine.load()))
    print("\n" + text)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "process.md").write_text(text, encoding="utf-8")
    plain = {f"{peer} {precision}": values for (peer, precision), values in seconds.items()}
    (options.out / "process.json").write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")


def _parse() -> argparse.Namespace:
    available = TRAINING_IMAGES["mnist"]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.training.process", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--images", type=int, default=available - round(available * VALIDATION))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", nargs="+", choices=PRECISIONS, default=["fp32"], help="of the peers")
    parser.add_argument("--peers", type=lambda text: text.split(","), default=list(MODULES), metavar="A,B,C")
    parser.add_argument("--python", action="append", default=[], metavar="PEER=PATH", help="its interpreter")
    parser.add_argument("--clock", choices=("wall", "processor"), default="wall", help="on a busy machine")
    parser.add_argument("--arguments", type=shlex.split, default=[], help="more for `cnnbuild train`")
    parser.add_argument("--no-pin", dest="pinned", action="store_false", help="let processes use all cores")
    parser.add_argument("-o", "--out", type=Path, default=Path("runs/benchmarks"), metavar="DIR")
    return parser.parse_args()


def _measure(
    case: tuple[str, str], settings: Settings, options: argparse.Namespace, pythons: Mapping[str, str]
) -> tuple[float, float] | Result:
    """Seconds and accuracy, or the result that was skipped."""
    peer, precision = case
    if peer == "cnnbuild":
        return measure_product(settings, pythons=pythons, pinned=options.pinned, arguments=options.arguments)
    asked = replace(settings, precision="bf16" if precision == "bf16" else "fp32")
    result = child.measure(peer, asked, round_=0, pythons=pythons, pinned=options.pinned)
    if result.measured is None or result.process_seconds is None:
        return result
    return result.process_seconds, result.measured.test_accuracy


def _table(
    seconds: Mapping[tuple[str, str], list[float]],
    accuracies: Mapping[tuple[str, str], list[float]],
    options: argparse.Namespace,
    load: tuple[float, float],
) -> str:
    """A Markdown table, the shortest process first."""
    ours = seconds.get(("cnnbuild", "default"))
    measured = {case: values for case, values in seconds.items() if values}
    rounds = "1 round" if options.rounds == 1 else f"{options.rounds} rounds"
    clock = {"wall": "wall clock", "processor": "seconds of the processor"}[options.clock]
    pinned = "pinned" if options.pinned else "not pinned"
    lines = [
        f"simple_cnn on MNIST, {options.images:,} training images, one epoch, one evaluation; medians of "
        f"{rounds} in random order, {clock}, threads: {options.threads}, {pinned}. {machine.machine_name()}, "
        f"{os.cpu_count()} cores, load {load[0]:.1f} before and {load[1]:.1f} after.",
        "",
        "| process | precision | s (quartiles) | times cnnbuild's | test accuracy |",
        "|---|---|---|---|---|",
    ]
    for case in sorted(measured, key=lambda case: spread(measured[case]).median):
        values, accuracy = spread(measured[case]), spread(accuracies[case]).median
        name = "`cnnbuild train`" if case[0] == "cnnbuild" else LABELS[case[0]]
        ratio = f"{values.median / spread(ours).median:.2f}" if ours else ""
        quartiles = f"{values.median:.1f} ({values.lower:.1f} to {values.upper:.1f})"
        lines.append(f"| {name} | {case[1]} | {quartiles} | {ratio} | {100 * accuracy:.2f} % |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
