"""For which cells an override is: those of a data set, of an architecture, of a value of the grid."""

from __future__ import annotations

from cnnbuild.errors import Problems
from cnnbuild.lang.merging import submap, with_entry
from cnnbuild.lang.source import Plain, YamlEntry, YamlList, YamlMap, YamlScalar
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
