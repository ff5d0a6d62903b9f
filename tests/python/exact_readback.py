"""Recomputes by NumPy alone what `ntpgeo limit` and `ntpgeo path` certify, from the files they leave (design 1.4, 2.2).

    exact_readback.py DS RUN...

Of a path every point that it saved is held against its record, to the accuracy that the guide states.

Exit status 1, with the first broken promise on stderr, otherwise 0.
"""

import json
import pathlib
import sys

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file

from readback import BrokenPromise, require


UNIT_ROUNDOFF = 2.0**-53


def records_of(run):
    return [json.loads(line) for line in pathlib.Path(run, "metrics.jsonl").read_text().splitlines()]


def read_dataset(path):
    """P [V, m] with 0 off the supports, and π [m]."""
    tensors = load_file(path)
    with safe_open(path, framework="numpy") as file:
        vocab_size = int(file.metadata()["vocab_size"])
    contexts = tensors["context_probs"].shape[0]
    labels = np.zeros((vocab_size, contexts))
    labels[tensors["indices"], np.repeat(np.arange(contexts), np.diff(tensors["indptr"]))] = tensors["probs"]
    return labels, tensors["context_probs"]


def read_factors(file, labels):
    """L = W·Hᵀ [V, m] of a result, held against its sigma, and the other tensors."""
    tensors = load_file(file)
    words, contexts, sigma = (tensors[name] for name in ("W", "H", "sigma"))
    rank = sigma.shape[0]
    require(words.shape == (labels.shape[0], rank), f"W has shape [V, r], not {words.shape}")
    require(contexts.shape == (labels.shape[1], rank), f"H has shape [m, r], not {contexts.shape}")
    require((np.diff(sigma) <= 0).all() and (sigma > 0).all(), "sigma is positive and descending")
    scale = sigma[0]
    require(np.abs(words.sum(axis=0)).max() < 1e-9 * scale, "the columns of W sum to 0")
    for name, factor in (("W", words), ("H", contexts)):
        unit = factor / np.sqrt(sigma)
        require(np.abs(unit.T @ unit - np.eye(rank)).max() < 1e-10, f"{name}'s columns are orthogonal and √σ long")
    return words @ contexts.T, tensors


def check_limit(run, labels):
    logits, tensors = read_factors(pathlib.Path(run, "result.safetensors"), labels)
    record = records_of(run)[-1]
    on = labels > 0
    lowest_on = np.where(on, logits, np.inf).min(axis=0)
    highest_on = np.where(on, logits, -np.inf).max(axis=0)
    highest_off = np.where(on, -np.inf, logits).max(axis=0)
    require((highest_on - lowest_on).max() < 1e-8, "logits are equal on each support")
    require((lowest_on - highest_off).min() > 1 - 1e-8, "every margin is at least 1")
    norm = np.linalg.norm(logits, "nuc")
    require(record["bound"] * (1 - 1e-12) <= norm <= record["nuclear_norm"] * (1 + 1e-9),
            f"the nuclear norm {norm} lies in [{record['bound']}, {record['nuclear_norm']}]")
    require(record["nuclear_norm"] <= norm * (1 + 1e-8), f"the nuclear norm {norm} is {record['nuclear_norm']}")
    sigma = tensors["sigma"]
    require(record["rank"] == (sigma > 1e-6 * sigma[0]).sum(), f"the rank is {record['rank']}")
    require(record["relative_gap"] <= 1e-6, "the gap is what was asked for")


def xlogx(x):
    return np.where(x > 0, x * np.log(np.where(x > 0, x, 1)), 0)


def accuracy(logits, weights, lam, objective):
    """How far a bound recomputed from bound_logits may be from its record, over the objective (guide, the exact side)."""
    spread = np.ptp(logits, axis=0).max()
    return UNIT_ROUNDOFF * (spread * (np.linalg.norm(weights) / lam + 4 / objective) + 5 * logits.size)


def check_path(run, labels, weights):
    points = sorted(pathlib.Path(run).glob("point-*.safetensors"))
    records = records_of(run)
    require(len(points) in (0, len(records)), f"{len(points)} points were saved, of {len(records)}")
    for file, record in zip(points or [pathlib.Path(run, "result.safetensors")], records if points else records[-1:]):
        check_point(file, record, labels, weights)


def check_point(file, record, labels, weights):
    logits, tensors = read_factors(file, labels)
    lam = record["lambda"]
    labels_entropy = -(weights * xlogx(labels).sum(axis=0)).sum()

    highest = logits.max(axis=0)
    lse = highest + np.log(np.exp(logits - highest).sum(axis=0))
    loss = (weights * (lse - (labels * logits).sum(axis=0))).sum()
    objective = loss - labels_entropy + lam * np.linalg.norm(logits, "nuc")
    spread = np.ptp(logits, axis=0).max()
    require(abs(objective / record["objective_excess"] - 1) < 1e-9 + 4 * UNIT_ROUNDOFF * spread / objective,
            f"{file}: the objective {record['objective_excess']} is that of the factors, {objective}")

    # The dual point: q' = p + t(q − p) with t such that the gradient's norm is at most λ.
    at = tensors["bound_logits"].T
    require(at.shape == labels.shape, "bound_logits has shape [m, V]")
    q = np.exp(at - at.max(axis=0))
    q /= q.sum(axis=0)
    t = min(1.0, lam / np.linalg.norm(weights * (q - labels), 2))
    bound = -(weights * xlogx(labels + t * (q - labels)).sum(axis=0)).sum() - labels_entropy
    stated = accuracy(at, weights, lam, record["objective_excess"])
    require(abs(bound - record["bound_excess"]) <= stated * record["objective_excess"],
            f"{file}: the bound {record['bound_excess']} is that of bound_logits, {bound}, to {stated:.1e} of the objective")
    require(record["bound_excess"] <= record["objective_excess"], "the bound is below the objective")


def main():
    data, *runs = sys.argv[1:]
    labels, weights = read_dataset(data)
    try:
        for run in runs:
            if json.loads(pathlib.Path(run, "config.json").read_text())["command"] == "limit":
                check_limit(run, labels)
            else:
                check_path(run, labels, weights)
    except BrokenPromise as broken:
        print(f"exact_readback: not so: {broken}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
