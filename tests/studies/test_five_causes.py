"""One study with every way to fail: each cause is named, and the runs that can end do."""

from __future__ import annotations

import csv
from pathlib import Path

from cnnbuild.lang.study import read_study
from cnnbuild.layers.plugins import registry_with
from cnnbuild.studies.events import CellEnded, CellRetried, CellStarted, StudyEvent
from cnnbuild.studies.executors.local import LocalExecutor
from cnnbuild.studies.plan import plan_study
from cnnbuild.studies.policy import Policy
from cnnbuild.studies.run import run_plan
from tests.studies.odd_layers import odd_plugin
from tests.studies.studies_on_disk import NET

ACTIONS = {
    "raises": "raise ValueError('of mine')",
    "crashes": "ctypes.string_at(0)",
    "hungry": "sys.kept = [torch.ones(10_000_000) for _ in range(500)]; time.sleep(600)",  # 20 GB
    "diverges": "x = x * float('inf')",
    "stalls": "time.sleep(600)",
    "exits": "sys.exit(7)",
}
STUDY = """\
cnnbuild: 1
study: causes
architectures: {%s}
datasets: [digits]
seeds: 1
train: {epochs: 2, optimizer: {adam: {lr: 0.01}}}
"""
MEMORY = 2_000_000_000


def test_a_study_names_each_cause_and_completes_the_others(tmp_path):
    for name, action in ACTIONS.items():
        (tmp_path / f"{name}_layer.py").write_text(odd_plugin(action, name))
        (tmp_path / f"{name}.yaml").write_text(NET.replace("relu", name).replace("tiny", name))
    for name in ("healthy", "sound"):
        (tmp_path / f"{name}.yaml").write_text(NET.replace("tiny", name))
    names = ["healthy", *ACTIONS, "sound"]
    path = tmp_path / "causes.yaml"
    path.write_text(STUDY % ", ".join(f"{name}: {name}.yaml" for name in names))
    plugins = [tmp_path / f"{name}_layer.py" for name in ACTIONS]
    plan = plan_study(read_study(path), data_root=None, registry=registry_with(plugins))
    events: list[StudyEvent] = []
    executor = LocalExecutor(2)
    try:
        results = run_plan(
            plan,
            out=tmp_path / "out",
            data_root=None,
            on_event=events.append,
            executor=executor,
            policy=Policy(stall_seconds=10.0),
            memory_bytes=MEMORY,
            plugins=plugins,
            jobs=2,
            threads=1,
        )
    finally:
        executor.close()
    records = {record.architecture: record for record in results.records.values()}
    assert {name: record.state for name, record in records.items()} == {
        "healthy": "done",
        "raises": "failed",
        "crashes": "failed",
        "hungry": "out_of_memory",
        "diverges": "diverged",
        "stalls": "stalled",
        "exits": "failed",
        "sound": "done",
    }
    assert records["raises"].reason == "ValueError: of mine"
    assert records["crashes"].reason == "the process crashed: SIGSEGV (segmentation fault)"
    assert records["hungry"].reason.startswith("used ")
    assert records["hungry"].reason.endswith(" GB, allowed 2 GB (--memory)")
    assert records["diverges"].reason.startswith("the loss became nan ")
    assert records["stalls"].reason.startswith("it gave no sign of life for ")
    assert records["exits"].reason.startswith("the worker ended with exit code 7 and left no outcome")
    tries = {name: [attempt.accumulate for attempt in record.attempts] for name, record in records.items()}
    assert tries == {**{name: [1] for name in names}, "hungry": [1, 2]}
    retried = [event.cell.architecture for event in events if isinstance(event, CellRetried)]
    assert retried == ["hungry"]
    assert sum(isinstance(event, CellStarted) for event in events) == len(names) + 1
    logs = {e.record.architecture: Path(e.log).read_text() for e in events if isinstance(e, CellEnded)}
    assert 'raise ValueError("of mine")' in logs["raises"].replace("'", '"')
    assert "Fatal Python error: Segmentation fault" in logs["crashes"]
    with (tmp_path / "out" / "results.csv").open() as file:
        table = list(csv.DictReader(file))
    assert {line["architecture"]: line["state"] for line in table} == {n: r.state for n, r in records.items()}
    conditions = {line["architecture"]: line["condition"] for line in table}
    assert conditions["raises"] == "failed"
    assert conditions["diverges"] == "diverged"
    assert conditions["stalls"] == "stalled"
    assert {record.architecture for record in results.failed} == set(ACTIONS)
