"""train, limit, path, analyze and concepts in memory: numbers, callbacks, interrupts, threads, and what is refused."""

import inspect
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from conftest import run_program, same

import ntpgeo
from ntpgeo import verbs
from ntpgeo.runs import Run

quick = dict(dim=4, steps=300, metrics_every="log:2", seed=7)


def test_training_has_the_bits_and_records_of_the_program(tmp_path, synthetic):
    run_program("train", synthetic, "-o", tmp_path / "run", "--device", "cpu", "--dim", 8, "--steps", 100, "--lr", 0.03,
                "--lambda", "1e-2:1e-4", "--seed", 3)
    theirs = Run.open(tmp_path / "run")
    ours = ntpgeo.train(ntpgeo.Dataset.load(synthetic), dim=8, steps=100, lr=0.03, lambda_=(1e-2, 1e-4), seed=3, device="cpu")
    np.testing.assert_array_equal(ours.W, theirs.result["W"])
    np.testing.assert_array_equal(ours.H, theirs.result["H"])
    same(ours.records, theirs.records)
    assert ours.reached and not ours.stopped and ours.steps == 100


def test_fp32_masters_are_float32(data):
    assert ntpgeo.train(data, **quick, master="fp32").W.dtype == np.float32
    assert ntpgeo.train(data, **quick).W.dtype == np.float64


def test_stages_follow_each_other(data):
    trained = ntpgeo.train(data, dim=3, lr=0.2, stages=[dict(steps=5, optimizer="momentum", momentum=0.5),
                                                        dict(steps=2, optimizer="lbfgs", lr=1)])
    assert trained.steps == 7 and trained.records["stage"][-1] == 2
    with pytest.raises(ValueError, match="stage 2, beta1: belongs to the optimizer adam"):
        ntpgeo.train(data, stages=[dict(steps=1), dict(steps=1, optimizer="gd", beta1=0.5)])
    with pytest.raises(ValueError, match=r"stages\[0\]: is empty"):
        ntpgeo.train(data, stages=[{}])


def test_records_are_columns(data):
    records = ntpgeo.train(data, **quick).records
    np.testing.assert_array_equal(records["step"], [0, 1, 3, 10, 32, 100, 300])
    assert records["step"].dtype == np.int64 and records["excess_loss"].dtype == np.float64
    assert np.isnan(records["alignment_limit"]).all()  # null: there is no L_mm
    assert records["precision"] == ["fp64"] * 7
    assert records["singular_values"].shape == (7, 3)


def test_the_callback_gets_records_and_ends_the_run(data):
    seen = []

    def watch(record):
        seen.append(record)
        return False if record["step"] == 3 else None

    stopped = ntpgeo.train(data, **quick, callback=watch)
    assert stopped.stopped and not stopped.reached and stopped.steps == 3
    assert [record["step"] for record in seen] == [0, 1, 3]
    assert seen[0]["alignment_limit"] is None and isinstance(seen[0]["singular_values"], list)
    np.testing.assert_array_equal(stopped.W, ntpgeo.train(data, **quick | dict(steps=3)).W)


def test_many_calls_take_no_more_memory_than_few(data):
    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def calls(count):
        for _ in range(count):
            ntpgeo.train(data, dim=4, steps=2, callback=lambda record: None)
            with pytest.raises(ValueError):
                ntpgeo.train(data, dim=0)

    calls(100)
    before = resident()
    calls(400)
    assert resident() - before < 4e6


def test_what_a_callback_raises_comes_out(data):
    with pytest.raises(ZeroDivisionError):
        ntpgeo.train(data, **quick, callback=lambda record: 1 / 0)


