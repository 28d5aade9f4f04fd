"""Networks that runs left in their folders, and the blocks of the page that show them."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph
from cnnbuild.lang.architecture import parse_architecture
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.report.comparison.architectures import architecture_blocks
from cnnbuild.report.figures import figures_kept
from cnnbuild.studies.kept_graph import keep_graph
from cnnbuild.studies.kept_networks import networks_of
from cnnbuild.studies.results import StudyResults
from cnnbuild.studies.run_folder import KeptArchitecture, KeptData, RunFile, RunFolder
from tests.studies.synthetic import cell_record, study_results

SMALL = ("conv: {out_channels: 4, kernel_size: 3, padding: 1}", "relu", "flatten", "linear: 10")
DEEP = (
    "conv: {out_channels: 4, kernel_size: 3, padding: 1}",
    "relu",
    "conv: {out_channels: 8, kernel_size: 3, padding: 1}",
    "relu",
    "flatten",
    "linear: 10",
)
DATA = KeptData(
    {"name": "digits"}, "digits", "digits-0", (1, 8, 8), tuple("0123456789"), (0.0,), (1.0,), (0.0, 255.0)
)


def graph_of(layers: tuple[str, ...], name: str) -> Graph:
    text = f"cnnbuild: 1\nname: {name}\nlayers:\n" + "".join(f"  - {layer}\n" for layer in layers)
    return elaborate(
        parse_architecture(parse_yaml(text, f"{name}.yaml"), default_name=name),
        DataContract("digits", 1, 8, 8, 10),
    )


def run_file(layers: tuple[str, ...], name: str, **changes: object) -> RunFile:
    graph = graph_of(layers, name)
    kept = KeptArchitecture(
        f"{name}.yaml",
        None,
        {},
        "",
        keep_graph(graph, file=f"{name}.yaml"),
        {},
        (),
        graph.parameters,
        graph.macs,
    )
    return RunFile(replace(kept, **changes), DATA, {}, 0, "0", "0")


def study(folder: Path, **files: RunFile) -> StudyResults:
    """A study of architectures a, b, ..., of whose first run the folder keeps the network."""
    records = [cell_record(name, seed, 800 + seed) for name in files for seed in range(2)]
    for name, file in files.items():
        cell = folder / "cells" / f"{name}0"
        cell.mkdir(parents=True)
        RunFolder(cell).write_run(file)
    return study_results(*records, folder=folder)


def test_networks_are_built_from_what_their_runs_kept(tmp_path: Path):
    results = study(tmp_path, a=run_file(SMALL, "small"), b=run_file(DEEP, "deep"))
    first, second = networks_of(results)
    assert (first.architecture, first.where, first.reason) == ("a", ("digits",), "")
    # 3x3 of 1 channel to 4 (40), 4x8x8 to 10 (2,570); and 4 to 8 (296), 8x8x8 to 10 (5,130)
    assert first.graph is not None
    assert first.graph.parameters == 40 + 2570
    assert second.graph is not None
    assert second.graph.parameters == 40 + 296 + 5130
    assert second.baseline is not None
    assert second.baseline.parameters == 2610


def test_a_network_of_ones_own_layer_types_is_not_built_and_the_reason_is_told(tmp_path: Path):
    file = run_file(SMALL, "small", own_types={"mine": "0123"})
    (network,) = networks_of(study(tmp_path, a=file))
    assert network.graph is None
    assert network.reason == "it has layer types of its own (mine), whose code a report does not run"
    (block,) = architecture_blocks(study_results(cell_record("a", 0, 800), folder=tmp_path))
    assert (
        "a is shown as its expanded file and not drawn: it has layer types of its own (mine)" in block.caption
    )
    assert block.body.startswith("<pre ")


@pytest.mark.parametrize("text", ["", "{", '{"schema": 1}', "[]"])
def test_a_damaged_file_is_passed_over(tmp_path: Path, text: str):
    results = study(tmp_path, a=run_file(SMALL, "small"))
    (tmp_path / "cells" / "a0" / "run.json").write_text(text)
    assert networks_of(results) == ()
    assert architecture_blocks(results) == []


def test_a_study_that_kept_no_network_has_no_block():
    assert architecture_blocks(study_results(cell_record("a", 0, 800))) == []


def test_a_diagram_has_the_page_s_colours_ids_of_its_own_and_a_table_of_layers(tmp_path: Path):
    results = study(tmp_path, a=run_file(SMALL, "small"), b=run_file(DEEP, "deep"))
    blocks = architecture_blocks(results)
    assert [(block.name, block.title) for block in blocks] == [
        ("architecture-0", "a"),
        ("architecture-1", "b"),
        ("difference-of-architectures-1", "b, compared with a"),
    ]
    diagram = blocks[0]
    assert "4 layers, 2,610 parameters, 4,864 multiply-adds for one image of 1x8x8." in diagram.caption
    ids = re.findall(r'\bid="([^"]+)"', diagram.body)
    assert ids == ["architecture-0-title", "architecture-0-desc"]
    assert 'aria-labelledby="architecture-0-title architecture-0-desc"' in diagram.body
    assert "class=" not in diagram.body
    assert "currentColor" in diagram.body
    assert diagram.table is not None
    assert diagram.table.head == ("layer", "op", "out", "params", "MACs", "RF")
    assert [row[2] for row in diagram.table.rows] == ["4x8x8", "4x8x8", "256", "10"]


def test_a_difference_is_told_in_numbers_and_line_by_line(tmp_path: Path):
    results = study(tmp_path, a=run_file(SMALL, "small"), b=run_file(DEEP, "deep"))
    difference = architecture_blocks(results)[-1]
    # multiply-adds: 64 places x 9 x 4 + 256 x 10, and 64 x (36 + 288) + 512 x 10
    assert difference.caption.startswith(
        "From a to b: 2 added and 2 changed layers; 2,610 to 5,466 parameters (+109.4 %) and "
        "4,864 to 25,856 multiply-adds (+431.6 %)."
    )
    assert "+ conv_2" in difference.body


def test_equal_networks_are_called_equal(tmp_path: Path):
    results = study(tmp_path, a=run_file(SMALL, "small"), b=run_file(SMALL, "small"))
    assert architecture_blocks(results)[-1].caption == "b and a are the same network, layer by layer."


def test_a_diagram_is_kept_as_files_where_they_are_asked_for(tmp_path: Path):
    results = study(tmp_path, a=run_file(SMALL, "small"))
    with figures_kept() as kept:
        architecture_blocks(results)
    assert set(kept) == {"architecture-0"}
    assert kept["architecture-0"].svg.startswith("<svg ")
    assert kept["architecture-0"].png.startswith(b"\x89PNG")
