"""What a user may do with a built module, as with any other of torch's."""

from __future__ import annotations

import copy
import weakref
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from cnnbuild.modules.build import build_module
from cnnbuild.modules.steps import Step, Steps
from tests.modules.networks import SMALL, graph_of, resnet18


@pytest.fixture
def module() -> nn.Module:
    torch.manual_seed(0)
    return resnet18().eval()


@pytest.fixture
def images() -> Tensor:
    return torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def test_a_copy_is_equal_and_independent(module: nn.Module, images: Tensor) -> None:
    expected = module(images)
    copied = copy.deepcopy(module)
    for parameter in module.parameters():
        parameter.data.zero_()
    torch.testing.assert_close(copied(images), expected, rtol=0, atol=0)
    assert not torch.equal(module(images), expected)


def test_weights_survive_a_file_that_holds_nothing_but_tensors(
    module: nn.Module, images: Tensor, tmp_path: Path
) -> None:
    torch.save(module.state_dict(), tmp_path / "weights.pt")
    torch.manual_seed(5)
    other = resnet18().eval()
    assert not torch.equal(other(images), module(images))
    report = other.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    assert (report.missing_keys, report.unexpected_keys) == ([], [])
    torch.testing.assert_close(other(images), module(images), rtol=0, atol=0)


def test_a_whole_module_survives_pickle(module: nn.Module, images: Tensor, tmp_path: Path) -> None:
    torch.save(module, tmp_path / "module.pt")
    loaded = torch.load(tmp_path / "module.pt", weights_only=False)
    torch.testing.assert_close(loaded(images), module(images), rtol=0, atol=0)


def test_hooks_on_containers_and_leaves_are_called_once(module: nn.Module, images: Tensor) -> None:
    called: list[str] = []
    for name in ("layer1", "layer1.0", "layer2.0.shortcut", "layer2.0.shortcut.conv", "layer4.1.residual_1"):
        module.get_submodule(name).register_forward_hook(lambda *_, name=name: called.append(name))
    module(images)
    order = ["layer1.0", "layer1", "layer2.0.shortcut.conv", "layer2.0.shortcut", "layer4.1.residual_1"]
    assert called == order


def test_a_hook_may_replace_the_output_of_a_container(module: nn.Module, images: Tensor) -> None:
    module.get_submodule("layer4").register_forward_hook(
        lambda _module, _inputs, output: torch.zeros_like(output)
    )
    bias = module.get_submodule("fc").get_parameter("bias")
    torch.testing.assert_close(module(images), bias.expand(2, 10))


def test_a_replaced_child_is_used_in_its_place(module: nn.Module) -> None:
    class Zeros(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.zeros_like(x)

    unit = module.get_submodule("layer1.0")
    unit.batch_norm_2 = Zeros()  # the end of the body: what is left is the shortcut, and relu
    x = torch.randn(1, 4, 8, 8)
    torch.testing.assert_close(unit(x), x.relu(), rtol=0, atol=0)


def test_a_whole_network_compiles_as_one_graph(module: nn.Module, images: Tensor) -> None:
    torch._dynamo.reset()
    compiled = torch.compile(module, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(images), module(images), rtol=1e-5, atol=1e-6)


def test_a_whole_network_is_exported(module: nn.Module, images: Tensor) -> None:
    batch = torch.export.Dim("batch", min=1, max=64)
    exported = torch.export.export(module, (images,), dynamic_shapes=({0: batch},)).module()
    more = torch.rand(5, 3, 32, 32)
    torch.testing.assert_close(exported(more), module(more), rtol=1e-5, atol=1e-6)


def test_every_weight_gets_a_gradient(tmp_path: Path) -> None:
    module = build_module(graph_of(tmp_path, SMALL))
    module(torch.rand(4, 3, 8, 8)).square().sum().backward()
    without = [name for name, p in module.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


class Watch(nn.Module):
    """Passes a fresh tensor on, and notes which of the earlier ones are still alive."""

    def __init__(self, made: list[weakref.ref[Tensor]], alive: list[int]) -> None:
        super().__init__()
        self.made, self.alive = made, alive

    def forward(self, *tensors: Tensor) -> Tensor:
        output = tensors[0] + 1
        self.alive.append(sum(reference() is not None for reference in self.made))
        self.made.append(weakref.ref(output))
        return output


def test_a_tensor_is_let_go_after_its_last_use() -> None:
    made: list[weakref.ref[Tensor]] = []
    alive: list[int] = []
    children = OrderedDict((name, Watch(made, alive)) for name in "abcdef")
    steps = [
        Step("a", (-1,), 0),
        Step("b", (0,), 1),
        Step("c", (1,), 2),
        Step("d", (2, 0), 3),  # the shortcut: what a gave lives until here
        Step("e", (3,), 4),
        Step("f", (4,), 5),
    ]
    module = Steps(children, steps, inputs=(-1,), output=5)
    with torch.no_grad():
        module(torch.zeros(1))
    assert alive == [0, 1, 2, 2, 1, 1]  # when each begins: its inputs, and a's output while d waits for it


def test_steps_print_only_the_routes_that_are_not_a_chain() -> None:
    children = OrderedDict(a=nn.Identity(), b=nn.Identity(), c=nn.Identity())
    steps = [Step("a", (-1,), 0), Step("b", (-1,), 1), Step("c", (1,), 2)]
    module = Steps(children, steps, inputs=(-1,), output=2, label="conv_norm_act")
    assert str(module).splitlines()[:2] == ["ConvNormAct(", "  b <- input"]
