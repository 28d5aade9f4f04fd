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
import shlex
import sys
import traceback
from collections.abc import Iterable
from importlib import import_module
from keyword import iskeyword
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from cnnbuild.cli.encoding import print_anywhere
from cnnbuild.cli.terminal import echo_faults
from cnnbuild.cli.wording import Verbs
from cnnbuild.errors import CnnbuildError, RunError, error_text
from cnnbuild.texts import escaped
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

DEBUG = "--debug"
"""May stand anywhere on the command line: whoever adds it has typed the rest before."""

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
    debug: Annotated[
        bool, typer.Option(DEBUG, help="With any command: show where in the code an error arose.")
    ] = False,
) -> None:
    """Declare convolutional networks in YAML and compare them honestly."""
    del version, debug  # the one has a callback, and `main` has taken the other


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
    print_anywhere()
    words = [word for word in sys.argv[1:] if word != DEBUG]
    debug = len(words) < len(sys.argv) - 1
    try:
        application([word for word in words[:1] if word in VERBS] or VERBS)(args=words)
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        _leave(130)
    except SystemExit as end:
        _leave(end.code)
    except Exception as error:  # noqa: BLE001 - no fault shows a traceback to who did not ask for it
        if debug:
            traceback.print_exception(error)
        _leave(_told(error))


def _told(error: Exception) -> int:
    """The exit code of a command that an error has ended, which is told."""
    if isinstance(error, CnnbuildError):
        echo_faults(error_text(error))
        return 1 if isinstance(error, RunError) else 2
    if isinstance(error, OSError) and _is_about_printing(error):
        _print_nowhere()
        echo_faults(f"error: standard output cannot be written: {error.strerror}")
        return 2
    frame = traceback.extract_tb(error.__traceback__)[-1]
    said = str(error).strip().splitlines()
    what = f"{type(error).__name__}: {escaped(said[0])}" if said else type(error).__name__
    place = f"{'/'.join(Path(frame.filename).parts[-3:])}, line {frame.lineno}"
    echo_faults(
        f"error: cnnbuild did not expect this: {what} ({place})\n"
        "  = help: it is probably a fault of cnnbuild: please report it, with what this shows: "
        f"cnnbuild {shlex.join([DEBUG, *(word for word in sys.argv[1:] if word != DEBUG)])}"
    )
    return 1


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
