"""Data sets: m contexts over V words, each with a sparse distribution of the next word and a weight."""

from __future__ import annotations

import ctypes
import os
import pathlib
from typing import Any, Mapping, Sequence

import numpy as np

from . import _dataset_file as dataset_file, _library as library
from ._settings import Settings

_indices: dict[Any, int] = {np.dtype(np.int32): library.INT32, np.dtype(np.int64): library.INT64}
_reals: dict[Any, int] = {np.dtype(np.float32): library.FLOAT32, np.dtype(np.float64): library.FLOAT64}
_probabilities: dict[Any, int] = {np.dtype(np.float16): library.FLOAT16, **_reals}


def _taken(values: Any, name: str, types: Mapping[Any, int], shape: tuple[int | None, ...]) -> np.ndarray:
    """`values` as the library reads it, without a copy where type and order allow. Raises ValueError naming it."""
    array = np.asarray(values)
    if array.dtype.kind not in ("iu" if np.dtype(np.int64) in types else "iuf"):
        right = "whole numbers" if np.dtype(np.int64) in types else "numbers"
        raise ValueError(f"{name}: is an array of {array.dtype}; it must be one of {right}")
    if array.ndim != len(shape) or any(want is not None and have != want for have, want in zip(array.shape, shape)):
        right = ", ".join("any" if want is None else str(want) for want in shape)
        raise ValueError(f"{name}: has shape {list(array.shape)}; it must be [{right}]")
    wanted = array.dtype.newbyteorder("=") if array.dtype.newbyteorder("=") in types else list(types)[-1]
    if array.dtype.kind == "u" and array.size and array.max() > np.iinfo(np.int64).max:
        raise ValueError(f"{name}: has an entry above 2^63 - 1")
    return np.ascontiguousarray(array, dtype=wanted)


def _only(dtype: Any) -> Mapping[Any, int]:
    return {np.dtype(dtype): (_indices | _reals).get(np.dtype(dtype), 0)}


