"""The optimisers step as torch's do by themselves, and as their published rules say."""

import inspect

import pytest
import torch
from pydantic_core import PydanticUndefined
from torch import nn

from cnnbuild.errors import RunError
from cnnbuild.lang.recipe import REFUSED_OPTIMIZERS, OptimizerChoice, Recipe
from cnnbuild.training.optimizers import CLASSES, make_optimizer

ENGINES = {"foreach", "fused", "capturable", "differentiable", "maximize"}  # not for a recipe to say
EXCEPTIONS = {
    ("sgd", "lr"): "a usual rate depends on the network too much for a default",
    ("adam", "decoupled_weight_decay"): "that is adamw",
}
SETTINGS = {
    "sgd": [
        {"lr": 0.05},
        {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.1},
        {"lr": 0.05, "momentum": 0.9, "nesterov": True},
        {"lr": 0.05, "momentum": 0.9, "dampening": 0.5},
    ],
    "adam": [{}, {"lr": 0.01, "betas": (0.8, 0.9), "amsgrad": True, "weight_decay": 0.1}],
    "adamw": [{}, {"lr": 0.01, "weight_decay": 0.5, "eps": 1e-3}],
    "nadam": [{}, {"momentum_decay": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True}],
    "radam": [{}, {"betas": (0.5, 0.7), "weight_decay": 0.1, "decoupled_weight_decay": True}],
    "adamax": [{}, {"weight_decay": 0.1}],
    "adagrad": [{}, {"lr_decay": 0.1, "initial_accumulator_value": 0.5}],
    "adadelta": [{}, {"rho": 0.5, "weight_decay": 0.1}],
    "rmsprop": [{}, {"alpha": 0.9, "momentum": 0.9, "centered": True, "weight_decay": 0.1}],
    "rprop": [{}, {"etas": (0.4, 1.5), "step_sizes": (1e-3, 0.1)}],
    "asgd": [{}, {"lambd": 0.1, "alpha": 0.5, "t0": 1.0, "weight_decay": 0.1}],
    "adafactor": [{}, {"eps": (1e-8, 1e-2), "d": 2.0, "beta2_decay": -0.5, "weight_decay": 0.1}],
    "lbfgs": [{}, {"max_iter": 4, "history_size": 3, "line_search_fn": "strong_wolfe"}],
}
CASES = [(word, settings) for word, several in SETTINGS.items() for settings in several]


def optimizers_of_torch():
    return {
        name: each
        for name, each in vars(torch.optim).items()
        if inspect.isclass(each)
        and issubclass(each, torch.optim.Optimizer)
        and each is not torch.optim.Optimizer
    }


def model_of(word):
    (model,) = (m for m in OptimizerChoice.model_fields[word].annotation.__args__ if m is not type(None))
    return model


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.Tanh(), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))


