"""The architecture document: what stands in the file, checked for form, not yet for meaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import Field

from cnnbuild.errors import DocumentError, Place, Problem, Problems
from cnnbuild.lang.files import read_yaml
from cnnbuild.lang.library import Uses, parse_scope
from cnnbuild.lang.nodes import Node, parse_layers
from cnnbuild.lang.outputs import HeadNode, parse_outputs
from cnnbuild.lang.scope import Scope
from cnnbuild.lang.sections import check_format_version, named_section, section, text_of
from cnnbuild.lang.source import Yaml, YamlEntry, YamlList, YamlMap, describe, find
from cnnbuild.lang.validation import Settings, place_of_key, validate
from cnnbuild.lang.weight_maps import WeightMap, parse_weight_maps
from cnnbuild.texts import did_you_mean, shortened

TOP_LEVEL = (
    "cnnbuild",
    "name",
    "description",
    "source",
    "vars",
    "variants",
    "uses",
    "defaults",
    "blocks",
    "layers",
    "outputs",
    "expect",
    "weights",
)
MAX_CASES = 200  # of variants, and of promises: each is a network to check
_STUDY_WORDS = frozenset(
    [
        "augment",
        "batch_size",
        "dataset",
        "datasets",
        "epochs",
        "learning_rate",
        "loss",
        "lr",
        "metrics",
        "optimizer",
        "schedule",
        "scheduler",
        "seed",
        "seeds",
        "study",
        "train",
        "training",
    ]
)

PositiveInt: TypeAlias = Annotated[int, Field(ge=1)]


class Expectation(Settings):
    """One entry of `expect:`: what a variant must come to.

    The values of `vars` stay as they are written, with their places.
    """

    input: tuple[PositiveInt, PositiveInt, PositiveInt]
    classes: PositiveInt
    variant: str | None = None
    vars: dict[str, object] = Field(default_factory=dict)
    parameters: int | None = None
    macs: int | None = None


@dataclass(frozen=True)
class ArchitectureDocument:
    """An architecture file. `expectations` stand with the place of each.

    `faults` are the faults of form: `elaborate` raises them together with those of meaning, so that a
    reader sees all of them at once.
    """

    file: str
    name: str
    layers: tuple[Node, ...]
    place: Place
    scope: Scope
    description: str = ""
    source: str = ""
    vars: Mapping[str, YamlEntry] = field(default_factory=dict)
    variants: Mapping[str, YamlMap] = field(default_factory=dict)
    outputs: tuple[HeadNode, ...] = ()
    expectations: tuple[tuple[Expectation, Place], ...] = ()
    weight_maps: tuple[WeightMap, ...] = ()
    faults: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


def read_architecture(path: Path) -> ArchitectureDocument:
    """An architecture file as a document; faults of form are kept in it, for `elaborate` to raise.

    Raises:
        DocumentError: the file is not YAML, or no architecture at all.
        UsageError: the file cannot be read.
    """
    return parse_architecture(read_yaml(path), default_name=path.stem)


def parse_architecture(yaml: Yaml, *, default_name: str = "network") -> ArchitectureDocument:
    """A YAML tree as an architecture document; faults of form are kept in it, for `elaborate` to raise.

    Raises:
        DocumentError: the tree is no mapping, or is of another format version.
    """
    problems = Problems()
    if not isinstance(yaml, YamlMap):
        message = f"an architecture file is a mapping, not {describe(yaml)}"
        hint = "start with `cnnbuild: 1`, and put the layers under `layers:`"
        raise DocumentError([Problem(message, yaml.place, hint)])
    if yaml.get("study") is not None and not isinstance(yaml.get("layers"), YamlList):
        hint = "`cnnbuild run` takes it"
        if yaml.get("layers") is None:
            hint += "; the files under its `architectures:` are architectures"
        raise DocumentError(
            [Problem("this is a study, not an architecture", place_of_key(yaml, "study"), hint)]
        )
    if yaml.get("blocks") is not None and not {"layers", "outputs", "vars", "variants"} & {
        e.name for e in yaml
    }:
        hint = "an architecture that names it under `uses:` may call its blocks"
        raise DocumentError(
            [Problem("this is a file of blocks, not an architecture", place_of_key(yaml, "blocks"), hint)]
        )
    check_format_version(yaml, problems)
    if yaml.get("cnnbuild") is not None:
        problems.raise_if_any()  # another version: what its keys mean is not known here
    _check_keys(yaml, problems)
    variables = named_section(yaml, "vars", problems)
    document = ArchitectureDocument(
        file=yaml.place.file,
        name=text_of(yaml, "name", problems) or default_name,
        description=text_of(yaml, "description", problems),
        source=text_of(yaml, "source", problems),
        place=yaml.place,
        layers=_layers(yaml, problems),
        vars=variables,
        variants=_variants(yaml, problems),
        scope=parse_scope(yaml, Uses(problems)),
        outputs=parse_outputs(yaml, problems),
        expectations=_expectations(yaml, problems),
        weight_maps=parse_weight_maps(yaml, variables, problems),
    )
    return replace(document, faults=problems.errors)


def _check_keys(yaml: YamlMap, problems: Problems) -> None:
    for entry in yaml:
        if entry.name not in TOP_LEVEL:
            hint = did_you_mean(entry.name, TOP_LEVEL, listing="known keys")
            if entry.name in _STUDY_WORDS:
                hint = "an architecture says nothing of training: write it under `train:` in a study file"
            problems.add(
                f"unknown key '{shortened(entry.name)}' in the architecture", entry.key.place, help=hint
            )


def _layers(yaml: YamlMap, problems: Problems) -> tuple[Node, ...]:
    """The network's layers; their lack is passed over where a misspelt `layers` was reported."""
    if yaml.get("layers") is None:
        slip = next(
            (e for e in yaml if e.name not in TOP_LEVEL and "'layers'" in did_you_mean(e.name, TOP_LEVEL)),
            None,
        )
        if slip is not None:
            return parse_layers(slip.value, problems, what="the architecture", place=slip.key.place)
    place = place_of_key(yaml, "layers")
    return parse_layers(yaml.get("layers"), problems, what="the architecture", place=place)


