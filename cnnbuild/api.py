"""The Python interface to architectures: what the command line does, without the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cnnbuild.errors import DocumentError, UsageError
from cnnbuild.graph.data_contract import DataContract
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

    chosen = loaded(architecture, plugins)
    graph = chosen.graph(input=input, classes=classes)
    return python_file(graph, told_of(chosen.document, chosen.vars))


def loaded(architecture: Architecture | str | Path, plugins: Iterable[Path | str | type]) -> Architecture:
    """An architecture, read where it is given by its file.

    Raises:
        as `load` does.
    """
    if isinstance(architecture, Architecture):
        return architecture
    return load(architecture, plugins=plugins)
