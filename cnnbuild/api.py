"""The Python interface: what the command line does, without the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cnnbuild.errors import DocumentError, UsageError
from cnnbuild.graph.data_contract import DataContract, contract_of
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph
from cnnbuild.graph.memory import DTYPES, Dtype
from cnnbuild.graph.optimizer_state import OPTIMIZERS, Optimizer
from cnnbuild.graph.variables import check_names
from cnnbuild.graph.views.summary import Summary
from cnnbuild.lang.architecture import ArchitectureDocument, read_architecture
from cnnbuild.lang.reference import split_reference
from cnnbuild.layers.plugins import registry_with
from cnnbuild.layers.registry import Registry, standard_registry

if TYPE_CHECKING:
    from torch import Tensor, nn

    from cnnbuild.graph.weight_matching import WeightMatch
    from cnnbuild.lang.dataset import DatasetSettings
    from cnnbuild.lang.recipe import Recipe
    from cnnbuild.studies.trained_run import TrainedRun
    from cnnbuild.training.lr_range import LrRange
    from cnnbuild.training.record import EpochRecord


@dataclass(frozen=True, repr=False)
class Architecture:
    """An architecture file, with a variant chosen and variables set; see `load`."""

    document: ArchitectureDocument
    variant: str | None = None
    vars: Mapping[str, object] = field(default_factory=dict)
    registry: Registry = field(default_factory=standard_registry)

    def __repr__(self) -> str:
        """Which file, variant and variables; not the whole document."""
        chosen = "".join(f", {name}={value!r}" for name, value in self.vars.items())
        variant = f"@{self.variant}" if self.variant else ""
        return f"Architecture({self.document.file}{variant}{chosen})"

    @property
    def name(self) -> str:
        """The file's `name:`."""
        return self.document.name

    def graph(self, *, input: tuple[int, int, int], classes: int) -> Graph:  # noqa: A002 - the field's word
        """The network for images (C, H, W) and a number of classes, in integers.

        Raises:
            UsageError: `input` is not (channels, height, width), or there is no class.
            DocumentError: the architecture has faults for such images.
        """
        _require_input(input, classes)
        contract = DataContract("x".join(str(size) for size in input), *input, classes)
        return elaborate(
            self.document, contract, variant=self.variant, overrides=self.vars, registry=self.registry
        )

    def inspect(
        self,
        *,
        input: tuple[int, int, int],  # noqa: A002 - the field's word
        classes: int,
        batch: int = 1,
        dtype: Dtype = "float32",
        optimizer: Optimizer = "sgd",
    ) -> Summary:
        """Shapes, parameters, multiply-adds and receptive fields of every node; loads no torch.

        Memory is that of a `batch` of images with everything in one `dtype`, in training with an `optimizer`.

        Raises:
            UsageError: `input` is not (channels, height, width), or `batch`, `dtype` or `optimizer` is none.
            DocumentError: the architecture has faults for such images.
        """
        _require_batch(batch)
        for name, value, known in (("dtype", dtype, DTYPES), ("optimizer", optimizer, OPTIMIZERS)):
            if value not in known:
                raise UsageError(f"{name} is one of {', '.join(known)}, not {value!r}")
        return Summary(self.graph(input=input, classes=classes), batch, dtype, optimizer)

    def build(self, *, input: tuple[int, int, int], classes: int) -> nn.Module:  # noqa: A002
        """A plain module that maps images (N, C, H, W) to logits (N, classes).

        Its weights are drawn from torch's global random generator: `torch.manual_seed` first repeats them.

        Raises:
            DocumentError: the architecture has faults for such images.
        """
        from cnnbuild.modules.build import build_module

        return build_module(self.graph(input=input, classes=classes))


def _require_input(input: object, classes: object) -> None:  # noqa: A002
    sizes = tuple(input) if isinstance(input, tuple | list) else ()
    if len(sizes) != 3 or not all(isinstance(size, int) and size > 0 for size in sizes):
        raise UsageError(f"input is (channels, height, width), three whole numbers above 0, not {input!r}")
    if not isinstance(classes, int) or classes < 1:
        raise UsageError(f"classes is a whole number above 0, not {classes!r}")


