from cnnbuild.studies.soundness import soundness_of
from tests.studies.synthetic import cell_record, study_results


def test_a_sound_study_needs_no_sentence():
    assert soundness_of(study_results(cell_record("a", 0, 800))) == ()


def test_what_did_not_train_is_told_apart_from_what_was_ended():
    records = [cell_record("a", 0, 800), cell_record("a", 1, 100)]
    records += [
        cell_record("a", seed, 0, state=state, reason="why", run=None)
        for seed, state in ((2, "killed"), (3, "stalled"), (4, "killed"))
    ]
    assert [str(one) for one in soundness_of(study_results(*records))] == [
        "1 of 5 runs did not train. This tells something about the recipe, not about the architecture.",
        "3 of 5 runs were not trained to the end: 2 killed, 1 stalled. "
        "This tells nothing about recipe or architecture; the same command runs what failed again.",
    ]


def test_a_single_run_is_not_counted():
    failed = cell_record("a", 0, 0, state="failed", reason="why", run=None)
    assert soundness_of(study_results(failed))[0].what == "The only run was ended by an error."
