"""The loss step of the C library on PyTorch's tensors: operators that torch.compile and torch.export know.

What a caller sees is ntpgeo.torch.linear_sparse_cross_entropy.
"""

from __future__ import annotations

import functools
from ctypes import POINTER, byref, c_double, c_int, c_int64, c_void_p
from ctypes import Structure as _Structure
from typing import Optional

import torch
from torch import Tensor

from . import _library
from ._library import Sized

TYPES = {torch.int32: _library.INT32, torch.int64: _library.INT64, torch.float32: _library.FLOAT32,
         torch.float64: _library.FLOAT64, torch.bfloat16: _library.BFLOAT16, torch.float16: _library.FLOAT16}
DIVERGENCES = ("forward", "reverse", "js")
TAILS = ("none", "rest", "given")


class Teacher(Sized):
    _fields_ = [("size", _library.c_size_t), ("vocab_size", c_int64), ("contexts", c_int64), ("k", c_int64),
                ("ids", c_void_p), ("ids_type", c_int), ("ignore", c_int64), ("probs", c_void_p),
                ("probs_type", c_int), ("logarithms", c_int), ("tail", c_int), ("tails", c_void_p), ("check", c_int)]


class Rows(Sized):
    _fields_ = [("size", _library.c_size_t), ("indptr", c_void_p), ("indices", c_void_p), ("probs", c_void_p),
                ("masses", c_void_p), ("tails", c_void_p), ("entropies", c_void_p)]


class Sizes(Sized):
    _fields_ = [("size", _library.c_size_t), ("vocab_size", c_int64), ("dim", c_int64), ("contexts", c_int64),
                ("entries", c_int64), ("biased", c_int)]


class Matrix(_Structure):
    _fields_ = [("data", c_void_p), ("type", c_int), ("rows", c_int64), ("columns", c_int64), ("stride", c_int64)]


class Call(Sized):
    _fields_ = [("size", _library.c_size_t), ("contexts", c_int64), ("entries", c_int64), ("indptr", c_void_p),
                ("indices", c_void_p), ("probs", c_void_p), ("tails", c_void_p), ("weights", c_void_p),
                ("words", Matrix), ("hidden", Matrix), ("bias", Matrix), ("words_gradient", Matrix),
                ("hidden_gradient", Matrix), ("bias_gradient", Matrix), ("adds_to_words_gradient", c_int),
                ("divergence", c_int), ("beta", c_double), ("upstream", c_void_p), ("sum", c_void_p),
                ("losses", c_void_p), ("missing_mass", c_void_p)]


_library.declare({
    "loss_labels": (c_int, [POINTER(Teacher), POINTER(Rows)]),
    "loss_new": (c_int, [_library.c_char_p, _library.c_char_p, POINTER(Sizes), POINTER(c_void_p)]),
    "loss_workspace": (c_int, [c_void_p, POINTER(Call), POINTER(c_int64)]),
    "loss_enqueue": (c_int, [c_void_p, POINTER(Call), c_void_p, c_int64, c_void_p]),
    "loss_free": (None, [c_void_p]),
})

# Labels ------------------------------------------------------------------------------------------------------------


def _rows_of(indices: Tensor) -> tuple[Tensor, ...]:
    """Room for indptr [N+1], indices and probs [N k], and masses, tails and entropies [N]."""
    contexts, k = indices.shape
    wide = dict(device=indices.device, dtype=torch.float64)
    return (torch.empty(contexts + 1, device=indices.device, dtype=torch.int64),
            torch.empty(contexts * k, device=indices.device, dtype=torch.int32), torch.empty(contexts * k, **wide),
            torch.empty(contexts, **wide), torch.empty(contexts, **wide), torch.empty(contexts, **wide))


@torch.library.custom_op("ntpgeo::sparse_labels", mutates_args=())
def sparse_labels(indices: Tensor, probs: Tensor, tails: Optional[Tensor], vocab_size: int, log_probs: bool, tail: int,
                  ignore_index: int, check: bool) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """A teacher's top-k as ntpgeo_loss_labels has it: indptr, indices, probs, masses, tails, entropies."""
    if indices.is_cpu:
        indices, probs = indices.contiguous(), probs.contiguous()
        tails = None if tails is None else tails.to(torch.float64).contiguous()
        out = _rows_of(indices)
        teacher = Teacher(vocab_size=vocab_size, contexts=indices.shape[0], k=indices.shape[1], ids=indices.data_ptr(),
                          ids_type=TYPES[indices.dtype], ignore=ignore_index, probs=probs.data_ptr(),
                          probs_type=TYPES[probs.dtype], logarithms=log_probs, tail=tail,
                          tails=None if tails is None else tails.data_ptr(), check=check)
        _library.call("loss_labels", byref(teacher), byref(Rows(**dict(zip(
            ("indptr", "indices", "probs", "masses", "tails", "entropies"), (t.data_ptr() for t in out))))))
        return out
    return labels_by_tensors(indices, probs, tails, vocab_size, log_probs, tail, ignore_index, check)


