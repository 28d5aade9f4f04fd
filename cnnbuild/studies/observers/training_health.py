"""How many runs of each architecture did not train, why, and what to try."""

from __future__ import annotations

from collections import Counter

from cnnbuild.studies.health import UNTRAINED, Cause, Condition, Health
from cnnbuild.studies.observation import Figure, Observation
from cnnbuild.studies.observers.observed_runs import ObservedRuns, observed_runs, of_runs
from cnnbuild.studies.results import StudyResults

OF_THE_DATA: tuple[Cause, ...] = ("non-finite values", "labels do not fit", "test unlike training")
OF_THE_NETWORK: tuple[Cause, ...] = ("vanishing gradients", "dead from the start", "units that begin alike")
IN_WORDS: dict[Cause, str] = {
    "rate too high": "the learning rate was too high",
    "rate too small": "the learning rate was too small, or the training too short",
    "non-finite values": "values were not finite that the learning rate did not make so",
    "dead from the start": "the units of a layer were dead before the first step",
    "units that begin alike": "all units of a layer began with the same weights, and nothing told them apart",
    "partly dead": "many units of a layer died",
    "vanishing gradients": "the gradients vanish on their way to the first layer",
    "labels do not fit": "it learns training images by heart, and nothing that helps with others",
    "test unlike training": "validation images are named rightly, test images are not",
    "evaluation unlike training": "it learns in training mode, and fails in evaluation mode",
    "large gap": "training images are named far better than test images",
    "not learned yet": "it had not learned yet when the training ended",
}


def observe_health(results: StudyResults) -> tuple[Observation, ...]:
    """A sentence for each architecture with runs that did not train, or that are suspect."""
    found = (_untrained(group) or _suspect(group) for group in observed_runs(results))
    return tuple(one for one in found if one is not None)


def _untrained(group: ObservedRuns) -> Observation | None:
    bad = [health for _, health in group.runs if health.condition in UNTRAINED]
    if not bad:
        return None
    first = _commonest(bad)
    counted = of_runs(len(bad), len(group.runs))
    conditions = _conditions(bad) if len(group.runs) > 1 else bad[0].condition
    conditions += _where(group, UNTRAINED)
    causes = {health.cause for health in bad}
    why = f": {'mostly, ' if len(causes) > 1 else ''}{IN_WORDS[first.cause]}" if first.cause else ""
    sentence = (
        f"{_capital(counted)} of {group.name} did not train ({conditions}){why}. "
        f"{_capital(first.advice)}. {_tells(first.cause)}"
    )
    figures: dict[str, Figure] = {"runs": len(group.runs), "untrained": len(bad), "cause": first.cause}
    figures |= {str(condition): count for condition, count in Counter(h.condition for h in bad).items()}
    return group.observation("health", sentence, level="warning", figures=figures)


def _suspect(group: ObservedRuns) -> Observation | None:
    bad = [health for _, health in group.runs if health.condition == "suspect"]
    if not bad:
        return None
    first = _commonest(bad)
    counted = of_runs(len(bad), len(group.runs)).replace(" runs", f" runs of {group.name}")
    counted = counted.replace("only run", f"only run of {group.name}")
    verb = "is" if len(bad) == 1 else "are"
    example = f" (one of them: {first.evidence})" if len(bad) > 1 else f": {first.evidence}"
    where = _where(group, ("suspect",))
    sentence = f"{_capital(counted)} {verb} suspect{where}, and counted{example}. {_capital(first.advice)}."
    figures: dict[str, Figure] = {"runs": len(group.runs), "suspect": len(bad), "cause": first.cause}
    return group.observation("health", sentence, level="warning", figures=figures)


def _commonest(bad: list[Health]) -> Health:
    """A run with the cause that most of them have."""
    cause = Counter(health.cause for health in bad).most_common(1)[0][0]
    return next(health for health in bad if health.cause == cause)


def _where(group: ObservedRuns, conditions: tuple[Condition, ...]) -> str:
    """The point of the grid, where all runs of these conditions are of one."""
    pairs = zip(group.runs, group.settings, strict=True)
    settings = {setting for (_, health), setting in pairs if health.condition in conditions}
    only = settings.pop() if len(settings) == 1 else ""
    return f", all with {only}" if only and not group.setting else ""


def _conditions(bad: list[Health]) -> str:
    return ", ".join(f"{count} {name}" for name, count in Counter(h.condition for h in bad).items())


def _tells(cause: Cause | None) -> str:
    if cause in OF_THE_DATA:
        return "This says something about the data, not about the architecture."
    if cause in OF_THE_NETWORK:
        return "This says something about how the network starts, not about what it could learn."
    return "This says something about the training recipe, not about the architecture."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
