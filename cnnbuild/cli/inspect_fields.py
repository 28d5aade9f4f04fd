"""The flags of `cnnbuild inspect` about receptive fields: drawn on the input, and measured."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cnnbuild.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from cnnbuild.graph.graph import Graph
    from cnnbuild.graph.views.rf_map.drawing import MapRequest
    from cnnbuild.graph.views.rf_map.effective import EffectiveField
    from cnnbuild.graph.views.rf_map.stages import Stage

FORMATS = (".svg", ".png", ".html")
SEED = 0

RfMapOption = Annotated[
    Path | None,
    typer.Option(
        "--rf-map",
        help="Draw what the stages see of the input, and list it: a .svg, .png or .html.",
        metavar="FILE",
        show_default=False,
        rich_help_panel="Pictures",
    ),
]
ImageOption = Annotated[
    Path | None,
    typer.Option(
        "--image",
        help="With --rf-map or --erf: an image to draw on, and to measure with.",
        metavar="FILE",
        show_default=False,
        rich_help_panel="Pictures",
    ),
]
ErfOption = Annotated[
    bool,
    typer.Option(
        "--erf",
        help="Measure the effective receptive fields of the stages, too; loads torch.",
        rich_help_panel="Pictures",
    ),
]
WeightsOption = Annotated[
    Path | None,
    typer.Option(
        "--weights",
        help="With --erf: the weights.pt of a trained network (otherwise as initialised with seed 0).",
        metavar="FILE",
        show_default=False,
        rich_help_panel="Pictures",
    ),
]


@dataclass(frozen=True, slots=True)
class FieldsAsked:
    """The values of the flags."""

    rf_map: Path | None
    image: Path | None
    erf: bool
    weights: Path | None

    @property
    def anything(self) -> bool:
        """Whether the stages' fields are asked for."""
        return self.rf_map is not None or self.erf

    def check(self) -> None:
        """Nothing, where the flags fit together.

        Raises:
            UsageError: a flag stands without the one that it belongs to, or the picture has no known format.
        """
        if self.image is not None and self.rf_map is None and not self.erf:
            raise UsageError("--image belongs to --rf-map FILE or --erf")
        if self.weights is not None and not self.erf:
            raise UsageError("--weights belongs to --erf")
        if self.rf_map is not None and self.rf_map.suffix.lower() not in FORMATS:
            raise UsageError(f"--rf-map writes {', '.join(FORMATS)} files, not '{self.rf_map.name}'")


def fields_told(graph: Graph, asked: FieldsAsked, *, as_json: bool) -> str:
    """The table of the stages' fields, or the same as JSON; writes the picture where one is asked for.

    Raises:
        UsageError: the network has no maps, the image or the weights cannot be used, or the picture cannot
            be written.
    """
    from cnnbuild.graph.views.rf_map.drawing import MapRequest, map_stages
    from cnnbuild.graph.views.rf_map.table import stages_table, stages_to_dict

    stages = map_stages(graph)
    image = None if asked.image is None else read_image(asked.image, graph.contract.shape)
    notes: tuple[str, ...] = ()
    effective: tuple[EffectiveField, ...] = ()
    if asked.erf:
        effective = _measured(graph, stages, image, asked.weights)
        notes = (_how_measured(image, asked),)
    request = MapRequest(graph, stages, effective, image, notes)
    if asked.rf_map is not None:
        _write(request, asked.rf_map)
    if as_json:
        return json.dumps(stages_to_dict(request), indent=2)
    return stages_table(request)


