"""`cnnbuild diff`: what differs between two networks, node by node."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Literal

import typer

from cnnbuild.cli.options import DataRootOption, DatasetOption, SetOption, parse_settings
from cnnbuild.cli.target import ClassesOption, InputOption, PluginOption, contract_required, graph_asked
from cnnbuild.cli.terminal import Colour, colours_wanted, echo_warnings, text_width

COLOURS: dict[str, Colour] = {"+": "green", "-": "red", "~": "yellow"}
CONTINUED = " " * 6  # at least so far are the further lines of a node indented

FirstSetOption = Annotated[
    list[str] | None,
    typer.Option("--set-a", help="Like --set, for the first alone.", metavar="K=V", show_default=False),
]
SecondSetOption = Annotated[
    list[str] | None,
    typer.Option("--set-b", help="Like --set, for the second alone.", metavar="K=V", show_default=False),
]


def diff(
    a: Annotated[
        str, typer.Argument(help="Architecture file, with @variant for a variant.", metavar="A[@VARIANT]")
    ],
    b: Annotated[str, typer.Argument(help="What it is compared with.", metavar="B[@VARIANT]")],
    dataset: DatasetOption = None,
    input_: InputOption = None,
    classes: ClassesOption = None,
    set_: SetOption = None,
    set_a: FirstSetOption = None,
    set_b: SecondSetOption = None,
    format_: Annotated[
        Literal["table", "json", "markdown"], typer.Option("--format", "-f", help="What to print.")
    ] = "table",
    data_root: DataRootOption = None,
    plugin: PluginOption = None,
) -> None:
    """Show what differs between two networks: nodes added, removed and changed, and the totals.

    Both are built for the same images. Exit code 0 says that they are equal, 1 that they differ.

    Example: cnnbuild diff resnet.yaml@resnet18 resnet.yaml@resnet34 --input 3x224x224 --classes 1000
    """
    from cnnbuild.graph.views.difference import compare
    from cnnbuild.graph.views.difference_text import difference_markdown, difference_table, difference_to_dict
    from cnnbuild.layers.plugins import registry_with

    contract = contract_required(dataset, data_root, input_, classes)
    registry = registry_with(plugin or ())
    graphs, titles = [], []
    for reference, own in ((a, set_a), (b, set_b)):
        overrides = parse_settings([*(set_ or ()), *(own or ())])
        graphs.append(graph_asked(reference, contract, overrides, registry))
        titles.append(" ".join([reference, *(own or ())]))
    echo_warnings(*graphs)
    found, names = compare(graphs[0], graphs[1]), (titles[0], titles[1])
    if format_ == "json":
        typer.echo(json.dumps(difference_to_dict(found, titles=names), indent=2))
    elif format_ == "markdown":
        typer.echo(difference_markdown(found, titles=names))
    else:
        typer.echo(_painted(difference_table(found, titles=names, width=text_width())))
    if not found.is_equal:
        raise typer.Exit(1)


def _painted(table: str) -> str:
    """The table, on a terminal with each node in the colour of its mark, the lines that go on included."""
    if not colours_wanted(sys.stdout):
        return table
    lines: list[str] = []
    colour: Colour | None = None
    for line in table.split("\n"):
        if not line.startswith(CONTINUED):
            colour = COLOURS.get(line[:1]) if line[1:2] == " " else None
        lines.append(typer.style(line, fg=colour) if colour and line else line)
    return "\n".join(lines)
