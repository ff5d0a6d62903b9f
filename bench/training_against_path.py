"""How far training runs are from the exact regularization path at equal norm.

    python bench/training_against_path.py PATH_RUN TRAIN_RUN [TRAIN_RUN...]

Prints a Markdown table: for each training run, at a few of its records between the path's ends, its excess loss, dominance
and alignment with L_mm beside those of the path where ‖L̄‖_F is the same (linear in log ‖L̄‖ between the path's points; the
excess loss and λ in their logarithms), and the certified gap to the global optimum where the record has one. Needs Python
alone.
"""

import bisect
import json
import math
import pathlib
import sys

ROWS_PER_RUN = 4


def records(run):
    return [json.loads(line) for line in (pathlib.Path(run) / "metrics.jsonl").read_text().splitlines()]


def norm(record):
    return math.hypot(record["sparse_norm"], record["low_rank_norm"])


class Path:
    def __init__(self, run):
        points = [(math.log(norm(r)), r) for r in records(run) if norm(r) > 0 and r["dominance"] is not None]
        self.at = [x for x, _ in points]
        self.points = [r for _, r in points]

    def holds(self, record):
        return norm(record) > 0 and self.at[0] <= math.log(norm(record)) <= self.at[-1]

    def value(self, key, record, logarithmic=False):
        x = math.log(norm(record))
        k = min(max(bisect.bisect_left(self.at, x), 1), len(self.at) - 1)
        share = (x - self.at[k - 1]) / (self.at[k] - self.at[k - 1])
        a, b = self.points[k - 1][key], self.points[k][key]
        if logarithmic:
            return math.exp((1 - share) * math.log(a) + share * math.log(b))
        return (1 - share) * a + share * b


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    path = Path(sys.argv[1])
    print("| run | step | ‖L̄‖ | path's λ | excess loss | path's | dominance | path's | cos L_mm | path's | certified gap |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for run in sys.argv[2:]:
        inside = [r for r in records(run) if path.holds(r) and r["step"] > 0]
        wanted = [math.exp(path.at[0] + (path.at[-1] - path.at[0]) * (k + 1) / ROWS_PER_RUN) for k in range(ROWS_PER_RUN)]
        chosen = []
        for size in wanted:
            nearest = min(inside, key=lambda r: abs(math.log(norm(r) / size)), default=None)
            if nearest is not None and nearest not in chosen:
                chosen.append(nearest)
        for r in chosen:
            gap = "–" if r["relative_gap"] is None else f"{r['relative_gap']:.1e}"
            print(
                f"| {pathlib.Path(run).name} | {r['step']} | {norm(r):.4g} "
                f"| {path.value('lambda', r, True):.1e} "
                f"| {r['excess_loss']:.2e} | {path.value('excess_loss', r, True):.2e} "
                f"| {r['dominance']:.3g} | {path.value('dominance', r):.3g} "
                f"| {r['alignment_limit']:.4f} | {path.value('alignment_limit', r):.4f} | {gap} |"
            )


if __name__ == "__main__":
    main()
