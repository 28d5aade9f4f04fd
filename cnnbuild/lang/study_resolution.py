"""From a study's merged tree to a `StudyDocument`: names checked, overrides applied, recipes parsed."""

from __future__ import annotations

import os.path
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cnnbuild.errors import Place, Problems
from cnnbuild.lang.dataset import DATASET_NAMES, DatasetSettings, parse_dataset
from cnnbuild.lang.files import MAX_PATH, is_regular_file, proposed_neighbour
from cnnbuild.lang.merging import merge_maps, merge_train, set_path, submap, with_entry
from cnnbuild.lang.recipe import Recipe, parse_recipe
from cnnbuild.lang.reference import split_reference
from cnnbuild.lang.source import Plain, YamlList, YamlMap, YamlScalar, to_plain
from cnnbuild.lang.study_document import Combination, StudyDocument, Variable
from cnnbuild.lang.study_settings import StudySettings, parse_seeds, spell_out_train
from cnnbuild.lang.validation import place_of_key, validate, whole_floats_as_ints
from cnnbuild.texts import did_you_mean, shortened

LAYERED = ("vars", "train", "seeds")  # what the layers of a study may each say


def resolve(
    tree: YamlMap,
    problems: Problems,
    *,
    file: Path,
    variant: str | None,
    arguments: Mapping[str, object],
) -> StudyDocument | None:
    """The document that a merged tree stands for, or None after its faults were added to `problems`.

    `arguments` are laid over each combination once more, so that they win over the file's overrides.
    """
    faults = Problems()
    study = validate(StudySettings, tree, faults, what="the study")
    datasets = _datasets(tree, faults)
    _check_names(tree, faults)
    forced = {path: value for path, value in arguments.items() if path.split(".")[0] in LAYERED}
    combinations: list[Combination] = []
    for architecture in submap(tree, "architectures") or ():
        if isinstance(architecture.value, YamlMap):
            source = _source_of(architecture.value, file, faults)
            for dataset, dataset_place in datasets:
                layers = _layers(tree, architecture.name, architecture.value, dataset.name)
                settled = _settle(layers, dataset, forced, faults)
                if source is not None and settled is not None:
                    combinations.append(
                        Combination(
                            architecture.name,
                            *source,
                            settled.variables,
                            settled.dataset,
                            settled.recipe,
                            settled.seeds,
                            architecture.key.place,
                            dataset_place,
                        )
                    )
    _check_idle_overrides(tree, faults)
    add_errors(problems, faults)
    for warning in faults.warnings:
        problems.add(warning.message, warning.place, help=warning.help, severity="warning")
    if study is None or faults.errors:
        return None
    return StudyDocument(
        file=file,
        variant=variant,
        name=study.study,
        question=study.question,
        description=study.description,
        architectures=tuple(study.architectures),
        baseline=study.baseline or next(iter(study.architectures)),
        equivalence_points=study.equivalence,
        analyses=tuple(study.analyses),
        combinations=tuple(combinations),
        warnings=faults.warnings,
    )


def add_errors(problems: Problems, faults: Problems) -> None:
    """Add the errors of one collection to another."""
    for fault in faults.errors:
        problems.add(fault.message, fault.place, help=fault.help, context=fault.context)


@dataclass(frozen=True, slots=True)
class _Layer:
    """What one part of a study says; `shared` where it says it about all architectures."""

    tree: YamlMap
    shared: bool


@dataclass(frozen=True, slots=True)
class _Settled:
    """What the layers of one combination come to."""

    variables: tuple[Variable, ...]
    dataset: DatasetSettings
    recipe: Recipe
    seeds: tuple[int, ...]


def _layers(tree: YamlMap, name: str, entry: YamlMap, dataset: str) -> list[_Layer]:
    """What the study says about one combination, from the most general to what wins."""
    layers = [_Layer(_only(tree, *LAYERED), shared=True), _Layer(_only(entry, "vars", "train"), shared=False)]
    for override in _overrides(tree):
        wanted = {key: _word(override, key) for key in ("dataset", "architecture")}
        if wanted["dataset"] in {None, dataset} and wanted["architecture"] in {None, name}:
            layers.append(_Layer(_only(override, *LAYERED, "size"), shared=wanted["architecture"] is None))
    return layers


def _settle(
    layers: list[_Layer], dataset: DatasetSettings, forced: Mapping[str, object], problems: Problems
) -> _Settled | None:
    """The variables, data set, recipe and seeds of one combination, or None after faults were added."""
    merged = layers[0].tree
    shared = {entry.name for layer in layers if layer.shared for entry in submap(layer.tree, "vars") or ()}
    own = {entry.name for layer in layers if not layer.shared for entry in submap(layer.tree, "vars") or ()}
    for layer in layers[1:]:
        merged = merge_maps(merged, spell_out_train(layer.tree))
    for path, value in forced.items():
        merged = set_path(merged, path, value, problems)
        shared |= {path.split(".")[1]} if path.startswith("vars.") else set()
    faults = Problems()  # of its own: a fault seen before must stop this combination too
    recipe = parse_recipe(submap(spell_out_train(merged), "train") or YamlMap((), merged.place), faults)
    seeds_tree = merged.get("seeds")
    seeds = (0,) if seeds_tree is None else parse_seeds(seeds_tree, faults)
    add_errors(problems, faults)
    for warning in faults.warnings:
        problems.add(warning.message, warning.place, help=warning.help, severity="warning")
    variables = tuple(
        Variable(
            entry.name,
            whole_floats_as_ints(to_plain(entry.value)),
            entry.key.place,
            entry.name in shared and entry.name not in own,
        )
        for entry in submap(merged, "vars") or ()
    )
    size = merged.get("size")
    if isinstance(size, YamlScalar) and isinstance(size.value, int):
        dataset = dataset.model_copy(update={"size": size.value})
    return None if recipe is None or not seeds else _Settled(variables, dataset, recipe, seeds)


