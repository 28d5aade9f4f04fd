"""CIFAR-10 in its three forms; each is found, read without unpickling, and told apart."""

import io
import os
import pickle
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cnnbuild.data.cifar10 import CLASSES
from cnnbuild.data.cifar_batches import read_batch
from cnnbuild.data.load import load_dataset
from cnnbuild.errors import DataError
from cnnbuild.lang.dataset import DatasetSettings

CIFAR10 = DatasetSettings(name="cifar10")


def python2_pickle(pixels: np.ndarray, labels: list[int]) -> bytes:
    """What Python 2's cPickle wrote for {'labels': [...], 'data': array, 'filenames': [...]}, protocol 2."""

    def short(text: bytes) -> bytes:
        return b"U" + bytes((len(text),)) + text

    def numbers(values) -> bytes:
        return b"](" + b"".join(b"K" + bytes((value,)) for value in values) + b"e"

    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n"
        + b"cnumpy\nndarray\n"
        + b"K\x00\x85"
        + short(b"b")
        + b"\x87R"
    )
    dtype = b"cnumpy\ndtype\n" + short(b"u1") + b"K\x00K\x01\x87R"
    dtype += b"(K\x03" + short(b"|") + b"NNN" + b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    shape = b"M" + struct.pack("<H", pixels.shape[0]) + b"M" + struct.pack("<H", pixels.shape[1]) + b"\x86"
    content = b"T" + struct.pack("<i", pixels.size) + pixels.tobytes()
    array += b"(K\x01" + shape + dtype + b"\x89" + content + b"tb"
    names = b"](" + short(b"a.png") * len(labels) + b"e"
    entries = short(b"labels") + numbers(labels) + short(b"data") + array + short(b"filenames") + names
    return b"\x80\x02}(" + entries + short(b"batch_label") + short(b"batch 1 of 5") + b"u."


def pixels_of(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 3072), dtype=np.uint8)


def test_the_hand_made_batch_is_one_that_python_can_unpickle():
    pixels = pixels_of(3, 0)
    loaded = pickle.loads(python2_pickle(pixels, [1, 9, 0]), encoding="latin1")
    assert loaded["labels"] == [1, 9, 0]
    assert np.array_equal(loaded["data"], pixels)


@pytest.mark.parametrize("protocol", [None, 3, 4, 5])
def test_a_batch_is_read_from_every_kind_of_pickle(protocol):
    pixels, labels = pixels_of(3, 0), [1, 9, 0]
    if protocol is None:
        content = python2_pickle(pixels, labels)
    else:
        content = pickle.dumps({"labels": labels, "data": pixels, "filenames": ["a"] * 3}, protocol=protocol)
    batch = read_batch(content, "data_batch_1")
    assert batch.labels.tolist() == labels
    assert torch.equal(batch.images, torch.from_numpy(pixels.reshape(3, 3, 32, 32)))


def test_a_pickle_that_would_run_code_runs_none(tmp_path):
    class Harmful:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "harm",))

    with pytest.raises(DataError) as refused:
        read_batch(pickle.dumps({"labels": Harmful()}), "data_batch_1")
    assert str(refused.value).startswith("data_batch_1 is not a batch of CIFAR-10: 0 labels, ")
    assert not (tmp_path / "harm").exists()


def make_batches(root: Path) -> tuple[np.ndarray, np.ndarray]:
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    pixels = pixels_of(60, 1)
    for number in range(5):
        part = pixels[10 * number : 10 * number + 10]
        (folder / f"data_batch_{number + 1}").write_bytes(python2_pickle(part, list(range(10))))
    (folder / "test_batch").write_bytes(python2_pickle(pixels[50:], list(range(10))))
    return pixels[:50], pixels[50:]


