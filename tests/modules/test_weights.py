"""`load_weights`: a network takes weights of files and state dictionaries as a whole, or not at all."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from torchvision import models

import cnnbuild
from cnnbuild.errors import DataError, UsageError
from cnnbuild.modules.weight_files import not_finite, read_weights, write_weights

FILE = """\
cnnbuild: 1
layers:
  - conv_norm_act: {out_channels: 64, kernel_size: 7, stride: 2}
    name: stem
  - max_pool: {kernel_size: 3, stride: 2, padding: 1}
  - foreach: {channels: [64, 128, 256, 512], stride: [1, 2, 2, 2]}
    name: layer$(i + 1)
    do:
      - basic: $channels
        repeat: 2
        first: {stride: $stride}
  - global_avg_pool
  - flatten
  - linear: $data.classes
    name: fc
weights:
  torchvision:
    stem.conv_1: conv1
    stem.batch_norm_1: bn1
    conv_$k: conv$k
    batch_norm_$k: bn$k
    shortcut.conv: downsample.0
    shortcut.norm: downsample.1
"""
SMALL = "cnnbuild: 1\nlayers:\n  - flatten\n  - linear: 3\n    name: hidden\n  - linear: $data.classes\n    name: fc\n"


def small(tmp_path: Path, classes: int = 2) -> nn.Module:
    (tmp_path / "small.yaml").write_text(SMALL)
    return cnnbuild.load(tmp_path / "small.yaml").build(input=(1, 2, 2), classes=classes)


def values(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def assert_unchanged(module: nn.Module, before: dict[str, torch.Tensor]) -> None:
    after = module.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_published_network_s_weights_give_its_outputs_to_the_bit(tmp_path: Path) -> None:
    (tmp_path / "resnet18.yaml").write_text(FILE)
    ours = cnnbuild.load(tmp_path / "resnet18.yaml").build(input=(3, 64, 64), classes=1000)
    theirs = models.resnet18()
    generator = torch.Generator().manual_seed(0)
    for buffer in theirs.buffers():
        if buffer.dtype.is_floating_point:
            buffer.copy_(torch.rand(buffer.shape, generator=generator) + 0.5)
    match = cnnbuild.load_weights(ours, theirs.state_dict())
    assert (match.map, len(match.loaded), match.is_complete) == ("torchvision", 122, True)
    images = torch.randn(2, 3, 64, 64, generator=generator)
    with torch.no_grad():
        assert torch.equal(ours.eval()(images), theirs.eval()(images))


def saved_plain(tensors: dict[str, torch.Tensor], path: Path) -> None:
    torch.save(tensors, path)


def saved_as_before_2020(tensors: dict[str, torch.Tensor], path: Path) -> None:
    torch.save(tensors, path, _use_new_zipfile_serialization=False)


def saved_beside_others(tensors: dict[str, torch.Tensor], path: Path) -> None:
    torch.save({"epoch": 3, "state_dict": {f"module.{name}": t for name, t in tensors.items()}}, path)


@pytest.mark.parametrize("save", [saved_plain, saved_as_before_2020, saved_beside_others, write_weights])
def test_files_of_every_kind_are_loaded_whatever_their_names(
    save: Callable[[dict[str, torch.Tensor], Path], None], tmp_path: Path
) -> None:
    if save is write_weights:
        pytest.importorskip("safetensors")
    source, target = small(tmp_path), small(tmp_path)
    file = tmp_path / ("net.safetensors" if save is write_weights else "net.bin")
    save(values(source), file)
    renamed = file.rename(tmp_path / "weights")
    assert not torch.equal(source.fc.weight, target.fc.weight)
    assert cnnbuild.load_weights(target, renamed).is_complete
    assert_unchanged(target, values(source))


def test_half_precision_is_converted_and_whole_numbers_are_refused(tmp_path: Path) -> None:
    module = small(tmp_path)
    halves = {name: tensor.half() for name, tensor in values(module).items()}
    cnnbuild.load_weights(module, halves)
    assert module.fc.weight.dtype == torch.float32
    assert torch.equal(module.fc.weight, halves["fc.weight"].float())
    before = values(module)
    with pytest.raises(DataError) as caught:
        cnnbuild.load_weights(module, {**halves, "fc.bias": torch.tensor([1, 2])})
    assert str(caught.value) == (
        "the state dictionary: 'fc.bias' holds whole numbers, and 'fc.bias' fractions; nothing was changed"
    )
    assert_unchanged(module, before)


def test_what_does_not_fit_is_listed_and_nothing_is_changed(tmp_path: Path) -> None:
    source, module = small(tmp_path, classes=3), small(tmp_path)
    before = values(module)
    with pytest.raises(DataError) as caught:
        cnnbuild.load_weights(module, values(source))
    assert str(caught.value) == (
        "the state dictionary does not fit the network: 2 of another shape; nothing was changed\n"
        "other shape 2 tensors\n"
        "  fc.weight 2x3, and 3x3 in the file\n"
        "  fc.bias 2, and 3 in the file\n"
        "to load the others: --except fc; in a study `except: [fc]`; in Python excepted=['fc']"
    )
    assert_unchanged(module, before)


def test_without_strict_all_that_fits_is_loaded(tmp_path: Path) -> None:
    source, module = small(tmp_path, classes=3), small(tmp_path)
    before = values(module)
    match = cnnbuild.load_weights(module, values(source), strict=False)
    assert [pair.name for pair in match.unfit] == ["fc.weight", "fc.bias"]
    assert torch.equal(module.hidden.weight, source.hidden.weight)
    assert torch.equal(module.fc.weight, before["fc.weight"])
    with pytest.raises(DataError, match="no name is that of a weight"):
        cnnbuild.load_weights(module, {"other": torch.zeros(2)}, strict=False)


def test_excepted_weights_keep_their_values(tmp_path: Path) -> None:
    source, module = small(tmp_path, classes=3), small(tmp_path)
    before = values(module)
    cnnbuild.load_weights(module, values(source), excepted=["fc"])
    assert torch.equal(module.hidden.bias, source.hidden.bias)
    assert torch.equal(module.fc.bias, before["fc.bias"])


def test_load_weights_takes_files_and_tensors_alone(tmp_path: Path) -> None:
    module = small(tmp_path)
    for given in (module, {"fc.weight": [1.0]}, {1: torch.zeros(1)}):
        with pytest.raises(UsageError, match="takes a file, or tensors by name"):
            cnnbuild.load_weights(module, given)
    with pytest.raises(UsageError, match="there is no such file of weights"):
        cnnbuild.load_weights(module, tmp_path / "absent.pt")
    with pytest.raises(UsageError, match="is a folder without weights"):
        cnnbuild.load_weights(module, tmp_path)


class Harmful:
    """What makes a folder when it is unpickled."""

    def __init__(self, made: Path) -> None:
        self.made = made

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.made),)


@pytest.mark.parametrize("new_format", [True, False])
def test_pickled_code_is_refused_and_not_run(tmp_path: Path, *, new_format: bool) -> None:
    made, file = tmp_path / "made", tmp_path / "harmful.pt"
    content = {"fc.weight": torch.zeros(2), "x": Harmful(made)}
    torch.save(content, file, _use_new_zipfile_serialization=new_format)
    with pytest.raises(DataError) as caught:
        read_weights(file)
    assert str(caught.value) == (
        f"{file} holds more than tensors: pickled objects (posix.mkdir), which could run code when read, so nothing "
        "of it was read; save `model.state_dict()` alone"
    )
    assert not made.exists()


def test_a_bare_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    made, file = tmp_path / "made", tmp_path / "bare.pkl"
    file.write_bytes(pickle.dumps(Harmful(made)))
    with pytest.raises(DataError):
        read_weights(file)
    assert not made.exists()


def whole(tmp_path: Path, kind: str) -> bytes:
    if kind == "safetensors":
        pytest.importorskip("safetensors")
    file = tmp_path / f"whole.{kind}"
    write_weights({"a": torch.arange(64.0), "b": torch.ones(3, 3)}, file)
    return file.read_bytes()


@pytest.mark.parametrize("kind", ["safetensors", "pt"])
def test_a_file_that_was_cut_off_anywhere_is_one_error(kind: str, tmp_path: Path) -> None:
    content, file = whole(tmp_path, kind), tmp_path / "cut"
    for length in [*range(0, 40), *range(40, len(content), len(content) // 30), len(content) - 1]:
        file.write_bytes(content[:length])
        with pytest.raises(DataError) as caught:
            read_weights(file)
        assert "\n" not in str(caught.value)
        assert str(file) in str(caught.value)


def test_flipped_bits_of_torch_s_files_are_noticed(tmp_path: Path) -> None:
    content, file = bytearray(whole(tmp_path, "pt")), tmp_path / "flipped"
    at = content.index(torch.arange(64.0).numpy().tobytes()[:64])
    content[at + 8] ^= 1
    file.write_bytes(content)
    with pytest.raises(DataError, match="damaged or cut off"):
        read_weights(file)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\0" * 64, b"hello", b"{}", b"\x89PNG\r\n\x1a\n" + b"\0" * 99, b"cnnbuild: 1\nlayers: []\n",
        struct.pack("<Q", 2**60) + b"{" + b" " * 99,
        struct.pack("<Q", 2) + b"{}",
        struct.pack("<Q", 8) + b"{\"a\":[]}",
        struct.pack("<Q", 9) + b"{" * 9,
    ],
)  # fmt: skip
def test_what_is_no_file_of_weights_is_one_error(content: bytes, tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    file = tmp_path / "x.safetensors"
    file.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_weights(file)
    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        ({"a": [0, 16], "b": [8, 16]}, "invalid offset for tensor `b`"),
        ({"a": [8, 16]}, "invalid offset for tensor `a`"),
        ({"a": [16, 0]}, "invalid offset for tensor `a`"),
        ({"a": [0, 32]}, "incomplete metadata, file not fully covered"),
        ({"a": [0, 8]}, "incomplete metadata, file not fully covered"),
    ],
)
def test_offsets_that_overlap_leave_holes_or_go_beyond_the_file_are_one_error(
    header: dict[str, list[int]], fault: str, tmp_path: Path
) -> None:
    pytest.importorskip("safetensors")
    entries = {
        name: {"dtype": "F32", "shape": [abs(end - begin) // 4], "data_offsets": [begin, end]}
        for name, (begin, end) in header.items()
    }
    text, file = json.dumps(entries).encode(), tmp_path / "x.safetensors"
    file.write_bytes(struct.pack("<Q", len(text)) + text + b"\0" * 16)
    with pytest.raises(DataError) as caught:
        read_weights(file)
    assert str(caught.value) == f"{file} is damaged or cut off: {fault}"


def test_numbers_of_every_type_are_looked_at_for_nan() -> None:
    types = (
        torch.float64,
        torch.float16,
        torch.bfloat16,
        torch.float8_e4m3fn,
        torch.float8_e5m2,
        torch.complex64,
    )
    for dtype in types:
        tensor = torch.tensor([1.0, float("nan"), float("nan")]).to(dtype)
        assert not_finite({"a": tensor, "b": tensor[:1]}) == {"a": (2, 0)}, dtype
    assert not_finite({"n": torch.tensor([1, 2]), "x": torch.tensor([float("inf")])}) == {"x": (0, 1)}


def test_huge_claimed_sizes_are_refused_before_memory_is_asked_for(tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    header = b'{"a":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}}'
    file = tmp_path / "huge.safetensors"
    file.write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * 16)
    with pytest.raises(DataError, match="damaged or cut off"):
        read_weights(file)
    zeros, bomb = io.BytesIO(), tmp_path / "bomb.pt"
    torch.save({"a": torch.zeros(2_500_000)}, zeros)
    with zipfile.ZipFile(zeros) as old, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    assert bomb.stat().st_size < 100_000
    with pytest.raises(DataError, match="damaged or cut off"):
        read_weights(bomb)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (torch.zeros(3), "holds no tensors by name"),
        ({}, "holds no tensors by name"),
        ({"a": 3}, "holds more than tensors by name: int under 'a'"),
        ({"a": torch.zeros(1), "epoch": 3}, "holds more than tensors by name: int under 'epoch'"),
        ({"a": torch.eye(2).to_sparse()}, "'a' is sparse or quantised"),
    ],
)
def test_files_of_other_things_are_refused(content: object, message: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(DataError, match=message):
        read_weights(tmp_path / "x.pt")


def test_a_checkpoint_of_a_run_says_where_its_weights_will_be(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(b"cnnbuild checkpoint 2 10 abc\n" + b"0" * 10)
    with pytest.raises(DataError, match=r"its weights\.pt is there when it is done"):
        read_weights(tmp_path / "checkpoint.pt")


def test_weights_are_written_under_three_endings_alone(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="end the name so"):
        write_weights({"a": torch.zeros(1)}, tmp_path / "x.h5")
    shared = torch.arange(6.0).reshape(2, 3)
    write_weights({"a": shared.t(), "b": shared}, tmp_path / "x.pth")
    found = read_weights(tmp_path / "x.pth").tensors
    assert torch.equal(found["a"], shared.t())
    assert torch.equal(found["b"], shared)
