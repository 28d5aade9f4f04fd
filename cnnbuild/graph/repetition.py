"""What makes several of one node: the copies of `repeat`, and the rows of `foreach`.

A node, a copy or a row that `when` drops is transparent. Where all are dropped, the list goes on with what
came before the node in the list, whatever its `from` says; where there were none to drop (`repeat: 0`, no
rows), the node passes its input through, the one that `from` names.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from cnnbuild.graph.context import UnresolvedError
from cnnbuild.graph.evaluation import explain, origin_of
from cnnbuild.graph.graph import Tensor
from cnnbuild.graph.levels import Frame, Level
from cnnbuild.graph.naming import Site, claim, name_of
from cnnbuild.lang.expressions import Value
from cnnbuild.lang.nodes import Node
from cnnbuild.lang.sections import RESERVED_NAMES
from cnnbuild.lang.source import Yaml, YamlMap, describe, describe_value
from cnnbuild.lang.values import has_expression

if TYPE_CHECKING:
    from cnnbuild.graph.elaboration import Elaboration

MAX_COPIES = 10_000


def copies(elaboration: Elaboration, node: Node, repeat: Yaml, previous: Tensor, site: Site) -> Tensor | None:
    """The output of the last of `repeat` copies in a chain, None where `when` dropped all of them.

    Raises:
        UnresolvedError: the repetition is faulty; reported.
    """
    count = _count(elaboration, repeat, elaboration.current(node, previous, site), site)
    level = site.level
    if node.name is not None:
        name = name_of(elaboration.evaluator, node.name, site)
        level = Level(claim(elaboration.problems, name, node.name.place, site))
    if count == 0:
        elaboration.heed_first(node, site, heeded=False)
        return elaboration.input(node, previous, site)
    current, kept = elaboration.current(node, previous, site), False
    for copy in range(count):
        elaboration.step(node, site.context)
        elaboration.problems.begin_round()
        inner = replace(site, context=site.context.with_values({"i": copy}), level=level)
        if elaboration.is_dropped(node, inner.context, current):
            continue
        if not kept:
            current, kept = elaboration.input(node, previous, site), True
            elaboration.heed_first(node, site, heeded=copy == 0)
        current = elaboration.apply(replace(node, source=None), current, inner, copy=copy)
    return current if kept else None


def _count(elaboration: Elaboration, repeat: Yaml, entering: Tensor, site: Site) -> int:
    """How many copies there are.

    Raises:
        UnresolvedError: it is no such number; reported.
    """
    count = elaboration.evaluator.value(repeat, site.context, entering)
    count = int(count) if isinstance(count, float) and count.is_integer() else count
    if isinstance(count, int) and not isinstance(count, bool) and 0 <= count <= MAX_COPIES:
        return count
    elaboration.problems.add(
        f"'repeat' is a whole number from 0 to {MAX_COPIES:,}, not {describe_value(count)}",
        repeat.place,
        help="write how many copies there are",
        context=(*explain(repeat, site.context), *site.context.trail),
    )
    raise UnresolvedError


def foreach(elaboration: Elaboration, node: Node, previous: Tensor, site: Site) -> Tensor | None:
    """The output of the last row of a table, None where `when` dropped all rows.

    Raises:
        UnresolvedError: the table is faulty; reported.
    """
    if node.repeat is not None:
        elaboration.problems.add(
            "'foreach' has its rows; it cannot be repeated",
            node.repeat.place,
            help="put a node with `repeat:` inside `do:`",
            context=site.context.trail,
        )
        raise UnresolvedError
    if node.init is not None:
        elaboration.problems.add(
            "'init' is for layers with weights, and 'foreach' holds a list of layers",
            node.init.place,
            help="write it beside the layers inside, or under `defaults:`",
            context=site.context.trail,
        )
        raise UnresolvedError
    current, kept = elaboration.current(node, previous, site), False
    columns = _columns(elaboration, node, current, site)
    rows = len(next(iter(columns.values())))
    if rows == 0:
        return elaboration.input(node, previous, site)
    entries = node.arguments.entries if isinstance(node.arguments, YamlMap) else ()
    told = {entry.name: origin_of(entry.value, site.context.scope.file) for entry in entries}
    written = {entry.name: (entry.value, site.context) for entry in entries}
    for row in range(rows):
        elaboration.step(node, site.context)
        elaboration.problems.begin_round()
        values = {name: column[row] for name, column in columns.items()} | {"i": row}
        inner = replace(site, context=site.context.with_values(values, told, written))
        name = None if node.name is None else name_of(elaboration.evaluator, node.name, inner)
        if elaboration.is_dropped(node, inner.context, current):
            if name is not None:
                site.frame.names[name] = None
            continue
        if not kept:
            current, kept = elaboration.input(node, previous, site), True
        current = _row(elaboration, node, name, current, inner, columns)
    return current if kept else None


def _row(
    elaboration: Elaboration,
    node: Node,
    name: str | None,
    entering: Tensor,
    site: Site,
    columns: Iterable[str],
) -> Tensor:
    """The output of one row of some columns; `name` is what it is called."""
    fixed = node.name is not None and not has_expression(node.name.text)
    advice = f"give each row a name of its own: `name: {name}$(i + 1)`" if fixed else ""
    place = node.place if node.name is None else node.name.place
    level = Level(claim(elaboration.problems, name, place, site, advice=advice))
    elaboration.assembly.bind(level.path, {name: site.context.values[name] for name in columns})
    output = elaboration.layers(
        node.lists["do"], entering, replace(site, frame=Frame(site.frame), level=level)
    )
    if name is not None:
        site.frame.names[name] = output
    return output


def _columns(elaboration: Elaboration, node: Node, entering: Tensor, site: Site) -> dict[str, list[Value]]:
    """The columns of a `foreach`, all of one length.

    Raises:
        UnresolvedError: they are faulty; reported.
    """
    problems, trail = elaboration.problems, site.context.trail
    if not isinstance(node.arguments, YamlMap) or not node.arguments.entries:
        problems.add(
            f"'foreach' takes columns, not {describe(node.arguments)}",
            node.arguments.place,
            help="write `foreach: {width: [32, 64], stride: [1, 2]}`",
            context=trail,
        )
        raise UnresolvedError
    columns: dict[str, list[Value]] = {}
    sound = True
    for entry in node.arguments:
        if entry.name in RESERVED_NAMES:
            problems.add(
                f"'{entry.name}' is a word of the language", entry.key.place, help="choose another name"
            )
            sound = False
            continue
        try:
            value = elaboration.evaluator.value(entry.value, site.context, entering)
        except UnresolvedError:
            sound = False
            continue
        if isinstance(value, list):
            columns[entry.name] = value
            continue
        problems.add(
            f"the column '{entry.name}' is a list, not {describe_value(value)}",
            entry.value.place,
            help="write it in brackets: `[32, 64]`",
            context=(*explain(entry.value, site.context), *trail),
        )
        sound = False
    if not sound:
        raise UnresolvedError
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        problems.add(
            f"the columns of 'foreach' have different lengths: {told}",
            node.place,
            help="give every column one value for each row",
            context=trail,
        )
        raise UnresolvedError
    return columns
