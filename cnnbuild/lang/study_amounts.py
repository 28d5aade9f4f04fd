"""What a study holds equal: the size of its networks (`match`), and the amount of training (`budget`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated

from pydantic import Field, model_validator

from cnnbuild.errors import Place, Problems
from cnnbuild.lang.merging import is_said, merge_maps, submap, with_entry, without
from cnnbuild.lang.recipe import BUDGETS
from cnnbuild.lang.source import YamlEntry, YamlList, YamlMap, YamlScalar
from cnnbuild.lang.study_document import Budget, BudgetUnit, Match
from cnnbuild.lang.validation import Settings, place_of_key, validate

QUANTITIES = ("parameters", "macs")
UNITS: tuple[BudgetUnit, ...] = ("macs", "images", "seconds")

Target = Annotated[int, Field(gt=0)]


class MatchSettings(Settings):
    """Of which quantity all architectures have the same, and the variable that is solved for it."""

    elsewhere = {"flops": "cnnbuild counts multiply-adds: `macs`, half the FLOPs"}  # noqa: RUF012 - as declared

    parameters: Target | None = None
    macs: Target | None = None
    by: Annotated[str, Field(min_length=1)]
    within: Annotated[float, Field(gt=0, lt=1)] = 0.02

    @model_validator(mode="after")
    def _names_one_quantity(self) -> MatchSettings:
        if self.parameters is None and self.macs is None:
            raise ValueError("expected one of parameters and macs; write `parameters: 100_000`, say")
        if self.parameters is not None and self.macs is not None:
            raise ValueError("expected no macs beside parameters; keep one of the two")
        return self


class BudgetSettings(Settings):
    """How much every run trains: multiply-adds of training, training images seen, or seconds."""

    elsewhere = {  # noqa: RUF012 - as declared
        "epochs": "recipes say it: write `train: {epochs: …}`, without a budget",
        "steps": "recipes say it: write `train: {steps: …}`, without a budget",
    }

    macs: Annotated[float, Field(gt=0)] | None = None
    images: Annotated[int, Field(gt=0)] | None = None
    seconds: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _has_one_unit(self) -> BudgetSettings:
        said = [unit for unit in UNITS if getattr(self, unit) is not None]
        if not said:
            raise ValueError("expected one of macs, images and seconds; write `images: 500_000`, say")
        if len(said) > 1:
            raise ValueError(f"expected no {said[1]} beside {said[0]}; keep one of the units")
        return self


def parse_match(study: YamlMap, problems: Problems) -> Match | None:
    """What the study matches, or None where it does not or after its faults were added to `problems`."""
    written = submap(study, "match")
    settings = None if written is None else validate(MatchSettings, written, problems, what="'match'")
    if written is None or settings is None:
        return None
    place = place_of_key(study, "match")
    if settings.parameters is not None:
        return Match("parameters", settings.parameters, settings.by, settings.within, place)
    return Match("macs", settings.macs or 0, settings.by, settings.within, place)


def parse_budget(study: YamlMap, problems: Problems) -> Budget | None:
    """The amount of training, or None where the recipes say it or after faults were added to `problems`."""
    written = submap(study, "budget")
    settings = None if written is None else validate(BudgetSettings, written, problems, what="'budget'")
    if settings is None:
        return None
    amounts = ((unit, getattr(settings, unit)) for unit in UNITS)
    unit, amount = next((unit, amount) for unit, amount in amounts if amount is not None)
    return Budget(unit, float(amount), place_of_key(study, "budget"))


def lay_over(study: YamlMap, changes: YamlMap) -> YamlMap:
    """A study with the changes of a variant, and without what these take the place of.

    Of the lengths of its recipes and its budget the newer one stays, and a `match` takes the place of values
    for the variable that it solves for.
    """
    if is_said(changes.get("budget")):
        study = without_lengths(study)
    elif any(True for _ in _lengths_in(submap(changes, "train"))):
        study = without(study, "budget")
    if is_said(changes.get("match")):
        study = _without_variable(study, _solved_by(merge_maps(study, changes)))
    return merge_maps(study, changes)


def without_what_is_replaced(study: YamlMap, arguments: Mapping[str, object]) -> YamlMap:
    """The study without what the arguments take the place of, as `lay_over` does it for a variant.

    Where they give both a budget and a length, both are laid over it, for `check_lengths` to refuse.
    """
    if any(path == "match" or path.startswith("match.") for path, value in arguments.items() if value):
        study = _without_variable(study, _asked_to_solve(study, arguments))
    given = {path for path, value in arguments.items() if value is not None}
    budget = any(path == "budget" or path.startswith("budget.") for path in given)
    length = any(f"train.{unit}" in given for unit in BUDGETS)
    if budget:
        return without_lengths(study)
    return without(study, "budget") if length else study


def _asked_to_solve(study: YamlMap, arguments: Mapping[str, object]) -> str:
    whole = arguments.get("match")
    named = whole.get("by") if isinstance(whole, Mapping) else arguments.get("match.by")
    return named if isinstance(named, str) else _solved_by(study)


def without_lengths(study: YamlMap) -> YamlMap:
    """The study with nothing in any recipe, nor in the grid, that says how long a run is."""
    return _without_everywhere(study, "train", BUDGETS)


def _without_variable(study: YamlMap, name: str) -> YamlMap:
    return _without_everywhere(study, "vars", (name,)) if name else study


def _solved_by(study: YamlMap) -> str:
    """The variable that a study's `match` solves for; empty where it names none."""
    by = (submap(study, "match") or YamlMap((), study.place)).get("by")
    return by.value if isinstance(by, YamlScalar) and isinstance(by.value, str) else ""


