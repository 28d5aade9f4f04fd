"""Runs as processes: how they end is told, what they leave dies with them, and nothing outlives the supervisor."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest
import torch

from cnnbuild.data.load import load_dataset
from cnnbuild.studies.cell_run import run_cell
from cnnbuild.studies.executors.executor import Exit
from cnnbuild.studies.executors.fork_server import own_server, start_process
from cnnbuild.studies.executors.local import LocalExecutor
from cnnbuild.studies.executors.memory_watch import SystemKills, used_bytes
from cnnbuild.studies.record import CellRecord
from tests.studies.jobs_on_disk import cells_of, written_job
from tests.studies.odd_layers import odd_job
from tests.studies.studies_on_disk import write_study
from tests.studies.test_worker import OF_THE_PROCESS, outcome_of, until, weights_of
from tests.training.killed_runs import differences, without

ROOT = Path(__file__).parents[2]


@pytest.fixture
def executor():
    executor = LocalExecutor(2)
    yield executor
    executor.close()


def exits_of(executor: LocalExecutor, count: int) -> dict[str, Exit]:
    """The next `count` ends, by the names of the runs."""
    ended: dict[str, Exit] = {}
    until(lambda: ended.update({one.name: one for one in executor.wait(1)}) or len(ended) >= count)
    return ended


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def test_runs_in_processes_end_with_the_bits_of_the_studys_own_process(tmp_path, executor):
    cells = cells_of(write_study(tmp_path))[:2]
    jobs = [written_job(cell, tmp_path / "cells") for cell in cells]
    assert (executor.slots, executor.free_slots()) == (2, 2)
    executor.start(jobs)
    assert executor.free_slots() == 0
    assert [executor.is_running(job.name) for job in jobs] == [True, True]
    ended = exits_of(executor, 2)
    assert [(ended[job.name].cause, ended[job.name].code) for job in jobs] == [("ended", 0)] * 2
    assert executor.free_slots() == 2
    for cell, job in zip(cells, jobs, strict=True):
        folder = tmp_path / "inline" / job.name
        expected = run_cell(cell, load_dataset(cell.dataset, data_root=None), folder=folder)
        pair = [without(asdict(record), OF_THE_PROCESS) for record in (expected, outcome_of(job))]
        assert differences(*pair) == []
        assert differences(weights_of(folder), weights_of(job.path)) == []


def test_how_a_process_ended_is_told_with_the_name_of_the_signal(tmp_path, executor):
    crashing = odd_job(tmp_path / "crash", "ctypes.string_at(0)")
    leaving = odd_job(tmp_path / "leave", "os._exit(3)", text_of("leave"))
    executor.start([crashing, leaving])
    ended = exits_of(executor, 2)
    crash, leave = ended[crashing.name], ended[leaving.name]
    assert (crash.cause, crash.code, crash.reason) == ("signal", -11, "SIGSEGV ended the process")
    assert (leave.cause, leave.code, leave.reason) == ("ended", 3, "")
    assert crash.host == leave.host != ""
    assert "Segmentation fault" in (crashing.path / "log.txt").read_text()
    assert not (leaving.path / "outcome.json").exists()


def text_of(name: str) -> str:
    """A study of one run that has this name."""
    return f"""\
