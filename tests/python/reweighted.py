"""Writes a data set anew with other weights of its contexts.

    reweighted.py DS OUT uniform|zipf|one|decades

`one`: the first context has all the weight but 1e-12 of it; `decades`: weights fall over twelve decades.
"""

import sys

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file


def main():
    source, out, kind = sys.argv[1:]
    tensors = load_file(source)
    with safe_open(source, framework="numpy") as file:
        vocab_size = file.metadata()["vocab_size"]
    place = np.arange(tensors["context_probs"].shape[0])
    weights = {"uniform": 1.0 + 0 * place, "zipf": 1 / (1 + place), "one": np.where(place == 0, 1, 1e-12 / place.size),
               "decades": 10 ** (-12.0 * place / place.size)}[kind]
    required = {name: tensors[name] for name in ("indptr", "indices", "probs")}
    save_file({**required, "context_probs": weights / weights.sum()}, out,
              {"format": "ntpgeo.dataset.1", "vocab_size": vocab_size})


if __name__ == "__main__":
    main()
