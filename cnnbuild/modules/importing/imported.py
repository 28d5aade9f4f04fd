"""An `nn.Module` as an architecture file, and the proof that the file builds an equal module."""

from __future__ import annotations

from collections.abc import Mapping
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
from cnnbuild.modules.importing.following import Followed, followed, followed_in_training
from cnnbuild.modules.importing.listing import write_lists
from cnnbuild.modules.importing.notes import BATCH
from cnnbuild.modules.importing.operations import Operation
from cnnbuild.modules.importing.reading import MAIN
from cnnbuild.modules.importing.text import Promise, file_text, promise_lines
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
    two, 0.0 where they are equal to the bit. `heads` are the names of those that exist in training alone.
    `unused` are keys of the user's module that the file leaves out; `reason` says why, if it is not only
    that evaluation never reads them.
    """

    text: str
    keys: dict[str, str]
    module: nn.Module
    graph: Graph
    difference: float
    unused: tuple[str, ...]
    heads: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """What an imported file is called and where it comes from. `head_weight` is the factor of the losses of
    heads that exist in training alone, which no module says.
    """

    name: str
    source: str
    head_weight: float = 1.0

    @property
    def publisher(self) -> str:
        """Whose names of weights the file maps."""
        return "torchvision" if self.source.startswith("torchvision") else "original"


def import_module_of(module: nn.Module, shape: tuple[int, int, int], origin: Origin) -> Imported:
    """What a module computes of images (C, H, W), as an architecture file.

    It is followed in evaluation mode; where this does not read all its weights, in training mode too, for
    the heads that exist there. The file says what the weights are called in the module.

    Raises:
        UsageError: the module cannot be followed, or does what the language cannot say.
    """
    training = module.training
    state = {key: value.detach().clone() for key, value in module.state_dict().items()}
    images = _images(module, shape)
    reason = ""
    try:
        module.eval()
        plain = followed(module, images)
        expected = _given(module, images)
        if plain.unused(state):
            try:
                whole = followed_in_training(module, images)
                return _imported(whole, expected, state, shape, origin)
            except UsageError as error:
                reason = str(error)
        return replace(_imported(plain, expected, state, shape, origin), reason=reason)
    finally:
        module.train(training)


def _imported(
    found: Followed, expected: Tensor, state: dict[str, Tensor], shape: tuple[int, int, int], origin: Origin
) -> Imported:
    if not found.operations:
        raise UsageError(f"{origin.source} applies no layer to the images")
    classes = int(expected.shape[1])
    try:
        text, tree = _text(found, origin, classes, shortcuts_in_words=True)
        graph = _graph(text, origin.name, shape, classes)
    except UsageError:  # a shortcut's stride is that of its body, which a pooling may hide
        text, tree = _text(found, origin, classes, shortcuts_in_words=False)
        graph = _graph(text, origin.name, shape, classes)
    ours, keys = _with_weights(graph, [o for item in tree for o in item.operations()], state)
    outputs = {**found.outputs, MAIN: expected}
    difference = _difference(ours.to(expected.device), _images_like(expected, shape), outputs, origin)
    if lines := map_lines(keys, origin.publisher):
        named = text + "\n".join([*lines, ""])
        if _graph(named, origin.name, shape, classes).published[0].names == keys:
            text = named
    promise = Promise(shape, classes, graph.parameters, graph.macs)
    text += "\n".join([*promise_lines(promise), ""])
    heads = tuple(name for name in found.heads if name != MAIN)
    return Imported(text, keys, ours, graph, difference, found.unused(state), heads)


LARGEST_DIFFERENCE = 1e-4
"""Of the largest output: what another order of summation may change in float32."""


def _difference(ours: nn.Module, images: Tensor, outputs: Mapping[str, Tensor], origin: Origin) -> float:
    """The largest difference between the outputs of the file's network and the module's, 0.0 to the bit.

    Heads that exist in training alone are computed with everything below the network in evaluation mode:
    nothing is dropped, and statistics are the collected ones.

    Raises:
        UsageError: it is more than another order of summation explains.
    """
    with torch.no_grad():
        given = {MAIN: ours.eval()(images)}
        if len(outputs) > 1:
            ours.training = True
            given = ours(images) | given
            ours.eval()
    largest = 0.0
    for name, expected in outputs.items():
        difference = float((given[name] - expected).abs().max())
        scale = float(expected.abs().max())
        if not difference <= LARGEST_DIFFERENCE * max(scale, 1e-30):
            raise UsageError(
                f"{origin.source}: the file that was made computes something else: outputs up to {scale:.3g} "
                f"differ by {difference:.3g}; please report the module, and write its file by hand"
            )
        largest = max(largest, difference)
    return largest


def _given(module: nn.Module, images: Tensor) -> Tensor:
    with torch.no_grad():
        given: object = module(images.clone())
    if isinstance(given, Mapping):
        given = next(iter(given.values()))
    if not isinstance(given, Tensor):
        raise UsageError("a network gives one tensor (N, classes) in evaluation")
    return given


def _images(module: nn.Module, shape: tuple[int, int, int]) -> Tensor:
    """Some images where the module is, and of its dtype."""
    return _images_like(next(module.parameters(), torch.empty(0)), shape)


def _images_like(tensor: Tensor, shape: tuple[int, int, int]) -> Tensor:
    images = torch.rand(BATCH, *shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return images.to(tensor.device, tensor.dtype)


def _counting_classes(found: Followed, classes: int) -> list[Operation]:
    """The operations; the last ones with weights before each output give as many as there are classes."""
    by_number = {operation.number: operation for operation in found.operations}
    last = set()
    for number in found.heads.values():
        while number in by_number and not by_number[number].weights:
            number = by_number[number].inputs[0]
        end = by_number.get(number)
        if end is not None and end.word in CLASSIFIERS and end.applies is None:
            last |= {number} if end.arguments[CLASSIFIERS[end.word]] == classes else set()
    return [
        replace(o, arguments={**o.arguments, CLASSIFIERS[o.word]: "$data.classes"}) if o.number in last else o
        for o in found.operations
    ]


def _text(
    found: Followed, origin: Origin, classes: int, *, shortcuts_in_words: bool
) -> tuple[str, list[Item]]:
    operations = _counting_classes(found, classes)
    tree = Grower(operations, set(found.heads.values()), shortcuts_in_words).tree()
    lists = write_lists(tree, found.heads, found.auxiliary)
    for node in lists.layers:
        for each in (node, *node.inner()):
            settle_padding([each])
    mode = "training" if lists.heads else "evaluation"
    comments = [f"Imported from {origin.source} by cnnbuild {__version__}, in {mode} mode."]
    if any("$data.classes" in operation.arguments.values() for operation in operations):
        comments.append(f"There it has {classes:,} classes; here they come from the data set.")
    return file_text(origin.name, comments, lists, origin.head_weight), tree


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
