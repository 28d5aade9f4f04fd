"""What `cnnbuild check` finds in one file: its kind, its problems, and what to say of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cnnbuild.cli.terminal import counted
from cnnbuild.errors import CnnbuildError, DocumentError, Problem, Problems

if TYPE_CHECKING:
    from cnnbuild.graph.data_contract import DataContract
    from cnnbuild.graph.graph import Graph
    from cnnbuild.lang.architecture import ArchitectureDocument
    from cnnbuild.lang.layer_study_document import LayerStudyDocument
    from cnnbuild.lang.scope import Scope
    from cnnbuild.lang.source import YamlMap
    from cnnbuild.lang.study_document import StudyDocument
    from cnnbuild.layers.registry import Registry

Kind = Literal["architecture", "study", "library of blocks", "unknown"]


@dataclass(frozen=True)
class Case:
    """What files are checked for; `contract` replaces the images that they name themselves.

    `registry` has the layer types of the `plugins`; with `trust`, those that a study asks for come to them.
    """

    registry: Registry
    contract: DataContract | None = None
    data_root: Path | None = None
    names: bool = False
    plugins: tuple[Path, ...] = ()
    trust: bool = False


@dataclass(frozen=True)
class FileReport:
    """What was found in one file.

    `summary` says what a sound file is, and is empty for a faulty one. `fault` is what was wrong where no
    place can be named, such as a file that does not exist. `unmet` are the promises that do not hold.
    """

    file: Path
    kind: Kind
    summary: str = ""
    problems: tuple[Problem, ...] = ()
    unmet: tuple[Problem, ...] = ()
    fault: str = ""

    @property
    def errors(self) -> int:
        """How many faults and broken promises there are."""
        faults = sum(problem.severity == "error" for problem in self.problems)
        return faults + len(self.unmet) + bool(self.fault)

    @property
    def warnings(self) -> int:
        """How many problems are no errors."""
        return sum(problem.severity == "warning" for problem in self.problems)

    def exit_code(self, *, strict: bool) -> int:
        """2 for a faulty file, 1 for a broken promise or, where `strict`, a warning, else 0."""
        if self.fault or any(problem.severity == "error" for problem in self.problems):
            return 2
        return 1 if self.unmet or (strict and self.warnings) else 0


def check_file(file: Path, case: Case) -> FileReport:
    """What is found in a file; nothing is raised for what is wrong with it."""
    from cnnbuild.lang.files import read_yaml
    from cnnbuild.lang.source import YamlMap

    kind: Kind = "unknown"
    try:
        tree = read_yaml(file)
        if isinstance(tree, YamlMap):
            kind = kind_of(tree)
            if kind == "study":
                return _check_study(file, tree, case)
            if kind == "library of blocks":
                return _check_library(file, tree, case.registry)
        kind = "architecture"
        return _check_architecture(file, case)
    except DocumentError as error:
        return FileReport(file, kind, problems=error.problems)
    except CnnbuildError as error:
        return FileReport(file, kind, fault=str(error))


def kind_of(tree: YamlMap) -> Kind:
    """Which of cnnbuild's documents a file is, by its top-level keys."""
    from cnnbuild.lang.library import is_library

    if tree.get("study") is not None:
        return "study"
    return "library of blocks" if is_library(tree) else "architecture"


def _check_study(file: Path, tree: YamlMap, case: Case) -> FileReport:
    """The study itself and each of its variants, planned to the last cell."""
    from cnnbuild.lang.layer_study import is_layer_study
    from cnnbuild.lang.source import YamlMap

    written = tree.get("variants")
    variants = [entry.name for entry in written] if isinstance(written, YamlMap) else []
    problems, counts = Problems(), {}
    compares_layers = is_layer_study(tree)
    for variant in (None, *variants):
        try:
            count, warnings = (_planned_layers if compares_layers else _planned_runs)(file, variant, case)
        except DocumentError as error:
            problems.extend(error.problems)
            continue
        problems.extend(warnings)
        counts[variant] = count
    if problems.errors:
        return FileReport(file, "study", problems=(*problems.errors, *problems.warnings))
    runs = counted(counts[None], "layer" if compares_layers else "run")
    others = ", ".join(f"@{variant}: {counts[variant]}" for variant in variants)
    fits = "every layer fits its input" if compares_layers else "every network fits its data"
    told = f"a study of {runs}{f' ({others})' if others else ''}; {fits}"
    return FileReport(file, "study", told, problems.warnings)


