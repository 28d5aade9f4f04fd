"""What other systems lack is asked for in one package, and what they do otherwise is tried here as far as it can be."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from cnnbuild import files
from cnnbuild.cli import launch
from cnnbuild.data.load import load_dataset
from cnnbuild.files import move_over, replace_file
from cnnbuild.studies.cell_run import run_cell
from cnnbuild.studies.evaluation import class_probabilities
from cnnbuild.studies.executors import fork_server
from cnnbuild.studies.executors.local import LocalExecutor
from cnnbuild.studies.naming import slug
from cnnbuild.system import processes
from cnnbuild.training.gradient_flow import GradientSampler
from cnnbuild.training.observations import GradientFlow
from cnnbuild.training.weight_histograms import WeightWatcher
from tests.studies.jobs_on_disk import cells_of, written_job
from tests.studies.studies_on_disk import write_study
from tests.studies.test_worker import OF_THE_PROCESS, outcome_of, weights_of
from tests.training.killed_runs import differences, without

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "cnnbuild"

OF_OS = """
fork forkpty setsid getsid killpg getpgid getpgrp setpgid setpgrp nice wait3 wait4 waitid P_ALL P_PID P_PGID WEXITED
WNOHANG WNOWAIT WIFSIGNALED WTERMSIG sched_getaffinity sched_setaffinity sysconf confstr uname getuid geteuid getgid
getegid chown lchown fchown mkfifo mknod pread pwrite openpty ttyname statvfs fstatvfs getloadavg O_NONBLOCK O_CLOEXEC
O_DIRECTORY O_SYNC O_BINARY sendfile getpriority setpriority register_at_fork posix_fadvise posix_fallocate chroot
memfd_create"""
OF_SIGNAL = """
SIGKILL SIGUSR1 SIGUSR2 SIGHUP SIGALRM SIGCHLD SIGPIPE SIGQUIT SIGSTOP SIGCONT SIGTSTP SIGWINCH alarm setitimer
ITIMER_REAL pause pthread_kill pthread_sigmask sigwait sigpending sigtimedwait siginterrupt SIG_BLOCK SIG_UNBLOCK
SIG_SETMASK CTRL_C_EVENT CTRL_BREAK_EVENT"""
NOT_EVERYWHERE = {
    "os": frozenset(OF_OS.split()),
    "signal": frozenset(OF_SIGNAL.split()),
    "context": frozenset({"ForkContext", "ForkServerContext"}),
}
NO_MODULES_EVERYWHERE = {
    "fcntl",
    "resource",
    "pwd",
    "grp",
    "termios",
    "tty",
    "pty",
    "posix",
    "syslog",
    "winreg",
    "msvcrt",
}
NO_FOLDERS_EVERYWHERE = ("/proc/", "/sys/", "/dev/", "/tmp", "/etc/", "/var/")
ALLOWED = {
    "system": "guards them all",
    "training/machine.py": "/proc/cpuinfo, where it is there",
    "training/precision.py": "/proc/cpuinfo, where it is there",
    "data/space.py": "the limits of containers, where they are there",
    "studies/executors/memory_watch.py": "what a container counts, where it is there",
}


def _for_type_checkers(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if not _for_type_checkers(child):
            yield from _nodes(child)


def missing_elsewhere(source: str) -> list[str]:
    """What a module takes from Python, or from the file system, that Windows or macOS lacks."""
    tree = ast.parse(source)
    prose = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body and isinstance(node.body[0], ast.Expr)
    }  # fmt: skip
    found: list[str] = []
    for node in _nodes(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.attr in NOT_EVERYWHERE.get(node.value.id, ()):
                found.append(f"{node.value.id}.{node.attr}")
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name in NO_MODULES_EVERYWHERE]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = NOT_EVERYWHERE.get(node.module.rpartition(".")[2], frozenset())
            found += [f"{node.module}.{alias.name}" for alias in node.names if alias.name in names]
            found += [node.module] if node.module in NO_MODULES_EVERYWHERE else []
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            found += [node.value] if node.value.startswith(NO_FOLDERS_EVERYWHERE) else []
    return found


def without_encoding(source: str) -> list[str]:
    """Where text is read or written in the encoding of the country, or with the line ends of the system."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        keywords = {keyword.arg for keyword in node.keywords}
        modes = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        is_text = all("b" not in mode and set(mode) <= set("rwax+t") for mode in modes)
        opens = node.func.attr == "open" and modes and is_text and set(modes[-1]) & set("wax")
        wants = node.func.attr == "read_text" or (opens and "Path" not in keywords)
        if (wants and "encoding" not in keywords) or node.func.attr == "write_text":
            found.append(f"{node.lineno}: {ast.unparse(node)}")
    return found


