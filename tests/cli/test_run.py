import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands import ROOT, cnnbuild
from tests.studies.studies_on_disk import NET, STUDY, write_study


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setenv(
        "OMP_NUM_THREADS", "1"
    )  # several threads wait for each other when tests run side by side


def test_a_study_is_run_compared_and_reported(tmp_path):
    done = cnnbuild("run", write_study(tmp_path), "--out", tmp_path / "out", "--seeds", 1)
    assert done.code == 0
    assert "[1/2] narrow on digits, seed 0" in done.err
    assert "epoch 2/2: loss" in done.err
    assert re.search(
        r"│ narrow +│ digits +│ +1 │ +\d\d\.\d\d │ +610 │ +\S+ │ trained │", done.out.replace("\u2502", "│")
    )
    assert (
        "- Descriptive only (one seed): on digits, with this recipe (2 epochs), wide minus narrow was"
        in done.out
    )
    assert done.out.rstrip().endswith(f"Report: {tmp_path / 'out' / 'report.html'}")
    assert (tmp_path / "out" / "report.html").read_text().startswith("<!doctype html>")


def test_quiet_prints_results_only_and_a_second_start_trains_nothing(tmp_path):
    arguments = (
        "run",
        write_study(tmp_path),
        "--out",
        tmp_path / "out",
        "--set",
        "train.epochs=1",
        "--set",
        "seeds=1",
        "--executor",
        "inline",
    )
    first = cnnbuild(*arguments, "--quiet")
    assert (first.code, first.err) == (0, "")
    second = cnnbuild(*arguments)
    assert second.err == "2 of 2 runs were finished before and are kept\n"
    assert second.out == first.out


def test_a_report_that_cannot_be_written_leaves_the_results_and_says_how_to_get_it(tmp_path):
    folder = tmp_path / "out"
    (folder / "report.html").mkdir(parents=True)
    arguments = ("run", write_study(tmp_path), "--out", folder, "--set", "train.epochs=1", "--seeds", 1)
    done = cnnbuild(*arguments, "--executor", "inline", "--quiet")
    assert done.code == 1
    assert done.err == (
        f"error: the report cannot be made: {folder / 'report.html'} cannot be written: Is a directory\n"
        f"All results are kept; this makes it of them: cnnbuild report {folder}\n"
    )
    assert "Descriptive only (one seed)" in done.out
    assert "Report:" not in done.out
    (folder / "report.html").rmdir()
    again = cnnbuild("report", folder)
    assert (again.code, again.out) == (0, f"Report: {folder / 'report.html'}\n")
    assert (folder / "report.html").is_file()


@pytest.mark.parametrize(
    ("asked", "told", "carets"),
    [
        ("{digits:", "--dataset:1:9: error: ", " " * 8 + "^"),
        ("{digits: {trian_images: 5}}", "--dataset:1:11: error: ", " " * 10 + "^" * 12),
        ("{no: {}}", "--dataset:1:2: error: unknown data set 'no'", " ^^"),
    ],
)
def test_a_fault_of_a_data_set_with_options_is_told_at_its_column(tmp_path, asked, told, carets):
    done = cnnbuild("run", write_study(tmp_path), "--dry-run", "--dataset", asked)
    assert done.code == 2
    assert done.err.startswith(told)
    assert done.err.splitlines()[1:3] == [f"    1 | {asked}", f"      | {carets}"]


def test_a_data_set_may_be_asked_for_with_options(tmp_path):
    asked = "{digits: {train_images: 100}}"
    done = cnnbuild("run", write_study(tmp_path), "--dry-run", "--dataset", asked, columns=200)
    assert done.code == 0
    assert "100 training images" in done.out