@sparse_labels.register_fake
def _(indices, probs, tails, vocab_size, log_probs, tail, ignore_index, check):
    return _rows_of(indices)


def labels_by_tensors(indices: Tensor, probs: Tensor, tails: Optional[Tensor], vocab_size: int, log_probs: bool, tail: int,
                      ignore_index: int, check: bool) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The same by PyTorch's own operations, which wait for nothing on a GPU unless `check` is set."""
    contexts, k = indices.shape
    ids, p = indices.to(torch.int64), probs.to(torch.float64)
    p = p.exp() if log_probs else p
    padding = (ids < 0) | (ids == ignore_index)
    wrong = (~(p >= 0) | p.isinf()) & ~padding
    beyond = (ids >= vocab_size) & ~padding
    if check and bool((wrong | beyond).any()):
        row, column = (int(x) for x in (wrong | beyond).nonzero()[0])
        if bool(beyond[row, column]):
            raise ValueError(f"indices[{row}, {column}] is {int(ids[row, column])}; it must be below the {vocab_size} words")
        raise ValueError(f"probs[{row}, {column}] is {float(probs[row, column])}; it must be a number >= 0")
    whole = ~(wrong | beyond).any(1)
    kept = ~padding & ~wrong & ~beyond & (p >= torch.finfo(torch.float64).tiny)
    p = torch.where(kept, p, 0.0)
    mu = p.sum(1)
    rest = {0: torch.zeros_like(mu), 1: (1 - mu).clamp(min=0)}.get(tail)
    if rest is None:
        rest = tails.to(torch.float64)
        bad = ~(rest >= 0) | rest.isinf()
        if check and bool(bad.any()):
            row = int(bad.nonzero()[0])
            raise ValueError(f"tail[{row}] is {float(rest[row])}; it must be a number >= 0")
        whole = whole & ~bad
        rest = torch.where(bad, 0.0, rest)
    # By word in each row, what is left out behind; then duplicates are added to the first of theirs.
    ids = torch.where(kept, ids, vocab_size)
    ids, order = ids.sort(dim=1, stable=True)
    p = p.gather(1, order)
    first = torch.ones_like(ids, dtype=torch.bool)
    first[:, 1:] = ids[:, 1:] != ids[:, :-1]
    slot = first.to(torch.int64).cumsum(1) - 1
    merged = torch.zeros_like(p).scatter_add_(1, slot, p)
    words = torch.full_like(ids, vocab_size).scatter_(1, slot, ids)
    empty = mu == 0
    words[:, 0] = torch.where(empty, 0, words[:, 0])
    merged[:, 0] = torch.where(empty, 1.0, merged[:, 0])
    counts = (words < vocab_size).sum(1)
    indptr = torch.zeros(contexts + 1, device=ids.device, dtype=torch.int64)
    indptr[1:] = counts.cumsum(0)
    mass = mu + rest
    share = torch.where(empty, 0.0, rest / torch.where(mass > 0, mass, 1.0))
    scaled = merged / torch.where(empty, 1.0, mu)[:, None]
    on = (1 - share)[:, None] * scaled
    entropies = -torch.special.xlogy(on, on).sum(1) - torch.special.xlogy(share, share)
    # Each entry goes to its place; what is no entry to one behind the last.
    column = torch.arange(k, device=ids.device)[None, :].expand(contexts, k)
    place = torch.where(column < counts[:, None], indptr[:-1, None] + column, contexts * k)
    out_indices = torch.zeros(contexts * k + 1, device=ids.device, dtype=torch.int32)
    out_probs = torch.ones(contexts * k + 1, device=ids.device, dtype=torch.float64)
    out_indices.scatter_(0, place.reshape(-1), words.to(torch.int32).reshape(-1))
    out_probs.scatter_(0, place.reshape(-1), scaled.reshape(-1))
    if tail != 0:  # every divergence of a row with nothing is finite
        share = torch.where(empty, 0.5, share)
    masses = torch.where(whole, torch.where(empty, 0.0, mass), float("nan"))
    return indptr, out_indices[:-1].clone(), out_probs[:-1].clone(), masses, share, entropies


