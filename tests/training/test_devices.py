"""The choice of the device, with a machine that is made up: no graphics card is needed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from cnnbuild.errors import UsageError
from cnnbuild.training.devices import chosen, device_choices, device_of
from cnnbuild.training.distributed import ALONE, World

CPU, CUDA, MPS = torch.device("cpu"), torch.device("cuda"), torch.device("mps")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, bool], None]:
    """Makes torch find so many CUDA devices, and MPS or not."""

    def has(cards: int, mps: bool = False) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cards > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cards)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return has


def test_auto_takes_cuda_then_mps_then_the_cpu(machine: Callable[..., None]) -> None:
    machine(2, mps=True)
    assert device_of("auto", ALONE) == CUDA
    machine(0, mps=True)
    assert device_of("auto", ALONE) == MPS
    machine(0)
    assert device_of("auto", ALONE) == CPU


def test_a_device_that_is_named_is_taken(machine: Callable[..., None]) -> None:
    machine(1, mps=True)
    assert [device_of(name, ALONE) for name in ("cuda", "mps", "cpu")] == [CUDA, MPS, CPU]


@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_a_named_device_that_is_not_there_is_refused(machine: Callable[..., None], name: str) -> None:
    machine(0)
    with pytest.raises(UsageError) as caught:
        device_of(name, ALONE)
    assert str(caught.value) == f"torch finds no {name} device here; use device: auto or cpu"


def test_each_of_several_processes_takes_the_card_of_its_local_rank(machine: Callable[..., None]) -> None:
    machine(2)
    second_of_the_second_machine = World(rank=3, size=4, local_rank=1)
    for name in ("auto", "cuda"):
        assert device_of(name, second_of_the_second_machine) == torch.device("cuda", 1)
    assert device_of("cpu", second_of_the_second_machine) == CPU


def test_several_processes_share_the_cpu_where_there_is_no_card(machine: Callable[..., None]) -> None:
    machine(0, mps=True)
    assert device_of("auto", World(1, 2, 1)) == CPU


@pytest.mark.parametrize(
    ("cards", "name", "message"),
    [
        (2, "auto", "torch finds 2 CUDA devices here; use fewer --devices, or device: cpu"),
        (1, "cuda", "torch finds 1 CUDA device here; use fewer --devices, or device: cpu"),
        (0, "cuda", "torch finds no cuda device here; use device: auto or cpu"),
        (0, "mps", "several devices are CUDA devices or processes on the CPU; mps is one device"),
    ],
)
def test_more_devices_than_there_are_are_refused(
    machine: Callable[..., None], cards: int, name: str, message: str
) -> None:
    machine(cards, mps=True)
    with pytest.raises(UsageError) as caught:
        device_of(name, World(2, 3, 2))
    assert str(caught.value) == message


def flags() -> tuple[bool, bool, bool]:
    return (
        torch.backends.cudnn.benchmark,
        torch.backends.cudnn.allow_tf32,
        torch.backends.cuda.matmul.allow_tf32,
    )


def test_fp32_on_cuda_is_ieee_single_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    before = flags()
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    outside = flags()
    with chosen(CUDA, "fp32"):
        assert flags() == (True, False, False)
    assert flags() == outside
    assert before[0] is False  # torch's default: otherwise nothing was shown


def test_what_lower_precision_leaves_in_fp32_may_use_tf32() -> None:
    with chosen(CUDA, "bf16"):
        assert flags() == (True, True, True)
    assert device_choices(CUDA, "fp16") == {
        "cudnn_benchmark": True,
        "tf32": True,
        "deterministic_algorithms": False,
    }


def test_the_device_of_the_process_becomes_the_current_one(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    with chosen(torch.device("cuda", 1), "fp32"):
        pass
    assert taken == [torch.device("cuda", 1)]


@pytest.mark.parametrize("device", [CPU, MPS])
def test_elsewhere_nothing_is_changed(device: torch.device) -> None:
    before = flags()
    with chosen(device, "fp32"):
        assert flags() == before
    assert device_choices(device, "fp32") == {}
