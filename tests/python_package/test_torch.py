"""The operator's numbers against its definitions by PyTorch's autograd in fp64."""

import math

import pytest

torch = pytest.importorskip("torch")
from ntpgeo.torch import linear_sparse_cross_entropy  # noqa: E402
from operator_problems import agree, full_support, gradients, problem, reference  # noqa: E402

torch.set_num_threads(1)  # tests share the cores, and PyTorch's threads wait awake


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
