"""The curves of activations as SVG: value and gradient, the custom layer over the standard one."""

from __future__ import annotations

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cnnbuild.report.figures import COLOURS, SIZE_INCHES, figure_style, figure_svg
from cnnbuild.studies.layer_comparison.record import PairRecord, Response

CUSTOM, STANDARD = COLOURS[0], COLOURS[1]
WIDE, NARROW = 5.0, 1.6  # the standard curve lies below, so that both are seen where they are equal


def response_figures(index: int, record: PairRecord) -> list[Markup]:
    """Value and gradient over the input, where a side is a curve; none otherwise."""
    custom = record.custom.response if record.custom is not None else None
    standard = record.standard.response if record.standard is not None else None
    if custom is None and standard is None:
        return []
    figures = []
    for part, label in (("value", "f(x)"), ("slope", "f'(x)")):
        name = f"{part}{index}"
        with figure_style(name):
            figure = Figure(figsize=SIZE_INCHES, layout="constrained")
            axes = figure.add_subplot()
            if standard is not None:
                _draw(axes, standard, part, colour=STANDARD, width=WIDE, alpha=0.45)
            if custom is not None:
                _draw(axes, custom, part, colour=CUSTOM, width=NARROW, alpha=1)
            axes.set_xlabel("x")
            axes.set_ylabel(label)
            axes.grid(visible=True, linewidth=0.5)
            figures.append(figure_svg(figure, name, f"{label} of {record.name}"))
    return figures


def _draw(axes: Axes, response: Response, part: str, *, colour: str, width: float, alpha: float) -> None:
    """A curve; where the slope jumps at 0, its two branches, and what the layer gives at 0 as a dot."""
    if part == "value":
        axes.plot(response.x, response.value, color=colour, linewidth=width, alpha=alpha)
        return
    if not response.bends_at_zero:
        axes.plot(response.x, response.slope, color=colour, linewidth=width, alpha=alpha)
        return
    middle = response.x.index(0)
    left, right = slice(0, middle), slice(middle + 1, None)
    axes.plot(response.x[left], response.slope[left], color=colour, linewidth=width, alpha=alpha)
    axes.plot(response.x[right], response.slope[right], color=colour, linewidth=width, alpha=alpha)
    size = 5 + width
    axes.plot([0], [response.slope_at_zero], "o", color=colour, markersize=size, alpha=alpha)
