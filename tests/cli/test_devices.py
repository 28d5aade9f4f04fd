"""`cnnbuild train --devices N`, and the same under torchrun: one command, several processes, one voice."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer

from cnnbuild.cli import launch
from cnnbuild.errors import RunError, UsageError
from tests.cli.commands import ROOT, cnnbuild

KEPT = ["analyses.json", "record.json", "run.json", "weights.pt"]
NETWORK = """\
cnnbuild: 1
name: small
layers:
  - conv: {out_channels: 4, kernel_size: 3, padding: half}
  - relu
  - flatten
  - linear: $data.classes
"""
TRAIN = ("train", "small.yaml", "-d", "synthetic", "--device", "cpu", "--out", "run")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "small.yaml").write_text(NETWORK)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def python(code: str) -> list[str]:
    return [
        sys.executable,
        "-S",
        "-c",
        f"import os, signal, sys, time; rank = int(os.environ['RANK']); {code}",
    ]


def test_each_process_is_told_who_it_is_and_where_the_first_one_listens(folder: Path) -> None:
    write = "open(f'{rank}', 'w').write(' '.join(os.environ[n] for n in names))"
    names = ["RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"]
    assert launch.run_processes(python(f"names = {names}; {write}"), 2) == 0
    first, second = (Path(name).read_text().split() for name in "01")
    assert first[:5] == ["0", "0", "2", "2", "localhost"]
    assert second[:5] == ["1", "1", "2", "2", "localhost"]
    assert first[5] == second[5]
    assert int(first[5]) > 0


def test_the_exit_code_is_that_of_the_first_process() -> None:
    assert launch.run_processes(python("sys.exit(2 if rank == 0 else 1)"), 2) == 2
    assert launch.run_processes(python("sys.exit(1 if rank == 0 else 0)"), 2) == 1


def test_a_process_that_does_not_notice_that_another_failed_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "GRACE_SECONDS", 0.2)
    begin = time.monotonic()
    assert launch.run_processes(python("time.sleep(60) if rank == 0 else sys.exit(2)"), 2) == 2
    deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60) if rank == 0 else sys.exit(1)"
    monkeypatch.setattr(launch, "TERMINATE_SECONDS", 0.2)
    assert launch.run_processes(python(deaf), 2) == 1
    assert time.monotonic() - begin < 30


def test_the_death_of_the_first_process_is_told() -> None:
    with pytest.raises(RunError) as caught:
        launch.run_processes(python("os.kill(os.getpid(), signal.SIGKILL) if rank == 0 else sys.exit(1)"), 2)
    assert str(caught.value) == (
        "process 1 of 2 was ended by SIGKILL, and the others stopped; started again, the run goes on from its "
        "last checkpoint"
    )


def test_the_user_s_own_number_of_threads_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    exits = python("sys.exit(int(os.environ['OMP_NUM_THREADS']))")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert launch.run_processes(exits, 2) == 7
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr(launch, "core_count", lambda: 8)
    assert launch.run_processes(exits, 2) == 4


@pytest.mark.parametrize("devices", ["0", "-1", "two", "1.5", ""])
def test_a_number_of_devices_that_is_none_is_refused(devices: str) -> None:
    with pytest.raises(UsageError) as caught:
        launch.start_processes(devices)
    assert str(caught.value) == f"--devices takes a number of devices or all, not '{devices}'"


def test_more_devices_than_there_are_cores_or_cards_are_refused(monkeypatch):
    monkeypatch.setattr(launch.os, "cpu_count", lambda: 2)
    with pytest.raises(
        UsageError, match=r"^--devices 2000 is more than there are here: 2 processor cores and "
    ):
        launch.start_processes("2000")


def test_one_device_needs_no_other_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "run_processes", lambda *_: 1 / 0)
    launch.start_processes(None)
    launch.start_processes("1")
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    launch.start_processes("all")


def test_all_is_every_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 3)
    monkeypatch.setattr(launch, "run_processes", lambda _, count: 40 + count)
    with pytest.raises(typer.Exit) as caught:
        launch.start_processes("all")
    assert caught.value.exit_code == 43


def test_inside_a_run_that_torchrun_started_the_number_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"WORLD_SIZE": "2", "RANK": "0", "LOCAL_RANK": "0", "MASTER_ADDR": "x"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MASTER_PORT", "1")
    launch.start_processes("2")
    with pytest.raises(UsageError) as caught:
        launch.start_processes("3")
    assert str(caught.value) == "--devices 3 inside a run of 2 processes; leave it out"


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="two devices on a CPU want two cores")
def test_two_devices_train_one_network_and_say_it_once(folder: Path) -> None:
    done = cnnbuild(*TRAIN, "--epochs", "2", "--devices", "2", cwd=folder)
    assert done.code == 0, done.err
    progress = [line.partition(":")[0] for line in done.err.splitlines()]
    assert progress == ["synthetic images", "epoch 1/2", "epoch 2/2"]
    assert sum(line.startswith("Test accuracy") for line in done.out.splitlines()) == 1
    assert sorted(path.name for path in Path("run").iterdir()) == KEPT
    record = json.loads(Path("run/record.json").read_text())["run"]
    assert record["execution"]["devices"] == 2


def test_a_mistake_is_told_once_before_any_process_is_started(folder: Path) -> None:
    done = cnnbuild("train", "none.yaml", "--devices", "2", cwd=folder)
    assert done.code == 2
    assert done.err.startswith("error: none.yaml: there is no such file")
    assert done.err.count("error") == 1


@pytest.mark.exhaustive
def test_torchrun_starts_the_same_run(folder: Path) -> None:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "cnnbuild"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*torchrun, *TRAIN, "--epochs", "2"], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    mine = cnnbuild(*TRAIN, "--epochs", "2", "--devices", "2", "--out", "other", cwd=folder)
    assert losses(done.stderr) == losses(mine.err) != []


def losses(printed: str) -> list[str]:
    return re.findall(r"epoch \S+ loss \S+, train accuracy \S+, validation accuracy \S+,", printed)


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("options", "code", "error"),
    [
        (("--train", "optimizer.sgd.lr=1e9"), 1, "error: the loss became inf in epoch 1, batch "),
        (
            ("--batch-size", "3"),
            2,
            "error: 3 images at a time are too few for 2 devices: each takes at least 2; use a larger batch_size "
            "or fewer devices",
        ),
    ],
)
def test_what_goes_wrong_in_all_is_told_once(
    folder: Path, options: tuple[str, ...], code: int, error: str
) -> None:
    done = cnnbuild(*TRAIN, *options, "--devices", "2", cwd=folder)
    assert done.code == code
    assert [
        line for line in done.err.splitlines() if line.startswith(error)
    ]  # below what was told of the data
    assert done.err.count("error") == 1


def begin(folder: Path, epochs: int) -> subprocess.Popen[str]:
    """A run of two devices that has finished two epochs."""
    words = ["-m", "cnnbuild", *TRAIN, "--epochs", str(epochs), "--devices", "2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    run = subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    assert run.stderr is not None
    for line in run.stderr:
        if line.startswith("epoch 2/"):
            break
    return run


def children_of(process: int) -> list[int]:
    found = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [int(word) for word in found]


@pytest.mark.exhaustive
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are found in /proc")
@pytest.mark.parametrize("killed", [0, 1])
def test_a_killed_process_ends_the_run_with_one_error_and_it_resumes(folder: Path, killed: int) -> None:
    run = begin(folder, 40)
    os.kill(children_of(run.pid)[killed], signal.SIGKILL)
    _, error = run.communicate(timeout=60)
    assert run.returncode == 1
    assert error.count("error: ") == 1
    assert "started again, the run goes on from its last checkpoint" in error
    again = cnnbuild(*TRAIN, "--epochs", "40", "--devices", "2", cwd=folder)
    assert again.code == 0, again.err
    whole = cnnbuild(*TRAIN, "--epochs", "40", "--devices", "2", "--out", "other", cwd=folder)
    assert losses(whole.err)[-3:] == losses(again.err)[-3:] != []
    assert Path("run/weights.pt").read_bytes() == Path("other/weights.pt").read_bytes()


@pytest.mark.exhaustive
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are found in /proc")
def test_the_processes_end_with_the_one_that_started_them(folder: Path) -> None:
    run = begin(folder, 100_000)
    children = children_of(run.pid)
    run.kill()
    run.wait()
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{child}").exists() for child in children) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(Path(f"/proc/{child}").exists() for child in children)
    for pipe in (run.stdout, run.stderr):
        assert pipe is not None
        pipe.close()


@pytest.mark.exhaustive
def test_a_run_of_two_devices_stops_when_it_is_asked_to(folder: Path) -> None:
    run = begin(folder, 100_000)
    run.terminate()
    _, error = run.communicate(timeout=60)
    assert run.returncode == 128 + signal.SIGTERM
    assert error.startswith("stopped by SIGTERM after ")
    assert Path("run/checkpoint.pt").exists()
