"""The pages that the browser is shown: studies whose records are known, written as files."""

import math
import random
from dataclasses import replace
from pathlib import Path

from cnnbuild.report.page import render_page
from cnnbuild.studies.results import StudyResults
from tests.studies.synthetic import cell_record, run_record, study_results

EVIL = "<script>alert(1)</script>"
LONG = "a_network_whose_name_has_no_end_and_no_place_to_break_it_anywhere_at_all"


def curves(run, epochs: int, noise: random.Random):
    """The run with so many epochs of falling loss."""
    return tuple(
        replace(
            run.epochs[0],
            epoch=n,
            train_loss=2 * math.exp(-n / 15) + 0.1,
            validation_loss=2 * math.exp(-n / 12) + 0.2 + 0.05 * noise.random(),
            train_accuracy=run.test.accuracy * (1 - math.exp(-n / 8)),
            validation_accuracy=run.test.accuracy * (1 - math.exp(-n / 9)) * (1 - 0.02 * noise.random()),
        )
        for n in range(1, epochs + 1)
    )


def twelve_runs(*names: str, epochs: int = 50, **changes: object) -> StudyResults:
    """Four architectures with three seeds each; the last of all diverged after seven epochs."""
    noise = random.Random(1)
    records = []
    for number, name in enumerate(names or ("basic", "bottleneck", "wide residual network", "tiny")):
        for seed in range(3):
            correct = 880 + 20 * number + noise.randint(-8, 8)
            run = run_record(correct, seed=seed)
            size = {"parameters": 13 * 10 ** (number + 3), "macs": 7 * 10 ** (number + 4)}
            run = replace(run, epochs=curves(run, epochs, noise), selected_epoch=epochs)
            record = cell_record(name, seed, correct, run=run, cell_id=f"run{number}-{seed}", **size)
            records.append(record)
    lost = replace(
        run, status="diverged", test=None, selected_epoch=None, epochs=run.epochs[:7], largest_loss=5e6
    )
    records[-1] = replace(records[-1], state="diverged", reason="the loss became nan", run=lost)
    fields = {
        "title": "Which block?",
        "question": "Which residual block buys the most accuracy per parameter?",
        "baseline": records[0].architecture,
    }
    return study_results(*records, **{**fields, **changes})


def hostile() -> StudyResults:
    """A study in which everything that a user writes is an attack or far too long."""
    words = dict.fromkeys(("study", "title", "question", "description", "file"), EVIL)
    return twelve_runs(EVIL, LONG, "$x_1$ & \"b'", "</style></script>", warnings=(EVIL, LONG), **words)


def on_a_grid(points: int) -> StudyResults:
    """Two architectures at so many points of a grid."""
    return study_results(
        *(
            cell_record(name, seed, correct + n + seed, grid={"lr": n}, cell_id=f"{name}{n}-{seed}")
            for n in range(points)
            for name, correct in (("a", 800), ("b", 890))
            for seed in range(3)
        )
    )


def unfinished(folder: Path) -> StudyResults:
    """The twelve runs, of which five have ended."""
    whole = twelve_runs()
    return StudyResults(folder, whole.study, dict(list(whole.records.items())[:5]))


def nothing_yet(folder: Path) -> StudyResults:
    """The twelve runs, of which none has ended."""
    return StudyResults(folder, twelve_runs().study, {})


def written(folder: Path, results: StudyResults, *, reload_seconds: int | None = None) -> str:
    """The address of the page of these results."""
    file = folder / "report.html"
    file.write_text(render_page(results, reload_seconds=reload_seconds), encoding="utf-8")
    return file.as_uri()
