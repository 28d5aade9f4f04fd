"""`cnnbuild new`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cnnbuild.cli.scaffolds import architecture_text
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.lang.source import to_plain
from tests.cli.commands import cnnbuild


def test_a_new_network_is_fine_on_every_named_data_set(tmp_path: Path) -> None:
    outcome = cnnbuild("new", "my_net.yaml", cwd=tmp_path)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == (
        "Written: my_net.yaml, .cnnbuild/architecture.schema.json\n"
        "Look at it:  cnnbuild inspect my_net.yaml --dataset digits\n"
        "Train it:    cnnbuild train my_net.yaml --dataset digits --epochs 5\n"
    )
    text = (tmp_path / "my_net.yaml").read_text()
    assert text.startswith(
        "# yaml-language-server: $schema=.cnnbuild/architecture.schema.json\ncnnbuild: 1\n"
    )
    schema = json.loads((tmp_path / ".cnnbuild" / "architecture.schema.json").read_text())
    assert "layers" in schema["properties"]
    for dataset in ("digits", "mnist", "cifar10"):
        checked = cnnbuild("check", "my_net.yaml", "--names", "--dataset", dataset, cwd=tmp_path)
        assert (checked.code, checked.err) == (0, "")
        inspected = cnnbuild("inspect", "my_net.yaml", "-d", dataset, "-f", "json", cwd=tmp_path)
        # stages: 16 and 32 filters of 3x3 with a norm each; then 32 * 10 + 10
        channels = 3 if dataset == "cifar10" else 1
        expected = channels * 16 * 9 + 32 + 16 * 32 * 9 + 64 + 330
        assert json.loads(inspected.out)["totals"]["parameters"] == expected


def test_the_promise_in_the_comment_holds(tmp_path: Path) -> None:
    lines = architecture_text("net").splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("# expect:"))
    lines[start:] = [line.removeprefix("# ") for line in lines[start:]]
    (tmp_path / "net.yaml").write_text("\n".join(lines) + "\n")
    outcome = cnnbuild("check", "net.yaml", cwd=tmp_path)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == "net.yaml: an architecture, fine for 3x32x32, 10 classes; 1 expectation holds\n"


def test_a_new_study_of_new_networks_runs(tmp_path: Path) -> None:
    (tmp_path / "nets").mkdir()
    assert cnnbuild("new", "nets/one.yaml", cwd=tmp_path).code == 0
    assert cnnbuild("new", "two.yaml", cwd=tmp_path).code == 0
    outcome = cnnbuild(
        "new", "--study", "my_study.yaml", "--architectures", "nets/one.yaml", "two.yaml", cwd=tmp_path
    )
    assert (outcome.code, outcome.err) == (0, "")
    study = to_plain(parse_yaml((tmp_path / "my_study.yaml").read_text(), "my_study.yaml"))
    assert isinstance(study, dict)
    assert study["architectures"] == {"one": "nets/one.yaml", "two": "two.yaml"}
    assert (study["study"], study["baseline"], study["datasets"]) == ("my_study", "one", ["digits"])
    assert cnnbuild("check", "my_study.yaml", "--strict", cwd=tmp_path).out == (
        "my_study.yaml: a study of 6 runs (@quick: 2); every network fits its data\n"
    )
    assert cnnbuild("run", "my_study.yaml@quick", cwd=tmp_path).code == 0


def test_a_new_library_has_a_block_that_a_network_can_use(tmp_path: Path) -> None:
    assert cnnbuild("new", "--blocks", cwd=tmp_path).code == 0
    (tmp_path / "net.yaml").write_text(
        "cnnbuild: 1\nuses: [my_blocks.yaml]\nlayers:\n  - conv_stage: 8\n  - flatten\n  - linear: $data.classes\n"
    )
    outcome = cnnbuild("check", ".", cwd=tmp_path)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == (
        "my_blocks.yaml: a library of 1 block (conv_stage), fine in form\n"
        "net.yaml: an architecture, fine for 3x32x32, 10 classes\n"
        "2 files: 2 fine\n"
    )


def test_names_that_yaml_would_read_as_something_else_are_put_in_quotes(tmp_path: Path) -> None:
    for file in ("12.yaml", "true.yaml", "a net: #1.yaml"):
        assert cnnbuild("new", file, cwd=tmp_path).code == 0
        tree = to_plain(parse_yaml((tmp_path / file).read_text(), file))
        assert isinstance(tree, dict)
        assert tree["name"] == file.removesuffix(".yaml")
    assert cnnbuild("new", "--study", "-a", "12.yaml", cwd=tmp_path).code == 0
    assert cnnbuild("check", "my_study.yaml", cwd=tmp_path).code == 0


def test_a_schema_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / ".cnnbuild").mkdir()
    (tmp_path / ".cnnbuild" / "architecture.schema.json").write_text("mine")
    assert cnnbuild("new", cwd=tmp_path).out.startswith("Written: my_net.yaml\n")
    assert (tmp_path / ".cnnbuild" / "architecture.schema.json").read_text() == "mine"


def test_no_file_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text("mine")
    outcome = cnnbuild("new", "net.yaml", cwd=tmp_path)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == "error: net.yaml exists already, and is left as it is; choose another name\n"
    assert (tmp_path / "net.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none/net.yaml"], "error: none/net.yaml: there is no folder none; make it first\n"),
        (["net.txt"], "error: net.txt: the file must end with .yaml\n"),
        (
            ["net.yaml", "other.yaml"],
            "error: only a study names architectures, and here is other.yaml: add --study\n",
        ),
        (
            ["--study", "s.yaml"],
            "error: say what the study compares: --architectures my_net.yaml other.yaml@small\n",
        ),
        (["--study", "s.yaml", "-a", "none.yaml"], "error: none.yaml: there is no such file\n"),
        (
            ["--study", "--blocks"],
            "error: a file is a study or a library of blocks; give --study or --blocks\n",
        ),
    ],
)
def test_what_cannot_be_begun_is_exit_code_2_and_leaves_nothing(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    outcome = cnnbuild("new", *arguments, cwd=tmp_path)
    assert (outcome.code, outcome.out, outcome.err) == (2, "", message)
    assert list(tmp_path.iterdir()) == []
