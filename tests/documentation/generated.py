"""The generated parts of the documentation.

`docs/layers.md` is generated as a whole; in the other pages a part stands between two comments:

    <!-- generated: options inspect -->
    <!-- end -->
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from cnnbuild.graph import assembly, elaboration, repetition
from cnnbuild.graph.views.reference_markdown import contents_markdown, page_markdown
from cnnbuild.graph.views.reference_page import contents, page_of
from cnnbuild.lang import analyses, expressions, files, library, operations, reader, study_settings
from cnnbuild.lang.choice import Choice
from cnnbuild.lang.dataset import DatasetOptions
from cnnbuild.lang.layer_study_settings import LayerPairSettings, LayerStudySettings
from cnnbuild.lang.recipe import (
    AugmentChoice,
    AverageChoice,
    OptimizerChoice,
    Recipe,
    ScheduleChoice,
    StopEarly,
)
from cnnbuild.lang.study_amounts import BudgetSettings, MatchSettings
from cnnbuild.lang.study_settings import ArchitectureSettings, OverrideSettings, StudySettings
from cnnbuild.lang.validation import Settings
from cnnbuild.layers.catalogue.facts import default_in_words
from cnnbuild.layers.catalogue.parameter_words import in_words
from cnnbuild.layers.initialization import INITIALIZERS
from cnnbuild.layers.registry import standard_registry
from cnnbuild.layers.schemas.study_texts import (
    BUDGET_TEXTS,
    LAYER_STUDY_TEXTS,
    MATCH_TEXTS,
    RECIPE_TEXTS,
    STUDY_TEXTS,
    texts_of,
)
from tests.cli.commands import ROOT
from tests.documentation.experiments.parts import experiment_part
from tests.documentation.options import options_table
from tests.documentation.python_names import names_part

LAYERS_PAGE = ROOT / "docs" / "layers.md"
_PART = re.compile(r"(<!-- generated: ([^\n]+) -->\n).*?(<!-- end -->)", re.DOTALL)

LAYERS_HEAD = """\
# Layer types, standard blocks and forms

Every word that a node of an architecture file can have. `cnnbuild layers` prints this table and `cnnbuild layers NAME`
one page of it; with `--plugin my_layers.py` they include layer types of your own.

Shapes are those of one image: (C, H, W) for maps, (F,) for flat tensors. A *primary* parameter is the one that a single
value sets: `- linear: 10`. Above each example stand the shapes of what enters and leaves it, and its costs. [The
language](language.md) says how the words are put together. This page is generated from the code.
"""

KINDS = {
    "architectures": "name to file or mapping",
    "datasets": "list of names, each alone or `{name: {…}}`",
    "seeds": "whole number from 1, or list of whole numbers",
    "vars": "name to value",
    "train": "mapping, see Recipe",
    "override": "list of mappings, see Overrides",
    "analyses": "list of names, see What comes out",
    "grid": "path to list of values, see Grid",
    "match": "mapping, see Equal sizes",
    "budget": "mapping, see Equal amounts of training",
    "plugins": "list of Python files",
    "when": "mapping: `dataset`, `architecture`, paths of the grid",
    "optimizer": "one of the optimizers below",
    "schedule": "one of the schedules below",
    "augment": "list of the augmentations below",
    "average": "one of the averages below",
    "freeze": "list of names and patterns of weights",
    "except": "list of names and patterns of weights",
    "stop_early": "mapping: `patience`, `min_delta`, `metric`",
    "betas": "two numbers from 0 to below 1",
    "etas": "a number below 1 and one above",
    "step_sizes": "two numbers above 0",
    "name": "name of a class",
    "layers": "name to mapping, see below",
    "input": "`3x32x32`, or a list of three whole numbers",
    "custom": "layer, or list of layers",
    "standard": "layer, or list of layers",
    "Adafactor.eps": "null or a number from 0, and a number above 0",
}
"""What a value is, where the model of the settings is wider than what is read."""

DEFAULTS = {
    "epochs": "`10`", "average": "none", "stop_early": "none", "baseline": "the first", "optimizer": "`adam`", "schedule": "`constant`", "override": "none", "analyses": "all",
    "augment": "none", "vars": "none", "train": "none", "question": "", "description": "", "variant": "",
    "freeze": "none", "excepted": "none", "weights": "drawn", "grid": "none", "match": "none", "budget": "none", "plugins": "none",
    "size": "", "train_images": "all", "path": "", "standard": "none", "expect": "", "input": "`16x16x16`, or the study's",
}  # fmt: skip
"""Defaults in words, where the model's own would not tell a reader anything."""

