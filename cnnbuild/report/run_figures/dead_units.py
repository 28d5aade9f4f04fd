"""Units that give 0 whatever the network sees: which share of each layer, over the epochs."""

from __future__ import annotations

import numpy as np

from cnnbuild.report.run_figures.drawing import Drawing, plural
from cnnbuild.report.run_figures.group import DrawnGroup
from cnnbuild.report.run_figures.heat_map import LayerMap, draw_share_map, layer_map
from cnnbuild.training.record import EpochRecord, RunRecord

LEAST_DRAWN = 0.01  # a share that some layer must have in some epoch
LEAST_SCALE = 0.05  # of the colours: below this share a difference means one or two units
MANY = 0.5  # half of a layer's units


def dead_unit_maps(group: DrawnGroup) -> list[Drawing]:
    """A map for each architecture that has dead units, and one for the first run that did not train."""
    found = []
    for row in group.rows:
        if row.runs:
            found += _of(row.name, row.of_seeds, list(row.runs), "")
        for record, condition, run in row.untrained[:1]:
            name = f"{row.name}, seed {record.seed} ({condition})"
            about = f" This run did not train ({condition})."
            found += _of(name, "", [run], about)
    high = max([LEAST_SCALE, *(float(np.nanmax(shown.values)) for *_, shown in found)])
    return [_map(*one, high) for one in found if np.nanmax(one[-1].values) >= LEAST_DRAWN]


def dead_shares(epoch: EpochRecord) -> tuple[float, ...] | None:
    """The share of dead units of each activation."""
    return None if epoch.dead_units is None else epoch.dead_units.dead


def _of(
    name: str, which: str, runs: list[RunRecord], about: str
) -> list[tuple[str, str, str, tuple[int, ...], LayerMap]]:
    layers = tuple(layer.name for layer in runs[0].activation_layers)
    shown = layer_map(runs, layers, dead_shares) if layers else None
    units = tuple(layer.units for layer in runs[0].activation_layers)
    return [] if shown is None else [(name, which, about, units, shown)]


def _map(name: str, which: str, about: str, units: tuple[int, ...], shown: LayerMap, high: float) -> Drawing:
    last = shown.values[:, -1]
    worst = int(np.nanargmax(np.where(np.isnan(last), -1, last)))
    dead = float(np.nansum(last * np.array(units)))
    half = int(np.sum(last >= MANY))
    how = (
        "The share of units (channels) of each activation that are 0 on every watched training image, the "
        "first layer at the top: such a unit passes nothing on and learns nothing. The scale is the same "
        "for all architectures."
    )
    named = f"{name} ({which})" if which else name
    shows = f"{named}: after the last epoch {dead:.0f} of {plural(sum(units), 'unit')} are dead"
    shows += f", most of them in {shown.layers[worst]} ({100 * last[worst]:.0f} %)." if dead >= 0.5 else "."
    if half:
        shows += f" In {plural(half, 'layer')} at least half of the units are."
    return Drawing(
        "dead-units",
        name,
        f"Dead units of {name}",
        how,
        shows + about,
        lambda: draw_share_map(shown, high, "dead units"),
        shown.table(f"Share of dead units of {name} by layer", lambda share: f"{100 * share:.1f} %"),
    )