def test_a_dry_run_shows_the_plan_and_writes_nothing(tmp_path):
    done = cnnbuild("run", write_study(tmp_path), "--dry-run", "--dataset", "mnist", cwd=ROOT)
    assert done.code == 0
    rows = [re.split(r"\s*│\s*", line)[1:-1] for line in done.out.splitlines() if line.startswith("│")]
    # 784 * 8 + 8 + 8 * 10 + 10 = 6,370 parameters, 784 * 8 + 8 * 10 = 6,352 multiply-adds; 32: 25,450 and 25,408
    assert [row[:-1] for row in rows] == [
        ["narrow", "MNIST", "1x28x28", "0, 1", "2", "64", "6,370", "6,352"],
        ["wide", "MNIST", "1x28x28", "0, 1", "2", "64", "25,450", "25,408"],
    ]
    assert all(float(row[-1].replace(",", "")) > 0 for row in rows)  # seconds of a run
    assert re.search(
        r"\n4 runs; every network fits its data\. Nothing was trained\.\nTime: about \S+ \w+ on \d", done.out
    )
    assert {p.name for p in tmp_path.iterdir()} == {"net.yaml", "tiny.yaml"}


def test_a_faulty_study_ends_with_two_and_shows_the_place(tmp_path):
    path = write_study(tmp_path, STUDY.replace("epochs: 2", "epoch: 2"))
    done = cnnbuild("run", path, "--out", tmp_path / "out")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        f"{path}:9:9: error: unknown key 'epoch' in the recipe\n"
        "    9 | train: {epoch: 2, optimizer: {adam: {lr: 0.01}}}\n"
        "      |         ^^^^^\n"
        "      = help: did you mean 'epochs'?\n"
    )
    assert not (tmp_path / "out").exists()


def test_a_run_that_diverges_ends_the_study_with_one(tmp_path):
    path = write_study(tmp_path, STUDY.replace("adam: {lr: 0.01}", "sgd: {lr: 1e30}"))
    done = cnnbuild("run", path, "--out", tmp_path / "out", "--seeds", 1, "--quiet", "--executor", "inline")
    assert done.code == 1
    assert "narrow on digits, seed 0: diverged: " in done.err
    assert "0 of 1 trained, 1 diverged" in done.out
    assert "2 runs have no result:\n- narrow on digits, seed 0: diverged: " in done.out
    assert re.search(r"^    log: .*/out/cells/wide-digits-seed0-\w+/log.txt$", done.out, re.MULTILINE)
    assert (
        "No comparison of wide with narrow on digits: the only run of wide and the only run of narrow"
        in done.out
    )


def test_the_studies_that_ship_fit_their_data_in_every_variant():
    from cnnbuild.lang.files import read_yaml
    from cnnbuild.lang.layer_study import is_layer_study
    from cnnbuild.lang.source import YamlMap
    from cnnbuild.lang.study import read_study
    from cnnbuild.studies.plan import plan_study

    files = sorted((ROOT / "studies").glob("*.yaml"))
    assert {file.name for file in files} >= {"quickstart.yaml", "fc_vs_cnn_mnist.yaml", "residual.yaml"}
    for file in files:
        tree = read_yaml(file)
        variants = tree.get("variants") if isinstance(tree, YamlMap) else None
        names = [entry.name for entry in variants] if isinstance(variants, YamlMap) else []
        if is_layer_study(tree):
            continue  # tests/cli/test_run_layers.py
        for variant in (None, *names):
            plan = plan_study(read_study(file, variant=variant), data_root=None)
            assert plan.cells
            assert [str(warning) for warning in plan.warnings] == []


def test_importing_the_verb_imports_nothing_heavy():
    code = "import cnnbuild.cli.run, sys; print(sorted({'torch', 'matplotlib', 'scipy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"
    assert Path(ROOT / "cnnbuild" / "cli" / "run.py").is_file()


def test_layer_types_of_ones_own_come_from_a_plugin(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import torch\nfrom torch import nn\n\nimport cnnbuild\n\n\n"
        '@cnnbuild.layer("scaled_tanh", sight="pixel")\n'
        "class ScaledTanh(nn.Module):\n"
        "    def forward(self, x: torch.Tensor) -> torch.Tensor:\n"
        "        return 2 * torch.tanh(x)\n"
    )
    path = write_study(tmp_path, net=NET.replace("relu", "scaled_tanh"))
    arguments = ("run", path, "--out", tmp_path / "out", "--seeds", 1, "--set", "train.epochs=1")
    refused = cnnbuild(*arguments)
    assert refused.code == 2
    assert "unknown layer type 'scaled_tanh'" in refused.err
    done = cnnbuild(*arguments, "--plugin", tmp_path / "mine.py")
    assert (done.code, done.out.count("│ trained")) == (0, 2)  # in the table, not in what is said below it
    again = cnnbuild(*arguments, "--plugin", tmp_path / "mine.py")
    assert again.err == "2 of 2 runs were finished before and are kept\n"


