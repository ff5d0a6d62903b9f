"""Records as columns in step order.

A column of whole numbers is int64, of numbers float64 where what does not exist (null) is NaN, of texts a list of str or None,
of lists of numbers float64 [records, longest], filled up with NaN. Whole numbers of which some do not exist are float64.
"""

from __future__ import annotations

from typing import Any, Mapping, Sequence, Union

import numpy as np

Value = Union[int, float, str, "list[float]", None]
Record = Mapping[str, Value]


def columns_of(records: Sequence[Record]) -> dict[str, Any]:
    keys: dict[str, None] = {}
    for record in records:
        keys.update(dict.fromkeys(record))
    return {key: _column([record.get(key) for record in records]) for key in keys}


def _column(values: list[Value]) -> Any:
    if any(isinstance(value, str) for value in values):
        return values
    if any(isinstance(value, list) for value in values):
        lists = [value if isinstance(value, list) else [] for value in values]
        column = np.full((len(lists), max(map(len, lists))), np.nan)
        for row, value in zip(column, lists):
            row[:len(value)] = [np.nan if number is None else number for number in value]
        return column
    if values and all(isinstance(value, int) for value in values):
        return np.array(values, np.int64)
    return np.array([np.nan if value is None else value for value in values], np.float64)
