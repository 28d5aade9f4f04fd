"""A network as source code, and as the module that cnnbuild builds: what a process without cnnbuild makes of the one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from cnnbuild.errors import DocumentError
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph
from cnnbuild.lang.architecture import parse_architecture, read_architecture
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.modules.build import build_module
from cnnbuild.source_code.origin import told_of
from cnnbuild.source_code.python_file import python_file

ROOT = Path(__file__).parent.parent.parent
ARCHITECTURES = ROOT / "architectures"
STRANGER = Path(__file__).with_name("stranger.py")
IMAGES = 2


@dataclass(frozen=True)
class Exported:
    """The graph and its source."""

    name: str
    graph: Graph
    source: str

    @property
    def class_name(self) -> str:
        """The network's own class, which the file's docstring names."""
        found = re.search(r"^    model = (\w+)\(\)$", self.source, re.MULTILINE)
        assert found is not None
        return found[1]


def every_network() -> list[str]:
    """Every shipped file and each of its variants."""
    found = []
    for path in sorted(ARCHITECTURES.glob("**/*.yaml")):
        if path.parent.name != "blocks":
            name = path.relative_to(ARCHITECTURES).as_posix()
            variants = read_architecture(path).variants
            found += [f"{name}@{variant}" for variant in variants] or [name]
    return found


def smallest_graph(reference: str, sizes: Iterable[int] = (32, 64, 75, 299), channels: int = 3) -> Graph:
    """A shipped file, `zoo/vgg16.yaml@vgg16`, for the smallest images that it takes, and 10 classes."""
    file, _, variant = reference.partition("@")
    document = read_architecture(ARCHITECTURES / file)
    *smaller, largest = sizes
    for size in smaller:
        try:
            return elaborate(document, DataContract("x", channels, size, size, 10), variant=variant or None)
        except DocumentError:
            continue
    return elaborate(document, DataContract("x", channels, largest, largest, 10), variant=variant or None)


def exported(reference: str) -> Exported:
    """A shipped file as source code, for the smallest images that it takes."""
    graph = smallest_graph(reference)
    document = read_architecture(ARCHITECTURES / reference.partition("@")[0])
    return Exported(reference, graph, python_file(graph, told_of(document, {})))


def exported_text(text: str, size: int = 32, registry=None) -> Exported:
    """A file that is given as its text."""
    document = parse_architecture(parse_yaml(text, "net.yaml"))
    graph = elaborate(document, DataContract("x", 3, size, size, 10), registry=registry)
    return Exported(document.name, graph, python_file(graph, told_of(document, {})))


def faults_of_a_stranger(folder: Path, networks: Iterable[Exported]) -> Mapping[str, list[str]]:
    """What differs, by network, in a process that has torch and the written files, and cannot import cnnbuild."""
    cases = []
    for number, network in enumerate(networks):
        path = folder / f"network_{number}.py"
        path.write_text(network.source, encoding="utf-8")
        torch.save(_told_by_the_module(network.graph), path.with_suffix(".pt"))
        cases.append([network.name, str(path), network.class_name])
    done = subprocess.run(
        [sys.executable, "-I", str(STRANGER), json.dumps(cases)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def _told_by_the_module(graph: Graph) -> dict[str, object]:
    """Weights, and what comes out of the module that cnnbuild builds."""
    torch.set_num_threads(1)
    torch.manual_seed(1)
    module = build_module(graph)
    initial = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    images = torch.randn(IMAGES, *graph.contract.shape)
    told: dict[str, object] = {"initial": initial, "images": images}
    for mode in ("eval", "train"):
        torch.manual_seed(2)
        output = module.train(mode == "train")(images)
        told[mode] = output
    heads = output if isinstance(output, dict) else {"": output}
    sum(head.square().sum() for head in heads.values()).backward()
    told["gradients"] = {name: weight.grad for name, weight in module.named_parameters()}
    told["after"] = module.state_dict()
    return {name: _detached(value) for name, value in told.items()}


def _detached(value: object) -> object:
    if isinstance(value, dict):
        return {name: _detached(item) for name, item in value.items()}
    return value.detach() if isinstance(value, torch.Tensor) else value
