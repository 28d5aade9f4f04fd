"""What a few seeds can carry: intervals, differences, families of tests, effects, power.

Two uncertainties are never mixed. The spread over seeds (`summarize`, `paired_difference`) is about
architectures; the interval of a count (`wilson_interval`, `mcnemar_p`) is about these trained networks on
this test set.
"""

from cnnbuild.studies.statistics.counts import (
    AT_CHANCE_ALPHA,
    is_at_chance,
    mcnemar_p,
    wilson_interval,
)
from cnnbuild.studies.statistics.data_sets import ManySets, friedman, signed_rank_p
from cnnbuild.studies.statistics.differences import (
    Difference,
    PairedDifference,
    WelchDifference,
    equivalence_p,
    interval_of,
    paired_difference,
    welch_difference,
)
from cnnbuild.studies.statistics.effects import (
    FEWEST_FOR_RELIABLE,
    RELIABLE_SHARE,
    Superiority,
    hedges_g_of_pairs,
    hedges_g_of_samples,
    relative_error_reduction,
    superiority_of_pairs,
    superiority_of_samples,
)
from cnnbuild.studies.statistics.exact_tests import rank_sum_p, sign_flip_p
from cnnbuild.studies.statistics.families import dunnett, holm, holm_confidences
from cnnbuild.studies.statistics.power import seeds_needed, seeds_needed_unpaired
from cnnbuild.studies.statistics.samples import CONFIDENCE, Summary, summarize, t_quantile

__all__ = [
    "AT_CHANCE_ALPHA",
    "CONFIDENCE",
    "FEWEST_FOR_RELIABLE",
    "RELIABLE_SHARE",
    "Difference",
    "ManySets",
    "PairedDifference",
    "Summary",
    "Superiority",
    "WelchDifference",
    "dunnett",
    "equivalence_p",
    "friedman",
    "hedges_g_of_pairs",
    "hedges_g_of_samples",
    "holm",
    "holm_confidences",
    "interval_of",
    "is_at_chance",
    "mcnemar_p",
    "paired_difference",
    "rank_sum_p",
    "relative_error_reduction",
    "seeds_needed",
    "seeds_needed_unpaired",
    "sign_flip_p",
    "signed_rank_p",
    "summarize",
    "superiority_of_pairs",
    "superiority_of_samples",
    "t_quantile",
    "welch_difference",
    "wilson_interval",
]
