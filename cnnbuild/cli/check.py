"""`cnnbuild check`: are these files right, and do they keep what they promise?"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cnnbuild.cli.options import DataRootOption, DatasetOption, TrustOption
from cnnbuild.cli.target import ClassesOption, InputOption, PluginOption, contract_asked
from cnnbuild.cli.terminal import counted, echo_faults
from cnnbuild.texts import escaped

if TYPE_CHECKING:
    from cnnbuild.cli.checking import FileReport
    from cnnbuild.errors import Problem

SCHEMA_VERSION = 1


def check(
    files: Annotated[
        list[str],
        typer.Argument(
            help="Architectures, studies, libraries of blocks; folders, and patterns such as '**/*.yaml'.",
            metavar="FILE...",
        ),
    ],
    dataset: DatasetOption = None,
    input_: InputOption = None,
    classes: ClassesOption = None,
    data_root: DataRootOption = None,
    plugin: PluginOption = None,
    trust: TrustOption = False,
    format_: Annotated[
        Literal["text", "json"],
        typer.Option("--format", "-f", help="What to print: for people, or for editors and CI."),
    ] = "text",
    names: Annotated[
        bool,
        typer.Option("--names", help="Warn of weights whose keys change when a layer is inserted."),
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="A warning makes the exit code 1.")] = False,
) -> None:
    """Check files: their form, every variant's shapes, and what they promise under `expect:`.

    An architecture is checked for the images that it names under `expect:`, or for those that you name here;
    a study with all its runs, those of its variants included. Exit code 2 says that a file is faulty, 1 that
    an expectation does not hold (or, with --strict, that there is a warning).
    """
    from cnnbuild.cli.checking import Case, FileReport, check_file
    from cnnbuild.cli.yaml_files import yaml_files
    from cnnbuild.layers.plugins import registry_with

    contract = contract_asked(dataset, data_root, input_, classes)
    case = Case(registry_with(plugin or ()), contract, data_root, names, tuple(plugin or ()), trust)
    chosen = yaml_files(files)
    reports: list[FileReport] = []
    missing = (FileReport(Path(argument), "unknown", fault=fault) for argument, fault in chosen.missing)
    for report in chain((check_file(file, case) for file in chosen.files), missing):
        reports.append(report)
        if format_ == "text":
            _print_report(reports[-1])
    code = max((report.exit_code(strict=strict) for report in reports), default=0)
    if format_ == "json":
        typer.echo(json.dumps(_document(reports, chosen.foreign, code), indent=2, ensure_ascii=False))
    elif len(reports) + len(chosen.foreign) > 1:
        typer.echo(_total(reports, chosen.foreign))
    if code:
        raise typer.Exit(code)


def _print_report(report: FileReport) -> None:
    """The problems to standard error, what the file is to standard output."""
    for problem in (*report.problems, *report.unmet):
        echo_faults(f"{problem}\n")
    if report.fault:
        echo_faults(f"error: {escaped(report.fault)}\n")
    if report.summary:
        typer.echo(f"{escaped(str(report.file))}: {report.summary}")


def _total(reports: Sequence[FileReport], foreign: Sequence[Path]) -> str:
    """One line about all files, such as `12 files: 10 fine, 1 with 3 errors, 1 with 2 warnings`."""
    faulty = [report for report in reports if report.errors]
    warned = [report for report in reports if report.warnings and not report.errors]
    parts = [f"{len(reports) - len(faulty) - len(warned)} fine"]
    if faulty:
        parts.append(f"{len(faulty)} with {counted(sum(r.errors for r in faulty), 'error')}")
    if warned:
        parts.append(f"{len(warned)} with {counted(sum(r.warnings for r in warned), 'warning')}")
    if foreign:
        parts.append(f"{counted(len(foreign), 'YAML file')} of other programs passed over")
    return f"{counted(len(reports), 'file')}: {', '.join(parts)}"


def _document(reports: Iterable[FileReport], foreign: Iterable[Path], code: int) -> dict[str, object]:
    """All reports as one JSON document; lines and columns count from 1, `end_column` is the one after."""
    reports = list(reports)
    return {
        "schema": SCHEMA_VERSION,
        "exit_code": code,
        "errors": sum(report.errors for report in reports),
        "warnings": sum(report.warnings for report in reports),
        "passed_over": [str(path) for path in foreign],
        "files": [_file(report) for report in reports],
    }


def _file(report: FileReport) -> dict[str, object]:
    problems = [_problem(problem) for problem in (*report.problems, *report.unmet)]
    if report.fault:
        problems.append(
            {
                "file": str(report.file),
                "line": None,
                "column": None,
                "end_column": None,
                "severity": "error",
                "message": report.fault,
                "help": "",
                "context": [],
            }
        )
    return {
        "file": str(report.file),
        "kind": report.kind,
        "summary": report.summary,
        "problems": problems,
    }


def _problem(problem: Problem) -> dict[str, object]:
    place = problem.place
    return {
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "end_column": place.column + place.length,
        "severity": problem.severity,
        "message": problem.message,
        "help": problem.help,
        "context": list(problem.context),
    }
