"""`cnnbuild data` as a user runs it, and bad data as `cnnbuild train` meets it."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnbuild.cli.main import main
from tests.cli.commands import Outcome, cnnbuild

ARCHITECTURE = """\
cnnbuild: 1
name: tiny
layers:
  - conv: {out_channels: 4, kernel_size: 3, padding: half}
  - relu
  - flatten
  - linear: $data.classes
"""


def make_folder(folder: Path, classes=("cat", "dog"), *, images=12, test_images=12, size=(8, 8)) -> None:
    random = np.random.default_rng(0)
    for part, count in (("train", images), ("test", test_images)):
        for name in classes:
            (folder / part / name).mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(0, 256, (*size, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / part / name / f"{number:02}.png")


@pytest.fixture
def here(tmp_path, monkeypatch, capsys):
    """`cnnbuild` inside this process, which has loaded torch: a process of its own takes seconds for that."""
    monkeypatch.setenv("CNNBUILD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["cnnbuild", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        told = capsys.readouterr()
        return Outcome(end.value.code or 0, told.out, told.err)

    return run


def test_the_list_says_what_is_here(tmp_path):
    (tmp_path / "cifar10-jpeg.tar.xz").touch()
    listed = cnnbuild("data", "--data-root", tmp_path)
    assert (listed.code, listed.err) == (0, "")
    assert listed.out.splitlines() == [
        "name           image         classes  training    test   decoded  here?",
        "digits         1x8x8              10     1,438     359  115.0 kB  always",
        "mnist          1x28x28            10    60,000  10,000   54.9 MB  no: 11.6 MB to download",
        "fashion_mnist  1x28x28            10    60,000  10,000   54.9 MB  no: 30.9 MB to download",
        "kmnist         1x28x28            10    60,000  10,000   54.9 MB  no: 21.2 MB to download",
        "cifar10        3x32x32            10    50,000  10,000  184.3 MB  yes: cifar10-jpeg.tar.xz",
        "cifar100       3x32x32           100    50,000  10,000  184.3 MB  no: 169.0 MB to download",
        "svhn           3x32x32            10    73,257  26,032  305.0 MB  no: 246.3 MB to download",
        "image_folder   of its files",
        "synthetic      3x16x16            10     1,000     200  921.6 kB  always",
        "",
        f"Data root: {tmp_path}",
        "`cnnbuild data NAME` shows one of them, and downloads it where it is not here.",
        "image_folder: '{image_folder: {path: DIR}}' with DIR/train/<class>/ and DIR/test/<class>/.",
    ]


def test_a_card_is_printed_written_and_drawn(tmp_path, here):
    make_folder(tmp_path / "pets", images=20)
    copied = (tmp_path / "pets" / "train" / "cat" / "00.png").read_bytes()
    (tmp_path / "pets" / "test" / "dog" / "00.png").write_bytes(copied)
    asked = ("data", "{image_folder: {path: pets}}", "--data-root", tmp_path)
    shown = here(*asked, "--samples", tmp_path / "pets.svg")
    assert shown.code == 0
    lines = shown.out.splitlines()
    assert lines[:4] == [
        "pets",
        "",
        "images       3x8x8, 2 classes",
        "parts        36 training, 4 validation (a tenth), 24 test",
    ]
    assert lines[6:10] == [
        "decoded      12.3 kB, in memory",
        "chance       50.00 % by always naming one class",
        "duplicates   1 test images are also training images (1 of them with another label); 0 repeated",
        "             within training, 0 within test",
    ]
    assert lines[-4:] == [
        "class  training  validation  test",
        "cat          18           2    12",
        "dog          18           2    12",
        "total        36           4    24",
    ]
    picture = (tmp_path / "pets.svg").read_text()
    assert picture.count("<image") == 20
    assert ">pets: training images<" in picture
    as_json = here(*asked, "--format", "json")
    card = json.loads(as_json.out)
    assert (card["schema"], card["shape"], card["duplicates"]["test_in_train"]) == (1, [3, 8, 8], 1)
    assert card["classes"][1] == {"name": "dog", "train": 18, "validation": 2, "test": 12}
    written = here(*asked, "-o", tmp_path / "card.json", "--size", 4)
    assert (written.out, written.err) == ("", f"written to {tmp_path / 'card.json'}\n")
    assert json.loads((tmp_path / "card.json").read_text())["shape"] == [3, 4, 4]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["digitz"], "unknown data set 'digitz'"),
        (["digits", "--samples", "a.txt"], "error: --samples a.txt: the name must end with .png, .svg or .pdf"),
        (["--size", "4"], "error: --samples, --size and a picture are of one data set; name it"),
        (["{image_folder: {path: nowhere}}"], "there is no folder"),
    ],
)  # fmt: skip
def test_what_cannot_be_shown_is_one_error(tmp_path, here, arguments, message):
    refused = here("data", *arguments, "--data-root", tmp_path)
    assert (refused.code, refused.out) == (2, "")
    assert message in refused.err
    assert "Traceback" not in refused.err


@pytest.fixture
def train(tmp_path, here):
    (tmp_path / "tiny.yaml").write_text(ARCHITECTURE)

    def run(*more):
        asked = [
            "-d",
            "{image_folder: {path: pets}}",
            "--data-root",
            tmp_path,
            "-o",
            tmp_path / "run",
            "-e",
            "1",
        ]
        return here("train", tmp_path / "tiny.yaml", *asked, *more)

    return run


def test_a_corrupt_image_is_named_before_training(tmp_path, train):
    make_folder(tmp_path / "pets")
    bad = tmp_path / "pets" / "train" / "dog" / "03.png"
    bad.write_bytes(bad.read_bytes()[:60])
    failed = train()
    assert failed.code == 2
    assert failed.err.startswith(f"error: {bad} cannot be read as an image: ")
    assert "Traceback" not in failed.err
    assert not (tmp_path / "run" / "record.json").exists()


def test_a_test_part_without_classes_is_an_error(tmp_path, train):
    make_folder(tmp_path / "pets")
    for file in sorted((tmp_path / "pets" / "test").rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    failed = train()
    assert failed.code == 2
    assert failed.err == (
        f"error: {tmp_path / 'pets' / 'test'} holds no class folders; "
        "an image folder holds train/<class>/ and test/<class>/\n"
    )


def test_one_image_per_class_cannot_be_split(tmp_path, train):
    make_folder(tmp_path / "pets", images=1, test_images=1)
    failed = train()
    assert failed.code == 2
    assert failed.err.splitlines()[-1] == (
        "error: pets: 2 training images cannot be split with validation: 0.1; "
        "take more images, or validation: 0 with select: last"
    )


def test_a_single_class_trains_with_a_warning(tmp_path, train):
    make_folder(tmp_path / "pets", ("cat",), images=20)
    done = train()
    assert done.code == 0, done.err
    assert "learning rate" not in done.out
    record = json.loads((tmp_path / "run" / "record.json").read_text())
    assert "there is only one class: accuracy means nothing" in record["run"]["warnings"]


def test_plain_images_train_with_a_warning(tmp_path, train):
    make_folder(tmp_path / "pets", images=20)
    for file in (tmp_path / "pets" / "train").rglob("*.png"):
        Image.new("RGB", (8, 8), (7, 7, 7)).save(file)
    done = train()
    assert done.code == 0, done.err
    assert "learning rate" not in done.out
    warnings = json.loads((tmp_path / "run" / "record.json").read_text())["run"]["warnings"]
    assert "all training images are of one plain colour: there is nothing to learn from" in warnings
