"""Slurm's queue through submitit. The only module that imports it, and only once it is asked for."""

from __future__ import annotations

import logging
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cnnbuild.errors import RunError, UsageError
from cnnbuild.studies.executors.assignment import Assignment
from cnnbuild.studies.executors.node_work import work_on_node
from cnnbuild.studies.executors.placement import Need
from cnnbuild.studies.executors.slurm_options import SlurmOptions
from cnnbuild.system.processes import WARNING

if TYPE_CHECKING:
    from submitit import Job

    from cnnbuild.studies.executors.requests import NodeWord

INSTALL = "--executor slurm needs submitit: pip install 'cnnbuild[slurm]'"
COMMANDS = ("sbatch", "srun", "sacct", "scancel")
BESIDE_THE_RUN_MIB = 512  # for the processes that start and watch the worker
WARNING_SECONDS = 90  # before the time is up, in which the worker writes its checkpoint


@dataclass(slots=True)
class Submitted:
    """A job of Slurm's that works on one attempt."""

    job: Job[NodeWord]

    @property
    def id(self) -> str:
        """The number that Slurm knows it by, with its place in the array."""
        return str(self.job.job_id)

    @property
    def state(self) -> str:
        """Its state when Slurm was last asked."""
        return str(self.job.state)

    @property
    def log(self) -> Path:
        """What it printed."""
        return Path(str(self.job.paths.stderr))


class SlurmQueue:
    """Submits, asks and cancels; `cluster` local has submitit play Slurm with processes of this machine."""

    def __init__(self, options: SlurmOptions, *, cluster: Literal["slurm", "local"] = "slurm") -> None:
        """Look whether everything is there.

        Raises:
            UsageError: submitit is not installed, or a command of Slurm is missing.
        """
        try:
            import submitit  # noqa: F401 - whether it is there
        except ImportError:
            raise UsageError(INSTALL) from None
        missing = [command for command in COMMANDS if shutil.which(command) is None]
        if missing and cluster == "slurm":
            raise UsageError(
                f"--executor slurm needs the command {missing[0]}, which is not on this machine: "
                "start the study where jobs are submitted to Slurm"
            )
        logging.getLogger("submitit").setLevel(logging.ERROR)  # a failed question to sacct is asked again
        self._options = options
        self._cluster = cluster

    def submit(self, assignments: Sequence[Assignment], need: Need, folder: Path) -> list[Submitted]:
        """One array of jobs, one for each assignment, whose files lie in `folder`.

        Raises:
            RunError: Slurm refuses it.
        """
        import submitit

        try:
            executor = submitit.AutoExecutor(folder, cluster=self._cluster)
            executor.update_parameters(timeout_min=self._options.minutes, **self._parameters(need))
            with executor.batch():
                jobs = [executor.submit(_task, assignment) for assignment in assignments]
        except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
            raise RunError(f"Slurm does not take the runs: {_said_by(error)}") from error
        return [Submitted(job) for job in jobs]

    def _parameters(self, need: Need) -> dict[str, object]:
        """What submitit is told, in the names of its AutoExecutor."""
        if self._cluster == "local":
            return {}
        passed = dict(self._options.sbatch)
        further: dict[str, object] = {"no-requeue": True}  # whether to try again is the study's to decide
        if "reservation" in passed:
            further["reservation"] = passed.pop("reservation")
        parameters: dict[str, object] = {
            "name": "cnnbuild",
            "cpus_per_task": need.cpus,
            "slurm_signal_delay_s": WARNING_SECONDS,
            "slurm_srun_args": [f"--cpus-per-task={need.cpus}"],  # srun does not inherit it since 22.05
            "slurm_additional_parameters": further,
            **{f"slurm_{name}": value for name, value in passed.items()},
        }
        if need.gpus:
            parameters["gpus_per_node"] = need.gpus
        if need.memory_bytes is not None:
            parameters["slurm_mem"] = f"{-(-need.memory_bytes // 2**20) + BESIDE_THE_RUN_MIB}M"
        return parameters

    def ask(self, submitted: Sequence[Submitted]) -> None:
        """Ask Slurm for the states of all jobs, with one call of `sacct`."""
        if submitted:
            submitted[0].job.get_info(mode="force")

    def cancel(self, ids: Sequence[str], *, waiting_only: bool = False) -> None:
        """Take jobs off the queue; those that run too, unless `waiting_only`."""
        if self._cluster == "local" or not ids:
            return
        only = ["--state=PENDING"] if waiting_only else []
        command = ["scancel", "--quiet", *only, *ids]
        subprocess.run(command, check=False, capture_output=True)  # noqa: S603 - scancel, and numbers


def _task(assignment: Assignment) -> NodeWord:
    """What runs in Slurm's job on the node."""
    told = [number for number in (WARNING, signal.SIGTERM) if number is not None]
    return work_on_node(assignment, signals=told)


def _said_by(error: Exception) -> str:
    """The last line of what `sbatch` printed, which submitit puts into its exception."""
    printed: object = getattr(error, "stderr", None)
    text = printed.decode(errors="replace") if isinstance(printed, bytes) else str(error)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = next((line for line in lines if line.startswith("sbatch: error:")), lines[-1] if lines else "")
    return said or type(error).__name__
