"""The analyses that a study may name: what its report shows of each run beside accuracy."""

from __future__ import annotations

from cnnbuild.errors import Problems
from cnnbuild.lang.source import Yaml, YamlList, YamlScalar
from cnnbuild.texts import did_you_mean

MEANINGS = {
    "confusion": "which classes are taken for which, and the pairs that are confused most",
    "mistakes": "test images that were misjudged with the greatest confidence",
    "disagreement": "test images that one architecture gets right and another wrong",
    "calibration": "how far the networks' confidence is from their accuracy",
    "filters": "the filters of the first convolution",
    "gradient_flow": "gradients and updates of each layer over the epochs, and dead units",
    "weights": "how the weights of each layer are distributed, epoch by epoch",
    "feature_maps": "what an early, a middle and a late layer give for some test images",
    "receptive_field": "what some stages see of the input, in theory and after training",
}
"""Each name with what it shows."""

ANALYSES = tuple(MEANINGS)
ON_REQUEST = ("feature_maps", "receptive_field")
"""Those that are worked out of the weights when a run ends; all else is in every run's files."""


def check_analyses(analyses: Yaml | None, problems: Problems) -> None:
    """Add what is wrong with the names under `analyses`."""
    seen: set[object] = set()
    for item in analyses if isinstance(analyses, YamlList) else ():
        if not isinstance(item, YamlScalar):
            continue  # what is no word at all is for validation to refuse
        if item.value not in ANALYSES:
            hint = did_you_mean(str(item.value), ANALYSES, listing="known analyses")
            problems.add(f"unknown analysis '{item.value}'", item.place, help=hint)
        elif item.value in seen:
            problems.add(f"the analysis '{item.value}' is named twice", item.place, help="name it once")
        seen.add(item.value)
