"""The operator against its definitions by PyTorch's autograd in fp64."""

import math
import pathlib
import resource
import threading

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from ntpgeo import _loss  # noqa: E402
from ntpgeo.torch import LinearSparseCrossEntropy, linear_sparse_cross_entropy  # noqa: E402

torch.set_num_threads(1)  # tests share the cores, and PyTorch's threads wait awake


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


@pytest.mark.parametrize("block", range(10))
def test_random_cases_agree_with_autograd_in_fp64(block):
    for seed in range(50 * block, 50 * block + 50):
        hidden, weight, indices, probs, options = problem(seed)
        if options["tail"] is not None and full_support(indices, weight.shape[0]):
            continue  # a tail where no word is left for it: infinite
        value = linear_sparse_cross_entropy(hidden, weight, indices, probs, **options)
        expected = reference(hidden, weight, indices, probs, **options)
        agree(value, expected, 1e-10)
        upstream = torch.rand_like(expected) + 0.5
        tensors = (hidden, weight, options.get("bias"))
        for one, other in zip(gradients(value, upstream, tensors), gradients(expected, upstream, tensors)):
            agree(one, torch.zeros_like(one) if other is None else other, 1e-9)


@pytest.mark.parametrize("dtype,tolerance", [(torch.float32, 3e-5), (torch.bfloat16, 1e-2), (torch.float16, 2e-3)])
def test_every_type_agrees_to_its_own_rounding(dtype, tolerance):
    for seed in range(20):
        hidden, weight, indices, probs, options = problem(seed, dtype)
        if options["divergence"] != "forward" or options["tail"] is not None and full_support(indices, weight.shape[0]):
            continue
        value = linear_sparse_cross_entropy(hidden, weight, indices, probs.to(dtype), **options)
        expected = reference(hidden, weight, indices, probs.to(dtype), **options)
        assert value.dtype == torch.float32
        agree(value, expected, 3e-5)
        tensors = (hidden, weight, options.get("bias"))
        upstream = torch.ones_like(value)
        for one, other in zip(gradients(value, upstream, tensors), gradients(expected, upstream.double(), tensors)):
            assert one.dtype == dtype
            agree(one, torch.zeros_like(one) if other is None else other, tolerance)


def test_gradcheck():
    for seed in (1, 2, 3):
        hidden, weight, indices, probs, _ = problem(seed)
        if full_support(indices, weight.shape[0]):
            continue
        for divergence in ("forward", "reverse", "js"):
            for reduction in ("mean", "none"):
                assert torch.autograd.gradcheck(
                    lambda h, w: linear_sparse_cross_entropy(h, w, indices, probs, tail="rest", divergence=divergence,
                                                             reduction=reduction), (hidden, weight), atol=1e-6)


def nearly_met(distance, dtype):
    """A model that a teacher of full logits agrees with but for `distance`, and the teacher's top-k."""
    torch.manual_seed(0)
    n, v, d, k = 40, 200, 32, 200
    hidden, weight = torch.randn(n, d), torch.randn(v, d) / 4
    hidden, weight = hidden.to(dtype), weight.to(dtype)
    logits = hidden.double() @ weight.double().T
    teacher = torch.softmax(logits + distance * torch.randn(n, v, dtype=torch.float64), 1)
    indices = torch.arange(v).expand(n, v)[:, :k]
    return hidden.requires_grad_(), weight.requires_grad_(), indices, teacher[:, :k]


def relative(found, expected):
    return ((found.double() - expected).norm() / expected.norm()).item()


@pytest.mark.parametrize("distance", [0.3, 1e-2, 1e-4])
def test_the_gradient_keeps_its_digits_where_the_loss_is_small(distance):
    hidden, weight, indices, probs = nearly_met(distance, torch.float32)
    value = linear_sparse_cross_entropy(hidden, weight, indices, probs)
    wide = weight.detach().double().requires_grad_()
    expected, = torch.autograd.grad(reference(hidden.detach().double(), wide, indices, probs), wide)
    found, = torch.autograd.grad(value, weight)
    # Half the distance squared is the excess: 5e-9 at 1e-4.
    assert relative(found, expected) < 1e-6


