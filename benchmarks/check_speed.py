"""How long `cnnbuild check` takes: shipped files per variant, and files of 250 to 4,000 layers."""

from __future__ import annotations

import argparse
import gc
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from networks import flat, in_blocks, joined

from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.expectations import contract_expected
from cnnbuild.lang.architecture import read_architecture
from cnnbuild.lang.study import read_study
from cnnbuild.layers.registry import standard_registry
from cnnbuild.studies.plan import plan_study

ROOT = Path(__file__).parent.parent
CIFAR = DataContract("cifar10", 3, 32, 32, 10)
SIZES = (250, 500, 1000, 2000, 4000)


def processor_milliseconds(work: Callable[[], object], rounds: int) -> float:
    """The median time that a piece of work takes of the processor."""
    taken = []
    for _ in range(rounds):
        gc.collect()
        began = time.process_time()
        work()
        taken.append((time.process_time() - began) * 1e3)
    return median(taken)


def process_seconds(*arguments: str | Path, rounds: int) -> tuple[float, float]:
    """The median times of a whole `cnnbuild`: on the clock, and of the processor."""
    walls, processors = [], []
    command = [sys.executable, "-c", "from cnnbuild.cli.main import main; main()", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for _ in range(rounds):
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env=environment)
        walls.append(time.perf_counter() - began)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        processors.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return median(walls), median(processors)


def check_architecture(path: Path) -> int:
    """Read a file and elaborate every variant and expectation; gives how many."""
    document = read_architecture(path)
    contract = contract_expected(document.expectations[0][0]) if document.expectations else CIFAR
    for variant in (None, *document.variants):
        elaborate(document, contract, variant=variant)
    return 1 + len(document.variants)


def check_study(path: Path) -> int:
    """Read a study and elaborate its networks; gives how many there are."""
    plan = plan_study(read_study(path), data_root=None, registry=standard_registry())
    return len({(cell.architecture, cell.dataset.name) for cell in plan.cells})


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    load = os.getloadavg()[0]
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load:.1f}, {rounds} rounds")
    print("\n| file | networks | ms each, processor |\n|---|---|---|")
    folders: tuple[tuple[str, Callable[[Path], int]], ...] = (
        ("architectures", check_architecture),
        ("architectures/zoo", check_architecture),
        ("studies", check_study),
    )
    for folder, work in folders:
        for path in sorted((ROOT / folder).glob("*.yaml")):
            networks = work(path)
            each = processor_milliseconds(lambda work=work, path=path: work(path), rounds) / networks
            print(f"| {path.relative_to(ROOT)} | {networks} | {each:.1f} |")
    print("\n| layers | flat, ms | in blocks, ms | named and joined, ms | `check` flat, s wall (processor) |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder_name:
        for size in SIZES:
            times = []
            for make in (flat, in_blocks, joined):
                path = Path(folder_name) / f"{make.__name__}{size}.yaml"
                path.write_text(make(size))
                times.append(processor_milliseconds(lambda path=path: check_architecture(path), rounds))
            wall, processor = process_seconds("check", Path(folder_name) / f"flat{size}.yaml", rounds=rounds)
            cells = " | ".join(f"{each:.0f}" for each in times)
            print(f"| {size:,} | {cells} | {wall:.2f} ({processor:.2f}) |")


if __name__ == "__main__":
    main()
