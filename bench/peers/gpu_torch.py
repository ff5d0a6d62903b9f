"""PyTorch: a chunk of contexts at a time, sparse soft labels as logsumexp minus the weighted support logits, autograd;
as it is (`torch_eager`), compiled (`torch_compile`), and PyTorch's own chunked loss with hard labels
(`torch_linear_cross_entropy`, where this version has one). Choose with --variant."""

import sys

import gpu_peer

torch, = gpu_peer.import_or_skip("torch", "torch")


def chunk_loss(h, w, columns, probs):
    """Sum over the chunk, logits in fp32 (fp64 where the products are)."""
    logits = h @ w.T
    logits = logits if logits.dtype == torch.float64 else logits.float()
    return (torch.logsumexp(logits, dim=1) - (probs * logits.gather(1, columns)).sum(dim=1)).sum()


def make_chunked(loss_of):
    def make_step(problem, state, contexts, precision):
        words, embeddings = problem.factors(state, contexts)
        dtype = gpu_peer.cast(precision)
        columns, probs = problem.soft_labels(state, contexts, torch.promote_types(dtype, torch.float32))

        def step():
            w = words.to(dtype).detach().requires_grad_()
            words_gradient, contexts_gradient = torch.zeros_like(words), torch.empty_like(embeddings)
            for begin in range(0, contexts, gpu_peer.CHUNK):
                chunk = slice(begin, min(begin + gpu_peer.CHUNK, contexts))
                h = embeddings[chunk].to(dtype).detach().requires_grad_()
                loss = loss_of(h, w, columns[chunk], probs[chunk]) / contexts
                part, contexts_gradient[chunk] = torch.autograd.grad(loss, (w, h))
                words_gradient += part
            return words_gradient, contexts_gradient

        return step

    return make_step


def own_loss(h, w, target):
    options = torch.nn.LinearCrossEntropyOptions()
    return torch.nn.functional.linear_cross_entropy(h, w, target, options=options)


VARIANTS = {
    "torch_eager": ("soft", lambda: make_chunked(chunk_loss)),
    "torch_compile": ("soft", lambda: make_chunked(torch.compile(chunk_loss, dynamic=False, fullgraph=True))),
    "torch_linear_cross_entropy": ("hard", lambda: gpu_peer.whole_step(own_loss)),
}

variant = "torch_eager"
if "--variant" in sys.argv:
    at = sys.argv.index("--variant")
    variant = sys.argv[at + 1]
    del sys.argv[at:at + 2]
if variant not in VARIANTS:
    sys.exit(f"gpu_torch.py: --variant is one of {', '.join(VARIANTS)}")
if variant == "torch_linear_cross_entropy" and not hasattr(torch.nn, "LinearCrossEntropyOptions"):
    gpu_peer.say(name=variant, version=torch.__version__, status="skipped", why="this PyTorch has no chunked one")
    sys.exit(0)
labels, make = VARIANTS[variant]
precisions = ("fp32", "bf16") if "--cpu" in sys.argv else ("bf16", "tf32")
gpu_peer.run(variant, torch.__version__, labels, precisions, make())
