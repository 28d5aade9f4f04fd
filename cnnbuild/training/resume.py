"""A run's state as the content of a checkpoint, and back."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, TypeVar, cast

import torch
from torch import Tensor

from cnnbuild.training.checkpoint import Checkpoint
from cnnbuild.training.diagnostics import DiagnosticsState
from cnnbuild.training.early_stopping import PatienceState
from cnnbuild.training.epoch import settle
from cnnbuild.training.machine import hardware_name
from cnnbuild.training.progress import EpochProgress
from cnnbuild.training.record import EpochRecord
from cnnbuild.training.run import Run
from cnnbuild.training.schedules import PlateauState
from cnnbuild.training.seeding import random_state, set_random_state

if TYPE_CHECKING:
    from pydantic import TypeAdapter

State = TypeVar("State")


def checkpoint_of(run: Run, identity: Mapping[str, str]) -> Checkpoint:
    """The run's state between two steps; several processes make it together.

    Raises:
        DivergedError: a loss that nobody had looked at is infinite or not a number.
    """
    settle(run)
    return Checkpoint(
        identity=dict(identity),
        hardware=hardware_name(run.device),
        module=run.module.state_dict(),
        optimizer=run.optimizer.state_dict(),
        best_epoch=run.best_epoch,
        best_module=run.best_weights,
        epochs=[asdict(epoch) for epoch in run.epochs],
        progress=None if run.progress is None else {**run.progress.state()},
        steps=run.steps,
        images=run.images,
        parts=_state_of_parts(run),
        largest_loss=run.largest_loss,
        seconds=run.elapsed(),
        resumed=run.resumed,
        warnings=list(run.warnings),
        order_rng=run.order.get_state(),
        random=random_state(run.device),
        processes=_state_of_processes(run),
    )


def restore(run: Run, checkpoint: Checkpoint) -> None:
    """Put a prepared run where the checkpoint was taken."""
    run.module.load_state_dict(checkpoint["module"])
    run.optimizer.load_state_dict(checkpoint["optimizer"])
    run.best_epoch = checkpoint["best_epoch"]
    run.best_weights = {name: value.to(run.device) for name, value in checkpoint["best_module"].items()}
    epochs = _adapter(EpochRecord)
    run.epochs = [epochs.validate_python(epoch) for epoch in checkpoint["epochs"]]
    progress = checkpoint["progress"]
    run.progress = None if progress is None else EpochProgress.from_state(progress)
    run.steps, run.images = checkpoint["steps"], checkpoint["images"]
    _restore_parts(run, checkpoint["parts"])
    run.largest_loss = checkpoint["largest_loss"]
    run.seconds_before, run.begin = checkpoint["seconds"], time.perf_counter()
    run.resumed = checkpoint["resumed"] + 1
    run.warnings = [*checkpoint["warnings"], *run.warnings]
    before, now = checkpoint["hardware"], hardware_name(run.device)
    if before != now:
        run.warnings.append(f"the run began on {before} and went on on {now}: its bits are those of neither")
    run.order.set_state(checkpoint["order_rng"])
    set_random_state(checkpoint["random"], run.device)
    _restore_process(run, checkpoint["processes"])


def _state_of_processes(run: Run) -> dict[str, Tensor]:
    """What differs between several processes: random states and running statistics, (processes, ...) each."""
    if run.world.size == 1:
        return {}
    own = {f"random {name}": state.to(run.device) for name, state in random_state(run.device).items()}
    own |= {f"buffer {name}": value.detach() for name, value in run.module.named_buffers()}
    return {name: run.world.gather(value).cpu() for name, value in own.items()}


def _restore_process(run: Run, states: Mapping[str, Tensor]) -> None:
    if run.world.size == 1:
        return
    # clones: torch 2.15 crashes on a generator's state that is a view into another tensor
    own = {name: state[run.world.rank].clone() for name, state in states.items()}
    random = {name: own[f"random {name}"] for name in random_state(run.device)}
    set_random_state(random, run.device)
    with torch.no_grad():
        for name, buffer in run.module.named_buffers():
            buffer.copy_(own[f"buffer {name}"])


def _state_of_parts(run: Run) -> dict[str, dict[str, object]]:
    """What a schedule, an average, early stopping and the scale of gradients have seen so far."""
    parts: dict[str, dict[str, object]] = {
        "plateau": asdict(run.plateau),
        "patience": asdict(run.patience),
        "diagnostics": {**run.diagnostics.state()},
    }
    if run.average is not None:
        parts["average"] = run.average.state()
    if run.scaler is not None:
        parts["scaler"] = run.scaler.state_dict()
    return parts


def _restore_parts(run: Run, parts: Mapping[str, Mapping[str, object]]) -> None:
    run.plateau = _adapter(PlateauState).validate_python(parts["plateau"])
    run.patience = _adapter(PatienceState).validate_python(parts["patience"])
    run.diagnostics.restore(cast(DiagnosticsState, parts["diagnostics"]))
    if run.average is not None:
        run.average.restore(parts["average"])
    if run.scaler is not None:
        run.scaler.load_state_dict(dict(parts["scaler"]))


def _adapter(kind: type[State]) -> TypeAdapter[State]:
    """What makes a frozen dataclass of its plain data again."""
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
