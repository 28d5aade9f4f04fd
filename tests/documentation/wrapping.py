"""Fragments of the documentation as whole files, and the images that every file is tried on."""

from __future__ import annotations

import re

from cnnbuild.graph.data_contract import DataContract

GREY = DataContract("1x28x28", 1, 28, 28, 10)
COLOUR = DataContract("3x32x32", 3, 32, 32, 10)

ARCHITECTURE = {
    "cnnbuild": "cnnbuild: 1\n",
    "layers": "layers:\n"
    "  - conv: {out_channels: 16, kernel_size: 3, padding: half}\n    name: stem\n"
    "  - relu\n  - flatten\n  - linear: $data.classes\n    name: logits\n",
}
STUDY = {
    "cnnbuild": "cnnbuild: 1\n",
    "study": "study: fragment\n",
    "architectures": "architectures:\n"
    "  simple_cnn: architectures/simple_cnn.yaml\n  resnet: {file: architectures/resnet.yaml, vars: {stem: cifar}}\n",
    "datasets": "datasets: [digits]\n",
}
BEFORE = "  - conv: {out_channels: 16, kernel_size: 3, padding: half}\n    name: stem\n"
AFTER = "  - flatten\n  - linear: $data.classes\n"


def whole(fragment: str) -> str:
    """A list of layers between a first convolution and a classifier, or keys of an architecture with the others."""
    if not fragment.lstrip().startswith("- "):
        return _completed(fragment, ARCHITECTURE)
    layers = "".join(f"  {line}\n" if line.strip() else "\n" for line in fragment.splitlines())
    return f"cnnbuild: 1\nlayers:\n{BEFORE}{layers}{AFTER}"


def whole_study(fragment: str) -> str:
    """Keys of a study with the others."""
    return _completed(fragment, STUDY)


def _completed(fragment: str, standard: dict[str, str]) -> str:
    written = set(re.findall(r"^(\w+):", fragment, flags=re.MULTILINE))
    return "".join(text for key, text in standard.items() if key not in written) + fragment
