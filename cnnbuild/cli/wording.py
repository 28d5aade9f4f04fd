"""The words of the command line: its help, and what is wrong with the value of a flag."""

from __future__ import annotations

import inspect

import typer
from typer.core import TyperCommand, TyperGroup


class Verbs(TyperGroup):
    """The verbs of the command line."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """The verbs in the order of the help, those with commands of their own among the others."""
        from cnnbuild.cli.main import VERBS

        return sorted(super().list_commands(ctx), key=VERBS.index)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> TyperCommand | TyperGroup | None:  # type: ignore[override]
        """The verb of a name, its help in lines as long as the terminal."""
        command = super().get_command(ctx, cmd_name)
        if isinstance(command, TyperCommand | TyperGroup):
            _unwrap(command)
        return command  # type: ignore[return-value]

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]
        """Run the verb that was asked for.

        Raises:
            typer.BadParameter: a value is not what its flag takes.
        """
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = _reworded(error)
            raise


def _unwrap(command: TyperCommand | TyperGroup) -> None:
    """Join the lines of each paragraph of the help, which are as long as those of the source."""
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    command.help = "\n\n".join(" ".join(paragraph.split("\n")) for paragraph in paragraphs)
    if isinstance(command, TyperGroup):
        for inner in command.commands.values():
            if isinstance(inner, TyperCommand | TyperGroup):
                _unwrap(inner)


def _reworded(error: typer.BadParameter) -> str:
    """The message; where pydantic looked at the value, that of `lang.validation`."""
    from pydantic import ValidationError

    from cnnbuild.lang.validation import rule_of

    cause = error.__cause__
    if not isinstance(cause, ValidationError):
        return str(error.message)
    detail = cause.errors(include_url=False)[0]
    rule = rule_of(detail)
    if detail["type"] == "value_error":
        return rule.rstrip(".")
    is_number = detail["type"].startswith(("greater", "less"))
    return f"{rule}, not {detail['input']}" if is_number else f"{rule}, not '{detail['input']}'"
