"""The figures of the page in chapters, each with what was observed about its subject."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cnnbuild.report.block import Block, Chapter
from cnnbuild.studies.observation import Observation, Topic

TITLES: dict[Chapter, str] = {
    "comparison": "Comparison",
    "efficiency": "Efficiency",
    "curves": "Learning curves",
    "gradients": "Gradients",
    "weights": "Weights",
    "confusion": "Confusion",
    "images": "Images",
    "receptive fields": "Receptive fields",
    "architectures": "Architectures",
}
"""The chapters in their order on the page."""

CHAPTER_OF: dict[Topic, Chapter] = {
    "efficiency": "efficiency",
    "overfitting": "curves",
    "stability": "curves",
    "gradients": "gradients",
    "calibration": "confusion",
}
"""Where an observation stands beside the figures that show it."""

BESIDE_FINDINGS: tuple[Topic, ...] = ("data sets", "fairness")
BESIDE_HEALTH: tuple[Topic, ...] = ("health", "failures")
MOST_UNFOLDED = 4  # sections of a chapter that are shown one below the other; more are folded


@dataclass(frozen=True, slots=True)
class Part:
    """The figures of one data set and setting; `title` is empty for those of all."""

    title: str
    blocks: tuple[Block, ...]
    folded: bool


@dataclass(frozen=True, slots=True)
class PageChapter:
    """A chapter of the page; `id` is what links lead to."""

    id: str
    title: str
    observations: tuple[Observation, ...]
    parts: tuple[Part, ...]


def chapters_of(blocks: Sequence[Block], observations: Sequence[Observation]) -> list[PageChapter]:
    """The chapters that have a figure or an observation, in the order of the page."""
    found = []
    for chapter, title in TITLES.items():
        said = tuple(one for one in observations if CHAPTER_OF.get(one.topic) == chapter)
        drawn = [block for block in blocks if block.chapter == chapter]
        if said or drawn:
            found.append(PageChapter(f"chapter-{chapter.replace(' ', '-')}", title, said, _parts(drawn)))
    return found


def place_of(topic: Topic) -> tuple[str, str]:
    """The id and the title of the part of the page where observations on a topic stand."""
    if topic in BESIDE_FINDINGS:
        return "findings", "Findings"
    if topic in BESIDE_HEALTH:
        return "health", "Health"
    chapter = CHAPTER_OF[topic]
    return f"chapter-{chapter.replace(' ', '-')}", TITLES[chapter]


def _parts(blocks: Sequence[Block]) -> tuple[Part, ...]:
    """The figures by their sections, in the order in which these come; those of no section first."""
    sections = sorted(dict.fromkeys(block.section for block in blocks), key=lambda section: section != "")
    folded = len(sections) > MOST_UNFOLDED
    return tuple(
        Part(section, tuple(b for b in blocks if b.section == section), folded and section != "")
        for section in sections
    )
