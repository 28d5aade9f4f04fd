"""Loss, accuracy and confusion against scikit-learn and numpy."""

import numpy as np
import pytest
import torch
from sklearn import metrics
from torch import nn

from cnnbuild.data.batches import BatchSource, Normalization
from cnnbuild.data.dataset import Images
from cnnbuild.training.evaluate import CHUNK, confusion_matrix, evaluate, predict, score
from cnnbuild.training.latency import measure_latency, percentile_95

TO_UNIT = Normalization(torch.zeros(1), torch.full((1,), 255.0))
COUNT = CHUNK * 2 + 17


def source_of(count=COUNT, classes=4):
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (count, 1, 2, 2), dtype=torch.uint8, generator=generator)
    labels = torch.randint(0, classes - 1, (count,), generator=generator)  # the last class has no image
    return BatchSource(Images(pixels, labels), TO_UNIT, torch.device("cpu"), channels_last=False)


def module_of(classes=4):
    torch.manual_seed(1)
    return nn.Sequential(nn.Flatten(), nn.Linear(4, classes), nn.Dropout(0.9))


def test_the_evaluation_agrees_with_scikit_learn():
    source, module = source_of(), module_of()
    found = evaluate(module, source, 4)
    with torch.no_grad():
        logits = module.eval()(source.batch(torch.arange(COUNT))[0]).double()
    probabilities = logits.softmax(1).numpy()
    truth, predicted = source.labels.numpy(), logits.argmax(1).numpy()
    assert found.accuracy == pytest.approx(metrics.accuracy_score(truth, predicted))
    assert found.loss == pytest.approx(metrics.log_loss(truth, probabilities, labels=range(4)), rel=1e-4)
    matrix = metrics.confusion_matrix(truth, predicted, labels=range(4))
    assert np.array_equal(np.array(found.confusion), matrix)
    recalls = metrics.recall_score(truth, predicted, labels=range(3), average=None)
    assert found.per_class_accuracy == (*map(pytest.approx, recalls), None)


def test_rows_of_the_confusion_matrix_are_the_truth():
    matrix = confusion_matrix(torch.tensor([0, 0, 1]), torch.tensor([1, 1, 0]), 2)
    assert matrix.tolist() == [[0, 2], [1, 0]]


def test_a_score_is_of_the_chosen_images_only():
    source, module = source_of(), module_of()
    said = predict(module, source, torch.arange(COUNT))
    part = torch.tensor([3, CHUNK, COUNT - 1])
    found = score(module, source, part)
    assert found.loss == pytest.approx(said.losses[part].mean().item(), rel=1e-6)
    assert found.accuracy == pytest.approx((said.predicted == source.labels)[part].double().mean().item())


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_of_the_module_is_put_back_even_after_a_failure(training):
    source, module = source_of(), module_of().train(training)
    score(module, source, torch.arange(3))
    assert module.training is training
    wrong = nn.Sequential(nn.Linear(99, 4)).train(training)
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        score(wrong, source, torch.arange(3))
    assert wrong.training is training


def test_the_95th_percentile_is_the_nearest_rank():
    assert percentile_95([float(n) for n in range(1, 101)]) == 95
    assert percentile_95([3.0, 1.0, 2.0]) == 3
    assert percentile_95([float(n) for n in range(1, 21)]) == 19


def test_latency_is_positive_and_counts_its_passes():
    latency = measure_latency(module_of(), source_of(), 8)
    assert latency.batch_size == 8
    assert 5 <= latency.repeats <= 50
    assert 0 < latency.median_seconds <= latency.p95_seconds
