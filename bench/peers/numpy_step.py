"""The loss step as one writes it in NumPy: softmax minus label, a block of contexts at a time.

Started by numpy_bench.cpp and asked over the standard input, one answer a line:
    (at the start)                                              -> the NumPy version, or "error: ..."
    problem V m d nnz float32|float64, then the arrays' bytes   -> the chunk that was fastest
    check                                                       -> loss and gradient norm
    time N                                                      -> median seconds of a step, and of its products
"""

import sys

try:
    import numpy as np
except ImportError as error:
    print(f"error: {sys.executable}: {error}", flush=True)
    sys.exit(0)

from statistics import median
from time import perf_counter

CHUNKS = (256, 1024, 4096)


class LossStep:
    def __init__(self, indptr, indices, probs, context_probs, words, contexts):
        self.words, self.contexts = words, contexts
        self.words_gradient = np.zeros_like(words)
        self.contexts_gradient = np.zeros_like(contexts)
        self.context_probs = context_probs
        self.labels = (indptr, indices, np.repeat(context_probs, np.diff(indptr)).astype(probs.dtype) * probs)
        self.use_chunks(CHUNKS[0])

    def use_chunks(self, size):
        """Cuts the contexts, and the labels as (row, column, weight) of each chunk."""
        indptr, indices, weights = self.labels
        self.chunks = []
        for begin in range(0, len(self.contexts), size):
            end = min(begin + size, len(self.contexts))
            entries = slice(indptr[begin], indptr[end])
            rows = np.repeat(np.arange(end - begin), np.diff(indptr[begin:end + 1]))
            self.chunks.append((slice(begin, end), rows, indices[entries], weights[entries]))

    def run(self):
        loss = 0.0
        self.words_gradient[:] = 0
        for chunk, rows, columns, weights in self.chunks:
            contexts, context_probs = self.contexts[chunk], self.context_probs[chunk]
            logits = contexts @ self.words.T
            logits -= logits.max(axis=1, keepdims=True)
            loss -= weights @ logits[rows, columns]
            np.exp(logits, out=logits)
            totals = logits.sum(axis=1)
            loss += context_probs @ np.log(totals)
            logits *= (context_probs / totals)[:, None]
            logits[rows, columns] -= weights
            self.words_gradient += logits.T @ contexts
            self.contexts_gradient[chunk] = logits @ self.words
        return loss

    def products(self):
        """The three products of `run` alone."""
        for chunk, _, _, _ in self.chunks:
            contexts = self.contexts[chunk]
            logits = contexts @ self.words.T
            logits.T @ contexts
            logits @ self.words


def seconds(work):
    start = perf_counter()
    work()
    return perf_counter() - start


def read_array(size, dtype):
    return np.frombuffer(sys.stdin.buffer.read(size * np.dtype(dtype).itemsize), dtype=dtype)


def read_problem(vocab, contexts, dim, nnz, dtype):
    indptr, indices = read_array(contexts + 1, np.int64), read_array(nnz, np.int32)
    probs, context_probs = read_array(nnz, np.float64), read_array(contexts, np.float64)
    words = read_array(vocab * dim, np.float64).reshape(vocab, dim)
    embeddings = read_array(contexts * dim, np.float64).reshape(contexts, dim)
    step = LossStep(indptr, indices, *(a.astype(dtype) for a in (probs, context_probs, words, embeddings)))
    trials = {}
    for chunk in dict.fromkeys(min(chunk, contexts) for chunk in CHUNKS):
        step.use_chunks(chunk)
        trials[chunk] = seconds(step.run)
        if trials[chunk] < 1:
            trials[chunk] = min(seconds(step.run) for _ in range(3))
    best = min(trials, key=trials.get)
    step.use_chunks(best)
    return step, best


def main():
    print(f"NumPy {np.__version__}", flush=True)
    step = None
    for line in iter(sys.stdin.buffer.readline, b""):
        command, *arguments = line.decode().split()
        if command == "problem":
            step, chunk = read_problem(*map(int, arguments[:4]), arguments[4])
            print(f"chunks of {chunk}", flush=True)
        elif command == "check":
            loss = step.run()
            norms = [np.linalg.norm(g.astype(np.float64)) for g in (step.words_gradient, step.contexts_gradient)]
            print(float(loss), float(np.hypot(*norms)), flush=True)
        elif command == "time":
            times = [(seconds(step.run), seconds(step.products)) for _ in range(int(arguments[0]))]
            print(*(median(column) for column in zip(*times)), flush=True)


main()
