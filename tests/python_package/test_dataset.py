"""Data sets: from arrays, from files and to them, and what is refused."""

import gc
import subprocess

import numpy as np
import pytest
from conftest import run_program

import ntpgeo
from ntpgeo import _program as program
from ntpgeo import safetensors


def test_shows_what_it_was_made_of(data):
    assert (data.vocab_size, data.contexts, data.nnz, data.support_classes) == (5, 3, 5, 3)
    np.testing.assert_array_equal(data.probs, [0.25, 0.75, 1, 0.5, 0.5])
    np.testing.assert_allclose(data.context_probs, 1 / 3)
    assert data.counts is None and data.context_tokens is None and data.vocab is None
    expected = (0.25 * np.log(4) + 0.75 * np.log(4 / 3) + np.log(2)) / 3
    assert data.entropy == pytest.approx(expected)


def test_arrays_are_views_that_keep_it_alive(data):
    probs = data.probs
    assert data.probs.ctypes.data == probs.ctypes.data  # no copy
    with pytest.raises(ValueError):
        probs[0] = 1
    del data
    gc.collect()
    np.testing.assert_array_equal(probs, [0.25, 0.75, 1, 0.5, 0.5])


@pytest.mark.parametrize("indices, probs", [(np.int64, np.float32), (np.int16, np.float16), (np.uint32, np.float64), (">i4", ">f8")])
def test_other_types_make_the_same(data, indices, probs):
    other = ntpgeo.Dataset.from_csr(np.array([0, 2, 3, 5], np.int32), data.indices.astype(indices), data.probs.astype(probs))
    np.testing.assert_array_equal(other.indices, data.indices)
    np.testing.assert_array_equal(other.probs, data.probs)


def test_strided_arrays_are_taken(data):
    wide = np.repeat(data.probs, 2)[::2]
    other = ntpgeo.Dataset.from_csr(data.indptr, data.indices, wide)
    np.testing.assert_array_equal(other.probs, data.probs)


@pytest.mark.parametrize("change, message", [
    (dict(probs=[0.5, 0.5, 0.9, 0.5, 0.5]), "probs of context 1 sum to 0.9"),
    (dict(probs=[0.25, 0.75, 1, 0.5]), r"probs: has shape \[4\]; it must be \[5\]"),
    (dict(probs=["a"] * 5), "probs: is an array of <U1; it must be one of numbers"),
    (dict(indices=[1, 4, 0, 2, 2]), r"indices\[4\] of context 2 is 2, a repetition"),
    (dict(indices=[1.5, 4, 0, 2, 3]), "indices: is an array of float64; it must be one of whole numbers"),
    (dict(indices=[1, 4, 0, 2, 5]), r"indices\[4\] of context 2 is 5; it must be from 0 to 4"),
    (dict(indptr=[0, 2, 3, 6]), "indptr ends with 6; it must end with 5"),
    (dict(indptr=[0, 5, 3, 5]), r"indptr decreases at context 1 \(from 5 to 3\)"),
    (dict(indptr=[0, 2, 3, 2**62]), "indptr ends with 4611686018427387904; it must end with 5"),
    (dict(indptr=[0]), "has no context; at least one is needed"),
    (dict(indptr=[[0, 5]]), r"indptr: has shape \[1, 2\]; it must be \[any\]"),
    (dict(context_probs=[0.5, 0.5]), r"context_probs: has shape \[2\]; it must be \[3\]"),
    (dict(context_probs=[0.5, 0.5, 0]), r"context_probs\[2\] is 0"),
    (dict(vocab=["a"]), "vocab: has 1 words; it must have vocab_size, 5"),
])
def test_refuses_what_is_wrong_by_name(change, message):
    right = dict(indptr=[0, 2, 3, 5], indices=[1, 4, 0, 2, 3], probs=[0.25, 0.75, 1, 0.5, 0.5], vocab_size=5)
    with pytest.raises(ValueError, match=message):
        ntpgeo.Dataset.from_csr(**right | change)


