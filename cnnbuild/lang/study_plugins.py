"""The Python files that a study asks for, by name: nothing of them is read here."""

from __future__ import annotations

import os.path
from pathlib import Path

from cnnbuild.errors import Place, Problems
from cnnbuild.lang.files import MAX_PATH, is_regular_file, proposed_neighbour
from cnnbuild.lang.source import YamlList, YamlMap, YamlScalar
from cnnbuild.texts import shortened


def plugins_of(study: YamlMap, file: Path, problems: Problems) -> tuple[tuple[Path, Place], ...]:
    """The files under `plugins`, relative to the study `file`, each with the place of its name.

    A file that does not exist, is no Python file, or is named twice is added to `problems`.
    """
    listed = study.get("plugins")
    found: dict[Path, Place] = {}
    for item in listed if isinstance(listed, YamlList) else ():
        if not isinstance(item, YamlScalar) or not isinstance(item.value, str) or not item.value:
            continue  # validation has said so
        path = Path(os.path.normpath(file.parent / item.value))
        if path.suffix != ".py":
            message = f"a plugin is a Python file (.py), unlike '{shortened(item.value)}'"
            problems.add(message, item.place, help="layer types are classes: see docs/plugins.md")
        elif not is_regular_file(path):
            message = f"there is no plugin file {shortened(str(path), MAX_PATH)}"
            problems.add(message, item.place, help=proposed_neighbour(path, suffixes=(".py",)))
        elif path in found:
            problems.add(f"the plugin '{item.value}' is listed twice", item.place, help="keep one of the two")
        else:
            found[path] = item.place
    return tuple(found.items())
