"""train, limit, path, analyze and concepts, as the program's verbs of the same names.

Every argument that is None is the program's default; `ntpgeo.settings(verb)` lists them with what they take. Two threads may
call at once: a call holds the GIL only while a callback runs.
"""

from __future__ import annotations

import os
import signal
import threading
from ctypes import byref, c_void_p
from typing import Any, Callable, Mapping, Sequence, Union

import numpy as np

from . import _library as library, _program as program, results
from .dataset import Dataset
from .results import Concepts, Limit, Path, Training
from .runs import Run
from ._settings import Setting, Settings

Callback = Callable[[Mapping[str, Any]], Any]
Folder = Union[str, "os.PathLike[str]"]
LimitLike = Union[Limit, Run, str, "os.PathLike[str]", None]


def settings(verb: str) -> list[Setting]:
    """The settings of "train", "limit", "path", "analyze", "concepts" or "ngrams": name, default, range, help."""
    return Settings(verb).table()


class _Watcher:
    """A call's callbacks. Ctrl-C ends the call at its next step: in the main thread, whose handler waits that long."""

    def __init__(self, callback: Callback | None):
        self._callback = callback or (lambda record: None)
        self._error: BaseException | None = None
        self._interrupted = False
        self.watch = library.Watch()
        self.watch.should_stop = self._keep = library.ShouldStop(lambda _: int(self._interrupted))
        if callback is not None:
            self.watch.on_record = self._keep_record = library.OnRecord(self._on_record)

    def _on_record(self, _: Any, figures: Any, count: int) -> int:
        try:
            return int(program.says_stop(self._callback(results.record_of(figures, count))))
        except BaseException as error:
            self._error = error  # nothing may leave a callback; it is raised when the call has ended
            return 1

    def _interrupt(self, *_: Any) -> None:
        self._interrupted = True

    def run(self, name: str, *arguments: Any) -> tuple[library.Handle, bool]:
        """The result and whether the callback ended the call. Raises Error where there was none by then."""
        out = c_void_p()
        mine = threading.current_thread() is threading.main_thread()
        if mine := mine and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._interrupt)
        try:
            status = library.call(name, *arguments, byref(self.watch), byref(out))
        finally:
            if mine:
                signal.signal(signal.SIGINT, signal.default_int_handler)
        handle = library.Handle("result", out.value) if out.value else None  # freed, whatever comes
        if self._interrupted:
            raise KeyboardInterrupt
        if self._error is not None:
            raise self._error
        if handle is None:
            raise library.Error(f"{name}: stopped by the callback before anything was reached")
        return handle, status == library.STOPPED


def train(data: Dataset, *, dim: int | None = None, steps: int | None = None, optimizer: str | None = None,
          lr: float | None = None, lr_schedule: str | None = None, warmup: int | None = None,
          lambda_: float | tuple[float, float] | None = None, precision: str | None = None, kernel: str | None = None,
          freeze: str | None = None, momentum: float | None = None, beta1: float | None = None,
          beta2: float | None = None, epsilon: float | None = None, history: int | None = None,
          batch: int | None = None, sampling: str | None = None,
          stages: Sequence[Mapping[str, Any]] | None = None, seed: int | None = None, init_scale: float | None = None,
          master: str | None = None, device: str | None = None, metrics_every: int | str | None = None,
          metrics_precision: str | None = None, certify_every: int | None = None, shards: int | None = None,
          sums: str | None = None, limit: LimitLike = None, callback: Callback | None = None,
          output: Folder | None = None, resume: bool = False, checkpoint_every: int | None = None,
          checkpoint_seconds: float | None = None, keep_checkpoints: int | None = None) -> Training:
    """Trains W [V, dim] and H [m, dim] as `ntpgeo train` does, to the same bits.

    stages: one mapping a stage, of the settings that a stage has; those given beside it hold for each stage that does not have
        its own.
    batch: contexts that an update is made of, chosen by `sampling`, "once" in an epoch or by their "weights"; None: all.
    shards: virtual shards that rows and sums are cut into, so that as many ranks, started by the program, have the same bits.
    lambda_: the ridge, or (HI, LO) for a geometric decay. metrics_every: steps, "log:PER_DECADE" or "auto".
    limit: an L_mm of this data set to record the alignment with: of `ntpgeo.limit`, or its run's folder.
    callback: called with each record as a dict (what does not exist is None); False ends the run.
    output, resume: the program does the work in this run folder (NTPGEO_PROGRAM, the package's own, or on the PATH),
        and goes on there where `resume`; checkpoint_... are of such a run alone.
    """
    given = {name: value for name, value in locals().items()
             if name not in ("data", "stages", "limit", "callback", "output", "resume")}
    told = Settings("train")
    told.set_all(given)
    told.add_stages(stages or ())
    if output is not None:
        folder, stopped = program.run("train", data, told, output, resume, limit, callback)
        return program.training_of(Run.open(folder), stopped)
    _only_with_output(resume=resume, checkpoint_every=checkpoint_every, checkpoint_seconds=checkpoint_seconds,
                      keep_checkpoints=keep_checkpoints)
    held = results.handle_of_limit(limit, data)
    handle, stopped = _Watcher(callback).run("train", data._handle.address, told.address, _address(held))
    return results.training_of(handle, stopped, np.float32 if master == "fp32" else np.float64)