def sources() -> Iterator[tuple[str, str]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix(), path.read_text(encoding="utf-8")


def test_what_not_every_system_has_is_asked_for_in_one_package_alone():
    allowed = tuple(ALLOWED)
    found = {name: missing_elsewhere(text) for name, text in sources() if not name.startswith(allowed)}
    assert {name: names for name, names in found.items() if names} == {}
    used = {
        one for one in allowed for name, text in sources() if name.startswith(one) and missing_elsewhere(text)
    }
    assert used == set(allowed), "an exception that nobody needs"


def test_text_files_have_one_encoding_and_one_line_end_on_every_system():
    found = {name: without_encoding(text) for name, text in sources()}
    assert {name: places for name, places in found.items() if places} == {}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import os\nos.killpg(1, 9)", ["os.killpg"]),
        ("import signal\nx = signal.SIGUSR1", ["signal.SIGUSR1"]),
        ("def f():\n    import fcntl", ["fcntl"]),
        (
            "from multiprocessing.context import ForkServerContext",
            ["multiprocessing.context.ForkServerContext"],
        ),
        ("Path('/proc/self/stat')", ["/proc/self/stat"]),
        ("if TYPE_CHECKING:\n    import resource", []),
        ("import os\nos.getpid()", []),
    ],
)
def test_the_check_finds_what_it_is_for(source, found):
    assert missing_elsewhere(source) == found


def test_the_check_of_text_files_finds_what_it_is_for():
    faults = "p.read_text()\np.write_text('', encoding='utf-8')\np.open('a')\np.open('w', encoding='utf-8')\np.open('wb')"
    assert [fault.split(":")[0] for fault in without_encoding(faults)] == ["1", "2", "3"]


# --- processes


@pytest.mark.parametrize(("system", "may"), [("linux", True), ("darwin", False)])
def test_runs_are_forked_on_linux_alone(monkeypatch, system, may):
    monkeypatch.setattr(sys, "platform", system)
    assert processes.can_fork() is may


def test_no_run_is_forked_where_there_is_no_fork(monkeypatch):
    monkeypatch.setattr("multiprocessing.get_all_start_methods", lambda: ["spawn"])  # as on Windows
    assert not processes.can_fork()
    assert fork_server.context_of_runs().get_start_method() == "spawn"


def test_every_module_is_loaded_by_a_python_that_has_what_windows_has():
    """The names are taken away before the package is loaded; modules of the clusters are left out."""
    code = """
import importlib, multiprocessing.context, os, pkgutil, signal, sys
import multiprocessing.connection, multiprocessing.util, subprocess, tempfile, torch, psutil, filelock
for name in NAMES["os"]:
    if hasattr(os, name): delattr(os, name)
for name in NAMES["signal"]:
    if hasattr(signal, name): delattr(signal, name)
for name in NAMES["context"]:
    delattr(multiprocessing.context, name)
for name in MODULES: sys.modules[name] = None
import cnnbuild
for module in pkgutil.walk_packages(cnnbuild.__path__, "cnnbuild."):
    if module.name.startswith(PARTS):
        importlib.import_module(module.name)
print("all")
"""
    parts = (
        "cnnbuild.system",
        "cnnbuild.files",
        "cnnbuild.studies.executors",
        "cnnbuild.training",
        "cnnbuild.cli.main",
    )
    names = f"NAMES, MODULES, PARTS = {NOT_EVERYWHERE!r}, {NO_MODULES_EVERYWHERE!r}, {parts!r}"
    done = subprocess.run(
        [sys.executable, "-c", names + code],
        capture_output=True, text=True, timeout=300, check=False, cwd=ROOT,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "all\n"), done.stderr


