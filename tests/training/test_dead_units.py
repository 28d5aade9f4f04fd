"""Dead units that were planted are found, and none where there is none."""

import pytest
import torch
from torch import nn

from cnnbuild.data.batches import BatchSource, Normalization
from cnnbuild.data.dataset import Images
from cnnbuild.training.dead_units import DeadUnitProbe, activations_of, evenly_spread, probe_size
from cnnbuild.training.observations import ActivationLayer

COUNT = 250  # more than one forward pass


def probe_of(network, *, channels_last=False, count=COUNT):
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (count, 1, 6, 6), dtype=torch.uint8, generator=generator)
    normalization = Normalization(torch.full((1,), 127.5), torch.full((1,), 74.0))
    labels = torch.zeros(count, dtype=torch.long)
    source = BatchSource(
        Images(pixels, labels), normalization, torch.device("cpu"), channels_last=channels_last
    )
    return DeadUnitProbe(network, source, torch.arange(count))


def network_of(activation):
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 8, 3), activation, nn.Flatten(), nn.Linear(128, 10), nn.ReLU())


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("inplace", [False, True])
def test_planted_dead_units_are_found(channels_last, inplace):
    network = network_of(nn.ReLU(inplace=inplace))
    with torch.no_grad():
        network[0].bias[[1, 4, 6]] = -1e3
        network[3].bias[2] = -1e3
    probe = probe_of(network, channels_last=channels_last)
    found = probe.measure()
    assert probe.layers == (ActivationLayer("1", "ReLU", 8), ActivationLayer("4", "ReLU", 10))
    assert found.images == COUNT
    assert found.dead == (3 / 8, 1 / 10)
    assert 3 / 8 < found.zeros[0] < 1


def test_a_healthy_network_has_none():
    network = network_of(nn.ReLU())
    with torch.no_grad():
        network[0].bias.fill_(100)
        network[3].weight.abs_()
    assert probe_of(network).measure().dead == (0, 0)
    assert probe_of(network).measure().zeros == (0, 0)


def test_a_unit_that_one_image_wakes_is_not_dead():
    network = nn.Sequential(nn.Flatten(), nn.Linear(36, 2), nn.ReLU())
    probe = probe_of(network)
    inputs = probe._source.batch(torch.arange(COUNT))[0].flatten(1)
    with torch.no_grad():
        network[1].weight.copy_(torch.stack([inputs[-1], inputs[-1]]))
        largest = (inputs @ inputs[-1]).sort().values
        assert largest[-1] == inputs[-1] @ inputs[-1]  # the last image is nearest to itself
        network[1].bias.copy_(torch.stack([-(largest[-1] + largest[-2]) / 2, -largest[-1] - 1]))
    found = probe.measure()
    assert found.dead == (0.5,)
    assert found.zeros == (pytest.approx(1 - 1 / (2 * COUNT), abs=1e-6),)


def test_a_leaky_relu_is_never_dead():
    network = network_of(nn.LeakyReLU())
    with torch.no_grad():
        network[0].bias.fill_(-1e3)
    assert probe_of(network).measure().dead[0] == 0


def test_an_activation_that_is_applied_twice_is_dead_only_if_it_is_both_times():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.relu = nn.ReLU()
            self.never_used = nn.ReLU()

        def forward(self, images):
            flat = images.flatten(1)
            return self.relu(-(flat**2) - 1) + self.relu(flat**2 + 1)

    probe = probe_of(Twice())
    assert (probe.measure().dead, probe.measure().zeros) == ((0,), (0.5,))
    assert [layer.name for layer in probe.layers] == ["relu"]


def test_an_activation_of_several_widths_is_told_apart():
    class Bottleneck(nn.Module):
        def __init__(self):
            super().__init__()
            self.narrow, self.wide, self.relu = nn.Linear(36, 4), nn.Linear(4, 8), nn.ReLU()

        def forward(self, images):
            return self.relu(self.wide(self.relu(self.narrow(images.flatten(1)))))

    network = Bottleneck()
    with torch.no_grad():
        network.narrow.bias.copy_(torch.tensor([-1e3, 1e3, 1e3, 1e3]))
        network.wide.weight.abs_()
        network.wide.bias[:2] = -1e6
    probe = probe_of(network)
    assert probe.measure().dead == (1 / 4, 2 / 8)
    assert probe.layers == (ActivationLayer("relu", "ReLU", 4), ActivationLayer("relu", "ReLU", 8))


def test_the_module_is_as_before():
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5)).train()
    network[1].eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    state = torch.get_rng_state()
    probe_of(network).measure()
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert [layer.training for layer in network] == [True, False, True, True]
    assert not network[2]._forward_hooks
    with pytest.raises(RuntimeError, match="expected input"):
        probe_of(nn.Sequential(nn.ReLU(), nn.Conv2d(7, 1, 1))).measure()


def test_activations_are_known_by_their_class_and_its_ancestors():
    class OwnReLU(nn.ReLU):
        pass

    class ClampedReLU(nn.Module):
        pass

    network = nn.Sequential(
        nn.ReLU6(), OwnReLU(), nn.Sigmoid(), nn.Softmax(1), nn.Linear(1, 1), ClampedReLU()
    )
    assert list(activations_of(network)) == ["0", "1", "5"]


def test_a_network_without_activations_has_nothing_to_watch():
    assert probe_of(nn.Flatten()).measure() is None


@pytest.mark.parametrize(
    ("images", "shown"), [(1, 1), (20, 20), (1294, 20), (12_800, 100), (54_000, 421), (10**6, 500)]
)
def test_larger_sets_show_more_images(images, shown):
    assert probe_size(images) == shown


def test_images_are_spread_evenly():
    assert evenly_spread(torch.arange(100, 110), 4).tolist() == [100, 102, 105, 107]
    assert evenly_spread(torch.arange(3), 9).tolist() == [0, 1, 2]