# The loss ----------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=16)
def _plan(device: str, precision: str, vocab: int, dim: int, contexts: int, entries: int, biased: bool):
    sizes = Sizes(vocab_size=vocab, dim=dim, contexts=contexts, entries=entries, biased=biased)
    return _library.made("loss", "loss_new", device.encode(), precision.encode(), byref(sizes))


def _matrix(tensor: Optional[Tensor]) -> Matrix:
    if tensor is None:
        return Matrix()
    if tensor.dim() == 1:
        return Matrix(tensor.data_ptr(), TYPES[tensor.dtype], tensor.shape[0], 1, 1)
    return Matrix(tensor.data_ptr(), TYPES[tensor.dtype], tensor.shape[0], tensor.shape[1], tensor.stride(0))


def _rows_together(tensor: Tensor) -> Tensor:
    """Rows may be apart, their numbers not."""
    usable = tensor.stride(1) == 1 and tensor.stride(0) >= tensor.shape[1]
    return tensor if usable else tensor.contiguous()


def _run(hidden: Tensor, weight: Tensor, bias: Optional[Tensor], indptr: Tensor, indices: Tensor, probs: Tensor,
         tails: Optional[Tensor], coefficients: Tensor, precision: str, divergence: int, beta: float,
         gradients: tuple[Optional[Tensor], Optional[Tensor], Optional[Tensor]]) -> tuple[Tensor, Tensor, Tensor]:
    hidden, weight = _rows_together(hidden), _rows_together(weight)
    bias = None if bias is None else bias.contiguous()
    wide = dict(device=hidden.device, dtype=torch.float64)
    sums, losses, missing = torch.empty(2, **wide), torch.empty(len(hidden), **wide), torch.empty(len(hidden), **wide)
    entries = int(indptr[-1]) if hidden.is_cpu else len(indices)
    device = "cpu" if hidden.is_cpu else f"cuda:{hidden.device.index}"
    plan = _plan(device, precision, *weight.shape, len(hidden), len(indices), bias is not None)
    to_hidden, to_weight, to_bias = gradients
    call = Call(contexts=len(hidden), entries=entries, indptr=indptr.data_ptr(), indices=indices.data_ptr(),
                probs=probs.data_ptr(), tails=None if tails is None else tails.data_ptr(),
                weights=coefficients.data_ptr(), words=_matrix(weight), hidden=_matrix(hidden), bias=_matrix(bias),
                words_gradient=_matrix(to_weight), hidden_gradient=_matrix(to_hidden), bias_gradient=_matrix(to_bias),
                divergence=divergence, beta=beta, sum=sums.data_ptr(), losses=losses.data_ptr(),
                missing_mass=missing.data_ptr())
    size = c_int64()
    _library.call("loss_workspace", plan.address, byref(call), byref(size))
    workspace = torch.empty(size.value, device=hidden.device, dtype=torch.uint8)
    stream = None if hidden.is_cpu else torch.cuda.current_stream(hidden.device).cuda_stream
    _library.call("loss_enqueue", plan.address, byref(call), workspace.data_ptr(), size, stream)
    return sums[0], losses, missing


def _like(tensor: Optional[Tensor], wanted: bool, dtype: Optional[torch.dtype] = None) -> Tensor:
    """Room for a gradient; nothing where none is wanted."""
    if not wanted or tensor is None:
        source = torch.empty(0) if tensor is None else tensor
        return torch.empty(0, device=source.device, dtype=source.dtype)
    return torch.empty(tensor.shape, device=tensor.device, dtype=dtype or tensor.dtype)


