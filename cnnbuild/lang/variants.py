"""The variants of a study: named changes of it, one of which may be asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cnnbuild.errors import Place, Problems, UsageError
from cnnbuild.lang.merging import without
from cnnbuild.lang.source import YamlMap, YamlScalar, describe
from cnnbuild.texts import did_you_mean

FIXED = ("cnnbuild", "variants")
"""What neither a variant nor `--set` can change."""

FIXED_IN_VARIANTS = (*FIXED, "study")
"""What no variant can change: its results lie in a folder of their own already, `runs/<study>@<variant>`."""


def split_variants(tree: YamlMap, problems: Problems) -> tuple[YamlMap, dict[str, YamlMap]]:
    """A study without its variants, and the variants by name; what is wrong is added to `problems`."""
    base, written = without(tree, "variants"), tree.get("variants")
    if written is None:
        return base, {}
    if not isinstance(written, YamlMap):
        problems.add(f"'variants' is a mapping of names to changes, not {describe(written)}", written.place)
        return base, {}
    variants: dict[str, YamlMap] = {}
    for entry in written:
        value = entry.value
        if isinstance(value, YamlScalar) and value.value is None:
            value = YamlMap((), entry.key.place)
        if not isinstance(value, YamlMap):
            problems.add(f"the variant '{entry.name}' is a mapping, not {describe(value)}", value.place)
            continue
        for change in value:
            if change.name in FIXED_IN_VARIANTS:
                message = f"a variant cannot change '{change.name}'"
                problems.add(message, change.key.place, help=_instead(change.name))
        variants[entry.name] = without(value, *FIXED_IN_VARIANTS)
    return base, variants


def _instead(key: str) -> str:
    if key == "study":
        return "remove the key; the results of a variant have a folder of their own, `runs/<study>@<variant>`"
    return "remove the key"


def require_variant(path: Path, variant: str | None, variants: Mapping[str, YamlMap]) -> None:
    """Do nothing if the study in a file has the variant that is asked for.

    Raises:
        UsageError: it has not.
    """
    if variant is not None and variant not in variants:
        hint = did_you_mean(variant, variants, listing="its variants") or "it has no variants"
        raise UsageError(f"{path} has no variant '{variant}'; {hint}")


def may_be_set(path: str, problems: Problems) -> bool:
    """Whether an argument may change what stands under a path; where not, that is added to `problems`."""
    if path.split(".")[0] not in FIXED:
        return True
    place = Place("--set", 1, 1, len(path), path)
    problems.add(f"'{path}' cannot be changed from outside", place, help="choose a variant with @name")
    return False
