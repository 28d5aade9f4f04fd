"""The command `cnnbuild`: its verbs, and what its exit codes mean.

0    fine
1    the answer is no: a failed run, an `expect` that does not hold
2    a faulty file or argument
130  interrupted
"""

from __future__ import annotations

import gc
import os
import sys
from typing import Annotated

import typer

from cnnbuild.cli.check import check
from cnnbuild.cli.diff import diff
from cnnbuild.cli.expand import expand
from cnnbuild.cli.inspect import inspect
from cnnbuild.cli.layers import layers
from cnnbuild.cli.new import new
from cnnbuild.cli.run import run
from cnnbuild.cli.schema import schema
from cnnbuild.cli.terminal import echo_faults
from cnnbuild.cli.train import train
from cnnbuild.errors import CnnbuildError, RunError, error_text
from cnnbuild.version import __version__

EPILOG = (
    "Exit codes: 0 fine, 1 the answer is no (a failed run, an expectation that does not hold), "
    "2 a faulty file or argument, 130 interrupted."
)

app = typer.Typer(
    name="cnnbuild",
    help="Declare convolutional networks in YAML and compare them honestly.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for verb in (run, inspect, check, expand, diff, train, new, layers, schema):
    app.command()(verb)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"cnnbuild {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Declare convolutional networks in YAML and compare them honestly."""


OBJECTS_BETWEEN_COLLECTIONS = 100_000  # most commands are over before cycles matter


def main() -> None:
    """Run the command line and leave with its exit code."""
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for them reads every package
    try:
        app()
    except CnnbuildError as error:
        echo_faults(error_text(error))
        sys.exit(1 if isinstance(error, RunError) else 2)
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        sys.exit(130)
