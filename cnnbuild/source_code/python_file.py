"""Graph -> one Python file: its docstring, imports, copied classes, and the network's own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath

from cnnbuild.graph.graph import Graph
from cnnbuild.source_code.class_text import class_text
from cnnbuild.source_code.classes import WrittenClass, classes_of
from cnnbuild.source_code.copied_classes import Copied, copied_classes, own_class_names
from cnnbuild.source_code.docstrings import docstring, plain, sentence, summary
from cnnbuild.source_code.terms import Call, Term
from cnnbuild.version import __version__

IMPORTED = frozenset({"Tensor", "Literal", "Function", "FunctionCtx"})
MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Told:
    """What the file says of where it comes from.

    `chosen` are the variables that were set, in words. `blocks` describes blocks that classes are made from.
    """

    file: str
    description: str = ""
    source: str = ""
    chosen: str = ""
    blocks: Mapping[str, str] = field(default_factory=dict)


def python_file(graph: Graph, told: Told) -> str:
    """The source code of a network, as a module of its own that needs torch only.

    Raises:
        UsageError: a layer of a plugin cannot be written out.
    """
    own = own_class_names()
    name = _class_name_of(graph)
    classes = classes_of(graph, name, {*own, *IMPORTED})
    used = [name for leaf in classes.leaves.values() for name in functions_of(leaf.call) if name in own]
    copied = copied_classes(dict.fromkeys(used))
    borrows = {made.name: made.borrows for made in classes.written}
    texts = [class_text(made, graph, _about(made, graph, told), borrows) for made in classes.written]
    body = [*copied.definitions.values(), *texts]
    plugins = sorted({leaf.imported for leaf in classes.leaves.values() if leaf.imported})
    head = docstring(_head(graph, told, classes.written[-1], plugins), indent=0)
    parts = ["\n".join(head), "from __future__ import annotations", _imports(copied, body, plugins)]
    return "\n\n".join(parts) + "\n\n\n" + "\n\n\n".join(body) + "\n"


def _class_name_of(graph: Graph) -> str:
    """`resnet50` of resnet.yaml@resnet50, `attention_cbam` of attention.yaml@cbam."""
    variant = graph.variant or ""
    if not variant.startswith(graph.name):
        return f"{graph.name}_{variant}"
    return graph.name if re.match(r"_\d", variant[len(graph.name) :]) else variant


def functions_of(term: Term) -> Iterator[str]:
    """The constructors that a term calls."""
    if isinstance(term, Call):
        yield term.function
        for argument in term.arguments:
            yield from functions_of(argument.value)


def _head(graph: Graph, told: Told, root: WrittenClass, plugins: list[str]) -> list[str]:
    """The paragraphs of the file's docstring."""
    contract = graph.contract
    what = plain(PurePath(told.file).name) + (f", variant {plain(graph.variant)}" if graph.variant else "")
    images = (
        f"images of {contract.channels}x{contract.height}x{contract.width} and {contract.classes} classes"
    )
    paragraphs = [
        *summary(plain(told.description or graph.name), indent=0),
        f"Written by cnnbuild {__version__} from {what}, for {images}: {graph.parameters:,} parameters.",
    ]
    if told.chosen:
        paragraphs.append(f"Variables that were set: {plain(told.chosen)}.")
    if told.source:
        paragraphs.append(sentence(f"Source: {plain(told.source)}"))
    if plugins:
        files = ", ".join(line.split()[1] for line in plugins)
        paragraphs.append(f"It imports {files}, which must stand beside this file or be installed.")
    paragraphs.append(
        "The keys of the state_dict are those of the module that cnnbuild builds. With the same seed the "
        "weights begin the same."
    )
    paragraphs.append(
        f'    model = {root.name}()\n    model.load_state_dict(torch.load("weights.pt", weights_only=True))'
    )
    return paragraphs


def _about(made: WrittenClass, graph: Graph, told: Told) -> list[str]:
    """The docstring of a class: what the block is, or which levels are made of it."""
    if not made.template.pattern.part.path:
        return summary(plain(told.description or f"The network {graph.name}"), indent=1)
    block = made.group.block
    if block in told.blocks:
        return summary(plain(told.blocks[block]), indent=1)
    if block:
        return [f"The block `{block}`."]
    names = list(dict.fromkeys(".".join(use.part.path) for use in made.template.uses))
    several = 1 < len(names) <= MOST_NAMED
    shown = ", ".join(f"`{name}`" for name in (names[:-1] if several else names[:MOST_NAMED]))
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    more = f" and `{names[-1]}`" if several else more
    return [f"The layers of {shown}{more}."]


def _imports(copied: Copied, body: list[str], plugins: list[str]) -> str:
    """The import lines, sorted as isort does."""
    needed = {module: set(names) for module, names in copied.imports.items()}
    code = "\n".join(body)
    torch_names = needed.setdefault("torch", set()) | {"nn"}
    if re.search(r"\bTensor\b", code):
        torch_names.add("Tensor")
    if re.search(r"\btorch\.\w", code):
        needed["torch "] = {""}
    torch_names.discard("")
    needed["torch"] = torch_names
    standard = [_import(module, names) for module, names in sorted(needed.items()) if not _is_torch(module)]
    plain_import = ["import torch"] if needed.pop("torch ", None) else []
    torches = [_import(module, names) for module, names in sorted(needed.items()) if _is_torch(module)]
    groups = [standard, [*plain_import, *torches], plugins]
    return "\n\n".join("\n".join(group) for group in groups if group)


def _is_torch(module: str) -> bool:
    return module.strip().split(".")[0] == "torch"


def _import(module: str, names: set[str]) -> str:
    if names == {""}:
        return f"import {module}"
    return f"from {module} import {', '.join(sorted(names, key=lambda name: (name.islower(), name)))}"
