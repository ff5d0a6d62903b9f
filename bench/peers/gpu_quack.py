"""quack-kernels' chunked linear cross-entropy, with hard labels: it has no soft ones."""

from importlib.metadata import version

import gpu_peer

torch, quack = gpu_peer.import_or_skip("quack", "torch", "quack.linear_cross_entropy")


def loss_of(h, w, target):
    if len(w) % 8:  # it would fail all the same, after a search for its fastest kernels or in its compiler
        raise ValueError("it takes vocabularies of a multiple of 8 words alone")
    return quack.chunked_linear_cross_entropy(h, w, target)


gpu_peer.run("quack", version("quack-kernels"), "hard", ("bf16",), gpu_peer.whole_step(loss_of))
