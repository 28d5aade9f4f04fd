"""A worker: what it leaves in its folder, how it ends, and that its result is that of the study's own process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from filelock import FileLock

from cnnbuild.data.load import load_dataset
from cnnbuild.studies import worker
from cnnbuild.studies.cell_run import run_cell
from cnnbuild.studies.epoch_news import news_from
from cnnbuild.studies.job import Job
from cnnbuild.studies.record import CellRecord
from cnnbuild.studies.run_folder import RunFolder
from cnnbuild.studies.worker import work
from cnnbuild.training.observations import GitRevision
from tests.studies.jobs_on_disk import cells_of, written_job
from tests.studies.odd_layers import odd_job, odd_plugin
from tests.studies.studies_on_disk import STUDY, write_study
from tests.training.killed_runs import OF_THE_MACHINE, TIMES, differences, without

OF_THE_PROCESS = TIMES | OF_THE_MACHINE | {"started", "executor", "parallel"}
RESIDUAL = """\
cnnbuild: 1
name: residual
vars: {width: 4}
layers:
  - conv: {out_channels: 4, kernel_size: 3, padding: half}
  - residual:
      body: [batch_norm, relu, {conv: {out_channels: 4, kernel_size: 3, padding: half}}]
      shortcut: identity
  - global_avg_pool
  - flatten
  - dropout: 0.2
  - linear: $data.classes
