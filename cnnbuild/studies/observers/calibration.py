"""Whether networks are as sure as they are right."""

from __future__ import annotations

from cnnbuild.studies.observation import Figure, Observation
from cnnbuild.studies.observers.observed_runs import ObservedRuns, mean, mean_of, observed_runs
from cnnbuild.studies.results import StudyResults
from cnnbuild.training.observations import Calibration

NOTABLE_ERROR = (
    0.05  # 5 points between what a network says and how often it is right; 360 images give 2 by chance
)


def observe_calibration(results: StudyResults) -> tuple[Observation, ...]:
    """A sentence for each architecture that is surer, or less sure, than it is right."""
    found = (_observe(group) for group in observed_runs(results))
    return tuple(one for one in found if one is not None)


def _observe(group: ObservedRuns) -> Observation | None:
    measured = [
        (run.test.calibration, run.test.accuracy)
        for run in group.trained
        if run.test is not None and run.test.calibration is not None
    ]
    if not measured:
        return None
    error = mean([calibration.error for calibration, _ in measured])
    if error < NOTABLE_ERROR:
        return None
    sure = mean([_confidence(calibration) for calibration, _ in measured])
    right = mean([accuracy for _, accuracy in measured])
    word, advice = (
        ("overconfident", "label_smoothing, or fewer epochs, makes it less sure")
        if sure > right
        else ("underconfident", "it would learn more with more epochs, or less label_smoothing or mixup")
    )
    sentence = (
        f"{group.name} is {word}: on average it is {100 * sure:.1f} % sure and {100 * right:.1f} % right "
        f"(expected calibration error {100 * error:.1f} points{mean_of(measured)}); {advice}."
    )
    figures: dict[str, Figure] = {"calibration_error": error, "confidence": sure, "accuracy": right}
    return group.observation("calibration", sentence, figures=figures)


def _confidence(calibration: Calibration) -> float:
    """The mean confidence over all images."""
    known = [(one.images, one.confidence) for one in calibration.bins if one.confidence is not None]
    images = sum(count for count, _ in known)
    return sum(count * confidence for count, confidence in known) / images if images else 0.0