def test_an_interrupted_study_replaces_the_report_by_one_that_says_so(tmp_path, monkeypatch, capsys):
    import typer

    from cnnbuild.cli.run_shown import StudyOrder, run_shown
    from cnnbuild.lang.study import read_study
    from cnnbuild.studies import in_process
    from cnnbuild.studies.execution import Execution
    from cnnbuild.studies.plan import plan_study

    plan = plan_study(read_study(write_study(tmp_path), seeds=1), data_root=None)
    out = tmp_path / "out"
    real = in_process.run_cell

    def interrupted(cell, dataset, **rest):
        if cell.architecture == "wide":
            raise KeyboardInterrupt
        return real(cell, dataset, **rest)

    out.mkdir()
    (out / "report.html").write_text("an earlier study")
    monkeypatch.setattr(in_process, "run_cell", interrupted)
    with pytest.raises(typer.Exit) as stopped:
        run_shown(StudyOrder(plan, out, None, Execution("inline")), quiet=True)
    assert stopped.value.exit_code == 130
    assert capsys.readouterr().err == (
        f"Stopped. 1 of 2 runs finished. The same command, or `cnnbuild resume {out}`, goes on.\n"
        f"Report of what is finished: {out / 'report.html'}\n"
    )
    page = (out / "report.html").read_text()
    assert "1 of 2 runs have not ended: what follows is provisional." in page


def test_a_narrow_window_breaks_no_name_and_cuts_no_figure(tmp_path, capsys):
    from rich.console import Console

    from cnnbuild.cli.study_tables import plan_table, print_at
    from cnnbuild.lang.study import read_study
    from cnnbuild.studies.plan import plan_study

    table = plan_table(plan_study(read_study(ROOT / "studies" / "residual.yaml"), data_root=None))
    print_at(table, Console(width=80))
    lines = capsys.readouterr().out.splitlines()
    rows = [re.split(r"\s*│\s*", line)[1:-1] for line in lines if line.startswith("│")]
    assert rows[0] == ["basic", "CIFAR-10", "3x32x32", "0-2", "15", "128", "11,173,962", "555,422,720"]
    assert [row[0] for row in rows] == ["basic", "bottleneck", "wide"]
    assert max(len(line) for line in lines) <= 80


def test_where_results_do_not_fit_figures_go_before_words_are_broken(capsys):
    from rich.console import Console

    from cnnbuild.cli.study_tables import print_at, results_table
    from tests.studies.synthetic import cell_record, study_results

    failed = cell_record("a_rather_long_name", 1, 0, state="out_of_memory", reason="2.1 GB", run=None)
    results = study_results(cell_record("a_rather_long_name", 0, 912), failed, baseline="a_rather_long_name")
    for width, columns in ((100, 7), (60, 5)):
        print_at(results_table(results), Console(width=width))
        lines = capsys.readouterr().out.splitlines()
        assert max(len(line) for line in lines) <= width
        [head] = [re.split(r"\s*┃\s*", line)[1:-1] for line in lines if line.startswith("┃")]
        assert len(head) == columns
        rows = [re.split(r"\s*│\s*", line)[1:-1] for line in lines if line.startswith("│")]
        assert rows[0][0] == "a_rather_long_name"
        assert "91.20" in rows[0]
        assert " ".join(row[-1] for row in rows).split() == [
            "1",
            "of",
            "2",
            "trained,",
            "1",
            "out",
            "of",
            "memory",
        ]


def test_the_plan_says_the_length_of_runs_that_are_not_counted_in_epochs(tmp_path):
    from cnnbuild.cli.study_tables import plan_table
    from cnnbuild.lang.study import read_study
    from cnnbuild.studies.plan import plan_study

    for written, title, told in (
        ("steps: 5000", "training", "5,000 steps"),
        ("seconds: 60", "training", "60 seconds"),
        ("epochs: 2", "epochs", "2"),
    ):
        path = write_study(tmp_path, STUDY.replace("epochs: 2", written))
        table = plan_table(plan_study(read_study(path), data_root=None))
        column = next(column for column in table.columns if column.header == title)
        assert list(column.cells) == [told, told]
