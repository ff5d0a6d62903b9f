"""What the verbs return: matrices, and records as columns."""

from __future__ import annotations

import ctypes
import os
import pathlib
from ctypes import byref, c_int64, c_size_t
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import _library as library
from .dataset import Dataset
from ._records import columns_of
from .runs import Run


@dataclass
class Training:
    """What `train` made: words W [V, d] and contexts H [m, d], in the precision of `master`, and the records."""

    W: np.ndarray
    H: np.ndarray
    records: dict[str, Any]
    steps: int  # updates that were made
    reached: bool  # whether they are all that was asked for
    at_rest: bool  # whether no step lowers the objective any more, or the gradient is exactly 0
    stopped: bool = False  # whether the callback ended it
    folder: pathlib.Path | None = None


@dataclass
class Limit:
    """L_mm = W @ H.T, W [V, r], H [m, r], singular values sigma [r]; a record a certificate, the last the result's own."""

    W: np.ndarray
    H: np.ndarray
    sigma: np.ndarray
    records: dict[str, Any]
    reached: bool  # whether the tolerance is
    at_rest: bool
    stopped: bool = False
    folder: pathlib.Path | None = None
    handle: library.Handle | None = field(default=None, repr=False)

    def handle_for(self, data: Dataset) -> library.Handle:
        """As the library takes it beside `data`. Raises ValueError where the shapes are others."""
        return self.handle or limit_handle(data, self.W, self.H)


@dataclass
class Point:
    """A point of a path: L = W @ H.T."""

    W: np.ndarray
    H: np.ndarray
    sigma: np.ndarray


@dataclass
class Path:
    """The path's last point W [V, r], H [m, r], sigma [r]; a record a point; all points where save_points was set."""

    W: np.ndarray
    H: np.ndarray
    sigma: np.ndarray
    records: dict[str, Any]
    reached: bool  # whether each point of the grid has the tolerance
    points: list[Point] = field(default_factory=list)
    stopped: bool = False
    folder: pathlib.Path | None = None


@dataclass
class Concepts:
    """K leading singular directions: values [K] descending, words [V, K], contexts [m, K] (None of words alone)."""

    values: np.ndarray
    tied: np.ndarray  # [K] bool: the direction is one arbitrary choice among rotations of its neighbours
    words: np.ndarray
    contexts: np.ndarray | None
    word_signs: np.ndarray  # [V, K] int8: -1, 0 (below the noise), 1
    context_signs: np.ndarray | None  # [m, K]
    never_follows: np.ndarray  # [V] bool: words that follow no context, in no sign class

    def clusters(self) -> dict[str, np.ndarray]:
        """Words by their signs, "+0-" say, the largest cluster first."""
        signs = ["".join("0+-"[int(sign)] for sign in row) for row in self.word_signs]
        found: dict[str, list[int]] = {}
        for word, pattern in enumerate(signs):
            if not self.never_follows[word]:
                found.setdefault(pattern, []).append(word)
        return {pattern: np.array(found[pattern]) for pattern in sorted(found, key=lambda one: (-len(found[one]), one))}


def matrix_of(address: int, name: str, dtype: Any = np.float64) -> np.ndarray:
    """A copy of a result's matrix."""
    rows, columns = c_int64(), c_int64()
    library.call("result_shape", address, name.encode(), byref(rows), byref(columns))
    out = np.empty((rows.value, columns.value), dtype)
    kind = library.FLOAT32 if out.dtype == np.float32 else library.FLOAT64
    library.call("result_copy", address, name.encode(), kind, out.ctypes.data, *out.shape)
    return out


def record_of(figures: Any, count: int) -> dict[str, Any]:
    return {figures[i].key.decode(): figures[i].value() for i in range(count)}


def records_of(address: int) -> list[dict[str, Any]]:
    figures, count = ctypes.POINTER(library.Figure)(), c_size_t()
    found = []
    for index in range(look(address).records):
        library.call("result_record", address, index, byref(figures), byref(count))
        found.append(record_of(figures, count.value))
    return found


def look(address: int) -> library.ResultView:
    view = library.ResultView()
    library.call("result_look", address, byref(view))
    return view


def training_of(handle: library.Handle, stopped: bool, dtype: Any) -> Training:
    view, at = look(handle.address), handle.address
    return Training(matrix_of(at, "W", dtype), matrix_of(at, "H", dtype), columns_of(records_of(at)), view.steps,
                    bool(view.reached), bool(view.at_rest), stopped)


def limit_of(handle: library.Handle, stopped: bool) -> Limit:
    view, at = look(handle.address), handle.address
    return Limit(matrix_of(at, "W"), matrix_of(at, "H"), matrix_of(at, "sigma")[:, 0], columns_of(records_of(at)),
                 bool(view.reached), bool(view.at_rest), stopped, handle=handle)


def path_of(handle: library.Handle, stopped: bool) -> Path:
    view = look(handle.address)

    def point(at: int) -> Point:
        return Point(matrix_of(at, "W"), matrix_of(at, "H"), matrix_of(at, "sigma")[:, 0])

    def point_number(index: int) -> Point:
        at = ctypes.c_void_p()
        library.call("result_point", handle.address, index, byref(at))
        return point(at.value or 0)

    last = point(handle.address)
    return Path(last.W, last.H, last.sigma, columns_of(records_of(handle.address)), bool(view.reached),
                [point_number(index) for index in range(view.points)], stopped)


def concepts_of(handle: library.Handle, with_contexts: bool) -> Concepts:
    at = handle.address
    return Concepts(matrix_of(at, "values")[:, 0], matrix_of(at, "tied")[:, 0] != 0, matrix_of(at, "words"),
                    matrix_of(at, "contexts") if with_contexts else None, matrix_of(at, "word_signs").astype(np.int8),
                    matrix_of(at, "context_signs").astype(np.int8) if with_contexts else None,
                    matrix_of(at, "never_follows")[:, 0] != 0)


def limit_handle(data: Dataset, words: np.ndarray, contexts: np.ndarray) -> library.Handle:
    """The library's handle of an L_mm from its factors."""
    words, contexts = (np.ascontiguousarray(factor, np.float64) for factor in (words, contexts))
    for name, factor, rows in (("W", words, data.vocab_size), ("H", contexts, data.contexts)):
        if factor.ndim != 2 or factor.shape != (rows, words.shape[-1]):
            raise ValueError(f"limit: its {name} has shape {list(factor.shape)}; beside this data set it must be "
                             f"[{rows}, rank]")
    return library.made("result", "limit_of", data._handle.address, words.ctypes.data, contexts.ctypes.data,
                        words.shape[1])


def handle_of_limit(limit: Any, data: Dataset) -> library.Handle | None:
    """The `limit` of a verb: a Limit, a Run of `ntpgeo limit` or its folder; None is none."""
    if limit is None:
        return None
    if isinstance(limit, Limit):
        return limit.handle_for(data)
    run = limit if isinstance(limit, Run) else Run.open(limit) if isinstance(limit, (str, os.PathLike)) else None
    if run is None or run.command != "limit":
        raise ValueError(f"limit: {limit!r} is no L_mm; give what ntpgeo.limit made, or the folder of ntpgeo limit")
    result = run.result
    return limit_handle(data, result["W"], result["H"])
