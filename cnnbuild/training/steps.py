"""One step of the optimiser: loss, gradients, clipping, update."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_, clip_grad_value_
from torch.optim import LBFGS

from cnnbuild.training.heads import training_loss
from cnnbuild.training.pulse import beat
from cnnbuild.training.run import Run


def take_step(run: Run, images: Tensor, targets: Tensor, step: int) -> Tensor:
    """Change the weights by step number `step` of the run; the mean loss () before it, still on the device.

    `images` are (N, C, H, W) as the network takes them, `targets` labels (N,) or class shares (N, classes).
    """
    optimizer = run.optimizer
    if isinstance(optimizer, LBFGS):
        loss = _closure_step(run, optimizer, images, targets, step)
    else:
        loss = _gradients(run, images, targets)
        run.diagnostics.before_update(step)
        _clip(run)
        if run.scaler is None:
            optimizer.step()
        else:  # leaves the step out where a gradient is not finite, and then takes a smaller scale
            run.scaler.step(optimizer)
            run.scaler.update()
    run.diagnostics.after_update(step)
    if run.average is not None:
        run.average.after_step()
    return loss


def _closure_step(run: Run, optimizer: LBFGS, images: Tensor, targets: Tensor, step: int) -> Tensor:
    """A step of an optimiser that evaluates the batch several times; its loss at the first."""
    losses: list[Tensor] = []

    def closure() -> Tensor:
        loss = _gradients(run, images, targets)
        if not losses:
            run.diagnostics.before_update(step)
        losses.append(loss)
        _clip(run)
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return losses[0]


def _gradients(run: Run, images: Tensor, targets: Tensor) -> Tensor:
    """Fill the gradients with those of the batch's mean loss; that loss, without its graph."""
    run.optimizer.zero_grad(set_to_none=True)
    if run.recipe.accumulate == 1:
        loss = _backward(run, images, targets, share=1.0)
    else:
        loss = torch.zeros((), device=images.device)
        size = run.recipe.batch_size // run.recipe.accumulate
        parts = zip(split_without_remnant(images, size), split_without_remnant(targets, size), strict=True)
        for some_images, some_targets in parts:
            loss += _backward(run, some_images, some_targets, share=len(some_images) / len(images))
    loss = run.gradients.add_up(loss)
    if run.scaler is not None:
        run.scaler.unscale_(run.optimizer)
    return loss


def _backward(run: Run, images: Tensor, targets: Tensor, *, share: float) -> Tensor:
    """Add the gradients of `share` times the mean loss of these images; the product, without its graph.

    One of several processes takes its own share of the images, and of that mean.
    """
    mine = run.world.share_of(len(images))
    images, targets, share = mine.of(images), mine.of(targets), share * mine.weight
    loss = training_loss(
        run.execution.forward(images),
        targets,
        label_smoothing=run.recipe.label_smoothing,
        head_weights=run.head_weights,
    )
    if share != 1.0:
        loss = loss * share
    scaled = loss if run.scaler is None else run.scaler.scale(loss)
    scaled.backward()  # type: ignore[no-untyped-call]
    beat()
    return loss.detach()


def _clip(run: Run) -> None:
    """Clip the gradients as the recipe says."""
    norm, value = run.recipe.clip_gradient_norm, run.recipe.clip_gradient_value
    if norm is None and value is None:
        return
    parameters = [p for group in run.optimizer.param_groups for p in group["params"]]
    if norm is not None:
        clip_grad_norm_(parameters, norm)
    if value is not None:
        clip_grad_value_(parameters, value)


def split_without_remnant(tensor: Tensor, size: int) -> Sequence[Tensor]:
    """Parts of `size` rows; a single row left over joins the part before it.

    Batch normalisation has no statistics of one value.
    """
    parts = list(torch.split(tensor, size))
    if len(parts) > 1 and size > 1 and len(parts[-1]) == 1:
        parts[-2:] = [tensor[-size - 1 :]]
    return parts
