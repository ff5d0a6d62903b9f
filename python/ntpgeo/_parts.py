"""Checkpoints in parts, which ranks write (design 2.2): an index, and a file of each rank's rows."""

from __future__ import annotations

import numpy as np

from .safetensors import SafetensorsFile


def parts_of(file: SafetensorsFile) -> list[SafetensorsFile]:
    """The parts of a checkpoint whose index `file` is; none of a file that holds all itself."""
    if file.metadata.get("format") != "ntpgeo.checkpoint.parts.1":
        return []
    count = len(file.metadata["words_at"].split(",")) - 1
    return [SafetensorsFile(file.path.with_name(f"{file.path.stem}.part-{k:05}-of-{count:05}.safetensors"))
            for k in range(1, count + 1)]


def read_rows(file: SafetensorsFile, name: str) -> np.ndarray:
    """A tensor of a file, or its rows in the parts put together."""
    parts = parts_of(file)
    return np.concatenate([part.read(name) for part in parts]) if parts else file.read(name)
