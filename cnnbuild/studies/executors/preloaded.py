"""What the fork server of the local executor does once, so that no run has to: imported there, it is done.

A rehearsal of a run, all but its training: whatever is loaded, compiled or read at its first use is there
when a run is forked. Without it a run of the digits would begin with three seconds of imports.

No thread may be alive, and no CUDA device in use, when a process forks: torch computes with one thread
meanwhile and sees no device, and no gradient is computed, for which torch starts threads where it sees some.
"""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

import cnnbuild.studies.executors.child  # noqa: F401 - what a run begins with
from cnnbuild.analyses.subject import Subject
from cnnbuild.data.load import load_dataset
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.lang.architecture import parse_architecture
from cnnbuild.lang.dataset import DatasetSettings
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.lang.recipe import Recipe
from cnnbuild.layers.plugins import registry_with
from cnnbuild.modules.build import build_module
from cnnbuild.studies.job import Job, read_job
from cnnbuild.studies.job_cell import cell_of
from cnnbuild.studies.kept_analyses import keep_analyses
from cnnbuild.studies.kept_graph import keep_graph
from cnnbuild.studies.record import CellRecord
from cnnbuild.studies.run_folder import Origin, RunFolder
from cnnbuild.studies.single_run import describe_run
from cnnbuild.training.checkpoint import save_weights, write_checkpoint
from cnnbuild.training.evaluate import evaluation_of, predict
from cnnbuild.training.identity import identity_of
from cnnbuild.training.outcome import record_of
from cnnbuild.training.record import RunRecord
from cnnbuild.training.resume import checkpoint_of
from cnnbuild.training.run import prepare_run
from cnnbuild.training.seeding import seeded
from cnnbuild.training.threads import worthwhile_threads

NETWORK = """\
cnnbuild: 1
layers:
  - conv: {out_channels: 4, kernel_size: 3, padding: half}
  - residual: {body: [batch_norm, relu], shortcut: identity}
  - max_pool: 2
  - global_avg_pool
  - flatten
  - dropout: 0.5
  - linear: $data.classes
"""
HIDDEN = {"CUDA_VISIBLE_DEVICES": "", "PYTORCH_NVML_BASED_CUDA_CHECK": "1"}
IMAGES = 100


def rehearse(folder: Path) -> None:
    """Do what a run does, but for training, with a small network and some digits."""
    recipe = Recipe.model_validate({"epochs": 1, "batch_size": 32, "device": "cpu"})
    dataset = load_dataset(DatasetSettings(name="digits", train_images=IMAGES), data_root=None)
    registry = registry_with()
    tuple(registry)  # imports all families of layers
    graph = elaborate(
        parse_architecture(parse_yaml(NETWORK, "net.yaml"), default_name="rehearsal"), dataset.contract
    )
    network = keep_graph(graph, file="net.yaml")
    if network is None:
        return
    job = Job(
        name="rehearsal",
        folder=str(folder),
        cell_id="",
        architecture="rehearsal",
        architecture_file="net.yaml",
        variant=None,
        vars={},
        grid={},
        setting="",
        dataset=dataset.settings,
        data="auto",
        fingerprint=dataset.fingerprint,
        recipe=recipe.plain(),
        seed=0,
        network=network,
    )
    job.write()
    cell = cell_of(read_job(folder), dataset)
    described = describe_run(cell.graph, Origin(cell.file), dataset, recipe, 0, network=network)
    RunFolder(folder).write_run(described)
    with seeded(0):
        module = build_module(cell.graph)
    run = prepare_run(module, dataset, recipe, seed=0, device=torch.device("cpu"), head_weights={})
    with worthwhile_threads(module, run.train.batch(run.fitted[:1])[0], recipe.batch_size):
        write_checkpoint(checkpoint_of(run, identity_of(run, dataset)), folder / "checkpoint.pt")
        save_weights(module, folder / "weights.pt")
        said = predict(module, run.test, torch.arange(len(run.test)))
        test = evaluation_of(said, run.test.labels, len(dataset.class_names))
        normalization, names = described.data.normalization, dataset.class_names
        subject = Subject(cell.graph, module, dataset.test, normalization, names, said)
        keep_analyses(folder, subject, ["feature_maps"])  # fields would need gradients
        record = record_of(run, dataset, None, test=test, ended="epochs")
    _tell(job, record)


def _tell(job: Job, run: RunRecord) -> None:
    """Make the record of a cell, and read it again."""
    record = CellRecord(
        cell_id=job.cell_id,
        architecture=job.architecture,
        architecture_file=job.architecture_file,
        variant=None,
        vars={},
        dataset=job.dataset,
        dataset_label="",
        seed=0,
        state="done",
        reason="",
        parameters=0,
        macs=0,
        activation_bytes=0,
        recipe=job.recipe,
        run=run,
        started="",
        seconds=0.0,
        cnnbuild_version="",
    )
    CellRecord.from_dict(record.to_dict())


@contextmanager
def _alone() -> Iterator[None]:
    """Within it torch has one thread and no device."""
    threads = torch.get_num_threads()
    before = {name: os.environ.get(name) for name in HIDDEN}
    os.environ.update(HIDDEN)
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def is_fork_server() -> bool:
    """Whether this process is the one that forks the runs."""
    return any("multiprocessing.forkserver" in word for word in sys.orig_argv)


def preload() -> None:
    """Rehearse; what cannot be rehearsed costs a run time, and nothing else.

    SIGTERM is ignored from here on: sent to all processes of a job, as schedulers do, it is for the
    supervisor and the runs to answer, which would be killed if the process that forked them ended.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with _alone(), tempfile.TemporaryDirectory() as folder, suppress(Exception):
        rehearse(Path(folder))
    gc.collect()
    gc.freeze()  # the collector of a run need not write into what it shares with the others
    atexit.register(gc.unfreeze)  # else libraries complain of leaks when the fork server ends


if is_fork_server():
    preload()
