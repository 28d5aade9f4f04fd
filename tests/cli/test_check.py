"""`cnnbuild check`."""

from __future__ import annotations

from pathlib import Path

from tests.cli.commands import ROOT, cnnbuild

GOOD = "cnnbuild: 1\nlayers:\n  - flatten\n  - linear: $data.classes\nexpect:\n  - {input: [1, 2, 2], classes: 3, parameters: 15}\n"


def test_every_shipped_file_is_fine() -> None:
    files = sorted(
        path.relative_to(ROOT)
        for folder in ("architectures", "studies")
        for path in (ROOT / folder).rglob("*.yaml")
    )
    assert len(files) >= 8
    outcome = cnnbuild("check", *files)
    assert (outcome.code, outcome.err) == (0, "")
    assert len(outcome.out.splitlines()) == len(files)


def test_a_promise_that_does_not_hold_is_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(GOOD.replace("15", "16"))
    outcome = cnnbuild("check", "net.yaml", cwd=tmp_path)
    assert outcome.code == 1
    assert outcome.out == "net.yaml: not what it promises: 1 figure under `expect:`\n"
    assert outcome.err == (
        "net.yaml:6:5: error: expected 16 parameters, found 15 (input 1x2x2, 3 classes)\n"
        "    6 |   - {input: [1, 2, 2], classes: 3, parameters: 16}\n"
        "      |     ^\n"
        "      = help: if the file is right, write `parameters: 15`\n\n"
    )


def test_a_faulty_file_does_not_hide_the_next_one(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("cnnbuild: 1\nlayers: [covn]\n")
    (tmp_path / "good.yaml").write_text(GOOD)
    outcome = cnnbuild("check", "bad.yaml", "good.yaml", "none.yaml", cwd=tmp_path)
    assert outcome.code == 2
    assert outcome.out == "good.yaml: an architecture, fine for 1x2x2, 3 classes; 1 expectation holds\n"
    assert "bad.yaml:2:10: error: unknown layer type 'covn'" in outcome.err
    assert "none.yaml: there is no such file" in outcome.err


def test_a_warning_does_not_make_a_file_faulty(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text("cnnbuild: 1\nvars: {idle: 3}\n" + GOOD.removeprefix("cnnbuild: 1\n"))
    outcome = cnnbuild("check", "net.yaml", cwd=tmp_path)
    assert outcome.code == 0
    assert "net.yaml:2:8: warning: the variable 'idle' changes nothing" in outcome.err


def test_every_variant_is_checked_for_the_images_asked_for(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(
        "cnnbuild: 1\nvars: {window: 2}\nvariants:\n  small: {}\n  large: {window: 40}\n"
        "layers:\n  - max_pool: $window\n  - flatten\n  - linear: $data.classes\n"
    )
    outcome = cnnbuild("check", "net.yaml", "--input", "1x28x28", "--classes", "10", cwd=tmp_path)
    assert outcome.code == 2
    assert "a window of 40x40 does not fit into (1, 28, 28)" in outcome.err


def test_the_file_itself_is_checked_where_its_variants_repair_it(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(
        "cnnbuild: 1\nvars: {window: 40}\nvariants:\n  small: {window: 2}\n"
        "layers:\n  - max_pool: $window\n  - flatten\n  - linear: $data.classes\n"
        "expect:\n  - {variant: small, input: [1, 2, 2], classes: 3, parameters: 6}\n"
    )
    outcome = cnnbuild("check", "net.yaml", cwd=tmp_path)
    assert outcome.code == 2
    assert "a window of 40x40 does not fit into (1, 2, 2)" in outcome.err


def test_an_expectation_is_checked_with_its_variables(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(
        "cnnbuild: 1\nvars: {window: 4}\nlayers:\n  - max_pool: $window\n  - flatten\n  - linear: $data.classes\n"
        "expect:\n"
        "  - {input: [1, 4, 4], classes: 3, parameters: 6}\n"
        "  - {vars: {window: 2}, input: [1, 2, 2], classes: 3, parameters: 6}\n"
    )
    outcome = cnnbuild("check", "net.yaml", cwd=tmp_path)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == (
        "net.yaml: an architecture, fine for 1x4x4, 3 classes and 1x2x2, 3 classes; 2 expectations hold\n"
    )


def test_a_study_is_checked_with_plugins(tmp_path: Path) -> None:
    (tmp_path / "my_layers.py").write_text(
        "from torch import nn\nimport cnnbuild\n\n"
        "@cnnbuild.layer('same', sight='pixel')\nclass Same(nn.Module):\n    def forward(self, x):\n        return x\n"
    )
    (tmp_path / "net.yaml").write_text("cnnbuild: 1\nlayers: [same, flatten, linear: $data.classes]\n")
    (tmp_path / "study.yaml").write_text(
        "cnnbuild: 1\nstudy: tiny\narchitectures: {one: net.yaml}\ndatasets: [digits]\nseeds: 2\n"
    )
    assert cnnbuild("check", "study.yaml", cwd=tmp_path).code == 2
    outcome = cnnbuild("check", "study.yaml", "--plugin", "my_layers.py", cwd=tmp_path)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == "study.yaml: a study of 2 runs; every network fits its data\n"
