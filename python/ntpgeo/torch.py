"""The cross-entropy of a linear layer's logits on a teacher's sparse top-k, fused, for PyTorch.

>>> from ntpgeo.torch import linear_sparse_cross_entropy
>>> loss = linear_sparse_cross_entropy(hidden, weight, indices, probs, tail="rest")    # doctest: +SKIP

Logits are never stored whole, and the gradient keeps its digits however small the loss is: it is no difference of two
probabilities (docs/design.md 1.2 and 1.6 of the repository). On the CPU and on GPUs by this package's own kernels.
"""

from __future__ import annotations

import math
import numbers
from typing import Optional, Union

import torch
from torch import Tensor

from . import _loss

__all__ = ["LinearSparseCrossEntropy", "linear_sparse_cross_entropy"]

_floats = (torch.bfloat16, torch.float16, torch.float32, torch.float64)
_precisions = ("auto", "bf16", "bf16x3", "tf32", "fp32", "fp64")


def linear_sparse_cross_entropy(
        hidden: Tensor, weight: Tensor, indices: Tensor, probs: Tensor, *, log_probs: bool = False,
        bias: Optional[Tensor] = None, weights: Optional[Tensor] = None, tail: Union[None, str, Tensor] = None,
        temperature: float = 1.0, loss: str = "excess", reduction: str = "mean", ignore_index: int = -100,
        precision: str = "auto", check: Optional[bool] = None, stats: bool = False, divergence: str = "forward",
        beta: float = 0.5, weight_grad: Optional[Tensor] = None):
    """How far softmax((hidden·weightᵀ + bias)/temperature) is from a teacher's top-k.

    hidden [N, d] and weight [V, d] are of any floating-point type each; rows may be apart. indices [N, k] (int32, int64)
    and probs [N, k] (any floating-point type; logarithms of them with ``log_probs``, −inf is 0) are the teacher's: in any
    order, duplicates are added, probabilities of 0 and indices that are negative or ``ignore_index`` are padding. A row of
    padding alone gives 0 and no gradient.

    tail: what of a row's mass is not among its k. None: nothing, the row's loss is that of the renormalised labels times
    their mass. "rest": 1 − Σp; a tensor [N]: that much. It is one class, of all other words, within which the teacher is
    taken to spread it as the model does.

    divergence: "forward" KL(P‖Q) of the labels P and the model Q, "reverse" KL(Q‖P), which needs a tail, or "js":
    β KL(P‖M) + (1 − β) KL(Q‖M) with M = βP + (1 − β)Q. loss: "excess" is the divergence, 0 where the model is the teacher;
    "ce" the cross-entropy, which is more by the labels' entropy ("forward" alone). It is not multiplied by temperature².

    weights [N] scale a row's loss and gradients alike; reduction "sum", "mean" (over Σ weights of rows that are not empty)
    or "none" [N]. The result has hidden's type, at least fp32. Gradients are for hidden, weight and bias, those that are
    asked for, in one pass with the loss; with "none" in a second one. dW is summed in fp32 at least; ``weight_grad``
    [V, d] takes it in place of weight.grad, added to what is there (not under torch.compile). There are no second derivatives:
    who asks for them gets a RuntimeError.

    precision of the three products: "auto" is fp64 where hidden or weight is, otherwise fp32 on the CPU, and on a GPU bf16
    for bf16, tf32 for fp16, and for fp32 what torch.backends.cuda.matmul.allow_tf32 says. Support logits are summed in fp64
    whatever it is. Autocast changes nothing: the tensors are taken as they are.

    check: whether a NaN, a negative probability or an index that is no word raises ValueError naming its row; default on
    the CPU, on a GPU not, since it waits for the device. Unchecked, such a row's loss is NaN; on the CPU an index that is no
    word raises all the same.

    stats: returns (loss, {"losses": [N], "missing_mass": [N], "entropies": [N], "masses": [N]}), in fp64, detached.
    """
    _check_tensors(hidden, weight, indices, probs, bias, weights, tail)
    _check_options(temperature, loss, reduction, precision, divergence, beta, tail, log_probs, ignore_index)
    if weight_grad is not None:
        _check_buffer(weight_grad, weight, reduction)
    contexts = hidden.shape[0]
    on_cpu = hidden.device.type == "cpu"
    given = isinstance(tail, Tensor)
    indptr, words, p, masses, tails, entropies = _loss.sparse_labels(
        indices, probs.detach(), tail.detach() if given else None, weight.shape[0], log_probs,
        2 if given else _loss.TAILS.index(tail or "none"), ignore_index, on_cpu if check is None else bool(check))
    own = torch.ones_like(masses) if weights is None else weights.detach().to(torch.float64)
    # What is NaN stays so in its row.
    scale = torch.where(masses == 0, 0.0, own * masses)
    if reduction == "mean":
        total_weight = torch.where(masses == 0, 0.0, own).sum()
        scale = scale / torch.where(total_weight == 0, 1.0, total_weight)
    if temperature != 1:
        hidden = hidden.to(torch.promote_types(hidden.dtype, torch.float32)) / temperature
        bias = None if bias is None else bias.to(torch.promote_types(bias.dtype, torch.float32)) / temperature
    arguments = (hidden, weight if weight_grad is None else weight.detach(), bias, indptr, words, p,
                 tails if tail is not None else None)
    options = (_precision(precision, hidden, weight), _loss.DIVERGENCES.index(divergence), float(beta))
    dtype = torch.promote_types(hidden.dtype, torch.float32)
    if reduction == "none":
        losses, missing = _loss.linear_sparse_losses(*arguments, *options)
        value = losses * scale
    else:
        grad = torch.is_grad_enabled()
        wanted = [grad and t is not None and t.requires_grad for t in (hidden, weight, bias)]
        out = _loss.linear_sparse_sum(*arguments, scale, *options, *wanted, weight_grad is not None)
        value, losses, missing = out[:3]
        if weight_grad is not None and wanted[1]:
            value = _IntoBuffer.apply(value, weight, out[4], weight_grad)
    if loss == "ce":
        rest = scale * entropies
        value = value + (rest if reduction == "none" else rest.sum())
    value = value.to(dtype)
    if not stats:
        return value
    return value, {"losses": losses.detach(), "missing_mass": missing.detach(), "entropies": entropies, "masses": masses}