def read_image(path: Path, shape: tuple[int, int, int]) -> bytes:
    """An image file as the bytes of a PNG file of the network's input size, (C, H, W).

    Grey for one channel and in colours for three; the sides are scaled by themselves, as for `image_folder`.

    Raises:
        UsageError: the file is no image, or the network takes neither one nor three channels.
    """
    from PIL import Image, UnidentifiedImageError

    channels, height, width = shape
    if channels not in {1, 3}:
        raise UsageError(f"--image: the network takes {channels} channels, and images have 1 or 3")
    try:
        with Image.open(path) as image:
            if image.mode in {"I", "F"} or image.mode.startswith("I;"):
                raise UsageError(f"--image {path}: save the image with 8 bits for each value")
            pixels = image.convert("L" if channels == 1 else "RGB")
    except FileNotFoundError:
        raise UsageError(f"--image {path}: there is no such file") from None
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or "it is damaged, or of no known format"
        raise UsageError(f"--image {path} cannot be read as an image: {reason}") from error
    if pixels.size != (width, height):
        pixels = pixels.resize((width, height), Image.Resampling.BILINEAR)
    content = io.BytesIO()
    pixels.save(content, format="PNG")
    return content.getvalue()


def _measured(
    graph: Graph, stages: tuple[Stage, ...], image: bytes | None, weights: Path | None
) -> tuple[EffectiveField, ...]:
    from cnnbuild.analyses.effective_receptive_field import effective_receptive_field

    shown = sys.stderr.isatty()

    def progress(done: int, count: int) -> None:
        if shown:
            end = "\r\x1b[K" if done == count else ""
            typer.echo(f"\reffective receptive fields: image {done} of {count}{end}", err=True, nl=False)

    return effective_receptive_field(
        graph,
        stages,
        images=None if image is None else _standardised(image),
        module=None if weights is None else _loaded(graph, weights),
        seed=SEED,
        progress=progress,
    )


def _how_measured(image: bytes | None, asked: FieldsAsked) -> str:
    over = (
        "8 images of normal noise" if image is None else "the image, its channels with mean 0 and variance 1"
    )
    if asked.weights is not None:
        return f"Effective fields with the weights of {asked.weights.name}, over {over}."
    return f"Effective fields at initialisation, seed {SEED}, over {over}; training changes them."


def _standardised(image: bytes) -> Tensor:
    """The pixels (1, C, H, W), each channel with mean 0 and variance 1; all 0 where it is constant."""
    import numpy as np
    import torch
    from PIL import Image

    with Image.open(io.BytesIO(image)) as opened:
        pixels = torch.from_numpy(np.asarray(opened, dtype=np.float32))
    pixels = (pixels[..., None] if pixels.dim() == 2 else pixels).permute(2, 0, 1)[None]
    deviation, mean = torch.std_mean(pixels, dim=(2, 3), correction=0, keepdim=True)
    return (pixels - mean) / deviation.clamp(min=1.0)


def _loaded(graph: Graph, weights: Path) -> nn.Module:
    """The network with the weights of a file.

    Raises:
        UsageError: the file is missing, holds something else, or its weights are another network's.
    """
    from pickle import UnpicklingError

    import torch

    from cnnbuild.modules.build import build_module

    try:
        state = torch.load(weights, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UsageError(f"--weights {weights}: there is no such file") from None
    except OSError as error:
        raise UsageError(f"--weights {weights} cannot be read: {error.strerror}") from error
    except (RuntimeError, EOFError, UnpicklingError) as error:
        raise UsageError(
            f"--weights {weights} is no file of weights; `cnnbuild train` writes one, weights.pt"
        ) from error
    module = build_module(graph)
    try:
        module.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError) as error:
        told = next((line.strip() for line in str(error).splitlines()[1:]), str(error))
        raise UsageError(f"--weights {weights} are not those of {graph.name}: {told}") from error
    return module


def _write(request: MapRequest, path: Path) -> None:
    from cnnbuild.files import replace_file
    from cnnbuild.graph.views.rf_map.drawing import rf_map
    from cnnbuild.graph.views.rf_map.svg import scene_html, scene_svg
    from cnnbuild.graph.views.rf_map.table import stages_cells

    scene = rf_map(request)
    match path.suffix.lower():
        case ".svg":
            content = scene_svg(scene).encode()
        case ".html":
            headings, rows = stages_cells(request)
            content = scene_html(scene, headings, rows).encode()
        case _:
            from cnnbuild.report.rf_map_png import scene_png

            content = scene_png(scene)
    try:
        replace_file(path, content)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    typer.echo(f"written to {path}", err=True)
