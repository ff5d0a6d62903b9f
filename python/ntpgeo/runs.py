"""Run folders of the program, read in Python alone (docs/design.md, 2.2)."""

from __future__ import annotations

import json
import os
import pathlib
from typing import Any, Iterator

import numpy as np

from ._parts import parts_of, read_rows
from ._records import columns_of
from .safetensors import SafetensorsFile


class Run:
    """A folder that the program made or is at work in; it is read when something of it is asked for."""

    def __init__(self, folder: str | os.PathLike[str]):
        self.folder = pathlib.Path(folder)
        try:
            self.config: dict[str, Any] = json.loads((self.folder / "config.json").read_bytes())
        except FileNotFoundError:
            raise ValueError(f"{self.folder}: holds no run (there is no config.json)") from None
        except ValueError:
            raise ValueError(f"{self.folder / 'config.json'}: is no JSON") from None
        if not isinstance(self.config, dict) or self.config.get("format") != "ntpgeo.config.1":
            raise ValueError(f"{self.folder / 'config.json'}: its 'format' is not 'ntpgeo.config.1'")

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Run:
        """Raises ValueError where the folder holds no run."""
        return cls(folder)

    @property
    def command(self) -> str:
        """"train", "limit", "path" or "analyze"."""
        return self.config["command"]

    def lines(self) -> list[dict[str, Any]]:
        """The records, a dict each; null is None. A kill may have cut the last line, which is then left out."""
        try:
            text = (self.folder / "metrics.jsonl").read_bytes()
        except FileNotFoundError:
            return []
        return list(self._parsed(text))

    def _parsed(self, text: bytes) -> Iterator[dict[str, Any]]:
        lines = text.split(b"\n")
        for number, line in enumerate(lines, 1):
            if not line:
                continue
            try:
                record = json.loads(line)
            except ValueError:
                if number == len(lines):  # without its newline: cut
                    return
                raise ValueError(f"{self.folder / 'metrics.jsonl'}: line {number} is no JSON") from None
            yield record

    @property
    def records(self) -> dict[str, Any]:
        """The records as columns, `_records.py` says how."""
        return columns_of(self.lines())

    @property
    def checkpoints(self) -> list[pathlib.Path]:
        """Files of checkpoints, the oldest first."""
        return self._by_step("checkpoint-")

    @property
    def snapshots(self) -> list[pathlib.Path]:
        """Files of a network's W and H that `analyze --keep` and `snapshot(keep=...)` left, the oldest first."""
        return self._by_step("snapshot-")

    def _by_step(self, beginning: str) -> list[pathlib.Path]:
        return sorted(file for file in self.folder.glob(f"{beginning}*.safetensors")
                      if len(file.stem) == len(beginning) + 12 and file.stem[-12:].isdecimal())

    @property
    def result(self) -> dict[str, np.ndarray]:
        """The tensors of result.safetensors: W and H, sigma of limit and path. Raises ValueError where there is none yet."""
        return self.tensors("result.safetensors")

    @property
    def points(self) -> list[pathlib.Path]:
        """Files of a path's points, where `--save-points` keeps them."""
        return sorted(self.folder.glob("point-*.safetensors"))

    def tensors(self, file: str | os.PathLike[str]) -> dict[str, np.ndarray]:
        """All tensors of a file of the run, by name, read-only; of a checkpoint in parts, which ranks write, those of all."""
        path = self.folder / file
        if not path.exists():
            raise ValueError(f"{path}: is not there" + (" yet" if path.name == "result.safetensors" else ""))
        opened = SafetensorsFile(path)
        parts = parts_of(opened)
        own = {name: opened.read(name) for name in opened.names()}
        return own | {name: read_rows(opened, name) for name in (parts[0].names() if parts else ())}

    def to_pandas(self) -> Any:
        """The records as a pandas.DataFrame, a row a record; lists stay lists."""
        try:
            import pandas
        except ImportError:
            raise ImportError("Run.to_pandas needs pandas: pip install pandas") from None
        return pandas.DataFrame(self.lines())

    def plot(self, *keys: str, across: str | None = None) -> Any:
        """Draws figures of the records with matplotlib, on logarithmic axes; returns the axes.

        keys: figures of docs/figures.md; none: excess_loss, or relative_gap where there is no such figure.
        across: the horizontal axis; None: what the verb's records follow.
        """
        try:
            from matplotlib import pyplot
        except ImportError:
            raise ImportError("Run.plot needs matplotlib: pip install matplotlib") from None
        records = self.records
        across = across or {"limit": "iterations", "path": "lambda"}.get(self.command, "step")
        keys = keys or (("excess_loss",) if "excess_loss" in records else ("relative_gap",))
        for key in (across, *keys):
            if not isinstance(records.get(key), np.ndarray):
                raise ValueError(f"{self.folder}: its records have no numbers under '{key}'")
        axes = pyplot.gca()
        for key in keys:
            axes.plot(records[across], records[key], label=key)
        axes.set(xlabel=across, xscale="log", yscale="log")
        if across == "step":
            axes.set_xscale("symlog", linthresh=1)  # step 0 has a place
        axes.legend()
        return axes