def test_a_run_in_a_process_that_was_not_forked_has_the_same_bits(monkeypatch, tmp_path):
    monkeypatch.setattr(fork_server, "can_fork", lambda: False)
    cell = cells_of(write_study(tmp_path))[0]
    job = written_job(cell, tmp_path / "cells")
    executor = LocalExecutor(1)
    try:
        executor.start([job])
        ended = next(found for _ in range(300) if (found := executor.wait(1)))
    finally:
        executor.close()
    assert [(one.cause, one.code) for one in ended] == [("ended", 0)]
    folder = tmp_path / "inline" / job.name
    expected = run_cell(cell, load_dataset(cell.dataset, data_root=None), folder=folder)
    pair = [without(asdict(record), OF_THE_PROCESS) for record in (expected, outcome_of(job))]
    assert differences(*pair) == []
    assert differences(weights_of(folder), weights_of(job.path)) == []


def test_images_are_read_by_processes_that_are_not_forked_and_no_script_is_run_twice(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        """
import multiprocessing
multiprocessing.set_start_method("spawn")  # as on Windows and macOS
import torch
from cnnbuild.data.batches import Normalization
from cnnbuild.data.dataset import Images
from cnnbuild.data.stream import StreamSource

images = torch.arange(6 * 3 * 2 * 2, dtype=torch.uint8).view(6, 3, 2, 2)
part = Images(images, torch.zeros(6, dtype=torch.long))
source = StreamSource(
    part, Normalization(torch.zeros(3), torch.ones(3)), torch.device("cpu"), channels_last=False, workers=1
)
lists = [torch.tensor([4, 1]), torch.tensor([0, 5])]
for (read, _), asked in zip(source.batches(lists), lists, strict=True):
    assert torch.equal(read, images[asked].float()), read
print("once")
""",
        encoding="utf-8",
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(script)],
        env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "once\n"), done.stderr


@pytest.mark.parametrize(("system", "word"), [("win32", "0"), ("linux", None)])
def test_devices_find_each_other_without_what_torch_lacks_on_windows(monkeypatch, system, word):
    monkeypatch.delenv("USE_LIBUV", raising=False)
    monkeypatch.setattr(sys, "platform", system)
    assert launch._environment(0, 2, 1234).get("USE_LIBUV") == word
    monkeypatch.setenv("USE_LIBUV", "1")
    assert launch._environment(0, 2, 1234)["USE_LIBUV"] == "1"


# --- an Apple GPU


class OnAppleGpu(Tensor):
    """A tensor that has no float64, as those of the device mps; all else is as on the CPU."""

    @classmethod
    def __torch_function__(cls, function, types, arguments=(), options=None):
        if function == Tensor.device.__get__:
            return torch.device("mps")
        found = super().__torch_function__(function, types, arguments, options or {})
        if function == Tensor.cpu:
            return found.as_subclass(Tensor)
        if isinstance(found, OnAppleGpu) and found.dtype == torch.float64:
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype")
        return found


def on_apple_gpu(tensor: Tensor) -> OnAppleGpu:
    return tensor.detach().as_subclass(OnAppleGpu)


def test_the_stand_in_for_an_apple_gpu_has_no_float64():
    tensor = on_apple_gpu(torch.ones(2))
    assert tensor.device.type == "mps"
    assert tensor.cpu().double().device.type == "cpu"
    with pytest.raises(TypeError, match="float64"):
        (tensor + 1).double()


def a_module(place: Callable[[Tensor], Tensor]) -> nn.Module:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))
    for layer in (module[0], module[2]):
        layer.weight = nn.Parameter(place(layer.weight.detach()))
        layer.bias = nn.Parameter(place(layer.bias.detach()))
    return module


