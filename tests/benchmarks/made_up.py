"""Settings and results that nobody measured."""

from benchmarks.training.report import Run
from benchmarks.training.result import Measured, Result
from benchmarks.training.settings import Settings


def settings(**changed):
    return Settings(
        **{"dataset": "mnist", "images": 100, "epochs": 2, "inputs": "", "data_root": ""} | changed
    )


def measured(**changed):
    values = {
        "train_seconds": (4.0, 1.0, 2.0, 3.0),
        "epoch_seconds": (5.0, 4.0, 4.0, 4.0),
        "evaluation_seconds": (2.0, 0.5, 0.5),
        "train_images": 1000,
        "test_images": 100,
        "test_accuracy": 0.975,
        "parameters": 421_642,
        "precision": "fp32",
        "versions": {"torch": "9.9.9+cpu"},
    }
    return Measured(**values | changed)


def result(peer="textbook", precision="fp32", seconds=2.0, round_=1, **changed):
    found = measured(train_seconds=(seconds * 2, seconds), precision=precision, **changed)
    return Result(
        peer, precision, 1, 0, round_, found, peak_memory_bytes=512 * 1024**2, process_seconds=9.0, load=0.5
    )


def made_up_run(*results, rounds=1):
    return Run(
        dataset="mnist",
        images=1000,
        epochs=2,
        rounds=rounds,
        batch_size=64,
        machine="Some Processor (x86_64, Linux)",
        cores=2,
        pinned=True,
        load=(0.1, 0.9),
        macs=1_000_000,
        results=results,
        peaks={"1": {"fp32": 6.0, "bf16": 12.0}},
    )
