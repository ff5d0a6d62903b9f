"""A transformer held against the theory: do its logits turn towards the limit that next-token prediction has?

Two layers and an untied head learn the stories, a small grammar's text: a context's two words in, the distribution of the
next word out. The package's loss trains it; snapshots of its head and hidden states become a run folder, beside the
certified limit L_mm of the same data, and a report draws both.
"""

import argparse
import math
import os
import pathlib
import subprocess

import numpy as np
import torch

import ntpgeo
from ntpgeo.torch import linear_sparse_cross_entropy

PROGRAM = os.environ.get("NTPGEO_PROGRAM", "ntpgeo")


class Transformer(torch.nn.Module):
    def __init__(self, vocab_size: int, length: int, dim: int):
        super().__init__()
        self.words = torch.nn.Embedding(vocab_size, dim)
        self.places = torch.nn.Parameter(torch.randn(length, dim) / math.sqrt(dim))
        layer = torch.nn.TransformerEncoderLayer(dim, 4, 4 * dim, dropout=0, batch_first=True, norm_first=True)
        self.layers = torch.nn.TransformerEncoder(layer, 2, norm=torch.nn.LayerNorm(dim), enable_nested_tensor=False)
        self.register_buffer("mask", torch.nn.Transformer.generate_square_subsequent_mask(length))
        self.head = torch.nn.Parameter(torch.randn(vocab_size, dim) / math.sqrt(dim))

    def forward(self, tokens):
        """The hidden state [m, dim] from which each context's next word is predicted."""
        return self.layers(self.words(tokens) + self.places, mask=self.mask, is_causal=True)[:, -1]


def labels(data):
    """The data set's rows as a top-k, padded to the longest: indices and probs [m, k]."""
    counts = np.diff(data.indptr)
    there = np.arange(counts.max()) < counts[:, None]
    indices, probs = np.full(there.shape, -100), np.zeros(there.shape)
    indices[there], probs[there] = data.indices, data.probs
    return torch.tensor(indices), torch.tensor(probs)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=pathlib.Path, default=pathlib.Path("transformer"), help="a folder for all of it")
    parser.add_argument("--stories", type=int, default=5000)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--lr", type=float, default=3e-3)
    wanted = parser.parse_args()
    folder = wanted.output
    folder.mkdir(parents=True, exist_ok=True)

    subprocess.run([PROGRAM, "data", "stories", "--stories", str(wanted.stories), "-o", folder / "stories.safetensors"],
                   check=True, stdout=subprocess.DEVNULL)
    data = ntpgeo.Dataset.load(folder / "stories.safetensors")
    limit = ntpgeo.limit(data, output=folder / "limit")

    torch.manual_seed(0)
    torch.set_num_threads(1)  # of products as small as these a second thread makes none faster
    tokens = torch.tensor(np.asarray(data.context_tokens), dtype=torch.int64)
    indices, probs = labels(data)
    weights = torch.tensor(np.asarray(data.context_probs))
    model = Transformer(data.vocab_size, tokens.shape[1], wanted.dim)
    optimizer = torch.optim.Adam(model.parameters(), lr=wanted.lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, wanted.steps)
    snapshots = {round(wanted.steps ** (i / 8)) for i in range(9)} | {0}

    print("  step     excess  dominance  collapse  alignment with L_mm", flush=True)
    for step in range(wanted.steps + 1):
        hidden = model(tokens)
        if step in snapshots:
            run = ntpgeo.snapshot(folder / "network", model.head.detach(), hidden.detach(), data, step, limit=limit)
            last = {key: run.records[key][-1] for key in ("excess_loss", "dominance", "collapse", "alignment_limit")}
            print("{:6d}  {:9.2e}  {:9.3f}  {:8.4f}  {:8.4f}".format(step, *last.values()), flush=True)
        optimizer.zero_grad()
        linear_sparse_cross_entropy(hidden, model.head, indices, probs, weights=weights, reduction="sum").backward()
        optimizer.step()
        schedule.step()

    report = folder / "report.html"
    subprocess.run([PROGRAM, "report", folder / "limit", folder / "network", "-o", report], check=True,
                   stdout=subprocess.DEVNULL)
    print(f"the report: {report}")


if __name__ == "__main__":
    main()
