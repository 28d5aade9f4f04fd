"""The shapes that data sets promise, and what is said where an image folder is not one."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from cnnbuild.errors import DataError, UsageError
from cnnbuild.graph.data_contract import DataContract, contract_of, parse_input, resolve_data_root
from cnnbuild.lang.dataset import DatasetSettings


@pytest.mark.parametrize(
    ("settings", "shape"),
    [
        (DatasetSettings(name="digits"), (1, 8, 8)),
        (DatasetSettings(name="mnist"), (1, 28, 28)),
        (DatasetSettings(name="cifar10"), (3, 32, 32)),
        (DatasetSettings(name="cifar10", size=16), (3, 16, 16)),
        (DatasetSettings(name="synthetic"), (3, 16, 16)),
    ],
)
def test_a_named_data_set_promises_its_published_shape(settings, shape):
    contract = contract_of(settings, data_root=None)
    assert contract == DataContract(settings.name, *shape, classes=10)
    assert contract.shape == shape


def make_folder(root: Path, mode: str) -> None:
    for name in ("cat", "dog", "eel"):
        folder = root / "pets" / "train" / name
        folder.mkdir(parents=True)
        Image.new(mode, (20, 12)).save(folder / "a.png")


@pytest.mark.parametrize(("mode", "channels"), [("RGB", 3), ("L", 1), ("P", 3)])
def test_an_image_folder_promises_the_size_of_its_first_image(tmp_path, mode, channels):
    make_folder(tmp_path, mode)
    settings = DatasetSettings(name="image_folder", path="pets")
    assert contract_of(settings, data_root=tmp_path) == DataContract("image_folder", channels, 12, 20, 3)
    resized = DatasetSettings(name="image_folder", path=str(tmp_path / "pets"), size=8)
    assert contract_of(resized, data_root=None) == DataContract("image_folder", channels, 8, 8, 3)


def test_an_image_folder_that_is_none_says_what_is_missing(tmp_path):
    settings = DatasetSettings(name="image_folder", path="pets")
    train = tmp_path / "pets" / "train"
    with pytest.raises(DataError) as missing:
        contract_of(settings, data_root=tmp_path)
    assert str(missing.value) == (
        f"there is no folder {train}; an image folder holds train/<class>/ and test/<class>/"
    )
    train.mkdir(parents=True)
    with pytest.raises(DataError) as empty:
        contract_of(settings, data_root=tmp_path)
    assert str(empty.value) == (
        f"{train} holds no class folders; an image folder holds train/<class>/ and test/<class>/"
    )
    (train / "cat").mkdir()
    (train / "cat" / "a.png").write_bytes(b"no image")
    with pytest.raises(DataError) as damaged:
        contract_of(settings, data_root=tmp_path)
    assert str(damaged.value).startswith(f"{train / 'cat' / 'a.png'} cannot be read as an image: ")
    assert str(damaged.value).endswith("; remove or replace it")


@pytest.mark.parametrize(("text", "shape"), [("3x32x32", (3, 32, 32)), (" 1 X 28 x 28", (1, 28, 28))])
def test_an_input_is_read_as_channels_height_width(text, shape):
    assert parse_input(text) == shape


@pytest.mark.parametrize("text", ["32x32", "3x32x", "axbxc", "", "-3x32x32"])
def test_an_input_of_another_form_is_refused(text):
    with pytest.raises(UsageError) as refused:
        parse_input(text)
    assert str(refused.value) == f"an input is channels x height x width, like 3x32x32, not '{text}'"


def test_an_input_without_values_is_refused():
    with pytest.raises(UsageError) as refused:
        parse_input("3x0x32")
    assert str(refused.value) == "the input 3x0x32 must have between 1 and 1,000,000,000 values"


def test_the_data_root_is_the_argument_then_the_environment_then_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNBUILD_DATA", str(tmp_path / "environment"))
    assert resolve_data_root(tmp_path / "argument") == tmp_path / "argument"
    assert resolve_data_root(None) == tmp_path / "environment"
    monkeypatch.delenv("CNNBUILD_DATA")
    assert resolve_data_root(None).parts[-2:] == ("cnnbuild", "data")


def test_a_contract_costs_no_import_of_torch_or_pillow():
    program = (
        "import sys; from pathlib import Path;"
        "from cnnbuild.graph.data_contract import contract_of;"
        "from cnnbuild.lang.dataset import DatasetSettings;"
        "contract_of(DatasetSettings(name='mnist'), data_root=None);"
        "sys.exit('torch' in sys.modules or 'PIL' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2]).returncode == 0
