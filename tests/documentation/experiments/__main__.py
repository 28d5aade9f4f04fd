"""Keeps the evidence of a study that has run: `python -m tests.documentation.experiments FOLDER [NAME]`.

The name is that of its folder under docs/experiments, otherwise the name of FOLDER.
"""

from __future__ import annotations

import sys
from pathlib import Path

from cnnbuild.studies.layer_folder import comparison_at
from tests.documentation.experiments import evidence, layer_evidence
from tests.documentation.experiments.figures import sizes
from tests.documentation.experiments.kept import EXPERIMENTS, Experiment, experiments


def main(words: list[str]) -> None:
    """Keep what lies in a folder."""
    source = Path(words[0])
    name = words[1] if len(words) > 1 else source.name
    experiment = experiments().get(name) or Experiment(figures={})
    keep = layer_evidence.keep if comparison_at(source) == source else evidence.keep
    folder = EXPERIMENTS / name
    keep(source, folder, experiment)
    print(f"{folder}: {len(sizes(folder))} figures, {sum(sizes(folder)):,} bytes")
    print(f"all figures: {sum(sizes(EXPERIMENTS)):,} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