def _source_of(entry: YamlMap, study: Path, problems: Problems) -> tuple[Path, str | None] | None:
    """The file and the variant of an architecture; a file that does not exist is added to `problems`."""
    written = entry.get("file")
    if not isinstance(written, YamlScalar) or not isinstance(written.value, str):
        return None  # validation has said so
    name, variant = split_reference(written.value)
    path = Path(os.path.normpath(study.parent / name))
    if not is_regular_file(path):
        message = f"there is no architecture file {shortened(str(path), MAX_PATH)}"
        problems.add(message, written.place, help=proposed_neighbour(path))
        return None
    chosen = entry.get("variant")
    if variant is not None and chosen is not None:
        message = f"the variant is said twice: in 'file' (@{variant}) and in 'variant'"
        problems.add(message, chosen.place, help="keep one of the two")
        return None
    word = chosen.value if isinstance(chosen, YamlScalar) and isinstance(chosen.value, str) else None
    return path, variant if variant is not None else word


def _datasets(tree: YamlMap, problems: Problems) -> list[tuple[DatasetSettings, Place]]:
    """The data sets, each with the place of its `train_images`, or else of its name."""
    listed = tree.get("datasets")
    found: list[tuple[DatasetSettings, Place]] = []
    for item in listed if isinstance(listed, YamlList) else ():
        dataset = parse_dataset(item, problems)
        if dataset is None:
            continue
        if any(other.name == dataset.name and other.path == dataset.path for other, _ in found):
            problems.add(
                f"the data set '{dataset.name}' is listed twice", item.place, help="keep one of the two"
            )
        else:
            options = submap(item, dataset.name) if isinstance(item, YamlMap) else None
            named = options is not None and options.get("train_images") is not None
            place = place_of_key(options, "train_images") if options and named else item.place
            found.append((dataset, place))
    return found


def _check_names(tree: YamlMap, problems: Problems) -> None:
    """Add every name of an architecture or a data set that stands for nothing."""
    architectures = [entry.name for entry in submap(tree, "architectures") or ()]
    baseline = tree.get("baseline")
    if isinstance(baseline, YamlScalar) and isinstance(baseline.value, str):
        _check_word(baseline, architectures, "architecture", problems)
    for override in _overrides(tree):
        when = submap(override, "when")
        if when is not None and not when.entries:
            message = "'when' names no cells"
            help_text = (
                "name a dataset or an architecture, or move the values to the study's own train and vars"
            )
            problems.add(message, when.place, help=help_text)
        if when is not None and when.get("architecture") is not None and override.get("size") is not None:
            problems.add(
                "'size' cannot depend on the architecture: those of another size would be on "
                "another data set and be compared with nothing",
                place_of_key(override, "size"),
                help="select by dataset alone, or resize inside the network",
            )
        known_names: dict[str, list[str]] = {"architecture": architectures, "dataset": [*DATASET_NAMES]}
        for key, known in known_names.items():
            word = when.get(key) if when is not None else None
            if isinstance(word, YamlScalar) and isinstance(word.value, str):
                _check_word(word, known, "data set" if key == "dataset" else key, problems)


def _check_word(word: YamlScalar, known: list[str], noun: str, problems: Problems) -> None:
    if word.value not in known:
        hint = did_you_mean(str(word.value), known, listing=f"known {noun}s")
        problems.add(f"unknown {noun} '{word.value}'", word.place, help=hint)


def _check_idle_overrides(tree: YamlMap, problems: Problems) -> None:
    """Check the recipe and seeds of overrides that select no cell of this study today."""
    for override in _overrides(tree):
        train = submap(spell_out_train(override), "train")
        if train is not None:
            merged = merge_train(submap(tree, "train") or YamlMap((), train.place), train)
            faults = Problems()
            parse_recipe(merged, faults)
            add_errors(problems, faults)
        if (seeds := override.get("seeds")) is not None:
            parse_seeds(seeds, problems)


def named_variables(trees: Iterable[YamlMap]) -> tuple[Variable, ...]:
    """The variables that a study and its variants set for all architectures, or in an override."""
    return tuple(
        Variable(entry.name, to_plain(entry.value), entry.key.place, shared=True)
        for tree in trees
        for part in (tree, *_overrides(tree))
        for entry in submap(part, "vars") or ()
    )


def _overrides(tree: YamlMap) -> list[YamlMap]:
    listed = tree.get("override")
    return [item for item in listed if isinstance(item, YamlMap)] if isinstance(listed, YamlList) else []


def _word(override: YamlMap, key: str) -> Plain:
    word = (submap(override, "when") or YamlMap((), override.place)).get(key)
    return word.value if isinstance(word, YamlScalar) else None


def _only(tree: YamlMap, *names: str) -> YamlMap:
    only = YamlMap((), tree.place)
    for entry in tree:
        if entry.name in names:
            only = with_entry(only, entry.key, entry.value)
    return only
