"""The form of a study file: its keys, and what may stand under each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import AfterValidator, Field, JsonValue

from cnnbuild.errors import Problems
from cnnbuild.lang.analyses import ANALYSES
from cnnbuild.lang.merging import CHOICES, submap, with_entry
from cnnbuild.lang.recipe.models import WeightName
from cnnbuild.lang.reference import split_reference
from cnnbuild.lang.source import Yaml, YamlList, YamlMap, YamlScalar, describe
from cnnbuild.lang.validation import Settings

MAX_SEEDS = 1000
MAX_SEED = 2**32 - 1  # what every random generator takes

NO_SLASH = r"^[^/\\]*$"  # a name of a study is a folder's too


def _folder_name(name: str) -> str:
    if not re.match(NO_SLASH, name):
        raise ValueError("expected a name without '/' and '\\'; the folder of the results has it too")
    return name


StudyName: TypeAlias = Annotated[
    str,
    Field(min_length=1, max_length=100, json_schema_extra={"pattern": NO_SLASH}),
    AfterValidator(_folder_name),
]
"""What a study is called."""

FreeForm = dict[str, JsonValue]


class ArchitectureSettings(Settings):
    """One architecture of a study: a file, what of it, and the weights that its runs begin with."""

    file: Annotated[str, Field(min_length=1)]
    variant: str | None = None
    vars: FreeForm = Field(default_factory=dict)
    train: FreeForm = Field(default_factory=dict)
    weights: Annotated[str, Field(min_length=1)] | None = None
    excepted: list[WeightName] = Field(default_factory=list, alias="except")


class WhenSettings(Settings):
    """Which cells an override is for; what is not named does not restrict."""

    dataset: str | None = None
    architecture: str | None = None


class OverrideSettings(Settings):
    """Values for some cells; `seeds`, `vars` and `train` are checked where they are merged."""

    when: WhenSettings
    vars: FreeForm = Field(default_factory=dict)
    train: FreeForm = Field(default_factory=dict)
    size: Annotated[int, Field(ge=4, le=1024)] | None = None
    seeds: JsonValue = None


class StudySettings(Settings):
    """The top level of a study file, one variant already chosen.

    What `datasets`, `seeds`, `vars`, `train`, `grid`, `match` and `budget` hold is checked where it is read.
    """

    elsewhere: ClassVar[Mapping[str, str]] = {
        "layers": "layers are compared in a study of their own, without architectures"
    }

    cnnbuild: Literal[1]
    study: StudyName
    question: str = ""
    description: str = ""
    architectures: Annotated[dict[str, ArchitectureSettings], Field(min_length=1)]
    baseline: str | None = None
    datasets: Annotated[list[JsonValue], Field(min_length=1)]
    seeds: JsonValue = 1
    vars: FreeForm = Field(default_factory=dict)
    train: FreeForm = Field(default_factory=dict)
    override: list[OverrideSettings] = Field(default_factory=list)
    grid: FreeForm | None = None
    match: FreeForm | None = None
    budget: FreeForm | None = None
    plugins: list[Annotated[str, Field(min_length=1)]] = Field(default_factory=list)
    equivalence: Annotated[float, Field(ge=0, le=100)] = 0.5
    analyses: list[str] = Field(default_factory=lambda: list(ANALYSES))


def spell_out_architectures(tree: YamlMap) -> YamlMap:
    """The mapping with each `name: file.yaml@variant` written as `name: {file: …, variant: …}`."""
    architectures = submap(tree, "architectures")
    if architectures is None:
        return tree
    for entry in architectures:
        value = entry.value
        if not isinstance(value, YamlScalar) or not isinstance(value.value, str):
            continue
        file, variant = split_reference(value.value)
        spelled = with_entry(
            YamlMap((), value.place),
            YamlScalar("file", value.place, text="file"),
            YamlScalar(str(file), value.place, text=str(file)),
        )
        if variant:
            word = YamlScalar(variant, value.place, text=variant)
            spelled = with_entry(spelled, YamlScalar("variant", value.place, text="variant"), word)
        architectures = with_entry(architectures, entry.key, spelled)
    key = next(entry.key for entry in tree if entry.name == "architectures")
    return with_entry(tree, key, architectures)


def spell_out_train(tree: YamlMap) -> YamlMap:
    """The mapping with a bare word under `train.optimizer` or `.schedule` written as a mapping of one key.

    So that `optimizer: adam` below `optimizer: {adam: {lr: 0.01}}` merges as the same kind.
    """
    train = submap(tree, "train")
    if train is None:
        return tree
    for entry in train:
        if (
            entry.name in CHOICES
            and isinstance(entry.value, YamlScalar)
            and isinstance(entry.value.value, str)
        ):
            word = entry.value
            train = with_entry(
                train, entry.key, with_entry(YamlMap((), word.place), word, YamlMap((), word.place))
            )
    key = next(entry.key for entry in tree if entry.name == "train")
    return with_entry(tree, key, train)


def parse_seeds(yaml: Yaml, problems: Problems) -> tuple[int, ...]:
    """The seeds that `3` (0, 1, 2) or a list stands for; empty after a fault was added to `problems`."""
    if isinstance(yaml, YamlList):
        return _listed_seeds(yaml, problems)
    count = _whole(yaml)
    if count is None or not 1 <= count <= MAX_SEEDS:
        message = f"'seeds' is a number from 1 to {MAX_SEEDS}, or a list of seeds, not {describe(yaml)}"
        problems.add(message, yaml.place, help="`seeds: 3` means the seeds 0, 1 and 2")
        return ()
    return tuple(range(count))


def _listed_seeds(yaml: YamlList, problems: Problems) -> tuple[int, ...]:
    seeds: list[int] = []
    for item in yaml:
        seed = _whole(item)
        if seed is None or not 0 <= seed <= MAX_SEED:
            problems.add(f"a seed is a whole number from 0 to {MAX_SEED}, not {describe(item)}", item.place)
        elif seed in seeds:
            problems.add(
                f"the seed {seed} is listed twice", item.place, help="give each run a seed of its own"
            )
        else:
            seeds.append(seed)
    if not yaml.items:
        problems.add("the list of seeds is empty", yaml.place, help="write `seeds: 3`, or list at least one")
    return tuple(seeds)


def _whole(yaml: Yaml) -> int | None:
    value = yaml.value if isinstance(yaml, YamlScalar) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        return None
    return int(value)
