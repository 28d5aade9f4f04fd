"""Which precision a run gets, and what keeps freed memory."""

from __future__ import annotations

import pytest
import torch

from cnnbuild.errors import UsageError
from cnnbuild.training import allocator, precision
from cnnbuild.training.precision import choose_precision, native_bf16

CPU, CUDA, MPS = (torch.device(name) for name in ("cpu", "cuda", "mps"))


@pytest.fixture
def processor(monkeypatch):
    """Sets what the processor can do."""

    def pretend(**flags: bool) -> None:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: flags, raising=False)

    return pretend


@pytest.mark.parametrize("flag", ["avx512_bf16", "amx_bf16", "bf16", "sve_bf16"])
def test_auto_is_bf16_where_the_processor_multiplies_it(processor, flag: str) -> None:
    processor(**{flag: True})
    assert choose_precision("auto", CPU, 5_000_000) == "bf16"
    assert choose_precision("auto", CPU, 4_999_999) == "fp32"  # too little to compute
    processor(**{flag: False}, avx512_f=True)
    assert choose_precision("auto", CPU, 5_000_000) == "fp32"


def test_without_torch_s_own_answer_linux_tells(monkeypatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    read = {"text": "flags : fpu avx512_bf16 sse"}
    monkeypatch.setattr(precision.Path, "is_file", lambda path: str(path) == "/proc/cpuinfo")
    monkeypatch.setattr(precision.Path, "read_text", lambda _, **__: read["text"])
    assert native_bf16(CPU)
    read["text"] = "flags : fpu avx512f sse"
    assert not native_bf16(CPU)


def test_auto_on_a_gpu_asks_for_its_generation(monkeypatch) -> None:
    capability = {"found": (8, 0)}
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability["found"])
    assert choose_precision("auto", CUDA, 100_000_000) == "bf16"
    assert choose_precision("auto", CUDA, 99_999_999) == "fp32"
    capability["found"] = (7, 5)
    assert choose_precision("auto", CUDA, 10**12) == "fp32"
    assert choose_precision("auto", MPS, 10**12) == "fp32"


def test_what_is_written_is_done_wherever_it_can_be(processor) -> None:
    processor(avx512_f=True)
    assert choose_precision("bf16", CPU, 1) == "bf16"
    assert choose_precision("fp32", CPU, 10**12) == "fp32"
    assert choose_precision("fp16", CUDA, 1) == "fp16"
    with pytest.raises(UsageError) as error:
        choose_precision("fp16", CPU, 1)
    assert str(error.value) == "precision: fp16 needs a CUDA device, not cpu; use bf16 or auto"


def test_another_c_library_is_left_alone(monkeypatch) -> None:
    monkeypatch.setattr(allocator.platform, "libc_ver", lambda: ("musl", "1.2"))
    with allocator.kept_memory() as kept:
        assert not kept
    assert not allocator.keeps_memory()


class Library:
    """Notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, ...]] = []

    def mallopt(self, parameter: int, value: int) -> int:
        self.asked.append((parameter, value))
        return 1

    def malloc_trim(self, pad: int) -> int:
        self.asked.append((pad,))
        return 1


def test_memory_is_kept_meanwhile_and_given_back_afterwards(monkeypatch) -> None:
    library = Library()
    monkeypatch.setattr(allocator, "_glibc", lambda: library)
    with allocator.kept_memory() as kept:
        assert kept
        assert library.asked == [(-3, 32 * 1024**2), (-1, 2**31 - 1)]
    assert library.asked[2:] == [(-1, 64 * 1024**2), (0,)]
