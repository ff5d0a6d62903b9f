"""The implicit geometry of next-token prediction: training, its exact limit and path, and their figures.

Words are rows of ``W`` [V, d], contexts rows of ``H`` [m, d]; the logits are ``L = W @ H.T``. What is computed
stands in docs/design.md of the repository, the figures of a record in docs/figures.md.

>>> import ntpgeo
>>> data = ntpgeo.Dataset.from_ngrams([0, 1, 2, 0, 1, 3] * 9, context=2)
>>> run = ntpgeo.train(data, dim=8, steps=200)
>>> run.W.shape, run.records["excess_loss"][-1] < run.records["excess_loss"][0]
((4, 8), True)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

# Where each name lives. Modules are imported when a name of theirs is first asked for: NumPy alone takes longer than this
# package may.
_homes = {
    "Dataset": "dataset",
    "Error": "errors",
    "Run": "runs",
    "Concepts": "results",
    "Limit": "results",
    "Path": "results",
    "Training": "results",
    "analyze": "verbs",
    "concepts": "verbs",
    "contexts": "networks",
    "limit": "verbs",
    "path": "verbs",
    "settings": "verbs",
    "snapshot": "networks",
    "train": "verbs",
}

__all__ = [*_homes, "__version__"]

if TYPE_CHECKING:
    from .dataset import Dataset
    from .errors import Error
    from .networks import contexts, snapshot
    from .results import Concepts, Limit, Path, Training
    from .runs import Run
    from .verbs import analyze, concepts, limit, path, settings, train


def __getattr__(name: str):
    if name not in _homes:
        raise AttributeError(f"module 'ntpgeo' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"ntpgeo.{_homes[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
