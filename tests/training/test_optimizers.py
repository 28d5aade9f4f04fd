"""The optimisers step as their published rules do."""

import pytest
import torch
from torch import nn

from cnnbuild.errors import RunError
from cnnbuild.lang.recipe import Recipe
from cnnbuild.training.optimizers import make_optimizer


def weights_after(choice, gradients, start=1.0):
    module = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        module.weight.fill_(start)
    optimizer = make_optimizer(Recipe.model_validate({"optimizer": choice}), module)
    assert optimizer.defaults["fused"]
    found = []
    for gradient in gradients:
        module.weight.grad = torch.full((1, 1), gradient)
        optimizer.step()
        found.append(module.weight.item())
    return found


def test_sgd_with_momentum_and_weight_decay_steps_as_worked_by_hand():
    # g = 2 + 0.1 * 1 = 2.1, v = 2.1, w = 1 - 0.1 * 2.1 = 0.79
    # g = 2 + 0.1 * 0.79 = 2.079, v = 0.5 * 2.1 + 2.079 = 3.129, w = 0.79 - 0.3129 = 0.4771
    choice = {"sgd": {"lr": 0.1, "momentum": 0.5, "weight_decay": 0.1}}
    assert weights_after(choice, [2.0, 2.0]) == pytest.approx([0.79, 0.4771], rel=1e-6)


def test_nesterov_looks_ahead():
    # v = 2, step = g + 0.5 * v = 3: w = 0.7; v = 3, step = 2 + 1.5 = 3.5: w = 0.35
    choice = {"sgd": {"lr": 0.1, "momentum": 0.5, "nesterov": True}}
    assert weights_after(choice, [2.0, 2.0]) == pytest.approx([0.7, 0.35], rel=1e-6)


def test_the_first_step_of_adam_is_the_learning_rate():
    # the corrected moments of one gradient are g and g^2, so the step is lr * g / (|g| + eps)
    assert weights_after({"adam": {"lr": 0.1}}, [5.0]) == pytest.approx([0.9], rel=1e-6)


def test_adamw_decays_the_weight_apart_from_the_gradient():
    # w * (1 - 0.1 * 0.5) - 0.1 = 0.85
    assert weights_after({"adamw": {"lr": 0.1, "weight_decay": 0.5}}, [5.0]) == pytest.approx(
        [0.85], rel=1e-6
    )


@pytest.mark.parametrize(
    ("choice", "plain"),
    [
        ({"sgd": {"lr": 0.05, "momentum": 0.9, "nesterov": True}}, torch.optim.SGD),
        ({"adam": {"lr": 0.01}}, torch.optim.Adam),
        ({"adamw": {"lr": 0.01}}, torch.optim.AdamW),
    ],
)
def test_fused_steps_agree_with_torchs_plain_ones(choice, plain):
    ((_, settings),) = choice.items()
    gradients = torch.randn(50, generator=torch.Generator().manual_seed(0)).tolist()
    reference = nn.Parameter(torch.ones(1, 1))
    optimizer = plain([reference], **settings, foreach=False, fused=False)
    for gradient in gradients:
        reference.grad = torch.full((1, 1), gradient)
        optimizer.step()
    assert weights_after(choice, gradients)[-1] == pytest.approx(reference.item(), rel=1e-5)


def test_a_network_without_parameters_cannot_be_trained():
    with pytest.raises(RunError) as refused:
        make_optimizer(Recipe(), nn.Flatten())
    assert str(refused.value) == "the network has no parameters to train"
