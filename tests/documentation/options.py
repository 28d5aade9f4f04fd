"""The flags of every verb as a table, from what the command line itself knows."""

from __future__ import annotations

from typing import Annotated, Literal, Union, get_args, get_origin

import typer

from cnnbuild.cli.main import application


def verbs() -> tuple[str, ...]:
    """The verbs, in the order of `cnnbuild --help`."""
    group = typer.main.get_command(application())
    return tuple(group.list_commands(typer.Context(group)))


def options_table(verb: str) -> str:
    """Arguments and flags of a verb, or of one of its commands, such as `runs show`."""
    lines = ["| argument or flag | means |", "|---|---|"]
    command = typer.main.get_command(application())
    for word in verb.split():
        command = command.commands[word]
    for parameter in command.params:
        kind = parameter.type_descriptor.annotation
        if parameter.param_type_name == "argument":
            name = _code(parameter.metavar or parameter.name.upper())
        else:
            value = parameter.metavar or "|".join(_words(kind))
            flags = [*sorted(parameter.opts, key=len, reverse=True), *parameter.secondary_opts]
            name = ", ".join(f"`{flag}`" for flag in flags)
            name += "" if parameter.is_flag else f" {_code(value)}"
        default = parameter.default if parameter.param_type_name == "option" else None
        shown = (
            f" Otherwise `{default}`."
            if default is not None and parameter.show_default and not parameter.is_flag
            else ""
        )
        lines.append(f"| {name} | {_escaped(f'{parameter.help}{shown}')} |")
    return "\n".join(lines)


def _code(value: str) -> str:
    """Code in a table: a `|` within backquotes is escaped for some readers of Markdown, and must not be for others."""
    return f"`{value}`" if "|" not in value else f"<code>{value.replace('|', '&#124;')}</code>"


def _escaped(cell: str) -> str:
    """A cell of a table, whose `|` would end it, and whose `<` would begin HTML; `\\[` is rich's, for a bracket."""
    return cell.replace("\\[", "[").replace("|", "\\|").replace("<", "\\<")


def _words(kind: object) -> list[str]:
    """The words of a `Literal`, however it is wrapped."""
    if get_origin(kind) is Literal:
        return [str(word) for word in get_args(kind)]
    inner = get_args(kind) if get_origin(kind) in {Annotated, Union} else ()
    return [word for part in inner for word in _words(part)]