cnnbuild: 1
study: {name}
architectures: {{{name}: net.yaml}}
datasets: [digits]
seeds: 1
train: {{epochs: 2, optimizer: {{adam: {{lr: 0.01}}}}}}
"""


def test_a_run_that_is_stopped_leaves_a_checkpoint_and_one_that_is_killed_no_child(tmp_path, executor):
    slow = odd_job(tmp_path / "slow", "time.sleep(0.05)", text_of("slow").replace("epochs: 2", "epochs: 500"))
    note = tmp_path / "child"
    bearing = odd_job(
        tmp_path / "bear",
        f"open({str(note)!r}, 'w').write(str(subprocess.Popen(['sleep', '600']).pid)); time.sleep(600)",
        text_of("bear"),
    )
    executor.start([slow, bearing])
    until(lambda: note.exists() and note.read_text() and (slow.path / "progress.jsonl").exists())
    child = int(note.read_text())
    assert is_alive(child)
    executor.stop(slow.name, kill=False)
    executor.stop(bearing.name, kill=True)
    executor.stop("unknown", kill=True)
    ended = exits_of(executor, 2)
    assert (ended[slow.name].cause, ended[slow.name].code) == ("ended", 143)
    assert (slow.path / "checkpoint.pt").exists()
    killed = ended[bearing.name]
    assert (killed.cause, killed.code, killed.reason) == ("signal", -9, "SIGKILL ended the process")
    until(lambda: not is_alive(child))


def test_what_a_crashed_run_left_behind_is_killed(tmp_path, executor):
    note = tmp_path / "child"
    job = odd_job(
        tmp_path / "run",
        f"open({str(note)!r}, 'w').write(str(subprocess.Popen(['sleep', '600']).pid)); os.abort()",
    )
    executor.start([job])
    assert exits_of(executor, 1)[job.name].reason == "SIGABRT ended the process"
    until(lambda: not is_alive(int(note.read_text())))


def test_a_run_that_uses_more_memory_than_it_may_is_killed_and_says_so(tmp_path, executor):
    hungry = "sys.kept = [torch.ones(10_000_000).clone() for _ in range(500)]"  # 20 GB, 40 MB at a time
    job = odd_job(tmp_path, f"{hungry}; time.sleep(600)", memory_bytes=1_000_000_000)
    executor.start([job])
    ended = exits_of(executor, 1)[job.name]
    assert (ended.cause, ended.code) == ("memory", -9)
    used, _, rest = ended.reason.removeprefix("used ").partition(" GB, ")
    assert rest == "allowed 1 GB (--memory)"
    assert 1 <= float(used) < 15


def test_the_memory_of_a_runs_children_counts():
    code = "import os, time; kept = bytearray(os.urandom(1)) * 50_000_000; print(flush=True); time.sleep(600)"
    inner = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", inner], start_new_session=True, stdout=subprocess.PIPE
    ) as process:
        try:
            process.stdout.readline()
            used = used_bytes({"mine": process.pid, "gone": 2**22 + 1})
        finally:
            os.killpg(process.pid, signal.SIGKILL)
    assert 50_000_000 < used["mine"] < 200_000_000
    assert used["gone"] == 0


def test_a_kill_by_the_system_is_told_once_from_one_by_a_person(tmp_path):
    counter = tmp_path / "memory.events"
    counter.write_text("low 0\nhigh 0\nmax 7\noom 2\noom_kill 2\noom_group_kill 0\n")
    kills = SystemKills(counter)
    assert not kills.take_one()  # those before the study are not its own
    counter.write_text("oom 3\noom_kill 3\n")
    assert [kills.take_one(), kills.take_one()] == [True, False]
    assert not SystemKills(tmp_path / "absent").take_one()


def test_a_run_that_the_system_killed_ran_out_of_memory(tmp_path, executor):
    counter = tmp_path / "memory.oom_control"
    counter.write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 0\n")
    executor._system_kills = SystemKills(counter)
    grow = f"open({str(counter)!r}, 'w').write('oom_kill 1\\n'); "
    jobs = [
        odd_job(tmp_path / "system", f"{grow}os.kill(os.getpid(), 9)", text_of("system")),
        odd_job(tmp_path / "person", "os.kill(os.getpid(), 9)", text_of("person")),
    ]
    ended = {}
    for job in jobs:
        executor.start([job])
        ended |= exits_of(executor, 1)
    assert [ended[job.name].cause for job in jobs] == ["memory", "signal"]
    assert ended[jobs[0].name].reason == "the system killed the process: it had no memory left"


def test_a_run_has_the_supervisors_environment_of_now(tmp_path, executor, monkeypatch):
    monkeypatch.setenv("CNNBUILD_TEST_OF_NOW", "yes")
    job = odd_job(tmp_path, "print('now:', os.environ.get('CNNBUILD_TEST_OF_NOW'))")
    executor.start([job])
    assert exits_of(executor, 1)[job.name].code == 0
    assert "now: yes" in (job.path / "log.txt").read_text()


def test_closing_kills_what_still_runs(tmp_path):
    executor = LocalExecutor(1)
    job = odd_job(tmp_path, "time.sleep(600)")
    executor.start([job])
    pid = executor._running[job.name].pid
    executor.close()
    assert not is_alive(pid)
    assert executor.free_slots() == 1


SCRIPT = """\
import sys
from pathlib import Path
from cnnbuild.studies.executors.local import LocalExecutor
from cnnbuild.studies.job import read_job

with open("executed", "a") as file:
    file.write("once\\n")
executor = LocalExecutor(1)
job = read_job(Path(sys.argv[1]))
executor.start([job])
Path("pid").write_text(str(executor._running[job.name].pid))
while not executor.wait(60):
    pass
