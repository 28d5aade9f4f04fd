"""Pydantic models for what users write, and pydantic's complaints at the place they are about."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from cnnbuild.errors import Place, Problems
from cnnbuild.lang.scalars import parse_scalar
from cnnbuild.lang.source import Plain, Yaml, YamlMap, YamlScalar, describe, describe_value, find, to_plain
from cnnbuild.lang.values import has_expression
from cnnbuild.texts import did_you_mean

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


class Settings(BaseModel):
    """The base of every model for what users write: closed, frozen, and without silent conversions.

    Models are compiled on first use, so that declaring one costs nothing at import.
    """

    elsewhere: ClassVar[Mapping[str, str]] = {}
    """Keys that a reader may know from elsewhere and that there are not, each with what to do."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True, allow_inf_nan=False)


MAX_WHOLE_FLOAT = 2.0**53  # beyond it, floats are whole because they are coarse

Model = TypeVar("Model", bound=BaseModel)

_EXPECTED = {
    "int_type": "a whole number", "int_from_float": "a whole number", "int_parsing": "a whole number",
    "float_type": "a number", "float_parsing": "a number", "string_type": "a text",
    "bool_type": "true or false", "bool_parsing": "true or false",
    "list_type": "a list", "tuple_type": "a list", "dict_type": "a mapping", "model_type": "a mapping",
    "model_attributes_type": "a mapping", "none_required": "nothing", "finite_number": "a finite number",
}  # fmt: skip


def validate(
    model: type[Model],
    yaml: Yaml,
    problems: Problems,
    *,
    what: str,
    context: tuple[str, ...] = (),
    plain: Plain | None = None,
    explain: Callable[[Yaml], tuple[str, ...]] | None = None,
) -> Model | None:
    """The YAML tree as a model, or None after its faults were added to `problems`.

    `what` names the thing in messages ("the study", "conv"). `plain` replaces the tree's own data where
    values were computed from it; places still come from the tree. `explain` says where the value of a part
    came from.
    """
    if not isinstance(yaml, YamlMap) and plain is None:
        problems.add(f"{what} is a mapping, not {describe(yaml)}", yaml.place, context=context)
        return None
    data = whole_floats_as_ints(to_plain(yaml) if plain is None else plain)
    try:
        return model.model_validate_json(json.dumps(data))
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            part = find(yaml, _written(detail))[0]
            notes = explain(part) if explain is not None else ()
            _report(model, detail, yaml, data, problems, what, (*notes, *context))
        return None


def whole_floats_as_ints(data: Plain) -> Plain:
    """The same data with 32.0 written as 32: the language makes no difference between the two."""
    match data:
        case float() if data.is_integer() and abs(data) <= MAX_WHOLE_FLOAT:
            return int(data)
        case list():
            return [whole_floats_as_ints(item) for item in data]
        case dict():
            return {key: whole_floats_as_ints(value) for key, value in data.items()}
        case _:
            return data


def _report(
    model: type[BaseModel],
    detail: ErrorDetails,
    yaml: Yaml,
    data: Plain,
    problems: Problems,
    what: str,
    context: tuple[str, ...],
) -> None:
    path = _written(detail)
    part, key = find(yaml, path)
    kind = detail["type"]
    name = str(path[-1]) if path else ""
    inside = ".".join(str(step) for step in path[:-1])
    owner = f"'{inside}' of {what}" if inside else what
    if kind == "extra_forbidden":
        owners = _models_at(model, path[:-1])
        known = [field.alias or each for m in owners for each, field in m.model_fields.items()]
        place = key.place if key is not None else part.place
        told = [owner.elsewhere.get(name, "") for owner in owners if issubclass(owner, Settings)]
        hint = "".join(told) or did_you_mean(name, known, listing="known keys")
        problems.add(f"unknown key '{name}' in {owner}", place, help=hint, context=context)
    elif kind == "missing" and isinstance(path[-1], int):
        message = f"{_spelled(path[:-1], what)}: expected more items, not only {path[-1]}"
        problems.add(message, part.place, help=f"add item {path[-1] + 1}", context=context)
    elif kind == "missing":
        place = part.place if key is None else key.place
        problems.add(f"{owner} needs '{name}'", place, help=f"add `{name}: …`", context=context)
    else:
        rule, _, advice = rule_of(detail).partition("; ")
        if not path and kind == "value_error":
            place = _blamed(yaml, rule)
            problems.add(f"{what}: {rule}", place, help=advice, context=context)
            return
        value = _value_at(data, path)
        hint = advice or _advice(kind, value, detail, part)
        problems.add(
            f"{_spelled(path, what)}: {rule}, not {describe_value(value)}",
            part.place,
            help=hint,
            context=context,
        )