def limit(data: Dataset, *, tol: float | None = None, device: str | None = None, shards: int | None = None,
          callback: Callback | None = None, output: Folder | None = None, resume: bool = False) -> Limit:
    """L_mm, the direction that the low-rank part takes, with a certificate of its nuclear norm. Arguments as of `train`."""
    told = Settings("limit")
    told.set_all({"tol": tol, "device": device, "shards": shards})
    if output is not None:
        folder, stopped = program.run("limit", data, told, output, resume, None, callback)
        return program.limit_of(Run.open(folder), stopped)
    _only_with_output(resume=resume)
    handle, stopped = _Watcher(callback).run("limit", data._handle.address, told.address)
    return results.limit_of(handle, stopped)


def path(data: Dataset, lambdas: str | Sequence[float] | None = None, *, tol: float | None = None,
         save_points: bool | None = None, device: str | None = None, shards: int | None = None,
         limit: LimitLike = None, callback: Callback | None = None, output: Folder | None = None,
         resume: bool = False) -> Path:
    """The exact regularization path, certified at each lambda.

    lambdas: "HI:LO:PER_DECADE", or positive numbers that fall. Other arguments as of `train`.
    Raises Error where it was stopped before its first point.
    """
    told = Settings("path")
    told.set_all({"lambdas": lambdas, "tol": tol, "save_points": save_points, "device": device,
                  "shards": shards})
    if output is not None:
        if lambdas is not None and not isinstance(lambdas, str):
            raise ValueError("lambdas: with output, give the grid as HI:LO:PER_DECADE, as the program takes it")
        folder, stopped = program.run("path", data, told, output, resume, limit, callback)
        return program.path_of(Run.open(folder), stopped)
    _only_with_output(resume=resume)
    held = results.handle_of_limit(limit, data)
    handle, stopped = _Watcher(callback).run("path", data._handle.address, told.address, _address(held))
    return results.path_of(handle, stopped)


def analyze(data: Dataset, W: Any, H: Any, limit: LimitLike = None, *, step: int | None = None,
            device: str | None = None) -> dict[str, Any]:
    """The figures of any W [V, d] and H [m, d], as a record: what does not exist is None."""
    told = Settings("analyze")
    told.set_all({"step": step, "device": device})
    words, contexts = _factors(data, W, H)
    if words is None or contexts is None:
        raise ValueError("W and H: are None; give both")
    held = results.handle_of_limit(limit, data)
    handle = library.made("result", "analyze", data._handle.address, words.ctypes.data, contexts.ctypes.data,
                          words.shape[1], told.address, _address(held))
    return results.records_of(handle.address)[0]


def concepts(data: Dataset, W: Any = None, H: Any = None, *, directions: int | None = None,
             device: str | None = None) -> Concepts:
    """The leading singular directions of the centred support matrix, of the centred logits W @ H.T, or of W centred."""
    told = Settings("concepts")
    told.set_all({"directions": directions, "device": device})
    if H is not None and W is None:
        raise ValueError("W: is missing; give both W and H, W alone, or neither")
    words, contexts = _factors(data, W, H)
    handle = library.made("result", "concepts", data._handle.address, None if words is None else words.ctypes.data,
                          None if contexts is None else contexts.ctypes.data, 0 if words is None else words.shape[1],
                          told.address)
    return results.concepts_of(handle, words is None or contexts is not None)


def _factors(data: Dataset, W: Any, H: Any) -> tuple[np.ndarray | None, np.ndarray | None]:
    words = None if W is None else _matrix(W, "W", data.vocab_size)
    contexts = None if H is None else _matrix(H, "H", data.contexts)
    if words is not None and contexts is not None and words.shape[1] != contexts.shape[1]:
        raise ValueError(f"H: has {contexts.shape[1]} columns, and W has {words.shape[1]}; both must have d")
    return words, contexts


def _matrix(values: Any, name: str, rows: int) -> np.ndarray:
    array = np.asarray(values)
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{name}: is an array of {array.dtype}; it must be one of numbers")
    if array.ndim != 2 or array.shape[0] != rows or array.shape[1] < 1:
        raise ValueError(f"{name}: has shape {list(array.shape)}; it must be [{rows}, d]")
    return np.ascontiguousarray(array, np.float64)


def _address(handle: library.Handle | None) -> int | None:
    return None if handle is None else handle.address


def _only_with_output(**arguments: Any) -> None:
    for name, value in arguments.items():
        if value:
            raise ValueError(f"{name}: is of a run in a folder; name it by output=FOLDER")
