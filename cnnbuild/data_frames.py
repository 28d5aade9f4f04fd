"""Tables as pandas has them, where pandas is installed: nothing else here needs it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from cnnbuild.errors import UsageError

if TYPE_CHECKING:
    from pandas import DataFrame


def data_frame(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> DataFrame:
    """The rows as a DataFrame; a value that does not exist is None.

    Raises:
        UsageError: pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError:
        raise UsageError(
            "to_dataframe() needs pandas, which is not installed: pip install 'cnnbuild[notebook]'"
        ) from None
    return pd.DataFrame([tuple(row) for row in rows], columns=list(columns))
