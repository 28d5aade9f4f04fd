"""What is said of a stage, in the labels of the picture and in the table."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from cnnbuild.graph.views.rf_map.effective import EffectiveField
from cnnbuild.graph.views.rf_map.stages import Stage
from cnnbuild.graph.views.summary import Json

HEADINGS = ("stage", "output", "RF", "stride", "of the input")
EFFECTIVE_HEADINGS = ("68 % within", "95 % within", "of the RF")


def label_of(stage: Stage, image: tuple[int, int]) -> str:
    """The size of the field, its stride, and how much of the input it spans."""
    if stage.sees == "everything":
        return "sees the whole input"
    if stage.sizes is None or stage.strides is None:
        return "its field is not declared"
    told = f"{pixels(stage.sizes)}, stride {_pair(stage.strides)}, {_shares(stage.sizes, image)}"
    return f"global; without gates {told}" if stage.sees == "gated" else told


def effective_label(field: EffectiveField) -> str:
    """The side of the 95 % box, and how much of the theoretical field that is."""
    if field.sides_95 is None:
        return "no gradient reaches the input"
    share = "" if field.ratio is None else f", {field.ratio:.0%} of it".replace("%", " %")
    return f"effective (95 %): {pixels(field.sides_95)}{share}"


def cells_of(stage: Stage, image: tuple[int, int], field: EffectiveField | None) -> list[str]:
    """The row of a stage in the table; `field` adds what was measured."""
    output = "x".join(str(size) for size in stage.shape)
    if stage.sizes is None or stage.strides is None:
        cells = [stage.name, output, "all" if stage.sees == "everything" else "?", "", ""]
    else:
        size = _pair(stage.sizes)
        shares = _pair(f"{part:.0%}" for part in _parts(stage.sizes, image))
        cells = [
            stage.name,
            output,
            f"all ({size})" if stage.sees == "gated" else size,
            _pair(stage.strides),
            shares,
        ]
    if field is None:
        return cells
    if field.sides_68 is None or field.sides_95 is None:
        return [*cells, "none", "none", ""]
    ratio = "" if field.ratio is None else f"{field.ratio:.0%}"
    return [*cells, _pair(field.sides_68), _pair(field.sides_95), ratio]


def stage_to_dict(stage: Stage, node: str, field: EffectiveField | None) -> dict[str, Json]:
    """A stage as JSON has it, `node` being the name of its node; pairs are height and width."""
    told: dict[str, Json] = {
        "name": stage.name,
        "node": node,
        "shape": list(stage.shape),
        "sees": stage.sees,
        "output": list(stage.output),
        "spans": None if stage.spans is None else [list(span) for span in stage.spans],
        "sizes": None if stage.sizes is None else list(stage.sizes),
        "strides": None if stage.strides is None else [float(stride) for stride in stage.strides],
    }
    if field is not None:
        told["effective"] = {
            "sides_68": None if field.sides_68 is None else list(field.sides_68),
            "sides_95": None if field.sides_95 is None else list(field.sides_95),
            "ratio": field.ratio,
        }
    return told


def pixels(sizes: tuple[int, int]) -> str:
    """Height and width of something.

    >>> pixels((7, 7)), pixels((1, 7))
    ('7 px', '1 x 7 px')
    """
    height, width = sizes
    return f"{height:,} px" if height == width else f"{height:,} x {width:,} px"


def _pair(values: Iterable[Fraction | int | str]) -> str:
    height, width = (_short(value) for value in values)
    return height if height == width else f"{height} x {width}"


def _short(value: Fraction | int | str) -> str:
    return f"{float(value):.4g}" if isinstance(value, Fraction) else str(value)


def _parts(sizes: tuple[int, int], image: tuple[int, int]) -> list[float]:
    return [size / whole for size, whole in zip(sizes, image, strict=True)]


def _shares(sizes: tuple[int, int], image: tuple[int, int]) -> str:
    height, width = (f"{100 * part:.0f} %" for part in _parts(sizes, image))
    return f"{width} of the width" if height == width else f"{height} of the height, {width} of the width"
