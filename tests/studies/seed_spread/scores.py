"""What runs of one network scored that differ in nothing but the seed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
STUDY = HERE / "seed_spread.yaml"
KEPT = HERE / "scores.json"
COMMAND = "python -m tests.studies.seed_spread"


@dataclass(frozen=True)
class Scores:
    """Test images that were named rightly, by architecture and seed, of so many."""

    test_images: int
    right: dict[str, list[int]]

    def points(self, architecture: str) -> list[float]:
        return [100 * right / self.test_images for right in self.right[architecture]]


def read_scores() -> Scores:
    data = json.loads(KEPT.read_text(encoding="utf-8"))
    return Scores(data["test_images"], data["right"])
