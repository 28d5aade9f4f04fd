"""The form in which a network is run: the module's own function and gradients, its mode, hooks and bits."""

from __future__ import annotations

import copy
import logging
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from cnnbuild.data.load import load_dataset
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.lang.architecture import read_architecture
from cnnbuild.lang.dataset import DatasetSettings
from cnnbuild.lang.recipe import Recipe
from cnnbuild.modules.build import build_module
from cnnbuild.training import execution
from cnnbuild.training import threads as training_threads
from cnnbuild.training.execution import Execution, prepare_execution
from cnnbuild.training.fit import fit
from cnnbuild.training.heads import training_loss
from cnnbuild.training.seeding import seeded
from tests.test_shipped_architectures import FOR_SMALL_IMAGES, SMALL, SMALL_IMAGES

ARCHITECTURES = Path(__file__).parent.parent.parent / "architectures"
CPU = torch.device("cpu")
BLOCKS, CALLS, MODULE = "calls, in oneDNN blocks", "calls", "module"

has_blocks = pytest.mark.skipif(
    not torch.backends.mkldnn.is_available() or execution.platform.machine() not in {"x86_64", "AMD64"},
    reason="oneDNN's blocks are used on x86 only",
)


@pytest.fixture
def worth_it(monkeypatch):
    """Any amount of work is worth a faster form."""
    monkeypatch.setattr(execution, "WORTH_BLOCKS", 0)


def recipe(**settings) -> Recipe:
    return Recipe.model_validate({"epochs": 1, "device": "cpu", "precision": "fp32", **settings})


def shipped(name: str) -> nn.Module:
    """A small network from a shipped file, for 3x32x32, without dropout: its draws depend on the layout."""
    path = next(ARCHITECTURES.rglob(name))
    contract, variant = DataContract("pictures", 3, 32, 32, 7), FOR_SMALL_IMAGES.get(name)
    with seeded(0):
        module = build_module(
            elaborate(read_architecture(path), contract, variant=variant, overrides=SMALL.get(name, {}))
        )
    for part in module.modules():
        if isinstance(getattr(part, "p", None), float):
            part.p = 0.0
    return module


def prepared(module: nn.Module, **settings) -> Execution:
    image = torch.zeros(1, 3, 32, 32)
    return prepare_execution(module, recipe(**settings), CPU, image)


def simple() -> nn.Sequential:
    with seeded(0):
        return nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(1024, 7),
        )


def results(module: nn.Module, forward, images: Tensor) -> dict[str, Tensor]:
    """Logits in evaluation, then of one training step: loss, every gradient and every buffer, in float64."""
    module.eval()
    with torch.no_grad():
        evaluated = forward(images)
    module.train()
    labels = torch.arange(len(images)) % 7
    loss = training_loss(forward(images), labels, label_smoothing=0.0, head_weights={})
    loss.backward()
    named = {"evaluated": evaluated, "loss": loss}
    named |= {name: parameter.grad for name, parameter in module.named_parameters()}
    named |= {name: buffer for name, buffer in module.named_buffers() if buffer.is_floating_point()}
    return {name: tensor.detach().double() for name, tensor in named.items()}


def check_near(found: dict[str, Tensor], exact: dict[str, Tensor], share_of_gradients: float = 0.01) -> None:
    """Outputs to fp32's rounding; gradients less so: an input that rounds across a relu's kink moves them.

    A gradient that all but cancels out, as of weights before another normalisation, is what rounding of the
    network's other gradients leaves: it is held to a hundredth of the share of the largest of them.
    """
    assert found.keys() == exact.keys()
    outputs = {"evaluated", "loss"}
    largest = max(float(tensor.norm()) for name, tensor in exact.items() if name.endswith("weight"))
    for name, tensor in exact.items():
        share, least = (1e-4, 0.0) if name in outputs else (share_of_gradients, 0.01 * share_of_gradients)
        distance = float((found[name] - tensor).norm())
        assert distance <= share * float(tensor.norm()) + least * largest + 1e-5, name


def check_against_float64(name: str, form: str | None, share_of_gradients: float = 0.01) -> None:
    """Output, loss, gradients and statistics of the form are those of the plain module in float64."""
    module = shipped(name)
    exact = copy.deepcopy(module).double()
    module.to(memory_format=torch.channels_last)
    images = torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    run = prepared(module)
    assert form is None or run.choices()["form"] == form
    reference = results(exact, exact, images.double())
    found = results(module, run.forward, images.to(memory_format=torch.channels_last))
    check_near(found, reference, share_of_gradients)
    weights = [parameter for parameter in reference if parameter.endswith("weight")]
    found[weights[0]] = found[weights[0]] * (1 + 5 * share_of_gradients)
    with pytest.raises(AssertionError, match=weights[0]):
        check_near(found, reference, share_of_gradients)


IN_BLOCKS = ("simple_cnn.yaml", "residual_cnn.yaml", "inception.yaml", "recursive_cnn.yaml")
SAMPLE = (*IN_BLOCKS, "attention.yaml", "squeeze_excite.yaml")


@has_blocks
@pytest.mark.parametrize("name", SAMPLE)
def test_the_form_computes_the_networks_function_and_gradients(name: str, worth_it) -> None:
    check_against_float64(name, BLOCKS if name in IN_BLOCKS[:2] else None)


@has_blocks
@pytest.mark.exhaustive
@pytest.mark.parametrize("blocks", [True, False])
@pytest.mark.parametrize("name", SMALL_IMAGES)
def test_every_shipped_network_has_such_a_form(name: str, blocks: bool, monkeypatch) -> None:
    monkeypatch.setattr(execution, "WORTH_BLOCKS", 0 if blocks else 10**18)
    check_against_float64(name, None, share_of_gradients=0.1)  # deep norms over few pixels multiply rounding


