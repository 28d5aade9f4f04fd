"""Trackers hold what the records hold, and nothing that happens there touches a study."""

from __future__ import annotations

import importlib.util
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cnnbuild.cli.main import main
from cnnbuild.errors import UsageError
from cnnbuild.studies.events import CellEnded, StudyEvent, StudyNote
from cnnbuild.studies.record import CellRecord
from cnnbuild.studies.run_store import find_runs
from cnnbuild.studies.trackers import sending
from cnnbuild.studies.trackers.listener import Tracking
from cnnbuild.studies.trackers.sending import Sender, read_cell, track
from cnnbuild.studies.trackers.tracker import Target, make_tracker, parse_targets
from tests.studies.stored_runs import numbered, write_stored_study

needs_tensorboard = pytest.mark.skipif(
    importlib.util.find_spec("tensorboard") is None, reason="tensorboard is not installed"
)
needs_mlflow = pytest.mark.skipif(
    importlib.util.find_spec("mlflow") is None, reason="mlflow is not installed"
)

RECORD = numbered(
    "wide",
    1,
    912,
    0xABC,
    vars={"width": 32},
    recipe={"epochs": 3, "optimizer": {"sgd": {"lr": 0.1}}, "augment": []},
)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_stored_study(tmp_path / "study", [RECORD], title="a study")


def the_run(study: Path) -> tuple[CellRecord, Path]:
    (run,) = find_runs([study])
    record = read_cell(run.folder)
    assert record is not None
    return record, run.folder


@contextmanager
def silent_server() -> Iterator[str]:
    """A server that takes every connection and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def no_server() -> Iterator[str]:
    """A port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    yield f"http://127.0.0.1:{port}"


def test_words_name_trackers_and_where_they_keep_what_they_get(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = parse_targets(["tensorboard", "mlflow"], Path("runs/s"))
    assert [(one.name, one.where) for one in given] == [
        ("tensorboard", str(tmp_path / "runs/s/tensorboard")),
        ("mlflow", f"sqlite:///{tmp_path}/runs/s/mlflow.db"),
    ]
    (tensorboard, mlflow) = parse_targets(["tensorboard=tb", "mlflow=http://host:5000/x"], tmp_path)
    assert tensorboard.where == str(tmp_path / "tb")
    assert mlflow.sent == "sent to http://host:5000/x"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["mflow"], "there is no tracker 'mflow'; did you mean 'mlflow'?"),
        (["wandb"], "there is no tracker 'wandb'; trackers: mlflow, tensorboard"),
        (
            ["mlflow=http://me:secret@host/x"],
            "mlflow: an address must hold no password; give MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD in the environment",
        ),
        (["mlflow="], "mlflow=: name an address: mlflow=URI, or leave the = out"),
        (["mlflow", "mlflow=x"], "mlflow is named twice; a run is sent to one mlflow only"),
    ],
)
def test_words_that_name_no_tracker_are_refused(words, message):
    with pytest.raises(UsageError) as error:
        parse_targets(words, Path("s"))
    assert str(error.value) == message


@needs_tensorboard
def test_tensorboard_holds_the_recorded_values(study):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    record, folder = the_run(study)
    (target,) = parse_targets(["tensorboard"], study)
    tracker = make_tracker(target)
    tracker.send(record, folder)
    tracker.send(record, folder)  # in place of the first
    files = list((study / "tensorboard" / folder.name).iterdir())
    assert len(files) == 1
    events = EventAccumulator(str(files[0]))
    events.Reload()
    assert [(one.step, one.value) for one in events.Scalars("running_loss")] == [
        (1, 2.0),
        (2, 1.0),
        (3, pytest.approx(2 / 3)),
    ]
    assert [one.value for one in events.Scalars("validation_accuracy")] == pytest.approx([0.5, 0.55, 0.6])
    assert events.Scalars("final/test_accuracy")[0].value == pytest.approx(0.912)
    # 2026-01-01T00:00:00Z is 1767225600; the first epoch took 1.5 s
    assert events.Scalars("lr")[0].wall_time == pytest.approx(1767225601.5)


@needs_mlflow
@pytest.mark.filterwarnings("ignore")  # MLflow's own, about the future of SQLAlchemy
def test_mlflow_holds_the_recorded_values(study):
    from mlflow.tracking import MlflowClient

    record, folder = the_run(study)
    targets = parse_targets(["mlflow"], study)
    told = track(record, folder, targets)
    assert told == {"mlflow": f"sent to sqlite:///{study}/mlflow.db"}
    again, _ = the_run(study)
    assert again.tracked == told
    assert track(again, folder, targets) == {}  # it has been sent
    track(record, folder, targets)  # in place of the first
    client = MlflowClient(tracking_uri=f"sqlite:///{study}/mlflow.db")
    experiment = client.get_experiment_by_name("a study")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.run_name == "wide-digits-seed1-00000abc"
    assert run.info.status == "FINISHED"
    assert run.info.start_time == 1767225600000
    assert run.info.end_time == 1767225604500
    assert run.data.params == {
        "architecture": "wide",
        "dataset": "digits",
        "seed": "1",
        "vars.width": "32",
        "recipe.epochs": "3",
        "recipe.optimizer.sgd.lr": "0.1",
        "recipe.augment": "[]",
    }
    assert run.data.metrics["test_accuracy"] == 0.912
    history = client.get_metric_history(run.info.run_id, "running_loss")
    assert [(one.step, one.value) for one in history] == [(1, 2.0), (2, 1.0), (3, pytest.approx(2 / 3))]


