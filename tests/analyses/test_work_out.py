"""Analyses of a network against plain loops over its images, and against hooks on the same network by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from cnnbuild.analyses import work_out as module_under_test
from cnnbuild.analyses.effective_receptive_field import outputs_of
from cnnbuild.analyses.feature_maps import shown_nodes
from cnnbuild.analyses.kept import Analyses, Picture
from cnnbuild.analyses.shown_images import sample_indices
from cnnbuild.analyses.subject import Subject
from cnnbuild.analyses.work_out import work_out
from cnnbuild.data.batches import measure_normalization
from cnnbuild.data.dataset import Images
from cnnbuild.data.load import load_dataset
from cnnbuild.graph.graph import Graph
from cnnbuild.lang.analyses import ON_REQUEST
from cnnbuild.lang.dataset import DatasetSettings
from cnnbuild.modules.build import build_module
from cnnbuild.training.evaluate import Predictions
from cnnbuild.training.gradient_flow import GradientSampler
from cnnbuild.training.seeding import seeded
from tests.analyses.twins import Twin, images, network, normalised, subject_of, twins


def subject(channels: int = 3) -> Subject:
    graph, module, _ = twins(channels)
    return subject_of(graph, module, images(channels=channels))


def rows_of(picture: Picture) -> Tensor:
    """The bytes of a picture (H, W, C), read one by one."""
    values = list(picture.data)
    assert len(values) == picture.height * picture.width * picture.channels
    return torch.tensor(values).view(picture.height, picture.width, picture.channels)


def test_predictions_are_those_of_a_plain_loop() -> None:
    _, _, by_hand = twins()
    test = images()
    found = work_out(subject(), ()).predictions
    assert found is not None
    inputs = normalised(test)
    for index in range(len(test)):
        with torch.no_grad():
            shares = by_hand(inputs[index : index + 1])[0].softmax(0).tolist()
        assert found.classes("predicted")[index] == shares.index(max(shares))
        assert found.classes("truth")[index] == int(test.labels[index])
        assert abs(found.confidences()[index] - max(shares)) <= 0.5 / 255 + 1e-6


def test_classes_beyond_255_keep_their_number() -> None:
    test = Images(torch.zeros(3, 1, 4, 4, dtype=torch.uint8), torch.tensor([0, 299, 256]))
    graph = network(
        1, "cnnbuild: 1\nname: n\nlayers: [flatten, {linear: $data.classes}]\n", side=4, classes=300
    )
    found = work_out(subject_of(graph, build_module(graph), test, classes=300), ()).predictions
    assert found is not None
    assert found.classes("truth") == (0, 299, 256)


def test_samples_are_the_first_image_of_each_class_with_its_own_pixels() -> None:
    test = images()
    found = work_out(subject(), ()).samples
    first = {label: test.labels.tolist().index(label) for label in range(4)}
    assert [(sample.truth, sample.index) for sample in found] == sorted(first.items())
    for sample in found:
        assert torch.equal(rows_of(sample.picture).permute(2, 0, 1), test.images[sample.index].long())


def test_of_many_classes_ten_in_even_distances_are_shown() -> None:
    labels = torch.arange(100).flip(0)
    assert [int(labels[index]) for index in sample_indices(labels)] == list(range(0, 100, 10))


def test_mistakes_are_those_of_the_greatest_confidence() -> None:
    given = subject()
    found = work_out(given, ()).mistakes
    wrong = [
        (-float(given.said.confidences[n]), n)
        for n in range(40)
        if int(given.said.predicted[n]) != int(given.test.labels[n])
    ]
    assert 24 < len(wrong) < 40
    assert [one.index for one in found] == [n for _, n in sorted(wrong)[:24]]
    assert all(one.predicted != one.truth for one in found)


@pytest.mark.parametrize("channels", [1, 3, 2])
def test_filters_are_the_weights_on_one_scale(channels: int) -> None:
    given = subject(channels)
    found = work_out(given, ()).filters
    assert found is not None
    weight = given.module.get_parameter("first.weight").detach()
    assert (found.node, found.shape, len(found.pictures)) == ("first", tuple(weight.shape), 6)
    shown = weight if channels == 3 else weight.mean(1, keepdim=True)
    largest = float(shown.abs().max())
    for picture, expected in zip(found.pictures, shown, strict=True):
        assert (picture.low, picture.high) == pytest.approx((-largest, largest), rel=1e-5)
        values = rows_of(picture).permute(2, 0, 1) / 255 * 2 * largest - largest
        assert torch.allclose(values, expected, atol=largest / 255 + 1e-6)


def test_a_network_without_a_convolution_has_neither_filters_nor_maps_nor_warnings() -> None:
    graph = network(3, "cnnbuild: 1\nname: n\nlayers: [flatten, {linear: $data.classes}]\n")
    found = work_out(subject_of(graph, build_module(graph), images()), ON_REQUEST)
    assert (found.filters, found.feature_maps, found.receptive_fields, found.warnings) == (None, (), (), ())
    assert found.worked_out == ON_REQUEST


def hooked(by_hand: Twin, inputs: Tensor) -> dict[str, Tensor]:
    """What three parts of the hand-written network give, as forward hooks see it."""
    seen: dict[str, Tensor] = {}

    def keep(name: str) -> RemovableHandle:
        part = by_hand.get_submodule(name)
        return part.register_forward_hook(lambda _part, _taken, given: seen.__setitem__(name, given.detach()))

    handles = [keep(name) for name in ("after_first", "after_second", "after_block")]
    with torch.no_grad():
        by_hand(inputs)
    for handle in handles:
        handle.remove()
    return seen


def test_feature_maps_have_the_bits_that_hooks_see_on_the_same_network_by_hand() -> None:
    graph, module, by_hand = twins()
    nodes = shown_nodes(graph)
    assert [graph.nodes[node].name for node in nodes] == ["relu_1", "relu_2", "relu_3"]
    test, found = images(), work_out(subject(), ["feature_maps"])
    chosen = [found.samples[place] for place in (0, 2, 3)]  # of four: the first, the middle, the last
    assert [maps.image for maps in found.feature_maps] == chosen
    whole = [hooked(by_hand, normalised(test)[sample.index :][:1]) for sample in chosen]
    for sample, maps, seen in zip(chosen, found.feature_maps, whole, strict=True):
        with torch.no_grad():
            ours = outputs_of(graph, module, normalised(test)[sample.index :][:1], set(nodes))
        for node, (name, hook), layer in zip(nodes, seen.items(), maps.layers, strict=True):
            assert torch.equal(ours[node], hook)
            assert layer.shape == tuple(hook.shape[1:])
            variance = [
                sum(float(of[name][0, channel].double().var(correction=0)) for of in whole)
                for channel in range(hook.shape[1])
            ]
            by_variance = sorted(range(hook.shape[1]), key=lambda channel: -variance[channel])
            assert list(layer.shown) == by_variance[:8]
            for channel, picture in zip(layer.shown, layer.maps, strict=True):
                values = hook[0, channel]
                low, high = float(values.min()), float(values.max())
                scale = 255 / (high - low) if high > low else 0  # a map of zeros is one colour
                scaled = [round((value - low) * scale) for value in values.flatten().tolist()]
                assert max(abs(a - b) for a, b in zip(scaled, picture.data, strict=True)) <= 1
                assert (picture.low, picture.high) == pytest.approx((low, high), rel=1e-5, abs=1e-12)


def test_gradient_norms_are_those_of_hooks_on_the_same_network_by_hand() -> None:
    _, module, by_hand = twins()
    test = images()
    inputs, labels = normalised(test), test.labels
    seen: dict[str, Tensor] = {}
    for name, parameter in by_hand.named_parameters():
        if parameter.dim() > 1:
            parameter.register_hook(lambda gradient, name=name: seen.__setitem__(name, gradient.clone()))
    before = {name: parameter.detach().clone() for name, parameter in by_hand.named_parameters()}
    for one in (module, by_hand):
        one.train()
        nn.functional.cross_entropy(one(inputs), labels).backward()
    sampler = GradientSampler(module, steps_per_epoch=1)
    assert sampler.layers == ("first", "second", "part.conv_1", "linear_1")
    sampler.before_update(0)
    torch.optim.SGD(module.parameters(), lr=0.1).step()
    sampler.after_update(0)
    flow = sampler.epoch()
    assert flow is not None
    torch.optim.SGD(by_hand.parameters(), lr=0.1).step()
    weights = [parameter for parameter in module.parameters() if parameter.dim() > 1]
    for place, (name, gradient) in enumerate(
        (name, seen[f"{name}.weight"]) for name in ("first", "second", "third", "last")
    ):
        assert weights[place].grad is not None
        assert torch.equal(weights[place].grad, gradient)
        values = gradient.double().flatten().tolist()
        assert flow.norm[place] == pytest.approx(math.sqrt(math.fsum(v * v for v in values)), rel=6e-6)
        assert flow.mean_abs[place] == pytest.approx(math.fsum(map(abs, values)) / len(values), rel=6e-6)
        old, new = before[f"{name}.weight"].double(), by_hand.get_parameter(f"{name}.weight").double()
        ratio = float(((new - old).norm() / old.norm()).detach())
        assert flow.update_ratio[place] == pytest.approx(ratio, rel=1e-4)


def test_nothing_is_left_behind_and_the_same_comes_out_again() -> None:
    given = subject()
    given.module.train()
    given.module.get_submodule("relu_1").eval()
    modes = [part.training for part in given.module.modules()]
    weights = {name: value.clone() for name, value in given.module.state_dict().items()}
    with seeded(7):
        state = torch.get_rng_state()
        first = work_out(given, ON_REQUEST)
        assert torch.equal(torch.get_rng_state(), state)
    assert [part.training for part in given.module.modules()] == modes
    assert all(p.grad is None and p.requires_grad for p in given.module.parameters())
    assert all(torch.equal(value, weights[name]) for name, value in given.module.state_dict().items())
    assert work_out(given, ON_REQUEST) == first
    assert Analyses.from_dict(json.loads(json.dumps(first.to_dict(), allow_nan=False))) == first


def test_what_fails_is_a_warning_and_all_else_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ValueError("the first line\nand more")

    monkeypatch.setattr(module_under_test, "feature_maps", fail)
    found = work_out(subject(), ON_REQUEST)
    assert found.warnings == ("feature maps could not be worked out: ValueError: the first line",)
    assert found.feature_maps == ()
    assert found.receptive_fields
    assert found.samples
    assert found.worked_out == ON_REQUEST  # and is not tried again by the next start


def large(side: int) -> Graph:
    text = (
        "cnnbuild: 1\nname: large\nlayers:\n  - conv: {out_channels: 96, kernel_size: 7, padding: 3}\n  - relu\n"
        "  - conv: {out_channels: 16, kernel_size: 3, padding: 1}\n  - relu\n"
        "  - conv: {out_channels: 16, kernel_size: 3, padding: 1}\n  - relu\n"
        "  - global_avg_pool\n  - flatten\n  - linear: $data.classes\n"
    )
    return network(3, text, side=side, classes=10)


def test_the_file_of_a_run_stays_small() -> None:
    graph = large(32)
    test = images(10_000, side=32, classes=10)
    given = subject_of(
        graph, build_module(graph).eval(), Images(test.images[:50], test.labels[:50]), classes=10
    )
    again = torch.arange(10_000) % 50
    said = type(given.said)(
        *(of[again] for of in (given.said.losses, given.said.predicted)), given.said.confidences[again], 10
    )
    whole = Subject(graph, given.module, test, given.normalization, given.class_names, said)
    found = work_out(whole, ON_REQUEST)
    assert (len(found.samples), len(found.mistakes), len(found.feature_maps)) == (10, 24, 3)
    assert found.filters is not None
    assert (len(found.filters.pictures), found.filters.shape[0]) == (64, 96)
    assert 250_000 < len(json.dumps(found.to_dict())) < 400_000


def test_large_images_are_averaged_down() -> None:
    graph = large(72)
    test = images(12, side=72, classes=10)
    found = work_out(subject_of(graph, build_module(graph).eval(), test, classes=10), ON_REQUEST)
    picture = found.samples[0].picture
    assert (picture.height, picture.width) == (64, 64)
    mean = test.images[found.samples[0].index].double().mean()
    assert abs(float(rows_of(picture).double().mean()) - float(mean)) < 1
    sizes = {
        (one.height, one.width) for maps in found.feature_maps for layer in maps.layers for one in layer.maps
    }
    assert sizes == {(32, 32)}
    assert found.feature_maps[0].layers[0].shape == (96, 72, 72)
    for field in found.receptive_fields:
        assert (field.image, field.effective.height) == ((72, 72), 64)


def test_images_that_stay_in_their_files_give_the_same_as_in_memory(tmp_path: Path) -> None:
    test = images(12)
    for part in ("train", "test"):
        for place, (pixels, label) in enumerate(zip(test.images, test.labels.tolist(), strict=True)):
            folder = tmp_path / "pets" / part / f"class {label}"
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(folder / f"{place}.png")
    settings = DatasetSettings(name="image_folder", path="pets")
    graph, module, _ = twins()
    found = []
    for data in ("stream", "memory"):
        loaded = load_dataset(settings, data_root=tmp_path, data=data)
        assert isinstance(loaded.test, Images) == (data == "memory")
        indices = torch.arange(len(loaded.test))
        said = Predictions(torch.zeros(12).double(), indices % 4, torch.linspace(0, 1, 12), 4)
        normalization = measure_normalization(test.images)
        given = Subject(graph, module, loaded.test, normalization, loaded.class_names, said)
        found.append(work_out(given, ON_REQUEST))
    assert found[0] == found[1]
    assert len(found[0].samples) == 3
    assert found[0].warnings == ()
