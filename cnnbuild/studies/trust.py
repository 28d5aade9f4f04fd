"""Python files that a study asks for: loaded only where who starts it says that they were read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from cnnbuild.errors import Place, Problems
from cnnbuild.layers.plugins import registry_with
from cnnbuild.layers.registry import Registry


class AsksForPlugins(Protocol):
    """A study of whatever kind: what it asks for, each file with the place of its name."""

    @property
    def plugins(self) -> tuple[tuple[Path, Place], ...]:
        """The files."""


def plugins_for(
    document: AsksForPlugins, plugins: Path | str | Iterable[Path | str | type] = (), *, trust: bool
) -> tuple[Path | str | type, ...]:
    """The plugins that were given, and behind them those that the study asks for, each file once.

    A file that was given is trusted; another one that the study names is only with `trust`.

    Raises:
        DocumentError: the study asks for files that nobody trusts; nothing was loaded.
    """
    given = (plugins,) if isinstance(plugins, str | Path) else tuple(plugins)
    known = {Path(each).resolve() for each in given if not isinstance(each, type)}
    asked = [(path, place) for path, place in document.plugins if path.resolve() not in known]
    if not trust:
        problems = Problems()
        for path, place in asked:
            problems.add(
                f"the study asks for the Python file {path}, which can do all that you can",
                place,
                help="read it, then pass `--trust` (in Python: trust=True)",
            )
        problems.raise_if_any()
    return (*given, *(path for path, _ in asked))


def registry_for(
    document: AsksForPlugins, plugins: Path | str | Iterable[Path | str | type] = (), *, trust: bool
) -> Registry:
    """The layer types for a study: the standard ones, those of the plugins, those of its own plugins.

    Raises:
        DocumentError: the study asks for files that nobody trusts; nothing was loaded.
        UsageError: a plugin cannot be loaded, holds no layer type, or takes a name that exists.
    """
    return registry_with(plugins_for(document, plugins, trust=trust))
