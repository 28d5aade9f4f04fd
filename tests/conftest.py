"""What holds for all tests."""

from __future__ import annotations

import torch

# Networks as small as those of the tests gain nothing from several threads, which wait for each other under load.
torch.set_num_threads(1)