def test_weights_on_an_apple_gpu_are_counted_as_on_the_cpu():
    apple, cpu = (WeightWatcher(a_module(place)).look(1) for place in (on_apple_gpu, torch.clone))
    assert cpu is not None
    assert apple == cpu


def test_gradients_on_an_apple_gpu_are_recorded_as_on_the_cpu():
    def flow(place: Callable[[Tensor], Tensor]) -> GradientFlow | None:
        module = a_module(place)
        sampler = GradientSampler(module, steps_per_epoch=1)
        for parameter in module.parameters():
            parameter.grad = place(torch.full_like(parameter.detach().cpu(), 0.5))
        sampler.before_update(0)
        with torch.no_grad():
            for parameter in module.parameters():
                parameter -= 0.25 * parameter.grad
        sampler.after_update(0)
        return sampler.epoch()

    found, expected = flow(on_apple_gpu), flow(torch.clone)
    assert found is not None
    assert expected is not None
    for name, value in asdict(expected).items():
        assert getattr(found, name) == pytest.approx(value), name


def test_probabilities_on_an_apple_gpu_are_those_of_the_cpu():
    logits = torch.tensor([[1.0, 2.0], [0.5, -3.0]])

    class Source:
        labels = torch.zeros(2, dtype=torch.long)
        device = torch.device("cpu")

        def __len__(self) -> int:
            return 2

        def batch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
            return on_apple_gpu(logits[indices]), self.labels[indices]

    found = class_probabilities(nn.Identity(), Source(), forward=lambda images: images, flip=False)
    assert torch.equal(found, logits.double().softmax(1))


# --- files


def test_a_file_that_somebody_reads_is_replaced_as_soon_as_windows_lets_it(monkeypatch, tmp_path):
    refusals = iter([True, True, False])
    replace = Path.replace

    def refuse_at_first(self: Path, target: Path) -> Path:
        if next(refusals):
            raise PermissionError(13, "in use")
        return replace(self, target)

    monkeypatch.setattr(files, "ON_WINDOWS", True)
    monkeypatch.setattr(Path, "replace", refuse_at_first)
    (tmp_path / "page").write_text("old")
    replace_file(tmp_path / "page", b"new", durable=False)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("page", "new")]


@pytest.mark.parametrize("on_windows", [True, False])
def test_a_file_that_cannot_be_replaced_is_an_error_in_the_end(monkeypatch, tmp_path, on_windows):
    asked = []

    def refuse(self: Path, target: Path) -> Path:
        asked.append(target)
        raise PermissionError(13, "in use")

    monkeypatch.setattr(files, "ON_WINDOWS", on_windows)
    monkeypatch.setattr(files, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(PermissionError):
        move_over(tmp_path / "a", tmp_path / "b")
    assert (len(asked) > 1) is on_windows


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("CON", "_CON"),
        ("aux", "_aux"),
        ("com1.yaml", "_com1.yaml"),
        ("console", "console"),
        ("a:b*c?", "a_b_c"),
        ("ends with a dot.", "ends_with_a_dot"),
        ("x" * 59 + ".tail", "x" * 59),
    ],
)
def test_names_of_folders_are_names_on_every_system(written, name):
    assert slug(written) == name


# --- the console


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "latin-1:strict"])
def test_a_console_of_any_encoding_shows_every_page(encoding):
    code = "import sys; sys.argv[0] = 'cnnbuild'; from cnnbuild.cli.main import main; main()"
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code, "inspect", "architectures/simple_cnn.yaml", "-d", "digits"],
        cwd=ROOT, env=environment, capture_output=True, timeout=300, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode(encoding.partition(":")[0])
    assert "conv" in text
    assert "?" not in text


def test_a_character_without_a_likeness_becomes_a_question_mark_and_no_traceback():
    code = (
        "from cnnbuild.cli.encoding import print_anywhere\nprint_anywhere()\n"
        "print('a \\u2192 b \\u00b1 \\u4e2d')\n"
    )
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout.split()) == (0, [b"a", b"->", b"b", b"+-", b"?"])
