"""The mistakes that a network makes with the greatest confidence."""

from __future__ import annotations

from collections.abc import Sequence

from cnnbuild.analyses.kept import SampleImage
from cnnbuild.report.block import DataTable
from cnnbuild.report.run_figures.drawing import Drawing, plural
from cnnbuild.report.run_figures.gallery import Item, draw_gallery, fitting
from cnnbuild.report.run_figures.group import DrawnGroup, DrawnRow, DrawnRun

MOST = 8
SURE = 0.9  # a probability from which a mistake is called confident


def confident_mistakes(group: DrawnGroup) -> list[Drawing]:
    """A gallery for each architecture: of the run of median test accuracy."""
    found = []
    for row in group.trained:
        run = row.representative
        if run is not None and run.analyses.mistakes:
            found.append(_of(row, run))
    return found


def name_of(names: Sequence[str], index: int) -> str:
    """The name of a class, or its number where it has none."""
    return names[index] if 0 <= index < len(names) else f"class {index}"


def _of(row: DrawnRow, run: DrawnRun) -> Drawing:
    names = run.analyses.class_names or run.run.class_names
    shown = sorted(run.analyses.mistakes, key=lambda image: -image.confidence)[:MOST]
    items = [Item(image.picture, _words(image, names)) for image in shown]
    how = (
        "The test images that a network got wrong with the greatest confidence: the truth, the answer with "
        "its probability, and the image's place in the test part. Some may be labelled wrongly, or be hard "
        "for people too."
    )
    lines = tuple(
        (
            f"image {image.index}",
            name_of(names, image.truth),
            name_of(names, image.predicted),
            f"{100 * image.confidence:.0f} %",
        )
        for image in shown
    )
    return Drawing(
        "mistakes",
        row.name,
        f"Most confident mistakes of {row.name}",
        how,
        f"{row.name} ({row.said_of(run)}). {_counted(run)}".strip(),
        lambda: draw_gallery([("", items)]),
        DataTable(
            f"Most confident mistakes of {row.name}", ("image", "truth", "answer", "probability"), lines
        ),
    )


def _words(image: SampleImage, names: Sequence[str]) -> tuple[str, ...]:
    truth, said = name_of(names, image.truth), name_of(names, image.predicted)
    return (
        fitting("is ", truth),
        fitting("said ", said),
        f"{100 * image.confidence:.0f} %, #{image.index}",
    )


def _counted(run: DrawnRun) -> str:
    """How many of all mistakes were made with confidence, where all answers were kept."""
    kept = run.analyses.predictions
    if kept is None:
        return ""
    pairs = zip(kept.classes("truth"), kept.classes("predicted"), kept.confidences(), strict=True)
    wrong = [sure for truth, said, sure in pairs if truth != said]
    if not wrong:
        return ""
    confident = sum(sure >= SURE for sure in wrong)
    least = f"at least {100 * SURE:.0f} %"
    return f"Of its {plural(len(wrong), 'mistake')} {confident or 'none'} had a probability of {least}."
