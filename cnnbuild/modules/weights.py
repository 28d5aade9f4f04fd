"""Weights of a file, or of another network, into a network: all that fits, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from cnnbuild.errors import DataError, UsageError
from cnnbuild.graph.views.weight_report import fault_lines, fault_summary
from cnnbuild.graph.weight_matching import WeightMatch, match_weights
from cnnbuild.modules.published import published_names_of
from cnnbuild.modules.weight_files import read_weights
from cnnbuild.texts import shortened

MOST_ADVISED = 4
"""So many levels that a network has no place for are named as what may be passed over."""


def load_weights(
    module: nn.Module,
    weights: str | Path | Mapping[str, Tensor],
    *,
    strict: bool = True,
    excepted: Iterable[str] = (),
) -> WeightMatch:
    """Give a network the weights of a file, of a run's folder, or of a state dictionary.

    Tensors are matched by name: the network's own, or, where more fit, those of a map under `weights:` in its
    architecture file. `excepted` are names or patterns of weights that keep their values. Returned is what
    became of each tensor.

    Raises:
        UsageError: there is no such file, or a name of `excepted` stands for nothing.
        DataError: the file is damaged or none of weights; or, if `strict`, a tensor is missing, unexpected or
            of another shape; or nothing fits. Nothing was changed.
    """
    if isinstance(weights, str | Path):
        title, tensors = str(weights), read_weights(Path(weights)).tensors
    else:
        title, tensors = "the state dictionary", _tensors_of(weights)
    targets = module.state_dict()
    match = match_weights(
        {name: tuple(tensor.shape) for name, tensor in targets.items()},
        published_names_of(module),
        {name: tuple(tensor.shape) for name, tensor in tensors.items()},
        excepted=excepted,
    )
    require_fit(match, title, strict=strict)
    copy_weights({pair.name: pair.source for pair in match.loaded}, tensors, targets, title)
    return match


def require_fit(match: WeightMatch, title: str, *, strict: bool = True) -> None:
    """Do nothing if the tensors fit.

    Raises:
        DataError: they do not; the text lists what does not.
    """
    if strict and not match.is_complete:
        summary = f"{title} does not fit the network: {fault_summary(match)}; nothing was changed"
        raise DataError("\n".join([summary, *fault_lines(match), _advice(match)]))
    if not match.loaded:
        raise DataError(f"{title} has no tensor for the network: no name is that of a weight")


def _advice(match: WeightMatch) -> str:
    """What to do about tensors that do not fit."""
    tops = dict.fromkeys(pair.name.rpartition(".")[0] for pair in match.unfit)
    if tops and not match.missing and not match.unexpected:
        return f"to load the others: {_excepting(tops)}"
    if match.missing and match.unexpected:
        return "where the file's names are others, say them under `weights:` in the architecture file"
    heads = dict.fromkeys(name.partition(".")[0] for name, _ in match.unexpected)
    if heads and not tops and len(heads) <= MOST_ADVISED and f"{next(iter(heads))}." != match.prefix:
        return f"to pass them over: {_excepting(heads)}"
    return "is it the file of another variant, or of another number of classes?"


def _excepting(names: Iterable[str]) -> str:
    """How to leave names out, in all places where they may be."""
    names = list(names)
    options = " ".join(f"--except {name}" for name in names)
    listed = ", ".join(f"'{name}'" for name in names)
    return f"{options}; in a study `except: [{', '.join(names)}]`; in Python excepted=[{listed}]"


def copy_weights(
    sources: Mapping[str, str], tensors: Mapping[str, Tensor], targets: Mapping[str, Tensor], title: str
) -> None:
    """Copy tensors of a file into those of a state dictionary; `sources` are from our names to the file's.

    Raises:
        DataError: one has values of another kind, such as whole numbers; nothing was changed.
    """
    for name, source in sources.items():
        kinds = [_kind(tensor.dtype) for tensor in (targets[name], tensors[source])]
        if kinds[0] != kinds[1]:
            held = f"'{shortened(source)}' holds {kinds[1]}, and '{name}' {kinds[0]}"
            raise DataError(f"{title}: {held}; nothing was changed")
    with torch.no_grad():
        for name, source in sources.items():
            targets[name].copy_(tensors[source].reshape(targets[name].shape))


def _kind(dtype: torch.dtype) -> str:
    if dtype.is_complex:
        return "complex numbers"
    return "fractions" if dtype.is_floating_point else "whole numbers"


def _tensors_of(weights: object) -> Mapping[str, Tensor]:
    if isinstance(weights, Mapping) and all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in weights.items()
    ):
        return weights
    raise UsageError("load_weights takes a file, or tensors by name as of `model.state_dict()`")