def rule_of(detail: ErrorDetails) -> str:
    """What is expected, in words."""
    kind, limits = detail["type"], detail.get("ctx", {})
    if kind in _EXPECTED:
        return f"expected {_EXPECTED[kind]}"
    match kind:
        case "value_error":
            return str(limits["error"])
        case "greater_than":
            return f"expected a number above {limits['gt']}"
        case "greater_than_equal":
            return f"expected a number of at least {limits['ge']}"
        case "less_than":
            return f"expected a number below {limits['lt']}"
        case "less_than_equal":
            return f"expected a number of at most {limits['le']}"
        case "too_long":
            return f"expected at most {_items(limits['max_length'])}"
        case "too_short":
            return f"expected at least {_items(limits['min_length'])}"
        case "literal_error":
            return f"expected {limits['expected']}"
        case _:
            message = detail["msg"]
            return message[0].lower() + message[1:]


def _items(count: int) -> str:
    return "1 item" if count == 1 else f"{count} items"


def _written(detail: ErrorDetails) -> tuple[int | str, ...]:
    """The path of a fault, without what pydantic adds for its own branches."""
    return tuple(
        step
        for step in detail["loc"]
        if isinstance(step, int) or not step.startswith(("function-", "tuple["))
    )


def _spelled(path: tuple[int | str, ...], what: str) -> str:
    """A path in words: ("train", "milestones", 1) of a study is "item 2 of 'milestones' of the study"."""
    items = ""
    for step in reversed(path):
        if isinstance(step, str):
            return f"{items}'{step}' of {what}"
        items += f"item {step + 1} of "
    return items + what


def _advice(kind: str, value: Plain, detail: ErrorDetails, part: Yaml) -> str:
    """How to write what is expected, where the slip is a usual one."""
    computed = isinstance(part, YamlScalar) and has_expression(part.text)
    quoted = isinstance(part, YamlScalar) and part.quoted
    if (
        isinstance(value, str)
        and quoted
        and kind in {"int_type", "float_type", "bool_type", "int_parsing", "float_parsing"}
    ):
        parsed = parse_scalar(value)
        wanted = bool if kind == "bool_type" else int | float
        if isinstance(parsed, wanted) and isinstance(parsed, bool) == (kind == "bool_type"):
            return "remove the quotes"
    if kind == "bool_type":
        return "write `true` or `false`"
    if kind in {"list_type", "tuple_type"}:
        return "write it in brackets: `[a, b]`"
    if computed and isinstance(value, float) and kind in {"int_type", "int_from_float"}:
        return "divide with `//`, or use round(), floor(), ceil() or round_to()"
    if kind == "literal_error" and isinstance(value, str):
        return did_you_mean(value, re.findall("'([^']*)'", detail.get("ctx", {}).get("expected", "")))
    return ""


def _blamed(yaml: Yaml, rule: str) -> Place:
    """The value that a rule about several values speaks of, where it names one that was written."""
    if isinstance(yaml, YamlMap):
        for word in re.findall(r"\w+", rule):
            part, key = find(yaml, (word,))
            if key is not None:
                return part.place
    return yaml.place


def _value_at(data: Plain, path: tuple[int | str, ...]) -> Plain:
    value = data
    for step in path:
        if isinstance(value, dict) and str(step) in value:
            value = value[str(step)]
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            break
    return value


def _models_at(model: type[BaseModel], path: tuple[int | str, ...]) -> list[type[BaseModel]]:
    """The models that may stand under `path`."""
    models = [model]
    for step in path:
        inner: list[type[BaseModel]] = []
        for candidate in models:
            field = candidate.model_fields.get(str(step))
            if field is not None:
                inner += models_in(field.annotation)
            elif candidate.__name__ == step:
                inner.append(candidate)
        models = inner or models
    return models


def models_in(annotation: object) -> list[type[BaseModel]]:
    """The models that a field with this annotation may hold."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in models_in(argument)]


def place_of_key(yaml: Yaml, name: str) -> Place:
    """Where the key `name` of a mapping stands, or the mapping itself."""
    _, key = find(yaml, (name,))
    return key.place if key is not None else yaml.place