def train(module, optimizer, steps=8):
    images = torch.randn(16, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    labels = torch.arange(16) % 3

    def closure():
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(module(images), labels)
        loss.backward()
        return loss

    for _ in range(steps):
        optimizer.step(closure)
    return torch.cat([parameter.detach().flatten() for parameter in module.parameters()])


def test_every_optimiser_of_torch_is_a_word_or_refused_with_its_reason():
    theirs = optimizers_of_torch()
    assert len(theirs) >= 15
    words = {name.lower() if name != "SparseAdam" else "sparse_adam" for name in theirs}
    assert words == set(OptimizerChoice.model_fields) | set(REFUSED_OPTIMIZERS)
    assert (
        {each.__name__.lower() for each in CLASSES.values()}
        == set(CLASSES)
        == set(OptimizerChoice.model_fields)
    )
    assert all(REFUSED_OPTIMIZERS.values())


@pytest.mark.parametrize("word", CLASSES)
def test_names_and_defaults_are_torchs(word):
    theirs = dict(inspect.signature(CLASSES[word]).parameters)
    del theirs["params"]
    fields = model_of(word).model_fields
    asked = {name for name in theirs if name not in ENGINES and (word, name) not in EXCEPTIONS}
    assert set(fields) - {name for other, name in EXCEPTIONS if other == word} == asked
    defaults = {name: fields[name].default for name in asked}
    assert defaults == {name: theirs[name].default for name in asked}


def test_sgd_alone_has_no_default_rate():
    required = {word for word in CLASSES if model_of(word).model_fields["lr"].default is PydanticUndefined}
    assert required == {"sgd"}


@pytest.mark.parametrize(("word", "settings"), CASES)
def test_a_run_ends_with_the_weights_of_torchs_optimiser(word, settings):
    ours, theirs = network(), network()
    made = make_optimizer(Recipe.model_validate({"optimizer": {word: settings}}), ours)
    plain = {} if word == "lbfgs" else {"foreach": False}
    reference = CLASSES[word](theirs.parameters(), **settings, **plain)
    found, expected = train(ours, made), train(theirs, reference)
    begun = torch.cat([parameter.detach().flatten() for parameter in network().parameters()])
    assert not torch.equal(expected, begun)
    assert found.tolist() == pytest.approx(expected.tolist(), rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("word", CLASSES)
def test_weights_that_are_laid_out_channels_last_end_the_same(word):
    def convolutions():
        torch.manual_seed(0)
        several = nn.Sequential(nn.Conv2d(1, 3, 2), nn.Tanh(), nn.Conv2d(3, 2, 2), nn.Flatten())
        return several.append(nn.Linear(8, 3))

    settings = {"lr": 0.5, "max_iter": 4} if word == "lbfgs" else {"lr": 0.01}
    described = Recipe.model_validate({"optimizer": {word: settings}})
    laid_out, plain = convolutions().to(memory_format=torch.channels_last), convolutions()
    found = train(laid_out, make_optimizer(described, laid_out), steps=1)
    expected = train(plain, make_optimizer(described, plain), steps=1)
    assert not laid_out[2].weight.is_contiguous()
    assert found.tolist() == pytest.approx(expected.tolist(), rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("word", CLASSES)
def test_torch_steps_over_whole_lists_or_in_one_kernel_where_it_can(word):
    made = make_optimizer(Recipe.model_validate({"optimizer": {word: {"lr": 0.1}}}), network())
    known = inspect.signature(CLASSES[word]).parameters
    fast = next((name for name in ("fused", "foreach") if name in known), None)
    assert fast is None or made.defaults[fast] is True


@pytest.mark.parametrize("word", sorted(set(CLASSES) - {"rprop", "lbfgs"}))
def test_only_weights_decay_where_the_recipe_says_so(word):
    module = network()
    written = {"optimizer": {word: {"lr": 0.1, "weight_decay": 0.25}}, "weight_decay_on": "weights"}
    decay = {
        parameter: group["weight_decay"]
        for group in make_optimizer(Recipe.model_validate(written), module).param_groups
        for parameter in group["params"]
    }
    names = {name: decay[parameter] for name, parameter in module.named_parameters()}
    assert names == {
        "0.weight": 0.25, "0.bias": 0, "2.weight": 0, "2.bias": 0, "4.weight": 0.25, "4.bias": 0,
    }  # fmt: skip


def test_without_that_everything_decays_and_is_one_group():
    (group,) = make_optimizer(
        Recipe.model_validate({"optimizer": {"adam": {"weight_decay": 0.25}}}), network()
    ).param_groups
    assert (group["weight_decay"], len(group["params"])) == (0.25, 6)


def test_a_bias_without_decay_stays_while_a_weight_shrinks():
    module = nn.Linear(1, 1)
    with torch.no_grad():
        module.weight.fill_(1.0)
        module.bias.fill_(1.0)
    written = {"optimizer": {"sgd": {"lr": 0.5, "weight_decay": 0.2}}, "weight_decay_on": "weights"}
    optimizer = make_optimizer(Recipe.model_validate(written), module)
    for parameter in module.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    assert (module.weight.item(), module.bias.item()) == (pytest.approx(0.9), 1.0)


def test_a_network_of_biases_alone_has_one_group():
    class Shift(nn.Module):
        def __init__(self):
            super().__init__()
            self.shift = nn.Parameter(torch.zeros(3))

    written = {"optimizer": "adamw", "weight_decay_on": "weights"}
    (group,) = make_optimizer(Recipe.model_validate(written), Shift()).param_groups
    assert group["weight_decay"] == 0


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


def test_a_network_without_parameters_cannot_be_trained():
    with pytest.raises(RunError) as refused:
        make_optimizer(Recipe(), nn.Flatten())
    assert str(refused.value) == "the network has no parameters to train"
