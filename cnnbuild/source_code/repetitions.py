"""Copies in a chain -> an `nn.Sequential` that lists them, those that follow a rule as a loop."""

from __future__ import annotations

from collections.abc import Sequence

from cnnbuild.source_code.terms import Argument, Call, Progression, Repeated, Term, Value, form, values

LEAST = 3
LONGEST = 52  # characters of a call that is repeated, so that the loop fits on one line


def folded(terms: Sequence[Term]) -> Call:
    """`nn.Sequential` of some calls."""
    items: list[Term] = []
    begin = 0
    while begin < len(terms):
        run = _run(terms, begin)
        if run is not None and run.count >= LEAST:
            items.append(run)
            begin += run.count
        else:
            items.append(terms[begin])
            begin += 1
    arguments = tuple(Argument(str(n), item, positional=True) for n, item in enumerate(items))
    return Call("nn.Sequential", arguments)


def _run(terms: Sequence[Term], begin: int) -> Repeated | None:
    """The longest repetition that begins at a term: all values stay, or grow evenly."""
    first = terms[begin]
    if not isinstance(first, Call):
        return None
    columns = [dict(values(first))]
    shape = form(first)
    steps: dict[object, int] | None = None
    for term in terms[begin + 1 :]:
        if form(term) != shape:
            break
        found = dict(values(term))
        grown = {key: _step(columns[-1][key], found[key]) for key in found}
        if None in grown.values() or (steps is not None and grown != steps):
            break
        steps = {key: step for key, step in grown.items() if step is not None}
        columns.append(found)
    if steps is None or len(columns) < LEAST:
        return None
    call = _growing(first, steps, ())
    return Repeated(call, len(columns)) if isinstance(call, Call) and _length(first) <= LONGEST else None


def _step(before: Value, after: Value) -> int | None:
    """By how much a value grows; None where it changes in another way."""
    if type(before) is type(after) and before == after:
        return 0
    if type(before) is int and type(after) is int:
        return after - before if after > before else None
    return None


def _growing(term: Term, steps: dict[object, int], key: tuple[str | int, ...]) -> Term:
    match term:
        case Call():
            return Call(
                term.function,
                tuple(
                    Argument(
                        each.name,
                        _growing(each.value, steps, (*key, each.name)),
                        each.default,
                        each.positional,
                    )
                    for each in term.arguments
                ),
            )
        case Repeated():
            return term
        case int() if steps.get(key):
            return Progression(term, steps[key])
        case _:
            return term


def _length(call: Call) -> int:
    from cnnbuild.source_code.layout import flat
    from cnnbuild.source_code.terms import written

    return len(flat(written(call, {})))