class LinearSparseCrossEntropy(torch.nn.Module):
    """linear_sparse_cross_entropy with a weight [V, d] and, if asked for, a bias [V] of its own.

    Further arguments are the function's. ``forward(hidden, indices, probs, weights=None, tail=...)``.
    """

    def __init__(self, in_features: int, vocab_size: int, bias: bool = False, *, tail: Optional[str] = None,
                 device=None, dtype=None, **options):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.empty(vocab_size, in_features, device=device, dtype=dtype))
        self.bias = torch.nn.Parameter(torch.zeros(vocab_size, device=device, dtype=dtype)) if bias else None
        self.tail, self.options = tail, options
        torch.nn.init.normal_(self.weight, std=1 / math.sqrt(in_features))

    def forward(self, hidden: Tensor, indices: Tensor, probs: Tensor, weights: Optional[Tensor] = None,
                tail: Union[None, str, Tensor] = None):
        return linear_sparse_cross_entropy(hidden, self.weight, indices, probs, bias=self.bias, weights=weights,
                                           tail=self.tail if tail is None else tail, **self.options)

    def extra_repr(self) -> str:
        return f"in_features={self.weight.shape[1]}, vocab_size={self.weight.shape[0]}, bias={self.bias is not None}"


class _IntoBuffer(torch.autograd.Function):
    """The value, whose backward adds upstream times weight's gradient, which is there already, to a buffer."""

    @staticmethod
    def forward(ctx, value: Tensor, weight: Tensor, gradient: Tensor, buffer: Tensor) -> Tensor:
        ctx.gradient, ctx.buffer = gradient.detach(), buffer
        return value.clone()

    @staticmethod
    def backward(ctx, upstream: Tensor):
        ctx.buffer.add_(ctx.gradient * upstream.to(ctx.gradient.dtype))
        return upstream, None, None, None


def _precision(precision: str, hidden: Tensor, weight: Tensor) -> str:
    if precision != "auto":
        return precision
    if torch.float64 in (hidden.dtype, weight.dtype):
        return "fp64"
    if hidden.device.type == "cpu":
        return "fp32"
    if weight.dtype == torch.bfloat16:
        return "bf16"
    if weight.dtype == torch.float16 or torch.backends.cuda.matmul.allow_tf32:
        return "tf32"
    return "fp32"


def _shape(tensor: Tensor) -> str:
    return f"{list(tensor.shape)} of {tensor.dtype}"


