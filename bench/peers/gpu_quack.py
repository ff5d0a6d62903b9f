"""quack-kernels' chunked linear cross-entropy, with hard labels: it has no soft ones."""

from importlib.metadata import version

import gpu_peer

torch, quack = gpu_peer.import_or_skip("quack", "torch", "quack.linear_cross_entropy")


def loss_of(h, w, target):
    return quack.chunked_linear_cross_entropy(h, w, target)


# It refuses a vocabulary that is no multiple of 8, after a search for its fastest kernels or in its compiler; its users pad
# theirs to one of 64 (50257 to 50304).
gpu_peer.run("quack", version("quack-kernels"), "hard", ("bf16",), gpu_peer.whole_step(loss_of, padding=64), padding=64)
