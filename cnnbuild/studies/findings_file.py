"""`findings.json` in the folder of a study: what is concluded from its records, as plain data. No torch."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cnnbuild.errors import DataError
from cnnbuild.studies.files import write_result
from cnnbuild.studies.findings import Finding
from cnnbuild.studies.findings.methods import methods_of
from cnnbuild.studies.observation import Observation
from cnnbuild.studies.results import StudyResults
from cnnbuild.studies.study_findings import StudyFindings, study_findings
from cnnbuild.training.record import record_from
from cnnbuild.version import __version__

if TYPE_CHECKING:
    from pydantic import TypeAdapter

NAME = "findings.json"
SCHEMA: Literal[1] = 1


@dataclass(frozen=True, slots=True)
class KeptFindings:
    """Comparisons, observations, and the methods in sentences; `unfinished` runs were not there yet."""

    study: str
    baseline: str
    equivalence_points: float
    unfinished: int
    comparisons: tuple[Finding, ...]
    observations: tuple[Observation, ...]
    methods: tuple[str, ...]
    cnnbuild_version: str
    schema: Literal[1] = SCHEMA

    def to_dict(self) -> dict[str, object]:
        """The same as JSON-safe data."""
        data: dict[str, object] = _adapter().dump_python(self, mode="json")
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> KeptFindings:
        """What `to_dict` wrote.

        Raises:
            DataError: the data has another schema, or is damaged.
        """
        return record_from(data, _adapter(), schemas=(SCHEMA,), what="the file of findings")


def keep_findings(results: StudyResults, findings: StudyFindings | None = None) -> KeptFindings:
    """What is kept of a study's findings; `findings` where they were worked out already."""
    found = study_findings(results) if findings is None else findings
    return KeptFindings(
        study=results.study.study,
        baseline=results.study.baseline,
        equivalence_points=results.study.equivalence_points,
        unfinished=len(results.missing),
        comparisons=found.comparisons,
        observations=tuple(_without_infinity(one) for one in found.observations),
        methods=methods_of(results, found.comparisons),
        cnnbuild_version=__version__,
    )


def _without_infinity(observation: Observation) -> Observation:
    """The same with None for figures that are no numbers: JSON has no other word for them."""
    figures = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in observation.figures.items()
    }
    return replace(observation, figures=figures)


def write_findings(results: StudyResults, findings: StudyFindings | None = None) -> Path:
    """Write them into the folder of the study, replaced as a whole; gives the file.

    Raises:
        RunError: it cannot be written.
    """
    path = results.folder / NAME
    text = json.dumps(keep_findings(results, findings).to_dict(), indent=1, allow_nan=False)
    write_result(path, text + "\n")
    return path


def read_findings(folder: Path) -> KeptFindings | None:
    """The findings in the folder of a study, None where none were written.

    Raises:
        DataError: the file is damaged, or of another version.
    """
    path = folder / NAME
    try:
        data: object = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}; cnnbuild report {folder} writes it anew") from None
    if not isinstance(data, dict):
        raise DataError(f"{path} holds no mapping; cnnbuild report {folder} writes it anew")
    return KeptFindings.from_dict(data)


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[KeptFindings]:
    from pydantic import TypeAdapter

    return TypeAdapter(KeptFindings)