LIMITS = (
    ("characters of a file", reader.MAX_CHARACTERS),
    ("bytes of a file", files.MAX_BYTES),
    ("levels of nesting in YAML", reader.MAX_DEPTH),
    ("values, lists and mappings of a file, aliases expanded", reader.MAX_PARTS),
    ("items of one list", reader.MAX_ITEMS),
    ("keys of one mapping", reader.MAX_KEYS),
    ("files that a file uses, directly or through others", library.MAX_FILES),
    ("characters of an expression", expressions.MAX_LENGTH),
    ("levels of nesting in an expression", expressions.MAX_DEPTH),
    ("magnitude of a number that is computed", operations.MAX_MAGNITUDE),
    ("items of a list that is computed, inner lists counted", operations.MAX_ITEMS),
    ("characters of a text that is computed", operations.MAX_TEXT),
    ("copies of a `repeat`", repetition.MAX_COPIES),
    ("nodes of a network", elaboration.MAX_NODES),
    ("lists of layers within each other, blocks followed", elaboration.MAX_NESTING),
    ("values of one tensor, for one image", assembly.MAX_VALUES),
    ("height or width of a map", assembly.MAX_SIDE),
    ("faults that are shown of one file", elaboration.MAX_FAULTS),
    ("seeds of a study", study_settings.MAX_SEEDS),
)


def layers_page() -> str:
    """docs/layers.md."""
    registry = standard_registry()
    families = contents(registry)
    table = re.sub(r"(?m)^\| `(\w+)` \|", r"| [`\1`](#\1) |", contents_markdown(families))
    parts = [LAYERS_HEAD, re.sub(r"(?m)^## (.+)$", _family_heading, table)]
    parts += [page_markdown(page_of(page.name, registry)) for pages in families.values() for page in pages]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _family_heading(found: re.Match[str]) -> str:
    """A heading whose anchor is no word of the language."""
    family = found[1]
    return f"## Table: {family.lower()}"


def with_generated_parts(text: str) -> str:
    """A page with every generated part made anew."""
    return _PART.sub(lambda found: f"{found[1]}\n{generated(found[2])}\n\n{found[3]}", text)


def generated(what: str) -> str:
    """One generated part, such as `initialisers` or `options inspect`.

    Raises:
        ValueError: there is no such part.
    """
    kind, _, name = what.partition(" ")
    match kind:
        case "options":
            return options_table(name)
        case "initialisers":
            return _initialisers()
        case "limits":
            return _table(("at most", ""), ((f"{most:,}", noun) for noun, most in LIMITS))
        case "settings":
            return _settings(*SETTINGS[name])
        case "choices":
            return _choices(CHOICES[name])
        case "meanings":
            return _meanings(CHOICES[name])
        case "analyses":
            return _table(
                ("name", "shows"), ((f"`{word}`", shown) for word, shown in analyses.MEANINGS.items())
            )
        case "experiment":
            return experiment_part(name)
        case "python":
            return names_part(name)
        case "source":
            return f"```python\n{(ROOT / name).read_text(encoding='utf-8')}```"
        case _:
            raise ValueError(f"there is no generated part '{what}'")


