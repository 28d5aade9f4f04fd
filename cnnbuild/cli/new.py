"""`cnnbuild new`: a small file that works, to begin with."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cnnbuild.cli.target import PluginOption
from cnnbuild.errors import UsageError

if TYPE_CHECKING:
    from cnnbuild.layers.registry import Registry

DEFAULTS = {"architecture": "my_net.yaml", "study": "my_study.yaml", "library": "my_blocks.yaml"}


def new(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="The file to begin (otherwise my_net.yaml, my_study.yaml or my_blocks.yaml).",
            metavar="[FILE]",
            show_default=False,
        ),
    ] = None,
    more: Annotated[
        list[str] | None,
        typer.Argument(help="Further architectures of a study.", metavar="[ARCH...]", show_default=False),
    ] = None,
    study: Annotated[bool, typer.Option("--study", help="A study that compares architectures.")] = False,
    blocks: Annotated[bool, typer.Option("--blocks", help="A library of blocks.")] = False,
    architectures: Annotated[
        list[str] | None,
        typer.Option(
            "--architectures",
            "-a",
            help="What a study compares: architecture files, each with @variant for a variant of it.",
            metavar="ARCH...",
            show_default=False,
        ),
    ] = None,
    dataset: Annotated[
        str, typer.Option("--dataset", "-d", help="Data set of a study.", metavar="NAME")
    ] = "digits",
    plugin: PluginOption = None,
) -> None:
    """Begin a file: a small network that works, a study of some networks, or a library of blocks.

    Beside it, in .cnnbuild/, goes the schema by which editors complete and check what is written.
    No file is ever overwritten.

    Examples: cnnbuild new my_net.yaml

    cnnbuild new --study my_study.yaml --architectures my_net.yaml other.yaml
    """
    from cnnbuild.cli import scaffolds
    from cnnbuild.layers.plugins import registry_with

    kind = _kind(study=study, blocks=blocks)
    chosen = [*(architectures or ()), *(more or ())]
    if chosen and kind != "study":
        raise UsageError(f"only a study names architectures, and here is {chosen[0]}: add --study")
    path = file or Path(DEFAULTS[kind])
    _require_room(path)
    registry = registry_with(plugin or ())
    if kind == "study":
        text = scaffolds.study_text(path.stem, _entries(chosen, path, dataset, registry), dataset)
    else:
        make = scaffolds.architecture_text if kind == "architecture" else scaffolds.blocks_text
        text = make(path.stem)
    schema = path.parent / scaffolds.SCHEMA_FOLDER / scaffolds.SCHEMAS[kind]
    files = {path: text} if schema.exists() else {path: text, schema: _schema(kind, registry)}
    for each, content in files.items():
        _write(each, content)
    typer.echo("\n".join([f"Written: {', '.join(map(str, files))}", *_next_steps(kind, path)]))


def _kind(*, study: bool, blocks: bool) -> str:
    if study and blocks:
        raise UsageError("a file is a study or a library of blocks; give --study or --blocks")
    return "study" if study else "library" if blocks else "architecture"


def _require_room(path: Path) -> None:
    """Do nothing if the file can be begun.

    Raises:
        UsageError: it exists, its folder does not, or it is not called like a YAML file.
    """
    if path.suffix not in {".yaml", ".yml"}:
        raise UsageError(f"{path}: the file must end with .yaml")
    if path.exists():
        raise UsageError(f"{path} exists already, and is left as it is; choose another name")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}; make it first")


def _entries(
    references: Sequence[str], study: Path, dataset: str, registry: Registry
) -> list[tuple[str, str]]:
    """The names and references of a study's architectures, as they are written into a file at `study`.

    Raises:
        UsageError: there are none, or one is not there.
        DocumentError: one is faulty, or does not fit the data set.
    """
    from cnnbuild.cli.target import contract_asked
    from cnnbuild.graph.elaborate import elaborate
    from cnnbuild.lang.architecture import read_architecture
    from cnnbuild.lang.reference import split_reference

    if not references:
        raise UsageError("say what the study compares: --architectures my_net.yaml other.yaml@small")
    contract = contract_asked(dataset, None, None, None)
    entries: dict[str, str] = {}
    for reference in references:
        path, variant = split_reference(reference)
        if contract is not None:
            elaborate(read_architecture(path), contract, variant=variant, registry=registry)
        stem = path.stem if variant is None else f"{path.stem}_{variant}"
        key = next(
            name for n in range(len(references) + 1) if (name := f"{stem}_{n}" if n else stem) not in entries
        )
        entries[key] = _relative(path, study.parent) + (f"@{variant}" if variant else "")
    return list(entries.items())


def _relative(path: Path, folder: Path) -> str:
    """A path as it is written in a file of a folder; absolute where they are on different drives."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:
        return path.resolve().as_posix()


def _schema(kind: str, registry: Registry) -> str:
    """The JSON Schema of a kind of file."""
    from cnnbuild.layers.schemas.architectures import architecture_schema, library_schema
    from cnnbuild.layers.schemas.studies import study_schema

    if kind == "study":
        made = study_schema()
    else:
        made = (architecture_schema if kind == "architecture" else library_schema)(registry)
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def _write(path: Path, text: str) -> None:
    from cnnbuild.files import replace_file

    try:
        replace_file(path, text.encode())
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None


def _next_steps(kind: str, path: Path) -> tuple[str, ...]:
    match kind:
        case "study":
            return (
                f"Look at the plan:  cnnbuild run {path} --dry-run",
                f"Run it:            cnnbuild run {path}",
            )
        case "library":
            return (
                f"Use it:    uses: [{path.name}] in an architecture, then - conv_stage: 32",
                f"Check it:  cnnbuild check {path}",
            )
        case _:
            return (
                f"Look at it:  cnnbuild inspect {path} --dataset digits",
                f"Train it:    cnnbuild train {path} --dataset digits --epochs 5",
            )
