"""All figures of what happened inside the runs of a study, as parts of its page."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from cnnbuild.report.block import Block
from cnnbuild.report.figures import Look
from cnnbuild.report.run_figures.drawing import Drawing, Kind
from cnnbuild.report.run_figures.group import groups_of
from cnnbuild.report.run_figures.kinds import KINDS
from cnnbuild.studies.results import StudyResults

MOST_GROUPS = 12  # data sets and settings: more would make a slow page of which nobody looks at all
MOST_OF_A_KIND = 12  # of one kind on the whole page, for the same reason; `cnnbuild plot` draws any
LONGEST_NAME = 40


def run_blocks(
    results: StudyResults, looks: Mapping[str, Look], *, leave_out: Collection[Kind] = ()
) -> list[Block]:
    """The figures that the study's `analyses` ask for, as far as its runs kept what they need."""
    wanted = {
        name: kind
        for name, kind in KINDS.items()
        if kind.analysis in results.study.analyses and name not in leave_out
    }
    blocks: list[Block] = []
    made = dict.fromkeys(wanted, 0)
    for number, group in enumerate(groups_of(results, looks, most=MOST_GROUPS) if wanted else ()):
        for name, kind in wanted.items():
            drawings = kind.make(group)[: MOST_OF_A_KIND - made[name]]
            made[name] += len(drawings)
            for place, drawing in enumerate(drawings):
                caption = drawing.shows if place and drawing.shows else drawing.caption  # how is said once
                blocks.append(drawing.block(_id(drawing, number, place), kind.chapter, group.where, caption))
    return blocks


def _id(drawing: Drawing, group: int, place: int) -> str:
    """A name that is unique on the page, and tells what the figure is of."""
    words = re.sub(r"[^a-z0-9]+", "-", drawing.of.lower()).strip("-")[:LONGEST_NAME].strip("-")
    return "-".join(part for part in (drawing.kind, f"{group}{chr(ord('a') + place % 26)}", words) if part)
