import pytest

from cnnbuild.errors import UsageError
from cnnbuild.studies.selection import selected
from tests.studies.studies_on_disk import STUDY
from tests.studies.test_supervisor import plan_of

TWO = STUDY.replace("[digits]", "[digits, synthetic]")


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        ([], 8),
        (["narrow"], 4),
        (["narrow", "wide"], 8),
        (["w*"], 4),
        (["digits"], 4),
        (["synth*", "narrow"], 2),
        (["seed=0"], 4),
        (["seed=0", "seed=1"], 8),
        (["seed=0", "wide", "digits"], 1),
    ],
)
def test_words_of_a_kind_widen_the_choice_and_kinds_narrow_it(tmp_path, only, expected):
    cells = plan_of(tmp_path, TWO).cells
    assert sum(selected(cells, only)) == expected


@pytest.mark.parametrize(
    ("only", "message"),
    [
        (
            ["narrow, wide"],
            "--only narrow, wide: no architecture or data set of this study; give each by itself: "
            "--only narrow --only wide",
        ),
        (["narow"], "--only narow: no architecture or data set of this study; did you mean 'narrow'?"),
        (
            ["resnet"],
            "--only resnet: no architecture or data set of this study; it has: digits, narrow, synthetic, wide",
        ),
        (["seed=7"], "--only seed=7: no run of this study; there is seed=0, seed=1"),
        (["lr=1"], "--only lr=1: no run of this study; it has no 'lr'"),
    ],
)
def test_a_word_that_selects_nothing_is_refused(tmp_path, only, message):
    with pytest.raises(UsageError) as caught:
        selected(plan_of(tmp_path, TWO).cells, only)
    assert str(caught.value) == message


def test_words_that_exclude_each_other_are_refused(tmp_path):
    cells = [c for c in plan_of(tmp_path, TWO).cells if (c.architecture, c.seed) != ("wide", 1)]
    with pytest.raises(UsageError, match="--only wide --only seed=1: no run of this study is all of that"):
        selected(cells, ["wide", "seed=1"])


def test_values_of_the_grid_are_selected_by_their_path_or_its_end(tmp_path):
    from dataclasses import replace

    cells = [
        replace(c, grid={"train.optimizer.adam.lr": 0.1 / (1 + n)})
        for n, c in enumerate(plan_of(tmp_path).cells)
    ]
    assert selected(cells, ["lr=0.1"]) == (True, False, False, False)
    assert selected(cells, ["train.optimizer.adam.lr=0.05"]) == (False, True, False, False)
    assert selected(cells, ["lr=0.1", "lr=0.05"]) == (True, True, False, False)
