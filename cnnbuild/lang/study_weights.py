"""`weights:` and `except:` of an architecture in a study: what its runs begin with."""

from __future__ import annotations

import os.path
from pathlib import Path

from cnnbuild.errors import Problems
from cnnbuild.lang.files import MAX_PATH, proposed_neighbour
from cnnbuild.lang.source import YamlList, YamlMap, YamlScalar
from cnnbuild.lang.study_document import StartingWeights
from cnnbuild.lang.validation import place_of_key
from cnnbuild.texts import shortened


def starting_weights(entry: YamlMap, study: Path, problems: Problems) -> StartingWeights | None:
    """The weights that an architecture's entry names, relative to the study; None where it names none.

    What is wrong with them is added to `problems`, unless it is of form, which is checked with the study's.
    """
    written, excepted = entry.get("weights"), _names(entry)
    if not isinstance(written, YamlScalar) or not isinstance(written.value, str):
        if excepted and (written is None or (isinstance(written, YamlScalar) and written.value is None)):
            message = "'except' leaves weights of a file out, and no file is named"
            problems.add(message, place_of_key(entry, "except"), help="add `weights: FILE`, or remove it")
        return None
    path = Path(os.path.normpath(study.parent / written.value))
    if not path.exists():
        message = f"there is no file of weights {shortened(str(path), MAX_PATH)}"
        hint = proposed_neighbour(path) or "name a file, or the folder of a finished run"
        problems.add(message, written.place, help=hint)
        return None
    return StartingWeights(path, excepted, written.place)


def _names(entry: YamlMap) -> tuple[str, ...]:
    listed = entry.get("except")
    items = listed.items if isinstance(listed, YamlList) else ()
    return tuple(str(item.value) for item in items if isinstance(item, YamlScalar))