def study_with(notes: list[StudyEvent], target: Target, study: Path, *, seconds: float) -> None:
    """A study whose one run ends while a tracker listens."""
    record, folder = the_run(study)
    with Tracking(notes.append, [target], seconds=seconds, first_seconds=seconds) as listener:
        listener(CellEnded(1, 1, None, record, str(folder / "log.txt"), False))  # type: ignore[arg-type]


@needs_mlflow
def test_a_server_that_refuses_stops_nothing_and_is_told(study):
    notes: list[StudyEvent] = []
    with no_server() as address:
        study_with(notes, Target("mlflow", address), study, seconds=120)
    (ended, note) = notes
    assert isinstance(ended, CellEnded)
    assert isinstance(note, StudyNote)
    assert note.text.startswith(f"mlflow: not sent to {address}: ")
    assert note.text.endswith("; the records are kept; `cnnbuild runs track` sends them later")
    record, _ = the_run(study)
    assert record.tracked["mlflow"].startswith(f"not sent to {address}: ")
    assert (record.state, record.run) == ("done", RECORD.run)


def test_a_tracker_that_never_answers_is_given_up_and_stops_nothing(study, monkeypatch):
    """Whether it hangs in a library or on a server: the process that talks to it does not answer."""
    monkeypatch.setattr(sending.sys, "executable", hanging_python(study.parent))
    notes: list[StudyEvent] = []
    study_with(notes, Target("mlflow", "http://host"), study, seconds=0.2)
    record, folder = the_run(study)
    assert record.tracked == {"mlflow": "not sent to http://host: no answer within 0.2 s"}
    assert [type(note) for note in notes] == [CellEnded, StudyNote]
    with Sender([Target("mlflow", "http://host")], seconds=0.2, first_seconds=0.2) as sender:
        first, second = sender.track(record, folder), sender.track(record, folder)
    assert first == second  # the second is not waited for


def test_a_process_of_a_tracker_that_dies_is_told(study, monkeypatch):
    dying = study.parent / "dying"
    dying.write_text("#!/bin/sh\nexit 3\n")
    dying.chmod(0o755)
    monkeypatch.setattr(sending.sys, "executable", str(dying))
    record, folder = the_run(study)
    (told,) = track(record, folder, [Target("mlflow", "http://host")]).values()
    assert told in {
        "not sent to http://host: its process ended with exit code 3",
        "not sent to http://host: its process cannot be asked: Broken pipe",
    }


def test_a_stopped_study_does_not_wait_for_a_tracker(study, monkeypatch):
    monkeypatch.setattr(sending.sys, "executable", hanging_python(study.parent))
    record, folder = the_run(study)
    done = threading.Event()
    told: list[StudyEvent] = []

    def stopped() -> None:
        with Tracking(told.append, [Target("mlflow", "http://host")]) as listener:
            listener(CellEnded(1, 1, None, record, str(folder / "log.txt"), False))  # type: ignore[arg-type]
            raise KeyboardInterrupt

    def run() -> None:
        with pytest.raises(KeyboardInterrupt):
            stopped()
        done.set()

    threading.Thread(target=run, daemon=True).start()
    assert done.wait(timeout=25)  # a tracker would be waited for 120 s


def hanging_python(folder: Path) -> str:
    """A program that reads what it is told and never answers."""
    path = folder / "hanging"
    path.write_text("#!/bin/sh\nexec sleep 600\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.exhaustive
@needs_mlflow
def test_a_server_that_takes_connections_and_never_answers_stops_nothing(study):
    notes: list[StudyEvent] = []
    with silent_server() as address:
        study_with(notes, Target("mlflow", address), study, seconds=15)
    record, _ = the_run(study)
    assert record.tracked["mlflow"].startswith(f"not sent to {address}: ")
    assert [type(note) for note in notes] == [CellEnded, StudyNote]


@needs_tensorboard
def test_runs_are_sent_later_by_hand_and_only_once(study, monkeypatch, capsys):
    def cnnbuild(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["cnnbuild", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        return int(end.value.code or 0), capsys.readouterr().out

    assert cnnbuild("runs", "track", str(study), "--to", "tensorboard") == (0, "1 sent\n")
    assert cnnbuild("runs", "track", str(study), "--to", "tensorboard") == (0, "0 sent\n")
    content = json.loads(next(study.glob("cells/*/record.json")).read_text())
    assert content["tracked"] == {"tensorboard": f"sent to {study}/tensorboard"}
    assert cnnbuild("runs", "track", str(study), "--to", f"tensorboard={study}/other") == (0, "1 sent\n")


def test_a_library_that_is_missing_is_named_with_what_to_do(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", {}.get)
    from cnnbuild.studies.trackers.tracker import installed_targets

    with pytest.raises(UsageError, match=r"^mlflow is not installed: pip install 'cnnbuild\[mlflow\]'$"):
        installed_targets(["mlflow"], Path("runs/s"))


def test_a_study_that_is_to_be_sent_nowhere_known_is_refused_before_it_begins(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        "sys.argv",
        ["cnnbuild", "run", "studies/quickstart.yaml", "--out", str(tmp_path / "out"), "--track", "wandb"],
    )
    with pytest.raises(SystemExit) as end:
        main()
    assert (end.value.code, capsys.readouterr().err) == (
        2,
        "error: there is no tracker 'wandb'; trackers: mlflow, tensorboard\n",
    )
    assert not (tmp_path / "out").exists()
