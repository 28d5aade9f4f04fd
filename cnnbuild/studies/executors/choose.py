"""From the words of the command line to an executor, and how many runs it takes at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib.util import find_spec

from cnnbuild.errors import UsageError
from cnnbuild.studies.executors.executor import Executor
from cnnbuild.system.cores import core_count
from cnnbuild.texts import did_you_mean

EXECUTORS = ("local", "ray", "slurm", "inline")
"""What `--executor` knows; `inline` is no executor: the runs are trained by the study's own process."""

RUNS_PER_CORE, LEAST_LIMIT = 16, 64  # runs at once on this machine, beyond which `--jobs` is a slip
MOST_OF_SLURM = 1000  # queued at once; an array may have 1,001 jobs where a cluster says nothing else
MOST = 100_000  # at once on a cluster, of which the nodes' room says more


def make_executor(
    name: str,
    *,
    jobs: int | None = None,
    threads: int | None = None,
    memory_bytes: int | None = None,
    recipe_devices: Collection[str] = ("auto",),
    slurm: Mapping[str, str] | None = None,
) -> Executor | None:
    """The executor of a name, for `jobs` runs at once with `threads` each; None for `inline`.

    `recipe_devices` are what the recipes of the study say of their `device`. `memory_bytes` is what a run may
    use, which a scheduler has to know before. `slurm` are options of Slurm's, see `slurm_options`.

    Raises:
        UsageError: there is no such executor, what it needs is not installed, or `jobs` is below 1.
    """
    if name not in EXECUTORS:
        hint = did_you_mean(name, EXECUTORS, listing="known executors")
        raise UsageError(f"there is no executor '{name}'; {hint}")
    require_jobs(name, jobs)
    if name == "inline":
        return None
    gpus = gpu_count(recipe_devices)
    if name == "local":
        from cnnbuild.studies.executors.local import LocalExecutor

        devices = tuple(f"cuda:{number}" for number in range(gpus))
        return LocalExecutor(jobs or default_jobs(recipe_devices), devices=devices)
    require_extra(name)
    if name == "slurm":
        from cnnbuild.studies.executors.slurm import SlurmExecutor

        return SlurmExecutor(jobs=jobs, options=slurm or {})
    from cnnbuild.studies.executors.ray import RayExecutor

    wants_gpu = bool({"auto", "cuda"} & set(recipe_devices))
    return RayExecutor(jobs=jobs, threads=threads or 1, memory_bytes=memory_bytes, gpu=wants_gpu)


def require_executor(name: str, *, slurm: Mapping[str, str]) -> None:
    """Do nothing where an executor could be made, as far as that is known without starting anything.

    Raises:
        UsageError: what it needs is not installed or not on this machine, or an option of Slurm's is faulty.
    """
    if name not in ("ray", "slurm"):
        return
    require_extra(name)
    if name == "slurm":
        from cnnbuild.studies.executors.slurm import SlurmExecutor

        SlurmExecutor(options=slurm)


def require_jobs(name: str, jobs: int | None) -> None:
    """Do nothing where an executor can be asked for so many runs at once.

    Raises:
        UsageError: there are none of them, or more than could ever be of use.
    """
    if jobs is None:
        return
    if jobs < 1:
        raise UsageError(f"--jobs is a number of runs at once, at least 1, not {jobs}")
    cores = core_count()
    most = {"local": max(LEAST_LIMIT, RUNS_PER_CORE * cores), "slurm": MOST_OF_SLURM}.get(name, MOST)
    if jobs <= most:
        return
    told = f"--jobs {jobs}: {most:,} runs at once are the most"
    if name == "local":
        machine = f"this machine, which has {cores} {'core' if cores == 1 else 'cores'}"
        told += f" for {machine}; without --jobs it is one per core, or one per GPU"
    elif name == "slurm":
        told = f"--jobs {jobs}: {most:,} runs are the most in Slurm's queue; Slurm decides how many work"
    raise UsageError(told)


def require_extra(name: str) -> None:
    """Do nothing where what an executor needs is installed.

    Raises:
        UsageError: it is not; the message says how to install it.
    """
    package = {"ray": "ray", "slurm": "submitit"}[name]
    if find_spec(package) is None:
        raise UsageError(f"--executor {name} needs {package}: pip install 'cnnbuild[{name}]'")


def default_jobs(recipe_devices: Collection[str] = ("auto",)) -> int:
    """How many runs work on this machine at once: one per GPU where they use any, otherwise one per core."""
    return gpu_count(recipe_devices) or core_count()


def threads_for(jobs: int, executor: str = "local") -> int:
    """How many threads each of `jobs` runs at once has: its share of this machine's cores, at least one.

    Of the machines of a cluster nothing is known before it is asked: one.
    """
    return max(1, core_count() // jobs) if executor in ("local", "inline") else 1


def gpu_count(recipe_devices: Collection[str] = ("auto",)) -> int:
    """How many CUDA devices the runs of a study can have, by what their recipes say of their `device`."""
    if not {"auto", "cuda"} & set(recipe_devices):
        return 0
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0