def test_duplicates_padding_order_and_zeros_do_not_matter():
    torch.manual_seed(1)
    hidden, weight = torch.randn(2, 3, dtype=torch.float64), torch.randn(9, 3, dtype=torch.float64)
    plain = linear_sparse_cross_entropy(hidden, weight, torch.tensor([[1, 4], [2, 7]]),
                                        torch.tensor([[0.25, 0.75], [0.5, 0.5]]), reduction="none")
    messy = linear_sparse_cross_entropy(
        hidden, weight, torch.tensor([[4, 1, 4, -1, 3], [7, 2, -100, 8, 8]]),
        torch.tensor([[0.5, 0.25, 0.25, 9.0, 0.0], [0.5, 0.5, 3.0, 0.0, 0.0]]), reduction="none")
    agree(messy, plain, 1e-15)


def test_a_row_of_padding_has_no_loss_and_no_gradient():
    hidden = torch.randn(3, 4, requires_grad=True)
    weight = torch.randn(6, 4, requires_grad=True)
    indices = torch.tensor([[-100, -100], [1, 2], [3, 4]])
    probs = torch.tensor([[0.5, 0.5], [0.5, 0.5], [0.0, 0.0]])
    value, stats = linear_sparse_cross_entropy(hidden, weight, indices, probs, stats=True)
    value.backward()
    assert stats["masses"].tolist() == [0, 1, 0]
    assert hidden.grad[0].abs().max() == 0 and hidden.grad[2].abs().max() == 0 and hidden.grad[1].abs().max() > 0
    one = linear_sparse_cross_entropy(hidden[1:2], weight, indices[1:2], probs[1:2])
    agree(value, one, 1e-6)
    empty = linear_sparse_cross_entropy(hidden, weight, indices[:1].expand(3, 2), probs)
    assert empty.item() == 0


def test_only_what_is_asked_for_is_computed_and_strided_rows_are_read():
    hidden = torch.randn(5, 8)[:, :4].requires_grad_()
    weight = torch.randn(20, 4)[::2]
    value = linear_sparse_cross_entropy(hidden, weight, torch.ones(5, 1, dtype=torch.int64), torch.ones(5, 1))
    value.backward()
    assert hidden.grad is not None and weight.grad is None
    expected = reference(hidden, weight, torch.ones(5, 1, dtype=torch.int64), torch.ones(5, 1))
    agree(value, expected, 1e-6)
    with torch.no_grad():
        assert not linear_sparse_cross_entropy(hidden, weight, torch.ones(5, 1, dtype=torch.int64),
                                               torch.ones(5, 1)).requires_grad


def test_transposed_tensors_and_an_upstream_gradient_without_strides():
    torch.manual_seed(4)
    hidden, weight = torch.randn(3, 5).T.requires_grad_(), torch.randn(3, 10).T.requires_grad_()
    indices, probs = torch.randint(0, 10, (2, 5)).T, torch.rand(2, 5).T / 2
    value = linear_sparse_cross_entropy(hidden, weight, indices, probs, reduction="none").sum()
    expected = reference(hidden, weight, indices, probs, reduction="none").sum()
    agree(value, expected, 1e-6)
    for one, other in zip(gradients(value, None, (hidden, weight)), gradients(expected, None, (hidden, weight))):
        agree(one, other, 1e-6)


def test_types_may_differ_and_autocast_changes_nothing():
    torch.manual_seed(5)
    hidden, weight = torch.randn(4, 3, dtype=torch.bfloat16, requires_grad=True), torch.randn(9, 3, requires_grad=True)
    bias, tail = torch.randn(9, dtype=torch.float16), torch.full((4,), 0.25, dtype=torch.float64)
    indices, probs = torch.randint(0, 9, (4, 2), dtype=torch.int32), torch.full((4, 2), 0.375, dtype=torch.bfloat16)

    def value():
        return linear_sparse_cross_entropy(hidden, weight, indices, probs, bias=bias, tail=tail, temperature=2.0)

    agree(value(), reference(hidden, weight, indices, probs, bias=bias, tail=tail, temperature=2.0), 1e-6)
    plain = gradients(value(), None, (hidden, weight))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(value(), value().float()) and value().dtype == torch.float32
        under = gradients(value(), None, (hidden, weight))
    assert all(torch.equal(one, other) and one.dtype == other.dtype for one, other in zip(plain, under))


