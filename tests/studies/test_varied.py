"""In what two networks differ, as the sentence beside a finding names it."""

from pathlib import Path

import pytest

from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.lang.architecture import parse_architecture, read_architecture
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.studies.findings import Finding, findings_of
from cnnbuild.studies.kept_graph import keep_graph
from cnnbuild.studies.run_folder import KeptArchitecture, KeptData, RunFile, RunFolder
from cnnbuild.studies.varied import factors_of
from tests.studies.synthetic import cell_record, study_results

ROOT = Path(__file__).parents[2]
CONTRACT = DataContract("3x32x32", 3, 32, 32, 10)

PLAIN = """\
cnnbuild: 1
vars: {width: 8, size: 3}
variants: {wide: {width: 16}}
layers:
  - conv: {out_channels: $width, kernel_size: $size, padding: half}
    name: first
  - relu:
    name: active
  - conv: {out_channels: $width, kernel_size: $size, padding: half}
    name: second
  - relu
  - flatten
  - linear: $data.classes
"""


def kept(text: str, variant: str | None = None, **variables: object) -> KeptArchitecture:
    """What `run.json` keeps of a network of this text."""
    document = parse_architecture(parse_yaml(text, "net.yaml"), default_name="net")
    graph = elaborate(document, CONTRACT, variant=variant, overrides=variables)  # type: ignore[arg-type]
    network = keep_graph(graph, file="net.yaml")
    return KeptArchitecture(
        "net.yaml", variant, dict(variables), text, network, {}, (), graph.parameters, graph.macs
    )


def differing(first: KeptArchitecture, second: KeptArchitecture) -> list[str]:
    factors = factors_of(first, second)
    assert factors is not None
    return [str(factor) for factor in factors]


def test_networks_of_one_file_differ_in_their_variables_with_defaults_filled_in() -> None:
    assert differing(kept(PLAIN, size=5), kept(PLAIN)) == ["size (5 against 3)"]
    assert differing(kept(PLAIN, size=5, width=8), kept(PLAIN, width=4)) == [
        "width (8 against 4)",
        "size (5 against 3)",
    ]
    assert differing(kept(PLAIN, "wide", width=16), kept(PLAIN, "wide")) == []
    assert differing(kept(PLAIN), kept(PLAIN)) == []


def test_variants_of_one_file_differ_in_what_they_set() -> None:
    assert differing(kept(PLAIN, "wide"), kept(PLAIN)) == ["width (16 against 8)"]
    assert differing(kept(PLAIN, "wide", size=5), kept(PLAIN, size=3)) == [
        "width (16 against 8)",
        "size (5 against 3)",
    ]
    assert differing(kept(PLAIN, "wide"), kept(PLAIN, width=16)) == []


def test_shortcuts_of_a_long_network_are_one_factor() -> None:
    text = (ROOT / "architectures" / "zoo" / "resnet_cifar.yaml").read_text()
    plain, identity = kept(text, "plain32"), kept(text, "resnet32", transition="none")
    assert differing(identity, plain) == ["shortcut (identity against none)"]


@pytest.mark.parametrize(
    ("old", "new", "factors"),
    [
        ("relu", "gelu", ["gelu in place of relu"]),
        ("{width: 8, size: 3}", "{width: 8, size: 5}", ["kernel_size of conv (5 against 3)"]),
        ("{width: 8,", "{width: 4,", ["the widths of layers"]),
        ("  - flatten", "  - batch_norm\n  - flatten", ["batch_norm added"]),
        ("    name: second\n  - relu\n", "    name: second\n", ["relu left out"]),
        ("  - flatten", "  - add: [prev, active]\n  - flatten", ["add added"]),
        ("# nothing", "# another comment", []),
        ("name: second", "name: other", []),
    ],
)
def test_networks_of_two_files_are_compared_node_by_node(old: str, new: str, factors: list[str]) -> None:
    first, second = PLAIN + "# nothing\n", PLAIN + "# nothing\n# of another file\n"
    assert old in first
    assert differing(kept(first.replace(old, new)), kept(second)) == factors


def test_nodes_that_read_others_are_a_factor_of_their_own() -> None:
    joined = PLAIN.replace("  - flatten", "  - add: [prev, active]\n  - flatten")
    otherwise = PLAIN.replace("  - flatten", "  - add: [prev, first]\n  - flatten")
    assert differing(kept(joined), kept(otherwise)) == ["how layers are joined"]


def test_a_norm_that_is_left_out_of_a_residual_network_is_the_only_factor() -> None:
    assert differing(kept(BLOCK.replace("          - batch_norm\n", "")), kept(BLOCK)) == [
        "batch_norm left out"
    ]


