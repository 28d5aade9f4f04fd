"""Pictures of any kind become what the network was trained on, and what that changed is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cnnbuild.data.resizing import resize
from cnnbuild.errors import DataError, UsageError
from cnnbuild.studies.pictures import fit_size, pictures_from, pictures_in, read_all, read_picture
from cnnbuild.studies.run_folder import KeptData


def data(shape: tuple[int, int, int], *, name: str = "mnist", brightness=(10.0, 90.0)) -> KeptData:
    channels = shape[0]
    return KeptData(
        {"name": name}, name, "x", shape, ("a", "b"), (30.0,) * channels, (60.0,) * channels, brightness
    )


def save(path: Path, mode: str, size: tuple[int, int], value: object = 40) -> Path:
    Image.new(mode, size, value).save(path)
    return path


def test_a_picture_in_the_networks_size_is_taken_as_it_is(tmp_path):
    pixels = np.arange(64, dtype=np.uint8).reshape(8, 8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    picture = read_picture(tmp_path / "a.png", data((1, 8, 8)))
    assert torch.equal(picture.pixels, torch.from_numpy(pixels)[None])
    assert picture.notes == ()


def test_another_size_is_resized_as_the_data_set_is_and_said(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 80, (30, 20, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    picture = read_picture(tmp_path / "a.png", data((3, 16, 16)))
    expected = resize(torch.from_numpy(pixels).permute(2, 0, 1)[None], 16)[0]
    assert torch.equal(picture.pixels, expected)
    assert picture.notes == ("resized from 20x30 to 16x16",)


def test_an_image_folders_picture_is_resized_as_when_it_was_loaded(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 80, (30, 20), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    picture = read_picture(tmp_path / "a.png", data((1, 8, 8), name="image_folder"))
    smooth = Image.fromarray(pixels).resize((8, 8), Image.Resampling.BILINEAR)
    assert torch.equal(picture.pixels[0], torch.from_numpy(np.array(smooth)))


def test_a_size_that_is_no_square_is_height_by_width():
    assert fit_size(torch.zeros(3, 9, 9, dtype=torch.uint8), 4, 6).shape == (3, 4, 6)


@pytest.mark.parametrize(
    ("mode", "value", "channels", "note"),
    [
        ("RGB", (40, 40, 40), 1, "in colour, converted to grey"),
        ("RGBA", (40, 40, 40, 255), 1, "in colour, converted to grey"),
        ("P", 0, 3, None),
        ("CMYK", (0, 0, 0, 200), 3, None),
        ("L", 40, 3, "grey, repeated in 3 channels"),
        ("LA", (40, 255), 1, None),
        ("1", 0, 1, None),
        ("I;16", 40 * 257, 1, None),
    ],
)
def test_every_mode_is_converted_and_a_change_of_colours_is_said(tmp_path, mode, value, channels, note):
    suffix = ".tif" if mode == "CMYK" else ".png"
    path = save(tmp_path / f"a{suffix}", mode, (8, 8), value)
    picture = read_picture(path, data((channels, 8, 8), brightness=(0.0, 255.0)))
    assert picture.pixels.shape == (channels, 8, 8)
    assert picture.notes == (() if note is None else (note,))


def test_what_is_brighter_than_all_training_images_is_mentioned_and_not_inverted(tmp_path):
    path = save(tmp_path / "a.png", "L", (8, 8), 200)
    picture = read_picture(path, data((1, 8, 8)))
    assert int(picture.pixels[0, 0, 0]) == 200
    assert picture.notes == (
        "brighter than every training image: mean 200, theirs 10 to 90; with black and white exchanged it "
        "would be like them",
    )
    dark = read_picture(save(tmp_path / "b.png", "L", (8, 8), 3), data((1, 8, 8)))
    assert dark.notes == ("darker than every training image: mean 3, theirs 10 to 90",)


def test_unreadable_files_are_named_and_the_others_are_read(tmp_path):
    good = save(tmp_path / "good.png", "L", (8, 8))
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "cut.png").write_bytes(good.read_bytes()[:-30])
    paths = [tmp_path / name for name in ("text.png", "good.png", "cut.png", "gone.png")]
    found, faults = read_all(paths, data((1, 8, 8)))
    assert [picture.source for picture in found] == [str(good)]
    assert [fault.split(" ")[0].rstrip(":") for fault in faults] == [
        str(tmp_path / name) for name in ("text.png", "cut.png", "gone.png")
    ]
    with pytest.raises(DataError) as caught:
        pictures_from(paths, data((1, 8, 8)))
    assert str(caught.value) == "\n".join(faults)


def test_a_folder_stands_for_its_images_sorted(tmp_path):
    (tmp_path / "inner").mkdir()
    for name in ("b.png", "a.JPG", "inner/c.png"):
        save(tmp_path / name, "L", (8, 8))
    (tmp_path / "notes.txt").write_text("")
    found = [path.relative_to(tmp_path).as_posix() for path in pictures_in([tmp_path])]
    assert found == ["a.JPG", "b.png", "inner/c.png"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="empty holds no images"):
        list(pictures_in([tmp_path / "empty"]))


def test_arrays_are_bytes_of_the_networks_shape():
    assert len(pictures_from(np.zeros((3, 1, 8, 8), np.uint8), data((1, 8, 8)))) == 3
    assert len(pictures_from(torch.zeros(1, 8, 8, dtype=torch.uint8), data((1, 8, 8)))) == 1
    for wrong, message in (
        (np.zeros((1, 8, 8)), "images in an array are bytes from 0 to 255 (uint8), not float64"),
        (np.zeros((8, 8), np.uint8), "the network takes images of 1x8x8 (C, H, W), not 8"),
        (3, "images are paths, or bytes in an array (N, C, H, W), not int"),
        (["a.png", 3], "images are paths, or bytes in an array (N, C, H, W), not int"),
    ):
        with pytest.raises(UsageError) as caught:
            pictures_from(wrong, data((1, 8, 8)))
        assert str(caught.value) == message


def test_a_network_of_two_channels_takes_no_pictures(tmp_path):
    with pytest.raises(DataError, match="the network takes 2 channels, and pictures have 1 or 3"):
        read_picture(save(tmp_path / "a.png", "L", (8, 8)), data((2, 8, 8)))