def test_unchecked_wrong_rows_are_nan_and_others_right():
    torch.manual_seed(6)
    hidden, weight = torch.randn(4, 3), torch.randn(9, 3)
    indices = torch.tensor([[1, 2]]).expand(4, 2)
    probs = torch.tensor([[0.5, 0.5], [0.5, -0.5], [math.nan, 0.5], [0.5, math.inf]])
    found = linear_sparse_cross_entropy(hidden, weight, indices, probs, reduction="none", check=False)
    assert found.isnan().tolist() == [False, True, True, True]
    agree(found[:1], reference(hidden[:1], weight, indices[:1], probs[:1], reduction="none"), 1e-6)
    with pytest.raises(ValueError, match=r"indices\[0, 0\] is 9"):
        linear_sparse_cross_entropy(hidden, weight, indices + 8, probs, check=False)


def test_second_derivatives_are_refused():
    for reduction in ("sum", "none"):
        hidden, weight, indices, probs, _ = problem(5)
        value = linear_sparse_cross_entropy(hidden, weight, indices, probs, reduction=reduction).sum()
        first, = torch.autograd.grad(value, hidden, create_graph=True)
        with pytest.raises(RuntimeError, match="no second derivatives"):
            first.sum().backward()


@pytest.mark.skipif(not hasattr(torch.nn.functional, "linear_cross_entropy"), reason="this PyTorch has none of its own")
def test_agrees_with_pytorchs_own_where_that_can_do_it():
    own, soft = torch.nn.functional.linear_cross_entropy, torch.nn.functional.softmax
    torch.manual_seed(7)
    n, v = 6, 11
    hidden, weight = torch.randn(n, 4, dtype=torch.float64), torch.randn(v, 4, dtype=torch.float64)
    target, every = torch.randint(0, v, (n,)), torch.arange(v).expand(n, v)
    target[2] = -100
    dense = soft(torch.randn(n, v, dtype=torch.float64), 1)
    smooth = torch.full((n, v), 0.1 / v, dtype=torch.float64)
    smooth[torch.arange(n), target.clamp(min=0)] += 0.9
    seen = target >= 0
    for reduction in ("mean", "sum", "none"):
        ours = lambda h, w, indices, probs: linear_sparse_cross_entropy(  # noqa: E731
            h, w, indices, probs, loss="ce", reduction=reduction)
        cases = (
            (lambda h, w: ours(h, w, target[:, None], torch.ones(n, 1)), lambda h, w: own(h, w, target, reduction=reduction)),
            (lambda h, w: ours(h, w, every, dense), lambda h, w: own(h, w, dense, reduction=reduction)),
            (lambda h, w: ours(h[seen], w, every[seen], smooth[seen]),
             lambda h, w: own(h[seen], w, target[seen], label_smoothing=0.1, reduction=reduction)))
        for one, other in cases:
            tensors = (hidden.clone().requires_grad_(), weight.clone().requires_grad_())
            found, expected = one(*tensors), other(*tensors)
            agree(found, expected, 1e-12)
            upstream = torch.rand_like(expected)
            for mine, theirs in zip(gradients(found, upstream, tensors), gradients(expected, upstream, tensors)):
                agree(mine, theirs, 1e-11)


@pytest.mark.parametrize("divergence,beta", [("forward", 0.0), ("js", 0.3), ("js", 0.5)])
def test_agrees_with_liger_kernels_distillation_from_a_dense_teacher(divergence, beta):
    losses = pytest.importorskip("liger_kernel.chunked_loss")
    torch.manual_seed(8)
    n, v = 6, 11
    draw = lambda *shape: torch.randn(*shape, dtype=torch.float64)  # noqa: E731
    hidden, weight, bias = (tensor.requires_grad_() for tensor in (draw(n, 4), draw(v, 4), draw(v)))
    states, head, labels = draw(n, 5), draw(v, 5), torch.zeros(n, dtype=torch.int64)
    labels[2] = -100
    theirs = losses.LigerFusedLinearJSDLoss(weight_hard_loss=0.0, weight_soft_loss=1.0, beta=beta, temperature=2.0, compiled=False)
    expected = theirs(hidden, weight, states, head, labels, bias)
    indices = torch.where(labels[:, None] < 0, -100, torch.arange(v))
    found = linear_sparse_cross_entropy(hidden, weight, indices, torch.softmax(states @ head.T / 2, 1), bias=bias, temperature=2.0,
                                        divergence=divergence, beta=beta)
    agree(found, expected, 1e-6)  # theirs is summed in fp32
    for mine, other in zip(gradients(found, None, (hidden, weight, bias)), gradients(expected, None, (hidden, weight, bias))):
        agree(mine, other, 1e-12)


