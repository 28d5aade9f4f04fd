"""Blocks and defaults whose names are at fault, in a document and in the files of blocks that it uses."""

from __future__ import annotations

from cnnbuild.errors import Problems
from cnnbuild.graph.unknown_types import report_unknown_parameter, report_unknown_type
from cnnbuild.lang.scope import Scope
from cnnbuild.layers.registry import STRUCTURAL, Registry
from cnnbuild.layers.standard_blocks import standard_block_names


def report_faulty_scopes(scope: Scope, registry: Registry, problems: Problems) -> None:
    """Report blocks that are called like a built-in type, and defaults that are for nothing."""
    for each in scope.files():
        report_built_in_names(each, registry, problems)
        report_faulty_defaults(each, registry, problems)


def report_built_in_names(scope: Scope, registry: Registry, problems: Problems) -> None:
    """Report blocks that are called like a built-in type."""
    for block in scope.blocks.values():
        if block.name in registry or block.name in STRUCTURAL:
            problems.add(
                f"'{block.name}' is a built-in layer type", block.place, help="give the block another name"
            )


def report_faulty_defaults(scope: Scope, registry: Registry, problems: Problems) -> None:
    """Report defaults of what is no layer type, and of parameters that the type does not have."""
    for name, defaults in scope.defaults.items():
        layer_type = registry.get(name)
        place = scope.default_places[name]
        if layer_type is not None:
            for entry in defaults:
                if entry.name not in layer_type.model_fields and entry.name != "init":
                    report_unknown_parameter(entry, name, tuple(layer_type.model_fields), problems, ())
        elif scope.find(name) is not None or name in standard_block_names():
            problems.add(
                f"'{name}' is a block, and defaults are for layer types",
                place,
                help="give its parameters defaults in `params:`",
            )
        elif name in STRUCTURAL:
            problems.add(f"'{name}' has no parameters that could have defaults", place, help="remove it")
        else:
            report_unknown_type(problems, name, place, registry.words)
