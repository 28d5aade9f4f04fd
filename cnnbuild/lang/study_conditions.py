"""For which cells an override is: those of a data set, of an architecture, of a value of the grid."""

from __future__ import annotations

from collections.abc import Iterable

from cnnbuild.errors import Problems
from cnnbuild.lang.merging import submap, with_entry
from cnnbuild.lang.source import Plain, Yaml, YamlEntry, YamlList, YamlMap, YamlScalar
from cnnbuild.lang.study_grid import Known, Point, value_key
from cnnbuild.lang.study_grid_paths import OF_DATA
from cnnbuild.texts import did_you_mean


def overrides_of(study: YamlMap) -> list[YamlMap]:
    """The overrides of a study, in written order."""
    listed = study.get("override")
    return [item for item in listed if isinstance(item, YamlMap)] if isinstance(listed, YamlList) else []


def word_of(override: YamlMap, key: str) -> Plain:
    """The data set or the architecture that an override is for; None where it is for all."""
    word = (submap(override, "when") or YamlMap((), override.place)).get(key)
    return word.value if isinstance(word, YamlScalar) else None


def selects(override: YamlMap, architecture: str, dataset: str, point: Point) -> bool:
    """Whether an override is for a cell."""
    if word_of(override, "dataset") not in {None, dataset}:
        return False
    if word_of(override, "architecture") not in {None, architecture}:
        return False
    at = {axis.path: value_key(value) for axis, value in point}
    return all(at.get(entry.name) == value_key(entry.value) for entry in _of_grid(override))


def check_grid_conditions(study: YamlMap, known: Known, problems: Problems) -> YamlMap:
    """The study without conditions about its grid; those that no point can meet are added to `problems`."""
    listed = study.get("override")
    if not isinstance(listed, YamlList):
        return study
    items = []
    for item in listed:
        when = submap(item, "when")
        if isinstance(item, YamlMap) and when is not None:
            names = {entry.name for entry in _of_grid(item)} | _short_names(when, known)
            for entry in when:
                if entry.name in names:
                    _check(entry, known, problems)
            kept = YamlMap(tuple(entry for entry in when if entry.name not in names), when.place)
            key = next(entry.key for entry in item if entry.name == "when")
            item = with_entry(item, key, kept)
        items.append(item)
    key = next(entry.key for entry in study if entry.name == "override")
    return with_entry(study, key, YamlList(tuple(items), listed.place))


def warn_of_idle(study: YamlMap, of_file: Iterable[YamlMap], problems: Problems) -> None:
    """Warn of a study's overrides that are for no run of it, nor of any other study that its file holds.

    One for a data set that is not listed is kept for `--dataset`.
    """
    studies = tuple(of_file)
    for override in overrides_of(study):
        when = submap(override, "when")
        if when is not None and not any(_is_for_some(override, each) for each in studies):
            message = "this override is for no run: its conditions never hold together"
            problems.add(message, when.place, help="remove it, or one of its conditions", severity="warning")


def _is_for_some(override: YamlMap, study: YamlMap) -> bool:
    """Whether, on some data set, an override is for a run: each condition holds for one, so all do."""
    architecture, grid = word_of(override, "architecture"), submap(study, "grid")
    return (architecture is None or architecture in _names(submap(study, "architectures"))) and all(
        value_key(entry.value) in _listed_values(None if grid is None else grid.get(entry.name))
        for entry in _of_grid(override)
    )


def _names(tree: YamlMap | None) -> set[str]:
    return {entry.name for entry in tree or ()}


def _listed_values(values: Yaml | None) -> set[str]:
    return {value_key(value) for value in values} if isinstance(values, YamlList) else set()


def _of_grid(override: YamlMap) -> list[YamlEntry]:
    """The conditions that name a path of the grid."""
    when = submap(override, "when") or YamlMap((), override.place)
    return [entry for entry in when if "." in entry.name or entry.name in OF_DATA]


def _short_names(when: YamlMap, known: Known) -> set[str]:
    """Keys that are the end of a path of the grid, which is to be written as a whole."""
    return {entry.name for entry in when if any(path.endswith(f".{entry.name}") for path in known)}


def _check(entry: YamlEntry, known: Known, problems: Problems) -> None:
    path = entry.name
    if path not in known:
        ending = [each for each in known if each.endswith(f".{path}")]
        hint = did_you_mean(path, known, listing="it varies") or "the study has no grid"
        told = f"write the whole path: `{ending[0]}`" if ending else hint
        problems.add(f"the grid does not vary '{path}'", entry.key.place, help=told)
    elif value_key(entry.value) not in known[path]:
        words = ", ".join(known[path].values())
        message = f"the grid never gives '{path}' this value"
        problems.add(message, entry.value.place, help=f"its values: {words}")