def test_ctrl_c_ends_a_call_within_a_second(tmp_path):
    script = ("import ntpgeo, signal\n"
              "data = ntpgeo.Dataset.from_csr([0, 1, 2], [0, 1], [1, 1])\n"
              "print('at work', flush=True)\n"
              "try:\n    ntpgeo.train(data, steps=10**9, metrics_every=10**9)\n"
              "except KeyboardInterrupt:\n    print('interrupted', signal.getsignal(signal.SIGINT) is signal.default_int_handler)\n")
    environment = os.environ | {"PYTHONPATH": os.path.dirname(os.path.dirname(ntpgeo.__file__))}
    process = subprocess.Popen([sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True)
    assert process.stdout.readline() == "at work\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=20)
    assert out == "interrupted True\n" and errors == ""


def test_two_threads_train_at_once_to_the_same_bits(data):
    expected = ntpgeo.train(data, **quick).W
    found = []
    threads = [threading.Thread(target=lambda: found.append(ntpgeo.train(data, **quick, callback=lambda record: None).W))
               for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    for words in found:
        np.testing.assert_array_equal(words, expected)


def test_limit_path_and_what_is_held_against_them(data):
    limit = ntpgeo.limit(data)
    assert limit.reached and limit.records["relative_gap"][-1] <= 1e-6
    assert limit.sigma.sum() == pytest.approx(limit.records["nuclear_norm"][-1])
    trained = ntpgeo.train(data, dim=4, limit=limit)
    assert trained.records["alignment_limit"][-1] > 0.9
    path = ntpgeo.path(data, [1e-1, 1e-2, 1e-3], limit=limit, save_points=True)
    assert path.reached and len(path.points) == 3
    np.testing.assert_array_equal(path.records["lambda"], [1e-1, 1e-2, 1e-3])
    np.testing.assert_array_equal(path.points[2].W, path.W)
    same(path.records, ntpgeo.path(data, "1e-1:1e-3:1", limit=limit).records)
    record = ntpgeo.analyze(data, trained.W, trained.H, limit, step=2000)
    for key in ("excess_loss", "alignment_limit", "dominance"):
        assert record[key] == trained.records[key][-1]


def test_a_path_that_is_stopped_has_its_points_so_far(data):
    stopped = ntpgeo.path(data, callback=lambda record: np.bool_(record["lambda"] > 0.05))
    assert stopped.stopped and not stopped.reached and len(stopped.records["lambda"]) == 2


def test_concepts_are_signs_along_directions(data):
    found = ntpgeo.concepts(data, directions=2)
    assert found.words.shape == (5, 2) and found.contexts.shape == (3, 2) and found.values[0] >= found.values[1]
    assert sum(len(members) for members in found.clusters().values()) == 5
    kept = found.word_signs != 0
    np.testing.assert_array_equal(np.sign(found.words)[kept], found.word_signs[kept])
    trained = ntpgeo.train(data, **quick)
    assert ntpgeo.concepts(data, trained.W).contexts is None
    assert ntpgeo.concepts(data, trained.W, trained.H).contexts is not None


def test_arguments_are_the_tables():
    """Each verb has the settings of the table, and no others; none has a default of its own."""
    beside = {"data", "stages", "limit", "callback", "output", "resume", "W", "H"}
    for verb in (verbs.train, verbs.limit, verbs.path, verbs.analyze, verbs.concepts):
        parameters = inspect.signature(verb).parameters
        names = {name.removesuffix("_") for name in parameters} - beside
        assert names == {setting.name for setting in ntpgeo.settings(verb.__name__)}, verb.__name__
        for name in set(parameters) - {"data", "resume", "W", "H"}:
            assert parameters[name].default is None, name
    defaults = {setting.name: setting.default for setting in ntpgeo.settings("train")}
    assert defaults["dim"] == "64" and defaults["precision"] == "auto" and defaults["metrics_every"] == "auto"


@pytest.mark.parametrize("call, message", [
    (lambda data: ntpgeo.train(data, dim=0), "dim: '0' is not a whole number >= 1"),
    (lambda data: ntpgeo.train(data, optimizer="sgd"), "optimizer: 'sgd' is unknown; use gd, momentum"),
    (lambda data: ntpgeo.train(data, device="tpu"), "device: 'tpu' is unknown; use auto, cpu"),
    (lambda data: ntpgeo.train(data, precision="bf16", device="cpu"), "precision: the device cpu does not multiply in bf16"),
    (lambda data: ntpgeo.train(data, batch=5), "batch: 5 is more than the 3 contexts of the data set"),
    (lambda data: ntpgeo.train(data, resume=True), "resume: is of a run in a folder"),
    (lambda data: ntpgeo.train(data, stages=[dict(step=1)]), "train: 'step' is unknown; use dim"),
    (lambda data: ntpgeo.limit(data, tol=1e-20), "a tolerance of 1e-20 cannot be certified"),
    (lambda data: ntpgeo.path(data, [1e-2, 1e-1]), "lambdas must fall"),
    (lambda data: ntpgeo.path(data, "1e-2"), "lambda: '1e-2' is not HI:LO:PER_DECADE"),
    (lambda data: ntpgeo.train(data, limit=3), "limit: 3 is no L_mm"),
    (lambda data: ntpgeo.analyze(data, np.ones((4, 2)), np.ones((3, 2))), r"W: has shape \[4, 2\]; it must be \[5, d\]"),
    (lambda data: ntpgeo.analyze(data, np.ones((5, 2)), np.ones((3, 1))), "H: has 1 columns, and W has 2"),
    (lambda data: ntpgeo.analyze(data, np.full((5, 2), np.nan), np.ones((3, 2))), "words: the entry .0, 0. is nan"),
    (lambda data: ntpgeo.concepts(data, H=np.ones((3, 2))), "W: is missing"),
    (lambda data: ntpgeo.concepts(data, directions=99), "directions: 99 is not at most 32"),
])
def test_refuses_what_is_wrong_by_name(data, call, message):
    with pytest.raises(ValueError, match=message):
        call(data)


def test_a_loss_that_is_not_finite_is_an_error(data):
    with pytest.raises(ntpgeo.Error, match="at step"):
        ntpgeo.train(data, optimizer="gd", lr=1e300, steps=50)


def test_imports_in_a_tenth_of_a_second_and_says_what_does_not_load():
    environment = os.environ | {"PYTHONPATH": os.path.dirname(os.path.dirname(ntpgeo.__file__))}
    timed = "import time; start = time.perf_counter(); import ntpgeo; print(time.perf_counter() - start)"
    taken = min(float(subprocess.run([sys.executable, "-c", timed], env=environment, capture_output=True, check=True).stdout)
                for _ in range(3))
    assert taken < 0.1
    lost = subprocess.run([sys.executable, "-c", "import ntpgeo; ntpgeo.settings('train')"], capture_output=True, text=True,
                          env=environment | {"NTPGEO_LIBRARY": "/nowhere/libntpgeo.so"})
    assert "ntpgeo.errors.Error: /nowhere/libntpgeo.so does not load" in lost.stderr and "pip install" in lost.stderr