def test_topk_is_merged_sorted_and_folded():
    data = ntpgeo.Dataset.from_topk([[4, 1, 4], [2, -1, 0]], np.float32([[0.25, 0.5, 0.25], [0.5, 0.9, 0]]), [3, 1], 5)
    np.testing.assert_array_equal(data.indptr, [0, 2, 3])
    np.testing.assert_array_equal(data.indices, [1, 4, 2])
    np.testing.assert_array_equal(data.probs, [0.5, 0.5, 1])
    np.testing.assert_allclose(data.context_probs, [3 / 3.5, 0.5 / 3.5])
    with pytest.raises(ValueError, match=r"probs: has shape \[1, 2\]; it must be \[2, 3\]"):
        ntpgeo.Dataset.from_topk([[4, 1, 4], [2, -1, 0]], [[0.5, 0.5]])
    with pytest.raises(ValueError, match="label mass of context 0 is 1.5"):
        ntpgeo.Dataset.from_topk([[0, 1]], [[1, 0.5]])


def test_topk_is_what_the_program_makes_of_the_files(tmp_path):
    numbers = np.random.default_rng(0)
    logits = 3 * numbers.normal(size=(40, 30))
    ids = np.argsort(-logits, axis=1)[:, :6].astype(np.int32)
    probs = np.take_along_axis(np.exp(logits) / np.exp(logits).sum(1, keepdims=True), ids, 1).astype(np.float16)
    ids[3, 4:], weights = -1, numbers.uniform(1, 2, 40)
    np.save(tmp_path / "ids.npy", ids)
    np.save(tmp_path / "probs.npy", probs)
    safetensors.write(tmp_path / "rest.safetensors", {"w": weights, "logs": np.log(probs.astype(np.float64))}, {})
    run_program("data", "topk", "--ids", tmp_path / "ids.npy", "--probs", tmp_path / "probs.npy", "--weights",
                f"{tmp_path}/rest.safetensors:w", "--vocab", 30, "-o", tmp_path / "ds")
    theirs, ours = ntpgeo.Dataset.load(tmp_path / "ds"), ntpgeo.Dataset.from_topk(ids, probs, weights, 30)
    for name in ("indptr", "indices", "probs", "context_probs"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), name)
    assert "missing" in run_program("data", "topk", "--ids", tmp_path / "ids.npy", "--log-probs",
                                    f"{tmp_path}/rest.safetensors:logs", "--missing", "renormalise", "-o", tmp_path / "logs")
    logs = ntpgeo.Dataset.load(tmp_path / "logs")
    np.testing.assert_allclose(logs.probs, ours.probs)
    np.testing.assert_array_equal(logs.context_probs, np.full(40, 1 / 40))
    assert logs.vocab_size == ids.max() + 1


def test_ngrams_are_those_that_the_program_counts(tmp_path):
    text = "the cat sat on the mat . the cat ran . the dog sat on the cat . " * 20
    (tmp_path / "text.txt").write_text(text)
    run_program("data", "text", tmp_path / "text.txt", "--context", 2, "--min-count", 3, "-o", tmp_path / "ds.safetensors")
    theirs = ntpgeo.Dataset.load(tmp_path / "ds.safetensors")
    ids = {word: number for number, word in enumerate(theirs.vocab)}
    ours = ntpgeo.Dataset.from_ngrams([ids[word.encode()] for word in text.split()], len(ids), context=2, min_count=3)
    for name in ("indptr", "indices", "probs", "context_probs", "counts", "context_tokens"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), name)
    with pytest.raises(ValueError, match="context: '0' is not a whole number >= 1"):
        ntpgeo.Dataset.from_ngrams([0, 1], context=0)


class ScipyLike:
    """What from_scipy asks of a matrix, with a duplicate."""

    def __init__(self):
        self.indptr, self.indices = np.int32([0, 3, 4]), np.int32([2, 0, 2, 1])
        self.data, self.shape, self.has_canonical_format = np.array([0.25, 0.5, 0.25, 1]), (2, 3), False

    def tocsr(self):
        return self

    def copy(self):
        return ScipyLike()

    def sum_duplicates(self):
        self.indptr, self.indices, self.data = np.int32([0, 2, 3]), np.int32([0, 2, 1]), np.array([0.5, 0.5, 1])


def test_from_scipy_sums_duplicates_of_a_copy():
    matrix = ScipyLike()
    data = ntpgeo.Dataset.from_scipy(matrix)
    np.testing.assert_array_equal(data.indices, [0, 2, 1])
    assert len(matrix.indices) == 4 and data.vocab_size == 3


