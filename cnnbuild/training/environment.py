"""The machine under a run, and the commit that its file belongs to."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

import torch

from cnnbuild.system.cores import allowed_cores
from cnnbuild.system.memory import installed_bytes
from cnnbuild.training.machine import hardware_name
from cnnbuild.training.observations import Environment, GitRevision

GIT_SECONDS = 5  # a repository on a slow network drive must not hold up a run


def describe_environment(device: torch.device) -> Environment:
    """The machine as it is now, with the graphics card where `device` is one."""
    gpu, gpu_memory = None, None
    if device.type == "cuda":
        gpu = hardware_name(device)
        gpu_memory = int(torch.cuda.get_device_properties(device).total_memory)
    return Environment(
        os=platform.platform(),
        cpu=hardware_name(torch.device("cpu")),
        cores=os.cpu_count(),
        usable_cores=allowed_cores(),
        memory_bytes=installed_bytes(),
        cpu_capability=torch.backends.cpu.get_cpu_capability(),
        gpu=gpu,
        gpu_memory_bytes=gpu_memory,
    )


def git_revision(path: Path) -> GitRevision | None:
    """The commit of the repository that holds `path`, None without a repository, a commit, or git itself."""
    git = shutil.which("git")
    if git is None:
        return None
    folder = path.resolve().parent
    revision = _answer(git, folder, "rev-parse", "--verify", "HEAD")
    changed = _answer(git, folder, "status", "--porcelain", "--untracked-files=no")
    if not revision or changed is None:
        return None
    own = _answer(git, folder, "ls-files", "--", path.resolve().name)
    return GitRevision(revision, dirty=bool(changed) or not own)


def _answer(git: str, folder: Path, *words: str) -> str | None:
    """What git prints, None where it fails or takes too long.

    It takes no lock and starts no program that the repository names.
    """
    command = [git, "--no-optional-locks", "-c", "core.fsmonitor=false", *words]
    try:
        done = subprocess.run(  # noqa: S603 - fixed words; the only foreign one is a path after `--`
            command,
            cwd=folder,
            capture_output=True,
            timeout=GIT_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", errors="replace").strip() if done.returncode == 0 else None
