"""Safetensors files in NumPy alone: an 8-byte length, a JSON header, and the tensors' bytes.

What the program writes and reads (design 2.2); bf16 is read as float32, exactly.
"""

from __future__ import annotations

import json
import os
import pathlib
from typing import Any, Mapping

import numpy as np

_types = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1", "U8": "|u1",
          "U16": "<u2", "U32": "<u4", "U64": "<u8", "BOOL": "|b1"}
_names = {np.dtype(text): name for name, text in _types.items()}
_longest_header = 100_000_000


class SafetensorsFile:
    """A file's metadata and tensors; a tensor is read when it is asked for, as a view of the mapped file."""

    def __init__(self, path: str | os.PathLike[str]):
        self.path = pathlib.Path(path)
        size = self.path.stat().st_size
        with open(self.path, "rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > min(size - 8, _longest_header):
                raise ValueError(f"{self.path}: is no safetensors file, or is cut short")
            try:
                header = json.loads(file.read(length))
            except ValueError:
                header = None
        if not isinstance(header, dict):
            raise ValueError(f"{self.path}: is no safetensors file (its header is no JSON object)")
        self.metadata: dict[str, str] = header.pop("__metadata__", None) or {}
        self._tensors: dict[str, Any] = header
        self._begin, self._size = 8 + length, size

    def names(self) -> list[str]:
        return list(self._tensors)

    def __contains__(self, name: str) -> bool:
        return name in self._tensors

    def read(self, name: str) -> np.ndarray:
        """The tensor of that name, read-only. Raises ValueError where there is none or it does not lie in the file."""
        if name not in self._tensors:
            raise ValueError(f"{self.path}: has no tensor '{name}'; it holds {', '.join(self._tensors) or 'none'}")
        try:
            entry = self._tensors[name]
            begin, end = (int(offset) for offset in entry["data_offsets"])
            shape, kind = tuple(int(n) for n in entry["shape"]), entry["dtype"]
        except (KeyError, TypeError, ValueError):
            raise ValueError(f"{self.path}: the header's entry of '{name}' is damaged") from None
        dtype = np.dtype("<u2" if kind == "BF16" else _types.get(kind, "V1"))
        if kind != "BF16" and kind not in _types:
            raise ValueError(f"{self.path}: tensor '{name}' is of type {kind}, which NumPy does not have")
        count = int(np.prod(shape, dtype=np.int64)) if shape else 1
        if not 0 <= begin <= end <= self._size - self._begin or end - begin != count * dtype.itemsize:
            raise ValueError(f"{self.path}: tensor '{name}' does not lie in the file, which may be cut short")
        if count == 0:
            return np.empty(shape, dtype)
        values = np.memmap(self.path, dtype, "r", self._begin + begin, (count,)).reshape(shape)
        return (values.astype("<u4") << 16).view("<f4") if kind == "BF16" else values


def write(path: str | os.PathLike[str], tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
    """Writes a file whole or not at all: beside its place first, then moved there."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    offset = 0
    arrays = {name: np.ascontiguousarray(values) for name, values in tensors.items()}
    for name, values in arrays.items():
        header[name] = {"dtype": _names[values.dtype], "shape": list(values.shape),
                        "data_offsets": [offset, offset + values.nbytes]}
        offset += values.nbytes
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # tensors begin where numbers of 8 bytes may lie
    path = pathlib.Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            for values in arrays.values():
                file.write(values.data if values.size else b"")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
