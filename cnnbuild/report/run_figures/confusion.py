"""What is taken for what: the matrix of all classes, and the pairs that are confused most."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from cnnbuild.analyses.kept import SampleImage
from cnnbuild.report.block import DataTable
from cnnbuild.report.run_figures.drawing import NARROW, SMALL, Drawing, plural
from cnnbuild.report.run_figures.group import DrawnGroup, DrawnRow
from cnnbuild.report.run_figures.pixels import thumbnail_of
from cnnbuild.report.run_figures.series import short

MOST_CLASSES = 20  # whose counts can be read in a matrix
MOST_PAIRS = 10
SIDE_PX = 32  # of an image, which is shown no larger
MOST_IMAGES = 3  # beside a pair
NORM = PowerNorm(0.5, 0.0, 1.0)  # so that a few per cent of mistakes are seen beside the diagonal
CELLS_POINTS = 205.0  # the side of a matrix, about
WIDTH_OF_A_DIGIT = 0.68  # of its height
DARK_BELOW = 0.55  # of cividis: white text is read on what is darker


def confusion_matrices(group: DrawnGroup) -> list[Drawing]:
    """A matrix for each architecture, of at most 20 classes."""
    return [_matrix(row) for row in group.trained if 1 < len(row.runs[0].class_names) <= MOST_CLASSES]


def worst_pairs(group: DrawnGroup) -> list[Drawing]:
    """The pairs of classes that each architecture confuses most, with images of them where there are any."""
    return [_pairs(row) for row in group.trained if confused(row)]


def counts_of(row: DrawnRow) -> np.ndarray:
    """Test images by truth and prediction (classes, classes), over all trained runs."""
    tests = [run.test.confusion for run in row.runs if run.test is not None]
    return np.asarray(np.asarray(tests, dtype=np.int64).sum(axis=0))


def confused(row: DrawnRow) -> list[tuple[int, int, int]]:
    """How often a class was taken for another: (count, truth, prediction), the largest share first."""
    counts = counts_of(row)
    of_class = np.maximum(counts.sum(axis=1), 1)
    size = range(len(counts))
    found = [(int(counts[i, j]), i, j) for i in size for j in size if i != j and counts[i, j]]
    return sorted(found, key=lambda one: (-one[0] / of_class[one[1]], one[1], one[2]))


def _matrix(row: DrawnRow) -> Drawing:
    counts, names = counts_of(row), row.runs[0].class_names
    right, total = int(np.trace(counts)), int(counts.sum())
    how = (
        "Test images by their class (rows) and by what the network said (columns), summed over the trained "
        "seeds; the diagonal is right. Colour is the share of the row, on a square-root scale that shows a "
        "few per cent."
    )
    shows = f"{row.name}{_seeds(row)}: {right:,} of {total:,} answers are right."
    if worst := confused(row):
        count, truth, said = worst[0]
        share = _share(counts, count, truth)
        shows += f" Most often {names[truth]} was taken for {names[said]}: {share} of its images."
    head = ("class", *(f"said {name}" for name in names))
    rows = tuple((name, *map(str, line)) for name, line in zip(names, counts.tolist(), strict=True))
    return Drawing(
        "confusion",
        row.name,
        f"Confusion matrix of {row.name}",
        how,
        shows,
        lambda: draw_matrix(counts, names),
        DataTable(f"Test images by class and by answer of {row.name}", head, rows),
    )


def draw_matrix(counts: np.ndarray, names: Sequence[str]) -> Figure:
    """The matrix with its counts."""
    size = len(counts)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = NARROW if size <= 12 else NARROW * 1.35
    figure = Figure(figsize=(side, side * 0.88), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(mpl.colormaps["cividis"](NORM(shares), bytes=True), interpolation="none")
    text_size = min(SMALL + 1, CELLS_POINTS / size / (WIDTH_OF_A_DIGIT * len(str(counts.max()))))
    for i, j in zip(*np.nonzero(counts), strict=True):
        ink = "#ffffff" if NORM(shares[i, j]) < DARK_BELOW else "#000000"
        text = axes.text(j, i, f"{counts[i, j]}", ha="center", va="center", color=ink, fontsize=text_size)
        text.set_in_layout(False)  # it is within the axes, and to measure it takes long
    _name_classes(axes, names)
    bar = figure.colorbar(ScalarMappable(NORM, "cividis"), ax=axes, pad=0.02, aspect=30, shrink=0.9)
    bar.set_ticks([0, 0.01, 0.1, 0.5, 1])
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    bar.ax.tick_params(labelsize=SMALL)
    bar.outline.set_visible(False)
    return figure


def _name_classes(axes: Axes, names: Sequence[str]) -> None:
    shown = [short(name) for name in names]
    turned = max(map(len, shown)) > 2
    size = SMALL if len(names) > 12 else SMALL + 1
    axes.set_yticks(range(len(names)), shown, fontsize=size)
    axes.set_xticks(
        range(len(names)),
        shown,
        fontsize=size,
        rotation=45 if turned else 0,
        ha="right" if turned else "center",
        rotation_mode="anchor",
    )
    axes.tick_params(length=0)
    axes.set_ylabel("truth")
    axes.set_xlabel("answer")
    axes.spines[:].set_visible(False)


def _pairs(row: DrawnRow) -> Drawing:
    counts, names = counts_of(row), row.runs[0].class_names
    worst = confused(row)
    wrong = sum(count for count, *_ in worst)
    shown = worst[:MOST_PAIRS]
    of_shown = sum(count for count, *_ in shown)
    images = [_images(row, truth, said) for _, truth, said in shown]
    how = (
        "The pairs of classes that are confused most (truth → answer), by the share of the images of the "
        "true class, over the trained seeds"
        + (
            "; beside them test images that were confused so, the most confident first."
            if any(images)
            else "."
        )
    )
    part = (
        f"These {len(shown)} of the {plural(len(worst), 'pair')}" if len(shown) < len(worst) else "All pairs"
    )
    shows = f"{row.name}{_seeds(row)}: {plural(wrong, 'mistake')}. {part} that occur are shown"
    shows += (
        f": {100 * of_shown / wrong:.{0 if of_shown > wrong / 10 else 1}f} % of the mistakes."
        if len(shown) < len(worst)
        else "."
    )
    lines = tuple(
        (f"{names[i]} taken for {names[j]}", f"{count}", _share(counts, count, i)) for count, i, j in shown
    )
    return Drawing(
        "worst-pairs",
        row.name,
        f"What {row.name} confuses most",
        how,
        shows,
        lambda: _draw_pairs(row, counts, shown, images),
        DataTable(f"Pairs that {row.name} confuses", ("pair", "images", "share of the class"), lines),
    )


def _draw_pairs(
    row: DrawnRow,
    counts: np.ndarray,
    shown: list[tuple[int, int, int]],
    images: list[list[SampleImage]],
) -> Figure:
    names = row.runs[0].class_names
    step = 0.34
    figure = Figure(figsize=(NARROW, 0.55 + step * len(shown)), layout="constrained")
    columns = max(map(len, images), default=0)
    wide = NARROW * 0.62 / step
    grid = figure.add_gridspec(1, 2, width_ratios=[wide, columns]) if columns else None
    axes = figure.add_subplot(grid[0]) if grid is not None else figure.add_subplot()
    shares = [count / max(int(counts[i].sum()), 1) for count, i, _ in shown]
    places = range(len(shown))
    axes.barh(places, [100 * share for share in shares], color=row.look.colour, height=0.62)
    for place, share in zip(places, shares, strict=True):
        axes.annotate(
            f"{100 * share:.1f} %",
            (100 * share, place),
            (3, 0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL,
        )
    axes.set_yticks(
        places, [f"{short(names[i])} → {short(names[j])}" for _, i, j in shown], fontsize=SMALL + 1
    )
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xlim(0, 100 * max(shares) * 1.25)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=SMALL)
    axes.set_xlabel("% of the class", fontsize=SMALL + 1)
    if grid is not None:
        _draw_images(figure, figure.add_subplot(grid[1]), images, columns)
    return figure


def _draw_images(figure: Figure, axes: Axes, images: list[list[SampleImage]], columns: int) -> None:
    """Each pair's images in its row, in square pixels."""
    axes.set_axis_off()
    axes.set_xlim(0, columns)
    axes.set_ylim(len(images) - 0.5, -0.5)
    figure.draw_without_rendering()  # which tells how high a row is
    box = axes.get_window_extent()
    step = (box.height / len(images)) / (box.width / columns)  # of a square as high as a row
    fits = min(1.0, 1 / step)  # how large it may be
    for place, found in enumerate(images):
        for column, image in enumerate(found):
            half = 0.46 * fits / max(image.picture.height, image.picture.width)
            wide, tall = step * half * image.picture.width, half * image.picture.height
            x = step * fits * (column + 0.5)
            extent = (x - wide, x + wide, place + tall, place - tall)
            axes.imshow(
                thumbnail_of(image.picture, SIDE_PX), extent=extent, interpolation="none", aspect="auto"
            )
    axes.set_xlim(0, columns)
    axes.set_ylim(len(images) - 0.5, -0.5)


def _images(row: DrawnRow, truth: int, said: int) -> list[SampleImage]:
    """Kept test images of a class that a run took for another."""
    found = {
        image.index: image
        for one in row.analysed
        for image in (*one.analyses.mistakes, *one.analyses.samples)
        if (image.truth, image.predicted) == (truth, said)
    }
    return sorted(found.values(), key=lambda image: -image.confidence)[:MOST_IMAGES]


def _seeds(row: DrawnRow) -> str:
    return f", {len(row.runs)} seeds" if len(row.runs) > 1 else ""


def _share(counts: np.ndarray, count: int, truth: int) -> str:
    return f"{100 * count / max(int(counts[truth].sum()), 1):.1f} %"