"""


def outcome_of(job: Job) -> CellRecord:
    return CellRecord.from_dict(json.loads((job.path / "outcome.json").read_text()))


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    loaded: dict[str, torch.Tensor] = torch.load(folder / "weights.pt", weights_only=True)
    return loaded


def log_of(job: Job) -> str:
    return (job.path / "log.txt").read_text()


def in_a_process(job: Job, *, threads: str = "1") -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "cnnbuild.studies.worker", str(job.path)]
    return subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": threads})


def until(condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "nothing happened for 60 s"
        time.sleep(0.02)


def test_a_worker_ends_with_the_bits_of_the_studys_own_process(tmp_path):
    study = STUDY.replace("[confusion]", "[feature_maps, receptive_field]")
    cell = cells_of(write_study(tmp_path, study, net=RESIDUAL))[0]
    expected = run_cell(cell, load_dataset(cell.dataset, data_root=None), folder=tmp_path / "inline")
    job = written_job(cell, tmp_path / "cells", git=expected.git)
    assert work(job.path) == worker.DONE
    found = outcome_of(job)
    assert found.state == "done"
    assert found.run is not None
    pair = [without(asdict(record), OF_THE_PROCESS) for record in (expected, found)]
    assert differences(*pair) == []
    assert differences(weights_of(tmp_path / "inline"), weights_of(job.path)) == []
    analyses = [(folder / "analyses.json").read_bytes() for folder in (tmp_path / "inline", job.path)]
    assert analyses[0] == analyses[1]
    runs = [
        without(RunFolder(folder).read_run().to_dict(), set()) for folder in (tmp_path / "inline", job.path)
    ]
    assert runs[0] == runs[1]
    names = {file.name for file in job.path.iterdir()}
    names -= {"worker.lock"}  # some systems remove it
    assert names == {
        *("job.json", "log.txt", "run.json", "progress.jsonl", "pulse"),
        *("weights.pt", "analyses.json", "checkpoint.pt", "checkpoint.pt.previous", "outcome.json"),
    }


def test_each_epoch_is_told_as_a_line(tmp_path):
    job = written_job(cells_of(write_study(tmp_path))[0], tmp_path / "cells")
    assert work(job.path) == worker.DONE
    run = outcome_of(job).run
    told = [news_from(line) for line in (job.path / "progress.jsonl").read_text().splitlines()]
    assert [(news.epoch, news.epochs, news.running_loss) for news in told] == [
        (epoch.epoch, 2, epoch.running_loss) for epoch in run.epochs
    ]
    images = run.train_images
    assert [news.images_per_second for news in told] == [images / e.train_seconds for e in run.epochs]
    assert "epoch 2/2: " in log_of(job)


def test_half_a_line_of_a_killed_worker_is_ended_first(tmp_path):
    job = written_job(cells_of(write_study(tmp_path))[0], tmp_path / "cells")
    (job.path / "progress.jsonl").write_text('{"epoch": 1, "epo')
    assert work(job.path) == worker.DONE
    told = [news_from(line) for line in (job.path / "progress.jsonl").read_text().splitlines()]
    assert [news and news.epoch for news in told] == [None, 1, 2]


def test_what_the_job_says_of_itself_stands_in_the_record(tmp_path):
    git = GitRevision("0123abcd", dirty=False)
    cell = cells_of(write_study(tmp_path))[0]
    job = written_job(cell, tmp_path / "cells", executor="slurm", parallel=3, git=git, cell_id="ab" * 32)
    assert work(job.path) == worker.DONE
    record = outcome_of(job)
    assert (record.executor, record.parallel, record.git, record.cell_id) == ("slurm", 3, git, "ab" * 32)


def test_a_second_worker_leaves_the_run_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "LOCK_SECONDS", 0)
    job = written_job(cells_of(write_study(tmp_path))[0], tmp_path / "cells")
    with FileLock(job.path / "worker.lock"):
        assert work(job.path) == worker.BUSY == 75
    assert log_of(job) == "another process works on this run; this one ends\n"
    assert not (job.path / "outcome.json").exists()
    assert work(job.path) == worker.DONE


def test_a_file_system_that_cannot_lock_is_told_in_the_log(tmp_path, monkeypatch):
    def refuse(path: Path, **_: object) -> None:
        raise NotImplementedError

    monkeypatch.setattr(worker, "FileLock", refuse)
    job = written_job(cells_of(write_study(tmp_path))[0], tmp_path / "cells")
    assert work(job.path) == worker.NOT_KEPT
    assert log_of(job) == f"error: {job.path}: the file system here cannot lock files\n"


def test_an_attempt_that_has_ended_is_not_repeated_but_a_new_one_is_made(tmp_path):
    job = written_job(cells_of(write_study(tmp_path))[0], tmp_path / "cells")
    assert work(job.path) == worker.DONE
    first = (job.path / "outcome.json").read_bytes()
    assert work(job.path) == worker.DONE
    assert (job.path / "outcome.json").read_bytes() == first
    assert log_of(job).endswith("this attempt has ended already\n")
    job.write()
    assert work(job.path) == worker.DONE
    assert (job.path / "outcome.json").read_bytes() != first


@pytest.mark.parametrize("content", [None, "{", '{"schema": 1}'])
def test_a_folder_without_a_job_is_refused_in_its_log(tmp_path, content):
    if content is not None:
        (tmp_path / "job.json").write_text(content)
    assert work(tmp_path) == worker.NO_JOB == 2
    assert (tmp_path / "log.txt").read_text().startswith(f"error: {tmp_path / 'job.json'} is ")


def test_a_folder_that_is_not_there_is_told_and_not_made(tmp_path, capsys):
    missing = tmp_path / "missing"
    assert work(missing) == worker.NOT_KEPT == 1
    told = f"error: {missing}: the run cannot be kept here: No such file or directory\n"
    assert capsys.readouterr().err == told
    assert not missing.exists()


def test_images_that_changed_since_the_plan_are_refused(tmp_path):
    cell = cells_of(write_study(tmp_path))[0]
    job = written_job(cell, tmp_path / "cells", fingerprint="digits-0")
    assert work(job.path) == worker.DONE
    record = outcome_of(job)
    assert (record.state, record.reason) == (
        "failed",
        "DataError: the images of digits are no longer those that the study was planned for",
    )
    assert (record.parameters, record.run, record.seed) == (0, None, job.seed)


def test_what_prints_prints_into_the_log_also_from_c_and_from_children(tmp_path, capfd):
    actions = ["print('of Python')", r"os.write(1, b'of C\n')", "os.system('echo of a child')"]
    job = odd_job(tmp_path, "; ".join([*actions, r"sys.stderr.write('an error\n')"]))
    assert work(job.path) == worker.DONE
    assert {"of Python", "of C", "of a child", "an error"} <= set(log_of(job).splitlines())
    assert capfd.readouterr() == ("", "")
    os.write(1, b"back")
    assert capfd.readouterr().out == "back"


def test_an_exception_is_the_outcome_and_its_traceback_in_the_log(tmp_path):
    job = odd_job(tmp_path, r"raise ValueError('of mine\nand more')")
    assert work(job.path) == worker.DONE
    record = outcome_of(job)
    assert (record.state, record.reason) == ("failed", "ValueError: of mine")
    assert "raise ValueError" in log_of(job)


@pytest.mark.parametrize("error", ["MemoryError('no room')", "RuntimeError('CUDA out of memory. Tried')"])
def test_want_of_memory_is_told_from_other_failures(tmp_path, error):
    job = odd_job(tmp_path, f"raise {error}")
    assert work(job.path) == worker.DONE
    record = outcome_of(job)
    assert record.state == "out_of_memory"
    assert record.reason.startswith("out of memory with a batch_size of 64 (")


def test_a_plugin_that_changed_since_the_plan_is_refused(tmp_path):
    job = odd_job(tmp_path, "pass")
    (tmp_path / "odd.py").write_text(odd_plugin("print()"))
    assert work(job.path) == worker.DONE
    record = outcome_of(job)
    reason = "UsageError: the source of the layer type odd has changed since the study was planned"
    assert (record.state, record.reason) == ("failed", reason)


@pytest.mark.exhaustive
def test_a_crash_leaves_its_stack_in_the_log(tmp_path):
    job = odd_job(tmp_path, "ctypes.string_at(0)")
    assert in_a_process(job).wait(60) == -signal.SIGSEGV
    assert "Fatal Python error: Segmentation fault" in log_of(job)
    assert f'File "{tmp_path / "odd.py"}"' in log_of(job)
    assert not (job.path / "outcome.json").exists()


def test_twice_the_accumulation_trains_anew_and_is_told_beside_the_plan(tmp_path):
    job = written_job(cells_of(write_study(tmp_path))[0], tmp_path / "cells")
    assert work(job.path) == worker.DONE
    replace(job, accumulate=2).write()
    assert work(job.path) == worker.DONE
    record = outcome_of(job)
    assert "begun anew: " in log_of(job)
    assert "accumulate is 1 there and 2 here" in log_of(job)
    assert record.recipe["accumulate"] == 1
    assert record.run.recipe["accumulate"] == 2
    assert record.run.resumes == 0
    assert record.run.warnings[-1].startswith(
        "it ran out of memory, and was trained with accumulate: 2 where"
    )
    file = RunFolder(job.path).read_run()
    assert (file.recipe["accumulate"], file.accumulate) == (1, 2)


def test_an_accumulation_that_does_not_divide_the_batch_is_refused(tmp_path):
    job = written_job(cells_of(write_study(tmp_path))[0], tmp_path / "cells", accumulate=3)
    assert work(job.path) == worker.DONE
    assert outcome_of(job).state == "failed"


def test_a_worker_that_is_asked_to_stop_leaves_a_checkpoint_and_the_next_goes_on(tmp_path):
    cell = cells_of(write_study(tmp_path, STUDY.replace("epochs: 2", "epochs: 40")))[0]
    whole, job = written_job(cell, tmp_path / "whole"), written_job(cell, tmp_path / "cells")
    assert work(whole.path) == worker.DONE
    process = in_a_process(job)
    until((job.path / "progress.jsonl").exists)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 143
    assert "stopped by SIGTERM after " in log_of(job)
    assert not (job.path / "outcome.json").exists()
    assert work(job.path) == worker.DONE
    assert outcome_of(job).run.resumes == 1
    assert differences(weights_of(whole.path), weights_of(job.path)) == []
    lines = (job.path / "progress.jsonl").read_text().splitlines()
    assert [news_from(line).epoch for line in lines] == list(range(1, 41))


@pytest.mark.exhaustive
def test_a_worker_that_is_asked_to_stop_before_it_trains_ends_alike(tmp_path):
    job = odd_job(tmp_path, "pass")
    plugin = tmp_path / "odd.py"
    plugin.write_text(f"import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n{plugin.read_text()}")
    assert in_a_process(job).wait(60) == 143
    assert log_of(job).splitlines()[-1] == "stopped by SIGTERM"


def test_the_handlers_of_signals_are_put_back(tmp_path):
    job = written_job(cells_of(write_study(tmp_path))[0], tmp_path / "cells")
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    assert work(job.path) == worker.DONE
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_a_worker_can_be_a_thread(tmp_path):
    job = written_job(cells_of(write_study(tmp_path))[0], tmp_path / "cells")
    codes = []
    thread = threading.Thread(target=lambda: codes.append(work(job.path)))
    thread.start()
    thread.join(60)
    assert codes == [worker.DONE]
