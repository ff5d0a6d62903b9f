"""Apple's cut-cross-entropy, with hard labels: it has no soft ones. Its gradient filter is left at its default."""

from importlib.metadata import version

import gpu_peer

torch, cut = gpu_peer.import_or_skip("cut_cross_entropy", "torch", "cut_cross_entropy")

gpu_peer.run("cut_cross_entropy", version("cut-cross-entropy"), "hard", ("bf16",),
             gpu_peer.whole_step(cut.linear_cross_entropy))
