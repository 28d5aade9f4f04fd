"""From the folder of a study of layers to the evidence of it that the repository keeps."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from cnnbuild.report.figures.svg import figures_kept
from cnnbuild.report.layer_figures import response_figures
from cnnbuild.studies.layer_comparison.record import LayerResults, PairRecord
from cnnbuild.studies.layer_comparison.results import csv_row, read_layer_results
from tests.documentation.experiments import figures
from tests.documentation.experiments.figures import DrawnFigure
from tests.documentation.experiments.kept import (
    RESULTS,
    STUDY,
    Experiment,
    Facts,
    FigureWords,
    Ran,
    write_rows,
    write_yaml,
)

CURVES = {"value": "f(x)", "slope": "f'(x)"}
READING = "The custom layer (thin, blue) over its standard counterpart (thick, orange), x from -4 to 4."


def keep(source: Path, folder: Path, experiment: Experiment) -> None:
    """Keep what a study of layers left in its folder in a folder of the repository.

    Raises:
        ValueError: a figure is missing.
        DataError: the folder holds no results.
    """
    results = read_layer_results(source)
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        csv_row(record) | {"gradients": _gradients(record), "description": record.description}
        for record in results.pairs
    ]
    write_rows(folder / RESULTS, rows[0], rows)
    write_yaml(folder / STUDY, facts_of(results).model_dump(mode="json"))
    figures.write(folder, figures.chosen(_drawn(results), experiment.figures))


def facts_of(results: LayerResults) -> Facts:
    """What was compared, on what and when."""
    ran = results.conditions
    ended = datetime.fromisoformat(ran.started) + timedelta(seconds=ran.seconds)
    variant = f"@{results.variant}" if results.variant else ""
    return Facts(
        study=results.study,
        kind="layers",
        question=results.question,
        command=f"cnnbuild run studies/{Path(results.file).name}{variant}",
        variant=results.variant,
        baseline="",
        equivalence_points=0,
        architectures=(),
        settings=(),
        seeds=tuple(sorted({seed for record in results.pairs for seed in record.seeds})),
        runs=len(results.pairs),
        matched=(),
        data=(),
        trained=(),
        ran=Ran(
            started=ran.started,
            ended=ended.isoformat(timespec="seconds"),
            seconds_in_runs=round(ran.seconds, 1),
            device=ran.device,
            hardware=ran.hardware,
            threads=str(ran.threads),
            at_once=1,
            versions=ran.versions,
            revision="",
        ),
    )


def _gradients(record: PairRecord) -> str:
    """Whether the gradients of the custom layer are those of finite differences, and if not, of what."""
    checks = record.custom.gradient_checks if record.custom is not None else ()
    broken = [check.of for check in checks if not check.holds]
    return f"all but that of {' and '.join(broken)}" if broken else "all"


def _drawn(results: LayerResults) -> dict[str, DrawnFigure]:
    """The curves of the pairs that have some, as `value-clamped` and `slope-clamped`."""
    found: dict[str, DrawnFigure] = {}
    for index, record in enumerate(results.pairs):
        with figures_kept() as files:
            response_figures(index, record)
        for part, label in CURVES.items():
            if file := files.get(f"{part}{index}"):
                words = FigureWords(title=f"{label} of {record.name}", reading=READING, shows="")
                found[f"{part}-{record.name}"] = DrawnFigure(file.svg, words)
    return found
