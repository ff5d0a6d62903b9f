"""Ours as PyTorch has it, ntpgeo.torch.linear_sparse_cross_entropy, by the peers' protocol: not a peer, but what a caller
gets in the same process as theirs. NTPGEO_LIBRARY names libntpgeo.so."""

import sys
from pathlib import Path

import gpu_peer

HERE = Path(__file__).resolve().parent
# In a bundle, or in the sources.
sys.path[:0] = [str(folder) for folder in (HERE.parent / "python", HERE.parents[1] / "python") if folder.is_dir()]

torch, ntpgeo, operator = gpu_peer.import_or_skip("operator", "torch", "ntpgeo", "ntpgeo.torch")


def make_step(problem, state, contexts, precision):
    words, embeddings = problem.factors(state, contexts)
    columns, probs = problem.soft_labels(state, contexts, torch.float64)

    def step():
        w, h = words.detach().requires_grad_(), embeddings.detach().requires_grad_()
        loss = operator.linear_sparse_cross_entropy(h, w, columns, probs, precision=precision)
        return torch.autograd.grad(loss, (w, h))

    return step


precisions = ("fp32",) if "--cpu" in sys.argv else ("bf16", "tf32")
gpu_peer.run("operator", ntpgeo.__version__, "soft", precisions, make_step)
