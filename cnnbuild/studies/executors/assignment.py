"""What is sent to a node of a cluster so that it works on one attempt, and what the node must have for it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cnnbuild.graph.data_contract import image_folder, resolve_data_root
from cnnbuild.lang.dataset import DatasetSettings
from cnnbuild.studies.job import Job
from cnnbuild.version import __version__

PASSED_ON = ("CNNBUILD_DATA", "CNNBUILD_CACHE")
"""What the environment may say (docs/rooms.md); the nodes hear the same."""

COMPARED = ("torch", "torchvision", "numpy")
"""Packages on whose version a result depends."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """One attempt, marked with `token`, at the run in `folder`.

    `places` are other files and folders that the node has to see, `environment` what its worker is told,
    `versions` those of the machine that planned the study.
    """

    folder: str
    token: str
    memory_bytes: int | None
    places: tuple[str, ...]
    environment: dict[str, str]
    versions: dict[str, str]


def assignment_of(job: Job, token: str) -> Assignment:
    """What a node has to know of a job."""
    return Assignment(
        folder=job.folder,
        token=token,
        memory_bytes=job.memory_bytes,
        places=tuple(str(path) for path in (*map(Path, job.plugins), *_data_of(job)) if path.exists()),
        environment={name: os.environ[name] for name in PASSED_ON if name in os.environ},
        versions=versions_here(),
    )


def why_not_here(assignment: Assignment, host: str) -> str:
    """Why this machine cannot work on the run as the machine that planned it would; empty where it can."""
    if not (Path(assignment.folder) / "job.json").is_file():
        return f"{host} does not see {assignment.folder}: put --out on a file system that all nodes share"
    for place in assignment.places:
        if not Path(place).exists():
            return f"{host} does not see {place}: put it on a file system that all nodes share"
    here = versions_here()
    for package, wanted in assignment.versions.items():
        if (found := here.get(package, "none")) != wanted:
            return (
                f"{host} has {package} {found}, the study was planned with {wanted}: install the same there"
            )
    return ""


def versions_here() -> dict[str, str]:
    """The versions that a result depends on, without importing what they are of."""
    found = {"cnnbuild": __version__}
    for package in COMPARED:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "none"
    return found


def _data_of(job: Job) -> tuple[Path, ...]:
    """Where the images of a run are kept; the digits come with scikit-learn."""
    settings = DatasetSettings.model_validate(job.dataset)
    root = None if job.data_root is None else Path(job.data_root)
    if settings.name == "digits":
        return ()
    if settings.name == "image_folder":
        return (image_folder(settings, data_root=root).absolute(),)
    return (resolve_data_root(root).absolute(),)
