"""Effective receptive fields of a trained network's stages against gradients of the same network by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cnnbuild.analyses.kept import Picture, ReceptiveField
from cnnbuild.analyses.work_out import work_out
from cnnbuild.modules.build import build_module
from tests.analyses.twins import Twin, images, network, normalised, subject_of, twins

ONE_CHANNEL = """\
cnnbuild: 1
name: n
layers:
  - conv: {out_channels: 6, kernel_size: 3, padding: 1}
  - relu
  - max_pool: 2
  - conv: {out_channels: 1, kernel_size: 3, padding: 1}
  - flatten
  - linear: $data.classes
"""


def map_of(picture: Picture) -> np.ndarray:
    """The numbers that a grey picture stands for."""
    values = np.frombuffer(picture.data, np.uint8).reshape(picture.height, picture.width)
    return picture.low + values / 255 * (picture.high - picture.low)


def energy_by_loops(output: Tensor, image: Tensor) -> np.ndarray:
    """The squared derivatives of the output (C,) by each pixel, summed channel by channel, as shares."""
    energy = np.zeros(image.shape[2:])
    for channel in range(len(output)):
        (gradient,) = torch.autograd.grad(output[channel], image, retain_graph=True)
        for plane in gradient[0].double().numpy():
            for row in range(plane.shape[0]):
                for column in range(plane.shape[1]):
                    energy[row, column] += plane[row, column] ** 2
    return energy / energy.sum()


def late_of(by_hand: Twin, image: Tensor) -> Tensor:
    """What the central output of the hand-written network's last map is made of (C,)."""
    seen: list[Tensor] = []
    handle = by_hand.after_block.register_forward_hook(lambda _part, _taken, given: seen.append(given))
    by_hand(image)
    handle.remove()
    return seen[0][0, :, 1, 1]  # of 3 by 3


def sides_by_loops(energy: np.ndarray, field: ReceptiveField, share: float) -> int:
    """The side of the smallest box around the field's middle that holds a share, a pixel more at a time."""
    assert field.box is not None
    top, left, height, width = field.box
    assert height == width
    middle = (top + (height - 1) / 2, left + (width - 1) / 2)
    for side in range(1, 100):
        reach = (side - 1) / 2
        held = sum(
            energy[row, column]
            for row in range(energy.shape[0])
            for column in range(energy.shape[1])
            if max(abs(row - middle[0]), abs(column - middle[1])) <= reach
        )
        if held >= share - 1e-6:
            return side
    raise AssertionError


def test_of_one_channel_the_field_is_the_gradient_of_a_plain_network() -> None:
    graph = network(3, ONE_CHANNEL)
    torch.manual_seed(3)
    module = build_module(graph).eval()
    by_hand = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 1, 3, padding=1)
    )
    values = list(module.state_dict().values())
    by_hand.load_state_dict(dict(zip(by_hand.state_dict(), values[:4], strict=True)))
    test = images()
    found = work_out(subject_of(graph, module, test), ["receptive_field"])
    field = found.receptive_fields[-1]
    energies = []
    for sample in found.samples:
        image = normalised(test)[sample.index :][:1].requires_grad_()
        energies.append(energy_by_loops(by_hand(image)[0, :, 3, 3], image))
    energy = np.mean(energies, axis=0)
    assert field.images == len(found.samples) == 4
    expected = np.sqrt(energy) / np.sqrt(energy.max())
    assert np.abs(map_of(field.effective) - expected).max() <= 0.5 / 255 + 1e-6
    assert (field.node, field.size, field.image) == ("conv_2", (8, 8), (12, 12))
    assert field.box == (
        3,
        3,
        8,
        8,
    )  # output 3 sees outputs 2 to 4 of the pool, pixels 4 to 9, and one around
    assert field.larger_sides == (sides_by_loops(energy, field, 0.95),) * 2
    assert field.smaller_sides == (sides_by_loops(energy, field, 0.68),) * 2


def test_of_many_channels_the_field_is_the_sum_over_them_as_near_as_random_signs_come() -> None:
    graph, module, by_hand = twins()
    test = images()
    found = work_out(subject_of(graph, module, test), ["receptive_field"])
    field = found.receptive_fields[-1]
    energies = []
    for sample in found.samples:
        image = normalised(test)[sample.index :][:1].requires_grad_()
        energies.append(energy_by_loops(late_of(by_hand, image), image))
    energy = np.mean(energies, axis=0)
    measured = map_of(field.effective) ** 2
    measured /= measured.sum()
    assert np.abs(measured - energy).sum() < 0.3  # of 2 at most, by 16 draws of signs
    others = [np.roll(energy, shift, axis) for shift in (-1, 1) for axis in (0, 1)]
    assert all(np.abs(measured - other).sum() > 0.4 for other in others)  # a pixel beside is told apart
    assert field.larger_sides is not None
    assert abs(field.larger_sides[0] - sides_by_loops(energy, field, 0.95)) <= 2
    outside = np.ones_like(energy, dtype=bool)
    assert field.box is not None
    top, left, height, width = field.box
    outside[max(top, 0) : top + height, max(left, 0) : left + width] = False
    assert map_of(field.effective)[outside].sum() == 0


def test_a_node_that_nothing_reaches_has_an_empty_map_and_no_boxes() -> None:
    graph = network(3, ONE_CHANNEL)
    module = build_module(graph).eval()
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    found = work_out(subject_of(graph, module, images()), ["receptive_field"])
    field = found.receptive_fields[-1]
    assert (field.larger_sides, field.smaller_sides, map_of(field.effective).max()) == (None, None, 0)


@pytest.mark.parametrize(("macs", "count"), [(10**6, 4), (10**9, 2), (10**10, 1)])
def test_of_a_large_network_fewer_images_are_taken(
    macs: int, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = network(3, ONE_CHANNEL)
    monkeypatch.setitem(graph.__dict__, "macs", macs)
    found = work_out(subject_of(graph, build_module(graph).eval(), images()), ["receptive_field"])
    assert [field.images for field in found.receptive_fields] == [count] * len(found.receptive_fields)
