"""Every shipped network, written out, run where cnnbuild cannot be imported, and compared with the built module."""

from __future__ import annotations

import pytest

from tests.source_code.exported import every_network, exported, faults_of_a_stranger
from tests.source_code.linting import ruff_faults

SAMPLE = (
    "simple_cnn.yaml",
    "residual_cnn.yaml",
    "inception.yaml",
    "recursive_cnn.yaml",
    "attention.yaml@cbam",
    "custom_layers.yaml@swish",
    "zoo/unet_like.yaml",
    "zoo/resnet_cifar.yaml@resnet20",
    "zoo/mobilenet_v2.yaml@cifar",
)
MOST_PARAMETERS = 150_000_000  # of a network that is trained here for a step


@pytest.fixture(scope="module")
def sample():
    return [exported(name) for name in SAMPLE]


def test_a_stranger_gets_the_same_network_to_the_bit(sample, tmp_path):
    told = faults_of_a_stranger(tmp_path, sample)
    assert told == {name: [] for name in SAMPLE}


def test_the_files_are_formatted_and_without_fault(sample, tmp_path):
    for number, network in enumerate(sample):
        (tmp_path / f"network_{number}.py").write_text(network.source, encoding="utf-8")
    assert ruff_faults(tmp_path) == ""


def test_a_fault_of_a_file_is_found(tmp_path):
    (tmp_path / "network.py").write_text('"""A file."""\n\nimport os\nx=1\n', encoding="utf-8")
    told = ruff_faults(tmp_path)
    assert "F401" in told
    assert "+x = 1" in told


def test_there_is_nothing_of_cnnbuild_in_a_file(sample):
    for network in sample:
        lines = [line for line in network.source.splitlines() if "import" in line and "cnnbuild" in line]
        assert lines == []


def test_every_network_is_found():
    assert len(every_network()) >= 40
    assert set(SAMPLE) <= set(every_network())


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", every_network())
def test_any_network_is_the_same_to_the_bit_and_formatted(name, tmp_path):
    network = exported(name)
    told = {name: []}
    if network.graph.parameters <= MOST_PARAMETERS:
        told = faults_of_a_stranger(tmp_path, [network])
    else:
        (tmp_path / "network_0.py").write_text(network.source, encoding="utf-8")
    assert told == {name: []}
    assert ruff_faults(tmp_path) == ""
