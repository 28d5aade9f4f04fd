"""The networks of a study as graphs, from the folders of its runs. No torch; nothing of a user's is run."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cnnbuild.errors import CnnbuildError
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.graph import Graph
from cnnbuild.layers.registry import standard_registry
from cnnbuild.studies.kept_graph import graph_from
from cnnbuild.studies.results import ResultRow, StudyResults
from cnnbuild.studies.run_folder import RunFile, RunFolder
from cnnbuild.studies.store import StudyFolder


@dataclass(frozen=True, slots=True)
class KeptNetwork:
    """One network of an architecture, and the data sets and settings (as `ResultRow.where`) that it is of.

    `graph` is None where it cannot be built without running what a user wrote; `reason` says why. `text` is
    the network expanded, empty where not even that was kept. `baseline` is the baseline's graph on the first
    of the data sets.
    """

    architecture: str
    where: tuple[str, ...]
    graph: Graph | None
    text: str
    reason: str = ""
    baseline: Graph | None = None


def networks_of(results: StudyResults) -> tuple[KeptNetwork, ...]:
    """The networks of a study in the order of its architectures, each once.

    An architecture has several where data sets differ in their images, or where the grid changes it. Left out
    are those of which no run has left its `run.json`.
    """
    found: dict[tuple[str, str, str], KeptNetwork] = {}
    baselines: dict[tuple[str, str], Graph | None] = {}
    for row in results.rows:
        if row.architecture == results.study.baseline and (file := _run_file(results, row)) is not None:
            baselines[(row.dataset, row.setting)] = _network(row, file).graph
    for row in results.rows:
        file = _run_file(results, row)
        if file is None:
            continue
        network = _network(row, file)
        key = (row.architecture, network.text, str((file.data.shape, len(file.data.class_names))))
        if key in found:
            found[key] = replace(found[key], where=(*found[key].where, row.where))
        else:
            found[key] = replace(network, baseline=baselines.get((row.dataset, row.setting)))
    order = results.study.architectures
    return tuple(sorted(found.values(), key=lambda network: order.index(network.architecture)))


def _run_file(results: StudyResults, row: ResultRow) -> RunFile | None:
    """What the first of a row's runs that tells it says of its network."""
    wanted = (row.architecture, row.dataset, row.setting)
    for cell in results.study.cells:
        folder = RunFolder(StudyFolder(results.folder).cell(cell.folder))
        if (cell.architecture, cell.dataset, cell.setting) == wanted and (folder.path / "run.json").is_file():
            try:
                return folder.read_run()
            except CnnbuildError:
                continue
    return None


def _network(row: ResultRow, file: RunFile) -> KeptNetwork:
    kept, where = file.architecture.network, (row.where,)
    if kept is None:
        return KeptNetwork(row.architecture, where, None, "", "it cannot be said in a file")
    if file.architecture.own_types:
        names = ", ".join(file.architecture.own_types)
        reason = f"it has layer types of its own ({names}), whose code a report does not run"
        return KeptNetwork(row.architecture, where, None, kept.text, reason)
    contract = DataContract(str(file.data.settings.get("name")), *file.data.shape, len(file.data.class_names))
    try:
        graph = graph_from(kept, contract, standard_registry())
    except CnnbuildError as error:
        return KeptNetwork(row.architecture, where, None, kept.text, f"its run.json is damaged: {error}")
    return KeptNetwork(row.architecture, where, graph, kept.text)
