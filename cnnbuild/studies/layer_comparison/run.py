"""A study of layers, run: every pair measured, whatever becomes of the others."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import torch

from cnnbuild.errors import RunError
from cnnbuild.lang.layer_study_document import Numbers
from cnnbuild.studies.layer_comparison.costs import costs_of
from cnnbuild.studies.layer_comparison.differences import compare, compare_constants, is_random, noise_of
from cnnbuild.studies.layer_comparison.gradient_checks import gradient_checks
from cnnbuild.studies.layer_comparison.plan import LayerStudyPlan, PlannedPair, output_shape
from cnnbuild.studies.layer_comparison.record import (
    Comparison,
    Conditions,
    Cost,
    LayerResults,
    Mode,
    PairRecord,
    SideRecord,
)
from cnnbuild.studies.layer_comparison.responses import gain_of, response_of
from cnnbuild.studies.layer_comparison.sides import BuiltPair, BuiltSide, build_pair, exact_kernels
from cnnbuild.texts import escaped
from cnnbuild.training.machine import choose_device, hardware_name, versions


def run_layers(plan: LayerStudyPlan, *, on_pair: Callable[[PairRecord], None] | None = None) -> LayerResults:
    """Everything about every pair. One that raises is recorded as failed, and the others go on.

    `on_pair` hears of each as it ends.

    Raises:
        UsageError: the study names a device that torch does not find here.
    """
    document = plan.document
    if document.device == "auto":  # MPS has no float64
        device = choose_device("cuda" if torch.cuda.is_available() else "cpu")
    else:
        device = choose_device(document.device)
    started, begin = datetime.now(UTC), time.perf_counter()
    records = []
    with exact_kernels():
        for planned in plan.pairs:
            record = _record_of(planned, document.seeds, document.batch, device)
            records.append(record)
            if on_pair is not None:
                on_pair(record)
    return LayerResults(
        study=document.name,
        title=document.title,
        variant=document.variant,
        question=document.question,
        description=document.description,
        file=str(document.file),
        warnings=tuple(warning.render() for warning in plan.warnings),
        conditions=Conditions(
            device=str(device),
            hardware=hardware_name(device),
            threads=torch.get_num_threads(),
            versions=versions(),
            started=started.isoformat(timespec="seconds"),
            seconds=time.perf_counter() - begin,
        ),
        pairs=tuple(records),
    )


@dataclass(frozen=True)
class _Found:
    """What was measured of a pair."""

    custom: SideRecord
    standard: SideRecord | None
    built: BuiltPair
    comparisons: tuple[Comparison, ...]


def _record_of(planned: PlannedPair, seeds: tuple[int, ...], batch: int, device: torch.device) -> PairRecord:
    """A pair measured, or with the reason why it could not be."""
    pair, found, reason, constants = planned.pair, None, "", []
    shape = (batch, *pair.input)
    try:
        found = _measured(planned, seeds, shape, device)
        constants = compare_constants(found.built, shape, pair.numbers, device)
    except (RunError, MemoryError) as error:
        reason = str(error) or "the memory is full"
    except Exception as error:  # noqa: BLE001 - a layer may be anyone's code, and the other pairs go on
        reason = escaped(f"{type(error).__name__}: {' '.join(str(error).split())}")
    done = found is not None and not reason
    return PairRecord(
        name=pair.name,
        state="done" if done else "failed",
        reason=reason,
        input=pair.input,
        output=output_shape(planned.custom),
        batch=batch,
        numbers=pair.numbers,
        expect=pair.expect,
        tolerance=pair.tolerance,
        seeds=seeds,
        custom=found.custom if found is not None and done else None,
        standard=found.standard if found is not None and done else None,
        shared_weights=found.built.shared if found is not None and done else (),
        comparisons=found.comparisons if found is not None and done else (),
        constants=tuple(constants),
        description=pair.description,
    )


def _measured(
    planned: PlannedPair, seeds: tuple[int, ...], shape: tuple[int, ...], device: torch.device
) -> _Found:
    pair = planned.pair
    first = build_pair(planned, seeds[0])
    sides = [first.custom] if first.standard is None else [first.custom, first.standard]
    random = [is_random(side, shape, "training", device) for side in sides]
    modes: tuple[Mode, ...] = ("evaluation",) if any(random) else ("evaluation", "training")
    comparisons: list[Comparison] = []
    for seed in seeds:
        built = build_pair(planned, seed)
        comparisons += compare(built, shape, pair.numbers, seed=seed, modes=modes, device=device)
    costs = costs_of(sides, shape, pair.numbers, device)
    written = [pair.custom] if pair.standard is None else [pair.custom, pair.standard]
    told = [
        _side(side, text.text, pair.numbers, shape, cost, device, is_noisy=noisy)
        for side, text, cost, noisy in zip(sides, written, costs, random, strict=True)
    ]
    return _Found(told[0], told[1] if len(told) > 1 else None, first, tuple(comparisons))


def _side(
    side: BuiltSide,
    text: str,
    numbers: Numbers,
    shape: tuple[int, ...],
    cost: Cost,
    device: torch.device,
    *,
    is_noisy: bool,
) -> SideRecord:
    image = shape[1:]
    response = response_of(side, image, device)
    return SideRecord(
        text=text,
        own_weights=side.own,
        noise=noise_of(side, shape, numbers, device) if is_noisy else None,
        gradient_checks=gradient_checks(side, image, numbers, device),
        response=response,
        gain=None if response is not None else gain_of(side, image, shape[0], numbers, device),
        cost=cost,
    )
