"""Run folders: written by the program for the package, and read in Python alone."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import run_program, same

import ntpgeo

quick = dict(dim=8, steps=60, seed=3, device="cpu")


def test_a_run_in_a_folder_is_the_programs_own(tmp_path, synthetic):
    data = ntpgeo.Dataset.load(synthetic)
    seen = []
    in_folder = ntpgeo.train(data, **quick, output=tmp_path / "run", callback=seen.append)
    in_memory = ntpgeo.train(data, **quick)
    np.testing.assert_array_equal(in_folder.W, in_memory.W)
    same(in_folder.records, in_memory.records)
    assert [record["step"] for record in seen] == list(in_memory.records["step"])
    run_program("train", synthetic, "-o", tmp_path / "by hand", "--dim", 8, "--steps", 60, "--seed", 3, "--device", "cpu")
    assert (tmp_path / "run/config.json").read_bytes() == (tmp_path / "by hand/config.json").read_bytes()
    assert (tmp_path / "run/result.safetensors").read_bytes() == (tmp_path / "by hand/result.safetensors").read_bytes()
    with pytest.raises(ValueError, match="run"):
        ntpgeo.train(data, **quick, output=tmp_path / "run")  # without resume


def test_checkpoints_in_parts_are_read(tmp_path, synthetic):
    data = ntpgeo.Dataset.load(synthetic)
    in_folder = ntpgeo.train(data, **quick, shards=4, output=tmp_path / "run")
    in_memory = ntpgeo.train(data, **quick, shards=4)
    np.testing.assert_array_equal(in_folder.W, in_memory.W)
    assert not np.array_equal(in_memory.W, ntpgeo.train(data, **quick).W)  # whose sums are in another order
    run = ntpgeo.Run.open(tmp_path / "run")
    newest = run.checkpoints[-1]
    assert len(list(run.folder.glob(f"{newest.stem}.part-*"))) == 1 and newest in run.checkpoints
    state = run.tensors(newest.name)
    np.testing.assert_array_equal(state["W"], in_memory.W)
    np.testing.assert_array_equal(state["H"], in_memory.H)
    assert state["optimizer.first_moment.W"].shape == in_memory.W.shape
    (run.folder / "result.safetensors").unlink()
    resumed = ntpgeo.train(data, **quick, shards=4, output=tmp_path / "run", resume=True)
    np.testing.assert_array_equal(resumed.H, in_memory.H)


def test_limit_and_path_of_shards_have_the_bits_of_the_program(tmp_path, data):
    for verb, options in ((ntpgeo.limit, {}), (ntpgeo.path, {"lambdas": "1e-1:1e-2:1"})):
        in_folder = verb(data, **options, shards=3, output=tmp_path / verb.__name__)
        in_memory = verb(data, **options, shards=3)
        np.testing.assert_array_equal(in_memory.W, in_folder.W)
        np.testing.assert_array_equal(in_memory.H, in_folder.H)


def test_goes_on_where_it_was_stopped(tmp_path, data):
    settings = dict(dim=4, stages=[dict(steps=4000, optimizer="gd", lr=0.1), dict(steps=200)], metrics_every=500, seed=1)
    stopped = ntpgeo.train(data, **settings, output=tmp_path / "run", callback=lambda record: record["step"] < 1000)
    assert stopped.stopped
    resumed = ntpgeo.train(data, **settings, output=tmp_path / "run", resume=True)
    assert resumed.reached and resumed.steps == 4200
    np.testing.assert_array_equal(resumed.W, ntpgeo.train(data, **settings).W)


def test_limit_and_path_in_folders(tmp_path, synthetic):
    data = ntpgeo.Dataset.load(synthetic)
    limit = ntpgeo.limit(data, output=tmp_path / "limit")
    assert limit.reached
    path = ntpgeo.path(data, "1e-1:1e-3:1", limit=limit, output=tmp_path / "path", save_points=True)
    assert path.reached and len(path.points) == 3
    same(path.records, ntpgeo.path(data, "1e-1:1e-3:1", limit=tmp_path / "limit").records)
    with pytest.raises(ValueError, match="limit: with output, give the folder"):
        ntpgeo.path(data, limit=ntpgeo.limit(data), output=tmp_path / "other")


def test_what_the_program_refuses_is_a_value_error(tmp_path, data):
    (tmp_path / "taken").write_text("")
    with pytest.raises(ValueError, match="taken"):
        ntpgeo.train(data, steps=1, output=tmp_path / "taken")


def test_reads_what_a_kill_has_left(tmp_path, data):
    ntpgeo.train(data, dim=2, steps=20, output=tmp_path / "run")
    run = ntpgeo.Run.open(tmp_path / "run")
    lines = run.lines()
    with open(tmp_path / "run/metrics.jsonl", "ab") as file:
        file.write(b'{"step": 21, "excess')
    assert run.lines() == lines
    with open(tmp_path / "run/metrics.jsonl", "ab") as file:
        file.write(b'\n{"step": 22}\n')
    with pytest.raises(ValueError, match=f"line {len(lines) + 1} is no JSON"):
        run.lines()
    assert run.command == "train" and run.result["W"].shape == (5, 2) and len(run.checkpoints) >= 1
    with pytest.raises(ValueError, match="holds no run"):
        ntpgeo.Run.open(tmp_path)


def test_ctrl_c_is_handed_on_to_the_program(tmp_path):
    script = ("import ntpgeo, sys\n"
              "data = ntpgeo.Dataset.from_csr([0, 1, 2], [0, 1], [1, 1])\n"
              "try:\n    ntpgeo.train(data, steps=10**9, metrics_every=10**9, output=sys.argv[1])\n"
              "except KeyboardInterrupt:\n    print('interrupted')\n")
    environment = os.environ | {"PYTHONPATH": os.path.dirname(os.path.dirname(ntpgeo.__file__))}
    process = subprocess.Popen([sys.executable, "-c", script, tmp_path / "run"], env=environment, stdout=subprocess.PIPE,
                               text=True)
    for _ in range(200):
        if (tmp_path / "run/log.txt").exists() and "training from" in (tmp_path / "run/log.txt").read_text():
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20)[0] == "interrupted\n"
    assert len(ntpgeo.Run.open(tmp_path / "run").checkpoints) >= 1


def test_pandas_and_plots_where_they_are(tmp_path, data):
    ntpgeo.train(data, dim=2, steps=20, output=tmp_path / "run")
    run = ntpgeo.Run.open(tmp_path / "run")
    try:
        import pandas  # noqa: F401
    except ImportError:
        with pytest.raises(ImportError, match="pip install pandas"):
            run.to_pandas()
    else:
        assert list(run.to_pandas()["step"]) == list(run.records["step"])
    try:
        import matplotlib
    except ImportError:
        with pytest.raises(ImportError, match="pip install matplotlib"):
            run.plot()
    else:
        matplotlib.use("Agg")
        assert len(run.plot("excess_loss", "dominance").lines) == 2
