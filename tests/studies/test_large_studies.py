"""What a study of very many runs costs beside its training."""

import gc
import time
import tracemalloc

import pytest

from tests.studies.fake_executor import FakeExecutor
from tests.studies.test_supervisor import plan_of, start


@pytest.mark.parametrize(
    "count",
    [pytest.param(20, id="20 runs"), pytest.param(1000, marks=pytest.mark.exhaustive, id="1000 runs")],
)
def test_a_supervisor_keeps_no_records_and_costs_little(tmp_path, count, capsys):
    plan = plan_of(tmp_path, seeds=count // 2)
    held: list[int] = []

    class Watched(FakeExecutor):
        def start(self, jobs):
            super().start(jobs)
            self.started.clear()  # what the test itself would keep
            gc.collect()  # what is garbage already is held by nobody
            held.append(tracemalloc.get_traced_memory()[0])

    tracemalloc.start()
    start(tmp_path, Watched(slots=4), plan=plan)
    tracemalloc.stop()
    assert len(held) == count // 4
    tenth = len(held) // 10
    per_run = (held[-1] - held[tenth]) / (4 * (len(held) - 1 - tenth))
    begin, used = time.perf_counter(), time.process_time()
    again = FakeExecutor(slots=4)
    start(tmp_path, again, plan=plan)
    resumed = time.perf_counter() - begin, time.process_time() - used
    assert again.started == []
    with capsys.disabled():
        print(f"\n{count} runs: {per_run:.0f} bytes held per run; nothing left to do: {resumed[0]:.2f} s")
    assert per_run < 4000  # a row of the table; a record is ten times that
    assert (tmp_path / "out" / "results.csv").stat().st_size > 100 * count