def test_a_real_scipy_matrix():
    sparse = pytest.importorskip("scipy.sparse")
    dense = np.array([[0.5, 0, 0.5], [0, 1, 0]])
    np.testing.assert_array_equal(ntpgeo.Dataset.from_scipy(sparse.coo_matrix(dense)).indices, [0, 2, 1])


def test_files_are_the_programs(tmp_path, synthetic):
    data = ntpgeo.Dataset.load(synthetic)
    data.save(tmp_path / "saved.safetensors")
    assert run_program("data", "info", tmp_path / "saved.safetensors", "--json") == run_program("data", "info", synthetic, "--json")
    named = ntpgeo.Dataset.from_csr([0, 2, 3], [0, 2, 1], [0.5, 0.5, 1], vocab=["ä", b"\xff", ""], counts=[1, 1, 2],
                                    context_tokens=[[0], [2]], source="by hand")
    named.save(tmp_path / "named.safetensors")
    again = ntpgeo.Dataset.load(tmp_path / "named.safetensors")
    assert again.vocab == ["ä".encode(), b"\xff", b""] and again.source == "by hand" and again.context_length == 1
    np.testing.assert_array_equal(again.counts, [1, 1, 2])
    assert "by hand" in run_program("data", "info", tmp_path / "named.safetensors")


def test_files_are_refused_in_the_programs_words(tmp_path, synthetic):
    right = safetensors.SafetensorsFile(synthetic)
    tensors = {name: right.read(name) for name in right.names()}
    place = tmp_path / "wrong.safetensors"
    for change, metadata in (
            ({}, {"format": None}), ({}, {"format": "another"}), ({}, {"vocab_size": None}), ({}, {"vocab_size": "1e3"}),
            ({}, {"vocab_size": "10"}), ({"probs": tensors["probs"] * 0.9}, {}), ({"indptr": tensors["indptr"][1:]}, {}),
            ({"indptr": tensors["indptr"] + 1}, {}), ({"counts": np.int64([1])}, {}), ({"counts": 0 * tensors["indices"].astype(np.int64)}, {}),
            ({"context_tokens": np.zeros((3, 1), np.int32)}, {}), ({"context_probs": np.full(80, 0.1)}, {}),
            ({"vocab_bytes": np.uint8([65]), "vocab_offsets": np.zeros(31, np.int64)}, {})):
        told = {key: value for key, value in (right.metadata | metadata).items() if value is not None}
        safetensors.write(place, tensors | change, told)
        theirs = subprocess.run([program.find(), "data", "info", place], capture_output=True, text=True)
        assert theirs.returncode == 2
        with pytest.raises(ValueError) as ours:
            ntpgeo.Dataset.load(place)
        assert theirs.stderr.strip() == f"ntpgeo: {ours.value}"


def test_a_file_that_was_changed_is_no_longer_its_own(tmp_path, data):
    assert data.file() is None
    data.save(tmp_path / "saved")
    assert data.file() == tmp_path / "saved"
    (tmp_path / "saved").write_bytes(b"")
    assert data.file() is None


def test_damaged_files_are_refused(tmp_path, synthetic):
    whole = synthetic.read_bytes()
    for size in (0, 7, 20, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut").write_bytes(whole[:size])
        with pytest.raises(ValueError, match="cut"):
            ntpgeo.Dataset.load(tmp_path / "cut")
    with pytest.raises(FileNotFoundError):
        ntpgeo.Dataset.load(tmp_path / "nowhere")
    safetensors.write(tmp_path / "other", {"x": np.zeros(3)}, {})
    with pytest.raises(ValueError, match="is not a dataset"):
        ntpgeo.Dataset.load(tmp_path / "other")


def test_safetensors_agree_with_pypis(tmp_path):
    theirs = pytest.importorskip("safetensors.numpy")
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.float16([1, 2]), "c": np.zeros((0, 4), np.int32), "d": np.uint8([[7]])}
    safetensors.write(tmp_path / "ours", arrays, {"key": "ü"})
    theirs.save_file(arrays, tmp_path / "theirs", {"key": "ü"})
    for name, values in theirs.load_file(tmp_path / "ours").items():
        np.testing.assert_array_equal(values, arrays[name])
    opened = safetensors.SafetensorsFile(tmp_path / "theirs")
    assert opened.metadata == {"key": "ü"}
    for name, values in arrays.items():
        np.testing.assert_array_equal(opened.read(name), values)
    with pytest.raises(ValueError, match="has no tensor 'e'; it holds"):
        opened.read("e")
