"""Holds ntpgeo's files against PyPI's safetensors and NumPy, as a user's own script would read them (design 2.2).

    readback.py [--dataset DS] [--result RUN/result.safetensors] [--write-minimal PATH]

--dataset checks dtypes, shapes, values and metadata of a dataset; --result those of a training run's result (with
--dataset, against its sizes); --write-minimal writes a dataset of the four required tensors and the two required
metadata keys alone, for `ntpgeo data info` to read. Exit status 1, with the first broken promise on stderr, otherwise 0.
"""

import argparse
import sys

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file


class BrokenPromise(Exception):
    pass


def require(condition, promise):
    if not condition:
        raise BrokenPromise(promise)


def metadata_of(path):
    with safe_open(path, framework="numpy") as file:
        return file.metadata() or {}


def require_tensor(tensors, name, dtype, shape):
    require(name in tensors, f"{name} is there")
    tensor = tensors[name]
    require(tensor.dtype == dtype, f"{name} is {np.dtype(dtype)}, not {tensor.dtype}")
    require(tensor.shape == shape, f"{name} has shape {shape}, not {tensor.shape}")
    return tensor


def check_dataset(path):
    """Returns (V, m) of a dataset that keeps every promise of design 2.2."""
    tensors = load_file(path)
    metadata = metadata_of(path)
    require(metadata.get("format") == "ntpgeo.dataset.1", "the metadata names the format")
    vocab_size = int(metadata["vocab_size"])
    contexts = tensors["context_probs"].shape[0]
    nnz = tensors["indices"].shape[0]
    require(vocab_size >= 1 and contexts >= 1, "there is a token and a context")

    indptr = require_tensor(tensors, "indptr", np.int64, (contexts + 1,))
    indices = require_tensor(tensors, "indices", np.int32, (nnz,))
    probs = require_tensor(tensors, "probs", np.float64, (nnz,))
    context_probs = require_tensor(tensors, "context_probs", np.float64, (contexts,))
    require(indptr[0] == 0 and indptr[-1] == nnz, "indptr runs from 0 to nnz")
    require((np.diff(indptr) > 0).all(), "no support is empty")
    require(((indices >= 0) & (indices < vocab_size)).all(), "indices are in [0, V)")
    within = np.ones(nnz, dtype=bool)
    within[indptr[:-1]] = False
    require((np.diff(indices.astype(np.int64), prepend=-1)[within] > 0).all(), "indices increase in each context")
    require((probs >= np.finfo(np.float64).tiny).all(), "probs are normal and positive")
    require(np.abs(np.add.reduceat(probs, indptr[:-1]) - 1).max() < 1e-12, "probs sum to 1 in each context")
    require((context_probs > 0).all() and abs(context_probs.sum() - 1) < 1e-12, "context_probs are a distribution")

    if "counts" in tensors:
        counts = require_tensor(tensors, "counts", np.int64, (nnz,))
        require((counts > 0).all(), "counts are positive")
        totals = np.repeat(np.add.reduceat(counts, indptr[:-1]), np.diff(indptr))
        require(np.allclose(probs, counts / totals, rtol=1e-14, atol=0), "p = count / total")
    if "context_tokens" in tensors:
        length = int(metadata["context_length"])
        tokens = require_tensor(tensors, "context_tokens", np.int32, (contexts, length))
        require(((tokens >= 0) & (tokens < vocab_size)).all(), "context tokens are in [0, V)")
        require(np.unique(tokens, axis=0).shape[0] == contexts, "contexts are distinct")
    require(("vocab_bytes" in tensors) == ("vocab_offsets" in tensors), "the vocabulary is whole")
    if "vocab_bytes" in tensors:
        vocab_bytes = require_tensor(tensors, "vocab_bytes", np.uint8, tensors["vocab_bytes"].shape)
        offsets = require_tensor(tensors, "vocab_offsets", np.int64, (vocab_size + 1,))
        require(offsets[0] == 0 and offsets[-1] == vocab_bytes.shape[0], "vocab_offsets cover vocab_bytes")
        require((np.diff(offsets) >= 0).all(), "vocab_offsets do not decrease")
    return vocab_size, contexts


def check_result(path, sizes):
    """Checks W [V,d] and H [m,d] of a training run; `sizes` is (V, m), or None where no dataset was given."""
    tensors = load_file(path)
    words, contexts = tensors["W"], tensors["H"]
    require(words.ndim == 2 and contexts.ndim == 2, "W and H are matrices")
    require(words.dtype in (np.float64, np.float32), "W is F64 or F32")
    require(contexts.dtype == words.dtype, "W and H are of one precision")
    require(words.shape[1] == contexts.shape[1] >= 1, "W and H have one embedding dimension")
    require(np.isfinite(words).all() and np.isfinite(contexts).all(), "W and H are finite")
    if sizes is not None:
        require((words.shape[0], contexts.shape[0]) == sizes, f"W and H have the rows {sizes} of the dataset")


def write_minimal(path):
    """Two contexts over three tokens; the probabilities are such that each sum is exact."""
    save_file(
        {
            "indptr": np.array([0, 2, 3], dtype=np.int64),
            "indices": np.array([0, 2, 1], dtype=np.int32),
            "probs": np.array([0.25, 0.75, 1.0]),
            "context_probs": np.array([0.5, 0.5]),
        },
        path,
        metadata={"format": "ntpgeo.dataset.1", "vocab_size": "3"},
    )


def main():
    parser = argparse.ArgumentParser(description="Hold ntpgeo's files against PyPI's safetensors and NumPy.")
    parser.add_argument("--dataset")
    parser.add_argument("--result")
    parser.add_argument("--write-minimal")
    arguments = parser.parse_args()
    try:
        sizes = check_dataset(arguments.dataset) if arguments.dataset else None
        if arguments.result:
            check_result(arguments.result, sizes)
    except BrokenPromise as broken:
        print(f"readback: not so: {broken}", file=sys.stderr)
        return 1
    if arguments.write_minimal:
        write_minimal(arguments.write_minimal)
    return 0


if __name__ == "__main__":
    sys.exit(main())
