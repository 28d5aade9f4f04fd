"""`cnnbuild export` to files for other programs: ONNX, torch.export; TorchScript is refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cnnbuild.cli.options import keep_files_of_runs, parse_settings
from cnnbuild.cli.target import contract_asked, contract_required, graph_asked
from cnnbuild.errors import UsageError

if TYPE_CHECKING:
    from torch import nn

OnnxOption = Annotated[
    Path | None,
    typer.Option(
        "--onnx",
        help="An ONNX file, checked by onnxruntime: pip install 'cnnbuild\\[onnx]'.",
        metavar="FILE",
        show_default=False,
    ),
]
TorchExportOption = Annotated[
    Path | None,
    typer.Option("--torch-export", help="A file of torch.export.", metavar="FILE.pt2", show_default=False),
]
TorchScriptOption = Annotated[
    Path | None,
    typer.Option(
        "--torchscript", help="Refused: torch deprecates TorchScript.", metavar="FILE", show_default=False
    ),
]


@dataclass(frozen=True)
class Wanted:
    """The files that are asked for."""

    onnx: Path | None = None
    torch_export: Path | None = None
    torchscript: Path | None = None

    @property
    def files(self) -> list[Path]:
        """Those that are named."""
        return [file for file in (self.onnx, self.torch_export, self.torchscript) if file is not None]

    def require_sound(self) -> None:
        """Do nothing if they can be written here.

        Raises:
            UsageError: one cannot.
        """
        from cnnbuild.modules.exported_files import TORCHSCRIPT, require_onnx

        if self.torchscript is not None:
            raise UsageError(TORCHSCRIPT)
        if self.torch_export is not None and self.torch_export.suffix != ".pt2":
            raise UsageError(f"{self.torch_export}: a file of torch.export must end with .pt2")
        if self.onnx is not None:
            require_onnx()
        for file in self.files:
            keep_files_of_runs(file)
            if not file.parent.is_dir():
                raise UsageError(f"{file}: there is no folder {file.parent}; make it first")


@dataclass(frozen=True)
class Exported:
    """The network that is to be written: `notes` go into the files, `weights` says whose its weights are."""

    module: nn.Module
    shape: tuple[int, int, int]
    weights: str
    notes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Images:
    """What says which images an architecture is for, and how it is changed: the flags of other verbs."""

    dataset: str | None = None
    data_root: Path | None = None
    size: str | None = None
    classes: int | None = None
    settings: Sequence[str] = ()
    plugins: Sequence[Path] = ()


def export_files(reference: str, wanted: Wanted, images: Images) -> None:
    """Write the files that are wanted of an architecture or a run, each checked against torch before.

    Raises:
        UsageError: something of it cannot be had or written.
    """
    from cnnbuild.files import write_asked_file
    from cnnbuild.modules.exported_files import onnx_file, torch_export_file

    wanted.require_sound()
    exported = _from_run(reference, images) if Path(reference).is_dir() else _fresh(reference, images)
    for file, make, what in (
        (wanted.onnx, onnx_file, "onnxruntime"),
        (wanted.torch_export, torch_export_file, "torch.export"),
    ):
        if file is None:
            continue
        made = make(exported.module, exported.shape, notes=exported.notes)
        write_asked_file(file, made.content)
        same = "equal torch's to the bit" if made.difference == 0 else f"are torch's within {TOLERANCE_SAID}"
        typer.echo(f"Written: {file}, with {exported.weights}; its outputs in {what} {same}")


TOLERANCE_SAID = "1e-5 of the largest"


def _fresh(reference: str, images: Images) -> Exported:
    """An architecture as it begins."""
    from cnnbuild.layers.plugins import registry_with

    contract = contract_required(images.dataset, images.data_root, images.size, images.classes)
    registry = registry_with(images.plugins)
    graph = graph_asked(reference, contract, parse_settings(list(images.settings)), registry)
    from cnnbuild.modules.build import build_module

    return Exported(
        build_module(graph), contract.shape, "fresh weights: name a run's folder for trained ones"
    )


def _from_run(reference: str, images: Images) -> Exported:
    """The network of a run, trained. The files hold what its images were normalised with."""
    given = contract_asked(images.dataset, images.data_root, images.size, images.classes)
    if given is not None or images.settings:
        raise UsageError(
            "a run knows its images and variables; leave --dataset, --input, --classes and --set out"
        )
    from cnnbuild.layers.plugins import registry_with
    from cnnbuild.studies.run_folder import RunFolder

    RunFolder(Path(reference)).require_finished()  # before torch is loaded
    registry = registry_with(images.plugins)
    from cnnbuild.studies.read_run import read_run

    run = read_run(Path(reference), registry, device="cpu")
    data = run.file.data
    notes = {
        "class_names": json.dumps(list(data.class_names), ensure_ascii=False),
        "pixel_mean": json.dumps(list(data.mean)),
        "pixel_std": json.dumps(list(data.std)),
    }
    channels, height, width = data.shape
    return Exported(run.module, (channels, height, width), "the weights of the run", notes)
