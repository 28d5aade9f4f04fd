"""What `cnnbuild train` says of a run that is over, and what to do after one that failed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cnnbuild.cli.terminal import counted
from cnnbuild.training.record import loss_text

if TYPE_CHECKING:
    from cnnbuild.training.record import RunRecord


def kept_lines(folder: Path) -> Iterator[str]:
    """Where a finished run is, and what to do with it."""
    yield f"Kept: {folder / 'record.json'}, {folder / 'weights.pt'}"
    yield f"Use it:       cnnbuild predict {folder} IMAGE..."
    yield f"Look closer:  cnnbuild evaluate {folder}"


def summary_lines(record: RunRecord) -> Iterator[str]:
    """What a reader wants to know of a finished run, in sentences."""
    if record.test is not None:
        yield (
            f"Test accuracy {100 * record.test.accuracy:.2f} % (loss {loss_text(record.test.loss)}) on "
            f"{record.test_images:,} images, with the weights of epoch {record.selected_epoch}; one seed"
        )
        yield from health_warning(record)
    if record.ended == "stopped early":
        yield f"Stopped early, after {counted(len(record.epochs), 'epoch')}"
    if record.resumes:
        times = "once" if record.resumes == 1 else f"{record.resumes} times"
        yield f"Went on {times} from a checkpoint; times are those of all sittings"
    speed = record.train_samples_per_second
    trained = f"; training {speed:,.0f} images/s" if speed else ""
    yield f"{record.seconds:.1f} s on {record.device} ({record.hardware}), {_chosen(record)}{trained}"
    for latency in record.latency:
        images = counted(latency.batch_size, "image")
        median, p95 = 1000 * latency.median_seconds, 1000 * latency.p95_seconds
        yield f"Inference, {images}: median {median:.2f} ms, 95th percentile {p95:.2f} ms"


def _chosen(record: RunRecord) -> str:
    """What the engine computed with, in words."""
    precision = str(record.execution.get("precision", "fp32"))
    auto = " by auto" if record.recipe.get("precision") == "auto" else ""
    return f"{precision}{auto}, {counted(record.threads, 'thread')}"


def health_warning(record: RunRecord) -> list[str]:
    """What to say of a network that did not learn, or of whose training something is wrong.

    Where the run's warnings say that the data cannot be learned, no other recipe is advised.
    """
    from cnnbuild.data.peculiarities import UNLEARNABLE
    from cnnbuild.studies.health import health_of_run

    health = health_of_run(record)
    if health.condition == "trained":
        return []
    advice = f"{health.advice[:1].upper()}{health.advice[1:]}."
    if health.trained:
        return [f"Use it with care: {health.evidence}. {advice}"]
    if not UNLEARNABLE.isdisjoint(record.warnings):
        advice = "The data give it nothing to learn."
    return [
        f"This run did not learn ({health.condition}): {health.evidence}. "
        f"Nothing follows from it about the architecture. {advice}"
    ]


def divergence_advice(record: RunRecord, folder: Path) -> str:
    """What to try after a loss left the finite numbers."""
    from cnnbuild.studies.health import health_of_run

    largest = (
        f" The largest finite loss was {record.largest_loss:.3g}." if record.largest_loss is not None else ""
    )
    health = health_of_run(record)
    if health.cause == "non-finite values":
        advice = f"{largest.strip()} No learning rate did it: {health.advice}."
        return f"{advice.strip()}\nWhat was measured until then: {folder / 'record.json'}"
    return (
        f"{largest.strip()} Try a learning rate ten times smaller, --train warmup_epochs=1 or "
        "--train clip_gradient_norm=1; `cnnbuild train … --find-lr` looks for a learning rate.\n"
        f"What was measured until then: {folder / 'record.json'}"
    ).strip()