def _need(name: str, tensor, shape: str, right: bool) -> None:
    if not right:
        raise ValueError(f"{name}: is {_shape(tensor) if isinstance(tensor, Tensor) else repr(tensor)}; it must be {shape}")


def _check_tensors(hidden, weight, indices, probs, bias, weights, tail) -> None:
    for name, tensor in (("hidden", hidden), ("weight", weight), ("indices", indices), ("probs", probs)):
        if not isinstance(tensor, Tensor):
            raise TypeError(f"{name}: must be a tensor, not {type(tensor).__name__}")
    any_float = "a floating-point type (bf16, fp16, fp32, fp64)"
    _need("hidden", hidden, f"[N, d] of {any_float}, N and d at least 1",
          hidden.dim() == 2 and hidden.dtype in _floats and hidden.numel() > 0)
    contexts, dim = hidden.shape
    _need("weight", weight, f"[V, {dim}] of {any_float}",
          weight.dim() == 2 and weight.dtype in _floats and weight.shape[1] == dim and weight.shape[0] > 0)
    _need("indices", indices, f"[{contexts}, k] of int32 or int64, k at least 1",
          indices.dim() == 2 and indices.dtype in (torch.int32, torch.int64) and indices.shape[0] == contexts and
          indices.shape[1] > 0)
    _need("probs", probs, f"{list(indices.shape)} of {any_float}, as indices are",
          probs.shape == indices.shape and probs.dtype in _floats)
    if bias is not None:
        _need("bias", bias, f"[{weight.shape[0]}] of {any_float}",
              isinstance(bias, Tensor) and bias.shape == weight.shape[:1] and bias.dtype in _floats)
    for name, tensor in (("weights", weights), ("tail", tail if isinstance(tail, Tensor) else None)):
        if tensor is not None:
            _need(name, tensor, f"[{contexts}] of {any_float}",
                  isinstance(tensor, Tensor) and tensor.shape == (contexts,) and tensor.dtype in _floats)
    for name, tensor in (("weight", weight), ("indices", indices), ("probs", probs), ("bias", bias),
                         ("weights", weights), ("tail", tail)):
        if isinstance(tensor, Tensor) and tensor.device != hidden.device:
            raise ValueError(f"{name}: is on {tensor.device}, hidden on {hidden.device}; they must be on one device")
    if hidden.device.type not in ("cpu", "cuda"):
        raise ValueError(f"hidden: is on {hidden.device}; it must be on the CPU or on a CUDA GPU")


def _check_options(temperature, loss, reduction, precision, divergence, beta, tail, log_probs, ignore_index) -> None:
    for name, value, names in (("loss", loss, ("excess", "ce")), ("reduction", reduction, ("mean", "sum", "none")),
                               ("precision", precision, _precisions), ("divergence", divergence, _loss.DIVERGENCES)):
        if value not in names:
            raise ValueError(f"{name}: is {value!r}; it must be one of {', '.join(map(repr, names))}")
    if not isinstance(tail, Tensor) and tail not in (None, "rest"):
        raise ValueError(f"tail: is {tail!r}; it must be None, 'rest' or a tensor [N]")
    if not (isinstance(temperature, numbers.Real) and temperature > 0 and math.isfinite(temperature)):
        raise ValueError(f"temperature: is {temperature!r}; it must be a number > 0")
    if not isinstance(beta, numbers.Real) or divergence == "js" and not 0 < beta < 1:
        raise ValueError(f"beta: is {beta!r}; it must be a number between 0 and 1")
    if not isinstance(log_probs, bool):
        raise ValueError(f"log_probs: is {log_probs!r}; it must be True or False")
    if not isinstance(ignore_index, int) or abs(ignore_index) >= 2**63:
        raise ValueError(f"ignore_index: is {ignore_index!r}; it must be a whole number of 64 bits")
    if divergence == "reverse" and tail is None:
        raise ValueError("tail: is None; the reverse divergence is infinite without one")
    if divergence != "forward" and loss == "ce":
        raise ValueError(f"loss: is 'ce', which is of the forward divergence; {divergence!r} has 'excess'")


def _check_buffer(buffer, weight, reduction) -> None:
    _need("weight_grad", buffer, f"{list(weight.shape)} of fp32 or fp64",
          isinstance(buffer, Tensor) and buffer.shape == weight.shape and buffer.dtype in (torch.float32, torch.float64))
    if reduction == "none":
        raise ValueError("weight_grad: takes the gradient of a 'mean' or a 'sum', not of 'none'")
