"""From a study's merged tree to a `StudyDocument`: names checked, overrides applied, recipes parsed."""

from __future__ import annotations

import os.path
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from cnnbuild.errors import Place, Problems
from cnnbuild.lang.dataset import DATASET_NAMES, DatasetSettings, parse_dataset
from cnnbuild.lang.files import MAX_PATH, is_regular_file, proposed_neighbour
from cnnbuild.lang.merging import is_said, merge_train, submap
from cnnbuild.lang.reference import split_reference
from cnnbuild.lang.source import YamlList, YamlMap, YamlScalar, to_plain
from cnnbuild.lang.study_amounts import check_lengths, parse_budget, parse_match, said_at
from cnnbuild.lang.study_conditions import check_grid_conditions, overrides_of
from cnnbuild.lang.study_document import Combination, Match, StudyDocument, Variable
from cnnbuild.lang.study_grid import MAX_RUNS, Known, points_of, read_grid, size_of, values_of
from cnnbuild.lang.study_grid_paths import steps_of
from cnnbuild.lang.study_layers import LAYERED, Settler, layers_of
from cnnbuild.lang.study_plugins import plugins_of
from cnnbuild.lang.study_settings import StudySettings, parse_seeds, spell_out_train
from cnnbuild.lang.study_weights import starting_weights
from cnnbuild.lang.validation import place_of_key, validate
from cnnbuild.texts import did_you_mean, shortened


def resolve(
    tree: YamlMap,
    problems: Problems,
    *,
    file: Path,
    variant: str | None,
    arguments: Mapping[str, object],
    known: Known,
) -> StudyDocument | None:
    """The document that a merged tree stands for, or None after its faults were added to `problems`.

    `arguments` are laid over each combination once more, so that they win over the file's overrides. `known`
    is what the grids of the file vary, those of other variants too: an override may name it.
    """
    faults = Problems()
    plain = check_grid_conditions(tree, known, faults)
    study = validate(StudySettings, plain, faults, what="the study")
    match, budget = parse_match(tree, faults), parse_budget(tree, faults)
    plugins = plugins_of(tree, file, faults)
    _check_names(tree, faults)
    forced = {path: value for path, value in arguments.items() if path.split(".")[0] in LAYERED}
    check_lengths(tree, faults)
    settler = Settler(forced, is_said(tree.get("budget")), faults)
    combinations = _combinations(tree, file, settler)
    _check_idle_overrides(tree, settler)
    if match is not None:
        _check_solved(match, combinations, faults)
    problems.extend(faults.found)
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
        combinations=combinations,
        warnings=faults.warnings,
        match=match,
        budget=budget,
        plugins=plugins,
    )


def _combinations(tree: YamlMap, file: Path, settler: Settler) -> tuple[Combination, ...]:
    """Every architecture on every data set at every point of the grid; faults are added to the settler's."""
    problems = settler.problems
    datasets = _datasets(tree, problems)
    architectures = [
        (
            entry,
            entry.value,
            _source_of(entry.value, file, problems),
            starting_weights(entry.value, file, problems),
        )
        for entry in submap(tree, "architectures") or ()
        if isinstance(entry.value, YamlMap)
    ]
    axes = read_grid(tree, problems)
    count = size_of(axes) * max(len(datasets), 1) * max(len(architectures), 1)
    if count > MAX_RUNS:
        _refuse_size(f"{count:,} runs for each seed", tree, problems)
        axes = tuple(replace(axis, values=axis.values[:1]) for axis in axes)
    found: list[Combination] = []
    for entry, value, source, weights in architectures:
        for dataset, place in datasets:
            for point in points_of(axes):
                settled = settler.settle(layers_of(tree, entry.name, value, dataset.name, point), dataset)
                if source is not None and settled is not None:
                    asked = {axis.path: each.place for axis, each in point}
                    found.append(
                        Combination(
                            entry.name,
                            *source,
                            settled.variables,
                            settled.dataset,
                            settled.recipe,
                            settled.seeds,
                            entry.key.place,
                            asked.get("train_images", place),
                            values_of(point),
                            weights,
                        )
                    )
    runs = sum(len(each.seeds) for each in found)
    if axes and runs > MAX_RUNS >= count:
        _refuse_size(f"{runs:,} runs", tree, problems)
    if not problems.errors:
        _check_equal_points(found, problems)
    return tuple(found)


def _refuse_size(count: str, tree: YamlMap, problems: Problems) -> None:
    message = f"with this grid the study has {count}, and {MAX_RUNS:,} are the most"
    problems.add(message, place_of_key(tree, "grid"), help="list fewer values, or make several studies of it")


def _check_equal_points(combinations: Iterable[Combination], problems: Problems) -> None:
    """Add each point of the grid whose runs are those of another one: they would be counted twice."""
    seen: dict[tuple[object, ...], Combination] = {}
    for one in combinations:
        if not one.grid:
            return
        values = repr([(variable.name, variable.value) for variable in one.variables])
        key = (one.architecture, one.dataset.label, values, one.recipe.model_dump_json())
        other = seen.setdefault(key, one)
        if other is not one:
            place = next(new.place for new, old in zip(one.grid, other.grid, strict=True) if new != old)
            problems.add(
                f"these runs would be those of {other.setting} again, under another name",
                place,
                help="remove one of the two values",
                context=(f"for {one.architecture} on {one.dataset.label}",),
            )


def _check_solved(match: Match, combinations: Iterable[Combination], problems: Problems) -> None:
    """Add a grid of the variable that `match` solves for, and warn of other values for it."""
    told = f"'{match.by}' is solved for by 'match' ({said_at(match.place)})"
    for one in combinations:
        varied = any(value.path == f"vars.{match.by}" for value in one.grid)
        for place in (variable.place for variable in one.variables if variable.name == match.by):
            if varied:
                problems.add(f"{told}, and the grid varies it", place, help="remove one of the two")
            else:
                problems.add(f"{told}: this value is not used", place, severity="warning")


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
    for override in overrides_of(tree):
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


def _check_idle_overrides(tree: YamlMap, settler: Settler) -> None:
    """Check the recipe and seeds of overrides that select no cell of this study today."""
    for override in overrides_of(tree):
        train = submap(spell_out_train(override), "train")
        if train is not None:
            settler.check_recipe(merge_train(submap(tree, "train") or YamlMap((), train.place), train))
        if (seeds := override.get("seeds")) is not None:
            parse_seeds(seeds, settler.problems)


def named_variables(trees: Iterable[YamlMap]) -> tuple[Variable, ...]:
    """The variables that studies set for all architectures, in an override or in the grid."""
    trees = tuple(trees)
    written = [
        (entry.key, entry.name, to_plain(entry.value))
        for tree in trees
        for part in (tree, *overrides_of(tree))
        for entry in submap(part, "vars") or ()
    ]
    written += [
        (steps_of(entry.key)[1], entry.name.partition(".")[2], to_plain(entry.value))
        for tree in trees
        for entry in submap(tree, "grid") or ()
        if entry.name.startswith("vars.")
    ]
    return tuple(Variable(name, value, key.place, shared=True) for key, name, value in written)
