"""What `weights:` means: the published name of each of a network's weights, and that no two share one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cnnbuild.errors import Place, Problem, Problems
from cnnbuild.graph.context import Context, UnresolvedError
from cnnbuild.graph.evaluation import Evaluator
from cnnbuild.graph.graph import Graph, PublishedNames
from cnnbuild.lang.architecture import ArchitectureDocument
from cnnbuild.lang.expressions import Value
from cnnbuild.lang.source import describe_value
from cnnbuild.lang.weight_maps import NameRule, WeightMap

_ADVICE = "write a name, such as `conv1`"


def published_names(graph: Graph, context: Context, evaluator: Evaluator) -> tuple[PublishedNames, ...]:
    """By every map of the document, what each weight of the network is called; faults are reported.

    `context` is that of the file's own level, with the variables as they are for this network.
    """
    keys = list(graph.weight_keys())
    return tuple(_Renaming(each, context, evaluator).of(keys) for each in context.document.weight_maps)


def idle_rules(document: ArchitectureDocument, graphs: Iterable[Graph]) -> tuple[Problem, ...]:
    """An error for each rule that renames no weight in any of the document's networks."""
    used = {place for graph in graphs for names in graph.published for place in names.used}
    problems = Problems()
    for each in document.weight_maps:
        for rule in each.rules:
            if rule.key.place not in used:
                message = f"no weight of any variant has the name '{rule.key.text or rule.key.value}'"
                hint = "`cnnbuild inspect` lists the names; of several patterns that fit, the first one holds"
                problems.add(message, rule.key.place, help=hint)
    return problems.errors


class _Renaming:
    """One map at work in one network."""

    def __init__(self, weight_map: WeightMap, context: Context, evaluator: Evaluator) -> None:
        self.map = weight_map
        self.context = context
        self.evaluator = evaluator
        self.used: dict[Place, None] = {}
        self.fitting: dict[str, tuple[NameRule, ...]] = {}
        self.faulty: set[Place] = set()
        self.values: dict[tuple[str, tuple[tuple[str, Value], ...]], str] = {}
        self.needed = {r.shape: sorted(r.target.names() & weight_map.placeholders) for r in weight_map.rules}

    def of(self, keys: Sequence[str]) -> PublishedNames:
        """The published name of each key; what has a faulty one, or another's, is left out."""
        names: dict[str, str] = {}
        owners: dict[str, tuple[str, NameRule | None]] = {}
        for key in keys:
            try:
                name, last = self.name_of(key)
            except UnresolvedError:
                continue
            owner, its_last = owners.setdefault(name, (key, last))
            if owner == key:
                names[key] = name
                continue
            rule = last or its_last  # two names that no rule touched differ
            self.report(
                self.map.place if rule is None else rule.value.place,
                f"'{owner}' and '{key}' would both be called '{name}'",
                "each weight needs a published name of its own",
            )
        return PublishedNames(self.map.name, names, frozenset(self.used))

    def name_of(self, key: str) -> tuple[str, NameRule | None]:
        """What one weight is called, and the last rule that had a part in it.

        Raises:
            UnresolvedError: a rule has no value; that was reported.
        """
        levels = key.split(".")
        bound: dict[str, Value] = {}
        parts: list[str] = []
        last = None
        while levels:
            rule, found = self.rule_for(levels)
            if rule is None:
                parts.append(levels.pop(0))
                continue
            last = rule
            bound |= found
            self.used[rule.key.place] = None
            parts.append(self.value_of(rule, bound, key))
            del levels[: len(rule.levels)]
        return ".".join(parts), last

    def rule_for(self, levels: Sequence[str]) -> tuple[NameRule | None, Mapping[str, Value]]:
        """The first rule that fits the beginning of some levels, and what its placeholders stand for."""
        first = levels[0]
        if first not in self.fitting:
            self.fitting[first] = tuple(rule for rule in self.map.rules if rule.levels[0].fullmatch(first))
        for rule in self.fitting[first]:
            if (found := rule.match(levels)) is not None:
                return rule, found
        return None, {}

    def value_of(self, rule: NameRule, bound: Mapping[str, Value], key: str) -> str:
        """What a rule puts in the place of its levels."""
        needed = self.needed[rule.shape]
        where = (rule.shape, tuple((name, bound[name]) for name in needed if name in bound))
        if where not in self.values:
            self.values[where] = self.computed(rule, bound, needed, key)
        return self.values[where]

    def computed(self, rule: NameRule, bound: Mapping[str, Value], needed: Sequence[str], key: str) -> str:
        """The value of a rule's right side, as a name.

        Raises:
            UnresolvedError: it has none; the first time, that was reported.
        """
        place = rule.value.place
        if place in self.faulty:
            raise UnresolvedError
        for name in (name for name in needed if name not in bound):
            message = f"the placeholder '{name}' stands for nothing in '{key}'"
            self.report(
                place, message, "a placeholder has a value from the rule that binds it on, not before"
            )
            raise UnresolvedError
        try:
            value = self.evaluator.template(rule.target, rule.value, self.context.with_values(bound))
        except UnresolvedError:
            self.faulty.add(place)
            raise
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, str | int):
            self.report(place, f"'{key}' is replaced by a name, not by {describe_value(value)}", _ADVICE)
            raise UnresolvedError
        if not all(str(value).split(".")):
            self.report(place, f"'{value}', for '{key}', is no name: a level of it is empty", _ADVICE)
            raise UnresolvedError
        return str(value)

    def report(self, place: Place, message: str, hint: str) -> None:
        """Report a fault of a rule, unless one was reported: a rule goes wrong for many weights alike."""
        if place not in self.faulty:
            self.evaluator.problems.add(message, place, help=hint)
            self.faulty.add(place)
