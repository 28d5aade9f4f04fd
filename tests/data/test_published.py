"""Every downloadable data set, from a hand-made copy of its files on a server of this machine."""

import gzip
import hashlib
import io
import pickle
import struct
import tarfile

import numpy as np
import pytest
import torchvision
from scipy.io import savemat

from cnnbuild.data.catalogue import MNIST_FILES as FILES
from cnnbuild.data.load import load_dataset
from cnnbuild.errors import DataError
from cnnbuild.graph.data_contract import contract_of, train_images_of
from cnnbuild.lang.dataset import DATASET_NAMES, DatasetSettings
from tests.data.server import serving


@pytest.fixture
def site():
    with serving() as site:
        yield site


def md5(content):
    return hashlib.md5(content).hexdigest()


def load(name, root):
    return load_dataset(DatasetSettings(name=name), data_root=root)


def random_bytes(shape, seed):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def idx(values):
    return bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


def publish(monkeypatch, site, owner, **attributes):
    for name, value in attributes.items():
        monkeypatch.setattr(owner, name, value)


FAMILY = [
    ("mnist", "MNIST", "MNIST", "9"),
    ("fashion_mnist", "FashionMNIST", "Fashion-MNIST", "ankle boot"),
    ("kmnist", "KMNIST", "Kuzushiji-MNIST", "wo"),
]


@pytest.mark.parametrize(("name", "made", "title", "last"), FAMILY)
def test_the_mnist_family_is_downloaded_from_the_second_mirror_too(
    site, tmp_path, monkeypatch, name, made, title, last
):
    pixels = {FILES[0]: random_bytes((3, 28, 28), 0), FILES[2]: random_bytes((2, 28, 28), 1)}
    labels = {FILES[1]: np.array([4, 0, 9], np.uint8), FILES[3]: np.array([9, 1], np.uint8)}
    for file, values in (pixels | labels).items():
        site.files[f"here/{file}.gz"] = gzip.compress(idx(values), mtime=0)
    resources = [(f"{file}.gz", md5(site.files[f"here/{file}.gz"])) for file in FILES]
    owner = getattr(torchvision.datasets, made)
    publish(
        monkeypatch,
        site,
        owner,
        resources=resources,
        mirrors=[f"{site.address}gone/", f"{site.address}here/"],
    )
    data = load(name, tmp_path)
    assert np.array_equal(data.train.images[:, 0].numpy(), pixels[FILES[0]])
    assert np.array_equal(data.test.images[:, 0].numpy(), pixels[FILES[2]])
    assert (data.train.labels.tolist(), data.test.labels.tolist()) == ([4, 0, 9], [9, 1])
    assert (data.label, data.class_names[9], data.fingerprint.split("-")[0]) == (title, last, name)
    assert data.where == tmp_path / made / "raw"
    # torchvision itself reads the folder too, without another download
    site.files.clear()
    reference = owner(tmp_path, train=False, download=True)
    assert np.array_equal(reference.data.numpy(), pixels[FILES[2]])
    assert load(name, tmp_path).fingerprint == data.fingerprint


@pytest.mark.parametrize(("name", "made", "title", "last"), FAMILY)
def test_the_classes_are_those_that_torchvision_names(name, made, title, last):
    from cnnbuild.data.mnist import _FAMILIES

    theirs = [word.split(" - ")[0].lower() for word in getattr(torchvision.datasets, made).classes]
    assert [word.lower() for word in _FAMILIES[name].class_names] == theirs


def test_labels_beyond_the_classes_and_parts_of_other_length_are_refused(tmp_path):
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for file in (FILES[0], FILES[2]):
        (raw / file).write_bytes(idx(random_bytes((2, 28, 28), 0)))
    for file in (FILES[1], FILES[3]):
        (raw / file).write_bytes(idx(np.array([1, 10], np.uint8)))
    with pytest.raises(DataError) as refused:
        load("mnist", tmp_path)
    assert str(refused.value) == f"{raw / FILES[1]} holds a label of 10; expected 0 to 9"
    (raw / FILES[1]).write_bytes(idx(np.array([1, 2, 3], np.uint8)))
    with pytest.raises(DataError) as refused:
        load("mnist", tmp_path)
    assert str(refused.value) == f"{raw}: 2 images and 3 labels do not belong together"


def cifar100_archive(pixels, labels, names):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        parts = {
            "train": {"filenames": ["a"] * 4, "fine_labels": labels[:4], "coarse_labels": [7] * 4, "data": pixels[:4]},
            "test": {"filenames": ["b"] * 2, "fine_labels": labels[4:], "coarse_labels": [3] * 2, "data": pixels[4:]},
            "meta": {"fine_label_names": names, "coarse_label_names": ["animals", "plants"]},
        }  # fmt: skip
        for part, value in parts.items():
            told = pickle.dumps(value, protocol=2)
            member = tarfile.TarInfo(f"cifar-100-python/{part}")
            member.size = len(told)
            archive.addfile(member, io.BytesIO(told))
    return content.getvalue()


