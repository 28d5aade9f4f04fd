"""One run by itself: from an architecture and a data set to a folder that can be used without either."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import prod
from pathlib import Path

from torch import Tensor

from cnnbuild.analyses.subject import Subject
from cnnbuild.data.batches import normalization_of
from cnnbuild.data.dataset import Dataset, Images, Part
from cnnbuild.data.split import cannot_be_split, split_validation
from cnnbuild.errors import DataError, UsageError
from cnnbuild.graph.graph import Graph
from cnnbuild.lang.analyses import ON_REQUEST
from cnnbuild.lang.recipe import Recipe
from cnnbuild.modules.build import build_module
from cnnbuild.studies.kept_analyses import keep_analyses
from cnnbuild.studies.kept_graph import KeptGraph, describe_computation, keep_graph
from cnnbuild.studies.plan import RUN_FORMAT
from cnnbuild.studies.plugin_source import own_sources
from cnnbuild.studies.run_arguments import require_seed
from cnnbuild.studies.run_folder import KeptArchitecture, KeptData, Origin, RunFile, RunFolder, identity_of
from cnnbuild.studies.starting import Start
from cnnbuild.studies.trained_run import TrainedRun, trained_run
from cnnbuild.training.checkpoint import remove_checkpoint, save_weights
from cnnbuild.training.distributed import ALONE, World
from cnnbuild.training.evaluate import Predictions
from cnnbuild.training.fit import fit
from cnnbuild.training.lr_range import LrRange, find_lr
from cnnbuild.training.record import DivergedRunError, EpochRecord, RunRecord
from cnnbuild.training.seeding import seeded
from cnnbuild.version import __version__


def describe_run(
    graph: Graph,
    origin: Origin,
    dataset: Dataset,
    recipe: Recipe,
    seed: int,
    *,
    network: KeptGraph | None = None,
    accumulate: int | None = None,
    start: Start | None = None,
) -> RunFile:
    """What `run.json` says of a run.

    `network` is the graph as it has been kept already. `accumulate` is what the run uses instead of the
    recipe's, `start` are the weights that it begins with.

    Raises:
        UsageError: a layer type from outside has no source to be found, or the seed is none.
    """
    require_seed(seed)
    own_types = own_sources(graph)
    architecture = KeptArchitecture(
        file=str(origin.file),
        variant=origin.variant,
        vars=dict(origin.vars),
        text=_text_of(origin.file),
        network=network or keep_graph(graph, file=origin.file.name),
        own_types=own_types,
        plugins=origin.plugins,
        parameters=graph.parameters,
        macs=graph.macs,
        git=origin.git,
    )
    identity = identity_of(
        RUN_FORMAT,
        describe_computation(graph),
        own_types,
        dataset.settings,
        dataset.fingerprint,
        recipe.plain(),
        seed,
        *([] if start is None else [start.identity]),
    )
    kept = describe_data(dataset, recipe)
    return RunFile(architecture, kept, recipe.plain(), seed, identity, __version__, accumulate, start)


def describe_data(dataset: Dataset, recipe: Recipe) -> KeptData:
    """What a run keeps of its data; the statistics are those of the images that it trains on.

    Raises:
        DataError: no image is left to train on.
    """
    fitted, _ = split_validation(dataset.train.labels, recipe.validation)
    if len(fitted) == 0:
        raise DataError(cannot_be_split(dataset.label, len(dataset.train), recipe.validation))
    normalization = normalization_of(dataset.train, fitted)
    return KeptData(
        settings=dataset.settings,
        label=dataset.label,
        fingerprint=dataset.fingerprint,
        shape=dataset.contract.shape,
        class_names=dataset.class_names,
        mean=tuple(normalization.mean.tolist()),
        std=tuple(normalization.std.tolist()),
        brightness=_brightness(dataset.train, fitted),
    )


def train_run(
    graph: Graph,
    run: RunFile,
    dataset: Dataset,
    recipe: Recipe,
    folder: RunFolder | None,
    *,
    on_epoch: Callable[[EpochRecord], None] | None = None,
    resume: bool = True,
    data_root: Path | None = None,
    world: World = ALONE,
) -> TrainedRun:
    """Train, test and keep one run; in memory only without a `folder`.

    With `resume`, an unfinished one of the same configuration in the folder goes on. Of the processes of a
    `world` the first writes the files.

    Raises:
        DivergedRunError: a loss left the finite numbers; the folder's record says so.
        RunError: out of memory, a damaged checkpoint, a file that cannot be written; nothing is lost.
        RunInterruptedError: the run was asked to stop, and left a checkpoint.
        UsageError: the unfinished run of the folder is another one.
    """
    if folder is not None and world.first:
        if resume:
            goes_on(folder, run)  # refuses another run
        folder.write_run(run)
    with seeded(run.seed):
        module = build_module(graph)
    if run.start is not None:
        run.start.fill(module)
    said: list[Predictions] = []
    try:
        record = fit(
            module,
            dataset,
            recipe,
            seed=run.seed,
            on_epoch=on_epoch,
            checkpoint=None if folder is None else folder.checkpoint,
            resume=resume,
            head_weights=graph.head_weights,
            world=world,
            normalization=run.data.normalization,
            on_test=said.append,
        )
    except DivergedRunError as error:
        if folder is not None and world.first:
            folder.write_record(run, error.record)
            remove_checkpoint(folder.checkpoint)
        raise
    if folder is not None and world.first:
        save_weights(module, folder.weights)
        normalization, names = run.data.normalization, dataset.class_names
        subject = Subject(graph, module, dataset.test, normalization, names, said[0])
        warnings = keep_analyses(folder.path, subject, ON_REQUEST)
        record = replace(record, warnings=(*record.warnings, *warnings))
        folder.write_record(run, record)
        remove_checkpoint(folder.checkpoint)
    return trained_run(run, record, module, None if folder is None else folder.path, data_root)


def find_lr_of(
    graph: Graph, dataset: Dataset, recipe: Recipe, seed: int, *, start: Start | None = None
) -> LrRange:
    """A range test of a network, drawn as for a run with `seed` and thrown away.

    Raises:
        UsageError: the seed is none.
    """
    require_seed(seed)
    with seeded(seed):
        module = build_module(graph)
    if start is not None:
        start.fill(module)
    return find_lr(module, dataset, recipe, seed=seed, head_weights=graph.head_weights)


def title_of(graph: Graph, dataset: Dataset, recipe: Recipe) -> str:
    """What a range test was made with."""
    return f"{graph.name} on {dataset.label}, {recipe.optimizer.name}, {recipe.batch_size} images per step"


def goes_on(folder: RunFolder, run: RunFile) -> bool:
    """Whether an unfinished run of the same configuration is in the folder, with a checkpoint of it.

    Raises:
        UsageError: the unfinished run there is another one.
        DataError: what it was cannot be read.
    """
    if not folder.is_unfinished:
        return False
    _refuse_another(folder, run, "an unfinished run", "--overwrite to give it up")
    return True


def finished_before(folder: RunFolder, run: RunFile) -> RunRecord | None:
    """The record of the same configuration, if the folder holds that run, finished.

    Raises:
        UsageError: the finished run there is another one.
        DataError: what it was cannot be read.
    """
    if not folder.is_finished:
        return None
    _refuse_another(folder, run, "the record of an earlier run", "--overwrite")
    return folder.read_record()


def _refuse_another(folder: RunFolder, run: RunFile, held: str, way_out: str) -> None:
    """Refuse a folder whose run is of another configuration; `held` and `way_out` are words of the message.

    Raises:
        UsageError: the run there is another one.
        DataError: what it was cannot be read.
    """
    before = folder.read_run()
    if before.identity == run.identity:
        return
    differing = "; ".join(differences(before, run)) or "it is of another version of cnnbuild"
    raise UsageError(
        f"{folder.path} holds {held} that is not this one ({differing}); name another --out, or use {way_out}"
    )


def differences(before: RunFile, now: RunFile) -> list[str]:
    """In what two runs differ, in words: `epochs: 10 there, 20 here`."""
    found = [
        f"{key}: {_brief(before.recipe.get(key))} there, {_brief(now.recipe.get(key))} here"
        for key in dict.fromkeys([*before.recipe, *now.recipe])
        if before.recipe.get(key) != now.recipe.get(key)
    ]
    if before.seed != now.seed:
        found.append(f"seed: {before.seed} there, {now.seed} here")
    if before.data.settings != now.data.settings:
        found.append(f"data set: {before.data.label} there, {now.data.label} here")
    elif before.data.fingerprint != now.data.fingerprint:
        found.append(f"the images of {now.data.label} have changed")
    networks = (before.architecture.network, now.architecture.network)
    if networks[0] != networks[1] or before.architecture.own_types != now.architecture.own_types:
        found.append("the network has changed")
    starts = ["drawn weights" if one.start is None else str(one.start) for one in (before, now)]
    if starts[0] != starts[1]:
        found.append(f"it begins with {starts[0]} there, {starts[1]} here")
    elif before.start != now.start:
        found.append("the file of the weights that it begins with has changed")
    return found


def _brief(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_brief(item)}" for key, item in value.items()) + "}"
    return str(value)


def _text_of(file: Path) -> str:
    """The text of an architecture's file; empty where it is no longer there."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def _brightness(part: Part, indices: Tensor) -> tuple[float, float]:
    """The smallest and the largest mean value of the images at `indices`."""
    if isinstance(part, Images):
        means = part.images.flatten(1).numpy().mean(1)  # ten times faster than torch on bytes
    else:
        means = (part.sums.sum(1) / prod(part.shape)).numpy()
    chosen = means[indices.numpy()]
    return float(chosen.min()), float(chosen.max())
