"""What the central output of some stages sees of the test images: in theory, and after training."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from cnnbuild.analyses.drawn_pictures import LARGEST_PHOTOGRAPH, made_smaller, on_scale
from cnnbuild.analyses.effective_receptive_field import IMAGES, EffectiveField, effective_receptive_field
from cnnbuild.analyses.feature_maps import evenly_spread
from cnnbuild.analyses.kept import ReceptiveField, SampleImage
from cnnbuild.analyses.subject import Subject
from cnnbuild.graph.views.rf_map.stages import stages_of
from cnnbuild.training.pulse import beat

MOST_STAGES = 4
DRAWS = 16  # of signs for a stage, over all images: a short run shall not wait for the last bit of smoothness
WORK = 2_000_000_000  # multiply-adds of the images' forward passes: of a large network fewer images are taken


def receptive_fields(subject: Subject, samples: Sequence[SampleImage]) -> tuple[ReceptiveField, ...]:
    """The fields of up to 4 stages, the effective ones over up to 8 of the sample images, one by one.

    Empty in a network without maps.
    """
    stages = stages_of(subject.graph, most=MOST_STAGES)
    count = max(1, min(IMAGES, WORK // max(1, subject.graph.macs)))
    images = samples[:1] if count == 1 else evenly_spread(samples, count)
    if not stages or not images:
        return ()
    fields = effective_receptive_field(
        subject.graph,
        stages,
        images=subject.inputs([image.index for image in images]),
        module=subject.module,
        draws=-(-DRAWS // len(images)),
        progress=lambda *_: beat(),
    )
    return tuple(_kept(field, len(images)) for field in fields)


def _kept(field: EffectiveField, images: int) -> ReceptiveField:
    stage = field.stage
    box = None
    if stage.spans is not None:
        (top, bottom), (left, right) = stage.spans
        box = (top, left, bottom - top + 1, right - left + 1)
    gradient = torch.tensor(field.energy, dtype=torch.float64).sqrt()
    largest = float(gradient.max())
    drawn = made_smaller(gradient[None] / (largest or 1.0), LARGEST_PHOTOGRAPH)
    return ReceptiveField(
        node=stage.name,
        image=(len(field.energy), len(field.energy[0])),
        size=stage.sizes,
        box=box,
        effective=on_scale(drawn, 0.0, 1.0),
        larger_sides=field.sides_95,
        smaller_sides=field.sides_68,
        images=images,
    )