def _planned_runs(file: Path, variant: str | None, case: Case) -> tuple[int, tuple[Problem, ...]]:
    """How many runs a study has, and what it is warned of."""
    from cnnbuild.lang.study import read_study
    from cnnbuild.studies.plan import plan_study

    document = read_study(file, variant=variant)
    plan = plan_study(document, data_root=case.data_root, registry=_registry_of(document, case))
    return len(plan.cells), plan.warnings


def _planned_layers(file: Path, variant: str | None, case: Case) -> tuple[int, tuple[Problem, ...]]:
    """How many layers a study compares, and what it is warned of."""
    from cnnbuild.lang.layer_study import read_layer_study
    from cnnbuild.studies.layer_comparison.plan import plan_layers

    document = read_layer_study(file, variant=variant)
    plan = plan_layers(document, registry=_registry_of(document, case))
    return len(plan.pairs), plan.warnings


def _registry_of(document: StudyDocument | LayerStudyDocument, case: Case) -> Registry:
    """The layer types for a study, those of its own plugins among them."""
    from cnnbuild.studies.trust import registry_for

    return registry_for(document, case.plugins, trust=case.trust) if document.plugins else case.registry


def _check_library(file: Path, tree: YamlMap, registry: Registry) -> FileReport:
    """The form of a library; what shapes its blocks come to is known where a network calls them."""
    from cnnbuild.graph.written_calls import library_faults
    from cnnbuild.lang.library import parse_library

    library = parse_library(tree)
    problems = library_faults(library, registry)
    if problems.errors:
        return FileReport(file, "library of blocks", problems=(*problems.errors, *problems.warnings))
    blocks = library.scope.blocks
    shadowing = _shadowing(library.scope)
    told = f"a library of {counted(len(blocks), 'block')} ({', '.join(blocks)}), fine in form{shadowing}"
    return FileReport(file, "library of blocks", told)


def _check_architecture(file: Path, case: Case) -> FileReport:
    """Every promise once, and every variant that none of them covers."""
    from cnnbuild.graph.data_contract import DataContract
    from cnnbuild.graph.elaborate import elaborate
    from cnnbuild.graph.expectations import contract_expected, unmet
    from cnnbuild.graph.published_names import idle_rules
    from cnnbuild.lang.architecture import read_architecture

    document = read_architecture(file)
    promised = [(expectation, contract_expected(expectation)) for expectation, _ in document.expectations]
    graphs = [
        elaborate(document, each, variant=e.variant, overrides=e.vars, registry=case.registry)
        for e, each in promised
    ]
    broken = tuple(
        problem
        for (expectation, place), graph in zip(document.expectations, graphs, strict=True)
        for problem in unmet(expectation, place, graph)
    )
    asked = case.contract is not None
    images = case.contract or (promised[0][1] if promised else DataContract("3x32x32", 3, 32, 32, 10))
    covered = {} if asked else {e.variant for e, _ in promised if not e.vars}
    told_of = [] if asked else [each for _, each in promised]
    for variant in (None, *document.variants):
        if variant not in covered:
            graphs.append(elaborate(document, images, variant=variant, registry=case.registry))
            told_of.append(images)
    if idle := idle_rules(document, graphs):
        raise DocumentError(idle)
    problems = _warnings(document, graphs, case)
    if broken:
        told = f"not what it promises: {counted(len(broken), 'figure')} under `expect:`"
        return FileReport(file, "architecture", told, problems, broken)
    sizes = " and ".join(dict.fromkeys(f"{each.name}, {each.classes} classes" for each in told_of))
    count = len(promised)
    kept = f"; {counted(count, 'expectation')} {'hold' if count > 1 else 'holds'}" if count else ""
    variety = f" in {counted(len(document.variants), 'variant')}" if document.variants else ""
    told = f"an architecture{variety}, fine for {sizes}{kept}{_shadowing(document.scope)}"
    return FileReport(file, "architecture", told, problems)


def _shadowing(scope: Scope) -> str:
    """The blocks in scope that are called like a standard block, which they replace here."""
    from cnnbuild.layers.standard_blocks import standard_block_names

    names = [f"'{name}'" for name in scope.names() if name in standard_block_names()]
    if not names:
        return ""
    what = "replaces the standard block" if len(names) == 1 else "replace the standard blocks"
    return f"; its {' and '.join(names)} {what} of that name"


def _warnings(document: ArchitectureDocument, graphs: Iterable[Graph], case: Case) -> tuple[Problem, ...]:
    """The warnings of all the networks, each once, in the order of the file."""
    from cnnbuild.graph.views.unstable_names import unstable_names

    graphs, problems = tuple(graphs), Problems()
    for graph in graphs:
        problems.extend(graph.warnings)
    if case.names:
        problems.extend(unstable_names(document, graphs))
    return problems.warnings
