"""An `nn.Module` as an architecture file, and the proof that the file builds an equal module."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from cnnbuild.errors import DocumentError, UsageError
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph
from cnnbuild.lang.architecture import parse_architecture
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.modules.build import build_module
from cnnbuild.modules.importing.blocks import settle_padding
from cnnbuild.modules.importing.listing import write_lists
from cnnbuild.modules.importing.notes import BATCH
from cnnbuild.modules.importing.operations import Operation
from cnnbuild.modules.importing.reading import read_operations
from cnnbuild.modules.importing.text import Promise, file_text, promise_lines
from cnnbuild.modules.importing.tracing import traced
from cnnbuild.modules.importing.tree import Grower, Item
from cnnbuild.modules.importing.weight_names import map_lines
from cnnbuild.version import __version__

CLASSIFIERS = {"linear": "out_features", "conv": "out_channels"}
"""The layers that can be the last one with weights, and what counts their outputs."""


@dataclass(frozen=True)
class Imported:
    """A module as an architecture file.

    `text` is the file, `keys` the keys of the user's `state_dict` by those of ours, and `module` what the
    file builds, with the user's weights. `difference` is the largest difference between the outputs of the
    two, 0.0 where they are equal to the bit. `unused` are keys of the user's module that evaluation never
    reads.
    """

    text: str
    keys: dict[str, str]
    module: nn.Module
    graph: Graph
    difference: float
    unused: tuple[str, ...]


def import_module_of(module: nn.Module, shape: tuple[int, int, int], *, name: str, source: str) -> Imported:
    """What a module computes in evaluation mode of images (C, H, W), as an architecture file.

    `source` says where the module comes from, in the file's first line; the file says what its weights are
    called there where they have other names.

    Raises:
        UsageError: the module cannot be followed, or does what the language cannot say.
    """
    publisher = "torchvision" if source.startswith("torchvision") else "original"
    training = module.training
    state = {key: value.detach().clone() for key, value in module.state_dict().items()}
    images = _images(module, shape)
    try:
        module.eval()
        operations, given = read_operations(traced(module), images.clone())
        with torch.no_grad():
            expected = module(images.clone())
    finally:
        module.train(training)
    if not operations or not isinstance(expected, Tensor):
        raise UsageError(f"{source} applies no layer to the images")
    classes = int(expected.shape[1])
    text, tree = _text(
        _counting_classes(operations, classes), given, name=name, source=source, classes=classes
    )
    graph = _graph(text, name, shape, classes)
    ours, keys = _with_weights(graph, [o for item in tree for o in item.operations()], state)
    with torch.no_grad():
        outputs = ours.to(images.device).eval()(images)
    difference = float((outputs - expected).abs().max()) if not torch.equal(outputs, expected) else 0.0
    scale = float(expected.abs().max())
    if not difference <= LARGEST_DIFFERENCE * max(scale, 1e-30):
        raise UsageError(
            f"{source}: the file that was made computes something else: outputs up to {scale:.3g} differ by "
            f"{difference:.3g}; please report the module, and write its file by hand"
        )
    if lines := map_lines(keys, publisher):
        named = text + "\n".join([*lines, ""])
        if _graph(named, name, shape, classes).published[0].names == keys:
            text = named
    promise = Promise(shape, classes, graph.parameters, graph.macs)
    unused = tuple(key for key in state if key not in keys.values())
    return Imported(text + "\n".join([*promise_lines(promise), ""]), keys, ours, graph, difference, unused)


LARGEST_DIFFERENCE = 1e-4
"""Of the largest output: what another order of summation may change in float32."""


def _images(module: nn.Module, shape: tuple[int, int, int]) -> Tensor:
    """Some images where the module is, and of its dtype."""
    weight = next(module.parameters(), torch.empty(0))
    images = torch.rand(BATCH, *shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return images.to(weight.device, weight.dtype)


def _counting_classes(operations: list[Operation], classes: int) -> list[Operation]:
    """The operations, the last one with weights giving as many outputs as the data have classes."""
    last = next((o for o in reversed(operations) if o.weights and o.word in CLASSIFIERS), None)
    if last is None or last.arguments[CLASSIFIERS[last.word]] != classes or last.applies is not None:
        return operations
    arguments = {**last.arguments, CLASSIFIERS[last.word]: "$data.classes"}
    return [replace(o, arguments=arguments) if o is last else o for o in operations]


def _text(
    operations: list[Operation], given: int, *, name: str, source: str, classes: int
) -> tuple[str, list[Item]]:
    tree = Grower(operations, given).tree()
    layers, kit = write_lists(tree)
    for node in layers:
        for each in (node, *node.inner()):
            settle_padding([each])
    comments = [f"Imported from {source} by cnnbuild {__version__}, in evaluation mode."]
    if any("$data.classes" in operation.arguments.values() for operation in operations):
        comments.append(f"There it has {classes:,} classes; here they come from the data set.")
    return file_text(name, comments, layers, kit.blocks, []), tree


def _graph(text: str, name: str, shape: tuple[int, int, int], classes: int) -> Graph:
    document = parse_architecture(parse_yaml(text, f"{name}.yaml"), default_name=name)
    try:
        return elaborate(document, DataContract("x".join(map(str, shape)), *shape, classes))
    except DocumentError as error:
        raise UsageError(
            f"the file that was made of {name} is faulty; please report the module:\n{error}"
        ) from error


def _with_weights(
    graph: Graph, operations: list[Operation], state: dict[str, Tensor]
) -> tuple[nn.Module, dict[str, str]]:
    """The network of a file with the user's weights, and the keys of these by ours.

    The file says the operations in the order of the tree, so that the n-th node with weights is the n-th
    operation with weights.
    """
    module = build_module(graph)
    keys: dict[str, str] = {}
    nodes = [n for n in graph.nodes if n.shared is None and (n.weight_shapes or n.buffers)]
    weighted = [o for o in operations if o.applies is None and o.weights]
    if [type(n.layer).type_name for n in nodes] != [o.word for o in weighted]:
        raise UsageError(f"the file that was made of {graph.name} has other layers; please report the module")
    for node, operation in zip(nodes, weighted, strict=True):
        keys.update((f"{node.name}.{ours}", theirs) for ours, theirs in operation.weights.items())
    own = module.state_dict()
    module.load_state_dict({key: state[keys[key]].reshape(own[key].shape) for key in own})
    return module, keys