def test_cifar100_has_its_fine_classes_from_the_archive_and_from_the_folder(site, tmp_path, monkeypatch):
    pixels, labels = random_bytes((6, 3072), 3), [99, 0, 5, 10, 42, 99]
    names = [f"kind {number}" for number in range(100)]
    site.files["cifar-100-python.tar.gz"] = archive = cifar100_archive(pixels, labels, names)
    publish(
        monkeypatch,
        site,
        torchvision.datasets.CIFAR100,
        url=f"{site.address}cifar-100-python.tar.gz",
        tgz_md5=md5(archive),
    )
    data = load("cifar100", tmp_path)
    assert np.array_equal(data.train.images.reshape(4, 3072).numpy(), pixels[:4])
    assert (data.train.labels.tolist(), data.test.labels.tolist()) == ([99, 0, 5, 10], [42, 99])
    assert (data.label, data.class_names) == ("CIFAR-100", tuple(names))
    with tarfile.open(tmp_path / "cifar-100-python.tar.gz") as packed:
        packed.extractall(tmp_path, filter="data")
    (tmp_path / "cifar-100-python.tar.gz").unlink()
    from_folder = load("cifar100", tmp_path)
    assert from_folder.fingerprint == data.fingerprint
    (tmp_path / "cifar-100-python" / "meta").write_bytes(pickle.dumps({"fine_label_names": names[:-1]}))
    with pytest.raises(DataError) as refused:
        load("cifar100", tmp_path)
    assert str(refused.value) == "meta holds 99 names of classes; expected 100"


def mat_file(pixels, labels):
    content = io.BytesIO()
    savemat(content, {"X": pixels.transpose(2, 3, 1, 0), "y": np.array(labels, np.uint8)[:, None]})
    return content.getvalue()


def test_svhn_is_read_as_torchvision_reads_it(site, tmp_path, monkeypatch):
    train, test = random_bytes((4, 3, 32, 32), 5), random_bytes((2, 3, 32, 32), 6)
    site.files |= {
        "train_32x32.mat": mat_file(train, [10, 1, 9, 5]),
        "test_32x32.mat": mat_file(test, [10, 2]),
    }
    listed = {
        part: [f"{site.address}{part}_32x32.mat", f"{part}_32x32.mat", md5(site.files[f"{part}_32x32.mat"])]
        for part in ("train", "test")
    }
    publish(monkeypatch, site, torchvision.datasets.SVHN, split_list=listed)
    data = load("svhn", tmp_path)
    for part, split in ((data.train, "train"), (data.test, "test")):
        reference = torchvision.datasets.SVHN(tmp_path, split=split)
        assert np.array_equal(part.images.numpy(), reference.data)
        assert part.labels.tolist() == reference.labels.tolist()
    assert data.train.labels.tolist() == [0, 1, 9, 5]  # the files say 10 for the digit 0
    assert (data.label, data.warnings[:1]) == ("SVHN", ("no training images of 2, 3, 4 and 3 other classes",))


@pytest.mark.parametrize(
    "damage", ["cut off", "flipped", "no file of MATLAB", "other arrays", "a label too many"]
)
def test_a_damaged_svhn_file_is_named(tmp_path, damage):
    good = mat_file(random_bytes((2, 3, 32, 32), 6), [10, 2])
    compressed = io.BytesIO()
    savemat(
        compressed, {"X": random_bytes((32, 32, 3, 2), 6), "y": np.array([[1], [2]])}, do_compression=True
    )
    contents = {
        "cut off": good[: len(good) // 2],
        "flipped": compressed.getvalue()[:200] + bytes(compressed.getvalue()[200:400][::-1]) + compressed.getvalue()[400:],
        "no file of MATLAB": b"<html>not found</html>" * 20,
        "other arrays": mat_file(random_bytes((2, 3, 16, 16), 6), [10, 2]),
        "a label too many": mat_file(random_bytes((2, 3, 32, 32), 6), [10, 2, 1]),
    }  # fmt: skip
    for name in ("train_32x32.mat", "test_32x32.mat"):
        (tmp_path / name).write_bytes(contents[damage])
    with pytest.raises(DataError) as refused:
        load("svhn", tmp_path)
    assert str(refused.value).startswith(f"{tmp_path / 'train_32x32.mat'}")
    assert str(refused.value).endswith("; delete it, and it will be downloaded again")


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("mnist", f"place {', '.join(FILES)} (or the same with .gz) in {{root}}/MNIST/raw"),
        ("fashion_mnist", f"place {', '.join(FILES)} (or the same with .gz) in {{root}}/FashionMNIST/raw"),
        ("kmnist", f"place {', '.join(FILES)} (or the same with .gz) in {{root}}/KMNIST/raw"),
        ("cifar10", "place cifar-10-python.tar.gz, cifar10/{{train,test}}/<class>/ or cifar10-jpeg.tar.xz in {root}"),
        ("cifar100", "place cifar-100-python.tar.gz or the folder cifar-100-python in {root}"),
        ("svhn", "place train_32x32.mat and test_32x32.mat in {root}"),
    ],
)  # fmt: skip
def test_a_failed_download_says_what_to_place_where(site, tmp_path, monkeypatch, name, wanted):
    made = torchvision.datasets
    for owner in (made.MNIST, made.FashionMNIST, made.KMNIST):
        monkeypatch.setattr(owner, "mirrors", [site.address])
    for owner in (made.CIFAR10, made.CIFAR100):
        monkeypatch.setattr(owner, "url", f"{site.address}none")
    monkeypatch.setattr(made.SVHN, "split_list", {part: [site.address, f"{part}_32x32.mat", ""] for part in ("train", "test")})  # fmt: skip
    with pytest.raises(DataError) as refused:
        load(name, tmp_path)
    first, second = str(refused.value).split("\n")
    assert first.endswith(" could not be downloaded: HTTP Error 404: Not Found")
    assert second == f"{wanted.format(root=tmp_path)}, or use --dataset digits"


def test_every_name_has_a_contract_and_a_size():
    named = [name for name in DATASET_NAMES if name != "image_folder"]
    assert len(named) == 8
    shapes = {name: contract_of(DatasetSettings(name=name), data_root=None) for name in named}
    assert (shapes["cifar100"].shape, shapes["cifar100"].classes) == ((3, 32, 32), 100)
    assert (shapes["svhn"].shape, shapes["kmnist"].shape) == ((3, 32, 32), (1, 28, 28))
    assert all(train_images_of(DatasetSettings(name=name)) for name in named)
