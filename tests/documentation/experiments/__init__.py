"""What was found when the studies were run: the evidence that the repository keeps, and the page made of it.

It stands beside the generator of the other pages and not in the package: only this repository keeps its own
results as evidence, and a reader of `cnnbuild report` has the page and `--figures`. From a finished folder of
results to `docs/experiments/<name>/` (`evidence`, `layer_evidence`), from there to the generated parts of
`docs/experiments.md` (`parts`).

    python -m tests.documentation.experiments runs/depth depth
"""
