"""What the peers of the GPU's loss step share: the problems that ntpgeo_gpu_bench wrote, an fp64 reference, and the
measurement. A peer is a script that calls `run` and prints one line of JSON a case; one that cannot be measured here
says so in such a line and ends well.

    SCRIPT FOLDER [--seconds N] [--cpu]     FOLDER holds problem-*.safetensors; --cpu tries the script without a GPU

A step goes from fp32 factors W [V,d] and H [m,d] to their fp32 gradients; casts to another precision are part of it.
"""

import argparse
import importlib
import json
import mmap
import sys
import time
from pathlib import Path
from statistics import median

TARGETS = ("1e-2", "1e-4")
CHUNK = 4096


def say(**facts):
    print(json.dumps(facts), flush=True)


def import_or_skip(name, *modules):
    """The modules, or a line that says why not and an end."""
    try:
        return [importlib.import_module(module) for module in modules]
    except Exception as error:  # a library may stumble over its own dependencies in any way
        say(name=name, status="skipped", why=f"{type(error).__name__}: {error}".splitlines()[0])
        sys.exit(0)


class Problem:
    """One problem-*.safetensors on a device."""

    def __init__(self, path, device):
        import torch

        dtypes = {"F32": torch.float32, "F64": torch.float64, "I32": torch.int32, "I64": torch.int64}
        with open(path, "rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length))
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        self.about = header.pop("__metadata__")
        tensors = {}
        for name, info in header.items():
            begin, end = info["data_offsets"]
            dtype = dtypes[info["dtype"]]
            flat = torch.frombuffer(data, dtype=dtype, offset=8 + length + begin, count=(end - begin) // dtype.itemsize)
            tensors[name] = flat.reshape(info["shape"]).to(device, copy=True)
        self.words, self.contexts = tensors["W"], tensors["H"]
        self.indptr, self.indices = tensors["indptr"], tensors["indices"].long()
        self.probs = [tensors["probs_0"], tensors["probs_1"]]
        self.compared = int(self.about["compared_contexts"])
        sizes = self.indptr.diff()
        self.hard = int(sizes.max()) == 1
        # [m, most]: word and probability, a word with probability 0 in the padding.
        places = torch.arange(int(sizes.max()), device=device)[None, :]
        self.inside = places < sizes[:, None]
        self.columns = torch.zeros(self.inside.shape, dtype=torch.long, device=device)
        self.columns[self.inside] = self.indices

    def factors(self, state, contexts):
        """W and H = scale·contexts, rounded to fp32, of the first contexts."""
        import torch

        scale = torch.tensor(float(self.about[f"scale_{state}"]), dtype=torch.float32)
        return self.words, self.contexts[:contexts] * scale.to(self.contexts.device)

    def soft_labels(self, state, contexts, dtype):
        import torch

        probs = torch.zeros(self.inside.shape, dtype=torch.float64, device=self.inside.device)
        probs[self.inside] = self.probs[state]
        return self.columns[:contexts], probs[:contexts].to(dtype)

    def hard_labels(self, state, contexts):
        """The likeliest word of each context."""
        import torch

        columns, probs = self.soft_labels(state, contexts, torch.float64)
        return columns.gather(1, probs.argmax(1, keepdim=True))[:, 0]


def reference_gradient(problem, state):
    """Softmax minus label in fp64 over the first `compared` contexts, equally weighted; held against the norm that
    our own fp64 step found."""
    import torch

    count = problem.compared
    words, contexts = (x.double() for x in problem.factors(state, count))
    columns, probs = problem.soft_labels(state, count, torch.float64)
    words_gradient, contexts_gradient = torch.zeros_like(words), torch.empty_like(contexts)
    for begin in range(0, count, 512):
        chunk = slice(begin, min(begin + 512, count))
        residual = torch.softmax(contexts[chunk] @ words.T, dim=1)
        residual.scatter_add_(1, columns[chunk], -probs[chunk])
        residual /= count
        words_gradient.addmm_(residual.T, contexts[chunk])
        contexts_gradient[chunk] = residual @ words
    norm = float(torch.sqrt(words_gradient.square().sum() + contexts_gradient.square().sum()))
    expected = float(problem.about[f"gradient_norm_{state}"])
    if not abs(norm - expected) <= 1e-6 * expected:
        raise ValueError(f"the reference gradient's norm is {norm}, our fp64 step's {expected}")
    return words_gradient, contexts_gradient


def gradient_errors(problem, make_step, precision):
    import torch

    errors = {}
    for state, target in enumerate(TARGETS):
        reference = reference_gradient(problem, state)
        gradients = make_step(problem, state, problem.compared, precision)()
        squares = [sum(float(x.double().square().sum()) for x in parts) for parts in (
            [g.double() - r for g, r in zip(gradients, reference)], reference)]
        errors[f"gradient_error_at_{target}"] = (squares[0] / squares[1]) ** 0.5
        del reference, gradients
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return errors


def time_step(step, on_gpu):
    """Median seconds, and the most memory that was allocated meanwhile (factors, labels and gradients included)."""
    import torch

    wait = torch.cuda.synchronize if on_gpu else lambda: None

    def seconds():
        start = time.perf_counter()
        step()
        wait()
        return time.perf_counter() - start

    seconds(), seconds()
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    times, start = [], time.perf_counter()
    while len(times) < 3 or (len(times) < 9 and time.perf_counter() - start < 3):
        times.append(seconds())
    peak = torch.cuda.max_memory_allocated() / 2**20 if on_gpu else None
    return {"seconds_per_step": median(times), "peak_memory_mib": peak}


def padded(words, padding):
    """W with rows of zeros up to a multiple of `padding`."""
    import torch

    return torch.nn.functional.pad(words, (0, 0, 0, -len(words) % padding))


def run(name, version, labels, precisions, make_step, padding=1):
    """labels: "soft" or "hard". make_step(problem, state, contexts, precision) -> a function without arguments that
    returns both gradients of the mean loss over those contexts; of a vocabulary that it pads to a multiple of `padding`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--cpu", action="store_true")
    arguments = parser.parse_args()
    import torch

    start = time.perf_counter()
    if not arguments.cpu and not torch.cuda.is_available():
        say(name=name, version=version, status="skipped", why="PyTorch finds no CUDA device")
        return
    device = "cpu" if arguments.cpu else "cuda"
    paths = sorted(arguments.folder.glob("problem-*.safetensors"))
    if not paths:
        say(name=name, version=version, status="failed", why=f"{arguments.folder} holds no problem-*.safetensors")
        sys.exit(1)
    hard_errors = {}  # of each precision: hard labels know a small excess on the last problem alone
    for path in paths[:-1]:
        problem = Problem(path, device)
        for precision in precisions:
            case = {"name": name, "version": version, "labels": labels, "precision": precision,
                    "V": len(padded(problem.words, padding)), "m": len(problem.contexts), "d": problem.words.shape[1],
                    "k": round(len(problem.indices) / len(problem.contexts))}
            if case["V"] != len(problem.words):
                case["padded_from"] = len(problem.words)
            if time.perf_counter() - start > arguments.seconds:
                say(**case, status="skipped", why="out of time")
                continue
            torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
            try:
                if labels == "soft":
                    errors = gradient_errors(problem, make_step, precision)
                else:
                    if precision not in hard_errors:
                        hard_errors[precision] = gradient_errors(Problem(paths[-1], device), make_step, precision)
                    errors = {**hard_errors[precision], "errors_with": "supports of one word"}
                step = make_step(problem, 0, len(problem.contexts), precision)
                say(**case, status="ok", **time_step(step, device == "cuda"), **errors)
                del step
            except Exception as error:  # a peer that fails is a line in the table, not the end of it
                say(**case, status="failed", why=f"{type(error).__name__}: {error}".splitlines()[0][:300])
        del problem


def cast(precision):
    import torch

    return {"bf16": torch.bfloat16, "fp64": torch.float64}.get(precision, torch.float32)


def whole_step(loss_of, padding=1):
    """A step that leaves chunks to the peer: loss_of(h, w, target) with hard labels, differentiated by autograd. W is padded
    beforehand, which no user does every step."""
    import torch

    def make_step(problem, state, contexts, precision):
        words, embeddings = problem.factors(state, contexts)
        count, words = len(words), padded(words, padding)
        target, dtype = problem.hard_labels(state, contexts), cast(precision)

        def step():
            w = words.to(dtype).detach().requires_grad_()
            h = embeddings.to(dtype).detach().requires_grad_()
            gradients = torch.autograd.grad(loss_of(h, w, target), (w, h))
            return gradients[0][:count].float(), gradients[1].float()

        return step

    return make_step
