"""The operator as it is called: its module and buffer, compiled, from many threads, with wrong arguments."""

import math
import pathlib
import resource
import threading

import pytest

torch = pytest.importorskip("torch")
from ntpgeo import _loss  # noqa: E402
from ntpgeo.torch import LinearSparseCrossEntropy, linear_sparse_cross_entropy  # noqa: E402
from operator_problems import agree, full_support, problem, reference  # noqa: E402

torch.set_num_threads(1)  # tests share the cores, and PyTorch's threads wait awake


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
