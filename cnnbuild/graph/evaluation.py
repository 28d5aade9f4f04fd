"""What expressions see, and how their faults are reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from cnnbuild.errors import Problems, did_you_mean
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.graph import Tensor
from cnnbuild.lang.architecture import ArchitectureDocument
from cnnbuild.lang.nodes import Node
from cnnbuild.lang.operations import FUNCTIONS
from cnnbuild.lang.source import Yaml, YamlList, YamlMap, YamlScalar
from cnnbuild.lang.tokens import ExpressionError
from cnnbuild.lang.values import Value, evaluate_text, has_expression
from cnnbuild.layers.base import Shape


class UnresolvedError(Exception):
    """A value cannot be had; its own fault, or the earlier fault it depends on, was reported."""


@dataclass(frozen=True, slots=True)
class Context:
    """What surrounds a list of layers while it is elaborated.

    `values` are the variables, parameters and columns that expressions may look up; `hidden` names the file's variables
    that a block does not see; `entered` is what entered the enclosing block call; `trail` says how the block was
    reached, innermost first.
    """

    document: ArchitectureDocument
    contract: DataContract
    values: Mapping[str, Value]
    entered: Tensor
    hidden: frozenset[str] = frozenset()
    trail: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()

    def with_values(self, values: Mapping[str, Value]) -> Context:
        """The same surroundings with some more values."""
        return replace(self, values={**self.values, **values})


@dataclass(frozen=True, slots=True)
class LayerValue:
    """What a parameter of type `layer` holds when it was given a mapping: a node and where it was written."""

    node: Node
    context: Context


@dataclass(slots=True)
class Evaluator:
    """Evaluates scalars and trees in a context; faults go to `problems`."""

    problems: Problems

    def value(self, yaml: Yaml, context: Context, current: Tensor | None) -> Value:
        """The value of a tree; `current` is the tensor that enters the node, `in`.

        Raises:
            UnresolvedError: after the fault was reported.
        """
        match yaml:
            case YamlScalar():
                return self.scalar(yaml, context, current)
            case YamlList():
                return [self.value(item, context, current) for item in yaml]
            case YamlMap():
                return {entry.name: self.value(entry.value, context, current) for entry in yaml}

    def scalar(self, scalar: YamlScalar, context: Context, current: Tensor | None) -> Value:
        """The value of a scalar.

        Raises:
            UnresolvedError: after the fault was reported.
        """
        if not isinstance(scalar.value, str) or not has_expression(scalar.value):
            return scalar.value
        try:
            return evaluate_text(scalar.value, lambda name: _look_up(name, context, current))
        except ExpressionError as error:
            self.report(error, scalar, context)
            raise UnresolvedError from None

    def report(self, error: ExpressionError, scalar: YamlScalar, context: Context) -> None:
        """Add an expression's fault, at the word that it is about."""
        offset = error.at.start + (1 if scalar.quoted else 0)
        place = scalar.place.within(offset, len(error.at.text)) if scalar.place.length > offset else scalar.place
        hint = ""
        if error.name in context.hidden:
            hint = "a block sees only its parameters: add one to `params:` and pass the variable in the call"
        elif error.name:
            known = (*context.values, "data", "in", "block")
            hint = did_you_mean(error.name, known, listing="known names")
        elif error.function:
            hint = did_you_mean(error.function, FUNCTIONS, listing="known functions")
        self.problems.add(error.message, place, help=hint, context=context.trail)


def _look_up(name: str, context: Context, current: Tensor | None) -> Value:
    if name == "data":
        contract = context.contract
        return {
            "channels": contract.channels, "height": contract.height,
            "width": contract.width, "classes": contract.classes,
        }  # fmt: skip
    if name == "in" and current is not None:
        return _attributes(current.shape)
    if name == "block":
        return _attributes(context.entered.shape)
    return context.values[name]


def _attributes(shape: Shape | None) -> dict[str, Value]:
    if shape is None:
        raise UnresolvedError
    if len(shape) == 1:
        return {"features": shape[0]}
    return {"channels": shape[0], "height": shape[1], "width": shape[2]}
