"""What the user says of Slurm: `--slurm partition=gpu,time=60`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from cnnbuild.errors import UsageError
from cnnbuild.texts import did_you_mean

PASSED_ON = ("partition", "account", "qos", "constraint", "exclude", "nodelist", "reservation")
"""Options of `sbatch` that are handed to it as they are."""

OPTIONS = ("time", "gpus", *PASSED_ON)
_WORD = re.compile(r"[A-Za-z0-9_.,:;@%/&|*+()\[\]-]+")


@dataclass(frozen=True, slots=True)
class SlurmOptions:
    """The time that one run may take in minutes, its GPUs where said, and what goes to `sbatch` as it is."""

    minutes: int
    gpus: int | None = None
    sbatch: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, given: Mapping[str, str]) -> SlurmOptions:
        """The options with these names and values.

        Raises:
            UsageError: a name is unknown, a value cannot be one, or the time is missing.
        """
        for name in given:
            if name not in OPTIONS:
                hint = did_you_mean(name, OPTIONS, listing="known options")
                raise UsageError(f"--slurm has no option '{name}'; {hint}")
        if "time" not in given:
            raise UsageError("Slurm has to know how long one run may take: --slurm time=60 (in minutes)")
        return cls(
            minutes=_number("time", given["time"], least=1),
            gpus=_number("gpus", given["gpus"], least=0) if "gpus" in given else None,
            sbatch={name: _word(name, given[name]) for name in PASSED_ON if name in given},
        )


def _number(name: str, text: str, *, least: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) >= least):
        unit = " of minutes" if name == "time" else ""
        raise UsageError(f"--slurm {name} is a whole number{unit} from {least}, not '{text}'")
    return int(text)


def _word(name: str, text: str) -> str:
    if not _WORD.fullmatch(text):
        raise UsageError(f"--slurm {name} is a word as sbatch takes it, not '{text}'")
    return text
