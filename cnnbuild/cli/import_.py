"""`cnnbuild import`: an `nn.Module` as an architecture file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cnnbuild.cli.options import DataRootOption, DatasetOption, OutputOption, QuietOption
from cnnbuild.cli.target import ClassesOption, InputOption, contract_asked
from cnnbuild.errors import UsageError

if TYPE_CHECKING:
    from cnnbuild.modules.importing.imported import Imported

TRUST = "Run the Python code that makes the module; read it first. torchvision's needs no trust."
PHOTOGRAPHS = {"inception_v3": (3, 299, 299)}


def import_(
    source: Annotated[
        str,
        typer.Argument(
            help="torchvision:resnet18, my_file.py:make_model or package.module:make_model.",
            metavar="SOURCE",
            show_default=False,
        ),
    ],
    dataset: DatasetOption = None,
    data_root: DataRootOption = None,
    input_: InputOption = None,
    classes: ClassesOption = None,
    trust: Annotated[bool, typer.Option("--trust", help=TRUST)] = False,
    output: OutputOption = None,
    quiet: QuietOption = False,
) -> None:
    """Write an architecture file that builds the same network as an `nn.Module`.

    torch.fx follows the module in evaluation mode. The file is checked before it is written: with the
    module's weights it has the module's parameters and gives its outputs. A network of torchvision is
    followed on the images it was made for, and made with as many classes as --classes says.

    Examples: cnnbuild import torchvision:resnet18 -o resnet18.yaml

    cnnbuild import torchvision.models:squeezenet1_1 --input 3x64x64 --trust -o squeezenet.yaml
    """
    from cnnbuild.graph.data_contract import parse_input
    from cnnbuild.modules.importing.source import runs_code, split_source

    place, name = split_source(source)
    if runs_code(source) and not trust:
        raise UsageError(
            f"importing {source} runs the code of {place}; read it, and if you trust it, add --trust"
        )
    if output is not None and output.exists():
        raise UsageError(f"{output} exists already, and is left as it is; choose another name")
    if dataset is not None:
        contract = contract_asked(dataset, data_root, input_, classes)
        shape = contract.shape if contract else (3, 224, 224)
        classes = contract.classes if contract else None
    elif input_ is not None:
        shape = parse_input(input_)
    elif runs_code(source):
        raise UsageError("say what the images are: --input 3x32x32, or --dataset cifar10")
    else:
        shape = PHOTOGRAPHS.get(name, (3, 224, 224))
    from cnnbuild.modules.importing.imported import Origin, import_module_of
    from cnnbuild.modules.importing.source import named_module

    named = named_module(source, classes=classes)
    imported = import_module_of(named.module, shape, Origin(named.name, named.source, named.head_weight))
    if classes is not None and imported.graph.contract.classes != classes:
        raise UsageError(f"{source} gives {imported.graph.contract.classes} classes, not {classes}")
    if output is None:
        typer.echo(imported.text, nl=False)
    else:
        from cnnbuild.files import write_asked_file

        write_asked_file(output, imported.text.encode())
    if not quiet:
        for line in said(imported, source, output):
            typer.echo(line, err=True)


def said(imported: Imported, source: str, output: Path | None) -> list[str]:
    """What was made and how far it is the same."""
    equal = "equal to the bit" if imported.difference == 0 else f"equal but for {imported.difference:.1g}"
    where = "" if output is None else f"Written: {output}. "
    lines = [
        f"{where}{imported.graph.parameters:,} parameters; with the weights of {source}, outputs are {equal}"
    ]
    if imported.heads:
        lines.append(f"In training alone: {', '.join(imported.heads)}; the variant without_heads has none")
    if imported.unused:
        shown = ", ".join(imported.unused[:3]) + (", …" if len(imported.unused) > 3 else "")
        because = f"; in training it cannot be followed: {imported.reason}" if imported.reason else ""
        lines.append(f"Left out, as evaluation never reads it: {shown}{because}")
    return lines