def test_the_weights_gradient_can_be_added_to_a_buffer():
    torch.manual_seed(3)
    hidden, weight = torch.randn(4, 3, dtype=torch.bfloat16), torch.randn(7, 3, dtype=torch.bfloat16, requires_grad=True)
    indices, probs = torch.tensor([[1], [2], [3], [1]]), torch.ones(4, 1)
    buffer = torch.full((7, 3), 2.0)
    (2 * linear_sparse_cross_entropy(hidden, weight, indices, probs, weight_grad=buffer)).backward()
    wide = weight.detach().double().requires_grad_()
    expected, = torch.autograd.grad(2 * reference(hidden, wide, indices, probs), wide)
    assert torch.allclose(buffer.double() - 2, expected, atol=1e-6)


def test_the_module_trains_to_its_teacher():
    torch.manual_seed(0)
    hidden = torch.randn(12, 12, dtype=torch.float64)
    indices = torch.randint(0, 30, (12, 3))
    probs = torch.full((12, 3), 1 / 3, dtype=torch.float64)
    head = LinearSparseCrossEntropy(12, 30, bias=True, dtype=torch.float64)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.1)
    first = None
    for _ in range(400):
        optimizer.zero_grad()
        value = head(hidden, indices, probs)
        value.backward()
        optimizer.step()
        first = first or value.item()
    assert value.item() < 1e-2 * first


def test_the_labels_of_tensors_are_those_of_the_library():
    for seed in range(60):
        _, weight, indices, probs, options = problem(seed)
        tail = options["tail"]
        given = isinstance(tail, torch.Tensor)
        arguments = (indices, probs, tail if given else None, weight.shape[0], options.get("log_probs", False),
                     2 if given else _loss.TAILS.index(tail or "none"), -100, True)
        ours, theirs = _loss.sparse_labels(*arguments), _loss.labels_by_tensors(*arguments)
        assert torch.equal(ours[0], theirs[0])
        entries = int(ours[0][-1])
        assert torch.equal(ours[1][:entries], theirs[1][:entries])
        for one, other in zip((ours[2][:entries], *ours[3:]), (theirs[2][:entries], *theirs[3:])):
            assert torch.allclose(one, other, rtol=1e-14, atol=1e-15)


def test_compile_and_export():
    hidden, weight, indices, probs, _ = problem(5)
    tail = "rest" if not full_support(indices, weight.shape[0]) else None

    def value(h, w):
        return linear_sparse_cross_entropy(h, w, indices, probs, tail=tail, temperature=2.0)

    compiled = torch.compile(value, backend="aot_eager", fullgraph=True)
    agree(compiled(hidden, weight), value(hidden, weight), 1e-12)
    for one, other in zip(torch.autograd.grad(compiled(hidden, weight), (hidden, weight)),
                          torch.autograd.grad(value(hidden, weight), (hidden, weight))):
        agree(one, other, 1e-12)

    class Head(torch.nn.Module):
        def forward(self, h, w, i, p):
            return linear_sparse_cross_entropy(h, w, i, p)

    exported = torch.export.export(Head(), (hidden.detach(), weight.detach(), indices, probs))
    agree(exported.module()(hidden.detach(), weight.detach(), indices, probs),
          linear_sparse_cross_entropy(hidden, weight, indices, probs), 1e-12)


def test_eight_threads_and_many_calls():
    hidden, weight, indices, probs, _ = problem(7)
    expected = linear_sparse_cross_entropy(hidden, weight, indices, probs).item()
    wrong = []

    def work():
        for _ in range(125):
            if linear_sparse_cross_entropy(hidden, weight, indices, probs).item() != expected:
                wrong.append(1)
        try:
            linear_sparse_cross_entropy(hidden, weight, indices + 10**6, probs)
            wrong.append(2)
        except ValueError as error:
            if "indices[" not in str(error):
                wrong.append(3)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_memory_does_not_grow():
    torch.manual_seed(8)
    hidden, weight = torch.randn(32, 64, requires_grad=True), torch.randn(2000, 64, requires_grad=True)  # half a MB
    probs, indices = torch.softmax(torch.randn(32, 2000), 1).topk(8)

    def megabytes_after(calls):
        for call in range(calls):
            value = linear_sparse_cross_entropy(hidden, weight, indices, probs, tail="rest", reduction=("mean", "none")[call % 2])
            torch.autograd.grad(value.sum(), (hidden, weight))
        return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20

    first = megabytes_after(100)
    assert megabytes_after(1000) < first + 16


