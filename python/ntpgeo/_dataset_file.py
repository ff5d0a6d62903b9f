"""The data set's file of design 2.2. What is wrong is refused in the words of the program's reader."""

from __future__ import annotations

import pathlib
from typing import Any, Mapping

import numpy as np

from . import safetensors

_format = "ntpgeo.dataset.1"
_types = {"indptr": "<i8", "indices": "<i4", "probs": "<f8", "context_probs": "<f8", "counts": "<i8",
          "context_tokens": "<i4", "vocab_bytes": "|u1", "vocab_offsets": "<i8"}
_most = 2**31 - 1


def read(path: pathlib.Path) -> dict[str, Any]:
    """What Dataset.from_csr takes. Raises ValueError naming the file, FileNotFoundError where there is none."""
    file = safetensors.SafetensorsFile(path)
    found: dict[str, Any] = {"vocab_size": _vocab_size(file), "source": file.metadata.get("source", "")}
    for name in ("indptr", "indices", "probs", "context_probs"):
        found[name] = _tensor(file, name, 1)
    if "counts" in file:
        found["counts"] = _tensor(file, "counts", 1)
        _require_length(file, "counts", found["counts"], len(found["indices"]), "as 'indices'")
    if "context_tokens" in file:
        found["context_tokens"] = _context_tokens(file, len(found["context_probs"]))
    if "vocab_bytes" in file or "vocab_offsets" in file:
        found["vocab"] = _vocab(file, found["vocab_size"])
    return found


def _vocab_size(file: safetensors.SafetensorsFile) -> int:
    kind, size = file.metadata.get("format"), file.metadata.get("vocab_size")
    if kind is None:
        raise ValueError(f"{file.path}: is not a dataset: its metadata has no 'format', which must be '{_format}'")
    if kind != _format:
        raise ValueError(f"{file.path}: is not a dataset: its metadata 'format' is '{kind}'; it must be '{_format}'")
    if size is None:
        raise ValueError(f"{file.path}: its metadata has no 'vocab_size'")
    return _whole_number(file, "vocab_size", size, 1)


def _whole_number(file: safetensors.SafetensorsFile, key: str, text: str, least: int) -> int:
    if not (text.isascii() and text.isdecimal() and least <= int(text) <= _most):
        raise ValueError(f"{file.path}: the metadata '{key}' is '{text}'; it must be a whole number from {least} to {_most}")
    return int(text)


def _tensor(file: safetensors.SafetensorsFile, name: str, dimensions: int) -> np.ndarray:
    array = file.read(name)
    if array.dtype != np.dtype(_types[name]) or array.ndim != dimensions:
        raise ValueError(f"{file.path}: tensor '{name}' is {array.dtype} of {array.ndim} dimensions; it must be "
                         f"{np.dtype(_types[name])} of {dimensions}")
    return array


def _require_length(file: safetensors.SafetensorsFile, name: str, array: np.ndarray, length: int, reason: str) -> None:
    if len(array) != length:
        raise ValueError(f"{file.path}: tensor '{name}' has length {len(array)}; it must have {length} ({reason})")


def _context_tokens(file: safetensors.SafetensorsFile, contexts: int) -> np.ndarray:
    tokens = _tensor(file, "context_tokens", 2)
    _require_length(file, "context_tokens", tokens, contexts, "one row a context")
    if tokens.shape[1] == 0:
        raise ValueError(f"{file.path}: tensor 'context_tokens' has no column")
    text = file.metadata.get("context_length")
    if text is not None and (length := _whole_number(file, "context_length", text, 0)) != tokens.shape[1]:
        raise ValueError(f"{file.path}: the metadata 'context_length' is {length}, but 'context_tokens' has "
                         f"{tokens.shape[1]} columns")
    return tokens


def _vocab(file: safetensors.SafetensorsFile, vocab_size: int) -> list[bytes]:
    block, ends = _tensor(file, "vocab_bytes", 1).tobytes(), _tensor(file, "vocab_offsets", 1)
    _require_length(file, "vocab_offsets", ends, vocab_size + 1, "vocab_size + 1")
    if ends[0] != 0 or ends[-1] != len(block):
        raise ValueError(f"{file.path}: tensor 'vocab_offsets' runs from {ends[0]} to {ends[-1]}; it must run from 0 to "
                         f"{len(block)}, the length of 'vocab_bytes'")
    drops = np.flatnonzero(ends[1:] < ends[:-1])
    if len(drops):
        raise ValueError(f"{file.path}: tensor 'vocab_offsets' decreases at token {drops[0]}; it must not decrease")
    return [block[begin:end] for begin, end in zip(ends[:-1], ends[1:])]


def write(path: pathlib.Path, tensors: Mapping[str, np.ndarray], vocab_size: int, source: str, context_length: int) -> None:
    metadata = {"format": _format, "vocab_size": str(vocab_size), "source": source}
    if context_length:
        metadata["context_length"] = str(context_length)
    safetensors.write(path, tensors, metadata)
