"""From the folder of a run to its network with the trained weights; needs no file but those of the folder."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from cnnbuild.errors import DataError, DocumentError, UsageError
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.graph import Graph
from cnnbuild.layers.registry import Registry
from cnnbuild.modules.build import build_module
from cnnbuild.studies.json_files import how_again
from cnnbuild.studies.kept_graph import graph_from
from cnnbuild.studies.plugin_source import own_sources
from cnnbuild.studies.run_folder import RunFile, RunFolder
from cnnbuild.studies.trained_run import TrainedRun, trained_run
from cnnbuild.training.machine import choose_device
from cnnbuild.training.record import RunRecord


def read_run(
    path: Path,
    registry: Registry,
    *,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    data_root: Path | None = None,
) -> TrainedRun:
    """The run in a folder, its network built and its weights loaded.

    `registry` holds the layer types that its network needs, `data_root` is where data sets are looked for.

    Raises:
        UsageError: the folder holds no finished run, or needs a plugin that was not given.
        DataError: a file of it is damaged.
    """
    file, _ = _finished(path)
    graph = graph_of_run(RunFolder(path), file, registry)
    return run_of_graph(path, graph, device=device, data_root=data_root)


def run_of_graph(
    path: Path,
    graph: Graph,
    *,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    data_root: Path | None = None,
) -> TrainedRun:
    """The run in a folder whose network is known to be that of `graph`.

    Raises:
        UsageError: the folder holds no finished run.
        DataError: a file of it is damaged.
    """
    file, record = _finished(path)
    module = build_module(graph)
    module.load_state_dict(_weights(RunFolder(path), module))
    return trained_run(file, record, module.to(choose_device(device)), path, data_root)


def _finished(path: Path) -> tuple[RunFile, RunRecord]:
    """What was trained in a folder, and how it ended.

    Raises:
        UsageError: the folder holds no finished run with weights.
        DataError: a file of it is damaged.
    """
    folder = RunFolder(path)
    folder.require_finished()
    file, record = folder.read_run(), folder.read_record()
    if record.status != "done":
        raise UsageError(f"{path}: this run has {record.status}, and left no weights")
    return file, record


def graph_of_run(folder: RunFolder, file: RunFile, registry: Registry) -> Graph:
    """The network of a run, built from what its folder keeps of it.

    Raises:
        UsageError: it needs a plugin that was not given, or that has changed.
        DataError: the folder's file is damaged, or the network could not be kept.
    """
    architecture = file.architecture
    missing = sorted(name for name in architecture.own_types if name not in registry)
    if missing:
        files = architecture.plugins or ("FILE",)
        flags = " ".join(f"--plugin {file}" for file in files)
        argument = f"plugins=[{', '.join(map(repr, files))}]"
        words = "types" if len(missing) > 1 else "type"
        raise UsageError(
            f"{folder.path}: its network has the layer {words} {', '.join(missing)}, which cnnbuild has not; "
            f"give the Python file as for the training: {flags} (in Python: {argument})"
        )
    if architecture.network is None:
        raise DataError(f"{folder.path}: its network could not be kept, so it cannot be built again")
    shape, classes = file.data.shape, len(file.data.class_names)
    contract = DataContract(str(file.data.settings.get("name")), *shape, classes)
    try:
        graph = graph_from(architecture.network, contract, registry)
    except DocumentError as error:
        raise DataError(f"{folder.path / 'run.json'} is damaged: {error.problems[0].message}") from error
    found = own_sources(graph)
    if changed := sorted(name for name in found if found[name] != architecture.own_types.get(name)):
        raise UsageError(
            f"{folder.path}: the source of the layer type {changed[0]} has changed since the run; "
            "give the file as it was, or train again"
        )
    return graph


def _weights(folder: RunFolder, module: nn.Module) -> dict[str, Tensor]:
    path = folder.weights
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path} is missing; {how_again(folder.path)}") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    try:
        _require_sound(content)
        loaded: object = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise DataError(f"{path} is damaged or cut off; {how_again(folder.path)}") from error
    expected = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    if not isinstance(loaded, dict) or expected != dict(_shapes(loaded)):
        raise DataError(f"{path} does not hold the weights of this run's network; {how_again(folder.path)}")
    return loaded


def _require_sound(content: bytes) -> None:
    """Check the sums of torch's zip file; torch itself looks at none, and would load flipped bits.

    Raises:
        ValueError: the content is no zip file, or not the one that was written.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            damaged = file.testzip()
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, struct.error) as error:
        raise ValueError(str(error)) from error
    if damaged is not None:
        raise ValueError(damaged)


def _shapes(loaded: dict[str, object]) -> Iterator[tuple[str, tuple[int, ...]]]:
    for name, tensor in loaded.items():
        yield name, tuple(tensor.shape) if isinstance(tensor, Tensor) else ()
