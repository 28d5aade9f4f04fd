"""All analyses of one trained network. What fails is a warning: training is not lost for a picture's sake."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TypeVar

from cnnbuild.analyses.feature_maps import feature_maps
from cnnbuild.analyses.first_filters import first_filters
from cnnbuild.analyses.kept import Analyses
from cnnbuild.analyses.receptive_fields import receptive_fields
from cnnbuild.analyses.shown_images import confident_mistakes, predictions_of, sample_images
from cnnbuild.analyses.subject import Subject
from cnnbuild.lang.analyses import ON_REQUEST
from cnnbuild.training.devices import chosen

Found = TypeVar("Found")


def work_out(subject: Subject, names: Collection[str]) -> Analyses:
    """Predictions, samples, mistakes and filters, and of the analyses on request those among `names`.

    Nothing is drawn from torch's global random generators. The module keeps its mode, and gets no gradients.
    """
    told = _Warnings()
    with chosen(subject.device, "fp32"):
        samples = told.of("the sample images", lambda: sample_images(subject)) or ()
        maps = fields = None
        if "feature_maps" in names:
            maps = told.of("feature maps", lambda: feature_maps(subject, samples))
        if "receptive_field" in names:
            fields = told.of("receptive fields", lambda: receptive_fields(subject, samples))
        return Analyses(
            class_names=subject.class_names,
            predictions=told.of("the predictions", lambda: predictions_of(subject)),
            samples=samples,
            mistakes=told.of("the mistakes", lambda: confident_mistakes(subject)) or (),
            filters=told.of("the filters", lambda: first_filters(subject)),
            feature_maps=maps or (),
            receptive_fields=fields or (),
            worked_out=tuple(name for name in ON_REQUEST if name in names),
            warnings=tuple(told.sentences),
        )


@dataclass(slots=True)
class _Warnings:
    """What could not be worked out, and why."""

    sentences: list[str] = field(default_factory=list)

    def of(self, what: str, work: Callable[[], Found]) -> Found | None:
        """What the work gives, None after it failed."""
        try:
            return work()
        except Exception as error:  # noqa: BLE001 - a plugin's layer may raise anything
            reason = (str(error).strip().splitlines() or ["no message"])[0]
            self.sentences.append(f"{what} could not be worked out: {type(error).__name__}: {reason}")
            return None
