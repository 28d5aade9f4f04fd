"""The text of one class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from cnnbuild.graph.graph import Graph
from cnnbuild.graph.nesting import Path
from cnnbuild.layers.base import Shape
from cnnbuild.source_code.classes import WrittenClass
from cnnbuild.source_code.docstrings import docstring
from cnnbuild.source_code.flow import Flow, Head
from cnnbuild.source_code.forward import forward_body
from cnnbuild.source_code.identifiers import identifier, is_attribute, without_count
from cnnbuild.source_code.layout import Brackets, definition, lines
from cnnbuild.source_code.parameters import Parameter
from cnnbuild.source_code.solving import INITIAL, Solution
from cnnbuild.source_code.templates import COPIES, Child, Use
from cnnbuild.source_code.terms import Absent, Call, Code, Key, Value, literal, quoted, written

Codes: TypeAlias = Mapping[Key, str]


def class_text(
    made: WrittenClass, graph: Graph, about: list[str], descents: Mapping[str, tuple[Path, ...]]
) -> str:
    """A class, from `class` on. `about` are the paragraphs of its docstring, `descents` the modules that each
    class needs from outside.
    """
    writer = _ClassWriter(made, graph, descents)
    base = "nn.Sequential" if writer.is_chain else "nn.Module"
    rows = [f"class {made.name}({base}):", *docstring(about, indent=1), "", *writer.constructor()]
    if not writer.is_chain:
        rows += ["", *writer.forward()]
    return "\n".join(rows)


class _ClassWriter:
    def __init__(self, made: WrittenClass, graph: Graph, descents: Mapping[str, tuple[Path, ...]]) -> None:
        self.made = made
        self.use: Use = made.template.pattern
        self.solution: Solution = made.solution
        self.graph = graph
        self.descents = descents
        part = self.use.part
        conditional = [name for name in made.template.optional if self.use.children[name].join]
        self.heads = graph.heads if len(graph.heads) > 1 and not part.path else ()
        self.is_chain = part.is_chain and not conditional and not self.heads
        self.joins = {name: child.join for name, child in self.use.children.items() if child.join}
        self.attributes = dict(self.solution.exchanged)
        self.conditional = {name: f"_adds_{without_count(identifier(name))}" for name in conditional}

    def constructor(self) -> list[str]:
        parameters = ["self", *(self._parameter(each) for each in self.solution.parameters)]
        parameters += [f"{name}: nn.Module" for name in self._borrowed_names().values()]
        rows = definition("__init__", parameters, "None", indent=1)
        copies = self.use.children.get(COPIES)
        inits = [f"        {name} = {code}" for name, code in self.solution.derived.items()]
        if copies is not None:
            call = written(copies.term, self.solution.codes.get(COPIES, {}))
            items = call.items if isinstance(call, Brackets) else ()
            rows += inits + lines(Brackets("super().__init__(", items, ")"), indent=2)
        else:
            rows += ["        super().__init__()", *inits]
        if self.made.borrows:
            names = ", ".join(self._borrowed_names().values())
            comma = "," if len(self.made.borrows) == 1 else ""
            rows.append("        # a tuple, so that their weights keep the keys that they have elsewhere")
            rows.append(f"        self._borrowed = ({names}{comma})")
        for name, child in self.use.children.items():
            if name != COPIES:
                rows += self._child(name, child)
        return rows

    def _borrowed_names(self) -> dict[Path, str]:
        names: dict[Path, str] = {}
        for path in self.made.borrows:
            name = identifier("_".join(path))
            while name in names.values() or name in {each.name for each in self.solution.parameters}:
                name = f"{name}_module"
            names[path] = name
        return names

    def _parameter(self, parameter: Parameter) -> str:
        default = parameter.default
        if parameter.name == "classes" and not self.use.part.path:
            default = int(str(parameter.values[0]))
        end = "" if default is Absent.VALUE else f" = {literal(default)}"
        return f"{parameter.name}: {_type_of(parameter.values)}{end}"

    def _child(self, name: str, child: Child) -> list[str]:
        if child.join:
            if name not in self.conditional:
                return []
            return [f"        self.{self.conditional[name]} = {self.solution.conditions[name]}"]
        codes = self.solution.codes.get(name, {})
        if name in self.solution.exchanged:
            held = self.solution.exchanged[name]
            return [f"        self.{held} = {held}()"]
        item = written(child.term, codes)
        item = self._with_borrowed(child, item)
        condition = self.solution.conditions.get(name)
        rows: list[str] = []
        indent = 2
        if condition is not None:
            if not self.is_chain:
                rows += self._assignment(name, "nn.Identity()", indent=2, annotation=": nn.Module")
            rows.append(f"        if {condition}:")
            indent = 3
        rows += self._assignment(name, item, indent=indent)
        margin = "    " * indent
        for weight, call in child.initial:
            inner = {key[2:]: code for key, code in codes.items() if key[:2] == (INITIAL, weight)}
            filled = written(call, inner)
            arguments = filled.items if isinstance(filled, Brackets) else ()
            target = self._weight(name, weight)
            rows += lines(Brackets(f"{call.function}(", (target, *arguments), ")"), indent=len(margin) // 4)
        return rows

    def _assignment(self, name: str, item: str | Brackets, *, indent: int, annotation: str = "") -> list[str]:
        if is_attribute(name):
            return lines(item, indent=indent, before=f"self.{name}{annotation} = ")
        return lines(Brackets("self.add_module(", (quoted(name), item), ")"), indent=indent)

    def _weight(self, name: str, weight: str) -> str:
        """The code of a weight of a child: `self.conv.weight`."""
        if is_attribute(name) and weight == "weight":
            return f"self.{name}.weight"
        if is_attribute(name):
            return f"self.{name}.get_parameter({quoted(weight)})"
        return f"self.get_parameter({quoted(f'{name}.{weight}')})"

    def _with_borrowed(self, child: Child, item: str | Brackets) -> str | Brackets:
        """A call of a class with the modules that it needs from elsewhere."""
        if not isinstance(child.term, Call) or not isinstance(item, Brackets):
            return item
        here, own = self.use.part.path, self._borrowed_names()
        added = []
        for path in self.descents.get(child.term.function, ()):
            if path in own:
                added.append(own[path])
            else:
                added.append(f"self.get_submodule({quoted('.'.join(path[len(here) :]))})")
        return Brackets(item.opening, (*item.items, *added), item.closing)

    def forward(self) -> list[str]:
        use, heads = self.use, self.heads
        numbers = self._tensor_numbers()
        inputs = self._input_names()
        flow = Flow(
            inputs,
            use.steps,
            use.output,
            self.joins,
            self.attributes,
            self.conditional,
            {path: n for n, path in enumerate(self.made.borrows)},
            tuple(Head(head.name, numbers[head.node], head.train_only) for head in heads),
        )
        result = "Tensor"
        if heads:
            tested = sum(not head.train_only for head in heads)
            result = "Tensor | dict[str, Tensor]" if tested == 1 else "dict[str, Tensor]"
        parameters = ["self", *(f"{name}: Tensor" for name in inputs)]
        return [
            *definition("forward", parameters, result, indent=1),
            *docstring([self._shapes()], indent=2),
            *forward_body(flow, indent=2),
        ]

    def _tensor_numbers(self) -> dict[int, int]:
        part = self.use.part
        gives = [*part.inputs, *(step.gives for step in part.steps)]
        return {tensor: n for n, tensor in enumerate(gives)}

    def _input_names(self) -> tuple[str, ...]:
        names = ["x"]
        for node, number in self.use.part.takes[1:]:
            source = self.graph.nodes[node].inputs[number]
            wanted = identifier(self.graph.nodes[source].path[-1]) if source >= 0 else "image"
            name, count = wanted, 2
            while name in {*names, "out", "output"}:
                name, count = f"{wanted}_{count}", count + 1
            names.append(name)
        return tuple(names)

    def _shapes(self) -> str:
        uses = [use.part for use in self.made.template.uses]
        entering = [
            [self.graph.nodes[node].input_shapes[number] for node, number in part.takes] for part in uses
        ]
        leaving = [self.graph.nodes[part.output].shape for part in uses]
        if self.use.part.path == ():
            contract = self.graph.contract
            image = f"(N, {contract.channels}, {contract.height}, {contract.width})"
            if self.heads:
                return f"Images {image} to the logits (N, {contract.classes}) of each head."
            return f"Images {image} to logits (N, {contract.classes})."
        taken = " and ".join(_axes(shape, n) for n, shape in enumerate(entering[0]))
        if len(entering[0]) == 1 and all(
            each[0] == shape for each, shape in zip(entering, leaving, strict=True)
        ):
            return f"{taken} to the same shape."
        return f"{taken} to {_axes(leaving[0], 9)}."


def _axes(shape: Shape, number: int) -> str:
    mark = "'" if number == 9 else str(number + 1) if number else ""
    return f"(N, C{mark}, H{mark}, W{mark})" if len(shape) == 3 else f"(N, F{mark})"


def _type_of(values: tuple[Value, ...]) -> str:
    if all(isinstance(value, Code) for value in values):
        return "type[nn.Module]"
    kinds = dict.fromkeys(_kind(value) for value in values)
    if "float" in kinds:
        kinds.pop("int", None)
    if "None" in kinds:
        kinds.pop("None")
        kinds["None"] = None
    return " | ".join(kinds)


def _kind(value: Value) -> str:
    match value:
        case None:
            return "None"
        case bool() | float() | str():
            return type(value).__name__
        case int():
            return "int"
        case tuple() if len({_kind(item) for item in value}) == 1 and len(value) > 2:
            return f"tuple[{_kind(value[0])}, ...]"
        case tuple():
            return f"tuple[{', '.join(_kind(item) for item in value)}]"
        case _:
            raise TypeError(f"{value!r} is no value of a parameter")