def _require_batch(batch: object) -> None:
    if not isinstance(batch, int) or batch < 1:
        raise UsageError(f"batch is a whole number above 0, not {batch!r}")


def load(
    path: str | Path,
    variant: str | None = None,
    vars: Mapping[str, object] | None = None,  # noqa: A002 - the word of the YAML
    *,
    plugins: Iterable[Path | str | type] = (),
) -> Architecture:
    """Read an architecture file; `resnet.yaml@resnet34` names a variant too.

    `plugins` are Python files, or classes, that add layer types.

    Raises:
        DocumentError: the file has faults; all faults of form are reported together.
        UsageError: there is no such file, variant, variable or plugin.
    """
    file, named = split_reference(str(path))
    document = read_architecture(file)
    if document.faults:
        raise DocumentError(document.faults)
    chosen = variant if variant is not None else named
    check_names(document, chosen, vars or {})
    return Architecture(document, chosen, dict(vars or {}), registry_with(plugins))


def load_weights(
    model: nn.Module,
    weights: str | Path | Mapping[str, Tensor],
    strict: bool = True,
    *,
    excepted: Iterable[str] = (),
) -> WeightMatch:
    """Give a network the weights of a file, of a run's folder, or of a state dictionary.

    Files are safetensors, or torch's; nothing in them is executed. Tensors are matched by name: the network's
    own, or, where more fit, those of a map under `weights:` in its architecture file. Shapes may differ in
    lengths of 1. `excepted` are names or patterns (`fc`, `layer4.*.conv1`) of weights that keep their values.
    The result says what became of each tensor.

    Raises:
        UsageError: there is no such file, or a name of `excepted` stands for nothing.
        DataError: the file is damaged or none of weights; or, if `strict`, a tensor is missing, unexpected or
            of another shape; or nothing fits. Nothing was changed.
    """
    from cnnbuild.modules import weights as of_modules

    return of_modules.load_weights(model, weights, strict=strict, excepted=excepted)


def train(
    architecture: Architecture | str | Path,
    dataset: str | Mapping[str, object] = "digits",
    recipe: Recipe | Mapping[str, object] | None = None,
    *,
    seed: int = 0,
    out: str | Path | None = None,
    on_epoch: Callable[[EpochRecord], None] | None = None,
    resume: bool = True,
    overwrite: bool = False,
    weights: str | Path | None = None,
    excepted: Iterable[str] = (),
    data_root: Path | None = None,
    plugins: Iterable[Path | str | type] = (),
) -> TrainedRun:
    """Train one network once and test it.

    `dataset` is a name, or a name with options: `{"cifar10": {"train_images": 5000}}`. `recipe` has the keys
    of a study's `train:`. `out` is a folder for the run, which `load_run` reads; without it the run is in
    memory only. An unfinished run of the same configuration in `out` goes on, or begins anew with `resume`
    false; a finished one is only replaced with `overwrite`. `weights` is a file of weights, or a run's
    folder, to begin with; all must fit but those that `excepted` names, which are drawn. `plugins` are for an
    architecture given by its file.

    Raises:
        DocumentError: the architecture, the data set's name or the recipe has faults.
        DataError: the data set is missing or too small.
        UsageError: `out` cannot be used, or an argument cannot be honoured.
        RunError: the run diverged, or had no memory left.
    """
    from cnnbuild.data.load import load_dataset
    from cnnbuild.studies import run_arguments, single_run
    from cnnbuild.studies.run_folder import Origin, RunFolder
    from cnnbuild.studies.starting import start_from
    from cnnbuild.training.environment import git_revision

    loaded = _loaded(architecture, plugins)
    settings, chosen = run_arguments.dataset_of(dataset), run_arguments.recipe_of(recipe)
    graph = _graph_for(loaded, settings, data_root)
    folder = None if out is None else RunFolder(Path(out))
    if folder is not None:
        folder.open(overwrite=overwrite)
    data = load_dataset(settings, data_root=data_root, data=chosen.data)
    files = tuple(str(plugin) for plugin in plugins if not isinstance(plugin, type))
    file = Path(loaded.document.file)
    origin = Origin(file, loaded.variant, loaded.vars, files, git_revision(file))
    left = tuple(excepted)
    if left and weights is None:
        raise UsageError("excepted leaves weights of a file out; name it with weights")
    start = None if weights is None else start_from(Path(weights), left, graph)
    run = single_run.describe_run(graph, origin, data, chosen, seed, start=start)
    return single_run.train_run(
        graph, run, data, chosen, folder, on_epoch=on_epoch, resume=resume, data_root=data_root
    )


