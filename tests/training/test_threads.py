"""How many threads a run gets."""

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from cnnbuild.training.threads import work_per_module, worthwhile_threads

CONV_MACS = 16 * 16 * 4 * 3 * 9  # 16x16 outputs, 3 to 4 channels, 3x3


def network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Flatten())


@pytest.fixture(autouse=True)
def _two_threads() -> Iterator[None]:
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


def threads_inside(batch_size: int) -> int:
    with worthwhile_threads(network(), torch.zeros(1, 3, 16, 16), batch_size):
        return torch.get_num_threads()


def test_work_is_averaged_over_the_modules_that_compute() -> None:
    assert work_per_module(network(), torch.zeros(1, 3, 16, 16)) == CONV_MACS // 3


def test_a_small_network_gets_one_thread_and_gives_the_others_back() -> None:
    assert threads_inside(10) == 1
    assert torch.get_num_threads() == 2


def test_a_batch_large_enough_for_its_operators_keeps_all_threads() -> None:
    needed = 10_000_000 // (CONV_MACS // 3)
    assert threads_inside(needed) == 1
    assert threads_inside(needed + 1) == 2


def test_a_users_own_limit_is_never_exceeded() -> None:
    torch.set_num_threads(1)
    assert threads_inside(1_000_000) == 1


def test_threads_come_back_after_a_failure() -> None:
    with (
        pytest.raises(RuntimeError, match="on purpose"),
        worthwhile_threads(network(), torch.zeros(1, 3, 16, 16), 1),
    ):
        raise RuntimeError("on purpose")
    assert torch.get_num_threads() == 2


def test_counting_leaves_the_network_in_its_mode() -> None:
    module = network().train()
    work_per_module(module, torch.zeros(1, 3, 16, 16))
    assert module.training
