#!/usr/bin/env python3
"""The PyTorch operator against what one writes in PyTorch, on a CPU: time and peak memory, and the digits of dW.

    python bench/peers/cpu_operator.py [--shape N,V,d,k]... [--threads T] [--calls C] [--rounds R] [--json FILE]

Forward and backward of the mean cross-entropy of hidden [N, d] and weight [V, d] in fp32 on a teacher's top-k, in several
forms, each in a process of its own, in turn. Seconds are the least of R rounds of C calls after a first one; memory is the
peak of those calls over what the process holds once it has the inputs (and has run the form at a small size). Dense labels are
made in the call that wants them. Beside them: the three products hidden·weightᵀ, Gᵀ·hidden and G·weight alone, whole, by the
OpenBLAS that ntpgeo links; no form that multiplies with it takes less.

Then the error of dW, in Frobenius norm over that of fp64 autograd on the same tensors, where the model all but agrees with its
teacher. Needs PyTorch, ntpgeo over a built library (PYTHONPATH=python NTPGEO_LIBRARY=build/libntpgeo.so), and g++ for
torch.compile. A form that this PyTorch cannot run is named, with the reason. (Liger-Kernel's are not here: its linear
cross-entropy is Triton's, which wants a GPU, and takes one word a row; its distillation makes a dense teacher's logits besides.)
"""

import argparse
import functools
import json
import os
import pathlib
import subprocess
import sys
import time

SHAPES = [(2048, 32000, 512, 32), (1024, 50257, 256, 64)]


def dense_labels(indices, probs, vocab):
    import torch

    return torch.zeros(len(indices), vocab, dtype=probs.dtype).scatter_(1, indices, probs)


def dense(hidden, weight, indices, probs):
    import torch

    return torch.nn.functional.cross_entropy(hidden @ weight.T, dense_labels(indices, probs, len(weight)))


def sparse(hidden, weight, indices, probs):
    import torch

    logits = hidden @ weight.T
    return (torch.logsumexp(logits, 1) - (probs * logits.gather(1, indices)).sum(1)).mean()


def compiled():
    import torch

    return torch.compile(sparse, dynamic=False, fullgraph=True)


def own(hidden, weight, indices, probs):
    import torch

    return torch.nn.functional.linear_cross_entropy(hidden, weight, dense_labels(indices, probs, len(weight)),
                                                    options=torch.nn.LinearCrossEntropyOptions())


def ours(hidden, weight, indices, probs):
    from ntpgeo.torch import linear_sparse_cross_entropy

    return linear_sparse_cross_entropy(hidden, weight, indices, probs, loss="ce")


def products_alone(shape, threads, calls):
    """Seconds of each round of the three products, by OpenBLAS itself."""
    import ctypes
    import ctypes.util

    import torch

    blas = ctypes.CDLL(ctypes.util.find_library("openblas"))
    blas.openblas_set_num_threads(threads)

    def multiply(a, b, out):
        def of(matrix):  # C's order; a transposed view is told to BLAS as such
            turned = not matrix.is_contiguous()
            return (112 if turned else 111), matrix.data_ptr(), matrix.stride(1 if turned else 0)

        (a_turned, a_at, a_stride), (b_turned, b_at, b_stride) = of(a), of(b)
        blas.cblas_sgemm(101, a_turned, b_turned, *out.shape, a.shape[1], ctypes.c_float(1), ctypes.c_void_p(a_at),
                         a_stride, ctypes.c_void_p(b_at), b_stride, ctypes.c_float(0), ctypes.c_void_p(out.data_ptr()),
                         out.stride(0))

    contexts, vocab, dim, _ = shape
    hidden, weight, logits = torch.randn(contexts, dim), torch.randn(vocab, dim), torch.empty(contexts, vocab)
    dhidden, dweight = torch.empty_like(hidden), torch.empty_like(weight)

    def once():
        begin = time.perf_counter()
        multiply(hidden, weight.T, logits)
        multiply(logits.T, hidden, dweight)
        multiply(logits, weight, dhidden)
        return time.perf_counter() - begin

    once()
    if not torch.allclose(dhidden[0], logits[0] @ weight, rtol=1e-3, atol=1e-2 * vocab**0.5):
        sys.exit("OpenBLAS made other products than were asked for")
    print(json.dumps({"seconds": [once() for _ in range(calls)]}))


OURS, PRODUCTS = "ntpgeo", "OpenBLAS's products"
FORMS = {"torch dense": lambda: dense, "torch sparse": lambda: sparse, "torch.compile": compiled,
         "F.linear_cross_entropy": lambda: own, OURS: lambda: ours}


def status(key):
    """A line of /proc/self/status, in MB."""
    text = pathlib.Path("/proc/self/status").read_text()
    return int(text.split(f"{key}:")[1].split()[0]) / 1024


def inputs_of(contexts, vocab, dim, k):
    import torch

    torch.manual_seed(0)
    hidden, weight = torch.randn(contexts, dim) / 10, torch.randn(vocab, dim) / 10
    indices = torch.randint(0, vocab - k, (contexts, 1)) + torch.arange(k)  # each word once
    probs = torch.softmax(torch.randn(contexts, k), 1)
    return hidden.requires_grad_(), weight.requires_grad_(), indices, probs


def child(form, shape, threads, calls):
    """Prints seconds of each call and MB as JSON."""
    import torch

    torch.set_num_threads(threads)
    function = FORMS[form]()

    def call(hidden, weight, indices, probs):
        hidden.grad = weight.grad = None
        begin = time.perf_counter()
        loss = function(hidden, weight, indices, probs)
        loss.backward()
        return time.perf_counter() - begin, loss.item()

    call(*inputs_of(16, 128, 8, 4))
    inputs = inputs_of(*shape)
    held = status("VmRSS")
    call(*inputs)
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak so far, which may be a compiler's, is forgotten
    found = [call(*inputs) for _ in range(calls)]
    print(json.dumps({"seconds": [seconds for seconds, _ in found], "MB": status("VmHWM") - held, "loss": found[-1][1]}))


