"""The reference as Markdown: what the language's documentation is generated from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cnnbuild.graph.views.reference_page import Page
from cnnbuild.graph.views.reference_text import BY_SUMMARY, shapes_of, tensors_of
from cnnbuild.layers.catalogue.facts import ParameterFacts, default_in_words


def contents_markdown(families: Mapping[str, Sequence[Page]]) -> str:
    """A table for each family."""
    parts = []
    for family, members in families.items():
        last = "what it is" if family in BY_SUMMARY else "shapes"
        lines = [
            f"## {family.capitalize()}",
            "",
            f"| type | primary | parameters | {last} |",
            "|---|---|---|---|",
        ]
        for page in members:
            about = page.summary if family in BY_SUMMARY else page.shapes
            primary = f"`{page.primary}`" if page.primary else ""
            written = ", ".join(_parameter(parameter) for parameter in page.parameters)
            lines.append(_row(f"`{page.name}`", primary, written, about))
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def page_markdown(page: Page, *, level: int = 2) -> str:
    """The page of one word, its heading at a level of the document around it."""
    lines = [f"{'#' * level} `{page.name}`", "", page.description, ""]
    facts = [("shapes", page.shapes), *page.details, ("source", page.source)]
    lines += [f"- **{label}**: {text}" for label, text in facts if text]
    if page.parameters:
        lines += ["", "| parameter | kind | default | meaning |", "|---|---|---|---|"]
        lines += [_parameter_row(parameter, page.primary) for parameter in page.parameters]
    if page.yaml:
        lines += ["", *_yaml(page.yaml)]
    for example in page.examples:
        lines += ["", *_yaml(f"# {shapes_of(example)}\n{example.yaml}")]
    found = tensors_of(page) if page.kind == "layer type" else None
    if found is not None:
        example, tensors = found
        told = ", ".join(f"`{name}` {shape}" for name, shape in tensors)
        lines += ["", f"Weights and buffers of `{example.yaml.strip().removeprefix('- ')}`: {told}."]
    return "\n".join(lines)


def _yaml(text: str) -> Iterator[str]:
    yield "```yaml"
    yield from text.rstrip("\n").split("\n")
    yield "```"


def _parameter(parameter: ParameterFacts) -> str:
    default = "" if parameter.required else f" = {default_in_words(parameter.default)}"
    return f"`{parameter.name}{default}`"


def _parameter_row(parameter: ParameterFacts, primary: str | None) -> str:
    name = f"`{parameter.name}`" + (" (primary)" if parameter.name == primary else "")
    default = "required" if parameter.required else f"`{default_in_words(parameter.default)}`"
    return _row(name, parameter.kind, default, parameter.meaning)


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
