"""From a study document to its cells: one architecture, one data set, one seed each, the graph checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from cnnbuild.errors import Problem
from cnnbuild.graph.graph import Graph
from cnnbuild.lang.dataset import DatasetSettings
from cnnbuild.lang.recipe import Recipe
from cnnbuild.lang.source import Plain
from cnnbuild.lang.study_document import Combination, StudyDocument
from cnnbuild.layers.registry import Registry
from cnnbuild.studies.matching import Matched
from cnnbuild.studies.naming import slug
from cnnbuild.studies.planner import Planner, Settled
from cnnbuild.studies.plugin_source import own_sources
from cnnbuild.studies.starting import Start

RUN_FORMAT = 2
"""Raised whenever the same configuration would train to another result: finished cells are then run again."""


@dataclass(frozen=True)
class Cell:
    """One run of a study, settled to the last value; `own_types` are as `own_sources` gives them.

    `grid` maps the paths of the study's grid to this run's values, and `setting` says the same in words.
    `analyses` are worked out when it ends; they change nothing of the run, and are no part of its identity.
    `start` are the weights that it begins with, where they are not drawn.
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
    analyses: tuple[str, ...] = ()
    start: Start | None = None

    @property
    def label(self) -> str:
        """How messages name the cell."""
        setting = f" ({self.setting})" if self.setting else ""
        return f"{self.architecture} on {self.dataset.label}{setting}, seed {self.seed}"

    def identity(self, fingerprint: str) -> str:
        """64 hexadecimal digits that change whenever the run's result could.

        They cover the elaborated graph (so that comments in the architecture's file do not count), the
        recipe, the data (settings and `fingerprint`), the seed, the name in the study, the source of layer
        types of the user's own, the content of a file of weights to begin with, and `RUN_FORMAT`.
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
        if self.start is not None:
            configuration["weights"] = self.start.identity
        return hashlib.sha256(json.dumps(configuration, sort_keys=True).encode()).hexdigest()

    def folder_name(self, cell_id: str) -> str:
        """The name of the run's folder."""
        return f"{slug(self.architecture)}-{self.dataset.name}-seed{self.seed}-{cell_id[:8]}"


@dataclass(frozen=True)
class StudyPlan:
    """All cells of a study, in the order in which they run, and what the files were warned of.

    `matched` says what `match` chose for each architecture on each data set at each point of the grid.
    """

    document: StudyDocument
    cells: tuple[Cell, ...]
    warnings: tuple[Problem, ...]
    matched: tuple[Matched, ...] = ()


def plan_study(
    document: StudyDocument, *, data_root: Path | None, registry: Registry | None = None
) -> StudyPlan:
    """The cells of a study; every one is elaborated, so that no shape error waits until the night.

    `registry` adds layer types to the standard ones.

    Raises:
        DocumentError: an architecture file is faulty or does not fit its data, cannot be matched, or the
            budget is not enough for a step; all faults together.
        DataError: the shape of an image folder cannot be read.
        UsageError: a layer type from outside has no source to be found.
    """
    planner = Planner(document, data_root, registry)
    cells: list[Cell] = []
    for combination in document.combinations:
        settled = planner.settle(combination)
        if settled is not None:
            own_types = own_sources(settled.graph)
            analyses = document.analyses
            cells += [_cell(combination, settled, seed, own_types, analyses) for seed in combination.seeds]
    planner.check_shared_variables()
    planner.problems.raise_if_any()
    warnings = (*document.warnings, *planner.problems.warnings)
    return StudyPlan(document, tuple(cells), warnings, tuple(planner.matched))


def _cell(
    combination: Combination,
    settled: Settled,
    seed: int,
    own_types: Mapping[str, str],
    analyses: tuple[str, ...],
) -> Cell:
    return Cell(
        architecture=combination.architecture,
        file=combination.file,
        variant=combination.variant,
        vars=settled.vars,
        dataset=combination.dataset,
        recipe=settled.recipe,
        seed=seed,
        graph=settled.graph,
        own_types=own_types,
        grid={one.path: one.value for one in combination.grid},
        setting=combination.setting,
        analyses=analyses,
        start=settled.start,
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
