"""The reference of the language as data: a page for each layer type, standard block and form.

`page_of` and `contents` give what `cnnbuild layers` prints and the documentation is made from; nothing here
knows how it is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cnnbuild.errors import UsageError
from cnnbuild.graph.views.form_pages import FORMS, Form
from cnnbuild.graph.views.summary import Json
from cnnbuild.graph.views.worked_examples import WorkedExample, call_yaml, example_yaml, work
from cnnbuild.lang.blocks import Block, Parameter
from cnnbuild.lang.source import Plain, to_plain
from cnnbuild.layers.base import Layer
from cnnbuild.layers.catalogue.facts import PLUGINS, ParameterFacts, TypeFacts, catalogue, facts_of
from cnnbuild.layers.catalogue.meanings import MEANINGS
from cnnbuild.layers.registry import Registry
from cnnbuild.layers.standard_blocks import standard_block, standard_block_file, standard_block_names
from cnnbuild.texts import did_you_mean

SCHEMA_VERSION = 1
BLOCKS, FORMS_TITLE = "standard blocks", "forms"
ENTERING = (
    32,
    16,
    16,
)  # of the example of a block: room for four strides of 2, channels that 32 groups divide

KINDS = {
    "int": "whole number", "float": "number", "bool": "true or false", "str": "text", "list": "list",
    "layer": "layer type", "any": "any value",
}  # fmt: skip
"""The words for the types of a block's parameters."""

Kind = Literal["layer type", "block", "form"]


@dataclass(frozen=True)
class Page:
    """What the reference says of one word of the language.

    `family` is where it stands in the table. `details` are labelled sentences. `yaml` is how a block is
    written. An example's costs are those of all its layers together.
    """

    name: str
    kind: Kind
    family: str
    summary: str
    description: str
    source: str
    shapes: str
    primary: str | None
    parameters: tuple[ParameterFacts, ...]
    details: tuple[tuple[str, str], ...] = ()
    examples: tuple[WorkedExample, ...] = ()
    yaml: str = ""

    def to_dict(self) -> dict[str, Json]:
        """The page as JSON has it."""
        return {
            "name": self.name,
            "kind": self.kind,
            "family": self.family,
            "summary": self.summary,
            "description": self.description,
            "source": self.source,
            "shapes": self.shapes,
            "primary": self.primary,
            "parameters": [_parameter_to_dict(parameter) for parameter in self.parameters],
            "details": dict(self.details),
            "examples": [example.to_dict() for example in self.examples],
            "yaml": self.yaml,
        }


def contents(registry: Registry) -> dict[str, tuple[Page, ...]]:
    """A page without examples for every word, by family: types, standard blocks, forms, then plugins."""
    families = catalogue(registry)
    joins = {form.name for form in FORMS}
    pages = {
        family: tuple(_type_page(facts) for facts in members if facts.name not in joins)
        for family, members in families.items()
    }
    plugins = pages.pop(PLUGINS, ())
    pages[BLOCKS] = tuple(_block_page(name) for name in standard_block_names())
    pages[FORMS_TITLE] = tuple(_form_page(form) for form in FORMS)
    pages[PLUGINS] = plugins
    return {family: members for family, members in pages.items() if members}


def page_of(name: str, registry: Registry) -> Page:
    """The page of one word, its examples elaborated.

    Raises:
        UsageError: there is no such word; the nearest ones are named.
    """
    form = next((form for form in FORMS if form.name == name), None)
    if form is not None:
        return _form_page(form, (work(form.yaml, form.entering, registry),))
    if (layer_type := registry.get(name)) is not None:
        return _type_page(facts_of(layer_type), _examples(layer_type, registry))
    if name in standard_block_names():
        return _block_page(name, registry)
    known = (*registry.words, *standard_block_names(), *(form.name for form in FORMS))
    hint = did_you_mean(name, known) or "`cnnbuild layers` lists them; --plugin my_layers.py adds your own"
    raise UsageError(f"there is no layer type, block or form '{name}'; {hint}")


def _type_page(facts: TypeFacts, examples: tuple[WorkedExample, ...] = ()) -> Page:
    details = (
        ("sizes", facts.rule),
        ("sees", facts.sight),
        ("weights", facts.weights),
        ("multiply-adds", facts.macs),
    )
    return Page(
        facts.name,
        "layer type",
        facts.family,
        facts.summary,
        facts.description,
        facts.source,
        facts.shapes,
        facts.primary,
        facts.parameters,
        tuple((label, text) for label, text in details if text),
        examples,
    )


def _examples(layer_type: type[Layer], registry: Registry) -> tuple[WorkedExample, ...]:
    """The examples of a class, worked; those of several inputs where these have one shape."""
    return tuple(
        work(example_yaml(layer_type, example), example.inputs[0], registry)
        for example in layer_type.examples
        if len(set(example.inputs)) == 1
    )


def _form_page(form: Form, examples: tuple[WorkedExample, ...] = ()) -> Page:
    return Page(
        form.name,
        "form",
        FORMS_TITLE,
        form.summary,
        " ".join(part for part in (form.summary, form.description) if part),
        form.source,
        "",
        None,
        form.parameters,
        (),
        examples,
    )


def _block_page(name: str, registry: Registry | None = None) -> Page:
    """The page of a standard block; with a registry, its example too."""
    library = standard_block(name)
    block = library.scope.blocks[name]
    return Page(
        name,
        "block",
        BLOCKS,
        library.description,
        library.description,
        library.source,
        "",
        block.primary,
        tuple(_block_parameter(name, parameter) for parameter in block.parameters.values()),
        (),
        () if registry is None else (_block_example(block, registry),),
        standard_block_file(name).read_text(encoding="utf-8"),
    )


def _block_parameter(block: str, parameter: Parameter) -> ParameterFacts:
    default = None if parameter.default is None else to_plain(parameter.default)
    return ParameterFacts(
        parameter.name,
        KINDS[parameter.kind],
        parameter.default is None,
        default,
        MEANINGS.get(f"{block}.{parameter.name}") or MEANINGS.get(parameter.name, ""),
    )


def _block_example(block: Block, registry: Registry) -> WorkedExample:
    """A call with what is required: 32 for a number, so that groups and quarters divide it.

    The one list is a row of GoogLeNet's table.
    """
    row: list[Plain] = [64, 96, 128, 16, 32, 32]
    values: dict[str, Plain] = {
        "int": ENTERING[0], "float": 0.5, "bool": True, "str": "relu", "layer": "relu", "list": row,
    }  # fmt: skip
    arguments = {p.name: values[p.kind] for p in block.parameters.values() if p.default is None}
    return work(call_yaml(block.name, arguments, block.primary), ENTERING, registry)


def _parameter_to_dict(parameter: ParameterFacts) -> dict[str, Json]:
    return {
        "name": parameter.name,
        "kind": parameter.kind,
        "required": parameter.required,
        "default": parameter.default,
        "meaning": parameter.meaning,
    }
