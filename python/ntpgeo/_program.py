"""Runs in folders: the program does the work as another process, and its records are read while it is at it."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
from typing import Any, Callable, Mapping

import numpy as np

from . import results
from .dataset import Dataset
from .errors import Error
from ._parts import read_rows
from ._records import columns_of
from .runs import Run
from .safetensors import SafetensorsFile
from ._settings import Settings, spelled

_between_looks = 0.05  # seconds
STOPPED, INVALID = 130, 2  # exit statuses: by Ctrl-C, and for what is wrong in the arguments


def find() -> str:
    """The program: NTPGEO_PROGRAM, the package's own, or the first on the PATH. Raises Error where there is none."""
    own = pathlib.Path(__file__).parent / "ntpgeo"
    found = os.environ.get("NTPGEO_PROGRAM") or (str(own) if own.exists() else shutil.which("ntpgeo"))
    if not found:
        raise Error(f"output: needs the program ntpgeo, which is neither in {own.parent} nor on the PATH; let "
                    "NTPGEO_PROGRAM name it")
    return found


def file_of(data: Dataset, output: pathlib.Path) -> pathlib.Path:
    """The file that the run stands on: the data set's own, or one that is saved beside the folder."""
    if (own := data.file()) is not None:
        return own
    beside = output.with_name(output.name + ".data.safetensors")
    data.save(beside)
    return beside


def limit_folder(limit: Any) -> str | None:
    folder = getattr(limit, "folder", limit)
    if limit is not None and not isinstance(folder, (str, os.PathLike)):
        raise ValueError("limit: with output, give the folder of ntpgeo limit (ntpgeo.limit makes it with output=FOLDER)")
    return None if folder is None else os.fspath(folder)


def _stages_json(stages: list[dict[str, Any]]) -> str:
    def plain(value: Any) -> Any:
        if isinstance(value, tuple):
            return [plain(item) for item in value]
        return value.item() if isinstance(value, np.generic) else value

    return json.dumps({"stages": [{name: plain(value) for name, value in stage.items()} for stage in stages]})


def _command(verb: str, data: Dataset, told: Settings, output: pathlib.Path, resume: bool, limit: Any,
             config: pathlib.Path) -> list[str]:
    words = [find(), verb, str(file_of(data, output)), "-o", str(output)]
    flags = {setting.name: setting for setting in told.table()}
    if told.stages:
        shared = {name: value for name, value in told.given.items() if flags[name].of_stage}
        config.write_text(_stages_json([shared | stage for stage in told.stages]))
        words += ["--config", str(config)]
    for name, value in told.given.items():
        if flags[name].of_stage and told.stages:
            continue
        flag = f"--{flags[name].flag}"
        if flags[name].range == "true|false":
            words += [flag] if value else []
        else:
            words += [flag, spelled(value)]
    if folder := limit_folder(limit):
        words += ["--limit", folder]
    return words + (["--resume"] if resume else [])


def run(verb: str, data: Dataset, told: Settings, output: str | os.PathLike[str], resume: bool, limit: Any,
        callback: Callable[[Mapping[str, Any]], Any] | None) -> tuple[pathlib.Path, bool]:
    """Lets the program work in the folder; returns it, and whether the callback ended the run.

    Raises ValueError for what the program refuses, and Error for other failures, with its own words.
    """
    output = pathlib.Path(output)
    with tempfile.TemporaryDirectory() as scratch:
        command = _command(verb, data, told, output, resume, limit, pathlib.Path(scratch) / "stages.json")
        with open(pathlib.Path(scratch) / "said", "w+b") as said:
            # A group of its own: Ctrl-C reaches this process alone, which hands it on once.
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said,
                                       start_new_session=True)
            try:
                stopped = _follow(process, output, callback)
            except BaseException:
                process.send_signal(signal.SIGINT)
                process.wait()
                raise
            said.seek(0)
            lines = said.read().decode(errors="replace").strip().splitlines()
    words = lines[-1] if lines else f"{command[0]} ended with status {process.returncode}"
    if process.returncode == INVALID:
        raise ValueError(words)
    # Asked at its very end, the program may no longer heed the signal: all is written then.
    if process.returncode != 0 and not (stopped and process.returncode in (STOPPED, -signal.SIGINT)):
        raise Error(words)
    return output, stopped


def _follow(process: subprocess.Popen, output: pathlib.Path, callback: Any) -> bool:
    """Waits for the end, and shows each new record on the way; returns whether the callback asked for it."""
    records = output / "metrics.jsonl"

    def lines() -> list[dict[str, Any]]:
        return Run.open(output).lines() if callback and records.exists() else []

    def size() -> int:
        return records.stat().st_size if records.exists() else 0

    seen, known, stopped = len(lines()), size(), False
    while True:
        ended = process.poll() is not None
        if not stopped and (size() != known or ended):
            known, new = size(), lines()
            stopped = any(says_stop(callback(record)) for record in new[seen:])
            seen = max(seen, len(new))
            if stopped and not ended:
                process.send_signal(signal.SIGINT)
        if ended:
            return stopped
        time.sleep(_between_looks)


def says_stop(answer: Any) -> bool:
    """Whether a callback's answer ends the run: False does, NumPy's too."""
    return answer is False or (isinstance(answer, np.bool_) and not answer)


def training_of(of: Run, stopped: bool) -> results.Training:
    """What a training run has: its result, or a checkpoint that is newer."""
    files = [*of.checkpoints, *(file for file in [of.folder / "result.safetensors"] if file.exists())]
    if not files:
        raise Error(f"{of.folder}: has neither a result nor a checkpoint yet")
    newest = max(map(SafetensorsFile, files), key=lambda file: int(file.metadata["step"]))
    return results.Training(read_rows(newest, "W"), read_rows(newest, "H"), of.records, int(newest.metadata["step"]),
                            not stopped, newest.metadata.get("noise_floor") == "true", stopped, of.folder)


def limit_of(of: Run, stopped: bool) -> results.Limit:
    """A limit's result, that of its best point so far where it was stopped."""
    file, records = SafetensorsFile(of.folder / "result.safetensors"), of.records
    reached = not records["relative_gap"][-1] > float(of.config["tol"])  # null where there is nothing to separate
    final = file.metadata.get("finished") == "true"
    return results.Limit(file.read("W"), file.read("H"), file.read("sigma"), records, reached, final and not reached, stopped,
                         of.folder)


def path_of(of: Run, stopped: bool) -> results.Path:
    """A path's result, or what it has so far: its newest point."""
    points = [results.Point(*(of.tensors(file.name)[name] for name in ("W", "H", "sigma"))) for file in of.points]
    if (of.folder / "result.safetensors").exists():
        result = of.result
        last = results.Point(result["W"], result["H"], result["sigma"])
    elif points:
        last = points[-1]
    else:
        raise Error(f"{of.folder}: the path was stopped before a point was written; go on with resume=True")
    lines = of.lines()
    reached = not stopped and all(line["relative_gap"] <= float(of.config["tol"]) for line in lines)
    return results.Path(last.W, last.H, last.sigma, columns_of(lines), reached, points, stopped, of.folder)
