"""The form of a study of layers: its keys, and what may stand under each."""

from __future__ import annotations

import re
from math import prod
from typing import Annotated, ClassVar, Literal

from pydantic import Field, JsonValue

from cnnbuild.errors import Problems
from cnnbuild.lang.layer_study_document import Expect, Numbers, Side
from cnnbuild.lang.nodes import parse_layers
from cnnbuild.lang.source import Yaml, YamlList, YamlMap, YamlScalar, describe, scalars
from cnnbuild.lang.study_settings import StudyName
from cnnbuild.lang.validation import Settings, place_of_key
from cnnbuild.texts import shortened

DEFAULT_INPUT = (16, 16, 16)
MAX_VALUES = 1_000_000  # of one image
MAX_BATCH = 1024
MAX_NAME = 60
NAME = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9_.-]{{0,{MAX_NAME - 1}}}")  # it is also the name of a folder

_INPUT = re.compile(r"(\d{1,7})x(\d{1,7})x(\d{1,7})")

NOT_HERE = {
    "architectures": "remove the key: one study trains architectures or compares layers; make two of it",
    "baseline": "remove the key: each layer is compared with what stands under its own `standard:`",
    "datasets": "remove the key: layers are compared on drawn numbers, see `input` and `on`",
    "vars": "remove the key, and write each value in the layer that it is for",
    "train": "remove the key: nothing is trained",
    "override": "remove the key, and write what differs in the entry of the layer",
    "equivalence": "remove the key: `tolerance` says which differences do not count",
    "analyses": "remove the key: everything is worked out of every layer",
    "grid": "remove the key, and write one entry for each layer that is compared",
    "match": "remove the key: parameters and multiply-adds are shown for both layers",
    "budget": "remove the key: nothing is trained",
}
"""Keys of studies that train, each with what to do."""


class LayerPairSettings(Settings):
    """One entry of `layers`; the layers themselves are read as in architecture files."""

    of_comparison: ClassVar[tuple[str, ...]] = ("expect", "tolerance")

    custom: JsonValue
    standard: JsonValue = None
    input: JsonValue = None
    on: Numbers = "normal"
    expect: Expect | None = None
    tolerance: Annotated[float, Field(gt=0, lt=1)] | None = None
    description: str = ""


class LayerStudySettings(Settings):
    """The top level of a study of layers, one variant already chosen."""

    default_input: ClassVar[tuple[int, int, int]] = DEFAULT_INPUT

    cnnbuild: Literal[1]
    study: StudyName
    question: str = ""
    description: str = ""
    layers: dict[str, LayerPairSettings]
    input: JsonValue = None
    seeds: JsonValue = 3
    tolerance: Annotated[float, Field(gt=0, lt=1)] = 1e-5
    batch: Annotated[int, Field(ge=1, le=MAX_BATCH)] = 8
    device: Literal["auto", "cpu", "cuda"] = "auto"
    plugins: list[Annotated[str, Field(min_length=1)]] = Field(default_factory=list)


def sound_entries(tree: YamlMap, problems: Problems) -> YamlMap:
    """The mapping under `layers` without what is no entry; each of that is added to `problems`."""
    written = tree.get("layers")
    if not isinstance(written, YamlMap) or not written.entries:
        place = place_of_key(tree, "layers")
        message = "'layers' of a study are names, each with the layer that is looked at"
        problems.add(message, place, help="write `clamped: {custom: clamped_relu, standard: relu}` under it")
        return YamlMap((), place)
    for entry in written:
        parse_name(entry.key, problems)
        if not isinstance(entry.value, YamlMap):
            layer = flow(entry.value) if isinstance(entry.value, YamlScalar) else "…"
            problems.add(
                f"'{entry.name}' is a mapping with the layer under `custom`, not {describe(entry.value)}",
                entry.value.place,
                help=f"write `{entry.name}: {{custom: {shortened(layer)}}}`",
            )
    return YamlMap(tuple(e for e in written if isinstance(e.value, YamlMap)), written.place)


def parse_name(key: YamlScalar, problems: Problems) -> None:
    """Add what is wrong with the name of an entry of `layers`."""
    name = str(key.value)
    if not NAME.fullmatch(name):
        problems.add(
            f"the name of a layer is made of up to {MAX_NAME} letters, digits, '_', '-' and '.', and begins "
            f"with none of the last two, unlike '{shortened(name)}'",
            key.place,
            help="choose another name: the layer's record lies in a folder that is called like it",
        )


def parse_input(yaml: Yaml, problems: Problems) -> tuple[int, int, int] | None:
    """The shape (C, H, W) that `3x32x32` or `[3, 32, 32]` stands for, or None after a fault was added."""
    sizes: list[object] = []
    if isinstance(yaml, YamlScalar) and isinstance(yaml.value, str):
        found = _INPUT.fullmatch(yaml.value)
        sizes = [int(size) for size in found.groups()] if found else []
    elif isinstance(yaml, YamlList):
        sizes = [item.value if isinstance(item, YamlScalar) else None for item in yaml]
    whole = [size for size in sizes if isinstance(size, int) and not isinstance(size, bool) and size > 0]
    if len(sizes) != 3 or len(whole) != 3:
        message = f"an input is channels x height x width, not {describe(yaml)}"
        problems.add(message, yaml.place, help="write `input: 3x32x32`, of whole numbers from 1")
        return None
    if prod(whole) > MAX_VALUES:
        message = f"an input has at most {MAX_VALUES:,} values, and this one has {prod(whole):,}"
        problems.add(message, yaml.place, help="compare the layers on smaller maps")
        return None
    return whole[0], whole[1], whole[2]


def parse_side(entry: YamlMap, key: str, name: str, problems: Problems) -> Side | None:
    """The layers under `custom` or `standard`, or None where there are none or faults were added."""
    written = entry.get(key)
    if written is None or (isinstance(written, YamlScalar) and written.value is None):
        if key == "custom" and written is not None:
            message = f"'custom' of '{name}' names no layer"
            problems.add(message, place_of_key(entry, key), help="write `custom: swish`")
        return None  # the lack of `custom` was reported by validation
    before = len(problems.errors)
    listed = written if isinstance(written, YamlList) else YamlList((written,), written.place)
    nodes = parse_layers(listed, problems, what=f"'{key}' of '{name}'", place=place_of_key(entry, key))
    for scalar in scalars(written):
        if "data.classes" in scalar.text:
            message = "a layer that is compared by itself knows of no classes"
            problems.add(message, scalar.place, help="write a number")
    if len(problems.errors) > before:
        return None
    return Side(nodes, flow(written), place_of_key(entry, key))


def flow(yaml: Yaml) -> str:
    """A tree as one line of YAML.

    >>> from cnnbuild.lang.reader import parse_yaml
    >>> flow(parse_yaml("conv: {out: 16, kernel_size: [3, 1]}", "f"))
    'conv: {out: 16, kernel_size: [3, 1]}'
    """
    if isinstance(yaml, YamlMap) and len(yaml.entries) == 1:
        entry = yaml.entries[0]
        return f"{entry.name}: {_inner(entry.value)}"
    return _inner(yaml)


def _inner(yaml: Yaml) -> str:
    match yaml:
        case YamlMap():
            return f"{{{', '.join(f'{entry.name}: {_inner(entry.value)}' for entry in yaml)}}}"
        case YamlList():
            return f"[{', '.join(_inner(item) for item in yaml)}]"
        case YamlScalar():
            return yaml.text or "null"
