"""Networks with several heads: the loss of all, one step worked by hand, and whole runs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from cnnbuild.data.batches import BatchSource, measure_normalization
from cnnbuild.data.dataset import Images
from cnnbuild.data.load import load_dataset
from cnnbuild.data.split import split_validation
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.lang.architecture import parse_architecture
from cnnbuild.lang.dataset import DatasetSettings
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.lang.recipe import Recipe
from cnnbuild.modules.build import build_module
from cnnbuild.training.checkpoint import read_checkpoint
from cnnbuild.training.evaluate import evaluate
from cnnbuild.training.fit import fit
from cnnbuild.training.heads import main_logits, training_loss
from cnnbuild.training.latency import measure_latency
from cnnbuild.training.seeding import seeded
from cnnbuild.training.threads import work_per_module

NETWORK = """\
cnnbuild: 1
layers:
  - flatten
  - linear: 32
  - relu:
    name: hidden
  - linear: $data.classes
    name: early
  - linear: 32
    from: hidden
  - relu
  - linear: $data.classes
    name: logits
outputs:
  main: logits
  auxiliary: {from: early, weight: 0.25, train_only: true}
"""


@pytest.fixture(scope="module")
def digits():
    return load_dataset(DatasetSettings(name="digits", train_images=600), data_root=None)


def network(text: str = NETWORK):
    contract = DataContract("digits", 1, 8, 8, 10)
    graph = elaborate(parse_architecture(parse_yaml(text, "net.yaml")), contract)
    with seeded(0):
        return graph, build_module(graph)


def pictures_of(images: Images, measured: torch.Tensor) -> BatchSource:
    normalization = measure_normalization(measured)
    return BatchSource(images, normalization, torch.device("cpu"), channels_last=False)


def test_the_loss_is_the_sum_of_each_heads_loss_times_its_weight() -> None:
    # Two classes: logits (0, 0) cost log 2; (0, log 3) give probabilities 1/4 and 3/4.
    even, odd = torch.zeros(1, 2), torch.tensor([[1.0, 3.0]]).log()
    labels = torch.tensor([0])
    loss = training_loss(
        {"main": even, "aux": odd}, labels, label_smoothing=0.0, head_weights={"main": 1.0, "aux": 0.5}
    )
    assert float(loss) == pytest.approx(0.6931472 + 0.5 * 1.3862944, abs=1e-6)  # log 2 + log 4 / 2
    unweighted = training_loss({"main": even, "aux": odd}, labels, label_smoothing=0.0, head_weights={})
    assert float(unweighted) == pytest.approx(3 * 0.6931472, abs=1e-6)


def test_label_smoothing_acts_on_every_head() -> None:
    logits = torch.tensor([[0.0, 0.0], [0.0, 1.0986123]])  # the second: 1/4 and 3/4
    labels = torch.tensor([0, 1])
    smooth = training_loss(
        {"a": logits, "b": logits}, labels, label_smoothing=0.5, head_weights={"a": 2.0, "b": 1.0}
    )
    # 0.75 of the true class's cost and 0.25 of the other's: log 2, and 0.75 log(4/3) + 0.25 log 4
    mean = (0.6931472 + 0.75 * 0.2876821 + 0.25 * 1.3862944) / 2
    assert float(smooth) == pytest.approx(3 * mean, abs=1e-6)


def test_the_main_logits_are_the_first_of_a_mapping() -> None:
    one, two = torch.zeros(1), torch.ones(1)
    assert main_logits({"x": two, "main": one}) is two
    assert main_logits(one) is one


def test_one_step_of_training_is_the_step_taken_by_hand(digits) -> None:
    graph, module = network()
    _, by_hand = network()
    recipe = Recipe.model_validate(
        {"epochs": 1, "device": "cpu", "batch_size": 600, "validation": 0, "select": "last",
         "optimizer": {"sgd": {"lr": 0.5}}, "schedule": "constant"}
    )  # fmt: skip
    fit(module, digits, recipe, seed=0, head_weights=graph.head_weights)
    source = pictures_of(digits.train, digits.train.images)
    pictures, labels = source.batch(torch.arange(600))
    flat = pictures.flatten(1)
    hidden = by_hand.get_submodule("linear_1")(flat).relu()
    early = by_hand.get_submodule("early")(hidden)
    logits = by_hand.get_submodule("logits")(by_hand.get_submodule("linear_2")(hidden).relu())
    cost = nn.functional.cross_entropy
    (cost(logits, labels) + 0.25 * cost(early, labels)).backward()
    for (name, mine), other in zip(module.named_parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(mine, other - 0.5 * other.grad, msg=name, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("text", [NETWORK, NETWORK.replace(", train_only: true", "")], ids=["one", "two"])
def test_a_run_with_two_heads_learns_with_both_and_is_scored_by_the_first(
    text, digits, tmp_path: Path
) -> None:
    graph, module = network(text)
    before = {key: value.clone() for key, value in module.state_dict().items()}
    recipe = Recipe.model_validate({"epochs": 8, "device": "cpu", "optimizer": {"adam": {"lr": 0.005}}})
    file = tmp_path / "checkpoint.pt"
    record = fit(module, digits, recipe, seed=0, head_weights=graph.head_weights, checkpoint=file)
    assert record.test is not None
    assert record.test.accuracy > 0.8
    assert record.epochs[-1].running_loss < record.epochs[0].running_loss / 2
    moved = {key for key, value in module.state_dict().items() if not torch.equal(value, before[key])}
    assert moved == set(before)  # `early.weight` too
    found = read_checkpoint(file)
    assert found is not None
    saved, _ = found
    assert set(saved["module"]) == set(before)
    fitted, _ = split_validation(digits.train.labels, recipe.validation)
    source = pictures_of(digits.test, digits.train.images[fitted])
    pictures, labels = source.batch(torch.arange(len(source)))
    correct = main_logits(module.eval()(pictures)).argmax(1) == labels
    assert record.test.accuracy == pytest.approx(float(correct.double().mean()))
    assert evaluate(module, source, 10).accuracy == record.test.accuracy
    assert measure_latency(module, source, 4).repeats >= 5


def test_the_weight_of_a_head_changes_what_is_learned(digits) -> None:
    recipe = Recipe.model_validate({"epochs": 1, "device": "cpu"})
    found = []
    for weight in ("0.25", "4"):
        graph, module = network(NETWORK.replace("0.25", weight))
        record = fit(module, digits, recipe, seed=0, head_weights=graph.head_weights)
        found.append((module.get_parameter("linear_1.weight").clone(), record.epochs[0].running_loss))
    assert not torch.equal(found[0][0], found[1][0])
    assert found[1][1] > found[0][1]


def test_work_is_measured_as_it_is_done_in_evaluation() -> None:
    _, module = network()
    work = 64 * 32 + 32 * 32 + 32 * 10  # without the training head
    leaves = sum(not list(child.children()) for child in module.modules())
    assert leaves == 7
    assert work_per_module(module, torch.zeros(1, 1, 8, 8)) == work // leaves