executor.close()
"""


def script(folder: Path, job_folder: Path) -> subprocess.Popen[bytes]:
    (folder / "script.py").write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "script.py", str(job_folder)], cwd=folder, env=environment)


def test_a_script_without_a_guard_is_not_executed_again(tmp_path):
    job = written_job(cells_of(write_study(tmp_path))[0], tmp_path / "cells")
    assert script(tmp_path, job.path).wait(100) == 0
    assert (tmp_path / "executed").read_text() == "once\n"
    assert outcome_of(job).state == "done"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process that holds Python's lock")
@pytest.mark.parametrize(
    "action", [pytest.param("time.sleep(600)", marks=pytest.mark.exhaustive), "ctypes.PyDLL(None).sleep(600)"]
)
def test_no_run_outlives_a_supervisor_that_was_killed(tmp_path, action):
    """The second action keeps Python's lock, so that no thread of the run could notice."""
    note = tmp_path / "begun"
    job = odd_job(tmp_path / "run", f"open({str(note)!r}, 'w').close(); {action}")
    process = script(tmp_path, job.path)
    until(note.exists)
    pid = int((tmp_path / "pid").read_text())
    assert is_alive(pid)
    process.kill()
    process.wait()
    until(lambda: not is_alive(pid))


@pytest.mark.exhaustive
def test_with_several_threads_the_bits_are_those_of_as_many_threads_in_the_studys_own_process(tmp_path):
    net = """\
cnnbuild: 1
name: wide
vars: {width: 64}
layers:
  - conv: {out_channels: 64, kernel_size: 3, padding: half}
  - relu
  - conv: {out_channels: 64, kernel_size: 3, padding: half}
  - flatten
  - linear: $data.classes
"""
    cell = cells_of(write_study(tmp_path, net=net))[0]
    job = written_job(cell, tmp_path / "cells", threads=2)
    executor = LocalExecutor(1)
    executor.start([job])
    exits_of(executor, 1)
    executor.close()
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        expected = run_cell(cell, load_dataset(cell.dataset, data_root=None), folder=tmp_path / "inline")
    finally:
        torch.set_num_threads(before)
    found = CellRecord.from_dict(json.loads((job.path / "outcome.json").read_text()))
    assert found.run.threads == expected.run.threads == 2
    assert differences(weights_of(tmp_path / "inline"), weights_of(job.path)) == []


def test_the_fork_server_has_rehearsed_and_has_no_thread(executor):
    """No thread may be alive when a process forks; `torch._dynamo` is what an optimiser imports for seconds."""
    code = "import sys; sys.exit(42 if 'torch._dynamo' in sys.modules else 1)"
    process = executor._context.Process(target=exec, args=(code,))
    start_process(process)
    process.join(60)
    assert process.exitcode == 42
    assert psutil.Process(own_server()._forkserver_pid).num_threads() == 1


def test_a_sigterm_for_all_processes_leaves_the_fork_server_to_the_runs(tmp_path, executor):
    server = own_server()._forkserver_pid
    first, second = (
        odd_job(tmp_path / "a", "pass", text_of("a")),
        odd_job(tmp_path / "b", "pass", text_of("b")),
    )
    executor.start([first])
    exits_of(executor, 1)
    os.kill(server, signal.SIGTERM)
    executor.start([second])
    assert exits_of(executor, 1)[second.name].code == 0
    assert own_server()._forkserver_pid == server


OWN_POOL = """\
import json
import multiprocessing
import os
import signal

from cnnbuild.studies.executors.local import LocalExecutor

def told():
    blocked = signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    ignored = signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    return [blocked, ignored]

if __name__ == "__main__":
    executor = LocalExecutor(1)
    context = multiprocessing.get_context("forkserver")
    with context.Pool(1) as pool:  # its end sends SIGTERM to what it has started, and waits
        print(json.dumps(pool.apply(told)))
    child = os.fork()
    if not child:
        from cnnbuild.studies.executors.fork_server import own_server
        own_server().ensure_running()
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    executor.close()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork server")
def test_a_scripts_own_processes_inherit_nothing_from_the_server_that_forks_the_runs(tmp_path):
    (tmp_path / "script.py").write_text(OWN_POOL)
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.stdout.splitlines() == ["[false, false]", "0"], done.stderr


def test_runs_whose_fork_server_was_killed_are_lost_and_the_next_have_another(tmp_path, executor):
    note = tmp_path / "begun"
    job = odd_job(tmp_path / "a", f"open({str(note)!r}, 'w').close(); time.sleep(600)", text_of("a"))
    executor.start([job])
    until(note.exists)
    pid = executor._running[job.name].pid
    os.kill(own_server()._forkserver_pid, signal.SIGKILL)
    lost = exits_of(executor, 1)[job.name]
    reason = "the process that forks the runs was killed"
    assert (lost.cause, lost.code, lost.reason) == ("lost", None, reason)
    until(lambda: not is_alive(pid))
    again = odd_job(tmp_path / "b", "pass", text_of("b"))
    executor.start([again])
    assert exits_of(executor, 1)[again.name].code == 0


def test_how_long_a_process_lived_is_told(tmp_path, executor):
    begin = time.monotonic()
    job = odd_job(tmp_path, "os._exit(0)")
    executor.start([job])
    ended = exits_of(executor, 1)[job.name]
    assert 0 < ended.seconds <= time.monotonic() - begin