BLOCK = """\
cnnbuild: 1
layers:
  - conv: {out_channels: 8, kernel_size: 3, padding: half}
  - residual:
      body:
          - conv: {out_channels: 8, kernel_size: 3, padding: half}
          - batch_norm
          - relu
          - conv: {out_channels: 8, kernel_size: 3, padding: half}
  - flatten
  - linear: $data.classes
"""


def test_every_shipped_network_is_the_same_as_itself_in_another_file() -> None:
    names = ["simple_cnn", "residual_blocks", "resnet"]
    for name in names:
        document = read_architecture(ROOT / "architectures" / f"{name}.yaml")
        network = keep_graph(elaborate(document, CONTRACT), file="a.yaml")
        again = keep_graph(elaborate(document, CONTRACT), file="b.yaml")
        assert network is not None
        one, other = (
            KeptArchitecture(file, None, {}, file, of, {}, (), 0, 0)
            for file, of in (("a.yaml", network), ("b.yaml", again))
        )
        assert factors_of(one, other) == ()


def study_of(folder: Path, first: KeptArchitecture, second: KeptArchitecture, **changes: object) -> Finding:
    """The finding on b, whose network is `first`, against the baseline a; `changes` are of b's records."""
    records = [cell_record("a", seed, 800) for seed in range(3)]
    records += [cell_record("b", seed, 890 + seed, **changes) for seed in range(3)]
    data = KeptData({}, "digits", "f", (3, 32, 32), ("0",), (0.0,), (1.0,), (0.0, 1.0))
    for record in records:
        cell = RunFolder(folder / "cells" / record.cell_id)
        cell.prepare()
        network = second if record.architecture == "a" else first
        cell.write_run(RunFile(network, data, {}, record.seed, "id", "0"))
    (finding,) = findings_of(study_results(*records, folder=folder))
    return finding


def test_the_only_factor_of_a_study_is_named(tmp_path: Path) -> None:
    assert study_of(tmp_path, kept(PLAIN, size=5), kept(PLAIN)).varied == (
        "Varied: size (5 against 3), and nothing else."
    )


def test_a_factor_beside_another_recipe_is_not_the_only_one(tmp_path: Path) -> None:
    finding = study_of(tmp_path, kept(PLAIN, size=5), kept(PLAIN), recipe={"epochs": 5})
    assert finding.varied == "Varied: size (5 against 3)."
    assert finding.confounders == ("Their recipes differ: epochs is 5 for b and 3 for a.",)


def test_several_factors_are_not_told_apart(tmp_path: Path) -> None:
    assert study_of(tmp_path, kept(PLAIN, size=5, width=16), kept(PLAIN)).varied == (
        "Varied together: width (16 against 8), size (5 against 3); no difference can be put down to one of them alone."
    )


def test_one_network_under_two_names_is_called_the_same(tmp_path: Path) -> None:
    assert (
        study_of(tmp_path, kept(PLAIN), kept(PLAIN)).varied == "Varied: nothing, both networks are the same."
    )


def test_the_weights_at_the_start_are_a_factor(tmp_path: Path) -> None:
    start = {"file": "/runs/digits/weights.pt", "sha256": "ab12" * 16, "except": ["fc"]}
    told = (
        "the weights at the start (digits/weights.pt (sha256 ab12ab12ab12), except fc against drawn weights)"
    )
    alone = study_of(tmp_path / "1", kept(PLAIN), kept(PLAIN), weights=start)
    assert alone.varied == f"Varied: {told}, and nothing else."
    frozen = {"epochs": 3, "freeze": ["first"]}
    together = study_of(tmp_path / "2", kept(PLAIN), kept(PLAIN), weights=start, recipe=frozen)
    assert together.varied == (
        f"Varied together: {told}, what is frozen ([first] against nothing); no difference can be put down to one of "
        "them alone."
    )
    other = study_of(tmp_path / "3", kept(PLAIN, size=5), kept(PLAIN), weights=start)
    assert other.varied.startswith(f"Varied together: size (5 against 3), {told}; ")
    only = study_of(tmp_path / "4", kept(PLAIN), kept(PLAIN), recipe=frozen)
    assert only.varied == "Varied: what is frozen ([first] against nothing), and nothing else."


def test_runs_that_kept_no_network_say_nothing_of_what_was_varied() -> None:
    records = [cell_record(name, seed, 800) for name in "ab" for seed in range(3)]
    (finding,) = findings_of(study_results(*records))
    assert finding.varied == ""
