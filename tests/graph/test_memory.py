"""The memory of a network from its graph, against numbers worked by hand and against what torch really holds."""

from __future__ import annotations

from math import prod
from typing import get_args

import pytest
import torch
from torch import Tensor, nn

from cnnbuild.cli.inspect_table import OptimizerName
from cnnbuild.graph.graph import Graph
from cnnbuild.graph.memory import DTYPES, memory_of
from cnnbuild.graph.optimizer_state import OPTIMIZERS, state_bytes
from cnnbuild.lang.recipe import OptimizerChoice, Recipe
from cnnbuild.modules.build import build_module
from cnnbuild.modules.measured_memory import kept_bytes, peak_bytes
from cnnbuild.training.optimizers import make_optimizer
from tests.graph.small_networks import build

IMAGE = 3 * 8 * 8

# --- by hand -------------------------------------------------------------------------------------------------

PLAIN = """
  - conv: {out_channels: 4, kernel_size: 3, padding: half}
  - batch_norm
  - relu
  - max_pool: 2
"""  # then flatten and a linear layer of 10 classes, both of `small_networks`


def test_of_a_plain_network_everything_can_be_worked_by_hand() -> None:
    memory = memory_of(build(PLAIN), batch=5)
    full, pooled = 4 * 8 * 8, 4 * 4 * 4
    weights = 4 * 3 * 9 + 4 + 4 + 4 + 10 * pooled + 10
    assert memory.weights == memory.gradients == 4 * weights
    assert memory.buffers == 4 * (4 + 4) + 8  # mean, variance, and a count of batches in int64
    assert memory.node_activation_bytes == tuple(20 * size for size in (full, full, full, pooled, pooled, 10))
    # conv keeps the image; batch_norm its input and 2 x 4 statistics; relu its output, which max_pool keeps too;
    # max_pool indices in int64; linear its input, which is a view of the pool's output
    assert memory.image_kept == 20 * IMAGE
    assert memory.node_kept_bytes == (20 * full, 4 * 8, 20 * full, 5 * (8 + 4) * pooled, 0, 0)
    assert memory.kept_for_backward == 20 * (IMAGE + 2 * full) + 32 + 60 * pooled
    # batch_norm and relu each have input and output alive, and the image is the caller's
    assert memory.inference_peak == 20 * (IMAGE + 2 * full)
    assert memory.peak_at == 1
    assert memory.optimizer_state == 0
    assert memory.training_total == 2 * memory.weights + memory.buffers + memory.kept_for_backward


def test_half_precision_halves_values_and_leaves_indices() -> None:
    memory = memory_of(build(PLAIN), batch=5, dtype="float16")
    full, pooled = 4 * 8 * 8, 4 * 4 * 4
    assert memory.kept_for_backward == 10 * (IMAGE + 2 * full) + 16 + 5 * (8 + 2) * pooled
    assert memory.inference_peak == 10 * (IMAGE + full) + 5 * (8 + 2) * pooled  # in the pool now
    assert memory.peak_at == 3
    assert memory.buffers == 2 * (4 + 4) + 8


