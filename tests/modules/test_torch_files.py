"""Torch's files that ask for more than they hold: refused before memory is asked for, whatever torch would do."""

from __future__ import annotations

import contextlib
import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from cnnbuild.errors import DataError
from cnnbuild.modules.weight_files import read_weights

BOTH = pytest.mark.parametrize("new_format", [True, False], ids=["zip", "legacy"])
HUGE = 2**31 - 1


@pytest.fixture
def without_torch_s_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is refused must be refused before torch reads, and asks for memory."""

    def load(*_: object, **__: object) -> object:
        raise AssertionError("torch was asked to read it")

    monkeypatch.setattr(torch, "load", load)


class Called:
    """An object that a pickle makes by calling something."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[object, ...]:
        return self.call


def saved(content: object, file: Path, *, new_format: bool) -> bytes:
    torch.save(content, file, _use_new_zipfile_serialization=new_format)
    return file.read_bytes()


def refusal(file: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_weights(file)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(f"{file} ")


@pytest.mark.usefixtures("without_torch_s_reader")
def test_a_storage_longer_than_a_legacy_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.pt"
    content = saved({"a": torch.zeros(1000)}, file, new_format=False)
    assert content.count(b"M\xe8\x03") == 2  # 1,000 in the storage and in the shape
    file.write_bytes(content.replace(b"M\xe8\x03", b"J" + struct.pack("<i", HUGE), 1))
    assert refusal(file) == (
        "says that it holds 8,589,934,588 bytes of numbers where there are 4,008: it is damaged, or made to harm"
    )


def with_pickle(content: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """Torch's zip file with another pickle in it, its sums right."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(old.read(name)) if name.endswith("data.pkl") else old.read(name))
    return made.getvalue()


@pytest.mark.usefixtures("without_torch_s_reader")
def test_a_storage_longer_than_its_entry_of_a_zip_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.pt"
    content = saved({"a": torch.zeros(1000)}, file, new_format=True)
    long = with_pickle(content, lambda text: text.replace(b"M\xe8\x03", b"M\xe9\x03", 1))
    file.write_bytes(long)
    assert refusal(file).startswith("says that it holds 4,004 bytes of numbers where there are 4,000: ")


@BOTH
@pytest.mark.usefixtures("without_torch_s_reader")
@pytest.mark.parametrize(
    ("shape", "strides", "offset"),
    [
        ((10**6, 10**5), (10**5, 1), 0),
        ((10**6, 10**6), (0, 0), 0),
        ((5,), (1,), 0),
        ((4,), (1,), 1),
        ((2,), (4,), 0),
        ((-1, -4), (1, 1), 0),
        ((1,), (1,), 2**40),
    ],
)
def test_a_tensor_beyond_its_storage_is_refused(
    shape: tuple[int, ...], strides: tuple[int, ...], offset: int, tmp_path: Path, *, new_format: bool
) -> None:
    four = torch.storage.TypedStorage(
        wrap_storage=torch.zeros(4).untyped_storage(), dtype=torch.float32, _internal=True
    )
    beyond = Called(torch._utils._rebuild_tensor_v2, four, offset, shape, strides, False, {})
    saved({"a": torch.ones(3), "b": beyond}, tmp_path / "x.pt", new_format=new_format)
    assert refusal(tmp_path / "x.pt").startswith("says that it holds a tensor ")


@BOTH
@pytest.mark.usefixtures("without_torch_s_reader")
@pytest.mark.parametrize(
    ("function", "name"),
    [
        (bytearray, "__builtin__.bytearray"),
        (torch.Tensor, "torch.Tensor"),
        (torch.nn.Parameter, "torch.nn.parameter.Parameter"),
    ],
)
def test_what_torch_s_reader_would_make_of_any_length_is_refused(
    function: Callable[..., object], name: str, tmp_path: Path, *, new_format: bool
) -> None:
    saved({"a": torch.ones(3), "b": Called(function, 10**12)}, tmp_path / "x.pt", new_format=new_format)
    assert refusal(tmp_path / "x.pt").startswith(f"holds more than tensors: pickled objects ({name}), ")


def test_what_torch_writes_of_sound_weights_is_read(tmp_path: Path) -> None:
    module = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2))
    whole = torch.arange(12.0)
    tensors = {
        **module.state_dict(),
        "parameter": torch.nn.Parameter(torch.ones(3)),
        "turned": torch.arange(6.0).reshape(2, 3).t(),
        "part": whole[4:8],
        "other part": whole[2:11:3],
        "expanded": torch.ones(1).expand(10),
        "empty": torch.zeros(0, 4),
        "number": torch.tensor(3),
        "half": torch.ones(3).half(),
        "brain": torch.ones(3, dtype=torch.bfloat16),
        "complex": torch.ones(2, dtype=torch.complex64),
    }
    newer = {"small": torch.ones(3, dtype=torch.uint16), "eight": torch.ones(3).to(torch.float8_e4m3fn)}
    for new_format, content in ((True, {**tensors, **newer}), (False, tensors)):
        saved(content, tmp_path / "x.pt", new_format=new_format)
        found = read_weights(tmp_path / "x.pt").tensors
        assert found.keys() == content.keys()
        assert all(
            torch.equal(found[n].to(torch.complex64), t.to(torch.complex64)) for n, t in content.items()
        )


def test_flipped_bytes_of_either_format_end_in_one_error_or_in_tensors(tmp_path: Path) -> None:
    """Every byte of the pickles, in 3 ways each: nothing else may come of it."""
    file = tmp_path / "x.pt"
    for new_format in (True, False):
        content = saved({"a": torch.arange(5.0), "b": torch.ones(2, 3)}, file, new_format=new_format)
        for at in range(0, min(len(content), 700), 5):
            changed = bytearray(content)
            changed[at] ^= (1, 0x80, 0xFF)[at // 5 % 3]
            file.write_bytes(changed)
            with contextlib.suppress(DataError):
                found = read_weights(file).tensors
                assert sum(tensor.numel() for tensor in found.values()) <= 11
