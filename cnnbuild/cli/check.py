"""`cnnbuild check`: are these files right, and do they keep what they promise?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cnnbuild.cli.options import DataRootOption, DatasetOption
from cnnbuild.cli.target import ClassesOption, InputOption, PluginOption, contract_asked
from cnnbuild.errors import CnnbuildError, error_text

if TYPE_CHECKING:
    from cnnbuild.graph.data_contract import DataContract
    from cnnbuild.layers.registry import Registry


def check(
    files: Annotated[list[Path], typer.Argument(help="Architecture and study files.", metavar="FILE...")],
    dataset: DatasetOption = None,
    input_: InputOption = None,
    classes: ClassesOption = None,
    data_root: DataRootOption = None,
    plugin: PluginOption = None,
) -> None:
    """Check files: their form, every variant's shapes, and what they promise under `expect:`.

    An architecture is checked for the images that it names under `expect:`, or for those that you name here.
    Exit code 2 says that a file is faulty, 1 that an expectation does not hold.
    """
    from cnnbuild.layers.plugins import registry_with

    contract = contract_asked(dataset, data_root, input_, classes)
    registry = registry_with(plugin or ())
    worst = 0
    for file in files:
        try:
            code, told = _check_file(file, contract, registry, data_root)
        except CnnbuildError as error:
            typer.echo(error_text(error), err=True)
            typer.echo("", err=True)
            worst = 2
            continue
        typer.echo(f"{file}: {told}")
        worst = max(worst, code) if worst != 2 else 2
    if worst:
        raise typer.Exit(worst)


def _check_file(
    file: Path, contract: DataContract | None, registry: Registry, data_root: Path | None
) -> tuple[int, str]:
    """The exit code of one sound file, and what to say of it.

    Raises:
        CnnbuildError: the file is faulty.
    """
    from cnnbuild.lang.files import read_yaml
    from cnnbuild.lang.source import YamlMap

    tree = read_yaml(file)
    if isinstance(tree, YamlMap) and tree.get("study") is not None:
        return _check_study(file, registry, data_root)
    return _check_architecture(file, contract, registry)


def _check_study(file: Path, registry: Registry, data_root: Path | None) -> tuple[int, str]:
    from cnnbuild.lang.study import read_study
    from cnnbuild.studies.plan import plan_study

    plan = plan_study(read_study(file), data_root=data_root, registry=registry)
    for warning in plan.warnings:
        typer.echo(f"{warning}\n", err=True)
    return 0, f"a study of {len(plan.cells)} runs; every network fits its data"


def _check_architecture(file: Path, contract: DataContract | None, registry: Registry) -> tuple[int, str]:
    from cnnbuild.graph.data_contract import DataContract
    from cnnbuild.graph.elaborate import elaborate
    from cnnbuild.graph.expectations import contract_expected, unmet_expectations
    from cnnbuild.lang.architecture import read_architecture

    document = read_architecture(file)
    asked = contract is not None
    promised = [(e.variant, contract_expected(e), e.vars) for e, _ in document.expectations]
    elsewhere = contract or (promised[0][1] if promised else DataContract("3x32x32", 3, 32, 32, 10))
    cases = [] if asked else promised
    covered = {variant for variant, _, overrides in cases if not overrides}
    cases += [(variant, elsewhere, {}) for variant in (None, *document.variants) if variant not in covered]
    warnings: dict[str, None] = {}
    for variant, each, overrides in cases:
        graph = elaborate(document, each, variant=variant, overrides=overrides, registry=registry)
        warnings.update(dict.fromkeys(str(warning) for warning in graph.warnings))
    for warning in warnings:
        typer.echo(f"{warning}\n", err=True)
    unmet = list(unmet_expectations(document, registry))
    for problem in unmet:
        typer.echo(f"{problem}\n", err=True)
    count = len(document.expectations)
    if unmet:
        return 1, f"not what it promises: {_counted(len(unmet), 'figure')} under `expect:`"
    sizes = " and ".join(dict.fromkeys(f"{each.name}, {each.classes} classes" for _, each, _ in cases))
    kept = f"; {_counted(count, 'expectation')} {'hold' if count > 1 else 'holds'}" if count else ""
    variety = f" in {_counted(len(document.variants), 'variant')}" if document.variants else ""
    return 0, f"an architecture{variety}, fine for {sizes}{kept}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count != 1 else ''}"
