"""The recipe of `cnnbuild train`: a file's, with what the command line says laid over it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from cnnbuild.errors import Place, Problems, UsageError
from cnnbuild.texts import did_you_mean

if TYPE_CHECKING:
    from cnnbuild.lang.recipe import Recipe
    from cnnbuild.lang.source import YamlMap


RecipeOption = Annotated[
    str | None,
    typer.Option(
        "--recipe",
        "-r",
        help="File with the recipe: a study (its train: is taken, also with @variant), or its keys alone.",
        metavar="FILE",
        show_default=False,
    ),
]
TrainOption = Annotated[
    list[str] | None,
    typer.Option(
        "--train",
        "-t",
        help="Change one value of the recipe: optimizer.sgd.lr=0.1. May be repeated.",
        metavar="K=V",
        show_default=False,
    ),
]
EpochsOption = Annotated[
    int | None,
    typer.Option(
        "--epochs",
        "-e",
        help="Passes over the training images (otherwise the recipe's, or 10).",
        min=1,
        metavar="N",
        show_default=False,
    ),
]
BatchSizeOption = Annotated[
    int | None,
    typer.Option(
        "--batch-size",
        "-b",
        help="Images per step (otherwise the recipe's, or 64).",
        min=1,
        metavar="N",
        show_default=False,
    ),
]
LrOption = Annotated[
    float | None,
    typer.Option(
        "--lr",
        help="Learning rate of the recipe's optimizer (otherwise its own; Adam's is 0.001).",
        metavar="X",
        show_default=False,
    ),
]
DeviceOption = Annotated[
    str | None,
    typer.Option(
        "--device",
        help="auto, cpu, cuda or mps (otherwise the recipe's, or auto).",
        metavar="NAME",
        show_default=False,
    ),
]
PrecisionOption = Annotated[
    str | None,
    typer.Option(
        "--precision",
        help="auto, fp32, bf16 or fp16 (otherwise the recipe's, or auto).",
        metavar="NAME",
        show_default=False,
    ),
]


@dataclass(frozen=True, slots=True)
class RecipeArguments:
    """What the command line says about the recipe; None where it says nothing."""

    file: str | None = None
    assignments: tuple[str, ...] = ()
    epochs: int | None = None
    batch_size: int | None = None
    lr: float | None = None
    device: str | None = None
    precision: str | None = None


def recipe_asked(arguments: RecipeArguments) -> Recipe:
    """The recipe of a file, or the default one, with single values changed.

    Warnings, of what is never reached, go to standard error.

    Raises:
        DocumentError: the file, or a value, is faulty.
        UsageError: there is no such file, or two arguments say the same.
    """
    from cnnbuild.cli.terminal import echo_faults
    from cnnbuild.lang.merging import set_path, without
    from cnnbuild.lang.recipe import BUDGETS, parse_recipe
    from cnnbuild.lang.source import YamlMap

    problems = Problems()
    empty = YamlMap((), Place("--train", 1, 1, 1, ""))
    tree = empty if arguments.file is None else _tree_of(arguments.file)
    changes = _changes(arguments, tree)
    if any(path in BUDGETS for path in changes):
        tree = without(tree, *BUDGETS)  # a budget that is asked for takes the place of the file's
    for path, (flag, value) in changes.items():
        _require_optimizer(_optimizer(tree, changes), path, value, problems)
        tree = set_path(tree, path, value, problems, flag=flag)
    problems.raise_if_any()
    recipe = parse_recipe(tree, problems)
    problems.raise_if_any()
    if recipe is None:
        raise UsageError("the recipe cannot be used")
    for warning in problems.warnings:
        echo_faults(f"{warning}\n")
    return recipe


def _require_optimizer(optimizer: str, path: str, value: object, problems: Problems) -> None:
    """Add to `problems` that `optimizer.lr` says no optimizer, with the path that does.

    Raises:
        DocumentError: it does not; what follows from it need not be told.
    """
    from cnnbuild.lang.recipe.misplaced import is_setting_of

    first, _, name = path.partition(".")
    if first != "optimizer" or not is_setting_of(optimizer, name):
        return
    text = f"{path}={value}"
    other = f", or --lr {value}" if name == "lr" else ""
    help_ = f"write optimizer.{optimizer}.{name}={value}{other}"
    place = Place("--train", 1, len(first) + 2, len(name), text)
    problems.add(f"unknown optimizer '{name}'", place, help=help_)
    problems.raise_if_any()


def _changes(arguments: RecipeArguments, tree: YamlMap) -> dict[str, tuple[str, object]]:
    """Each path in the recipe that is changed, with the flag that says so and the value."""
    changes: dict[str, tuple[str, object]] = {
        path: ("--train", value) for path, value in _assigned(arguments.assignments).items()
    }
    if arguments.lr is not None and not 0 < arguments.lr < math.inf:
        raise UsageError(f"--lr is a number above 0, not {arguments.lr}")
    short_cuts: Mapping[str, tuple[str, object]] = {
        "epochs": ("--epochs", arguments.epochs),
        "batch_size": ("--batch-size", arguments.batch_size),
        "device": ("--device", arguments.device),
        "precision": ("--precision", arguments.precision),
        f"optimizer.{_optimizer(tree, changes)}.lr": ("--lr", arguments.lr),
    }
    for path, (flag, value) in short_cuts.items():
        if value is None:
            continue
        if path in changes:
            raise UsageError(f"{flag} and --train {path}=… say the same; give one of them")
        changes[path] = (flag, value)
    return changes


def _assigned(assignments: tuple[str, ...]) -> dict[str, object]:
    """`--train optimizer.sgd.lr=0.1` as {"optimizer.sgd.lr": 0.1}; values are read as YAML."""
    from cnnbuild.lang.reader import parse_yaml
    from cnnbuild.lang.source import to_plain

    values: dict[str, object] = {}
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        path = path.strip()
        if not equals or not path or not all(path.split(".")):
            raise UsageError(
                f"--train takes key=value, like epochs=5 or optimizer.sgd.lr=0.1, not '{assignment}'"
            )
        if path in values:
            raise UsageError(f"--train gives '{path}' twice")
        values[path] = to_plain(parse_yaml(text, f"--train {assignment}")) if text.strip() else None
    return values


def _optimizer(tree: YamlMap, changes: Mapping[str, tuple[str, object]]) -> str:
    """The word of the optimizer that the recipe will have."""
    from cnnbuild.lang.recipe import OptimizerChoice
    from cnnbuild.lang.recipe.misplaced import chosen_optimizer

    for path, (_, value) in reversed(list(changes.items())):
        steps = path.split(".")
        if steps[0] == "optimizer":
            named = next(iter(value), "") if isinstance(value, dict) else value
            word = steps[1] if len(steps) > 1 else str(named)
            if word in OptimizerChoice.model_fields:
                return word
    return chosen_optimizer(tree)


def _tree_of(reference: str) -> YamlMap:
    """The keys of a recipe from a file: those under `train:`, or the file's own.

    Raises:
        DocumentError: the file holds no recipe.
        UsageError: there is no such file or variant.
    """
    from cnnbuild.errors import DocumentError, Problem
    from cnnbuild.lang.files import read_yaml
    from cnnbuild.lang.merging import without
    from cnnbuild.lang.recipe import Recipe
    from cnnbuild.lang.reference import split_reference
    from cnnbuild.lang.source import YamlMap, YamlScalar, describe

    path, variant = split_reference(reference)
    tree = read_yaml(path)
    if not isinstance(tree, YamlMap):
        hint = "write keys such as `epochs: 5`, or `train:` above them"
        raise DocumentError([Problem(f"a recipe is a mapping, not {describe(tree)}", tree.place, hint)])
    if variant is not None:
        tree = _with_variant(tree, path.name, variant)
    if tree.get("train") is None:
        keys = [entry.key for entry in tree]
        if keys and not any(str(key.value) in Recipe.model_fields for key in keys):
            hint = "name a study, or a file with `train:` or with the keys of a recipe"
            raise DocumentError([Problem("this file holds no recipe", keys[0].place, hint)])
        return without(tree, "cnnbuild", "variants")
    train = tree.get("train")
    if isinstance(train, YamlScalar) and train.value is None:
        return YamlMap((), train.place)
    if not isinstance(train, YamlMap):
        place = train.place if train is not None else tree.place
        raise DocumentError([Problem("'train' is a mapping of the recipe's keys", place)])
    others = [entry.key for entry in tree if entry.name not in {"train", "cnnbuild", "variants"}]
    if others and tree.get("study") is None:
        hint = "leave it out, or move it under `train:`"
        raise DocumentError([Problem(f"'{others[0].value}' stands beside 'train'", others[0].place, hint)])
    return train


def _with_variant(tree: YamlMap, name: str, variant: str) -> YamlMap:
    """The file with what one of its variants says about the recipe laid over it."""
    from cnnbuild.lang.merging import merge_maps, submap
    from cnnbuild.lang.source import YamlMap
    from cnnbuild.lang.study_settings import spell_out_train

    variants = submap(tree, "variants") or YamlMap((), tree.place)
    chosen = variants.get(variant)
    if not isinstance(chosen, YamlMap):
        known = [entry.name for entry in variants]
        hint = did_you_mean(variant, known, listing="its variants") or "it has no variants"
        raise UsageError(f"{name} has no variant '{variant}'; {hint}")
    return merge_maps(spell_out_train(tree), spell_out_train(chosen))
