"""`freeze`: what it names stays to the bit, without gradient, optimiser state or decay."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
from torch import nn

from cnnbuild.errors import RunError
from cnnbuild.lang.recipe import Recipe
from cnnbuild.training.averaging import make_average
from cnnbuild.training.fit import fit
from cnnbuild.training.freezing import NOTHING, freeze
from cnnbuild.training.optimizers import make_optimizer
from tests.training.small_runs import synthetic

SGD = {"sgd": {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1}}


def network() -> nn.Sequential:
    torch.manual_seed(0)
    stem = OrderedDict(conv=nn.Conv2d(3, 4, 3), norm=nn.BatchNorm2d(4), act=nn.ReLU())
    head = OrderedDict(norm=nn.BatchNorm1d(4), fc=nn.Linear(4, 10))
    return nn.Sequential(
        OrderedDict(
            stem=nn.Sequential(stem),
            pool=nn.AdaptiveAvgPool2d(1),
            flat=nn.Flatten(),
            head=nn.Sequential(head),
        )
    )


def asked(**changes: object) -> Recipe:
    settings = {"epochs": 2, "batch_size": 8, "optimizer": SGD, "device": "cpu", "select": "last"}
    return Recipe.model_validate(settings | changes)


def changed(module: nn.Module, before: dict[str, torch.Tensor]) -> set[str]:
    now = module.state_dict()
    return {name for name in before if not torch.equal(now[name], before[name])}


def kept(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def trained(recipe: Recipe) -> tuple[nn.Module, set[str]]:
    module = network()
    before = kept(module)
    fit(module, synthetic(), recipe, seed=0)
    return module, changed(module, before)


OF_HEAD = {
    "head.norm.weight", "head.norm.bias", "head.norm.running_mean", "head.norm.running_var",
    "head.norm.num_batches_tracked", "head.fc.weight", "head.fc.bias",
}  # fmt: skip
STATISTICS = {"stem.norm.running_mean", "stem.norm.running_var", "stem.norm.num_batches_tracked"}


def test_without_freeze_everything_changes() -> None:
    module, names = trained(asked())
    assert names == set(module.state_dict())


def test_what_is_frozen_stays_to_the_bit_its_statistics_too() -> None:
    module, names = trained(asked(freeze=["stem"]))
    assert names == OF_HEAD
    assert all(parameter.requires_grad for parameter in module.parameters())  # as it was given


def test_statistics_may_go_on() -> None:
    _, names = trained(asked(freeze=["stem"], freeze_statistics=False))
    assert names == OF_HEAD | STATISTICS


@pytest.mark.parametrize("average", [{"ema": {"decay": 0.5}}, {"uniform": {"start_epoch": 1}}])
def test_an_average_leaves_frozen_statistics_alone(average: dict[str, object]) -> None:
    _, names = trained(asked(freeze=["stem"], average=average))
    assert not names & (STATISTICS | {"stem.conv.weight", "stem.norm.weight"})
    assert {"head.fc.weight", "head.norm.running_mean"} <= names


def test_a_uniform_average_estimates_what_is_not_frozen_behind_the_frozen_statistics() -> None:
    module, recipe = network(), asked(freeze=["stem"], average={"uniform": {"start_epoch": 1}})
    frozen = freeze(module, recipe)
    average = make_average(recipe.average, make_optimizer(recipe, module), frozen)
    average.after_epoch(1)
    images = torch.randn(16, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        module.stem.norm.running_mean.fill_(0.25)
        module.stem.norm.running_var.fill_(4.0)
        expected = module.flat(module.pool(module.eval().stem(images))).mean(0)
        with average.applied(module, lambda: [images]):
            assert module.stem.norm.running_mean.tolist() == [0.25] * 4
            torch.testing.assert_close(module.head.norm.running_mean, expected)


def test_a_frozen_norm_computes_by_its_statistics_while_the_rest_trains() -> None:
    module = network()
    frozen = freeze(module, asked(freeze=["stem.norm"]))
    module.train()
    assert module.stem.norm.training
    frozen.hold()
    assert not module.stem.norm.training
    assert module.head.norm.training
    assert [name for name, p in module.named_parameters() if not p.requires_grad] == [
        "stem.norm.weight",
        "stem.norm.bias",
    ]


def test_the_optimiser_knows_nothing_of_frozen_parameters() -> None:
    module = network()
    frozen = freeze(module, asked(freeze=["stem", "head.*.bias"]))
    (group,) = make_optimizer(asked(), module).param_groups
    known = {id(parameter) for parameter in group["params"]}
    assert {name for name, p in module.named_parameters() if id(p) in known} == {
        "head.norm.weight",
        "head.fc.weight",
    }
    module(torch.randn(4, 3, 8, 8)).sum().backward()
    assert module.stem.conv.weight.grad is None
    assert module.head.fc.bias.grad is None
    frozen.release()
    assert all(parameter.requires_grad for parameter in module.parameters())


def test_what_was_frozen_before_stays_frozen_after() -> None:
    module = network()
    module.stem.conv.weight.requires_grad_(False)
    freeze(module, asked(freeze=["stem"])).release()
    assert [name for name, p in module.named_parameters() if not p.requires_grad] == ["stem.conv.weight"]


def test_names_that_stand_for_nothing_are_refused() -> None:
    with pytest.raises(RunError) as caught:
        fit(network(), synthetic(), asked(freeze=["stem", "layer9"]), seed=0)
    assert str(caught.value) == "freeze: no parameter of the network is called 'layer9'"
    with pytest.raises(RunError, match="no parameters to train"):
        fit(network(), synthetic(), asked(freeze=["stem", "head"]), seed=0)


def test_a_recipe_without_freeze_is_what_it_was_before_there_was_one() -> None:
    assert freeze(network(), asked()) is NOTHING
    assert "freeze" not in asked().plain()
    assert "freeze_statistics" not in asked().plain()
    assert asked(freeze=[]).plain() == asked().plain()
    plain = asked(freeze=["stem"], freeze_statistics=False).plain()
    assert (plain["freeze"], plain["freeze_statistics"]) == (["stem"], False)
    assert Recipe.model_validate(plain).plain() == plain
