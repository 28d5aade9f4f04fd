"""The machine and the commit: what is told, and that nothing fails where there is nothing to tell."""

import os
import subprocess

import pytest
import torch

from cnnbuild.training import environment
from cnnbuild.training.environment import describe_environment, git_revision


@pytest.fixture
def repository(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    def git(*words):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        done = subprocess.run(
            ["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    (tmp_path / "net.yaml").write_text("cnnbuild: 1\n")
    return git, tmp_path / "net.yaml"


def test_a_committed_file_has_its_commit(repository):
    git, path = repository
    git("init")
    git("add", ".")
    git("commit", "-m", "one")
    found = git_revision(path)
    assert (found.revision, found.dirty) == (git("rev-parse", "HEAD"), False)
    path.write_text("changed")
    assert git_revision(path).dirty


def test_a_file_that_is_in_no_commit_makes_the_revision_dirty(repository):
    git, path = repository
    git("init")
    git("add", ".")
    git("commit", "-m", "one")
    other = path.with_name("other.yaml")
    other.write_text("")
    assert git_revision(other).dirty
    assert not git_revision(path).dirty


def test_without_a_repository_a_commit_or_git_there_is_no_revision(repository, monkeypatch):
    git, path = repository
    assert git_revision(path) is None
    git("init")
    assert git_revision(path) is None
    assert git_revision(path.parent / "missing" / "net.yaml") is None
    monkeypatch.setenv("PATH", str(path.parent))
    assert git_revision(path) is None


def test_git_that_does_not_answer_is_not_waited_for(repository, monkeypatch):
    git, path = repository
    git("init")
    slow = path.parent / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 30\n")
    slow.chmod(0o755)
    monkeypatch.setattr(environment, "GIT_SECONDS", 0.1)
    monkeypatch.setenv("PATH", f"{slow.parent}{os.pathsep}{os.environ['PATH']}")
    assert git_revision(path) is None


def test_the_environment_names_the_machine():
    found = describe_environment(torch.device("cpu"))
    assert found.os
    assert found.cpu
    assert 1 <= found.usable_cores <= found.cores
    assert found.memory_bytes is None or found.memory_bytes > 2**28
    assert found.cpu_capability == torch.backends.cpu.get_cpu_capability()
    assert found.gpu is found.gpu_memory_bytes is None
