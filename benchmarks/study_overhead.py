"""What a study costs beyond its training: the start of a worker, each run, memory, the report.

`python benchmarks/study_overhead.py` prints the figures with the machine's load before and after. The
overhead of a run is the wall time of the study times its slots, less what the runs say of themselves, divided
by their number: once less the seconds of their epochs with evaluation and checkpoints (`seconds` of the run's
record), and once less the seconds of training steps alone. Processor times say the same where other programs
share the machine: they contain the training.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import psutil

from cnnbuild.lang.study import read_study
from cnnbuild.layers.plugins import registry_with
from cnnbuild.report.page import write_report
from cnnbuild.studies.events import CellEnded, StudyEvent
from cnnbuild.studies.executors.executor import Executor
from cnnbuild.studies.executors.local import LocalExecutor
from cnnbuild.studies.job import Job
from cnnbuild.studies.kept_graph import KeptGraph
from cnnbuild.studies.plan import StudyPlan, plan_study
from cnnbuild.studies.run import run_plan

NETWORK = """\
cnnbuild: 1
vars: {width: 8}
layers: [flatten, linear: $width, LAYER, linear: $data.classes]
"""
STUDY = """\
cnnbuild: 1
study: overhead
architectures:
  narrow: {file: net.yaml, vars: {width: 8}}
  wide: {file: net.yaml, vars: {width: 32}}
datasets: [{digits: {train_images: 200}}]
seeds: SEEDS
train: {epochs: 1, optimizer: {adam: {lr: 0.01}}}
"""
SLEEPING = """\
import time

from torch import Tensor, nn

import cnnbuild

slept = []


@cnnbuild.layer("sleeping")
class Sleeping(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "meta" and not slept:
            slept.append(True)
            time.sleep(2)
        return x + 0
"""
SLEEPING_RUNS = 12
EMPTY_STARTS = 30


@dataclass
class Listener:
    """Counts what has ended, and looks at this process's own memory now and then."""

    seconds: float = 0.0
    step_seconds: float = 0.0
    ended: int = 0
    failed: int = 0
    megabytes: dict[int, float] = field(default_factory=dict)

    def hear(self, event: StudyEvent) -> None:
        """Take note of a run that ended."""
        if not isinstance(event, CellEnded):
            return
        self.ended += 1
        run = event.record.run
        if run is None:
            self.failed += 1
            return
        self.seconds += run.seconds
        self.step_seconds += sum(epoch.train_seconds for epoch in run.epochs)
        if self.ended in {100, 500, 1000, 2000, 5000}:
            self.megabytes[self.ended] = psutil.Process().memory_full_info().uss / 1e6


@contextmanager
def local(slots: int) -> Iterator[Executor]:
    """An executor that is closed at the end."""
    executor = LocalExecutor(slots)
    try:
        yield executor
    finally:
        executor.close()


def planned(folder: Path, *, seeds: int, layer: str = "relu", plugins: tuple[Path, ...] = ()) -> StudyPlan:
    """A study of two networks."""
    (folder / "net.yaml").write_text(NETWORK.replace("LAYER", layer))
    path = folder / "overhead.yaml"
    path.write_text(STUDY.replace("SEEDS", str(seeds)))
    return plan_study(read_study(path), data_root=None, registry=registry_with(plugins))


def empty_start(executor: Executor, folder: Path) -> float:
    """Milliseconds from the start to the exit of a worker that finds no job in its folder."""
    job = Job(
        name="empty",
        folder=str(folder),
        cell_id="",
        architecture="",
        architecture_file="",
        variant=None,
        vars={},
        grid={},
        setting="",
        dataset={},
        data="auto",
        fingerprint="",
        recipe={},
        seed=0,
        network=KeptGraph("", "", (), {}, ()),
    )
    began = time.perf_counter()
    executor.start([job])
    while not executor.wait(60):
        pass
    return (time.perf_counter() - began) * 1e3


def sleeping_runs(executor: Executor, folder: Path, slots: int) -> float:
    """Seconds that 12 runs take which do little but sleep 2 s."""
    plugin = folder / "sleeping.py"
    plugin.write_text(SLEEPING)
    plan = planned(folder, seeds=SLEEPING_RUNS // 2, layer="sleeping", plugins=(plugin,))
    began = time.perf_counter()
    run_plan(
        plan,
        out=folder / "out",
        data_root=None,
        executor=executor,
        plugins=[plugin],
        jobs=slots,
        threads=1,
    )
    return time.perf_counter() - began


def processor_seconds() -> tuple[float, float, float]:
    """What this process, the fork server, and the workers have taken of the processor, also those alive."""
    own = time.process_time()
    for child in psutil.Process().children():
        if "forkserver" in " ".join(child.cmdline()):
            times = child.cpu_times()
            workers = times.children_user + times.children_system
            alive = [worker.cpu_times() for worker in child.children()]
            return own, times.user + times.system, workers + sum(one.user + one.system for one in alive)
    return own, 0.0, 0.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--slots", type=int, default=2)
    arguments = parser.parse_args()
    runs, slots = arguments.runs, arguments.slots
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {slots} slots")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        began = time.perf_counter()
        with local(slots) as executor:
            empty_start(executor, folder)
            print(f"fork server ready after           {time.perf_counter() - began:8.2f} s")
            starts = [empty_start(executor, folder) for _ in range(EMPTY_STARTS)]
            print(f"worker, from start to exit        {median(starts):8.1f} ms (least {min(starts):.1f})")
            (folder / "sleeping").mkdir()
            slept = sleeping_runs(executor, folder / "sleeping", slots)
            print(f"{SLEEPING_RUNS} runs that sleep 2 s             {slept:8.2f} s")
            measure(executor, folder, runs, slots)
    print(f"load {os.getloadavg()[0]:.1f}")


def measure(executor: Executor, folder: Path, runs: int, slots: int) -> None:
    """Print what `runs` runs cost, and their report."""
    began = time.perf_counter()
    plan = planned(folder, seeds=runs // 2)
    print(f"planning {len(plan.cells)} runs                {time.perf_counter() - began:8.2f} s")
    listener = Listener()
    before, began = processor_seconds(), time.perf_counter()
    run_plan(
        plan,
        out=folder / "out",
        data_root=None,
        on_event=listener.hear,
        executor=executor,
        jobs=slots,
        threads=1,
    )
    wall = time.perf_counter() - began
    count = listener.ended
    taken = [1e3 * (b - a) / count for a, b in zip(before, processor_seconds(), strict=True)]
    whole, own, steps = (1e3 * s / count for s in (wall * slots, listener.seconds, listener.step_seconds))
    print(f"{count} runs, {listener.failed} without a record    {wall:8.1f} s")
    print(f"a run takes of a slot             {whole:8.1f} ms")
    print(f"  of which it trains              {own:8.1f} ms (its steps alone {steps:.1f} ms)")
    print(
        f"  overhead                        {whole - own:8.1f} ms (beyond its steps {whole - steps:.1f} ms)"
    )
    print("processor time of a run: supervisor {:.1f}, fork server {:.1f}, worker {:.1f} ms".format(*taken))
    told = ", ".join(f"{megabytes:.0f} MB at run {n}" for n, megabytes in listener.megabytes.items())
    print(f"memory of the supervisor alone    {told}")
    began = time.perf_counter()
    write_report(folder / "out")
    print(f"report                            {time.perf_counter() - began:8.1f} s")


if __name__ == "__main__":
    main()
