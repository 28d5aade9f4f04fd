"""From what was asked on the command line, in Python or by an earlier start, to a plan that can be run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cnnbuild.errors import UsageError
from cnnbuild.lang.study import read_study
from cnnbuild.layers.plugins import registry_with
from cnnbuild.studies.naming import default_folder
from cnnbuild.studies.plan import StudyPlan, plan_study
from cnnbuild.studies.selection import selected
from cnnbuild.studies.store import StudyFolder
from cnnbuild.studies.study_file import Invocation
from cnnbuild.studies.trust import plugins_for


@dataclass(frozen=True, slots=True)
class OpenedStudy:
    """A study whose files were read and whose plan fits.

    `plugins` are the Python files with its own layer types, `classes` is whether there are types that no file
    gives, and which no other process can know therefore.
    """

    plan: StudyPlan
    plugins: tuple[Path, ...]
    classes: bool

    def folder(self, out: Path | None) -> Path:
        """Where the results go: `out`, or the folder of the study's name.

        Raises:
            UsageError: it is a file, or the folder of the name holds another file's study.
        """
        folder = out if out is not None else default_folder(self.plan.document)
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{folder} is a file; --out names a folder")
        if out is None:
            _refuse_folder_of_another(folder, self.plan.document.file)
        return folder

    def narrowed(self, only: Sequence[str]) -> StudyPlan:
        """The plan without the runs that `only` does not select.

        Raises:
            UsageError: it selects none.
        """
        cells = self.plan.cells
        chosen = selected(cells, only)
        return replace(self.plan, cells=tuple(c for c, now in zip(cells, chosen, strict=True) if now))


def _refuse_folder_of_another(folder: Path, file: Path) -> None:
    """Refuse a folder that a study of the same name in another file has filled.

    Raises:
        UsageError: it has, and that file is still there.
    """
    other = _file_of(folder)
    if other is not None and other != file.resolve() and other.is_file():
        raise UsageError(
            f"{folder} holds the study of {other}, which has the same name: give this one another name under "
            "`study:`, or name its folder with --out"
        )


def _file_of(folder: Path) -> Path | None:
    """The study file that filled a folder; None where there is none, or where that is not known."""
    try:
        started = StudyFolder(folder).read_study().get("invocation")
    except UsageError:
        return None
    file = started.get("file") if isinstance(started, Mapping) else None
    return Path(file) if isinstance(file, str) else None


def open_study(
    file: Path, wanted: Invocation, plugins: Iterable[Path | str | type] | None = None
) -> OpenedStudy:
    """Read a study and plan it; no torch is loaded unless a plugin does.

    `file` is the study's as messages shall name it. `plugins` are files or classes instead of `wanted`'s.

    Raises:
        DocumentError: a file has faults, or the study asks for Python files that nobody trusts.
        DataError: the shape of an image folder cannot be read.
        UsageError: there is no such file, variant or plugin.
    """
    document = read_study(
        file,
        variant=wanted.variant,
        settings=wanted.settings,
        datasets=wanted.datasets or None,
        seeds=wanted.seeds,
    )
    given = tuple(wanted.plugins if plugins is None else plugins)
    types = plugins_for(document, given, trust=wanted.trust)
    data_root = None if wanted.data_root is None else Path(wanted.data_root)
    plan = plan_study(document, data_root=data_root, registry=registry_with(types))
    files = tuple(Path(each).resolve() for each in types if not isinstance(each, type))
    return OpenedStudy(plan, files, len(files) < len(types))


def invocation_of(
    file: Path,
    *,
    variant: str | None,
    settings: dict[str, object],
    datasets: Sequence[str] | None,
    seeds: int | None,
    data_root: Path | None,
    plugins: Iterable[Path | str | type],
    trust: bool,
) -> Invocation:
    """What was asked, in a form that is kept: every path absolute, and no classes."""
    return Invocation(
        file=str(file.resolve()),
        variant=variant,
        settings=settings,
        datasets=tuple(datasets) if datasets else None,
        seeds=seeds,
        plugins=tuple(str(Path(each).resolve()) for each in plugins if not isinstance(each, type)),
        trust=trust,
        data_root=None if data_root is None else str(data_root.resolve()),
    )