SETTINGS: dict[str, tuple[type[Settings], Mapping[str, str]]] = {
    "study": (StudySettings, STUDY_TEXTS),
    "architecture": (ArchitectureSettings, STUDY_TEXTS),
    "override": (OverrideSettings, STUDY_TEXTS),
    "layer_study": (LayerStudySettings, LAYER_STUDY_TEXTS),
    "layer": (LayerPairSettings, LAYER_STUDY_TEXTS),
    "recipe": (Recipe, RECIPE_TEXTS),
    "stop_early": (StopEarly, texts_of("stop_early")),
    "dataset": (DatasetOptions, STUDY_TEXTS),
    "match": (MatchSettings, MATCH_TEXTS),
    "budget": (BudgetSettings, BUDGET_TEXTS),
}
CHOICES: dict[str, type[Choice]] = {
    "optimizers": OptimizerChoice, "schedules": ScheduleChoice, "augmentations": AugmentChoice,
    "averages": AverageChoice,
}  # fmt: skip


def _settings(model: type[Settings], texts: Mapping[str, str]) -> str:
    """The table of a model: key, what it takes, its default, what it means."""
    kinds = _kinds(model)
    rows = [
        (f"`{key}`", kinds[key], _default(name, model), texts[key].partition(" Default:")[0])
        for name, field in model.model_fields.items()
        for key in [field.alias or name]
    ]
    return _table(("key", "takes", "default", "means"), rows)


def _choices(choice: type[Choice]) -> str:
    """The table of the words that a choice has, with the parameters of each."""
    rows = []
    for name, field in choice.model_fields.items():
        model = next(m for m in _models_of(field.annotation) if issubclass(m, Settings))
        about = " ".join((model.__doc__ or "").split("\n\n")[0].split())
        rows.append((f"`{name}`", _parameters(model), about))
    return _table(("word", "parameters", "means"), rows)


def _meanings(choice: type[Choice]) -> str:
    """The table of the parameters that the words of a choice have, with what each means and whose it is."""
    found: dict[tuple[str, str], list[str]] = {}
    for word, field in choice.model_fields.items():
        texts = texts_of(word)
        for model in _models_of(field.annotation):
            for name in model.model_fields:
                found.setdefault((name, texts[name]), []).append(f"`{word}`")
    words = len(choice.model_fields)
    rows = [
        (f"`{name}`", text, "all" if len(of) == words else ", ".join(of))
        for (name, text), of in found.items()
    ]
    return _table(("parameter", "means", "of"), rows)


def _models_of(annotation: object) -> list[type[Settings]]:
    return [part for part in getattr(annotation, "__args__", ()) if part is not type(None)]


def _initialisers() -> str:
    rows = []
    for word, model in INITIALIZERS.items():
        about, _, source = (model.__doc__ or "").partition(": `")
        rows.append(
            (
                f"`{word}`", _parameters(model, model.primary), about.rstrip("."),
                f"`{source.rstrip('.')}" if source else "",
            )
        )  # fmt: skip
    return _table(("word", "parameters", "fills a weight", "is"), rows)


def _parameters(model: type[Settings], primary: str | None = None) -> str:
    kinds = _kinds(model)
    told = []
    for name, field in model.model_fields.items():
        star = "; a single value sets it" if name == primary else ""
        if field.is_required():
            told.append(f"`{name}`: {kinds[name]}, required{star}")
        else:
            told.append(f"`{name} = {default_in_words(_plain(field.get_default()))}`: {kinds[name]}{star}")
    return "<br>".join(told)


def _kinds(model: type[Settings]) -> dict[str, str]:
    schema = model.model_json_schema()
    found = {name: in_words(part, schema.get("$defs", {})) for name, part in schema["properties"].items()}
    return {name: _known_kind(model, name, kind) for name, kind in found.items()}


def _known_kind(model: type[Settings], name: str, kind: str) -> str:
    """A kind in the words of `KINDS`, else without the bounds that nobody meets."""
    said = KINDS.get(f"{model.__name__}.{name}") or KINDS.get(name)
    return said or kind.removesuffix(" or null").replace(" to 1000000000", "")


def _default(name: str, model: type[Settings]) -> str:
    field = model.model_fields[name]
    if field.is_required():
        return "required"
    if name in DEFAULTS:
        return DEFAULTS[name]
    default = field.get_default()
    return "" if default is None else f"`{default_in_words(_plain(default))}`"


def _plain(value: object) -> object:
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)
