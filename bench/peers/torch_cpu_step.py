"""The loss step as one writes it in PyTorch on a CPU: logsumexp and softmax, a block of contexts at a time, the
gradient by hand, which spares what autograd would keep.

Started by python_peers_bench.cpp, which it answers through cpu_protocol.py.
"""

import cpu_protocol

torch = cpu_protocol.import_or_say("torch")
np = cpu_protocol.import_or_say("numpy")


class LossStep:
    def __init__(self, indptr, indices, probs, context_probs, words, contexts):
        self.words, self.contexts = torch.from_numpy(words.copy()), torch.from_numpy(contexts.copy())
        self.words_gradient = torch.zeros_like(self.words)
        self.contexts_gradient = torch.zeros_like(self.contexts)
        self.context_probs = torch.from_numpy(context_probs.copy())
        weights = np.repeat(context_probs, np.diff(indptr)).astype(probs.dtype) * probs
        self.labels = indptr, torch.from_numpy(indices.astype(np.int64)), torch.from_numpy(weights)

    def use_chunks(self, size):
        """Cuts the contexts, and the labels as (row, column, weight) of each chunk."""
        indptr, indices, weights = self.labels
        self.chunks = []
        for begin in range(0, len(self.contexts), size):
            end = min(begin + size, len(self.contexts))
            entries = slice(indptr[begin], indptr[end])
            rows = torch.from_numpy(np.repeat(np.arange(end - begin), np.diff(indptr[begin:end + 1])))
            self.chunks.append((slice(begin, end), (rows, indices[entries]), weights[entries]))

    @torch.no_grad()
    def run(self):
        loss = 0.0
        self.words_gradient.zero_()
        for chunk, places, weights in self.chunks:
            contexts, context_probs = self.contexts[chunk], self.context_probs[chunk]
            logits = contexts @ self.words.T
            loss += float(context_probs @ torch.logsumexp(logits, dim=1) - weights @ logits[places])
            residual = torch.softmax(logits, dim=1).mul_(context_probs[:, None])
            residual.index_put_(places, -weights, accumulate=True)
            self.words_gradient.addmm_(residual.T, contexts)
            torch.mm(residual, self.words, out=self.contexts_gradient[chunk])
        return loss

    @torch.no_grad()
    def products(self):
        """The three products of `run` alone."""
        for chunk, _, _ in self.chunks:
            contexts = self.contexts[chunk]
            logits = contexts @ self.words.T
            logits.T @ contexts
            logits @ self.words

    def gradients(self):
        return self.words_gradient.numpy(), self.contexts_gradient.numpy()


cpu_protocol.serve(f"PyTorch {torch.__version__}", LossStep)
