"""What is noticed of image files while all of them are read: which cannot be used, which were converted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cnnbuild.data.decoded import Decoded, UnreadableError
from cnnbuild.errors import DataError
from cnnbuild.system.cores import core_count

AT_ONCE = 256  # images that are decoded ahead while one is looked at
MOST_FAULTS = 10  # files that one message names


class FileNotes:
    """Of the files that went through `decoded`: how many, the faults of some, and what others were."""

    def __init__(self) -> None:
        self._files = 0
        self._faults: list[str] = []
        self._converted: Counter[str] = Counter()

    def decoded(self, paths: Sequence[Path], decode: Callable[[Path], Decoded]) -> Iterator[Decoded]:
        """Those images that can be read, in order; Pillow works in threads meanwhile.

        Raises:
            DataError: too many cannot be read to go on.
        """

        def attempt(path: Path) -> Decoded | UnreadableError:
            try:
                return decode(path)
            except UnreadableError as error:
                return error

        with ThreadPoolExecutor(max_workers=core_count()) as pool:
            for start in range(0, len(paths), AT_ONCE):
                for found in pool.map(attempt, paths[start : start + AT_ONCE]):
                    self._files += 1
                    if isinstance(found, UnreadableError):
                        self._faults.append(str(found))
                        if len(self._faults) == MOST_FAULTS:
                            self.refuse_faults()
                        continue
                    if found.was:
                        self._converted[found.was] += 1
                    yield found

    def refuse_faults(self) -> None:
        """Nothing where all files could be read.

        Raises:
            DataError: some could not, up to `MOST_FAULTS` of which it names.
        """
        count = len(self._faults)
        if count == 1:
            raise DataError(f"{self._faults[0]}; remove or replace it")
        if count:
            first = "the first " if count == MOST_FAULTS else ""
            listed = "\n".join(f"  {fault}" for fault in self._faults)
            raise DataError(f"{first}{count} files cannot be used; remove or replace them:\n{listed}")

    def conversions(self, channels: int) -> str:
        """A sentence on the files that were of another kind than the images are; empty without any."""
        if not self._converted:
            return ""
        count = sum(self._converted.values())
        kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(self._converted.items()))
        verb = "was" if count == 1 else "were"
        target = "grey" if channels == 1 else "RGB"
        return f"{count:,} of {self._files:,} images {verb} converted to {target} of 8 bits: {kinds}"
