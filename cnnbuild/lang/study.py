"""The study document: which architectures are trained on which data, how, and how often.

`read_study` settles everything that does not need a network: one variant is chosen, arguments are laid over
the file, overrides are merged, and each pair of architecture and data set comes out as a `Combination` with a
checked recipe, once for each point of the grid. What is laid over what, the last one winning: the study's own
`train`, `vars` and `seeds`; those of the architecture's entry; the values of the grid; each `override` that
matches, in written order; the arguments.

So what the study says is where the grid starts from. What stands above the grid may add to a point, and not
take its values away, which are what its runs are called: an `override` that sets what the grid varies is an
error. An argument that does leaves one value on that path of the grid: its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from cnnbuild.errors import Place, Problems, UsageError
from cnnbuild.lang.analyses import check_analyses
from cnnbuild.lang.files import read_yaml
from cnnbuild.lang.layer_study import is_layer_study
from cnnbuild.lang.merging import from_setting, set_path, with_entry
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.lang.sections import check_format_version
from cnnbuild.lang.source import Yaml, YamlList, YamlMap, YamlScalar, describe, from_plain
from cnnbuild.lang.study_amounts import lay_over, without_what_is_replaced
from cnnbuild.lang.study_conditions import warn_of_idle
from cnnbuild.lang.study_document import StudyDocument
from cnnbuild.lang.study_grid import fixed_at, known_values, read_grid
from cnnbuild.lang.study_grid_paths import OF_DATA
from cnnbuild.lang.study_resolution import named_variables, resolve
from cnnbuild.lang.study_settings import spell_out_architectures, spell_out_train
from cnnbuild.lang.validation import place_of_key
from cnnbuild.lang.variants import may_be_set, require_variant, split_variants


def read_study(
    path: Path,
    *,
    variant: str | None = None,
    settings: Mapping[str, object] | None = None,
    datasets: Sequence[str] | None = None,
    seeds: int | None = None,
) -> StudyDocument:
    """The study in a file, one of its variants, with values changed by their path in the document.

    `settings` maps dotted paths to values ("train.epochs": 2); those under `train`, `vars` and `seeds` also
    win over overrides, as does `seeds`. `datasets` replaces the list; a name that the study lists keeps its
    options.

    Raises:
        DocumentError: the file or an argument is faulty; all faults at once.
        UsageError: there is no such file or no such variant.
    """
    problems = Problems()
    tree = _study_that_trains(path, problems)
    if tree.get("cnnbuild") is not None:
        check_format_version(tree, problems)
        problems.raise_if_any()  # another version: what its keys mean is not known here
    written, changes = split_variants(tree, problems)
    require_variant(path, variant, changes)
    base = _normalised(written, problems)
    variants = {name: _normalised(change, problems) for name, change in changes.items()}
    arguments = dict(settings or {})
    if seeds is not None:
        arguments["seeds"] = seeds
    laid = {name: lay_over(base, change) for name, change in variants.items()}
    before = base if variant is None else laid[variant]
    asked = _with_arguments(before, arguments, datasets, problems)
    known = known_values(read_grid(each, Problems()) for each in (base, *laid.values(), before, asked))
    document = resolve(asked, problems, file=path, variant=variant, arguments=arguments, known=known)
    for other in variants.keys() - {variant}:
        faults = Problems()
        resolve(laid[other], faults, file=path, variant=other, arguments={}, known=known)
        problems.extend(faults.errors)
    problems.raise_if_any()
    if document is None:
        raise UsageError(f"{path}: not a study")
    idle = Problems()
    warn_of_idle(asked, (base, *laid.values(), asked), idle)
    warnings = (*document.warnings, *idle.warnings)
    return replace(document, warnings=warnings, named_variables=named_variables((asked, *variants.values())))


def _study_that_trains(path: Path, problems: Problems) -> YamlMap:
    """The tree of a file that holds a study of architectures.

    Raises:
        DocumentError: it holds something else.
        UsageError: there is no such file.
    """
    tree = read_yaml(path)
    if not isinstance(tree, YamlMap):
        problems.add(
            f"a study is a mapping, not {describe(tree)}", tree.place, help="start it with `cnnbuild: 1`"
        )
        problems.raise_if_any()
        raise UsageError(f"{path}: not a study")
    if tree.get("layers") is not None and tree.get("study") is None:
        problems.add(
            "this is an architecture, not a study",
            place_of_key(tree, "layers"),
            help="`cnnbuild inspect` and `cnnbuild train` take it; name it under `architectures:` of a study",
        )
        problems.raise_if_any()
    if is_layer_study(tree):
        hint = "`cnnbuild run` takes it"
        problems.add("this study compares layers and trains none", place_of_key(tree, "layers"), help=hint)
        problems.raise_if_any()
    return tree


def _normalised(tree: YamlMap, problems: Problems) -> YamlMap:
    check_analyses(tree.get("analyses"), problems)
    return spell_out_train(spell_out_architectures(tree))


def _with_arguments(
    tree: YamlMap, arguments: Mapping[str, object], datasets: Sequence[str] | None, problems: Problems
) -> YamlMap:
    """The document with the arguments of the command line laid over it."""
    tree = without_what_is_replaced(tree, arguments)
    for path, value in arguments.items():
        if may_be_set(path, problems):
            tree = _with_argument(tree, path, value, problems)
    tree = _normalised(tree, problems)
    if datasets is None:
        return tree
    listed = tree.get("datasets")
    known = {_dataset_word(item): item for item in listed} if isinstance(listed, YamlList) else {}
    chosen = [known.get(word) or _dataset_asked(word) for word in datasets]
    whole = ", ".join(datasets)
    place = Place("--dataset", 1, 1, max(len(whole), 1), whole)
    return with_entry(tree, YamlScalar("datasets", place), YamlList(tuple(chosen), place))


def _with_argument(tree: YamlMap, path: str, value: object, problems: Problems) -> YamlMap:
    """The document with one argument laid over it; on a path of the grid, its value alone is left."""
    tree = fixed_at(tree, path, from_setting(path, value))
    return tree if path in OF_DATA and tree.get("grid") is not None else set_path(tree, path, value, problems)


def _dataset_asked(text: str) -> Yaml:
    """A data set that the command line names; in braces it has options, as in a file.

    Raises:
        DocumentError: what is in braces is not YAML.
    """
    if text.lstrip().startswith("{"):
        return parse_yaml(text, "--dataset")
    return from_plain(text, Place("--dataset", 1, 1, len(text), text))


def _dataset_word(item: Yaml) -> str:
    if isinstance(item, YamlMap) and len(item.entries) == 1:
        return item.entries[0].name
    return str(item.value) if isinstance(item, YamlScalar) else ""
