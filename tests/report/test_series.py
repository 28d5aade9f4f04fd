from cnnbuild.report.figures.series import Series, series_of
from cnnbuild.training.record import EpochRecord
from tests.studies.synthetic import cell_record, run_record


def record_of(seed: int, losses: list[float | None]):
    epochs = tuple(
        EpochRecord(n, 0.1, 1.0, 1.0, 0.5, loss, 0.5, 1.0, 1.0) for n, loss in enumerate(losses, start=1)
    )
    return cell_record("a", seed, 800, run=run_record(800, seed=seed, epochs=epochs))


def validation_loss(epoch: EpochRecord) -> float | None:
    return epoch.validation_loss


def test_a_mean_goes_as_far_as_all_runs_and_longer_ones_go_on_alone():
    found = series_of([record_of(0, [4.0, 2.0]), record_of(1, [2.0, 1.0, 0.5, 0.25])], validation_loss)
    assert found == Series(
        runs=2,
        epochs=(1, 2),
        mean=(3.0, 1.5),
        low=(2.0, 1.0),
        high=(4.0, 2.0),
        tails=(((2, 1.0), (3, 0.5), (4, 0.25)),),
    )
    assert found.last_epoch == 4


def test_runs_without_a_value_in_common_have_no_mean():
    assert series_of([], validation_loss) is None
    assert series_of([record_of(0, [None, None])], validation_loss) is None
    assert series_of([record_of(0, [1.0, None]), record_of(1, [None, 1.0])], validation_loss) is None
