"""How a peer of the CPU's loss step is asked for it: questions on the standard input, one answer a line.

    (at the start)                                              -> the library and its version, or "error: ..."
    problem V m d nnz float32|float64, then the arrays' bytes   -> the chunk that was fastest
    check                                                       -> loss and gradient norm
    time N                                                      -> median seconds of a step, and of its products
"""

import importlib
import math
import sys
from statistics import median
from time import perf_counter

CHUNKS = (256, 1024, 4096)


def import_or_say(name):
    """The module, or an answer that says why not and an end."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        print(f"error: {sys.executable}: {error}", flush=True)
        sys.exit(0)


def seconds(work):
    start = perf_counter()
    work()
    return perf_counter() - start


def best_chunk(step, contexts):
    trials = {}
    for chunk in dict.fromkeys(min(chunk, contexts) for chunk in CHUNKS):
        step.use_chunks(chunk)
        trials[chunk] = seconds(step.run)
        if trials[chunk] < 1:
            trials[chunk] = min(seconds(step.run) for _ in range(3))
    return min(trials, key=trials.get)


def read_problem(make_step, vocab, contexts, dim, nnz, dtype):
    import numpy as np

    def read_array(size, kind):
        return np.frombuffer(sys.stdin.buffer.read(size * np.dtype(kind).itemsize), dtype=kind)

    indptr, indices = read_array(contexts + 1, np.int64), read_array(nnz, np.int32)
    probs, context_probs = read_array(nnz, np.float64), read_array(contexts, np.float64)
    words = read_array(vocab * dim, np.float64).reshape(vocab, dim)
    embeddings = read_array(contexts * dim, np.float64).reshape(contexts, dim)
    step = make_step(indptr, indices, *(a.astype(dtype) for a in (probs, context_probs, words, embeddings)))
    best = best_chunk(step, contexts)
    step.use_chunks(best)
    return step, best


def serve(about, make_step):
    """make_step(indptr, indices, probs, context_probs, words, contexts) -> an object with use_chunks(size), run() ->
    loss, products(), and gradients() -> NumPy arrays."""
    print(about, flush=True)
    step = None
    for line in iter(sys.stdin.buffer.readline, b""):
        command, *arguments = line.decode().split()
        if command == "problem":
            step, chunk = read_problem(make_step, *map(int, arguments[:4]), arguments[4])
            print(f"chunks of {chunk}", flush=True)
        elif command == "check":
            loss = step.run()
            squares = [float((g.astype("float64") ** 2).sum()) for g in step.gradients()]
            print(float(loss), math.sqrt(sum(squares)), flush=True)
        elif command == "time":
            times = [(seconds(step.run), seconds(step.products)) for _ in range(int(arguments[0]))]
            print(*(median(column) for column in zip(*times)), flush=True)