def test_the_published_batches_are_read_from_the_folder_and_from_the_archive(tmp_path):
    train, test = make_batches(tmp_path / "folder")
    (tmp_path / "archive").mkdir()
    with tarfile.open(tmp_path / "archive" / "cifar-10-python.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "folder" / "cifar-10-batches-py", "cifar-10-batches-py")
    from_folder = load_dataset(CIFAR10, data_root=tmp_path / "folder")
    assert np.array_equal(from_folder.train.images.reshape(50, 3072).numpy(), train)
    assert np.array_equal(from_folder.test.images.reshape(10, 3072).numpy(), test)
    assert (from_folder.label, from_folder.class_names) == ("CIFAR-10", CLASSES)
    assert load_dataset(CIFAR10, data_root=tmp_path / "archive").fingerprint == from_folder.fingerprint


def make_image_folder(folder: Path, suffix: str) -> None:
    for part in ("train", "test"):
        for level, name in enumerate(CLASSES):
            (folder / part / name).mkdir(parents=True)
            for number in range(2):
                image = Image.new("RGB", (32, 32), (20 * level, 100 * number, 60))
                image.save(folder / part / name / f"{number:04}{suffix}")


def test_a_folder_and_an_archive_of_jpeg_images_are_the_same_data(tmp_path):
    make_image_folder(tmp_path / "folder" / "cifar10", ".jpg")
    (tmp_path / "archive").mkdir()
    with tarfile.open(tmp_path / "archive" / "cifar10-jpeg.tar.xz", "w:xz") as archive:
        archive.add(tmp_path / "folder" / "cifar10", "cifar10")
    folder = load_dataset(CIFAR10, data_root=tmp_path / "folder")
    archive = load_dataset(CIFAR10, data_root=tmp_path / "archive")
    assert folder.label == archive.label == "CIFAR-10 (JPEG)"
    assert folder.fingerprint == archive.fingerprint
    assert torch.equal(folder.train.images, archive.train.images)
    assert folder.train.labels.tolist() == [label for label in range(10) for _ in range(2)]
    # a plain colour survives JPEG up to rounding: class 3, image 1
    assert (folder.train.images[7].float().mean((1, 2)) - torch.tensor([60.0, 100, 60])).abs().max() < 3
    again = load_dataset(CIFAR10, data_root=tmp_path / "archive")
    assert torch.equal(again.test.images, archive.test.images)


def test_a_folder_of_lossless_images_does_not_call_itself_jpeg(tmp_path):
    make_image_folder(tmp_path / "cifar10", ".png")
    assert load_dataset(CIFAR10, data_root=tmp_path).label == "CIFAR-10"


def test_an_archive_cannot_write_anywhere(tmp_path):
    image = io.BytesIO()
    Image.new("RGB", (32, 32)).save(image, "JPEG")
    with tarfile.open(tmp_path / "cifar10-jpeg.tar.xz", "w:xz") as archive:
        for name in (
            "../escape.jpg",
            "/escape.jpg",
            "cifar10/train/cat/0000.jpg",
            "cifar10/test/cat/0000.jpg",
        ):
            member = tarfile.TarInfo(name)
            member.size = len(image.getvalue())
            archive.addfile(member, io.BytesIO(image.getvalue()))
    data = load_dataset(CIFAR10, data_root=tmp_path)
    assert (len(data.train), len(data.test)) == (1, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "cifar10-jpeg.tar.xz"]
    assert not (tmp_path.parent / "escape.jpg").exists()


def test_a_damaged_archive_is_named(tmp_path):
    archive = tmp_path / "cifar10-jpeg.tar.xz"
    archive.write_bytes(b"not an archive")
    with pytest.raises(DataError) as refused:
        load_dataset(CIFAR10, data_root=tmp_path)
    assert str(refused.value).startswith(f"{archive} is damaged: ")


def test_the_real_archive_has_all_images(users_cache):
    root = os.environ.get("CNNBUILD_DATA")
    if root is None or not (Path(root) / "cifar10-jpeg.tar.xz").is_file():
        pytest.skip("CNNBUILD_DATA names no folder with cifar10-jpeg.tar.xz")
    cifar10 = load_dataset(CIFAR10, data_root=None)
    assert cifar10.train.labels.bincount().tolist() == [5000] * 10
    assert cifar10.test.labels.bincount().tolist() == [1000] * 10
    assert cifar10.label == "CIFAR-10 (JPEG)"
    # the published means of the training part, in units of 255
    means = cifar10.train.images.float().mean((0, 2, 3)) / 255
    torch.testing.assert_close(means, torch.tensor([0.4914, 0.4822, 0.4465]), atol=2e-3, rtol=0)
