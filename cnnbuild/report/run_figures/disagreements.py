"""Test images that one of two networks gets right and the other wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cnnbuild.analyses.kept import Picture, Predictions
from cnnbuild.report.block import DataTable
from cnnbuild.report.run_figures.drawing import Drawing, plural
from cnnbuild.report.run_figures.gallery import Item, draw_gallery, fitting
from cnnbuild.report.run_figures.group import DrawnGroup, DrawnRow, DrawnRun
from cnnbuild.report.run_figures.mistakes import name_of

MOST_PAIRS = 4  # of architectures: each is compared with the first
MOST_IMAGES = 4  # of each direction
MOST_LINES = 12  # of the table, each direction


@dataclass(frozen=True)
class Answers:
    """What a network said of each test image."""

    truth: tuple[int, ...]
    said: tuple[int, ...]
    sure: tuple[float, ...]

    @classmethod
    def of(cls, kept: Predictions) -> Answers:
        """The answers that were kept."""
        return cls(kept.classes("truth"), kept.classes("predicted"), kept.confidences())

    @property
    def right(self) -> frozenset[int]:
        """The places of the images that it got right."""
        pairs = enumerate(zip(self.truth, self.said, strict=True))
        return frozenset(place for place, (truth, said) in pairs if truth == said)


def disagreements(group: DrawnGroup) -> list[Drawing]:
    """A gallery for each architecture with the first one of the group that has kept its answers."""
    rows = [row for row in group.trained if _answers(row.representative) is not None]
    found = [_pair(rows[0], other) for other in rows[1 : 1 + MOST_PAIRS]]
    return [drawing for drawing in found if drawing is not None]


def only_right(right: Answers, wrong: Answers) -> list[int]:
    """The images that the first gets right and the other wrong, the surest wrong answers first."""
    places = right.right - wrong.right
    return sorted(places, key=lambda place: (-wrong.sure[place], place))


def _pair(first: DrawnRow, second: DrawnRow) -> Drawing | None:
    one, two = first.representative, second.representative
    of_one, of_two = _answers(one), _answers(two)
    if one is None or two is None or of_one is None or of_two is None or of_one.truth != of_two.truth:
        return None
    names = one.analyses.class_names or one.run.class_names
    pictures = _pictures((first, second))
    directions = [
        (first.name, second.name, of_one, of_two, only_right(of_one, of_two)),
        (second.name, first.name, of_two, of_one, only_right(of_two, of_one)),
    ]
    parts, lines = [], []
    for good, bad, right, wrong, places in directions:
        items = [
            Item(pictures[place], _words(place, right, wrong, names)) for place in places if place in pictures
        ][:MOST_IMAGES]
        if items:
            parts.append((f"{good} right, {bad} wrong", items))
        lines += [_line(place, right, wrong, good, bad, names) for place in places[:MOST_LINES]]
    if not parts:
        return None
    left, other = len(directions[0][-1]), len(directions[1][-1])
    how = (
        "Test images that one of two networks gets right and the other wrong: both answers with their "
        "probability, and the image's place in the test part. Shown are those whose pixels were kept, the "
        "surest wrong answers first. Two trainings of one architecture disagree as well: this says nothing "
        "about architectures by itself."
    )
    shows = (
        f"{first.name} ({first.said_of(one)}) and {second.name} ({second.said_of(two)}): of "
        f"{len(of_one.truth):,} test images {left:,} only {first.name} gets right, {other:,} only "
        f"{second.name}. {_always(first, second)}"
    ).strip()
    head = ("image", "truth", "right", "its answer", "wrong", "its answer")
    return Drawing(
        "disagreements",
        f"{first.name} and {second.name}",
        f"Where {first.name} and {second.name} disagree",
        how,
        shows,
        lambda: draw_gallery(parts),
        DataTable(f"Images on which {first.name} and {second.name} disagree", head, tuple(lines)),
    )


def _always(first: DrawnRow, second: DrawnRow) -> str:
    """On how many images all trainings of one are right and all of the other wrong."""
    both = [_all_answers(row) for row in (first, second)]
    if min(map(len, both)) < 2 or len({one.truth for of in both for one in of}) > 1:
        return ""
    always = [frozenset.intersection(*(one.right for one in of)) for of in both]
    ever = [frozenset.union(*(one.right for one in of)) for of in both]
    counts = [
        plural(len(of), "image") if of else "no image" for of in (always[0] - ever[1], always[1] - ever[0])
    ]
    return (
        f"Over all trainings ({len(both[0])} and {len(both[1])}) {counts[0]} that {first.name} always gets "
        f"right and {second.name} always wrong, and {counts[1]} the other way round."
    )


def _all_answers(row: DrawnRow) -> list[Answers]:
    return [Answers.of(kept) for run in row.analysed if (kept := run.analyses.predictions) is not None]


def _answers(run: DrawnRun | None) -> Answers | None:
    if run is None or run.analyses.predictions is None:
        return None
    return Answers.of(run.analyses.predictions)


def _pictures(rows: Sequence[DrawnRow]) -> dict[int, Picture]:
    """The test images that any run of these architectures kept, by their places."""
    return {
        image.index: image.picture
        for row in rows
        for run in row.analysed
        for image in (*run.analyses.samples, *run.analyses.mistakes)
    }


def _words(place: int, right: Answers, wrong: Answers, names: Sequence[str]) -> tuple[str, ...]:
    return (
        fitting("right: ", name_of(names, right.said[place])),
        fitting("wrong: ", name_of(names, wrong.said[place])),
        f"{100 * right.sure[place]:.0f} and {100 * wrong.sure[place]:.0f} %, #{place}",
    )


def _line(
    place: int, right: Answers, wrong: Answers, good: str, bad: str, names: Sequence[str]
) -> tuple[str, ...]:
    def said(of: Answers) -> str:
        return f"{name_of(names, of.said[place])} ({100 * of.sure[place]:.0f} %)"

    return f"image {place}", name_of(names, right.truth[place]), good, said(right), bad, said(wrong)
