"""The machine's matrix-product peak; `python -m benchmarks.training.peak` prints it as JSON.

With `processor` behind it, the processor's clock is read.
"""

from __future__ import annotations

import json
import sys
import time

import torch

SIZE = 1024  # square matrices: large enough for the fastest kernel, small enough for the second cache level
SECONDS = 1.5  # per precision
MACS_OF_TRAINING = 3  # forward, gradient of the inputs, gradient of the weights


def gigaflops(dtype: torch.dtype) -> float:
    """The best rate of one product of two square matrices, counting a multiply-add as 2 operations."""
    a, b = (torch.randn(SIZE, SIZE).to(dtype) for _ in range(2))
    best = float("inf")
    torch.mm(a, b)
    begin = time.perf_counter()
    while time.perf_counter() - begin < SECONDS:
        start = time.perf_counter()
        torch.mm(a, b)
        best = min(best, time.perf_counter() - start)
    return 2 * SIZE**3 / best / 1e9


def share_of_peak(samples_per_second: float, macs: int, peak_gigaflops: float) -> float:
    """Which fraction of the peak training reaches; a multiply-add counts as 2 operations.

    Training takes three times the multiply-adds `macs` of the forward pass.
    """
    return samples_per_second * macs * MACS_OF_TRAINING * 2 / (peak_gigaflops * 1e9)


def main() -> None:
    """Measure both precisions and print them with torch's threads."""
    if "processor" in sys.argv:
        time.perf_counter = time.process_time
    measured = {"fp32": gigaflops(torch.float32), "bf16": gigaflops(torch.bfloat16)}
    print(json.dumps({**measured, "threads": torch.get_num_threads()}))


if __name__ == "__main__":
    main()
