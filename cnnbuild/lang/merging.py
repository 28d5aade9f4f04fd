"""One YAML tree laid over another, and single values put into a tree by their path; places stay true.

A study says most things once and changes a few of them: in a variant, in an override, on the command line.
Every value of the result keeps the place where it was really written, so that an error can point there.
"""

from __future__ import annotations

from cnnbuild.errors import Place, Problems
from cnnbuild.lang.source import Yaml, YamlEntry, YamlList, YamlMap, YamlScalar, describe, from_plain

CHOICES = frozenset({"optimizer", "schedule", "average"})  # a mapping with one key, which names the kind
BUDGETS = frozenset({"epochs", "steps", "seconds"})  # of `train`: one of them, which names the unit


def merge_maps(base: YamlMap, over: YamlMap) -> YamlMap:
    """`base` with `over` laid on top: mappings merge key by key, anything else is replaced.

    An optimizer or a schedule of another kind is replaced as a whole: the settings of one kind mean nothing
    to another.
    """
    entries = {entry.name: entry for entry in base}
    for entry in over:
        below = entries.get(entry.name)
        value = entry.value if below is None else _merged(below.value, entry.value, entry.name)
        entries[entry.name] = YamlEntry(entry.key, value)
    return YamlMap(tuple(entries.values()), over.place)


def _merged(below: Yaml, above: Yaml, key: str) -> Yaml:
    if not isinstance(below, YamlMap) or not isinstance(above, YamlMap):
        return above
    if key in CHOICES and {entry.name for entry in below} != {entry.name for entry in above}:
        return above
    return merge_train(below, above) if key == "train" else merge_maps(below, above)


def merge_train(below: YamlMap, above: YamlMap) -> YamlMap:
    """One `train:` mapping laid over another: also, where it says how long a run is, no other unit stays."""
    for entry in above:
        below = _without_other_budgets(below, entry.name, entry.value)
    return merge_maps(below, above)


def _without_other_budgets(train: YamlMap, name: str, value: Yaml) -> YamlMap:
    """The mapping for a run whose length is said by `name`, if that is what `name` says."""
    is_said = not (isinstance(value, YamlScalar) and value.value is None)
    return without(train, *(BUDGETS - {name})) if name in BUDGETS and is_said else train


def without(tree: YamlMap, *names: str) -> YamlMap:
    """The mapping without some of its keys."""
    return YamlMap(tuple(entry for entry in tree if entry.name not in names), tree.place)


def with_entry(tree: YamlMap, key: YamlScalar, value: Yaml) -> YamlMap:
    """The mapping with one key set, in its old position where it had one."""
    new = YamlEntry(key, value)
    name = new.name
    if tree.get(name) is None:
        return YamlMap((*tree.entries, new), tree.place)
    return YamlMap(tuple(new if entry.name == name else entry for entry in tree), tree.place)


def submap(tree: Yaml | None, name: str) -> YamlMap | None:
    """The mapping under `name`, or None where there is none."""
    value = tree.get(name) if isinstance(tree, YamlMap) else None
    return value if isinstance(value, YamlMap) else None


def set_path(tree: YamlMap, path: str, value: object, problems: Problems, *, flag: str = "--set") -> YamlMap:
    """The tree with the value under a dotted path replaced, e.g. `train.optimizer.sgd.lr`.

    Steps are keys of mappings or, from 0, positions in lists. Missing keys are made; whether the language
    knows them is for validation to say. A path that leads through a single value is added to `problems`.
    """
    text = f"{path}={_shown(value)}"
    whole = Place(flag, 1, 1, len(text), text)
    steps: list[YamlScalar] = []
    offset = 0
    for step in path.split("."):
        steps.append(YamlScalar(step, whole.within(offset, len(step)), text=step))
        offset += len(step) + 1
    leaf = from_plain(value, whole.within(offset, len(text) - offset))
    changed = _set(tree, steps, leaf, problems)
    return changed if isinstance(changed, YamlMap) else tree


def _set(tree: Yaml, steps: list[YamlScalar], leaf: Yaml, problems: Problems, *, key: str = "") -> Yaml:
    if not steps:
        return leaf
    step, rest = steps[0], steps[1:]
    name = str(step.value)
    if isinstance(tree, YamlList):
        if not name.isdecimal() or int(name) >= len(tree.items):
            problems.add(
                f"the list has no position '{name}'",
                step.place,
                help=f"positions are 0 to {len(tree.items) - 1}",
            )
            return tree
        items = list(tree.items)
        items[int(name)] = _set(items[int(name)], rest, leaf, problems)
        return YamlList(tuple(items), tree.place)
    if isinstance(tree, YamlMap):
        kept = tree if key not in CHOICES or tree.get(name) is not None else YamlMap((), step.place)
        kept = _without_other_budgets(kept, name, leaf) if key == "train" and not rest else kept
        below = kept.get(name) or YamlMap((), step.place)
        return with_entry(kept, step, _set(below, rest, leaf, problems, key=name))
    if key in CHOICES or tree.value is None:
        return _set(YamlMap((), step.place), steps, leaf, problems)
    problems.add(
        f"'{name}' cannot be set inside {describe(tree)}", step.place, help="set the whole value instead"
    )
    return tree


def _shown(value: object) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value, default=str)
