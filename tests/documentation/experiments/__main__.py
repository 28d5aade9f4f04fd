"""Keeps the evidence of a study that has run: `python -m tests.documentation.experiments FOLDER [NAME]`.

The name is that of its folder under docs/experiments, otherwise the name of FOLDER. A page that says nothing of
it yet gets a section of generated parts, to be put into order and told in words; all others are made anew.
"""

from __future__ import annotations

import sys
from pathlib import Path

from cnnbuild.studies.layer_folder import comparison_at
from tests.documentation.experiments import evidence as of_runs
from tests.documentation.experiments import layer_evidence
from tests.documentation.experiments.figures import sizes
from tests.documentation.experiments.kept import EXPERIMENTS, PAGE, Experiment, evidence, experiments
from tests.documentation.experiments.section import with_section
from tests.documentation.generated import with_generated_parts


def main(words: list[str]) -> None:
    """Keep what lies in a folder, and make the page anew."""
    source = Path(words[0])
    name = words[1] if len(words) > 1 else source.name
    experiment = experiments().get(name) or Experiment(figures={})
    keep = layer_evidence.keep if comparison_at(source) == source else of_runs.keep
    keep(source, EXPERIMENTS / name, experiment)
    text = with_section(PAGE.read_text(encoding="utf-8"), evidence(name))
    PAGE.write_text(with_generated_parts(text), encoding="utf-8")
    print(
        f"{EXPERIMENTS / name}: {len(sizes(EXPERIMENTS / name))} figures, {sum(sizes(EXPERIMENTS / name)):,} bytes"
    )
    print(f"all figures: {sum(sizes(EXPERIMENTS)):,} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