def test_before_the_first_weight_nothing_is_kept() -> None:
    memory = memory_of(build("  - relu\n  - max_pool: 2\n  - tanh\n"))
    assert memory.node_kept_bytes == (0, 0, 4 * IMAGE // 4, 0, 0)  # the linear layer's input
    assert memory.image_kept == 0


# --- against torch -------------------------------------------------------------------------------------------

NETWORKS = {
    "plain": PLAIN,
    "first layer without weights": "  - max_pool: 2\n  - relu\n",
    "views": "  - conv: {out_channels: 4, kernel_size: 1}\n  - identity\n  - dropout: 0.2\n  - split_channels\n  - relu\n",
    "view of the image": "  - identity\n  - split_channels: {sections: 3}\n  - conv: {out_channels: 2, kernel_size: 1}\n",
    "join of views": """
  - conv: {out_channels: 4, kernel_size: 1}
    name: both
  - split_channels: {index: 0}
    from: both
    name: first
  - split_channels: {index: 1}
    from: both
  - concat: [first, prev]
""",
    "residual": """
  - conv: {out_channels: 4, kernel_size: 1}
  - residual:
      body: [{conv: {out_channels: 4, kernel_size: 3, padding: half}}, batch_norm, relu]
  - relu
""",
    "levels that hold what enters them": """
  - conv: {out_channels: 16, kernel_size: 1}
    name: wide
  - deep_block: {channels: 2}
    name: first
  - deep_block: {channels: 16}
    name: second
""",
    "long skip": """
  - conv: {out_channels: 8, kernel_size: 1}
    name: early
  - max_pool: 2
  - conv: {out_channels: 16, kernel_size: 3, padding: half}
  - silu
  - upsample: 2
  - concat: [prev, early]
  - conv: {out_channels: 4, kernel_size: 1}
""",
    "several readers": """
  - conv: {out_channels: 4, kernel_size: 1}
    name: stem
  - sigmoid
  - multiply: [prev, stem]
  - add: [prev, stem, stem]
  - tanh
""",
    "gates": """
  - conv: {out_channels: 8, kernel_size: 3}
  - squeeze_excite: {squeeze_channels: 2, activation: silu}
  - cbam: 2
  - swish
""",
    "shared layers": """
  - conv: {out_channels: 3, kernel_size: 3, padding: half}
    name: step
  - batch_norm:
    name: norm
  - relu
  - share: step
  - share: norm
  - relu
  - share: step
    repeat: 3
""",
    "shared levels": """
  - deep_block: {channels: 4}
    name: body
  - conv: {out_channels: 3, kernel_size: 1}
  - share: body
  - conv: {out_channels: 3, kernel_size: 1}
  - residual: {body: [{share: body}, {conv: {out_channels: 3, kernel_size: 1}}]}
  - share: body
""",
    "pools": "  - conv: {out_channels: 4, kernel_size: 3}\n  - avg_pool: {kernel_size: 3, stride: 1}\n  - adaptive_max_pool: 2\n  - mean_lp_pool: 2\n",
    "norms": "  - conv: {out_channels: 4, kernel_size: 3}\n  - group_norm: 2\n  - instance_norm\n  - local_response_norm: 3\n  - prelu\n",
}

HEAD = """
blocks:
  deep_block:
    params: {channels: 8}
    layers:
      - conv: {out_channels: $channels, kernel_size: 3, padding: half}
        name: inner
      - relu
      - residual: {body: [{conv: {out_channels: $channels, kernel_size: 1}}, relu]}
        name: deep
"""


def graph_of(name: str) -> Graph:
    text = NETWORKS[name]
    return build(text, head=HEAD.lstrip() if "deep_block" in text else "")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_holds_what_its_graph_says(name: str, dtype: torch.dtype) -> None:
    if name == "norms" and dtype == torch.bfloat16:
        pytest.skip("torch's avg_pool3d has no kernel for bfloat16 on the CPU")
    graph = graph_of(name)
    for batch in (2, 3):
        memory = memory_of(graph, batch=batch, dtype="float32" if dtype == torch.float32 else "bfloat16")
        module = build_module(graph).to(dtype)
        images = torch.rand(batch, 3, 8, 8, dtype=dtype)
        assert memory.kept_for_backward == kept_bytes(module.train(), images)
        assert memory.inference_peak == peak_bytes(module.eval(), images)
        assert memory.weights == sum(weight.nbytes for weight in module.parameters())
        assert memory.buffers == sum(buffer.nbytes for buffer in module.buffers())


def test_the_parts_add_up() -> None:
    for name in NETWORKS:
        memory = memory_of(graph_of(name), batch=2)
        assert memory.image_kept + sum(memory.node_kept_bytes) == memory.kept_for_backward


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("optimizer", [word for word in OPTIMIZERS if word != "lbfgs"])
def test_the_optimiser_holds_what_torch_s_does(optimizer: str, dtype: str) -> None:
    choices = {"sgd": {"sgd": {"lr": 0.1}}, "sgd_momentum": {"sgd": {"lr": 0.1, "momentum": 0.9}}}
    recipe = Recipe.model_validate({"optimizer": choices.get(optimizer, {optimizer: {}})})
    graph = graph_of("residual")
    module = build_module(graph).to(getattr(torch, dtype))
    torch_s = make_optimizer(recipe, module)
    module(torch.rand(2, 3, 8, 8, dtype=getattr(torch, dtype))).sum().backward()
    torch_s.step()
    held = [
        value for state in torch_s.state.values() for value in state.values() if isinstance(value, Tensor)
    ]
    memory = memory_of(graph, optimizer=optimizer, dtype=dtype)  # type: ignore[arg-type]
    assert memory.optimizer_state == sum(tensor.nbytes for tensor in held)
    assert memory.gradients == sum(
        weight.grad.nbytes for weight in module.parameters() if weight.grad is not None
    )
    parts = (
        memory.weights + memory.buffers + memory.gradients + memory.optimizer_state + memory.kept_for_backward
    )
    assert memory.training_total == parts


def test_lbfgs_holds_what_torch_s_does_once_its_history_is_full() -> None:
    weights = [torch.ones(3, 2, requires_grad=True), torch.ones(5, requires_grad=True)]
    curvature = torch.linspace(1.0, 50.0, 11)
    optimizer = torch.optim.LBFGS(weights, lr=1e-3, max_iter=150, tolerance_grad=0, tolerance_change=0)

    def closure() -> float:
        optimizer.zero_grad()
        everything = torch.cat([weight.flatten() for weight in weights])
        loss = (curvature * everything**2).sum() + everything.sin().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.item()

    optimizer.step(closure)
    (state,) = optimizer.state.values()
    held = [item for value in state.values() for item in (value if isinstance(value, list) else [value])]
    assert len(state["old_dirs"]) == 100
    tensors = [item for item in held if isinstance(item, Tensor)]
    assert state_bytes([(3, 2), (5,)], "lbfgs", value_bytes=4) == sum(tensor.nbytes for tensor in tensors)


def test_the_command_and_the_table_know_the_words_of_a_recipe() -> None:
    assert get_args(OptimizerName) == OPTIMIZERS
    assert set(OPTIMIZERS) == {*OptimizerChoice.model_fields, "sgd_momentum"}


HEADED = """
  - conv: {out_channels: 4, kernel_size: 1}
    name: stem
  - sideways:
    name: sideways
  - relu:
    from: stem
"""
HEADED_HEAD = """
blocks:
  sideways:
    layers:
      - conv: {out_channels: 64, kernel_size: 1}
      - flatten
      - linear: $data.classes
outputs:
  main: head
  side: {from: sideways, weight: 0.3, train_only: true}
"""


def test_what_only_a_train_only_head_needs_is_kept_in_training_and_not_alive_in_evaluation() -> None:
    headed = build(HEADED, head=HEADED_HEAD.lstrip())
    module, images = build_module(headed), torch.rand(2, 3, 8, 8)
    memory = memory_of(headed, batch=2)
    assert memory.kept_for_backward == kept_bytes(module.train(), images)
    assert memory.inference_peak == peak_bytes(module.eval(), images)
    stem = 2 * 4 * 4 * 8 * 8
    assert memory.inference_peak == 2 * 4 * IMAGE + 2 * stem  # stem and relu; 64 maps would be 16 times one


# --- the oracles can fail ------------------------------------------------------------------------------------


class _Hoards(nn.Module):
    """Two layers that hold on to what a sequence of them would let go."""

    def __init__(self, layers: nn.Sequential) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, x: Tensor) -> Tensor:
        steps = [x]
        for module in self.layers:
            steps.append(module(steps[-1]))
        return steps[-1]


