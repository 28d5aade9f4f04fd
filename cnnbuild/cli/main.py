"""The command `cnnbuild`: its verbs, and what its exit codes mean.

0    fine
1    the answer is no: a failed run, an `expect` that does not hold
2    a faulty file or argument
130  interrupted, 143 by SIGTERM
"""

from __future__ import annotations

import errno
import gc
import os
import sys
from collections.abc import Iterable
from importlib import import_module
from keyword import iskeyword
from typing import Annotated, NoReturn

import typer

from cnnbuild.cli.terminal import echo_faults
from cnnbuild.cli.wording import Verbs
from cnnbuild.errors import CnnbuildError, RunError, error_text
from cnnbuild.version import __version__

EPILOG = (
    "Exit codes: 0 fine, 1 the answer is no (a failed run, an expectation that does not hold), "
    "2 a faulty file or argument, 130 interrupted (143 by SIGTERM)."
)

VERBS = (
    "run",
    "runs",
    "resume",
    "report",
    "compare",
    "plot",
    "inspect",
    "check",
    "expand",
    "diff",
    "train",
    "predict",
    "evaluate",
    "weights",
    "import",
    "export",
    "data",
    "new",
    "layers",
    "schema",
)
"""In the order of the help; each is the function of its name in the module of its name."""

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
OBJECTS_BETWEEN_COLLECTIONS = 100_000  # most commands are over before cycles matter


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"cnnbuild {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Declare convolutional networks in YAML and compare them honestly."""


def application(verbs: Iterable[str] = VERBS) -> typer.Typer:
    """The command line with some of its verbs; each takes time to be read, and only one is used."""
    app = typer.Typer(
        name="cnnbuild",
        cls=Verbs,
        help="Declare convolutional networks in YAML and compare them honestly.",
        epilog=EPILOG,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
    )
    for verb in verbs:
        word = f"{verb}_" if iskeyword(verb) else verb
        found = getattr(import_module(f"cnnbuild.cli.{word}"), word)
        app.add_typer(found) if isinstance(found, typer.Typer) else app.command(verb)(found)
    app.callback()(_root)
    return app


def main() -> None:
    """Run the command line and leave with its exit code."""
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for them reads every package
    try:
        application([word for word in sys.argv[1:2] if word in VERBS] or VERBS)()
    except CnnbuildError as error:
        echo_faults(error_text(error))
        _leave(1 if isinstance(error, RunError) else 2)
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        _leave(130)
    except OSError as error:
        if not _is_about_printing(error):
            raise
        _print_nowhere()
        echo_faults(f"error: standard output cannot be written: {error.strerror}")
        _leave(2)
    except SystemExit as end:
        _leave(end.code)


def _is_about_printing(error: OSError) -> bool:
    """Whether a fault is of standard output: those of files have names, or were told where they were met."""
    return error.filename is None and error.errno in NO_ROOM


def _print_nowhere() -> None:
    """Throw away what standard output did not take; Python would try once more at its end, and complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _leave(code: str | int | None) -> NoReturn:
    """End the process; a short command at once, for taking every object apart is a tenth of its time.

    Not where torch was loaded, which has things of its own to close, nor under a debugger or profiler.
    """
    if isinstance(code, str) or "torch" in sys.modules or sys.gettrace() or sys.getprofile():
        sys.exit(code)
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:  # as after `>&-`
                stream.flush()
    except (OSError, ValueError):  # nobody reads any more
        sys.exit(code)
    os._exit(code or 0)
