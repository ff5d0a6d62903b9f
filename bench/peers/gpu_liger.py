"""liger-kernel's fused linear cross-entropy, with hard labels: it has no soft ones."""

from importlib.metadata import version

import gpu_peer

torch, liger = gpu_peer.import_or_skip("liger", "torch", "liger_kernel.transformers.fused_linear_cross_entropy")


def loss_of(h, w, target):
    loss = liger.LigerFusedLinearCrossEntropyLoss(accum_dtype=torch.float32)(w, h, target)
    return loss[0] if isinstance(loss, tuple) else loss


gpu_peer.run("liger", version("liger-kernel"), "hard", ("bf16", "tf32"), gpu_peer.whole_step(loss_of))
