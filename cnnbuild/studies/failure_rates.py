"""How often runs of each architecture did not train, with an interval: what a mean over the others hides."""

from __future__ import annotations

from collections.abc import Iterator

from cnnbuild.studies.observation import Observation
from cnnbuild.studies.results import ResultRow, StudyResults
from cnnbuild.studies.statistics import wilson_interval


def failure_rates(results: StudyResults) -> tuple[Observation, ...]:
    """One observation for each architecture of which a run did not train, on each data set and setting.

    Runs that an error or the machine ended are no evidence on training, and are not counted.
    """
    return tuple(one for group in results.groups for one in _of_group(group))


def _of_group(rows: tuple[ResultRow, ...]) -> Iterator[Observation]:
    counts = {row.architecture: _count(row) for row in rows}
    for row in rows:
        failed, total = counts[row.architecture]
        if not failed:
            continue
        others = [name for name, (_, n) in counts.items() if name != row.architecture and n]
        beside = "; ".join(f"{_in_words(*counts[name])} of {name}" for name in others)
        low, high = wilson_interval(failed, total)
        yield Observation(
            topic="failures",
            sentence=(
                f"On {row.where} {failed} of {total} runs of {row.architecture} did not train: "
                f"{_rate(failed, total)}{f'; {beside}' if beside else ''}."
            ),
            architectures=(row.architecture,),
            dataset=row.dataset,
            setting=row.setting,
            level="warning",
            figures={"failed": failed, "runs": total, "rate": failed / total, "low": low, "high": high},
        )


def _count(row: ResultRow) -> tuple[int, int]:
    """Runs that did not train, of those that nothing else ended."""
    counted = [health for health in row.health if not health.broke_off]
    return sum(not health.trained for health in counted), len(counted)


def _in_words(failed: int, total: int) -> str:
    return f"{failed} of {total} ({_rate(failed, total)})"


def _rate(failed: int, total: int) -> str:
    low, high = (max(0.0, 100 * edge) for edge in wilson_interval(failed, total))
    return f"{100 * failed / total:.0f} %, 95 % CI {low:.0f} to {high:.0f} %"
