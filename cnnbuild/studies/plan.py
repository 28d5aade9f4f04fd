"""From a study document to its cells: one architecture, one data set, one seed each, the graph checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Set
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from cnnbuild.errors import DocumentError, Place, Problem, Problems, UsageError
from cnnbuild.graph.data_contract import DataContract, contract_of, train_images_of
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph
from cnnbuild.graph.single_values import single_value
from cnnbuild.lang.architecture import ArchitectureDocument, read_architecture
from cnnbuild.lang.dataset import DatasetSettings
from cnnbuild.lang.recipe import Recipe
from cnnbuild.lang.source import Plain
from cnnbuild.lang.study_document import Combination, StudyDocument
from cnnbuild.layers.registry import Registry
from cnnbuild.studies.naming import slug
from cnnbuild.studies.plugin_source import own_sources
from cnnbuild.texts import did_you_mean

RUN_FORMAT = 2
"""Raised whenever the same configuration would train to another result: finished cells are then run again."""


@dataclass(frozen=True)
class Cell:
    """One run of a study, settled to the last value; `own_types` are as `own_sources` gives them.

    `grid` maps the paths of the study's grid to this run's values, and `setting` says the same in words.
    """

    architecture: str
    file: Path
    variant: str | None
    vars: Mapping[str, Plain]
    dataset: DatasetSettings
    recipe: Recipe
    seed: int
    graph: Graph
    own_types: Mapping[str, str] = field(default_factory=dict)
    grid: Mapping[str, Plain] = field(default_factory=dict)
    setting: str = ""

    @property
    def label(self) -> str:
        """How messages name the cell."""
        setting = f" ({self.setting})" if self.setting else ""
        return f"{self.architecture} on {self.dataset.label}{setting}, seed {self.seed}"

    def identity(self, fingerprint: str) -> str:
        """64 hexadecimal digits that change whenever the run's result could.

        They cover the elaborated graph (so that comments in the architecture's file do not count), the
        recipe, the data (settings and `fingerprint`), the seed, the name in the study, the source of layer
        types of the user's own, and `RUN_FORMAT`.
        """
        configuration: dict[str, object] = {
            "format": RUN_FORMAT,
            "architecture": self.architecture,
            "graph": describe_graph(self.graph),
            "dataset": self.dataset.plain(),
            "fingerprint": fingerprint,
            "recipe": self.recipe.plain(),
            "seed": self.seed,
        }
        if self.own_types:  # absent otherwise, so that runs from before there were such types keep their id
            configuration["own_types"] = dict(self.own_types)
        return hashlib.sha256(json.dumps(configuration, sort_keys=True).encode()).hexdigest()

    def folder_name(self, cell_id: str) -> str:
        """The name of the run's folder."""
        return f"{slug(self.architecture)}-{self.dataset.name}-seed{self.seed}-{cell_id[:8]}"


@dataclass(frozen=True)
class StudyPlan:
    """All cells of a study, in the order in which they run, and what the files were warned of."""

    document: StudyDocument
    cells: tuple[Cell, ...]
    warnings: tuple[Problem, ...]


def plan_study(
    document: StudyDocument, *, data_root: Path | None, registry: Registry | None = None
) -> StudyPlan:
    """The cells of a study; every one is elaborated, so that no shape error waits until the night.

    `registry` adds layer types to the standard ones.

    Raises:
        DocumentError: an architecture file is faulty or does not fit its data; all faults together.
        DataError: the shape of an image folder cannot be read.
        UsageError: a layer type from outside has no source to be found.
    """
    if document.match is not None or document.budget is not None:
        key = "match" if document.match is not None else "budget"
        raise UsageError(f"{document.file}: '{key}' is read, and this version cannot plan with it yet")
    planner = _Planner(data_root, registry)
    cells: list[Cell] = []
    for combination in document.combinations:
        graph = planner.graph_of(combination)
        if graph is not None:
            own_types = own_sources(graph)
            cells += [_cell(combination, graph, planner, seed, own_types) for seed in combination.seeds]
    planner.check_shared_variables(document)
    planner.problems.raise_if_any()
    return StudyPlan(document, tuple(cells), (*document.warnings, *planner.problems.warnings))


def _cell(
    combination: Combination, graph: Graph, planner: _Planner, seed: int, own_types: Mapping[str, str]
) -> Cell:
    return Cell(
        architecture=combination.architecture,
        file=combination.file,
        variant=combination.variant,
        vars=planner.variables_of(combination),
        dataset=combination.dataset,
        recipe=combination.recipe,
        seed=seed,
        graph=graph,
        own_types=own_types,
        grid={one.path: one.value for one in combination.grid},
        setting=combination.setting,
    )


def describe_graph(graph: Graph) -> list[object]:
    """What a graph computes, as plain data: no line numbers, no file names."""
    nodes: list[object] = [
        [node.name, node.layer.type_name, json.loads(node.layer.model_dump_json()), list(node.inputs)]
        for node in graph.nodes
    ]
    beginnings = (
        [node.name, weight, initializer.word, json.loads(initializer.model_dump_json())]
        for node in graph.nodes
        for weight, initializer in node.initial
    )
    sharing = ([n, node.shared.original] for n, node in enumerate(graph.nodes) if node.shared)
    further = [*beginnings, *sharing, *(asdict(head) for head in graph.heads)]  # of most networks, nothing
    return [*nodes, graph.output, list(graph.contract.shape), graph.contract.classes, *further]


def _at_study(problem: Problem, places: Mapping[str, Place]) -> Problem:
    """A fault of a variable's value, at the study's line that gave it instead of elaboration's `--set`."""
    name = problem.place.source_line.partition("=")[0]
    if problem.place.file == "--set" and name in places:
        return replace(problem, place=places[name])
    return problem


@dataclass
class _Planner:
    """Reads each architecture file once and collects the faults of all combinations."""

    data_root: Path | None
    registry: Registry | None
    problems: Problems = field(default_factory=Problems)
    documents: dict[Path, ArchitectureDocument | None] = field(default_factory=dict)
    contracts: dict[str, DataContract] = field(default_factory=dict)

    def document_of(self, path: Path) -> ArchitectureDocument | None:
        if path not in self.documents:
            try:
                self.documents[path] = read_architecture(path)
            except DocumentError as error:
                self.documents[path] = None
                self.adopt(error.problems)
        return self.documents[path]

    def variables_of(self, combination: Combination) -> dict[str, Plain]:
        """The values for the variables that the architecture has."""
        document = self.document_of(combination.file)
        known = document.vars if document is not None else {}
        return {v.name: v.value for v in combination.variables if v.name in known}

    def graph_of(self, combination: Combination) -> Graph | None:
        document = self.document_of(combination.file)
        if document is None or not self.is_sound(combination, document):
            return None
        label = combination.dataset.label
        if label not in self.contracts:
            self.contracts[label] = contract_of(combination.dataset, data_root=self.data_root)
        contract = self.contracts[label]
        if not self.has_images(combination, contract):
            return None
        overrides = self.variables_of(combination)
        try:
            graph = elaborate(
                document,
                contract,
                variant=combination.variant,
                overrides=overrides,
                registry=self.registry,
            )
        except DocumentError as error:
            places = {variable.name: variable.place for variable in combination.variables}
            moved = tuple(_at_study(problem, places) for problem in error.problems)
            self.adopt(moved, f"for {combination.architecture} on {combination.dataset.label}")
            return None
        self.adopt(graph.warnings)
        if refused := single_value(graph, combination.recipe):
            context = f"for {combination.architecture} on {combination.dataset.label}"
            self.problems.add(refused, combination.place, context=(context,))
            return None
        return graph

    def has_images(self, combination: Combination, contract: DataContract) -> bool:
        """Whether the data set has the images asked for, as far as can be known without loading it."""
        dataset = combination.dataset
        asked, there = dataset.train_images, train_images_of(dataset)
        if asked is None:
            return True
        if asked < contract.classes:
            fault = f"train_images: {asked} is fewer than the {contract.classes} classes of {dataset.title}"
            self.problems.add(fault, combination.dataset_place)
            return False
        if there is not None and asked > there:
            fault = f"train_images: {asked} is more than the {there:,} training images of {dataset.title}"
            hint = "the recipe's 'validation' is held out of these"
            self.problems.add(fault, combination.dataset_place, help=hint)
            return False
        return True

    def is_sound(self, combination: Combination, document: ArchitectureDocument) -> bool:
        """Whether the variant and the architecture's own variables exist; what does not is added."""
        before = len(self.problems.found)
        if combination.variant is not None and combination.variant not in document.variants:
            hint = did_you_mean(combination.variant, document.variants, listing="its variants")
            message = f"{document.file} has no variant '{combination.variant}'"
            self.problems.add(message, combination.place, help=hint)
            return False
        for variable in combination.variables:
            if not variable.shared and variable.name not in document.vars:
                hint = did_you_mean(variable.name, document.vars, listing="its variables")
                message = f"{document.file} has no variable '{variable.name}'"
                self.problems.add(message, variable.place, help=hint)
        return len(self.problems.found) == before

    def check_shared_variables(self, document: StudyDocument) -> None:
        """Add the variables, meant for all architectures, that none of them has."""
        known = {name for one in self.documents.values() if one is not None for name in one.vars}
        if None in self.documents.values():
            return  # the variables of a faulty file are not known
        for combination in document.combinations:
            self.check_varied(combination, known)
        for variable in document.named_variables:
            if variable.name not in known:
                hint = did_you_mean(variable.name, known, listing="known variables")
                message = f"no architecture of this study has a variable '{variable.name}'"
                self.problems.add(message, variable.place, help=hint)

    def check_varied(self, combination: Combination, known: Set[str]) -> None:
        """Add the variables of the grid that others have and this architecture has not."""
        document = self.documents.get(combination.file)
        for one in combination.grid:
            name = one.path.removeprefix("vars.")
            if name != one.path and name in known and document is not None and name not in document.vars:
                message = f"{document.file} has no variable '{name}', which the grid varies"
                hint = (
                    "its runs would be the same at every value: give it the variable, or a study of its own"
                )
                self.problems.add(message, combination.place, help=hint)

    def adopt(self, problems: tuple[Problem, ...], *context: str) -> None:
        for one in problems:
            self.problems.add(
                one.message,
                one.place,
                help=one.help,
                context=(*one.context, *context),
                severity=one.severity,
            )
