"""What is wrong with the value of a flag, in the words that faults in files have."""

from __future__ import annotations

import typer
from typer.core import TyperGroup


class Verbs(TyperGroup):
    """The verbs of the command line."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """The verbs in the order of the help, those with commands of their own among the others."""
        from cnnbuild.cli.main import VERBS

        return sorted(super().list_commands(ctx), key=VERBS.index)

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