def test_the_measured_peak_sees_a_tensor_that_is_held_too_long_and_one_that_is_made_on_the_way() -> None:
    layers = nn.Sequential(nn.Tanh(), nn.Tanh(), nn.Tanh())
    images = torch.rand(2, 3, 8, 8)
    assert peak_bytes(layers, images) == 3 * images.nbytes  # the image, an input and an output
    assert peak_bytes(_Hoards(layers), images) == 4 * images.nbytes
    assert peak_bytes(nn.Sequential(nn.Flatten(), nn.Identity()), images) == images.nbytes
    assert peak_bytes(nn.Sequential(nn.MaxPool2d(1)), images) == (1 + 1 + 2) * images.nbytes  # int64 indices


def test_what_is_measured_as_kept_counts_a_tensor_once_and_sees_each_more() -> None:
    images = torch.rand(2, 3, 8, 8)
    size = images.nbytes
    assert kept_bytes(nn.Sequential(nn.Conv2d(3, 3, 1)), images) == size  # the images
    assert kept_bytes(nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU()), images) == 2 * size
    # the output of relu is kept by relu and by the next convolution, and is one tensor
    assert kept_bytes(nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU(), nn.Conv2d(3, 3, 1)), images) == 2 * size
    assert kept_bytes(nn.Sequential(nn.Conv2d(3, 3, 1), nn.SiLU(), nn.Conv2d(3, 3, 1)), images) == 3 * size
    assert kept_bytes(nn.Sequential(nn.ReLU(), nn.Tanh()), images) == 0  # no gradient to be computed
    assert prod(images.shape) * 4 == size