@pytest.mark.parametrize("change,words", [
    (lambda a: a.update(hidden=torch.randn(3)), r"hidden: is \[3\]"),
    (lambda a: a.update(weight=torch.randn(6, 5)), r"weight: is \[6, 5\].*\[V, 4\]"),
    (lambda a: a.update(indices=a["indices"].to(torch.int16)), "indices: .*int32 or int64"),
    (lambda a: a.update(indices=a["indices"] + 6), r"indices\[0, 0\] is 7; it must be below the 6 words"),
    (lambda a: a.update(probs=a["probs"] * math.nan), r"probs\[0, 0\] is nan"),
    (lambda a: a.update(probs=-a["probs"]), r"probs\[0, 0\] is -0.5"),
    (lambda a: a.update(probs=a["probs"][:, :1]), r"probs: is \[3, 1\]"),
    (lambda a: a.update(bias=torch.randn(5)), r"bias: is \[5\].*\[6\]"),
    (lambda a: a.update(weights=torch.randn(2)), r"weights: is \[2\]"),
    (lambda a: a.update(tail="all"), "tail: is 'all'"),
    (lambda a: a.update(tail=torch.tensor([0.1, -1, 0.1])), r"tail\[1\] is -1"),
    (lambda a: a.update(temperature=0.0), "temperature: is 0.0"),
    (lambda a: a.update(loss="kl"), "loss: is 'kl'"),
    (lambda a: a.update(reduction="max"), "reduction: is 'max'"),
    (lambda a: a.update(precision="bf16"), "bf16.*GPU"),
    (lambda a: a.update(divergence="reverse"), "tail: is None"),
    (lambda a: a.update(divergence="js", beta=1.0), "beta: is 1.0"),
    (lambda a: a.update(divergence="kl"), "divergence: is 'kl'"),
    (lambda a: a.update(divergence="js", loss="ce"), "loss: is 'ce'"),
    (lambda a: a.update(beta="1"), "beta: is '1'"),
    (lambda a: a.update(temperature="2"), "temperature: is '2'"),
    (lambda a: a.update(temperature=math.nan), "temperature: is nan"),
    (lambda a: a.update(precision="fp8"), "precision: is 'fp8'"),
    (lambda a: a.update(log_probs=1), "log_probs: is 1"),
    (lambda a: a.update(ignore_index=0.5), "ignore_index: is 0.5"),
    (lambda a: a.update(bias=1.0), r"bias: is 1.0; it must be \[6\]"),
    (lambda a: a.update(hidden=torch.zeros(3, 4, dtype=torch.int64)), r"hidden: is \[3, 4\] of torch.int64"),
    (lambda a: a.update(weight=torch.randn(6, 4, device="meta")), "weight: is on meta, hidden on cpu"),
    (lambda a: a.update(tail=torch.ones(3, dtype=torch.int64)), "tail: .*floating-point"),
    (lambda a: a.update(weight_grad=torch.zeros(6, 5)), r"weight_grad: is \[6, 5\].*\[6, 4\]"),
    (lambda a: a.update(weight_grad=torch.zeros(6, 4, dtype=torch.bfloat16)), "weight_grad: .*fp32 or fp64"),
    (lambda a: a.update(weight_grad=torch.zeros(6, 4), reduction="none"), "weight_grad: takes"),
])
def test_wrong_arguments_are_named(change, words):
    arguments = {"hidden": torch.randn(3, 4), "weight": torch.randn(6, 4), "indices": torch.tensor([[1, 2]] * 3),
                 "probs": torch.full((3, 2), 0.5)}
    change(arguments)
    with pytest.raises(ValueError, match=words):
        linear_sparse_cross_entropy(**arguments)
