"""The loss step as one writes it in NumPy: softmax minus label, a block of contexts at a time.

Started by python_peers_bench.cpp, which it answers through cpu_protocol.py.
"""

import cpu_protocol

np = cpu_protocol.import_or_say("numpy")


class LossStep:
    def __init__(self, indptr, indices, probs, context_probs, words, contexts):
        self.words, self.contexts = words, contexts
        self.words_gradient = np.zeros_like(words)
        self.contexts_gradient = np.zeros_like(contexts)
        self.context_probs = context_probs
        self.labels = (indptr, indices, np.repeat(context_probs, np.diff(indptr)).astype(probs.dtype) * probs)

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

    def gradients(self):
        return self.words_gradient, self.contexts_gradient


cpu_protocol.serve(f"NumPy {np.__version__}", LossStep)
