"""All that may be said of a study: its comparisons, and what was observed beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from cnnbuild.studies.efficiency import efficiency
from cnnbuild.studies.failure_rates import failure_rates
from cnnbuild.studies.fair_conditions import fair_conditions
from cnnbuild.studies.findings import Finding, findings_of
from cnnbuild.studies.observation import TOPICS, Observation, Topic
from cnnbuild.studies.observers.calibration import observe_calibration
from cnnbuild.studies.observers.gradients import observe_gradients
from cnnbuild.studies.observers.overfitting import observe_overfitting
from cnnbuild.studies.observers.stability import observe_stability
from cnnbuild.studies.observers.training_health import observe_health
from cnnbuild.studies.over_data_sets import over_data_sets
from cnnbuild.studies.results import StudyResults

Observer: TypeAlias = Callable[[StudyResults], tuple[Observation, ...]]

OBSERVERS: tuple[Observer, ...] = (
    failure_rates,
    over_data_sets,
    efficiency,
    fair_conditions,
    observe_health,
    observe_overfitting,
    observe_gradients,
    observe_stability,
    observe_calibration,
)
"""What looks at a study's results; each says nothing where there is nothing to say."""


@dataclass(frozen=True, slots=True)
class StudyFindings:
    """Comparisons in the order of the study's rows, observations in the order of `TOPICS`."""

    comparisons: tuple[Finding, ...]
    observations: tuple[Observation, ...]

    def about(self, topic: Topic) -> tuple[Observation, ...]:
        """The observations on one topic."""
        return tuple(one for one in self.observations if one.topic == topic)


def study_findings(results: StudyResults) -> StudyFindings:
    """Everything that follows from the records of a study."""
    found = [one for observe in OBSERVERS for one in observe(results)]
    found.sort(key=lambda one: TOPICS.index(one.topic))
    return StudyFindings(findings_of(results), tuple(found))
