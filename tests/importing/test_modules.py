"""Modules as people write them, imported."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

import cnnbuild
from cnnbuild.errors import UsageError
from tests.cli.commands import ROOT
from tests.importing import modules
from tests.importing.modules import EQUAL, Recursive, Units


@pytest.mark.parametrize("kind", EQUAL, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("size", [16, 21])
def test_the_file_builds_the_same_function(kind: type[nn.Module], size: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = kind().train()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    imported = cnnbuild.from_module(module, (3, 16, 16))
    assert module.training  # it is left as it was
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())
    path = tmp_path / "net.yaml"
    path.write_text(imported.text)
    ours = cnnbuild.load(path).build(input=(3, size, size), classes=5)
    own = ours.state_dict()
    ours.load_state_dict({key: before[imported.keys[key]].reshape(own[key].shape) for key in own})
    images = torch.randn(3, 3, size, size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.equal(ours.eval()(images), module.eval()(images))
    assert sum(p.numel() for p in ours.parameters()) == sum(p.numel() for p in module.parameters())


def test_a_module_that_is_applied_again_is_shared() -> None:
    text = cnnbuild.from_module(Recursive(), (3, 8, 8)).text
    assert "  - step:\n    name: step\n  - share: step\n  - share: step\n  - step:\n    name: last\n" in text


def test_a_shortcut_is_listed_where_the_stride_of_its_body_cannot_be_told() -> None:
    large = cnnbuild.from_module(modules.GatedUnit(), (3, 8, 8))
    small = cnnbuild.from_module(modules.GatedUnit(), (3, 2, 2))  # one pixel is left: it sees the whole map
    assert "shortcut: projection\n" in large.text
    assert "shortcut: projection" not in small.text
    assert (
        "      shortcut:\n        - conv: {out_channels: 8, kernel_size: 1, stride: 2, bias: false}\n"
        in small.text
    )
    assert "  - scale: 0.5\n" in small.text
    assert large.difference == small.difference == 0


def test_modules_of_one_class_become_one_block_with_what_differs_as_parameters() -> None:
    text = cnnbuild.from_module(Units(), (3, 16, 16)).text
    assert "  unit:\n    params: {out_channels: int, stride: 1}\n" in text
    assert text.count("residual:") == 1
    assert "  - unit: {out_channels: 8, stride: 2}\n" in text
    assert "  - unit: 16\n    name: stage_2\n    repeat: 2\n" in text


@pytest.mark.parametrize("name", ["resnet_cifar", "mobilenet_v2", "densenet", "lenet5", "unet_like"])
def test_what_cnnbuild_built_comes_back(name: str) -> None:
    architecture = cnnbuild.load(ROOT / "architectures" / "zoo" / f"{name}.yaml")
    module = architecture.build(input=(3, 32, 32), classes=10)
    imported = cnnbuild.from_module(module, (3, 32, 32))
    assert imported.difference == 0
    before = architecture.graph(input=(3, 32, 32), classes=10)
    assert (imported.graph.parameters, imported.graph.macs) == (before.parameters, before.macs)
    assert sorted(imported.keys.values()) == sorted(module.state_dict())


def test_weights_that_evaluation_never_reads_are_named() -> None:
    class WithHead(modules.Gated):
        def __init__(self) -> None:
            super().__init__()
            self.auxiliary = nn.Linear(8, 5)

    imported = cnnbuild.from_module(WithHead(), (3, 16, 16))
    assert imported.unused == ("auxiliary.weight", "auxiliary.bias")


class _Net(nn.Module):
    """A stem, what a test does to its map, and a classifier."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.stem, self.inner, self.fc = nn.Conv2d(3, 4, 3), inner, nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.inner(self.stem(x)).mean((2, 3)))


class _Function(nn.Module):
    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def _fourier(x: Tensor) -> Tensor:
    return torch.fft.fft2(x).real


def _raised(x: Tensor) -> Tensor:
    return x + 0.5


def _rolled(x: Tensor) -> Tensor:
    return torch.roll(x, 1, 1)


def _decided(x: Tensor) -> Tensor:
    return x if x.sum() > 0 else -x


def _along_the_rows(x: Tensor) -> Tensor:
    return F.softmax(x, dim=2)


HERE = "test_modules.py:\\d+: "
REFUSED = [
    (_fourier, HERE + "'fft_fft2' cannot be imported: the language has no layer type for it; write a module of it as a plugin"),
    (_raised, HERE + "'add' cannot be imported: it joins a layer's output with a number or a tensor that no layer gives"),
    (_rolled, HERE + "'roll' cannot be imported: the language has no layer type for it; write a module of it as a plugin"),
    (_along_the_rows, HERE + "'softmax' cannot be imported: softmax is over channels, dim=1"),
    (
        _decided,
        "torch.fx cannot follow _Net.forward \\(test_modules.py:\\d+\\): symbolically traced variables cannot be used "
        "as inputs to control flow; it must not decide by values of tensors, nor read their sizes in an `if` or a loop",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("function", "message"), REFUSED, ids=lambda one: getattr(one, "__name__", ""))
def test_what_has_no_counterpart_is_one_error_with_its_line(function, message: str) -> None:
    with pytest.raises(UsageError, match=f"^{message}$"):
        cnnbuild.from_module(_Net(_Function(function)), (3, 8, 8))


def test_a_module_of_torch_without_a_counterpart_is_named_by_its_path() -> None:
    with pytest.raises(UsageError) as caught:
        cnnbuild.from_module(_Net(nn.Softsign()), (3, 8, 8))
    assert str(caught.value).endswith(
        "'inner' cannot be imported: the language has no layer type for it; write one as a plugin"
    )


def test_several_outputs_are_refused() -> None:
    class Two(modules.Gated):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            y = super().forward(x)
            return y, y

    with pytest.raises(UsageError, match="a network gives one tensor \\(N, classes\\) in evaluation"):
        cnnbuild.from_module(Two(), (3, 8, 8))


@pytest.mark.parametrize("shape", [(3, 8), (3, 0, 8)])
def test_a_shape_has_three_sizes(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="input_shape is \\(channels, height, width\\)"):
        cnnbuild.from_module(modules.Gated(), shape)  # type: ignore[arg-type]