@torch.library.custom_op("ntpgeo::linear_sparse_sum", mutates_args=())
def linear_sparse_sum(hidden: Tensor, weight: Tensor, bias: Optional[Tensor], indptr: Tensor, indices: Tensor, probs: Tensor,
                      tails: Optional[Tensor], coefficients: Tensor, precision: str, divergence: int, beta: float,
                      for_hidden: bool, for_weight: bool, for_bias: bool,
                      wide_weight: bool) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Σ_j c_j D_j, D [N], the mass off the supports [N], and the sum's gradients, in one pass over the logits."""
    room = (_like(hidden, for_hidden), _like(weight, for_weight, _wide(weight) if wide_weight else None),
            _like(bias, for_bias))
    total, losses, missing = _run(hidden, weight, bias, indptr, indices, probs, tails, coefficients, precision,
                                  divergence, beta, tuple(t if t.numel() else None for t in room))
    return (total.clone(), losses, missing, *room)


@linear_sparse_sum.register_fake
def _(hidden, weight, bias, indptr, indices, probs, tails, coefficients, precision, divergence, beta, for_hidden,
      for_weight, for_bias, wide_weight):
    wide = dict(device=hidden.device, dtype=torch.float64)
    contexts = hidden.shape[0]
    return (torch.empty((), **wide), torch.empty(contexts, **wide), torch.empty(contexts, **wide),
            _like(hidden, for_hidden), _like(weight, for_weight, _wide(weight) if wide_weight else None),
            _like(bias, for_bias))


def _wide(weight: Tensor) -> torch.dtype:
    return torch.promote_types(weight.dtype, torch.float32)


def _keep_gradients(ctx, inputs, output):
    ctx.set_materialize_grads(False)  # or each backward would fill a dW of zeros, of which nothing is used
    ctx.wanted = inputs[11:14]
    ctx.save_for_backward(*output[3:])


def _times_upstream(ctx, upstream, _losses, _missing, *of_gradients):
    if any(gradient is not None for gradient in of_gradients):
        raise RuntimeError("linear_sparse_cross_entropy: has no second derivatives")
    gradients = [None, None, None]
    for i, (wanted, gradient) in enumerate(zip(ctx.wanted, ctx.saved_tensors)):
        if wanted and upstream is not None:
            # A 1 that can be seen, in no trace and on no GPU, costs no copy of dW.
            one = type(upstream) is Tensor and upstream.is_cpu and float(upstream) == 1
            gradients[i] = gradient if one else gradient * upstream.to(gradient.dtype)
    return (*gradients, *[None] * 12)


linear_sparse_sum.register_autograd(_times_upstream, setup_context=_keep_gradients)


@torch.library.custom_op("ntpgeo::linear_sparse_losses", mutates_args=())
def linear_sparse_losses(hidden: Tensor, weight: Tensor, bias: Optional[Tensor], indptr: Tensor, indices: Tensor,
                         probs: Tensor, tails: Optional[Tensor], precision: str, divergence: int,
                         beta: float) -> tuple[Tensor, Tensor]:
    """D [N] and the mass off the supports [N]; the gradient is a second pass, of the sum that upstream asks for."""
    ones = torch.ones(len(hidden), device=hidden.device, dtype=torch.float64)
    _, losses, missing = _run(hidden, weight, bias, indptr, indices, probs, tails, ones, precision, divergence, beta,
                              (None, None, None))
    return losses, missing


@linear_sparse_losses.register_fake
def _(hidden, weight, bias, indptr, indices, probs, tails, precision, divergence, beta):
    wide = dict(device=hidden.device, dtype=torch.float64)
    return torch.empty(hidden.shape[0], **wide), torch.empty(hidden.shape[0], **wide)


def _keep_inputs(ctx, inputs, output):
    hidden, weight, bias, indptr, indices, probs, tails, *ctx.options = inputs
    ctx.has_bias, ctx.has_tails = bias is not None, tails is not None
    ctx.save_for_backward(hidden, weight, indptr, indices, probs, *(t for t in (bias, tails) if t is not None))


def _second_pass(ctx, upstream, _):
    hidden, weight, indptr, indices, probs, *more = ctx.saved_tensors
    bias = more.pop(0) if ctx.has_bias else None
    tails = more.pop(0) if ctx.has_tails else None
    wanted = [ctx.needs_input_grad[0], ctx.needs_input_grad[1], ctx.has_bias and ctx.needs_input_grad[2]]
    out = linear_sparse_sum(hidden, weight, bias, indptr, indices, probs, tails, upstream.to(torch.float64).contiguous(),
                            *ctx.options, *wanted, False)
    return (*(g if w else None for g, w in zip(out[3:], wanted)), *[None] * 7)


linear_sparse_losses.register_autograd(_second_pass, setup_context=_keep_inputs)
