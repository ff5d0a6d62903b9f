#!/usr/bin/env python3
"""What many GPUs would take of a step, on paper: the table of docs/scale.md.

    bench/scale_plan.py

Nothing here is measured: every rate is an assumption that stands below with its reason. A step gathers W and scatters dW's sums
(design 4.6), over two levels: NVLink within a machine of 8 GPUs, one network card a GPU between machines.
"""
FLOPS = 600e12    # a second a GPU in bf16: about 3/4 of what an H200 does in plain products
NVLINK = 350e9    # bytes a second a GPU within a machine: what rings of collectives keep of 450
NETWORK = 45e9    # bytes a second a GPU between machines: a card of 400 Gbit/s
MACHINE = 8       # GPUs
MASTER = 4        # bytes of a parameter: fp32
SUPPORT = 16      # words of a context's support
GIB = 2.0 ** 30


def seconds_between(bytes_each, ranks):
    """Of a gather, or of sums that are scattered, of so many bytes in all."""
    within, machines = min(ranks, MACHINE), max(1, ranks // MACHINE)
    return bytes_each * (within - 1) / within / NVLINK + bytes_each / within * (machines - 1) / machines / NETWORK


def plan(vocab, contexts, dim, gpus, parts=1, batch=None):
    """A step over all contexts, or a batch of them; W in `parts` by words, each on as many GPUs of a machine."""
    groups, now = gpus // parts, batch or contexts
    words, rows = vocab / parts, contexts / groups / parts
    # W in master precision and as an operand, its gradient; two moments of Adam's of own rows.
    memory_words = words * dim * (MASTER + 2 + 4) + 2 * MASTER * vocab * dim / gpus
    memory_contexts = 3 * MASTER * rows * dim + rows * (16 + 36 * SUPPORT)
    compute = 6 * words * (now / groups) * dim / FLOPS
    between = 2 * seconds_between(words * dim * MASTER, groups)
    if parts > 1:
        # Rows of H in bf16 to the machine, dH back in fp32, support logits and off-support ratios in fp64.
        between += (now / groups) * (dim * 6 + 8 * SUPPORT + 16) * (parts - 1) / parts / NVLINK
    return memory_words / GIB, memory_contexts / GIB, compute, between


CASES = [  # V, m, d, GPUs, parts of W, batch
    (50_257, 1e6, 768, 8), (131_072, 1e8, 2048, 64), (262_144, 1e7, 4096, 8), (262_144, 1e9, 4096, 1024),
    (262_144, 1e9, 4096, 1024, 1, 1e6), (262_144, 1e9, 4096, 1024, 1, 1e7), (262_144, 1e9, 4096, 1024, 8),
    (1_048_576, 1e9, 8192, 4096), (1_048_576, 1e9, 8192, 4096, 8), (262_144, 1e10, 4096, 1024),
]


def main():
    print("| V | m | d | GPUs | parts of W | batch | W, GiB a GPU | H, GiB a GPU | products, s | between GPUs, s | share |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for case in CASES:
        vocab, contexts, dim, gpus, parts, batch = (*case, 1, None)[:6] if len(case) < 5 else (*case, None)[:6]
        words, rows, compute, between = plan(vocab, contexts, dim, gpus, parts, batch)
        name = f"{batch:.0e}".replace("e+0", "e") if batch else "all"
        print(f"| {vocab:,} | {contexts:.0e} | {dim} | {gpus} | {parts} | {name} | {words:.1f} | {rows:.1f} | {compute:.3g} | "
              f"{between:.3g} | {100 * between / (compute + between):.1f} % |".replace("e+0", "e").replace("e+10", "e10"))


if __name__ == "__main__":
    main()
