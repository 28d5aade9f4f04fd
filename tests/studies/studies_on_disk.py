"""Small studies in real files: networks of a few numbers on the digits, trained within a second."""

from pathlib import Path

from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph
from cnnbuild.lang.architecture import parse_architecture
from cnnbuild.lang.reader import parse_yaml

NET = """\
cnnbuild: 1
name: tiny
vars: {width: 8}
layers:
  - flatten
  - linear: $width
  - relu
  - linear: $data.classes
"""

STUDY = """\
cnnbuild: 1
study: tiny
question: Is wider better?
architectures:
  narrow: {file: net.yaml, vars: {width: 8}}
  wide: {file: net.yaml, vars: {width: 32}}
datasets: [digits]
seeds: 2
train: {epochs: 2, optimizer: {adam: {lr: 0.01}}}
analyses: [confusion]
"""


def write_study(folder: Path, text: str = STUDY, net: str = NET) -> Path:
    """Write the network and the study; gives the study's path."""
    (folder / "net.yaml").write_text(net)
    path = folder / "tiny.yaml"
    path.write_text(text)
    return path


def graph_of(*layers: str) -> Graph:
    """A network of these layers behind a `flatten`, for the digits."""
    text = "cnnbuild: 1\nname: n\nlayers:\n  - flatten\n" + "".join(f"  - {layer}\n" for layer in layers)
    document = parse_architecture(parse_yaml(text, "n.yaml"), default_name="n")
    return elaborate(document, DataContract("digits", 1, 8, 8, 10))
