"""Random problems for the operator's tests, and what it is held against: its definitions, dense, by PyTorch's autograd."""

import math

import numpy as np
import torch


def reference(hidden, weight, indices, probs, *, log_probs=False, bias=None, weights=None, tail=None, temperature=1.0,
              loss="excess", reduction="mean", ignore_index=-100, divergence="forward", beta=0.5):
    """Dense, by the definitions; labels row by row."""
    logits = hidden.double() @ weight.double().T
    if bias is not None:
        logits = logits + bias.double()
    q = torch.log_softmax(logits / temperature, 1)
    rows, own, present = [], [], []
    for j in range(hidden.shape[0]):
        labels = {}
        for i, p in zip(indices[j].tolist(), probs[j].double().tolist()):
            p = math.exp(p) if log_probs else p
            if i >= 0 and i != ignore_index and p > 0:
                labels[i] = labels.get(i, 0.0) + p
        mu = sum(labels.values())
        rest = {None: 0.0, "rest": max(0.0, 1 - mu)}[tail] if not isinstance(tail, torch.Tensor) else float(tail[j])
        weight_of_row = 1.0 if weights is None else float(weights[j])
        present.append(mu > 0)
        own.append(weight_of_row)
        if mu == 0:
            rows.append(logits.sum() * 0)
            continue
        mass, words = mu + rest, sorted(labels)
        p = torch.tensor([labels[w] / mass for w in words] + [rest / mass], dtype=torch.float64)
        others = torch.ones(weight.shape[0], dtype=torch.bool)
        others[words] = False
        log_q = torch.cat([q[j, words], torch.logsumexp(q[j][others], 0)[None]])
        if not others.any():
            p, log_q = p[:-1], log_q[:-1]
        kept = p > 0
        log_p = torch.where(kept, p, 1.0).log()
        if divergence == "forward":
            value = -(p * torch.where(kept, log_q, 0.0)).sum() + (0 if loss == "ce" else (p * log_p).sum())
        elif divergence == "reverse":
            value = (log_q.exp() * (log_q - log_p)).sum()
        else:
            log_m = torch.logsumexp(torch.stack([torch.where(kept, log_p + math.log(beta), -math.inf),
                                                 log_q + math.log(1 - beta)]), 0)
            value = beta * (p * (log_p - log_m)).sum() + (1 - beta) * (log_q.exp() * (log_q - log_m)).sum()
        rows.append(value * mass * weight_of_row)
    rows = torch.stack(rows)
    if reduction == "none":
        return rows
    total = sum(w for w, here in zip(own, present) if here)
    return rows.sum() / (total or 1.0) if reduction == "mean" else rows.sum()


def problem(seed, dtype=torch.float64, rows=None):
    random = np.random.default_rng(seed)
    n, v, d = rows or int(random.integers(1, 9)), int(random.integers(2, 40)), int(random.integers(1, 9))
    k = int(random.integers(1, min(v, 6) + 1))
    indices = random.integers(0, v, size=(n, k))
    probs = random.dirichlet(np.ones(k + 1), size=n)[:, :k] * 0.999
    indices[random.random((n, k)) < 0.15] = -100
    probs[random.random((n, k)) < 0.1] = 0
    draw = lambda *shape: torch.tensor(random.normal(size=shape)).to(dtype)  # noqa: E731
    options = {"reduction": str(random.choice(["mean", "sum", "none"])),
               "temperature": float(random.choice([1.0, 0.5, 2.0])),
               "divergence": str(random.choice(["forward", "forward", "reverse", "js"])),
               "beta": float(random.uniform(0.1, 0.9))}
    options["tail"] = random.choice([None, "rest", "given"]) if options["divergence"] != "reverse" else "rest"
    if options["tail"] == "given":
        options["tail"] = torch.tensor(random.uniform(0.05, 0.5, size=n))
    if options["divergence"] == "forward" and random.random() < 0.3:
        options["loss"] = "ce"
    if random.random() < 0.5:
        options["weights"] = torch.tensor(random.uniform(0, 2, size=n))
    if random.random() < 0.5:
        options["bias"] = draw(v).requires_grad_()
    if random.random() < 0.3:
        options["log_probs"], probs = True, np.log(np.maximum(probs, 0), where=probs > 0,
                                                   out=np.full(probs.shape, -np.inf))
    ids = torch.tensor(indices, dtype=torch.int32 if random.random() < 0.5 else torch.int64)
    return draw(n, d).requires_grad_(), draw(v, d).requires_grad_(), ids, torch.tensor(probs), options


def gradients(value, upstream, tensors):
    return torch.autograd.grad(value, [t for t in tensors if t is not None], upstream, allow_unused=True)


def agree(found, expected, tolerance):
    found, expected = found.detach().double(), expected.detach().double()
    assert found.shape == expected.shape
    assert torch.allclose(found, expected, rtol=tolerance, atol=tolerance * (1e-300 + expected.abs().max().item()))


def full_support(indices, vocab, ignore=-100):
    return any(len({i for i in row if i >= 0 and i != ignore}) == vocab for row in indices.tolist())
