"""`cnnbuild inspect --rf-map` and `--erf`."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from PIL import Image

from cnnbuild.cli.inspect_fields import read_image
from cnnbuild.errors import UsageError
from cnnbuild.modules.build import build_module
from tests.cli.commands import ROOT, cnnbuild
from tests.graph.rf_map_networks import shipped

SIMPLE = ["architectures/simple_cnn.yaml", "-i", "1x28x28", "-c", "10"]
TABLE = (
    "simple_cnn  input 1x28x28, the central output of each stage\n"
    "\n"
    "stage     output  RF  stride  of the input\n"
    "──────────────────────────────────────────\n"
    "stage1  32x14x14   4       2           14%\n"
    "stage2    64x7x7  10       4           36%\n"
)


def picture(path: Path, size: tuple[int, int] = (40, 30), mode: str = "RGB") -> Path:
    values = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(values).convert(mode).save(path)
    return path


def test_a_map_is_written_and_its_stages_are_listed(tmp_path: Path) -> None:
    file = tmp_path / "map.svg"
    outcome = cnnbuild("inspect", *SIMPLE, "--rf-map", file)
    assert (outcome.code, outcome.out, outcome.err) == (0, TABLE, f"written to {file}\n")
    root = ElementTree.parse(file).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"


@pytest.mark.parametrize("suffix", [".svg", ".html"])
def test_drawing_on_an_image_loads_no_torch(tmp_path: Path, suffix: str) -> None:
    image = picture(tmp_path / "photo.png")
    file = tmp_path / f"map{suffix}"
    arguments = ["inspect", *SIMPLE, "--rf-map", str(file), "--image", str(image)]
    code = (
        f"import sys; sys.argv[1:] = {arguments!r}\n"
        "from cnnbuild.cli.main import application\n"
        "try:\n    application(sys.argv[1:2])()\nexcept SystemExit as leave:\n    assert not leave.code, leave.code\n"
        "heavy = {'torch', 'torchvision', 'numpy', 'scipy', 'matplotlib', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, TABLE)
    assert "data:image/png;base64," in file.read_text(encoding="utf-8")


def test_png_and_html_show_the_same_map(tmp_path: Path) -> None:
    assert cnnbuild("inspect", *SIMPLE, "--rf-map", tmp_path / "map.png").code == 0
    with Image.open(tmp_path / "map.png") as image:
        assert image.info["Title"] == "Receptive fields of simple_cnn"
        assert image.size[0] > 1000
    assert cnnbuild("inspect", *SIMPLE, "--rf-map", tmp_path / "map.HTML").code == 0
    page = (tmp_path / "map.HTML").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "<td>stage2</td><td>64x7x7</td><td>10</td>" in page


def test_erf_adds_what_was_measured_and_says_how(tmp_path: Path) -> None:
    file = tmp_path / "map.svg"
    outcome = cnnbuild("inspect", *SIMPLE, "--erf", "--rf-map", file, "-f", "json")
    assert (outcome.code, outcome.err) == (0, f"written to {file}\n")  # no progress where no terminal is
    told = json.loads(outcome.out)
    assert told["notes"] == [
        "Effective fields at initialisation, seed 0, over 8 images of normal noise; training changes them."
    ]
    second = told["stages"][1]
    assert (second["name"], second["sizes"]) == ("stage2", [10, 10])
    assert second["effective"]["sides_68"][0] <= second["effective"]["sides_95"][0] <= 10
    assert "effective (95 %): " in file.read_text(encoding="utf-8")
    assert cnnbuild("inspect", *SIMPLE, "--erf", "-f", "json").out == outcome.out


def test_erf_takes_an_image_and_weights(tmp_path: Path) -> None:
    graph = shipped("simple_cnn.yaml", (1, 28, 28))
    module = build_module(graph)
    for parameter in module.parameters():
        torch.nn.init.constant_(parameter, 0.01)
    torch.save(module.state_dict(), tmp_path / "weights.pt")
    image = picture(tmp_path / "photo.png")
    outcome = cnnbuild("inspect", *SIMPLE, "--erf", "--image", image, "--weights", tmp_path / "weights.pt")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.endswith(
        "Effective fields with the weights of weights.pt, over the image, its channels with mean 0 and variance 1.\n"
    )
    assert "68 % within" in outcome.out


def test_an_image_is_made_as_the_network_takes_it(tmp_path: Path) -> None:
    photo = picture(tmp_path / "photo.png", (40, 30))
    with Image.open(io.BytesIO(read_image(photo, (3, 8, 16)))) as image:
        assert (image.mode, image.size) == ("RGB", (16, 8))
    with Image.open(io.BytesIO(read_image(photo, (1, 30, 40)))) as image, Image.open(photo) as before:
        assert image.mode == "L"
        assert np.array_equal(np.asarray(image), np.asarray(before.convert("L")))
    Image.fromarray(np.zeros((4, 4), dtype=np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(UsageError, match="save the image with 8 bits for each value"):
        read_image(tmp_path / "deep.png", (1, 4, 4))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*SIMPLE, "--image", "x.png"], "--image belongs to --rf-map FILE or --erf"),
        ([*SIMPLE, "--weights", "w.pt", "--rf-map", "a.svg"], "--weights belongs to --erf"),
        ([*SIMPLE, "--rf-map", "a.pdf"], "--rf-map writes .svg, .png, .html files, not 'a.pdf'"),
        (
            [*SIMPLE, "--rf-map", "a.svg", "--image", "none.png"],
            "--image none.png: there is no such file",
        ),
        (
            [*SIMPLE, "--rf-map", "a.svg", "--image", "architectures"],
            "--image architectures cannot be read as an image: Is a directory",
        ),
        (
            ["architectures/simple_cnn.yaml", "-i", "2x28x28", "-c", "10", "--erf", "--image", "README.md"],
            "--image: the network takes 2 channels, and images have 1 or 3",
        ),
        (
            [*SIMPLE, "--rf-map", "a.svg", "--image", "README.md"],
            "--image README.md cannot be read as an image: it is damaged, or of no known format",
        ),
        ([*SIMPLE, "--erf", "--weights", "none.pt"], "--weights none.pt: there is no such file"),
        (
            ["architectures/fully_connected.yaml", "-i", "1x28x28", "-c", "10", "--erf"],
            "fully_connected has no layer whose output is a map, so there are no fields to draw",
        ),
        ([*SIMPLE, "--rf-map", "README.md/a.svg"], "README.md/a.svg cannot be written: File exists"),
    ],
)
def test_faulty_arguments_are_told_in_one_line(arguments: list[str], message: str) -> None:
    outcome = cnnbuild("inspect", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == f"error: {message}\n"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"no weights", "is no file of weights; "),
        ({"a": torch.zeros(2)}, "are not those of simple_cnn: Missing key(s) in state_dict: "),
        ([1, 2], "are not those of simple_cnn: "),
    ],
    ids=["no file of torch's", "another network's", "a list"],
)
def test_weights_that_do_not_fit_are_refused(tmp_path: Path, content: object, told: str) -> None:
    file = tmp_path / "w.pt"
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        torch.save(content, file)
    outcome = cnnbuild("inspect", *SIMPLE, "--erf", "--weights", file)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"error: --weights {file} {told}")
    assert outcome.err.count("\n") == 1
