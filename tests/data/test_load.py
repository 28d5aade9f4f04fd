"""Every data set that needs no download, the options, and the image folder."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn import datasets

from cnnbuild.data.load import load_dataset
from cnnbuild.data.resizing import resize
from cnnbuild.errors import DataError
from cnnbuild.graph.data_contract import train_images_of
from cnnbuild.lang.dataset import DatasetSettings


def load(root=None, **settings):
    return load_dataset(DatasetSettings(**settings), data_root=root)


def test_digits_are_scikit_learns_with_a_fifth_of_each_class_for_the_test():
    digits = load(name="digits")
    assert (len(digits.train), len(digits.test)) == (1438, 359)
    assert (digits.label, digits.contract.shape, digits.class_names[9]) == ("digits", (1, 8, 8), "9")
    published = datasets.load_digits()
    counts = np.bincount(published.target)
    assert (digits.train.labels.bincount() + digits.test.labels.bincount()).tolist() == counts.tolist()
    assert all(
        abs(n - c / 5) < 1 for n, c in zip(digits.test.labels.bincount().tolist(), counts, strict=True)
    )
    # the same pictures, only in another order: 16 became 255, 8 became 128 (127.5 to even)
    scaled = np.round(published.images * 255 / 16).astype(np.uint8).reshape(-1, 64)
    loaded = torch.cat([digits.train.images, digits.test.images]).reshape(-1, 64).numpy()
    assert sorted(map(bytes, loaded)) == sorted(map(bytes, scaled))


def test_the_same_data_has_the_same_fingerprint_and_other_data_another():
    assert load(name="digits").fingerprint == load(name="digits").fingerprint
    assert load(name="digits").fingerprint.startswith("digits-")
    assert load(name="digits").fingerprint != load(name="synthetic").fingerprint


def test_a_subset_is_stratified_and_leaves_the_test_part_alone():
    whole, part = load(name="synthetic"), load(name="synthetic", train_images=50)
    assert part.train.labels.bincount().tolist() == [5] * 10
    assert torch.equal(part.test.images, whole.test.images)
    assert part.label == "synthetic images, 50 training images"
    assert part.settings == {"name": "synthetic", "train_images": 50}


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (2000, "synthetic images has 1,000 training images, fewer than train_images: 2000"),
        (9, "train_images: 9 is fewer than the 10 classes"),
    ],
)
def test_a_subset_that_cannot_be_is_refused(count, message):
    with pytest.raises(DataError) as refused:
        load(name="synthetic", train_images=count)
    assert str(refused.value) == message


def test_resizing_keeps_flat_areas_and_averages_the_rest():
    flat = torch.full((1, 1, 8, 8), 77, dtype=torch.uint8)
    assert resize(flat, 4).unique().tolist() == [77]
    assert load(name="digits", size=16).train.images.shape == (1438, 1, 16, 16)
    assert load(name="digits", size=16).contract.shape == (1, 16, 16)
    halves = torch.cat([torch.zeros(1, 1, 8, 4), torch.full((1, 1, 8, 4), 255)], dim=3).to(torch.uint8)
    row = resize(halves, 2)[0, 0, 0].tolist()
    assert row[0] < 64 < 191 < row[1]
    assert row[0] + row[1] == 255  # the picture is its own mirror image, inverted


def make_folder(folder: Path, *, sizes=((6, 6),), classes=("cat", "dog"), parts=("train", "test")) -> None:
    for part in parts:
        for level, name in enumerate(classes):
            (folder / part / name).mkdir(parents=True)
            for number, size in enumerate(sizes):
                Image.new("RGB", size, (100 * level, number, 50)).save(folder / part / name / f"{number}.png")


def test_an_image_folder_is_read_in_the_order_of_names_and_once_only(tmp_path, monkeypatch):
    make_folder(tmp_path / "pets", sizes=((6, 6), (6, 6)))
    first = load(tmp_path, name="image_folder", path="pets")
    assert first.class_names == ("cat", "dog")
    assert first.train.images[:, :, 0, 0].tolist() == [[0, 0, 50], [0, 1, 50], [100, 0, 50], [100, 1, 50]]
    assert first.train.labels.tolist() == [0, 0, 1, 1]
    assert first.contract.shape == (3, 6, 6)

    def never(*args, **kwargs):
        raise AssertionError("decoded again")

    with monkeypatch.context() as patched:
        patched.setattr("cnnbuild.data.image_files.decode_noted", never)
        second = load(tmp_path, name="image_folder", path="pets")
    assert torch.equal(first.train.images, second.train.images)
    assert first.fingerprint == second.fingerprint
    Image.new("RGB", (6, 6), (9, 9, 9)).save(tmp_path / "pets" / "train" / "cat" / "2.png")
    third = load(tmp_path, name="image_folder", path="pets")
    assert (len(third.train), third.fingerprint == first.fingerprint) == (5, False)


def test_images_of_different_size_need_a_size(tmp_path):
    make_folder(tmp_path / "pets", sizes=((6, 6), (8, 4)))  # Pillow's sizes: width, height
    with pytest.raises(DataError) as refused:
        load(tmp_path, name="image_folder", path="pets")
    assert str(refused.value) == (
        f"{tmp_path / 'pets' / 'train'}: the images differ in size (4x8 and 6x6); give a `size`"
    )
    assert load(tmp_path, name="image_folder", path="pets", size=4).train.images.shape == (4, 3, 4, 4)


def test_a_folder_whose_parts_have_other_classes_is_refused(tmp_path):
    make_folder(tmp_path / "pets", parts=("train",))
    make_folder(tmp_path / "pets", parts=("test",), classes=("cat", "eel"))
    with pytest.raises(DataError) as refused:
        load(tmp_path, name="image_folder", path="pets")
    assert (
        str(refused.value) == f"{tmp_path / 'pets'}: train/ and test/ do not have the same classes (dog, eel)"
    )


def test_a_damaged_cache_says_what_to_delete(tmp_path):
    make_folder(tmp_path / "pets")
    load(tmp_path, name="image_folder", path="pets")
    (kept,) = (tmp_path / "cache").glob("*.npz")
    kept.write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(DataError) as refused:
        load(tmp_path, name="image_folder", path="pets")
    assert str(refused.value).startswith(f"{kept} is damaged (")
    assert str(refused.value).endswith("); delete it, and the images are decoded again")


def test_a_cache_that_cannot_be_written_says_where_another_may_be(tmp_path, monkeypatch):
    make_folder(tmp_path / "pets")
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("CNNBUILD_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError) as refused:
        load(tmp_path, name="image_folder", path="pets")
    assert "decoded images cannot be kept here" in str(refused.value)
    assert str(refused.value).endswith("set CNNBUILD_CACHE to a folder with space")


def test_grey_values_of_16_bits_are_scaled(tmp_path):
    make_folder(tmp_path / "pets")
    for part in ("train", "test"):
        for name in ("cat", "dog"):
            file = tmp_path / "pets" / part / name / "0.png"
            Image.fromarray(np.array([[0, 257], [32896, 65535]], dtype=np.uint16)).save(file)
    found = load(tmp_path, name="image_folder", path="pets")
    assert found.train.images[0].tolist() == [[[0, 1], [128, 255]]]


def test_grey_values_of_unknown_range_are_refused(tmp_path):
    make_folder(tmp_path / "pets")
    file = tmp_path / "pets" / "train" / "cat" / "1.tif"
    Image.fromarray(np.zeros((6, 6), dtype=np.float32)).save(file)
    with pytest.raises(DataError) as refused:
        load(tmp_path, name="image_folder", path="pets")
    assert str(refused.value) == (
        f"{file}: grey values of 32 bits have no known range; save the image with 8 or 16 bits"
    )


@pytest.mark.parametrize("data", ["memory", "stream"])
def test_files_that_cannot_be_used_are_named_together(tmp_path, data):
    make_folder(tmp_path / "pets", sizes=((6, 6),) * 8)
    settings = DatasetSettings(name="image_folder", path="pets")
    files = sorted((tmp_path / "pets").rglob("*.png"))
    bad = [files[0], files[9], files[30]]  # empty, cut short, no image
    for file, content in zip(bad, (b"", bad[1].read_bytes()[:45], b"no image"), strict=True):
        file.write_bytes(content)
    with pytest.raises(DataError) as refused:
        load_dataset(settings, data_root=tmp_path, data=data)
    first, *lines = str(refused.value).splitlines()
    assert first == "3 files cannot be used; remove or replace them:"
    for file, line in zip([bad[2], bad[0], bad[1]], lines, strict=True):  # the training part comes first
        assert line.startswith(f"  {file} cannot be read as an image: ")
    for file in files[:12]:
        file.write_bytes(b"")
    with pytest.raises(DataError, match=r"^the first 10 files cannot be used; remove or replace them:\n"):
        load_dataset(settings, data_root=tmp_path, data=data)
    for file in files:
        Image.new("RGB", (6, 6)).save(file)
    files[20].write_bytes(b"")
    with pytest.raises(DataError) as refused:
        load_dataset(settings, data_root=tmp_path, data=data)
    assert str(refused.value).startswith(f"{files[20]} cannot be read as an image: ")
    assert str(refused.value).endswith("; remove or replace it")


@pytest.mark.parametrize("data", ["memory", "stream"])
def test_files_of_another_kind_are_told(tmp_path, data):
    make_folder(tmp_path / "pets", sizes=((6, 6),) * 10)

    def warnings():  # from the files, then from the cache
        settings = DatasetSettings(name="image_folder", path="pets")
        return {load_dataset(settings, data_root=tmp_path, data=data).warnings for _ in "ab"}

    assert "converted" not in str(warnings())
    folder = tmp_path / "pets" / "train" / "cat"
    Image.new("RGBA", (6, 6), (1, 2, 3, 4)).save(folder / "1.png")
    Image.fromarray(np.full((6, 6), 40_000, dtype=np.uint16)).save(folder / "2.png")
    Image.new("L", (6, 6), 7).save(tmp_path / "pets" / "test" / "dog" / "3.png")
    told = "3 of 40 images were converted to RGB of 8 bits: 1 in grey, 1 of 16 bits, 1 with transparency"
    assert warnings() == {(told,)}


@pytest.mark.parametrize("coloured", ["train/cat/0.png", "train/dog/0.png", "test/dog/0.png"])
def test_one_image_with_colour_makes_three_channels_wherever_it_sorts(tmp_path, coloured):
    make_folder(tmp_path / "pets")
    for file in (tmp_path / "pets").rglob("*.png"):
        Image.new("L", (6, 6), 7).save(file)
    assert load(tmp_path, name="image_folder", path="pets").train.images.shape == (2, 1, 6, 6)
    Image.new("RGB", (6, 6), (1, 2, 3)).save(tmp_path / "pets" / coloured)
    assert load(tmp_path, name="image_folder", path="pets").train.images.shape == (2, 3, 6, 6)


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_class_without_images_is_refused(tmp_path, part):
    make_folder(tmp_path / "pets")
    (tmp_path / "pets" / part / "dog" / "0.png").unlink()
    with pytest.raises(DataError) as refused:
        load(tmp_path, name="image_folder", path="pets")
    assert str(refused.value) == (
        f"{tmp_path / 'pets' / part / 'dog'} holds no images "
        "(.bmp, .gif, .jpeg, .jpg, .pgm, .png, .ppm, .tif, .tiff, .webp); "
        "remove the folder or put images there"
    )


@pytest.mark.parametrize("name", ["digits", "synthetic"])
def test_the_sizes_known_beside_the_contract_are_those_of_the_data(name):
    assert train_images_of(DatasetSettings(name=name)) == len(load(name=name).train)
