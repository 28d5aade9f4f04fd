"""What `cnnbuild run` leaves on the screen at its end: results, findings, and the runs that have none."""

from __future__ import annotations

import shlex
import shutil
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cnnbuild.cli.study_tables import print_table, results_table
from cnnbuild.cli.terminal import counted
from cnnbuild.studies.soundness import soundness_of
from cnnbuild.studies.store import StudyFolder
from cnnbuild.studies.study_findings import study_findings
from cnnbuild.texts import escaped

if TYPE_CHECKING:
    from cnnbuild.studies.results import StudyResults
    from cnnbuild.studies.study_findings import StudyFindings

MOST_COMPARISONS = 24  # a study with a grid may have hundreds
MOST_LISTED = 20  # runs without a result that are named; results.csv has them all


def print_summary(results: StudyResults, *, left_by_fail_fast: int) -> None:
    """Print the results, what may be concluded, and what has no result and why.

    `left_by_fail_fast` is how many runs were not finished because another had no result.
    """
    print_table(results_table(results))
    _print_findings(study_findings(results), results)
    for line in without_result(results):
        typer.echo(line)
    if left_by_fail_fast:
        typer.echo(_stopped_at_first(left_by_fail_fast, results.folder))


def _print_findings(found: StudyFindings, results: StudyResults) -> None:
    """Print the sentences of the page: comparisons, soundness, warnings; notes stand on the page alone."""
    for finding in found.comparisons[:MOST_COMPARISONS]:
        _print_wrapped(finding.sentence, "- ")
        for beside in (finding.varied, *finding.confounders):
            if beside:
                _print_wrapped(beside, "    ")
    if (hidden := len(found.comparisons) - MOST_COMPARISONS) > 0:
        typer.echo(f"- {counted(hidden, 'more comparison')}, on the page")
    for one in soundness_of(results):
        _print_wrapped(str(one), "- ")
    for warning in (one for one in found.observations if one.level == "warning"):
        _print_wrapped(f"Warning: {warning.sentence}", "- ")
    if notes := sum(one.level == "note" for one in found.observations):
        typer.echo(f"- {counted(notes, 'note')} more, on the page")


def without_result(results: StudyResults) -> list[str]:
    """The runs that ended without a result, each with its cause and its log, under a heading."""
    folder = StudyFolder(results.folder)
    failed = [(name, record) for name, record in results.records.items() if record.state != "done"]
    if not failed:
        return []
    lines = [f"{counted(len(failed), 'run')} {'has' if len(failed) == 1 else 'have'} no result:"]
    for name, record in failed[:MOST_LISTED]:
        setting = _setting(record.grid)
        run = escaped(f"{record.architecture} on {record.dataset_label}{setting}, seed {record.seed}")
        cause = f"{record.state.replace('_', ' ')}: {escaped(record.reason)}"
        lines += [f"- {run}: {cause}", f"    log: {folder.cell(name) / 'log.txt'}"]
    if hidden := len(failed) - MOST_LISTED:
        lines += [f"- {hidden:,} more, in {results.folder / 'results.csv'}"] if hidden > 0 else []
    return lines


def _stopped_at_first(count: int, folder: Path) -> str:
    runs = "1 run is" if count == 1 else f"{count:,} runs are"
    again = f"Without it the same command, or {resume_command(folder)}, goes on."
    return f"--fail-fast: {runs} not finished. {again}"


def stopped(ended: int, total: int, folder: Path) -> str:
    """The sentences after Ctrl-C or SIGTERM; `total` is 0 where nothing had been planned yet."""
    if not total:
        return "Stopped before the first run. The same command begins anew."
    again = f"The same command, or {resume_command(folder)}, goes on."
    return f"Stopped. {ended:,} of {counted(total, 'run')} finished. {again}"


def resume_command(folder: Path) -> str:
    """The command that takes the study of a folder up again, as one may copy it into a shell."""
    return f"`cnnbuild resume {shlex.quote(str(folder))}`"


def _setting(grid: dict[str, object]) -> str:
    """A point of the grid in words, each value under the last step of its path."""
    values = [f"{path.rpartition('.')[2]}={value}" for path, value in grid.items()]
    return f" ({', '.join(values)})" if values else ""


def _print_wrapped(sentence: str, indent: str) -> None:
    """Print a sentence, broken between words at the width of the terminal."""
    width = shutil.get_terminal_size().columns
    text = escaped(sentence)  # names are a user's
    typer.echo(textwrap.fill(text, width, initial_indent=indent, subsequent_indent=" " * len(indent)))
