"""NTP-SVM by conic solvers that a researcher would use, against `ntpgeo limit`, on the same data sets.

    python bench/peers/conic_limit.py NTPGEO [--json FILE] [--limit-s SECONDS]

Needs numpy, safetensors, cvxpy with scs and clarabel (PyPI), and csdp (Debian: coinor-csdp) on the PATH; what is missing is
left out and named. Data sets: 30 words by 60 contexts and 50 by 200, drawn by `ntpgeo data synth`. Each solver runs in a
process of its own, with its own default tolerance, and is stopped after the time limit.
"""

import argparse
import json
import multiprocessing
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import numpy
from safetensors.numpy import load_file

SIZES = [(30, 60), (50, 200)]


def support_matrix(file):
    """S [V, m] of a data set."""
    data = load_file(file)
    indptr, indices = data["indptr"], data["indices"]
    vocab = int(indices.max()) + 1
    with open(file, "rb") as raw:
        header = json.loads(raw.read(int.from_bytes(raw.read(8), "little")))
        vocab = int(header["__metadata__"]["vocab_size"])
    support = numpy.zeros((vocab, len(indptr) - 1))
    for j in range(len(indptr) - 1):
        support[indices[indptr[j] : indptr[j + 1]], j] = 1
    return support


def by_cvxpy(solver, support, queue):
    import cvxpy

    vocab, contexts = support.shape
    logits, level = cvxpy.Variable((vocab, contexts)), cvxpy.Variable((1, contexts))
    below = logits - numpy.ones((vocab, 1)) @ level
    problem = cvxpy.Problem(
        cvxpy.Minimize(cvxpy.normNuc(logits)),
        [cvxpy.multiply(support, below) == 0, cvxpy.multiply(1 - support, below) <= support - 1],
    )
    start = time.perf_counter()
    problem.solve(solver=solver)
    queue.put({"objective": float(problem.value), "seconds": time.perf_counter() - start, "status": problem.status})


def by_csdp(support, queue):
    """min (tr P + tr Q)/2 over [P L; L' Q] >= 0 with the margins, in SDPA's sparse format."""
    vocab, contexts = support.shape
    lines, right, slacks = [], [], 0
    for j in range(contexts):
        members = numpy.flatnonzero(support[:, j])
        first = members[0]
        for v in range(vocab):
            if v == first:
                continue
            k = len(right) + 1
            column = vocab + j + 1
            lines.append(f"{k} 1 {first + 1} {column} 0.5")
            lines.append(f"{k} 1 {v + 1} {column} -0.5")
            if support[v, j]:
                right.append(0)
            else:
                slacks += 1
                lines.append(f"{k} 2 {slacks} {slacks} -1")
                right.append(1)
    with tempfile.TemporaryDirectory() as folder:
        problem = pathlib.Path(folder) / "problem.dat-s"
        with open(problem, "w") as file:
            file.write(f"{len(right)}\n2\n{vocab + contexts} -{slacks}\n{' '.join(map(str, right))}\n")
            file.writelines(f"0 1 {i} {i} -0.5\n" for i in range(1, vocab + contexts + 1))
            file.write("\n".join(lines) + "\n")
        start = time.perf_counter()
        done = subprocess.run(["csdp", problem], capture_output=True, text=True, cwd=folder)
        seconds = time.perf_counter() - start
    values = [line for line in done.stdout.splitlines() if line.startswith("Primal objective value")]
    objective = -float(values[0].split(":")[1]) if values else None
    queue.put({"objective": objective, "seconds": seconds, "status": f"exit {done.returncode}"})


def in_time(target, arguments, limit):
    queue = multiprocessing.Queue()
    process = multiprocessing.Process(target=target, args=(*arguments, queue))
    process.start()
    try:
        return queue.get(timeout=limit)
    except Exception:  # the queue's own Empty: nothing came in time
        return {"objective": None, "seconds": None, "status": f"no answer within {limit} s"}
    finally:
        process.kill()
        process.join()
        subprocess.run(["pkill", "-x", "csdp"], check=False)


def by_ntpgeo(program, data, folder):
    start = time.perf_counter()
    subprocess.run([program, "limit", data, "-o", folder, "--tol", "1e-6"], check=True, capture_output=True)
    seconds = time.perf_counter() - start
    record = json.loads((pathlib.Path(folder) / "metrics.jsonl").read_text().splitlines()[-1])
    return {"objective": record["nuclear_norm"], "bound": record["bound"], "seconds": seconds, "solver_seconds": record["time_s"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--json")
    parser.add_argument("--limit-s", type=float, default=300)
    arguments = parser.parse_args()
    solvers = {}
    try:
        import cvxpy

        for name in ("SCS", "CLARABEL"):
            if name in cvxpy.installed_solvers():
                solvers[name.lower()] = (by_cvxpy, (name,))
    except ImportError:
        pass
    if shutil.which("csdp"):
        solvers["csdp"] = (by_csdp, ())
    for name in {"scs", "clarabel", "csdp"} - solvers.keys():
        print(f"{name}: not found, left out", file=sys.stderr)
    results = []
    for vocab, contexts in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            data = os.path.join(folder, "data.safetensors")
            subprocess.run([arguments.program, "data", "synth", "-o", data, "--vocab", str(vocab), "--contexts", str(contexts),
                            "--supports", str(contexts), "--support-size", "2:5", "--seed", "1"],
                           check=True, capture_output=True)
            support = support_matrix(data)
            ours = by_ntpgeo(arguments.program, data, os.path.join(folder, "limit"))
            results.append({"vocab": vocab, "contexts": contexts, "solver": "ntpgeo", **ours})
            print(f"{vocab}x{contexts} ntpgeo: {ours['objective']:.8f} in {ours['seconds']:.3f} s")
            for name, (target, extra) in solvers.items():
                theirs = in_time(target, (*extra, support), arguments.limit_s)
                row = {"vocab": vocab, "contexts": contexts, "solver": name, **theirs}
                if theirs["objective"] is not None:
                    row["objective_difference"] = theirs["objective"] / ours["objective"] - 1
                    row["times_ours"] = theirs["seconds"] / ours["seconds"]
                    print(f"{vocab}x{contexts} {name}: {theirs['objective']:.8f} ({row['objective_difference']:+.1e}) in "
                          f"{theirs['seconds']:.2f} s, {row['times_ours']:.0f} times ours ({theirs['status']})")
                else:
                    print(f"{vocab}x{contexts} {name}: {theirs['status']}")
                results.append(row)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
