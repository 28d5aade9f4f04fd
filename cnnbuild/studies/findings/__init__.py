"""What may be concluded: sentences on a fixed ladder, each with its scope and what speaks against it.

From the bottom: no comparison (runs that did not train), descriptive only (one or two seeds), not resolved,
equivalent within the band, small but real, real and of unclear size, better here; from 29 seeds on, reliably
better.
"""

from cnnbuild.studies.findings.compared_rows import findings_of
from cnnbuild.studies.findings.finding import Check, Evidence, Finding, TwoNetworks, Verdict
from cnnbuild.studies.findings.judgement import ALPHA, FEWEST_SEEDS, Judgement, difference_between, judge
from cnnbuild.studies.findings.sentences import evidence_in_words

__all__ = [
    "ALPHA",
    "FEWEST_SEEDS",
    "Check",
    "Evidence",
    "Finding",
    "Judgement",
    "TwoNetworks",
    "Verdict",
    "difference_between",
    "evidence_in_words",
    "findings_of",
    "judge",
]
