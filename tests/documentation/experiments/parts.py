"""The generated parts of docs/experiments.md, made of the kept evidence alone.

<!-- generated: experiment NAME run -->         what was run, on what and when
<!-- generated: experiment NAME table -->       the results beside what was published; of layers, the verdicts
<!-- generated: experiment NAME findings -->    the comparisons, as cnnbuild worded them
<!-- generated: experiment NAME notes -->       what else cnnbuild observed; of layers, what each pair is for
<!-- generated: experiment NAME seeds -->       each seed by itself, and what one alone had said
<!-- generated: experiment NAME figures A B --> figures beside each other, with their captions
<!-- generated: experiment NAME costs -->       of layers alone: what both sides cost
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from tests.documentation.experiments import layer_parts
from tests.documentation.experiments.kept import EXPERIMENTS, Evidence, Facts, Trained, evidence, experiments
from tests.documentation.experiments.seeds import seeds_part
from tests.documentation.experiments.tables import piped, results_part

RECIPE_KEYS = (
    "epochs",
    "batch_size",
    "optimizer",
    "schedule",
    "warmup_epochs",
    "augment",
    "label_smoothing",
    "average",
)
"""What of a recipe is said, where it differs from nothing."""
LEFT_OUT = ("betas", "eps", "eta_min")
"""Parameters that the studies leave as torch has them."""


def experiment_part(words: str) -> str:
    """One generated part, such as `depth table`.

    Raises:
        ValueError: there is no such part, or no such evidence.
    """
    name, what, *more = words.split()
    found = evidence(name)
    layers = found.facts.kind == "layers"
    published = one.published if (one := experiments().get(name)) is not None else None
    match what:
        case "run":
            return run_part(found.facts)
        case "table":
            return layer_parts.verdicts(found) if layers else results_part(found, published)
        case "costs" if layers:
            return layer_parts.costs(found)
        case "findings":
            return findings_part(found)
        case "notes":
            return layer_parts.descriptions(found) if layers else notes_part(found)
        case "seeds":
            return seeds_part(found)
        case "figures":
            return figures_part(found, more)
        case _:
            raise ValueError(f"there is no part '{what}' of an experiment")


def run_part(facts: Facts) -> str:
    """What was run, as a table of two columns."""
    ran = facts.ran
    started, ended = datetime.fromisoformat(ran.started), datetime.fromisoformat(ran.ended)
    lines = [("question", facts.question), ("command", f"`{facts.command}`")]
    if facts.kind == "runs":
        settings = f" x {len(facts.settings)} settings" if facts.settings else ""
        seeds = f"seed{'s' if len(facts.seeds) > 1 else ''} {_listed(map(str, facts.seeds))}"
        lines.append(("runs", f"{facts.runs}: {len(facts.architectures)} architectures{settings}, {seeds}"))
    else:
        lines.append(("pairs", f"{facts.runs}, each with seeds {_listed(map(str, facts.seeds))}"))
    lines += [
        (
            "data",
            f"{one.name}: {one.train_images:,} images to train on, {one.validation_images:,} to choose the epoch, "
            f"{one.test_images:,} for the test",
        )
        for one in facts.data
    ]
    lines += [("recipe", _recipe(one, alone=len(facts.trained) == 1)) for one in facts.trained]
    lines += [("matched", "; ".join(facts.matched))] if facts.matched else []
    shared = f", up to {ran.at_once} runs at once" if ran.at_once > 1 else ""
    threads = "1 thread" if ran.threads == "1" else f"{ran.threads} threads"
    lines.append(("machine", f"{ran.hardware} ({ran.device}, {threads} a run{shared})"))
    versions = ", ".join(f"{package} {version}" for package, version in ran.versions.items())
    lines.append(("versions", versions + (f"; files of revision {ran.revision}" if ran.revision else "")))
    took = f"{_duration((ended - started).total_seconds())} from first to last"
    if facts.kind == "runs":
        took += f", {_duration(ran.seconds_in_runs)} in all runs together"
    lines.append(("date", f"{started:%Y-%m-%d %H:%M} UTC; {took}"))
    return piped(("", "what was run"), lines)


def findings_part(found: Evidence) -> str:
    """The comparisons with the baseline in cnnbuild's own sentences, what speaks against each below it."""
    lines = []
    for one in found.findings.comparisons:
        lines.append(f"- {_plain(one.sentence)}")
        beside = " ".join(text for text in (one.varied, *one.confounders) if text)
        lines += [f"  <br><sub>{_plain(beside)}</sub>"] if beside else []
    return "\n".join(lines) or "Nothing is compared."


def notes_part(found: Evidence) -> str:
    """What cnnbuild observed beside the comparisons, warnings first."""
    ordered = sorted(found.findings.observations, key=lambda one: one.level != "warning")
    return "\n".join(
        f"- **{one.topic.capitalize()}{', a warning' if one.level == 'warning' else ''}.** {_plain(one.sentence)}"
        for one in ordered
    ) or "Nothing else was observed."  # fmt: skip


def figures_part(found: Evidence, names: Sequence[str]) -> str:
    """Figures beside each other where there is room, and below them what each shows.

    Raises:
        ValueError: one is not kept.
    """
    missing = [name for name in names if name not in found.figures]
    if missing or not names:
        raise ValueError(f"{found.name}: {_listed(missing) or 'no figure'} of {', '.join(found.figures)}")
    folder = found.folder.relative_to(EXPERIMENTS.parent).as_posix()
    words = [found.figures[name] for name in names]
    images = [
        f"![{_alternative(one.title)}]({folder}/{name}.svg)" for name, one in zip(names, words, strict=True)
    ]
    captions = [f"- *{_plain(one.title)}.* {_plain(one.shows)}" for one in words if one.shows]
    readings = [_plain(reading) for reading in dict.fromkeys(one.reading for one in words) if reading]
    below = [text for text in ("\n".join(captions), " ".join(readings)) if text]
    return "\n\n".join(["\n".join(images), *below])


def _recipe(trained: Trained, *, alone: bool) -> str:
    """What a recipe says, and of whom where there are several."""
    said = []
    for key in RECIPE_KEYS:
        value = trained.recipe.get(key)
        if value in (None, [], 0, 0.0, ""):
            continue
        said.append(f"{key.replace('_', ' ')} {_short(value)}")
    of = "" if alone else f"{_listed(trained.of)}: "
    return of + "; ".join(said)


def _short(value: object) -> str:
    """A value of a recipe in words: `adam (lr 0.001)`."""
    if isinstance(value, dict):
        parts = []
        for name, inner in value.items():
            told = (
                [
                    f"{key} {_short(one)}"
                    for key, one in inner.items()
                    if key not in LEFT_OUT and one not in (0, 0.0, False, None)
                ]
                if isinstance(inner, dict)
                else [_short(inner)]
            )
            parts.append(f"{name} ({', '.join(told)})" if told else str(name))
        return ", ".join(parts)
    if isinstance(value, list):
        return ", ".join(_short(one) for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _listed(words: Iterable[str]) -> str:
    *first, last = [*words] or [""]
    return f"{', '.join(first)} and {last}" if first else last


def _duration(seconds: float) -> str:
    """Seconds, minutes, or hours and minutes."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def _alternative(text: str) -> str:
    """A text that can stand between the brackets of an image."""
    return re.sub(r"[\[\]]", "", text)


def _plain(text: str) -> str:
    """A sentence of cnnbuild in Markdown: its underscores and stars are no emphasis."""
    return re.sub(r"([*<\[\]|]|(?<!\w)_|_(?!\w))", r"\\\1", text)
