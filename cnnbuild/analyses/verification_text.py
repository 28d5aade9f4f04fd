"""A verification as text."""

from __future__ import annotations

from collections.abc import Iterator

from cnnbuild.analyses.difference import Check, Difference, Verification
from cnnbuild.graph.views.text_columns import wrapped_row
from cnnbuild.texts import escaped

WIDTH = 100
EQUAL, DIFFERENT = "as torch", "DIFFERS"


def verification_text(verification: Verification, *, width: int = WIDTH) -> str:
    """What was checked, then each difference with what to correct."""
    size = "x".join(map(str, verification.input))
    variant = f"@{verification.variant}" if verification.variant else ""
    title = f"{verification.name}{variant}  input {size}, {verification.classes} classes"
    lines = [title, ""]
    lines += _table(verification.checks, width)
    for check in verification.checks:
        for difference in check.differences:
            lines += ["", *_difference(check, difference)]
    count = len(verification.differences)
    verdict = "the analysis and torch agree" if not count else f"{count} difference{'s' * (count > 1)}"
    return "\n".join([*lines, "", verdict])


def _table(checks: tuple[Check, ...], width: int) -> Iterator[str]:
    widths = [max(len(check.name) for check in checks), len(EQUAL), 0]
    widths[2] = width - sum(widths) - 4
    for check in checks:
        verdict = DIFFERENT if check.differences else EQUAL
        yield from wrapped_row((check.name, verdict, check.compared), widths)
        yield from wrapped_row(("", "", check.how), widths)
        for note in check.notes:
            yield from wrapped_row(("", "", note), widths)


def _difference(check: Check, difference: Difference) -> Iterator[str]:
    where = f"{check.name} as a whole"
    if difference.place is not None:
        place = f"{difference.place.file}:{difference.place.line}"
        alike = f", and {difference.alike:,} more like it" if difference.alike else ""
        where = f"{place}: {check.name}: {difference.node} ({difference.type}){alike}"
    yield escaped(where)
    yield escaped(f"  analysis  {difference.analysis}")
    yield escaped(f"  torch     {difference.torch}")
    yield escaped(f"  correct   {difference.correct}")
