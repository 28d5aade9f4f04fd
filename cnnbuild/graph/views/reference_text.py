"""The reference as text for a terminal: the table of all words, and the page of one."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from cnnbuild.graph.views.reference_page import BLOCKS, FORMS_TITLE, Page
from cnnbuild.graph.views.text_columns import column_widths, wrapped_row, wrapped_rows
from cnnbuild.graph.views.worked_examples import WorkedExample
from cnnbuild.layers.base import format_shape
from cnnbuild.layers.catalogue.facts import ParameterFacts, default_in_words

NOTE = "* the primary parameter: a single value sets it, as in `- linear: 10`"
BY_SUMMARY = frozenset({BLOCKS, FORMS_TITLE})
"""The families whose last column says what a word is; of layer types it says their shapes."""


def contents_table(families: Mapping[str, Sequence[Page]], *, width: int = 100) -> str:
    """The table of `cnnbuild layers`: every word with its parameters and shapes, by family."""
    rows = {page.name: _row(family, page) for family, pages in families.items() for page in pages}
    heading = ("  type", "parameters", "shapes, or what it is")
    widths = column_widths([heading, *rows.values()], width)
    lines = list(wrapped_row(heading, widths))
    for family, pages in families.items():
        lines += ["", family]
        for page in pages:
            lines += wrapped_row(rows[page.name], widths)
    return "\n".join(
        [*lines, "", NOTE, "`cnnbuild layers NAME` shows the page of one of them, with examples."]
    )


def _row(family: str, page: Page) -> tuple[str, str, str]:
    return f"  {page.name}", signature(page), page.summary if family in BY_SUMMARY else page.shapes


def signature(page: Page) -> str:
    """The parameters of a word with their defaults, the primary one marked."""
    return ", ".join(_parameter(parameter, page.primary) for parameter in page.parameters)


def page_text(page: Page, *, width: int = 100) -> str:
    """The page of one word."""
    lines = [f"{page.name}  ({page.family if page.kind == 'layer type' else page.kind})"]
    for paragraph in page.description.split("\n\n"):
        lines += textwrap.wrap(" ".join(paragraph.split()), width)
    facts = [("shapes", page.shapes), *page.details, ("source", page.source)]
    lines += (
        ["", *wrapped_rows([fact for fact in facts if fact[1]], width)] if any(f[1] for f in facts) else []
    )
    if page.parameters:
        lines += ["", "parameters", *_parameters(page, width)]
    if page.yaml:
        lines += ["", "written as", *(f"  {line}".rstrip() for line in page.yaml.splitlines())]
    if page.examples:
        lines += ["", "examples" if len(page.examples) > 1 else "example"]
        for example in page.examples:
            lines += [f"  {line}".rstrip() for line in _example(example)]
    if page.kind == "layer type":
        lines += _weights(page)
    return "\n".join(lines)


def tensors_of(page: Page) -> tuple[WorkedExample, list[tuple[str, str]]] | None:
    """The weights and buffers of the first example that has any, without the name of its node."""
    for example in page.examples:
        tensors = example.weights | example.buffers
        if tensors:
            return example, [(key.partition(".")[2], format_shape(shape)) for key, shape in tensors.items()]
    return None


def shapes_of(example: WorkedExample) -> str:
    """What enters an example, what leaves it, and what it costs."""
    entering = " and ".join(map(format_shape, example.before))
    parts = [f"{entering} -> {format_shape(example.after)}"]
    parts += [f"{example.parameters:,} parameters"] if example.parameters else []
    parts += [f"{example.macs:,} multiply-adds"] if example.macs else []
    return ", ".join(parts)


def _example(example: WorkedExample) -> Iterator[str]:
    yield f"# {shapes_of(example)}"
    yield from example.yaml.splitlines()


def _weights(page: Page) -> list[str]:
    found = tensors_of(page)
    if found is None:
        return []
    example, tensors = found
    told = [f"  {name} {shape}" for name, shape in tensors]
    return ["", f"weights and buffers of `{example.yaml.strip().removeprefix('- ')}`", *told]


def _parameters(page: Page, width: int) -> Iterator[str]:
    rows = [
        (
            parameter.name + ("*" if parameter.name == page.primary else ""),
            "required" if parameter.required else default_in_words(parameter.default),
            _meaning(parameter),
        )
        for parameter in page.parameters
    ]
    yield from wrapped_rows(rows, width, indent=2, rigid=(0,))
    if page.primary is not None:
        yield f"  * the primary parameter: a single value sets it, `- {page.name}: …`"


def _meaning(parameter: ParameterFacts) -> str:
    if not parameter.meaning:
        return parameter.kind
    return f"{parameter.meaning} ({parameter.kind})" if parameter.kind else parameter.meaning


def _parameter(parameter: ParameterFacts, primary: str | None) -> str:
    mark = "*" if parameter.name == primary else ""
    value = "" if parameter.required else f"={default_in_words(parameter.default)}"
    return f"{parameter.name}{mark}{value}"
