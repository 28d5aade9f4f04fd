"""Networks whose fields are drawn or measured."""

from __future__ import annotations

from pathlib import Path

from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph
from cnnbuild.lang.architecture import parse_architecture, read_architecture
from cnnbuild.lang.reader import parse_yaml

ARCHITECTURES = Path(__file__).parents[2] / "architectures"
FOR_SMALL_IMAGES = ("densenet_bc.yaml", "lenet5.yaml", "mobilenet_v2.yaml", "unet_like.yaml")
SHIPPED = {
    path.name: read_architecture(path)
    for path in sorted(
        [*ARCHITECTURES.glob("*.yaml"), *(ARCHITECTURES / "zoo" / name for name in FOR_SMALL_IMAGES)]
    )
    if path.name != "fully_connected.yaml"  # it has no maps
}
SMALL = {
    "resnet.yaml": {"width": 4},
    "resnet18.yaml": {"width": 4},
    "residual_blocks.yaml": {"width": 4},
    "densenet_bc.yaml": {"depth": 16},
    "mobilenet_v2.yaml": {"width": 0.35},
    "unet_like.yaml": {"width": 4},
}


def shipped(
    name: str, shape: tuple[int, int, int], *, variant: str | None = None, small: bool = False
) -> Graph:
    overrides = SMALL.get(name, {}) if small else {}
    return elaborate(SHIPPED[name], DataContract("data", *shape, 10), variant=variant, overrides=overrides)


def written(
    layers: str, shape: tuple[int, int, int], *, name: str = "net", end: str = "", **options: object
) -> Graph:
    """A network of a few lines, which are averaged and classified."""
    end = end or "  - global_avg_pool\n  - flatten\n  - linear: $data.classes\n"
    text = f"cnnbuild: 1\nname: {name}\nlayers:\n{layers}{end}"
    document = parse_architecture(parse_yaml(text, "net.yaml"))
    return elaborate(document, DataContract("data", *shape, 10), **options)
