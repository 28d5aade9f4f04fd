"""Layers whose gradients vanish or explode, whose units are dead, or whose weights move oddly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from cnnbuild.studies.health.signs import CANNOT_DIE
from cnnbuild.studies.health.thresholds import (
    EXPLODING_RATIO,
    LARGE_UPDATE,
    PARTLY_DEAD,
    SMALL_UPDATE,
    VANISHING_NORM,
    VANISHING_RATIO,
)
from cnnbuild.studies.observation import Figure, Observation
from cnnbuild.studies.observers.observed_runs import ObservedRuns, observed_runs
from cnnbuild.studies.results import StudyResults
from cnnbuild.training.observations import Column
from cnnbuild.training.record import RunRecord


def observe_gradients(results: StudyResults) -> tuple[Observation, ...]:
    """A sentence for each architecture whose gradients, updates or units are out of the usual."""
    found = (_observe(group) for group in observed_runs(results))
    return tuple(one for one in found if one is not None)


def _observe(group: ObservedRuns) -> Observation | None:
    """What the trained runs show; where none trained, the others."""
    others = tuple(record.run for record, _ in group.runs if record.run is not None and record.run.epochs)
    runs = [
        run for run in group.trained or others if run.parameter_layers == _layers(group.trained or others)
    ]
    if not runs:
        return None
    figures: dict[str, Figure] = {}
    said = [*_flow(runs, figures), *_updates(runs, figures), *_dead(runs, figures)]
    if not said:
        return None
    which = "" if group.trained else " (of runs that did not train)"
    sentence = f"{group.name}{which}: {'; '.join(said)}."
    return group.observation("gradients", sentence, level="warning", figures=figures)


def _layers(runs: Sequence[RunRecord]) -> tuple[str, ...]:
    return runs[0].parameter_layers if runs else ()


def _flow(runs: Sequence[RunRecord], figures: dict[str, Figure]) -> Iterator[str]:
    layers = runs[0].parameter_layers
    mean_abs = _by_layer([e.gradients.mean_abs for run in runs for e in run.epochs if e.gradients])
    norms = _by_layer([e.gradients.norm for run in runs for e in run.epochs if e.gradients])
    if len(mean_abs) < 2 or not mean_abs[-1] or mean_abs[0] is None or norms[0] is None:
        return
    ratio = mean_abs[0] / mean_abs[-1]
    figures["first_to_last_gradient"] = float(f"{ratio:.6g}")
    ends = f"the gradient of {layers[0]}, the first layer, is {ratio:.1e} of that of {layers[-1]}, the last"
    if ratio < VANISHING_RATIO and norms[0] < VANISHING_NORM:
        yield f"{ends} (it vanishes below {VANISHING_RATIO:g})"
    elif ratio > EXPLODING_RATIO:
        yield f"{ends} (it explodes above {EXPLODING_RATIO:g})"


def _updates(runs: Sequence[RunRecord], figures: dict[str, Figure]) -> Iterator[str]:
    layers = runs[0].parameter_layers
    ratios = _by_layer([e.gradients.update_ratio for run in runs for e in run.epochs if e.gradients])
    known = [(ratio, name) for ratio, name in zip(ratios, layers, strict=False) if ratio is not None]
    if not known:
        return
    (low, slowest), (high, fastest) = min(known), max(known)
    figures |= {"smallest_update_ratio": low, "largest_update_ratio": high}
    slow = [name for ratio, name in known if ratio < SMALL_UPDATE]
    fast = [name for ratio, name in known if ratio > LARGE_UPDATE]
    if slow:
        yield (
            f"{_layers_of(slow, slowest, len(known))} hardly learns: a step changes its weights by "
            f"{low:.1e} of their size (usual: 1e-3, too little: below {SMALL_UPDATE:g})"
        )
    if fast:
        yield (
            f"{_layers_of(fast, fastest, len(known))} is thrown about: a step changes its weights by "
            f"{high:.1e} of their size (usual: 1e-3, too much: above {LARGE_UPDATE:g})"
        )


def _layers_of(found: Sequence[str], worst: str, total: int) -> str:
    return worst if len(found) == 1 else f"{worst}, the first of {len(found)} of {total} layers,"


def _dead(runs: Sequence[RunRecord], figures: dict[str, Figure]) -> Iterator[str]:
    watched = runs[0].activation_layers
    shares = _by_layer(
        [
            run.epochs[-1].dead_units.dead
            for run in runs
            if run.activation_layers == watched and run.epochs and run.epochs[-1].dead_units is not None
        ]
    )
    known = [
        (share, layer)
        for share, layer in zip(shares, watched, strict=False)
        if share is not None and layer.kind not in CANNOT_DIE
    ]
    if not known:
        return
    share, worst = max(known, key=lambda one: one[0])
    figures |= {"largest_dead_share": share, "layer_of_largest_dead_share": worst.name}
    count = sum(share >= PARTLY_DEAD for share, _ in known)
    if count:
        more = (
            ""
            if count == 1
            else f" ({count} of {len(known)} activations have half of their units dead or more)"
        )
        units = f"the {worst.units} units of {worst.name} ({worst.kind})"
        yield f"{100 * share:.0f} % of {units} are dead at the end{more}"


def _by_layer(columns: Sequence[Column]) -> list[float | None]:
    """The median of each layer over the epochs of all runs, None where nothing was measured."""
    found: list[float | None] = []
    for values in zip(*columns, strict=False):
        known = [value for value in values if value is not None]
        found.append(median(known) if known else None)
    return found
