"""Two processes train what one trains: the same losses and weights, from any checkpoint on."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from torch import Tensor, nn

from cnnbuild.data.load import load_dataset
from cnnbuild.data.stream import Reader
from cnnbuild.errors import CheckpointError, RunInterruptedError
from cnnbuild.graph.data_contract import contract_of
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.lang.architecture import read_architecture
from cnnbuild.lang.dataset import DatasetSettings
from cnnbuild.lang.recipe import Recipe
from cnnbuild.modules.build import build_module
from cnnbuild.training import epoch, keeping
from cnnbuild.training.checkpoint import read_checkpoint
from cnnbuild.training.distributed import ALONE, World
from cnnbuild.training.fit import fit
from cnnbuild.training.gradient_sum import GradientSum
from cnnbuild.training.identity import require_same_run
from cnnbuild.training.interruption import StopRequest
from cnnbuild.training.joining import joined
from cnnbuild.training.record import RunRecord
from cnnbuild.training.run import Run
from cnnbuild.training.seeding import seeded
from tests.training.killed_runs import differences, outcome
from tests.training.processes import run_processes

ARCHITECTURE = Path(__file__).parents[2] / "architectures" / "simple_cnn.yaml"
DIGITS = DatasetSettings(
    name="digits", train_images=303
)  # validation 0.1: 273 images, the last batch is of 17

MUCH: dict[str, object] = {
    "epochs": 3,
    "batch_size": 64,
    "accumulate": 2,
    "optimizer": {"sgd": {"lr": 0.05, "momentum": 0.9, "weight_decay": 1e-4}},
    "schedule": {"cosine": {}},
    "warmup_epochs": 1,
    "augment": [
        {"random_crop": {"padding": 1}},
        {"horizontal_flip": {}},
        {"mixup": {}},
    ],
    "label_smoothing": 0.1,
    "clip_gradient_norm": 1.0,
    "average": {"ema": {"decay": 0.9}},
    "test_time_flip": True,
    "device": "cpu",
    "precision": "fp32",
}


@dataclass
class Ended:
    """A run as one of its processes sees it; `log` are the epochs that were shown."""

    record: RunRecord
    weights: dict[str, Tensor]
    log: list[int]
    outcome: dict[str, object]


def network(name: str) -> nn.Module:
    if name == "simple_cnn":
        contract = contract_of(DIGITS, data_root=None)
        graph = elaborate(read_architecture(ARCHITECTURE), contract, overrides={"dropout": 0})
        with seeded(1):
            return build_module(graph)
    with seeded(1):
        norm = nn.GroupNorm(2, 8) if name == "group_norm" else nn.BatchNorm2d(8)
        dropout = nn.Dropout(0.3 if name == "batch_norm" else 0)
        pooled = [nn.AdaptiveAvgPool2d(2), nn.Flatten(), dropout, nn.Linear(32, 10)]
        return nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), norm, nn.ReLU(), *pooled)


def train(
    name: str, settings: dict[str, object], checkpoint: Path | None = None, *, world: World = ALONE
) -> Ended:
    """A run, in this process alone or in all of a world."""
    log: list[int] = []
    module = network(name)
    record = fit(
        module,
        load_dataset(DIGITS, data_root=None),
        Recipe.model_validate(settings),
        seed=3,
        on_epoch=lambda epoch: log.append(epoch.epoch),
        checkpoint=checkpoint,
        world=world,
    )
    world.wait_for_all()
    kept = {} if checkpoint is None else outcome(record, module, checkpoint)
    return Ended(record, dict(module.state_dict()), log, kept)


def largest_difference(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    """Of all weights, as a part of the largest of its tensor."""
    assert list(one) == list(other)
    return max(
        float((one[name] - other[name]).abs().max() / one[name].abs().max().clamp(min=1e-12)) for name in one
    )


def losses(record: RunRecord) -> list[float]:
    found = [(e.running_loss, e.train_loss, e.validation_loss) for e in record.epochs]
    return [loss for epoch in found for loss in epoch if loss is not None]


def assert_equal_to_rounding(several: Ended, one: Ended, tolerance: float = 1e-5) -> None:
    assert losses(several.record) == pytest.approx(losses(one.record), rel=tolerance)
    assert largest_difference(several.weights, one.weights) < tolerance
    assert several.record.selected_epoch == one.record.selected_epoch
    assert several.record.test is not None
    assert one.record.test is not None
    assert several.record.test.confusion == one.record.test.confusion


SAME = ("simple_cnn", "group_norm")
PLAIN: dict[str, object] = {**MUCH, "epochs": 2, "augment": [], "accumulate": 1}
STREAMED: dict[str, object] = {
    **MUCH,
    "epochs": 1,
    "data": "stream",
    "augment": [{"random_crop": {"padding": 1}}, {"horizontal_flip": {}}],
}


@dataclass
class OfTwo:
    """What one of two processes ends with, in all the runs of this file."""

    same: list[Ended]
    averaged: Ended  # with the fault that gradients are averaged
    unweighted: Ended  # with the fault that shares count alike
    whole: Ended  # batch normalisation and dropout, never stopped
    stopped: str
    resumed: Ended
    streamed: Ended
    read: list[int]  # how many training images this process read for each batch of that run


def train_all(folder: Path) -> OfTwo:
    with joined() as world:
        same = [train(name, MUCH, world=world) for name in SAME]
        with pytest.MonkeyPatch.context() as patch:
            add_up = GradientSum.add_up
            patch.setattr(GradientSum, "add_up", lambda total, loss: halved(total, add_up(total, loss)))
            averaged = train("group_norm", PLAIN, world=world)
        with pytest.MonkeyPatch.context() as patch:
            share_of = World.share_of
            patch.setattr(World, "share_of", lambda of, count: replace(share_of(of, count), weight=0.5))
            unweighted = train("group_norm", PLAIN, world=world)
        whole = train("batch_norm", MUCH, folder / "whole.pt", world=world)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(keeping, "AGREE_EVERY", 1)
            stopped = stop_in_step(7, folder / "stopped.pt", world)
        resumed = train("batch_norm", MUCH, folder / "stopped.pt", world=world)
        read: list[int] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Reader, "read", counted(Reader.read, read))
            streamed = train("group_norm", STREAMED, world=world)
    return OfTwo(same, averaged, unweighted, whole, stopped, resumed, streamed, read)


def counted(
    function: Callable[[Reader, int, Sequence[int]], np.ndarray], read: list[int]
) -> Callable[[Reader, int, Sequence[int]], np.ndarray]:
    def wrapped(reader: Reader, epoch: int, indices: Sequence[int]) -> np.ndarray:
        if epoch:
            read.append(len(indices))
        return function(reader, epoch, indices)

    return wrapped


def halved(total: GradientSum, loss: Tensor) -> Tensor:
    for parameter in total._parameters:
        if parameter.grad is not None:
            parameter.grad /= 2
    return loss


def stop_in_step(number: int, checkpoint: Path, world: World) -> str:
    """Send the signal to the second process alone, in the middle of the second epoch."""
    take_step = epoch.take_step

    def counted(run: Run, images: Tensor, targets: Tensor, step: int) -> Tensor:
        if step == number and run.world.rank == 1:
            signal.raise_signal(signal.SIGTERM)
        return take_step(run, images, targets, step)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(epoch, "take_step", counted)
        with pytest.raises(RunInterruptedError) as caught:
            train("batch_norm", MUCH, checkpoint, world=world)
    return str(caught.value)


@pytest.fixture(scope="module")
def of_two(tmp_path_factory: pytest.TempPathFactory) -> list[OfTwo]:
    return run_processes(train_all, 2, tmp_path_factory.mktemp("of_two"))


def test_two_processes_give_what_one_gives(of_two: list[OfTwo]) -> None:
    for name, several in zip(SAME, of_two[0].same, strict=True):
        assert_equal_to_rounding(several, train(name, MUCH))


def test_this_test_would_see_averaged_gradients_and_shares_that_count_alike(of_two: list[OfTwo]) -> None:
    right = train("group_norm", PLAIN)
    for wrong in (of_two[0].averaged, of_two[0].unweighted):
        with pytest.raises(AssertionError):
            assert_equal_to_rounding(wrong, right)


def test_from_files_each_process_reads_the_images_of_its_own_share(of_two: list[OfTwo]) -> None:
    assert_equal_to_rounding(of_two[0].streamed, train("group_norm", STREAMED))
    assert [of.read for of in of_two] == [[32, 32, 32, 32, 9], [32, 32, 32, 32, 8]]


def test_all_processes_end_with_the_same_bits(of_two: list[OfTwo]) -> None:
    first, second = of_two
    for one, other in zip([*first.same, first.resumed], [*second.same, second.resumed], strict=True):
        assert differences(one.weights, other.weights) == []
        assert losses(one.record) == losses(other.record)
        assert one.record.test == other.record.test


def test_the_first_process_alone_follows_the_epochs_and_measures_latency(of_two: list[OfTwo]) -> None:
    first, second = of_two
    assert (first.whole.log, second.whole.log) == ([1, 2, 3], [])
    assert [found.batch_size for found in first.whole.record.latency] == [1, 64]
    assert second.whole.record.latency == ()


def test_a_run_of_two_processes_resumes_with_the_same_bits(of_two: list[OfTwo]) -> None:
    """Also the running statistics and the dropout of each process, in the middle of an epoch."""
    for one in of_two:
        assert one.stopped.startswith("stopped by SIGTERM after 1 epoch and 3 batches")
        assert one.resumed.record.resumes == 1
        assert differences(one.resumed.outcome, one.whole.outcome) == []


def test_the_record_says_how_many_devices_and_what_they_did_not_share(of_two: list[OfTwo]) -> None:
    assert [run.record.execution["devices"] for run in of_two[0].same] == [2, 2]
    assert [run.record.warnings for run in of_two[0].same] == [(), ()]
    assert of_two[0].whole.record.warnings == (
        "2 devices: batch normalisation took its statistics from each device's share of a batch, not from the "
        "whole batch, and its running statistics are the mean of theirs; the result differs from that of one "
        "device",
        "2 devices: each drew its own dropout; the result differs from that of one device",
    )


def test_a_checkpoint_of_two_processes_is_not_one_of_a_single_process(
    of_two: list[OfTwo], tmp_path: Path
) -> None:
    del of_two
    train("group_norm", {**PLAIN, "epochs": 1}, tmp_path / "one.pt")
    found = read_checkpoint(tmp_path / "one.pt")
    assert found is not None
    assert found[0]["processes"] == {}
    with pytest.raises(CheckpointError) as caught:
        require_same_run(found[0]["identity"], {**found[0]["identity"], "processes": "2"}, "one.pt")
    assert "processes is 1 there and 2 here" in str(caught.value)


def test_a_signal_that_comes_while_processes_ask_each_other_is_not_lost() -> None:
    stop = StopRequest()

    class Asking:
        def largest(self, number: int) -> tuple[int]:
            if not stop.signal_number:
                stop.note(signal.SIGTERM, None)
            return (number,)

    run = SimpleNamespace(world=Asking(), epochs=[], progress=None)
    kept = keeping.Keeping(run, Path("checkpoint.pt"), {}, stop)
    kept.obey()
    with pytest.raises(RunInterruptedError):
        kept.obey()
