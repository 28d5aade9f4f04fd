"""The learning rate as a function of the position in a run: nothing to store, nothing to restore."""

from __future__ import annotations

import math

from cnnbuild.lang.recipe import Constant, Cosine, MultiStep, Recipe, Step


def learning_rate(recipe: Recipe, step: int, steps_per_epoch: int) -> float:
    """The learning rate of batch `step`, counted from 0 over the whole run.

    `multi_step` and `step` change between epochs, as torch's schedulers do when stepped once per epoch;
    `cosine` changes at every batch. Warm-up multiplies by (step + 1) / steps of the warm-up.
    """
    base = recipe.optimizer.chosen.lr
    finished = step // steps_per_epoch
    lr = base
    match recipe.schedule.chosen:
        case Constant():
            pass
        case MultiStep(milestones=milestones, gamma=gamma):
            lr = base * gamma ** sum(milestone <= finished for milestone in milestones)
        case Step(step_size=step_size, gamma=gamma):
            lr = base * gamma ** (finished // step_size)
        case Cosine(eta_min=eta_min):
            progress = step / (recipe.epochs * steps_per_epoch)
            lr = eta_min + (base - eta_min) * (1 + math.cos(math.pi * progress)) / 2
    warmup_steps = round(recipe.warmup_epochs * steps_per_epoch)
    return lr * min(1.0, (step + 1) / warmup_steps) if warmup_steps else lr
