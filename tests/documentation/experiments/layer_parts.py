"""The tables of a study of layers: what was found of each pair, and what the sides cost."""

from __future__ import annotations

from tests.documentation.experiments.kept import Evidence
from tests.documentation.experiments.tables import piped

MICROSECONDS, KIB = 1e6, 1024


def verdicts(found: Evidence) -> str:
    """A line per pair: what was compared, how far it is apart, and what follows."""
    head = ("pair", "custom", "standard", "forward", "backward", "in float64", "gradients", "verdict")
    rows = [
        (
            row["layer"], f"`{row['custom']}`", f"`{row['standard']}`" if row["standard"] else "",
            _share(row["forward_float32"]), _share(row["backward_float32"]),
            _share(_larger(row["forward_float64"], row["backward_float64"])),
            row["gradients"], row["verdict"],
        )
        for row in found.rows
    ]  # fmt: skip
    return (
        f"{piped(head, rows)}\n\n"
        "Forward and backward: the largest difference as a share of the largest value, in float32; 0 is equal "
        "bits. In float64 differences of rounding vanish, and those of the formula stay. Gradients: whether "
        "those of the custom layer are the ones of finite differences, of its input and of its weights."
    )


def descriptions(found: Evidence) -> str:
    """What is to be seen in each pair, as the study says it."""
    return "\n".join(f"- `{row['layer']}`: {row['description']}" for row in found.rows if row["description"])


def costs(found: Evidence) -> str:
    """A line per side: parameters, multiply-adds, times and what is kept for the backward pass."""
    head = (
        "pair",
        "side",
        "parameters",
        "multiply-adds",
        "forward µs",
        "forward and backward µs",
        "kept KiB",
    )
    rows = [
        (
            row["layer"], side, f"{int(row[f'{side}_parameters']):,}", f"{int(row[f'{side}_macs']):,}",
            f"{MICROSECONDS * float(row[f'{side}_forward_seconds']):,.0f}",
            f"{MICROSECONDS * float(row[f'{side}_forward_backward_seconds']):,.0f}",
            f"{float(row[f'{side}_kept_bytes']) / KIB:,.0f}",
        )
        for row in found.rows
        for side in ("custom", "standard")
        if row[side]
    ]  # fmt: skip
    return piped(head, rows, right_from=2)


def _larger(*numbers: str) -> str:
    return max((one for one in numbers if one), key=float, default="")


def _share(number: str) -> str:
    return f"{float(number):.1g}" if number else ""
