"""Settings of the verbs, by name and text, out of the library's one table."""

from __future__ import annotations

import ctypes
import numbers
from dataclasses import dataclass
from typing import Any, Iterable, Mapping

import numpy as np

from . import _library as library


@dataclass(frozen=True)
class Setting:
    """One setting: its default as text, what it takes, and what it is for."""

    name: str
    flag: str
    default: str
    range: str
    help: str
    owners: str  # the optimizers that alone have it; "" where all do
    of_stage: bool  # of a stage, not of the whole run


def spelled(value: Any) -> str:
    """A value as flags have it: True is "true", (1e-2, 1e-4) is "0.01:0.0001"."""
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if isinstance(value, numbers.Real):
        return repr(float(value))
    if isinstance(value, (tuple, list)):
        return ":".join(spelled(item) for item in value)
    return str(value)


def _name(name: str) -> str:
    """`lambda` is a word of Python's, so that it is called `lambda_` here."""
    return name.removesuffix("_")


class Settings:
    """Settings of one verb; what is not set is the program's default. Wrong names and values raise ValueError."""

    def __init__(self, verb: str):
        self.verb = verb
        self._handle = library.made("settings", "settings_new", verb.encode())
        self.given: dict[str, Any] = {}  # what was set, by name
        self.stages: list[dict[str, Any]] = []

    @property
    def address(self) -> int:
        return self._handle.address

    def table(self) -> list[Setting]:
        found = []
        for index in range(library.load().ntpgeo_settings_count(self.address)):
            one = library.Setting()
            library.call("settings_describe", self.address, index, ctypes.byref(one))
            found.append(Setting(one.name.decode(), one.flag.decode(), one.initial.decode(), one.range.decode(),
                                 one.help.decode(), one.owners.decode(), bool(one.of_stage)))
        return found

    def set_all(self, values: Mapping[str, Any]) -> None:
        """Sets all that are not None."""
        for name, value in values.items():
            if value is not None:
                self._set(_name(name), value)

    def _set(self, name: str, value: Any) -> None:
        if name == "lambdas" and not isinstance(value, str):
            grid = np.ascontiguousarray(value, np.float64)
            if grid.ndim != 1:
                raise ValueError(f"lambdas: has shape {list(grid.shape)}; it must be a list of numbers, or HI:LO:PER_DECADE")
            library.call("settings_set_numbers", self.address, name.encode(), grid.ctypes.data, len(grid))
        else:
            library.call("settings_set", self.address, name.encode(), spelled(value).encode())
        self.given[name] = value

    def add_stages(self, stages: Iterable[Mapping[str, Any]]) -> None:
        """Each with what it has of its own."""
        for stage in stages:
            own = {_name(name): value for name, value in stage.items() if value is not None}
            if not own:
                raise ValueError(f"stages[{len(self.stages)}]: is empty; say what is the stage's own, its steps at least")
            for name, value in own.items():
                library.call("settings_set_in_stage", self.address, len(self.stages), name.encode(),
                             spelled(value).encode())
            self.stages.append(own)