def _without_everywhere(study: YamlMap, section: str, names: Sequence[str]) -> YamlMap:
    """The study with some keys of `train` or `vars` said nowhere: in itself, its entries, overrides, grid."""

    def bare(part: YamlMap) -> YamlMap:
        return _changed(part, section, lambda inner: without(inner, *names))

    study = _changed(bare(study), "grid", lambda grid: without(grid, *(f"{section}.{n}" for n in names)))
    study = _changed(study, "architectures", lambda entries: _each(entries, bare))
    overrides = study.get("override")
    if not isinstance(overrides, YamlList):
        return study
    items = tuple(bare(item) if isinstance(item, YamlMap) else item for item in overrides)
    key = next(entry.key for entry in study if entry.name == "override")
    return with_entry(study, key, YamlList(items, overrides.place))


def check_lengths(study: YamlMap, problems: Problems) -> None:
    """Add everything beside a `budget` that says how long a run is."""
    if not is_said(study.get("budget")):
        return
    line = said_at(place_of_key(study, "budget"))
    for place, name in _all_lengths(study):
        message = f"'{name}' says how long a run is, and so does 'budget' ({line})"
        problems.add(message, place, help="remove one of the two")


def said_at(place: Place) -> str:
    """A place as a message about another one names it.

    >>> said_at(Place("study.yaml", 9, 1, 6, "budget: {}")), said_at(Place("--set", 1, 1, 9, "seeds=2"))
    ('line 9', '--set seeds=2')
    """
    return f"{place.file} {place.source_line}" if place.file.startswith("--") else f"line {place.line}"


def _all_lengths(study: YamlMap) -> Iterator[tuple[Place, str]]:
    """Every key that says how long a run is, with its place: of the study, its entries, overrides, grid."""
    entries = [entry.value for entry in submap(study, "architectures") or ()]
    overrides = study.get("override")
    for part in (study, *entries, *(overrides if isinstance(overrides, YamlList) else ())):
        for entry in _lengths_in(submap(part, "train")):
            yield entry.key.place, entry.name
    for entry in submap(study, "grid") or ():
        if entry.name in {f"train.{unit}" for unit in BUDGETS} and is_said(entry.value):
            yield entry.key.place, entry.name


def _lengths_in(train: YamlMap | None) -> Iterator[YamlEntry]:
    return (entry for entry in train or () if entry.name in BUDGETS and is_said(entry.value))


def _each(entries: YamlMap, change: Callable[[YamlMap], YamlMap]) -> YamlMap:
    """The mapping with every mapping in it changed."""
    changed = ((e.key, change(e.value) if isinstance(e.value, YamlMap) else e.value) for e in entries)
    return YamlMap(tuple(YamlEntry(key, value) for key, value in changed), entries.place)


def _changed(tree: YamlMap, name: str, change: Callable[[YamlMap], YamlMap]) -> YamlMap:
    """The mapping with the mapping under `name` changed, where it has one."""
    inner = submap(tree, name)
    if inner is None:
        return tree
    key = next(entry.key for entry in tree if entry.name == name)
    return with_entry(tree, key, change(inner))
