"""Where a node stands, and the name that its weights get there."""

from __future__ import annotations

from dataclasses import dataclass

from cnnbuild.errors import Place, Problems
from cnnbuild.graph.context import Context, UnresolvedError
from cnnbuild.graph.evaluation import Evaluator, explain
from cnnbuild.graph.levels import NAME, TAKEN_BY_TORCH, Call, Claim, Frame, Level, NameTakenError
from cnnbuild.lang.nodes import Node
from cnnbuild.lang.sections import RESERVED_NAMES
from cnnbuild.lang.source import YamlScalar
from cnnbuild.texts import shortened


@dataclass(frozen=True, slots=True)
class Site:
    """Where a node stands: what its expressions see, what its `from` sees, which level its weights are in."""

    context: Context
    frame: Frame
    level: Level


def claim(
    problems: Problems, name: str | None, place: Place, site: Site, *, advice: str = ""
) -> tuple[str, ...]:
    """The path of a name, or of the next copy where there is none.

    Raises:
        UnresolvedError: the name is taken; reported.
    """
    route = site.context.route
    try:
        return site.level.claim_copy(place, route) if name is None else site.level.claim(name, place, route)
    except NameTakenError as error:
        _report_clash(problems, error, Claim(place, route), site, advice)
        raise UnresolvedError from None


def _report_clash(problems: Problems, error: NameTakenError, second: Claim, site: Site, advice: str) -> None:
    """Report a taken name, where the ways to its two owners part: at a call, or at the name itself."""
    level = f"'{'.'.join(site.level.path)}'" if site.level.path else "the network"
    first = error.first
    pairs = list(zip(first.route, second.route, strict=False))
    shared = next((n for n, (one, other) in enumerate(pairs) if one != other), len(pairs))
    one, other = first.route[shared:], second.route[shared:]
    if not one and not other:
        rows = first.place == second.place  # nothing else is walked twice in one level
        problems.add(
            f"two rows of this 'foreach' are called '{error.name}'"
            if rows
            else f"two things in {level} are called '{error.name}' (first on line {first.place.line})",
            second.place,
            help=advice or "choose another name, or give the container around one of them a `name:`",
            context=site.context.trail,
        )
        return
    usual = "choose another name, or give the call a `name:`, so that what is inside has a level of its own"
    between = "give one of the two calls a `name:`, so that what is inside has a level of its own"
    inside = len(site.context.trail) - shared
    place = other[0].place if other else second.place
    clash = f"two things in {level} are called"
    if other and any(p.place == place and p.message.startswith(clash) for p in problems.found):
        return  # the names inside two calls of one block all clash: one of them says it
    problems.add(
        f"{clash} '{error.name}': {_way(one, first.place)}, and {_way(other, second.place)}",
        place,
        help=between if one and other else usual,
        context=site.context.trail[inside:],
    )


def _way(calls: tuple[Call, ...], place: Place) -> str:
    """Where the owner of a name is, in words."""
    if not calls:
        return f"one on line {place.line}"
    return f"one inside '{calls[0].block}', called on line {calls[0].place.line}"


def name_of(evaluator: Evaluator, scalar: YamlScalar, site: Site) -> str:
    """The name that a `name:` comes to.

    Raises:
        UnresolvedError: it cannot be a name; reported.
    """
    name = str(evaluator.scalar(scalar, site.context, None))
    if _fault_of(name):
        trail = (*explain(scalar, site.context), *site.context.trail)
        require_name(evaluator.problems, name, scalar.place, trail)
    return name


def require_name(problems: Problems, name: str, place: Place, trail: tuple[str, ...]) -> None:
    """Do nothing if a module can be called `name`.

    Raises:
        UnresolvedError: it cannot; reported.
    """
    if fault := _fault_of(name):
        problems.add(fault, place, help="choose another name", context=trail)
        raise UnresolvedError


def _fault_of(name: str) -> str:
    """Why no module can be called `name`; empty where one can."""
    if not NAME.fullmatch(name):
        said = shortened(name)
        return f"a name is made of letters, digits and '_', and begins with a letter, unlike '{said}'"
    if name in RESERVED_NAMES:
        return f"'{name}' is a word of the language"
    return f"'{name}' is an attribute of every torch module" if name in TAKEN_BY_TORCH else ""


def inner_site(
    evaluator: Evaluator,
    labels: dict[tuple[str, ...], str],
    node: Node,
    label: str,
    site: Site,
    copy: int | None,
) -> Site:
    """Where the lists inside a container stand: a level of its own for a copy and for a named container."""
    level = site.level
    if copy is not None:
        level = Level(claim(evaluator.problems, None, node.place, site))
    elif node.name is not None:
        level = Level(claim(evaluator.problems, name_of(evaluator, node.name, site), node.name.place, site))
    if level is not site.level:
        labels[level.path] = label
    return Site(site.context, Frame(site.frame), level)
