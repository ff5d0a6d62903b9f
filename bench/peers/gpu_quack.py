"""quack-kernels' chunked linear cross-entropy, with hard labels: it has no soft ones."""

from importlib.metadata import version

import gpu_peer

torch, quack = gpu_peer.import_or_skip("quack", "torch", "quack.linear_cross_entropy")

gpu_peer.run("quack", version("quack-kernels"), "hard", ("bf16",),
             gpu_peer.whole_step(quack.chunked_linear_cross_entropy))