@pytest.mark.parametrize("name", ["simple_cnn.yaml", "residual_cnn.yaml", "attention.yaml"])
def test_bf16_changes_outputs_little_and_keeps_everything_else_in_fp32(name: str, worth_it) -> None:
    module = shipped(name).to(memory_format=torch.channels_last)
    images = torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    module.eval()
    with torch.no_grad():
        exact = module(images)
        run = prepared(module, precision="bf16")
        narrow = run.forward(images)
    assert run.precision == "bf16"
    assert narrow.dtype == torch.float32
    distance = float((narrow - exact).norm() / exact.norm())
    assert 1e-5 < distance < 0.03  # it is bf16, with its 8 bits, and no less
    module.train()
    run.forward(images).sum().backward()
    assert {p.dtype for p in module.parameters()} == {torch.float32}
    assert {p.grad.dtype for p in module.parameters()} == {torch.float32}
    buffers = [buffer for buffer in module.buffers() if buffer.is_floating_point()]
    assert all(buffer.dtype == torch.float32 for buffer in buffers)


def test_a_networks_heads_stay_in_bf16_as_in_fp32() -> None:
    module = shipped("inception.yaml")
    run = prepared(module, precision="bf16")
    images = torch.rand(2, 3, 32, 32)
    outputs = run.forward(images)
    assert {name: (tuple(out.shape), out.dtype) for name, out in outputs.items()} == {
        "main": ((2, 7), torch.float32),
        "auxiliary": ((2, 7), torch.float32),
    }
    module.eval()
    assert isinstance(run.forward(images), Tensor)


def test_the_modules_own_parameters_learn_and_its_state_keeps_its_names(worth_it) -> None:
    module = simple().to(memory_format=torch.channels_last)
    names = list(module.state_dict())
    run = prepared(module)
    run.forward(torch.rand(4, 3, 32, 32)).sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in module.parameters())
    assert list(module.state_dict()) == names
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
        assert run.forward(torch.rand(4, 3, 32, 32)).abs().sum() == 0  # the form reads them where they are


def test_a_hook_is_called_while_it_is_there() -> None:
    module = simple()
    run = prepared(module)
    seen = []
    handle = module[1].register_forward_hook(lambda _, __, output: seen.append(output.shape))
    run.forward(torch.rand(2, 3, 32, 32))
    assert seen == [(2, 8, 32, 32)]  # of the activation, before pooling
    handle.remove()
    run.forward(torch.rand(2, 3, 32, 32))
    assert len(seen) == 1


class InPlace(nn.Module):
    """Changes what it was given."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mul_(2)


def test_a_module_that_may_change_a_tensor_that_others_read_is_run_as_it_is() -> None:
    class Fork(nn.Sequential):
        """Unknown, and so one call of its own."""

        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) + x

    inside = nn.Sequential(nn.Conv2d(3, 4, 3), Fork(InPlace()), nn.Flatten(), nn.Linear(3600, 7))
    assert prepared(inside).choices()["form"] == CALLS
    images = torch.rand(2, 3, 32, 32)
    assert torch.equal(prepared(inside).forward(images), inside(images))
    assert prepared(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True))).choices()["form"] == MODULE


@has_blocks
@pytest.mark.parametrize("threads", [1, pytest.param(2, marks=pytest.mark.exhaustive)])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_two_runs_in_the_fast_form_have_the_same_bits(
    precision: str, threads: int, worth_it, monkeypatch
) -> None:
    monkeypatch.setattr(training_threads, "WORTH_SPLITTING", 0)
    data = load_dataset(DatasetSettings(name="synthetic", train_images=80), data_root=None)
    contract = DataContract("synthetic", 3, 16, 16, 10)
    document = read_architecture(ARCHITECTURES / "simple_cnn.yaml")
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    runs = []
    try:
        for _ in range(2):
            with seeded(0):
                module = build_module(elaborate(document, contract))
            record = fit(module, data, recipe(precision=precision, batch_size=32), seed=0)
            assert record.threads == threads
            runs.append((record.test, module.state_dict()))
    finally:
        torch.set_num_threads(before)
    assert runs[0][0] == runs[1][0]
    assert all(torch.equal(runs[0][1][name], value) for name, value in runs[1][1].items())


def test_torchs_remark_on_a_missing_gpu_is_not_shown_and_others_are(caplog: pytest.LogCaptureFixture) -> None:
    prepare_execution(simple(), recipe(compile=True), CPU, torch.zeros(1, 3, 32, 32), compiler="eager")
    log = logging.getLogger("torch.utils.cpp_extension")
    log.addHandler(caplog.handler)
    try:
        log.warning("No CUDA runtime is found, using CUDA_HOME='%s'", "/usr/local/cuda")
        log.warning("something else")
    finally:
        log.removeHandler(caplog.handler)
    assert set(caplog.messages) == {"something else"}


def test_compile_wraps_the_form_and_is_recorded() -> None:
    module = simple()
    image = torch.zeros(1, 3, 32, 32)
    run = prepare_execution(module, recipe(compile=True), CPU, image, compiler="eager")
    assert run.choices()["compile"] == "eager"
    assert prepared(simple()).choices()["compile"] == "no"
    images = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(run.forward(images), module(images))
    run.forward(images).sum().backward()
    assert all(parameter.grad is not None for parameter in module.parameters())
