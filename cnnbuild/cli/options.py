"""The flags that several verbs share, each defined once so that it means the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DatasetOption = Annotated[
    str | None,
    typer.Option(
        "--dataset", "-d", help="Data set: digits, mnist, cifar10, …", metavar="NAME", show_default=False
    ),
]
DataRootOption = Annotated[
    Path | None,
    typer.Option(
        "--data-root",
        help="Folder of the data sets (otherwise $CNNBUILD_DATA, otherwise the user's cache).",
        metavar="DIR",
        show_default=False,
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        "-s",
        help="Change one value: name=value. May be repeated.",
        metavar="K=V",
        show_default=False,
    ),
]
OutputOption = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        help="Write to a file instead of the terminal.",
        metavar="FILE",
        show_default=False,
    ),
]
TrustOption = Annotated[
    bool,
    typer.Option("--trust", help="Load the Python files that a study asks for; read them first."),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print results only.")]


def parse_settings(assignments: list[str] | None) -> dict[str, object]:
    """`--set width=32` as {"width": 32}; values are read as YAML.

    Raises:
        UsageError: an assignment has no name or no '='.
        DocumentError: a value is not YAML.
    """
    from cnnbuild.errors import UsageError
    from cnnbuild.lang.reader import parse_yaml
    from cnnbuild.lang.source import to_plain

    settings: dict[str, object] = {}
    for assignment in assignments or ():
        name, equals, text = assignment.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--set takes name=value, not '{assignment}'")
        settings[name.strip()] = to_plain(parse_yaml(text, f"--set {assignment}")) if text.strip() else None
    return settings


def keep_files_of_runs(path: Path) -> None:
    """Do nothing if a file may be written: unless it is what a run keeps itself.

    Raises:
        UsageError: the file belongs to the run of its folder.
    """
    from cnnbuild.errors import UsageError

    target = path.resolve()
    name = target.name
    kept = {"run.json", "weights.pt", "record.json", "analyses.json"}
    if not (name in kept or name.startswith("checkpoint.pt")):
        return
    if (target.parent / "run.json").exists():
        raise UsageError(f"{path} belongs to the run in {path.parent}; name another file")


def print_or_write(text: str, output: Path | None) -> None:
    """Print a result, or write it to the file of `-o`.

    Raises:
        UsageError: the file cannot be written, or belongs to a run.
    """
    from cnnbuild.errors import UsageError

    if output is None:
        typer.echo(text)
        return
    keep_files_of_runs(output)
    try:
        output.write_bytes(f"{text}\n".encode())
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}") from None
    typer.echo(f"written to {output}", err=True)