def _variants(yaml: YamlMap, problems: Problems) -> dict[str, YamlMap]:
    known = {entry.name for entry in section(yaml, "vars", Problems())}
    variants: dict[str, YamlMap] = {}
    written = yaml.get("variants")
    if isinstance(written, YamlMap) and len(written.entries) > MAX_CASES:
        problems.add(
            f"more than {MAX_CASES} variants", written.place, help="keep what varies in `vars`, for `--set`"
        )
        return variants
    for entry in section(yaml, "variants", problems):
        if not isinstance(entry.value, YamlMap):
            problems.add(
                f"a variant is a mapping of variables, not {describe(entry.value)}",
                entry.value.place,
                help=f"write `{entry.name}: {{width: 32}}`, or `{entry.name}: {{}}` to change nothing",
            )
            variants[entry.name] = YamlMap((), entry.value.place)
            continue
        for assigned in entry.value:
            if assigned.name not in known:
                hint = did_you_mean(assigned.name, known, listing="known variables")
                problems.add(
                    f"the variant '{entry.name}' sets an unknown variable '{assigned.name}'",
                    assigned.key.place,
                    help=hint,
                )
        variants[entry.name] = entry.value
    return variants


def _expectations(yaml: YamlMap, problems: Problems) -> tuple[tuple[Expectation, Place], ...]:
    written = yaml.get("expect")
    if written is None:
        return ()
    if not isinstance(written, YamlList):
        problems.add(
            f"'expect' is a list, not {describe(written)}", written.place, help="begin each entry with `- `"
        )
        return ()
    if len(written.items) > MAX_CASES:
        problems.add(
            f"more than {MAX_CASES} entries of 'expect'", written.place, help="keep the telling ones"
        )
        return ()
    known = {entry.name for entry in section(yaml, "variants", Problems())}
    variables = {entry.name for entry in section(yaml, "vars", Problems())}
    found = []
    for item in written:
        expectation = validate(Expectation, item, problems, what="an entry of 'expect'")
        if expectation is None:
            continue
        if expectation.variant is not None and expectation.variant not in known:
            hint = did_you_mean(expectation.variant, known, listing="known variants")
            place = find(item, ("variant",))[0].place
            problems.add(
                f"there is no variant '{expectation.variant}'", place, help=hint or "the file has no variants"
            )
            continue
        written = find(item, ("vars",))[0]
        entries = written.entries if expectation.vars and isinstance(written, YamlMap) else ()
        for entry in entries:
            if entry.name not in variables:
                hint = did_you_mean(entry.name, variables, listing="known variables")
                problems.add(f"there is no variable '{entry.name}'", entry.key.place, help=hint)
        given: dict[str, object] = {entry.name: entry.value for entry in entries if entry.name in variables}
        found.append((expectation.model_copy(update={"vars": given}), item.place))
    return tuple(found)
