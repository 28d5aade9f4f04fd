"""MNIST's files: read like torchvision reads them, and helpful where they are missing or damaged."""

import gzip
import os
import struct
from pathlib import Path

import pytest
import torch
import torchvision

from cnnbuild.data.catalogue import MNIST_FILES as FILES
from cnnbuild.data.load import load_dataset
from cnnbuild.errors import DataError
from cnnbuild.lang.dataset import DatasetSettings

MNIST = DatasetSettings(name="mnist")


def idx(shape, values):
    return bytes((0, 0, 8, len(shape))) + struct.pack(f">{len(shape)}I", *shape) + bytes(values)


def make_files(root: Path) -> Path:
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for images, labels, first in ((FILES[0], FILES[1], 1), (FILES[2], FILES[3], 2)):
        (raw / images).write_bytes(idx((2, 28, 28), [first] * 784 + [200] * 784))
        (raw / labels).write_bytes(idx((2,), [3, 7]))
    return raw


def test_the_files_are_read_by_their_format(tmp_path):
    raw = make_files(tmp_path)
    mnist = load_dataset(MNIST, data_root=tmp_path)
    assert mnist.train.images.shape == (2, 1, 28, 28)
    assert mnist.train.images.amax((1, 2, 3)).tolist() == [1, 200]
    assert mnist.test.images.amin((1, 2, 3)).tolist() == [2, 200]
    assert mnist.train.labels.tolist() == [3, 7]
    plain = raw / FILES[0]
    (raw / f"{FILES[0]}.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    assert load_dataset(MNIST, data_root=tmp_path).fingerprint == mnist.fingerprint


def test_a_file_that_is_cut_off_is_named(tmp_path):
    raw = make_files(tmp_path)
    damaged = raw / FILES[2]
    damaged.write_bytes(damaged.read_bytes()[:-1])
    with pytest.raises(DataError) as refused:
        load_dataset(MNIST, data_root=tmp_path)
    assert (
        str(refused.value) == f"{damaged} is cut off or damaged; delete it, and it will be downloaded again"
    )
    damaged.write_bytes(b"<html>")
    with pytest.raises(DataError) as refused:
        load_dataset(MNIST, data_root=tmp_path)
    assert str(refused.value) == (
        f"{damaged} is not an IDX file of bytes; delete it, and it will be downloaded again"
    )


def test_the_real_files_are_read_as_torchvision_reads_them():
    root = os.environ.get("CNNBUILD_DATA")
    if root is None or not (Path(root) / "MNIST" / "raw").is_dir():
        pytest.skip("CNNBUILD_DATA names no folder with MNIST")
    mnist = load_dataset(MNIST, data_root=None)
    for part, train in ((mnist.train, True), (mnist.test, False)):
        reference = torchvision.datasets.MNIST(root, train=train)
        assert torch.equal(part.images[:, 0], reference.data)
        assert torch.equal(part.labels, reference.targets)
    assert (len(mnist.train), len(mnist.test), mnist.label) == (60000, 10000, "MNIST")


@pytest.mark.parametrize("kind", ["cut off", "flipped bits", "no gzip"])
def test_a_damaged_gzip_file_is_named(tmp_path, kind):
    raw = make_files(tmp_path)
    damaged = raw / f"{FILES[0]}.gz"
    whole = gzip.compress((raw / FILES[0]).read_bytes())
    (raw / FILES[0]).unlink()
    content = {
        "cut off": whole[: len(whole) // 2],
        "flipped bits": whole[:10] + bytes(byte ^ 255 for byte in whole[10:]),
        "no gzip": b"<html>",
    }
    damaged.write_bytes(content[kind])
    with pytest.raises(DataError) as refused:
        load_dataset(MNIST, data_root=tmp_path)
    assert str(refused.value).startswith(f"{damaged} is damaged (")
    assert str(refused.value).endswith("); delete it, and it will be downloaded again")
