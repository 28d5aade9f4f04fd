"""The section of an experiment that the page does not have yet: every part of it, with nothing said between them."""

from __future__ import annotations

from tests.documentation.experiments.kept import Evidence

BESIDE = 2  # figures in a row
OF_RUNS = ("run", "table", "findings", "seeds", "notes")
OF_LAYERS = ("run", "table", "notes", "costs")


def with_section(page: str, found: Evidence) -> str:
    """The page, with a section at its end where it has none of the experiment."""
    if f"<!-- generated: experiment {found.name} " in page:
        return page
    parts = OF_LAYERS if found.facts.kind == "layers" else OF_RUNS
    names = list(found.figures)
    rows = [" ".join(("figures", *names[at : at + BESIDE])) for at in range(0, len(names), BESIDE)]
    lines = [f"<!-- generated: experiment {found.name} {part} -->\n<!-- end -->" for part in (*parts, *rows)]
    heading = f"## {found.name.replace('_', ' ').capitalize()}"
    return "\n\n".join([page.rstrip("\n"), heading, *lines]) + "\n"
