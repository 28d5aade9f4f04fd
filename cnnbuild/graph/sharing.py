"""`share: name`: an earlier node's modules, applied again with the same weights.

What the earlier node came to is elaborated once more for the new input, and each node of it is matched with
the one that it came to before: same layer, same weights. Only height and width may differ.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cnnbuild.graph.assembly import Repeated
from cnnbuild.graph.context import UnresolvedError
from cnnbuild.graph.evaluation import explain
from cnnbuild.graph.graph import Tensor
from cnnbuild.graph.levels import Applied, Level
from cnnbuild.graph.naming import Site, claim, name_of
from cnnbuild.graph.repetition import copies
from cnnbuild.lang.nodes import Node
from cnnbuild.lang.source import YamlList, YamlScalar, describe
from cnnbuild.texts import did_you_mean, shortened

if TYPE_CHECKING:
    from cnnbuild.graph.elaboration import Elaboration


def share(elaboration: Elaboration, node: Node, previous: Tensor, site: Site, copy: int | None) -> Tensor:
    """The output of an earlier node's modules for the tensor that enters this one.

    Raises:
        UnresolvedError: there is no such node, or it cannot take that tensor; reported.
    """
    for sibling, what in ((node.first, "first"), (node.init, "init")):
        if sibling is not None:
            elaboration.problems.add(
                f"'{what}' would change the layers that are shared",
                sibling.place,
                help="write it beside the node that is shared",
                context=site.context.trail,
            )
            raise UnresolvedError
    applied = _applied(elaboration, node, site)
    if node.name is not None and copy is None:
        name = name_of(elaboration.evaluator, node.name, site)
        claim(elaboration.problems, name, node.name.place, site)
    trail = (f"shared at line {node.place.line}", *site.context.trail)
    original = applied.site
    again = Site(replace(original.context, trail=trail), original.frame, Level(original.level.path))
    plain, entering = replace(applied.node, source=None), previous
    if isinstance(applied.node.source, YamlList):
        again = replace(again, frame=site.frame)
        plain = replace(plain, source=_several(elaboration, applied, node, site))
    else:
        entering = elaboration.input(node, previous, site)
    with elaboration.assembly.repeating(
        Repeated(applied.begin, applied.end, applied.path, site.level.path, node.place)
    ):
        elaboration.problems.begin_round()
        begin = len(elaboration.assembly.nodes)
        if plain.repeat is None:  # its `when` said yes, or there would be nothing to share
            output = elaboration.apply(plain, entering, again)
        else:
            output = copies(elaboration, plain, plain.repeat, entering, again) or entering
    elaboration.shared[begin, len(elaboration.assembly.nodes)] = applied
    return output


def _several(elaboration: Elaboration, applied: Applied, node: Node, site: Site) -> YamlList:
    """The names of the tensors that a node of several inputs joins here.

    Raises:
        UnresolvedError: `from` does not list them, or names them by a faulty value; reported.
    """
    if isinstance(node.source, YamlList):
        names = (
            replace(item, value=str(elaboration.evaluator.scalar(item, site.context, None)))
            if isinstance(item, YamlScalar) and isinstance(item.value, str)
            else item
            for item in node.source
        )
        return replace(node.source, items=tuple(names))
    elaboration.problems.add(
        f"'{applied.path[-1]}' joins what its `from` lists, and nothing is listed here",
        node.place if node.source is None else node.source.place,
        help="write `from: [prev, name]` beside this `share`",
        context=site.context.trail,
    )
    raise UnresolvedError


def _applied(elaboration: Elaboration, node: Node, site: Site) -> Applied:
    """What the name under `share` stands for.

    Raises:
        UnresolvedError: it names nothing that can be shared; reported.
    """
    written, trail = node.arguments, site.context.trail
    if not isinstance(written, YamlScalar) or not isinstance(written.value, str):
        elaboration.problems.add(
            f"'share' takes the name of an earlier node, not {describe(written)}",
            written.place,
            help="give that node a `name:`, and write `- share: name`",
            context=trail,
        )
        raise UnresolvedError
    name = str(elaboration.evaluator.scalar(written, site.context, None))
    found = site.frame.find_applied(name)
    if isinstance(found, Applied):
        return found
    if found == "faulty" or (found == "unknown" and site.frame.hides_names):
        raise UnresolvedError
    if found == "dropped":
        message, hint = f"the node '{name}' was dropped by its `when`", "give this node the same `when`"
    elif found == "row":
        message = f"'{name}' is a row of a 'foreach', which cannot be shared"
        hint = "put its layers into a block, and share a call of that"
    else:
        message = f"no earlier node here is called '{shortened(name)}'"
        visible = site.frame.visible()
        hint = did_you_mean(name, visible, listing="visible here") or "give the node to share a `name:`"
    elaboration.problems.add(
        message, written.place, help=hint, context=(*explain(written, site.context), *trail)
    )
    raise UnresolvedError
