"""How far the runs are that have not ended, by the last line that each has written."""

from __future__ import annotations

from dataclasses import dataclass

from cnnbuild.studies.epoch_news import EpochNews, news_from
from cnnbuild.studies.results import StudyResults
from cnnbuild.studies.store import StudyFolder
from cnnbuild.training.record import loss_text

MOST_SHOWN = 40
TAIL_BYTES = 2000


@dataclass(frozen=True, slots=True)
class UnderWay:
    """One run that has begun and not ended, as text."""

    run: str
    epoch: str
    loss: str
    accuracy: str


def under_way(results: StudyResults) -> list[UnderWay]:
    """The first runs that have told of an epoch and have no record yet."""
    store = StudyFolder(results.folder)
    found: list[UnderWay] = []
    for cell in results.missing:
        try:
            content = (store.cell(cell.folder) / "progress.jsonl").read_bytes()[-TAIL_BYTES:]
        except OSError:
            continue
        news = [one for line in content.decode("utf-8", "replace").splitlines() if (one := news_from(line))]
        if news:
            setting = f" ({cell.setting})" if cell.setting else ""
            run = f"{cell.architecture} on {cell.dataset}{setting}, seed {cell.seed}"
            found.append(_line(run, news[-1]))
        if len(found) == MOST_SHOWN:
            break
    return found


def _line(run: str, news: EpochNews) -> UnderWay:
    epoch = str(news.epoch) if news.epochs is None else f"{news.epoch} of {news.epochs}"
    accuracy = "" if news.validation_accuracy is None else f"{100 * news.validation_accuracy:.2f}"
    return UnderWay(run, epoch, loss_text(news.running_loss), accuracy)