def load_run(
    path: str | Path,
    *,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    data_root: Path | None = None,
    plugins: Iterable[Path | str | type] = (),
) -> TrainedRun:
    """The run in a folder of `cnnbuild train`, or of a study's cell, to predict and evaluate with.

    Nothing but the folder is needed, wherever it lies; `plugins` are the layer types of one's own that the
    network has. No code is ever taken from the folder.

    Raises:
        UsageError: the folder holds no finished run, or needs a plugin that was not given.
        DataError: a file of it is damaged.
    """
    from cnnbuild.studies.read_run import read_run

    return read_run(Path(path), registry_with(plugins), device=device, data_root=data_root)


def to_python(
    architecture: Architecture | str | Path,
    *,
    input: tuple[int, int, int],  # noqa: A002 - the field's word
    classes: int,
    plugins: Iterable[Path | str | type] = (),
) -> str:
    """One Python file as text, with a plain `nn.Module` that needs torch only.

    Its state_dict has the keys and shapes of what `build` gives. `plugins` are for an architecture given by
    its file; their modules are imported by the file.

    Raises:
        DocumentError: the architecture has faults for such images.
        UsageError: a layer of a plugin cannot be written out.
    """
    from cnnbuild.source_code.origin import told_of
    from cnnbuild.source_code.python_file import python_file

    loaded = _loaded(architecture, plugins)
    graph = loaded.graph(input=input, classes=classes)
    return python_file(graph, told_of(loaded.document, loaded.vars))


def find_lr(
    architecture: Architecture | str | Path,
    dataset: str | Mapping[str, object] = "digits",
    recipe: Recipe | Mapping[str, object] | None = None,
    *,
    seed: int = 0,
    out: str | Path | None = None,
    data_root: Path | None = None,
    plugins: Iterable[Path | str | type] = (),
) -> LrRange:
    """A learning-rate range test (Smith 2017); `.suggestion` is None where the loss never fell.

    With `out`, a folder, the plot and the points are written there: `lr_range.png`, `.svg`, `.csv`, `.json`.

    Raises:
        as `train` does.
    """
    from cnnbuild.data.load import load_dataset
    from cnnbuild.studies import run_arguments, single_run

    loaded = _loaded(architecture, plugins)
    settings, chosen = run_arguments.dataset_of(dataset), run_arguments.recipe_of(recipe)
    graph = _graph_for(loaded, settings, data_root)
    data = load_dataset(settings, data_root=data_root, data=chosen.data)
    found = single_run.find_lr_of(graph, data, chosen, seed)
    if out is not None:
        from cnnbuild.report.lr_range_figure import write_lr_range

        write_lr_range(found, Path(out), title=single_run.title_of(graph, data, chosen))
    return found


def _loaded(architecture: Architecture | str | Path, plugins: Iterable[Path | str | type]) -> Architecture:
    if isinstance(architecture, Architecture):
        return architecture
    return load(architecture, plugins=plugins)


def _graph_for(architecture: Architecture, settings: DatasetSettings, data_root: Path | None) -> Graph:
    return elaborate(
        architecture.document,
        contract_of(settings, data_root=data_root),
        variant=architecture.variant,
        overrides=architecture.vars,
        registry=architecture.registry,
    )
