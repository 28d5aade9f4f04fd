"""README.md's blocks: its files, its transcripts, its table of layer types.

`python -m tests.readme` runs every transcript and writes what it printed into README.md; `test_readme.py` compares.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cnnbuild.layers.base import Layer
from cnnbuild.layers.registry import standard_registry
from tests.cli.commands import ROOT, cnnbuild

README = ROOT / "README.md"
BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
SESSION = "<!-- session: quickstart -->\n"
TABLE = "<!-- layer types -->\n"


@dataclass(frozen=True)
class Block:
    language: str
    body: str
    is_session: bool


def blocks(text: str) -> list[Block]:
    return [
        Block(m["language"], m["body"], text[: m.start()].endswith(SESSION)) for m in BLOCK.finditer(text)
    ]


def named_files(text: str) -> dict[str, str]:
    """The YAML blocks that begin with their file's name."""
    found = {}
    for block in blocks(text):
        if block.language == "yaml":
            name = re.match(r"# (\S+\.yaml)\n", block.body)
            if name:
                found[name[1]] = block.body
    return found


def lay_out(folder: Path, text: str) -> None:
    """A folder as the reader of the README has it."""
    for shipped in ("architectures", "studies"):
        shutil.copytree(ROOT / shipped, folder / shipped)
    for name, body in named_files(text).items():
        (folder / name).write_text(body)


def transcript(command: str, folder: Path) -> str:
    """A command line and what it prints."""
    words = command.removeprefix("$ cnnbuild ").split()
    outcome = cnnbuild(*words, cwd=folder, columns=120)
    printed = "\n".join(part.strip("\n") for part in (outcome.out, outcome.err) if part.strip())
    return f"{command}\n{printed}\n"


def layer_table() -> str:
    """The table of layer types: parameters in order, required ones in bold, the primary one first."""
    shown = sorted((t for t in standard_registry() if not t.internal), key=lambda t: t.type_name)
    rows = [f"| `{t.type_name}` | {_parameters(t)} | {(t.__doc__ or '').splitlines()[0]} |" for t in shown]
    return "\n".join(["| type | parameters | is |", "|---|---|---|", *rows]) + "\n"


def _parameters(layer_type: type[Layer]) -> str:
    if layer_type.several_inputs:
        return "the tensors to join"
    words = []
    for name, field in layer_type.model_fields.items():
        default = field.get_default()
        shown = "kernel_size" if name == "stride" and default is None else _yaml(default)
        words.append(f"**{name}**" if field.is_required() else f"{name}: {shown}")
    return ", ".join(words)


def _yaml(value: object) -> str:
    if isinstance(value, tuple) and len(set(value)) == 1:
        value = value[0]
    return (
        {True: "true", False: "false", None: "null"}[value]
        if value is None or isinstance(value, bool)
        else str(value)
    )


def refreshed(text: str, folder: Path) -> str:
    """The README with every transcript run again and the table made anew."""
    lay_out(folder, text)

    def again(match: re.Match[str]) -> str:
        if match["language"] != "console":
            return match[0]
        commands = [line for line in match["body"].splitlines() if line.startswith("$ ")]
        return "```console\n" + "".join(transcript(command, folder) for command in commands) + "```"

    text = BLOCK.sub(again, text)
    head, _, rest = text.partition(TABLE)
    after = re.sub(r"\A\n?(\|.*\n)*", "", rest)
    return f"{head}{TABLE}\n{layer_table()}\n{after.lstrip()}"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        README.write_text(refreshed(README.read_text(), Path(name)))
