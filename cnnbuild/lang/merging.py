"""One YAML tree laid over another, and single values put into a tree by their path; places stay true.

A study says most things once and changes a few of them: in a variant, in an override, on the command line.
Every value of the result keeps the place where it was really written, so that an error can point there.
"""

from __future__ import annotations

from collections.abc import Sequence

from cnnbuild.errors import Place, Problems
from cnnbuild.lang.source import Yaml, YamlEntry, YamlList, YamlMap, YamlScalar, describe, from_plain

CHOICES = frozenset({"optimizer", "schedule", "average", "custom", "standard"})
"""Keys of a mapping with one key, which names the kind."""
ALTERNATIVES = {
    "train": frozenset({"epochs", "steps", "seconds"}),
    "match": frozenset({"parameters", "macs"}),
    "budget": frozenset({"macs", "images", "seconds"}),
}
"""Keys of which a mapping has one, whose name is the unit: another one laid over it takes its place."""
DOTTED = frozenset({"grid", "when"})  # mappings whose keys are paths themselves


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
    for entry in above:
        below = _without_alternatives(below, key, entry)
    return merge_maps(below, above)


def merge_train(below: YamlMap, above: YamlMap) -> YamlMap:
    """One `train:` mapping laid over another: also, where it says how long a run is, no other unit stays."""
    merged = _merged(below, above, "train")
    return merged if isinstance(merged, YamlMap) else above


def _without_alternatives(tree: YamlMap, key: str, new: YamlEntry) -> YamlMap:
    """The mapping under `key` without what an entry that is laid over it takes the place of."""
    units = ALTERNATIVES.get(key, frozenset())
    return without(tree, *(units - {new.name})) if new.name in units and is_said(new.value) else tree


def is_said(value: Yaml | None) -> bool:
    """Whether there is a value, and not `null`."""
    return value is not None and not (isinstance(value, YamlScalar) and value.value is None)


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

    Steps are keys of mappings or, from 0, positions in lists; what follows `grid` is one key. Missing keys
    are made; whether the language knows them is for validation to say. A path that leads through a single
    value is added to `problems`.
    """
    whole = place_of_setting(path, value, flag)
    steps: list[YamlScalar] = []
    offset = 0
    for step in _split(path):
        steps.append(YamlScalar(step, whole.within(offset, len(step)), text=step))
        offset += len(step) + 1
    return set_steps(tree, steps, from_setting(path, value, flag), problems)


def from_setting(path: str, value: object, flag: str = "--set") -> Yaml:
    """The value of an argument as a tree, at the place that it has in the argument."""
    whole = place_of_setting(path, value, flag)
    return from_plain(value, whole.within(len(path) + 1, whole.length - len(path) - 1))


def place_of_setting(path: str, value: object, flag: str) -> Place:
    """An argument, such as `--set train.epochs=2`, as a place."""
    text = f"{path}={_shown(value)}"
    return Place(flag, 1, 1, len(text), text)


def set_steps(tree: YamlMap, steps: Sequence[YamlScalar], leaf: Yaml, problems: Problems) -> YamlMap:
    """The tree with the value under a path replaced, as `set_path` does; each step has its own place."""
    changed = _set(tree, list(steps), leaf, problems)
    return changed if isinstance(changed, YamlMap) else tree


def _split(path: str) -> list[str]:
    """The steps of a path.

    >>> _split("grid.train.epochs"), _split("override.0.when.vars.width"), _split("train.epochs")
    (['grid', 'train.epochs'], ['override', '0', 'when', 'vars.width'], ['train', 'epochs'])
    """
    steps = path.split(".")
    for count, step in enumerate(steps[:-1], start=1):
        if step in DOTTED and steps[0] in {"grid", "override"}:
            return [*steps[:count], ".".join(steps[count:])]
    return steps


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
        kept = kept if rest else _without_alternatives(kept, key, YamlEntry(step, leaf))
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
