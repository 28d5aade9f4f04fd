"""Averaged weights: what they are, and that they are evaluated, selected and tested."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from cnnbuild.data.batches import BatchSource, measure_normalization
from cnnbuild.data.split import split_validation
from cnnbuild.lang.recipe import AverageChoice
from cnnbuild.training.averaging import Average
from cnnbuild.training.evaluate import evaluate, score
from cnnbuild.training.fit import fit
from tests.training.small_runs import normalized, recipe, synthetic

EMA = AverageChoice.model_validate({"ema": {"decay": 0.75}})
UNIFORM = AverageChoice.model_validate({"uniform": {"start_epoch": 2}})


def one_number():
    module = nn.Linear(1, 1, bias=False)
    nn.init.constant_(module.weight, 0.0)
    return module


def value_within(average, module):
    with average.applied(module, lambda: ()):
        return module.weight.item()


def set_to(module, value):
    with torch.no_grad():
        module.weight.fill_(value)


def warmed_up(values, current, count):
    """The average that TensorFlow documents for `num_updates`, with a decay of 0.9."""
    decay = min(0.9, (1 + int(count)) / (10 + int(count)))
    for value, new in zip(values, current, strict=True):
        value.copy_(decay * value + (1 - decay) * new)


def test_an_exponential_average_by_hand():
    module = one_number()
    average = Average(AverageChoice.model_validate({"ema": {"decay": 0.2}}), list(module.parameters()))
    assert value_within(average, module) == 0.0  # nothing was averaged yet
    found = []
    for value in (11.0, 22.0, 0.0):
        set_to(module, value)
        average.after_step()
        average.after_epoch(5)
        found.append(value_within(average, module))
        assert module.weight.item() == value
    assert found == pytest.approx([11.0, 20.0, 4.0])  # 2/11 of 11 and 9/11 of 22; 1/5 of 20, not 3/12


def test_an_exponential_average_forgets_the_beginning_of_a_short_run():
    module = one_number()
    average = Average(AverageChoice.model_validate({"ema": {"decay": 0.999}}), list(module.parameters()))
    set_to(module, 1.0)
    average.after_step()
    set_to(module, 0.0)
    for _ in range(39):
        average.after_step()
    assert value_within(average, module) < 1e-6  # 0.999^39 would leave 96 % of it


def test_a_uniform_average_counts_the_ends_of_epochs_from_its_start():
    module = one_number()
    average = Average(UNIFORM, list(module.parameters()))
    found = []
    for epoch, value in enumerate((100.0, 6.0, 3.0, 0.0), start=1):
        set_to(module, value)
        average.after_step()
        average.after_epoch(epoch)
        found.append(value_within(average, module))
    assert found == [100.0, 6.0, 4.5, 3.0]


def test_an_average_goes_on_from_its_state():
    module = one_number()
    average, other = (Average(UNIFORM, list(module.parameters())) for _ in "ab")
    other.restore(average.state())
    assert value_within(other, module) == 0.0
    for epoch, value in ((2, 6.0), (3, 3.0)):
        set_to(module, value)
        average.after_epoch(epoch)
    other.restore(average.state())
    set_to(module, 0.0)
    other.after_epoch(4)
    assert value_within(other, module) == 3.0
    assert value_within(average, module) == 4.5  # they share no tensor


def test_the_modules_own_weights_come_back_after_an_error():
    module = one_number()
    average = Average(EMA, list(module.parameters()))
    average.after_step()
    set_to(module, 7.0)
    with pytest.raises(ZeroDivisionError), average.applied(module, lambda: ()):
        1 / module.weight.item()  # 0 is the average
    assert module.weight.item() == 7.0


def test_batch_normalisation_is_estimated_anew_for_the_uniform_average_alone():
    def network():
        return nn.BatchNorm2d(1, affine=True)

    images = [torch.full((2, 1, 2, 2), 3.0), torch.full((2, 1, 2, 2), 5.0)]
    for choice, mean in ((UNIFORM, 4.0), (EMA, 0.0)):
        module = network()
        average = Average(choice, list(module.parameters()))
        average.after_step()
        average.after_epoch(2)
        with average.applied(module, lambda: iter(images)):
            assert module.running_mean.item() == mean
        assert module.running_mean.item() == 0.0
        assert int(module.num_batches_tracked) == 0


@pytest.mark.parametrize("select", ["best", "last"])
def test_a_run_evaluates_selects_and_tests_the_averaged_weights(select):
    module, shadow = normalized(), normalized()
    settings = {"epochs": 3, "select": select, "optimizer": {"adam": {"lr": 0.02}}}
    # torch's own average of the same steps, which follow from the seed alone
    averaged = AveragedModel(shadow, multi_avg_fn=warmed_up)
    step = torch.optim.Adam.step

    def followed(self, *arguments):
        step(self, *arguments)
        averaged.update_parameters(shadow)

    states = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.Adam, "step", followed)
        fit(
            shadow,
            synthetic(),
            recipe(**settings | {"select": "last"}),
            seed=0,
            on_epoch=lambda _: states.append({k: v.clone() for k, v in averaged.module.state_dict().items()}),
        )
    record = fit(module, synthetic(), recipe(**settings, average={"ema": {"decay": 0.9}}), seed=0)
    expected = states[record.selected_epoch - 1]
    for name, value in module.state_dict().items():
        torch.testing.assert_close(value, expected[name], msg=name)
    dataset = synthetic()
    fitted, held_out = split_validation(dataset.train.labels, 0.1)
    statistics = measure_normalization(dataset.train.images[fitted])
    train, test = (
        BatchSource(part, statistics, torch.device("cpu"), channels_last=True)
        for part in (dataset.train, dataset.test)
    )
    assert evaluate(module, test, 10) == record.test
    told = record.epochs[record.selected_epoch - 1]
    assert score(module, train, held_out).loss == told.validation_loss


def test_the_average_decides_nothing_of_what_is_trained():
    losses = [
        [epoch.running_loss for epoch in fit(normalized(), synthetic(), settings, seed=0).epochs]
        for settings in (recipe(epochs=3), recipe(epochs=3, average={"ema": {}}))
    ]
    assert losses[0] == losses[1]