def _stamp(path: pathlib.Path) -> tuple[int, int] | None:
    """By which a file that was changed is known."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size


def _address(array: np.ndarray | None) -> int | None:
    return None if array is None else array.ctypes.data


class Dataset:
    """Sparse soft labels. Made by one of the class's functions; what is in it does not change.

    The arrays that it shows (`indptr`, `indices`, `probs`, ...) are read-only views of its memory.
    """

    def __init__(self, handle: library.Handle):
        self._handle = handle
        self._path: pathlib.Path | None = None  # the file that holds it, where there is one
        self._stamp: tuple[int, int] | None = None
        self._view = library.DatasetView()
        library.call("dataset_look", handle.address, ctypes.byref(self._view))

    @classmethod
    def from_csr(cls, indptr: Any, indices: Any, probs: Any, context_probs: Any = None, vocab_size: int | None = None, *,
                 counts: Any = None, context_tokens: Any = None, vocab: Sequence[bytes | str] | None = None,
                 source: str = "", _name: str = "data set") -> Dataset:
        """From compressed rows.

        indptr: [m+1] whole numbers, from 0, strictly increasing.
        indices: [nnz] words, strictly increasing in each context.
        probs: [nnz], > 0, their sum in each context is 1 up to 1e-5 (then renormalised in fp64).
        context_probs: [m] weights, > 0, of sum 1 up to 1e-5; None: 1/m each.
        vocab_size: V; None: the largest index and 1.
        counts, context_tokens, vocab: [nnz] occurrences, [m, n] words of each context, [V] the words themselves.
        """
        indptr = _taken(indptr, "indptr", _only(np.int64), (None,))
        indices = _taken(indices, "indices", _indices, (None,))
        nnz = len(indices)
        probs = _taken(probs, "probs", _reals, (nnz,))
        contexts = max(len(indptr) - 1, 0 if context_probs is None else len(context_probs))
        if len(indptr) != contexts + 1:
            raise ValueError(f"{_name}: indptr has length {len(indptr)}; it must have {contexts + 1} (contexts + 1)")
        if contexts == 0:
            raise ValueError(f"{_name}: has no context; at least one is needed")
        if indptr[-1] != nnz and indptr[0] == 0 and (indptr[1:] > indptr[:-1]).all():  # else the library tells
            raise ValueError(f"{_name}: indptr ends with {indptr[-1]}; it must end with {nnz}, the length of indices")
        if vocab_size is None:
            vocab_size = len(vocab) if vocab is not None else int(indices.max(initial=0)) + 1
        if context_probs is not None:
            context_probs = _taken(context_probs, "context_probs", _only(np.float64), (contexts,))
        if counts is not None:
            counts = _taken(counts, "counts", _only(np.int64), (nnz,))
        if context_tokens is not None:
            context_tokens = _taken(context_tokens, "context_tokens", _only(np.int32), (contexts, None))
        block, offsets = None, None
        if vocab is not None:
            if len(vocab) != vocab_size:
                raise ValueError(f"vocab: has {len(vocab)} words; it must have vocab_size, {vocab_size}")
            words = [word.encode() if isinstance(word, str) else bytes(word) for word in vocab]
            block = np.frombuffer(b"".join(words) or b"\0", np.uint8)
            offsets = np.concatenate(([0], np.cumsum([len(word) for word in words], dtype=np.int64))).astype(np.int64)
        csr = library.Csr(
            vocab_size=int(vocab_size), contexts=contexts, indptr=_address(indptr), indices=_address(indices),
            indices_type=_indices[indices.dtype], probs=_address(probs), probs_type=_reals[probs.dtype],
            context_probs=_address(context_probs), counts=_address(counts), context_tokens=_address(context_tokens),
            context_length=0 if context_tokens is None else context_tokens.shape[1], vocab_bytes=_address(block),
            vocab_offsets=_address(offsets), source=source.encode(), name=_name.encode())
        return cls(library.made("dataset", "dataset_from_csr", ctypes.byref(csr)))

    @classmethod
    def from_scipy(cls, matrix: Any, context_probs: Any = None, **optional: Any) -> Dataset:
        """From a SciPy sparse matrix [m, V] of probabilities, one row a context; duplicates are summed."""
        matrix = matrix.tocsr()
        if not matrix.has_canonical_format:
            matrix = matrix.copy()
            matrix.sum_duplicates()
        return cls.from_csr(matrix.indptr, matrix.indices, matrix.data, context_probs, matrix.shape[1], **optional)

    @classmethod
    def from_topk(cls, ids: Any, probs: Any, weights: Any = None, vocab_size: int | None = None) -> Dataset:
        """From a teacher's top-k, one row a context.

        ids: [m, k] words; a negative one is padding. probs: [m, k] >= 0, their sum in a row in (0, 1], but for 1e-5 and what
        their dtype (float16 too) rounds.
        weights: [m] > 0 of any sum; None: all alike. vocab_size: V; None: the largest id and 1.

        Duplicate ids are merged, entries of probability 0 left out, ids sorted. A row of mass mu < 1 is the same problem
        with its labels over mu and its weight times mu, which is what the data set holds; weights then sum to 1.
        """
        ids = _taken(ids, "ids", _indices, (None, None))
        probs = _taken(probs, "probs", _probabilities, ids.shape)
        if weights is not None:
            weights = _taken(weights, "weights", _only(np.float64), (len(ids),))
        if vocab_size is None:
            vocab_size = max(int(ids.max(initial=0)) + 1, 1)
        topk = library.TopK(vocab_size=int(vocab_size), contexts=ids.shape[0], k=ids.shape[1], ids=_address(ids),
                            ids_type=_indices[ids.dtype], probs=_address(probs), probs_type=_probabilities[probs.dtype],
                            weights=_address(weights))
        return cls(library.made("dataset", "dataset_from_topk", ctypes.byref(topk)))

    @classmethod
    def from_ngrams(cls, token_ids: Any, vocab_size: int | None = None, *, document_ends: Any = None,
                    context: int | None = None, min_count: int | None = None, contexts: int | None = None,
                    weights: str | None = None) -> Dataset:
        """Counts every window of `context` tokens and the next one, exactly.

        token_ids: [n] words; a window that holds a negative one is not counted. document_ends: [D] where documents end in
        them, rising to n; no window crosses an edge. vocab_size: V; None: the largest id and 1. The rest as
        `ntpgeo data text` has it, with its defaults.
        """
        ids = _taken(token_ids, "token_ids", _indices, (None,))
        ends = None if document_ends is None else _taken(document_ends, "document_ends", _only(np.int64), (None,))
        if vocab_size is None:
            vocab_size = max(int(ids.max(initial=0)) + 1, 1)
        settings = Settings("ngrams")
        settings.set_all({"context": context, "min_count": min_count, "contexts": contexts, "weights": weights})
        return cls(library.made("dataset", "dataset_from_ngrams", _address(ids), _indices[ids.dtype], len(ids),
                                _address(ends), 0 if ends is None else len(ends), int(vocab_size), settings.address))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Dataset:
        """Reads and checks a data set's file, as the program does (docs/design.md, 2.2)."""
        made = cls.from_csr(**dataset_file.read(pathlib.Path(path)), _name=str(path))
        made._remember(path)
        return made

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the file that the program reads, whole or not at all."""
        names = ("indptr", "indices", "probs", "context_probs", "counts", "context_tokens")
        tensors = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        if self._view.vocab_offsets:
            tensors["vocab_bytes"] = self._vocab_bytes()
            tensors["vocab_offsets"] = self._array("vocab_offsets", np.int64, (self.vocab_size + 1,))
        dataset_file.write(pathlib.Path(path), tensors, self.vocab_size, self.source, self.context_length)
        self._remember(path)

    def _remember(self, path: str | os.PathLike[str]) -> None:
        self._path = pathlib.Path(path).absolute()
        self._stamp = _stamp(self._path)

    def file(self) -> pathlib.Path | None:
        """The file that holds this data set, as long as it is as it was; None where there is none."""
        return self._path if self._path is not None and _stamp(self._path) == self._stamp else None

    def _array(self, name: str, dtype: Any, shape: tuple[int, ...]) -> np.ndarray | None:
        address = getattr(self._view, name)
        if not address:
            return None
        count = int(np.prod(shape))
        memory = (ctypes.c_char * (count * np.dtype(dtype).itemsize)).from_address(address)
        memory._owner = self._handle  # the data set lives as long as what shows it
        array = np.frombuffer(memory, dtype).reshape(shape)
        array.flags.writeable = False
        return array

    def _known(self, name: str, dtype: Any, shape: tuple[int, ...]) -> np.ndarray:
        array = self._array(name, dtype, shape)
        return np.empty(0, dtype) if array is None else array

    def _vocab_bytes(self) -> np.ndarray:
        ends = self._known("vocab_offsets", np.int64, (self.vocab_size + 1,))
        return self._known("vocab_bytes", np.uint8, (int(ends[-1]),))

    @property
    def vocab_size(self) -> int:
        """V."""
        return self._view.vocab_size

    @property
    def contexts(self) -> int:
        """m."""
        return self._view.contexts

    @property
    def nnz(self) -> int:
        """Entries of all labels."""
        return self._view.nnz

    @property
    def context_length(self) -> int:
        """Tokens a context; 0 where that is not known."""
        return self._view.context_length

    @property
    def indptr(self) -> np.ndarray:
        """[m+1] int64."""
        return self._known("indptr", np.int64, (self.contexts + 1,))

    @property
    def indices(self) -> np.ndarray:
        """[nnz] int32."""
        return self._known("indices", np.int32, (self.nnz,))

    @property
    def probs(self) -> np.ndarray:
        """[nnz] float64."""
        return self._known("probs", np.float64, (self.nnz,))

    @property
    def context_probs(self) -> np.ndarray:
        """[m] float64, the weights."""
        return self._known("context_probs", np.float64, (self.contexts,))

    @property
    def counts(self) -> np.ndarray | None:
        """[nnz] int64, or None where they are not known."""
        return self._array("counts", np.int64, (self.nnz,))

    @property
    def context_tokens(self) -> np.ndarray | None:
        """[m, context_length] int32, or None where they are not known."""
        return self._array("context_tokens", np.int32, (self.contexts, self.context_length))

    @property
    def vocab(self) -> list[bytes] | None:
        """[V] the words, or None where they are not known."""
        ends = self._array("vocab_offsets", np.int64, (self.vocab_size + 1,))
        if ends is None:
            return None
        block = self._vocab_bytes().tobytes()
        return [block[begin:end] for begin, end in zip(ends[:-1], ends[1:])]

    @property
    def source(self) -> str:
        """Where it came from, for people."""
        return self._view.source.decode(errors="replace")

    @property
    def entropy(self) -> float:
        """Of the labels, nats: the lower bound of the loss."""
        return self._view.entropy

    @property
    def support_classes(self) -> int:
        """How many different support sets there are."""
        return self._view.support_classes

    def __repr__(self) -> str:
        return f"<ntpgeo.Dataset: {self.contexts} contexts over {self.vocab_size} words, {self.nnz} entries>"
