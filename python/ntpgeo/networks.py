"""Networks against the theory: which contexts stand where in a token stream, and snapshots of a network as a run."""

from __future__ import annotations

import os
import pathlib
import subprocess
import tempfile
from typing import Any

import numpy as np

from . import _program as program
from .dataset import Dataset
from .errors import Error
from .runs import Run


def contexts(data: Dataset, token_ids: Any, document_ends: Any = None) -> np.ndarray:
    """The data set's context that ends at each position of a token stream, which a network's state there predicts from.

    token_ids: [n] words. document_ends: [D] where documents end in them, rising to n; no context crosses an edge.
    Returns [n] int64: context j at i where tokens i - context_length + 1 to i are its words, -1 where they are none's.
    """
    known = data.context_tokens
    if known is None:
        raise ValueError("data: does not know its contexts' tokens; make it by from_ngrams, or with context_tokens")
    tokens = np.asarray(token_ids)
    if tokens.ndim != 1 or tokens.dtype.kind not in "iu":
        raise ValueError(f"token_ids: is an array of {tokens.dtype} of shape {list(tokens.shape)}; it must be whole numbers [n]")
    found = np.full(len(tokens), -1, np.int64)
    length = known.shape[1]
    if len(tokens) < length:
        return found
    windows = np.lib.stride_tricks.sliding_window_view(tokens, length)
    # Equal rows have equal numbers; those of the data set come first, and each of them once.
    _, number = np.unique(np.concatenate([known, windows]), axis=0, return_inverse=True)
    number = number.reshape(-1)
    context_of = np.full(number.max() + 1, -1, np.int64)
    context_of[number[:len(known)]] = np.arange(len(known))
    found[length - 1:] = context_of[number[len(known):]]
    if document_ends is not None:
        ends = np.asarray(document_ends)
        begins = np.concatenate(([0], ends))[np.searchsorted(ends, np.arange(len(tokens)), side="right")]
        found[np.arange(len(tokens)) - begins < length - 1] = -1
    return found


def factors(head: Any, hidden: Any, data: Dataset, at: Any = None, bias: Any = None) -> tuple[np.ndarray, np.ndarray]:
    """W [V, d] and H [m, d] of a network: its head, and its hidden states averaged a context, in float64.

    head: [V, d]. hidden: [m, d] a context each; with `at`, [n, d] a position each, whose contexts `at` [n] says (as `contexts`
    makes it; -1: none). bias: [V] of the head, which becomes a column of W beside one of ones of H.
    Raises ValueError where a context has no state: leave it out of the data set, or show the network more text.
    """
    head, hidden = (np.asarray(matrix, np.float64) for matrix in (head, hidden))
    if head.ndim != 2 or len(head) != data.vocab_size:
        raise ValueError(f"head: has shape {list(head.shape)}; it must be [{data.vocab_size}, d]")
    rows = data.contexts if at is None else len(np.asarray(at))
    if hidden.shape != (rows, head.shape[1]):
        raise ValueError(f"hidden: has shape {list(hidden.shape)}; it must be [{rows}, {head.shape[1]}]")
    if at is not None:
        where = np.asarray(at)
        if where.ndim != 1 or where.dtype.kind not in "iu" or where.max(initial=-1) >= data.contexts:
            raise ValueError(f"at: must be whole numbers [n] below {data.contexts}, the number of contexts")
        seen = where >= 0
        counts = np.bincount(where[seen], minlength=data.contexts)
        if (counts == 0).any():
            raise ValueError(f"at: {np.count_nonzero(counts == 0)} of {data.contexts} contexts have no state, context "
                             f"{np.argmin(counts)} for one")
        sums = np.zeros((data.contexts, hidden.shape[1]))
        np.add.at(sums, where[seen], hidden[seen])
        hidden = sums / counts[:, None]
    if bias is None:
        return head, hidden
    column = np.asarray(bias, np.float64)
    if column.shape != (data.vocab_size,):
        raise ValueError(f"bias: has shape {list(column.shape)}; it must be [{data.vocab_size}]")
    return np.column_stack((head, column)), np.column_stack((hidden, np.ones(data.contexts)))


def snapshot(folder: str | os.PathLike[str], head: Any, hidden: Any, data: Dataset, step: int, *, at: Any = None,
             bias: Any = None, limit: Any = None, keep: str | int | None = None) -> Run:
    """Adds the figures of a network at `step` to a run folder, as `ntpgeo analyze --step` does, and returns the run.

    The arrays are those of `factors`. Steps rise from call to call. limit: the folder of ntpgeo limit of this data set.
    keep: "all", "last" or how many of the newest snapshots keep their W and H in the folder (`Run.snapshots`); None: no more
    than are there.
    """
    if keep not in (None, "all", "last") and (not isinstance(keep, int) or isinstance(keep, bool) or keep < 1):
        raise ValueError(f"keep: is {keep!r}; it must be 'all', 'last', a number >= 1, or None")
    words, states = factors(head, hidden, data, at, bias)
    folder = pathlib.Path(folder)
    with tempfile.TemporaryDirectory() as scratch:
        for name, matrix in (("W", words), ("H", states)):
            np.save(pathlib.Path(scratch) / f"{name}.npy", matrix)
        command = [program.find(), "analyze", "--data", str(program.file_of(data, folder)), "--words", f"{scratch}/W.npy",
                   "--contexts", f"{scratch}/H.npy", "--step", str(int(step)), "-o", str(folder)]
        if keep is not None:
            command += ["--keep", str(keep)]
        if of_limit := program.limit_folder(limit):
            command += ["--limit", of_limit]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        words_said = (done.stderr.strip().splitlines() or ["the program failed"])[-1]
        raise (ValueError if done.returncode == program.INVALID else Error)(words_said)
    return Run.open(folder)
