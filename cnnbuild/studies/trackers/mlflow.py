"""MLflow: one experiment per study, one run per run, in an SQLite file or on a server. No torch."""

from __future__ import annotations

import logging
import os
from pathlib import Path

os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")  # seconds; read when the library is loaded
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from cnnbuild.errors import RunError
from cnnbuild.studies.record import CellRecord
from cnnbuild.studies.run_store import read_plan
from cnnbuild.studies.trackers.figures import curves_of, results_of, settings_of, times_of

ID = "cnnbuild.cell_id"
MOST_METRICS, MOST_PARAMS = 1000, 100  # of one request, says MLflow
LONGEST_PARAM = 500  # letters that every version and store takes


class Mlflow:
    """Sends runs to the store at a URI such as `http://host:5000` or `sqlite:////path/mlflow.db`."""

    def __init__(self, uri: str) -> None:
        logging.getLogger("mlflow").setLevel(logging.WARNING)  # it tells how it makes its tables
        logging.getLogger("alembic").setLevel(logging.WARNING)
        self._uri = uri
        self._client: MlflowClient | None = None
        self._experiments: dict[str, str] = {}

    def send(self, record: CellRecord, folder: Path) -> None:
        """Send a run, in place of what was sent of it before.

        Raises:
            RunError: the store does not take it.
        """
        try:
            if self._client is None:
                self._client = MlflowClient(tracking_uri=self._uri)
            self._send(self._client, record, folder)
        except (MlflowException, OSError) as error:
            raise RunError(_first_line(error)) from None

    def _send(self, client: MlflowClient, record: CellRecord, folder: Path) -> None:
        experiment = self._experiment(client, folder)
        for earlier in client.search_runs([experiment], filter_string=f"tags.`{ID}` = '{record.cell_id}'"):
            client.delete_run(earlier.info.run_id)
        begin, ends = times_of(record)
        tags = {ID: record.cell_id, "cnnbuild.state": record.state, "cnnbuild.reason": record.reason}
        run = client.create_run(
            experiment, start_time=_milliseconds(begin), tags=tags, run_name=folder.name
        ).info.run_id
        params = [Param(name, value[:LONGEST_PARAM]) for name, value in settings_of(record).items()]
        for first in range(0, len(params), MOST_PARAMS):
            client.log_batch(run, params=params[first : first + MOST_PARAMS])
        metrics = [
            Metric(name, value, _milliseconds(when), epoch)
            for (epoch, figures), when in zip(curves_of(record), ends, strict=True)
            for name, value in figures.items()
        ]
        end = begin + record.seconds
        metrics += [Metric(name, value, _milliseconds(end), 0) for name, value in results_of(record).items()]
        for first in range(0, len(metrics), MOST_METRICS):
            client.log_batch(run, metrics=metrics[first : first + MOST_METRICS])
        client.log_batch(run, tags=[RunTag("cnnbuild.whole", "true")])
        status = "FINISHED" if record.state == "done" else "FAILED"
        client.set_terminated(run, status, end_time=_milliseconds(end))

    def _experiment(self, client: MlflowClient, folder: Path) -> str:
        """The id of the experiment that is called as the study of a run."""
        name = read_plan(folder.parent.parent).title
        if name not in self._experiments:
            found = client.get_experiment_by_name(name)
            if found is not None:
                self._experiments[name] = found.experiment_id
            else:
                where = (folder.parent.parent.absolute() / "mlflow").as_uri()
                of_file = self._uri.startswith("sqlite:")  # otherwise the server says where
                self._experiments[name] = client.create_experiment(name, where if of_file else None)
        return self._experiments[name]


def _milliseconds(seconds: float) -> int:
    return round(1000 * seconds)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
