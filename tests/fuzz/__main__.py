"""One case again: `python -m tests.fuzz SEED` prints the changed file and what cnnbuild says of it."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from cnnbuild.errors import CnnbuildError, error_text
from tests.fuzz.cases import case_of, hold, prepare, read


def main() -> None:
    case = case_of(int(sys.argv[1]))
    print(f"--- seed {case.seed}: {case.mutation} upon {case.source.path.name}\n{case.text}\n---")
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        try:
            read(case.source, case.text, Path(folder), only=case.seed)
        except CnnbuildError as error:
            print(error_text(error))
        hold(case.source, case.text, Path(folder), only=case.seed)
    print("every promise holds")


if __name__ == "__main__":
    main()