def measure(form, shape, arguments):
    numbers = ",".join(map(str, shape))
    command = [sys.executable, __file__, "--form", form, "--shape", numbers, "--threads", str(arguments.threads), "--calls",
               str(arguments.calls)]
    done = subprocess.run(command, capture_output=True, text=True,
                          env=os.environ | {"OMP_NUM_THREADS": str(arguments.threads)})
    if done.returncode != 0:
        return {"skipped": (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]}
    return json.loads(done.stdout)


def table_of(shape, arguments):
    """The forms' seconds and MB, printed, and ours over the best of PyTorch's."""
    print("\nN = {}, V = {}, d = {}, k = {}".format(*shape))
    rounds = [{form: measure(form, shape, arguments) for form in FORMS} for _ in range(arguments.rounds)]
    products = [measure(PRODUCTS, shape, arguments) for _ in range(arguments.rounds)]
    found = {}
    for form in FORMS:
        each = [one[form] for one in rounds]
        if "skipped" in each[0]:
            found[form] = each[0]
            print(f"  {form:24} not run: {each[0]['skipped']}")
            continue
        found[form] = {"seconds": min(min(one["seconds"]) for one in each), "MB": min(one["MB"] for one in each),
                       "loss": each[0]["loss"]}
        print("  {:24} {seconds:8.3f} s {MB:8.0f} MB   loss {loss:.6f}".format(form, **found[form]), flush=True)
    if "skipped" in products[0]:
        print(f"  {PRODUCTS:24} not run: {products[0]['skipped']}")
    else:
        found[PRODUCTS] = min(min(one["seconds"]) for one in products)
        print(f"  {PRODUCTS:24} {found[PRODUCTS]:8.3f} s", flush=True)
    ran = [row for form, row in found.items() if form in FORMS and "seconds" in row and form != OURS]
    if ran and "seconds" in found[OURS]:
        ratios = {key: found[OURS][key] / min(row[key] for row in ran) for key in ("seconds", "MB")}
        print("  ours over the fastest and the leanest of PyTorch's: {seconds:.2f} of its time, {MB:.2f} of its memory".format(
            **ratios))
        found["ratios"] = ratios
    return found


def errors_of_dw():
    """Relative errors of dW [excess][form], printed."""
    import torch

    from ntpgeo.torch import linear_sparse_cross_entropy

    def by_torch(hidden, weight, teacher):
        return torch.nn.functional.cross_entropy(hidden @ weight.T, teacher.to(hidden.dtype))

    def by_torchs_own(hidden, weight, teacher):
        return torch.nn.functional.linear_cross_entropy(hidden, weight, teacher.to(hidden.dtype),
                                                        options=torch.nn.LinearCrossEntropyOptions())

    def by_ours(hidden, weight, teacher):
        return linear_sparse_cross_entropy(hidden, weight, torch.arange(len(weight)).expand(teacher.shape), teacher)

    forms = {"torch fp32": (torch.float32, by_torch), "F.linear_cross_entropy bf16": (torch.bfloat16, by_torchs_own),
             "ntpgeo fp32": (torch.float32, by_ours), "ntpgeo bf16": (torch.bfloat16, by_ours)}
    if not hasattr(torch.nn.functional, "linear_cross_entropy"):
        forms["torch bf16"] = torch.bfloat16, by_torch
        del forms["F.linear_cross_entropy bf16"]
    print(f"\nrelative error of dW\n  {'excess':>8}  " + "  ".join(f"{name:>12}" for name in forms))
    found = []
    for distance in (0.3, 1e-2, 1e-4):
        row = {}
        for name, (dtype, form) in forms.items():
            torch.manual_seed(0)
            hidden, weight = torch.randn(40, 32).to(dtype), (torch.randn(200, 32) / 4).to(dtype).requires_grad_()
            wide = weight.detach().double().requires_grad_()
            logits = hidden.double() @ wide.T
            teacher = torch.softmax(logits.detach() + distance * torch.randn(logits.shape, dtype=torch.float64), 1)
            excess = torch.nn.functional.kl_div(torch.log_softmax(logits, 1), teacher, reduction="batchmean")
            right, = torch.autograd.grad(excess, wide)
            dw, = torch.autograd.grad(form(hidden, weight, teacher), weight)
            row[name] = ((dw.double() - right).norm() / right.norm()).item()
            row.setdefault("excess", excess.item())
        found.append(row)
        print(f"  {row['excess']:8.1e}  " + "  ".join(f"{row[name]:{max(12, len(name))}.0e}" for name in forms))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", action="append", type=lambda text: tuple(map(int, text.split(","))))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--calls", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--form", choices=[*FORMS, PRODUCTS], help=argparse.SUPPRESS)  # of a process that this one starts
    arguments = parser.parse_args()
    if arguments.form:
        run = products_alone if arguments.form == PRODUCTS else functools.partial(child, arguments.form)
        run(arguments.shape[0], arguments.threads, arguments.calls)
        return
    import torch

    print(f"PyTorch {torch.__version__}, {arguments.threads} thread(s)")
    tables = {",".join(map(str, shape)): table_of(shape, arguments) for shape in arguments.shape or SHAPES}
    errors = errors_of_dw()
    if arguments.json:
        arguments.json.write_text(json.dumps({"torch": torch.__version__, "threads": arguments.threads, "forms": tables,
                                              "errors_of_dw": errors}, indent=1) + "\n")


if __name__ == "__main__":
    main()
